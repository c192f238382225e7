// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy of a call fails once, one after the other,
 * by the kernel's fault injection: the call says so, nothing is lost, and what
 * it was asked of works on. Only a kernel built for that can run this (debug
 * in the VM); others skip it.
 */
#include <ipcbook/sem.h>

#include "harness.h"

#define READ	IPCBOOK_OPEN_READ
#define WRITE	IPCBOOK_OPEN_WRITE
#define CREATE	IPCBOOK_OPEN_CREATE

/* Sets how the kernel's allocations fail. */
static void set_faults(const char *file, const char *value)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc" };
	char path[96];

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s",
			 kinds[i], file);
		spit(path, value);
	}
}

static void need_faults(void)
{
	if (access("/proc/thread-self/fail-nth", W_OK))
		not_here("this kernel injects no faults");
	/* Allocations that may wait, and of any order; in silence. */
	set_faults("ignore-gfp-wait", "N");
	set_faults("min-order", "0");
	set_faults("verbose", "0");
	spit("/sys/kernel/debug/fail_usercopy/verbose", "0");
}

/* Opened once: opening it may fail as well. */
static int nth_fd = -1;

/* Arms the failure of the nth thing that can fail. */
static void arm(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	is(sys(pwrite(nth_fd, text, strlen(text), 0)), strlen(text));
}

/*
 * Disarms; tells if nothing has failed yet. The copies of these very calls can
 * fail as well.
 */
static bool disarm(void)
{
	char text[16] = "";
	bool spared;

	spared = pread(nth_fd, text, sizeof(text) - 1, 0) < 0 || atoi(text) > 0;
	while (pwrite(nth_fd, "0", 1, 0) != 1)
		;
	return spared;
}

/*
 * Calls until nothing fails any more. What a call that failed may answer is
 * ENOMEM or EFAULT; check() then looks whether all is well. Returns how often
 * it failed.
 */
static unsigned int fail_each(long (*call)(void), void (*check)(long answer))
{
	unsigned int failed = 0;

	nth_fd = keep(sys(open("/proc/thread-self/fail-nth", O_RDWR)));
	for (unsigned int n = 1; n < 1000; n++) {
		bool spared;
		long answer;

		arm(n);
		answer = call();
		spared = disarm();
		if (answer < 0 && answer != -ENOMEM)
			is(answer, -EFAULT);
		failed += answer < 0;
		check(answer);
		if (spared) {
			holds(answer >= 0);
			print_message("# failed %u of %u\n", failed, n - 1);
			drop(nth_fd);
			return failed;
		}
	}
	claim(false, "it ends", __FILE__, __LINE__);
	return 0;
}

/* --- Sending -------------------------------------------------------------- */

static char text[5000] = "text";
static char room[5000];

static long send_small(void)
{
	return queue_send(q, 5, text, 10, IPCBOOK_NOWAIT, 0);
}

static long send_large(void)
{
	return queue_send(q, 5, text, sizeof(text), IPCBOOK_NOWAIT, 0);
}

static long write_small(void)
{
	return sys(pwrite(q, text, 10, 5));
}

static long write_large(void)
{
	return sys(pwrite(q, text, sizeof(text), 5));
}

/* Sent or not, and nothing between. */
static void check_sent(long answer)
{
	is(queue_stat(q).depth, answer >= 0);
	if (answer >= 0)
		holds(queue_take(q, IPCBOOK_EXACT, 5) >= 10);
	is_empty(q);
	works(q);
	/* Spare memory would keep the next from failing. */
	limit(0, 0, 0);
}

TEST(a_send_that_fails_sends_nothing)
{
	need_faults();
	holds(fail_each(send_small, check_sent) +
	      fail_each(send_large, check_sent) +
	      fail_each(write_small, check_sent) +
	      fail_each(write_large, check_sent) >= 2);
}

/* Sends and receives what it can while it gets no memory at all. */
static void do_without_memory(void)
{
	int fd = sys(open("/proc/thread-self/make-it-fail", O_WRONLY));
	long large, small, took;

	set_faults("task-filter", "Y");
	set_faults("interval", "1");
	set_faults("times", "-1");
	set_faults("probability", "100");
	is(sys(mlockall(MCL_CURRENT)), 0);
	is(sys(pwrite(fd, "1", 1, 0)), 1);
	large = send_large();
	small = send_small();
	took = sys(pread(q, room, sizeof(room), 6));
	is(sys(pwrite(fd, "0", 1, 0)), 1);
	set_faults("probability", "0");
	is(large, -ENOMEM);
	is(small, -ENOMEM);
	is(took, sizeof(text));
}

