/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that the test itself serves: who touches it waits until it says so.
 */
#ifndef TEST_SERVED_H
#define TEST_SERVED_H

#include <linux/userfaultfd.h>

#include "harness.h"

/*
 * A page that is not there before somebody copies it in, with @before bytes in
 * front of it that are; NULL without that. Returns where those begin.
 */
static inline char *served_behind(int *server, size_t before)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	char *pages;

	*server = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (*server < 0)
		return NULL;
	keep(*server);
	is(sys(ioctl(*server, UFFDIO_API, &api)), 0);
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	holds(pages != MAP_FAILED);
	*pages = 0;
	reg.range.start = (uintptr_t)pages + 4096;
	reg.range.len = 4096;
	is(sys(ioctl(*server, UFFDIO_REGISTER, &reg)), 0);
	return pages + 4096 - before;
}

static inline char *served_page(int *server)
{
	return served_behind(server, 0);
}

/* Waits until somebody needs it, and after that lets it go on. */
static inline void await_need(int server)
{
	struct pollfd fd = { .fd = server, .events = POLLIN };
	struct uffd_msg message;

	is(poll(&fd, 1, 20000), 1);
	is(sys(read(server, &message, sizeof(message))), sizeof(message));
	is(message.event, UFFD_EVENT_PAGEFAULT);
}

/* Whoever waits for the page goes on, and finds @from there. */
static inline void serve(int server, char *page, const void *from)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)page,
		.src = (uintptr_t)from,
		.len = 4096,
	};

	is(sys(ioctl(server, UFFDIO_COPY, &copy)), 0);
}

#endif /* TEST_SERVED_H */
