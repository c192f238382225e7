// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of signals, as the library reads them: a number or a name, and back.
 */
#include <stdlib.h>
#include <string.h>

#include <ipcbook/signal.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text = malloc(size + 1);
	const char *name;
	int number;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	number = ipcbook_signal_number(text);
	name = number > 0 ? ipcbook_signal_name(number) : NULL;
	/* what has been understood is one there is, whose name means the same */
	if (number > IPCBOOK_SIGNAL_MAX || (number > 0 &&
	    (!name || ipcbook_signal_number(name) != number)))
		__builtin_trap();
	free(text);
	return 0;
}
