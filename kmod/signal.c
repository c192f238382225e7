// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals, over generic netlink.
 *
 * A registration belongs to a netlink socket and to the process that asked for
 * it. It is found by the socket's port, by the process, by its name (book.c) and
 * through its groups. It ends when the socket is closed, of which netlink tells
 * by NETLINK_URELEASE; to senders it is gone as soon as its process is.
 *
 * What waits to be received, and the doorbell that tells of it, are pending.c's;
 * what objects raise is raise.c's.
 *
 * Locks: signal_sem, taken for reading by who sends and receives and for writing
 * by who registers and ends, protects who is registered and the groups;
 * book_mutex is taken inside of it. registration.pending.lock, inside of both,
 * also protects what the registration is to be told of by objects. Its work
 * takes only the latter lock: it is ended under signal_sem.
 */
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "book.h"
#include "compat.h"
#include "pending.h"
#include "signal.h"
#include "trace.h"

static unsigned long signal_max_pending = 65536;
module_param(signal_max_pending, ulong, 0644);
MODULE_PARM_DESC(signal_max_pending, "Most signals from 32 up that may be pending for one registration");

#define SIGNAL_LIMIT	1024ULL

/* What even CAP_SYS_RESOURCE does not exceed. */
#define SIGNAL_MOST	BIT_ULL(30)

/* 9 and 19 cannot be masked. */
#define SIGNAL_UNMASKABLE	(BIT_ULL(9 - 1) | BIT_ULL(19 - 1))

/* Until that is tried again for which there was no memory. */
#define SIGNAL_RETRY	(HZ / 50 + 1)

/**
 * struct group - those who can be sent to together
 * @node: place in signal_groups
 * @ns: namespace of the name
 * @name: it
 * @members: in order of joining
 */
struct group {
	struct hlist_node node;
	const struct book_ns *ns;
	char name[IPCBOOK_NAME_LEN];
	struct list_head members;
};

/**
 * struct member - a registration in a group
 * @node: in group.members
 * @group: the group
 * @reg: the registration
 */
struct member {
	struct list_head node;
	struct group *group;
	struct registration *reg;
};

DECLARE_RWSEM(signal_sem);
static DEFINE_HASHTABLE(signal_ports, 10);
static DEFINE_HASHTABLE(signal_pids, 10);
static DEFINE_HASHTABLE(signal_groups, 10);
struct workqueue_struct *signal_wq;

static struct registration *to_reg(struct book_object *object)
{
	return container_of(object, struct registration, object);
}

/* ---------------------------------------------------------------- delivering */

/* Rings, or sees to it that this is done later. */
static void signal_ring(struct registration *reg)
{
	if (unlikely(!pending_ring(&reg->pending)))
		queue_delayed_work(signal_wq, &reg->work, SIGNAL_RETRY);
}

/* One signal arrives, if it can. Memory for it is found without the lock. */
static int signal_arrive(struct pending *pending, const struct origin *origin,
			 u32 number, u32 times)
{
	int err;

	for (;;) {
		err = pending_add(pending, origin, number, times);
		if (err != -ENOMEM)
			break;
		spin_unlock(&pending->lock);
		err = pending_supply(pending);
		spin_lock(&pending->lock);
		if (err)
			break;
		pending_settle(pending);
	}
	return err;
}

/**
 * signal_deliver() - signals arrive at a registration
 * @reg: it, with pending.lock held, which is left if memory is to be found
 * @origin: who sends
 * @numbers: which signals; 0 is none
 * @count: how many numbers
 * @times: how often each of them arrives
 * @result: what became of it is added here
 *
 * The doorbell is hung up once, at the end.
 */
void signal_deliver(struct registration *reg, const struct origin *origin,
		    const u8 *numbers, unsigned int count, u32 times,
		    struct result *result)
{
	struct pending *pending = &reg->pending;
	bool receivable = false;
	unsigned int i;
	int err;

	lockdep_assert_held(&pending->lock);
	pending_settle(pending);
	for (i = 0; i < count; i++) {
		err = numbers[i] ? signal_arrive(pending, origin, numbers[i],
						 times) : 0;
		trace_signal_send(reg->object.id, numbers[i], err);
		if (unlikely(err)) {
			pending->count.refused += times;
			result->refused += times;
			result->err = err;
			if (err == -EAGAIN)
				book_refused(&reg->object, err);
			continue;
		}
		result->arrived += times;
		if (numbers[i])
			receivable |= !(pending->mask & pending_bit(numbers[i]));
	}
	pending->sent = jiffies;
	if (reg->sender != origin->pid) {
		put_pid(reg->sender);
		reg->sender = get_pid(origin->pid);
	}
	if (receivable || !pending->rung)
		signal_ring(reg);
}

