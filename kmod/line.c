// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line: those who wait, sorted by type, served by age.
 *
 * A line is a tree of types (an augmented red-black tree). Each node of it is
 * the first of its type, and the head of a ring of all others of that type in
 * order of arrival. Each node also knows the lowest arrival number of its
 * subtree. So all questions are one or two walks down a tree whose size is the
 * number of distinct types, however many wait:
 *
 *	the oldest			follow the lowest number from the root
 *	the oldest of type T		search T
 *	the oldest of a range of types	the lowest number of the subtrees inside
 *	the lowest type			go left
 *
 * Once there are many types, an index by hash of the type finds one of them, and
 * that there is none, without the tree.
 *
 * Joining and leaving cost the same. Nothing is allocated: the place in the
 * line is part of who waits.
 *
 * Those who wait for messages stand in three lines, one for each way of selecting
 * by type: a message of type T is for those who want exactly T, for those whose
 * bound is T or above, and for those who refuse another type than T.
 *
 * Locks: none; whoever owns the line has one.
 */
#include <linux/jhash.h>
#include <linux/minmax.h>
#include <linux/random.h>

#include "line.h"

static u64 place_oldest(const struct place *place)
{
	u64 oldest = place->number;

	if (place->node.rb_left)
		oldest = min(oldest, to_place(place->node.rb_left)->oldest);
	if (place->node.rb_right)
		oldest = min(oldest, to_place(place->node.rb_right)->oldest);
	return oldest;
}

static bool place_compute(struct place *place, bool exit)
{
	u64 oldest = place_oldest(place);

	if (exit && place->oldest == oldest)
		return true;
	place->oldest = oldest;
	return false;
}

RB_DECLARE_CALLBACKS(static, place_callbacks, struct place, node, oldest,
		     place_compute);

static struct hlist_head *line_head(const struct line *line, s64 type)
{
	return line->index + (jhash_2words(type, type >> 32, line->secret) >>
			      (32 - line->bits));
}

/* The first of a type, or NULL. */
struct place *line_find(const struct line *line, s64 type)
{
	struct rb_node *rb = line->root.rb_node;
	struct place *at;

	if (line->index) {
		hlist_for_each_entry(at, line_head(line, type), hash)
			if (at->type == type)
				return at;
		return NULL;
	}
	while (rb) {
		at = to_place(rb);
		if (at->type == type)
			return at;
		rb = type < at->type ? rb->rb_left : rb->rb_right;
	}
	return NULL;
}

/**
 * line_index() - gives a line a larger index
 * @line: the line
 * @index: zeroed heads
 * @bits: two to the power of which there are
 *
 * Return: the heads that are not needed any more: the old ones, or @index if
 * somebody else was faster.
 */
struct hlist_head *line_index(struct line *line, struct hlist_head *index,
			      unsigned int bits)
{
	struct hlist_head *old = line->index;
	struct rb_node *rb;

	if (old && line->bits >= bits)
		return index;
	line->index = index;
	line->bits = bits;
	/* Nobody is to choose types that share a head. */
	line->secret = get_random_u32();
	for (rb = rb_first(&line->root); rb; rb = rb_next(rb))
		hlist_add_head(&to_place(rb)->hash,
			       line_head(line, to_place(rb)->type));
	return old;
}

/* @new takes the node of @old, which was the first of their type. */
static void line_replace(struct line *line, struct place *old,
			 struct place *new)
{
	rb_replace_node(&old->node, &new->node, &line->root);
	RB_CLEAR_NODE(&old->node);
	if (line->index) {
		hlist_del(&old->hash);
		hlist_add_head(&new->hash, line_head(line, new->type));
	}
	new->oldest = old->oldest;
	place_callbacks_propagate(&new->node, NULL);
}

void line_insert(struct line *line, struct place *place)
{
	struct rb_node **link = &line->root.rb_node;
	struct rb_node *parent = NULL;
	struct place *first;

	first = line->index ? line_find(line, place->type) : NULL;
	if (first) {
		list_add_tail(&place->same, &first->same);
		return;
	}
	while (*link) {
		struct place *at = to_place(*link);

		if (place->type == at->type) {
			list_add_tail(&place->same, &at->same);
			return;
		}
		parent = *link;
		link = place->type < at->type ? &parent->rb_left :
						&parent->rb_right;
	}
	line->types++;
	/* In an empty line, what it has is the type of who was there last. */
	line->high = parent ? max(line->high, place->type) : place->type;
	place->oldest = place->number;
	rb_link_node(&place->node, parent, link);
	if (parent)
		place_callbacks_propagate(parent, NULL);
	rb_insert_augmented(&place->node, &line->root, &place_callbacks);
	if (line->index)
		hlist_add_head(&place->hash, line_head(line, place->type));
}

/* The next lower type, of which there is one if this is the highest. */
static s64 line_before(const struct place *place)
{
	const struct rb_node *before = rb_prev(&place->node);

	return before ? to_place(before)->type : place->type;
}

void line_remove(struct line *line, struct place *place)
{
	bool alone = list_empty(&place->same);

	if (RB_EMPTY_NODE(&place->node)) {
		list_del_init(&place->same);
	} else if (alone) {
		if (place->type == line->high)
			line->high = line_before(place);
		rb_erase_augmented(&place->node, &line->root, &place_callbacks);
		RB_CLEAR_NODE(&place->node);
		if (line->index)
			hlist_del(&place->hash);
		line->types--;
	} else {
		line_replace(line, place,
			     list_first_entry(&place->same, struct place,
					      same));
		list_del_init(&place->same);
	}
}

