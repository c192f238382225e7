// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every failure once: the queue, names, the device and the list; see faults.h.
 */
#include <ipcbook/ring.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "faults.h"

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
	holds(fail_each("queue: SEND of 10 bytes", send_small, check_sent) +
	      fail_each("queue: SEND of 5,000 bytes", send_large, check_sent) +
	      fail_each("queue: pwrite of 10 bytes", write_small, check_sent) +
	      fail_each("queue: pwrite of 5,000 bytes",
			write_large, check_sent) >= 2);
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
	holds(fail_each("queue: RECV with sender", receive, check_received) +
	      fail_each("queue: pread", read_plain, check_received) +
	      fail_each("queue: RECV, peek", peek, check_peeked) >= 2);
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
	holds(fail_each("queue: SEND_BATCH",
			send_three, check_sent_three) >= 1);
	fill(q, 5, 10, 3);
	fail_each("queue: RECV_BATCH", receive_three, check_received_three);
}

static long read_vector(void)
{
	struct iovec parts[] = { { room, 10 }, { room + 10, 4990 } };

	return sys(preadv(q, parts, 2, 5));
}

static long write_vector(void)
{
	struct iovec parts[] = { { text, 10 }, { text + 10, 4990 } };

	return sys(pwritev(q, parts, 2, 5));
}

TEST(a_vector_that_fails_sends_or_receives_nothing)
{
	need_faults();
	holds(fail_each("queue: pwritev", write_vector, check_sent) >= 1);
	fill(q, 5, sizeof(text), 1);
	holds(fail_each("queue: preadv", read_vector, check_received) >= 1);
}

/* A sender for whom there is no room waits for the next receive. */
static struct call *waits;

static void let_one_wait(void)
{
	limit(1, 100, 100);
	put(q, 9, "full");
	waits = sender(q, 5, 10);
}

static long receive_waiting(void)
{
	return queue_recv(q, IPCBOOK_EXACT, 5, room, sizeof(room),
			  IPCBOOK_NOWAIT, 0, &info);
}

/* Whatever failed, the sender has sent, and once. */
static void check_waiting(long answer)
{
	if (answer < 0)
		is(queue_take(q, IPCBOOK_EXACT, 5), 10);
	is(call_end(waits), 0);
	is(queue_take(q, IPCBOOK_EXACT, 9), 4);
	is_empty(q);
	works(q);
	let_one_wait();
}

TEST(a_receive_from_a_waiting_sender_that_fails_loses_nothing)
{
	need_faults();
	let_one_wait();
	fail_each("queue: RECV from a sender that waits",
		  receive_waiting, check_waiting);
}

static long select_five(void)
{
	return queue_select(q, IPCBOOK_EXACT, 5);
}

static void check_selected(long answer)
{
	struct pollfd polled = { .fd = q, .events = POLLIN };

	/* Only what was selected can be polled for. */
	put(q, 6, "x");
	is(poll(&polled, 1, 0), answer < 0);
	drain(q);
	works(q);
	is(queue_select(q, IPCBOOK_ANY, 0), 0);
}

static int epoll = -1;

static long add_to_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };

	return sys(epoll_ctl(epoll, EPOLL_CTL_ADD, q, &event));
}

static void check_added(long answer)
{
	struct epoll_event event;

	put(q, 6, "x");
	is(sys(epoll_wait(epoll, &event, 1, 0)), answer >= 0);
	drain(q);
	works(q);
	if (answer >= 0)
		is(sys(epoll_ctl(epoll, EPOLL_CTL_DEL, q, NULL)), 0);
}

TEST(a_selection_or_an_epoll_set_that_fails_changes_nothing)
{
	need_faults();
	fail_each("queue: SELECT", select_five, check_selected);
	epoll = keep(sys(epoll_create1(EPOLL_CLOEXEC)));
	holds(fail_each("queue: epoll_ctl", add_to_epoll, check_added) >= 1);
}

/* --- Objects -------------------------------------------------------------- */

static int device = -1;

/* What create() creates, and how it is unlinked. */
static const struct kind {
	enum ipcbook_chapter chapter;
	uint64_t size;
	int (*unlink)(const char *name);
	const char *call;
} kinds[] = {
	{ IPCBOOK_QUEUE, 0, ipcbook_queue_unlink,
	  "queue: OPEN, creating" },
	{ IPCBOOK_PIPE, 5 << 16, ipcbook_pipe_unlink,
	  "pipe: OPEN, creating" },
	{ IPCBOOK_SHM, 5 << 16, ipcbook_shm_unlink,
	  "shm: OPEN, creating" },
	{ IPCBOOK_SEM, 0, ipcbook_sem_unlink,
	  "sem: OPEN, creating" },
	{ IPCBOOK_RING, 1 << 16, ipcbook_ring_unlink,
	  "ring: OPEN, creating" },
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

	/* Of a segment or a ring its size, of a pipe its capacity. */
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
		holds(fail_each(kind->call, create, check_created) >= 1);
	holds(fail_each("queue: OPEN of one that is there",
			open_again, check_opened) >= 1);
	holds(fail_each("queue: STAT", ask_counters, check_works) >= 1);
}

static long change_mode(void)
{
	struct ipcbook_change arg = {
		.size = sizeof(arg),
		.mask = IPCBOOK_CHANGE_MODE,
		.mode = 0640,
	};

	return ask(q, IPCBOOK_IOC_CHANGE, &arg);
}

static void check_changed(long answer)
{
	is(queue_stat(q).mode, answer < 0 ? 0600 : 0640);
	is(ipcbook_chmod(q, 0600), 0);
	works(q);
}

