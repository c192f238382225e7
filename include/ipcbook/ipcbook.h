/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libipcbook - the handbook of Linux inter-process communication, from C.
 *
 * Every object is a file descriptor: poll it, pass it over a UNIX socket,
 * inherit it, close it. Every function returns 0 or a positive answer on
 * success and a negative errno on failure; errno itself is left alone, nothing
 * is printed, and a call that failed changed nothing. Pointers must be valid
 * unless it is said that they may be NULL. All functions may be called from
 * any thread at any time; the library keeps no state.
 *
 * Deadlines are absolute, in nanoseconds of CLOCK_MONOTONIC, 0 for ever; see
 * ipcbook_deadline().
 *
 * What every function can answer that is given a descriptor:
 *
 *	-EBADF		it is not open, or not open for that (sending on
 *			O_RDONLY, receiving on O_WRONLY)
 *	-ENOTTY		it is not an object, or of another chapter; where a
 *			plain call is made (see the queue), a descriptor of
 *			something else is read or written as what it is
 *	-EFAULT		a pointer is not valid
 *
 * And what every function can answer that opens the device for itself
 * (ipcbook_unlink(), ipcbook_sem_wait(), and the _open() and _unlink() of each
 * chapter):
 *
 *	-ENODEV		there is no device: the module is not loaded
 *	-EACCES		the device may not be opened for reading and writing
 *	-ENOTTY		what is there is not ipcbook's
 *	-EMFILE, -ENFILE	no descriptor is left
 *	-ENOMEM		no memory is left
 */
#ifndef IPCBOOK_H
#define IPCBOOK_H

#include <stdint.h>
#include <sys/types.h>

#include <linux/ipcbook.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IPCBOOK_API __attribute__((visibility("default")))

/* What every chapter shares: userspace/lib/book.c */

/**
 * ipcbook_version() - the library's version
 *
 * Return: a string such as "0.1.0" that lives for ever.
 */
IPCBOOK_API const char *ipcbook_version(void);

/**
 * ipcbook_deadline() - a deadline so long from now
 * @nanoseconds: how long; negative is in the past
 *
 * A deadline that has passed already does not wait: what is there is taken,
 * and where nothing is, the answer is -ETIMEDOUT.
 *
 * Return: the deadline in nanoseconds of CLOCK_MONOTONIC. Never 0, which would
 * be for ever, and at most INT64_MAX, in 292 years. Cannot fail.
 */
IPCBOOK_API uint64_t ipcbook_deadline(int64_t nanoseconds);

/**
 * ipcbook_unlink() - takes a name away
 * @chapter: what kind of object has it
 * @name: the name, 1 to 63 bytes
 *
 * What it ends depends on the chapter: a queue ends for everybody, whoever
 * waits there gets -EIDRM, and the messages that wait are gone. The
 * descriptors stay open until they are closed. The name can be used again at
 * once. Only the owner may do it, and who has CAP_FOWNER.
 *
 * Return: 0, or
 *
 * * -ENOENT: there is no such object
 * * -EPERM: the object belongs to somebody else
 * * -EINVAL: the name is empty, or has control characters or a '/'; there is
 *   no such chapter
 * * -ENAMETOOLONG: the name is longer than 63 bytes
 * * -EOPNOTSUPP: the module was built without this chapter
 * * those of opening the device
 */
IPCBOOK_API int ipcbook_unlink(enum ipcbook_chapter chapter, const char *name);

