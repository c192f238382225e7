// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hundreds of processes in all chapters, which are killed, stopped and continued
 * at any moment, run into the limits of their memory cgroup and of their
 * descriptors, and leave network namespaces behind, while somebody tries to
 * unload the module. IPCBOOK_CHAOS_SECONDS (default 10) later everything is
 * closed, nothing may be left, and the accounts must come out even.
 *
 * What may be asked of them although any call can be cut short: each life of a
 * process has a record in memory that all share and only that process writes.
 * Before it sends number n it writes that it means to (begun), after the call has
 * returned that it did (done). So of a process that was killed, what lies below
 * done was accepted and must arrive exactly once; what lies from done to begun
 * (one call's worth) may have arrived, once; anything else must not. A receiver
 * writes down how many it may be about to take (open), marks each of those that
 * it got, and clears that. So only as many may be missing as receivers that were
 * killed had open: and as many as the kernel says that it has handed out beyond
 * those that were marked. From a ring a record is taken by releasing it, after it
 * was marked: there nothing may be missing, and what was marked twice must be what
 * a killed consumer had open.
 */
#include <linux/if.h>
#include <linux/if_packet.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include <ipcbook/ring.h>
#include <ipcbook/sem.h>
#include <ipcbook/signal.h>

#include "harness.h"

#define LIVES	1000U		/* lives of processes in a second, at most */
#define NUMBERS	400		/* a sender sends in its life, at most */
#define UNITS	8		/* of each semaphore */
#define RECORD	64		/* bytes of what goes through pipes */

/* What a process can be; those from SHM on are not accounted for. */
enum role {
	QUEUE_SENDER, QUEUE_RECEIVER, PIPE_WRITER, PIPE_READER, PRODUCER,
	CONSUMER, CLIENT, SERVER, SIGNALLER, UNDOER, MAPPER, SHM, HOARDER,
	NOMAD, CAPTURER, UNLOADER, ROLES,
};

static const struct {
	const char *name;
	unsigned int count;	/* at a time */
	bool safe;		/* from being killed or stopped */
} roles[ROLES] = {
	[QUEUE_SENDER] = { "queue senders", 30 },
	[QUEUE_RECEIVER] = { "queue receivers", 24 },
	[PIPE_WRITER] = { "pipe writers", 24 },
	[PIPE_READER] = { "pipe readers", 10 },
	[PRODUCER] = { "ring producers", 20 },
	[CONSUMER] = { "ring consumers", 3 },
	[CLIENT] = { "socket clients", 20 },
	[SERVER] = { "socket servers", 16 },
	[SIGNALLER] = { "signal senders", 12 },
	[UNDOER] = { "semaphore users with undo", 24 },
	[MAPPER] = { "semaphore users without", 16 },
	[SHM] = { "segment users", 6 },
	[HOARDER] = { "hoarders", 6 },
	[NOMAD] = { "nomads", 4 },
	[CAPTURER] = { "capturers", 2 },
	[UNLOADER] = { "unloaders", 1, true },
};

/**
 * struct life - what a process tells of itself, which alone writes here
 * @role: what it is
 * @killed: by us, or by the kernel's own
 * @begun: numbers it has meant to send
 * @done: numbers that were accepted
 * @open: of a receiver, how many it may be about to take
 * @at: of a consumer, whose record it has before it, plus 1, and its number
 * @ended: of a client, a server has seen its end
 * @seen: of a sender, how often each number was received; receivers write that
 */
struct life {
	enum role role;
	bool killed;
	uint32_t begun;
	uint32_t done;
	uint32_t open;
	uint64_t at;
	bool ended;
	uint8_t seen[NUMBERS];
};

struct message {
	uint32_t life;
	uint32_t number;
	uint32_t length;
	uint32_t sum;
};

/* In memory that all share. */
static struct shared {
	_Atomic uint32_t failures;
	char why[200];
	_Atomic uint32_t lives;
	_Atomic uint64_t refused_unload, no_memory, no_descriptor, ended, frames;
	uint32_t most_lives;
	struct life life[];
} *shared;

static int queue, pipe_fd, ring, ring_out, undo_sem[2], undo_look[2], plain_sem, listener;
static struct life *me;

/* Something is wrong; said by whoever finds it first. */
#define wrong(...) do {							\
	if (!shared->failures++)					\
		snprintf(shared->why, sizeof(shared->why), __VA_ARGS__); \
} while (0)

static uint32_t luck;

static uint32_t chance(uint32_t below)
{
	luck ^= luck << 13;
	luck ^= luck >> 17;
	luck ^= luck << 5;
	return luck % below;
}

/* ------------------------------------------------------------------ messages */

static uint32_t sum(const struct message *message)
{
	const uint8_t *byte = (const void *)(message + 1);
	uint32_t all = message->life * 31 + message->number;

	for (uint32_t i = sizeof(*message); i < message->length; i++)
		all = all * 31 + *byte++;
	return all;
}

