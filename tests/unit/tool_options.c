// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tool's numbers, sizes, durations and modes, to the last value that they
 * can have. Includes the source, whose functions belong to the tool alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../userspace/tool/options.c"

int wrong_call(const struct command *command, const char *format, ...)
{
	(void)command;
	(void)format;
	return STATUS_USAGE;
}

/* What a parser makes of a text, -1 for what it refuses. */
#define parsed(parse, text, type) ({				\
	type value_ = 0;					\
	parse(text, &value_) ? (long long)value_ : -1;		\
})

#define size_of(text)		parsed(parse_size, text, __u64)
#define duration_of(text)	parsed(parse_duration, text, int64_t)
#define mode_of(text)		parsed(parse_mode, text, mode_t)

static long long number_of(const char *text, __u64 least, __u64 most)
{
	__u64 value;

	return parse_number(text, least, most, &value) ? (long long)value : -1;
}

static void a_number_is_decimal_digits_within_its_bounds(void **state)
{
	(void)state;
	assert_int_equal(number_of("0", 0, 9), 0);
	assert_int_equal(number_of("0", 1, 9), -1);
	assert_int_equal(number_of("9", 1, 9), 9);
	assert_int_equal(number_of("10", 1, 9), -1);
	assert_int_equal(number_of("010", 0, 99), 10);
	assert_int_equal(number_of("", 0, 9), -1);
	assert_int_equal(number_of("+1", 0, 9), -1);
	assert_int_equal(number_of("-1", 0, UINT64_MAX), -1);
	assert_int_equal(number_of(" 1", 0, 9), -1);
	assert_int_equal(number_of("1 ", 0, 9), -1);
	assert_int_equal(number_of("0x1", 0, 9), -1);
	assert_int_equal(number_of("1e1", 0, 99), -1);
}

static void a_number_goes_up_to_64_bits_and_no_further(void **state)
{
	__u64 value;

	(void)state;
	assert_true(parse_number("18446744073709551615", 0, UINT64_MAX,
				 &value));
	assert_true(value == UINT64_MAX);
	assert_false(parse_number("18446744073709551616", 0, UINT64_MAX,
				  &value));
	assert_false(parse_number("99999999999999999999", 0, UINT64_MAX,
				  &value));
}

static void a_size_counts_in_powers_of_1024(void **state)
{
	(void)state;
	assert_int_equal(size_of("1"), 1);
	assert_int_equal(size_of("4095"), 4095);
	assert_int_equal(size_of("64K"), 65536);
	assert_int_equal(size_of("64k"), 65536);
	assert_int_equal(size_of("1M"), 1048576);
	assert_int_equal(size_of("3G"), 3221225472);
	assert_int_equal(size_of("2t"), 2199023255552);
}

static void a_size_that_is_none_is_refused(void **state)
{
	static const char *const texts[] = {
		"", "0", "0K", "K", "1KB", "1Ki", "1.5K", "-1", "1 K", "1P",
		"1+", "1@", "17179869184G", "18446744073709551616",
		"1000000000000000000000000",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(size_of(texts[i]), -1);
}

static void a_duration_is_exact_to_the_nanosecond(void **state)
{
	(void)state;
	assert_int_equal(duration_of("0"), 0);
	assert_int_equal(duration_of("1"), 1000000000);
	assert_int_equal(duration_of("1.5s"), 1500000000);
	assert_int_equal(duration_of("0.1"), 100000000);
	assert_int_equal(duration_of("0.000000001s"), 1);
	assert_int_equal(duration_of("1.0000000019"), 1000000001);
	assert_int_equal(duration_of("200ms"), 200000000);
	assert_int_equal(duration_of("2.5us"), 2500);
	assert_int_equal(duration_of("7ns"), 7);
	assert_int_equal(duration_of("0.9ns"), 0);
	assert_int_equal(duration_of("1.5m"), 90000000000);
	assert_int_equal(duration_of("2h"), 7200000000000);
	assert_int_equal(duration_of("1.25d"), 108000000000000);
	assert_int_equal(duration_of("9223372036.854775807s"), INT64_MAX);
}

static void a_duration_that_is_none_is_refused(void **state)
{
	static const char *const texts[] = {
		"", ".", ".5", "1.", "s", "1.s", "-1", "+1", "1 s", "1S", "1sec",
		"1.5.5", "1e3", "0x1", "inf", "9223372036.854775808",
		"9223372037", "106752d", "99999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(duration_of(texts[i]), -1);
}

static void a_mode_is_octal_and_has_nine_bits(void **state)
{
	(void)state;
	assert_int_equal(mode_of("0"), 0);
	assert_int_equal(mode_of("660"), 0660);
	assert_int_equal(mode_of("0660"), 0660);
	assert_int_equal(mode_of("777"), 0777);
	assert_int_equal(mode_of("1000"), -1);
	assert_int_equal(mode_of("00777"), -1);
	assert_int_equal(mode_of("8"), -1);
	assert_int_equal(mode_of(""), -1);
	assert_int_equal(mode_of("u=rw"), -1);
	assert_int_equal(mode_of("-1"), -1);
}

static const struct command command = {
	.name = "queue recv",
	.synopsis = "",
	.options = "tuxwWnF",
	.least = 1,
	.most = 2,
};

#define parse(options, ...) ({						\
	char *argv_[] = { "recv", __VA_ARGS__, NULL };			\
	memset(options, 0, sizeof(*(options)));				\
	parse_options(&command, ARRAY_SIZE(argv_) - 1, argv_, options);	\
})

