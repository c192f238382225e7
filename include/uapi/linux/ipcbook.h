/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The contract between the ipcbook module and everyone who talks to it.
 *
 * This is the only header that both sides include. Three rules hold for every
 * structure in it:
 *
 *  - Fields have fixed widths and natural alignment, pointers travel as __u64,
 *    so that a 32-bit caller of a 64-bit kernel uses the same layout.
 *  - Padding is explicit and must be zero; a flag that is not listed here is
 *    refused with EINVAL. Nothing is ignored, so anything can be given a
 *    meaning later.
 *  - The first field is the size of the structure as the caller knows it. A
 *    structure may grow at its end: an older caller gets the behaviour of the
 *    zeroes it did not know about, and a newer caller on an older module gets
 *    E2BIG if it used (set to something else than zero) what is unknown there.
 *
 * Deadlines are absolute, in nanoseconds of CLOCK_MONOTONIC; 0 waits for ever.
 * A wait past its deadline gives ETIMEDOUT. Because the deadline is absolute,
 * a call that a signal interrupted can be restarted exactly.
 */
#ifndef _UAPI_LINUX_IPCBOOK_H
#define _UAPI_LINUX_IPCBOOK_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The device; its mode is 0666 unless a udev rule narrows it. */
#define IPCBOOK_DEVICE		"/dev/ipcbook"

/*
 * ---------------------------------------------------------------------------
 * Objects and their names
 * ---------------------------------------------------------------------------
 */

/* Bytes of a name, with the zero that ends it. */
#define IPCBOOK_NAME_LEN	64

/*
 * The queue behind plain read() and write() on the device, and the ring behind
 * its mmap(). Opening this name creates it where it does not exist yet, owned by
 * root with mode 0666. Of anything else it is a name like any other.
 */
#define IPCBOOK_DEFAULT_NAME	"default"

/**
 * enum ipcbook_chapter - the chapters of the handbook.
 *
 * Chapter and name together are the key of an object: a queue and a segment
 * may have the same name.
 *
 * @IPCBOOK_SIGNAL: signals over generic netlink
 * @IPCBOOK_SOCKET: sockets that turn round inside the module
 * @IPCBOOK_PIPE: pipes with and without a name
 * @IPCBOOK_QUEUE: typed message queue
 * @IPCBOOK_SHM: shared memory segments
 * @IPCBOOK_RING: shared memory with a ring on it
 * @IPCBOOK_SEM: semaphores
 */
enum ipcbook_chapter {
	IPCBOOK_SIGNAL	= 1,
	IPCBOOK_SOCKET	= 2,
	IPCBOOK_PIPE	= 3,
	IPCBOOK_QUEUE	= 4,
	IPCBOOK_SHM	= 5,
	IPCBOOK_RING	= 6,
	IPCBOOK_SEM	= 7,
};

/* Flags of struct ipcbook_open. */
#define IPCBOOK_OPEN_READ	(1U << 0)	/* the descriptor may receive */
#define IPCBOOK_OPEN_WRITE	(1U << 1)	/* the descriptor may send */
#define IPCBOOK_OPEN_CREATE	(1U << 2)	/* create it if it is not there */
#define IPCBOOK_OPEN_EXCL	(1U << 3)	/* with CREATE: it must not be there */
#define IPCBOOK_OPEN_ANON	(1U << 4)	/* a new object without a name */
#define IPCBOOK_OPEN_NONBLOCK	(1U << 5)	/* O_NONBLOCK on the descriptor */
#define IPCBOOK_OPEN_CLOEXEC	(1U << 6)	/* O_CLOEXEC on the descriptor */

/**
 * struct ipcbook_queue_limits - what a queue may hold; fixed at creation.
 *
 * A zero takes the default. More than the module's parameters allow
 * (queue_max_messages, queue_max_bytes, queue_max_size) is refused with E2BIG,
 * unless the caller has CAP_SYS_RESOURCE.
 *
 * @messages: most messages at a time; default 1,024
 * @bytes: most payload bytes at a time; default 262,144
 * @size: most payload bytes of one message, at most @bytes; default 8,192, or
 *	@bytes where that is less
 */
struct ipcbook_queue_limits {
	__u64 messages;
	__u64 bytes;
	__u64 size;
};

/* Flags of struct ipcbook_pipe_limits. */
#define IPCBOOK_PIPE_LOOK	(1U << 0)	/* the descriptor is no end */

/**
 * struct ipcbook_pipe_limits - what a pipe may hold, and what a descriptor of
 * it is for.
 *
 * More than the module's parameter pipe_max_bytes is refused with E2BIG, unless
 * the caller has CAP_SYS_RESOURCE.
 *
 * @capacity: bytes that a new pipe holds, rounded up to a power of two and to a
 *	page; 0 takes 65,536, or pipe_max_bytes where that is less
 * @flags: IPCBOOK_PIPE_LOOK; of this descriptor, also where nothing is created
 * @pad: must be zero
 */
struct ipcbook_pipe_limits {
	__u64 capacity;
	__u32 flags;
	__u32 pad;
};

/* Flags of struct ipcbook_sem_limits. */
#define IPCBOOK_SEM_UNDO	(1U << 0)	/* see the chapter */

/**
 * struct ipcbook_sem_limits - what a semaphore begins with, and how a
 * descriptor of it behaves.
 *
 * @value: units that a new semaphore has, at most @maximum
 * @maximum: most units that it can have, up to IPCBOOK_SEM_MAX; 0 takes that
 * @flags: IPCBOOK_SEM_UNDO; of this descriptor, also where nothing is created
 * @pad: must be zero
 */
struct ipcbook_sem_limits {
	__u32 value;
	__u32 maximum;
	__u32 flags;
	__u32 pad;
};

/**
 * struct ipcbook_shm_limits - what a segment is like; fixed at creation.
 *
 * There is no default. More than the module's parameter shm_max_bytes is
 * refused with E2BIG, unless the caller has CAP_SYS_RESOURCE.
 *
 * @size: bytes, whole pages, at least one
 */
struct ipcbook_shm_limits {
	__u64 size;
};

/* Flags of struct ipcbook_ring_limits. */
#define IPCBOOK_RING_MANY	(1U << 0)	/* many producers at a time */
#define IPCBOOK_RING_OVERWRITE	(1U << 1)	/* newest wins; not with MANY */

/**
 * struct ipcbook_ring_limits - what a ring is like; fixed at creation.
 *
 * More than the module's parameter ring_max_bytes is refused with E2BIG, unless
 * the caller has CAP_SYS_RESOURCE.
 *
 * @size: bytes of data, a power of two, from a page to IPCBOOK_RING_SIZE_MAX;
 *	there is no default but for the default ring
 * @flags: IPCBOOK_RING_MANY, IPCBOOK_RING_OVERWRITE
 * @pad: must be zero
 */
struct ipcbook_ring_limits {
	__u64 size;
	__u32 flags;
	__u32 pad;
};

/**
 * struct ipcbook_open - argument of IPCBOOK_IOC_OPEN.
 *
 * @size: sizeof(struct ipcbook_open)
 * @chapter: one of enum ipcbook_chapter
 * @flags: IPCBOOK_OPEN_*; at least one of READ and WRITE
 * @mode: permission bits (0 to 0777) of an object that is created; the
 *	process's umask is applied
 * @name: ends with a zero and is padded with zeroes; no control characters and
 *	no '/'; all zero with IPCBOOK_OPEN_ANON
 * @queue: limits of a queue that is created; looked at only when the call
 *	creates
 * @pipe: capacity of a pipe that is created, likewise; its flags always count
 * @shm: size of a segment that is created, likewise
 * @sem: what a semaphore begins with, likewise; its flags always count
 * @ring: size of a ring that is created, likewise; its flags must always be
 *	those of one, and count when it is
 * @reserved: must be zero
 */
