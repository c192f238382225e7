// SPDX-License-Identifier: GPL-2.0-only
/*
 * The typed message queue, as its users see it.
 *
 * This is the chapter: file calls, poll, ioctls, limits, counters, and the table
 * that the book asks for. Each call is checked here and made into an offer of a
 * message or a wish for one, which the exchange (exchange.c) then serves, or one
 * after the other (batch.c). That is where the queue itself is.
 *
 * On a queue's descriptor the file offset is the message type, and nothing
 * advances it. There are .read and .write beside .read_iter and .write_iter. The
 * first are what read() and pread() take; they are faster, and the exchange has
 * them itself. The second are what readv() and io_uring take.
 *
 * Locks: none but queue.lock, for looking at counters; see exchange.c.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "compat.h"
#include "queue.h"

static unsigned long queue_max_messages = 65536;
module_param(queue_max_messages, ulong, 0644);
MODULE_PARM_DESC(queue_max_messages, "Most messages in one queue");

static unsigned long queue_max_bytes = 16UL << 20;
module_param(queue_max_bytes, ulong, 0644);
MODULE_PARM_DESC(queue_max_bytes, "Most payload bytes in one queue");

static unsigned long queue_max_size = 1UL << 20;
module_param(queue_max_size, ulong, 0644);
MODULE_PARM_DESC(queue_max_size, "Most payload bytes of one message");

#define QUEUE_MESSAGES	1024ULL
#define QUEUE_BYTES	262144ULL
#define QUEUE_SIZE	8192ULL

/* What even CAP_SYS_RESOURCE does not exceed: sums must not overflow. */
#define QUEUE_MOST	BIT_ULL(40)
#define QUEUE_MOST_SIZE	((u64)INT_MAX / 2)

/* ---------------------------------------------------------- plain file calls */

static ssize_t queue_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct book_file *file = book_file(iocb->ki_filp);
	struct wanted want = { .iter = to, .room = iov_iter_count(to) };
	ssize_t ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = book_may(file, iocb->ki_filp, BOOK_READ) ?:
	      want_offset(&want, iocb->ki_pos);
	if (ret)
		return ret;
	if (iocb->ki_flags & IOCB_NOWAIT || queue_nowait(iocb->ki_filp))
		want.flags = IPCBOOK_NOWAIT;
	ret = queue_receive(to_queue(file->object), &want);
	if (ret >= 0)
		iocb->ki_pos = keep_offset(iocb->ki_filp);
	return ret;
}

static ssize_t queue_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct book_file *file = book_file(iocb->ki_filp);
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	struct offer offer = {
		.gfp = nowait ? GFP_NOWAIT : GFP_KERNEL,
		.type = iocb->ki_pos ?: 1,
		.len = iov_iter_count(from),
		.iter = from,
	};
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = book_may(file, iocb->ki_filp, BOOK_WRITE);
	if (err)
		return err;
	if (nowait || queue_nowait(iocb->ki_filp))
		offer.flags = IPCBOOK_NOWAIT;
	err = queue_send(to_queue(file->object), &offer);
	if (!err)
		iocb->ki_pos = keep_offset(iocb->ki_filp);
	/* Where sleeping would help, the caller is to come again and sleep. */
	if (err == -ENOMEM && nowait)
		err = -EAGAIN;
	return err ?: offer.len;
}

/**
 * queue_llseek() - sets the type of a descriptor
 * @filp: the descriptor
 * @offset: the type; 0 is any to a receiver and 1 to a sender
 * @whence: SEEK_SET, or SEEK_CUR relative to the type that is set
 *
 * Return: the type; EINVAL.
 */
static loff_t queue_llseek(struct file *filp, loff_t offset, int whence)
{
	struct book_file *file = book_file(filp);

	if (IS_ERR(file))
		return PTR_ERR(file);
	if (whence == SEEK_CUR) {
		if (check_add_overflow(offset, filp->f_pos, &offset))
			return -EINVAL;
	} else if (whence != SEEK_SET) {
		return -EINVAL;
	}
	if (offset < 0 || offset > IPCBOOK_TYPE_MAX)
		return -EINVAL;
	queue_select(to_queue(file->object), to_queue_file(file),
		     offset ? IPCBOOK_EXACT : IPCBOOK_ANY, offset, filp);
	return offset;
}