static long unlink_it(void)
{
	struct ipcbook_unlink arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
	};

	memcpy(arg.name, qname, sizeof(qname));
	return ask(device, IPCBOOK_IOC_UNLINK, &arg);
}

static void check_unlinked(long answer)
{
	if (answer < 0) {
		works(q);
		return;
	}
	is(queue_send(q, 5, "x", 1, 0, 0), -EIDRM);
	is(queue_unlink(qname), -ENOENT);
	close(q);
	q = queue_open(qname, READ | WRITE | CREATE);
	holds(q >= 0);
}

TEST(a_change_that_fails_changes_nothing)
{
	need_faults();
	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	fail_each("object: CHANGE", change_mode, check_changed);
	fail_each("object: UNLINK", unlink_it, check_unlinked);
}

/* What descriptors of all chapters answer; the socket's is in faults_stream.c. */
static int object = -1;

static long poll_object(void)
{
	struct pollfd polled = { .fd = object, .events = POLLIN | POLLOUT };

	return sys(poll(&polled, 1, 0));
}

static long ask_object(void)
{
	struct ipcbook_stat stat = { .size = sizeof(stat) };

	return ask(object, IPCBOOK_IOC_STAT, &stat);
}

static long look_at_object(void)
{
	return read_fdinfo(object);
}

/* To where it is: of a queue the type that it selects, of a segment a byte. */
static long seek_object(void)
{
	return sys(lseek(object, 0, SEEK_SET));
}

static long change_owner(void)
{
	struct ipcbook_change arg = {
		.size = sizeof(arg),
		.mask = IPCBOOK_CHANGE_UID | IPCBOOK_CHANGE_GID,
		.uid = 7,
		.gid = 7,
	};

	return ask(object, IPCBOOK_IOC_CHANGE, &arg);
}

static long unlink_object(void)
{
	struct ipcbook_unlink arg = {
		.size = sizeof(arg),
		.chapter = kind->chapter,
		.name = "faults",
	};

	return ask(device, IPCBOOK_IOC_UNLINK, &arg);
}

static struct ipcbook_stat object_stat(void)
{
	struct ipcbook_stat stat = { .size = sizeof(stat) };

	is(ask(object, IPCBOOK_IOC_STAT, &stat), 0);
	return stat;
}

static void check_known(__attribute__((unused)) long answer)
{
	is(object_stat().chapter, kind->chapter);
	is(strcmp(object_stat().name, "faults"), 0);
}

static void check_owner(long answer)
{
	is(object_stat().uid, answer < 0 ? 0 : 7);
	is(object_stat().gid, answer < 0 ? 0 : 7);
	is(change_object(object, IPCBOOK_CHANGE_UID | IPCBOOK_CHANGE_GID,
			 0, 0, 0), 0);
}

static void check_name(long answer)
{
	if (answer < 0) {
		check_known(answer);
		return;
	}
	is(strcmp(object_stat().name, ""), 0);
	drop(object);
	object = keep(create());
}

static unsigned int object_fails(const char *what, long (*call)(void),
				 void (*check)(long answer))
{
	char name[64];

	snprintf(name, sizeof(name), "%s: %s",
		 ipcbook_chapter_name(kind->chapter), what);
	return fail_each(name, call, check);
}

TEST(what_is_asked_of_any_object_in_vain_changes_nothing)
{
	need_faults();
	device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++) {
		object = keep(create());
		/* Of a ring, and of a queue below, it has been asked already. */
		if (kind->chapter != IPCBOOK_RING)
			holds(object_fails("poll", poll_object,
					   check_known) >= 1);
		if (kind->chapter != IPCBOOK_QUEUE)
			holds(object_fails("STAT", ask_object,
					   check_known) >= 1);
		holds(object_fails("fdinfo", look_at_object, check_known) >= 1);
		if (kind->chapter == IPCBOOK_QUEUE ||
		    kind->chapter == IPCBOOK_SHM)
			object_fails("lseek", seek_object, check_known);
		object_fails("CHANGE of owner", change_owner, check_owner);
		object_fails("UNLINK", unlink_object, check_name);
		is(kind->unlink("faults"), 0);
		drop(object);
	}
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

/* Ends after the call, for munmap() can fail as well. */
static struct ipcbook_ring mapped;

static long map_default_ring(void)
{
	int err, fd = sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC));

	memset(&mapped, 0, sizeof(mapped));
	if (fd < 0)
		return fd;
	err = ipcbook_ring_attach(&mapped, fd, IPCBOOK_RING_PRODUCER);
	if (err)
		memset(&mapped, 0, sizeof(mapped));
	close(fd);
	return err;
}

/* Mapped or not, it can be now. */
static void check_default_ring(__attribute__((unused)) long answer)
{
	struct ipcbook_ring ring;
	int fd = sys(open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC));

	ipcbook_ring_detach(&mapped);
	is(ipcbook_ring_attach(&ring, fd, IPCBOOK_RING_PRODUCER), 0);
	ipcbook_ring_detach(&ring);
	close(fd);
	is(ipcbook_ring_unlink("default"), 0);
}

BARE_TEST(the_device_its_queue_and_its_ring_survive_failures)
{
	pid_t pid;

	need_faults();
	pid = child();
	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		holds(fail_each("device: open",
				open_device, check_device) >= 1);
		holds(fail_each("device: open and first write",
				first_use, check_first_use) >= 1);
		holds(fail_each("device: open and mmap of the ring",
				map_default_ring, check_default_ring) >= 1);
		_exit(0);
	}
	is(reap(pid), 0);
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
	fail_each("netlink: list of queues", list, check_works);
	is(ipcbook_list(IPCBOOK_QUEUE, qname, count, &n), 0);
	is(n, 1);
}

