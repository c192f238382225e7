// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipe: bytes in and out, room, ends, poll, capacity, wrong arguments. Who waits
 * is in pipe_wait.c, names are in pipe_name.c.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "pipe.h"

/* --- Bytes ---------------------------------------------------------------- */

PIPE_TEST(what_is_written_is_read_in_order)
{
	writes(w, "one");
	writes(w, "two");
	is(waiting(r), 6);
	reads(r, "onetwo");
	is(waiting(r), 0);
}

PIPE_TEST(a_read_takes_what_there_is_up_to_what_it_wants)
{
	writes(w, "abcdef");
	is(sys(read(r, room, 4)), 4);
	holds(!memcmp(room, "abcd", 4));
	reads(r, "ef");
}

PIPE_TEST(nothing_to_move_is_no_error)
{
	is(sys(write(w, bytes, 0)), 0);
	is(sys(read(r, room, 0)), 0);
	is(waiting(r), 0);
	shut(&r);
	is(sys(write(w, bytes, 0)), 0);
}

/* Every length up to a page and one, so that every place in the ring is met. */
PIPE_TEST(bytes_come_out_as_they_went_in)
{
	static const int steps[] = { 1, 7, 64, 500, 512, 513, 4095, 4096, 4097 };
	size_t at = 0;

	for (int i = 0; i < 5000; i++) {
		int len = steps[i % ARRAY_SIZE(steps)];

		if (i < 4100)
			len = i + 1;
		at = (at + 13) % CAPACITY;
		is(sys(write(w, bytes + at, len)), len);
		is(sys(read(r, room, sizeof(room))), len);
		if (memcmp(room, bytes + at, len))
			is(len, -1);
	}
}

PIPE_TEST(a_full_pipe_wraps_round)
{
	nonblocking(w);
	is(sys(write(w, bytes, 1000)), 1000);
	is(sys(read(r, room, 1000)), 1000);
	is(sys(write(w, bytes, CAPACITY)), CAPACITY);
	is(sys(write(w, bytes, 1)), -EAGAIN);
	is(sys(read(r, room, sizeof(room))), CAPACITY);
	holds(!memcmp(room, bytes, CAPACITY));
}

PIPE_TEST(vectors_are_written_and_read)
{
	struct iovec out[] = { { "a", 1 }, { "", 0 }, { "bcd", 3 } };
	char one[3], two[8];
	struct iovec in[] = { { one, 3 }, { two, 8 } };

	is(sys(writev(w, out, 3)), 4);
	is(sys(readv(r, in, 2)), 4);
	holds(!memcmp(one, "abc", 3) && *two == 'd');
}

PIPE_TEST(it_has_no_offset)
{
	char byte;

	is(sys(lseek(r, 0, SEEK_SET)), -ESPIPE);
	is(sys(lseek(w, 0, SEEK_CUR)), -ESPIPE);
	is(sys(pread(r, &byte, 1, 0)), -ESPIPE);
	is(sys(pwrite(w, &byte, 1, 0)), -ESPIPE);
	is(waiting(r), 0);
}

PIPE_TEST(an_end_does_what_it_is_for)
{
	is(sys(read(w, room, 1)), -EBADF);
	is(sys(write(r, bytes, 1)), -EBADF);
}

/* --- Room ----------------------------------------------------------------- */

PIPE_TEST(up_to_pipe_buf_all_goes_or_nothing)
{
	nonblocking(w);
	is(sys(write(w, bytes, CAPACITY - 100)), CAPACITY - 100);
	is(sys(write(w, bytes, 101)), -EAGAIN);
	is(sys(write(w, bytes, PIPE_BUF)), -EAGAIN);
	is(waiting(r), CAPACITY - 100);
	is(sys(write(w, bytes, 100)), 100);
	is(sys(write(w, bytes, 1)), -EAGAIN);
	is(pipe_stat(w).refused, 3);
}

