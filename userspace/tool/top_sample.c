// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook top: samples of the objects, and what is made of two of them.
 *
 * The module counts from an object's creation; a rate is what was counted
 * between two samples, by the time that really passed. An object that was not in
 * the sample before has none. Ids may be used again, but not soon; an object is
 * the same if id, chapter and time of creation are.
 */
#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "top.h"

const struct top_column top_columns[TOP_KEYS] = {
	[TOP_TRAFFIC] = { "TRAFFIC", 0, false, true, 0,
			  "messages in a second, both ways; then those in all" },
	[TOP_CHAPTER] = { "CHAPTER", 7, false, false, 6, "chapter" },
	[TOP_NAME] = { "NAME", 0, false, false, 9, "name" },
	[TOP_OWNER] = { "OWNER", 8, false, false, 3, "owner" },
	[TOP_DEPTH] = { "DEPTH", 14, false, true, 8,
			"how full it is, and how many messages wait" },
	[TOP_MEMORY] = { "MEM", 5, true, true, 2, "kernel memory of its own" },
	[TOP_SENT] = { "SENT/s", 6, true, true, 7, "messages sent in a second" },
	[TOP_RECEIVED] = { "RECV/s", 6, true, true, 7,
			   "messages received in a second" },
	[TOP_BYTES] = { "BYTE/s", 6, true, true, 4,
			"payload bytes in a second, both ways" },
	[TOP_WAITERS] = { "WAITS", 5, true, true, 5,
			  "senders and receivers that wait" },
	[TOP_TOTAL] = { "TOTAL", 5, true, true, 1,
			"messages sent and received in all" },
};

/* A column by the name that --sort has for it; -1 if there is none. */
int top_find_key(const char *name)
{
	static const char *const others[TOP_KEYS] = {
		[TOP_MEMORY] = "memory",
		[TOP_SENT] = "sent",
		[TOP_RECEIVED] = "received",
		[TOP_BYTES] = "bytes",
		[TOP_WAITERS] = "waiters",
	};

	for (int i = 0; i < TOP_KEYS; i++)
		if (strcasecmp(name, others[i] ? others[i] :
				     top_columns[i].heading) == 0)
			return i;
	return -1;
}

static const char *owner_of(const struct ipcbook_stat *stat, char *number,
			    size_t size)
{
	const struct passwd *user = getpwuid(stat->uid);

	if (user)
		return user->pw_name;
	snprintf(number, size, "%u", stat->uid);
	return number;
}

/* Whether the text is in the chapter, the name or the owner, in any case. */
bool top_matches(const struct ipcbook_stat *stat, const char *text)
{
	const char *chapter = ipcbook_chapter_name(stat->chapter);
	char number[16];

	return !*text || (chapter && strcasestr(chapter, text)) ||
	       strcasestr(stat->name, text) ||
	       strcasestr(owner_of(stat, number, sizeof(number)), text);
}

/* ------------------------------------------------------------------ sampling */

