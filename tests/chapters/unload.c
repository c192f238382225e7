// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading: refused while somebody has a descriptor, else without
 * leaving anything behind. IPCBOOK_MODULE names the module's file, from which
 * it is loaded again. To be run after all other tests.
 */
#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <ipcbook/signal.h>

#include "faults.h"
#include "top.h"

static long unload(void)
{
	return sys(syscall(SYS_delete_module, "ipcbook", O_NONBLOCK));
}

static long load(void)
{
	const char *path = getenv("IPCBOOK_MODULE");
	int fd = sys(open(path, O_RDONLY | O_CLOEXEC));
	long answer;

	holds(fd >= 0);
	answer = sys(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
	return answer;
}

/* The device's node is made by a kernel thread, a moment later. */
static void reload(void)
{
	is(load(), 0);
	await(!access(IPCBOOK_DEVICE, F_OK));
}

#define AWAY IPCBOOK_DEVICE "-away"

/* Whatever a test left: the next one finds the module loaded. */
static int loaded_again(void **state)
{
	int answer = fixture_end(state);

	rename(AWAY, IPCBOOK_DEVICE);
	if (getenv("IPCBOOK_MODULE") && access(IPCBOOK_DEVICE, F_OK))
		reload();
	return answer;
}

#define UNLOAD_TEST(name) TEST_BETWEEN(name, fixture_bare, loaded_again)

static void need_module(void)
{
	if (!getenv("IPCBOOK_MODULE"))
		not_here("IPCBOOK_MODULE does not name the module's file");
}

/* Refused now and, once this descriptor is closed, not any more. */
static void refused_until_closed(int fd)
{
	is(unload(), -EAGAIN);
	is(access(IPCBOOK_DEVICE, F_OK), 0);
	drop(fd);
	is(unload(), 0);
	holds(access(IPCBOOK_DEVICE, F_OK));
	reload();
}

UNLOAD_TEST(unloading_is_refused_while_the_device_is_open)
{
	need_module();
	refused_until_closed(keep(sys(open(IPCBOOK_DEVICE, O_RDONLY))));
}

UNLOAD_TEST(unloading_is_refused_while_a_queue_is_open)
{
	need_module();
	refused_until_closed(queue_open(NULL, READ));
	refused_until_closed(queue_open("unload", READ | CREATE));
}

UNLOAD_TEST(unloading_is_refused_while_an_unlinked_queue_is_open)
{
	int fd = queue_open("unload", READ | CREATE);

	need_module();
	is(queue_unlink("unload"), 0);
	refused_until_closed(fd);
}

UNLOAD_TEST(unloading_is_refused_while_a_descriptor_is_under_way)
{
	int ends[2], fd = queue_open(NULL, READ | WRITE);

	need_module();
	is(sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)), 0);
	keep(ends[0]);
	keep(ends[1]);
	pass_fd(ends[0], fd);
	drop(fd);
	is(unload(), -EAGAIN);
	refused_until_closed(passed_fd(ends[1]));
}

UNLOAD_TEST(unloading_is_refused_while_a_socket_is_open)
{
	int listener, client;

	need_module();
	listener = keep(ipcbook_socket_listen("unload",
					      SOCK_STREAM | SOCK_CLOEXEC, 1));
	client = keep(ipcbook_socket_connect("unload",
					     SOCK_STREAM | SOCK_CLOEXEC));
	is(unload(), -EAGAIN);
	/* With it goes the end that nobody has accepted. */
	drop(listener);
	is(unload(), -EAGAIN);
	refused_until_closed(client);
}