PIPE_TEST(beyond_pipe_buf_what_fits_goes)
{
	nonblocking(w);
	is(sys(write(w, bytes, CAPACITY - 100)), CAPACITY - 100);
	is(sys(write(w, bytes, PIPE_BUF + 1)), 100);
	is(sys(write(w, bytes, PIPE_BUF + 1)), -EAGAIN);
	is(waiting(w), CAPACITY);
	is(pipe_stat(w).refused, 1);
}

PIPE_TEST(an_empty_pipe_has_nothing_to_read)
{
	nonblocking(r);
	is(sys(read(r, room, 1)), -EAGAIN);
	writes(w, "x");
	is(sys(read(r, room, 1)), 1);
	is(sys(read(r, room, 1)), -EAGAIN);
}

PIPE_TEST(a_pipe_may_be_made_not_to_wait)
{
	replace(O_NONBLOCK, 4096);
	is(fcntl(r, F_GETFL), O_RDONLY | O_NONBLOCK);
	is(fcntl(w, F_GETFL), O_WRONLY | O_NONBLOCK);
	is(sys(read(r, room, 1)), -EAGAIN);
	is(sys(write(w, bytes, sizeof(bytes))), 4096);
	is(sys(write(w, bytes, 1)), -EAGAIN);
}

PIPE_TEST(flags_are_those_asked_for)
{
	int ends[2];

	is(fcntl(r, F_GETFD), FD_CLOEXEC);
	is(ipcbook_pipe(ends, 0, 0), 0);
	is(fcntl(keep(ends[0]), F_GETFD), 0);
	is(fcntl(keep(ends[1]), F_GETFD), 0);
	is(fcntl(ends[0], F_GETFL), O_RDONLY);
	is(fcntl(ends[1], F_GETFL), O_WRONLY);
}

/* --- Ends ----------------------------------------------------------------- */

PIPE_TEST(without_a_writer_a_read_ends)
{
	writes(w, "last");
	shut(&w);
	reads(r, "last");
	is(sys(read(r, room, 1)), 0);
	is(sys(read(r, room, 1)), 0);
	nonblocking(r);
	is(sys(read(r, room, 1)), 0);
}

PIPE_TEST(the_end_comes_with_the_last_writer)
{
	int other = keep(dup(w));
	pid_t pid = child();

	if (!pid) {
		close(r);
		close(w);
		writes(other, "child");
		_exit(0);
	}
	shut(&w);
	drop(other);
	reads(r, "child");
	is(sys(read(r, room, 1)), 0);
	is(reap(pid), 0);
}

static volatile sig_atomic_t caught;

static void catch(int number)
{
	caught = number;
}

