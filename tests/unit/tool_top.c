// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ipcbook top makes of two samples: rates, order, the texts of its cells.
 * Includes the source, whose functions belong to the tool alone; the list of
 * objects is the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../userspace/tool/output.c"
#include "../../userspace/tool/top_sample.c"

static struct ipcbook_stat listed[4];
static size_t listed_count;
static int list_error;
static int list_again;

/* In place of the library's. */
int ipcbook_list(enum ipcbook_chapter chapter, const char *name,
		 ipcbook_list_fn fn, void *arg)
{
	int end;

	assert_null(name);
	if (list_again) {
		list_again--;
		return -EAGAIN;
	}
	if (list_error)
		return list_error;
	for (size_t i = 0; i < listed_count; i++) {
		if (chapter && listed[i].chapter != chapter)
			continue;
		end = fn(&listed[i], arg);
		if (end)
			return end;
	}
	return 0;
}

static void an_object(size_t at, enum ipcbook_chapter chapter, __u64 id,
		      const char *name, __u64 sent, __u64 received)
{
	listed[at] = (struct ipcbook_stat){
		.chapter = chapter, .id = id, .created_ns = 100 + id,
		.sent = sent, .received = received,
	};
	strcpy(listed[at].name, name);
	if (at >= listed_count)
		listed_count = at + 1;
}

static int begin(void **state)
{
	(void)state;
	listed_count = 0;
	list_error = 0;
	list_again = 0;
	return 0;
}

/* The names of a sample, in its order. */
static const char *names(const struct top_sample *sample)
{
	static char text[256];

	*text = '\0';
	for (size_t i = 0; i < sample->shown; i++) {
		strcat(text, i ? " " : "");
		strcat(text, sample->objects[i].stat.name);
	}
	return text;
}

static void rates_are_what_was_counted_by_the_time_that_passed(void **state)
{
	struct top_sample one = { 0 }, two = { 0 };
	const struct top_view view = { 0 };

	(void)state;
	an_object(0, IPCBOOK_QUEUE, 7, "q", 100, 40);
	listed[0].sent_bytes = 1000;
	listed[0].received_bytes = 400;
	assert_int_equal(top_take(&one, NULL, &view), 0);
	assert_false(one.objects[0].rated);
	listed[0].sent = 160;
	listed[0].received = 70;
	listed[0].sent_bytes = 1600;
	listed[0].received_bytes = 700;
	listed[0].refused = 5;
	listed[0].lost = 10;
	assert_int_equal(top_take(&two, NULL, &view), 0);
	two.at = one.at + 2000000000;
	compare_with(&two, &one);
	assert_true(two.objects[0].rated);
	assert_true(two.objects[0].sent == 30);
	assert_true(two.objects[0].received == 15);
	assert_true(two.objects[0].sent_bytes == 300);
	assert_true(two.objects[0].bytes == 450);
	assert_true(two.objects[0].refused == 2.5);
	assert_true(two.objects[0].lost == 5);
	free(one.objects);
	free(two.objects);
}

static void an_object_that_was_not_there_before_has_no_rate(void **state)
{
	struct top_sample one = { 0 }, two = { 0 };
	const struct top_view view = { .key = TOP_NAME };

	(void)state;
	an_object(0, IPCBOOK_QUEUE, 9, "nine", 1, 1);
	an_object(1, IPCBOOK_QUEUE, 3, "three", 1, 1);
	assert_int_equal(top_take(&one, NULL, &view), 0);
	an_object(0, IPCBOOK_QUEUE, 3, "three", 1, 1);
	an_object(1, IPCBOOK_QUEUE, 9, "nine", 2, 1);
	an_object(2, IPCBOOK_QUEUE, 12, "twelve", 2, 1);
	/* The id of one that is gone, used again. */
	listed[1].created_ns++;
	assert_int_equal(top_take(&two, &one, &view), 0);
	assert_string_equal(names(&two), "nine three twelve");
	assert_false(two.objects[0].rated);
	assert_true(two.objects[1].rated);
	assert_false(two.objects[2].rated);
	free(one.objects);
	free(two.objects);
}

static void a_counter_that_goes_back_is_no_rate(void **state)
{
	(void)state;
	assert_true(rate(10, 4, 1) == 0);
	assert_true(rate(4, 10, 2) == 3);
}

