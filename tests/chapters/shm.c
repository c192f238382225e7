// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared memory: creating, mapping, who may write, what stays when something
 * else goes.
 */
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "harness.h"

#define READ	IPCBOOK_OPEN_READ
#define WRITE	IPCBOOK_OPEN_WRITE
#define CREATE	IPCBOOK_OPEN_CREATE
#define EXCL	IPCBOOK_OPEN_EXCL
#define ANON	IPCBOOK_OPEN_ANON

#define RW	(PROT_READ | PROT_WRITE)

static size_t page;
static char sname[IPCBOOK_NAME_LEN];

static int start(void **state)
{
	static unsigned int serial;

	fixture_bare(state);
	page = sysconf(_SC_PAGESIZE);
	snprintf(sname, sizeof(sname), "shm-%d-%u", getpid(), ++serial);
	return 0;
}

static int end(void **state)
{
	ipcbook_shm_unlink(sname);
	return fixture_end(state);
}

#define SHM_TEST(name)	TEST_BETWEEN(name, start, end)

static long try_open(const char *name, unsigned int flags, uint64_t size)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_SHM,
		.flags = flags | IPCBOOK_OPEN_CLOEXEC,
		.mode = 0600,
		.shm.size = size,
	};

	snprintf(arg.name, sizeof(arg.name), "%s", name);
	return ask_device(IPCBOOK_IOC_OPEN, &arg);
}

/* A new segment without a name of so many pages; it ends with the test. */
static int segment(unsigned int pages)
{
	return keep(try_open("", READ | WRITE | ANON, pages * page));
}

/* The same, named sname. */
static int named(unsigned int pages)
{
	return keep(try_open(sname, READ | WRITE | CREATE | EXCL,
			     pages * page));
}

/* mmap: 0, or the error. What is mapped is unmapped again. */
static long try_map(int fd, size_t n, int prot, int flags, off_t offset)
{
	void *mem = mmap(NULL, n, prot, flags, fd, offset);

	if (mem == MAP_FAILED)
		return -errno;
	return sys(munmap(mem, n));
}

/* Pages of a segment, mapped shared. */
static volatile char *map(int fd, unsigned int first, unsigned int count,
			  int prot)
{
	void *mem = mmap(NULL, count * page, prot, MAP_SHARED, fd,
			first * page);

	holds(mem != MAP_FAILED);
	return mem;
}

static struct ipcbook_stat stat_of(int fd)
{
	struct ipcbook_stat stat;

	is(ipcbook_stat(fd, &stat), 0);
	return stat;
}

/* The number behind a word of a descriptor's fdinfo. */
static long fdinfo(int fd, const char *word)
{
	char path[64], want[32];
	const char *text;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(want, sizeof(want), "\n%s:\t", word);
	text = slurp(path);
	holds(text);
	text = strstr(text, want);
	holds(text);
	return strtol(text + strlen(want), NULL, 10);
}

/* --- Creating ------------------------------------------------------------- */

SHM_TEST(a_segment_is_zeroed_to_its_last_byte)
{
	volatile char *mem = map(segment(3), 0, 3, RW);

	for (size_t i = 0; i < 3 * page; i++)
		is(mem[i], 0);
	mem[0] = 1;
	mem[3 * page - 1] = 2;
	is(mem[0], 1);
	is(mem[3 * page - 1], 2);
}

SHM_TEST(a_size_that_is_not_whole_pages_is_refused)
{
	const uint64_t sizes[] = {
		0, 1, page - 1, page + 1, 2 * page - 8, UINT64_MAX,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		is(try_open("", READ | ANON, sizes[i]), -EINVAL);
		is(try_open(sname, READ | CREATE, sizes[i]), -EINVAL);
	}
	is(try_open(sname, READ, 0), -ENOENT);
}

