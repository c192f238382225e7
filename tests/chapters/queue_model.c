// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue: the same answers as a plain list gives.
 *
 * A long walk of random calls (send, every selector, peeks, receivers that
 * cannot take what they are given, alone and in batches), each answered by the
 * module and by a list in order of arrival that is searched from its beginning.
 * Few types and many, because the module keeps them differently.
 */
#include "harness.h"

#define STEPS	30000
#define MOST	600

struct model {
	uint64_t number[MOST];
	int64_t type[MOST];
	unsigned int count;
	uint64_t sent;
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static bool selects(enum ipcbook_select select, int64_t want, int64_t type)
{
	switch (select) {
	case IPCBOOK_ANY:
		return true;
	case IPCBOOK_EXACT:
		return type == want;
	case IPCBOOK_UPTO:
		return type <= want;
	default:
		return type != want;
	}
}

/* Where in the list the message is that a receiver gets, or -1. */
static int model_find(const struct model *model, enum ipcbook_select select,
		      int64_t want)
{
	int best = -1;

	if (select == IPCBOOK_NTH)
		return want < model->count ? (int)want : -1;
	for (unsigned int i = 0; i < model->count; i++) {
		if (!selects(select, want, model->type[i]))
			continue;
		if (select != IPCBOOK_UPTO)
			return i;
		if (best < 0 || model->type[i] < model->type[best])
			best = i;
	}
	return best;
}

static void model_drop(struct model *model, unsigned int at)
{
	model->count--;
	memmove(&model->number[at], &model->number[at + 1],
		(model->count - at) * sizeof(model->number[0]));
	memmove(&model->type[at], &model->type[at + 1],
		(model->count - at) * sizeof(model->type[0]));
}

static void model_send(struct model *model, int64_t type)
{
	is(queue_send(q, type, &type, sizeof(type), IPCBOOK_NOWAIT, 0), 0);
	model->type[model->count] = type;
	model->number[model->count++] = ++model->sent;
}

/* One receive or peek, of the module and of the list. */
static void model_receive(struct model *model, enum ipcbook_select select,
			  int64_t want, unsigned int flags)
{
	int at = model_find(model, select, want);
	struct ipcbook_queue_info info;
	int64_t type = 0;
	long n;

	n = queue_recv(q, select, want, &type, sizeof(type),
		       flags | IPCBOOK_NOWAIT, 0, &info);
	if (at < 0) {
		is(n, flags & IPCBOOK_PEEK ? -ENOMSG : -EAGAIN);
		return;
	}
	is(n, sizeof(type));
	is(info.number, model->number[at]);
	is(info.type, model->type[at]);
	is(type, model->type[at]);
	if (!(flags & IPCBOOK_PEEK))
		model_drop(model, at);
}

/* A receiver that cannot take it: the message goes back to its place. */
static void model_fault(struct model *model, enum ipcbook_select select,
			int64_t want)
{
	int at = model_find(model, select, want);

	is(queue_recv(q, select, want, nowhere(), sizeof(int64_t),
		      IPCBOOK_NOWAIT, 0, NULL), at < 0 ? -EAGAIN : -EFAULT);
}

#define BATCH	8

/* A batch whose entry "bad" cannot be filled: many go back at the same time. */
static void model_batch(struct model *model, enum ipcbook_select select,
			int64_t want, unsigned int bad)
{
	struct ipcbook_queue_entry entries[BATCH] = { 0 };
	int64_t types[BATCH];
	unsigned int i;
	long n;
	int at;

	for (i = 0; i < BATCH; i++) {
		entries[i].buf = (uintptr_t)(i == bad ? nowhere() : &types[i]);
		entries[i].len = sizeof(types[i]);
	}
	n = queue_recv_batch(q, select, want, entries, BATCH, IPCBOOK_NOWAIT,
			     0);
	for (i = 0; i < bad; i++) {
		at = model_find(model, select, want);
		if (at < 0)
			break;
		is(entries[i].info.number, model->number[at]);
		is(types[i], model->type[at]);
		model_drop(model, at);
	}
	if (i)
		is(n, i);
	else
		is(n, model_find(model, select, want) < 0 ? -EAGAIN : -EFAULT);
}

static void model_step(struct model *model, uint32_t *random, int64_t types)
{
	enum ipcbook_select select = next_random(random) % 4;
	int64_t want = 1 + next_random(random) % types;
	unsigned int dice = next_random(random) % 16;

	if (select == IPCBOOK_ANY)
		want = 0;
	if (dice < 8 && model->count < MOST)
		model_send(model, 1 + next_random(random) % types);
	else if (dice < 13)
		model_receive(model, select, want, 0);
	else if (dice == 13)
		model_receive(model, select, want, IPCBOOK_PEEK);
	else if (dice == 14)
		model_receive(model, IPCBOOK_NTH, next_random(random) % MOST,
			      IPCBOOK_PEEK);
	else if (next_random(random) % 2)
		model_batch(model, select, want, next_random(random) % BATCH);
	else
		model_fault(model, select, want);
}

static void walk(int64_t types)
{
	static struct model walked;
	struct model *model = &walked;
	uint32_t random = types;

	walked = (struct model){ 0 };
	for (unsigned int i = 0; i < STEPS; i++)
		model_step(model, &random, types);
	while (model->count)
		model_receive(model, IPCBOOK_ANY, 0, 0);
	is_empty(q);
	is(queue_stat(q).types, 0);
}

TEST(a_long_walk_over_three_types_goes_as_in_a_list)
{
	walk(3);
}

TEST(a_long_walk_over_forty_types_goes_as_in_a_list)
{
	walk(40);
}

TEST(a_long_walk_over_many_types_goes_as_in_a_list)
{
	walk(1000000);
}

/* Every message of a type of its own, taken in an order of its own. */
TEST(six_hundred_types_are_found_one_by_one)
{
	static struct model all;
	struct model *model = &all;

	for (int64_t i = 0; i < MOST; i++)
		model_send(model, 1 + i * 7919 % 1000003);
	is(queue_stat(q).types, MOST);
	for (int64_t i = MOST - 1; i >= 0; i -= 2)
		model_receive(model, IPCBOOK_EXACT, 1 + i * 7919 % 1000003, 0);
	is(queue_stat(q).types, MOST / 2);
	while (model->count)
		model_receive(model, IPCBOOK_UPTO, IPCBOOK_TYPE_MAX, 0);
	is_empty(q);
}