/**
 * ipcbook_chown() - changes owner and group of an object
 * @fd: a descriptor of the object
 * @uid: the new owner, or (uid_t)-1 to leave it
 * @gid: the new group, or (gid_t)-1 to leave it
 *
 * The rules are those of chown(2). Descriptors that are open keep what they
 * were opened with.
 *
 * Return: 0, or
 *
 * * -EPERM: the caller may not; nothing was changed
 * * -EINVAL: nothing is to be changed, or an id has no meaning in the caller's
 *   user namespace
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_chown(int fd, uid_t uid, gid_t gid);

/**
 * ipcbook_chmod() - changes the permission bits of an object
 * @fd: a descriptor of the object
 * @mode: the new bits, 0 to 0777; the umask is not applied
 *
 * Reading is receiving, writing is sending; the bits for executing mean
 * nothing. Descriptors that are open keep what they were opened with.
 *
 * Return: 0, or
 *
 * * -EPERM: the caller does not own the object
 * * -EINVAL: @mode has other bits
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_chmod(int fd, mode_t mode);

/**
 * ipcbook_stat() - tells an object's owner, limits and counters
 * @fd: a descriptor of the object, opened for whatever
 * @stat: to be filled; need not be initialised
 *
 * What an older module does not know is 0. @stat->size is then the size of
 * what it knows.
 *
 * Return: 0, or those of every descriptor.
 */
IPCBOOK_API int ipcbook_stat(int fd, struct ipcbook_stat *stat);

/**
 * ipcbook_chapter_name() - a chapter in a word
 * @chapter: the chapter
 *
 * Return: "signal", "socket", "pipe", "queue", "shm", "ring" or "sem", which
 * live for ever; NULL if there is no such chapter.
 */
IPCBOOK_API const char *ipcbook_chapter_name(enum ipcbook_chapter chapter);

/* The list of objects: userspace/lib/list.c */

/**
 * typedef ipcbook_list_fn - what is called for each object of a list
 * @stat: the object; valid during the call only
 * @arg: what ipcbook_list() was given
 *
 * Return: 0 to go on; anything else ends the walk and is its answer.
 */
typedef int (*ipcbook_list_fn)(const struct ipcbook_stat *stat, void *arg);

/**
 * ipcbook_list() - walks through the objects
 * @chapter: only those of this chapter, or 0 for all
 * @name: only those of this name, or NULL for all
 * @fn: called for each
 * @arg: handed to it
 *
 * Walks through the objects of the caller's network namespace that the caller
 * may read, also those without a name. An object that is created or removed
 * meanwhile may be met or not; none is met twice. The device is not needed.
 *
 * Return: 0 at the end, what @fn returned if that ended it, or
 *
 * * -ENODEV: the module is not loaded
 * * -EINVAL: there is no such chapter
 * * -ENAMETOOLONG: the name is longer than 63 bytes
 * * -ENOMEM, -EMFILE, -ENFILE: no memory or no descriptor is left
 * * -EAGAIN: the list changed in a way that it has to be walked again
 * * -EIO: netlink failed otherwise
 */
IPCBOOK_API int ipcbook_list(enum ipcbook_chapter chapter, const char *name,
			     ipcbook_list_fn fn, void *arg);

/* Queue: userspace/lib/queue.c */

/**
 * ipcbook_queue_open() - opens or creates a message queue
 * @name: its name, 1 to 63 bytes; or NULL for a new queue without a name
 * @flags: O_RDONLY to receive, O_WRONLY to send or O_RDWR for both; with
 *	O_CREAT, O_EXCL, O_NONBLOCK and O_CLOEXEC as for mq_open(3)
 * @mode: permission bits of a queue that is created, less the umask;
 *	otherwise not looked at
 * @limits: limits of a queue that is created, otherwise not looked at; NULL, or
 *	a field of 0, takes the default: 1,024 messages, 262,144 bytes in all,
 *	8,192 bytes a message (or less, if the bytes in all are)
 *
 * The queue "default" is the one behind plain reads and writes of the device:
 * it need not be created, belongs to root, and has mode 0666. A queue without a
 * name ends with its last descriptor; one with a name stays until it is
 * unlinked or its network namespace ends.
 *
 * Return: a descriptor, or
 *
 * * -ENOENT: there is no such queue, and O_CREAT was not given
 * * -EEXIST: there is one, and O_CREAT and O_EXCL were given
 * * -EACCES: the queue's mode does not allow it; or see opening the device
 * * -EINVAL: an unknown flag or mode bit, O_EXCL without O_CREAT; the name is
 *   empty, or has control characters or a '/'; a message may be longer than
 *   the queue
 * * -ENAMETOOLONG: the name is longer than 63 bytes
 * * -E2BIG: a limit is above the module's parameters, and the caller does not
 *   have CAP_SYS_RESOURCE; or above what is possible at all
 * * -EDQUOT: the user has as many objects, or bytes in them, as one user may
 * * -ENOSPC: there are as many objects as there may be
 * * -EOPNOTSUPP: the module was built without queues
 * * those of opening the device
 */
