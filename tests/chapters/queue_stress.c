// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue: many at once, and many messages. Nothing is lost, nothing comes
 * twice, nothing overtakes.
 */
#include <sys/epoll.h>
#include <sys/time.h>

#include "harness.h"

#define TYPES	8
#define WORKERS	8

static uint64_t now(void)
{
	return ipcbook_deadline(0);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	holds(memory != MAP_FAILED);
	return memory;
}

/* --- Order and completeness ----------------------------------------------- */

/* What a message says of itself; the rest of it follows from the sum. */
struct told {
	uint32_t writer;
	uint32_t type;
	uint64_t count;		/* of this writer and type, from 1 */
	uint64_t sum;
	char rest[200];
};

#define HEAD offsetof(struct told, rest)

static uint64_t sum_of(const struct told *told, size_t len)
{
	uint64_t sum = told->count * 0x9e3779b97f4a7c15 + told->writer * 31 +
		       told->type;

	for (size_t i = 0; i < len - HEAD; i++)
		sum = sum * 1099511628211ULL + (unsigned char)told->rest[i];
	return sum;
}

/* How many, and the sum of their sums, for each type. */
struct account {
	uint64_t count[TYPES + 1], sum[TYPES + 1];
};

static void write_messages(unsigned int writer, uint64_t end,
			   struct account *account)
{
	uint32_t random = writer + 1;
	struct told told = { .writer = writer };
	size_t len;

	while (now() < end) {
		unsigned int type = 1 + next_random(&random) % TYPES;

		len = HEAD + next_random(&random) % sizeof(told.rest);
		told.type = type;
		told.count = ++account->count[type];
		memset(told.rest, random, len - HEAD);
		told.sum = sum_of(&told, len);
		account->sum[type] += told.sum;
		if (random & 1)
			is(queue_send(q, type, &told, len, 0, 0), 0);
		else
			is(sys(pwrite(q, &told, len, type)), len);
	}
}

/* One reader a type sees each writer's messages of it one after the other. */
static void read_messages(unsigned int type, struct account *account)
{
	uint64_t last[WORKERS] = { 0 };
	struct told told;
	long len;

	for (;;) {
		len = account->count[type] & 1 ?
		      queue_recv(q, IPCBOOK_EXACT, type, &told, sizeof(told),
				 0, 0, NULL) :
		      sys(pread(q, &told, sizeof(told), type));
		if (len == 1)
			break;
		holds(len >= (long)HEAD);
		is(told.type, type);
		holds(told.writer < WORKERS);
		is(told.count, last[told.writer] + 1);
		last[told.writer]++;
		is(told.sum, sum_of(&told, len));
		account->count[type]++;
		account->sum[type] += told.sum;
	}
}

static void nothing(__attribute__((unused)) int signal)
{
}

/* Signals every 300 microseconds; interrupted calls go on. */
static void storm(void)
{
	static const struct sigaction action = {
		.sa_handler = nothing,
		.sa_flags = SA_RESTART,
	};
	static const struct itimerval often = {
		.it_interval.tv_usec = 300,
		.it_value.tv_usec = 300,
	};

	is(sys(sigaction(SIGALRM, &action, NULL)), 0);
	is(sys(setitimer(ITIMER_REAL, &often, NULL)), 0);
}

/* What the writers have sent is what the readers have received. */
static void settle(struct account *sent, const struct account *received)
{
	for (unsigned int type = 1; type <= TYPES; type++) {
		for (unsigned int i = 1; i < WORKERS; i++) {
			sent[0].count[type] += sent[i].count[type];
			sent[0].sum[type] += sent[i].sum[type];
		}
		holds(sent[0].count[type] > 0);
		is(received->count[type], sent[0].count[type]);
		is(received->sum[type], sent[0].sum[type]);
	}
	is_empty(q);
	is(queue_stat(q).sent, queue_stat(q).received);
}

