// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that does on loading what a kernel module must never do, so that
 * the VM runner's verdicts can be seen to work. The parameter how names one of
 * the deeds below; anything else does nothing. Every kernel notices the first
 * three, the others only a kernel that looks for them.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *how = "";
module_param(how, charp, 0);
MODULE_PARM_DESC(how, "what to do: the name of a deed");

static void warn(void)
{
	WARN(1, "splat: a planted warning\n");
}

static void oops(void)
{
	WRITE_ONCE(*(int *)8, 1);
}

static void sleep_in_atomic(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	msleep(20);
	spin_unlock(&lock);
}

static void corrupt_list(void)
{
	LIST_HEAD(head);
	struct list_head item;

	list_add(&item, &head);
	head.next = &head;
	list_del(&item);
}

static void use_after_free(void)
{
	char *freed = kmalloc(64, GFP_KERNEL);

	if (!freed)
		return;
	OPTIMIZER_HIDE_VAR(freed);
	kfree(freed);
	WRITE_ONCE(freed[5], 1);
}

static void leak(void)
{
	char *lost = kmalloc(64, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(lost);
	/* Nothing may still point there by chance. */
	WRITE_ONCE(lost, NULL);
}

/* Once this way and once that way: two who do it at once would never end. */
static void invert_locks(void)
{
	static DEFINE_MUTEX(one);
	static DEFINE_MUTEX(other);

	mutex_lock(&one);
	mutex_lock(&other);
	mutex_unlock(&other);
	mutex_unlock(&one);
	mutex_lock(&other);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&other);
}

static int shared;
static DECLARE_COMPLETION(raced);

static int race_thread(void *unused)
{
	int i;

	for (i = 0; i < 1000000; i++) {
		shared++;
		barrier();
	}
	complete(&raced);
	return 0;
}

static void race(void)
{
	struct task_struct *task = kthread_run(race_thread, NULL, "splat");

	if (IS_ERR(task))
		return;
	race_thread(NULL);
	wait_for_completion(&raced);
	wait_for_completion(&raced);
}

static const struct {
	const char *name;
	void (*deed)(void);
} deeds[] = {
	{ "warn", warn },
	{ "oops", oops },
	{ "atomic", sleep_in_atomic },
	{ "list", corrupt_list },
	{ "use-after-free", use_after_free },
	{ "leak", leak },
	{ "lock-order", invert_locks },
	{ "race", race },
};

static int __init splat_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(deeds); i++)
		if (sysfs_streq(how, deeds[i].name))
			deeds[i].deed();
	return 0;
}

static void __exit splat_exit(void)
{
}

module_init(splat_init);
module_exit(splat_exit);
MODULE_DESCRIPTION("Planted splats for the tests of the VM runner");
MODULE_LICENSE("GPL");