static void compose(struct message *message, uint32_t number, size_t length)
{
	message->life = me - shared->life;
	message->number = number;
	message->length = length;
	memset(message + 1, number + message->life, length - sizeof(*message));
	message->sum = sum(message);
}

/* One has arrived: it is one that was sent, as it was sent. */
static void mark(const struct message *message, size_t length,
		 enum role sender)
{
	struct life *life;

	if (length < sizeof(*message) || message->length != length ||
	    message->life >= shared->most_lives || message->number >= NUMBERS ||
	    message->sum != sum(message)) {
		wrong("a message of %s came spoilt", roles[sender].name);
		return;
	}
	life = &shared->life[message->life];
	if (life->role != sender ||
	    message->number >= __atomic_load_n(&life->begun, __ATOMIC_ACQUIRE))
		wrong("a message of %s came that nobody sent",
		      roles[sender].name);
	__atomic_fetch_add(&life->seen[message->number], 1, __ATOMIC_RELAXED);
}

/* Means to send so many more. */
static uint32_t begin(uint32_t count)
{
	__atomic_store_n(&me->begun, me->done + count, __ATOMIC_RELEASE);
	return me->done;
}

static void accepted(uint32_t count)
{
	__atomic_store_n(&me->done, me->done + count, __ATOMIC_RELEASE);
	me->begun = me->done;
}

static void open_for(uint32_t count)
{
	__atomic_store_n(&me->open, count, __ATOMIC_SEQ_CST);
}

static uint64_t soon(void)
{
	return ipcbook_deadline((1 + chance(200)) * MSEC);
}

/* What a wait for a short while may answer. */
static bool late(long answer)
{
	return answer == -ETIMEDOUT || answer == -EAGAIN || answer == -EINTR;
}

/* --------------------------------------------------------------------- queue */

static void queue_sender(void)
{
	static char room[4][2048];
	struct ipcbook_queue_entry entries[4] = { 0 };
	unsigned int i, count;
	long answer;

	while (me->done + 4 <= NUMBERS) {
		count = 1 + chance(4);
		begin(count);
		for (i = 0; i < count; i++) {
			size_t length = sizeof(struct message) + chance(2000);

			compose((void *)room[i], me->done + i, length);
			entries[i].buf = (uintptr_t)room[i];
			entries[i].len = length;
			entries[i].info.type = 1 + chance(5);
		}
		if (count > 1) {
			answer = ipcbook_queue_send_batch(queue, entries,
							  count, 0, soon());
		} else {
			answer = ipcbook_queue_send(queue,
						    entries[0].info.type,
						    room[0], entries[0].len, 0,
						    soon());
			answer = answer ? answer : 1;
		}
		if (answer > 0)
			accepted(answer);
		else if (!late(answer))
			wrong("sending to a queue: %ld", answer);
		begin(0);
	}
}

static void queue_receiver(void)
{
	static char room[4][2048];
	struct ipcbook_queue_entry entries[4] = { 0 };
	static const enum ipcbook_select selects[] = {
		IPCBOOK_ANY, IPCBOOK_EXACT, IPCBOOK_UPTO, IPCBOOK_NOT,
	};
	long answer, i;

	for (;;) {
		enum ipcbook_select select = selects[chance(4)];
		int64_t type = select == IPCBOOK_ANY ? 0 : 1 + chance(5);

		memset(entries, 0, sizeof(entries));
		for (i = 0; i < 4; i++) {
			entries[i].buf = (uintptr_t)room[i];
			entries[i].len = sizeof(room[i]);
		}
		if (chance(3)) {
			open_for(1);
			answer = ipcbook_queue_recv(queue, select, type,
						    room[0], sizeof(room[0]),
						    0, soon(), NULL);
			if (answer > 0) {
				mark((void *)room[0], answer, QUEUE_SENDER);
				answer = 0;
			}
		} else {
			open_for(4);
			answer = ipcbook_queue_recv_batch(queue, select, type,
							  entries, 4, 0,
							  soon());
			for (i = 0; i < answer; i++)
				mark((void *)room[i], entries[i].len,
				     QUEUE_SENDER);
		}
		if (answer < 0 && !late(answer))
			wrong("receiving from a queue: %ld", answer);
		open_for(0);
	}
}

/* ---------------------------------------------------------------------- pipe */

static void pipe_writer(void)
{
	static char room[8][RECORD];
	unsigned int i, count;
	long answer;

	while (me->done + 8 <= NUMBERS) {
		count = 1 + chance(8);
		begin(count);
		for (i = 0; i < count; i++)
			compose((void *)room[i], me->done + i, RECORD);
		answer = sys(write(pipe_fd, room, count * RECORD));
		if (answer == (long)count * RECORD)
			accepted(count);
		else
			wrong("writing to a pipe: %ld", answer);
	}
}

