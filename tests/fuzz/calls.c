// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls that programs are made of. Each goes straight to the kernel, most
 * of them at the module, with arguments right and wrong; what is written in
 * their descriptions is the argument's name in the text and its kind, from
 * which a sensible value is chosen.
 *
 * A call that takes a structure has three more arguments, how, at and with: see
 * give().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include <ipcbook/ipcbook.h>
#include <ipcbook/ring.h>

#include "fuzz.h"

#define CALL(name)							\
	static long do_##name(struct strand *strand, const uint64_t *a)

#define unused(x)	((void)(x))

/* What a system call answers: a negative errno where it failed. */
#define sys(call) ({							\
	long answer_ = (call);						\
	answer_ < 0 ? -(long)errno : answer_;				\
})

const char *const names[] = {
	"", "default", "a", "b", "c",
	"a-name-of-the-greatest-length-that-there-is-which-is-63-bytes--",
};

static const char *const parameters[] = {
	"max_objects", "user_objects", "user_bytes", "pipe_max_bytes",
	"queue_max_messages", "queue_max_bytes", "queue_max_size",
	"ring_max_bytes", "shm_max_bytes", "signal_max_pending",
	"socket_max_bytes",
};

static unsigned long parameter_values[ARRAY_SIZE(parameters)];

/* Each strand has this much memory, then a page that nobody may touch. */
#define ROOM	(256UL << 10)
#define LOW	(64UL << 10)
static char *rooms[STRANDS], *lows[STRANDS];
static const char *read_only;
static int device_fd;
static int family_id, groups[2];
static int partners[1024];

/* What this process has mapped. */
static struct { _Atomic uint64_t address, length; } maps[64];

static void remember_length(uint64_t address, uint64_t length)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(maps); i++) {
		uint64_t free = 0;

		if (!__atomic_compare_exchange_n((uint64_t *)&maps[i].address,
						 &free, address, false,
						 __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST))
			continue;
		maps[i].length = length;
		return;
	}
}

static uint64_t length_of(uint64_t address)
{
	for (unsigned int i = 0; address && i < ARRAY_SIZE(maps); i++)
		if (maps[i].address == address)
			return maps[i].length;
	return 0;
}

static void forget_length(uint64_t address)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(maps); i++)
		if (maps[i].address == address)
			maps[i].address = 0;
}

static unsigned int index_of(const struct strand *strand)
{
	return strand - strands;
}

static char *path_of(char *path, const char *parameter)
{
	sprintf(path, "/sys/module/ipcbook/parameters/%s", parameter);
	return path;
}

bool calls_prepare(void)
{
	struct nl_sock *nl = nl_socket_alloc();
	char path[100];
	FILE *file;

	if (!nl || genl_connect(nl))
		return false;
	family_id = genl_ctrl_resolve(nl, IPCBOOK_GENL_NAME);
	groups[0] = genl_ctrl_resolve_grp(nl, IPCBOOK_GENL_NAME,
					  IPCBOOK_GENL_GROUP_ALL);
	groups[1] = genl_ctrl_resolve_grp(nl, IPCBOOK_GENL_NAME,
					  IPCBOOK_GENL_GROUP_OBJECTS);
	nl_socket_free(nl);
	for (unsigned int i = 0; i < ARRAY_SIZE(parameters); i++) {
		file = fopen(path_of(path, parameters[i]), "re");
		if (!file || fscanf(file, "%lu", &parameter_values[i]) != 1)
			return false;
		fclose(file);
	}
	return family_id > 0;
}

static void *memory(size_t size, int protection, int flags)
{
	void *at = mmap(NULL, size, protection,
			MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (at == MAP_FAILED)
		abort();
	return at;
}

void calls_begin(void)
{
	int fd = open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC);

	device_fd = fcntl(fd, F_DUPFD_CLOEXEC, 300);
	if (fd >= 0)
		close(fd);
	for (unsigned int i = 0; i < STRANDS; i++) {
		rooms[i] = memory(ROOM + 4096, PROT_READ | PROT_WRITE, 0);
		mprotect(rooms[i] + ROOM, 4096, PROT_NONE);
		lows[i] = memory(LOW, PROT_READ | PROT_WRITE, MAP_32BIT);
	}
	read_only = memory(ROOM, PROT_READ, 0);
}

static bool parameters_changed;

void calls_reset(void)
{
	char path[100];
	FILE *file;

	syscall(SYS_setresuid, 0, 0, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(maps); i++) {
		if (maps[i].address)
			munmap((void *)maps[i].address, maps[i].length);
		maps[i].address = 0;
	}
	syscall(SYS_setresgid, 0, 0, 0);
	syscall(SYS_close_range, 3, 200, 0);
	for (unsigned int i = 0; parameters_changed &&
	     i < ARRAY_SIZE(parameters); i++) {
		file = fopen(path_of(path, parameters[i]), "we");
		if (!file)
			continue;
		fprintf(file, "%lu", parameter_values[i]);
		fclose(file);
	}
	parameters_changed = false;
}

void calls_forget(const struct program *program)
{
	unsigned int done = 0;

	/* chapters are 1 to 7; any line with a name may have made it */
	for (unsigned int i = 0; i < program->count; i++) {
		const struct line *line = &program->lines[i];
		const struct call *call = &calls[line->call];
		unsigned int n, chapter = 0, name = 0;

		for (n = 0; n < ARGS && call->arguments[n].name; n++) {
			if (call->arguments[n].kind == NAME)
				name = line->args[n];
			if (call->arguments[n].kind == CHAPTER)
				chapter = line->args[n];
		}
		if (name && name < NAMES && chapter < 8)
			done |= 1U << chapter;
	}
	for (unsigned int chapter = 1; chapter < 8; chapter++) {
		struct ipcbook_unlink arg = {
			.size = sizeof(arg), .chapter = chapter,
		};

		if (!(done >> chapter & 1))
			continue;
		for (unsigned int n = 1; n < NAMES; n++) {
			memset(arg.name, 0, sizeof(arg.name));
			memcpy(arg.name, names[n], strlen(names[n]));
			ioctl(device_fd, IPCBOOK_IOC_UNLINK, &arg);
		}
	}
}

/* --------------------------------------------------------- how things are given */

/* A name that may be any: from NAMES on, some that are not allowed. */
static void name_of(char name[IPCBOOK_NAME_LEN], uint64_t which)
{
	if (which < NAMES) {
		memset(name, 0, IPCBOOK_NAME_LEN);
		memcpy(name, names[which], strlen(names[which]));
		return;
	}
	memset(name, 'x', IPCBOOK_NAME_LEN);
	if (which == NAMES)
		memcpy(name, "a/b", 4);
}

/* Memory for a call: its own room, the room's end, none, not to be written. */
static void *buffer(struct strand *strand, uint64_t which, uint64_t len)
{
	char *room = rooms[index_of(strand)];

	switch (which) {
	case 0:
		return room;
	case 1:
		return NULL;
	case 2:
		return room + ROOM - (len / 2 < ROOM ? len / 2 : ROOM);
	case 3:
		return (void *)0xffff888000000000UL;
	case 4:
		return room + 1;
	case 5:
		return (void *)read_only;
	default:
		return (void *)which;
	}
}

/* The same call as a 32-bit program makes it. */
static long compat(int nr, uint32_t a, uint32_t b, uint32_t c)
{
	long answer;

	asm volatile("int $0x80" : "=a"(answer)
		     : "a"(nr), "b"(a), "c"(b), "d"(c)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)answer;
}

