/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The line: those who wait, sorted by type, served by age. See line.c.
 */
#ifndef _IPCBOOK_LINE_H
#define _IPCBOOK_LINE_H

#include <linux/list.h>
#include <linux/log2.h>
#include <linux/rbtree_augmented.h>
#include <linux/types.h>

#include <linux/ipcbook.h>

/**
 * struct place - a member of a line
 * @node: in the tree, for the first of its type; else empty
 * @type: what the line is sorted by
 * @number: order of arrival
 * @oldest: lowest number in the subtree
 * @hash: in the index, for the first of its type
 * @same: all of one type, as a ring that begins at the one in the tree
 */
struct place {
	struct rb_node node;
	s64 type;
	u64 number;
	u64 oldest;
	struct hlist_node hash;
	struct list_head same;
};

/**
 * struct line - those who wait, sorted by type
 * @root: the first of each type
 * @types: how many types
 * @high: the highest type in it, if there is any
 * @index: the same by hash of the type, once there are many; or NULL
 * @bits: the index has two to the power of this heads
 * @secret: what else the hash depends on
 */
struct line {
	struct rb_root root;
	u64 types;
	s64 high;
	struct hlist_head *index;
	unsigned int bits;
	u32 secret;
};

/* Types below which a line needs no index, and most heads of an index. */
#define LINE_INDEX_FROM		32
#define LINE_INDEX_BITS		20U

#define to_place(rb)	rb_entry(rb, struct place, node)

static inline void place_init(struct place *place, s64 type)
{
	RB_CLEAR_NODE(&place->node);
	INIT_LIST_HEAD(&place->same);
	place->type = type;
}

static inline bool place_in_line(const struct place *place)
{
	return !RB_EMPTY_NODE(&place->node) || !list_empty(&place->same);
}

static inline bool line_empty(const struct line *line)
{
	return RB_EMPTY_ROOT(&line->root);
}

/* Whether a type from @low up may be in it. */
static inline bool line_reaches(const struct line *line, s64 low)
{
	return !line_empty(line) && low <= line->high;
}

/* Whether a type other than @type is in it. */
static inline bool line_has_other(const struct line *line, s64 type)
{
	return !line_empty(line) && !(line->types == 1 && line->high == type);
}

static inline struct place *line_older(struct place *a, struct place *b)
{
	if (!a || !b)
		return a ?: b;
	return a->number < b->number ? a : b;
}

void line_insert(struct line *line, struct place *place);
void line_remove(struct line *line, struct place *place);
struct place *line_search(const struct line *line, u32 select, s64 type);
struct hlist_head *line_index(struct line *line, struct hlist_head *index,
			      unsigned int bits);
struct place *line_find(const struct line *line, s64 type);
struct place *line_oldest(const struct line *line, s64 low, s64 high);
struct place *line_oldest_but(const struct line *line, s64 type);
struct place *line_lowest(const struct line *line, s64 low);

/*
 * A line of one is what there mostly is, and needs neither walk nor balance.
 */

/**
 * line_add() - enters a line
 * @line: the line
 * @place: who enters, with its type, and a number above all before it
 */
static inline void line_add(struct line *line, struct place *place)
{
	if (!line_empty(line) || line->index) {
		line_insert(line, place);
		return;
	}
	place->oldest = place->number;
	place->node.rb_left = NULL;
	place->node.rb_right = NULL;
	rb_set_parent_color(&place->node, NULL, RB_BLACK);
	line->root.rb_node = &place->node;
	line->types = 1;
	line->high = place->type;
}

/**
 * line_del() - leaves a line
 * @line: the line
 * @place: who leaves
 */
static inline void line_del(struct line *line, struct place *place)
{
	if (line->root.rb_node != &place->node || place->node.rb_left ||
	    place->node.rb_right || !list_empty(&place->same) || line->index) {
		line_remove(line, place);
		return;
	}
	line->root.rb_node = NULL;
	line->types = 0;
	RB_CLEAR_NODE(&place->node);
}

/**
 * line_select() - the member of a line that a receiver's selector means
 * @line: the line
 * @select: one of enum ipcbook_select, but IPCBOOK_NTH
 * @type: what it compares with
 *
 * Return: it, or NULL.
 */
static inline struct place *line_select(const struct line *line, u32 select,
					s64 type)
{
	struct rb_node *rb = line->root.rb_node;

	if (!rb)
		return NULL;
	if (select == IPCBOOK_EXACT && to_place(rb)->type == type)
		return to_place(rb);
	return line_search(line, select, type);
}

/**
 * line_crowded() - whether a line wants a larger index
 * @line: the line
 *
 * Return: two to the power of which it should have, or 0 if it has enough.
 */
static inline unsigned int line_crowded(const struct line *line)
{
	unsigned int bits = line->index ? line->bits : const_ilog2(LINE_INDEX_FROM);

	if (likely(line->types <= 1ULL << bits) || bits >= LINE_INDEX_BITS)
		return 0;
	return min(bits + 2, LINE_INDEX_BITS);
}

/* Kinds of selectors that have a line each; any type is up to the highest. */
enum { WANT_EXACT, WANT_UPTO, WANT_NOT, WANTS };

/**
 * struct wants - those who wait for messages
 * @lines: by kind of selector; each sorted by what the selector compares with
 */
struct wants {
	struct line lines[WANTS];
};

/* The line that a selector belongs to. */
static inline struct line *wants_line(struct wants *wants, u32 select)
{
	switch (select) {
	case IPCBOOK_EXACT:
		return &wants->lines[WANT_EXACT];
	case IPCBOOK_NOT:
		return &wants->lines[WANT_NOT];
	default:
		return &wants->lines[WANT_UPTO];
	}
}

/* The type by which a selector stands there. */
static inline s64 want_type(u32 select, s64 type)
{
	return select == IPCBOOK_ANY ? IPCBOOK_TYPE_MAX : type;
}

struct place *wants_oldest(const struct wants *wants, s64 type);
bool wants_each(struct wants *wants, s64 type,
		void (*fn)(struct line *line, struct place *place));

#endif /* _IPCBOOK_LINE_H */
