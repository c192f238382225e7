// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook sem: create, down, up, value, stat, rm, run.
 *
 * What down took stays taken when the tool ends. run takes through a descriptor
 * with undo, runs the command as its child and gives back when that has ended:
 * so the units come back in whatever way it ends, and the tool as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

/* Exit statuses of run, as of env(1), where the command cannot be run. */
#define STATUS_NOT_RUN		126
#define STATUS_NOT_FOUND	127

static int failed_sem(const struct options *options, const char *doing,
		      int error, const char *needed)
{
	return failed(error, doing, IPCBOOK_SEM, options->operands[0], needed);
}

static int open_sem(const struct options *options, int flags, __u32 undo,
		    int *fd)
{
	const struct ipcbook_sem_limits limits = { .flags = undo };

	*fd = ipcbook_sem_open(options->operands[0], flags, 0, &limits);
	if (*fd >= 0)
		return STATUS_DONE;
	return failed_sem(options, "open", *fd, flags & O_WRONLY ?
			  "write permission" : "read permission");
}

/* The beginning of a line of JSON about the semaphore. */
static void begin_json(const char *name)
{
	fputs("{\"sem\":", stdout);
	print_json_string(stdout, name, strlen(name));
}

/* ------------------------------------------------------------------- create */

/* Is the semaphore what was asked for? It may have been there before. */
static int compare_settings(const struct options *options,
			    const struct ipcbook_stat *stat)
{
	const char *name = options->operands[0];

	if (options->given[OPTION_MAXIMUM] &&
	    options->maximum != stat->max_depth) {
		complain("sem '%s' is there with other settings: max %llu, not %llu",
			 name, stat->max_depth, options->maximum);
		return STATUS_FAILED;
	}
	if (options->given[OPTION_MODE] && options->mode != stat->mode) {
		complain("sem '%s' is there with other settings: mode %04o, not %04o",
			 name, stat->mode, options->mode);
		return STATUS_FAILED;
	}
	return STATUS_DONE;
}

int sem_create(const struct options *options)
{
	const struct ipcbook_sem_limits limits = {
		.value = options->value,
		.maximum = options->maximum,
	};
	int flags = O_RDONLY | O_CREAT | O_CLOEXEC;
	struct ipcbook_stat stat;
	mode_t mode = 0666;
	int fd, status;

	if (options->maximum && options->value > options->maximum)
		return wrong_call(options->command,
				  "--value cannot be above --max");
	if (options->given[OPTION_EXCL])
		flags |= O_EXCL;
	if (options->given[OPTION_MODE]) {
		mode = options->mode;
		umask(0);
	}
	fd = ipcbook_sem_open(options->operands[0], flags, mode, &limits);
	if (fd < 0)
		return failed_sem(options, "create", fd, "read permission");
	status = read_stat(options, IPCBOOK_SEM, fd, &stat);
	if (!status)
		status = compare_settings(options, &stat);
	if (!status && options->given[OPTION_JSON])
		print_stat_json(stdout, &stat);
	close(fd);
	return status;
}

/* -------------------------------------------------------------- down and up */

/* A number of units that the semaphore can never have is said to be so. */
static int failed_down(const struct options *options, int fd, int error)
{
	struct ipcbook_stat stat;

	if (error != -EINVAL || ipcbook_stat(fd, &stat))
		return failed_sem(options, "take from", error,
				  "write permission");
	complain("sem '%s' has never more than %llu units",
		 options->operands[0], stat.max_depth);
	return STATUS_FAILED;
}

/* Take the units; tell whether they are the first since some came back. */
static int take(const struct options *options, int fd, bool *orphaned)
{
	int answer;

	answer = ipcbook_sem_down(fd, options->units,
				  options->given[OPTION_NOWAIT] ?
				  IPCBOOK_NOWAIT : 0, deadline_of(options));
	if (answer < 0)
		return failed_down(options, fd, answer);
	*orphaned = answer & IPCBOOK_SEM_ORPHANED;
	if (*orphaned)
		complain("sem '%s': a process ended without giving back what it had taken",
			 options->operands[0]);
	return STATUS_DONE;
}