/*
 * An ioctl with a structure, as @twist says:
 *	0  as it is
 *	1  with another word at some place
 *	2  from nowhere
 *	3  cut by the end of memory
 *	4  longer, by something that is not zero
 *	5  longer, by zeroes
 *	6  by a 32-bit caller
 *	7  another number of the same chapter, with the structure
 */
static long give(struct strand *strand, int fd, unsigned long request,
		 void *arg, size_t size, const uint64_t *twist)
{
	char *room = rooms[index_of(strand)], *low = lows[index_of(strand)];

	switch (twist[0]) {
	case 1:
		*(uint32_t *)((char *)arg + twist[1] * 4 % size) = twist[2];
		break;
	case 2:
		return sys(ioctl(fd, request, 8));
	case 3:
		room += ROOM - size + twist[1] % size;
		memcpy(room, arg, size - twist[1] % size);
		return sys(ioctl(fd, request, room));
	case 4:
	case 5:
		memcpy(room, arg, size);
		memset(room + size, 0, 4096);
		*(uint32_t *)room = size + 8 + twist[1] % 4000;
		if (twist[0] == 4)
			room[size + twist[2] % 64] = 1;
		return sys(ioctl(fd, request, room));
	case 6:
		memcpy(low, arg, size);
		fd = compat(54, fd, request, (uintptr_t)low);
		memcpy(arg, low, size);
		return fd;
	case 7:
		return sys(ioctl(fd, request ^ (twist[1] & 0xff), arg));
	default:
		break;
	}
	return sys(ioctl(fd, request, arg));
}

#define GIVE(fd, request, arg, n)					\
	give(strand, fd, request, &(arg), sizeof(arg), a + (n))

static uint64_t deadline(uint64_t ms)
{
	return ms ? ipcbook_deadline(ms * 1000000ULL) : 0;
}

/* ------------------------------------------------------------------- objects */

CALL(device)
{
	static const int modes[] = { O_RDWR, O_RDONLY, O_WRONLY, 3 };

	unused(strand);
	return sys(open(IPCBOOK_DEVICE, modes[a[0] & 3] | O_CLOEXEC |
			(a[0] & 4 ? 0 : O_NONBLOCK)));
}

CALL(open)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg), .chapter = a[0], .flags = a[1],
		.mode = a[3],
	};

	name_of(arg.name, a[2]);
	if (a[1] & IPCBOOK_OPEN_ANON)
		memset(arg.name, 0, sizeof(arg.name));
	switch (a[0]) {
	case IPCBOOK_QUEUE:
		arg.queue.messages = a[4];
		arg.queue.bytes = a[5];
		arg.queue.size = a[6];
		break;
	case IPCBOOK_PIPE:
		arg.pipe.capacity = a[4];
		arg.pipe.flags = a[7];
		break;
	case IPCBOOK_SHM:
		arg.shm.size = a[4] ? a[4] : 4096;
		break;
	case IPCBOOK_SEM:
		arg.sem.value = a[4];
		arg.sem.maximum = a[5];
		arg.sem.flags = a[7];
		break;
	case IPCBOOK_RING:
		arg.ring.size = a[4] ? a[4] : 4096;
		arg.ring.flags = a[7];
		break;
	}
	return GIVE(device_fd, IPCBOOK_IOC_OPEN, arg, 8);
}

CALL(unlink)
{
	struct ipcbook_unlink arg = {
		.size = sizeof(arg), .chapter = a[0],
	};

	name_of(arg.name, a[1]);
	return GIVE(device_fd, IPCBOOK_IOC_UNLINK, arg, 2);
}

CALL(change)
{
	struct ipcbook_change arg = {
		.size = sizeof(arg), .mask = a[1], .uid = a[2], .gid = a[3],
		.mode = a[4],
	};

	return GIVE(a[0], IPCBOOK_IOC_CHANGE, arg, 5);
}

CALL(stat)
{
	struct ipcbook_stat arg = {
		.size = a[1] ? a[1] : sizeof(arg),
	};

	return GIVE(a[0], IPCBOOK_IOC_STAT, arg, 2);
}

/* Remembers two descriptors that come together. */
static long two(int one, int other)
{
	if ((unsigned int)one < ARRAY_SIZE(partners))
		partners[one] = other;
	if ((unsigned int)other < ARRAY_SIZE(partners))
		partners[other] = one;
	return one;
}

CALL(partner)
{
	unused(strand);
	return a[0] < ARRAY_SIZE(partners) ? partners[a[0]] : -EBADF;
}

/* ---------------------------------------------------------------------- pipe */

CALL(pipe)
{
	struct ipcbook_pipe arg = {
		.size = sizeof(arg), .flags = a[0], .capacity = a[1],
	};
	long answer = GIVE(device_fd, IPCBOOK_IOC_PIPE, arg, 2);

	return answer < 0 ? answer : two(arg.reader, arg.writer);
}

CALL(pipe_resize)
{
	unused(strand);
	return sys(ioctl(a[0], IPCBOOK_IOC_PIPE_RESIZE, a[1]));
}

CALL(pipe_capacity)
{
	unused(strand);
	return sys(ioctl(a[0], IPCBOOK_IOC_PIPE_CAPACITY));
}

/* --------------------------------------------------------------------- queue */

CALL(queue_send)
{
	struct ipcbook_queue_send arg = {
		.size = sizeof(arg), .type = a[1],
		.buf = (uintptr_t)buffer(strand, a[2], a[3]),
		.len = a[3], .flags = a[4], .deadline = deadline(a[5]),
	};

	return GIVE(a[0], IPCBOOK_IOC_QUEUE_SEND, arg, 6);
}

CALL(queue_recv)
{
	static _Thread_local struct ipcbook_queue_info info;
	struct ipcbook_queue_recv arg = {
		.size = sizeof(arg), .select = a[1], .type = a[2],
		.buf = (uintptr_t)buffer(strand, a[3], a[4]),
		.len = a[4], .flags = a[5], .deadline = deadline(a[6]),
		.info = a[7] < 3 ? (uintptr_t)&info : a[7] < 6 ? 0 : a[7],
	};

	return GIVE(a[0], IPCBOOK_IOC_QUEUE_RECV, arg, 8);
}

static struct ipcbook_queue_entry entries[STRANDS][IPCBOOK_BATCH_MAX];

static long batch(struct strand *strand, unsigned long request,
		  const uint64_t *a, bool sends)
{
	struct ipcbook_queue_entry *list = entries[index_of(strand)];
	struct ipcbook_queue_batch arg = {
		.size = sizeof(arg), .count = a[1], .flags = a[5],
		.deadline = deadline(a[6]), .entries = (uintptr_t)list,
	};
	unsigned int n = a[1] < IPCBOOK_BATCH_MAX ? a[1] : IPCBOOK_BATCH_MAX;

	memset(list, 0, n * sizeof(*list));
	for (unsigned int i = 0; i < n; i++) {
		/* the last one's memory is as asked for, the others' is good */
		list[i].buf = (uintptr_t)buffer(strand, i + 1 == n ? a[3] : 0,
						a[4]);
		list[i].len = a[4];
		if (sends)
			list[i].info.type = a[2] + (i & a[7]);
	}
	if (!sends) {
		arg.select = a[7];
		arg.type = a[2];
	}
	return GIVE(a[0], request, arg, 8);
}

CALL(queue_send_batch)
{
	return batch(strand, IPCBOOK_IOC_QUEUE_SEND_BATCH, a, true);
}

