/* SPDX-License-Identifier: GPL-2.0-only */
/* What a module built for `make coverage` tells ipcbook_reached.ko. */
#ifndef _IPCBOOK_REACHED_H
#define _IPCBOOK_REACHED_H

/* In ipcbook_reached.ko. */
void ipcbook_reached(unsigned long at, unsigned long text, unsigned long init);

/* In ipcbook.ko: from the first two places are counted. */
void reached_text(void);
void reached_init(void);
void __sanitizer_cov_trace_pc(void);

#endif /* _IPCBOOK_REACHED_H */