static void signal_work(struct work_struct *work)
{
	struct registration *reg = container_of(to_delayed_work(work),
						struct registration, work);
	struct pending *pending = &reg->pending;
	bool rung;
	int err;

	while ((err = raise_pass_on(reg)) > 0)
		cond_resched();
	spin_lock(&pending->lock);
	pending_settle(pending);
	rung = pending_ring(pending);
	spin_unlock(&pending->lock);
	if (unlikely(!rung) && !pending_ring_again(pending))
		err = -ENOMEM;
	if (unlikely(err))
		queue_delayed_work(signal_wq, &reg->work, SIGNAL_RETRY);
}

/* --------------------------------------------------------- finding receivers */

static struct registration *signal_of(const struct net *net, u32 port)
{
	struct registration *reg;

	lockdep_assert_held(&signal_sem);
	hash_for_each_possible(signal_ports, reg, by_port, port)
		if (reg->port == port && reg->net == net)
			return reg;
	return NULL;
}

/**
 * signal_own() - the registration of the socket that a request comes from
 * @skb: the request, which is to be answered
 * @info: the same
 *
 * Return: it; ENOTCONN if there is none, ENOBUFS if answers are not read, as an
 * error pointer.
 */
struct registration *signal_own(struct sk_buff *skb, struct genl_info *info)
{
	struct registration *reg = signal_of(genl_info_net(info),
					     info->snd_portid);

	if (!reg || reg->pending.sk != NETLINK_CB(skb).sk) {
		NL_SET_ERR_MSG(info->extack, "this socket is not registered");
		return ERR_PTR(-ENOTCONN);
	}
	/*
	 * Answers are expected to be read. What is put into the socket may go
	 * beyond its limit, by one message.
	 */
	if (sk_rmem_alloc_get(reg->pending.sk) >
	    READ_ONCE(reg->pending.sk->sk_rcvbuf))
		return ERR_PTR(-ENOBUFS);
	return reg;
}

/* kill(2)'s rule, without capabilities. */
static bool cred_may(const struct cred *cred, const struct cred *target)
{
	return uid_eq(cred->euid, target->suid) ||
	       uid_eq(cred->euid, target->uid) ||
	       uid_eq(cred->uid, target->suid) ||
	       uid_eq(cred->uid, target->uid);
}

/*
 * Who opened the socket counts as well where the sender did not say where to:
 * a descriptor can be passed to one who may more and only writes to it.
 */
static bool sender_may(struct sk_buff *skb, struct task_struct *task)
{
	const struct netlink_skb_parms *cb = &NETLINK_CB(skb);
	const struct cred *target = __task_cred(task);

	if (same_thread_group(current, task))
		return true;
	if (cred_may(current_cred(), target) &&
	    (cb->flags & NETLINK_SKB_DST ||
	     cred_may(cb->sk->sk_socket->file->f_cred, target)))
		return true;
	return netlink_ns_capable(skb, target->user_ns, CAP_KILL);
}

/* The process of a registration, as long as it lives. */
static struct task_struct *signal_task(const struct registration *reg)
{
	struct task_struct *task = pid_task(reg->object.creator, PIDTYPE_TGID);

	return task && atomic_read(&task->signal->live) ? task : NULL;
}

/* Whether @numbers may be sent to @reg by whoever sent @skb. */
static int signal_may(struct sk_buff *skb, const struct registration *reg,
		      const u8 *numbers, unsigned int count)
{
	struct task_struct *task;
	int err = -ESRCH;

	rcu_read_lock();
	task = signal_task(reg);
	if (task && !reg->gone) {
		/* Within a session, SIGCONT may always be sent. */
		if (sender_may(skb, task) ||
		    (count == 1 && numbers[0] == SIGCONT &&
		     task_session(task) == task_session(current)))
			err = 0;
		else
			err = -EPERM;
	}
	rcu_read_unlock();
	return err;
}

static u32 group_hash(const struct book_ns *ns, const char *name)
{
	return full_name_hash(ns, name, strnlen(name, IPCBOOK_NAME_LEN));
}

static struct group *group_find(const struct book_ns *ns, const char *name)
{
	struct group *group;

