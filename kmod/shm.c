// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared memory: the same physical pages in several address spaces.
 *
 * A segment is a row of pages (pages.c), complete from its creation to the
 * moment when nobody refers to it any more. Nothing of it changes in between
 * but what user space writes there, and that the kernel never reads.
 *
 * Mapping puts all pages in place at once; MADV_DONTNEED may take some out
 * again, and a fault then brings them back. Who may write was decided when the
 * descriptor was opened: of one that was opened to read, the memory manager
 * makes mappings that mprotect() cannot make writable, and there is no way to
 * open an anonymous inode a second time.
 *
 * A mapping holds the open file, which holds the segment: the name may go, and
 * the descriptor, and the pages stay.
 *
 * Locks: none of its own. shm.pages is fixed; shm.mappings is atomic and only
 * shown.
 */
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "book.h"
#include "compat.h"
#include "pages.h"
#include "trace.h"

static unsigned long shm_max_bytes = 64UL << 20;
module_param(shm_max_bytes, ulong, 0644);
MODULE_PARM_DESC(shm_max_bytes, "Most bytes of one shared memory segment");

/* What even CAP_SYS_RESOURCE does not exceed: the row of pages fits an int. */
#define SHM_MOST_PAGES	BIT_ULL(27)

/**
 * struct shm - a segment
 * @object: what all chapters have
 * @pages: its pages
 * @mappings: how many mappings there are
 */
struct shm {
	struct book_object object;
	struct pages pages;
	atomic_long_t mappings;
};

static struct shm *to_shm(struct book_object *object)
{
	return container_of(object, struct shm, object);
}

static struct shm *file_shm(const struct file *filp)
{
	const struct book_file *file = filp->private_data;

	return to_shm(file->object);
}

static u64 shm_size(const struct shm *shm)
{
	return (u64)shm->pages.count << PAGE_SHIFT;
}

/* ----------------------------------------------------------------- mappings */

/* What a mapping may do later on counts, not what it does now. */
static bool shm_writable(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_MAYWRITE;
}

/* A mapping was copied by fork(), or cut in two. */
static void shm_vma_open(struct vm_area_struct *vma)
{
	struct shm *shm = file_shm(vma->vm_file);

	atomic_long_inc(&shm->mappings);
	trace_shm_map(shm->object.id, (u64)vma->vm_pgoff << PAGE_SHIFT,
		      vma->vm_end - vma->vm_start, shm_writable(vma));
}

static void shm_vma_close(struct vm_area_struct *vma)
{
	struct shm *shm = file_shm(vma->vm_file);

	atomic_long_dec(&shm->mappings);
	trace_shm_unmap(shm->object.id, (u64)vma->vm_pgoff << PAGE_SHIFT,
			vma->vm_end - vma->vm_start, shm_writable(vma));
}

static vm_fault_t shm_vma_fault(struct vm_fault *vmf)
{
	struct shm *shm = file_shm(vmf->vma->vm_file);

	return pages_fault(vmf, &shm->pages, vmf->pgoff);
}

static const struct vm_operations_struct shm_vm_ops = {
	.open = shm_vma_open,
	.close = shm_vma_close,
	.fault = shm_vma_fault,
};

static int shm_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct shm *shm = file_shm(filp);
	unsigned long count = vma_pages(vma);
	int err;

	/* Of a descriptor that is read-only, VM_SHARED is not set. */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff >= shm->pages.count ||
	    count > shm->pages.count - vma->vm_pgoff)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_MIXEDMAP);
	err = pages_insert(vma, vma->vm_start, &shm->pages, vma->vm_pgoff,
			   count);
	if (err)
		return err;
	vma->vm_ops = &shm_vm_ops;
	shm_vma_open(vma);
	return 0;
}

/* -------------------------------------------------------------- descriptors */

/* There is nothing to read at an offset; but the end is the size. */
static loff_t shm_llseek(struct file *filp, loff_t offset, int whence)
{
	return fixed_size_llseek(filp, offset, whence,
				 shm_size(file_shm(filp)));
}

static long shm_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	if (_IOC_TYPE(cmd) != IPCBOOK_IOC_MAGIC)
		return -ENOTTY;
	return book_ioctl(filp->private_data, _IOC_NR(cmd),
			  (void __user *)arg);
}

static void shm_show_fdinfo(struct seq_file *seq, struct file *filp)
{
	struct shm *shm = file_shm(filp);

	book_show_fdinfo(seq, &shm->object);
	seq_printf(seq, "bytes:\t%llu\nmappings:\t%ld\n", shm_size(shm),
		   atomic_long_read(&shm->mappings));
}

/* ------------------------------------------------------- the chapter's table */

static struct book_object *shm_create(const struct ipcbook_open *arg)
{
	u64 size = arg->shm.size;
	struct shm *shm;
	int err;

	if (!size || !PAGE_ALIGNED(size))
		return ERR_PTR(-EINVAL);
	err = book_limit(&size, size, READ_ONCE(shm_max_bytes));
	if (err)
		return ERR_PTR(err);
	if (size >> PAGE_SHIFT > SHM_MOST_PAGES)
		return ERR_PTR(-E2BIG);
	shm = kzalloc(sizeof(*shm), GFP_KERNEL_ACCOUNT);
	if (!shm)
		return ERR_PTR(-ENOMEM);
	shm->object.capacity = size;
	return &shm->object;
}

static int shm_fill(struct book_object *object)
{
	return pages_alloc(&to_shm(object)->pages,
			   object->capacity >> PAGE_SHIFT);
}

static void shm_destroy(struct book_object *object)
{
	struct shm *shm = to_shm(object);

	pages_free(&shm->pages);
	kfree(shm);
}

static void shm_stat(struct book_object *object, struct ipcbook_stat *stat)
{
	struct shm *shm = to_shm(object);

	stat->bytes = shm_size(shm);
	stat->max_bytes = shm_size(shm);
	stat->memory = sizeof(*shm) + pages_memory(&shm->pages);
}

static const struct file_operations shm_fops = {
	.owner = THIS_MODULE,
	.release = book_release,
	.mmap = shm_mmap,
	.llseek = shm_llseek,
	.unlocked_ioctl = shm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = shm_show_fdinfo,
};

const struct book_chapter shm_chapter = {
	.id = IPCBOOK_SHM,
	.name = "shm",
	.fops = &shm_fops,
	.limits_size = sizeof(struct ipcbook_shm_limits),
	.file_size = sizeof(struct book_file),
	.create = shm_create,
	.fill = shm_fill,
	.destroy = shm_destroy,
	.stat = shm_stat,
};
