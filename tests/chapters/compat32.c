// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 32-bit program on a 64-bit kernel: the same contract, the same answers.
 *
 * Built with -m32 and -static, so that it needs no 32-bit library beside the C
 * library; it speaks TAP by itself. Its tests are numbered functions that end
 * at the first claim that does not hold. One alone: its name as argument or in
 * IPCBOOK_TEST_FILTER.
 */
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/ipcbook.h>

_Static_assert(sizeof(void *) == 4, "to be built with -m32");

static int device, q;
static const char *failure;
static int failed_line;
static long long failed_value;

/* Ends the test at the first value that is not what it must be. */
#define is(got, want) do {						\
	long long got_ = (got);						\
									\
	if (got_ != (long long)(want)) {				\
		failure = #got " is not " #want;			\
		failed_value = got_;					\
		failed_line = __LINE__;					\
		return;							\
	}								\
} while (0)

#define sys(call) ({							\
	long long answer_ = (call);					\
	answer_ < 0 ? -errno : answer_;					\
})

#define PTR(pointer) ((uintptr_t)(pointer))

static long long send_text(int64_t type, const char *text, uint32_t flags)
{
	struct ipcbook_queue_send arg = {
		.size = sizeof(arg),
		.flags = flags,
		.type = type,
		.buf = PTR(text),
		.len = strlen(text),
	};

	return sys(ioctl(q, IPCBOOK_IOC_QUEUE_SEND, &arg));
}

static long long recv_text(uint32_t select, int64_t type, char *room,
			   uint64_t len, uint32_t flags,
			   struct ipcbook_queue_info *info)
{
	struct ipcbook_queue_recv arg = {
		.size = sizeof(arg),
		.flags = flags,
		.type = type,
		.select = select,
		.buf = PTR(room),
		.len = len,
		.info = PTR(info),
	};

	return sys(ioctl(q, IPCBOOK_IOC_QUEUE_RECV, &arg));
}

static void structures_are_as_large_as_in_64_bits(void)
{
	is(sizeof(struct ipcbook_open), 144);
	is(sizeof(struct ipcbook_unlink), 80);
	is(sizeof(struct ipcbook_change), 24);
	is(sizeof(struct ipcbook_stat), 296);
	is(sizeof(struct ipcbook_queue_info), 48);
	is(sizeof(struct ipcbook_queue_send), 40);
	is(sizeof(struct ipcbook_queue_recv), 56);
	is(sizeof(struct ipcbook_queue_entry), 64);
	is(sizeof(struct ipcbook_queue_batch), 40);
	is(sizeof(struct ipcbook_queue_select), 16);
	is(offsetof(struct ipcbook_stat, id), 8);
	is(offsetof(struct ipcbook_queue_recv, buf), 32);
	is(IPCBOOK_IOC_STAT, 0xc128b803);
	is(IPCBOOK_IOC_QUEUE_RECV, 0x4038b841);
}

static void a_message_goes_through(void)
{
	struct ipcbook_queue_info info;
	char room[16];

	memset(&info, 0xff, sizeof(info));
	is(send_text(IPCBOOK_TYPE_MAX, "hello", 0), 0);
	is(recv_text(IPCBOOK_EXACT, IPCBOOK_TYPE_MAX, room, 16, 0, &info), 5);
	is(memcmp(room, "hello", 5), 0);
	is(info.type, IPCBOOK_TYPE_MAX);
	is(info.length, 5);
	is(info.number, 1);
	is(info.pid, getpid());
	is(info.uid, geteuid());
	is(info.gid, getegid());
	is(info.pad, 0);
	is(info.sent_ns / 1000000000 <= (uint64_t)time(NULL), 1);
	is(info.sent_ns / 1000000000 + 60 >= (uint64_t)time(NULL), 1);
}

static void types_beyond_32_bits_are_told_apart(void)
{
	const int64_t far = (1LL << 32) + 5;
	char room[16];

	is(sys(pwrite(q, "near", 4, 5)), 4);
	is(sys(pwrite(q, "far away", 8, far)), 8);
	is(sys(pread(q, room, 16, far)), 8);
	is(sys(lseek(q, far, SEEK_SET)), far);
	is(sys(write(q, "far", 3)), 3);
	is(sys(read(q, room, 16)), 3);
	is(sys(lseek(q, 0, SEEK_SET)), 0);
	is(recv_text(IPCBOOK_UPTO, far - 1, room, 16, 0, NULL), 4);
	is(recv_text(IPCBOOK_ANY, 0, room, 16, IPCBOOK_NOWAIT, NULL), -EAGAIN);
}

