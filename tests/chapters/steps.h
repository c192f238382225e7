/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What another thread does at each step of a call.
 *
 * A probe of the kernel's (kprobe_events) stands at each instruction of some
 * functions that touches memory: what comes before another one cannot be told from
 * what comes before the next of these. A small BPF program counts the probes that a
 * call passes; at the one that is asked for it has the other thread, on another CPU,
 * do its part, and waits until that is done: then the call goes on. So what is to
 * come between two instructions comes between them, and no luck is needed. The wait
 * has an end: where the other thread came too late, the step is made once more; but
 * not for ever, for it may wait for a lock that the call holds.
 */
#ifndef TEST_STEPS_H
#define TEST_STEPS_H

#include <linux/bpf.h>
#include <linux/perf_event.h>

#include "harness.h"

#define TRACING		"/sys/kernel/tracing/"
#define PROBES		"ipcbook_test/steps"
#define OPTIMIZATION	"/proc/sys/debug/kprobes-optimization"

/* How often a step is made at which the other thread does not come. */
#define TRIES		8

/* A call that has no more steps than this is not what was to be looked at. */
#ifndef STEPS_LEAST
#define STEPS_LEAST	10
#endif

/* Of the thread that makes the call, the other one, and the BPF program. */
struct meeting {
	_Atomic uint64_t passed;	/* probes, since the call began */
	_Atomic uint64_t at;		/* the one where they meet; 0: nowhere */
	_Atomic uint64_t go;
	_Atomic uint64_t done;
	_Atomic uint64_t met;		/* done while the call waited */
};

static struct {
	struct meeting *meeting;
	int map, program, event;
	pthread_t thread;
	void (*act)(int fd);
	int fd;
	unsigned int step;
	unsigned int again;	/* how often the step was in vain */
	unsigned int met;	/* steps that were not */
	bool last;		/* the call had not as many */
	_Atomic bool over;
	bool begun;
} other;

/* ---------------------------------------------------------------- probes */

/*
 * The name that the compiler has given to a function of the module's; not to what
 * it has put aside of it, as unlikely.
 */
static bool symbol_of(const char *function, char *symbol, size_t size)
{
	char line[256], found[128];
	size_t length = strlen(function);
	FILE *file = fopen("/proc/kallsyms", "re");

	holds(file);
	*symbol = '\0';
	while (!*symbol && fgets(line, sizeof(line), file)) {
		if (!strstr(line, "[ipcbook]") ||
		    sscanf(line, "%*s %*s %127s", found) != 1)
			continue;
		if (!strncmp(found, function, length) &&
		    (!found[length] || found[length] == '.') &&
		    !strstr(found, ".cold"))
			snprintf(symbol, size, "%s", found);
	}
	fclose(file);
	return *symbol;
}

/*
 * A function's instructions that touch memory, other than its own stack, or call who
 * does. Others would only take time: to make a probe, the kernel goes through all names.
 */
#define STEPS								\
	"objdump -d --no-show-raw-insn --disassemble=%s $IPCBOOK_MODULE |"	\
	" awk '/^ *[0-9a-f]+:/ && (!n++ || /call/ || /\\(%%/ && !/lea|nop|\\(%%rsp\\)/) {" \
	" sub(\":.*\", \"\"); print $1 }'"

/* Puts a probe at each of these instructions; not where the kernel refuses. */
static unsigned int probe_all(const char *function)
{
	unsigned long first = 0, address;
	char symbol[128], text[512];
	unsigned int probes = 0;
	FILE *listing;

	if (!symbol_of(function, symbol, sizeof(symbol)))
		return 0;
	snprintf(text, sizeof(text), STEPS, symbol);
	listing = popen(text, "re");
	holds(listing);
	while (fscanf(listing, "%lx", &address) == 1) {
		if (!first)
			first = address;
		snprintf(text, sizeof(text), "p:" PROBES " ipcbook:%s+%lu",
			 symbol, address - first);
		probes += spit(TRACING "kprobe_events", text);
	}
	pclose(listing);
	return probes;
}

/* -------------------------------------------------------- the BPF program */

#define INSN(operation, to, from, jump, value)				\
	{ .code = (operation), .dst_reg = (to), .src_reg = (from),	\
	  .off = (jump), .imm = (value) }
#define LOAD(to, from, member)						\
	INSN(BPF_LDX | BPF_MEM | BPF_DW, to, from,			\
	     offsetof(struct meeting, member), 0)
#define STORE(to, member, from)						\
	INSN(BPF_STX | BPF_MEM | BPF_DW, to, from,			\
	     offsetof(struct meeting, member), 0)
#define SET(to, value)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value)
#define ADD(to, value)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value)

static long bpf(int command, union bpf_attr *attr)
{
	return sys(syscall(SYS_bpf, command, attr, sizeof(*attr)));
}

