// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook socket: listen, connect, proxy, stat, rm.
 *
 * All three carry bytes both ways between two ends until both have ended: an
 * end is a socket, or standard input and output. A direction (struct way) has a
 * buffer that is filled, then emptied; when its source has ended and the buffer
 * is empty, the target is told (shutdown), and the other direction goes on. One
 * poll() waits for all of it, so that neither direction waits for the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

/* Exit statuses as of env(1), where a command cannot be run. */
#define STATUS_NOT_RUN		126
#define STATUS_NOT_FOUND	127

/* The first descriptor that is passed on. */
#define FIRST_FD	3

/* Longer than any record may be unless its sender was made to send longer. */
#define ROOM		(512 << 10)

/* What is read of standard input at once; a record is not longer. */
#define PIECE		65536

/* What a pipe takes at once if poll() says that it takes something. */
#define PIPE_TAKES	4096

/**
 * struct way - one direction.
 * @from: where bytes come from
 * @to: where they go
 * @from_socket: whether @from is a socket
 * @to_socket: whether @to is one
 * @filled: bytes in @room
 * @taken: how many of them have gone
 * @full: something waits in @room
 * @records: what comes are records, to be kept whole
 * @ended: nothing comes from @from any more
 * @done: and @to has been told
 * @bytes: how many have gone in all
 * @room: what has come and not gone
 */
struct way {
	int from;
	int to;
	bool from_socket;
	bool to_socket;
	size_t filled;
	size_t taken;
	bool full;
	bool records;
	bool ended;
	bool done;
	__u64 bytes;
	char room[ROOM];
};

/* Where bytes come from, or go to: a socket, or two descriptors. */
struct end {
	int in;
	int out;
	bool socket;
};

static int type_of(const struct options *options)
{
	return options->given[OPTION_SEQPACKET] ? SOCK_SEQPACKET : SOCK_STREAM;
}

/* -------------------------------------------------------------------- carrying */

/* An error that only says: not now. */
static bool later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* Takes what there is; 0, or the error. */
static int fill(struct way *way)
{
	ssize_t n;

	if (way->from_socket)
		n = recv(way->from, way->room, ROOM, MSG_DONTWAIT |
			 (way->records ? MSG_TRUNC : 0));
	else
		n = read(way->from, way->room, PIECE);
	if (n < 0)
		return later() ? 0 : -errno;
	if (n > ROOM)
		return -EMSGSIZE;
	way->filled = n;
	way->taken = 0;
	way->full = n > 0;
	way->ended = n == 0;
	return 0;
}