PIPE_TEST(without_a_reader_a_write_fails_and_signals)
{
	signal(SIGPIPE, catch);
	caught = 0;
	writes(w, "lost");
	shut(&r);
	is(sys(write(w, "x", 1)), -EPIPE);
	is(caught, SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	is(sys(write(w, "x", 1)), -EPIPE);
	nonblocking(w);
	is(sys(write(w, bytes, sizeof(bytes))), -EPIPE);
}

/* Also to who has written something before. */
PIPE_TEST(a_long_write_that_loses_its_reader_signals)
{
	struct call *call;

	signal(SIGPIPE, catch);
	caught = 0;
	call = writer(w, CAPACITY + 10);
	is(caught, 0);
	shut(&r);
	is(call_end(call), CAPACITY);
	is(caught, SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
}

PIPE_TEST(sigpipe_kills_who_does_not_care)
{
	pid_t pid;

	shut(&r);
	pid = child();
	if (!pid) {
		signal(SIGPIPE, SIG_DFL);
		_exit(write(w, "x", 1) != -1);
	}
	is(reap(pid), 128 + SIGPIPE);
}

/* --- Poll ----------------------------------------------------------------- */

#define IN	(POLLIN | POLLRDNORM)
#define OUT	(POLLOUT | POLLWRNORM)
#define ALL	(IN | OUT | POLLPRI | POLLRDHUP)

PIPE_TEST(poll_says_what_pipe_7_says)
{
	is(ready(r, ALL), 0);
	is(ready(w, ALL), OUT);
	writes(w, "x");
	is(ready(r, ALL), IN);
	is(ready(w, ALL), OUT);
	is(ready(r, 0), 0);
	shut(&w);
	is(ready(r, ALL), IN | POLLHUP);
	reads(r, "x");
	is(ready(r, ALL), POLLHUP);
	is(ready(r, 0), POLLHUP);
}

PIPE_TEST(poll_of_a_writer_without_a_reader_is_an_error)
{
	shut(&r);
	is(ready(w, ALL), OUT | POLLERR);
	is(ready(w, 0), POLLERR);
}

PIPE_TEST(a_pipe_is_writable_when_pipe_buf_bytes_fit)
{
	nonblocking(w);
	is(sys(write(w, bytes, CAPACITY - PIPE_BUF)), CAPACITY - PIPE_BUF);
	is(ready(w, POLLOUT), POLLOUT);
	writes(w, "x");
	is(ready(w, POLLOUT), 0);
	is(sys(read(r, room, 1)), 1);
	is(ready(w, POLLOUT), POLLOUT);
	is(sys(write(w, bytes, PIPE_BUF)), PIPE_BUF);
	is(ready(w, POLLOUT), 0);
}

PIPE_TEST(epoll_tells_of_every_write_at_its_edge)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = keep(epoll_create1(EPOLL_CLOEXEC));

	is(sys(epoll_ctl(epoll, EPOLL_CTL_ADD, r, &event)), 0);
	is(epoll_wait(epoll, &event, 1, 0), 0);
	for (int i = 0; i < 3; i++) {
		writes(w, "x");
		is(epoll_wait(epoll, &event, 1, 0), 1);
		is(event.events, EPOLLIN);
		is(epoll_wait(epoll, &event, 1, 0), 0);
	}
	shut(&w);
	is(epoll_wait(epoll, &event, 1, 0), 1);
	is(event.events, EPOLLIN | EPOLLHUP);
}

PIPE_TEST(epoll_tells_when_there_is_room_again)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int epoll = keep(epoll_create1(EPOLL_CLOEXEC));

	nonblocking(w);
	is(sys(epoll_ctl(epoll, EPOLL_CTL_ADD, w, &event)), 0);
	is(epoll_wait(epoll, &event, 1, 0), 1);
	is(sys(write(w, bytes, CAPACITY)), CAPACITY);
	is(epoll_wait(epoll, &event, 1, 0), 0);
	is(sys(read(r, room, PIPE_BUF - 1)), PIPE_BUF - 1);
	is(epoll_wait(epoll, &event, 1, 0), 0);
	is(sys(read(r, room, 1)), 1);
	is(epoll_wait(epoll, &event, 1, 0), 1);
	is(event.events, EPOLLOUT);
}

/* --- Capacity ------------------------------------------------------------- */