static void vectors_are_32_bit_vectors(void)
{
	struct iovec parts[2] = { { (char *)"ab", 2 }, { (char *)"cde", 3 } };
	char room[16];
	struct iovec rooms[2] = { { room, 1 }, { room + 1, 15 } };

	is(sys(writev(q, parts, 2)), 5);
	is(sys(readv(q, rooms, 2)), 5);
	is(memcmp(room, "abcde", 5), 0);
	is(sys(pwritev(q, parts, 2, 1LL << 40)), 5);
	is(sys(preadv(q, rooms, 2, 1LL << 40)), 5);
}

static void batches_go_through(void)
{
	struct ipcbook_queue_entry entries[4];
	struct ipcbook_queue_batch arg = {
		.size = sizeof(arg),
		.count = 3,
		.entries = PTR(entries),
	};
	char rooms[4][8] = { "one", "two", "three" };

	memset(entries, 0, sizeof(entries));
	for (int i = 0; i < 4; i++) {
		entries[i].buf = PTR(rooms[i]);
		entries[i].len = 3;
		entries[i].info.type = i + 1;
	}
	is(sys(ioctl(q, IPCBOOK_IOC_QUEUE_SEND_BATCH, &arg)), 3);
	for (int i = 0; i < 4; i++)
		entries[i].len = 8;
	memset(rooms, 0, sizeof(rooms));
	arg.count = 4;
	arg.select = IPCBOOK_NOT;
	arg.type = 2;
	is(sys(ioctl(q, IPCBOOK_IOC_QUEUE_RECV_BATCH, &arg)), 2);
	is(strcmp(rooms[0], "one"), 0);
	is(strcmp(rooms[1], "thr"), 0);
	is(entries[1].len, 3);
	is(entries[1].info.type, 3);
	is(recv_text(IPCBOOK_ANY, 0, rooms[0], 8, 0, NULL), 3);
}

static void poll_goes_by_the_selector(void)
{
	struct ipcbook_queue_select arg = {
		.size = sizeof(arg),
		.select = IPCBOOK_EXACT,
		.type = 1LL << 33,
	};
	struct pollfd fd = { .fd = q, .events = POLLIN };

	is(sys(ioctl(q, IPCBOOK_IOC_QUEUE_SELECT, &arg)), 0);
	is(send_text(1, "x", 0), 0);
	is(poll(&fd, 1, 0), 0);
	is(send_text(1LL << 33, "x", 0), 0);
	is(poll(&fd, 1, 0), 1);
}

static void the_counters_are_told(void)
{
	struct ipcbook_stat stat = { .size = sizeof(stat) };

	is(send_text(5, "12345", 0), 0);
	is(sys(ioctl(q, IPCBOOK_IOC_STAT, &stat)), 0);
	is(stat.chapter, IPCBOOK_QUEUE);
	is(stat.depth, 1);
	is(stat.bytes, 5);
	is(stat.max_depth, 1024);
	is(stat.sent, 1);
	is(stat.mode, 0600);
}

static void a_mode_is_changed(void)
{
	struct ipcbook_change arg = {
		.size = sizeof(arg),
		.mask = IPCBOOK_CHANGE_MODE,
		.mode = 0644,
	};
	struct ipcbook_stat stat = { .size = sizeof(stat) };

	is(sys(ioctl(q, IPCBOOK_IOC_CHANGE, &arg)), 0);
	is(sys(ioctl(q, IPCBOOK_IOC_STAT, &stat)), 0);
	is(stat.mode, 0644);
}

/* The upper half of a pointer counts; it is not cut off. */
static void a_pointer_beyond_4_gigabytes_is_a_fault(void)
{
	struct ipcbook_queue_send send = {
		.size = sizeof(send),
		.type = 5,
		.buf = PTR("x") | 1ULL << 32,
		.len = 1,
	};
	char room[8];
	struct ipcbook_queue_recv recv = {
		.size = sizeof(recv),
		.flags = IPCBOOK_NOWAIT,
		.buf = PTR(room) | 1ULL << 40,
		.len = 8,
	};

	is(sys(ioctl(q, IPCBOOK_IOC_QUEUE_SEND, &send)), -EFAULT);
	is(send_text(5, "stays", 0), 0);
	is(sys(ioctl(q, IPCBOOK_IOC_QUEUE_RECV, &recv)), -EFAULT);
	recv.buf = PTR(room);
	recv.info = 1ULL << 33;
	is(sys(ioctl(q, IPCBOOK_IOC_QUEUE_RECV, &recv)), -EFAULT);
	is(recv_text(IPCBOOK_ANY, 0, room, 8, 0, NULL), 5);
}

static void lengths_beyond_32_bits_are_not_cut_off(void)
{
	struct ipcbook_queue_send send = {
		.size = sizeof(send),
		.type = 5,
		.buf = PTR("x"),
		.len = (1ULL << 32) + 1,
	};
	char room[8];

	is(sys(ioctl(q, IPCBOOK_IOC_QUEUE_SEND, &send)), -E2BIG);
	is(send_text(5, "x", 0), 0);
	is(recv_text(IPCBOOK_ANY, 0, room, (1ULL << 32) + 8, 0, NULL), 1);
}

