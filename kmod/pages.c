// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that an object owns and user space maps.
 *
 * They are had one by one when the object is created, zeroed and charged to the
 * creator's memory cgroup: a larger order might not be there, and whoever
 * touches a page first would be charged for it if they came later. They are no
 * page cache: nothing writes them back, swaps them out or migrates them.
 *
 * A page is freed by its last reference: the object holds one, so does whoever
 * pinned it (a write from it that is still under way), so that it may outlive
 * the object.
 *
 * Locks: none. The row is fixed between pages_alloc() and pages_free().
 */
#include <linux/gfp.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "pages.h"

/* Pages mapped in one go, before others may have the CPU. */
#define PAGES_BATCH	512UL

/**
 * pages_alloc() - a row of zeroed pages
 * @pages: to be filled; @pages->count is 0 if that fails
 * @count: how many, at most INT_MAX / sizeof(struct page *)
 *
 * Does not kill anybody when memory or the cgroup's share of it is used up.
 *
 * Return: 0; ENOMEM; EINTR if the caller is being killed.
 */
int pages_alloc(struct pages *pages, unsigned long count)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
			  __GFP_RETRY_MAYFAIL;
	int err = -ENOMEM;

	pages->count = 0;
	if (count > totalram_pages())
		return -ENOMEM;
	pages->page = kvmalloc_array(count, sizeof(*pages->page), gfp);
	if (!pages->page)
		return -ENOMEM;
	for (; pages->count < count; pages->count++) {
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			goto err_free;
		}
		pages->page[pages->count] = alloc_page(gfp | __GFP_ZERO);
		if (!pages->page[pages->count])
			goto err_free;
		cond_resched();
	}
	return 0;

err_free:
	pages_free(pages);
	return err;
}

/**
 * pages_free() - gives a row of pages back
 * @pages: them; nothing is mapped any more
 */
void pages_free(struct pages *pages)
{
	while (pages->count) {
		__free_page(pages->page[--pages->count]);
		cond_resched();
	}
	kvfree(pages->page);
	pages->page = NULL;
}

/**
 * pages_memory() - what a row of pages costs
 * @pages: it
 *
 * Return: bytes of the pages and of the row itself.
 */
u64 pages_memory(const struct pages *pages)
{
	return pages->count * (u64)(PAGE_SIZE + sizeof(*pages->page));
}

/**
 * pages_insert() - maps a part of a row
 * @vma: a new mapping, which is VM_MIXEDMAP; its lock is held to write
 * @addr: where in it
 * @pages: the row
 * @first: the first page
 * @count: how many; they are there, and there is room for them in @vma
 *
 * That none of them needs a fault is what makes attaching cheap. What fails
 * half-way is undone by whoever unmaps @vma.
 *
 * Return: 0; ENOMEM; EINTR if the caller is being killed.
 */
int pages_insert(struct vm_area_struct *vma, unsigned long addr,
		 const struct pages *pages, unsigned long first,
		 unsigned long count)
{
	unsigned long batch, left;
	int err;

	while (count) {
		batch = min(count, PAGES_BATCH);
		left = batch;
		err = vm_insert_pages(vma, addr, pages->page + first, &left);
		if (err)
			return err;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		addr += batch * PAGE_SIZE;
		first += batch;
		count -= batch;
	}
	return 0;
}

/**
 * pages_fault() - maps one page that was mapped before
 * @vmf: the fault; MADV_DONTNEED took the page out, for example
 * @pages: the row
 * @index: which page
 *
 * Return: what a fault handler returns; SIGBUS beyond the row.
 */
vm_fault_t pages_fault(struct vm_fault *vmf, const struct pages *pages,
		       unsigned long index)
{
	if (index >= pages->count)
		return VM_FAULT_SIGBUS;
	vmf->page = pages->page[index];
	get_page(vmf->page);
	return 0;
}