static void load_program(void)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(struct meeting),
		.max_entries = 1,
		.map_flags = BPF_F_MMAPABLE,
	}, load = { };

	other.map = keep(bpf(BPF_MAP_CREATE, &map));
	other.meeting = mmap(NULL, sysconf(_SC_PAGESIZE),
			     PROT_READ | PROT_WRITE, MAP_SHARED, other.map, 0);
	holds(other.meeting != MAP_FAILED);

	struct bpf_insn program[] = {
		/* r6 = the meeting; if (++passed != at) return; go = 1 */
		INSN(BPF_LD | BPF_IMM | BPF_DW, 6, BPF_PSEUDO_MAP_VALUE, 0,
		     other.map),
		INSN(0, 0, 0, 0, 0),
		LOAD(1, 6, passed),
		ADD(1, 1),
		STORE(6, passed, 1),
		LOAD(2, 6, at),
		INSN(BPF_JMP | BPF_JNE | BPF_X, 1, 2, 10, 0),
		SET(1, 1),
		STORE(6, go, 1),
		/* for (r7 = 0; !done; r7++) if (r7 == ...) return; the clock is slow */
		SET(7, 0),
		LOAD(1, 6, done),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 1, 0, 3, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns),
		ADD(7, 1),
		INSN(BPF_JMP | BPF_JLT | BPF_K, 7, 0, -5, 8000),
		/* met = done */
		LOAD(1, 6, done),
		STORE(6, met, 1),
		SET(0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	load.prog_type = BPF_PROG_TYPE_KPROBE;
	load.insns = (uintptr_t)program;
	load.insn_cnt = ARRAY_SIZE(program);
	load.license = (uintptr_t)"GPL";
	other.program = keep(bpf(BPF_PROG_LOAD, &load));
}

/*
 * All probes are one event, and run the program, whoever comes, on whatever CPU. An
 * event of one task would have the scheduler's code patched, which is not to be where
 * emulated CPUs run at once (see tests/check).
 */
static void attach_program(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
	};
	const char *id = slurp(TRACING "events/" PROBES "/id");

	holds(id);
	attr.config = atoi(id);
	other.event = sys(syscall(SYS_perf_event_open, &attr, -1, 0, -1,
				  PERF_FLAG_FD_CLOEXEC));
	holds(other.event >= 0);
	is(sys(ioctl(other.event, PERF_EVENT_IOC_SET_BPF, other.program)), 0);
	is(sys(ioctl(other.event, PERF_EVENT_IOC_ENABLE, 0)), 0);
}

/* ------------------------------------------------------- the other thread */

static void run_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	is(sys(sched_setaffinity(0, sizeof(set), &set)), 0);
}

static void *other_side(void *arg)
{
	(void)arg;
	run_on(1);
	while (!other.over) {
		if (!other.meeting->go)
			continue;
		other.meeting->go = 0;
		other.act(other.fd);
		other.meeting->done = 1;
	}
	return NULL;
}

/* The other acts on @fd when the call that now begins is at the step. */
static void other_acts(int fd)
{
	other.fd = fd;
	other.meeting->met = 0;
	other.meeting->done = 0;
	other.meeting->passed = 0;
	other.meeting->at = other.step;
}

/* The call is over. If it had not as many steps, the other acts only now. */
static void other_has_acted(void)
{
	other.meeting->at = 0;
	other.last = other.meeting->passed < other.step;
	if (other.last)
		other.meeting->go = 1;
	while (!other.meeting->done)
		sched_yield();
}

static int steps_end(void **state)
{
	cpu_set_t all;

	if (other.begun) {
		other.over = true;
		pthread_join(other.thread, NULL);
		close(other.event);
		munmap(other.meeting, sysconf(_SC_PAGESIZE));
	}
	memset(&other, 0, sizeof(other));
	/* Others may have probes of their own. */
	spit(TRACING "kprobe_events", "-:" PROBES);
	spit(OPTIMIZATION, "1");
	memset(&all, -1, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
	return fixture_end(state);
}

/*
 * Does a round for each step of the call in it, and one more, in which the other
 * acts after the call. A round has other_acts() before the call, other_has_acted()
 * after it. To be ended with steps_end(), also when it fails.
 */
static void at_each_step(const char *const *functions, void (*act)(int fd),
			 void (*round)(void))
{
	unsigned int probes = 0, rounds = 0;

	if (access(TRACING "kprobe_events", W_OK))
		not_here("this kernel has no probes");
	if (!getenv("IPCBOOK_MODULE"))
		not_here("IPCBOOK_MODULE does not name the module's file");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || getenv("IPCBOOK_IN_TURNS"))
		not_here("needs two CPUs that run at once");
	if (slow_kernel())
		not_here("so many probes take this kernel too long");
	give_seconds(200);
	/* Nothing is to be patched while it runs: a trap stays a trap. */
	spit(OPTIMIZATION, "0");
	for (; *functions; functions++)
		probes += probe_all(*functions);
	load_program();
	attach_program();
	run_on(0);
	other.act = act;
	is(pthread_create(&other.thread, NULL, other_side, NULL), 0);
	other.begun = true;
	other.step = 1;
	for (;;) {
		round();
		rounds++;
		if (other.last)
			break;
		if (!other.meeting->met && ++other.again < TRIES)
			continue;
		other.met += other.meeting->met;
		other.step++;
		other.again = 0;
	}
	print_message("# %u probes, %u steps, %u of them met, %u rounds\n",
		      probes, other.step - 1, other.met, rounds);
	holds(other.step > STEPS_LEAST);
	if (!other.met)
		not_here("the other thread never came in time");
}

#endif /* TEST_STEPS_H */
