// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading, unloading, and the two doors: /dev/ipcbook and generic netlink.
 *
 * The device creates and opens objects (IPCBOOK_IOC_OPEN) and takes names away
 * (IPCBOOK_IOC_UNLINK). What else is asked of it means the default queue of the
 * namespace it was opened in, or the default ring: a struct device_file stands
 * for the open file, and the first call that needs one of them opens it.
 *
 * The netlink family lists the objects, and has the commands of the chapters.
 *
 * Locks: none of its own. Two first calls that race are settled by cmpxchg on
 * device_file.plain and .ring; see book_device_file().
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "book.h"
#include "compat.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * struct device_file - an open file of /dev/ipcbook
 * @none: a book_file without an object, by which book_file() knows the device
 * @ns: the opener's namespace, referred to
 * @plain: the default queue, or NULL as long as nobody needed it
 * @ring: the default ring, likewise
 */
struct device_file {
	struct book_file none;
	struct book_ns *ns;
	struct book_file *plain;
	struct book_file *ring;
};

static const struct book_chapter *const chapters[] = {
#ifdef IPCBOOK_HAS_SOCKET
	&socket_chapter,
#endif
#ifdef IPCBOOK_HAS_PIPE
	&pipe_chapter,
#endif
#ifdef IPCBOOK_HAS_SIGNAL
	&signal_chapter,
#endif
#ifdef IPCBOOK_HAS_QUEUE
	&queue_chapter,
#endif
#ifdef IPCBOOK_HAS_SHM
	&shm_chapter,
#endif
#ifdef IPCBOOK_HAS_RING
	&ring_chapter,
#endif
#ifdef IPCBOOK_HAS_SEM
	&sem_chapter,
#endif
};

/**
 * book_chapter() - a chapter by its number
 * @id: one of enum ipcbook_chapter
 *
 * Return: its table, or NULL if it is not built in.
 */
const struct book_chapter *book_chapter(unsigned int id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(chapters); i++)
		if (chapters[i]->id == id)
			return chapters[i];
	return NULL;
}

/* --------------------------------------------------------------- the device */

static int device_open(struct inode *inode, struct file *filp)
{
	struct device_file *device = kzalloc(sizeof(*device),
					     GFP_KERNEL_ACCOUNT);

	if (!device)
		return -ENOMEM;
	device->ns = book_ns_current();
	filp->private_data = device;
	filp->f_mode |= FMODE_NOWAIT;
	return 0;
}

static int device_release(struct inode *inode, struct file *filp)
{
	struct device_file *device = filp->private_data;

	if (device->plain)
		book_close(device->plain);
	if (device->ring)
		book_close(device->ring);
	book_ns_put(device->ns);
	kfree(device);
	return 0;
}

/**
 * book_device_file() - the default object behind an open file of the device
 * @filp: that file
 * @chapter: IPCBOOK_QUEUE or IPCBOOK_RING
 *
 * Return: what it keeps of the object; ENOMEM, ENOSPC, EDQUOT, EIDRM as an
 * error pointer where the object had to be created and could not be.
 */
struct book_file *book_device_file(struct file *filp,
				   enum ipcbook_chapter chapter)
{
	struct device_file *device = filp->private_data;
	struct book_file **place = chapter == IPCBOOK_RING ? &device->ring :
							     &device->plain;
	struct book_file *file, *winner;

	/* Pairs with the cmpxchg() below: what was set up is seen set up. */
	file = smp_load_acquire(place);
	if (file)
		return file;
	file = book_open_default(book_chapter(chapter), device->ns, filp);
	if (IS_ERR(file))
		return file;
	winner = cmpxchg(place, NULL, file);
	if (!winner)
		return file;
	book_close(file);
	return winner;
}

/* The operations of a queue's descriptor, which the device borrows. */
static const struct file_operations *device_plain(void)
{
	const struct book_chapter *chapter = book_chapter(IPCBOOK_QUEUE);

	return chapter ? chapter->fops : NULL;
}

