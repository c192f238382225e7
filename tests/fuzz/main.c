// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook-fuzz: see fuzz.h. Runs as root with the module loaded, in a VM.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define KEPT	8192U	/* most programs of a corpus */
#define AT_ONCE	8	/* programs that are written down together */

/**
 * struct corpus - programs worth keeping, in memory that all workers share
 * @lock: taken to add
 * @count: how many there are
 * @saved: how many are in the file
 * @pending: of those that were read, how many nobody has tried yet
 */
struct corpus {
	_Atomic int lock;
	_Atomic unsigned int count;
	unsigned int saved;
	_Atomic unsigned int next;
	unsigned int pending;
	_Atomic uint64_t programs, lines, blocked;
	_Atomic bool stuck;
	struct program kept[KEPT];
	struct program read[KEPT];
};

static struct corpus *corpus;
static const char *directory = ".";
static unsigned int seconds = 60, jobs = 2, times = 1;
static uint64_t seed;
static bool verbose;

static int usage(void)
{
	fputs("usage: ipcbook-fuzz fuzz [-t SECONDS] [-j JOBS] [-s SEED] [-d DIRECTORY] [SEED-FILE...]\n"
	      "       ipcbook-fuzz run [-n TIMES] [-v] FILE...\n"
	      "       ipcbook-fuzz drop FIRST COUNT FILE\n"
	      "\n"
	      "fuzz  makes programs, and keeps those that reach new code in\n"
	      "      DIRECTORY/corpus; what runs right now is in DIRECTORY/current.N\n"
	      "run   runs the programs in files, one after the other; -v: with results\n"
	      "drop  prints a program without COUNT lines from FIRST on\n", stderr);
	return 2;
}

static void keep(const struct program *program)
{
	int free = 0;

	while (!__atomic_compare_exchange_n((int *)&corpus->lock, &free, 1,
					    false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		free = 0;
		sched_yield();
	}
	if (corpus->count < KEPT)
		corpus->kept[corpus->count++] = *program;
	__atomic_store_n((int *)&corpus->lock, 0, __ATOMIC_RELEASE);
}

/* Reads programs of a file, which empty lines divide. */
static void read_programs(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL, *at, why[100];
	size_t size = 0;

	if (!file)
		return;
	if (getdelim(&text, &size, 0, file) > 0) {
		for (at = text; at && *at; ) {
			struct program *program = &corpus->read[corpus->pending];
			char *end = strstr(at, "\n\n");

			if (end)
				*end = 0;
			if (corpus->pending == KEPT)
				break;
			if (!program_parse(program, at, why, sizeof(why)))
				fprintf(stderr, "ipcbook-fuzz: %s: %s in:\n%s\n",
					path, why, at);
			else if (program->count)
				corpus->pending++;
			at = end ? end + 2 : NULL;
		}
	}
	free(text);
	fclose(file);
}

static char *path_in(char path[512], const char *name)
{
	snprintf(path, 512, "%s/%s", directory, name);
	return path;
}

/* Writes what is kept since the last time; at the end all of it anew. */
static void save_programs(bool anew)
{
	char path[512], other[512], text[TEXT_MAX];
	FILE *file = fopen(path_in(path, anew ? "corpus.new" : "corpus"),
			   anew ? "we" : "ae");

	if (!file) {
		perror(path);
		return;
	}
	for (unsigned int i = anew ? 0 : corpus->saved; i < corpus->count; i++) {
		program_print(&corpus->kept[i], text);
		fprintf(file, "%s\n", text);
	}
	corpus->saved = corpus->count;
	if (fclose(file) || (anew && rename(path, path_in(other, "corpus"))))
		perror(path);
}

static void own_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		perror("ipcbook-fuzz: a network namespace");
}

static void run_one(const struct program *program)
{
	struct outcome outcome;

	execute(program, &outcome);
	corpus->programs++;
	corpus->lines += program->count;
	corpus->blocked += outcome.blocked;
	if (outcome.stuck)
		corpus->stuck = true;
	if (outcome.new_edges)
		keep(program);
}

/* One of those who make programs and run them. */
static void worker(unsigned int number, time_t end)
{
	static struct program programs[AT_ONCE];
	static char text[AT_ONCE * TEXT_MAX];
	char path[512], name[32];
	int fd;

	chance_seed(seed * 1000 + number);
	own_namespace();
	execute_begin();
	calls_begin();
	snprintf(name, sizeof(name), "current.%u", number);
	fd = open(path_in(path, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0) {
		perror(path);
		exit(2);
	}
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 330);
	while (time(NULL) < end && !corpus->stuck) {
		unsigned int n = 0;
		size_t length = 0;

		while (n < AT_ONCE) {
			struct program *program = &programs[n++];
			unsigned int next = corpus->next < corpus->pending ?
					    corpus->next++ : KEPT;
			unsigned int count = corpus->count;

			if (next < corpus->pending) {
				*program = corpus->read[next];
			} else if (count && chance(12)) {
				*program = corpus->kept[chance(count)];
				program_change(program,
					       &corpus->kept[chance(count)]);
			} else {
				program_random(program);
			}
			program_print(program, text + length);
			length += strlen(text + length);
			text[length++] = '\n';
		}
		/* should the machine die of one of them, here they are */
		if (pwrite(fd, text, length, 0) < 0 || ftruncate(fd, length))
			perror(path);
		for (n = 0; n < AT_ONCE && !corpus->stuck; n++)
			run_one(&programs[n]);
	}
	execute_end();
	exit(0);
}