/* Whose socket it is, it is not the module's. */
UNLOAD_TEST(a_registration_for_signals_does_not_keep_the_module)
{
	struct ipcbook_signal_info info;
	struct ipcbook_signal *signal;
	struct pollfd fd = { .events = POLLIN };

	need_module();
	is(ipcbook_signal_open(&signal), 0);
	is(ipcbook_signal_register(signal, "unload", NULL, 0, 0), 0);
	is(ipcbook_signal_kill_name(signal, "unload", 34), 1);
	fd.fd = ipcbook_signal_fd(signal);
	is(poll(&fd, 1, 0), 1);
	is(unload(), 0);
	/* What it had not read is gone with the module. */
	is(poll(&fd, 1, 0), 1);
	is(fd.revents, POLLERR);
	is(ipcbook_signal_fetch(signal, &info, 1), -ENODEV);
	is(ipcbook_signal_kill_name(signal, "unload", 34), -ENODEV);
	is(ipcbook_signal_mask(signal, IPCBOOK_SIGNAL_BLOCK, 1, NULL), -ENODEV);
	reload();
	holds(ipcbook_signal_kill_name(signal, "unload", 34) < 0);
	ipcbook_signal_close(signal);
}

UNLOAD_TEST(who_waits_for_signals_is_told_that_the_module_goes)
{
	struct ipcbook_signal_info info;
	struct ipcbook_signal *signal;
	pid_t pid;

	need_module();
	pid = child();
	if (!pid) {
		is(ipcbook_signal_open(&signal), 0);
		is(ipcbook_signal_register(signal, NULL, NULL, 0, 0), 0);
		is(ipcbook_signal_wait(signal, &info, 1, 0), -ENODEV);
		_exit(0);
	}
	await_asleep(pid, SYS_ppoll);
	is(unload(), 0);
	is(reap(pid), 0);
	reload();
}

UNLOAD_TEST(unloading_is_refused_while_a_call_waits)
{
	int fd = queue_open("unload", READ);
	char room[8];
	pid_t pid;

	need_module();
	is(fd, -ENOENT);
	pid = child();
	if (!pid) {
		fd = queue_open("unload", READ | WRITE | CREATE);
		queue_recv(fd, IPCBOOK_ANY, 0, room, 8, 0, 0, NULL);
		_exit(1);
	}
	await_asleep(pid, SYS_ioctl);
	is(unload(), -EAGAIN);
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	is(unload(), 0);
	reload();
}

/* Closes what the test has opened so far. */
static void let_go(void)
{
	fixture_end(NULL);
	fixture_bare(NULL);
	give_seconds(180);
}

/* A screen that is alive does not keep the module, and is put back without it. */
UNLOAD_TEST(a_live_view_ends_in_order_when_the_module_goes)
{
	need_module();
	shows("ipcbook queue create a; delay=100ms; gone() { until rmmod ipcbook 2>/dev/null; do :; done; }\n" AFTER_END
	      "ends gone; test -e /dev/ipcbook || echo gone",
	      AS_BEFORE("3") "gone\n");
}

/* The same of plain tables, which were in the middle of their count. */
UNLOAD_TEST(tables_end_when_the_module_goes)
{
	need_module();
	shows("ipcbook queue create a; ipcbook top -b -n 1000 -d 100ms --no-header >$d/out 2>$d/err & t=$!\n"
	      "until [ -s $d/out ]; do :; done; until rmmod ipcbook 2>/dev/null; do :; done\n"
	      "wait $t; echo $?; cat $d/err",
	      "3\nipcbook: /dev/ipcbook is missing: as root, modprobe ipcbook or insmod kmod/ipcbook.ko\n");
}

UNLOAD_TEST(a_watch_ends_when_the_module_goes)
{
	need_module();
	shows("ipcbook watch >$d/out 2>$d/err & w=$!\n"
	      "until [ -s $d/out ]; do ipcbook queue create begin; ipcbook queue rm begin; done\n"
	      "until rmmod ipcbook 2>/dev/null; do :; done; wait $w; echo $?; cat $d/err",
	      "3\nipcbook: /dev/ipcbook is missing: as root, modprobe ipcbook or insmod kmod/ipcbook.ko\n");
}