PIPE_TEST(the_capacity_is_a_power_of_two_of_pages)
{
	static const struct {
		uint64_t asked, got;
	} cases[] = {
		{ 0, 65536 }, { 1, 4096 }, { 4096, 4096 }, { 4097, 8192 },
		{ 65536, 65536 }, { 1000000, 1048576 }, { 1048576, 1048576 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		replace(0, cases[i].asked);
		is(ipcbook_pipe_capacity(r), cases[i].got);
		is(ipcbook_pipe_capacity(w), cases[i].got);
		is(pipe_stat(r).max_bytes, cases[i].got);
		nonblocking(w);
		for (uint64_t n = 0; n < cases[i].got; n += 4096)
			is(sys(write(w, bytes, 4096)), 4096);
		is(sys(write(w, bytes, 1)), -EAGAIN);
	}
}

PIPE_TEST(a_capacity_above_the_limit_is_refused)
{
	pid_t pid = child();
	int ends[2] = { -5, -5 };

	is(ipcbook_pipe(ends, 0, (1 << 30) + 1), -E2BIG);
	is(ipcbook_pipe(ends, 0, UINT64_MAX), -E2BIG);
	is(ends[0], -5);
	if (!pid) {
		become(1000);
		is(ipcbook_pipe(ends, 0, 1048577), -E2BIG);
		is(ipcbook_pipe_resize(w, 1048577), -E2BIG);
		is(ipcbook_pipe_resize(w, 1048576), 1048576);
		_exit(0);
	}
	is(reap(pid), 0);
	is(ipcbook_pipe_capacity(r), 1048576);
	is(ipcbook_pipe_resize(w, 1048577), 2097152);
	set_parameter("pipe_max_bytes", 20000);
	pid = child();
	if (!pid) {
		become(1000);
		is(ipcbook_pipe(ends, 0, 16385), -E2BIG);
		is(ipcbook_pipe(ends, 0, 0), 0);
		is(ipcbook_pipe_capacity(ends[0]), 16384);
		/* Less is always allowed. */
		is(ipcbook_pipe_resize(w, 1048576), 1048576);
		_exit(0);
	}
	is(reap(pid), 0);
}

PIPE_TEST(resizing_keeps_what_is_in_it)
{
	static const int sizes[] = { 4096, 131072, 8192, 65536, 4096 };

	is(sys(write(w, bytes, 60000)), 60000);
	is(sys(read(r, room, 57000)), 57000);
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		is(ipcbook_pipe_resize(i & 1 ? r : w, sizes[i]), sizes[i]);
		is(waiting(r), 3000);
	}
	is(sys(read(r, room, sizeof(room))), 3000);
	holds(!memcmp(room, bytes + 57000, 3000));
	nonblocking(w);
	is(sys(write(w, bytes, sizeof(bytes))), 4096);
	is(sys(read(r, room, sizeof(room))), 4096);
	holds(!memcmp(room, bytes, 4096));
}

PIPE_TEST(a_pipe_is_not_made_smaller_than_what_is_in_it)
{
	is(sys(write(w, bytes, 8193)), 8193);
	is(ipcbook_pipe_resize(r, 8192), -EBUSY);
	is(ipcbook_pipe_capacity(r), CAPACITY);
	is(sys(read(r, room, 1)), 1);
	is(ipcbook_pipe_resize(r, 8192), 8192);
	is(sys(read(r, room, sizeof(room))), 8192);
	holds(!memcmp(room, bytes + 1, 8192));
}

PIPE_TEST(resizing_to_nothing_is_refused)
{
	is(ipcbook_pipe_resize(r, 0), -EINVAL);
	is(ipcbook_pipe_resize(r, (1UL << 30) + 1), -E2BIG);
	is(ipcbook_pipe_resize(r, SIZE_MAX), -E2BIG);
	is(ipcbook_pipe_capacity(r), CAPACITY);
}

/* --- Wrong arguments ------------------------------------------------------ */

PIPE_TEST(a_buffer_that_is_not_there_moves_nothing)
{
	void *none = nowhere();

	is(sys(write(w, none, 10)), -EFAULT);
	is(sys(write(w, none, PIPE_BUF + 1)), -EFAULT);
	is(sys(write(w, (void *)-4096UL, 10)), -EFAULT);
	is(waiting(r), 0);
	writes(w, "kept");
	is(sys(read(r, none, 10)), -EFAULT);
	is(sys(read(r, (void *)-4096UL, 10)), -EFAULT);
	is(pipe_stat(r).received, 0);
	reads(r, "kept");
}

PIPE_TEST(half_a_buffer_writes_nothing_or_what_was_there)
{
	char *half = edge(3000);

	memcpy(half, bytes, 3000);
	is(sys(write(w, half, 3001)), -EFAULT);
	is(sys(write(w, half, PIPE_BUF)), -EFAULT);
	is(waiting(r), 0);
	is(sys(write(w, half, PIPE_BUF + 1)), 3000);
	is(sys(read(r, room, sizeof(room))), 3000);
	holds(!memcmp(room, bytes, 3000));
}

PIPE_TEST(half_a_buffer_reads_what_fits_and_the_rest_stays)
{
	char *half = edge(3);

	for (unsigned int i = 1; i < 2000; i += 333) {
		is(sys(write(w, bytes, 3 + i)), 3 + i);
		is(sys(read(r, half, 3 + i)), 3);
		holds(!memcmp(half, bytes, 3));
		is(sys(read(r, room, sizeof(room))), i);
		holds(!memcmp(room, bytes + 3, i));
	}
}