TEST(without_memory_a_send_is_refused_and_a_receive_works)
{
	pid_t pid;

	need_faults();
	fill(q, 6, sizeof(text), 1);
	pid = child();
	if (!pid) {
		do_without_memory();
		_exit(0);
	}
	is(reap(pid), 0);
	is(queue_stat(q).sent, 1);
	is_empty(q);
	works(q);
}

/* --- Receiving ------------------------------------------------------------ */

static struct ipcbook_queue_info info;

static long receive(void)
{
	return queue_recv(q, IPCBOOK_EXACT, 5, room, sizeof(room), 0, 0, &info);
}

static long read_plain(void)
{
	return sys(pread(q, room, sizeof(room), 5));
}

static long peek(void)
{
	return queue_peek(q, IPCBOOK_EXACT, 5, room, sizeof(room), &info);
}

/* What was not received is received now; then there is another. */
static void check_received(long answer)
{
	if (answer < 0)
		is(queue_take(q, IPCBOOK_EXACT, 5), sizeof(text));
	is_empty(q);
	works(q);
	fill(q, 5, sizeof(text), 1);
}

static void check_peeked(__attribute__((unused)) long answer)
{
	is(queue_stat(q).depth, 1);
	works(q);
}

TEST(a_receive_that_fails_loses_nothing)
{
	need_faults();
	fill(q, 5, sizeof(text), 1);
	holds(fail_each(receive, check_received) +
	      fail_each(read_plain, check_received) +
	      fail_each(peek, check_peeked) >= 2);
}

static struct ipcbook_queue_entry entries[3];

static void prepare(void)
{
	memset(entries, 0, sizeof(entries));
	for (unsigned int i = 0; i < 3; i++) {
		entries[i].buf = (uintptr_t)room;
		entries[i].len = 10;
		entries[i].info.type = 5;
	}
}

static long send_three(void)
{
	prepare();
	return queue_send_batch(q, entries, 3, IPCBOOK_NOWAIT, 0);
}

static long receive_three(void)
{
	prepare();
	return queue_recv_batch(q, IPCBOOK_EXACT, 5, entries, 3,
				IPCBOOK_NOWAIT, 0);
}

static void check_sent_three(long answer)
{
	is(queue_stat(q).depth, answer < 0 ? 0 : answer);
	drain(q);
	limit(0, 0, 0);
}

static void check_received_three(long answer)
{
	is(queue_stat(q).depth, answer < 0 ? 3 : 3 - answer);
	drain(q);
	fill(q, 5, 10, 3);
}

TEST(a_batch_that_fails_tells_how_many_went)
{
	need_faults();
	holds(fail_each(send_three, check_sent_three) >= 1);
	fill(q, 5, 10, 3);
	fail_each(receive_three, check_received_three);
}

/* --- Objects -------------------------------------------------------------- */

static int device = -1;

/* What create() creates, and how it is unlinked. */
static const struct kind {
	enum ipcbook_chapter chapter;
	uint64_t size;
	int (*unlink)(const char *name);
} kinds[] = {
	{ IPCBOOK_QUEUE, 0, ipcbook_queue_unlink },
	{ IPCBOOK_PIPE, 5 << 16, ipcbook_pipe_unlink },
	{ IPCBOOK_SHM, 5 << 16, ipcbook_shm_unlink },
	{ IPCBOOK_SEM, 0, ipcbook_sem_unlink },
};

static const struct kind *kind;

static long create(void)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = kind->chapter,
		.flags = READ | WRITE | CREATE | IPCBOOK_OPEN_EXCL |
			 IPCBOOK_OPEN_CLOEXEC,
		.name = "faults",
	};

	/* Of a segment its size, of a pipe its capacity. */
	if (kind->size)
		arg.shm.size = kind->size;
	return ask(device, IPCBOOK_IOC_OPEN, &arg);
}

/* Created and open, or not created. */
static void check_created(long answer)
{
	is(kind->unlink("faults"), answer >= 0 ? 0 : -ENOENT);
	if (answer >= 0)
		close(answer);
}

static long open_again(void)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
		.flags = READ | WRITE | IPCBOOK_OPEN_CLOEXEC,
	};

	memcpy(arg.name, qname, sizeof(qname));
	return ask(device, IPCBOOK_IOC_OPEN, &arg);
}

static void check_opened(long answer)
{
	is(queue_stat(q).descriptors, answer >= 0 ? 2 : 1);
	if (answer >= 0) {
		works(answer);
		close(answer);
	}
	is(queue_stat(q).descriptors, 1);
}