struct ipcbook_open {
	__u32 size;
	__u32 chapter;
	__u32 flags;
	__u32 mode;
	char name[IPCBOOK_NAME_LEN];
	union {
		struct ipcbook_queue_limits queue;
		struct ipcbook_pipe_limits pipe;
		struct ipcbook_shm_limits shm;
		struct ipcbook_sem_limits sem;
		struct ipcbook_ring_limits ring;
		__u64 reserved[8];
	};
};

/**
 * struct ipcbook_unlink - argument of IPCBOOK_IOC_UNLINK.
 *
 * @size: sizeof(struct ipcbook_unlink)
 * @chapter: one of enum ipcbook_chapter
 * @flags: must be zero
 * @pad: must be zero
 * @name: as in struct ipcbook_open
 */
struct ipcbook_unlink {
	__u32 size;
	__u32 chapter;
	__u32 flags;
	__u32 pad;
	char name[IPCBOOK_NAME_LEN];
};

/* What struct ipcbook_change changes. */
#define IPCBOOK_CHANGE_UID	(1U << 0)
#define IPCBOOK_CHANGE_GID	(1U << 1)
#define IPCBOOK_CHANGE_MODE	(1U << 2)

/**
 * struct ipcbook_change - argument of IPCBOOK_IOC_CHANGE.
 *
 * The rules are those of chown(2) and chmod(2). Descriptors that are already
 * open keep what they were opened with.
 *
 * @size: sizeof(struct ipcbook_change)
 * @mask: IPCBOOK_CHANGE_*, at least one
 * @uid: new owner, in the caller's user namespace
 * @gid: new group, in the caller's user namespace
 * @mode: new permission bits, 0 to 0777
 * @pad: must be zero
 */
struct ipcbook_change {
	__u32 size;
	__u32 mask;
	__u32 uid;
	__u32 gid;
	__u32 mode;
	__u32 pad;
};

/**
 * struct ipcbook_stat - answer of IPCBOOK_IOC_STAT.
 *
 * The counters have the same meaning in every chapter; where a chapter has
 * nothing to count, the field is zero. Ids are translated into the caller's
 * namespaces: a process that cannot be seen from there is 0, a user or group
 * without a mapping is the overflow id.
 *
 * @size: in: sizeof(struct ipcbook_stat) as the caller knows it; out: as the
 *	module knows it. What the module knows and the caller does not is cut off.
 * @chapter: one of enum ipcbook_chapter
 * @id: unique among the objects that exist
 * @name: all zero if it has none (any more)
 * @uid: owner
 * @gid: group
 * @mode: permission bits
 * @creator: process that created the object
 * @descriptors: open file descriptions of the object
 * @sender: process that sent last
 * @receiver: process that received last
 * @pad: zero
 * @created_ns: when, CLOCK_REALTIME
 * @sent_ns: when something was sent last, 0 if never
 * @received_ns: when something was received last, 0 if never
 * @depth: messages (records, bytes, tokens) that wait now
 * @bytes: payload bytes that wait now
 * @max_depth: limit of @depth
 * @max_bytes: limit of @bytes
 * @max_size: largest single message
 * @types: distinct message types that wait now
 * @memory: bytes of kernel memory that the object itself owns
 * @senders_waiting: senders that are blocked
 * @receivers_waiting: receivers that are blocked
 * @sent: messages sent since creation
 * @sent_bytes: their payload bytes
 * @received: messages received since creation
 * @received_bytes: their payload bytes, before any truncation
 * @direct: messages that went from a sender straight to a waiting receiver
 * @blocked: sends that had to wait for room
 * @refused: sends that were told EAGAIN or ETIMEDOUT; of a socket that listens,
 *	connects
 * @returned: messages put back because the receiver could not take them
 * @discarded: messages that a sender had begun and not finished when it died
 * @lost: messages that newer ones displaced before they were received
 * @stalled: a sender that has begun a message for which all others wait, 0 if
 *	there is none
 * @flags: what the object was created with
 */
struct ipcbook_stat {
	__u32 size;
	__u32 chapter;
	__u64 id;
	char name[IPCBOOK_NAME_LEN];
	__u32 uid;
	__u32 gid;
	__u32 mode;
	__u32 creator;
	__u32 descriptors;
	__u32 sender;
	__u32 receiver;
	__u32 pad;
	__u64 created_ns;
	__u64 sent_ns;
	__u64 received_ns;
	__u64 depth;
	__u64 bytes;
	__u64 max_depth;
	__u64 max_bytes;
	__u64 max_size;
	__u64 types;
	__u64 memory;
	__u64 senders_waiting;
	__u64 receivers_waiting;
	__u64 sent;
	__u64 sent_bytes;
	__u64 received;
	__u64 received_bytes;
	__u64 direct;
	__u64 blocked;
	__u64 refused;
	__u64 returned;
	__u64 discarded;
	__u64 lost;
	__u32 stalled;
	__u32 flags;
};

#define IPCBOOK_IOC_MAGIC	0xB8

/* On the device: returns a descriptor of the object. */
#define IPCBOOK_IOC_OPEN	_IOW(IPCBOOK_IOC_MAGIC, 0x00, struct ipcbook_open)
/* On the device: takes a name away; see the chapter for what that ends. */
#define IPCBOOK_IOC_UNLINK	_IOW(IPCBOOK_IOC_MAGIC, 0x01, struct ipcbook_unlink)
/* On an object's descriptor. */
#define IPCBOOK_IOC_CHANGE	_IOW(IPCBOOK_IOC_MAGIC, 0x02, struct ipcbook_change)
#define IPCBOOK_IOC_STAT	_IOWR(IPCBOOK_IOC_MAGIC, 0x03, struct ipcbook_stat)

/*
 * ---------------------------------------------------------------------------
 * Pipe
 * ---------------------------------------------------------------------------
 *
 * Bytes that are written to one end are read from the other, in order. A pipe
 * without a name is made by IPCBOOK_IOC_PIPE, one with a name by
 * IPCBOOK_IOC_OPEN, and both are then what pipe(7) says:
 *
 *	write	of up to PIPE_BUF (4,096) bytes is atomic: all of them are
 *		together in the pipe, or none is. Waits for room; with
 *		O_NONBLOCK EAGAIN. A longer one may be mixed with others', and
 *		with O_NONBLOCK may be cut. Without a reader: SIGPIPE and EPIPE.
 *	read	takes what there is, up to what was asked for. Waits for a byte;
 *		with O_NONBLOCK EAGAIN. Empty and without a writer: 0.
 *	poll	EPOLLIN: there is a byte. EPOLLHUP: there is no writer (of a
 *		pipe that was opened without one: no more, once one has come).
 *		EPOLLOUT: PIPE_BUF bytes fit. EPOLLERR: there is no reader.
 *	lseek	ESPIPE, as pread and pwrite
 *	FIONREAD	how many bytes there are
 *
 * Opening a name to read (IPCBOOK_OPEN_READ) waits until it is open for writing
 * and the other way round; EIDRM if the name goes meanwhile. With
 * IPCBOOK_OPEN_NONBLOCK opening to read does not wait, and opening to write gives
 * ENXIO where there is no reader. Opening for both never waits.
 *
 * When the last end is closed, what is still in the pipe goes; its name stays.
 * Unlinking takes the name only: those who have the pipe open keep it.
 *
 * A descriptor opened with IPCBOOK_PIPE_LOOK is no end: opening it does not wait
 * and lets nobody go on who waits for an end. It does not read or write (EBADF),
 * and poll finds nothing; it is good for the other calls, and to create a name.
 *
 * IPCBOOK_OPEN_ANON makes a pipe of one descriptor, which must be open for both.
 */

