/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shelf: messages in their order of arrival, found by type. See shelf.c.
 */
#ifndef _IPCBOOK_SHELF_H
#define _IPCBOOK_SHELF_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/types.h>

#include <linux/ipcbook.h>

struct book_object;
struct item;

/* Empty bins that stay in the tree, and blank ones that are kept at most. */
#define SHELF_KEPT	16
#define SHELF_BLANKS	1024

/* Bins that are found without the index. */
#define SHELF_RECENT	16

/*
 * Two to the power of these: heads of the first index; how many times larger
 * each next one is; bins for each head where there is no memory for that.
 */
#define SHELF_BITS	6
#define SHELF_GROWTH	2
#define SHELF_LOAD	4

/**
 * struct bin - the messages of one type
 * @type: which
 * @first: the oldest of them; NULL if there is none now
 * @last: the newest, if there is one
 * @unwanted: for whoever owns the shelf, who zeroes it by nothing but a new bin
 * @users: messages of this type that there are, on the shelf or not
 * @planted: in the tree; so is every bin that has a message
 * @kept: among the last to become empty; so is every planted bin without one
 * @node: in the tree
 * @hash: in the index
 * @blank: the next bin without a type
 */
struct bin {
	s64 type;
	struct item *first;
	struct item *last;
	u64 unwanted;
	u32 users;
	bool planted;
	bool kept;
	struct rb_node node;
	union {
		struct hlist_node hash;
		struct bin *blank;
	};
};

/**
 * struct item - a message's part in the shelf
 * @bin: the bin of its type, from shelf_pin() to shelf_unpin()
 * @number: when it arrived
 * @behind: the next of its type
 * @before: first of the run before; NULL if this is not the first of its run
 * @after: first of the run after
 * @node: among those that were put back
 * @returned: it is among those
 */
struct item {
	struct bin *bin;
	u64 number;
	struct item *behind;
	union {
		struct {
			struct item *before;
			struct item *after;
		};
		struct rb_node node;
	};
	bool returned;
};

/**
 * struct shelf - messages by type and age
 * @recent: bins that were asked for last, by the low bits of their types
 * @planted: bins in the tree
 * @runs: ends the ring of runs; belongs to no bin
 * @returned: what was put back, by number
 * @tree: bins by type
 * @index: bins by hash of the type
 * @bits: it has two to the power of this heads
 * @old_bits: the same of @old
 * @old: the index before, while bins are still in it; else of no use
 * @moved: how many heads of @old are empty for good
 * @bins: in the index
 * @enough: how many there may be
 * @secret: nobody is to choose types that share a head
 * @kept: bins that became empty last; some have messages again
 * @turn: the one of @kept that goes next
 * @blanks: how many
 * @blank: bins without a type
 * @heads: the first index
 */
struct shelf {
	struct bin *recent[SHELF_RECENT];
	u64 planted;
	struct item runs;
	struct rb_root returned;
	struct rb_root_cached tree;
	struct hlist_head *index;
	unsigned int bits;
	unsigned int old_bits;
	struct hlist_head *old;
	unsigned long moved;
	unsigned long bins;
	unsigned long enough;
	u64 secret;
	struct bin *kept[SHELF_KEPT];
	unsigned int turn;
	unsigned int blanks;
	struct bin *blank;
	struct hlist_head heads[1 << SHELF_BITS];
};

int shelf_setup(void);
void shelf_cleanup(void);
void shelf_begin(struct shelf *shelf);
void shelf_end(struct shelf *shelf);
struct bin *shelf_new_bin(struct book_object *object, gfp_t gfp);
void shelf_supply(struct shelf *shelf, struct bin *bin);
unsigned int shelf_crowded(const struct shelf *shelf);
struct hlist_head *shelf_index(struct shelf *shelf, struct hlist_head *index,
			       unsigned int bits);
u64 shelf_types(const struct shelf *shelf);
struct item *shelf_nth(const struct shelf *shelf, u64 n);
void shelf_return(struct shelf *shelf, struct item *item);

/* The slow parts of what follows. */
struct bin *shelf_search(struct shelf *shelf, s64 type);
struct bin *shelf_assign(struct shelf *shelf, s64 type);
void shelf_forget(struct shelf *shelf, struct bin *bin);
void shelf_plant(struct shelf *shelf, struct bin *bin);
void shelf_keep(struct shelf *shelf, struct bin *bin);
void shelf_unreturn(struct shelf *shelf, struct item *item);
void shelf_join_runs(struct item *before, struct item *after);
struct item *shelf_first(const struct shelf *shelf);
struct item *shelf_lowest(const struct shelf *shelf, s64 high);
struct item *shelf_other(const struct shelf *shelf, s64 type);