static void eight_by_eight(void (*prepare)(void))
{
	struct account *sent = shared(WORKERS * sizeof(*sent));
	struct account *received = shared(sizeof(*received));
	pid_t readers[TYPES], writers[WORKERS];
	uint64_t end = ipcbook_deadline(4 * SEC);

	for (unsigned int i = 0; i < TYPES; i++) {
		readers[i] = child();
		if (!readers[i]) {
			prepare();
			read_messages(i + 1, received);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		writers[i] = child();
		if (!writers[i]) {
			prepare();
			write_messages(i, end, &sent[i]);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < WORKERS; i++)
		is(reap(writers[i]), 0);
	/* The last message of each type, one byte, ends its reader. */
	for (unsigned int i = 0; i < TYPES; i++)
		is(queue_send(q, i + 1, "", 1, 0, 0), 0);
	for (unsigned int i = 0; i < TYPES; i++)
		is(reap(readers[i]), 0);
	settle(sent, received);
}

static void calm(void)
{
}

TEST(eight_writers_and_eight_readers_of_eight_types_lose_nothing)
{
	eight_by_eight(calm);
}

TEST(nor_do_they_where_there_is_hardly_any_room)
{
	limit(3, 600, 0);
	eight_by_eight(calm);
}

TEST(nor_do_they_in_a_storm_of_signals)
{
	limit(20, 0, 0);
	eight_by_eight(storm);
}

/* --- Every call at once, and readers and writers killed ------------------- */

/*
 * Readers receive straight into shared memory, each into the next slots of its
 * own log, and note there what a call has told them to have received. A reader
 * that is killed in between has it in its log without the note: the message was
 * received, or it went back and is received again, once, by somebody else.
 *
 * Writers take a new number for each message they try to send, and note in
 * shared memory which ones went. A message whose writer was killed before it
 * could note it may have gone or not: it comes once or never.
 */
struct text {
	uint32_t id;		/* from 1; 0 is an empty slot */
	uint32_t sum;
};

struct slot {
	struct text text;
	bool sure;
};

#define SLOTS	(1 << 18)
#define IDS	(1 << 22)

static struct {
	_Atomic uint32_t last_id;
	bool went[IDS];
	struct slot logs[WORKERS + 1][SLOTS];
} *all;

static uint32_t check_of(uint32_t id)
{
	return (id ^ 0x5bd1e995) * 2654435761U;
}

static void random_writer(uint64_t end, uint32_t random)
{
	struct ipcbook_queue_entry entries[8];
	struct text texts[8];
	unsigned int n;
	long went;

	memset(entries, 0, sizeof(entries));
	while (now() < end && all->last_id < IDS - 100) {
		n = next_random(&random) % 8 + 1;
		for (unsigned int i = 0; i < n; i++) {
			texts[i].id = ++all->last_id;
			texts[i].sum = check_of(texts[i].id);
			entries[i].buf = (uintptr_t)&texts[i];
			entries[i].len = sizeof(texts[i]);
			entries[i].info.type = 1 + next_random(&random) % TYPES;
		}
		if (n == 1)
			went = sys(pwrite(q, texts, sizeof(*texts),
					  entries[0].info.type)) / 8;
		else
			went = queue_send_batch(q, entries, n, 0,
						now() + 5 * MSEC);
		holds(went > 0 || went == -ETIMEDOUT);
		while (went-- > 0)
			all->went[texts[went].id] = true;
	}
}

/* Receives one or up to eight messages into slots, by any selector. */
static long random_receive(struct slot *slots, uint32_t *random)
{
	unsigned int select = next_random(random) % 4;
	int64_t type = select == IPCBOOK_ANY ? 0 :
		       1 + next_random(random) % TYPES;
	uint64_t deadline = now() + 2 * MSEC;
	struct ipcbook_queue_entry entries[8];
	long n;

	if (next_random(random) % 2) {
		n = queue_recv(q, select, type, &slots->text,
			       sizeof(slots->text), 0, deadline, NULL);
		return n < 0 ? n : 1;
	}
	for (unsigned int i = 0; i < 8; i++) {
		entries[i].buf = (uintptr_t)&slots[i].text;
		entries[i].len = sizeof(slots[i].text);
	}
	return queue_recv_batch(q, select, type, entries, 8, 0, deadline);
}

/* Goes on after the last full slot of its log. */
static void random_reader(struct slot *log, uint64_t end, uint32_t random)
{
	unsigned int at = 0;
	long n;

	while (log[at].text.id)
		at++;
	while (now() < end && at < SLOTS - 9) {
		n = random_receive(log + at, &random);
		holds(n > 0 || n == -ETIMEDOUT);
		for (; n > 0; n--)
			log[at++].sure = true;
	}
}

static pid_t start_random(unsigned int i, uint64_t end, uint32_t random)
{
	pid_t pid = child();

	if (pid)
		return pid;
	/* Let the one who kills have its turn. */
	is(sys(nice(10)), 10);
	if (i < WORKERS)
		random_writer(end, random);
	else
		random_reader(all->logs[i - WORKERS], end, random);
	_exit(0);
}

static void count_all(void)
{
	static struct {
		unsigned char sure, unsure;
	} seen[IDS];
	unsigned long distinct = 0, sure = 0, went = 0;

	for (unsigned int i = 0; i <= WORKERS; i++) {
		for (struct slot *slot = all->logs[i]; slot->text.id; slot++) {
			uint32_t id = slot->text.id;

			is(slot->text.sum, check_of(id));
			holds(id <= all->last_id);
			distinct += !seen[id].sure && !seen[id].unsure;
			if (slot->sure)
				is(seen[id].sure++, 0);
			else
				seen[id].unsure++;
			sure += slot->sure;
		}
	}
	for (uint32_t id = 1; id <= all->last_id; id++) {
		holds(seen[id].sure || seen[id].unsure || !all->went[id]);
		went += all->went[id];
	}
	print_message("# %lu sent, %lu received; surely %lu and %lu\n",
		      (unsigned long)queue_stat(q).sent, distinct, went, sure);
	holds(went > 1000);
	is(queue_stat(q).sent, distinct);
	is(queue_stat(q).received, distinct);
}

TEST(whoever_is_killed_no_message_is_lost_and_none_comes_twice)
{
	uint64_t end = ipcbook_deadline(100 * SEC);
	pid_t pids[2 * WORKERS];
	uint32_t random = 1;
	unsigned int i;
	long n;

	give_seconds(120);
	all = shared(sizeof(*all));
	limit(50, 0, 0);
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = start_random(i, end, i);
	for (unsigned int kills = 0; kills < 60; kills++) {
		i = next_random(&random) % ARRAY_SIZE(pids);
		is(sys(kill(pids[i], SIGKILL)), 0);
		is(reap(pids[i]), 128 + SIGKILL);
		pids[i] = start_random(i, end, 100 + kills);
		for (n = next_random(&random) % 20; n; n--)
			breathe();
	}
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		kill(pids[i], SIGKILL);
		reap(pids[i]);
	}
	is(queue_stat(q).receivers_waiting, 0);
	is(queue_stat(q).senders_waiting, 0);
	for (struct slot *slot = all->logs[WORKERS];; slot++) {
		n = queue_recv(q, IPCBOOK_ANY, 0, &slot->text,
			       sizeof(slot->text), IPCBOOK_NOWAIT, 0, NULL);
		if (n == -EAGAIN)
			break;
		is(n, sizeof(slot->text));
		slot->sure = true;
	}
	count_all();
	munmap(all, sizeof(*all));
	works(q);
}

/* --- Readiness under load ------------------------------------------------- */

#define EACH	20000

static void edge_triggered_reader(unsigned int type)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int fd = queue_open(qname, IPCBOOK_OPEN_READ | IPCBOOK_OPEN_NONBLOCK);
	int ep = sys(epoll_create1(0));
	unsigned int seen = 0;
	char room[8];

	is(queue_select(fd, IPCBOOK_EXACT, type), 0);
	is(sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event)), 0);
	while (seen < EACH) {
		is(sys(epoll_wait(ep, &event, 1, -1)), 1);
		while (sys(pread(fd, room, sizeof(room), type)) == 1)
			seen++;
	}
	is(seen, EACH);
}