static long ask_counters(void)
{
	struct ipcbook_stat stat = { .size = sizeof(stat) };

	return ask(q, IPCBOOK_IOC_STAT, &stat);
}

static void check_works(__attribute__((unused)) long answer)
{
	works(q);
}

TEST(an_open_that_fails_leaves_nothing)
{
	need_faults();
	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)
		holds(fail_each(create, check_created) >= 1);
	holds(fail_each(open_again, check_opened) >= 1);
	holds(fail_each(ask_counters, check_works) >= 1);
}

static long open_device(void)
{
	return sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC));
}

static void check_device(long answer)
{
	if (answer < 0)
		return;
	works(answer);
	close(answer);
}

static long first_use(void)
{
	int fd = sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC));
	long answer;

	if (fd < 0)
		return fd;
	answer = sys(write(fd, "x", 1));
	close(fd);
	return answer;
}

/* In a namespace of its own, whose default queue goes each time. */
static void check_first_use(long answer)
{
	int fd = sys(open(IPCBOOK_DEVICE, O_RDWR));

	holds(fd >= 0);
	is(queue_take(fd, IPCBOOK_ANY, 0), answer >= 0 ? 1 : -EAGAIN);
	works(fd);
	close(fd);
	is(queue_unlink("default"), 0);
}