CALL(queue_recv_batch)
{
	return batch(strand, IPCBOOK_IOC_QUEUE_RECV_BATCH, a, false);
}

CALL(queue_select)
{
	struct ipcbook_queue_select arg = {
		.size = sizeof(arg), .select = a[1], .type = a[2],
	};

	return GIVE(a[0], IPCBOOK_IOC_QUEUE_SELECT, arg, 3);
}

/* ----------------------------------------------------------------- semaphore */

CALL(sem_down)
{
	struct ipcbook_sem_down arg = {
		.size = sizeof(arg), .units = a[1], .flags = a[2],
		.deadline = deadline(a[3]),
	};

	return GIVE(a[0], IPCBOOK_IOC_SEM_DOWN, arg, 4);
}

CALL(sem_up)
{
	unused(strand);
	return sys(ioctl(a[0], IPCBOOK_IOC_SEM_UP, a[1]));
}

CALL(sem_value)
{
	unused(strand);
	return sys(ioctl(a[0], IPCBOOK_IOC_SEM_VALUE, 0));
}

CALL(sem_wait)
{
	struct ipcbook_sem_want wants[IPCBOOK_SEM_WAIT_MAX] = {
		{ a[1], a[4] }, { a[2], a[5] }, { a[3], a[4] },
	};
	struct ipcbook_sem_wait arg = {
		.size = sizeof(arg), .flags = a[7], .count = a[6],
		.deadline = deadline(a[8]), .wants = (uintptr_t)wants,
	};

	return GIVE(a[0], IPCBOOK_IOC_SEM_WAIT, arg, 9);
}

/* ------------------------------------------------------ memory that is mapped */

static long mapped(int fd, uint64_t length, uint64_t offset, int prot,
		   int flags)
{
	void *at = mmap(NULL, length, prot, flags, fd, offset);

	if (at == MAP_FAILED)
		return -errno;
	remember_length((uintptr_t)at, length);
	return (long)at;
}

/* Maps whatever it is as it wants to be mapped. */
CALL(map)
{
	struct ipcbook_ring_map ring = { .size = sizeof(ring), .role = a[1] };
	struct ipcbook_sem_map sem = { .size = sizeof(sem) };
	long size;

	if (!GIVE(a[0], IPCBOOK_IOC_RING_MAP, ring, 3))
		return mapped(a[0], ring.length, ring.offset,
			      PROT_READ | PROT_WRITE, MAP_SHARED);
	if (!GIVE(a[0], IPCBOOK_IOC_SEM_MAP, sem, 3))
		return mapped(a[0], sem.length, sem.offset,
			      a[2] & 3, MAP_SHARED);
	size = lseek(a[0], 0, SEEK_END);
	return mapped(a[0], size > 0 ? size : 4096, 0, a[2] & 3,
		      MAP_SHARED);
}

CALL(mmap)
{
	static const int flags[] = {
		MAP_SHARED, MAP_SHARED, MAP_PRIVATE, MAP_SHARED | MAP_POPULATE,
		MAP_SHARED | MAP_LOCKED, MAP_SHARED_VALIDATE,
	};

	unused(strand);
	return mapped(a[0], a[1] & 0xfffffff, a[2], a[3] & 7,
		      flags[a[4] % ARRAY_SIZE(flags)]);
}

CALL(munmap)
{
	uint64_t length = length_of(a[0]);
	long answer;

	unused(strand);
	if (!length)
		return -EINVAL;
	if (a[1] && a[1] < length)
		length = a[1];
	else
		forget_length(a[0]);
	answer = sys(munmap((void *)a[0], length));
	return answer;
}

CALL(mprotect)
{
	uint64_t length = length_of(a[0]);

	unused(strand);
	return sys(mprotect((void *)a[0], length, a[1] & 7));
}

CALL(madvise)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_WILLNEED, MADV_DONTFORK, MADV_DOFORK,
		MADV_REMOVE, MADV_FREE, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE, MADV_COLD, MADV_PAGEOUT, MADV_MERGEABLE,
		MADV_HUGEPAGE,
	};

	unused(strand);
	return sys(madvise((void *)a[0], length_of(a[0]),
			   advice[a[1] % ARRAY_SIZE(advice)]));
}

CALL(mremap)
{
	uint64_t length = length_of(a[0]);
	void *at;

	unused(strand);
	if (!length)
		return -EINVAL;
	at = mremap((void *)a[0], length, a[1] & 0xfffffff, MREMAP_MAYMOVE);
	if (at == MAP_FAILED)
		return -errno;
	forget_length(a[0]);
	remember_length((uintptr_t)at, a[1] & 0xfffffff);
	return (long)at;
}

/* A word of a mapping; a fault is caught. */
CALL(poke)
{
	uint64_t length = length_of(a[0]);

	unused(strand);
	if (!length)
		return -EINVAL;
	if (a[3] & 1)
		__atomic_fetch_add((uint32_t *)(a[0] + a[1] % length / 4 * 4),
				   (uint32_t)a[2], __ATOMIC_SEQ_CST);
	else
		__atomic_store_n((uint32_t *)(a[0] + a[1] % length / 4 * 4),
				 (uint32_t)a[2], __ATOMIC_SEQ_CST);
	return 0;
}

CALL(peek)
{
	uint64_t length = length_of(a[0]);

	unused(strand);
	if (!length)
		return -EINVAL;
	return __atomic_load_n((uint32_t *)(a[0] + a[1] % length / 4 * 4),
			       __ATOMIC_SEQ_CST);
}

/* ---------------------------------------------------------------------- ring */

CALL(ring_wait)
{
	struct ipcbook_ring_wait arg = {
		.size = sizeof(arg), .role = a[1], .deadline = deadline(a[2]),
		.wakes = a[3], .flags = a[4],
	};

	return GIVE(a[0], IPCBOOK_IOC_RING_WAIT, arg, 5);
}

CALL(ring_wake)
{
	unused(strand);
	return sys(ioctl(a[0], IPCBOOK_IOC_RING_WAKE, a[1]));
}

CALL(ring_slot)
{
	unused(strand);
	return sys(ioctl(a[0], IPCBOOK_IOC_RING_SLOT, a[1]));
}

/* As the library does it; what it has mapped goes also where it is cut short. */
static long side(struct strand *strand, const uint64_t *a, bool produces)
{
	struct ipcbook_ring ring;
	unsigned int n = a[2] % 64;
	uintptr_t base;
	long answer;
	void *at;

	unused(strand);
	answer = ipcbook_ring_attach(&ring, a[0], produces ?
				     IPCBOOK_RING_PRODUCER :
				     IPCBOOK_RING_CONSUMER);
	if (answer)
		return answer;
	base = (uintptr_t)ring.consumer;
	remember_length(base, 2 * 4096 + 2 * (uint64_t)ring.size);
	while (n-- && !answer) {
		uint32_t length = a[1];
		void *record;
		const void *seen;

		if (produces) {
			answer = ipcbook_ring_reserve(&ring, length, &record);
			if (answer == -EAGAIN && a[3])
				answer = ipcbook_ring_wait(&ring, length, 0,
							   deadline(a[3]));
			else if (!answer)
				answer = a[4] & 1 ?
					ipcbook_ring_commit_deferred(&ring) :
					ipcbook_ring_commit(&ring);
		} else {
			answer = ipcbook_ring_peek(&ring, &seen, &length);
			if (answer == -EAGAIN && a[3])
				answer = ipcbook_ring_wait(&ring, 0, 0,
							   deadline(a[3]));
			else if (!answer)
				answer = ipcbook_ring_release(&ring);
		}
	}
	/* an end in the middle of a record */
	if (produces && a[4] & 2)
		ipcbook_ring_reserve(&ring, a[1], &at);
	if (a[4] & 4)
		return answer;
	forget_length(base);
	ipcbook_ring_detach(&ring);
	return answer;
}

