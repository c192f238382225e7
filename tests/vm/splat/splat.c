// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that does on loading what a kernel module must never do, so that
 * the VM runner's verdicts can be seen to work. Parameter how: "warn", "oops",
 * "atomic", "list"; anything else does nothing.
 */
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/spinlock.h>

static char *how = "";
module_param(how, charp, 0);
MODULE_PARM_DESC(how, "what to do: warn, oops, atomic or list");

static void corrupt_list(void)
{
	LIST_HEAD(head);
	struct list_head item;

	list_add(&item, &head);
	head.next = &head;
	list_del(&item);
}

static int __init splat_init(void)
{
	static DEFINE_SPINLOCK(lock);

	if (sysfs_streq(how, "warn")) {
		WARN(1, "splat: a planted warning\n");
	} else if (sysfs_streq(how, "oops")) {
		WRITE_ONCE(*(int *)8, 1);
	} else if (sysfs_streq(how, "atomic")) {
		spin_lock(&lock);
		msleep(20);
		spin_unlock(&lock);
	} else if (sysfs_streq(how, "list")) {
		corrupt_list();
	}
	return 0;
}

static void __exit splat_exit(void)
{
}

module_init(splat_init);
module_exit(splat_exit);
MODULE_DESCRIPTION("Planted splats for the tests of the VM runner");
MODULE_LICENSE("GPL");
