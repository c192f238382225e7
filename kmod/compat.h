/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between the kernels that the module builds for, and the
 * only place for them. A name here reads as in the newest kernel and is given
 * to the older ones; which one it is, Kbuild probes in the kernel's headers.
 */
#ifndef _IPCBOOK_COMPAT_H
#define _IPCBOOK_COMPAT_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <net/genetlink.h>

/* 6.6: the attributes of a dump request moved into struct genl_info. */
#ifdef IPCBOOK_HAS_GENL_INFO_DUMP
#define book_dump_attrs(cb)	(genl_info_dump(cb)->attrs)
#else
#define book_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#endif

/* 6.3: a mapping's flags are changed by functions that check its lock. */
#ifndef IPCBOOK_HAS_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma,
				unsigned long flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma,
				  unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.5: what splices out of a file that has a read_iter. */
#ifdef IPCBOOK_HAS_COPY_SPLICE_READ
#define book_splice_read	copy_splice_read
#else
#define book_splice_read	generic_file_splice_read
#endif

/* A write that is not to raise SIGPIPE; older kernels have none. */
#ifndef IOCB_NOSIGNAL
#define IOCB_NOSIGNAL		0
#endif

/* 6.10: __assign_str() knows the source from __string(). */
#ifdef IPCBOOK_HAS_ASSIGN_STR_1
#define book_assign_str(dst, src)	__assign_str(dst)
#else
#define book_assign_str(dst, src)	__assign_str(dst, src)
#endif

/* 6.19: the type of an address that is as long as its length says. */
#ifndef IPCBOOK_HAS_SOCKADDR_UNSIZED
#define sockaddr_unsized	sockaddr
#endif

/* 6.10: what accept() of a protocol is told comes in a structure. */
#ifdef IPCBOOK_HAS_PROTO_ACCEPT_ARG
#define BOOK_ACCEPT_ARGS	struct proto_accept_arg *arg
#define book_accept_flags	(arg->flags)
#else
#define BOOK_ACCEPT_ARGS	int flags, bool kern
#define book_accept_flags	(flags)
#endif

/* 6.12: that an interface stays in its namespace became a bit, renamed in 6.15. */
static inline void book_netdev_stays(struct net_device *dev)
{
#if defined(IPCBOOK_HAS_NETNS_IMMUTABLE)
	dev->netns_immutable = true;
	dev->lltx = true;
#elif defined(IPCBOOK_HAS_NETNS_LOCAL)
	dev->netns_local = true;
	dev->lltx = true;
#else
	dev->features |= NETIF_F_NETNS_LOCAL | NETIF_F_LLTX;
#endif
}

/* 6.4: where the first piece of an iterator is. */
#ifndef IPCBOOK_HAS_ITER_IOV_ADDR
static inline void __user *iter_iov_addr(const struct iov_iter *iter)
{
	return iter->iov->iov_base + iter->iov_offset;
}
#endif

/* A local that is filled before it is read, and need not be zeroed first. */
#ifndef __uninitialized
#if __has_attribute(__uninitialized__)
#define __uninitialized		__attribute__((__uninitialized__))
#else
#define __uninitialized
#endif
#endif

#endif /* _IPCBOOK_COMPAT_H */