static ssize_t device_read(struct file *filp, char __user *buf, size_t len,
			   loff_t *pos)
{
	const struct file_operations *plain = device_plain();

	return plain ? plain->read(filp, buf, len, pos) : -EOPNOTSUPP;
}

static ssize_t device_write(struct file *filp, const char __user *buf,
			    size_t len, loff_t *pos)
{
	const struct file_operations *plain = device_plain();

	return plain ? plain->write(filp, buf, len, pos) : -EOPNOTSUPP;
}

static ssize_t device_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	const struct file_operations *plain = device_plain();

	return plain ? plain->read_iter(iocb, to) : -EOPNOTSUPP;
}

static ssize_t device_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	const struct file_operations *plain = device_plain();

	return plain ? plain->write_iter(iocb, from) : -EOPNOTSUPP;
}

static loff_t device_llseek(struct file *filp, loff_t offset, int whence)
{
	const struct file_operations *plain = device_plain();

	return plain ? plain->llseek(filp, offset, whence) : -EOPNOTSUPP;
}

static __poll_t device_poll(struct file *filp, struct poll_table_struct *pt)
{
	const struct file_operations *plain = device_plain();

	return plain ? plain->poll(filp, pt) : EPOLLERR;
}

static int device_mmap(struct file *filp, struct vm_area_struct *vma)
{
	const struct book_chapter *chapter = book_chapter(IPCBOOK_RING);

	return chapter ? chapter->fops->mmap(filp, vma) : -EOPNOTSUPP;
}

/*
 * The last request of a block that the device answers as its default queue or ring
 * does; one that does not exist is not to create them. 0: it answers none.
 */
static unsigned int device_last(unsigned int block)
{
	switch (block) {
	case 0:
		return _IOC_NR(IPCBOOK_IOC_STAT);
	case IPCBOOK_QUEUE:
		return _IOC_NR(IPCBOOK_IOC_QUEUE_SELECT);
	case IPCBOOK_RING:
		return _IOC_NR(IPCBOOK_IOC_RING_SLOT);
	default:
		return 0;
	}
}

static long device_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	const struct file_operations *plain = device_plain();
	unsigned int block = _IOC_NR(cmd) >> 4;
	const struct book_chapter *chapter;

	if (_IOC_TYPE(cmd) != IPCBOOK_IOC_MAGIC)
		return -ENOTTY;
	if (_IOC_NR(cmd) == _IOC_NR(IPCBOOK_IOC_OPEN))
		return book_open((const void __user *)arg);
	if (_IOC_NR(cmd) == _IOC_NR(IPCBOOK_IOC_UNLINK))
		return book_unlink((const void __user *)arg);
	if (block > IPCBOOK_SEM)
		return -ENOTTY;
	chapter = book_chapter(block);
	if (block && !chapter)
		return -EOPNOTSUPP;
	if (block && chapter->device)
		return chapter->device(_IOC_NR(cmd), (void __user *)arg);
	if (_IOC_NR(cmd) > device_last(block))
		return -ENOTTY;
	if (block == IPCBOOK_RING)
		return chapter->fops->unlocked_ioctl(filp, cmd, arg);
	return plain ? plain->unlocked_ioctl(filp, cmd, arg) : -EOPNOTSUPP;
}

static void device_show_fdinfo(struct seq_file *seq, struct file *filp)
{
	const struct file_operations *plain = device_plain();
	const struct device_file *device = filp->private_data;

	if (!plain)
		return;
	/* Who only looks creates nothing. Pairs as in book_device_file(). */
	if (smp_load_acquire(&device->plain))
		plain->show_fdinfo(seq, filp);
	else
		seq_puts(seq, "chapter:\tqueue\nname:\t" IPCBOOK_DEFAULT_NAME "\n");
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = device_read,
	.write = device_write,
	.read_iter = device_read_iter,
	.write_iter = device_write_iter,
	.llseek = device_llseek,
	.poll = device_poll,
	.mmap = device_mmap,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = device_show_fdinfo,
};

/**
 * book_file_of() - what an open file keeps of its object
 * @filp: any file
 *
 * Return: the book_file; ENOTTY as an error pointer if the file is not ours, or
 * why the device could not be given its default queue.
 */