static void options_and_operands_may_be_mixed(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "one", "--type", "5", "two", "-j"), 0);
	assert_int_equal(options.operand_count, 2);
	assert_string_equal(options.operands[0], "one");
	assert_string_equal(options.operands[1], "two");
	assert_int_equal(options.select, IPCBOOK_EXACT);
	assert_int_equal(options.type, 5);
	assert_true(options.given[OPTION_JSON]);
	assert_false(options.given[OPTION_NOWAIT]);
}

static void each_selector_is_told_from_the_others(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "q"), 0);
	assert_int_equal(options.select, IPCBOOK_ANY);
	assert_int_equal(options.type, 0);
	assert_int_equal(parse(&options, "q", "--upto", "6"), 0);
	assert_int_equal(options.select, IPCBOOK_UPTO);
	assert_int_equal(options.type, 6);
	assert_int_equal(parse(&options, "q", "--not=4611686018427387904"), 0);
	assert_int_equal(options.select, IPCBOOK_NOT);
	assert_true(options.type == IPCBOOK_TYPE_MAX);
}

static void only_the_commands_own_options_are_taken(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "q", "--count", "3"), 0);
	assert_int_equal(options.count, 3);
	assert_int_equal(parse(&options, "q", "--file", "x"), STATUS_USAGE);
	assert_int_equal(parse(&options, "q", "-l"), STATUS_USAGE);
}

static void contradictions_and_missing_names_are_refused(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "q", "-t1", "--not=2"), STATUS_USAGE);
	assert_int_equal(parse(&options, "q", "--nowait", "--timeout=1"),
			 STATUS_USAGE);
	assert_int_equal(parse(&options, "q", "--follow", "-n1"), STATUS_USAGE);
	assert_int_equal(parse(&options, "-t1"), STATUS_USAGE);
	assert_int_equal(parse(&options, "a", "b", "c"), STATUS_USAGE);
	assert_int_equal(parse(&options, "a", "--", "-t"), 0);
}

static void help_counts_whatever_else_is_missing(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "--help"), 0);
	assert_true(options.given[OPTION_HELP]);
}

static void without_a_timeout_there_is_no_deadline(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "q"), 0);
	assert_int_equal(deadline_of(&options), 0);
	assert_int_equal(parse(&options, "q", "--timeout", "0"), 0);
	assert_true(deadline_of(&options) > 0);
	assert_true(deadline_of(&options) <= ipcbook_deadline(0));
	assert_int_equal(parse(&options, "q", "--timeout", "1h"), 0);
	assert_true(deadline_of(&options) > ipcbook_deadline(3599000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_decimal_digits_within_its_bounds),
		cmocka_unit_test(a_number_goes_up_to_64_bits_and_no_further),
		cmocka_unit_test(a_size_counts_in_powers_of_1024),
		cmocka_unit_test(a_size_that_is_none_is_refused),
		cmocka_unit_test(a_duration_is_exact_to_the_nanosecond),
		cmocka_unit_test(a_duration_that_is_none_is_refused),
		cmocka_unit_test(a_mode_is_octal_and_has_nine_bits),
		cmocka_unit_test(options_and_operands_may_be_mixed),
		cmocka_unit_test(each_selector_is_told_from_the_others),
		cmocka_unit_test(only_the_commands_own_options_are_taken),
		cmocka_unit_test(contradictions_and_missing_names_are_refused),
		cmocka_unit_test(help_counts_whatever_else_is_missing),
		cmocka_unit_test(without_a_timeout_there_is_no_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
