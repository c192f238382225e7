// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tool prints of bytes that others chose: never a control character,
 * and JSON that is UTF-8 and between quotes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* What was printed: no control characters, and valid if it must be. */
static void look(const char *text, size_t length, bool utf8)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			__builtin_trap();
	if (utf8 && !utf8_valid(text, length))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipcbook_stat stat = { 0 };
	char *text, *printed = NULL;
	size_t length = 0;
	FILE *out;

	if (size < 1)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	out = open_memstream(&printed, &length);
	if (!out)
		abort();
	switch (data[0] % 4) {
	case 0:
		print_escaped(out, text, data[0] & 4);
		fflush(out);
		look(printed, length, false);
		break;
	case 1:
		print_json_string(out, data + 1, size - 1);
		fflush(out);
		look(printed, length, true);
		break;
	case 2:
		print_base64(out, data + 1, size - 1);
		fflush(out);
		look(printed, length, true);
		if (length != (size - 1 + 2) / 3 * 4 + 2)
			__builtin_trap();
		break;
	case 3:
		memcpy(&stat, data + 1,
		       size - 1 < sizeof(stat) ? size - 1 : sizeof(stat));
		stat.name[sizeof(stat.name) - 1] = 0;
		print_stat_json(out, &stat);
		print_access(out, &stat);
		print_time(out, stat.sent_ns);
		print_seconds(out, stat.created_ns);
		print_stat(out, &stat);
		break;
	}
	fclose(out);
	free(printed);
	free(text);
	return 0;
}