static int collect(const struct ipcbook_stat *stat, void *arg)
{
	struct top_sample *sample = arg;
	struct top_object *more;
	size_t room;

	if (sample->count == sample->room) {
		room = sample->room ? 2 * sample->room : 64;
		more = reallocarray(sample->objects, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		sample->objects = more;
		sample->room = room;
	}
	sample->objects[sample->count++] = (struct top_object){ .stat = *stat };
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const struct top_object *one = a, *other = b;

	return one->stat.id < other->stat.id ? -1 :
	       one->stat.id > other->stat.id;
}

/* The same object in a sample that is in order of ids. */
static const struct top_object *find(const struct top_sample *sample,
				     const struct top_object *object)
{
	const struct ipcbook_stat *stat = &object->stat;
	const struct top_object *other;

	other = sample->count ? bsearch(object, sample->objects, sample->count,
					sizeof(*object), compare_ids) : NULL;
	if (!other || other->stat.chapter != stat->chapter ||
	    other->stat.created_ns != stat->created_ns)
		return NULL;
	return other;
}

/* In a second; a counter of shared memory's can be anything, also less. */
static double rate(__u64 before, __u64 now, double seconds)
{
	return now > before ? (now - before) / seconds : 0;
}

static void compare_with(struct top_sample *sample, struct top_sample *before)
{
	double seconds = (sample->at - before->at) / 1e9;
	const struct ipcbook_stat *was, *is;
	const struct top_object *old;
	struct top_object *object;

	if (seconds <= 0)
		return;
	if (before->count)
		qsort(before->objects, before->count, sizeof(*before->objects),
		      compare_ids);
	for (size_t i = 0; i < sample->count; i++) {
		object = &sample->objects[i];
		old = find(before, object);
		if (!old)
			continue;
		was = &old->stat;
		is = &object->stat;
		object->rated = true;
		object->sent = rate(was->sent, is->sent, seconds);
		object->received = rate(was->received, is->received, seconds);
		object->sent_bytes = rate(was->sent_bytes, is->sent_bytes,
					  seconds);
		object->bytes = object->sent_bytes +
				rate(was->received_bytes, is->received_bytes,
				     seconds);
		object->refused = rate(was->refused, is->refused, seconds);
		object->lost = rate(was->lost, is->lost, seconds);
	}
}

/*
 * Takes a sample, in order, with the rates since the one before, if there is
 * one, whose order is lost. Returns 0 or what ipcbook_list() failed with.
 */
int top_take(struct top_sample *sample, struct top_sample *before,
	     const struct top_view *view)
{
	struct timespec now;
	int error;

	/* A list that changes all the time is a reason to wait, not to end. */
	for (int tries = 0; tries < 8; tries++) {
		sample->count = 0;
		error = ipcbook_list(view->chapter, NULL, collect, sample);
		if (error != -EAGAIN)
			break;
	}
	if (error)
		return error;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sample->at = now.tv_sec * 1000000000ULL + now.tv_nsec;
	sample->time = time(NULL);
	if (before)
		compare_with(sample, before);
	top_sort(sample, view);
	return 0;
}

/* --------------------------------------------------------------------- order */

static double total(const struct ipcbook_stat *stat)
{
	return (double)stat->sent + stat->received;
}

/* How full it is, 0 to 1, by the limit that is nearer; below 0 without one. */
double top_load(const struct ipcbook_stat *stat)
{
	double messages = -1, bytes = -1;

	/* A segment is there or it is not; a number of tokens is no load. */
	if (stat->chapter == IPCBOOK_SHM)
		return -1;
	if (stat->max_depth)
		messages = (double)stat->depth / stat->max_depth;
	if (stat->max_bytes)
		bytes = (double)stat->bytes / stat->max_bytes;
	if (bytes > messages)
		messages = bytes;
	return messages > 1 ? 1 : messages;
}

/* What a column of numbers is sorted by. */
static double value(const struct top_object *object, enum top_key key)
{
	const struct ipcbook_stat *stat = &object->stat;

	switch (key) {
	case TOP_DEPTH:
		return stat->depth;
	case TOP_MEMORY:
		return stat->memory;
	case TOP_SENT:
		return object->sent;
	case TOP_RECEIVED:
		return object->received;
	case TOP_BYTES:
		return object->bytes;
	case TOP_WAITERS:
		return (double)stat->senders_waiting + stat->receivers_waiting;
	case TOP_TOTAL:
		return total(stat);
	default:
		return object->sent + object->received;
	}
}

/* Where there is nothing else to go by: chapter, name, age. */
static int compare_names(const struct ipcbook_stat *one,
			 const struct ipcbook_stat *other)
{
	int order;

	if (one->chapter != other->chapter)
		return one->chapter < other->chapter ? -1 : 1;
	order = strncmp(one->name, other->name, IPCBOOK_NAME_LEN);
	if (order)
		return order;
	return one->id < other->id ? -1 : one->id > other->id;
}

static int compare_texts(const struct top_object *one,
			 const struct top_object *other, enum top_key key)
{
	char first[IPCBOOK_NAME_LEN], second[16];

	switch (key) {
	case TOP_CHAPTER:
		return (int)one->stat.chapter - (int)other->stat.chapter;
	case TOP_NAME:
		return strncmp(one->stat.name, other->stat.name,
			       IPCBOOK_NAME_LEN);
	default:
		snprintf(first, sizeof(first), "%s",
			 owner_of(&one->stat, second, sizeof(second)));
		return strcmp(first, owner_of(&other->stat, second,
					      sizeof(second)));
	}
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct top_object *one = a, *other = b;
	const struct top_view *view = arg;
	double difference;
	int order;

	if (one->hidden != other->hidden)
		return one->hidden ? 1 : -1;
	if (top_columns[view->key].descends) {
		difference = value(other, view->key) - value(one, view->key);
		if (!difference && view->key == TOP_TRAFFIC)
			difference = total(&other->stat) - total(&one->stat);
		order = difference < 0 ? -1 : difference > 0;
	} else {
		order = compare_texts(one, other, view->key);
	}
	if (view->inverted)
		order = -order;
	return order ? order : compare_names(&one->stat, &other->stat);
}

/* Puts a sample in order, and says which objects the filter hides. */
void top_sort(struct top_sample *sample, const struct top_view *view)
{
	struct top_view copy = *view;
	struct top_object *object;

	sample->shown = 0;
	for (size_t i = 0; i < sample->count; i++) {
		object = &sample->objects[i];
		object->hidden = !top_matches(&object->stat, view->filter);
		sample->shown += !object->hidden;
	}
	if (sample->count)
		qsort_r(sample->objects, sample->count,
			sizeof(*sample->objects), compare, &copy);
}

/* --------------------------------------------------------------------- texts */

/* A number in at most five characters: 99999, 100k, 1.2M. */
void top_number(char *text, size_t size, double number)
{
	static const char units[] = " kMGTPE";
	int unit = 0;

	if (number < 99999.5) {
		snprintf(text, size, number > 0 && number < 9.95 &&
			 number != (int)number ? "%.1f" : "%.0f", number);
		return;
	}
	while (number >= 999.5 && units[unit + 1]) {
		number /= 1000;
		unit++;
	}
	snprintf(text, size, number < 9.95 ? "%.1f%c" : "%.0f%c", number,
		 units[unit]);
}

/* A rate; "-" is one that is not known yet. */
void top_rate(char *text, size_t size, const struct top_object *object,
	      double rate)
{
	if (object->rated)
		top_number(text, size, rate);
	else
		snprintf(text, size, "-");
}

/* What stands in a column, one word, to be freed; NULL without memory. */
char *top_cell(const struct top_object *object, enum top_key column)
{
	const struct ipcbook_stat *stat = &object->stat;
	char number[32] = "";
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	switch (column) {
	case TOP_MEMORY:
		top_number(number, sizeof(number), stat->memory);
		break;
	case TOP_SENT:
		top_rate(number, sizeof(number), object, object->sent);
		break;
	case TOP_RECEIVED:
		top_rate(number, sizeof(number), object, object->received);
		break;
	case TOP_BYTES:
		top_rate(number, sizeof(number), object, object->bytes);
		break;
	case TOP_TOTAL:
		top_number(number, sizeof(number), total(stat));
		break;
	case TOP_WAITERS:
		snprintf(number, sizeof(number), "%llu/%llu",
			 (unsigned long long)stat->senders_waiting,
			 (unsigned long long)stat->receivers_waiting);
		break;
	default:
		break;
	}
	if (*number)
		return strdup(number);
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	print_cell(out, stat, column == TOP_CHAPTER ? "chapter" :
			      column == TOP_NAME ? "name" :
			      column == TOP_OWNER ? "owner" : "depth");
	if (column == TOP_DEPTH && stat->max_depth)
		fprintf(out, "/%llu", (unsigned long long)stat->max_depth);
	fclose(out);
	return text;
}

static void list_chapters(const struct top_sample *sample, char *text,
			  size_t size)
{
	size_t length = 0, count;

	*text = '\0';
	for (unsigned int i = IPCBOOK_SIGNAL; i <= IPCBOOK_SEM; i++) {
		count = 0;
		for (size_t j = 0; j < sample->count; j++)
			count += sample->objects[j].stat.chapter == i;
		if (count && length < size)
			length += snprintf(text + length, size - length,
					   "%s%zu %s", length ? " " : ": ",
					   count, ipcbook_chapter_name(i));
	}
}

/* What all objects do together, in three lines. */
void top_summary(const struct top_sample *sample, char lines[3][128])
{
	double sent = 0, received = 0, refused = 0, lost = 0, memory = 0;
	double sent_bytes = 0, bytes = 0;
	unsigned long long senders = 0, receivers = 0;
	char texts[7][16], chapters[96], clock[16];
	time_t time = sample->time;
	struct tm tm;

	for (size_t i = 0; i < sample->count; i++) {
		const struct top_object *object = &sample->objects[i];

		sent += object->sent;
		received += object->received;
		sent_bytes += object->sent_bytes;
		bytes += object->bytes;
		refused += object->refused;
		lost += object->lost;
		memory += object->stat.memory;
		senders += object->stat.senders_waiting;
		receivers += object->stat.receivers_waiting;
	}
	list_chapters(sample, chapters, sizeof(chapters));
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&time, &tm));
	top_number(texts[0], sizeof(texts[0]), sent);
	top_number(texts[1], sizeof(texts[1]), received);
	top_number(texts[2], sizeof(texts[2]), refused);
	top_number(texts[3], sizeof(texts[3]), lost);
	top_number(texts[4], sizeof(texts[4]), sent_bytes);
	top_number(texts[5], sizeof(texts[5]), bytes - sent_bytes);
	top_number(texts[6], sizeof(texts[6]), memory);
	snprintf(lines[0], 128, "top %s  %zu object%s%s", clock,
		 sample->count, sample->count == 1 ? "" : "s", chapters);
	snprintf(lines[1], 128,
		 "Messages/s: %s sent, %s received, %s refused, %s lost",
		 texts[0], texts[1], texts[2], texts[3]);
	snprintf(lines[2], 128,
		 "Bytes/s: %s sent, %s received  Memory: %s  Waiting: %llu/%llu",
		 texts[4], texts[5], texts[6], senders, receivers);
}