static inline struct bin **shelf_recent(struct shelf *shelf, s64 type)
{
	return &shelf->recent[(u64)type % SHELF_RECENT];
}

/* The bin of @type, or NULL. */
static __always_inline struct bin *shelf_find(struct shelf *shelf, s64 type)
{
	struct bin *bin = *shelf_recent(shelf, type);

	if (likely(bin && bin->type == type))
		return bin;
	return shelf_search(shelf, type);
}

/**
 * shelf_pin() - what every message begins with: the bin of its type
 * @shelf: the shelf
 * @type: the message's
 *
 * Return: the bin, which stays that of this type until shelf_unpin(); or NULL,
 * if there is none and shelf_supply() and shelf_index() are to be called first.
 */
static __always_inline struct bin *shelf_pin(struct shelf *shelf, s64 type)
{
	struct bin *bin = shelf_find(shelf, type);

	if (unlikely(!bin)) {
		bin = shelf_assign(shelf, type);
		if (!bin)
			return NULL;
	}
	bin->users++;
	return bin;
}

/* What every message ends with. */
static __always_inline void shelf_unpin(struct shelf *shelf, struct bin *bin)
{
	if (!--bin->users && unlikely(!bin->planted))
		shelf_forget(shelf, bin);
}

/* Puts @item there, which has the highest number so far. */
static __always_inline void shelf_append(struct shelf *shelf, struct item *item)
{
	struct item *run = shelf->runs.before;
	struct bin *bin = item->bin;

	item->behind = NULL;
	if (!bin->first) {
		bin->first = item;
		if (unlikely(!bin->planted))
			shelf_plant(shelf, bin);
	} else {
		bin->last->behind = item;
	}
	bin->last = item;

	if (run->bin == bin) {
		item->before = NULL;
		return;
	}
	item->before = run;
	item->after = &shelf->runs;
	run->after = item;
	shelf->runs.before = item;
}

/* Whether @item is of the same run as the one that it is behind of. */
static __always_inline bool item_inside(const struct item *item)
{
	return !item->before && !item->returned;
}

/* Takes @item away, which is the first of its bin, and stays pinned to it. */
static __always_inline void shelf_take(struct shelf *shelf, struct item *item)
{
	struct item *before = item->before, *after = item->after;
	struct item *next = item->behind;
	struct bin *bin = item->bin;

	bin->first = next;
	if (unlikely(item->returned)) {
		shelf_unreturn(shelf, item);
	} else if (next && item_inside(next)) {
		next->before = before;
		next->after = after;
		before->after = next;
		after->before = next;
	} else {
		before->after = after;
		after->before = before;
		/* They may both be the end. */
		if (before != after && unlikely(before->bin == after->bin))
			shelf_join_runs(before, after);
	}
	if (!next && unlikely(!bin->kept))
		shelf_keep(shelf, bin);
}

/* The first message of a run, or NULL for the end of the ring. */
static __always_inline struct item *shelf_run(struct item *run)
{
	return run->bin ? run : NULL;
}

/**
 * shelf_select() - the message that a selector means
 * @shelf: the shelf
 * @select: one of enum ipcbook_select, but IPCBOOK_NTH
 * @type: what it compares with
 *
 * Return: it, the first of its bin; or NULL.
 */
static __always_inline struct item *shelf_select(struct shelf *shelf,
						 u32 select, s64 type)
{
	struct bin *bin;

	if (select == IPCBOOK_EXACT) {
		bin = shelf_find(shelf, type);
		return bin ? bin->first : NULL;
	}
	if (select == IPCBOOK_ANY) {
		if (likely(RB_EMPTY_ROOT(&shelf->returned)))
			return shelf_run(shelf->runs.after);
		return shelf_first(shelf);
	}
	return select == IPCBOOK_UPTO ? shelf_lowest(shelf, type) :
					shelf_other(shelf, type);
}

static inline bool shelf_empty(const struct shelf *shelf)
{
	return shelf->runs.after == &shelf->runs &&
	       RB_EMPTY_ROOT(&shelf->returned);
}

/* Bytes of the bins that there are. */
static inline size_t shelf_memory(const struct shelf *shelf)
{
	return (shelf->bins + shelf->blanks) * sizeof(struct bin);
}

#endif /* _IPCBOOK_SHELF_H */