/**
 * struct ipcbook_pipe - argument of IPCBOOK_IOC_PIPE.
 *
 * @size: sizeof(struct ipcbook_pipe)
 * @flags: IPCBOOK_OPEN_NONBLOCK and IPCBOOK_OPEN_CLOEXEC, of both descriptors
 * @capacity: as in struct ipcbook_pipe_limits
 * @reader: in: must be zero; out: the descriptor that reads
 * @writer: in: must be zero; out: the descriptor that writes
 */
struct ipcbook_pipe {
	__u32 size;
	__u32 flags;
	__u64 capacity;
	__s32 reader;
	__s32 writer;
};

/* On the device: makes a pipe without a name. */
#define IPCBOOK_IOC_PIPE		_IOWR(IPCBOOK_IOC_MAGIC, 0x30, struct ipcbook_pipe)
/* The argument is the new capacity itself; returns what it has become. */
#define IPCBOOK_IOC_PIPE_RESIZE		_IO(IPCBOOK_IOC_MAGIC, 0x31)
/* Returns the capacity. */
#define IPCBOOK_IOC_PIPE_CAPACITY	_IO(IPCBOOK_IOC_MAGIC, 0x32)

/*
 * ---------------------------------------------------------------------------
 * Socket
 * ---------------------------------------------------------------------------
 *
 * IPCBOOK_IOC_SOCKET on the device returns a socket, to which all calls for
 * sockets apply but socket(2) and socketpair(2): no family is registered. Its
 * address is a struct sockaddr_ipcbook. Names live in the network namespace in
 * which the socket was made. bind() gives the socket a name, which goes when the
 * socket is closed, or before by IPCBOOK_IOC_UNLINK; connecting to it needs the
 * name's write permission. Errors are those of unix(7), and
 *
 *	EADDRINUSE	bind: another socket has the name
 *	ECONNREFUSED	connect: nobody has the name, or does not listen
 *	EACCES		connect: the name's mode does not allow it
 *	EPROTOTYPE	connect: the other one is of another type
 *	EDQUOT, ENOSPC	connect, accept: the user, or all users, have too many
 *			objects; a connection is one of the user whose socket
 *			connects until it is accepted, then of who accepts
 *	EOPNOTSUPP	sendmsg: control messages; neither descriptors nor
 *			credentials are passed (see SO_PEERCRED)
 *	EMSGSIZE	send: a record that can never fit the buffer
 *
 * What waits for a receiver is bounded by the sender's SO_SNDBUF and the
 * receiver's SO_RCVBUF, whichever is less, in bytes of payload; a record takes 8
 * bytes more, and a multiple of 8. A stream's buffer grows from there when its
 * receiver keeps up, to the module's parameter socket_max_bytes at most, unless one
 * of the two was set.
 */

/* The family in addresses, and what SO_DOMAIN tells: AF_ASH, which never was. */
#define IPCBOOK_AF		18

/**
 * struct sockaddr_ipcbook - address of a socket.
 *
 * @family: IPCBOOK_AF
 * @name: ends with a zero, or where the address ends; 1 to 63 bytes, no control
 *	characters and no '/'. Of a socket without a name, getsockname() and
 *	getpeername() tell an address that ends before it.
 */
struct sockaddr_ipcbook {
	__u16 family;
	char name[IPCBOOK_NAME_LEN];
};

/**
 * struct ipcbook_socket - argument of IPCBOOK_IOC_SOCKET.
 *
 * @size: sizeof(struct ipcbook_socket)
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @flags: IPCBOOK_OPEN_NONBLOCK, IPCBOOK_OPEN_CLOEXEC
 * @mode: permission bits (0 to 0777) of the name that it may come to have; the
 *	process's umask is applied
 */
struct ipcbook_socket {
	__u32 size;
	__u32 type;
	__u32 flags;
	__u32 mode;
};

/* On the device: returns a socket. */
#define IPCBOOK_IOC_SOCKET	_IOW(IPCBOOK_IOC_MAGIC, 0x20, struct ipcbook_socket)

/*
 * The capture: while the network interface ipcbook0 of a namespace is up, those
 * who listen there (it takes CAP_NET_RAW) get a frame for each event of the
 * namespace's connections, and for all bytes that they carry: an Ethernet header
 * with IPCBOOK_CAPTURE_ETHERTYPE and the addresses 02:00 followed by the pids of
 * sender and receiver in four bytes; then a struct ipcbook_capture; then the
 * payload. All numbers are in network byte order.
 */
#define IPCBOOK_CAPTURE_DEVICE		"ipcbook0"
#define IPCBOOK_CAPTURE_ETHERTYPE	0x88b5
#define IPCBOOK_CAPTURE_VERSION		1

/**
 * enum ipcbook_capture_event - what a frame tells.
 *
 * @IPCBOOK_CAPTURE_CONNECT: a socket was connected
 * @IPCBOOK_CAPTURE_ACCEPT: its other end was accepted
 * @IPCBOOK_CAPTURE_DATA: bytes were sent
 * @IPCBOOK_CAPTURE_SHUTDOWN: shutdown(2); detail is 1 if the sender receives no
 *	more, 2 if it sends no more, 3 for both
 * @IPCBOOK_CAPTURE_CLOSE: the sender's end was closed; detail is 1 if it had not
 *	read everything
 */
enum ipcbook_capture_event {
	IPCBOOK_CAPTURE_CONNECT		= 1,
	IPCBOOK_CAPTURE_ACCEPT		= 2,
	IPCBOOK_CAPTURE_DATA		= 3,
	IPCBOOK_CAPTURE_SHUTDOWN	= 4,
	IPCBOOK_CAPTURE_CLOSE		= 5,
};

/* Flags of a frame. */
#define IPCBOOK_CAPTURE_RECORDS		(1U << 0)	/* SOCK_SEQPACKET */
#define IPCBOOK_CAPTURE_ACCEPTED	(1U << 1)	/* sent by who had accepted */
#define IPCBOOK_CAPTURE_FIRST		(1U << 2)	/* first frame of the event */
#define IPCBOOK_CAPTURE_LAST		(1U << 3)	/* last frame of the event */

/**
 * struct ipcbook_capture - header of a frame.
 *
 * @version: IPCBOOK_CAPTURE_VERSION
 * @event: one of enum ipcbook_capture_event
 * @flags: IPCBOOK_CAPTURE_RECORDS and so on
 * @detail: see the event
 * @sender: process that caused the event, as seen by who set the interface up
 * @receiver: process at the other end, likewise, as of SO_PEERCRED
 * @length: payload bytes in this frame
 * @total: payload bytes of the event, which may come in several frames
 * @offset: of this frame's payload in the event's
 * @connection: number of the connection, that of the socket that connected
 * @number: of the send call, or record, in this direction, from 0
 * @position: payload bytes that were sent before this frame in this direction
 * @name: the name that was connected to
 */