	lockdep_assert_held(&signal_sem);
	hash_for_each_possible(signal_groups, group, node, group_hash(ns, name))
		if (group->ns == ns && !strcmp(group->name, name))
			return group;
	return NULL;
}

static void group_leave(struct member *member)
{
	struct group *group = member->group;

	lockdep_assert_held_write(&signal_sem);
	list_del(&member->node);
	if (!list_empty(&group->members))
		return;
	hash_del(&group->node);
	kfree(group);
}

static int group_join(struct registration *reg, const struct book_ns *ns,
		      const char *name)
{
	struct member *member = &reg->members[reg->member_count];
	struct group *group = group_find(ns, name);

	lockdep_assert_held_write(&signal_sem);
	if (!group) {
		group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);
		if (!group)
			return -ENOMEM;
		group->ns = ns;
		memcpy(group->name, name, sizeof(group->name));
		INIT_LIST_HEAD(&group->members);
		hash_add(signal_groups, &group->node, group_hash(ns, name));
	}
	member->group = group;
	member->reg = reg;
	list_add_tail(&member->node, &group->members);
	spin_lock(&reg->pending.lock);
	reg->member_count++;
	spin_unlock(&reg->pending.lock);
	return 0;
}

/* ---------------------------------------------------------------- attributes */

static bool signal_is_name(const struct nlattr *attr)
{
	return nla_type(attr) == IPCBOOK_A_NAME ||
	       nla_type(attr) == IPCBOOK_A_GROUP;
}

static int signal_check_name(struct genl_info *info, struct nlattr *attr)
{
	char name[IPCBOOK_NAME_LEN];

	nla_strscpy(name, attr, sizeof(name));
	if (!book_check_name(name))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "empty, or with a '/' or a control character");
	return -EINVAL;
}

/**
 * signal_check() - refuses attributes that a command does not take
 * @info: the request
 * @allowed: those that it takes
 * @repeated: those of them that may be there more than once
 *
 * Names are looked at as well, all of them before anything is done.
 *
 * Return: 0, EINVAL.
 */
int signal_check(struct genl_info *info, unsigned long allowed,
		 unsigned long repeated)
{
	struct netlink_ext_ack *extack = info->extack;
	unsigned long seen = 0;
	struct nlattr *attr;
	int err, rest;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rest) {
		if (!(allowed & BIT(nla_type(attr)))) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "not an attribute of this command");
			return -EINVAL;
		}
		if (seen & ~repeated & BIT(nla_type(attr))) {
			NL_SET_ERR_MSG_ATTR(extack, attr, "there already");
			return -EINVAL;
		}
		seen |= BIT(nla_type(attr));
		err = signal_is_name(attr) ? signal_check_name(info, attr) : 0;
		if (err)
			return err;
	}
	return 0;
}

/**
 * signal_answer() - a message that answers a request
 * @info: the request
 * @cmd: its command
 * @size: bytes of attributes that there is room for
 * @head: place for what signal_reply() wants
 *
 * Return: the message, or NULL if there was no memory.
 */
struct sk_buff *signal_answer(struct genl_info *info, u8 cmd, size_t size,
			      void **head)
{
	struct sk_buff *skb = genlmsg_new(size, GFP_KERNEL_ACCOUNT);

	if (!skb)
		return NULL;
	*head = genlmsg_put_reply(skb, info, &book_family, 0, cmd);
	return skb;
}

/**
 * signal_begin() - begins to answer
 * @reg: to whom
 *
 * Takes the doorbell back, so that the answer comes before it. Ended by
 * signal_reply().
 */
void signal_begin(struct registration *reg)
	__acquires(&reg->pending.lock)
{
	spin_lock(&reg->pending.lock);
	pending_hush(&reg->pending);
}

/**
 * signal_reply() - answers, after signal_begin()
 * @reg: whom
 * @skb: the message of signal_answer(), with its attributes; it is given away
 * @head: what that told
 */
void signal_reply(struct registration *reg, struct sk_buff *skb, void *head)
	__releases(&reg->pending.lock)
{
	genlmsg_end(skb, head);
	pending_enqueue(&reg->pending, skb);
	signal_ring(reg);
	spin_unlock(&reg->pending.lock);
}

/* -------------------------------------------------------------------- sending */

/**
 * struct mail - a request to send
 * @skb: the request
 * @info: the same
 * @ns: names of its namespace
 * @origin: who sends
 * @numbers: what
 * @count: how many
 * @result: what became of it
 * @denied: a receiver is there to whom the sender may not send
 */
