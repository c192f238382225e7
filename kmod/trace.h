/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, some of each chapter, and one of all objects' lives. Objects are
 * named by the id that listings show.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ipcbook

#if !defined(_IPCBOOK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _IPCBOOK_TRACE_H

#include <linux/tracepoint.h>

#ifndef _IPCBOOK_TRACE_ENUMS
#define _IPCBOOK_TRACE_ENUMS
/* How a message went. */
enum queue_way {
	QUEUE_QUEUED,		/* it waits in the queue */
	QUEUE_DIRECT,		/* from a sender straight to a receiver */
	QUEUE_BLOCKED,		/* its sender waits for room */
	QUEUE_REFUSED,		/* no room, and its sender does not wait */
};
#endif

/* So that user space can tell them by their names as well. */
TRACE_DEFINE_ENUM(QUEUE_QUEUED);
TRACE_DEFINE_ENUM(QUEUE_DIRECT);
TRACE_DEFINE_ENUM(QUEUE_BLOCKED);
TRACE_DEFINE_ENUM(QUEUE_REFUSED);
TRACE_DEFINE_ENUM(IPCBOOK_EVENT_CREATED);
TRACE_DEFINE_ENUM(IPCBOOK_EVENT_OPENED);
TRACE_DEFINE_ENUM(IPCBOOK_EVENT_UNLINKED);
TRACE_DEFINE_ENUM(IPCBOOK_EVENT_GONE);
TRACE_DEFINE_ENUM(IPCBOOK_EVENT_LIMIT);

/* What became of an object of whatever chapter; without a name: it has none. */
TRACE_EVENT(object_event,
	TP_PROTO(u64 id, const char *chapter, const char *name, int event,
		 int err),
	TP_ARGS(id, chapter, name, event, err),
	TP_STRUCT__entry(
		__field(u64, id)
		__string(chapter, chapter)
		__string(name, name)
		__field(int, event)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->id = id;
		book_assign_str(chapter, chapter);
		book_assign_str(name, name);
		__entry->event = event;
		__entry->err = err;
	),
	TP_printk("id=%llu chapter=%s name=%s event=%s err=%d", __entry->id,
		  __get_str(chapter), __get_str(name),
		  __print_symbolic(__entry->event,
				   { IPCBOOK_EVENT_CREATED, "created" },
				   { IPCBOOK_EVENT_OPENED, "opened" },
				   { IPCBOOK_EVENT_UNLINKED, "unlinked" },
				   { IPCBOOK_EVENT_GONE, "gone" },
				   { IPCBOOK_EVENT_LIMIT, "limit" }),
		  __entry->err)
);

TRACE_EVENT(queue_send,
	TP_PROTO(u64 id, s64 type, size_t len, int way),
	TP_ARGS(id, type, len, way),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(s64, type)
		__field(size_t, len)
		__field(int, way)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->type = type;
		__entry->len = len;
		__entry->way = way;
	),
	TP_printk("id=%llu type=%lld len=%zu way=%s",
		  __entry->id, __entry->type, __entry->len,
		  __print_symbolic(__entry->way,
				   { QUEUE_QUEUED, "queued" },
				   { QUEUE_DIRECT, "direct" },
				   { QUEUE_BLOCKED, "blocked" },
				   { QUEUE_REFUSED, "refused" }))
);

TRACE_EVENT(queue_receive,
	TP_PROTO(u64 id, s64 type, size_t len, u64 number),
	TP_ARGS(id, type, len, number),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(s64, type)
		__field(size_t, len)
		__field(u64, number)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->type = type;
		__entry->len = len;
		__entry->number = number;
	),
	TP_printk("id=%llu type=%lld len=%zu number=%llu",
		  __entry->id, __entry->type, __entry->len, __entry->number)
);

/* A receiver could not take what it was given: it waits in its old place. */
TRACE_EVENT(queue_return,
	TP_PROTO(u64 id, s64 type, size_t len, u64 number),
	TP_ARGS(id, type, len, number),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(s64, type)
		__field(size_t, len)
		__field(u64, number)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->type = type;
		__entry->len = len;
		__entry->number = number;
	),
	TP_printk("id=%llu type=%lld len=%zu number=%llu",
		  __entry->id, __entry->type, __entry->len, __entry->number)
);