struct ipcbook_capture {
	__u8 version;
	__u8 event;
	__u8 flags;
	__u8 detail;
	__be32 sender;
	__be32 receiver;
	__be32 length;
	__be32 total;
	__be32 offset;
	__be64 connection;
	__be64 number;
	__be64 position;
	char name[IPCBOOK_NAME_LEN];
};

/*
 * ---------------------------------------------------------------------------
 * Queue
 * ---------------------------------------------------------------------------
 *
 * Plain file calls: the file offset is the message type.
 *
 *	pwrite(fd, buf, n, T)	sends n bytes as a message of type T
 *	pread(fd, buf, n, T)	receives the oldest message of exactly type T
 *	lseek(fd, T, SEEK_SET)	sets the type that write(), read() and poll() of
 *				this descriptor use; nothing advances it
 *
 * Offset 0 means type 1 to a sender and any type to a receiver. The ioctls
 * below add deadlines, the other selectors, the sender's identity, peeking and
 * batches. They work on a queue's descriptor, and on the device itself, where
 * they mean the default queue.
 */

/* A message's type is between these. */
#define IPCBOOK_TYPE_MIN	1LL
#define IPCBOOK_TYPE_MAX	(1LL << 62)

/* Messages in one batch. */
#define IPCBOOK_BATCH_MAX	1024

/**
 * enum ipcbook_select - which message a receiver wants.
 *
 * @IPCBOOK_ANY: the oldest; the type must be 0
 * @IPCBOOK_EXACT: the oldest of exactly this type
 * @IPCBOOK_UPTO: of the lowest type that is not above this type, the oldest
 * @IPCBOOK_NOT: the oldest of any other type
 * @IPCBOOK_NTH: only to peek: the message before which "type" others wait, so
 *	0 is the oldest; at most IPCBOOK_NTH_MAX
 */
enum ipcbook_select {
	IPCBOOK_ANY	= 0,
	IPCBOOK_EXACT	= 1,
	IPCBOOK_UPTO	= 2,
	IPCBOOK_NOT	= 3,
	IPCBOOK_NTH	= 4,
};

/* How far IPCBOOK_NTH looks: it is the one call that walks. */
#define IPCBOOK_NTH_MAX		1023LL

/* Flags of the queue's calls. */
#define IPCBOOK_NOWAIT		(1U << 0)	/* EAGAIN instead of waiting */
#define IPCBOOK_TRUNCATE	(1U << 1)	/* cut what does not fit */
#define IPCBOOK_PEEK		(1U << 2)	/* leave the message in the queue */

/**
 * struct ipcbook_queue_info - where a message came from.
 *
 * @type: its type
 * @length: its whole length, also where less was copied
 * @number: its arrival number in this queue, from 1
 * @sent_ns: when it was sent, CLOCK_REALTIME at tick resolution
 * @pid: sender, 0 where it cannot be seen from the receiver's pid namespace
 * @uid: sender's effective user, in the receiver's user namespace
 * @gid: sender's effective group, likewise
 * @pad: zero
 */
struct ipcbook_queue_info {
	__s64 type;
	__u64 length;
	__u64 number;
	__u64 sent_ns;
	__u32 pid;
	__u32 uid;
	__u32 gid;
	__u32 pad;
};

/**
 * struct ipcbook_queue_send - argument of IPCBOOK_IOC_QUEUE_SEND.
 *
 * @size: sizeof(struct ipcbook_queue_send)
 * @flags: IPCBOOK_NOWAIT
 * @deadline: see the head of this file
 * @type: IPCBOOK_TYPE_MIN to IPCBOOK_TYPE_MAX
 * @buf: pointer to the payload
 * @len: its bytes, at least 1
 */
struct ipcbook_queue_send {
	__u32 size;
	__u32 flags;
	__u64 deadline;
	__s64 type;
	__u64 buf;
	__u64 len;
};

/**
 * struct ipcbook_queue_recv - argument of IPCBOOK_IOC_QUEUE_RECV.
 *
 * The call returns how many bytes were copied.
 *
 * @size: sizeof(struct ipcbook_queue_recv)
 * @flags: IPCBOOK_NOWAIT, IPCBOOK_TRUNCATE, IPCBOOK_PEEK (never waits: ENOMSG)
 * @deadline: see the head of this file
 * @type: what @select compares with
 * @select: one of enum ipcbook_select
 * @pad: must be zero
 * @buf: pointer to where the payload goes
 * @len: room there; a longer message gives EMSGSIZE and stays in the queue,
 *	unless IPCBOOK_TRUNCATE
 * @info: pointer to a struct ipcbook_queue_info to be filled, or 0
 */
struct ipcbook_queue_recv {
	__u32 size;
	__u32 flags;
	__u64 deadline;
	__s64 type;
	__u32 select;
	__u32 pad;
	__u64 buf;
	__u64 len;
	__u64 info;
};

/**
 * struct ipcbook_queue_entry - one message of a batch.
 *
 * @buf: pointer to the payload
 * @len: in: bytes to send, or room to receive; out, of a received message:
 *	bytes copied
 * @info: to send, type counts and the rest must be zero; of a received message
 *	all of it is filled
 */
struct ipcbook_queue_entry {
	__u64 buf;
	__u64 len;
	struct ipcbook_queue_info info;
};

/**
 * struct ipcbook_queue_batch - argument of IPCBOOK_IOC_QUEUE_SEND_BATCH and
 * IPCBOOK_IOC_QUEUE_RECV_BATCH.
 *
 * Both return how many messages went, at least 1, or an error if none did.
 * A send waits as often as it must and stops at the first message that cannot
 * go. A receive waits for the first message only and then takes what is there.
 *
 * @size: sizeof(struct ipcbook_queue_batch)
 * @flags: IPCBOOK_NOWAIT; to receive also IPCBOOK_TRUNCATE
 * @deadline: see the head of this file
 * @type: to receive, what @select compares with; to send, must be 0
 * @select: to receive, one of enum ipcbook_select; to send, must be 0
 * @count: entries, 1 to IPCBOOK_BATCH_MAX
 * @entries: pointer to an array of struct ipcbook_queue_entry
 */
struct ipcbook_queue_batch {
	__u32 size;
	__u32 flags;
	__u64 deadline;
	__s64 type;
	__u32 select;
	__u32 count;
	__u64 entries;
};

/**
 * struct ipcbook_queue_select - argument of IPCBOOK_IOC_QUEUE_SELECT.
 *
 * Sets which messages make this descriptor readable for poll. lseek() sets the
 * same: offset 0 to any type, T to exactly T.
 *
 * @size: sizeof(struct ipcbook_queue_select)
 * @select: one of enum ipcbook_select but IPCBOOK_NTH
 * @type: what @select compares with
 */
struct ipcbook_queue_select {
	__u32 size;
	__u32 select;
	__s64 type;
};

#define IPCBOOK_IOC_QUEUE_SEND		_IOW(IPCBOOK_IOC_MAGIC, 0x40, struct ipcbook_queue_send)
#define IPCBOOK_IOC_QUEUE_RECV		_IOW(IPCBOOK_IOC_MAGIC, 0x41, struct ipcbook_queue_recv)
#define IPCBOOK_IOC_QUEUE_SEND_BATCH	_IOW(IPCBOOK_IOC_MAGIC, 0x42, struct ipcbook_queue_batch)
#define IPCBOOK_IOC_QUEUE_RECV_BATCH	_IOW(IPCBOOK_IOC_MAGIC, 0x43, struct ipcbook_queue_batch)
#define IPCBOOK_IOC_QUEUE_SELECT	_IOW(IPCBOOK_IOC_MAGIC, 0x44, struct ipcbook_queue_select)