static void what_moves_most_comes_first(void **state)
{
	struct top_sample one = { 0 }, two = { 0 };
	struct top_view view = { .key = TOP_TRAFFIC };

	(void)state;
	an_object(0, IPCBOOK_QUEUE, 1, "idle", 5000, 5000);
	an_object(1, IPCBOOK_PIPE, 2, "slow", 0, 0);
	an_object(2, IPCBOOK_SEM, 3, "fast", 0, 0);
	an_object(3, IPCBOOK_QUEUE, 4, "new", 1, 0);
	assert_int_equal(top_take(&one, NULL, &view), 0);
	/* Without rates: those with most in all. */
	assert_string_equal(names(&one), "idle new slow fast");
	listed[1].sent = 3;
	listed[2].sent = 2;
	listed[2].received = 2;
	assert_int_equal(top_take(&two, &one, &view), 0);
	assert_string_equal(names(&two), "fast slow idle new");
	view.inverted = true;
	top_sort(&two, &view);
	assert_string_equal(names(&two), "new idle slow fast");
	view = (struct top_view){ .key = TOP_NAME };
	top_sort(&two, &view);
	assert_string_equal(names(&two), "fast idle new slow");
	view.key = TOP_TOTAL;
	top_sort(&two, &view);
	assert_string_equal(names(&two), "idle fast slow new");
	free(one.objects);
	free(two.objects);
}

static void a_filter_looks_at_chapter_name_and_owner(void **state)
{
	struct top_view view = { .key = TOP_NAME };
	struct top_sample sample = { 0 };

	(void)state;
	an_object(0, IPCBOOK_QUEUE, 1, "Jobs", 0, 0);
	an_object(1, IPCBOOK_PIPE, 2, "hose", 0, 0);
	listed[1].uid = 4242;
	strcpy(view.filter, "jOB");
	assert_int_equal(top_take(&sample, NULL, &view), 0);
	assert_string_equal(names(&sample), "Jobs");
	strcpy(view.filter, "pip");
	assert_int_equal(top_take(&sample, NULL, &view), 0);
	assert_string_equal(names(&sample), "hose");
	strcpy(view.filter, "4242");
	assert_int_equal(top_take(&sample, NULL, &view), 0);
	assert_string_equal(names(&sample), "hose");
	strcpy(view.filter, "o");
	view.chapter = IPCBOOK_QUEUE;
	assert_int_equal(top_take(&sample, NULL, &view), 0);
	assert_string_equal(names(&sample), "Jobs");
	free(sample.objects);
}

static void a_list_that_changes_is_asked_for_again(void **state)
{
	struct top_sample sample = { 0 };
	const struct top_view view = { 0 };

	(void)state;
	an_object(0, IPCBOOK_QUEUE, 1, "q", 0, 0);
	list_again = 3;
	assert_int_equal(top_take(&sample, NULL, &view), 0);
	assert_int_equal(sample.count, 1);
	list_again = 100;
	assert_int_equal(top_take(&sample, NULL, &view), -EAGAIN);
	list_again = 0;
	list_error = -ENODEV;
	assert_int_equal(top_take(&sample, NULL, &view), -ENODEV);
	free(sample.objects);
}

static const char *in_five(double value)
{
	static char text[32];

	top_number(text, sizeof(text), value);
	assert_true(strlen(text) <= 5);
	return text;
}

static void a_number_takes_five_characters(void **state)
{
	(void)state;
	assert_string_equal(in_five(0), "0");
	assert_string_equal(in_five(0.25), "0.2");
	assert_string_equal(in_five(1.5), "1.5");
	assert_string_equal(in_five(2), "2");
	assert_string_equal(in_five(12.4), "12");
	assert_string_equal(in_five(99999), "99999");
	assert_string_equal(in_five(99999.5), "100k");
	assert_string_equal(in_five(123456), "123k");
	assert_string_equal(in_five(999499), "999k");
	assert_string_equal(in_five(999500), "1.0M");
	assert_string_equal(in_five(1.84e19), "18E");
}