struct mail {
	struct sk_buff *skb;
	struct genl_info *info;
	struct book_ns *ns;
	struct origin origin;
	u8 numbers[IPCBOOK_SIGNAL_BATCH];
	unsigned int count;
	struct result result;
	bool denied;
};

static void mail_to(struct mail *mail, struct registration *reg)
{
	int err = signal_may(mail->skb, reg, mail->numbers, mail->count);

	if (err == -EPERM)
		mail->denied = true;
	if (err)
		return;
	spin_lock(&reg->pending.lock);
	signal_deliver(reg, &mail->origin, mail->numbers, mail->count, 1,
		       &mail->result);
	spin_unlock(&reg->pending.lock);
}

static void mail_to_pid(struct mail *mail, u32 number)
{
	const struct net *net = genl_info_net(mail->info);
	struct registration *reg;
	struct pid *pid;

	rcu_read_lock();
	pid = get_pid(find_vpid(number));
	rcu_read_unlock();
	hash_for_each_possible(signal_pids, reg, by_pid, (unsigned long)pid)
		if (reg->object.creator == pid && reg->net == net)
			mail_to(mail, reg);
	put_pid(pid);
}

static void mail_to_name(struct mail *mail, const char *name)
{
	struct book_object *object;

	object = book_find_named(&signal_chapter, mail->ns, name, 0);
	if (IS_ERR(object))
		return;
	mail_to(mail, to_reg(object));
	book_put(object);
}

static void mail_to_group(struct mail *mail, const char *name)
{
	struct group *group = group_find(mail->ns, name);
	struct member *member;

	if (!group)
		return;
	list_for_each_entry(member, &group->members, node) {
		mail_to(mail, member->reg);
		cond_resched();
	}
}

static void mail_send_to(struct mail *mail, struct nlattr *attr)
{
	char name[IPCBOOK_NAME_LEN];
	u32 reached = mail->result.arrived + mail->result.refused;

	if (nla_type(attr) == IPCBOOK_A_PID) {
		mail_to_pid(mail, nla_get_u32(attr));
	} else {
		nla_strscpy(name, attr, sizeof(name));
		if (nla_type(attr) == IPCBOOK_A_NAME)
			mail_to_name(mail, name);
		else
			mail_to_group(mail, name);
	}
	if (reached == mail->result.arrived + mail->result.refused)
		NL_SET_BAD_ATTR(mail->info->extack, attr);
}

/* Reads the numbers, and counts the targets. */
static int mail_read(struct mail *mail)
{
	struct netlink_ext_ack *extack = mail->info->extack;
	unsigned int targets = 0;
	struct nlattr *attr;
	int rest;

	nlmsg_for_each_attr(attr, mail->info->nlhdr, GENL_HDRLEN, rest) {
		bool number = nla_type(attr) == IPCBOOK_A_NUMBER;
		unsigned int *count = number ? &mail->count : &targets;

		if (*count == IPCBOOK_SIGNAL_BATCH) {
			NL_SET_ERR_MSG_ATTR(extack, attr, "more than 64");
			return -E2BIG;
		}
		if (number)
			mail->numbers[mail->count] = nla_get_u32(attr);
		++*count;
	}
	if (mail->count && targets)
		return 0;
	if (!mail->count) {
		GENL_REQ_ATTR_CHECK(mail->info, IPCBOOK_A_NUMBER);
		NL_SET_ERR_MSG(extack, "no signal is given");
	} else {
		GENL_REQ_ATTR_CHECK(mail->info, IPCBOOK_A_PID);
		NL_SET_ERR_MSG(extack, "no pid, name or group is given");
	}
	return -EINVAL;
}

static int mail_result(const struct mail *mail)
{
	const struct result *result = &mail->result;
	struct netlink_ext_ack *extack = mail->info->extack;

	if (result->arrived) {
		nl_set_extack_cookie_u64(extack, (u64)result->refused << 32 |
					 result->arrived);
		return 0;
	}
	if (result->refused) {
		if (result->err == -EAGAIN)
			NL_SET_ERR_MSG(extack, "as many are pending as may be");
		return result->err;
	}
	if (mail->denied) {
		NL_SET_ERR_MSG(extack, "kill(2) would not be permitted");
		return -EPERM;
	}
	NL_SET_ERR_MSG(extack, "nobody who lives is registered so");
	return -ESRCH;
}