static __poll_t queue_poll(struct file *filp, struct poll_table_struct *pt)
{
	struct book_file *file = book_file(filp);
	struct queue_file *qf;
	__poll_t never = 0;

	if (IS_ERR(file))
		return EPOLLERR;
	qf = to_queue_file(file);
	if (!(file->access & BOOK_READ))
		never |= EPOLLIN | EPOLLRDNORM;
	if (!(file->access & BOOK_WRITE))
		never |= EPOLLOUT | EPOLLWRNORM;
	/*
	 * Whatever for: epoll enters a wait queue once, and may be told later to
	 * wait for something else.
	 */
	poll_wait(filp, &qf->polled, pt);
	return queue_ready(to_queue(file->object), qf,
			   poll_requested_events(pt) & ~never) & ~never;
}

/* -------------------------------------------------------------------- ioctls */

static int queue_check_select(u32 select, s64 type, bool peek)
{
	switch (select) {
	case IPCBOOK_ANY:
		return type ? -EINVAL : 0;
	case IPCBOOK_EXACT:
	case IPCBOOK_UPTO:
	case IPCBOOK_NOT:
		return type < IPCBOOK_TYPE_MIN || type > IPCBOOK_TYPE_MAX ?
		       -EINVAL : 0;
	case IPCBOOK_NTH:
		return !peek || type < 0 || type > IPCBOOK_NTH_MAX ?
		       -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static long queue_ioctl_send(struct book_file *file, struct file *filp,
			     const void __user *argp)
{
	struct ipcbook_queue_send arg;
	struct offer offer;
	int err;

	err = book_may(file, filp, BOOK_WRITE) ?:
	      book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	if (arg.flags & ~IPCBOOK_NOWAIT)
		return -EINVAL;
	offer = (struct offer) {
		.flags = arg.flags,
		.gfp = GFP_KERNEL,
		.type = arg.type,
		.deadline = arg.deadline,
		.len = arg.len,
		.buf = u64_to_user_ptr(arg.buf),
	};
	if (queue_nowait(filp))
		offer.flags |= IPCBOOK_NOWAIT;
	return queue_send(to_queue(file->object), &offer);
}

static long queue_ioctl_recv(struct book_file *file, struct file *filp,
			     const void __user *argp)
{
	struct queue *queue = to_queue(file->object);
	struct ipcbook_queue_recv arg;
	struct wanted want;
	bool peek;
	int err;

	err = book_may(file, filp, BOOK_READ) ?:
	      book_copy_args(&arg, sizeof(arg), argp);
	if (err)
		return err;
	peek = arg.flags & IPCBOOK_PEEK;
	if (arg.flags & ~(IPCBOOK_NOWAIT | IPCBOOK_TRUNCATE | IPCBOOK_PEEK) ||
	    arg.pad || queue_check_select(arg.select, arg.type, peek))
		return -EINVAL;
	want = (struct wanted) {
		.select = arg.select,
		.flags = arg.flags,
		.type = arg.type,
		.deadline = arg.deadline,
		.room = arg.len,
		.buf = u64_to_user_ptr(arg.buf),
		.info = u64_to_user_ptr(arg.info),
	};
	if (peek)
		return queue_peek(queue, &want);
	if (queue_nowait(filp))
		want.flags |= IPCBOOK_NOWAIT;
	return queue_receive(queue, &want);
}

static int queue_copy_batch(struct ipcbook_queue_batch *arg, u32 flags,
			    const void __user *argp)
{
	int err = book_copy_args(arg, sizeof(*arg), argp);

	if (err)
		return err;
	if (arg->flags & ~flags || !arg->count ||
	    arg->count > IPCBOOK_BATCH_MAX)
		return -EINVAL;
	return 0;
}

static long queue_ioctl_send_batch(struct book_file *file, struct file *filp,
				   const void __user *argp)
{
	struct offer offer = { .gfp = GFP_KERNEL };
	struct ipcbook_queue_batch arg;
	int err;

	err = book_may(file, filp, BOOK_WRITE) ?:
	      queue_copy_batch(&arg, IPCBOOK_NOWAIT, argp);
	if (err)
		return err;
	if (arg.select || arg.type)
		return -EINVAL;
	offer.flags = arg.flags;
	offer.deadline = arg.deadline;
	if (queue_nowait(filp))
		offer.flags |= IPCBOOK_NOWAIT;
	return queue_send_batch(to_queue(file->object), &offer,
				u64_to_user_ptr(arg.entries), arg.count);
}

static long queue_ioctl_recv_batch(struct book_file *file, struct file *filp,
				   const void __user *argp)
{
	struct ipcbook_queue_batch arg;
	struct wanted want;
	int ret;

	ret = book_may(file, filp, BOOK_READ) ?:
	      queue_copy_batch(&arg, IPCBOOK_NOWAIT | IPCBOOK_TRUNCATE, argp);
	if (ret)
		return ret;
	if (queue_check_select(arg.select, arg.type, false))
		return -EINVAL;
	want = (struct wanted) {
		.select = arg.select,
		.flags = arg.flags,
		.type = arg.type,
		.deadline = arg.deadline,
	};
	if (queue_nowait(filp))
		want.flags |= IPCBOOK_NOWAIT;
	return queue_receive_batch(to_queue(file->object), &want,
				   u64_to_user_ptr(arg.entries), arg.count);
}

static long queue_ioctl_select(struct book_file *file, const void __user *argp)
{
	struct ipcbook_queue_select arg;
	int err;

	err = book_copy_args(&arg, sizeof(arg), argp) ?:
	      queue_check_select(arg.select, arg.type, false);
	if (err)
		return err;
	queue_select(to_queue(file->object), to_queue_file(file), arg.select,
		     arg.type, NULL);
	return 0;
}

static long queue_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct book_file *file = book_file(filp);
	void __user *argp = (void __user *)arg;

	if (IS_ERR(file))
		return PTR_ERR(file);
	if (_IOC_TYPE(cmd) != IPCBOOK_IOC_MAGIC)
		return -ENOTTY;
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(IPCBOOK_IOC_QUEUE_SEND):
		return queue_ioctl_send(file, filp, argp);
	case _IOC_NR(IPCBOOK_IOC_QUEUE_RECV):
		return queue_ioctl_recv(file, filp, argp);
	case _IOC_NR(IPCBOOK_IOC_QUEUE_SEND_BATCH):
		return queue_ioctl_send_batch(file, filp, argp);
	case _IOC_NR(IPCBOOK_IOC_QUEUE_RECV_BATCH):
		return queue_ioctl_recv_batch(file, filp, argp);
	case _IOC_NR(IPCBOOK_IOC_QUEUE_SELECT):
		return queue_ioctl_select(file, argp);
	default:
		return book_ioctl(file, _IOC_NR(cmd), argp);
	}
}