static void how_full_it_is_goes_by_the_nearer_limit(void **state)
{
	struct ipcbook_stat stat = {
		.chapter = IPCBOOK_QUEUE,
		.depth = 2, .max_depth = 10, .bytes = 50, .max_bytes = 100,
	};

	(void)state;
	assert_true(top_load(&stat) == 0.5);
	stat.depth = 8;
	assert_true(top_load(&stat) == 0.8);
	/* A ring's numbers are its users'. */
	stat.bytes = 1000;
	assert_true(top_load(&stat) == 1);
	stat.chapter = IPCBOOK_SHM;
	assert_true(top_load(&stat) < 0);
	stat = (struct ipcbook_stat){ .chapter = IPCBOOK_SOCKET };
	assert_true(top_load(&stat) < 0);
}

static void cell_is(const struct top_object *object, enum top_key column,
		    const char *want)
{
	char *text = top_cell(object, column);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

static void cells_are_one_word_each(void **state)
{
	struct top_object object = {
		.stat = {
			.chapter = IPCBOOK_QUEUE, .name = "two words",
			.depth = 3, .max_depth = 64, .memory = 20480,
			.senders_waiting = 1, .receivers_waiting = 22,
			.sent = 10, .received = 7,
		},
		.sent = 1234567, .bytes = 0.5,
	};

	(void)state;
	cell_is(&object, TOP_CHAPTER, "queue");
	cell_is(&object, TOP_NAME, "two\\x20words");
	cell_is(&object, TOP_OWNER, "root");
	cell_is(&object, TOP_DEPTH, "3/64");
	cell_is(&object, TOP_MEMORY, "20480");
	cell_is(&object, TOP_SENT, "-");
	object.rated = true;
	cell_is(&object, TOP_SENT, "1.2M");
	cell_is(&object, TOP_RECEIVED, "0");
	cell_is(&object, TOP_BYTES, "0.5");
	cell_is(&object, TOP_WAITERS, "1/22");
	cell_is(&object, TOP_TOTAL, "17");
	object.stat.name[0] = '\0';
	cell_is(&object, TOP_NAME, "-");
}

static void a_summary_adds_up(void **state)
{
	struct top_object objects[] = {
		{ .stat = { .chapter = IPCBOOK_QUEUE, .memory = 100,
			    .senders_waiting = 2 },
		  .sent = 10, .received = 5, .sent_bytes = 20, .bytes = 30,
		  .refused = 1 },
		{ .stat = { .chapter = IPCBOOK_RING, .memory = 11,
			    .receivers_waiting = 1 },
		  .sent = 1, .lost = 3 },
	};
	struct top_sample sample = { .objects = objects, .count = 2 };
	char lines[3][128];

	(void)state;
	setenv("TZ", "UTC", 1);
	sample.time = 3661;
	top_summary(&sample, lines);
	assert_string_equal(lines[0], "top 01:01:01  2 objects: 1 queue 1 ring");
	assert_string_equal(lines[1], "Messages/s: 11 sent, 5 received, 1 refused, 3 lost");
	assert_string_equal(lines[2], "Bytes/s: 20 sent, 10 received  Memory: 111  Waiting: 2/1");
	sample.count = 0;
	top_summary(&sample, lines);
	assert_string_equal(lines[0], "top 01:01:01  0 objects");
}

static void keys_have_names(void **state)
{
	(void)state;
	assert_int_equal(top_find_key("traffic"), TOP_TRAFFIC);
	assert_int_equal(top_find_key("Memory"), TOP_MEMORY);
	assert_int_equal(top_find_key("waiters"), TOP_WAITERS);
	assert_int_equal(top_find_key("total"), TOP_TOTAL);
	assert_int_equal(top_find_key("pid"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rates_are_what_was_counted_by_the_time_that_passed, begin),
		cmocka_unit_test_setup(an_object_that_was_not_there_before_has_no_rate, begin),
		cmocka_unit_test(a_counter_that_goes_back_is_no_rate),
		cmocka_unit_test_setup(what_moves_most_comes_first, begin),
		cmocka_unit_test_setup(a_filter_looks_at_chapter_name_and_owner, begin),
		cmocka_unit_test_setup(a_list_that_changes_is_asked_for_again, begin),
		cmocka_unit_test(a_number_takes_five_characters),
		cmocka_unit_test(how_full_it_is_goes_by_the_nearer_limit),
		cmocka_unit_test(cells_are_one_word_each),
		cmocka_unit_test(a_summary_adds_up),
		cmocka_unit_test(keys_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
