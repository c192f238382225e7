// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the library makes of its arguments before it asks the kernel: the
 * system calls are replaced by ones that remember what they were asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <ipcbook/ipcbook.h>

#define FD 77
#define DEVICE 78

/* What the library did last, and what the kernel answers to it. */
static struct {
	int opened;
	int closed;
	int fd;
	unsigned long request;
	unsigned char argument[512];
	const void *buf;
	size_t len;
	long long offset;
	char call;
	int error;
	int open_error;
	long answer;
	struct timespec now;
} kernel;

static long answer(void)
{
	if (!kernel.error)
		return kernel.answer;
	errno = kernel.error;
	return -1;
}

static int fake_open(const char *path, int flags)
{
	assert_string_equal(path, "/dev/ipcbook");
	assert_int_equal(flags, O_RDWR | O_CLOEXEC);
	kernel.opened++;
	if (!kernel.open_error)
		return DEVICE;
	errno = kernel.open_error;
	return -1;
}

static int fake_close(int fd)
{
	assert_int_equal(fd, DEVICE);
	kernel.closed++;
	errno = EIO;
	return -1;
}

static int fake_ioctl(int fd, unsigned long request, void *argument)
{
	kernel.call = 'i';
	kernel.fd = fd;
	kernel.request = request;
	memcpy(kernel.argument, argument, _IOC_SIZE(request));
	return answer();
}

static ssize_t fake_pread(int fd, void *buf, size_t len, long long offset)
{
	kernel.call = 'r';
	kernel.fd = fd;
	kernel.buf = buf;
	kernel.len = len;
	kernel.offset = offset;
	return answer();
}

static ssize_t fake_pwrite(int fd, const void *buf, size_t len,
			   long long offset)
{
	kernel.call = 'w';
	kernel.fd = fd;
	kernel.buf = buf;
	kernel.len = len;
	kernel.offset = offset;
	return answer();
}

static int fake_clock_gettime(clockid_t clock, struct timespec *now)
{
	assert_int_equal(clock, CLOCK_MONOTONIC);
	*now = kernel.now;
	return 0;
}

#define open		fake_open
#define close		fake_close
#define ioctl		fake_ioctl
#define pread		fake_pread
#define pwrite		fake_pwrite
#define clock_gettime	fake_clock_gettime

#include "../../userspace/lib/book.c"
#include "../../userspace/lib/queue.c"

#undef open

/* errno is looked at after each call of the library. */
#define lib(call) ({					\
	errno = 12345;					\
	long long answer_ = (call);			\
	assert_int_equal(errno, 12345);			\
	answer_;					\
})

static int start(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	return 0;
}

static void opening_asks_the_device_and_closes_it(void **state)
{
	struct ipcbook_queue_limits limits = { 1, 2, 3 };
	const struct ipcbook_open *argument = (void *)kernel.argument;

	(void)state;
	kernel.answer = FD;
	assert_int_equal(lib(ipcbook_queue_open("jobs", O_RDWR | O_CREAT |
						O_EXCL | O_NONBLOCK | O_CLOEXEC,
						0640, &limits)), FD);
	assert_int_equal(kernel.opened, 1);
	assert_int_equal(kernel.closed, 1);
	assert_int_equal(kernel.fd, DEVICE);
	assert_int_equal(kernel.request, IPCBOOK_IOC_OPEN);
	assert_int_equal(argument->size, sizeof(*argument));
	assert_int_equal(argument->chapter, IPCBOOK_QUEUE);
	assert_int_equal(argument->flags, 0x6f);
	assert_int_equal(argument->mode, 0640);
	assert_string_equal(argument->name, "jobs");
	assert_int_equal(argument->queue.messages, 1);
	assert_int_equal(argument->queue.bytes, 2);
	assert_int_equal(argument->queue.size, 3);
	assert_int_equal(argument->reserved[3], 0);
}

static void opening_what_is_there_leaves_mode_and_limits_out(void **state)
{
	struct ipcbook_queue_limits limits = { 1, 2, 3 };
	const struct ipcbook_open *argument = (void *)kernel.argument;

	(void)state;
	kernel.answer = FD;
	assert_int_equal(lib(ipcbook_queue_open("q", O_WRONLY, 07777,
						&limits)), FD);
	assert_int_equal(argument->flags, IPCBOOK_OPEN_WRITE);
	assert_int_equal(argument->mode, 0);
	assert_int_equal(argument->queue.messages, 0);
	assert_int_equal(lib(ipcbook_queue_open("q", O_RDONLY, 0, NULL)), FD);
	assert_int_equal(argument->flags, IPCBOOK_OPEN_READ);
}