SHM_TEST(a_size_over_the_parameter_takes_a_capability)
{
	int fd;
	pid_t pid;

	set_parameter("shm_max_bytes", 4 * page);
	fd = segment(5);
	is(stat_of(fd).max_bytes, 5 * page);
	pid = child();
	if (!pid) {
		become(1000);
		is(try_open("", READ | ANON, 5 * page), -E2BIG);
		is(try_open("", READ | ANON, 5 * page - 1), -EINVAL);
		holds(try_open("", READ | ANON, 4 * page) >= 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

SHM_TEST(a_size_beyond_everything_is_refused_even_to_root)
{
	is(try_open("", READ | ANON, -page), -E2BIG);
	is(try_open("", READ | ANON, 1ULL << 63), -E2BIG);
	is(try_open("", READ | ANON, (1ULL << 27) * page + page), -E2BIG);
	is(try_open("", READ | ANON, (1ULL << 27) * page), -ENOMEM);
}

SHM_TEST(what_follows_the_size_must_be_zero)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_SHM,
		.flags = READ | ANON,
		.shm.size = page,
	};

	keep(ask_device(IPCBOOK_IOC_OPEN, &arg));
	for (unsigned int i = 1; i < ARRAY_SIZE(arg.reserved); i++) {
		memset(arg.reserved, 0, sizeof(arg.reserved));
		arg.shm.size = page;
		arg.reserved[i] = 1;
		is(ask_device(IPCBOOK_IOC_OPEN, &arg), -EINVAL);
	}
}

SHM_TEST(of_one_that_is_there_the_size_is_not_looked_at)
{
	int fd = named(2), again;

	again = keep(try_open(sname, READ | CREATE, 7 * page));
	is(stat_of(again).max_bytes, 2 * page);
	is(stat_of(again).id, stat_of(fd).id);
	again = keep(try_open(sname, READ, 5));
	is(stat_of(again).max_bytes, 2 * page);
	is(try_open(sname, READ | CREATE | EXCL, page), -EEXIST);
}

SHM_TEST(default_is_a_name_like_any_other)
{
	struct ipcbook_stat stat;
	int fd;

	is(try_open("default", READ, 0), -ENOENT);
	is(try_open("default", READ, page), -ENOENT);
	fd = keep(try_open("default", READ | CREATE, page));
	stat = stat_of(fd);
	is(ipcbook_shm_unlink("default"), 0);
	is(stat.mode, 0600);
	is(stat.max_bytes, page);
}

SHM_TEST(a_user_has_so_many_bytes_of_segments_and_no_more)
{
	pid_t pid;
	long fd;

	set_parameter("user_bytes", 6 * page);
	pid = child();
	if (!pid) {
		become(1002);
		holds(try_open("", READ | ANON, 4 * page) >= 0);
		is(try_open("", READ | ANON, 3 * page), -EDQUOT);
		fd = try_open("", READ | ANON, 2 * page);
		holds(fd >= 0);
		is(try_open("", READ | ANON, page), -EDQUOT);
		close(fd);
		holds(try_open("", READ | ANON, page) >= 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

SHM_TEST(a_segment_past_the_limits_is_refused_before_it_takes_memory)
{
	pid_t pid;

	/* More than any machine of the tests has: taking it would be ENOMEM. */
	set_parameter("shm_max_bytes", 1ULL << 38);
	set_parameter("user_bytes", 1 << 20);
	is(try_open("", READ | ANON, 1ULL << 38), -ENOMEM);
	pid = child();
	if (!pid) {
		become(1002);
		is(try_open("", READ | ANON, 1ULL << 38), -EDQUOT);
		holds(try_open("", READ | ANON, 1 << 20) >= 0);
		_exit(0);
	}
	is(reap(pid), 0);
}

/* --- Mapping -------------------------------------------------------------- */

SHM_TEST(two_mappings_are_the_same_memory_at_different_addresses)
{
	int fd = segment(2);
	volatile char *one = map(fd, 0, 2, RW), *other = map(fd, 0, 2, RW);

	holds(one != other);
	for (size_t i = 0; i < 2 * page; i += 7) {
		one[i] = i;
		is(other[i], (char)i);
		other[i] = ~i;
		is(one[i], (char)~i);
	}
}

SHM_TEST(another_process_finds_it_by_name_and_sees_what_was_written)
{
	int fd = named(1), there;
	volatile char *mem = map(fd, 0, 1, RW);
	pid_t pid;

	mem[5] = 'a';
	pid = child();
	if (!pid) {
		there = try_open(sname, READ | WRITE, 0);
		mem = map(there, 0, 1, RW);
		is(mem[5], 'a');
		mem[6] = 'b';
		_exit(0);
	}
	is(reap(pid), 0);
	is(mem[6], 'b');
}

SHM_TEST(another_process_is_passed_the_descriptor)
{
	volatile char *mem;
	int fd, ends[2];
	pid_t pid;

	is(sys(socketpair(AF_UNIX, SOCK_STREAM, 0, ends)), 0);
	keep(ends[0]);
	keep(ends[1]);
	pid = child();
	if (!pid) {
		mem = map(passed_fd(ends[1]), 0, 1, RW);
		is(mem[9], 'x');
		mem[10] = 'y';
		_exit(0);
	}
	fd = segment(1);
	mem = map(fd, 0, 1, RW);
	mem[9] = 'x';
	pass_fd(ends[0], fd);
	is(reap(pid), 0);
	is(mem[10], 'y');
}

SHM_TEST(a_part_is_mapped_by_its_offset)
{
	int fd = segment(4);
	volatile char *all = map(fd, 0, 4, RW), *part = map(fd, 2, 1, RW);

	all[2 * page] = 'p';
	is(part[0], 'p');
	part[page - 1] = 'q';
	is(all[3 * page - 1], 'q');
	is(all[page], 0);
	is(all[3 * page], 0);
	/* A length that is not whole pages is what its pages are. */
	is(try_map(fd, 1, RW, MAP_SHARED, 3 * page), 0);
	is(try_map(fd, page + 1, RW, MAP_SHARED, 2 * page), 0);
}

SHM_TEST(what_is_not_in_the_segment_is_not_mapped)
{
	int fd = segment(4);

	is(try_map(fd, 4 * page, RW, MAP_SHARED, 0), 0);
	is(try_map(fd, 4 * page + 1, RW, MAP_SHARED, 0), -EINVAL);
	is(try_map(fd, 5 * page, RW, MAP_SHARED, 0), -EINVAL);
	is(try_map(fd, page, RW, MAP_SHARED, 4 * page), -EINVAL);
	is(try_map(fd, 2 * page, RW, MAP_SHARED, 3 * page), -EINVAL);
	is(try_map(fd, page, RW, MAP_SHARED, 1LL << 46), -EINVAL);
	is(try_map(fd, 4 * page, RW, MAP_SHARED, INT64_MAX & -page), -EINVAL);
	is(try_map(fd, 0, RW, MAP_SHARED, 0), -EINVAL);
	is(try_map(fd, page, RW, MAP_SHARED, 1), -EINVAL);
}

SHM_TEST(a_private_mapping_is_refused)
{
	int fd = named(1);
	int readable = keep(try_open(sname, READ, 0));

	is(try_map(fd, page, RW, MAP_PRIVATE, 0), -EINVAL);
	is(try_map(fd, page, PROT_READ, MAP_PRIVATE, 0), -EINVAL);
	is(try_map(readable, page, RW, MAP_PRIVATE, 0), -EINVAL);
	is(try_map(readable, page, PROT_READ, MAP_PRIVATE, 0), -EINVAL);
	is(try_map(readable, page, PROT_READ, MAP_SHARED, 0), 0);
	is(try_map(readable, page, PROT_READ, MAP_SHARED_VALIDATE, 0), 0);
}

SHM_TEST(a_mapping_does_not_grow)
{
	volatile char *mem = map(segment(4), 0, 2, RW);
	void *moved;

	is(sys((long)mremap((void *)mem, 2 * page, 4 * page, MREMAP_MAYMOVE)),
	   -EFAULT);
	is(sys((long)mremap((void *)mem, 0, 2 * page, MREMAP_MAYMOVE)), -EFAULT);
	mem[page] = 'm';
	moved = mmap(NULL, 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	holds(moved != MAP_FAILED);
	holds(mremap((void *)mem, 2 * page, 2 * page,
		     MREMAP_MAYMOVE | MREMAP_FIXED, moved) == moved);
	mem = moved;
	is(mem[page], 'm');
	holds(mremap(moved, 2 * page, page, 0) == moved);
	is(mem[0], 0);
}

SHM_TEST(what_madvise_throws_out_comes_back)
{
	int fd = segment(3);
	volatile char *mem = map(fd, 0, 3, RW), *other = map(fd, 0, 3, RW);

	mem[page] = 'd';
	is(sys(madvise((void *)mem, 3 * page, MADV_DONTNEED)), 0);
	is(mem[page], 'd');
	is(sys(madvise((void *)mem, 3 * page, MADV_DONTNEED)), 0);
	mem[2 * page] = 'e';
	is(other[2 * page], 'e');
	is(other[page], 'd');
}

SHM_TEST(a_hole_in_a_mapping_leaves_the_rest)
{
	int fd = segment(5);
	volatile char *mem = map(fd, 0, 5, RW);
	pid_t pid;

	is(fdinfo(fd, "mappings"), 1);
	mem[0] = 'a';
	mem[4 * page] = 'b';
	is(sys(munmap((void *)(mem + 2 * page), page)), 0);
	is(fdinfo(fd, "mappings"), 2);
	is(mem[0], 'a');
	is(mem[4 * page], 'b');
	pid = child();
	if (!pid)
		_exit(mem[2 * page]);
	is(reap(pid), 128 + SIGSEGV);
	is(sys(munmap((void *)mem, 5 * page)), 0);
	is(fdinfo(fd, "mappings"), 0);
}

SHM_TEST(protection_can_be_taken_and_given_back)
{
	volatile char *mem = map(segment(1), 0, 1, PROT_NONE);
	pid_t pid;

	pid = child();
	if (!pid)
		_exit(mem[0]);
	is(reap(pid), 128 + SIGSEGV);
	is(sys(mprotect((void *)mem, page, RW)), 0);
	mem[0] = 'p';
	is(sys(mprotect((void *)mem, page, PROT_READ)), 0);
	is(mem[0], 'p');
	pid = child();
	if (!pid) {
		mem[0] = 'q';
		_exit(0);
	}
	is(reap(pid), 128 + SIGSEGV);
	is(mem[0], 'p');
}

SHM_TEST(system_calls_read_and_write_in_it)
{
	volatile char *mem = map(segment(2), 0, 2, RW);
	struct iovec local, remote;
	char room[8] = "process";
	int ends[2];

	is(sys(pipe(ends)), 0);
	keep(ends[0]);
	keep(ends[1]);
	is(sys(write(ends[1], "through", 8)), 8);
	is(sys(read(ends[0], (char *)mem + page - 4, 8)), 8);
	holds(!memcmp((char *)mem + page - 4, "through", 8));
	/* By its pages, not by its addresses. */
	local = (struct iovec){ room, 8 };
	remote = (struct iovec){ (char *)mem, 8 };
	is(sys(process_vm_writev(getpid(), &local, 1, &remote, 1, 0)), 8);
	holds(!memcmp((char *)mem, "process", 8));
}

/* --- Who may write -------------------------------------------------------- */

SHM_TEST(a_reader_s_mapping_is_never_writable)
{
	int fd = named(1);
	int readable = keep(try_open(sname, READ, 0));
	volatile char *mem;

	is(try_map(readable, page, RW, MAP_SHARED, 0), -EACCES);
	is(try_map(readable, page, PROT_WRITE, MAP_SHARED, 0), -EACCES);
	mem = map(readable, 0, 1, PROT_READ);
	is(sys(mprotect((void *)mem, page, RW)), -EACCES);
	is(sys(mprotect((void *)mem, page, PROT_WRITE)), -EACCES);
	map(fd, 0, 1, RW)[0] = 'w';
	is(mem[0], 'w');
}

SHM_TEST(a_write_by_a_reader_kills_it_and_changes_nothing)
{
	int fd = named(1);
	int readable = keep(try_open(sname, READ, 0));
	volatile char *mem = map(readable, 0, 1, PROT_READ);
	pid_t pid = child();

	if (!pid) {
		mem[0] = 'x';
		_exit(0);
	}
	is(reap(pid), 128 + SIGSEGV);
	is(map(fd, 0, 1, RW)[0], 0);
}

SHM_TEST(the_kernel_writes_for_no_reader)
{
	int memory = keep(sys(open("/proc/self/mem", O_RDWR)));
	int fd = named(1), readable, zero;
	struct iovec local, remote;
	volatile char *mem;

	readable = keep(try_open(sname, READ, 0));
	zero = keep(sys(open("/dev/urandom", O_RDONLY)));
	mem = map(readable, 0, 1, PROT_READ);
	is(sys(read(zero, (char *)mem, 8)), -EFAULT);
	is(sys(pwrite(memory, "x", 1, (off_t)(uintptr_t)mem)), -EIO);
	local = (struct iovec){ "y", 1 };
	remote = (struct iovec){ (char *)mem, 1 };
	is(sys(process_vm_writev(getpid(), &local, 1, &remote, 1, 0)), -EFAULT);
	is(map(fd, 0, 1, RW)[0], 0);
}

SHM_TEST(a_descriptor_cannot_be_opened_again_to_write)
{
	int fd = named(1), readable = keep(try_open(sname, READ, 0));
	volatile char *mem = map(readable, 0, 1, PROT_READ);
	char path[80];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", readable);
	is(sys(open(path, O_RDWR)), -ENXIO);
	is(sys(open(path, O_RDONLY)), -ENXIO);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	is(sys(open(path, O_RDWR)), -ENXIO);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (long)mem, (long)mem + page);
	is(sys(open(path, O_RDWR)), -ENXIO);
	is(sys(open(path, O_RDONLY)), -ENXIO);
}

SHM_TEST(a_descriptor_that_is_only_for_writing_maps_nothing)
{
	int fd = named(1), writable = keep(try_open(sname, WRITE, 0));

	is(try_map(writable, page, PROT_WRITE, MAP_SHARED, 0), -EACCES);
	is(try_map(writable, page, RW, MAP_SHARED, 0), -EACCES);
	is(try_map(writable, page, PROT_NONE, MAP_SHARED, 0), -EACCES);
	is(stat_of(writable).id, stat_of(fd).id);
}

SHM_TEST(the_mode_decides_who_opens_it_how)
{
	static const struct {
		unsigned int mode;
		long read, both;
	} cases[] = {
		{ 0600, -EACCES, -EACCES }, { 0604, 0, -EACCES },
		{ 0602, -EACCES, -EACCES }, { 0606, 0, 0 },
	};
	int fd = named(1);
	pid_t pid;
	long got;

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		is(ipcbook_chmod(fd, cases[i].mode), 0);
		pid = child();
		if (!pid) {
			become(1000);
			got = try_open(sname, READ, 0);
			is(got < 0 ? got : 0, cases[i].read);
			got = try_open(sname, READ | WRITE, 0);
			is(got < 0 ? got : 0, cases[i].both);
			is(ipcbook_shm_unlink(sname), -EPERM);
			_exit(0);
		}
		is(reap(pid), 0);
	}
}

/* --- What stays ----------------------------------------------------------- */

SHM_TEST(unlinking_takes_the_name_only)
{
	int fd = named(1), other;
	volatile char *mem = map(fd, 0, 1, RW), *again;

	mem[0] = 'u';
	is(ipcbook_shm_unlink(sname), 0);
	is(ipcbook_shm_unlink(sname), -ENOENT);
	is(try_open(sname, READ, 0), -ENOENT);
	is(mem[0], 'u');
	again = map(fd, 0, 1, RW);
	is(again[0], 'u');
	is(stat_of(fd).name[0], 0);
	other = named(1);
	is(map(other, 0, 1, RW)[0], 0);
	holds(stat_of(other).id != stat_of(fd).id);
	mem[1] = 'v';
	is(again[1], 'v');
	is(map(other, 0, 1, RW)[1], 0);
}

static int count(const struct ipcbook_stat *stat, void *arg)
{
	const struct ipcbook_stat *wanted = arg;

	return stat->id == wanted->id;
}

static bool exists(struct ipcbook_stat stat)
{
	return ipcbook_list(IPCBOOK_SHM, NULL, count, &stat) == 1;
}

SHM_TEST(a_mapping_keeps_what_has_no_name_and_no_descriptor)
{
	int fd = segment(1);
	struct ipcbook_stat stat = stat_of(fd);
	volatile char *mem = map(fd, 0, 1, RW);

	mem[0] = 'k';
	drop(fd);
	is(mem[0], 'k');
	holds(exists(stat));
	is(sys(munmap((void *)mem, page)), 0);
	holds(!exists(stat));
}

SHM_TEST(a_name_keeps_the_content_without_any_process)
{
	pid_t pid = child();

	if (!pid) {
		map(named(1), 0, 1, RW)[7] = 'n';
		_exit(0);
	}
	is(reap(pid), 0);
	is(map(keep(try_open(sname, READ, 0)), 0, 1, PROT_READ)[7], 'n');
}

SHM_TEST(a_killed_process_leaves_nothing_behind)
{
	struct ipcbook_stat *stat = mmap(NULL, page, RW,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int go = gate();
	pid_t pid;

	holds(stat != MAP_FAILED);
	pid = child();
	if (!pid) {
		int fd = segment(64);

		map(fd, 0, 64, RW)[0] = 'x';
		*stat = stat_of(fd);
		gate_open(go);
		pause();
	}
	gate_pass(go);
	holds(exists(*stat));
	kill(pid, SIGKILL);
	is(reap(pid), 128 + SIGKILL);
	await(!exists(*stat));
}

SHM_TEST(fork_hands_a_mapping_on)
{
	int fd = segment(2);
	volatile char *mem = map(fd, 0, 2, RW);
	int go = gate();
	pid_t pid;

	mem[0] = 'f';
	pid = child();
	if (!pid) {
		is(mem[0], 'f');
		mem[page] = 'c';
		gate_pass(go);
		_exit(mem[1]);
	}
	await(mem[page] == 'c');
	is(fdinfo(fd, "mappings"), 2);
	mem[1] = 'p';
	gate_open(go);
	is(reap(pid), 'p');
	is(fdinfo(fd, "mappings"), 1);
}

SHM_TEST(another_network_namespace_does_not_see_it)
{
	int fd = named(1);
	volatile char *mem = map(fd, 0, 1, RW);
	pid_t pid = child();

	if (!pid) {
		is(sys(unshare(CLONE_NEWNET)), 0);
		is(try_open(sname, READ, 0), -ENOENT);
		holds(try_open(sname, READ | WRITE | CREATE, page) >= 0);
		/* What it has already, it keeps. */
		mem[0] = 'n';
		_exit(0);
	}
	is(reap(pid), 0);
	is(mem[0], 'n');
}

/* --- What it is not ------------------------------------------------------- */

static long futex(volatile void *word, int op, int value)
{
	struct timespec soon = { .tv_nsec = 1000000 };

	return sys(syscall(SYS_futex, word, op, value, &soon, NULL, 0));
}

SHM_TEST(a_futex_works_within_one_process_only)
{
	volatile int *word = (volatile int *)map(segment(1), 0, 1, RW);

	is(futex(word, FUTEX_WAIT_PRIVATE, 1), -EAGAIN);
	is(futex(word, FUTEX_WAIT_PRIVATE, 0), -ETIMEDOUT);
	is(futex(word, FUTEX_WAIT, 0), -EFAULT);
	is(futex(word, FUTEX_WAKE, 1), -EFAULT);
}

SHM_TEST(a_segment_is_no_file_and_no_queue)
{
	struct ipcbook_queue_select choice = { .size = sizeof(choice) };
	int fd = segment(3);
	char room[8];

	is(sys(read(fd, room, 8)), -EINVAL);
	is(sys(write(fd, room, 8)), -EINVAL);
	is(sys(pread(fd, room, 8, 0)), -EINVAL);
	is(sys(ftruncate(fd, page)), -EINVAL);
	is(ask(fd, IPCBOOK_IOC_QUEUE_SELECT, &choice), -ENOTTY);
	is(ask(fd, _IO(IPCBOOK_IOC_MAGIC, 0x50), NULL), -ENOTTY);
	is(ask(fd, _IO('x', 3), NULL), -ENOTTY);
	is(sys(lseek(fd, 0, SEEK_END)), 3 * page);
	is(sys(lseek(fd, 3 * page + 1, SEEK_SET)), -EINVAL);
}

/* --- Seeing it ------------------------------------------------------------ */

SHM_TEST(stat_and_fdinfo_tell_what_it_is)
{
	int fd = named(5), other = keep(try_open(sname, READ, 0));
	struct ipcbook_stat stat = stat_of(other);

	is(stat.chapter, IPCBOOK_SHM);
	is(strcmp(stat.name, sname), 0);
	is(stat.bytes, 5 * page);
	is(stat.max_bytes, 5 * page);
	holds(stat.memory > 5 * page && stat.memory < 6 * page);
	is(stat.descriptors, 2);
	is(stat.creator, getpid());
	is(stat.depth, 0);
	is(fdinfo(fd, "bytes"), 5 * page);
	is(fdinfo(fd, "mappings"), 0);
	map(fd, 1, 1, RW);
	map(other, 0, 2, PROT_READ);
	is(fdinfo(fd, "mappings"), 2);
	is(fdinfo(fd, "id"), stat.id);
}

/* The physical frame behind an address, as /proc/self/pagemap has it. */
static uint64_t frame(volatile void *mem)
{
	int pagemap = sys(open("/proc/self/pagemap", O_RDONLY));
	uint64_t entry = 0;

	is(sys(pread(pagemap, &entry, 8, (uintptr_t)mem / page * 8)), 8);
	close(pagemap);
	holds(entry >> 63);
	return entry & ((1ULL << 55) - 1);
}

SHM_TEST(two_processes_see_one_frame_at_different_addresses)
{
	struct { uint64_t frame, address; } *said;
	volatile char *mem;
	pid_t pid;

	said = mmap(NULL, page, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	holds(said != MAP_FAILED);
	mem = map(named(1), 0, 1, RW);
	pid = child();
	if (!pid) {
		/* This process has another mapping where the parent has it. */
		volatile char *here = map(try_open(sname, READ, 0), 0, 1,
					  PROT_READ);

		said->frame = frame(here);
		said->address = (uintptr_t)here;
		_exit(0);
	}
	is(reap(pid), 0);
	is(said->frame, frame(mem));
	holds(said->frame != 0);
	holds(said->address != (uintptr_t)mem);
}

/* --- The library ---------------------------------------------------------- */

SHM_TEST(the_library_opens_maps_and_unlinks)
{
	int fd = keep(ipcbook_shm_open(sname, O_RDWR | O_CREAT | O_EXCL |
				       O_CLOEXEC, 0640, 2 * page));
	void *mem = NULL, *other;
	size_t size = 0;

	is(ipcbook_shm_map(fd, RW, &mem, &size), 0);
	is(size, 2 * page);
	strcpy(mem, "library");
	is(ipcbook_shm_open(sname, O_RDWR | O_CREAT | O_EXCL, 0, page), -EEXIST);
	fd = keep(ipcbook_shm_open(sname, O_RDONLY, 0, 0));
	is(ipcbook_shm_map(fd, RW, &other, &size), -EACCES);
	is(ipcbook_shm_map(fd, PROT_READ, &other, &size), 0);
	is(strcmp(other, "library"), 0);
	is(ipcbook_shm_open(sname, O_RDWR | O_APPEND, 0, 0), -EINVAL);
	is(ipcbook_shm_open(NULL, O_RDWR, 0600, 5), -EINVAL);
	is(ipcbook_shm_unlink(sname), 0);
	is(ipcbook_shm_open(sname, O_RDWR, 0, 0), -ENOENT);
}

SHM_TEST(the_library_maps_segments_only)
{
	int null = keep(sys(open("/dev/null", O_RDWR)));
	size_t size = 5;
	void *mem = &size;
	int queue;

	is(ipcbook_shm_map(null, RW, &mem, &size), -ENOTTY);
	is(ipcbook_shm_map(-1, RW, &mem, &size), -EBADF);
	queue = ipcbook_queue_open(NULL, O_RDWR, 0600, NULL);
	if (queue != -EOPNOTSUPP) {
		is(ipcbook_shm_map(keep(queue), RW, &mem, &size), -ENOTTY);
		is(size, 5);
		holds(mem == &size);
	}
}