BARE_TEST(the_device_and_its_queue_survive_failures)
{
	pid_t pid;

	need_faults();
	pid = child();
	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		holds(fail_each(open_device, check_device) >= 1);
		holds(fail_each(first_use, check_first_use) >= 1);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* --- Shared memory -------------------------------------------------------- */

#define SEGMENT	(5 << 16)

static int segment;
static char mapped;		/* how often */

static long map_segment(void)
{
	char *mem = mmap(NULL, SEGMENT, PROT_READ | PROT_WRITE, MAP_SHARED,
			 segment, 0);

	if (mem == MAP_FAILED)
		return -errno;
	mem[0]++;
	mem[SEGMENT - 1]++;
	mapped++;
	return sys(munmap(mem, SEGMENT));
}

/* Each mapping that came about has counted at both ends. */
static void check_mapped(__attribute__((unused)) long answer)
{
	char *mem = mmap(NULL, SEGMENT, PROT_READ, MAP_SHARED, segment, 0);

	holds(mem != MAP_FAILED);
	is(mem[0], mapped);
	is(mem[SEGMENT - 1], mapped);
	munmap(mem, SEGMENT);
}

BARE_TEST(a_mapping_that_fails_leaves_the_segment_alone)
{
	need_faults();
	segment = keep(ipcbook_shm_open(NULL, O_RDWR, 0, SEGMENT));
	holds(fail_each(map_segment, check_mapped) >= 1);
}

/* --- Semaphores ----------------------------------------------------------- */

/* With undo, and without; both have two units, and nobody ever took one. */
static int kept = -1, plain = -1;

static void open_semaphores(void)
{
	struct ipcbook_sem_limits limits = { .value = 2 };

	if (plain >= 0)
		drop(plain);
	if (kept >= 0)
		drop(kept);
	plain = keep(ipcbook_sem_open(NULL, O_RDWR, 0, &limits));
	limits.flags = IPCBOOK_SEM_UNDO;
	kept = keep(ipcbook_sem_open(NULL, O_RDWR, 0, &limits));
}

static long down(void)
{
	return ipcbook_sem_down(kept, 1, IPCBOOK_NOWAIT, 0);
}

static long up(void)
{
	return ipcbook_sem_up(kept, 1);
}

static long down_both(void)
{
	struct ipcbook_sem_want wants[] = { { kept, 1 }, { plain, 2 } };

	return ipcbook_sem_wait(wants, 2, IPCBOOK_SEM_ALL | IPCBOOK_NOWAIT, 0);
}

static long map_word(void)
{
	struct ipcbook_sem sem;
	int err = ipcbook_sem_attach(&sem, plain);

	if (!err)
		ipcbook_sem_detach(&sem);
	return err;
}

static void check_down(long answer)
{
	is(ipcbook_sem_value(kept), answer < 0 ? 2 : 1);
	if (answer >= 0)
		is(ipcbook_sem_up(kept, 1), 0);
	open_semaphores();
}

/* What was not given is still held, and can be given. */
static void check_up(long answer)
{
	is(ipcbook_sem_value(kept), answer < 0 ? 1 : 2);
	if (answer >= 0)
		is(ipcbook_sem_down(kept, 1, IPCBOOK_NOWAIT, 0), 0);
}

static void check_down_both(long answer)
{
	is(ipcbook_sem_value(plain), answer < 0 ? 2 : 0);
	if (answer >= 0)
		is(ipcbook_sem_up(plain, 2), 0);
	check_down(answer);
}

static void check_plain(__attribute__((unused)) long answer)
{
	is(ipcbook_sem_value(plain), 2);
}

BARE_TEST(a_down_that_fails_takes_nothing)
{
	need_faults();
	open_semaphores();
	holds(fail_each(down, check_down) >= 1);
	holds(fail_each(down_both, check_down_both) >= 2);
	holds(fail_each(map_word, check_plain) >= 1);
	is(down(), 0);
	fail_each(up, check_up);
}

/* --- Polling and listing -------------------------------------------------- */

static int count(__attribute__((unused)) const struct ipcbook_stat *stat,
		 void *arg)
{
	++*(int *)arg;
	return 0;
}

static long list(void)
{
	int n = 0;
	long answer = ipcbook_list(IPCBOOK_QUEUE, qname, count, &n);

	/* Netlink and its library have their own words for it. */
	return answer < 0 ? -ENOMEM : n;
}

TEST(a_list_that_fails_does_no_harm)
{
	int n = 0;

	need_faults();
	fail_each(list, check_works);
	is(ipcbook_list(IPCBOOK_QUEUE, qname, count, &n), 0);
	is(n, 1);
}

/* --- Pipes ---------------------------------------------------------------- */

static int ends[2];

static void open_pipe(void)
{
	if (ends[0] > 0) {
		drop(ends[0]);
		drop(ends[1]);
	}
	is(ipcbook_pipe(ends, O_CLOEXEC | O_NONBLOCK, 0), 0);
	keep(ends[0]);
	keep(ends[1]);
}

static long write_pipe(void)
{
	return sys(write(ends[1], text, sizeof(text)));
}

static long write_atomic(void)
{
	return sys(write(ends[1], text, 4096));
}

static long read_pipe(void)
{
	return sys(read(ends[0], room, sizeof(room)));
}

/* All that the call says it has written is there, and no more. */
static void check_written(long answer)
{
	long n = sys(read(ends[0], room, sizeof(room)));

	is(n, answer > 0 ? answer : -EAGAIN);
	is(sys(read(ends[0], room, sizeof(room))), -EAGAIN);
}

static void check_atomic(long answer)
{
	holds(answer < 0 || answer == 4096);
	check_written(answer);
}

/* What could not be read is still there. */
static void check_read(long answer)
{
	long rest = sys(read(ends[0], room, sizeof(room)));

	is((answer > 0 ? answer : 0) + (rest > 0 ? rest : 0), 3000);
	is(sys(write(ends[1], text, 3000)), 3000);
}

BARE_TEST(a_pipe_loses_nothing_when_copies_fail)
{
	need_faults();
	ends[0] = 0;
	open_pipe();
	fail_each(write_pipe, check_written);
	fail_each(write_atomic, check_atomic);
	is(sys(write(ends[1], text, 3000)), 3000);
	fail_each(read_pipe, check_read);
}

static long resize_pipe(void)
{
	return ipcbook_pipe_resize(ends[1], 131072);
}

static void check_resized(long answer)
{
	is(ipcbook_pipe_capacity(ends[0]), answer < 0 ? 65536 : 131072);
	is(sys(read(ends[0], room, sizeof(room))), 10);
	open_pipe();
	is(sys(write(ends[1], text, 10)), 10);
}

BARE_TEST(a_pipe_that_cannot_be_resized_is_as_it_was)
{
	need_faults();
	ends[0] = 0;
	open_pipe();
	is(sys(write(ends[1], text, 10)), 10);
	holds(fail_each(resize_pipe, check_resized) > 2);
}

static long make_pipe(void)
{
	struct ipcbook_pipe arg = { .size = sizeof(arg) };
	long answer = ask(device, IPCBOOK_IOC_PIPE, &arg);

	if (!answer) {
		close(arg.reader);
		close(arg.writer);
	}
	return answer;
}

/* No descriptor is left behind. */
static void check_made(__attribute__((unused)) long answer)
{
	static int next;
	int fd = dup(device);

	close(fd);
	if (!next)
		next = fd;
	is(fd, next);
}

BARE_TEST(a_pipe_that_cannot_be_made_leaves_no_descriptor)
{
	need_faults();
	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	holds(fail_each(make_pipe, check_made) > 4);
}