static int signal_send(struct sk_buff *skb, struct genl_info *info)
{
	const unsigned long targets = BIT(IPCBOOK_A_PID) | BIT(IPCBOOK_A_NAME) |
				      BIT(IPCBOOK_A_GROUP);
	const unsigned long all = targets | BIT(IPCBOOK_A_NUMBER);
	struct mail mail __uninitialized;
	struct nlattr *attr;
	int err, rest;

	err = signal_check(info, all, all);
	if (err)
		return err;
	mail.skb = skb;
	mail.info = info;
	mail.ns = book_ns_of(genl_info_net(info));
	mail.origin.pid = task_tgid(current);
	mail.origin.uid = current_euid();
	mail.origin.object = 0;
	mail.count = 0;
	mail.result = (struct result){};
	mail.denied = false;
	err = mail_read(&mail);
	if (err)
		return err;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rest) {
		if (!(targets & BIT(nla_type(attr))))
			continue;
		/* For each anew, so that who registers waits for few of them. */
		down_read(&signal_sem);
		mail_send_to(&mail, attr);
		up_read(&signal_sem);
		if (fatal_signal_pending(current))
			break;
	}
	return mail_result(&mail);
}

/* ------------------------------------------------- receiving, masking, looking */

/*
 * Answers a request that is about the socket's own registration: @fill adds what
 * takes @size bytes of attributes at most.
 */
static int signal_ask(struct sk_buff *skb, struct genl_info *info, size_t size,
		      void (*fill)(struct pending *pending,
				   struct genl_info *info, struct sk_buff *skb))
{
	struct registration *reg;
	struct sk_buff *answer;
	void *head;
	int err;

	answer = signal_answer(info, info->genlhdr->cmd, size, &head);
	if (!answer)
		return -ENOMEM;
	down_read(&signal_sem);
	reg = signal_own(skb, info);
	err = PTR_ERR_OR_ZERO(reg);
	if (!err) {
		signal_begin(reg);
		fill(&reg->pending, info, answer);
		signal_reply(reg, answer, head);
		answer = NULL;
	}
	up_read(&signal_sem);
	kfree_skb(answer);
	return err;
}

static u32 fetch_count(struct genl_info *info)
{
	const struct nlattr *attr = info->attrs[IPCBOOK_A_COUNT];

	return attr ? nla_get_u32(attr) : IPCBOOK_SIGNAL_FETCH;
}

static void fetch_fill(struct pending *pending, struct genl_info *info,
		       struct sk_buff *skb)
{
	struct ipcbook_signal_info *infos;
	u32 count = fetch_count(info);
	struct nlattr *attr;

	attr = nla_reserve(skb, IPCBOOK_A_SIGNALS, count * sizeof(*infos));
	infos = nla_data(attr);
	count = pending_take(pending, infos, count);
	/* What was not needed is cut off again. */
	attr->nla_len = nla_attr_size(count * sizeof(*infos));
	nlmsg_trim(skb, count ? (void *)(infos + count) : (void *)attr);
	nla_put_u32(skb, IPCBOOK_A_MORE, !!pending_receivable(pending));
}

static int signal_fetch(struct sk_buff *skb, struct genl_info *info)
{
	size_t size = fetch_count(info) * sizeof(struct ipcbook_signal_info);

	return signal_check(info, BIT(IPCBOOK_A_COUNT), 0) ?:
	       signal_ask(skb, info, nla_total_size(size) +
			  nla_total_size(sizeof(u32)), fetch_fill);
}

static u64 mask_changed(u64 mask, u32 how, u64 set)
{
	switch (how) {
	case IPCBOOK_SIGNAL_BLOCK:
		mask |= set;
		break;
	case IPCBOOK_SIGNAL_UNBLOCK:
		mask &= ~set;
		break;
	default:
		mask = set;
	}
	return mask & ~SIGNAL_UNMASKABLE;
}

static void mask_fill(struct pending *pending, struct genl_info *info,
		      struct sk_buff *skb)
{
	const struct nlattr *how = info->attrs[IPCBOOK_A_HOW];
	const struct nlattr *set = info->attrs[IPCBOOK_A_SET];

	nla_put(skb, IPCBOOK_A_MASK, sizeof(u64), &pending->mask);
	if (how)
		pending->mask = mask_changed(pending->mask, nla_get_u32(how),
					     nla_get_u64(set));
}