/* Memory that nobody has touched yet is no fault. */
PIPE_TEST(fresh_memory_is_brought_in)
{
	size_t len = 4 * CAPACITY;
	char *fresh;

	is(ipcbook_pipe_resize(w, len), len);
	fresh = mmap(NULL, len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	holds(fresh != MAP_FAILED);
	is(sys(write(w, bytes, len)), len);
	is(sys(read(r, fresh, len)), len);
	holds(!memcmp(fresh, bytes, len));
	is(sys(madvise(fresh, len, MADV_DONTNEED)), 0);
	is(sys(write(w, fresh, len)), len);
	is(sys(read(r, room, len)), len);
	for (size_t i = 0; i < len; i++)
		if (room[i])
			is(i, -1);
	munmap(fresh, len);
}

/*
 * The second of two pages is brought in when half of it has been copied: by then
 * to the pipe's last bytes and on to its first ones, or in one piece.
 */
PIPE_TEST(what_is_written_as_one_begins_anew_after_a_fault)
{
	static const struct {
		size_t before, after, at;
	} cases[] = {
		{ 1000, 3000, 0 }, { 3000, 1000, CAPACITY - 2000 },
		{ 100, 200, CAPACITY - 100 }, { 1, 511, CAPACITY - 1 },
	};
	int file = keep(sys(memfd_create("pipe", MFD_CLOEXEC)));
	struct iovec out;
	char *pages;

	is(sys(write(file, bytes, 8192)), 8192);
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	holds(pages != MAP_FAILED);
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		size_t before = cases[i / 2].before;
		size_t len = before + cases[i / 2].after;

		replace(0, 0);
		if (cases[i / 2].at) {
			is(sys(write(w, bytes, cases[i / 2].at)),
			   cases[i / 2].at);
			is(sys(read(r, room, sizeof(room))), cases[i / 2].at);
		}
		holds(!memcmp(pages, bytes, 4096));
		is(sys(madvise(pages + 4096, 4096, MADV_DONTNEED)), 0);
		out = (struct iovec){ pages + 4096 - before, len };
		if (i % 2)
			is(sys(writev(w, &out, 1)), len);
		else
			is(sys(write(w, out.iov_base, len)), len);
		is(sys(read(r, room, sizeof(room))), len);
		holds(!memcmp(room, bytes + 4096 - before, len));
	}
	munmap(pages, 8192);
}

PIPE_TEST(a_buffer_that_may_not_be_written_is_not)
{
	static const char constant[64] = "constant";

	writes(w, "variable");
	is(sys(read(r, (char *)constant, 8)), -EFAULT);
	holds(!strcmp(constant, "constant"));
	reads(r, "variable");
}

PIPE_TEST(what_the_contract_does_not_know_is_refused)
{
	struct ipcbook_pipe arg = { .size = sizeof(arg) };
	char page[4096] = "";

	arg.flags = IPCBOOK_OPEN_READ;
	is(ask_device(IPCBOOK_IOC_PIPE, &arg), -EINVAL);
	arg.flags = 1U << 31;
	is(ask_device(IPCBOOK_IOC_PIPE, &arg), -EINVAL);
	arg.flags = 0;
	arg.reader = 1;
	is(ask_device(IPCBOOK_IOC_PIPE, &arg), -EINVAL);
	arg.reader = 0;
	arg.writer = -1;
	is(ask_device(IPCBOOK_IOC_PIPE, &arg), -EINVAL);
	arg.writer = 0;
	arg.size = sizeof(arg) - 1;
	is(ask_device(IPCBOOK_IOC_PIPE, &arg), -EINVAL);
	arg.size = 4097;
	is(ask_device(IPCBOOK_IOC_PIPE, &arg), -E2BIG);
	is(ask_device(IPCBOOK_IOC_PIPE, nowhere()), -EFAULT);
	arg.size = sizeof(page);
	memcpy(page, &arg, sizeof(arg));
	page[100] = 1;
	is(ask_device(IPCBOOK_IOC_PIPE, page), -E2BIG);
	page[100] = 0;
	is(ask_device(IPCBOOK_IOC_PIPE, page), 0);
	keep(((struct ipcbook_pipe *)page)->reader);
	keep(((struct ipcbook_pipe *)page)->writer);
}