/* Gives what goes; 0, or the error. */
static int empty(struct way *way)
{
	size_t left = way->filled - way->taken;
	const char *at = way->room + way->taken;
	ssize_t n;

	if (way->to_socket)
		n = send(way->to, at, left, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(way->to, at, left < PIPE_TAKES ? left : PIPE_TAKES);
	if (n < 0)
		return later() ? 0 : -errno;
	way->taken += n;
	way->bytes += n;
	way->full = way->taken < way->filled;
	return 0;
}

/* The source has ended and all has gone: tells the target. */
static void finish(struct way *way)
{
	if (way->to_socket)
		shutdown(way->to, SHUT_WR);
	else
		close(way->to);
	way->done = true;
}

/* The target is gone: tells the source that nobody will have what it sends. */
static void give_up(struct way *way)
{
	if (way->from_socket)
		shutdown(way->from, SHUT_RD);
	finish(way);
}

/* What a way waits for now. */
static void want(const struct way *way, struct pollfd *from, struct pollfd *to)
{
	*from = (struct pollfd){ .fd = -1, .events = POLLIN };
	*to = (struct pollfd){ .fd = -1, .events = POLLOUT };
	if (way->done)
		return;
	if (way->full)
		to->fd = way->to;
	else
		from->fd = way->from;
	/* Of one that waits for its source: is its target still there? */
	if (!way->full && way->to_socket)
		*to = (struct pollfd){ .fd = way->to };
}

static int step(struct way *way, const struct pollfd *from,
		const struct pollfd *to)
{
	int error = 0;

	if (way->done)
		return 0;
	if (from->fd >= 0 && from->revents)
		error = fill(way);
	else if (way->full && to->revents)
		error = empty(way);
	else if (!way->full && to->revents & (POLLERR | POLLHUP))
		/* Nobody will read what may still come. */
		error = -EPIPE;
	if (!error && way->ended && !way->full)
		finish(way);
	return error;
}

/*
 * Carries bytes between two ends until both directions have ended. A direction
 * whose target is gone ends as well; other errors end both.
 */
static int carry(const struct end *a, const struct end *b, bool records,
		 __u64 bytes[2])
{
	struct way *ways = calloc(2, sizeof(*ways));
	struct pollfd fds[4];
	int error = 0;

	if (!ways)
		return -ENOMEM;
	ways[0].records = records;
	ways[1].records = records;
	ways[0].from = a->in;
	ways[0].from_socket = a->socket;
	ways[0].to = b->out;
	ways[0].to_socket = b->socket;
	ways[1].from = b->in;
	ways[1].from_socket = b->socket;
	ways[1].to = a->out;
	ways[1].to_socket = a->socket;
	while (!error && !(ways[0].done && ways[1].done)) {
		want(&ways[0], &fds[0], &fds[1]);
		want(&ways[1], &fds[2], &fds[3]);
		if (poll(fds, 4, -1) < 0) {
			error = errno == EINTR ? 0 : -errno;
			continue;
		}
		for (int i = 0; i < 2 && !error; i++) {
			error = step(&ways[i], &fds[2 * i], &fds[2 * i + 1]);
			if (error == -EPIPE) {
				give_up(&ways[i]);
				error = 0;
			}
		}
	}
	bytes[0] = ways[0].bytes;
	bytes[1] = ways[1].bytes;
	free(ways);
	return error;
}

/* What went, for who asked for it; not among what was received. */
static void tell(const struct options *options, const char *name,
		 const __u64 bytes[2])
{
	if (!options->given[OPTION_JSON])
		return;
	fputs("{\"socket\":", stderr);
	print_json_string(stderr, name, strlen(name));
	fprintf(stderr, ",\"sent\":%llu,\"received\":%llu}\n", bytes[0],
		bytes[1]);
}

/* Standard input and output are one end, this socket the other one. */
static int talk(const struct options *options, int fd)
{
	struct end here = { STDIN_FILENO, STDOUT_FILENO, false };
	struct end there = { fd, fd, true };
	__u64 bytes[2];
	int error;

	error = carry(&here, &there, options->given[OPTION_SEQPACKET], bytes);
	tell(options, options->operands[0], bytes);
	if (!error)
		return STATUS_DONE;
	return failed(error, "speak with", IPCBOOK_SOCKET, options->operands[0],
		      NULL);
}

/* ---------------------------------------------------------- listen and connect */

/* A socket that listens at this name, with the mode that is wanted. */
static int listen_at(const struct options *options, const char *name, int *fd)
{
	mode_t before = 0;

	/* Nobody may connect before the mode is what it is to be. */
	if (options->given[OPTION_MODE])
		before = umask(0777);
	*fd = ipcbook_socket_listen(name, type_of(options) | SOCK_CLOEXEC,
				    SOMAXCONN);
	if (options->given[OPTION_MODE]) {
		umask(before);
		if (*fd >= 0)
			ipcbook_chmod(*fd, options->mode);
	}
	if (*fd >= 0)
		return STATUS_DONE;
	return failed(*fd, "listen at", IPCBOOK_SOCKET, name, NULL);
}

/*
 * Becomes the command, whose descriptor 3 is this socket: of one that listens it
 * is told as systemd tells it, by LISTEN_FDS.
 */
static int become(const struct options *options, int fd, bool listens)
{
	char **command = options->operands + 1;
	char number[24];
	int error;

	if (fd != FIRST_FD && dup2(fd, FIRST_FD) < 0)
		return failed(-errno, "pass on", IPCBOOK_SOCKET,
			      options->operands[0], NULL);
	fcntl(FIRST_FD, F_SETFD, 0);
	if (listens) {
		snprintf(number, sizeof(number), "%d", getpid());
		setenv("LISTEN_PID", number, 1);
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_FDNAMES", "ipcbook", 1);
	}
	execvp(*command, command);
	error = errno;
	complain("cannot run '%s': %s", *command, strerror(error));
	return error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUN;
}

static int accept_one(int listener)
{
	int fd;

	do
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd < 0 ? -errno : fd;
}

int socket_listen(const struct options *options)
{
	const char *name = options->operands[0];
	int fd, listener, status;

	status = listen_at(options, name, &listener);
	if (status)
		return status;
	if (options->operand_count > 1)
		return become(options, listener, true);
	fd = accept_one(listener);
	/* One connection is served; the next is refused, and not left waiting. */
	close(listener);
	if (fd < 0)
		return failed(fd, "accept at", IPCBOOK_SOCKET, name, NULL);
	status = talk(options, fd);
	close(fd);
	return status;
}

int socket_connect(const struct options *options)
{
	const char *name = options->operands[0];
	int fd, status;

	fd = ipcbook_socket_connect(name, type_of(options) | SOCK_CLOEXEC);
	if (fd < 0)
		return failed(fd, "connect to", IPCBOOK_SOCKET, name,
			      "write permission");
	if (options->operand_count > 1)
		return become(options, fd, false);
	status = talk(options, fd);
	close(fd);
	return status;
}

/* ----------------------------------------------------------------------- proxy */

/**
 * struct place - where a proxy listens or connects.
 * @text: as it was given
 * @name: of a socket of ipcbook's, else NULL
 * @address: of another one
 * @length: how long that is
 */
struct place {
	const char *text;
	const char *name;
	struct sockaddr_storage address;
	socklen_t length;
};

static bool parse_unix(const char *path, struct place *place)
{
	struct sockaddr_un *to = (struct sockaddr_un *)&place->address;
	size_t length = strlen(path);

	if (!length || length >= sizeof(to->sun_path))
		return false;
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, path, length + 1);
	place->length = offsetof(struct sockaddr_un, sun_path) + length + 1;
	return true;
}