IPCBOOK_API int ipcbook_queue_open(const char *name, int flags, mode_t mode,
				   const struct ipcbook_queue_limits *limits);

/**
 * ipcbook_queue_unlink() - takes a queue's name away and ends it
 * @name: the name
 *
 * Return: as ipcbook_unlink().
 */
IPCBOOK_API int ipcbook_queue_unlink(const char *name);

/**
 * ipcbook_queue_send() - sends one message
 * @fd: the queue, open for writing; or the device, for the default queue
 * @type: its type, IPCBOOK_TYPE_MIN (1) to IPCBOOK_TYPE_MAX (2^62)
 * @buf: its payload
 * @len: bytes of it, from 1 to the queue's limit
 * @flags: IPCBOOK_NOWAIT, or 0
 * @deadline: how long to wait for room; see ipcbook_deadline()
 *
 * Waits while the queue is full, unless a receiver is waiting for this very
 * message. Room is granted in order of arrival. With neither flags nor a
 * deadline this is pwrite(fd, buf, len, type), the fastest way to send.
 *
 * Return: 0 once the message is in the queue or in a receiver's hands; or, and
 * then nothing was sent,
 *
 * * -EAGAIN: it would have to wait, with IPCBOOK_NOWAIT or O_NONBLOCK
 * * -ETIMEDOUT: the deadline has passed
 * * -EINTR: a signal handler interrupted the wait, without SA_RESTART
 * * -EIDRM: the queue was removed
 * * -EINVAL: the type is out of range, @len is 0, or a flag is unknown
 * * -E2BIG: @len is above the limit of one message
 * * -ENOMEM: no memory is left, or none for the caller's memory cgroup
 * * -EACCES: of the device only: the default queue does not allow it
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_queue_send(int fd, int64_t type, const void *buf,
				   size_t len, unsigned int flags,
				   uint64_t deadline);

/**
 * ipcbook_queue_recv() - receives one message, or looks at it
 * @fd: the queue, open for reading; or the device, for the default queue
 * @select: which message: IPCBOOK_ANY, IPCBOOK_EXACT, IPCBOOK_UPTO or
 *	IPCBOOK_NOT; to peek also IPCBOOK_NTH
 * @type: what @select compares with; 0 with IPCBOOK_ANY
 * @buf: where the payload goes
 * @len: room there
 * @flags: IPCBOOK_NOWAIT, IPCBOOK_TRUNCATE (cut a message that is longer than
 *	@len), IPCBOOK_PEEK (leave it in the queue; never waits)
 * @deadline: how long to wait for a message; see ipcbook_deadline()
 * @info: where to tell what it was and who sent it, or NULL
 *
 * Of any or exactly one type, with no flags, no deadline and no @info, this is
 * pread(fd, buf, len, type), the fastest way to receive.
 *
 * Return: bytes copied, which with IPCBOOK_TRUNCATE may be less than
 * @info->length; or, and then every message is where it was,
 *
 * * -EAGAIN: it would have to wait, with IPCBOOK_NOWAIT or O_NONBLOCK
 * * -ENOMSG: there is no such message to peek at
 * * -ETIMEDOUT: the deadline has passed
 * * -EMSGSIZE: the message is longer than @len, without IPCBOOK_TRUNCATE
 * * -EINTR: a signal handler interrupted the wait, without SA_RESTART
 * * -EIDRM: the queue was removed
 * * -EINVAL: @select, @type or a flag is not one of the above
 * * -EACCES: of the device only: the default queue does not allow it
 * * those of every descriptor
 */