/* The descriptors are told before they are there. */
PIPE_TEST(ends_that_cannot_be_told_are_not_made)
{
	struct ipcbook_pipe *arg = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int next = sys(dup(r));

	close(next);
	arg->size = sizeof(*arg);
	is(sys(mprotect(arg, 4096, PROT_READ)), 0);
	is(ask_device(IPCBOOK_IOC_PIPE, arg), -EFAULT);
	is(sys(dup(r)), next);
	close(next);
	munmap(arg, 4096);
}

/* Nor is one of them where there is no descriptor for the other. */
PIPE_TEST(ends_for_which_there_are_no_descriptors_are_not_made)
{
	struct ipcbook_pipe arg = { .size = sizeof(arg) };
	struct ipcbook_stat stat = pipe_stat(r);
	int device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC)));
	int next = sys(dup(r));
	pid_t pid;

	close(next);
	for (int more = 0; more < 2; more++) {
		struct rlimit few = { next + more, next + more };

		pid = child();
		if (!pid) {
			is(sys(setrlimit(RLIMIT_NOFILE, &few)), 0);
			is(ask(device, IPCBOOK_IOC_PIPE, &arg), -EMFILE);
			is(sys(fcntl(next, F_GETFD)), -EBADF);
			_exit(0);
		}
		is(reap(pid), 0);
	}
	is(arg.reader, 0);
	is(pipe_stat(r).descriptors, stat.descriptors);
}

PIPE_TEST(wrong_flags_of_the_library_are_refused)
{
	int ends[2] = { -5, -5 };

	is(ipcbook_pipe(ends, O_APPEND, 0), -EINVAL);
	is(ipcbook_pipe(ends, O_RDWR, 0), -EINVAL);
	is(ends[0], -5);
	is(ends[1], -5);
	is(ipcbook_pipe_open(pname, O_RDWR | O_TRUNC, 0, 0), -EINVAL);
	is(ipcbook_pipe_open(pname, O_ACCMODE, 0, 0), -EINVAL);
	is(ipcbook_pipe_create(NULL, 0600, 0), -EINVAL);
}

PIPE_TEST(other_calls_are_not_known)
{
	int device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));

	is(ask(r, IPCBOOK_IOC_PIPE, NULL), -ENOTTY);
	is(ask(r, _IO(IPCBOOK_IOC_MAGIC, 0x3f), NULL), -ENOTTY);
	is(ask(r, IPCBOOK_IOC_QUEUE_SEND, NULL), -ENOTTY);
	is(ask(r, _IO('T', 1), NULL), -ENOTTY);
	is(ask(device, IPCBOOK_IOC_PIPE_RESIZE, (void *)4096), -ENOTTY);
	is(ask(device, IPCBOOK_IOC_PIPE_CAPACITY, NULL), -ENOTTY);
	is(ask(r, FIONREAD, nowhere()), -EFAULT);
	is(ipcbook_pipe_capacity(device), -ENOTTY);
	is(ipcbook_queue_select(r, IPCBOOK_ANY, 0), -ENOTTY);
	is(sys((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, r, 0)), -ENODEV);
	is(sys(ftruncate(w, 0)), -EINVAL);
}

/* --- Splice --------------------------------------------------------------- */

PIPE_TEST(splice_out_of_it_and_into_it)
{
	int theirs[2], ends[2];

	is(sys(pipe2(theirs, O_CLOEXEC)), 0);
	keep(theirs[0]);
	keep(theirs[1]);
	is(ipcbook_pipe(ends, O_CLOEXEC, 0), 0);
	keep(ends[0]);
	keep(ends[1]);
	is(sys(write(w, bytes, 20000)), 20000);
	for (int n, done = 0; done < 20000; done += n) {
		n = sys(splice(r, NULL, theirs[1], NULL, 20000 - done, 0));
		holds(n > 0);
		is(sys(splice(theirs[0], NULL, ends[1], NULL, n, 0)), n);
	}
	is(waiting(r), 0);
	is(sys(read(ends[0], room, sizeof(room))), 20000);
	holds(!memcmp(room, bytes, 20000));
}

