// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring: creating, mapping, roles, who may write what, what ends when.
 */
#include "ring.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define READ	IPCBOOK_OPEN_READ
#define WRITE	IPCBOOK_OPEN_WRITE
#define CREATE	IPCBOOK_OPEN_CREATE
#define ANON	IPCBOOK_OPEN_ANON

#define RW	(PROT_READ | PROT_WRITE)

static long try_open(const char *name, unsigned int flags, uint64_t size,
		     uint32_t ring_flags, uint32_t pad)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_RING,
		.flags = flags | IPCBOOK_OPEN_CLOEXEC,
		.mode = 0600,
		.ring = { size, ring_flags, pad },
	};

	snprintf(arg.name, sizeof(arg.name), "%s", name);
	return ask_device(IPCBOOK_IOC_OPEN, &arg);
}

static struct ipcbook_ring_map where(int fd, uint32_t role)
{
	struct ipcbook_ring_map map = { .size = sizeof(map), .role = role };

	is(ask(fd, IPCBOOK_IOC_RING_MAP, &map), 0);
	return map;
}

/* mmap: 0, or the error. What is mapped is unmapped again. */
static long try_map(int fd, size_t n, int prot, int flags, off_t offset)
{
	void *mem = mmap(NULL, n, prot, flags, fd, offset);

	if (mem == MAP_FAILED)
		return -errno;
	return sys(munmap(mem, n));
}