IPCBOOK_API ssize_t ipcbook_queue_recv(int fd, enum ipcbook_select select,
				       int64_t type, void *buf, size_t len,
				       unsigned int flags, uint64_t deadline,
				       struct ipcbook_queue_info *info);

/**
 * ipcbook_queue_send_batch() - sends several messages
 * @fd: as for ipcbook_queue_send()
 * @entries: the messages: buf, len and info.type of each; the rest of info
 *	must be 0
 * @count: how many, 1 to IPCBOOK_BATCH_MAX (1,024)
 * @flags: IPCBOOK_NOWAIT, or 0
 * @deadline: for all of them together
 *
 * Sends them in order, waiting as often as it must, and stops at the first
 * that cannot be sent.
 *
 * Return: how many were sent, at least 1; or, and then none was, the error of
 * the first, as for ipcbook_queue_send(), or
 *
 * * -EINVAL: @count or a flag is not one of the above; info is not 0
 */
IPCBOOK_API int ipcbook_queue_send_batch(int fd,
					 struct ipcbook_queue_entry *entries,
					 unsigned int count, unsigned int flags,
					 uint64_t deadline);

/**
 * ipcbook_queue_recv_batch() - receives several messages
 * @fd: as for ipcbook_queue_recv()
 * @select: which messages; not IPCBOOK_NTH
 * @type: what @select compares with
 * @entries: where they go: buf and len of each say where there is room; len and
 *	info are filled in
 * @count: how many at most, 1 to IPCBOOK_BATCH_MAX (1,024)
 * @flags: IPCBOOK_NOWAIT, IPCBOOK_TRUNCATE
 * @deadline: how long to wait for the first
 *
 * Waits for the first message only and then takes what is there.
 *
 * Return: how many were received, at least 1; or, and then none was, an error
 * as of ipcbook_queue_recv(), or
 *
 * * -EINVAL: @count or a flag is not one of the above
 */
IPCBOOK_API int ipcbook_queue_recv_batch(int fd, enum ipcbook_select select,
					 int64_t type,
					 struct ipcbook_queue_entry *entries,
					 unsigned int count, unsigned int flags,
					 uint64_t deadline);

/**
 * ipcbook_queue_select() - sets which messages make a descriptor readable
 * @fd: the queue
 * @select: which messages; not IPCBOOK_NTH
 * @type: what @select compares with; 0 with IPCBOOK_ANY
 *
 * For poll(), select() and epoll: EPOLLIN then means that such a message waits.
 * It belongs to the open file, so a descriptor that was inherited, duplicated
 * or passed on has the same. What is received it does not change.
 *
 * Return: 0, or
 *
 * * -EINVAL: @select or @type is not one of the above
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_queue_select(int fd, enum ipcbook_select select,
				     int64_t type);

/* Pipe: userspace/lib/pipe.c */

/**
 * ipcbook_pipe() - makes a pipe without a name
 * @ends: where to tell the descriptor that reads, and then the one that writes
 * @flags: O_NONBLOCK and O_CLOEXEC, of both, or 0
 * @capacity: bytes that it holds, rounded up to a power of two and to a page; 0
 *	takes 65,536
 *
 * It is what pipe2(2) makes, and read(2), write(2), poll(2), splice(2) and
 * ioctl(FIONREAD) are what pipe(7) says. Its memory is there from the beginning
 * and counts as the creator's. It ends with its last descriptor.
 *
 * Return: 0; or, and then @ends is as it was,
 *
 * * -EINVAL: an unknown flag
 * * -E2BIG: @capacity is above the module's parameter pipe_max_bytes, and the
 *   caller does not have CAP_SYS_RESOURCE; or above 1 GiB
 * * -EDQUOT: the user has as many objects, or bytes in them, as one user may
 * * -ENOSPC: there are as many objects as there may be
 * * -EINTR: the process was being killed
 * * -EOPNOTSUPP: the module was built without pipes
 * * those of opening the device
 */
IPCBOOK_API int ipcbook_pipe(int ends[2], int flags, uint64_t capacity);