static int signal_mask(struct sk_buff *skb, struct genl_info *info)
{
	int err = signal_check(info, BIT(IPCBOOK_A_HOW) | BIT(IPCBOOK_A_SET),
			       0);

	if (err)
		return err;
	if (!info->attrs[IPCBOOK_A_HOW] != !info->attrs[IPCBOOK_A_SET]) {
		if (!GENL_REQ_ATTR_CHECK(info, IPCBOOK_A_SET))
			GENL_REQ_ATTR_CHECK(info, IPCBOOK_A_HOW);
		NL_SET_ERR_MSG(info->extack, "how and set need each other");
		return -EINVAL;
	}
	return signal_ask(skb, info, nla_total_size(sizeof(u64)), mask_fill);
}

static void pending_fill(struct pending *pending, struct genl_info *info,
			 struct sk_buff *skb)
{
	nla_put(skb, IPCBOOK_A_SET, sizeof(u64), &pending->set);
	nla_put(skb, IPCBOOK_A_MASK, sizeof(u64), &pending->mask);
	nla_put_u32(skb, IPCBOOK_A_LIMIT, pending->limit);
	nla_put_u32(skb, IPCBOOK_A_COUNT, pending->queued);
}

static int signal_look(struct sk_buff *skb, struct genl_info *info)
{
	return signal_check(info, 0, 0) ?:
	       signal_ask(skb, info, 2 * nla_total_size(sizeof(u64)) +
			  2 * nla_total_size(sizeof(u32)), pending_fill);
}

/* ----------------------------------------------------------------- registering */

/* Ends a registration, whatever of it was made already. */
static void signal_end(struct registration *reg)
{
	unsigned int count;

	lockdep_assert_held_write(&signal_sem);
	trace_signal_unregister(reg->object.id);
	reg->gone = true;
	hash_del(&reg->by_port);
	hash_del(&reg->by_pid);
	spin_lock(&reg->pending.lock);
	count = reg->member_count;
	reg->member_count = 0;
	spin_unlock(&reg->pending.lock);
	while (count--)
		group_leave(&reg->members[count]);
	raise_end_all(reg);
	cancel_delayed_work_sync(&reg->work);
	pending_detach(&reg->pending);
	book_unbind(&reg->object);
	book_put(&reg->object);
}

/* Is it a registration of a process that has ended? Then it makes way. */
static bool signal_ended(struct registration *reg)
{
	bool lives;

	rcu_read_lock();
	lives = signal_task(reg);
	rcu_read_unlock();
	if (!lives)
		signal_end(reg);
	return !lives;
}

static int signal_make_way(struct sk_buff *skb, struct genl_info *info,
			   const char *name)
{
	struct registration *reg = signal_of(genl_info_net(info),
					     info->snd_portid);
	struct book_object *object;

	/* Of another socket that had the port, which has not told us yet. */
	if (reg && reg->pending.sk != NETLINK_CB(skb).sk)
		signal_end(reg);
	else if (reg && !signal_ended(reg))
		return -EALREADY;
	if (!name[0])
		return 0;
	object = book_find_named(&signal_chapter,
				 book_ns_of(genl_info_net(info)), name, 0);
	if (IS_ERR(object))
		return 0;
	reg = to_reg(object);
	if (!reg->gone)
		signal_ended(reg);
	book_put(object);
	return 0;
}

static int signal_join(struct registration *reg, struct genl_info *info,
		       struct book_ns *ns)
{
	char name[IPCBOOK_NAME_LEN];
	struct nlattr *attr;
	unsigned int i;
	int err, rest;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rest) {
		if (nla_type(attr) != IPCBOOK_A_GROUP)
			continue;
		nla_strscpy(name, attr, sizeof(name));
		for (i = 0; i < reg->member_count; i++)
			if (!strcmp(reg->members[i].group->name, name))
				break;
		if (i < reg->member_count || i == IPCBOOK_SIGNAL_GROUPS) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "there already, or more than 16");
			return i == IPCBOOK_SIGNAL_GROUPS ? -E2BIG : -EINVAL;
		}
		err = group_join(reg, ns, name);
		if (err)
			return err;
	}
	return 0;
}

/**
 * struct entry - what a registration is to be
 * @name: its name, or all zero
 * @limit: most that may be pending from 32 up
 */
struct entry {
	char name[IPCBOOK_NAME_LEN];
	u64 limit;
};

static int signal_entry(struct genl_info *info, struct entry *entry)
{
	struct nlattr *name = info->attrs[IPCBOOK_A_NAME];
	struct nlattr *limit = info->attrs[IPCBOOK_A_LIMIT];
	int err;

	if (name)
		nla_strscpy(entry->name, name, sizeof(entry->name));
	entry->limit = limit ? nla_get_u32(limit) : 0;
	err = book_limit(&entry->limit, SIGNAL_LIMIT,
			 READ_ONCE(signal_max_pending));
	if (!err && entry->limit <= SIGNAL_MOST)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, limit,
			    "above the parameter signal_max_pending");
	return -E2BIG;
}