TEST(no_edge_is_lost_under_load)
{
	pid_t pids[8];

	for (unsigned int i = 0; i < 4; i++) {
		pids[i] = child();
		if (!pids[i]) {
			edge_triggered_reader(i + 1);
			_exit(0);
		}
	}
	for (unsigned int i = 4; i < 8; i++) {
		pids[i] = child();
		if (pids[i])
			continue;
		for (unsigned int n = 0; n < EACH; n++)
			is(queue_send(q, (i + n) % 4 + 1, "x", 1, 0, 0), 0);
		_exit(0);
	}
	for (unsigned int i = 0; i < 8; i++)
		is(reap(pids[i]), 0);
	is_empty(q);
}

/* --- Names under load ----------------------------------------------------- */

static void use_names(uint64_t end, uint32_t random)
{
	char name[2] = "", room[8];
	long answer;
	int fd;

	while (now() < end) {
		name[0] = 'a' + next_random(&random) % 3;
		fd = queue_open(name, IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE |
				      (next_random(&random) % 2 ?
				       IPCBOOK_OPEN_CREATE : 0));
		holds(fd >= 0 || fd == -ENOENT);
		if (fd >= 0) {
			answer = queue_send(fd, 5, "x", 1, IPCBOOK_NOWAIT, 0);
			holds(!answer || answer == -EIDRM);
			answer = queue_recv(fd, IPCBOOK_ANY, 0, room, 8, 0,
					    now() + MSEC, NULL);
			holds(answer == 1 || answer == -ETIMEDOUT ||
			      answer == -EIDRM);
			drop(fd);
		}
		if (next_random(&random) % 3 == 0) {
			answer = queue_unlink(name);
			holds(!answer || answer == -ENOENT);
		}
	}
}