/**
 * ipcbook_pipe_open() - opens or creates a pipe with a name
 * @name: its name, 1 to 63 bytes; or NULL for a pipe without a name, of which
 *	O_RDWR gives the one descriptor
 * @flags: O_RDONLY for the end that reads, O_WRONLY for the one that writes,
 *	O_RDWR for both; with O_CREAT, O_EXCL, O_NONBLOCK and O_CLOEXEC as for
 *	open(2). With O_PATH a descriptor that is no end: it only serves
 *	ipcbook_stat(), ipcbook_chmod(), ipcbook_chown() and
 *	ipcbook_pipe_capacity().
 * @mode: permission bits of a pipe that is created, less the umask; otherwise
 *	not looked at
 * @capacity: of a pipe that is created, as for ipcbook_pipe(); otherwise not
 *	looked at
 *
 * As with fifo(7), opening one end waits until the other is open. O_RDONLY with
 * O_NONBLOCK does not wait, nor does O_RDWR. The name outlives those who have
 * the pipe open; what is in it does not.
 *
 * Return: a descriptor, or
 *
 * * -ENXIO: O_WRONLY with O_NONBLOCK, and nobody has it open for reading
 * * -ENOENT: there is no such pipe, and O_CREAT was not given
 * * -EEXIST: there is one, and O_CREAT and O_EXCL were given
 * * -EACCES: the pipe's mode does not allow it; or see opening the device
 * * -EIDRM: the name was unlinked while it waited for the other end
 * * -EINTR: a signal handler interrupted the wait, without SA_RESTART
 * * -EINVAL: an unknown flag or mode bit, O_EXCL without O_CREAT; the name is
 *   empty, or has control characters or a '/'; no name, and not O_RDWR
 * * -ENAMETOOLONG: the name is longer than 63 bytes
 * * -E2BIG, -EDQUOT, -ENOSPC, -EOPNOTSUPP: as ipcbook_pipe()
 * * those of opening the device
 */
IPCBOOK_API int ipcbook_pipe_open(const char *name, int flags, mode_t mode,
				  uint64_t capacity);

/**
 * ipcbook_pipe_create() - creates a pipe with a name, and does not open it
 * @name: its name, 1 to 63 bytes
 * @mode: permission bits, less the umask
 * @capacity: as for ipcbook_pipe()
 *
 * What mkfifo(3) does.
 *
 * Return: 0; -EEXIST if there is one of this name; what ipcbook_pipe_open()
 * answers where something is created.
 */
IPCBOOK_API int ipcbook_pipe_create(const char *name, mode_t mode,
				    uint64_t capacity);

/**
 * ipcbook_pipe_unlink() - takes a pipe's name away
 * @name: the name
 *
 * Only the name goes: those who have the pipe open keep it. Those who wait for
 * the other end to be opened get -EIDRM.
 *
 * Return: as ipcbook_unlink().
 */
IPCBOOK_API int ipcbook_pipe_unlink(const char *name);

/**
 * ipcbook_pipe_capacity() - tells how many bytes a pipe holds
 * @fd: the pipe, opened for whatever
 *
 * Return: the capacity, or those of every descriptor.
 */
IPCBOOK_API int ipcbook_pipe_capacity(int fd);

/**
 * ipcbook_pipe_resize() - changes how many bytes a pipe holds
 * @fd: either end
 * @capacity: how many, rounded up to a power of two and to a page
 *
 * What F_SETPIPE_SZ of fcntl(2) does. What is in the pipe stays. Whoever asks,
 * the memory counts as the pipe's creator's.
 *
 * Return: the capacity that it has now; or, and then it has the old one,
 *
 * * -EINVAL: @capacity is 0
 * * -EBUSY: there are more bytes in the pipe
 * * -E2BIG: @capacity is more than it was, and above pipe_max_bytes, and the
 *   caller does not have CAP_SYS_RESOURCE; or above 1 GiB
 * * -EDQUOT: the creator's objects have as many bytes as one user may
 * * -ENOMEM: there is not so much memory, or not in the creator's memory cgroup
 * * -EINTR: the process was being killed
 * * -EBADF: @fd is no end (O_PATH)
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_pipe_resize(int fd, size_t capacity);

/* Shared memory: userspace/lib/shm.c */