/* Only the module is needed: that the device's node is away is not noticed. */
UNLOAD_TEST(a_live_view_does_without_the_device)
{
	shows("ipcbook queue create a; top; names; mv /dev/ipcbook " AWAY "\n"
	      "keys F5; see ' 0 +0 +0 '; names; keys q\n"
	      "while $t has-session 2>/dev/null; do :; done\n"
	      "top; names; mv " AWAY " /dev/ipcbook",
	      "a \na \na \n");
}

/* Another interface has the name already: that namespace has no capture. */
UNLOAD_TEST(an_interface_of_the_same_name_does_not_keep_the_module_from_loading)
{
	int renamed, loaded, fd, client, server;
	char c = 0;
	pid_t pid;

	need_module();
	renamed = gate();
	loaded = gate();
	is(unload(), 0);
	pid = child_in(CLONE_NEWNET);
	if (!pid) {
		is(system("ip link set lo name ipcbook0"), 0);
		gate_open(renamed);
		gate_pass(loaded);
		is(run(0, "ipcbook capture stat"), 3);
		is(strcmp(told, "ipcbook: cannot find ipcbook0: this network namespace has none; is the module loaded?\n"),
		   0);
		is(run(0, "ipcbook capture --count 1"), 3);
		fd = ipcbook_socket_listen("clash", SOCK_STREAM, 1);
		client = ipcbook_socket_connect("clash", SOCK_STREAM);
		server = sys(accept(fd, NULL, NULL));
		is(sys(send(client, "x", 1, 0)), 1);
		is(sys(recv(server, &c, 1, 0)), 1);
		is(c, 'x');
		_exit(0);
	}
	gate_pass(renamed);
	reload();
	gate_open(loaded);
	is(reap(pid), 0);
	/* It was said, and the others have theirs. */
	is(run(0, "dmesg | tail -n 30 | grep -c 'ipcbook: no ipcbook0 in a network namespace: error -17'"),
	   0);
	is(run(0, "ipcbook capture stat | head -n 1"), 0);
	is(strcmp(told, "interface ipcbook0 down\n"), 0);
}

/* --- What is left --------------------------------------------------------- */

/* A line of a file begins with, or has, this text. */
static bool file_has(const char *path, const char *text)
{
	char line[512];
	bool has = false;
	FILE *file = fopen(path, "r");

	holds(file);
	while (!has && fgets(line, sizeof(line), file))
		has = strstr(line, text);
	fclose(file);
	return has;
}

static bool slab_has_caches(void)
{
	struct dirent *entry;
	bool has = false;
	DIR *dir = opendir("/sys/kernel/slab");

	if (!dir)
		return file_has("/proc/slabinfo", "ipcbook");
	while ((entry = readdir(dir)))
		has |= !!strstr(entry->d_name, "ipcbook");
	closedir(dir);
	return has;
}

static int count(__attribute__((unused)) const struct ipcbook_stat *stat,
		 void *arg)
{
	++*(int *)arg;
	return 0;
}

UNLOAD_TEST(nothing_of_the_module_is_left)
{
	struct ipcbook_signal *signal;
	int ends[2], n = 0;

	need_module();
	works(queue_open("unload", READ | WRITE | CREATE));
	holds(file_has("/proc/modules", "ipcbook "));
	holds(file_has("/proc/kallsyms", "[ipcbook]"));
	holds(file_has("/proc/misc", "ipcbook"));
	holds(slab_has_caches());
	is(ipcbook_list(0, NULL, count, &n), 0);
	holds(n >= 1);
	let_go();

	is(unload(), 0);
	holds(!file_has("/proc/modules", "ipcbook "));
	holds(!file_has("/proc/kallsyms", "[ipcbook]"));
	holds(!file_has("/proc/misc", "ipcbook"));
	holds(!slab_has_caches());
	is(ipcbook_list(0, NULL, count, &n), -ENODEV);
	is(ipcbook_signal_open(&signal), -ENODEV);
	is(ipcbook_pipe(ends, 0, 0), -ENODEV);
	reload();
	is(queue_unlink("unload"), -ENOENT);
}