/* The oldest below and at @rb. */
static struct place *subtree_oldest(struct rb_node *rb)
{
	struct place *at = to_place(rb);

	while (at->number != at->oldest) {
		struct rb_node *left = at->node.rb_left;

		if (left && to_place(left)->oldest == at->oldest)
			at = to_place(left);
		else
			at = to_place(at->node.rb_right);
	}
	return at;
}

/* The older of @best and of what is at @rb; @whole: with all below it. */
static struct place *older(struct place *best, struct rb_node *rb, bool whole)
{
	struct place *at;
	u64 number;

	if (!rb)
		return best;
	at = to_place(rb);
	number = whole ? at->oldest : at->number;
	if (best && best->number < number)
		return best;
	return whole ? subtree_oldest(rb) : at;
}

/* The oldest of the types from @low to @high, or NULL. */
struct place *line_oldest(const struct line *line, s64 low, s64 high)
{
	struct rb_node *rb = line->root.rb_node;
	struct place *best;
	struct rb_node *at;

	if (!rb || low > line->high)
		return NULL;
	if (low == high)
		return line_find(line, low);
	while (rb && (to_place(rb)->type < low || to_place(rb)->type > high))
		rb = to_place(rb)->type < low ? rb->rb_right : rb->rb_left;
	if (!rb)
		return NULL;
	best = to_place(rb);
	/* Of the left side what is not below low, of the right likewise. */
	for (at = rb->rb_left; at;) {
		if (to_place(at)->type < low) {
			at = at->rb_right;
			continue;
		}
		best = older(best, at, false);
		best = older(best, at->rb_right, true);
		at = at->rb_left;
	}
	for (at = rb->rb_right; at;) {
		if (to_place(at)->type > high) {
			at = at->rb_left;
			continue;
		}
		best = older(best, at, false);
		best = older(best, at->rb_left, true);
		at = at->rb_right;
	}
	return best;
}

/* The first of the lowest type that is not below @low, or NULL. */
struct place *line_lowest(const struct line *line, s64 low)
{
	struct rb_node *rb = line->root.rb_node;
	struct place *best = NULL;

	while (rb) {
		if (to_place(rb)->type < low) {
			rb = rb->rb_right;
			continue;
		}
		best = to_place(rb);
		rb = rb->rb_left;
	}
	return best;
}

/* The oldest of the other types, or NULL. */
struct place *line_oldest_but(const struct line *line, s64 type)
{
	return line_older(line_oldest(line, IPCBOOK_TYPE_MIN, type - 1),
			  line_oldest(line, type + 1, IPCBOOK_TYPE_MAX));
}

/* What line_select() does not see at a glance. */
struct place *line_search(const struct line *line, u32 select, s64 type)
{
	struct place *lowest;

	switch (select) {
	case IPCBOOK_ANY:
		return subtree_oldest(line->root.rb_node);
	case IPCBOOK_EXACT:
		return line_oldest(line, type, type);
	case IPCBOOK_UPTO:
		lowest = line_lowest(line, IPCBOOK_TYPE_MIN);
		return lowest && lowest->type <= type ? lowest : NULL;
	default:
		return line_oldest_but(line, type);
	}
}

/* ----------------------------------------- those who wait for a message's type */

/* Who has waited longest of those who select @type, or NULL. */
struct place *wants_oldest(const struct wants *wants, s64 type)
{
	const struct line *lines = wants->lines;
	struct place *place;

	place = line_find(&lines[WANT_EXACT], type);
	if (line_reaches(&lines[WANT_UPTO], type))
		place = line_older(place, line_oldest(&lines[WANT_UPTO], type,
						      IPCBOOK_TYPE_MAX));
	if (line_has_other(&lines[WANT_NOT], type))
		place = line_older(place, line_oldest_but(&lines[WANT_NOT],
							  type));
	return place;
}

typedef void (*place_fn)(struct line *line, struct place *place);

static bool each_of_type(struct line *line, struct place *first, place_fn fn)
{
	struct place *place, *next;

	list_for_each_entry_safe(place, next, &first->same, same)
		fn(line, place);
	fn(line, first);
	return true;
}

static bool each_in_range(struct line *line, s64 low, s64 high, place_fn fn)
{
	struct rb_node *after;
	struct place *first;
	bool any = false;

	for (first = line_lowest(line, low); first && first->type <= high;
	     first = after ? to_place(after) : NULL) {
		after = rb_next(&first->node);
		any |= each_of_type(line, first, fn);
	}
	return any;
}

/**
 * wants_each() - calls a function for all who select a type
 * @wants: those who wait
 * @type: which
 * @fn: the function; may take the one it is called with out of the line
 *
 * Return: whether there was anybody.
 */
bool wants_each(struct wants *wants, s64 type, place_fn fn)
{
	struct line *lines = wants->lines;
	struct place *first;
	bool any = false;

	first = line_find(&lines[WANT_EXACT], type);
	if (first)
		any |= each_of_type(&lines[WANT_EXACT], first, fn);
	if (line_reaches(&lines[WANT_UPTO], type))
		any |= each_in_range(&lines[WANT_UPTO], type, IPCBOOK_TYPE_MAX,
				     fn);
	if (line_has_other(&lines[WANT_NOT], type)) {
		any |= each_in_range(&lines[WANT_NOT], IPCBOOK_TYPE_MIN,
				     type - 1, fn);
		any |= each_in_range(&lines[WANT_NOT], type + 1,
				     IPCBOOK_TYPE_MAX, fn);
	}
	return any;
}