/**
 * ipcbook_shm_open() - opens or creates a shared memory segment
 * @name: its name, 1 to 63 bytes; or NULL for a new segment without a name
 * @flags: O_RDONLY, or O_RDWR to write as well; with O_CREAT, O_EXCL and
 *	O_CLOEXEC as for shm_open(3). An O_WRONLY descriptor cannot be mapped.
 * @mode: permission bits of a segment that is created, less the umask;
 *	otherwise not looked at
 * @size: bytes of a segment that is created, whole pages, at least one;
 *	otherwise not looked at
 *
 * All of its memory is there from the beginning, zeroed, and counts as the
 * creator's. A segment without a name ends with its last descriptor and its
 * last mapping, one with a name not before it has been unlinked, or its network
 * namespace has ended, as well.
 *
 * Return: a descriptor, or
 *
 * * -ENOENT: there is no such segment, and O_CREAT was not given
 * * -EEXIST: there is one, and O_CREAT and O_EXCL were given
 * * -EACCES: the segment's mode does not allow it; or see opening the device
 * * -EINVAL: @size is 0 or not whole pages; an unknown flag or mode bit, O_EXCL
 *   without O_CREAT; the name is empty, or has control characters or a '/'
 * * -ENAMETOOLONG: the name is longer than 63 bytes
 * * -E2BIG: @size is above the module's parameter shm_max_bytes, and the caller
 *   does not have CAP_SYS_RESOURCE; or above what is possible at all
 * * -EDQUOT: the user has as many objects, or bytes in them, as one user may
 * * -ENOSPC: there are as many objects as there may be
 * * -ENOMEM: there is not so much memory, or not in the caller's memory cgroup
 * * -EINTR: the process was being killed
 * * -EOPNOTSUPP: the module was built without shared memory
 * * those of opening the device
 */
IPCBOOK_API int ipcbook_shm_open(const char *name, int flags, mode_t mode,
				 uint64_t size);

/**
 * ipcbook_shm_unlink() - takes a segment's name away
 * @name: the name
 *
 * Only the name goes: descriptors and mappings stay as they are.
 *
 * Return: as ipcbook_unlink().
 */
IPCBOOK_API int ipcbook_shm_unlink(const char *name);

/**
 * ipcbook_shm_map() - maps all of a segment
 * @fd: the segment; it may be closed afterwards
 * @prot: PROT_READ, or with it PROT_WRITE if @fd is open for writing
 * @address: where to tell its address; munmap(2) ends the mapping
 * @size: where to tell its size
 *
 * A part of it is mapped by mmap(2), shared, with the offset of that part.
 *
 * Return: 0, or, and then @address and @size are as they were,
 *
 * * -EACCES: @fd is open for writing only; or PROT_WRITE is wanted and it is
 *   open for reading only
 * * -ENOMEM: there is no memory for the page tables, or no room in the address
 *   space
 * * -EINVAL: @prot is unknown
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_shm_map(int fd, int prot, void **address,
				size_t *size);

/* Socket: userspace/lib/socket.c */

/**
 * ipcbook_socket() - makes a socket
 * @type: SOCK_STREAM or SOCK_SEQPACKET, with SOCK_NONBLOCK and SOCK_CLOEXEC as
 *	for socket(2)
 *
 * All calls for sockets apply to it but socket(2) and socketpair(2); see
 * ipcbook-socket(3) for what each of them answers.
 *
 * Return: a descriptor, or
 *
 * * -EINVAL: another type, or an unknown flag
 * * -EDQUOT: the user has as many objects as one user may
 * * -ENOSPC: there are as many objects as there may be
 * * -ENOBUFS: no memory is left
 * * -EOPNOTSUPP: the module was built without sockets
 * * those of opening the device
 */
IPCBOOK_API int ipcbook_socket(int type);