static void without_a_name_the_queue_is_always_new(void **state)
{
	const struct ipcbook_open *argument = (void *)kernel.argument;

	(void)state;
	kernel.answer = FD;
	assert_int_equal(lib(ipcbook_queue_open(NULL, O_RDWR | O_CREAT | O_EXCL,
						0600, NULL)), FD);
	assert_int_equal(argument->flags, IPCBOOK_OPEN_ANON |
			 IPCBOOK_OPEN_READ | IPCBOOK_OPEN_WRITE);
	assert_int_equal(argument->mode, 0600);
	assert_string_equal(argument->name, "");
}

static void flags_that_are_unknown_never_reach_the_kernel(void **state)
{
	static const int flags[] = {
		O_APPEND, O_TRUNC, O_DIRECTORY, O_ACCMODE, O_SYNC, INT32_MIN,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		assert_int_equal(lib(ipcbook_queue_open("q", flags[i], 0,
							NULL)), -EINVAL);
	assert_int_equal(kernel.opened, 0);
}

static void a_name_has_at_most_63_bytes(void **state)
{
	const struct ipcbook_open *argument = (void *)kernel.argument;
	char name[65];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[64] = '\0';
	assert_int_equal(lib(ipcbook_queue_open(name, O_RDWR, 0, NULL)),
			 -ENAMETOOLONG);
	assert_int_equal(lib(ipcbook_queue_unlink(name)), -ENAMETOOLONG);
	assert_int_equal(kernel.opened, 0);
	name[63] = '\0';
	assert_int_equal(lib(ipcbook_queue_open(name, O_RDWR, 0, NULL)), 0);
	assert_string_equal(argument->name, name);
}

static void a_device_that_is_not_there_is_enodev(void **state)
{
	(void)state;
	kernel.open_error = ENOENT;
	assert_int_equal(lib(ipcbook_queue_open("q", 0, 0, NULL)), -ENODEV);
	kernel.open_error = ENXIO;
	assert_int_equal(lib(ipcbook_queue_unlink("q")), -ENODEV);
	kernel.open_error = EACCES;
	assert_int_equal(lib(ipcbook_queue_unlink("q")), -EACCES);
	assert_int_equal(kernel.closed, 0);
}

static void what_the_kernel_refuses_is_a_negative_errno(void **state)
{
	char byte = 0;

	(void)state;
	kernel.error = ENOENT;
	assert_int_equal(lib(ipcbook_queue_open("q", 0, 0, NULL)), -ENOENT);
	assert_int_equal(kernel.closed, 1);
	kernel.error = EINTR;
	assert_int_equal(lib(ipcbook_queue_send(FD, 1, "x", 1, 0, 0)), -EINTR);
	assert_int_equal(lib(ipcbook_queue_send(FD, 1, "x", 1, 0, 9)), -EINTR);
	assert_int_equal(lib(ipcbook_queue_recv(FD, 0, 0, &byte, 1, 0, 0,
						NULL)), -EINTR);
	assert_int_equal(lib(ipcbook_queue_recv(FD, 0, 0, &byte, 1, 0, 9,
						NULL)), -EINTR);
}

static void a_plain_send_is_a_pwrite_at_the_type(void **state)
{
	(void)state;
	kernel.answer = 5;
	assert_int_equal(lib(ipcbook_queue_send(FD, IPCBOOK_TYPE_MAX, "hello",
						5, 0, 0)), 0);
	assert_int_equal(kernel.call, 'w');
	assert_int_equal(kernel.fd, FD);
	assert_int_equal(kernel.len, 5);
	assert_true(kernel.offset == IPCBOOK_TYPE_MAX);
	assert_memory_equal(kernel.buf, "hello", 5);
}

/* A send that a pwrite would take for something else, or cannot say. */
static void assert_send_by_ioctl(int64_t type, size_t len, unsigned int flags,
				 uint64_t deadline)
{
	const struct ipcbook_queue_send *argument = (void *)kernel.argument;
	const char *payload = "p";

	assert_int_equal(lib(ipcbook_queue_send(FD, type, payload, len, flags,
						deadline)), 0);
	assert_int_equal(kernel.call, 'i');
	assert_int_equal(kernel.fd, FD);
	assert_int_equal(kernel.request, IPCBOOK_IOC_QUEUE_SEND);
	assert_int_equal(argument->size, sizeof(*argument));
	assert_int_equal(argument->flags, flags);
	assert_int_equal(argument->deadline, deadline);
	assert_int_equal(argument->type, type);
	assert_int_equal(argument->buf, (uintptr_t)payload);
	assert_int_equal(argument->len, len);
}

static void any_other_send_is_an_ioctl(void **state)
{
	(void)state;
	assert_send_by_ioctl(1, 1, IPCBOOK_NOWAIT, 0);
	assert_send_by_ioctl(1, 1, 0, 1);
	assert_send_by_ioctl(0, 1, 0, 0);
	assert_send_by_ioctl(-1, 1, 0, 0);
	assert_send_by_ioctl(1, 0, 0, 0);
	assert_send_by_ioctl(1, 0x7ffff001, 0, 0);
}

static void a_plain_receive_is_a_pread_at_the_type(void **state)
{
	char room[8];

	(void)state;
	kernel.answer = 3;
	assert_int_equal(lib(ipcbook_queue_recv(FD, IPCBOOK_EXACT, 9, room, 8,
						0, 0, NULL)), 3);
	assert_int_equal(kernel.call, 'r');
	assert_int_equal(kernel.fd, FD);
	assert_ptr_equal(kernel.buf, room);
	assert_int_equal(kernel.len, 8);
	assert_int_equal(kernel.offset, 9);
	assert_int_equal(lib(ipcbook_queue_recv(FD, IPCBOOK_ANY, 0, room, 8,
						0, 0, NULL)), 3);
	assert_int_equal(kernel.call, 'r');
	assert_int_equal(kernel.offset, 0);
}

/* A receive that a pread would take for something else, or cannot say. */
static void assert_recv_by_ioctl(enum ipcbook_select select, int64_t type,
				 size_t len, unsigned int flags,
				 uint64_t deadline,
				 struct ipcbook_queue_info *info)
{
	const struct ipcbook_queue_recv *argument = (void *)kernel.argument;
	char room[8];

	kernel.answer = 3;
	assert_int_equal(lib(ipcbook_queue_recv(FD, select, type, room, len,
						flags, deadline, info)), 3);
	assert_int_equal(kernel.call, 'i');
	assert_int_equal(kernel.fd, FD);
	assert_int_equal(kernel.request, IPCBOOK_IOC_QUEUE_RECV);
	assert_int_equal(argument->size, sizeof(*argument));
	assert_int_equal(argument->flags, flags);
	assert_int_equal(argument->deadline, deadline);
	assert_int_equal(argument->type, type);
	assert_int_equal(argument->select, select);
	assert_int_equal(argument->pad, 0);
	assert_int_equal(argument->buf, (uintptr_t)room);
	assert_int_equal(argument->len, len);
	assert_int_equal(argument->info, (uintptr_t)info);
}

static void any_other_receive_is_an_ioctl(void **state)
{
	struct ipcbook_queue_info info;

	(void)state;
	assert_recv_by_ioctl(IPCBOOK_ANY, 0, 8, IPCBOOK_NOWAIT, 0, NULL);
	assert_recv_by_ioctl(IPCBOOK_ANY, 0, 8, IPCBOOK_PEEK, 0, NULL);
	assert_recv_by_ioctl(IPCBOOK_ANY, 0, 8, 0, 1, NULL);
	assert_recv_by_ioctl(IPCBOOK_ANY, 0, 8, 0, 0, &info);
	assert_recv_by_ioctl(IPCBOOK_ANY, 5, 8, 0, 0, NULL);
	assert_recv_by_ioctl(IPCBOOK_EXACT, 0, 8, 0, 0, NULL);
	assert_recv_by_ioctl(IPCBOOK_EXACT, -1, 8, 0, 0, NULL);
	assert_recv_by_ioctl(IPCBOOK_UPTO, 5, 8, 0, 0, NULL);
	assert_recv_by_ioctl(IPCBOOK_NOT, 5, 8, 0, 0, NULL);
	assert_recv_by_ioctl(IPCBOOK_EXACT, 5, 0, 0, 0, NULL);
}

static void batches_and_selectors_are_handed_on(void **state)
{
	const struct ipcbook_queue_batch *batch = (void *)kernel.argument;
	const struct ipcbook_queue_select *choice = (void *)kernel.argument;
	struct ipcbook_queue_entry entries[2];

	(void)state;
	kernel.answer = 2;
	assert_int_equal(lib(ipcbook_queue_send_batch(FD, entries, 2,
						      IPCBOOK_NOWAIT, 7)), 2);
	assert_int_equal(kernel.request, IPCBOOK_IOC_QUEUE_SEND_BATCH);
	assert_int_equal(batch->size, sizeof(*batch));
	assert_int_equal(batch->flags, IPCBOOK_NOWAIT);
	assert_int_equal(batch->deadline, 7);
	assert_int_equal(batch->count, 2);
	assert_int_equal(batch->type, 0);
	assert_int_equal(batch->select, 0);
	assert_int_equal(batch->entries, (uintptr_t)entries);
	assert_int_equal(lib(ipcbook_queue_recv_batch(FD, IPCBOOK_NOT, 5,
						      entries, 2,
						      IPCBOOK_TRUNCATE, 8)), 2);
	assert_int_equal(kernel.request, IPCBOOK_IOC_QUEUE_RECV_BATCH);
	assert_int_equal(batch->flags, IPCBOOK_TRUNCATE);
	assert_int_equal(batch->type, 5);
	assert_int_equal(batch->select, IPCBOOK_NOT);
	kernel.answer = 0;
	assert_int_equal(lib(ipcbook_queue_select(FD, IPCBOOK_UPTO, 6)), 0);
	assert_int_equal(kernel.request, IPCBOOK_IOC_QUEUE_SELECT);
	assert_int_equal(choice->size, sizeof(*choice));
	assert_int_equal(choice->select, IPCBOOK_UPTO);
	assert_int_equal(choice->type, 6);
}

static void chown_leaves_what_is_minus_one(void **state)
{
	const struct ipcbook_change *change = (void *)kernel.argument;

	(void)state;
	assert_int_equal(lib(ipcbook_chown(FD, 5, -1)), 0);
	assert_int_equal(kernel.request, IPCBOOK_IOC_CHANGE);
	assert_int_equal(change->size, sizeof(*change));
	assert_int_equal(change->mask, IPCBOOK_CHANGE_UID);
	assert_int_equal(change->uid, 5);
	assert_int_equal(change->gid, 0);
	assert_int_equal(lib(ipcbook_chown(FD, -1, 6)), 0);
	assert_int_equal(change->mask, IPCBOOK_CHANGE_GID);
	assert_int_equal(change->gid, 6);
	assert_int_equal(lib(ipcbook_chmod(FD, 0604)), 0);
	assert_int_equal(change->mask, IPCBOOK_CHANGE_MODE);
	assert_int_equal(change->mode, 0604);
}

static void a_deadline_is_never_zero_and_does_not_overflow(void **state)
{
	(void)state;
	kernel.now = (struct timespec){ 5, 7 };
	assert_int_equal(lib(ipcbook_deadline(0)), 5000000007);
	assert_int_equal(lib(ipcbook_deadline(1000)), 5000001007);
	assert_int_equal(lib(ipcbook_deadline(-1000)), 4999999007);
	assert_int_equal(lib(ipcbook_deadline(-5000000007)), 1);
	assert_int_equal(lib(ipcbook_deadline(INT64_MIN)), 1);
	assert_int_equal(lib(ipcbook_deadline(INT64_MAX)), INT64_MAX);
	assert_int_equal(lib(ipcbook_deadline(INT64_MAX - 5000000007)),
			 INT64_MAX);
	kernel.now = (struct timespec){ 0, 0 };
	assert_int_equal(lib(ipcbook_deadline(0)), 1);
}

static void every_chapter_has_a_name(void **state)
{
	static const char *const names[] = {
		[IPCBOOK_SIGNAL] = "signal", [IPCBOOK_SOCKET] = "socket",
		[IPCBOOK_PIPE] = "pipe", [IPCBOOK_QUEUE] = "queue",
		[IPCBOOK_SHM] = "shm", [IPCBOOK_RING] = "ring",
		[IPCBOOK_SEM] = "sem",
	};

	(void)state;
	for (int i = IPCBOOK_SIGNAL; i <= IPCBOOK_SEM; i++)
		assert_string_equal(ipcbook_chapter_name(i), names[i]);
	assert_null(ipcbook_chapter_name(0));
	assert_null(ipcbook_chapter_name(IPCBOOK_SEM + 1));
}

#define test(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(opening_asks_the_device_and_closes_it),
		test(opening_what_is_there_leaves_mode_and_limits_out),
		test(without_a_name_the_queue_is_always_new),
		test(flags_that_are_unknown_never_reach_the_kernel),
		test(a_name_has_at_most_63_bytes),
		test(a_device_that_is_not_there_is_enodev),
		test(what_the_kernel_refuses_is_a_negative_errno),
		test(a_plain_send_is_a_pwrite_at_the_type),
		test(any_other_send_is_an_ioctl),
		test(a_plain_receive_is_a_pread_at_the_type),
		test(any_other_receive_is_an_ioctl),
		test(batches_and_selectors_are_handed_on),
		test(chown_leaves_what_is_minus_one),
		test(a_deadline_is_never_zero_and_does_not_overflow),
		test(every_chapter_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
