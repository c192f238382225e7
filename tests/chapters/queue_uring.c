// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue: through io_uring. Reads and writes whose offset is the type, polls,
 * and that none of them needs a worker thread. Raw system calls: a library for
 * io_uring is not everywhere.
 */
#include "uring.h"

TEST(reads_and_writes_need_no_worker_thread)
{
	char room[16];

	ring_open();
	ring_rw(IORING_OP_WRITE, q, "seven", 5, 7, 0);
	is(ring_take(NULL), 5);
	ring_rw(IORING_OP_WRITE, q, "five", 4, 5, 0);
	is(ring_take(NULL), 4);
	ring_rw(IORING_OP_READ, q, room, sizeof(room), 5, 0);
	is(ring_take(NULL), 4);
	assert_memory_equal(room, "five", 4);
	got(q, IPCBOOK_EXACT, 7, "seven");
	is(workers(), 0);
}

/* Shows that the other tests would see a worker thread; it lingers a while. */
TEST(a_forced_worker_thread_is_seen)
{
	pid_t pid = child();

	if (!pid) {
		ring_open();
		ring_rw(IORING_OP_WRITE, q, "x", 1, 5, IOSQE_ASYNC);
		is(ring_take(NULL), 1);
		is(workers(), 1);
		_exit(0);
	}
	is(reap(pid), 0);
	got(q, IPCBOOK_EXACT, 5, "x");
}

TEST(a_read_that_must_wait_waits_without_a_worker_thread)
{
	char room[16];

	ring_open();
	ring_rw(IORING_OP_READ, q, room, sizeof(room), 0, 0);
	is(ring_has(), false);
	put(q, 6, "later");
	is(ring_take(NULL), 5);
	assert_memory_equal(room, "later", 5);
	is(workers(), 0);
	is_empty(q);
}

TEST(a_read_of_the_selected_type_waits_without_a_worker_thread)
{
	char room[16];

	ring_open();
	is(queue_select(q, IPCBOOK_EXACT, 5), 0);
	put(q, 6, "other");
	ring_rw(IORING_OP_READ, q, room, sizeof(room), 5, 0);
	for (unsigned int i = 0; i < 10; i++)
		put(q, 6, "other");
	is(ring_has(), false);
	put(q, 5, "five");
	is(ring_take(NULL), 4);
	is(workers(), 0);
	is(queue_stat(q).depth, 11);
}

TEST(a_write_that_must_wait_waits_without_a_worker_thread)
{
	ring_open();
	limit(1, 0, 0);
	put(q, 5, "full");
	ring_rw(IORING_OP_WRITE, q, "x", 1, 6, 0);
	is(ring_has(), false);
	got(q, IPCBOOK_EXACT, 5, "full");
	is(ring_take(NULL), 1);
	got(q, IPCBOOK_EXACT, 6, "x");
	is(workers(), 0);
}

TEST(several_reads_wait_each_for_its_descriptor_s_type)
{
	char rooms[3][16];
	uint64_t which;
	int fds[3];

	ring_open();
	for (unsigned int i = 0; i < 3; i++) {
		fds[i] = queue_open(qname, IPCBOOK_OPEN_READ);
		is(sys(lseek(fds[i], 5 + i, SEEK_SET)), 5 + i);
		ring_rw(IORING_OP_READ, fds[i], rooms[i], 16, 5 + i, 0);
	}
	put(q, 6, "six");
	is(ring_take(&which), 3);
	is(which, 6);
	put(q, 7, "seven");
	is(ring_take(&which), 5);
	is(which, 7);
	put(q, 5, "five");
	is(ring_take(&which), 4);
	is(which, 5);
	is(ring_has(), false);
	is(workers(), 0);
}

TEST(a_vector_is_gathered_and_scattered)
{
	struct iovec parts[2] = { { "ab", 2 }, { "cde", 3 } };
	char room[8];
	struct iovec into[2] = { { room, 1 }, { room + 1, 7 } };

	ring_open();
	ring_rw(IORING_OP_WRITEV, q, parts, 2, 9, 0);
	is(ring_take(NULL), 5);
	ring_rw(IORING_OP_READV, q, into, 2, 9, 0);
	is(ring_take(NULL), 5);
	assert_memory_equal(room, "abcde", 5);
	is(workers(), 0);
}

TEST(errors_come_back_as_results)
{
	char room[4];

	ring_open();
	put(q, 5, "12345");
	ring_rw(IORING_OP_READ, q, room, 4, 5, 0);
	is(ring_take(NULL), -EMSGSIZE);
	ring_rw(IORING_OP_READ, q, nowhere(), 8, 5, 0);
	is(ring_take(NULL), -EFAULT);
	ring_rw(IORING_OP_WRITE, q, room, 4, IPCBOOK_TYPE_MAX + 1, 0);
	is(ring_take(NULL), -EINVAL);
	is(queue_unlink(qname), 0);
	ring_rw(IORING_OP_READ, q, room, 4, 5, 0);
	is(ring_take(NULL), -EIDRM);
	is(workers(), 0);
}

TEST(unlink_ends_a_read_that_waits)
{
	char room[4];

	ring_open();
	ring_rw(IORING_OP_READ, q, room, 4, 0, 0);
	is(ring_has(), false);
	is(queue_unlink(qname), 0);
	is(ring_take(NULL), -EIDRM);
}

TEST(a_poll_waits_for_a_message_of_the_selector)
{
	struct io_uring_sqe poll = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = q,
		.poll_events = POLLIN,
	};

	ring_open();
	is(queue_select(q, IPCBOOK_EXACT, 5), 0);
	ring_submit(poll);
	put(q, 6, "x");
	is(ring_has(), false);
	put(q, 5, "x");
	is(ring_take(NULL), POLLIN);
}

TEST(the_device_serves_io_uring_too)
{
	int fd = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	char room[8192];

	drain(fd);
	ring_open();
	ring_rw(IORING_OP_READ, fd, room, sizeof(room), 0, 0);
	is(ring_has(), false);
	ring_rw(IORING_OP_WRITE, fd, "hello", 5, 0, 0);
	is(ring_take(NULL), 5);
	is(ring_take(NULL), 5);
	assert_memory_equal(room, "hello", 5);
	is(workers(), 0);
}