int sem_down(const struct options *options)
{
	bool orphaned;
	int fd, status;

	status = open_sem(options, O_WRONLY | O_CLOEXEC, 0, &fd);
	if (status)
		return status;
	status = take(options, fd, &orphaned);
	close(fd);
	if (status || !options->given[OPTION_JSON])
		return status;
	begin_json(options->operands[0]);
	printf(",\"taken\":%llu,\"orphaned\":%s}\n", options->units,
	       orphaned ? "true" : "false");
	return STATUS_DONE;
}

int sem_up(const struct options *options)
{
	int error, fd, status;

	status = open_sem(options, O_WRONLY | O_CLOEXEC, 0, &fd);
	if (status)
		return status;
	error = ipcbook_sem_up(fd, options->units);
	close(fd);
	if (error)
		return failed_sem(options, "give to", error,
				  "write permission");
	if (!options->given[OPTION_JSON])
		return STATUS_DONE;
	begin_json(options->operands[0]);
	printf(",\"given\":%llu}\n", options->units);
	return STATUS_DONE;
}

/* ---------------------------------------------------------------------- run */

static atomic_int running;	/* its process */

static void pass_on(int number)
{
	if (running)
		kill(running, number);
}

/*
 * What would end the tool is passed on to the command. A terminal sends some of
 * it to both: then it is not the tool's business.
 */
static void pass_signals_on(void)
{
	struct sigaction action = {
		.sa_handler = pass_on,
		.sa_flags = SA_RESTART,
	};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGQUIT, &action, NULL);
}

/* In the child: become the command, which dies with the tool that holds. */
static void become(char **command, pid_t parent)
{
	int error;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(STATUS_NOT_RUN);
	execvp(*command, command);
	error = errno;
	complain("cannot run '%s': %s", *command, strerror(error));
	_exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUN);
}

/* Run the command to its end; its status as of wait(2), or -1. */
static int run_command(char **command)
{
	pid_t parent = getpid();
	sigset_t all, before;
	int status = -1;
	pid_t pid;

	fflush(stdout);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (!pid) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		become(command, parent);
	}
	if (pid > 0) {
		running = pid;
		pass_signals_on();
		sigprocmask(SIG_SETMASK, &before, NULL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	} else {
		complain("cannot run '%s': %s", *command, strerror(errno));
	}
	return status;
}

int sem_run(const struct options *options)
{
	bool orphaned;
	int fd, status;

	status = open_sem(options, O_WRONLY | O_CLOEXEC, IPCBOOK_SEM_UNDO, &fd);
	if (status)
		return status;
	status = take(options, fd, &orphaned);
	if (status)
		return status;
	status = run_command(options->operands + 1);
	/* Of one that was killed, the next holder is told. */
	if (status >= 0 && WIFSIGNALED(status)) {
		close(fd);
		stop_die(WTERMSIG(status));
		return 128 + WTERMSIG(status);
	}
	ipcbook_sem_up(fd, options->units);
	close(fd);
	return status < 0 ? STATUS_NOT_RUN : WEXITSTATUS(status);
}

/* ------------------------------------------------------- value, stat and rm */

int sem_value(const struct options *options)
{
	int fd, status, value;

	status = open_sem(options, O_RDONLY | O_CLOEXEC, 0, &fd);
	if (status)
		return status;
	value = ipcbook_sem_value(fd);
	close(fd);
	if (value < 0)
		return failed_sem(options, "look at", value, NULL);
	if (!options->given[OPTION_JSON]) {
		printf("%d\n", value);
		return STATUS_DONE;
	}
	begin_json(options->operands[0]);
	printf(",\"value\":%d}\n", value);
	return STATUS_DONE;
}

int sem_stat(const struct options *options)
{
	int fd, status;

	status = open_sem(options, O_RDONLY | O_CLOEXEC, 0, &fd);
	return status ? status : tell_stat(options, IPCBOOK_SEM, fd);
}

int sem_rm(const struct options *options)
{
	return remove_all(options, IPCBOOK_SEM);
}