CALL(produce)
{
	return side(strand, a, true);
}

CALL(consume)
{
	return side(strand, a, false);
}

/* ------------------------------------------------------------------- sockets */

static socklen_t address(struct sockaddr_ipcbook *to, uint64_t name,
			 uint64_t cut)
{
	to->family = cut == 3 ? AF_UNIX : IPCBOOK_AF;
	name_of(to->name, name);
	switch (cut) {
	case 0:
		return sizeof(*to);
	case 1:
		return sizeof(to->family) + strnlen(to->name, sizeof(to->name));
	case 2:
		return sizeof(to->family);
	case 4:
		return 0;
	default:
		return cut > 128 ? 128 : cut;
	}
}

CALL(socket)
{
	struct ipcbook_socket arg = {
		.size = sizeof(arg), .type = a[0] ? a[0] : SOCK_STREAM,
		.flags = a[1], .mode = a[2],
	};

	return GIVE(device_fd, IPCBOOK_IOC_SOCKET, arg, 3);
}

CALL(bind)
{
	union { struct sockaddr_ipcbook a; char room[128]; } to = { 0 };
	socklen_t len = address(&to.a, a[1], a[2]);

	unused(strand);
	return sys(bind(a[0], (void *)&to, len));
}

CALL(listen)
{
	unused(strand);
	return sys(listen(a[0], a[1]));
}

CALL(connect)
{
	union { struct sockaddr_ipcbook a; char room[128]; } to = { 0 };
	socklen_t len = address(&to.a, a[1], a[2]);

	unused(strand);
	return sys(connect(a[0], (void *)&to, len));
}

CALL(accept)
{
	struct sockaddr_ipcbook from;
	socklen_t len = a[2] ? a[2] : sizeof(from);

	unused(strand);
	return sys(accept4(a[0], a[3] & 1 ? NULL : (void *)&from,
			   a[3] & 1 ? NULL : &len,
			   (a[1] & 1 ? 0 : SOCK_NONBLOCK) | SOCK_CLOEXEC));
}

CALL(send)
{
	return sys(sendto(a[0], buffer(strand, a[1], a[2]), a[2],
			  (int)a[3] | MSG_NOSIGNAL, NULL, 0));
}

CALL(recv)
{
	return sys(recvfrom(a[0], buffer(strand, a[1], a[2]), a[2], a[3],
			    NULL, NULL));
}

/* Several pieces of memory, the second one as asked for. */
static void pieces(struct strand *strand, struct iovec iov[3], uint64_t buf,
		   uint64_t len)
{
	iov[0].iov_base = buffer(strand, 0, len);
	iov[0].iov_len = len / 3;
	iov[1].iov_base = buffer(strand, buf, len);
	iov[1].iov_len = len / 2;
	iov[2].iov_base = buffer(strand, 0, len);
	iov[2].iov_len = len / 7;
}

CALL(sendmsg)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	union { struct sockaddr_ipcbook a; char room[128]; } to = { 0 };
	struct cmsghdr *header = (void *)control;
	struct iovec iov[3];
	struct msghdr msg = {
		.msg_iov = iov, .msg_iovlen = a[4] % 4,
	};

	pieces(strand, iov, a[1], a[2]);
	if (a[5] & 1) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		header->cmsg_len = CMSG_LEN(sizeof(int));
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
	}
	if (a[5] & 2) {
		msg.msg_name = &to;
		msg.msg_namelen = address(&to.a, 2, 0);
	}
	return sys(sendmsg(a[0], &msg, (int)a[3] | MSG_NOSIGNAL));
}

CALL(recvmsg)
{
	struct sockaddr_ipcbook from;
	char control[64];
	struct iovec iov[3];
	struct msghdr msg = {
		.msg_iov = iov, .msg_iovlen = a[4] % 4,
	};

	pieces(strand, iov, a[1], a[2]);
	if (a[5] & 1) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
	}
	if (a[5] & 2) {
		msg.msg_name = &from;
		msg.msg_namelen = sizeof(from);
	}
	return sys(recvmsg(a[0], &msg, a[3]));
}

CALL(shutdown)
{
	unused(strand);
	return sys(shutdown(a[0], a[1]));
}

static const int options[] = {
	SO_PEERCRED, SO_SNDBUF, SO_RCVBUF, SO_TYPE, SO_DOMAIN, SO_ERROR,
	SO_ACCEPTCONN, SO_SNDTIMEO, SO_RCVTIMEO, SO_RCVLOWAT, SO_LINGER,
	SO_PASSCRED, SO_PEERGROUPS, SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_COOKIE,
};

CALL(getsockopt)
{
	socklen_t len = a[2] ? a[2] : 16;
	char room[512];

	unused(strand);
	if (len > sizeof(room))
		len = sizeof(room);
	return sys(getsockopt(a[0], SOL_SOCKET,
			      options[a[1] % ARRAY_SIZE(options)], room, &len));
}

CALL(setsockopt)
{
	uint64_t value[2] = { a[2], 0 };

	unused(strand);
	/* a time-out that ends */
	if (options[a[1] % ARRAY_SIZE(options)] == SO_SNDTIMEO ||
	    options[a[1] % ARRAY_SIZE(options)] == SO_RCVTIMEO) {
		value[0] = 0;
		value[1] = a[2] % 5000;
		return sys(setsockopt(a[0], SOL_SOCKET,
				      options[a[1] % ARRAY_SIZE(options)],
				      value, 16));
	}
	return sys(setsockopt(a[0], SOL_SOCKET,
			      options[a[1] % ARRAY_SIZE(options)], value, 4));
}

CALL(getname)
{
	struct sockaddr_ipcbook name;
	socklen_t len = a[2] ? a[2] : sizeof(name);

	unused(strand);
	if (a[1] & 1)
		return sys(getpeername(a[0], (void *)&name, &len));
	return sys(getsockname(a[0], (void *)&name, &len));
}

/* ------------------------------------------------------------------- netlink */

CALL(netlink)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_GENERIC);
	int one = 1;

	unused(strand);
	if (fd < 0)
		return -errno;
	if (a[0] & 1)
		setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	if (a[0] & 2) {
		one = 2048;
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one));
	}
	bind(fd, (void *)&to, sizeof(to));
	return fd;
}

/* An attribute as it should be (a[0] its number), or of another length. */
static char *attribute(char *at, const uint64_t *a)
{
	struct nlattr *attr = (void *)at;
	const void *value = &a[1];
	size_t len = 4;
	char name[IPCBOOK_NAME_LEN] = "";

	if (!a[0])
		return at;
	switch (a[0]) {
	case IPCBOOK_A_NAME:
	case IPCBOOK_A_GROUP:
		if (a[1] < NAMES + 2)
			name_of(name, a[1]);
		else
			memcpy(name, &a[1], 8);
		value = name;
		len = strnlen(name, sizeof(name) - 1) + 1;
		break;
	case IPCBOOK_A_SET:
	case IPCBOOK_A_MASK:
		len = 8;
		break;
	}
	attr->nla_type = a[0];
	if (a[0] == IPCBOOK_A_PID && a[1] == 1) {
		*(uint32_t *)name = getpid();
		value = name;
	}
	if (a[1] >> 60 == 5)
		len = a[1] >> 56 & 15;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy(at + NLA_HDRLEN, value, len);
	return at + NLA_ALIGN(attr->nla_len);
}

