// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sockets that turn round inside the module.
 *
 * The library makes them and writes their addresses; all else is done by the
 * ordinary system calls.
 */
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "book.h"

int ipcbook_socket(int type)
{
	struct ipcbook_socket make = {
		.size = sizeof(make),
		.type = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC),
		.mode = 0666,
	};

	if (type & SOCK_NONBLOCK)
		make.flags |= IPCBOOK_OPEN_NONBLOCK;
	if (type & SOCK_CLOEXEC)
		make.flags |= IPCBOOK_OPEN_CLOEXEC;
	return ipcbook__device(IPCBOOK_IOC_SOCKET, &make);
}

int ipcbook_socket_address(struct sockaddr_ipcbook *address, const char *name)
{
	int error;

	memset(address, 0, sizeof(*address));
	address->family = IPCBOOK_AF;
	error = ipcbook__name(address->name, name);
	if (error)
		return error;
	return offsetof(struct sockaddr_ipcbook, name) + strlen(name) + 1;
}

/* What a call on a new socket came to: the socket, or its error. */
static int keep_or_close(int fd, int answer, int saved)
{
	answer = ipcbook__answer(answer, saved);
	if (!answer)
		return fd;
	close(fd);
	errno = saved;
	return answer;
}

int ipcbook_socket_listen(const char *name, int type, int backlog)
{
	struct sockaddr_ipcbook address;
	int saved = errno;
	int fd, length;

	length = ipcbook_socket_address(&address, name);
	if (length < 0)
		return length;
	fd = ipcbook_socket(type);
	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&address, length))
		return keep_or_close(fd, -1, saved);
	return keep_or_close(fd, listen(fd, backlog), saved);
}

int ipcbook_socket_connect(const char *name, int type)
{
	struct sockaddr_ipcbook address;
	int saved = errno;
	int fd, length;

	length = ipcbook_socket_address(&address, name);
	if (length < 0)
		return length;
	fd = ipcbook_socket(type);
	if (fd < 0)
		return fd;
	return keep_or_close(fd, connect(fd, (struct sockaddr *)&address,
					 length), saved);
}
