// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine: what it is, which CPUs are used, the memory cgroup, limits.
 *
 * Kernel memory is charged to the memory cgroup of whoever allocates it, and
 * only the root cgroup is spared the work. Every real user runs in a child,
 * so does the benchmark: in the one it was started in, or in one that it makes
 * below the root. An allocation that is charged costs 600 to 900 ns more there,
 * on either side.
 *
 * CPUs are counted from the last one the process may use: the first one gets
 * the interrupts of most devices.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "engine.h"

#define CGROUP_ROOT	"/sys/fs/cgroup"

static cpu_set_t allowed;
static char cgroup_made[80];

/* The first line of a file, without its end. */
static int read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	char *got;

	if (!file)
		return -errno;
	got = fgets(line, size, file);
	fclose(file);
	if (!got)
		return -ENODATA;
	line[strcspn(line, "\n")] = 0;
	return 0;
}

static int write_line(const char *path, const char *line)
{
	FILE *file = fopen(path, "we");
	int ret;

	if (!file)
		return -errno;
	ret = fputs(line, file) < 0 ? -EIO : 0;
	if (fclose(file))
		ret = -errno;
	return ret;
}

static void cpu_model(char *model, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];
	char *value;

	snprintf(model, size, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "model name", 10))
			continue;
		value = strchr(line, ':');
		line[strcspn(line, "\n")] = 0;
		if (value && value[1])
			snprintf(model, size, "%.*s", (int)size - 1, value + 2);
		break;
	}
	if (file)
		fclose(file);
}

/**
 * bench_machine_describe() - note what the numbers were measured on.
 * @machine: where the answer goes
 * @where: "vm" or "native"
 */
void bench_machine_describe(struct bench_machine *machine, const char *where)
{
	struct utsname name;

	machine->where = where;
	uname(&name);
	snprintf(machine->kernel, sizeof(machine->kernel), "%s", name.release);
	cpu_model(machine->cpu, sizeof(machine->cpu));
	if (read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		      machine->clocksource, sizeof(machine->clocksource)))
		snprintf(machine->clocksource, sizeof(machine->clocksource),
			 "unknown");
}

/**
 * bench_cpus() - CPUs that may be used.
 *
 * Return: how many; the first call counts, before anything is pinned.
 */
unsigned int bench_cpus(void)
{
	if (!CPU_COUNT(&allowed))
		sched_getaffinity(0, sizeof(allowed), &allowed);
	return CPU_COUNT(&allowed);
}

/**
 * bench_pin() - keep the calling thread on one CPU.
 * @which: 0 for the last CPU of those allowed, 1 for the last but one
 *
 * Return: 0, or a negative errno.
 */
int bench_pin(unsigned int which)
{
	unsigned int left = bench_cpus() - which % bench_cpus();
	cpu_set_t set;
	int cpu;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && !--left)
			break;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static void leave_cgroup(void)
{
	write_line(CGROUP_ROOT "/cgroup.procs", "0");
	rmdir(cgroup_made);
}

/* Makes a child of the root cgroup and enters it. */
static int make_cgroup(void)
{
	char path[sizeof(cgroup_made) + 40];
	int ret;

	snprintf(cgroup_made, sizeof(cgroup_made),
		 CGROUP_ROOT "/ipcbook-bench-%d", getpid());
	if (mkdir(cgroup_made, 0755))
		return -errno;
	snprintf(path, sizeof(path), "%s/memory.current", cgroup_made);
	ret = access(path, F_OK) ? -ENODEV : 0;
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup_made);
	if (!ret)
		ret = write_line(path, "0");
	if (ret)
		rmdir(cgroup_made);
	else
		atexit(leave_cgroup);
	return ret;
}

/**
 * bench_enter_cgroup() - be in a memory cgroup that is not the root.
 *
 * Return: 0 if this process is in one now; a negative errno if there is none
 * and none can be made (ENODEV: no memory controller).
 */
int bench_enter_cgroup(void)
{
	char line[PATH_MAX], path[PATH_MAX + 40];

	if (read_line("/proc/self/cgroup", line, sizeof(line)) ||
	    strncmp(line, "0::/", 4))
		return -ENODEV;
	snprintf(path, sizeof(path), CGROUP_ROOT "%s/memory.current", line + 3);
	if (line[4] && !access(path, F_OK))
		return 0;
	return make_cgroup();
}

static void raise_limit(__rlimit_resource_t which, rlim_t value)
{
	struct rlimit limit = { value, value };

	if (!setrlimit(which, &limit))
		return;
	getrlimit(which, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(which, &limit);
}

/**
 * bench_raise_limits() - limits that would stop a case from being set up.
 *
 * What cannot be raised shows when a case needs it.
 */
void bench_raise_limits(void)
{
	raise_limit(RLIMIT_NOFILE, 65536);
	raise_limit(RLIMIT_NPROC, RLIM_INFINITY);
	raise_limit(RLIMIT_MSGQUEUE, RLIM_INFINITY);
	write_line("/proc/sys/kernel/msgmnb", "1048576");
	write_line("/proc/sys/fs/mqueue/msg_max", "65536");
	write_line("/proc/sys/fs/mqueue/msgsize_max", "65536");
	write_line("/proc/sys/fs/mqueue/queues_max", "200000");
}
