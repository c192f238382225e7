// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tool makes of texts, bytes and times before it prints them.
 * Includes the source, whose functions belong to the tool alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../userspace/tool/output.c"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof(*(array)))

/* What a print function writes. */
#define printed(call) ({						\
	static char text_[4096];						\
	FILE *out = fmemopen(text_, sizeof(text_), "w");		\
	memset(text_, 0, sizeof(text_));				\
	call;								\
	fclose(out);							\
	text_;								\
})

static void utf8_has_characters_of_one_to_four_bytes(void **state)
{
	(void)state;
	assert_int_equal(utf8_length("a", 1), 1);
	assert_int_equal(utf8_length("", 1), 1);
	assert_int_equal(utf8_length("\xc2\x80", 2), 2);
	assert_int_equal(utf8_length("\xdf\xbf", 2), 2);
	assert_int_equal(utf8_length("\xe0\xa0\x80", 3), 3);
	assert_int_equal(utf8_length("\xed\x9f\xbf", 3), 3);
	assert_int_equal(utf8_length("\xee\x80\x80", 3), 3);
	assert_int_equal(utf8_length("\xf0\x90\x80\x80", 4), 4);
	assert_int_equal(utf8_length("\xf4\x8f\xbf\xbf", 4), 4);
}

static void what_is_not_utf8_is_told(void **state)
{
	static const char *const texts[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2" "a",
		"\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf0\x9f\x90",
		"\xf8\x88\x80\x80\x80", "\xff",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(utf8_length(texts[i], strlen(texts[i])), 0);
		assert_false(utf8_valid(texts[i], strlen(texts[i])));
	}
	assert_int_equal(utf8_length("a", 0), 0);
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("a\0\xc3\xa4", 4));
	assert_false(utf8_valid("a\0\xc3\xa4", 3));
}

static void names_are_escaped_so_that_a_terminal_shows_them(void **state)
{
	(void)state;
	assert_string_equal(printed(print_escaped(out, "plain name", false)),
			    "plain name");
	assert_string_equal(printed(print_escaped(out, "a\033[0m\n\177\\",
						  false)),
			    "a\\x1b[0m\\x0a\\x7f\\x5c");
	assert_string_equal(printed(print_escaped(out, "\xc3\xa4\xff\xc2\x9b",
						  false)),
			    "\xc3\xa4\\xff\\xc2\\x9b");
}

static void a_word_has_no_spaces_and_is_not_the_sign_for_none(void **state)
{
	(void)state;
	assert_string_equal(printed(print_escaped(out, "a b", true)), "a\\x20b");
	assert_string_equal(printed(print_escaped(out, "-", true)), "\\x2d");
	assert_string_equal(printed(print_escaped(out, "-", false)), "-");
	assert_string_equal(printed(print_escaped(out, "--", true)), "--");
}

static void json_strings_are_escaped(void **state)
{
	(void)state;
	assert_string_equal(printed(print_json_string(out, "a\"\\/\n\t", 6)),
			    "\"a\\\"\\\\/\\n\\u0009\"");
	assert_string_equal(printed(print_json_string(out, "\0\x1f\x7f", 3)),
			    "\"\\u0000\\u001f\\u007f\"");
	assert_string_equal(printed(print_json_string(out, "\xc2\x85", 2)),
			    "\"\\u0085\"");
	assert_string_equal(printed(print_json_string(out, "\xe2\x82\xac", 3)),
			    "\"\xe2\x82\xac\"");
	assert_string_equal(printed(print_json_string(out, "a\xff" "b", 3)),
			    "\"a\\ufffdb\"");
	assert_string_equal(printed(print_json_string(out, "", 0)), "\"\"");
}

static void base64_is_padded(void **state)
{
	(void)state;
	assert_string_equal(printed(print_base64(out, "", 0)), "\"\"");
	assert_string_equal(printed(print_base64(out, "f", 1)), "\"Zg==\"");
	assert_string_equal(printed(print_base64(out, "fo", 2)), "\"Zm8=\"");
	assert_string_equal(printed(print_base64(out, "foo", 3)), "\"Zm9v\"");
	assert_string_equal(printed(print_base64(out, "foobar", 6)),
			    "\"Zm9vYmFy\"");
	assert_string_equal(printed(print_base64(out, "\0\xff\xfe", 3)),
			    "\"AP/+\"");
}

static void a_time_is_one_word_and_that_it_never_was_another(void **state)
{
	(void)state;
	assert_string_equal(printed(print_time(out, 1700000000123456789)),
			    "2023-11-14T22:13:20.123Z");
	assert_string_equal(printed(print_time(out, 0)), "-");
	assert_string_equal(printed(print_seconds(out, 1700000000000000042)),
			    "1700000000.000000042");
	assert_string_equal(printed(print_seconds(out, 0)), "null");
}

static void an_object_is_told_in_words_and_in_json(void **state)
{
	struct ipcbook_stat stat = {
		.chapter = IPCBOOK_QUEUE, .name = "a b", .id = 7, .mode = 0640,
		.uid = 4000000000, .gid = 4000000001, .sent_ns = 1500000000,
		.depth = UINT64_MAX,
	};
	char *text;

	(void)state;
	text = printed(print_stat(out, &stat));
	assert_ptr_equal(strstr(text, "chapter            queue\n"), text);
	assert_non_null(strstr(text, "\nname               a\\x20b\n"));
	assert_non_null(strstr(text, "\nmode               0640\n"));
	assert_non_null(strstr(text, "\nowner              4000000000\n"));
	text = printed(print_stat_json(out, &stat));
	assert_ptr_equal(strstr(text, "{\"chapter\":\"queue\",\"name\":\"a b\","), text);
	assert_non_null(strstr(text, "\"uid\":4000000000,\"owner\":null,"));
	assert_non_null(strstr(text, "\"depth\":18446744073709551615,"));
	stat = (struct ipcbook_stat){ .chapter = 99 };
	text = printed(print_stat_json(out, &stat));
	assert_ptr_equal(strstr(text, "{\"chapter\":null,\"name\":null,\"id\":0,"), text);
	assert_string_equal(printed(print_cell(out, &stat, "chapter")), "-");
	assert_string_equal(printed(print_cell(out, &stat, "depth")), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_has_characters_of_one_to_four_bytes),
		cmocka_unit_test(what_is_not_utf8_is_told),
		cmocka_unit_test(names_are_escaped_so_that_a_terminal_shows_them),
		cmocka_unit_test(a_word_has_no_spaces_and_is_not_the_sign_for_none),
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(base64_is_padded),
		cmocka_unit_test(a_time_is_one_word_and_that_it_never_was_another),
		cmocka_unit_test(an_object_is_told_in_words_and_in_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
