// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shelf: messages in their order of arrival, found by type.
 *
 * Messages of one type stand in a bin, in order of their numbers. Whatever a
 * selector means is the first of some bin, so a bin is left at its front only:
 *
 *	exactly T	the bin is in an index by hash of the type
 *	the lowest	bins are in a tree by type
 *	any		the first of the order over all bins
 *	any but T	the first of that order, if it is no T; else see below
 *
 * The order over all bins is a ring of runs. A run is some messages of one type
 * that nothing of another type stands between; its first message is in the
 * ring, the others follow it in the bin. Two runs side by side are of different
 * types, or they would be one. So when the first of all is of type T, the first
 * that is not is the first of the second run.
 *
 *	arrived		7/1  7/2  5/3  7/4  7/5  7/6		type/number
 *	bin 7		1 2 4 5 6
 *	bin 5		3
 *	runs		1(2)  3  4(5 6)
 *
 * What was taken and put back is not in the ring, where its place would have to
 * be searched for, but in a tree by number. In its bin it is before all that
 * were never taken: those arrived later, or it would not have been the first.
 * They are as many as were taken at a time.
 *
 * A bin outlives its messages. Each message, from before it is on the shelf until
 * after it was copied out, pins the bin of its type, so that it can be put back
 * without asking for memory. The bins that became empty last stay in the tree,
 * since the next message is often of such a type; they are few enough to be
 * stepped over. Of the others, those that nobody pins become blank and wait for
 * another type.
 *
 * The index grows by steps: the old one is emptied a few heads at a time,
 * whenever a bin gets a type.
 *
 * Locks: none; whoever owns the shelf has one. Blank bins and a larger index are
 * allocated without it, by shelf_new_bin() and book_alloc_index().
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/random.h>

#include "book.h"
#include "shelf.h"

/* Heads of the old index that are emptied at a time. */
#define SHELF_MOVES	8

static struct kmem_cache *shelf_bins;

int __init shelf_setup(void)
{
	shelf_bins = book_cache("ipcbook_bin", sizeof(struct bin));
	return shelf_bins ? 0 : -ENOMEM;
}

void shelf_cleanup(void)
{
	kmem_cache_destroy(shelf_bins);
}

/* Begins a shelf, which is zeroed. */
void shelf_begin(struct shelf *shelf)
{
	shelf->runs.before = &shelf->runs;
	shelf->runs.after = &shelf->runs;
	shelf->tree = RB_ROOT_CACHED;
	shelf->index = shelf->heads;
	shelf->bits = SHELF_BITS;
	shelf->enough = 1 << SHELF_BITS;
	shelf->secret = get_random_u64();
}

/* Ends a shelf, to whose bins no message is pinned any more. */
void shelf_end(struct shelf *shelf)
{
	struct bin *bin;
	int i;

	for (i = 0; i < SHELF_KEPT; i++)
		if (shelf->kept[i])
			kmem_cache_free(shelf_bins, shelf->kept[i]);
	while ((bin = shelf->blank)) {
		shelf->blank = bin->blank;
		kmem_cache_free(shelf_bins, bin);
	}
	if (shelf->old != shelf->heads)
		kvfree(shelf->old);
	if (shelf->index != shelf->heads)
		kvfree(shelf->index);
}

/* ---------------------------------------------------------------------- bins */

/* A blank bin that @object's creator pays for, or NULL. */
struct bin *shelf_new_bin(struct book_object *object, gfp_t gfp)
{
	return book_alloc_owned(object, shelf_bins, gfp);
}

/* Gives the shelf a blank bin. */
void shelf_supply(struct shelf *shelf, struct bin *bin)
{
	bin->blank = shelf->blank;
	shelf->blank = bin;
	shelf->blanks++;
}

static u64 shelf_hash(const struct shelf *shelf, s64 type)
{
	u64 hash = (type ^ shelf->secret) * GOLDEN_RATIO_64;

	return (hash ^ hash >> 32) * (shelf->secret | 1);
}

static struct bin *chain_find(const struct hlist_head *head, s64 type)
{
	struct bin *bin;