/**
 * ipcbook_socket_address() - writes an address
 * @address: to be filled; need not be initialised
 * @name: the name, 1 to 63 bytes
 *
 * Return: how long the address is, for bind(2) and connect(2); or
 *
 * * -ENAMETOOLONG: the name is longer than 63 bytes
 */
IPCBOOK_API int ipcbook_socket_address(struct sockaddr_ipcbook *address,
				       const char *name);

/**
 * ipcbook_socket_listen() - makes a socket that listens
 * @name: its name, 1 to 63 bytes
 * @type: as for ipcbook_socket()
 * @backlog: as for listen(2)
 *
 * Who may connect is decided by the name's mode, 0666 less the umask; see
 * ipcbook_chmod(). The name goes when the socket is closed, or before by
 * ipcbook_unlink().
 *
 * Return: a descriptor for accept(2), or
 *
 * * -EADDRINUSE: another socket has the name
 * * -EINVAL: as ipcbook_socket(); the name is empty, or has control characters
 *   or a '/'
 * * -ENAMETOOLONG: the name is longer than 63 bytes
 * * those of ipcbook_socket()
 */
IPCBOOK_API int ipcbook_socket_listen(const char *name, int type, int backlog);

/**
 * ipcbook_socket_connect() - makes a socket and connects it
 * @name: the name of a socket that listens
 * @type: as for ipcbook_socket(); the same as the other one's
 *
 * Waits while too many wait to be accepted, unless SOCK_NONBLOCK is given.
 *
 * Return: a descriptor that is connected, or
 *
 * * -ECONNREFUSED: nobody has the name, or does not listen
 * * -EACCES: the name's mode does not allow it; or see opening the device
 * * -EPROTOTYPE: the other one is of another type
 * * -EAGAIN: it would have to wait, with SOCK_NONBLOCK
 * * -EINTR: a signal handler interrupted the wait, without SA_RESTART
 * * -EINVAL, -ENAMETOOLONG: as ipcbook_socket_listen()
 * * those of ipcbook_socket()
 */
IPCBOOK_API int ipcbook_socket_connect(const char *name, int type);

/* Semaphore: userspace/lib/sem.c; without system calls: ipcbook/sem.h */

/**
 * ipcbook_sem_open() - opens or creates a semaphore
 * @name: its name, 1 to 63 bytes; or NULL for a new semaphore without a name
 * @flags: O_RDWR; O_RDONLY only to look at it, O_WRONLY only to take and give;
 *	with O_CREAT, O_EXCL, O_NONBLOCK and O_CLOEXEC as for sem_open(3)
 * @mode: permission bits of a semaphore that is created, less the umask;
 *	otherwise not looked at. To take and give needs write permission.
 * @limits: of a semaphore that is created its value and maximum, 0 for 0 and
 *	IPCBOOK_SEM_MAX; IPCBOOK_SEM_UNDO in its flags is for this descriptor,
 *	whether or not one is created. NULL is all zero.
 *
 * Through a descriptor with IPCBOOK_SEM_UNDO, what a process took and has not
 * given back comes back when the process ends, in whatever way, or closes any
 * descriptor of this open file. A semaphore without a name ends with its last
 * descriptor; one with a name stays until it is unlinked or its network
 * namespace ends.
 *
 * Return: a descriptor, or
 *
 * * -ENOENT: there is no such semaphore, and O_CREAT was not given
 * * -EEXIST: there is one, and O_CREAT and O_EXCL were given
 * * -EACCES: the semaphore's mode does not allow it; or see opening the device
 * * -EINVAL: an unknown flag or mode bit, O_EXCL without O_CREAT; the name is
 *   empty, or has control characters or a '/'; the value is above the maximum,
 *   or that above IPCBOOK_SEM_MAX
 * * -ENAMETOOLONG: the name is longer than 63 bytes
 * * -EDQUOT: the user has as many objects, or bytes in them, as one user may
 * * -ENOSPC: there are as many objects as there may be
 * * -EOPNOTSUPP: the module was built without semaphores
 * * those of opening the device
 */