PIPE_TEST(splice_has_no_offset_and_ends_as_a_read)
{
	int theirs[2];
	loff_t zero = 0;

	is(sys(pipe2(theirs, O_CLOEXEC)), 0);
	keep(theirs[0]);
	keep(theirs[1]);
	is(sys(splice(r, &zero, theirs[1], NULL, 1, 0)), -EINVAL);
	is(sys(splice(theirs[0], NULL, w, &zero, 1, 0)), -EINVAL);
	nonblocking(r);
	is(sys(splice(r, NULL, theirs[1], NULL, 1, SPLICE_F_NONBLOCK)),
	   -EAGAIN);
	shut(&w);
	is(sys(splice(r, NULL, theirs[1], NULL, 1, 0)), 0);
}

PIPE_TEST(a_file_is_sent_into_it)
{
	int file = keep(sys(memfd_create("pipe", MFD_CLOEXEC)));

	is(sys(write(file, bytes, 30000)), 30000);
	is(sys(lseek(file, 0, SEEK_SET)), 0);
	for (int n, done = 0; done < 30000; done += n) {
		n = sys(sendfile(w, file, NULL, 30000 - done));
		holds(n > 0);
	}
	is(sys(read(r, room, sizeof(room))), 30000);
	holds(!memcmp(room, bytes, 30000));
}

/* --- What can be seen ----------------------------------------------------- */

PIPE_TEST(stat_counts)
{
	struct ipcbook_stat stat;

	writes(w, "123");
	writes(w, "45");
	is(sys(read(r, room, 4)), 4);
	stat = pipe_stat(r);
	is(stat.chapter, IPCBOOK_PIPE);
	is(stat.mode, 0600);
	is(stat.descriptors, 2);
	is(stat.creator, getpid());
	is(stat.sender, getpid());
	is(stat.receiver, getpid());
	is(stat.sent, 2);
	is(stat.sent_bytes, 5);
	is(stat.received, 1);
	is(stat.received_bytes, 4);
	is(stat.bytes, 1);
	is(stat.depth, 1);
	is(stat.max_bytes, CAPACITY);
	is(stat.max_depth, CAPACITY);
	is(stat.max_size, PIPE_BUF);
	holds(stat.memory > CAPACITY);
	holds(stat.sent_ns && stat.received_ns >= stat.sent_ns);
}

PIPE_TEST(stat_tells_who_wrote_and_who_read_last)
{
	pid_t pid;

	is(pipe_stat(r).sender, 0);
	is(pipe_stat(r).receiver, 0);
	writes(w, "mine");
	is(pipe_stat(r).sender, getpid());
	pid = child();
	if (!pid) {
		writes(w, "child's");
		_exit(0);
	}
	is(reap(pid), 0);
	is(pipe_stat(r).sender, pid);
	is(pipe_stat(r).receiver, 0);
	reads(r, "minechild's");
	is(pipe_stat(r).sender, pid);
	is(pipe_stat(r).receiver, getpid());
}

PIPE_TEST(fdinfo_shows_the_pipe)
{
	char path[64], want[200];
	const char *text;

	writes(w, "123");
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", w);
	text = slurp(path);
	holds(text);
	snprintf(want, sizeof(want),
		 "chapter:\tpipe\nid:\t%llu\nmode:\t600\nuid:\t0\ngid:\t0\n"
		 "bytes:\t3\ncapacity:\t65536\nreaders:\t1\nwriters:\t1\n",
		 pipe_stat(r).id);
	holds(strstr(text, want));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", w);
	is(readlink(path, want, sizeof(want)), 25);
	holds(!memcmp(want, "anon_inode:[ipcbook:pipe]", 25));
}