/*
 * ---------------------------------------------------------------------------
 * Shared memory
 * ---------------------------------------------------------------------------
 *
 * A segment is a number of pages, all zero at first, that its descriptors map:
 *
 *	mmap(NULL, n, prot, MAP_SHARED, fd, offset)
 *
 * Offset 0 is its first byte; any part of it can be mapped, any number of
 * times. lseek(fd, 0, SEEK_END) tells its size, as do max_bytes and bytes of
 * IPCBOOK_IOC_STAT. Errors of mmap:
 *
 *	EINVAL		MAP_PRIVATE; a part that is not in the segment
 *	EACCES		the descriptor is not open for reading, or is not open
 *			for writing and PROT_WRITE is wanted (of mprotect also)
 *	ENOMEM		no memory for the page tables
 *
 * A mapping does not grow (mremap: EFAULT). It stays when the descriptor is
 * closed and when the name is unlinked, and is inherited by fork.
 *
 * futex(2) between processes does not work in it (EFAULT), so neither does what
 * is made of it: process-shared pthread mutexes and POSIX semaphores. Within
 * one process (FUTEX_PRIVATE_FLAG) it does.
 */

/*
 * ---------------------------------------------------------------------------
 * Semaphore
 * ---------------------------------------------------------------------------
 *
 * A semaphore has units, up to a maximum. Down takes some of them, all that
 * were asked for or none, and waits until it can; up gives some. Both need a
 * descriptor that is open for writing; looking at the value needs one that is
 * open for reading. poll: EPOLLIN when there is a unit that nobody waits for,
 * EPOLLOUT when there is room for one.
 *
 * Those who wait are served in order of arrival: while one waits, nobody who
 * comes later is served before, however little they ask for. Only who waits for
 * all of several semaphores stands aside as long as one of them lacks units.
 *
 * Without a system call: IPCBOOK_IOC_SEM_MAP tells where in the file to map
 * (shared) a page whose first 32-bit word holds the value in its low bits and
 * IPCBOOK_SEM_CONTENDED above. As long as that bit is clear, whoever may write
 * can take and give units by compare and exchange: with acquire ordering to
 * take, no further down than 0, and with release ordering to give, no further
 * up than the maximum. While it is set, the kernel must be asked; it sets the
 * bit while anybody waits or polls, and while somebody is to be told of units
 * that came back; the value that stands there then is for nobody. No other word
 * of the page means anything. The mapping is inherited by fork.
 *
 * A descriptor opened with IPCBOOK_SEM_UNDO remembers what each process took
 * through it. What the process has not given back comes back when the process
 * ends, in whatever way, or closes a descriptor of this open file: also where
 * another process, forked or passed the descriptor, keeps one. The next down of
 * anybody then answers IPCBOOK_SEM_ORPHANED, once: what the units protect may
 * have been left half done. Through such a descriptor a process gives no more
 * than it took, and nothing can be mapped. Threads, and processes that share
 * their descriptors (CLONE_FILES), count as one.
 */

/* Most units that a semaphore can have. */
#define IPCBOOK_SEM_MAX		0x7fffffffU

/* In the mapped word: ask the kernel. */
#define IPCBOOK_SEM_CONTENDED	0x80000000U

/* Semaphores in one wait. */
#define IPCBOOK_SEM_WAIT_MAX	64

/* Answered by a down and by a wait, instead of 0 or added to the index. */
#define IPCBOOK_SEM_ORPHANED	0x100

/**
 * struct ipcbook_sem_down - argument of IPCBOOK_IOC_SEM_DOWN.
 *
 * The call returns 0, or IPCBOOK_SEM_ORPHANED.
 *
 * @size: sizeof(struct ipcbook_sem_down)
 * @flags: IPCBOOK_NOWAIT
 * @deadline: see the head of this file
 * @units: how many to take, 1 to the semaphore's maximum
 * @pad: must be zero
 */
struct ipcbook_sem_down {
	__u32 size;
	__u32 flags;
	__u64 deadline;
	__u32 units;
	__u32 pad;
};

/**
 * struct ipcbook_sem_map - argument of IPCBOOK_IOC_SEM_MAP.
 *
 * @size: in: sizeof(struct ipcbook_sem_map); all else must be zero
 * @maximum: out: most units that the semaphore can have
 * @offset: out: where to map
 * @length: out: how many bytes to map
 */
struct ipcbook_sem_map {
	__u32 size;
	__u32 maximum;
	__u64 offset;
	__u64 length;
};

/**
 * struct ipcbook_sem_want - one semaphore of a wait.
 *
 * @fd: descriptor, open for writing
 * @units: how many to take of it, 1 to the semaphore's maximum
 */
struct ipcbook_sem_want {
	__s32 fd;
	__u32 units;
};

/* Flag of struct ipcbook_sem_wait: all of them, not any one. */
#define IPCBOOK_SEM_ALL		(1U << 3)

/**
 * struct ipcbook_sem_wait - argument of IPCBOOK_IOC_SEM_WAIT.
 *
 * Takes what is wanted of one semaphore and nothing of the others; or, with
 * IPCBOOK_SEM_ALL, what is wanted of each at the same moment. A call that fails
 * has taken nothing. Of several that can be taken it is the first.
 *
 * The call returns the index of the semaphore that was taken, or 0 with
 * IPCBOOK_SEM_ALL; IPCBOOK_SEM_ORPHANED is added as to a down. It ignores
 * O_NONBLOCK.
 *
 * @size: sizeof(struct ipcbook_sem_wait)
 * @flags: IPCBOOK_NOWAIT, IPCBOOK_SEM_ALL
 * @deadline: see the head of this file
 * @wants: pointer to an array of struct ipcbook_sem_want, each of another
 *	semaphore
 * @count: how many, 1 to IPCBOOK_SEM_WAIT_MAX
 * @pad: must be zero
 */
struct ipcbook_sem_wait {
	__u32 size;
	__u32 flags;
	__u64 deadline;
	__u64 wants;
	__u32 count;
	__u32 pad;
};

#define IPCBOOK_IOC_SEM_DOWN	_IOW(IPCBOOK_IOC_MAGIC, 0x70, struct ipcbook_sem_down)
/* The argument is the number of units itself. */
#define IPCBOOK_IOC_SEM_UP	_IO(IPCBOOK_IOC_MAGIC, 0x71)
/* Returns the value. */
#define IPCBOOK_IOC_SEM_VALUE	_IO(IPCBOOK_IOC_MAGIC, 0x72)
#define IPCBOOK_IOC_SEM_MAP	_IOWR(IPCBOOK_IOC_MAGIC, 0x73, struct ipcbook_sem_map)
/* On the device, or on any semaphore's descriptor. */
#define IPCBOOK_IOC_SEM_WAIT	_IOW(IPCBOOK_IOC_MAGIC, 0x74, struct ipcbook_sem_wait)