	hlist_for_each_entry(bin, head, hash)
		if (bin->type == type)
			return bin;
	return NULL;
}

/* shelf_find() where it is not among those that were asked for last. */
struct bin *shelf_search(struct shelf *shelf, s64 type)
{
	u64 hash = shelf_hash(shelf, type);
	struct bin *bin;

	bin = chain_find(shelf->index + (hash >> (64 - shelf->bits)), type);
	if (!bin && unlikely(shelf->old) &&
	    hash >> (64 - shelf->old_bits) >= shelf->moved)
		bin = chain_find(shelf->old + (hash >> (64 - shelf->old_bits)),
				 type);
	if (bin)
		*shelf_recent(shelf, type) = bin;
	return bin;
}

static void shelf_enter(struct shelf *shelf, struct bin *bin)
{
	u64 hash = shelf_hash(shelf, bin->type);

	hlist_add_head(&bin->hash, shelf->index + (hash >> (64 - shelf->bits)));
}

/* Moves some bins from the old index into the new one. */
static void shelf_move(struct shelf *shelf)
{
	unsigned long end = min(shelf->moved + SHELF_MOVES,
				1UL << shelf->old_bits);
	struct hlist_node *next;
	struct bin *bin;

	for (; shelf->moved < end; shelf->moved++)
		hlist_for_each_entry_safe(bin, next, shelf->old + shelf->moved,
					  hash) {
			hlist_del(&bin->hash);
			shelf_enter(shelf, bin);
		}
}

static bool shelf_moving(const struct shelf *shelf)
{
	return shelf->old && shelf->moved < 1UL << shelf->old_bits;
}

/**
 * shelf_crowded() - whether a shelf wants a larger index
 * @shelf: the shelf
 *
 * Return: two to the power of which it should have, or 0 if it has enough.
 */
unsigned int shelf_crowded(const struct shelf *shelf)
{
	return shelf->bins < shelf->enough ? 0 : shelf->bits + SHELF_GROWTH;
}

/**
 * shelf_index() - gives a shelf a larger index
 * @shelf: the shelf
 * @index: empty heads; NULL to do without
 * @bits: two to the power of which there are
 *
 * Return: the heads that are not needed any more, for kvfree(): those before the
 * ones that are replaced now, or @index itself if it comes too late or too soon.
 */
struct hlist_head *shelf_index(struct shelf *shelf, struct hlist_head *index,
			       unsigned int bits)
{
	struct hlist_head *unused = shelf->old;

	if (bits <= shelf->bits)
		return index;
	if (!index || shelf_moving(shelf)) {
		shelf->enough = 1UL << (shelf->bits + SHELF_LOAD);
		return index;
	}
	shelf->old = shelf->index;
	shelf->old_bits = shelf->bits;
	shelf->moved = 0;
	shelf->index = index;
	shelf->bits = bits;
	shelf->enough = 1UL << bits;
	return unused == shelf->heads ? NULL : unused;
}

/* Gives a blank bin the type @type; NULL if there is none, or no room. */
struct bin *shelf_assign(struct shelf *shelf, s64 type)
{
	struct bin *bin = shelf->blank;

	if (!bin || shelf->bins >= shelf->enough)
		return NULL;
	shelf->blank = bin->blank;
	shelf->blanks--;
	*bin = (struct bin){ .type = type };
	if (shelf_moving(shelf))
		shelf_move(shelf);
	shelf_enter(shelf, bin);
	shelf->bins++;
	*shelf_recent(shelf, type) = bin;
	return bin;
}

/* Makes a bin blank that is neither pinned nor in the tree. */
void shelf_forget(struct shelf *shelf, struct bin *bin)
{
	hlist_del(&bin->hash);
	shelf->bins--;
	if (*shelf_recent(shelf, bin->type) == bin)
		*shelf_recent(shelf, bin->type) = NULL;
	if (shelf->blanks < SHELF_BLANKS)
		shelf_supply(shelf, bin);
	else
		kmem_cache_free(shelf_bins, bin);
}

static bool bin_lower(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct bin, node)->type <
	       rb_entry(b, struct bin, node)->type;
}