static void take_records(char room[][RECORD], long answer)
{
	if (answer < 0 || answer % RECORD)
		wrong("reading from a pipe: %ld", answer);
	for (long i = 0; i < answer / RECORD; i++)
		mark((void *)room[i], RECORD, PIPE_WRITER);
}

static void pipe_reader(void)
{
	static char room[8][RECORD];

	for (;;) {
		unsigned int count = 1 + chance(8);

		open_for(count);
		take_records(room, sys(read(pipe_fd, room, count * RECORD)));
		open_for(0);
	}
}

/* ---------------------------------------------------------------------- ring */

static void producer(void)
{
	struct ipcbook_ring side;
	long answer = ipcbook_ring_attach(&side, ring, IPCBOOK_RING_PRODUCER);
	void *record;

	if (answer) {
		/* all slots are taken */
		if (answer != -EBUSY)
			wrong("a ring's producer: %ld", answer);
		return;
	}
	while (me->done < NUMBERS) {
		size_t length = sizeof(struct message) + chance(1000);

		answer = ipcbook_ring_reserve(&side, length, &record);
		if (answer == -EAGAIN) {
			answer = ipcbook_ring_wait(&side, length, 0, soon());
			if (answer && !late(answer))
				wrong("a producer's wait: %ld", answer);
			continue;
		}
		if (answer) {
			wrong("reserving in a ring: %ld", answer);
			return;
		}
		begin(1);
		compose(record, me->done, length);
		if (!chance(16)) {
			ipcbook_ring_discard(&side);
			begin(0);
			continue;
		}
		answer = ipcbook_ring_commit(&side);
		if (answer)
			wrong("committing to a ring: %ld", answer);
		accepted(1);
	}
	ipcbook_ring_detach(&side);
}

/* Takes what there is; until the end of a wait, or for ever. */
static void consume(bool for_ever)
{
	struct ipcbook_ring side;
	long answer = ipcbook_ring_attach(&side, ring_out,
					  IPCBOOK_RING_CONSUMER);
	static char room[4096];
	const void *record;
	uint32_t length;

	if (answer) {
		if (answer != -EBUSY || !for_ever)
			wrong("a ring's consumer: %ld", answer);
		return;
	}
	for (;;) {
		const struct message *message = (void *)room;

		answer = ipcbook_ring_peek(&side, &record, &length);
		if (answer == -EAGAIN) {
			answer = for_ever ?
				ipcbook_ring_wait(&side, 0, 0, soon()) :
				-ETIMEDOUT;
			if (answer && !late(answer))
				wrong("a consumer's wait: %ld", answer);
			if (answer && (!for_ever || !chance(8)))
				break;
			continue;
		}
		if (answer || length > sizeof(room)) {
			wrong("looking into a ring: %ld", answer);
			break;
		}
		memcpy(room, record, length);
		me->at = ((uint64_t)message->life + 1) << 32 | message->number;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		mark(message, length, PRODUCER);
		answer = ipcbook_ring_release(&side);
		if (answer)
			wrong("releasing: %ld", answer);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		me->at = 0;
	}
	ipcbook_ring_detach(&side);
}

/* -------------------------------------------------------------------- socket */

static void client(void)
{
	static char room[2048];
	int fd = ipcbook_socket_connect("chaos", SOCK_SEQPACKET | SOCK_CLOEXEC);

	if (fd < 0) {
		if (fd != -ECONNREFUSED && fd != -EAGAIN && fd != -EINTR)
			wrong("connecting: %d", fd);
		return;
	}
	while (me->done < NUMBERS) {
		size_t length = sizeof(struct message) + chance(2000);
		long answer;

		begin(1);
		compose((void *)room, me->done, length);
		answer = sys(send(fd, room, length, MSG_NOSIGNAL));
		/* the server was killed */
		if (answer == -EPIPE || answer == -ECONNRESET)
			return;
		if (answer != (long)length) {
			wrong("sending by a socket: %ld", answer);
			return;
		}
		accepted(1);
	}
	close(fd);
}

/* What one client sent, in its order, and all of it once it has ended. */
static void serve(int fd)
{
	static char room[2048];
	const struct message *message = (void *)room;
	struct life *life = NULL;
	uint32_t next = 0, done, begun;
	long answer;

	while ((answer = sys(recv(fd, room, sizeof(room), 0))) > 0) {
		mark(message, answer, CLIENT);
		if (message->life >= shared->most_lives)
			return;
		life = &shared->life[message->life];
		if (message->number != next++)
			wrong("a record of a socket came out of order");
	}
	if (answer)
		wrong("receiving by a socket: %ld", answer);
	if (!life)
		return;
	done = __atomic_load_n(&life->done, __ATOMIC_ACQUIRE);
	begun = __atomic_load_n(&life->begun, __ATOMIC_ACQUIRE);
	if (next < done || next > begun)
		wrong("a socket ended after %u records, %u were sent", next,
		      done);
	life->ended = true;
}