static void signal_free(struct registration *reg)
{
	pending_free(&reg->pending);
	put_pid(reg->sender);
	kfree(reg->members);
	kfree(reg);
}

/* A registration that is known to the book, but not to anybody else. */
static struct registration *signal_new(struct net *net, u64 limit)
{
	struct registration *reg = kzalloc(sizeof(*reg), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!reg)
		return ERR_PTR(-ENOMEM);
	pending_init(&reg->pending, &reg->object, limit);
	INIT_DELAYED_WORK(&reg->work, signal_work);
	INIT_LIST_HEAD(&reg->raises);
	reg->net = net;
	reg->members = kcalloc(IPCBOOK_SIGNAL_GROUPS, sizeof(*reg->members),
			       GFP_KERNEL_ACCOUNT);
	if (reg->members) {
		reg->object.capacity = sizeof(*reg) +
				       limit * sizeof(struct run);
		err = book_add(&reg->object, &signal_chapter, book_ns_of(net),
			       0444);
	}
	if (!err)
		return reg;
	signal_free(reg);
	return ERR_PTR(err);
}

/* Gives it what it was asked for with; it is ended if that fails. */
static int signal_equip(struct registration *reg, struct sk_buff *skb,
			struct genl_info *info, const struct entry *entry)
{
	int err;

	err = pending_attach(&reg->pending, NETLINK_CB(skb).sk) ?:
	      signal_join(reg, info, reg->object.ns);
	if (!err && entry->name[0])
		err = book_bind(&reg->object, entry->name);
	if (err == -EADDRINUSE) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[IPCBOOK_A_NAME],
				    "somebody has this name");
		err = -EEXIST;
	}
	if (err)
		signal_end(reg);
	return err;
}

/* Makes a registration, and puts the answer into its socket. */
static int signal_enter(struct sk_buff *skb, struct genl_info *info,
			const struct entry *entry, struct sk_buff *answer,
			void *head)
{
	struct registration *reg;
	struct pid *pid;
	int err;

	err = signal_make_way(skb, info, entry->name);
	if (err)
		return err;
	reg = signal_new(genl_info_net(info), entry->limit);
	if (IS_ERR(reg))
		return PTR_ERR(reg);
	err = signal_equip(reg, skb, info, entry);
	if (err)
		return err;
	pid = reg->object.creator;
	reg->port = info->snd_portid;
	hash_add(signal_ports, &reg->by_port, reg->port);
	hash_add(signal_pids, &reg->by_pid, (unsigned long)pid);
	trace_signal_register(reg->object.id, pid_nr(pid), entry->name);
	signal_begin(reg);
	nla_put_u32(answer, IPCBOOK_A_LIMIT, entry->limit);
	signal_reply(reg, answer, head);
	return 0;
}

static int signal_register(struct sk_buff *skb, struct genl_info *info)
{
	const unsigned long all = BIT(IPCBOOK_A_NAME) | BIT(IPCBOOK_A_GROUP) |
				  BIT(IPCBOOK_A_LIMIT);
	struct entry entry = {};
	struct sk_buff *answer;
	void *head;
	int err;

	err = signal_check(info, all, BIT(IPCBOOK_A_GROUP)) ?:
	      signal_entry(info, &entry);
	if (err)
		return err;
	answer = signal_answer(info, IPCBOOK_CMD_SIGNAL_REGISTER,
			       nla_total_size(sizeof(u32)), &head);
	if (!answer)
		return -ENOMEM;
	down_write(&signal_sem);
	err = signal_enter(skb, info, &entry, answer, head);
	up_write(&signal_sem);
	if (err)
		kfree_skb(answer);
	return err;
}

/* A socket was closed; of others than ours as well. */
static void signal_closed(const struct net *net, u32 port)
{
	struct registration *reg;

	down_read(&signal_sem);
	reg = signal_of(net, port);
	up_read(&signal_sem);
	if (!reg)
		return;
	down_write(&signal_sem);
	reg = signal_of(net, port);
	/* The port may have been given to a new socket meanwhile. */
	if (reg && sock_flag(reg->pending.sk, SOCK_DEAD))
		signal_end(reg);
	up_write(&signal_sem);
}