CALL(nl)
{
	char room[2048] __attribute__((aligned(8))) = "";
	struct nlmsghdr *header = (void *)room;
	struct genlmsghdr *genl = (void *)(room + NLMSG_HDRLEN);
	char *end = room + NLMSG_HDRLEN + GENL_HDRLEN;

	unused(strand);
	for (unsigned int i = 3; i < 13; i += 2)
		end = attribute(end, a + i);
	header->nlmsg_type = family_id;
	header->nlmsg_flags = NLM_F_REQUEST | (a[2] & 0xff ? a[2] : NLM_F_ACK);
	if (a[1] == IPCBOOK_CMD_OBJECT_GET && !(a[2] & 0xf00))
		header->nlmsg_flags |= NLM_F_DUMP;
	header->nlmsg_len = end - room;
	genl->cmd = a[1];
	genl->version = 1;
	return sys(send(a[0], room, end - room, MSG_DONTWAIT));
}

/* The commands that matter most, with the attributes that they want. */
CALL(nl_register)
{
	const uint64_t as[13] = {
		a[0], IPCBOOK_CMD_SIGNAL_REGISTER, a[1],
		a[2] ? IPCBOOK_A_NAME : 0, a[2], a[3] ? IPCBOOK_A_GROUP : 0,
		a[3], a[4] ? IPCBOOK_A_LIMIT : 0, a[4],
	};

	return do_nl(strand, as);
}

CALL(nl_send)
{
	const uint64_t as[13] = {
		a[0], IPCBOOK_CMD_SIGNAL_SEND, a[1], IPCBOOK_A_NUMBER, a[3],
		a[2] ? IPCBOOK_A_NAME : 0, a[2], a[4] ? IPCBOOK_A_PID : 0, a[4],
		a[5] ? IPCBOOK_A_GROUP : 0, a[5],
	};

	return do_nl(strand, as);
}

CALL(nl_raise)
{
	const uint64_t as[13] = {
		a[0], IPCBOOK_CMD_SIGNAL_RAISE, a[1], IPCBOOK_A_FD, a[2],
		IPCBOOK_A_NUMBER, a[3], a[4] ? IPCBOOK_A_EVENTS : 0, a[4],
	};

	return do_nl(strand, as);
}

CALL(nl_join)
{
	unused(strand);
	return sys(setsockopt(a[0], SOL_NETLINK, a[2] & 1 ?
			      NETLINK_DROP_MEMBERSHIP :
			      NETLINK_ADD_MEMBERSHIP, &groups[a[1] & 1],
			      sizeof(int)));
}

/* ----------------------------------------------------------- any descriptor */

CALL(read)
{
	return sys(read(a[0], buffer(strand, a[1], a[2]), a[2]));
}

CALL(write)
{
	return sys(write(a[0], buffer(strand, a[1], a[2]), a[2]));
}

CALL(pread)
{
	return sys(pread(a[0], buffer(strand, a[1], a[2]), a[2], a[3]));
}

CALL(pwrite)
{
	return sys(pwrite(a[0], buffer(strand, a[1], a[2]), a[2], a[3]));
}

CALL(readv)
{
	struct iovec iov[3];

	pieces(strand, iov, a[1], a[2]);
	if (a[4])
		return sys(preadv2(a[0], iov, a[3] % 4, -1,
				   a[4] & 1 ? RWF_NOWAIT : 0));
	return sys(readv(a[0], iov, a[3] % 4));
}

CALL(writev)
{
	struct iovec iov[3];

	pieces(strand, iov, a[1], a[2]);
	if (a[4])
		return sys(pwritev2(a[0], iov, a[3] % 4, -1,
				    a[4] & 1 ? RWF_NOWAIT : 0));
	return sys(writev(a[0], iov, a[3] % 4));
}

CALL(lseek)
{
	unused(strand);
	return sys(lseek(a[0], a[1], a[2]));
}

CALL(poll)
{
	struct pollfd fds[2] = {
		{ .fd = a[0], .events = a[2] }, { .fd = a[1], .events = a[2] },
	};

	unused(strand);
	return sys(poll(fds, 2, a[3] % 20));
}

CALL(epoll)
{
	unused(strand);
	unused(a);
	return sys(epoll_create1(EPOLL_CLOEXEC));
}

CALL(epoll_add)
{
	struct epoll_event event = { .events = a[2] };

	unused(strand);
	return sys(epoll_ctl(a[0], a[3] ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, a[1],
			     &event));
}

CALL(epoll_wait)
{
	struct epoll_event events[8];

	unused(strand);
	return sys(epoll_wait(a[0], events, 8, a[1] % 20));
}

CALL(dup)
{
	unused(strand);
	return sys(fcntl(a[0], F_DUPFD_CLOEXEC, 3));
}

CALL(close)
{
	unused(strand);
	if (a[0] < 3 || a[0] > 200)
		return -EBADF;
	return sys(close(a[0]));
}

CALL(nonblock)
{
	unused(strand);
	return sys(fcntl(a[0], F_SETFL, a[1] & 1 ? 0 : O_NONBLOCK));
}

CALL(splice)
{
	unused(strand);
	return sys(splice(a[0], NULL, a[1], NULL, a[2],
			  a[3] & 1 ? 0 : SPLICE_F_NONBLOCK));
}

/* To or from an ordinary pipe, which is filled as far as need be. */
CALL(splice_pipe)
{
	char *room = rooms[index_of(strand)];
	long answer, len = a[1] > 65536 ? 65536 : a[1];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if (a[2] & 1) {
		answer = sys(splice(a[0], NULL, ends[1], NULL, len,
				    SPLICE_F_NONBLOCK));
	} else {
		if (write(ends[1], room, len) < 0)
			len = 0;
		answer = sys(splice(ends[0], NULL, a[0], NULL, len,
				    SPLICE_F_NONBLOCK));
	}
	close(ends[0]);
	close(ends[1]);
	return answer;
}

CALL(sendfile)
{
	unused(strand);
	return sys(sendfile(a[0], a[1], NULL, a[2]));
}

CALL(raw)
{
	static const unsigned char nrs[] = {
		0, 1, 2, 3, 0x30, 0x31, 0x32, 0x20, 0x40, 0x41, 0x42, 0x43,
		0x44, 0x60, 0x61, 0x62, 0x63, 0x70, 0x71, 0x72, 0x73, 0x74,
		0x10, 0x50, 0x80, 0x04,
	};
	unsigned int nr = nrs[a[1] % sizeof(nrs)];
	char *room = rooms[index_of(strand)];

	for (unsigned int i = 0; i < 32; i++)
		((uint32_t *)room)[i] = i == a[3] % 32 ? a[4] : 0;
	((uint32_t *)room)[0] = a[2] & 1 ? a[2] : 24;
	return sys(ioctl(a[0], _IOC(a[2] % 4, IPCBOOK_IOC_MAGIC, nr, 24),
			 room));
}

CALL(fionread)
{
	int n;

	unused(strand);
	return sys(ioctl(a[0], a[1] & 1 ? 0x5411 : 0x541b, &n)) ? : n;
}

static long read_file(const char *path)
{
	char text[2048];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long answer;

	if (fd < 0)
		return -errno;
	answer = sys(read(fd, text, sizeof(text)));
	close(fd);
	return answer;
}

