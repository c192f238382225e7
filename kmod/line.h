/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The line: those who wait, sorted by type, served by age. See line.c.
 */
#ifndef _IPCBOOK_LINE_H
#define _IPCBOOK_LINE_H

#include <linux/list.h>
#include <linux/rbtree_augmented.h>
#include <linux/types.h>

#include <linux/ipcbook.h>

/**
 * struct place - a member of a line
 * @node: in the tree, for the first of its type; else empty
 * @type: what the line is sorted by
 * @number: order of arrival
 * @oldest: lowest number in the subtree
 * @same: all of one type, as a ring that begins at the one in the tree
 */
struct place {
	struct rb_node node;
	s64 type;
	u64 number;
	u64 oldest;
	struct list_head same;
};

/**
 * struct line - those who wait, sorted by type
 * @root: the first of each type
 * @types: how many types
 * @high: no type in it is higher
 */
struct line {
	struct rb_root root;
	u64 types;
	s64 high;
};

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

static inline struct place *line_older(struct place *a, struct place *b)
{
	if (!a || !b)
		return a ?: b;
	return a->number < b->number ? a : b;
}

void line_insert(struct line *line, struct place *place);
void line_remove(struct line *line, struct place *place);
struct place *line_search(const struct line *line, u32 select, s64 type);
struct place *line_oldest(const struct line *line, s64 low, s64 high);
struct place *line_oldest_but(const struct line *line, s64 type);
struct place *line_lowest(const struct line *line, s64 low);

/*
 * A line of one is what there mostly is, and needs neither walk nor balance.
 */

/**
 * line_add() - enters a line
 * @line: the line
 * @place: who enters, with type and number set
 */
static inline void line_add(struct line *line, struct place *place)
{
	if (!line_empty(line)) {
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
	    place->node.rb_right || !list_empty(&place->same)) {
		line_remove(line, place);
		return;
	}
	line->root.rb_node = NULL;
	line->types = 0;
	RB_CLEAR_NODE(&place->node);
}

/**
 * line_select() - the member of a line of messages that a selector means
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

#endif /* _IPCBOOK_LINE_H */