static void server(void)
{
	for (;;) {
		int fd = sys(accept4(listener, NULL, NULL, SOCK_CLOEXEC));

		if (fd < 0) {
			wrong("accepting: %d", fd);
			return;
		}
		serve(fd);
		close(fd);
	}
}

/* ------------------------------------------------------------------- signals */

/* Signals carry nothing: how many arrive is all that is counted. */
static void signaller(void)
{
	struct ipcbook_signal *signal;
	long answer = ipcbook_signal_open(&signal);

	if (answer) {
		wrong("a handle for signals: %ld", answer);
		return;
	}
	while (me->done < NUMBERS) {
		begin(1);
		answer = ipcbook_signal_kill_name(signal, "chaos", 40);
		if (answer == 1)
			accepted(1);
		else if (answer != -EAGAIN)
			wrong("a signal: %ld", answer);
		else
			poll(NULL, 0, 5);
		begin(0);
		if (!chance(8))
			poll(NULL, 0, 1);
	}
	ipcbook_signal_close(signal);
}

/* ---------------------------------------------------------------- semaphores */

/* Whatever these do, what they hold comes back. */
static void undoer(void)
{
	for (;;) {
		unsigned int units = 1 + chance(3);
		struct ipcbook_sem_want wants[2] = {
			{ undo_sem[0], units }, { undo_sem[1], 1 },
		};
		long answer;

		if (chance(2)) {
			answer = ipcbook_sem_down(undo_sem[0], units, 0,
						  soon());
			answer = answer < 0 ? answer : 0;
		} else {
			answer = ipcbook_sem_wait(wants, 2, chance(2) ?
						  IPCBOOK_SEM_ALL : 0, soon());
			/* of any one, the index */
			answer = answer < 0 ? answer : -EAGAIN;
		}
		if (answer && !late(answer))
			wrong("a semaphore with undo: %ld", answer);
		if (!answer && chance(4)) {
			answer = ipcbook_sem_up(undo_sem[0], units);
			if (answer)
				wrong("giving back: %ld", answer);
		}
		/* what was taken otherwise goes back with the process */
		if (!chance(20))
			return;
	}
}

/* Takes and gives one by one: begun and done count both. */
static void mapper(void)
{
	struct ipcbook_sem sem;
	long answer = ipcbook_sem_attach(&sem, plain_sem);

	if (answer) {
		wrong("mapping a semaphore: %ld", answer);
		return;
	}
	while (me->done + 2 <= NUMBERS) {
		begin(1);
		answer = ipcbook_sem_take(&sem, 1, 0, soon());
		if (answer < 0) {
			if (!late(answer))
				wrong("taking a unit: %ld", answer);
			begin(0);
			continue;
		}
		accepted(1);
		if (!chance(4))
			poll(NULL, 0, 1);
		begin(1);
		answer = ipcbook_sem_give(&sem, 1);
		if (answer)
			wrong("giving a unit: %ld", answer);
		accepted(1);
	}
	ipcbook_sem_detach(&sem);
}

/* ------------------------------------------------------------------ the others */

static void segment_user(void)
{
	while (chance(50)) {
		size_t pages = 1 + chance(20), size = pages * 4096;
		int fd = ipcbook_shm_open(chance(2) ? NULL : "chaos",
					  O_RDWR | O_CREAT | O_CLOEXEC, 0600,
					  size);
		unsigned char *memory;

		if (fd < 0) {
			wrong("a segment: %d", fd);
			return;
		}
		memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			      fd, 0);
		close(fd);
		if (memory == MAP_FAILED)
			continue;
		memset(memory, 1, 4096);
		if (chance(2))
			munmap(memory, 4096);
		if (!chance(5))
			ipcbook_shm_unlink("chaos");
	}
}

/* Takes what it gets, until memory or descriptors end. */
static void hoarder(void)
{
	struct rlimit few = { 64, 64 };
	char path[100], text[20];
	bool limited = chance(2);
	int ends[2], fd;

	snprintf(path, sizeof(path), "/sys/fs/cgroup/chaos-%d", getppid());
	if (limited) {
		strcat(path, "/cgroup.procs");
		snprintf(text, sizeof(text), "%d", getpid());
		spit(path, text);
	} else {
		setrlimit(RLIMIT_NOFILE, &few);
	}
	for (unsigned int i = 0; i < 3000; i++) {
		switch (chance(6)) {
		case 0:
			fd = ipcbook_queue_open(NULL, O_RDWR, 0600, NULL);
			for (unsigned int n = 0; fd >= 0 && n < 30; n++)
				ipcbook_queue_send(fd, 1, path, 4000,
						   IPCBOOK_NOWAIT, 0);
			break;
		case 1:
			fd = ipcbook_pipe(ends, O_NONBLOCK, 65536);
			break;
		case 2:
			fd = ipcbook_shm_open(NULL, O_RDWR, 0600, 65536);
			break;
		case 3:
			fd = ipcbook_ring_open(NULL, O_RDWR, 0600,
				&(struct ipcbook_ring_limits){ .size = 65536 });
			break;
		case 4:
			fd = ipcbook_sem_open(NULL, O_RDWR, 0600,
				&(struct ipcbook_sem_limits){ .value = 1 });
			break;
		default:
			fd = ipcbook_socket_connect("chaos", SOCK_STREAM);
			/* that is another kind */
			if (fd == -EPROTOTYPE || fd == -ECONNREFUSED)
				fd = 0;
			break;
		}
		if (fd == -ENOMEM || fd == -ENOBUFS)
			shared->no_memory++;
		else if (fd == -EMFILE)
			shared->no_descriptor++;
		else if (fd < 0 && fd != -EDQUOT && fd != -ENOSPC)
			wrong("a hoarder: %d", fd);
		if (fd < 0 && !chance(20))
			return;
	}
}