static size_t page(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* --- Creating ------------------------------------------------------------- */

RING_TEST(a_size_is_a_power_of_two_of_at_least_a_page)
{
	const uint64_t sizes[] = {
		0, 1, page() - 1, page() + 1, page() / 2, 3 * page(),
		(1ULL << 32) - page(), UINT64_MAX,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		is(try_open("", READ | WRITE | ANON, sizes[i], 0, 0), -EINVAL);
		is(try_open("ring-none", READ | CREATE, sizes[i], 0, 0),
		   -EINVAL);
	}
	is(try_open("ring-none", READ, 0, 0, 0), -ENOENT);
	keep(try_open("", READ | WRITE | ANON, page(), 0, 0));
	keep(try_open("", READ | WRITE | ANON, 16 * page(), 0, 0));
}

RING_TEST(a_size_over_the_limits_is_refused)
{
	pid_t pid;

	is(try_open("", READ | ANON, 2ULL << 30, 0, 0), -E2BIG);
	is(try_open("", READ | ANON, 1ULL << 63, 0, 0), -E2BIG);
	set_parameter("ring_max_bytes", 4 * page());
	keep(try_open("", READ | ANON, 8 * page(), 0, 0));
	pid = child();
	if (!pid) {
		become(1000);
		is(try_open("", READ | ANON, 8 * page(), 0, 0), -E2BIG);
		holds(try_open("", READ | ANON, 4 * page(), 0, 0) >= 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

RING_TEST(what_a_user_s_rings_own_is_limited)
{
	pid_t pid;

	set_parameter("user_bytes", 20 * page());
	pid = child();
	if (!pid) {
		become(1003);
		is(try_open("", READ | ANON, 32 * page(), 0, 0), -EDQUOT);
		holds(try_open("", READ | ANON, 16 * page(), 0, 0) >= 0);
		is(try_open("", READ | ANON, 4 * page(), 0, 0), -EDQUOT);
		_exit(0);
	}
	is(reap(pid), 0);
}

RING_TEST(unknown_flags_and_padding_are_refused)
{
	is(try_open("", READ | ANON, page(), 4, 0), -EINVAL);
	is(try_open("", READ | ANON, page(), 1U << 31, 0), -EINVAL);
	is(try_open("", READ | ANON, page(), 0, 1), -EINVAL);
	/* The newest cannot win among many. */
	is(try_open("", READ | ANON, page(),
		    IPCBOOK_RING_MANY | IPCBOOK_RING_OVERWRITE, 0), -EINVAL);
	keep(try_open("", READ | ANON, page(), IPCBOOK_RING_MANY, 0));
	keep(try_open("", READ | ANON, page(), IPCBOOK_RING_OVERWRITE, 0));
}

RING_TEST(the_default_ring_comes_with_flags_that_may_be_or_not_at_all)
{
	pid_t pid = child();

	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		is(try_open("default", READ, 0, 1U << 31, 0), -EINVAL);
		is(try_open("default", READ, 0, 0, 1), -EINVAL);
		is(try_open("default", READ, 0,
			    IPCBOOK_RING_MANY | IPCBOOK_RING_OVERWRITE, 0),
		   -EINVAL);
		is(ipcbook_ring_unlink("default"), -ENOENT);
		_exit(0);
	}
	is(reap(pid), 0);
}

RING_TEST(the_default_ring_is_no_larger_than_rings_may_be)
{
	pid_t pid;

	set_parameter("ring_max_bytes", 5 * page());
	pid = child();
	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		become(1000);
		is(where(sys(open(IPCBOOK_DEVICE, O_RDWR)),
			 IPCBOOK_RING_CONSUMER).bytes, 4 * page());
		_exit(0);
	}
	is(reap(pid), 0);
}

RING_TEST(nobody_opens_a_ring_only_to_write)
{
	is(try_open("", WRITE | ANON, page(), 0, 0), -EINVAL);
	is(try_open(rname, WRITE, 0, 0, 0), -EINVAL);
	is(ipcbook_ring_open(rname, O_WRONLY, 0, NULL), -EINVAL);
}

RING_TEST(the_mode_decides_who_produces_and_who_consumes)
{
	static const struct {
		unsigned int mode;
		long consume, produce;
	} cases[] = {
		{ 0600, -EACCES, -EACCES }, { 0604, 0, -EACCES },
		{ 0602, -EACCES, -EACCES }, { 0606, 0, 0 },
	};
	pid_t pid;
	long got;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		is(ipcbook_chmod(r, cases[i].mode), 0);
		pid = child();
		if (!pid) {
			become(1000);
			got = try_open(rname, READ, 0, 0, 0);
			is(got < 0 ? got : 0, cases[i].consume);
			got = try_open(rname, READ | WRITE, 0, 0, 0);
			is(got < 0 ? got : 0, cases[i].produce);
			is(ipcbook_ring_unlink(rname), -EPERM);
			_exit(0);
		}
		is(reap(pid), 0);
	}
}

/* --- Mapping -------------------------------------------------------------- */

RING_TEST(the_role_is_what_the_descriptor_was_opened_for)
{
	struct ipcbook_ring_map map = where(r, 0);
	int c = keep(consumer_fd());
	struct ipcbook_ring ring;

	is(map.role, IPCBOOK_RING_PRODUCER);
	is(map.bytes, RING_SIZE);
	is(map.flags, 0);
	is(map.length, 2 * page() + 2 * RING_SIZE);
	map = where(c, 0);
	is(map.role, IPCBOOK_RING_CONSUMER);
	is(ipcbook_ring_attach(&ring, c, IPCBOOK_RING_PRODUCER), -EINVAL);
	is(ipcbook_ring_attach(&ring, r, IPCBOOK_RING_CONSUMER), -EINVAL);
	is(ipcbook_ring_attach(&ring, r, 3), -EINVAL);
	/* Nor is the other role's place in the file theirs. */
	is(try_map(r, map.length, RW, MAP_SHARED, map.offset), -EINVAL);
	is(try_map(c, map.length, RW, MAP_SHARED, where(r, 0).offset), -EINVAL);
}

RING_TEST(a_map_s_argument_is_checked)
{
	struct ipcbook_ring_map map = { .size = sizeof(map) };

	map.flags = 1;
	is(ask(r, IPCBOOK_IOC_RING_MAP, &map), -EINVAL);
	map.flags = 0;
	map.pad = 1;
	is(ask(r, IPCBOOK_IOC_RING_MAP, &map), -EINVAL);
	map.pad = 0;
	map.offset = 1;
	is(ask(r, IPCBOOK_IOC_RING_MAP, &map), -EINVAL);
	map.offset = 0;
	map.size = 8;
	is(ask(r, IPCBOOK_IOC_RING_MAP, &map), -EINVAL);
	map.size = sizeof(map);
	is(ask(r, IPCBOOK_IOC_RING_MAP, &map), 0);
	is(ask(r, IPCBOOK_IOC_RING_MAP, nowhere()), -EFAULT);
	is(ask(r, IPCBOOK_IOC_RING_SLOT, nowhere()), -EINVAL);
	is(ask(r, IPCBOOK_IOC_RING_WAKE, (void *)3), -EINVAL);
	is(ask(r, IPCBOOK_IOC_RING_WAKE, (void *)-1), -EINVAL);
	is(ask(r, IPCBOOK_IOC_RING_WAKE, NULL), 0);
	is(ask(r, _IO(IPCBOOK_IOC_MAGIC, 0x6f), NULL), -ENOTTY);
	is(ask(r, _IO('x', 1), NULL), -ENOTTY);
}

RING_TEST(only_the_whole_is_mapped_and_only_as_it_must_be)
{
	struct ipcbook_ring_map map = where(r, 0);

	is(try_map(r, map.length, RW, MAP_SHARED, map.offset), 0);
	is(try_map(r, map.length, RW, MAP_PRIVATE, map.offset), -EINVAL);
	is(try_map(r, map.length, PROT_READ, MAP_SHARED, map.offset), -EINVAL);
	is(try_map(r, map.length, PROT_WRITE, MAP_SHARED, map.offset), -EINVAL);
	is(try_map(r, map.length, PROT_NONE, MAP_SHARED, map.offset), -EINVAL);
	is(try_map(r, map.length - page(), RW, MAP_SHARED, map.offset), -EINVAL);
	is(try_map(r, map.length + page(), RW, MAP_SHARED, map.offset), -EINVAL);
	is(try_map(r, page(), RW, MAP_SHARED, map.offset), -EINVAL);
	is(try_map(r, map.length, RW, MAP_SHARED, 0), -EINVAL);
	is(try_map(r, map.length, RW, MAP_SHARED, page()), -EINVAL);
	is(try_map(r, map.length, RW, MAP_SHARED, map.offset + page()), -EINVAL);
	is(try_map(r, map.length, RW, MAP_SHARED, INT64_MAX & -(off_t)page()),
	   -EINVAL);
}

RING_TEST(there_is_one_consumer_and_one_producer)
{
	struct ipcbook_ring producer = produce(), consumer = consume(), other;
	int p = keep(ipcbook_ring_open(rname, O_RDWR, 0, NULL));
	int c = keep(consumer_fd());
	pid_t pid;

	is(ipcbook_ring_attach(&other, p, 0), -EBUSY);
	is(ipcbook_ring_attach(&other, r, 0), -EBUSY);
	is(ipcbook_ring_attach(&other, c, 0), -EBUSY);
	pid = child();
	if (!pid) {
		is(ipcbook_ring_attach(&other, p, 0), -EBUSY);
		is(ipcbook_ring_attach(&other, c, 0), -EBUSY);
		_exit(0);
	}
	is(reap(pid), 0);
	ipcbook_ring_detach(&producer);
	is(ipcbook_ring_attach(&other, p, 0), 0);
	ipcbook_ring_detach(&other);
	ipcbook_ring_detach(&consumer);
	is(ipcbook_ring_attach(&other, c, 0), 0);
	ipcbook_ring_detach(&other);
}

RING_TEST(a_ring_that_is_unlinked_goes_on)
{
	struct ipcbook_ring producer = produce(), consumer;
	int c = keep(consumer_fd());

	is(ipcbook_ring_unlink(rname), 0);
	is(ipcbook_ring_open(rname, O_RDONLY, 0, NULL), -ENOENT);
	is(give(&producer, 100, 1), 0);
	is(ipcbook_ring_attach(&consumer, c, 0), 0);
	is(take(&consumer, 1), 100);
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
	r = ring_new(rname, RING_SIZE, 0);
	holds(r >= 0);
}

RING_TEST(a_mapping_keeps_the_ring_without_a_descriptor)
{
	struct ipcbook_ring producer = produce(), consumer = consume();

	close(r);
	is(ipcbook_ring_unlink(rname), 0);
	is(give(&producer, 9, 3), 0);
	is(take(&consumer, 3), 9);
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
	r = ring_new(rname, RING_SIZE, 0);
}

RING_TEST(a_forked_child_has_no_part_in_it)
{
	struct ipcbook_ring producer = produce(), other;
	pid_t pid = child();

	if (!pid) {
		*(volatile uint32_t *)&producer.producer->tail;
		_exit(0);
	}
	is(reap(pid), 128 + SIGSEGV);
	/* But the descriptor; when the parent has gone, it may. */
	ipcbook_ring_detach(&producer);
	pid = child();
	if (!pid) {
		is(ipcbook_ring_attach(&other, r, 0), 0);
		is(give(&other, 8, 8), 0);
		_exit(0);
	}
	is(reap(pid), 0);
	producer = consume();
	is(take(&producer, 8), 8);
	ipcbook_ring_detach(&producer);
}

RING_TEST(a_mapping_is_not_cut_and_does_not_grow)
{
	struct ipcbook_ring producer = produce(), consumer = consume();
	char *base = (char *)producer.consumer;
	size_t length = where(r, 0).length;
	void *moved;

	is(sys(munmap(base + page(), page())), -EINVAL);
	is(sys(mprotect(base + 2 * page(), page(), PROT_READ)), -EINVAL);
	is(sys((long)mremap(base, length, length + page(), MREMAP_MAYMOVE)),
	   -EFAULT);
	moved = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	holds(mremap(base, length, length, MREMAP_MAYMOVE | MREMAP_FIXED,
		     moved) == moved);
	producer.consumer = moved;
	producer.producer = (void *)((char *)moved + page());
	producer.data = (unsigned char *)moved + 2 * page();
	is(give(&producer, 3000, 5), 0);
	is(take(&consumer, 5), 3000);
	ipcbook_ring_detach(&producer);
	producer = produce();
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
}

RING_TEST(what_madvise_throws_out_comes_back)
{
	struct ipcbook_ring producer = produce(), consumer = consume();
	size_t length = where(r, 0).length;

	for (uint32_t i = 0; i < 50; i++) {
		is(give(&producer, 1000, i), 0);
		is(sys(madvise(producer.consumer, length, MADV_DONTNEED)), 0);
		is(sys(madvise(consumer.consumer, length, MADV_DONTNEED)), 0);
		is(take(&consumer, i), 1000);
	}
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
}

/* --- Who may write -------------------------------------------------------- */

/* Write a word in a child; how it ended. */
static int write_in_child(bool consumers, size_t offset, bool protect)
{
	struct ipcbook_ring ring;
	pid_t pid = child();
	char *base;

	if (pid)
		return reap(pid);
	ring = consumers ? consume() : produce();
	base = (char *)ring.consumer;
	if (protect)
		is(sys(mprotect(base, 2 * page() + 2 * RING_SIZE, PROT_READ)) |
		   sys(mprotect(base, 2 * page() + 2 * RING_SIZE, RW)), 0);
	*(volatile char *)(base + offset) = 0;
	_exit(0);
}

RING_TEST(each_side_writes_only_what_is_its_own)
{
	const size_t end = 2 * page() + 2 * RING_SIZE;

	for (int protect = 0; protect < 2; protect++) {
		is(write_in_child(true, 0, protect), 0);
		is(write_in_child(true, page() - 1, protect), 0);
		is(write_in_child(true, page(), protect), 128 + SIGSEGV);
		is(write_in_child(true, 2 * page(), protect), 128 + SIGSEGV);
		is(write_in_child(true, 2 * page() + RING_SIZE, protect),
		   128 + SIGSEGV);
		is(write_in_child(true, end - 1, protect), 128 + SIGSEGV);
		is(write_in_child(false, 0, protect), 128 + SIGSEGV);
		is(write_in_child(false, page(), protect), 0);
		is(write_in_child(false, 2 * page(), protect), 0);
		is(write_in_child(false, end - 1, protect), 0);
	}
}

/* Also after it was read, when the page is there already. */
RING_TEST(a_page_that_was_read_is_not_writable_either)
{
	pid_t pid = child();

	if (!pid) {
		struct ipcbook_ring ring = consume();

		is(*(volatile uint32_t *)&ring.producer->tail, 0);
		is(*(volatile char *)ring.data, 0);
		*(volatile char *)ring.data = 1;
		_exit(0);
	}
	is(reap(pid), 128 + SIGSEGV);
}

RING_TEST(the_kernel_writes_for_nobody_what_is_not_his)
{
	int memory = keep(sys(open("/proc/self/mem", O_RDWR)));
	struct ipcbook_ring ring = consume();
	struct iovec local = { "y", 1 }, remote = { ring.data, 1 };
	int zero = keep(sys(open("/dev/urandom", O_RDONLY)));

	is(*(volatile char *)ring.data, 0);
	is(sys(read(zero, ring.data, 8)), -EFAULT);
	is(sys(pwrite(memory, "x", 1, (off_t)(uintptr_t)ring.data)), -EIO);
	is(sys(process_vm_writev(getpid(), &local, 1, &remote, 1, 0)), -EFAULT);
	is(sys(pwrite(memory, "x", 1, (off_t)(uintptr_t)ring.producer)), -EIO);
	is(*(volatile char *)ring.data, 0);
	is(sys(pwrite(memory, "x", 1, (off_t)(uintptr_t)ring.consumer)), 1);
	is(*(volatile char *)ring.consumer, 'x');
	ipcbook_ring_detach(&ring);
}

RING_TEST(a_descriptor_cannot_be_opened_again)
{
	struct ipcbook_ring ring = consume();
	char path[80];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", ring.fd);
	is(sys(open(path, O_RDWR)), -ENXIO);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (long)ring.consumer,
		 (long)ring.consumer + 2 * page() + 2 * RING_SIZE);
	is(sys(open(path, O_RDWR)), -ENXIO);
	ipcbook_ring_detach(&ring);
}