/* A sender or receiver waited; err is how that ended, 0 if well. */
TRACE_EVENT(queue_wait,
	TP_PROTO(u64 id, bool sender, u64 ns, int err),
	TP_ARGS(id, sender, ns, err),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(bool, sender)
		__field(u64, ns)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->sender = sender;
		__entry->ns = ns;
		__entry->err = err;
	),
	TP_printk("id=%llu who=%s ns=%llu err=%d", __entry->id,
		  __entry->sender ? "sender" : "receiver", __entry->ns,
		  __entry->err)
);

/* Bytes went into a pipe, or out of it; bytes is how many it then held. */
DECLARE_EVENT_CLASS(pipe_move,
	TP_PROTO(u64 id, size_t len, unsigned long bytes),
	TP_ARGS(id, len, bytes),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(size_t, len)
		__field(unsigned long, bytes)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->len = len;
		__entry->bytes = bytes;
	),
	TP_printk("id=%llu len=%zu bytes=%lu", __entry->id, __entry->len,
		  __entry->bytes)
);

DEFINE_EVENT(pipe_move, pipe_write,
	TP_PROTO(u64 id, size_t len, unsigned long bytes),
	TP_ARGS(id, len, bytes)
);

DEFINE_EVENT(pipe_move, pipe_read,
	TP_PROTO(u64 id, size_t len, unsigned long bytes),
	TP_ARGS(id, len, bytes)
);

/* A writer or reader waited; err is how that ended, 0 if well. */
TRACE_EVENT(pipe_wait,
	TP_PROTO(u64 id, bool writer, u64 ns, int err),
	TP_ARGS(id, writer, ns, err),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(bool, writer)
		__field(u64, ns)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->writer = writer;
		__entry->ns = ns;
		__entry->err = err;
	),
	TP_printk("id=%llu who=%s ns=%llu err=%d", __entry->id,
		  __entry->writer ? "writer" : "reader", __entry->ns,
		  __entry->err)
);

/* An end was opened or closed; readers and writers are those that there are. */
DECLARE_EVENT_CLASS(pipe_ends,
	TP_PROTO(u64 id, unsigned int readers, unsigned int writers),
	TP_ARGS(id, readers, writers),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(unsigned int, readers)
		__field(unsigned int, writers)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->readers = readers;
		__entry->writers = writers;
	),
	TP_printk("id=%llu readers=%u writers=%u", __entry->id,
		  __entry->readers, __entry->writers)
);

DEFINE_EVENT(pipe_ends, pipe_open,
	TP_PROTO(u64 id, unsigned int readers, unsigned int writers),
	TP_ARGS(id, readers, writers)
);

DEFINE_EVENT(pipe_ends, pipe_close,
	TP_PROTO(u64 id, unsigned int readers, unsigned int writers),
	TP_ARGS(id, readers, writers)
);

/* A socket was made. */
TRACE_EVENT(socket_make,
	TP_PROTO(u64 id, int type),
	TP_ARGS(id, type),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, type)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->type = type;
	),
	TP_printk("id=%llu type=%s", __entry->id,
		  __print_symbolic(__entry->type, { 1, "stream" },
				   { 5, "seqpacket" }))
);

/* A socket was connected, and its other end waits at a listening one. */
TRACE_EVENT(socket_connect,
	TP_PROTO(u64 id, u64 listener),
	TP_ARGS(id, listener),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, listener)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->listener = listener;
	),
	TP_printk("id=%llu listener=%llu", __entry->id, __entry->listener)
);

/* That other end became a socket; peer is who had connected. */
TRACE_EVENT(socket_accept,
	TP_PROTO(u64 id, u64 listener, u64 peer),
	TP_ARGS(id, listener, peer),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, listener)
		__field(u64, peer)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->listener = listener;
		__entry->peer = peer;
	),
	TP_printk("id=%llu listener=%llu peer=%llu", __entry->id,
		  __entry->listener, __entry->peer)
);

/* One call, or one record. */
DECLARE_EVENT_CLASS(socket_data,
	TP_PROTO(u64 id, size_t len),
	TP_ARGS(id, len),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(size_t, len)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->len = len;
	),
	TP_printk("id=%llu len=%zu", __entry->id, __entry->len)
);

DEFINE_EVENT(socket_data, socket_send,
	TP_PROTO(u64 id, size_t len),
	TP_ARGS(id, len)
);