CALL(fdinfo)
{
	char path[64];

	unused(strand);
	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", (int)a[0]);
	return read_file(path);
}

CALL(reopen)
{
	static const int modes[] = { O_RDWR, O_RDONLY, O_WRONLY };
	char path[64];

	unused(strand);
	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", (int)a[0]);
	return sys(open(path, modes[a[1] % 3] | O_NONBLOCK | O_CLOEXEC));
}

CALL(fstat)
{
	struct stat stat;

	unused(strand);
	switch (a[1] % 6) {
	case 0:
		return sys(fstat(a[0], &stat));
	case 1:
		return sys(ftruncate(a[0], a[2]));
	case 2:
		return sys(fsync(a[0]));
	case 3:
		return sys(fchmod(a[0], a[2] & 0777));
	case 4:
		return sys(fallocate(a[0], 0, 0, a[2]));
	default:
		return sys(fcntl(a[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	}
}

CALL(unix)
{
	int ends[2];

	unused(strand);
	unused(a);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       ends))
		return -errno;
	return two(ends[0], ends[1]);
}

/* Sends a descriptor, to be taken (or not) from the other end. */
CALL(pass)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct cmsghdr *header = (void *)control;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};

	unused(strand);
	header->cmsg_len = CMSG_LEN(sizeof(int));
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	*(int *)CMSG_DATA(header) = a[1];
	return sys(sendmsg(a[0], &msg, MSG_DONTWAIT));
}

CALL(take)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct cmsghdr *header = (void *)control;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd = a[0] < ARRAY_SIZE(partners) ? partners[a[0]] : -1;
	long answer = sys(recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));

	unused(strand);
	if (answer < 0)
		return answer;
	return header->cmsg_len ? *(int *)CMSG_DATA(header) : -EBADF;
}

/* io_uring, made for one request, which may still be on its way when it goes. */
CALL(uring)
{
	struct io_uring_params p = { 0 };
	struct __kernel_timespec time = { .tv_nsec = 2000000 };
	struct io_uring_getevents_arg wait = { .ts = (uintptr_t)&time };
	int fd = syscall(SYS_io_uring_setup, 2, &p);
	struct io_uring_sqe *sqe;
	static const int ops[] = {
		IORING_OP_READ, IORING_OP_WRITE, IORING_OP_POLL_ADD,
		IORING_OP_RECV, IORING_OP_SEND, IORING_OP_ACCEPT,
		IORING_OP_SPLICE, IORING_OP_CLOSE,
	};
	long answer = -ENOSYS;
	char *rings;
	size_t size;

	if (fd < 0)
		return -errno;
	size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe) +
	       p.sq_off.array + p.sq_entries * 4;
	rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     IORING_OFF_SQ_RING);
	sqe = mmap(NULL, p.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE,
		   MAP_SHARED, fd, IORING_OFF_SQES);
	if (rings != MAP_FAILED && sqe != MAP_FAILED) {
		memset(sqe, 0, sizeof(*sqe));
		sqe->opcode = ops[a[1] % (ARRAY_SIZE(ops) - 1)];
		sqe->fd = a[0];
		sqe->off = a[4];
		sqe->addr = (uintptr_t)buffer(strand, a[2], a[3]);
		sqe->len = a[3];
		sqe->flags = a[5] & 1 ? IOSQE_ASYNC : 0;
		if (sqe->opcode == IORING_OP_POLL_ADD) {
			sqe->addr = 0;
			sqe->off = 0;
			sqe->len = 0;
			sqe->poll32_events = POLLIN | POLLOUT;
		} else if (sqe->opcode == IORING_OP_ACCEPT) {
			sqe->addr = 0;
			sqe->off = 0;
			sqe->len = 0;
		}
		*(uint32_t *)(rings + p.sq_off.array) = 0;
		__atomic_store_n((uint32_t *)(rings + p.sq_off.tail), 1,
				 __ATOMIC_RELEASE);
		answer = sys(syscall(SYS_io_uring_enter, fd, 1, 1,
				     IORING_ENTER_GETEVENTS |
				     IORING_ENTER_EXT_ARG, &wait,
				     sizeof(wait)));
	}
	if (rings != MAP_FAILED)
		munmap(rings, size);
	if (sqe != MAP_FAILED)
		munmap(sqe, p.sq_entries * sizeof(*sqe));
	close(fd);
	return answer;
}

/* ---------------------------------------------------------------- the rest */

CALL(packet)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = 0x0300,
		.sll_ifindex = if_nametoindex(IPCBOOK_CAPTURE_DEVICE),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0x0300);

	unused(strand);
	unused(a);
	if (fd >= 0)
		bind(fd, (void *)&to, sizeof(to));
	return fd < 0 ? -errno : fd;
}

CALL(link)
{
	struct ifreq request = { .ifr_name = IPCBOOK_CAPTURE_DEVICE };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long answer;

	unused(strand);
	if (fd < 0)
		return -errno;
	request.ifr_flags = a[0] & 1 ? 0 : IFF_UP;
	if (a[0] & 2) {
		request.ifr_mtu = a[1];
		answer = sys(ioctl(fd, SIOCSIFMTU, &request));
	} else {
		answer = sys(ioctl(fd, SIOCSIFFLAGS, &request));
	}
	close(fd);
	return answer;
}

CALL(user)
{
	static const int ids[] = { 1000, 1001, 0 };
	int id = ids[a[0] % ARRAY_SIZE(ids)];

	unused(strand);
	syscall(SYS_setresgid, -1, id, -1);
	return sys(syscall(SYS_setresuid, -1, id, -1));
}

CALL(unshare)
{
	static const int spaces[] = {
		CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWUSER | CLONE_NEWNET,
		CLONE_FILES,
	};

	if (!disposable(strand))
		return -EPERM;
	return sys(unshare(spaces[a[0] % ARRAY_SIZE(spaces)]));
}

/* Signals of the kernel's own kind, at the process of C and D. */
CALL(kill)
{
	static const int numbers[] = {
		SIGSTOP, SIGCONT, SIGKILL, SIGUSR1, SIGUSR1, SIGCONT,
	};
	pid_t pid = other_process();

	unused(strand);
	return pid > 0 ? sys(kill(pid, numbers[a[0] % ARRAY_SIZE(numbers)])) :
			 -ESRCH;
}

/* A child that inherits everything, closes something and is gone. */
CALL(child)
{
	pid_t pid = syscall(SYS_fork);
	int status;

	unused(strand);
	if (!pid) {
		close(a[0]);
		if (a[1] & 1)
			syscall(SYS_exit_group, 0);
		kill(getpid(), SIGKILL);
	}
	if (pid < 0)
		return -errno;
	return sys(waitpid(pid, &status, 0));
}