static void errors_are_the_same(void)
{
	char room[4];

	is(send_text(0, "x", 0), -EINVAL);
	is(send_text(5, "", 0), -EINVAL);
	is(send_text(5, "x", 1U << 31), -EINVAL);
	is(recv_text(IPCBOOK_ANY, 0, room, 4, IPCBOOK_NOWAIT, NULL), -EAGAIN);
	is(recv_text(IPCBOOK_ANY, 0, room, 4, IPCBOOK_PEEK, NULL), -ENOMSG);
	is(send_text(5, "12345", 0), 0);
	is(recv_text(IPCBOOK_ANY, 0, room, 4, 0, NULL), -EMSGSIZE);
	is(recv_text(IPCBOOK_ANY, 0, room, 4, IPCBOOK_TRUNCATE, NULL), 4);
	is(sys(ioctl(q, _IO(IPCBOOK_IOC_MAGIC, 0x45), room)), -ENOTTY);
	is(sys(ioctl(device, _IO('x', 1), room)), -ENOTTY);
	is(sys(ioctl(q, IPCBOOK_IOC_STAT, NULL)), -EFAULT);
}

static void a_deadline_in_64_bits_is_kept(void)
{
	struct timespec now;
	struct ipcbook_queue_recv arg = {
		.size = sizeof(arg),
		.buf = PTR(&now),
		.len = 8,
	};

	clock_gettime(CLOCK_MONOTONIC, &now);
	arg.deadline = now.tv_sec * 1000000000ULL + now.tv_nsec + 50000000;
	is(sys(ioctl(q, IPCBOOK_IOC_QUEUE_RECV, &arg)), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &now);
	is(now.tv_sec * 1000000000ULL + now.tv_nsec >= arg.deadline, 1);
}

static int open_anonymous(uint32_t chapter, uint64_t size)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = chapter,
		.flags = IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE |
			 IPCBOOK_OPEN_ANON,
	};

	if (chapter == IPCBOOK_SHM)
		arg.shm.size = size;
	else
		arg.sem.value = size;
	return sys(ioctl(device, IPCBOOK_IOC_OPEN, &arg));
}

static void a_segment_is_mapped(void)
{
	int fd = open_anonymous(IPCBOOK_SHM, 8192);
	char *one, *other;

	is(fd >= 0, 1);
	one = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	other = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	is(one != MAP_FAILED && other != MAP_FAILED, 1);
	one[4096 + 5] = 'x';
	is(other[5], 'x');
	is(sys(close(fd)), 0);
	one[4096 + 6] = 'y';
	is(other[6], 'y');
	munmap(one, 8192);
	munmap(other, 4096);
}

static void a_semaphore_is_taken_and_mapped(void)
{
	struct ipcbook_sem_want want[2];
	struct ipcbook_sem_down down = { .size = sizeof(down), .units = 2 };
	struct ipcbook_sem_map map = { .size = sizeof(map) };
	struct ipcbook_sem_wait wait = {
		.size = sizeof(wait),
		.flags = IPCBOOK_SEM_ALL | IPCBOOK_NOWAIT,
		.wants = PTR(want),
		.count = 2,
	};
	int fd = open_anonymous(IPCBOOK_SEM, 5);
	uint32_t *word;

	want[0].fd = fd;
	want[0].units = 1;
	want[1].fd = open_anonymous(IPCBOOK_SEM, 1);
	want[1].units = 1;
	is(sizeof(down), 24);
	is(sys(ioctl(fd, IPCBOOK_IOC_SEM_DOWN, &down)), 0);
	is(sys(ioctl(device, IPCBOOK_IOC_SEM_WAIT, &wait)), 0);
	is(sys(ioctl(device, IPCBOOK_IOC_SEM_WAIT, &wait)), -EAGAIN);
	is(sys(ioctl(fd, IPCBOOK_IOC_SEM_VALUE)), 2);
	is(sys(ioctl(want[1].fd, IPCBOOK_IOC_SEM_VALUE)), 0);
	is(sys(ioctl(fd, IPCBOOK_IOC_SEM_MAP, &map)), 0);
	is(map.maximum, IPCBOOK_SEM_MAX);
	word = mmap(NULL, map.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    map.offset);
	is(word != MAP_FAILED, 1);
	is(*word, 2);
	*word = 7;
	is(sys(ioctl(fd, IPCBOOK_IOC_SEM_UP, 1)), 0);
	is(*word, 8);
	munmap(word, map.length);
	close(want[1].fd);
	close(fd);
}