static const char *const select_names[] = {
	[IPCBOOK_ANY] = "any",
	[IPCBOOK_EXACT] = "exact",
	[IPCBOOK_UPTO] = "upto",
	[IPCBOOK_NOT] = "not",
};

static void queue_show_fdinfo(struct seq_file *seq, struct file *filp)
{
	struct book_file *file = book_file(filp);
	struct queue_file *qf;
	struct queue *queue;
	u64 messages, bytes;
	u32 select;
	s64 type;

	if (IS_ERR(file))
		return;
	qf = to_queue_file(file);
	queue = to_queue(file->object);
	spin_lock(&queue->lock);
	messages = queue->messages;
	bytes = queue->bytes;
	select = qf->select;
	type = qf->type;
	spin_unlock(&queue->lock);

	book_show_fdinfo(seq, file->object);
	seq_printf(seq, "messages:\t%llu\nbytes:\t%llu\nselect:\t%s",
		   messages, bytes, select_names[select]);
	if (select != IPCBOOK_ANY)
		seq_printf(seq, " %lld", type);
	seq_putc(seq, '\n');
}

/* ------------------------------------------------------- the chapter's table */

static int queue_check_limits(struct ipcbook_queue_limits *limits)
{
	int err;

	err = book_limit(&limits->messages, QUEUE_MESSAGES,
			 READ_ONCE(queue_max_messages)) ?:
	      book_limit(&limits->bytes, QUEUE_BYTES,
			 READ_ONCE(queue_max_bytes)) ?:
	      book_limit(&limits->size, min(QUEUE_SIZE, limits->bytes),
			 READ_ONCE(queue_max_size));
	if (err)
		return err;
	if (limits->messages > QUEUE_MOST || limits->bytes > QUEUE_MOST ||
	    limits->size > QUEUE_MOST_SIZE)
		return -E2BIG;
	return limits->size > limits->bytes ? -EINVAL : 0;
}

static struct book_object *queue_create(const struct ipcbook_open *arg)
{
	struct ipcbook_queue_limits limits = arg->queue;
	struct queue *queue;
	int err;