struct book_file *book_file_of(struct file *filp)
{
	size_t i;

	if (filp->f_op == &device_fops)
		return device_plain() ? book_file(filp) :
					ERR_PTR(-EOPNOTSUPP);
	for (i = 0; i < ARRAY_SIZE(chapters); i++)
		if (chapters[i]->fops == filp->f_op)
			return book_file(filp);
	return ERR_PTR(-ENOTTY);
}

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ipcbook",
	.mode = 0666,
	.fops = &device_fops,
};

/* ---------------------------------------------------------- generic netlink */

static const struct nla_policy book_policy[IPCBOOK_A_MAX + 1] = {
	[IPCBOOK_A_CHAPTER] = NLA_POLICY_RANGE(NLA_U32, IPCBOOK_SIGNAL,
					       IPCBOOK_SEM),
	[IPCBOOK_A_NAME] = { .type = NLA_NUL_STRING,
			     .len = IPCBOOK_NAME_LEN - 1 },
	[IPCBOOK_A_STAT] = { .type = NLA_REJECT },
	[IPCBOOK_A_PID] = NLA_POLICY_MIN(NLA_U32, 1),
	[IPCBOOK_A_GROUP] = { .type = NLA_NUL_STRING,
			      .len = IPCBOOK_NAME_LEN - 1 },
	[IPCBOOK_A_NUMBER] = NLA_POLICY_MAX(NLA_U32, IPCBOOK_SIGNAL_MAX),
	[IPCBOOK_A_LIMIT] = NLA_POLICY_MIN(NLA_U32, 1),
	[IPCBOOK_A_HOW] = NLA_POLICY_MAX(NLA_U32, IPCBOOK_SIGNAL_SETMASK),
	[IPCBOOK_A_SET] = { .type = NLA_U64 },
	[IPCBOOK_A_MASK] = { .type = NLA_REJECT },
	[IPCBOOK_A_COUNT] = NLA_POLICY_RANGE(NLA_U32, 1, IPCBOOK_SIGNAL_FETCH),
	[IPCBOOK_A_MORE] = { .type = NLA_REJECT },
	[IPCBOOK_A_SIGNALS] = { .type = NLA_REJECT },
	[IPCBOOK_A_FD] = { .type = NLA_U32 },
	[IPCBOOK_A_EVENTS] = NLA_POLICY_RANGE(NLA_U32, IPCBOOK_READY_IN,
					      IPCBOOK_READY_OUT),
	[IPCBOOK_A_EVENT] = { .type = NLA_REJECT },
	[IPCBOOK_A_ID] = { .type = NLA_REJECT },
	[IPCBOOK_A_ERROR] = { .type = NLA_REJECT },
};

/* One dump, as its callback sees it. */
struct book_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	struct nlattr **attrs;
};

static bool dump_wants(const struct book_dump *dump,
		       const struct ipcbook_stat *stat)
{
	const struct nlattr *chapter = dump->attrs[IPCBOOK_A_CHAPTER];
	const struct nlattr *name = dump->attrs[IPCBOOK_A_NAME];

	if (chapter && nla_get_u32(chapter) != stat->chapter)
		return false;
	return !name || !nla_strcmp(name, stat->name);
}

