// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that wait for their receiver, and the doorbell.
 *
 * A signal carries nothing, so those of one number that came from one sender
 * without another between are one struct run with a count: a flood costs no
 * memory. Of a number up to 31 there is one run at most. Runs are owned by the
 * registration, and paid for by the memory cgroup of its process.
 *
 * The doorbell is one message in the receive queue of the receiver's socket. If
 * one signal only can be received it carries that, else it says that there are
 * more, to be fetched. A reference on the message is kept, so that it can be
 * seen whether it is still there: if not, it was read, and what it carried waits
 * no longer (pending_settle()). Whatever would make it
 * wrong takes it out of the queue (pending_hush()) and hangs it up again as it
 * should be then (pending_ring()). So the socket is readable as long as
 * something can be received; and the next signal finds the doorbell read, and
 * uses the same message again.
 *
 * It is put into that very socket, and not sent to its port, which by then may
 * be somebody else's; and it always finds room, as it is only one.
 *
 * Locks: pending.lock protects all that is not fixed at creation. Inside of it
 * are the lock of the socket's queue and what waking takes.
 */
#include <linux/memcontrol.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "book.h"
#include "compat.h"
#include "pending.h"
#include "trace.h"

/* Free runs that are kept for later. */
#define PENDING_SPARE	64

/* The doorbell's message; one that carries no signal ends before the last two. */
struct bell {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	struct nlattr more_head;
	u32 more;
	struct nlattr signal_head;
	struct ipcbook_signal_info signal;
};

struct kmem_cache *pending_runs;

/* Whether each one counts, and not only whether there is one. */
static bool queues(u32 number)
{
	return number > IPCBOOK_SIGNAL_COALESCED;
}

/* ---------------------------------------------------------------------- runs */

static struct run *run_get(struct pending *pending, const struct origin *origin)
{
	struct run *run = pending->spare;

	lockdep_assert_held(&pending->lock);
	if (!run)
		return NULL;
	pending->spare = run->next;
	pending->spares--;
	run->next = NULL;
	run->origin = *origin;
	get_pid(origin->pid);
	run->count = 0;
	return run;
}

static void run_put(struct pending *pending, struct run *run)
{
	lockdep_assert_held(&pending->lock);
	put_pid(run->origin.pid);
	if (pending->spares >= PENDING_SPARE) {
		kmem_cache_free(pending_runs, run);
		pending->runs--;
		return;
	}
	run->next = pending->spare;
	pending->spare = run;
	pending->spares++;
}

/**
 * pending_supply() - memory for one more run
 * @pending: for whom
 *
 * Return: 0, ENOMEM.
 */
int pending_supply(struct pending *pending)
{
	struct run *run = book_alloc_owned(pending->object, pending_runs,
					   GFP_KERNEL);

	if (!run)
		return -ENOMEM;
	spin_lock(&pending->lock);
	run->next = pending->spare;
	pending->spare = run;
	pending->spares++;
	pending->runs++;
	spin_unlock(&pending->lock);
	return 0;
}

static bool same_origin(const struct origin *a, const struct origin *b)
{
	return a->pid == b->pid && uid_eq(a->uid, b->uid) &&
	       a->object == b->object;
}

/* ------------------------------------------------------------------- signals */

/* Whether what arrives is not counted by the run that came last. */
static bool needs_run(const struct pending *pending, const struct origin *origin,
		      u32 number)
{
	const struct run *run = pending->slots[number - 1].last;

	return !run || (queues(number) && !same_origin(&run->origin, origin));
}

/**
 * pending_lacks_run() - whether pending_add() will find no memory
 * @pending: where, after pending_settle()
 * @origin: who sends
 * @number: which
 *
 * Return: whether pending_supply() must be called first, if there is room at all.
 */
bool pending_lacks_run(const struct pending *pending,
		       const struct origin *origin, u32 number)
{
	lockdep_assert_held(&pending->lock);
	return !pending->spare && needs_run(pending, origin, number) &&
	       (!queues(number) || pending->queued < pending->limit);
}

/**
 * pending_add() - signals arrive; the doorbell is the caller's
 * @pending: where, after pending_settle()
 * @origin: who sends
 * @number: which
 * @times: how many
 *
 * Return: 0; EAGAIN if that were too many, ENOMEM if pending_supply() must be
 * called first: then nothing has happened.
 */
int pending_add(struct pending *pending, const struct origin *origin,
		u32 number, u32 times)
{
	struct slot *slot = &pending->slots[number - 1];
	struct run *run = slot->last;

	lockdep_assert_held(&pending->lock);
	if (queues(number) && times > pending->limit - pending->queued)
		return -EAGAIN;
	if (needs_run(pending, origin, number)) {
		run = run_get(pending, origin);
		if (!run)
			return -ENOMEM;
		if (slot->last)
			slot->last->next = run;
		else
			slot->first = run;
		slot->last = run;
		pending->set |= pending_bit(number);
	}
	run->count += times;
	if (queues(number))
		pending->queued += times;
	pending->count.sent += times;
	return 0;
}