DEFINE_EVENT(socket_data, socket_receive,
	TP_PROTO(u64 id, size_t len),
	TP_ARGS(id, len)
);

/* A call waited; ret is how that ended, 0 if well. */
TRACE_EVENT(socket_wait,
	TP_PROTO(u64 id, int want, u64 ns, int ret),
	TP_ARGS(id, want, ns, ret),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, want)
		__field(u64, ns)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->want = want;
		__entry->ns = ns;
		__entry->ret = ret;
	),
	TP_printk("id=%llu for=%s ns=%llu ret=%d", __entry->id,
		  __print_symbolic(__entry->want, { 0, "data" }, { 1, "room" },
				   { 2, "connection" }, { 3, "backlog" }),
		  __entry->ns, __entry->ret)
);

/* A socket was shut down: 1 receives no more, 2 sends no more, 3 neither. */
TRACE_EVENT(socket_shutdown,
	TP_PROTO(u64 id, int how),
	TP_ARGS(id, how),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, how)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->how = how;
	),
	TP_printk("id=%llu how=%d", __entry->id, __entry->how)
);

/* A socket was closed; of what was sent to it, so much had been read. */
TRACE_EVENT(socket_close,
	TP_PROTO(u64 id, u64 bytes, u64 read),
	TP_ARGS(id, bytes, read),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, bytes)
		__field(u64, read)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->bytes = bytes;
		__entry->read = read;
	),
	TP_printk("id=%llu bytes=%llu read=%llu", __entry->id, __entry->bytes,
		  __entry->read)
);

/* A part of a segment was mapped, or a mapping of it ended. */
DECLARE_EVENT_CLASS(shm_mapping,
	TP_PROTO(u64 id, u64 offset, u64 bytes, bool writable),
	TP_ARGS(id, offset, bytes, writable),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, offset)
		__field(u64, bytes)
		__field(bool, writable)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->offset = offset;
		__entry->bytes = bytes;
		__entry->writable = writable;
	),
	TP_printk("id=%llu offset=%llu bytes=%llu writable=%d", __entry->id,
		  __entry->offset, __entry->bytes, __entry->writable)
);

DEFINE_EVENT(shm_mapping, shm_map,
	TP_PROTO(u64 id, u64 offset, u64 bytes, bool writable),
	TP_ARGS(id, offset, bytes, writable)
);

DEFINE_EVENT(shm_mapping, shm_unmap,
	TP_PROTO(u64 id, u64 offset, u64 bytes, bool writable),
	TP_ARGS(id, offset, bytes, writable)
);

/*
 * A side of a ring was mapped, or its mapping ended; discarded is how many records
 * it had begun and not published.
 */
DECLARE_EVENT_CLASS(ring_mapping,
	TP_PROTO(u64 id, unsigned int role, unsigned int slot, u64 discarded),
	TP_ARGS(id, role, slot, discarded),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(unsigned int, role)
		__field(unsigned int, slot)
		__field(u64, discarded)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->role = role;
		__entry->slot = slot;
		__entry->discarded = discarded;
	),
	TP_printk("id=%llu who=%s slot=%u discarded=%llu", __entry->id,
		  __print_symbolic(__entry->role,
				   { IPCBOOK_RING_PRODUCER, "producer" },
				   { IPCBOOK_RING_CONSUMER, "consumer" }),
		  __entry->slot, __entry->discarded)
);

DEFINE_EVENT(ring_mapping, ring_map,
	TP_PROTO(u64 id, unsigned int role, unsigned int slot, u64 discarded),
	TP_ARGS(id, role, slot, discarded)
);

DEFINE_EVENT(ring_mapping, ring_unmap,
	TP_PROTO(u64 id, unsigned int role, unsigned int slot, u64 discarded),
	TP_ARGS(id, role, slot, discarded)
);

/* A side woke the other one. */
TRACE_EVENT(ring_wake,
	TP_PROTO(u64 id, unsigned int role),
	TP_ARGS(id, role),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(unsigned int, role)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->role = role;
	),
	TP_printk("id=%llu who=%s", __entry->id,
		  __print_symbolic(__entry->role,
				   { IPCBOOK_RING_PRODUCER, "producer" },
				   { IPCBOOK_RING_CONSUMER, "consumer" }))
);

