// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tool's command line: words, which zeroes divide, after a byte that chooses
 * which options there are. What is taken apart is within the limits that the
 * commands rely on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define WORDS 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sets[] = {
		"tuxNiTrlnwWc", "CemMbsfF", "gLkpyOXvU", "CesSmzoH",
	};
	static struct command command = {
		.name = "queue recv", .synopsis = "NAME", .about = "",
		.most = 3,
	};
	char *text, *words[WORDS + 1], *end;
	struct options options = { 0 };
	int64_t nanoseconds = 0;
	__u64 number = 0;
	mode_t mode = 0;
	int count = 1;

	if (size < 2)
		return 0;
	command.options = sets[data[0] % 4];
	command.least = data[0] / 4 % 2;
	command.plain = data[0] / 8 % 8 == 7;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	end = text + size - 1;

	if (parse_number(text, 1, 1000, &number) &&
	    (number < 1 || number > 1000))
		__builtin_trap();
	parse_size(text, &number);
	if (parse_duration(text, &nanoseconds) && nanoseconds < 0)
		__builtin_trap();
	if (parse_mode(text, &mode) && mode > 0777)
		__builtin_trap();
	if (parse_chapter(text, &options.chapter) &&
	    (options.chapter < IPCBOOK_SIGNAL || options.chapter > IPCBOOK_SEM))
		__builtin_trap();

	words[0] = (char *)"recv";
	for (char *word = text; word < end && count < WORDS;
	     word += strlen(word) + 1)
		words[count++] = word;
	words[count] = NULL;
	if (!parse_options(&command, count, words, &options) &&
	    !options.given[OPTION_HELP] &&
	    (options.operand_count < command.least ||
	     (!command.plain && options.operand_count > command.most) ||
	     options.timeout < 0 || options.mode > 0777))
		__builtin_trap();
	free(text);
	return 0;
}