/*
 * Makes objects in a network namespace of its own, and a child that waits there
 * from outside; then the namespace ends, and so does the wait.
 */
static void nomad(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd, sem;
	char byte;
	pid_t pid;
	long answer;

	poll(NULL, 0, chance(300));
	if (home < 0 || unshare(CLONE_NEWNET))
		return;
	fd = ipcbook_queue_open("nomad", O_RDWR | O_CREAT, 0600, NULL);
	sem = ipcbook_sem_open("nomad", O_RDWR | O_CREAT, 0600,
			       &(struct ipcbook_sem_limits){ .value = 0 });
	ipcbook_pipe_create("nomad", 0600, 4096);
	if (fd < 0 || sem < 0)
		return;
	pid = fork();
	if (pid)
		return;
	if (setns(home, CLONE_NEWNET))
		_exit(0);
	answer = chance(2) ?
		ipcbook_queue_recv(fd, IPCBOOK_ANY, 0, &byte, 1, 0,
				   ipcbook_deadline(60 * SEC), NULL) :
		ipcbook_sem_down(sem, 1, 0, ipcbook_deadline(60 * SEC));
	if (answer == -EIDRM)
		shared->ended++;
	else
		wrong("a wait in a namespace that ended: %ld", answer);
	_exit(0);
}

static void interface(bool up)
{
	struct ifreq request = { .ifr_name = IPCBOOK_CAPTURE_DEVICE };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	request.ifr_flags = up ? IFF_UP : 0;
	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

/*
 * A network namespace whose capture is up: while one is, the jump to it is there, and
 * the kernel patches nothing when that of another comes and goes.
 */
static int up_elsewhere(void)
{
	int home = keep(sys(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)));
	int fd;

	is(sys(unshare(CLONE_NEWNET)), 0);
	interface(true);
	fd = keep(sys(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)));
	is(sys(setns(home, CLONE_NEWNET)), 0);
	drop(home);
	return fd;
}

static void capturer(void)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = __builtin_bswap16(0x0003),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, to.sll_protocol);
	char frame[4096];

	if (fd < 0)
		return;
	while (chance(20)) {
		interface(true);
		for (unsigned int i = 0; i < 50; i++)
			if (recv(fd, frame, sizeof(frame), MSG_DONTWAIT) > 0)
				shared->frames++;
			else
				poll(NULL, 0, 2);
		interface(false);
	}
}

static void unloader(void)
{
	for (;;) {
		long answer = sys(syscall(SYS_delete_module, "ipcbook",
					  O_NONBLOCK));

		if (answer == -EAGAIN)
			shared->refused_unload++;
		else
			wrong("unloading: %ld", answer);
		poll(NULL, 0, 3);
	}
}

static void live(enum role role)
{
	switch (role) {
	case QUEUE_SENDER: return queue_sender();
	case QUEUE_RECEIVER: return queue_receiver();
	case PIPE_WRITER: return pipe_writer();
	case PIPE_READER: return pipe_reader();
	case PRODUCER: return producer();
	case CONSUMER: return consume(true);
	case CLIENT: return client();
	case SERVER: return server();
	case SIGNALLER: return signaller();
	case UNDOER: return undoer();
	case MAPPER: return mapper();
	case SHM: return segment_user();
	case HOARDER: return hoarder();
	case NOMAD: return nomad();
	case CAPTURER: return capturer();
	default: return unloader();
	}
}

/* ------------------------------------------------------- who kills and counts */

static struct { pid_t pid; enum role role; uint32_t life; bool stopped; }
	places[400];
static unsigned int place_count;
static unsigned int killed_of[ROLES], lives_of[ROLES];
static uint64_t open_of[ROLES], refilled, signals;
static uint64_t torn[10000];
static unsigned int torn_count;