static int signal_event(struct notifier_block *block, unsigned long event,
			void *data)
{
	const struct netlink_notify *notify = data;

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		signal_closed(notify->net, notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block signal_block = {
	.notifier_call = signal_event,
};

/* ------------------------------------------------------- the chapter's table */

/* A process registers through a socket. */
static int signal_open(const struct ipcbook_open *arg)
{
	return -EINVAL;
}

static void signal_destroy(struct book_object *object)
{
	signal_free(to_reg(object));
}

static void signal_stat(struct book_object *object, struct ipcbook_stat *stat)
{
	struct registration *reg = to_reg(object);
	struct pending *pending = &reg->pending;
	struct book_clock clock;

	stat->max_depth = pending->limit;
	spin_lock(&pending->lock);
	/* What the doorbell carried may have been received. */
	pending_settle(pending);
	/* Of those that coalesced, one waits. */
	stat->types = hweight64(pending->set);
	stat->depth = pending->queued +
		      hweight32(pending->set &
				GENMASK(IPCBOOK_SIGNAL_COALESCED - 1, 0));
	stat->memory = sizeof(*reg) + pending->runs * sizeof(struct run);
	stat->sender = pid_vnr(reg->sender);
	clock = book_clock();
	if (pending->count.sent)
		stat->sent_ns = book_when(&clock, pending->sent);
	if (pending->count.received)
		stat->received_ns = book_when(&clock, pending->received);
	stat->sent = pending->count.sent;
	stat->received = pending->count.received;
	stat->refused = pending->count.refused;
	spin_unlock(&pending->lock);
}

static int signal_list(struct book_object *object, struct sk_buff *skb)
{
	struct registration *reg = to_reg(object);
	struct pending *pending = &reg->pending;
	unsigned int i;
	int err;

	spin_lock(&pending->lock);
	err = nla_put(skb, IPCBOOK_A_MASK, sizeof(u64), &pending->mask) ?:
	      nla_put(skb, IPCBOOK_A_SET, sizeof(u64), &pending->set);
	for (i = 0; !err && i < reg->member_count; i++)
		err = nla_put_string(skb, IPCBOOK_A_GROUP,
				     reg->members[i].group->name);
	spin_unlock(&pending->lock);
	return err;
}

static const struct genl_small_ops signal_commands[] = {
	{ .cmd = IPCBOOK_CMD_SIGNAL_REGISTER, .doit = signal_register },
	{ .cmd = IPCBOOK_CMD_SIGNAL_SEND, .doit = signal_send },
	{ .cmd = IPCBOOK_CMD_SIGNAL_FETCH, .doit = signal_fetch },
	{ .cmd = IPCBOOK_CMD_SIGNAL_MASK, .doit = signal_mask },
	{ .cmd = IPCBOOK_CMD_SIGNAL_PENDING, .doit = signal_look },
	{ .cmd = IPCBOOK_CMD_SIGNAL_RAISE, .doit = signal_raise },
};

static int __init signal_init(void)
{
	int err = -ENOMEM;

	pending_runs = book_cache("ipcbook_signal", sizeof(struct run));
	if (!pending_runs)
		return -ENOMEM;
	signal_wq = alloc_workqueue("ipcbook_signal", WQ_UNBOUND, 0);
	if (!signal_wq)
		goto err_cache;
	err = netlink_register_notifier(&signal_block);
	if (err)
		goto err_wq;
	return 0;

err_wq:
	destroy_workqueue(signal_wq);
err_cache:
	kmem_cache_destroy(pending_runs);
	return err;
}

/*
 * Registrations do not keep the module: those that are left end here. Their sockets
 * stay, and say so.
 */
static void signal_stop(void)
{
	struct registration *reg;
	struct hlist_node *next;
	int bucket;

	down_write(&signal_sem);
	hash_for_each_safe(signal_ports, bucket, next, reg, by_port) {
		pending_end(&reg->pending);
		signal_end(reg);
	}
	up_write(&signal_sem);
}

static void signal_exit(void)
{
	netlink_unregister_notifier(&signal_block);
	destroy_workqueue(signal_wq);
	kmem_cache_destroy(pending_runs);
}

const struct book_chapter signal_chapter = {
	.id = IPCBOOK_SIGNAL,
	.name = "signal",
	.check = signal_open,
	.destroy = signal_destroy,
	.stat = signal_stat,
	.describe = signal_list,
	.commands = signal_commands,
	.command_count = ARRAY_SIZE(signal_commands),
	.init = signal_init,
	.stop = signal_stop,
	.exit = signal_exit,
};