	err = queue_check_limits(&limits);
	if (err)
		return ERR_PTR(err);
	queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	queue->max_messages = limits.messages;
	queue->max_bytes = limits.bytes;
	queue->max_size = limits.size;
	queue->tick = jiffies - 1;
	queue->waits = 1;
	shelf_begin(&queue->queued);
	INIT_LIST_HEAD(&queue->writers);
	spin_lock_init(&queue->lock);
	queue->object.capacity = limits.bytes +
				 limits.messages *
				 (SLOT_SIZE + sizeof(struct bin));
	return &queue->object;
}

static void queue_destroy(struct book_object *object)
{
	struct queue *queue = to_queue(object);
	struct message *msg;
	int i;

	while ((msg = to_msg(shelf_select(&queue->queued, IPCBOOK_ANY, 0)))) {
		shelf_take(&queue->queued, &msg->item);
		shelf_unpin(&queue->queued, msg->item.bin);
		msg_free(msg);
		cond_resched();
	}
	shelf_end(&queue->queued);
	store_end(&queue->store);
	for (i = 0; i < WANTS; i++) {
		kvfree(queue->receivers.lines[i].index);
		kvfree(queue->pollers.lines[i].index);
	}
	kvfree(queue->blocked.index);
	put_pid(queue->sender);
	put_pid(queue->receiver);
	kfree(queue);
}

static void queue_end(struct book_object *object)
{
	queue_end_waits(to_queue(object));
}

static int queue_open(struct book_file *file, const struct ipcbook_open *arg)
{
	struct queue_file *qf = to_queue_file(file);

	init_waitqueue_head(&qf->polled);
	place_init(&qf->place, 0);
	INIT_LIST_HEAD(&qf->writer);
	qf->select = IPCBOOK_ANY;
	return 0;
}

static void queue_close(struct book_file *file)
{
	queue_unwatch(to_queue(file->object), to_queue_file(file));
}

static void queue_stat(struct book_object *object, struct ipcbook_stat *stat)
{
	struct queue *queue = to_queue(object);

	stat->max_depth = queue->max_messages;
	stat->max_bytes = queue->max_bytes;
	stat->max_size = queue->max_size;
	spin_lock(&queue->lock);
	stat->depth = queue->messages;
	stat->bytes = queue->bytes;
	stat->types = shelf_types(&queue->queued);
	stat->memory = sizeof(*queue) + queue->store.owned * SLOT_SIZE +
		       shelf_memory(&queue->queued);
	stat->sender = pid_vnr(queue->sender);
	stat->receiver = pid_vnr(queue->receiver);
	stat->sent_ns = queue->count.sent_ns;
	stat->received_ns = queue->count.received_ns;
	stat->senders_waiting = queue->count.senders_waiting;
	stat->receivers_waiting = queue->count.receivers_waiting;
	stat->sent = queue->number;
	stat->sent_bytes = queue->count.sent_bytes;
	/* What was sent and is not there any more was received. */
	stat->received = queue->number - queue->messages;
	stat->received_bytes = queue->count.sent_bytes - queue->bytes;
	stat->direct = queue->count.direct;
	stat->blocked = queue->count.blocked;
	stat->refused = queue->count.refused;
	stat->returned = queue->count.returned;
	spin_unlock(&queue->lock);
}

static int __init queue_init(void)
{
	int err = msg_setup();

	if (err)
		return err;
	err = shelf_setup();
	if (err)
		msg_cleanup();
	return err;
}

static void queue_exit(void)
{
	shelf_cleanup();
	msg_cleanup();
}

static const struct file_operations queue_fops = {
	.owner = THIS_MODULE,
	.release = book_release,
	.read = queue_read,
	.write = queue_write,
	.read_iter = queue_read_iter,
	.write_iter = queue_write_iter,
	.llseek = queue_llseek,
	.poll = queue_poll,
	.unlocked_ioctl = queue_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = queue_show_fdinfo,
};

const struct book_chapter queue_chapter = {
	.id = IPCBOOK_QUEUE,
	.name = "queue",
	.fops = &queue_fops,
	.limits_size = sizeof(struct ipcbook_queue_limits),
	.file_size = sizeof(struct queue_file),
	.has_default = true,
	.create = queue_create,
	.destroy = queue_destroy,
	.end = queue_end,
	.open = queue_open,
	.close = queue_close,
	.stat = queue_stat,
	.init = queue_init,
	.exit = queue_exit,
};