static bool begin_life(unsigned int place)
{
	uint32_t life = shared->lives;
	pid_t pid, parent = getpid();

	if (life >= shared->most_lives)
		return false;
	shared->lives++;
	lives_of[places[place].role]++;
	shared->life[life].role = places[place].role;
	places[place].life = life;
	places[place].stopped = false;
	pid = fork();
	if (pid < 0)
		return false;
	if (!pid) {
		static const int caught[] = {
			SIGALRM, SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS,
		};

		for (unsigned int i = 0; i < ARRAY_SIZE(caught); i++)
			signal(caught[i], SIG_DFL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		luck = life * 2654435761U + 1;
		me = &shared->life[life];
		live(places[place].role);
		_exit(0);
	}
	places[place].pid = pid;
	return true;
}

static void end_life(unsigned int place, int status)
{
	struct life *life = &shared->life[places[place].life];
	enum role role = life->role;

	places[place].pid = 0;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		wrong("one of the %s ended with status %#x", roles[role].name,
		      status);
	life->killed = true;
	killed_of[role]++;
	open_of[role] += life->open;
	if (role == CONSUMER && life->at) {
		holds(torn_count < ARRAY_SIZE(torn));
		torn[torn_count++] = life->at;
	}
	/* what it held is for the others */
	if (role == MAPPER && life->done % 2) {
		is(ipcbook_sem_up(plain_sem, 1), 0);
		refilled++;
	}
}

static void reap_all(int options)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, options)) > 0)
		for (unsigned int i = 0; i < place_count; i++)
			if (places[i].pid == pid)
				end_life(i, status);
}

static void count_signals(struct ipcbook_signal *signal)
{
	struct ipcbook_signal_info infos[64];
	long n;

	while ((n = ipcbook_signal_fetch(signal, infos, 64)) > 0)
		for (long i = 0; i < n; i++) {
			is(infos[i].number, 40);
			signals++;
		}
	is(n, -EAGAIN);
}

/* Kills, stops or continues somebody. */
static void torment(void)
{
	unsigned int place = chance(place_count);

	if (!places[place].pid || roles[places[place].role].safe)
		return;
	if (places[place].stopped) {
		kill(places[place].pid, chance(2) ? SIGCONT : SIGKILL);
		places[place].stopped = false;
	} else if (chance(3)) {
		kill(places[place].pid, SIGKILL);
	} else {
		kill(places[place].pid, SIGSTOP);
		places[place].stopped = true;
	}
}

/* What of a kind of senders has arrived, and whether that can be. */
static uint64_t judge(enum role role, uint64_t may_miss, uint64_t *arrived)
{
	uint64_t done = 0, unsure = 0, missing = 0, twice = 0;

	*arrived = 0;
	for (uint32_t i = 0; i < shared->lives; i++) {
		const struct life *life = &shared->life[i];

		if (life->role != role)
			continue;
		done += life->done;
		unsure += life->begun > life->done ?
			  life->begun - life->done : 0;
		for (uint32_t n = 0; n < NUMBERS; n++) {
			unsigned int seen = life->seen[n], again = 0;

			for (unsigned int t = 0; role == PRODUCER &&
			     seen > 1 && t < torn_count; t++)
				again += torn[t] ==
					((i + 1ULL) << 32 | n);
			if (seen > 1 + again)
				wrong("number %u of a life of %s came %u times",
				      n, roles[role].name, seen);
			twice += seen > 1;
			*arrived += seen > 0;
			if (n < life->done && !seen &&
			    (role != CLIENT || life->ended))
				missing++;
		}
	}
	print_message("# %s: %llu accepted, %llu cut short, %llu arrived, %llu missing of %llu that killed receivers had open, %llu came to two\n",
		      roles[role].name, (unsigned long long)done,
		      (unsigned long long)unsure,
		      (unsigned long long)*arrived,
		      (unsigned long long)missing,
		      (unsigned long long)may_miss,
		      (unsigned long long)twice);
	if (missing > may_miss)
		wrong("%llu messages of %s are lost",
		      (unsigned long long)missing, roles[role].name);
	if (role != CLIENT && *arrived > done + unsure)
		wrong("more came of %s than was sent", roles[role].name);
	return missing;
}

/* What the kernel has counted must be what the records say. */
static void compare(int fd, uint64_t unit, uint64_t arrived, uint64_t missing,
		    uint64_t open)
{
	struct ipcbook_stat stat;
	uint64_t sent, received;

	is(ipcbook_stat(fd, &stat), 0);
	sent = unit ? stat.sent_bytes / unit : stat.sent;
	received = unit ? stat.received_bytes / unit : stat.received;
	is(stat.depth, 0);
	is(sent - received, 0);
	/* taken and not marked: by those who were killed */
	holds(received >= arrived + missing);
	holds(received - arrived <= open);
	is(stat.senders_waiting, 0);
	is(stat.receivers_waiting, 0);
}