TEST(names_come_and_go_under_everybody_s_hands)
{
	uint64_t end = ipcbook_deadline(3 * SEC);
	pid_t pids[6];

	for (unsigned int i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = child();
		if (!pids[i]) {
			use_names(end, i);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(pids); i++)
		is(reap(pids[i]), 0);
	queue_unlink("a");
	queue_unlink("b");
	queue_unlink("c");
	works(q);
}

/* --- A million ------------------------------------------------------------ */

#define MILLION	1000000
#define KINDS	1000

/* As many as there is time for. */
static uint32_t million;

static uint32_t type_of(uint32_t i)
{
	return 1 + (i * 2654435761U >> 8) % KINDS;
}

static int count_a_million(void **state)
{
	million = slow_kernel() ? MILLION / 10 : MILLION;
	return fixture_queue(state);
}

#define MILLION_TEST(name) TEST_WITH(name, count_a_million)

static void send_a_million(void)
{
	static struct ipcbook_queue_entry entries[1000];
	static uint32_t texts[1000];

	give_seconds(400);
	limit(million, 4 * million, 4);
	for (uint32_t i = 0; i < million; i += 1000) {
		for (uint32_t n = 0; n < 1000; n++) {
			texts[n] = i + n;
			entries[n].buf = (uintptr_t)&texts[n];
			entries[n].len = 4;
			entries[n].info.type = type_of(i + n);
		}
		is(queue_send_batch(q, entries, 1000, IPCBOOK_NOWAIT, 0), 1000);
	}
	is(queue_send(q, 1, "x", 1, IPCBOOK_NOWAIT, 0), -EAGAIN);
	is(queue_stat(q).depth, million);
	is(queue_stat(q).types, KINDS);
}

/* All of them, lowest type first, and within a type as they were sent. */
static const uint32_t *by_type(void)
{
	static uint32_t order[MILLION];
	uint32_t start[KINDS + 2] = { 0 };

	for (uint32_t i = 0; i < million; i++)
		start[type_of(i) + 1]++;
	for (uint32_t type = 1; type <= KINDS; type++)
		start[type + 1] += start[type];
	for (uint32_t i = 0; i < million; i++)
		order[start[type_of(i)]++] = i;
	return order;
}

static uint32_t next(enum ipcbook_select select, int64_t type)
{
	uint32_t i;

	is(queue_recv(q, select, type, &i, 4, IPCBOOK_NOWAIT, 0, NULL), 4);
	return i;
}

MILLION_TEST(a_million_messages_come_in_order_to_who_takes_any)
{
	uint32_t text;

	send_a_million();
	for (uint32_t i = 0; i < million; i++) {
		is(sys(pread(q, &text, 4, 0)), 4);
		is(text, i);
	}
	is_empty(q);
}

MILLION_TEST(a_million_messages_come_in_order_to_who_takes_one_type_after_another)
{
	const uint32_t *order = by_type();
	uint32_t text, n = 0;

	send_a_million();
	while (n < million) {
		is(sys(pread(q, &text, 4, type_of(order[n]))), 4);
		is(text, order[n++]);
	}
	is_empty(q);
}

MILLION_TEST(a_million_messages_come_in_order_to_who_takes_the_lowest_type)
{
	const uint32_t *order = by_type();

	send_a_million();
	for (uint32_t n = 0; n < million; n++)
		is(next(IPCBOOK_UPTO, KINDS / 2 + n / 2), order[n]);
	is_empty(q);
}

MILLION_TEST(a_million_messages_come_in_order_to_who_takes_all_but_one_type)
{
	send_a_million();
	for (uint32_t i = 0; i < million; i++)
		if (type_of(i) != 7)
			is(next(IPCBOOK_NOT, 7), i);
	is(queue_stat(q).types, 1);
	for (uint32_t i = 0; i < million; i++)
		if (type_of(i) == 7)
			is(next(IPCBOOK_UPTO, 7), i);
	is_empty(q);
}

MILLION_TEST(a_million_messages_end_with_their_queue)
{
	uint64_t before;

	send_a_million();
	before = queue_stat(q).memory;
	holds(before > 4 * million);
	limit(0, 0, 0);
	works(q);
}

TEST(tens_of_thousands_of_types_come_lowest_first)
{
	static unsigned int seen[50000];
	const unsigned int n = ARRAY_SIZE(seen);
	uint64_t type;

	limit(n, 8 * n, 8);
	for (unsigned int i = 0; i < n; i++) {
		/* All of them, each once, in no order. */
		type = 1 + i * 7919ULL % n;
		is(queue_send(q, type << 40, &type, 8, IPCBOOK_NOWAIT, 0), 0);
	}
	is(queue_stat(q).types, n);
	is(sys(pread(q, &type, 8, 25000LL << 40)), 8);
	is(type, 25000);
	for (unsigned int i = 1; i <= n; i++) {
		if (i == 25000)
			continue;
		is(queue_recv(q, IPCBOOK_UPTO, IPCBOOK_TYPE_MAX, &type, 8,
			      IPCBOOK_NOWAIT, 0, NULL), 8);
		is(type, i);
	}
	is_empty(q);
}