/* A port of this machine's loopback, which nobody outside can reach. */
static bool parse_tcp(const char *text, struct place *place)
{
	struct sockaddr_in *to = (struct sockaddr_in *)&place->address;
	__u64 port;

	if (!parse_number(text, 1, 65535, &port))
		return false;
	to->sin_family = AF_INET;
	to->sin_port = htons(port);
	to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	place->length = sizeof(*to);
	return true;
}

static bool parse_place(const char *text, struct place *place)
{
	memset(place, 0, sizeof(*place));
	place->text = text;
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, place);
	if (strncmp(text, "tcp:", 4) == 0)
		return parse_tcp(text + 4, place);
	place->name = strncmp(text, "ipcbook:", 8) == 0 ? text + 8 : text;
	return true;
}

static int complain_of(const struct place *place, const char *doing)
{
	int error = -errno;

	complain("cannot %s %s: %s", doing, place->text, strerror(-error));
	return error == -ECONNREFUSED || error == -ENOENT ? STATUS_ABSENT :
	       status_of(error);
}

static int listen_place(const struct options *options,
			const struct place *place, int *fd)
{
	int on = 1;

	if (place->name)
		return listen_at(options, place->name, fd);
	*fd = socket(place->address.ss_family,
		     type_of(options) | SOCK_CLOEXEC, 0);
	if (*fd >= 0)
		setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (*fd < 0 ||
	    bind(*fd, (struct sockaddr *)&place->address, place->length) ||
	    listen(*fd, SOMAXCONN))
		return complain_of(place, "listen at");
	return STATUS_DONE;
}

static int connect_place(const struct options *options,
			 const struct place *place, int *fd)
{
	if (place->name) {
		*fd = ipcbook_socket_connect(place->name, type_of(options) |
					     SOCK_CLOEXEC);
		return *fd >= 0 ? STATUS_DONE :
		       failed(*fd, "connect to", IPCBOOK_SOCKET, place->name,
			      "write permission");
	}
	*fd = socket(place->address.ss_family,
		     type_of(options) | SOCK_CLOEXEC, 0);
	if (*fd < 0 ||
	    connect(*fd, (struct sockaddr *)&place->address, place->length))
		return complain_of(place, "connect to");
	return STATUS_DONE;
}

/* One connection, in a process of its own. */
static int relay(const struct options *options, int fd, const struct place *to)
{
	struct end near = { fd, fd, true }, far;
	__u64 bytes[2];
	int status, error, other;

	status = connect_place(options, to, &other);
	if (status)
		return status;
	far = (struct end){ other, other, true };
	error = carry(&near, &far, options->given[OPTION_SEQPACKET], bytes);
	tell(options, to->text, bytes);
	return error ? STATUS_FAILED : STATUS_DONE;
}

static void serve(const struct options *options, int listener, int fd,
		  const struct place *to)
{
	pid_t parent = getpid();

	switch (fork()) {
	case 0:
		close(listener);
		/* Those it serves do not outlive the proxy. */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent)
			_exit(STATUS_FAILED);
		_exit(relay(options, fd, to));
	case -1:
		complain("cannot fork for a connection: %s", strerror(errno));
	}
	close(fd);
}

int socket_proxy(const struct options *options)
{
	struct place from, to;
	int fd, listener, status;

	for (int i = 0; i < 2; i++)
		if (!parse_place(options->operands[i], i ? &to : &from))
			return wrong_call(options->command,
					  "'%s' is no place: NAME, tcp:PORT or unix:PATH",
					  options->operands[i]);
	if (!from.name && !to.name)
		return wrong_call(options->command,
				  "one of both is to be a name of ipcbook's");
	if (options->given[OPTION_SEQPACKET] &&
	    (from.address.ss_family == AF_INET ||
	     to.address.ss_family == AF_INET))
		return wrong_call(options->command,
				  "TCP has no records: leave out --seqpacket");
	status = listen_place(options, &from, &listener);
	if (status)
		return status;
	signal(SIGCHLD, SIG_IGN);
	while ((fd = accept_one(listener)) >= 0)
		serve(options, listener, fd, &to);
	errno = -fd;
	return complain_of(&from, "accept at");
}

/* ---------------------------------------------------------------- stat and rm */

static int keep_stat(const struct ipcbook_stat *stat, void *arg)
{
	memcpy(arg, stat, sizeof(*stat));
	return 1;
}

/* A socket is not opened by its name; the list knows it all the same. */
int socket_stat(const struct options *options)
{
	const char *name = options->operands[0];
	struct ipcbook_stat stat;
	int found;

	found = ipcbook_list(IPCBOOK_SOCKET, name, keep_stat, &stat);
	if (found < 0)
		return failed_listing(found);
	if (!found)
		return failed(-ENOENT, "look at", IPCBOOK_SOCKET, name, NULL);
	if (options->given[OPTION_JSON])
		print_stat_json(stdout, &stat);
	else
		print_stat(stdout, &stat);
	return STATUS_DONE;
}

int socket_rm(const struct options *options)
{
	return remove_all(options, IPCBOOK_SOCKET);
}