IPCBOOK_API int ipcbook_sem_open(const char *name, int flags, mode_t mode,
				 const struct ipcbook_sem_limits *limits);

/**
 * ipcbook_sem_unlink() - takes a semaphore's name away and ends it
 * @name: the name
 *
 * Return: as ipcbook_unlink().
 */
IPCBOOK_API int ipcbook_sem_unlink(const char *name);

/**
 * ipcbook_sem_down() - takes units of a semaphore
 * @fd: the semaphore, open for writing
 * @units: how many, 1 to its maximum; all of them or none are taken
 * @flags: IPCBOOK_NOWAIT, or 0
 * @deadline: how long to wait; see ipcbook_deadline()
 *
 * Those who wait are served in order of arrival, so it waits also while others
 * do, however many units there are.
 *
 * Return: 0, or IPCBOOK_SEM_ORPHANED if units of a process that ended, or
 * closed, came back and nobody was told yet: the caller has what it asked for,
 * and should look after what the units protect. Or, and then nothing was taken,
 *
 * * -EAGAIN: it would have to wait, with IPCBOOK_NOWAIT or O_NONBLOCK
 * * -ETIMEDOUT: the deadline has passed
 * * -EINTR: a signal handler interrupted the wait, without SA_RESTART
 * * -EIDRM: the semaphore was removed
 * * -EINVAL: @units is 0 or above the maximum, or a flag is unknown
 * * -ENOMEM: with undo, no memory is left to remember it
 * * -EBADF: with undo also: the process closed a descriptor meanwhile
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_sem_down(int fd, unsigned int units,
				 unsigned int flags, uint64_t deadline);

/**
 * ipcbook_sem_up() - gives units to a semaphore
 * @fd: the semaphore, open for writing
 * @units: how many, 1 to IPCBOOK_SEM_MAX
 *
 * Never waits.
 *
 * Return: 0; or, and then nothing was given,
 *
 * * -EOVERFLOW: there would be more than the maximum
 * * -EPERM: with undo, the process has not taken so many through this
 *   descriptor
 * * -EINVAL: @units is 0 or above IPCBOOK_SEM_MAX
 * * -EIDRM: the semaphore was removed
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_sem_up(int fd, unsigned int units);

/**
 * ipcbook_sem_value() - tells how many units a semaphore has
 * @fd: the semaphore, open for reading
 *
 * Return: how many, or
 *
 * * -EIDRM: the semaphore was removed
 * * those of every descriptor
 */
IPCBOOK_API int ipcbook_sem_value(int fd);

/**
 * ipcbook_sem_wait() - takes units of any one, or of all, of several semaphores
 * @wants: descriptors, open for writing, and units; each of another semaphore
 * @count: how many, 1 to IPCBOOK_SEM_WAIT_MAX (64)
 * @flags: IPCBOOK_SEM_ALL to take of all of them at the same moment; without
 *	it, of the first that has enough; IPCBOOK_NOWAIT
 * @deadline: how long to wait; see ipcbook_deadline()
 *
 * O_NONBLOCK of the descriptors is not looked at. Who waits for all has no place
 * in the order of arrival as long as one of them lacks units.
 *
 * Return: the index of the one of which was taken, or 0 with IPCBOOK_SEM_ALL;
 * IPCBOOK_SEM_ORPHANED is added where ipcbook_sem_down() answers it. Or, and
 * then nothing was taken of any,
 *
 * * -EINVAL: @count, @flags or units is not one of the above; two are the same
 *   semaphore
 * * -EBADF, -ENOTTY: one of them is not a semaphore that is open for writing
 * * -EIDRM: one of them was removed
 * * -EAGAIN, -ETIMEDOUT, -EINTR, -ENOMEM: as ipcbook_sem_down()
 */
IPCBOOK_API int ipcbook_sem_wait(const struct ipcbook_sem_want *wants,
				 unsigned int count, unsigned int flags,
				 uint64_t deadline);

#ifdef __cplusplus
}
#endif

#endif /* IPCBOOK_H */