/* The next signal of @number, as its receiver is to see it. */
static void describe(const struct pending *pending, u32 number,
		     struct ipcbook_signal_info *info)
{
	const struct run *run = pending->slots[number - 1].first;
	u64 count = queues(number) ? 1 : run->count;

	info->number = number;
	info->count = min_t(u64, count, U32_MAX);
	info->pid = pid_nr_ns(run->origin.pid,
			      ns_of_pid(pending->object->creator));
	info->uid = from_kuid_munged(pending->user_ns, run->origin.uid);
	info->object = run->origin.object;
}

/* @count of the first run of @number have been received. */
static void received(struct pending *pending, u32 number, u64 count)
{
	struct slot *slot = &pending->slots[number - 1];
	struct run *run = slot->first;

	lockdep_assert_held(&pending->lock);
	trace_signal_receive(pending->object->id, number, count);
	if (queues(number))
		pending->queued -= count;
	pending->count.received += count;
	pending->received = jiffies;
	run->count -= count;
	if (run->count)
		return;
	slot->first = run->next;
	if (!slot->first) {
		slot->last = NULL;
		pending->set &= ~pending_bit(number);
	}
	run_put(pending, run);
}

static u32 lowest(u64 set)
{
	return __ffs64(set) + 1;
}

/**
 * pending_take() - receives signals, the lowest number first
 * @pending: where from, after pending_hush()
 * @infos: where to
 * @count: how many at most
 *
 * Return: how many.
 */
unsigned int pending_take(struct pending *pending,
			  struct ipcbook_signal_info *infos,
			  unsigned int count)
{
	unsigned int n;
	u32 number;

	for (n = 0; n < count && pending_receivable(pending); n++) {
		number = lowest(pending_receivable(pending));
		describe(pending, number, &infos[n]);
		received(pending, number, infos[n].count);
	}
	return n;
}

/* Whether only one signal can be received, and that is of @number. */
static bool alone(const struct pending *pending, u32 number)
{
	const struct run *run = pending->slots[number - 1].first;

	if (pending_receivable(pending) != pending_bit(number))
		return false;
	return queues(number) ? run->count == 1 && !run->next :
				run->count <= U32_MAX;
}

/* -------------------------------------------------------------- the doorbell */

/**
 * pending_enqueue() - puts a message into the socket, whatever else is there
 * @pending: whose socket
 * @skb: the message; the reference passes to the queue
 */
void pending_enqueue(struct pending *pending, struct sk_buff *skb)
{
	struct sock *sk = pending->sk;

	lockdep_assert_held(&pending->lock);
	skb_set_owner_r(skb, sk);
	skb_queue_tail(&sk->sk_receive_queue, skb);
	sk->sk_data_ready(sk);
}

/*
 * Whether the doorbell is still in the queue. A message that is in none has no
 * next one, and only who reads takes it out while this lock is held; so that it
 * is out does not change any more.
 */
static bool hangs(const struct pending *pending)
{
	lockdep_assert_held(&pending->lock);
	return READ_ONCE(pending->bell->next);
}