/* A bin that was not in the tree has a message. */
void shelf_plant(struct shelf *shelf, struct bin *bin)
{
	bin->planted = true;
	shelf->planted++;
	rb_add_cached(&bin->node, &shelf->tree, bin_lower);
}

/* A bin has become empty; another one leaves the tree for it. */
void shelf_keep(struct shelf *shelf, struct bin *bin)
{
	struct bin **place = &shelf->kept[shelf->turn++ % SHELF_KEPT];
	struct bin *other = *place;

	*place = bin;
	bin->kept = true;
	if (!other)
		return;
	other->kept = false;
	if (other->first)
		return;
	other->planted = false;
	shelf->planted--;
	rb_erase_cached(&other->node, &shelf->tree);
	if (!other->users)
		shelf_forget(shelf, other);
}

/* How many types there are messages of. */
u64 shelf_types(const struct shelf *shelf)
{
	u64 types = shelf->planted;
	int i;

	for (i = 0; i < SHELF_KEPT; i++)
		if (shelf->kept[i] && !shelf->kept[i]->first)
			types--;
	return types;
}

/* --------------------------------------------------------------------- order */

static struct item *to_item(struct rb_node *node)
{
	return rb_entry_safe(node, struct item, node);
}

static bool item_older(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct item, node)->number <
	       rb_entry(b, struct item, node)->number;
}

/**
 * shelf_return() - puts back what was taken
 * @shelf: the shelf
 * @item: it, with its number
 */
void shelf_return(struct shelf *shelf, struct item *item)
{
	struct bin *bin = item->bin;
	struct item **link = &bin->first;

	while (*link && (*link)->number < item->number)
		link = &(*link)->behind;
	if (!bin->planted)
		shelf_plant(shelf, bin);
	item->behind = *link;
	if (!item->behind)
		bin->last = item;
	*link = item;
	item->returned = true;
	rb_add(&item->node, &shelf->returned, item_older);
}

/* The parts of shelf_take() that are rare. */
void shelf_unreturn(struct shelf *shelf, struct item *item)
{
	rb_erase(&item->node, &shelf->returned);
	item->returned = false;
}

void shelf_join_runs(struct item *before, struct item *after)
{
	before->after = after->after;
	after->after->before = before;
	after->before = NULL;
}

static struct item *older(struct item *a, struct item *b)
{
	if (!a || !b)
		return a ?: b;
	return a->number < b->number ? a : b;
}

/* The oldest of all. */
struct item *shelf_first(const struct shelf *shelf)
{
	return older(shelf_run(shelf->runs.after),
		     to_item(rb_first(&shelf->returned)));
}

/* The first of the lowest type, if that is not above @high. */
struct item *shelf_lowest(const struct shelf *shelf, s64 high)
{
	struct rb_node *node = rb_first_cached(&shelf->tree);
	struct bin *bin;

	for (; node; node = rb_next(node)) {
		bin = rb_entry(node, struct bin, node);
		if (bin->type > high)
			return NULL;
		if (bin->first)
			return bin->first;
	}
	return NULL;
}

/* The oldest of any type but @type. */
struct item *shelf_other(const struct shelf *shelf, s64 type)
{
	struct rb_node *node = rb_first(&shelf->returned);
	struct item *run = shelf->runs.after;

	if (run->bin && run->bin->type == type)
		run = run->after;
	while (unlikely(node) && to_item(node)->bin->type == type)
		node = rb_next(node);
	return older(shelf_run(run), to_item(node));
}

/**
 * shelf_nth() - the message before which others are
 * @shelf: the shelf
 * @n: how many; it takes as many steps
 *
 * Return: the message, or NULL.
 */
struct item *shelf_nth(const struct shelf *shelf, u64 n)
{
	struct rb_node *node = rb_first(&shelf->returned);
	struct item *run = shelf->runs.after;
	struct item *item = shelf_run(run);
	struct item *at;

	for (;;) {
		at = older(item, to_item(node));
		if (!at || !n--)
			return at;
		if (at != item) {
			node = rb_next(node);
		} else if (at->behind && item_inside(at->behind)) {
			item = at->behind;
		} else {
			run = run->after;
			item = shelf_run(run);
		}
	}
}