static void bytes_go_through_a_pipe(void)
{
	struct ipcbook_pipe arg = { .size = sizeof(arg), .capacity = 5000 };
	struct iovec out[] = { { "ab", 2 }, { "cde", 3 } };
	char room[8];
	int n = 0;

	is(sys(ioctl(device, IPCBOOK_IOC_PIPE, &arg)), 0);
	is(sys(writev(arg.writer, out, 2)), 5);
	is(sys(ioctl(arg.reader, FIONREAD, &n)), 0);
	is(n, 5);
	is(sys(read(arg.reader, room, sizeof(room))), 5);
	is(memcmp(room, "abcde", 5), 0);
	is(sys(ioctl(arg.reader, IPCBOOK_IOC_PIPE_CAPACITY)), 8192);
	is(sys(ioctl(arg.writer, IPCBOOK_IOC_PIPE_RESIZE, 100000)), 131072);
	is(sys(ioctl(arg.writer, IPCBOOK_IOC_PIPE_RESIZE, -1)), -E2BIG);
	is(sys(read(arg.writer, room, 1)), -EBADF);
	close(arg.writer);
	is(sys(read(arg.reader, room, 1)), 0);
	close(arg.reader);
	/* Both ends in one descriptor, by the call that opens anything. */
	n = sys(ioctl(device, IPCBOOK_IOC_OPEN, &(struct ipcbook_open){
		.size = sizeof(struct ipcbook_open),
		.chapter = IPCBOOK_PIPE,
		.flags = IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE |
			 IPCBOOK_OPEN_ANON,
		.pipe = { .capacity = 4096 },
	}));
	is(n >= 0, 1);
	is(sys(write(n, "x", 1)), 1);
	is(sys(read(n, room, 8)), 1);
	close(n);
}

static void the_name_can_be_unlinked(void)
{
	struct ipcbook_unlink arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
		.name = "compat32",
	};

	is(sys(ioctl(device, IPCBOOK_IOC_UNLINK, &arg)), 0);
	is(sys(ioctl(device, IPCBOOK_IOC_UNLINK, &arg)), -ENOENT);
	is(send_text(5, "x", 0), -EIDRM);
}

#define TEST(name) { #name, name }

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(structures_are_as_large_as_in_64_bits),
	TEST(a_message_goes_through),
	TEST(types_beyond_32_bits_are_told_apart),
	TEST(vectors_are_32_bit_vectors),
	TEST(batches_go_through),
	TEST(poll_goes_by_the_selector),
	TEST(the_counters_are_told),
	TEST(a_mode_is_changed),
	TEST(a_pointer_beyond_4_gigabytes_is_a_fault),
	TEST(lengths_beyond_32_bits_are_not_cut_off),
	TEST(errors_are_the_same),
	TEST(a_deadline_in_64_bits_is_kept),
	TEST(a_segment_is_mapped),
	TEST(a_semaphore_is_taken_and_mapped),
	TEST(bytes_go_through_a_pipe),
	TEST(the_name_can_be_unlinked),
};

#define TESTS (sizeof(tests) / sizeof(tests[0]))

static int open_queue(void)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
		.flags = IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE |
			 IPCBOOK_OPEN_CREATE,
		.mode = 0600,
		.name = "compat32",
	};
	struct ipcbook_unlink old = {
		.size = sizeof(old),
		.chapter = IPCBOOK_QUEUE,
		.name = "compat32",
	};

	ioctl(device, IPCBOOK_IOC_UNLINK, &old);
	return ioctl(device, IPCBOOK_IOC_OPEN, &arg);
}

/* Runs one test with a fresh queue; false if it failed. */
static int run(unsigned int number, unsigned int i)
{
	failure = NULL;
	alarm(60);
	q = open_queue();
	if (q < 0)
		failure = "the queue cannot be opened";
	else
		tests[i].run();
	close(q);
	printf("%s %u - %s\n", failure ? "not ok" : "ok", number,
	       tests[i].name);
	if (failure)
		printf("# line %d: %s but %lld\n", failed_line, failure,
		       failed_value);
	return !failure;
}

static void hung(int signal)
{
	static const char text[] = "Bail out! a test took longer than 60 s\n";

	(void)signal;
	(void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

int main(int argc, char **argv)
{
	const char *filter = argc > 1 ? argv[1] : getenv("IPCBOOK_TEST_FILTER");
	unsigned int i, count = 0, number = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, hung);
	if (!filter || !*filter)
		filter = "*";
	for (i = 0; i < TESTS; i++)
		count += !fnmatch(filter, tests[i].name, 0);
	printf("1..%u\n", count);
	device = open(IPCBOOK_DEVICE, O_RDWR);
	for (i = 0; i < TESTS; i++)
		if (!fnmatch(filter, tests[i].name, 0))
			failed += !run(++number, i);
	return failed ? 1 : 0;
}