/* A side slept; err is how that ended, 0 if well. */
TRACE_EVENT(ring_wait,
	TP_PROTO(u64 id, unsigned int role, u64 ns, int err),
	TP_ARGS(id, role, ns, err),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(unsigned int, role)
		__field(u64, ns)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->role = role;
		__entry->ns = ns;
		__entry->err = err;
	),
	TP_printk("id=%llu who=%s ns=%llu err=%d", __entry->id,
		  __print_symbolic(__entry->role,
				   { IPCBOOK_RING_PRODUCER, "producer" },
				   { IPCBOOK_RING_CONSUMER, "consumer" }),
		  __entry->ns, __entry->err)
);

DECLARE_EVENT_CLASS(sem_units,
	TP_PROTO(u64 id, u32 units, u32 value),
	TP_ARGS(id, units, value),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, units)
		__field(u32, value)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->units = units;
		__entry->value = value;
	),
	TP_printk("id=%llu units=%u value=%u", __entry->id, __entry->units,
		  __entry->value)
);

/* Units given; value is what the semaphore then has, before it serves others. */
DEFINE_EVENT(sem_units, sem_up,
	TP_PROTO(u64 id, u32 units, u32 value),
	TP_ARGS(id, units, value)
);

/* Units that go straight to who has waited for them; value is what is left. */
DEFINE_EVENT(sem_units, sem_grant,
	TP_PROTO(u64 id, u32 units, u32 value),
	TP_ARGS(id, units, value)
);

/*
 * A down through the kernel, or a wait for several semaphores, of which id and
 * units are the first; ns is how long it took and ret what it answered.
 */
TRACE_EVENT(sem_down,
	TP_PROTO(u64 id, u32 units, unsigned int count, u64 ns, int ret),
	TP_ARGS(id, units, count, ns, ret),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, units)
		__field(unsigned int, count)
		__field(u64, ns)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->units = units;
		__entry->count = count;
		__entry->ns = ns;
		__entry->ret = ret;
	),
	TP_printk("id=%llu units=%u count=%u ns=%llu ret=%d", __entry->id,
		  __entry->units, __entry->count, __entry->ns, __entry->ret)
);

/* What a process held has come back: it ended, or closed. */
TRACE_EVENT(sem_return,
	TP_PROTO(u64 id, u64 units),
	TP_ARGS(id, units),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, units)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->units = units;
	),
	TP_printk("id=%llu units=%llu", __entry->id, __entry->units)
);

/* A process has registered for signals. */
TRACE_EVENT(signal_register,
	TP_PROTO(u64 id, pid_t pid, const char *name),
	TP_ARGS(id, pid, name),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(pid_t, pid)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->pid = pid;
		book_assign_str(name, name);
	),
	TP_printk("id=%llu pid=%d name=%s", __entry->id, __entry->pid,
		  __get_str(name))
);

/* A registration has ended. */
TRACE_EVENT(signal_unregister,
	TP_PROTO(u64 id),
	TP_ARGS(id),
	TP_STRUCT__entry(
		__field(u64, id)
	),
	TP_fast_assign(
		__entry->id = id;
	),
	TP_printk("id=%llu", __entry->id)
);

/* A signal was sent to a registration; ret is 0, or why it was refused. */
TRACE_EVENT(signal_send,
	TP_PROTO(u64 id, u32 number, int ret),
	TP_ARGS(id, number, ret),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, number)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->number = number;
		__entry->ret = ret;
	),
	TP_printk("id=%llu number=%u ret=%d", __entry->id, __entry->number,
		  __entry->ret)
);

/* The doorbell of a registration says what it carries; 0: that there are more. */
TRACE_EVENT(signal_doorbell,
	TP_PROTO(u64 id, u32 number),
	TP_ARGS(id, number),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, number)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->number = number;
	),
	TP_printk("id=%llu number=%u", __entry->id, __entry->number)
);

/*
 * Signals have been received, by FETCH or as the doorbell, of which it is seen
 * when the next signal is sent.
 */
TRACE_EVENT(signal_receive,
	TP_PROTO(u64 id, u32 number, u64 count),
	TP_ARGS(id, number, count),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u32, number)
		__field(u64, count)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->number = number;
		__entry->count = count;
	),
	TP_printk("id=%llu number=%u count=%llu", __entry->id,
		  __entry->number, __entry->count)
);

#endif /* _IPCBOOK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