/*
 * ---------------------------------------------------------------------------
 * Ring
 * ---------------------------------------------------------------------------
 *
 * Records of any length, written in place by a producer and read in place by a
 * consumer. P is the page size, N the ring's size, a power of two from P to
 * IPCBOOK_RING_SIZE_MAX.
 *
 * A descriptor that is open for reading is a consumer's, one for reading and
 * writing a producer's. IPCBOOK_IOC_RING_MAP tells where in the file to map,
 * shared and to read and write, and how much:
 *
 *	from its beginning	what				written by
 *	0			struct ipcbook_ring_consumer	the consumer
 *	P			struct ipcbook_ring_producer	producers
 *	2P			N bytes of data			producers
 *	2P + N			the same again			producers
 *
 * So every record is in one piece. What the other side writes is read-only and
 * stays so. Who has mapped is the consumer, or a producer, until that mapping
 * ends: there is one consumer at a time, and one producer unless the ring is
 * IPCBOOK_RING_MANY. It is mapped as a whole, and not inherited by fork. Errors
 * of mmap:
 *
 *	EBUSY		there is one already; there are IPCBOOK_RING_SLOTS
 *	EINVAL		MAP_PRIVATE, not PROT_READ | PROT_WRITE, another offset
 *			or length
 *	EACCES		the device, whose default ring does not allow it
 *	ENOMEM		no memory is left
 *
 * In a file (a memfd) of 2P + N bytes the same is done without the module, among
 * processes that trust each other: data are at 2P and mapped twice, and the
 * words below on which the kernel sleeps are futexes. All zero is an empty ring.
 *
 * Positions are 32 bits, count bytes, and wrap; a position modulo N is an offset
 * in the data. A record begins at a multiple of 8 with a struct
 * ipcbook_ring_record; the payload follows, then what is missing to a multiple
 * of 8. It takes at most N / 2 bytes.
 *
 * One producer. A record is either seen whole or not at all:
 *
 *  1. The word of the record at which the producer goes on is 0.
 *  2. To publish a record, the producer writes payload, then a 0 into the word
 *     of the record after it, then the record's own word (store-release). So it
 *     needs 8 bytes more than the record's own room. Several records are
 *     published at once by writing the word of the first one last.
 *  3. The consumer reads the word at its position (load-acquire). Without
 *     IPCBOOK_RING_READY there is no record. With IPCBOOK_RING_SKIP there is
 *     nothing in it. It reads the word once and checks the length.
 *  4. When it is done with a record, it moves consumer.head (store-release),
 *     which the producer reads (load-acquire) before it writes there again. The
 *     producer checks that head is not more than N behind.
 *
 * Sleeping and waking:
 *
 *  5. Who finds nothing to do reads the other side's wakes, adds 1 to its own
 *     asleep (sequentially consistent), looks again (sequentially consistent
 *     load) and sleeps until wakes changes. A producer first writes into wanted
 *     which head it waits for, and the wakes that it has read; where those are
 *     in wanted already, someone else waits too, and the earlier head stands.
 *  6. Who has published or released (store-release, then a full barrier) looks
 *     at the other's asleep. If that is not the number for which it woke last,
 *     and of a producer wanted is reached, it adds 1 to its own wakes and wakes
 *     who waits for that (IPCBOOK_IOC_RING_WAKE).
 *
 * So of both at least one sees what the other wrote, and a sleeper is woken once.
 * poll() of the descriptor adds to asleep as well.
 *
 * A producer that dies leaves its position behind in tail, or a number of
 * published records further: the next one goes on at the first word that is 0.
 * What had not been published is lost; unpublished tells how many records.
 *
 * Many producers (IPCBOOK_RING_MANY). Each has a slot, which it writes alone, and
 * whose index IPCBOOK_IOC_RING_SLOT tells (in a file, each takes one whose owner
 * is 0):
 *
 *  7. Room is reserved under lock, which holds the index plus 1 of whoever has
 *     it, and is taken by compare and exchange (acquire). Under it the producer
 *     writes slot.position, then slot.length (the record's room), a 0 into the
 *     word of the record after it, its index plus 1 into the record's slot, then
 *     IPCBOOK_RING_BUSY and the length into its word; only then it moves tail
 *     (each a store-release). So of whatever lies before tail the length is
 *     known. Then it gives up lock (store-release).
 *  8. To publish the record, it writes its word as in 2; to discard it, with
 *     IPCBOOK_RING_SKIP. Then it makes slot.length 0.
 *  9. When a producer dies, a record of its slot that is still busy is discarded,
 *     as in 8, or, if tail has not moved, its word made 0; then its lock is given
 *     up. The kernel does that as soon as the mapping ends.
 * 10. The number for which the consumer was woken last is in woken, and whoever
 *     changes it by compare and exchange wakes.
 *
 * Records arrive in the order in which they were reserved. A producer that is
 * alive and does not go on holds back those after it; "stalled" of struct
 * ipcbook_stat names it.
 *
 * Newest wins (IPCBOOK_RING_OVERWRITE, one producer). The producer does not look
 * at head:
 *
 * 11. Before it writes over records, it moves oldest past them (store, then a
 *     full barrier, then the new record): its low half is the position of the
 *     oldest record that stands, its high half how many were before that.
 * 12. The consumer reads oldest after it read the word, and again after it read
 *     the record (each time with an acquire barrier before). If that is past its
 *     position, what it read is not to be trusted: it goes on at oldest.
 */

/* A ring's largest size. */
#define IPCBOOK_RING_SIZE_MAX		(1U << 30)

/* Most producers at a time. */
#define IPCBOOK_RING_SLOTS		32U

/* In a record's word: it is there; the rest is the length of its payload. */
#define IPCBOOK_RING_READY		(1U << 31)
/* It is being written. */
#define IPCBOOK_RING_BUSY		(1U << 30)
/* With READY: there is nothing in it. */
#define IPCBOOK_RING_SKIP		(1U << 29)

/* Records that a producer publishes together at most. */
#define IPCBOOK_RING_BATCH		32U

/**
 * struct ipcbook_ring_record - head of a record.
 *
 * @word: 0, or what is above and the payload's length
 * @slot: with many producers, whose it is; otherwise not looked at
 */
struct ipcbook_ring_record {
	__u32 word;
	__u32 slot;
};

/**
 * struct ipcbook_ring_consumer - what the consumer tells.
 *
 * What is written for each record, what the producer reads for each record, and
 * the rest are 128 bytes apart, so that they share no cache line.
 *
 * @head: position up to which everything has been read
 * @pad1: not looked at
 * @asleep: how often it meant to sleep
 * @pad2: not looked at
 * @wakes: how often it has woken producers
 * @pad3: not looked at
 * @records: how many it has read
 * @bytes: their payloads
 * @lost: how many were written over before it read them
 */
struct ipcbook_ring_consumer {
	__u32 head;
	__u32 pad1[31];
	__u32 asleep;
	__u32 pad2[31];
	__u32 wakes;
	__u32 pad3;
	__u64 records;
	__u64 bytes;
	__u64 lost;
};

/**
 * struct ipcbook_ring_slot - what one of many producers tells.
 *
 * @owner: in a file, its process; 0 if nobody has the slot
 * @position: where the record is that it writes
 * @length: room of that record, 0 if it writes none
 * @pad1: not looked at
 * @records: how many those who had this slot have published
 * @bytes: their payloads
 * @pad2: not looked at
 */
struct ipcbook_ring_slot {
	__u32 owner;
	__u32 position;
	__u32 length;
	__u32 pad1;
	__u64 records;
	__u64 bytes;
	__u64 pad2[4];
};