static int fuzz(int argc, char **argv)
{
	time_t began = time(NULL), end = began + seconds, told = began;
	char path[512];
	bool with = execute_prepare();
	int status, bad = 0;
	FILE *log;

	corpus = mmap(NULL, sizeof(*corpus), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (corpus == MAP_FAILED) {
		perror("ipcbook-fuzz: memory");
		return 2;
	}
	read_programs(path_in(path, "corpus"));
	for (int i = 0; i < argc; i++)
		read_programs(argv[i]);
	if (!seed)
		seed = began ^ (uint64_t)getpid() << 20;
	printf("fuzz: seed %llu, %u programs to begin with%s\n",
	       (unsigned long long)seed, corpus->pending,
	       with ? "" : "; nothing tells what they reach: none is kept");
	fflush(stdout);
	for (unsigned int i = 0; i < jobs; i++)
		if (!fork())
			worker(i, end);
	for (unsigned int left = jobs; left; ) {
		pid_t ended = waitpid(-1, &status, WNOHANG);

		if (ended > 0) {
			left--;
			bad |= status;
		} else if (ended < 0) {
			break;
		}
		usleep(100000);
		if (time(NULL) < told + 15 && left)
			continue;
		told = time(NULL);
		printf("fuzz: %ld s, %llu programs, %llu calls, %llu killed, %u kept, %llu edges, %llu places\n",
		       (long)(told - began),
		       (unsigned long long)corpus->programs,
		       (unsigned long long)corpus->lines,
		       (unsigned long long)corpus->blocked,
		       corpus->count,
		       (unsigned long long)coverage->edge_count,
		       (unsigned long long)coverage->place_count);
		fflush(stdout);
		if (with)
			save_programs(false);
	}
	/* where all that was read has been tried, the rest led nowhere new */
	if (with && corpus->next >= corpus->pending)
		save_programs(true);
	if (with && !coverage_write(path_in(path, "reached")))
		perror(path);
	log = fopen(path_in(path, "log"), "ae");
	if (log) {
		fprintf(log, "%ld %ld %llu %llu %u %llu %llu\n", (long)began,
			(long)(time(NULL) - began),
			(unsigned long long)corpus->programs,
			(unsigned long long)corpus->lines, corpus->count,
			(unsigned long long)coverage->edge_count,
			(unsigned long long)coverage->place_count);
		fclose(log);
	}
	if (corpus->stuck) {
		printf("fuzz: a process cannot be killed; see %s\n",
		       path_in(path, "current.*"));
		return 3;
	}
	if (bad) {
		printf("fuzz: a worker ended with status %#x\n", bad);
		return 1;
	}
	return 0;
}

static void show(const struct program *program, const struct outcome *outcome)
{
	char text[TEXT_MAX], *line = text, *end;

	program_print(program, text);
	for (unsigned int i = 0; i < program->count; i++, line = end + 1) {
		long result = outcome->results[i];

		end = strchr(line, '\n');
		printf("%.*s -> ", (int)(end - line), line);
		if (result < 0 && result > -4096)
			puts(strerrorname_np(-result));
		else if (result > 100000)
			printf("%#lx\n", result);
		else
			printf("%ld\n", result);
	}
}

static int run(int argc, char **argv)
{
	struct outcome outcome;
	int status = 0;

	execute_prepare();
	corpus = mmap(NULL, sizeof(*corpus), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	own_namespace();
	execute_begin();
	calls_begin();
	for (int i = 0; i < argc; i++)
		read_programs(argv[i]);
	for (unsigned int n = 0; n < times; n++) {
		for (unsigned int i = 0; i < corpus->pending; i++) {
			execute(&corpus->read[i], &outcome);
			if (verbose) {
				show(&corpus->read[i], &outcome);
				printf("# ms:");
				for (unsigned int t = 0; t < 4; t++)
					printf(" %llu", (unsigned long long)
					       outcome.times[t] / 1000000);
				puts(outcome.blocked ? ", killed\n" : "\n");
				fflush(stdout);
			}
			if (outcome.stuck) {
				puts("fuzz: a process cannot be killed");
				status = 3;
			}
		}
	}
	execute_end();
	printf("fuzz: %u programs, %u times\n", corpus->pending, times);
	return corpus->pending ? status : 2;
}

static int drop(char **argv)
{
	unsigned int from = atoi(argv[0]), count = atoi(argv[1]);
	struct program program;
	char text[TEXT_MAX];

	if (!program_load(&program, argv[2]))
		return 2;
	while (count-- && from < program.count)
		program_remove(&program, from);
	program_print(&program, text);
	fputs(text, stdout);
	return program.count ? 0 : 1;
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "t:j:s:d:n:v")) != -1) {
		switch (option) {
		case 't':
			seconds = atoi(optarg);
			break;
		case 'j':
			jobs = atoi(optarg);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'd':
			directory = optarg;
			break;
		case 'n':
			times = atoi(optarg);
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return usage();
		}
	}
	argc -= optind;
	argv += optind;
	if (argc == 4 && !strcmp(argv[0], "drop"))
		return drop(argv + 1);
	if (!argc || (strcmp(argv[0], "fuzz") && strcmp(argv[0], "run")))
		return usage();
	if (!calls_prepare()) {
		fputs("ipcbook-fuzz: the module is not there, or this is not root\n",
		      stderr);
		return 2;
	}
	return !strcmp(argv[0], "fuzz") ? fuzz(argc - 1, argv + 1) :
					  run(argc - 1, argv + 1);
}