static void judge_units(void)
{
	int64_t value = UNITS + refilled, least, most;
	struct ipcbook_stat stat;

	for (unsigned int i = 0; i < 2; i++) {
		is(ipcbook_sem_value(undo_look[i]), UNITS);
		is(ipcbook_stat(undo_look[i], &stat), 0);
		is(stat.receivers_waiting, 0);
	}
	for (uint32_t i = 0; i < shared->lives; i++)
		value -= shared->life[i].role == MAPPER &&
			 shared->life[i].done % 2;
	least = value;
	most = value;
	for (uint32_t i = 0; i < shared->lives; i++) {
		const struct life *life = &shared->life[i];

		if (life->role != MAPPER || life->begun <= life->done)
			continue;
		if (life->done % 2)
			most++;
		else
			least--;
	}
	value = ipcbook_sem_value(plain_sem);
	print_message("# semaphores: with undo %u and %u of %u units; without %lld, of %lld to %lld\n",
		      UNITS, UNITS, UNITS, (long long)value, (long long)least,
		      (long long)most);
	holds(value >= least && value <= most);
}

static void judge_signals(void)
{
	uint64_t done = 0, unsure = 0;

	for (uint32_t i = 0; i < shared->lives; i++) {
		const struct life *life = &shared->life[i];

		if (life->role != SIGNALLER)
			continue;
		done += life->done;
		unsure += life->begun > life->done;
	}
	print_message("# signal senders: %llu accepted, %llu cut short, %llu arrived\n",
		      (unsigned long long)done, (unsigned long long)unsure,
		      (unsigned long long)signals);
	holds(signals >= done && signals <= done + unsure);
}

static void open_all(void)
{
	static const struct ipcbook_queue_limits limits = {
		.messages = 64, .bytes = 65536, .size = 2048,
	};
	static const struct ipcbook_sem_limits undo = {
		.value = UNITS, .maximum = UNITS, .flags = IPCBOOK_SEM_UNDO,
	}, plain = { .value = UNITS, .maximum = 100000 };
	static const struct ipcbook_ring_limits many = {
		.size = 16384, .flags = IPCBOOK_RING_MANY,
	};

	queue = keep(ipcbook_queue_open("chaos", O_RDWR | O_CREAT | O_EXCL,
					0600, &limits));
	pipe_fd = keep(ipcbook_pipe_open("chaos", O_RDWR | O_CREAT | O_EXCL,
					 0600, 4096));
	ring = keep(ipcbook_ring_open("chaos", O_RDWR | O_CREAT | O_EXCL, 0600,
				      &many));
	ring_out = keep(ipcbook_ring_open("chaos", O_RDONLY, 0, NULL));
	for (unsigned int i = 0; i < 2; i++) {
		undo_sem[i] = keep(ipcbook_sem_open(i ? "chaos-2" : "chaos-1",
						    O_RDWR | O_CREAT | O_EXCL,
						    0600, &undo));
		undo_look[i] = keep(ipcbook_sem_open(i ? "chaos-2" : "chaos-1",
						     O_RDONLY, 0, NULL));
	}
	plain_sem = keep(ipcbook_sem_open("chaos", O_RDWR | O_CREAT | O_EXCL,
					  0600, &plain));
	listener = keep(ipcbook_socket_listen("chaos",
					      SOCK_SEQPACKET | SOCK_CLOEXEC,
					      8));
}

static void close_all(void)
{
	is(ipcbook_queue_unlink("chaos"), 0);
	is(ipcbook_pipe_unlink("chaos"), 0);
	is(ipcbook_ring_unlink("chaos"), 0);
	is(ipcbook_sem_unlink("chaos"), 0);
	is(ipcbook_sem_unlink("chaos-1"), 0);
	is(ipcbook_sem_unlink("chaos-2"), 0);
	ipcbook_shm_unlink("chaos");
	drop(queue);
	drop(pipe_fd);
	drop(ring);
	drop(ring_out);
	drop(plain_sem);
	drop(listener);
	for (unsigned int i = 0; i < 2; i++) {
		drop(undo_sem[i]);
		drop(undo_look[i]);
	}
}

/* What is left after all have ended. */
static void drain_all(struct ipcbook_signal *signal)
{
	static char room[2048], records[8][RECORD];
	long answer;

	while ((answer = ipcbook_queue_recv(queue, IPCBOOK_ANY, 0, room,
					    sizeof(room), IPCBOOK_NOWAIT, 0,
					    NULL)) > 0)
		mark((void *)room, answer, QUEUE_SENDER);
	is(answer, -EAGAIN);
	is(sys(fcntl(pipe_fd, F_SETFL, O_NONBLOCK)), 0);
	while ((answer = sys(read(pipe_fd, records, sizeof(records)))) > 0)
		take_records(records, answer);
	is(answer, -EAGAIN);
	me = &shared->life[shared->lives++];
	me->role = CONSUMER;
	consume(false);
	count_signals(signal);
}