/* Takes it out, unless somebody has read it. */
static bool unhang(struct pending *pending)
{
	struct sk_buff_head *queue = &pending->sk->sk_receive_queue;
	unsigned long flags;
	bool there;

	spin_lock_irqsave(&queue->lock, flags);
	there = hangs(pending);
	if (there)
		__skb_unlink(pending->bell, queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	/* The queue's reference. */
	if (there)
		consume_skb(pending->bell);
	return there;
}

/* The doorbell has been read, and with it what it carried. */
static void answered(struct pending *pending)
{
	pending->rung = false;
	if (pending->carried.number)
		received(pending, pending->carried.number,
			 pending->carried.count);
}

/**
 * pending_settle() - sees whether the doorbell has been read
 * @pending: whose
 */
void pending_settle(struct pending *pending)
{
	if (pending->rung && !hangs(pending))
		answered(pending);
}

/**
 * pending_hush() - takes the doorbell back, unless it has been read
 * @pending: whose
 */
void pending_hush(struct pending *pending)
{
	if (!pending->rung)
		return;
	if (unhang(pending))
		pending->rung = false;
	else
		answered(pending);
}

static struct sk_buff *bell_new(struct pending *pending, gfp_t gfp)
{
	struct mem_cgroup *before = set_active_memcg(pending->object->memcg);
	struct sk_buff *skb = alloc_skb(NLMSG_ALIGN(sizeof(struct bell)),
					gfp | __GFP_ACCOUNT | __GFP_NOWARN);
	struct bell *bell;

	set_active_memcg(before);
	if (!skb)
		return NULL;
	bell = skb_put_zero(skb, sizeof(*bell));
	bell->nlh.nlmsg_type = book_family.id;
	bell->genl.cmd = IPCBOOK_CMD_SIGNAL_DOORBELL;
	bell->genl.version = IPCBOOK_GENL_VERSION;
	bell->more_head.nla_type = IPCBOOK_A_MORE;
	bell->more_head.nla_len = nla_attr_size(sizeof(bell->more));
	bell->signal_head.nla_type = IPCBOOK_A_SIGNALS;
	bell->signal_head.nla_len = nla_attr_size(sizeof(bell->signal));
	return skb;
}

/*
 * The doorbell, to be written to. One that was read is used again, unless its
 * reader, or one who peeked at it, is still about to copy it.
 */
static struct sk_buff *bell_get(struct pending *pending)
{
	struct sk_buff *skb = pending->bell;

	lockdep_assert_held(&pending->lock);
	if (likely(!skb_shared(skb) && !skb_cloned(skb)))
		return skb;
	skb = bell_new(pending, GFP_NOWAIT);
	if (!skb)
		return NULL;
	consume_skb(pending->bell);
	pending->bell = skb;
	return skb;
}

/* Says what there is to receive. */
static void bell_write(struct pending *pending, struct sk_buff *skb)
{
	u32 number = lowest(pending_receivable(pending));
	struct bell *bell = (struct bell *)skb->data;
	bool one = alone(pending, number);
	size_t size = one ? sizeof(*bell) : offsetof(struct bell, signal_head);

	if (one) {
		describe(pending, number, &pending->carried);
		bell->signal = pending->carried;
	} else {
		pending->carried.number = 0;
	}
	bell->more = !one;
	bell->nlh.nlmsg_len = size;
	__skb_set_length(skb, size);
	trace_signal_doorbell(pending->object->id, pending->carried.number);
}

/**
 * pending_ring() - hangs up the doorbell if there is something to receive, or
 * makes one that hangs right
 * @pending: whose
 *
 * One that says only that there are more remains right until somebody fetches.
 *
 * Return: false if there was no memory; pending_ring_again() is to be called.
 */
bool pending_ring(struct pending *pending)
{
	struct sk_buff *skb;

	if (pending->rung && !pending->carried.number)
		return true;
	pending_hush(pending);
	if (!pending_receivable(pending))
		return true;
	skb = bell_get(pending);
	if (unlikely(!skb))
		return false;
	bell_write(pending, skb);
	pending->rung = true;
	/* The queue's reference; dropped by who reads it, or by unhang(). */
	pending_enqueue(pending, skb_get(skb));
	return true;
}

/**
 * pending_ring_again() - the same, where memory can be waited for
 * @pending: whose; without the lock
 *
 * Return: false if there was none even so.
 */
bool pending_ring_again(struct pending *pending)
{
	struct sk_buff *skb = bell_new(pending, GFP_KERNEL);
	bool rung;

	spin_lock(&pending->lock);
	pending_hush(pending);
	if (skb)
		swap(skb, pending->bell);
	rung = pending_ring(pending);
	spin_unlock(&pending->lock);
	consume_skb(skb);
	return rung;
}

/* ---------------------------------------------------------- begin and ending */

void pending_init(struct pending *pending, struct book_object *object,
		  u64 limit)
{
	pending->object = object;
	pending->limit = limit;
	spin_lock_init(&pending->lock);
}

/**
 * pending_attach() - the socket that signals are received from
 * @pending: whose
 * @sk: the socket; the caller is its process
 *
 * Return: 0, ENOMEM; pending_detach() is to be called in either case.
 */
int pending_attach(struct pending *pending, struct sock *sk)
{
	sock_hold(sk);
	pending->sk = sk;
	pending->user_ns = get_user_ns(current_user_ns());
	pending->bell = bell_new(pending, GFP_KERNEL);
	return pending->bell ? 0 : -ENOMEM;
}

/**
 * pending_end() - tells who waits at the socket that nothing will come any more
 * @pending: whose
 */
void pending_end(struct pending *pending)
{
	WRITE_ONCE(pending->sk->sk_err, ENODEV);
	sk_error_report(pending->sk);
}

/* Nothing is put into the socket any more. */
void pending_detach(struct pending *pending)
{
	spin_lock(&pending->lock);
	pending_hush(pending);
	spin_unlock(&pending->lock);
	consume_skb(pending->bell);
	put_user_ns(pending->user_ns);
	sock_put(pending->sk);
}

static void runs_free(struct run *run, bool used)
{
	struct run *next;

	for (; run; run = next) {
		next = run->next;
		if (used)
			put_pid(run->origin.pid);
		kmem_cache_free(pending_runs, run);
		cond_resched();
	}
}

void pending_free(struct pending *pending)
{
	int i;

	for (i = 0; i < IPCBOOK_SIGNAL_MAX; i++)
		runs_free(pending->slots[i].first, true);
	runs_free(pending->spare, false);
}
