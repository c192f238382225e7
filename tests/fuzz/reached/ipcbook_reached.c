// SPDX-License-Identifier: GPL-2.0-only
/*
 * Remembers where a module built for `make coverage` has been, whoever was there:
 * any process, an interrupt, a worker of the kernel's; also while that module is
 * loaded and unloaded, which is why this is a module of its own.
 *
 * A place is told as the distance from a function that is the first of the
 * module's text, or of its code for loading. They can be read in
 * /sys/kernel/debug/ipcbook_reached/places, a line each; count beside it says how
 * many they are.
 */
#include <linux/bitmap.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "ipcbook_reached.h"

#define PLACES	0x100000UL
/* The code for loading may lie close behind the other; a page is free between. */
#define INIT_PLACES	(2 * PAGE_SIZE)

static DECLARE_BITMAP(text_places, PLACES);
static DECLARE_BITMAP(init_places, INIT_PLACES);
static struct dentry *directory;
static atomic_t count = ATOMIC_INIT(0);

void ipcbook_reached(unsigned long at, unsigned long text, unsigned long init)
{
	unsigned long place = at - init + INIT_PLACES / 2;

	if (place < INIT_PLACES) {
		set_bit(place, init_places);
		return;
	}
	place = at - text + PLACES / 2;
	if (place < PLACES && !test_bit(place, text_places) &&
	    !test_and_set_bit(place, text_places))
		atomic_inc(&count);
}
EXPORT_SYMBOL_GPL(ipcbook_reached);

static int reached_show(struct seq_file *seq, void *unused)
{
	unsigned long place;

	for_each_set_bit(place, text_places, PLACES)
		seq_printf(seq, "text %ld\n", (long)(place - PLACES / 2));
	for_each_set_bit(place, init_places, INIT_PLACES)
		seq_printf(seq, "init %ld\n", (long)(place - INIT_PLACES / 2));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(reached);

static int __init remember_init(void)
{
	directory = debugfs_create_dir("ipcbook_reached", NULL);
	debugfs_create_file("places", 0444, directory, NULL, &reached_fops);
	debugfs_create_atomic_t("count", 0444, directory, &count);
	return 0;
}

static void __exit remember_exit(void)
{
	debugfs_remove(directory);
}

module_init(remember_init);
module_exit(remember_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Where ipcbook has been");