static unsigned long number_in(const char *path)
{
	const char *text = slurp(path);

	return text ? strtoul(text, NULL, 10) : 0;
}

static void unloads_clean(void)
{
	const char *path = getenv("IPCBOOK_MODULE");
	int fd;

	await(!number_in("/sys/module/ipcbook/refcnt"));
	if (!path)
		return;
	fd = keep(sys(open(path, O_RDONLY | O_CLOEXEC)));
	is(sys(syscall(SYS_delete_module, "ipcbook", O_NONBLOCK)), 0);
	is(sys(syscall(SYS_finit_module, fd, "", 0)), 0);
	await(!access(IPCBOOK_DEVICE, F_OK));
	drop(fd);
}

BARE_TEST(everything_is_accounted_for_whatever_is_killed)
{
	const char *text = getenv("IPCBOOK_CHAOS_SECONDS");
	unsigned int duration = text ? atoi(text) : 10, acts = 0, lives;
	const struct sched_param first = { .sched_priority = 1 }, usual = { 0 };
	size_t size;
	uint64_t end, arrived, missing;
	struct ipcbook_signal *signal;
	int elsewhere = -1;
	char group[100];

	give_seconds(duration + 120);
	luck = text && getenv("IPCBOOK_CHAOS_SEED") ?
	       atoi(getenv("IPCBOOK_CHAOS_SEED")) : 1 + getpid();
	lives = (duration + 5) * LIVES;
	size = sizeof(*shared) + lives * sizeof(struct life);
	shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	holds(shared != MAP_FAILED);
	/* one is left for what is taken at the end */
	shared->most_lives = lives - 1;
	/* Whoever torments is not held up by those who are tormented. */
	is(sys(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK,
				  &first)), 0);
	is(sys(prctl(PR_SET_CHILD_SUBREAPER, 1)), 0);
	snprintf(group, sizeof(group), "/sys/fs/cgroup/chaos-%d", getpid());
	if (!mkdir(group, 0755)) {
		strcat(group, "/memory.max");
		spit(group, "8M");
		group[strlen(group) - strlen("/memory.max")] = 0;
	}
	open_all();
	is(ipcbook_signal_open(&signal), 0);
	is(ipcbook_signal_register(signal, "chaos", NULL, 0, 256), 0);
	if (stale_code())
		elsewhere = up_elsewhere();

	for (enum role role = 0; role < ROLES; role++)
		for (unsigned int i = 0; i < roles[role].count; i++)
			places[place_count++].role = role;
	for (unsigned int i = 0; i < place_count; i++)
		begin_life(i);
	end = ipcbook_deadline(duration * SEC);
	while (ipcbook_deadline(0) < end && !shared->failures) {
		torment();
		acts++;
		count_signals(signal);
		reap_all(WNOHANG);
		for (unsigned int i = 0; i < place_count; i++)
			if (!places[i].pid && !begin_life(i))
				end = 0;
		poll(NULL, 0, 2);
	}
	for (unsigned int i = 0; i < place_count; i++)
		if (places[i].pid)
			kill(places[i].pid, SIGKILL);
	reap_all(0);
	rmdir(group);
	interface(false);
	if (elsewhere >= 0)
		drop(elsewhere);

	drain_all(signal);
	ipcbook_signal_close(signal);
	for (enum role role = 0; role < ROLES; role++)
		print_message("# %u %s: %u lives, %u killed\n",
			      roles[role].count, roles[role].name,
			      lives_of[role], killed_of[role]);
	missing = judge(QUEUE_SENDER, open_of[QUEUE_RECEIVER], &arrived);
	if (!shared->failures)
		compare(queue, 0, arrived, missing, open_of[QUEUE_RECEIVER]);
	missing = judge(PIPE_WRITER, open_of[PIPE_READER], &arrived);
	if (!shared->failures)
		compare(pipe_fd, RECORD, arrived, missing,
			open_of[PIPE_READER]);
	judge(PRODUCER, 0, &arrived);
	judge(CLIENT, 0, &arrived);
	print_message("# unloading was refused %llu times; %llu times no memory, %llu times no descriptor; %llu waits ended with their namespace; %llu frames captured; %u acts\n",
		      (unsigned long long)shared->refused_unload,
		      (unsigned long long)shared->no_memory,
		      (unsigned long long)shared->no_descriptor,
		      (unsigned long long)shared->ended,
		      (unsigned long long)shared->frames, acts);
	if (shared->failures)
		print_message("# %s (%u such)\n", shared->why,
			      (unsigned int)shared->failures);
	is(shared->failures, 0);
	judge_signals();
	judge_units();
	/* nothing of this can be said where nothing was done */
	holds(acts && killed_of[SERVER] && arrived);
	close_all();
	munmap(shared, size);
	is(sys(sched_setscheduler(0, SCHED_OTHER, &usual)), 0);
	unloads_clean();
}