/* A consumer that was passed a descriptor has that one's role. */
RING_TEST(a_descriptor_that_is_passed_on_keeps_its_role)
{
	struct ipcbook_ring ring;
	int ends[2], fd;
	pid_t pid;

	is(sys(socketpair(AF_UNIX, SOCK_STREAM, 0, ends)), 0);
	keep(ends[0]);
	keep(ends[1]);
	pid = child();
	if (!pid) {
		become(1000);
		fd = passed_fd(ends[1]);
		is(ipcbook_ring_attach(&ring, fd, IPCBOOK_RING_PRODUCER),
		   -EINVAL);
		is(ipcbook_ring_attach(&ring, fd, 0), 0);
		is(take(&ring, 4), 40);
		_exit(0);
	}
	ring = produce();
	is(give(&ring, 40, 4), 0);
	pass_fd(ends[0], keep(consumer_fd()));
	is(reap(pid), 0);
	ipcbook_ring_detach(&ring);
}

/* --- Who has gone --------------------------------------------------------- */

RING_TEST(a_killed_side_makes_room_at_once_though_others_keep_the_descriptor)
{
	int go = gate(), c = keep(consumer_fd());
	struct ipcbook_ring ring;
	pid_t pid, holder;

	for (int fd = r;; fd = c) {
		pid = child();
		if (!pid) {
			is(ipcbook_ring_attach(&ring, fd, 0), 0);
			/* It has the descriptor and nothing else. */
			holder = child();
			if (!holder)
				gate_open(go);
			pause();
		}
		gate_pass(go);
		is(ipcbook_ring_attach(&ring, fd, 0), -EBUSY);
		kill(pid, SIGKILL);
		is(reap(pid), 128 + SIGKILL);
		is(ipcbook_ring_attach(&ring, fd, 0), 0);
		ipcbook_ring_detach(&ring);
		if (fd == c)
			break;
	}
}