static int dump_object(struct book_object *object,
		       const struct ipcbook_stat *stat, void *arg)
{
	const struct book_chapter *chapter = object->chapter;
	struct book_dump *dump = arg;
	void *head;

	if (!dump_wants(dump, stat))
		return 0;
	head = genlmsg_put(dump->skb, NETLINK_CB(dump->cb->skb).portid,
			   dump->cb->nlh->nlmsg_seq, &book_family, NLM_F_MULTI,
			   IPCBOOK_CMD_OBJECT_GET);
	if (!head)
		return -EMSGSIZE;
	if (nla_put_u32(dump->skb, IPCBOOK_A_CHAPTER, stat->chapter) ||
	    (stat->name[0] &&
	     nla_put_string(dump->skb, IPCBOOK_A_NAME, stat->name)) ||
	    nla_put(dump->skb, IPCBOOK_A_STAT, sizeof(*stat), stat) ||
	    (chapter->describe && chapter->describe(object, dump->skb))) {
		genlmsg_cancel(dump->skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(dump->skb, head);
	return 0;
}

/* By name, where one is asked for: what it costs does not grow with the rest. */
static void dump_wanted(struct book_dump *dump, unsigned long *cursor)
{
	const struct cred *cred = dump->skb->sk->sk_socket->file->f_cred;
	const struct nlattr *attr = dump->attrs[IPCBOOK_A_NAME];
	struct net *net = sock_net(dump->skb->sk);
	char name[IPCBOOK_NAME_LEN] = "";

	if (attr)
		nla_strscpy(name, attr, sizeof(name));
	if (name[0])
		book_each_named(net, name, cred, cursor, dump_object, dump);
	else
		book_each(net, cred, cursor, dump_object, dump);
}

static int book_dump_objects(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct book_dump dump = {
		.skb = skb,
		.cb = cb,
		.attrs = book_dump_attrs(cb),
	};
	unsigned long cursor = cb->args[0];
	unsigned int attr;

	for (attr = IPCBOOK_A_STAT; attr <= IPCBOOK_A_MAX; attr++) {
		if (!dump.attrs[attr])
			continue;
		NL_SET_ERR_MSG_ATTR(cb->extack, dump.attrs[attr],
				    "not an attribute of this command");
		return -EINVAL;
	}
	/* A full message is not an error: the dump goes on with the next. */
	if (cursor != ULONG_MAX)
		dump_wanted(&dump, &cursor);
	cb->args[0] = cursor;
	return skb->len;
}

/* The family's own command; those of the chapters are added. */
static struct genl_small_ops book_commands[IPCBOOK_CMD_MAX] __ro_after_init = {
	{
		.cmd = IPCBOOK_CMD_OBJECT_GET,
		.dumpit = book_dump_objects,
	},
};

struct genl_family book_family __ro_after_init = {
	.name = IPCBOOK_GENL_NAME,
	.version = IPCBOOK_GENL_VERSION,
	.maxattr = IPCBOOK_A_MAX,
	.policy = book_policy,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.small_ops = book_commands,
	.n_small_ops = 1,
	.mcgrps = watch_groups,
	.n_mcgrps = WATCH_GROUPS,
};

static int __init family_init(void)
{
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(chapters); i++)
		for (n = 0; n < chapters[i]->command_count; n++)
			book_commands[book_family.n_small_ops++] =
				chapters[i]->commands[n];
	return genl_register_family(&book_family);
}

/* ------------------------------------------------------------ load, unload */

static void chapters_exit(size_t count)
{
	while (count--)
		if (chapters[count]->exit)
			chapters[count]->exit();
}

static void chapters_stop(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(chapters); i++)
		if (chapters[i]->stop)
			chapters[i]->stop();
}

static int __init chapters_init(void)
{
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(chapters); i++) {
		err = chapters[i]->init ? chapters[i]->init() : 0;
		if (err) {
			chapters_exit(i);
			return err;
		}
	}
	return 0;
}

static int __init ipcbook_init(void)
{
	int err = chapters_init();

	if (err)
		return err;
	err = book_init();
	if (err)
		goto err_chapters;
	err = watch_init();
	if (err)
		goto err_book;
	err = family_init();
	if (err)
		goto err_watch;
	err = misc_register(&device);
	if (err)
		goto err_family;
	return 0;

err_family:
	genl_unregister_family(&book_family);
	chapters_stop();
err_watch:
	watch_exit();
err_book:
	book_exit();
err_chapters:
	chapters_exit(ARRAY_SIZE(chapters));
	return err;
}

static void __exit ipcbook_exit(void)
{
	misc_deregister(&device);
	genl_unregister_family(&book_family);
	chapters_stop();
	watch_exit();
	book_exit();
	chapters_exit(ARRAY_SIZE(chapters));
}

module_init(ipcbook_init);
module_exit(ipcbook_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("The handbook of Linux inter-process communication");
MODULE_AUTHOR("The ipcbook authors");