/**
 * struct ipcbook_ring_producer - what producers tell.
 *
 * @tail: position up to which it knows to have published; of many producers, up
 *	to which they have reserved
 * @unpublished: records that it has begun and not published
 * @discarded: in a file, records that producers before it had begun, and not
 *	published
 * @lock: of many producers
 * @oldest: where newest wins, how many records are gone, and the position of the
 *	oldest that is not
 * @records: how many have been published by one producer
 * @bytes: their payloads
 * @pad1: not looked at
 * @wanted: which head a sleeper waits for; above that the consumer's wakes
 * @asleep: how often a producer meant to sleep
 * @pad2: not looked at
 * @wakes: how often a producer has woken the consumer
 * @woken: for which of its asleep, by one of many producers
 * @pad3: not looked at
 * @slots: of many producers
 */
struct ipcbook_ring_producer {
	__u32 tail;
	__u32 unpublished;
	__u32 discarded;
	__u32 lock;
	__u64 oldest;
	__u64 records;
	__u64 bytes;
	__u64 pad1[11];
	__u64 wanted;
	__u32 asleep;
	__u32 pad2[29];
	__u32 wakes;
	__u32 woken;
	__u32 pad3[190];
	struct ipcbook_ring_slot slots[IPCBOOK_RING_SLOTS];
};

/* The two sides. */
#define IPCBOOK_RING_PRODUCER		1U
#define IPCBOOK_RING_CONSUMER		2U

/**
 * struct ipcbook_ring_map - argument of IPCBOOK_IOC_RING_MAP.
 *
 * @size: in: sizeof(struct ipcbook_ring_map)
 * @role: in: IPCBOOK_RING_PRODUCER or IPCBOOK_RING_CONSUMER; 0 for what the
 *	descriptor is, which the device is not
 * @flags: out: IPCBOOK_RING_MANY, IPCBOOK_RING_OVERWRITE; in: must be zero, as
 *	all that follows
 * @pad: zero
 * @bytes: out: N
 * @offset: out: where to map
 * @length: out: how many bytes to map
 */
struct ipcbook_ring_map {
	__u32 size;
	__u32 role;
	__u32 flags;
	__u32 pad;
	__u64 bytes;
	__u64 offset;
	__u64 length;
};

/* Flag of struct ipcbook_ring_wait: EPIPE if no producer is there any more. */
#define IPCBOOK_RING_HANGUP		(1U << 1)

/**
 * struct ipcbook_ring_wait - argument of IPCBOOK_IOC_RING_WAIT.
 *
 * Sleeps until wakes of the other side is not @wakes any more.
 *
 * @size: sizeof(struct ipcbook_ring_wait)
 * @role: which side the caller is, or 0, as in struct ipcbook_ring_map
 * @deadline: see the head of this file
 * @wakes: what the other side's wakes was
 * @flags: of a consumer IPCBOOK_RING_HANGUP: EPIPE if no producer is there, and
 *	one has been since the ring was mapped, or had left records then
 */
struct ipcbook_ring_wait {
	__u32 size;
	__u32 role;
	__u64 deadline;
	__u32 wakes;
	__u32 flags;
};

/* All of them on a ring's descriptor, or on the device for the default ring. */
#define IPCBOOK_IOC_RING_MAP	_IOWR(IPCBOOK_IOC_MAGIC, 0x60, struct ipcbook_ring_map)
#define IPCBOOK_IOC_RING_WAIT	_IOW(IPCBOOK_IOC_MAGIC, 0x61, struct ipcbook_ring_wait)
/* Wakes the other side; the argument is the caller's role itself, or 0. */
#define IPCBOOK_IOC_RING_WAKE	_IO(IPCBOOK_IOC_MAGIC, 0x62)
/* Returns the index of the slot of the mapping at this address. */
#define IPCBOOK_IOC_RING_SLOT	_IO(IPCBOOK_IOC_MAGIC, 0x63)

/*
 * ---------------------------------------------------------------------------
 * Generic netlink: seeing it, and signals
 * ---------------------------------------------------------------------------
 *
 * Family "ipcbook", described in Documentation/netlink/ipcbook.yaml.
 *
 * Signals have the numbers 1 to 64. A process registers with a socket, under
 * its pid, with a name and in groups if it likes; closing the socket ends that,
 * and unloading the module, of which the socket's error ENODEV tells. Whoever
 * kill(2) would let sends to the pid, the name or a group. It tells that
 * something happened and from whom, and carries nothing else.
 *
 * What was sent and not yet received is pending, in the module. Of 1 to 31 one
 * is pending, with a count of how many fell together; 32 to 64 queue, up to the
 * registration's limit, past which the sender is told EAGAIN. The lowest number
 * comes first, in order of arrival within a number. What is in the
 * registration's mask stays pending; 9 and 19 cannot be masked.
 *
 * As long as a signal is pending that is not masked, the socket holds one
 * message IPCBOOK_CMD_SIGNAL_DOORBELL. If that is the only one, the doorbell
 * carries it, and reading it receives the signal. Else its IPCBOOK_A_MORE is not
 * 0, it carries none, and what is there is received by
 * IPCBOOK_CMD_SIGNAL_FETCH, which never waits and hangs up the doorbell anew if
 * there is still more. A doorbell that was not read is right at any time: it
 * goes, or becomes another, when the mask or what is pending changes. The
 * answer to a request on the socket comes before it.
 */
#define IPCBOOK_GENL_NAME	"ipcbook"
#define IPCBOOK_GENL_VERSION	1

/* Signals: the highest number, and the highest of those that coalesce. */
#define IPCBOOK_SIGNAL_MAX		64
#define IPCBOOK_SIGNAL_COALESCED	31

/* Most groups of a registration. */
#define IPCBOOK_SIGNAL_GROUPS		16
/* Most numbers, and most targets, of one IPCBOOK_CMD_SIGNAL_SEND. */
#define IPCBOOK_SIGNAL_BATCH		64
/* Most signals of one answer to IPCBOOK_CMD_SIGNAL_FETCH. */
#define IPCBOOK_SIGNAL_FETCH		64
/* Most objects that a registration can be told of; see RAISE. */
#define IPCBOOK_SIGNAL_RAISES		64

/**
 * struct ipcbook_signal_info - a signal as its receiver gets it.
 *
 * @number: 1 to 64
 * @count: of 1 to 31, how many fell together; of 32 to 64 always 1
 * @pid: who sent it (of several that fell together, the first), 0 where it
 *	cannot be seen from the receiver's pid namespace, or is an object
 * @uid: sender's effective user, in the receiver's user namespace
 * @object: id of the object that became ready, 0 if a process sent it
 */
struct ipcbook_signal_info {
	__u32 number;
	__u32 count;
	__u32 pid;
	__u32 uid;
	__u64 object;
};

/* What to do with a mask, as of sigprocmask(2). */
enum ipcbook_signal_how {
	IPCBOOK_SIGNAL_BLOCK	= 0,
	IPCBOOK_SIGNAL_UNBLOCK	= 1,
	IPCBOOK_SIGNAL_SETMASK	= 2,
};

/* What an object is to become ready for. */
#define IPCBOOK_READY_IN	(1U << 0)	/* to receive from it */
#define IPCBOOK_READY_OUT	(1U << 1)	/* to send to it */

/*
 * Multicast groups: of all objects (takes CAP_NET_ADMIN in the network
 * namespace), and of those that everybody may read.
 */
#define IPCBOOK_GENL_GROUP_ALL		"all"
#define IPCBOOK_GENL_GROUP_OBJECTS	"objects"