CALL(parameter)
{
	char path[100], text[24];
	int fd;
	long answer;

	unused(strand);
	parameters_changed = true;
	fd = open(path_of(path, parameters[a[0] % ARRAY_SIZE(parameters)]),
		  O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	answer = sys(write(fd, text, sprintf(text, "%llu",
					     (unsigned long long)a[1])));
	close(fd);
	return answer;
}

CALL(pause)
{
	struct timespec time = { .tv_nsec = 1000000 * (a[0] % 8) };

	unused(strand);
	return sys(nanosleep(&time, NULL));
}

#define TWISTED	{ "how", TWIST }, { "at", NUMBER }, { "with", NUMBER }

const struct call calls[] = {
	{ "device", DEVICE, 6, { { "flags", SMALL } }, do_device },
	{ "open", ANY_FD, 60,
	  { { "chapter", CHAPTER }, { "flags", OPEN_FLAGS }, { "name", NAME },
	    { "mode", MODE }, { "limit", LIMIT }, { "second", LIMIT },
	    { "third", LIMIT }, { "create", CREATE_FLAGS }, TWISTED },
	  do_open },
	{ "unlink", NONE, 10,
	  { { "chapter", CHAPTER }, { "name", NAME }, TWISTED }, do_unlink },
	{ "change", NONE, 5,
	  { { "fd", ANY_FD }, { "mask", SMALL }, { "uid", NUMBER },
	    { "gid", NUMBER }, { "mode", MODE }, TWISTED }, do_change },
	{ "stat", NONE, 8,
	  { { "fd", ANY_FD }, { "size", SMALL }, TWISTED }, do_stat },
	{ "partner", PIPE, 8, { { "of", PIPE } }, do_partner },
	{ "pipe", PIPE, 10,
	  { { "flags", OPEN_FLAGS }, { "capacity", LIMIT }, TWISTED },
	  do_pipe },
	{ "pipe_resize", NONE, 8,
	  { { "fd", PIPE }, { "capacity", LIMIT } }, do_pipe_resize },
	{ "pipe_capacity", NONE, 2, { { "fd", PIPE } }, do_pipe_capacity },
	{ "queue_send", NONE, 20,
	  { { "fd", QUEUE }, { "type", TYPE }, { "buf", BUFFER },
	    { "len", LENGTH }, { "flags", WAIT_FLAGS }, { "ms", MS },
	    TWISTED }, do_queue_send },
	{ "queue_recv", NONE, 20,
	  { { "fd", QUEUE }, { "select", SELECT }, { "type", TYPE },
	    { "buf", BUFFER }, { "len", LENGTH }, { "flags", WAIT_FLAGS },
	    { "ms", MS }, { "info", SMALL }, TWISTED }, do_queue_recv },
	{ "queue_send_batch", NONE, 14,
	  { { "fd", QUEUE }, { "count", LIMIT }, { "type", TYPE },
	    { "buf", BUFFER }, { "len", LENGTH }, { "flags", WAIT_FLAGS },
	    { "ms", MS }, { "types", SMALL }, TWISTED }, do_queue_send_batch },
	{ "queue_recv_batch", NONE, 14,
	  { { "fd", QUEUE }, { "count", LIMIT }, { "type", TYPE },
	    { "buf", BUFFER }, { "len", LENGTH }, { "flags", WAIT_FLAGS },
	    { "ms", MS }, { "select", SELECT }, TWISTED },
	  do_queue_recv_batch },
	{ "queue_select", NONE, 5,
	  { { "fd", QUEUE }, { "select", SELECT }, { "type", TYPE }, TWISTED },
	  do_queue_select },
	{ "sem_down", NONE, 18,
	  { { "fd", SEM }, { "units", UNITS }, { "flags", WAIT_FLAGS },
	    { "ms", MS }, TWISTED }, do_sem_down },
	{ "sem_up", NONE, 14, { { "fd", SEM }, { "units", UNITS } },
	  do_sem_up },
	{ "sem_value", NONE, 2, { { "fd", SEM } }, do_sem_value },
	{ "sem_wait", NONE, 16,
	  { { "fd", SEM }, { "first", SEM }, { "second", SEM },
	    { "third", SEM }, { "units", UNITS }, { "others", UNITS },
	    { "count", SMALL }, { "flags", WAIT_FLAGS }, { "ms", MS },
	    TWISTED }, do_sem_wait },
	{ "map", MAP, 30,
	  { { "fd", RING }, { "role", ROLE }, { "prot", PROT }, TWISTED },
	  do_map },
	{ "map_sem", MAP, 8,
	  { { "fd", SEM }, { "role", ROLE }, { "prot", PROT }, TWISTED },
	  do_map },
	{ "map_shm", MAP, 8,
	  { { "fd", SHM }, { "role", ROLE }, { "prot", PROT }, TWISTED },
	  do_map },
	{ "mmap", MAP, 8,
	  { { "fd", ANY_FD }, { "length", LENGTH }, { "offset", OFFSET },
	    { "prot", PROT }, { "flags", SMALL } }, do_mmap },
	{ "munmap", NONE, 10, { { "map", MAP }, { "length", LENGTH } },
	  do_munmap },
	{ "mprotect", NONE, 3, { { "map", MAP }, { "prot", PROT } },
	  do_mprotect },
	{ "madvise", NONE, 3, { { "map", MAP }, { "advice", WHICH } },
	  do_madvise },
	{ "mremap", MAP, 2, { { "map", MAP }, { "length", LENGTH } },
	  do_mremap },
	{ "poke", NONE, 30,
	  { { "map", MAP }, { "place", PLACE }, { "value", NUMBER },
	    { "add", SMALL } }, do_poke },
	{ "peek", NONE, 4, { { "map", MAP }, { "place", PLACE } }, do_peek },
	{ "ring_wait", NONE, 16,
	  { { "fd", RING }, { "role", ROLE }, { "ms", MS },
	    { "wakes", SMALL }, { "flags", SMALL }, TWISTED }, do_ring_wait },
	{ "ring_wake", NONE, 12, { { "fd", RING }, { "role", ROLE } },
	  do_ring_wake },
	{ "ring_slot", NONE, 4, { { "fd", RING }, { "map", MAP } },
	  do_ring_slot },
	{ "produce", NONE, 12,
	  { { "fd", RING }, { "len", LENGTH }, { "count", NUMBER },
	    { "ms", MS }, { "how", SMALL } }, do_produce },
	{ "consume", NONE, 10,
	  { { "fd", RING }, { "len", LENGTH }, { "count", NUMBER },
	    { "ms", MS }, { "how", SMALL } }, do_consume },
	{ "socket", SOCKET, 10,
	  { { "type", SOCK_TYPE }, { "flags", OPEN_FLAGS }, { "mode", MODE },
	    TWISTED }, do_socket },
	{ "bind", NONE, 10,
	  { { "fd", SOCKET }, { "name", NAME }, { "cut", SMALL } }, do_bind },
	{ "listen", NONE, 10, { { "fd", SOCKET }, { "backlog", SMALL } },
	  do_listen },
	{ "connect", NONE, 16,
	  { { "fd", SOCKET }, { "name", NAME }, { "cut", SMALL } },
	  do_connect },
	{ "accept", SOCKET, 12,
	  { { "fd", SOCKET }, { "block", SMALL }, { "len", SMALL },
	    { "without", SMALL } }, do_accept },
	{ "send", NONE, 14,
	  { { "fd", SOCKET }, { "buf", BUFFER }, { "len", LENGTH },
	    { "flags", MSG_FLAGS } }, do_send },
	{ "recv", NONE, 14,
	  { { "fd", SOCKET }, { "buf", BUFFER }, { "len", LENGTH },
	    { "flags", MSG_FLAGS } }, do_recv },
	{ "sendmsg", NONE, 10,
	  { { "fd", SOCKET }, { "buf", BUFFER }, { "len", LENGTH },
	    { "flags", MSG_FLAGS }, { "pieces", SMALL }, { "with", SMALL } },
	  do_sendmsg },
	{ "recvmsg", NONE, 10,
	  { { "fd", SOCKET }, { "buf", BUFFER }, { "len", LENGTH },
	    { "flags", MSG_FLAGS }, { "pieces", SMALL }, { "with", SMALL } },
	  do_recvmsg },
	{ "shutdown", NONE, 6, { { "fd", SOCKET }, { "how", SMALL } },
	  do_shutdown },
	{ "getsockopt", NONE, 4,
	  { { "fd", SOCKET }, { "option", WHICH }, { "len", SMALL } },
	  do_getsockopt },
	{ "setsockopt", NONE, 6,
	  { { "fd", SOCKET }, { "option", WHICH }, { "value", LIMIT } },
	  do_setsockopt },
	{ "getname", NONE, 3,
	  { { "fd", SOCKET }, { "peer", SMALL }, { "len", SMALL } },
	  do_getname },
	{ "netlink", NETLINK, 8, { { "flags", SMALL } }, do_netlink },
	{ "nl", NONE, 50,
	  { { "fd", NETLINK }, { "cmd", COMMAND }, { "flags", SMALL },
	    { "a1", ATTRIBUTE }, { "v1", ATTRIBUTE_VALUE },
	    { "a2", ATTRIBUTE }, { "v2", ATTRIBUTE_VALUE },
	    { "a3", ATTRIBUTE }, { "v3", ATTRIBUTE_VALUE },
	    { "a4", ATTRIBUTE }, { "v4", ATTRIBUTE_VALUE },
	    { "a5", ATTRIBUTE }, { "v5", ATTRIBUTE_VALUE } }, do_nl },
	{ "nl_register", NONE, 12,
	  { { "fd", NETLINK }, { "flags", SMALL }, { "name", NAME },
	    { "group", NAME }, { "limit", SIGNO } }, do_nl_register },
	{ "nl_send", NONE, 20,
	  { { "fd", NETLINK }, { "flags", SMALL }, { "name", NAME },
	    { "number", SIGNO }, { "pid", SMALL }, { "group", NAME } },
	  do_nl_send },
	{ "nl_raise", NONE, 14,
	  { { "fd", NETLINK }, { "flags", SMALL }, { "object", ANY_FD },
	    { "number", SIGNO }, { "events", SMALL } }, do_nl_raise },
	{ "nl_recv", NONE, 14,
	  { { "fd", NETLINK }, { "buf", BUFFER }, { "len", LENGTH },
	    { "flags", MSG_FLAGS } }, do_recv },
	{ "nl_join", NONE, 4,
	  { { "fd", NETLINK }, { "group", SMALL }, { "leave", SMALL } },
	  do_nl_join },
	{ "read", NONE, 14,
	  { { "fd", ANY_FD }, { "buf", BUFFER }, { "len", LENGTH } },
	  do_read },
	{ "write", NONE, 14,
	  { { "fd", ANY_FD }, { "buf", BUFFER }, { "len", LENGTH } },
	  do_write },
	{ "pipe_read", NONE, 14,
	  { { "fd", PIPE }, { "buf", BUFFER }, { "len", LENGTH } }, do_read },
	{ "pipe_write", NONE, 14,
	  { { "fd", PIPE }, { "buf", BUFFER }, { "len", LENGTH } }, do_write },
	{ "pread", NONE, 8,
	  { { "fd", QUEUE }, { "buf", BUFFER }, { "len", LENGTH },
	    { "type", TYPE } }, do_pread },
	{ "pwrite", NONE, 8,
	  { { "fd", QUEUE }, { "buf", BUFFER }, { "len", LENGTH },
	    { "type", TYPE } }, do_pwrite },
	{ "readv", NONE, 8,
	  { { "fd", ANY_FD }, { "buf", BUFFER }, { "len", LENGTH },
	    { "pieces", SMALL }, { "flags", SMALL } }, do_readv },
	{ "writev", NONE, 8,
	  { { "fd", ANY_FD }, { "buf", BUFFER }, { "len", LENGTH },
	    { "pieces", SMALL }, { "flags", SMALL } }, do_writev },
	{ "lseek", NONE, 8,
	  { { "fd", ANY_FD }, { "to", TYPE }, { "whence", SMALL } },
	  do_lseek },
	{ "poll", NONE, 16,
	  { { "fd", ANY_FD }, { "other", ANY_FD }, { "events", EVENTS },
	    { "ms", MS } }, do_poll },
	{ "epoll", EPOLL, 3, { { "flags", SMALL } }, do_epoll },
	{ "epoll_add", NONE, 8,
	  { { "ep", EPOLL }, { "fd", ANY_FD }, { "events", EVENTS },
	    { "remove", SMALL } }, do_epoll_add },
	{ "epoll_wait", NONE, 6, { { "ep", EPOLL }, { "ms", MS } },
	  do_epoll_wait },
	{ "dup", ANY_FD, 3, { { "fd", ANY_FD } }, do_dup },
	{ "close", NONE, 20, { { "fd", ANY_FD } }, do_close },
	{ "nonblock", NONE, 5, { { "fd", ANY_FD }, { "off", SMALL } },
	  do_nonblock },
	{ "splice", NONE, 6,
	  { { "from", ANY_FD }, { "to", ANY_FD }, { "len", LENGTH },
	    { "block", SMALL } }, do_splice },
	{ "splice_pipe", NONE, 6,
	  { { "fd", ANY_FD }, { "len", LENGTH }, { "from", SMALL } },
	  do_splice_pipe },
	{ "sendfile", NONE, 3,
	  { { "to", ANY_FD }, { "from", ANY_FD }, { "len", LENGTH } },
	  do_sendfile },
	{ "raw", NONE, 6,
	  { { "fd", ANY_FD }, { "nr", NUMBER }, { "size", SMALL },
	    { "at", SMALL }, { "value", NUMBER } }, do_raw },
	{ "fionread", NONE, 3, { { "fd", ANY_FD }, { "out", SMALL } },
	  do_fionread },
	{ "fdinfo", NONE, 4, { { "fd", ANY_FD } }, do_fdinfo },
	{ "reopen", ANY_FD, 2, { { "fd", ANY_FD }, { "mode", SMALL } },
	  do_reopen },
	{ "fstat", NONE, 2,
	  { { "fd", ANY_FD }, { "what", SMALL }, { "value", NUMBER } },
	  do_fstat },
	{ "unix", UNIX, 2, { { "flags", SMALL } }, do_unix },
	{ "pass", NONE, 5, { { "unix", UNIX }, { "fd", ANY_FD } }, do_pass },
	{ "take", QUEUE, 3, { { "unix", UNIX } }, do_take },
	{ "uring", NONE, 5,
	  { { "fd", ANY_FD }, { "op", SMALL }, { "buf", BUFFER },
	    { "len", LENGTH }, { "off", TYPE }, { "async", SMALL } },
	  do_uring },
	{ "packet", PACKET, 3, { { "flags", SMALL } }, do_packet },
	{ "link", NONE, 5, { { "down", SMALL }, { "mtu", LIMIT } }, do_link },
	{ "user", NONE, 6, { { "which", SMALL } }, do_user },
	{ "unshare", NONE, 2, { { "which", SMALL } }, do_unshare },
	{ "kill", NONE, 6, { { "which", WHICH } }, do_kill },
	{ "child", NONE, 3, { { "fd", ANY_FD }, { "exits", SMALL } },
	  do_child },
	{ "parameter", NONE, 2, { { "which", WHICH }, { "value", LIMIT } },
	  do_parameter },
	{ "pause", NONE, 3, { { "ms", MS } }, do_pause },
	{ 0 }
};

const unsigned int call_count = ARRAY_SIZE(calls) - 1;
