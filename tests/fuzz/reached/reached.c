// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linked into ipcbook for `make coverage`: what the compiler calls in each basic
 * block. In a kernel with KCOV it takes the place of the kernel's own.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/uaccess.h>

#include "ipcbook_reached.h"

/* tests/fuzz/coverage knows these two by name. */
noinline void reached_text(void)
{
}

noinline void __init reached_init(void)
{
}

void notrace __ref __sanitizer_cov_trace_pc(void)
{
	/* it may be in the middle of a copy to or from a user's memory */
	unsigned long flags = user_access_save();

	ipcbook_reached(_RET_IP_, (unsigned long)reached_text,
			(unsigned long)reached_init);
	user_access_restore(flags);
}