RING_TEST(exec_ends_a_side)
{
	struct ipcbook_ring ring;
	int ends[2];
	pid_t pid;
	char room;

	is(sys(pipe2(ends, O_CLOEXEC)), 0);
	keep(ends[0]);
	pid = child();
	if (!pid) {
		is(ipcbook_ring_attach(&ring, r, 0), 0);
		fcntl(r, F_SETFD, 0);
		execlp("sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	close(ends[1]);
	/* The end of the pipe goes by exec, and so has the mapping. */
	is(sys(read(ends[0], &room, 1)), 0);
	is(ipcbook_ring_attach(&ring, r, 0), 0);
	ipcbook_ring_detach(&ring);
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
}

/* --- The default ring ----------------------------------------------------- */

RING_TEST(the_device_maps_the_default_ring)
{
	int device = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	struct ipcbook_ring producer, consumer, other;
	struct ipcbook_ring_map map = { .size = sizeof(map) };
	pid_t pid;

	is(ask(device, IPCBOOK_IOC_RING_MAP, &map), -EINVAL);
	map = where(device, IPCBOOK_RING_PRODUCER);
	is(map.bytes, 65536);
	is(ipcbook_ring_attach(&producer, device, 0), -EINVAL);
	is(ipcbook_ring_attach(&producer, device, IPCBOOK_RING_PRODUCER), 0);
	is(ipcbook_ring_attach(&other, device, IPCBOOK_RING_PRODUCER), -EBUSY);
	pid = child();
	if (!pid) {
		become(1000);
		device = sys(open(IPCBOOK_DEVICE, O_RDWR));
		is(ipcbook_ring_attach(&consumer, device,
				       IPCBOOK_RING_CONSUMER), 0);
		is(ipcbook_ring_wait(&consumer, 0, 0,
				     ipcbook_deadline(30 * SEC)), 0);
		is(take(&consumer, 5), 500);
		_exit(0);
	}
	await(ring_stat(keep(ipcbook_ring_open("default", O_RDWR, 0, NULL)))
	      .receivers_waiting == 1);
	is(give(&producer, 500, 5), 0);
	is(reap(pid), 0);
	ipcbook_ring_detach(&producer);
	is(ipcbook_ring_unlink("default"), 0);
}

RING_TEST(the_default_ring_is_root_s_and_everybody_s)
{
	struct ipcbook_stat stat;
	pid_t pid = child();
	int fd, ro;

	if (!pid) {
		become(1000);
		holds(try_open("default", READ | WRITE, 0, 0, 0) >= 0);
		_exit(0);
	}
	is(reap(pid), 0);
	fd = keep(ipcbook_ring_open("default", O_RDWR, 0, NULL));
	stat = ring_stat(fd);
	is(stat.uid, 0);
	is(stat.mode, 0666);
	is(stat.max_bytes, 65536);
	/* Its mode holds for the device as well. */
	is(ipcbook_chmod(fd, 0644), 0);
	pid = child();
	if (!pid) {
		struct ipcbook_ring ring;

		become(1000);
		ro = sys(open(IPCBOOK_DEVICE, O_RDWR));
		is(ipcbook_ring_attach(&ring, ro, IPCBOOK_RING_PRODUCER),
		   -EACCES);
		is(ipcbook_ring_attach(&ring, ro, IPCBOOK_RING_CONSUMER), 0);
		ro = sys(open(IPCBOOK_DEVICE, O_RDONLY));
		is(ipcbook_ring_attach(&ring, ro, IPCBOOK_RING_PRODUCER),
		   -EBADF);
		is(ipcbook_ring_attach(&ring, ro, IPCBOOK_RING_CONSUMER),
		   -EACCES);
		_exit(0);
	}
	is(reap(pid), 0);
	is(ipcbook_ring_unlink("default"), 0);
}

/* --- Seeing it ------------------------------------------------------------ */

RING_TEST(stat_tells_what_went_through)
{
	struct ipcbook_ring producer = produce(), consumer = consume();
	struct ipcbook_stat stat;

	for (uint32_t i = 0; i < 5; i++)
		is(give(&producer, 100, i), 0);
	for (uint32_t i = 0; i < 3; i++)
		is(take(&consumer, i), 100);
	stat = ring_stat(r);
	is(stat.chapter, IPCBOOK_RING);
	is(strcmp(stat.name, rname), 0);
	is(stat.max_bytes, RING_SIZE);
	is(stat.max_size, RING_SIZE / 2 - 8);
	is(stat.sent, 5);
	is(stat.sent_bytes, 500);
	is(stat.received, 3);
	is(stat.received_bytes, 300);
	is(stat.depth, 2);
	is(stat.bytes, 2 * 112);
	is(stat.sender, getpid());
	is(stat.receiver, getpid());
	is(stat.discarded, 0);
	is(stat.lost, 0);
	is(stat.stalled, 0);
	is(stat.flags, 0);
	holds(stat.memory > RING_SIZE + 2 * page() &&
	      stat.memory < RING_SIZE + 3 * page());
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
	stat = ring_stat(r);
	is(stat.sender, 0);
	is(stat.receiver, 0);
	is(stat.sent, 5);
}

RING_TEST(fdinfo_tells_role_and_sides)
{
	struct ipcbook_ring consumer = consume();
	char path[64];
	const char *text;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", consumer.fd);
	text = slurp(path);
	holds(strstr(text, "chapter:\tring\n"));
	holds(strstr(text, "role:\tconsumer\nbytes:\t8192\nflags:\t0\n"));
	holds(strstr(text, "consumers:\t1\nproducers:\t0\n"));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", r);
	holds(strstr(slurp(path), "role:\tproducer\n"));
	ipcbook_ring_detach(&consumer);
}

/* --- poll ----------------------------------------------------------------- */

static int events(int fd, short wanted)
{
	struct pollfd poll_fd = { .fd = fd, .events = wanted };

	poll(&poll_fd, 1, 0);
	return poll_fd.revents;
}

RING_TEST(poll_tells_when_there_is_a_record_or_room)
{
	struct ipcbook_ring producer = produce(), consumer = consume();

	is(events(consumer.fd, POLLIN), 0);
	is(events(r, POLLOUT), POLLOUT);
	is(give(&producer, 100, 0), 0);
	is(events(consumer.fd, POLLIN), POLLIN);
	while (!give(&producer, 1000, 1))
		;
	is(events(r, POLLOUT), 0);
	is(take(&consumer, 0), 100);
	is(events(r, POLLOUT), 0);
	while (take(&consumer, 1) >= 0)
		;
	is(events(r, POLLOUT), POLLOUT);
	is(events(consumer.fd, POLLIN), 0);
	ipcbook_ring_detach(&producer);
	is(events(consumer.fd, POLLIN), POLLHUP);
	producer = produce();
	is(events(consumer.fd, POLLIN), 0);
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
}

/* Room for the longest, and for the word behind it: not a word less. */
RING_TEST(poll_tells_of_room_for_the_longest_record)
{
	struct ipcbook_ring producer = produce(), consumer = consume();
	const uint32_t most = ipcbook_ring_max(&producer);

	is(give(&producer, most, 1), 0);
	is(events(r, POLLOUT), 0);
	is(give(&producer, most, 2), -EAGAIN);
	is(take(&consumer, 1), most);
	is(give(&producer, most - 8, 3), 0);
	is(events(r, POLLOUT), POLLOUT);
	is(give(&producer, most, 4), 0);
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
}

RING_TEST(poll_wakes_for_a_record)
{
	struct pollfd fd = { .events = POLLIN };
	struct ipcbook_ring ring;
	pid_t pid = child();

	if (!pid) {
		ring = consume();
		fd.fd = ring.fd;
		for (uint32_t i = 0; i < 200; i++) {
			while (take(&ring, i) != 24)
				is(poll(&fd, 1, 30000), 1);
		}
		_exit(0);
	}
	await_asleep(pid, SYS_poll);
	ring = produce();
	for (uint32_t i = 0; i < 200; i++) {
		is(give(&ring, 24, i), 0);
		if (i % 50 == 0)
			await_asleep(pid, SYS_poll);
	}
	is(reap(pid), 0);
	ipcbook_ring_detach(&ring);
}

RING_TEST(poll_wakes_for_room)
{
	struct pollfd fd = { .fd = r, .events = POLLOUT };
	struct ipcbook_ring ring;
	pid_t pid = child();
	int error;

	if (!pid) {
		ring = produce();
		for (uint32_t i = 0; i < 300; i++)
			while ((error = give(&ring, 500, i))) {
				is(error, -EAGAIN);
				is(poll(&fd, 1, 30000), 1);
			}
		_exit(0);
	}
	await_asleep(pid, SYS_poll);
	ring = consume();
	for (uint32_t i = 0; i < 300; i++)
		while ((error = take(&ring, i)) != 500) {
			is(error, -EAGAIN);
			is(ipcbook_ring_wait(&ring, 0, 0,
					     ipcbook_deadline(30 * SEC)), 0);
		}
	is(reap(pid), 0);
	ipcbook_ring_detach(&ring);
}

RING_TEST(edge_triggered_epoll_needs_to_be_armed)
{
	struct ipcbook_ring producer = produce(), consumer = consume();
	int epoll = keep(sys(epoll_create1(0)));
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	is(sys(epoll_ctl(epoll, EPOLL_CTL_ADD, consumer.fd, &event)), 0);
	for (uint32_t i = 0; i < 100; i++) {
		is(ipcbook_ring_arm(&consumer), 0);
		is(epoll_wait(epoll, &event, 1, 0), 0);
		is(give(&producer, 10, i), 0);
		is(epoll_wait(epoll, &event, 1, 0), 1);
		is(epoll_wait(epoll, &event, 1, 0), 0);
		is(ipcbook_ring_arm(&consumer), 1);
		is(take(&consumer, i), 10);
	}
	ipcbook_ring_detach(&producer);
	ipcbook_ring_detach(&consumer);
}

RING_TEST(another_network_namespace_does_not_see_it)
{
	pid_t pid = child();

	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		is(ipcbook_ring_open(rname, O_RDONLY, 0, NULL), -ENOENT);
		_exit(0);
	}
	is(reap(pid), 0);
}

RING_TEST(a_ring_is_no_file_and_no_other_object)
{
	struct ipcbook_queue_select choice = { .size = sizeof(choice) };
	struct ipcbook_ring ring;
	char room[8];

	is(sys(read(r, room, 8)), -EINVAL);
	is(sys(write(r, room, 8)), -EINVAL);
	is(sys(lseek(r, 0, SEEK_END)), -ESPIPE);
	is(ask(r, IPCBOOK_IOC_QUEUE_SELECT, &choice), -ENOTTY);
	is(ipcbook_ring_attach(&ring, keep(sys(open("/dev/null", O_RDWR))), 0),
	   -ENOTTY);
	is(ipcbook_ring_attach(&ring, -1, 0), -EBADF);
}