/**
 * enum ipcbook_event - what becomes of an object.
 *
 * @IPCBOOK_EVENT_CREATED: it was created
 * @IPCBOOK_EVENT_OPENED: one that was there was opened by its name; somebody
 *	connects to the name of a socket
 * @IPCBOOK_EVENT_UNLINKED: its name has gone
 * @IPCBOOK_EVENT_GONE: nobody refers to it any more
 * @IPCBOOK_EVENT_LIMIT: a limit was hit, and somebody told so by ERROR. EDQUOT at
 *	the user's limits, ENOSPC at everybody's: it was not created, or did not
 *	grow (told at most ten times in a second). EAGAIN: it was full, and a
 *	sender did not wait; or too many wait to be accepted; ETIMEDOUT: or not
 *	any longer; EOVERFLOW: it was at its maximum (of each object at most once
 *	in a second). Rings, which only their users see fill, do not tell
 */
enum ipcbook_event {
	IPCBOOK_EVENT_CREATED	= 1,
	IPCBOOK_EVENT_OPENED	= 2,
	IPCBOOK_EVENT_UNLINKED	= 3,
	IPCBOOK_EVENT_GONE	= 4,
	IPCBOOK_EVENT_LIMIT	= 5,
};

/**
 * enum ipcbook_cmd - commands of the netlink family.
 *
 * Each takes the attributes that are listed here, and refuses others. Errors
 * name the attribute that is wrong, or missing, in an extended ack. All but SEND
 * and OBJECT_GET are about the registration of the socket that they come from;
 * without one they give ENOTCONN. None of them waits.
 *
 * @IPCBOOK_CMD_UNSPEC: none
 * @IPCBOOK_CMD_OBJECT_GET: dump: one message for each object of the socket's
 *	network namespace that the caller may read; takes CHAPTER, NAME. Of a
 *	registration it also tells GROUP (each), MASK and SET
 * @IPCBOOK_CMD_SIGNAL_REGISTER: registers the calling process; takes NAME,
 *	GROUP (up to 16 times), LIMIT (default 1,024). Answers LIMIT.
 * @IPCBOOK_CMD_SIGNAL_SEND: sends each NUMBER (1 to 64 times, 0 only asks
 *	whether it could be sent) to each PID, NAME or GROUP (1 to 64 times in
 *	all). Has no answer; the acknowledgment's cookie is a u64: how many
 *	signals arrived, and in the upper half how many did not find room. It is
 *	an error if none arrived
 * @IPCBOOK_CMD_SIGNAL_FETCH: receives up to COUNT (default 64) signals. Answers
 *	SIGNALS, if there are any, and MORE
 * @IPCBOOK_CMD_SIGNAL_MASK: changes the mask by SET as HOW says; without them
 *	only asks. Answers MASK, as it was before
 * @IPCBOOK_CMD_SIGNAL_PENDING: answers what is pending, masked or not, as SET;
 *	and MASK, LIMIT, and of LIMIT how much is used as COUNT
 * @IPCBOOK_CMD_SIGNAL_RAISE: the object behind the descriptor FD raises NUMBER
 *	when it goes from not ready to ready for EVENTS, and at once if it is
 *	ready now; with NUMBER 0 no longer. A queue or pipe each time, what is
 *	mapped once. Answers NUMBER, as it was before
 * @IPCBOOK_CMD_SIGNAL_DOORBELL: from the module only: MORE, and SIGNALS
 *	(one) unless that is not 0
 * @IPCBOOK_CMD_OBJECT_EVENT: from the module only, to the groups: EVENT,
 *	CHAPTER, NAME and ID of an object, and ERROR with a limit
 * @__IPCBOOK_CMD_MAX: one past the last
 */
enum ipcbook_cmd {
	IPCBOOK_CMD_UNSPEC,
	IPCBOOK_CMD_OBJECT_GET,
	IPCBOOK_CMD_SIGNAL_REGISTER,
	IPCBOOK_CMD_SIGNAL_SEND,
	IPCBOOK_CMD_SIGNAL_FETCH,
	IPCBOOK_CMD_SIGNAL_MASK,
	IPCBOOK_CMD_SIGNAL_PENDING,
	IPCBOOK_CMD_SIGNAL_RAISE,
	IPCBOOK_CMD_SIGNAL_DOORBELL,
	IPCBOOK_CMD_OBJECT_EVENT,
	__IPCBOOK_CMD_MAX,
};

#define IPCBOOK_CMD_MAX		(__IPCBOOK_CMD_MAX - 1)

/**
 * enum ipcbook_attr - attributes of the netlink family; the meaning of those
 * that describe an object is that of the field of the same name in struct
 * ipcbook_stat.
 *
 * @IPCBOOK_A_UNSPEC: none
 * @IPCBOOK_A_CHAPTER: u32; in a request: only objects of this chapter
 * @IPCBOOK_A_NAME: string, left out for an object without a name; in a request:
 *	only objects of this name; the name to register under, or to send to
 * @IPCBOOK_A_STAT: binary, struct ipcbook_stat
 * @IPCBOOK_A_PID: u32, from 1: a process, in the sender's pid namespace
 * @IPCBOOK_A_GROUP: string: a group; the rules for it are those for a name
 * @IPCBOOK_A_NUMBER: u32, 0 to 64: a signal
 * @IPCBOOK_A_LIMIT: u32, from 1: most signals from 32 up that may be pending
 * @IPCBOOK_A_HOW: u32, enum ipcbook_signal_how
 * @IPCBOOK_A_SET: u64: signals, number 1 is the lowest bit
 * @IPCBOOK_A_MASK: u64: likewise; only in answers
 * @IPCBOOK_A_COUNT: u32, 1 to 64 in a request
 * @IPCBOOK_A_MORE: u32: not 0 if more signals can be received; only in answers
 * @IPCBOOK_A_SIGNALS: binary, an array of struct ipcbook_signal_info; only in
 *	answers
 * @IPCBOOK_A_FD: u32: a descriptor of the caller's
 * @IPCBOOK_A_EVENTS: u32: IPCBOOK_READY_IN or IPCBOOK_READY_OUT
 * @IPCBOOK_A_EVENT: u32: one of enum ipcbook_event; only from the module
 * @IPCBOOK_A_ID: u32: the object's number; likewise
 * @IPCBOOK_A_ERROR: u32: the errno of a limit; likewise
 * @__IPCBOOK_A_MAX: one past the last
 */
enum ipcbook_attr {
	IPCBOOK_A_UNSPEC,
	IPCBOOK_A_CHAPTER,
	IPCBOOK_A_NAME,
	IPCBOOK_A_STAT,
	IPCBOOK_A_PID,
	IPCBOOK_A_GROUP,
	IPCBOOK_A_NUMBER,
	IPCBOOK_A_LIMIT,
	IPCBOOK_A_HOW,
	IPCBOOK_A_SET,
	IPCBOOK_A_MASK,
	IPCBOOK_A_COUNT,
	IPCBOOK_A_MORE,
	IPCBOOK_A_SIGNALS,
	IPCBOOK_A_FD,
	IPCBOOK_A_EVENTS,
	IPCBOOK_A_EVENT,
	IPCBOOK_A_ID,
	IPCBOOK_A_ERROR,
	__IPCBOOK_A_MAX,
};

#define IPCBOOK_A_MAX		(__IPCBOOK_A_MAX - 1)

#endif /* _UAPI_LINUX_IPCBOOK_H */
