/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that an object owns and user space maps: shared memory and rings.
 */
#ifndef _IPCBOOK_PAGES_H
#define _IPCBOOK_PAGES_H

#include <linux/mm.h>

/**
 * struct pages - a row of pages
 * @count: how many
 * @page: each of them
 */
struct pages {
	unsigned long count;
	struct page **page;
};

int pages_alloc(struct pages *pages, unsigned long count);
void pages_free(struct pages *pages);
u64 pages_memory(const struct pages *pages);
int pages_insert(struct vm_area_struct *vma, unsigned long addr,
		 const struct pages *pages, unsigned long first,
		 unsigned long count);
vm_fault_t pages_fault(struct vm_fault *vmf, const struct pages *pages,
		       unsigned long index);

#endif /* _IPCBOOK_PAGES_H */