/* A figure of /proc/meminfo. */
static long kilobytes(const char *key)
{
	const char *text = strstr(slurp("/proc/meminfo"), key);

	holds(text);
	return strtol(text + strlen(key), NULL, 10);
}

static long kernel_memory(void)
{
	return kilobytes("SUnreclaim:") + kilobytes("VmallocUsed:") +
	       kilobytes("Percpu:");
}

/* Leaves queues with and without messages, small and large, and a waiter's. */
static void leave_messages(void)
{
	char name[16];
	int fd;

	for (unsigned int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "left-%u", i);
		fd = queue_open(name, READ | WRITE | CREATE);
		fill(fd, i + 1, 100, 500);
		fill(fd, i + 2, 8000, 20);
	}
	fd = keep(sys(open(IPCBOOK_DEVICE, O_RDWR)));
	fill(fd, 5, 100, 500);
	let_go();
}

UNLOAD_TEST(loading_and_unloading_again_and_again_leaves_no_memory_behind)
{
	long before = 0;

	need_module();
	for (unsigned int i = 0; i < 15; i++) {
		leave_messages();
		is(unload(), 0);
		reload();
		/* By then what the kernel keeps for itself is there. */
		if (i == 4)
			before = kernel_memory();
	}
	/* Each round left 4 megabytes. */
	print_message("# %ld KB more after 10 rounds\n",
		      kernel_memory() - before);
	holds(kernel_memory() - before < 10 * 1024);
}

static void use_while_there(void)
{
	struct ipcbook_open arg = {
		.size = sizeof(arg),
		.chapter = IPCBOOK_QUEUE,
		.flags = READ | WRITE | CREATE,
		.mode = 0600,
		.name = "unload",
	};

	for (;;) {
		int fd, device = open(IPCBOOK_DEVICE, O_RDWR);

		if (device < 0)
			continue;
		fd = sys(ioctl(device, IPCBOOK_IOC_OPEN, &arg));
		holds(fd >= 0);
		queue_send(fd, 5, "x", 1, IPCBOOK_NOWAIT, 0);
		close(fd);
		close(device);
	}
}

UNLOAD_TEST(unloading_under_the_hands_of_users_does_no_harm)
{
	unsigned int done = 0;
	long answer;
	pid_t pid;

	need_module();
	pid = child();
	if (!pid)
		use_while_there();
	while (done < 10) {
		answer = unload();
		holds(answer == 0 || answer == -EAGAIN);
		if (answer)
			continue;
		done++;
		reload();
	}
	is(sys(kill(pid, SIGKILL)), 0);
	is(reap(pid), 128 + SIGKILL);
	works(queue_open("unload", READ | WRITE | CREATE));
	is(queue_unlink("unload"), 0);
}

/* --- Loading that fails --------------------------------------------------- */

static int file = -1;

static long load_file(void)
{
	return sys(syscall(SYS_finit_module, file, "", 0));
}

/* Nothing of a module that could not be loaded is in the way of the next. */
static void check_loaded(long answer)
{
	is(unload(), answer < 0 ? -ENOENT : 0);
}

UNLOAD_TEST(what_cannot_be_loaded_leaves_nothing)
{
	need_module();
	need_faults();
	give_seconds(500);
	file = keep(sys(open(getenv("IPCBOOK_MODULE"), O_RDONLY | O_CLOEXEC)));
	is(unload(), 0);
	/* By then the kernel has done its own part. */
	holds(fail_last("module: load", 150, load_file, check_loaded) >= 10);
	reload();
	works(queue_open("unload", READ | WRITE | CREATE));
	is(queue_unlink("unload"), 0);
}
