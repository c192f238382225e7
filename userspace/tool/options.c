// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options and the numbers in them.
 *
 * There is one table of options for all commands, so that an option cannot
 * mean one thing here and another there; a command only names the letters that
 * it takes. What contradicts itself is refused by a second table. Everything
 * is checked before anything is done.
 */
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof(*(array)))

/* Between samples, in nanoseconds. */
#define LEAST_DELAY	100000000LL
#define STANDARD_DELAY	1000000000LL
#define MOST_DELAY	3600000000000LL

/*
 * An option: its letter (which the user can type only where @brief is set),
 * its name, what is to be given with it, what it means.
 */
struct entry {
	enum option_id id;
	bool brief;
	const char *name;
	const char *value;
	const char *about;
};

/* What a value must be, by what it is called in the table. */
static const char *const values[][2] = {
	{ "T", "a number from 1 to 4611686018427387904" },
	{ "NTH", "a number from 0 to 1023" },
	{ "N", "a number from 1" },
	{ "UNITS", "a number from 1 to 2147483647" },
	{ "VALUE", "a number from 0 to 2147483647" },
	{ "DURATION", "a time in ns, us, ms, s, m, h or d, like 1.5s" },
	{ "DELAY", "a time from 100ms to 1h, like 1.5s" },
	{ "KEY", "the name of a column" },
	{ "SIZE", "bytes from 1, like 8192, 64K or 1M" },
	{ "CHAPTER", "signal, socket, pipe, queue, shm, ring or sem" },
	{ "LANG", "en or zh" },
	{ "MODE", "an octal number from 0 to 0777" },
};

static const struct entry entries[] = {
	{ OPTION_TYPE, true, "type", "T",
	  "of type T, a number from 1; what is sent has type 1 unless told" },
	{ OPTION_UPTO, false, "upto", "T",
	  "the lowest type that is not above T" },
	{ OPTION_NOT, false, "not", "T", "any type but T" },
	{ OPTION_NTH, false, "nth", "NTH",
	  "the message before which NTH others wait; 0 is the oldest" },
	{ OPTION_ALL, false, "all", NULL,
	  "every message, in order of arrival; at most 1024" },
	{ OPTION_TIMEOUT, false, "timeout", "DURATION",
	  "wait no longer than this, each time: 1.5s, 200ms, 2m" },
	{ OPTION_NOWAIT, false, "nowait", NULL, "do not wait at all" },
	{ OPTION_COUNT, true, "count", "N", "take N messages; show N frames, events or samples" },
	{ OPTION_FOLLOW, false, "follow", NULL,
	  "take messages until stopped, or until the object is removed" },
	{ OPTION_FILE, false, "file", "FILE",
	  "the payload is in FILE; - is standard input" },
	{ OPTION_LINES, false, "lines", NULL,
	  "each line is a message" },
	{ OPTION_NULL, true, "null", NULL,
	  "a zero byte ends each message, in place of a newline" },
	{ OPTION_RAW, false, "raw", NULL, "add no newline to a payload" },
	{ OPTION_INFO, false, "info", NULL,
	  "a line before each payload says where it came from" },
	{ OPTION_OUTPUT, false, "output", "FILE",
	  "write to FILE instead of standard output" },
	{ OPTION_TRUNCATE, false, "truncate", NULL,
	  "cut messages longer than --size, instead of leaving them" },
	{ OPTION_MESSAGES, false, "messages", "N",
	  "the queue holds at most N messages" },
	{ OPTION_BYTES, false, "bytes", "SIZE",
	  "the queue holds at most SIZE bytes of payload: 64K, 1M" },
	{ OPTION_SIZE, false, "size", "SIZE",
	  "at most SIZE bytes of a message, a read; just SIZE of a segment, ring, block" },
	{ OPTION_MANY, false, "many", NULL, "many producers at a time" },
	{ OPTION_OVERWRITE, false, "overwrite", NULL,
	  "new records displace the oldest; else producers wait" },
	{ OPTION_UNITS, false, "units", "UNITS",
	  "as many units, all or none; else 1" },
	{ OPTION_VALUE, false, "value", "VALUE",
	  "a new semaphore has VALUE units; else none" },
	{ OPTION_MAXIMUM, false, "max", "UNITS",
	  "the semaphore has never more; else 2147483647" },
	{ OPTION_SEQPACKET, false, "seqpacket", NULL,
	  "records instead of a stream: each piece of input is one" },
	{ OPTION_GROUP, false, "group", "GROUP",
	  "the group GROUP: to send to, or to be in" },
	{ OPTION_MASK, false, "mask", "SIGNALS",
	  "leave these signals pending: TERM,USR1,34" },
	{ OPTION_LIMIT, false, "limit", "N",
	  "at most N signals from 32 up wait; else 1024" },
	{ OPTION_MODE, false, "mode", "MODE",
	  "permissions in octal, exactly; else 0666 less the umask" },
	{ OPTION_EXCL, false, "excl", NULL, "fail if it is there already" },
	{ OPTION_CREATE, false, "create", NULL,
	  "create it if it is not there" },
	{ OPTION_CHAPTER, false, "chapter", "CHAPTER",
	  "tell only this one: signal, socket, pipe, queue, shm, sem, ring" },
	{ OPTION_LANG, false, "lang", "LANG",
	  "tell it in English (en) or in Chinese (zh); else in English" },
	{ OPTION_SLOW, false, "slow", NULL, "wait for a key after each step" },
	{ OPTION_NO_HEADER, false, "no-header", NULL,
	  "leave out the line of headings" },
	{ OPTION_BATCH, true, "batch", NULL,
	  "print plain tables, one after each delay" },
	{ OPTION_DELAY, true, "delay", "DELAY",
	  "time between samples: 500ms, 2; else one second" },
	{ OPTION_SORT, false, "sort", "KEY",
	  "sort by traffic, chapter, name, owner, depth, memory, sent, ..." },
	{ OPTION_NO_COLOR, false, "no-color", NULL, "no colours" },
	{ OPTION_JSON, true, "json", NULL, "print JSON, an object a line" },
	{ OPTION_HELP, true, "help", NULL, "print this" },
};

/* Pairs that exclude each other. */
static const char exclusive[][2] = {
	{ OPTION_TYPE, OPTION_UPTO },
	{ OPTION_TYPE, OPTION_NOT },
	{ OPTION_UPTO, OPTION_NOT },
	{ OPTION_NTH, OPTION_TYPE },
	{ OPTION_NTH, OPTION_UPTO },
	{ OPTION_NTH, OPTION_NOT },
	{ OPTION_NTH, OPTION_ALL },
	{ OPTION_TIMEOUT, OPTION_NOWAIT },
	{ OPTION_FOLLOW, OPTION_NOWAIT },
	{ OPTION_FOLLOW, OPTION_COUNT },
	{ OPTION_RAW, OPTION_NULL },
	{ OPTION_RAW, OPTION_INFO },
	{ OPTION_RAW, OPTION_JSON },
	{ OPTION_LINES, OPTION_NULL },
	{ OPTION_MANY, OPTION_OVERWRITE },
};

/* A plain decimal number, nothing before or after it. */
bool parse_number(const char *text, __u64 least, __u64 most,
		  __u64 *number)
{
	__u64 value = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *text - '0', &value))
			return false;
	}
	if (value < least || value > most)
		return false;
	*number = value;
	return true;
}

/* The digits at the start of a text as a number; where they end. */
static const char *digits(const char *text, char *copy, size_t room)
{
	size_t length = strspn(text, "0123456789");

	if (length >= room)
		length = 0;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return text + length;
}

/* Bytes; K, M, G and T are powers of 1024. At least 1. */
bool parse_size(const char *text, __u64 *bytes)
{
	static const char units[] = "KMGT";
	const char *rest, *unit;
	char number[24];
	__u64 value;

	rest = digits(text, number, sizeof(number));
	if (!parse_number(number, 1, UINT64_MAX, &value))
		return false;
	if (*rest) {
		unit = strchr(units, *rest & ~0x20);
		if (!unit || !*unit || rest[1])
			return false;
		if (__builtin_mul_overflow(value, 1024ULL << 10 * (unit - units),
					   &value))
			return false;
	}
	*bytes = value;
	return true;
}

/* Nanoseconds of a unit of time; 0 if there is no such unit. */
static int64_t duration_unit(const char *name)
{
	static const struct {
		const char *name;
		int64_t nanoseconds;
	} units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", 1000000 },
		{ "s", 1000000000LL },
		{ "", 1000000000LL },
		{ "m", 60 * 1000000000LL },
		{ "h", 3600 * 1000000000LL },
		{ "d", 86400 * 1000000000LL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(name, units[i].name) == 0)
			return units[i].nanoseconds;
	return 0;
}

/* A decimal fraction and a unit; no unit means seconds. Exact to 1 ns. */
bool parse_duration(const char *text, int64_t *nanoseconds)
{
	char whole[24], part[24] = "";
	int64_t unit, scale, value;
	const char *rest;
	__u64 number;

	rest = digits(text, whole, sizeof(whole));
	if (*rest == '.') {
		rest = digits(rest + 1, part, sizeof(part));
		if (!*part)
			return false;
	}
	unit = duration_unit(rest);
	if (!unit || !parse_number(whole, 0, INT64_MAX, &number) ||
	    __builtin_mul_overflow((int64_t)number, unit, &value))
		return false;
	/* The unit is a power of ten times at most 86400: exact to the end. */
	scale = unit;
	for (const char *digit = part; *digit; digit++) {
		scale /= 10;
		if (__builtin_add_overflow(value, (*digit - '0') * scale,
					   &value))
			return false;
	}
	*nanoseconds = value;
	return true;
}

/* Permission bits in octal. */
bool parse_mode(const char *text, mode_t *mode)
{
	size_t length = strspn(text, "01234567");
	unsigned long value;

	if (!length || length > 4 || text[length])
		return false;
	value = strtoul(text, NULL, 8);
	if (value > 0777)
		return false;
	*mode = value;
	return true;
}

/* A chapter's word. */
bool parse_chapter(const char *text, enum ipcbook_chapter *chapter)
{
	const char *name;

	for (int i = IPCBOOK_SIGNAL; i <= IPCBOOK_SEM; i++) {
		name = ipcbook_chapter_name(i);
		if (!name || strcmp(name, text))
			continue;
		*chapter = i;
		return true;
	}
	return false;
}

static const struct entry *entry_of(int id)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if ((int)entries[i].id == id)
			return &entries[i];
	return NULL;
}

static bool takes(const struct command *command, enum option_id id)
{
	return id == OPTION_HELP || (id == OPTION_JSON && !command->screen) ||
	       strchr(command->options, id);
}

/* What getopt wants to know of a command's options. */
static void describe(const struct command *command, char *brief,
		     struct option *full)
{
	const struct entry *entry;

	*brief++ = ':';
	for (entry = entries; entry < entries + ARRAY_SIZE(entries); entry++) {
		if (!takes(command, entry->id))
			continue;
		*full++ = (struct option) {
			.name = entry->name,
			.has_arg = entry->value ? required_argument :
						  no_argument,
			.val = entry->id,
		};
		if (!entry->brief)
			continue;
		*brief++ = entry->id;
		if (entry->value)
			*brief++ = ':';
	}
	*brief = '\0';
	memset(full, 0, sizeof(*full));
}

static bool parse_type(const char *text, int64_t least, int64_t most,
		       int64_t *type)
{
	__u64 number;

	if (!parse_number(text, least, most, &number))
		return false;
	*type = number;
	return true;
}

/* Which message; what the number must be depends on it. */
static bool parse_select(struct options *options, int id, const char *value)
{
	switch (id) {
	case OPTION_NTH:
		options->select = IPCBOOK_NTH;
		return parse_type(value, 0, IPCBOOK_NTH_MAX, &options->type);
	case OPTION_TYPE:
		options->select = IPCBOOK_EXACT;
		break;
	case OPTION_UPTO:
		options->select = IPCBOOK_UPTO;
		break;
	case OPTION_NOT:
		options->select = IPCBOOK_NOT;
		break;
	}
	return parse_type(value, IPCBOOK_TYPE_MIN, IPCBOOK_TYPE_MAX,
			  &options->type);
}

/* Take one option in. */
static bool parse_value(struct options *options, int id, const char *value)
{
	options->given[id] = true;
	switch (id) {
	case OPTION_TYPE:
	case OPTION_UPTO:
	case OPTION_NOT:
	case OPTION_NTH:
		return parse_select(options, id, value);
	case OPTION_TIMEOUT:
		return parse_duration(value, &options->timeout);
	case OPTION_COUNT:
		return parse_number(value, 1, UINT64_MAX, &options->count);
	case OPTION_UNITS:
		return parse_number(value, 1, IPCBOOK_SEM_MAX,
				    &options->units);
	case OPTION_VALUE:
		return parse_number(value, 0, IPCBOOK_SEM_MAX,
				    &options->value);
	case OPTION_MAXIMUM:
		return parse_number(value, 1, IPCBOOK_SEM_MAX,
				    &options->maximum);
	case OPTION_MESSAGES:
		return parse_number(value, 1, UINT64_MAX,
				    &options->limits.messages);
	case OPTION_BYTES:
		return parse_size(value, &options->limits.bytes);
	case OPTION_SIZE:
		return parse_size(value, &options->limits.size);
	case OPTION_MODE:
		return parse_mode(value, &options->mode);
	case OPTION_LIMIT:
		return parse_number(value, 1, UINT32_MAX, &options->limit);
	case OPTION_GROUP:
		options->group = value;
		break;
	case OPTION_MASK:
		options->mask = value;
		break;
	case OPTION_CHAPTER:
		return parse_chapter(value, &options->chapter);
	case OPTION_LANG:
		options->lang = value;
		return strcmp(value, "en") == 0 || strcmp(value, "zh") == 0;
	case OPTION_DELAY:
		return parse_duration(value, &options->delay) &&
		       options->delay >= LEAST_DELAY &&
		       options->delay <= MOST_DELAY;
	case OPTION_SORT:
		options->sort = value;
		break;
	case OPTION_FILE:
		options->file = value;
		break;
	case OPTION_OUTPUT:
		options->output = value;
		break;
	}
	return true;
}

/* The word that getopt stumbled over. */
static int misunderstood(const struct command *command, int id, char **argv)
{
	const struct entry *entry = entry_of(optopt);
	const char *word = argv[optind - 1];

	if (id == ':' && entry)
		return wrong_call(command, "--%s needs %s", entry->name,
				  entry->value);
	if (entry && strncmp(word, "--", 2) == 0)
		return wrong_call(command, "--%s takes no value", entry->name);
	if (optopt && !entry)
		return wrong_call(command, "there is no option -%c", optopt);
	return wrong_call(command, "there is no option %s", word);
}

/* Of an option that is one. */
static const struct entry *known(int id)
{
	const struct entry *entry = entry_of(id);

	if (!entry)
		abort();
	return entry;
}

static int wrong_value(const struct command *command, int id)
{
	const struct entry *entry = known(id);
	size_t i = 0;

	while (strcmp(values[i][0], entry->value))
		i++;
	return wrong_call(command, "--%s takes %s, not '%s'", entry->name,
			  values[i][1], optarg);
}

/* What the first operand that a call has not is called, as --help has it. */
static int too_few(const struct options *options)
{
	const char *word = options->command->synopsis;
	int left = options->operand_count;
	size_t length;

	for (;; word += length + strspn(word + length, " .")) {
		length = strcspn(word, " .");
		if (*word != '[' && *word != '-' && !left--)
			return wrong_call(options->command, "%.*s is missing",
					  (int)length, word);
	}
}

static int check(const struct options *options)
{
	const struct command *command = options->command;

	for (size_t i = 0; i < ARRAY_SIZE(exclusive); i++)
		if (options->given[(int)exclusive[i][0]] &&
		    options->given[(int)exclusive[i][1]])
			return wrong_call(command,
					  "--%s and --%s exclude each other",
					  known(exclusive[i][0])->name,
					  known(exclusive[i][1])->name);
	if (options->operand_count < command->least)
		return too_few(options);
	if (options->operand_count > command->most)
		return wrong_call(command, "'%s' is too much",
				  options->operands[command->most]);
	return 0;
}

/*
 * Take a call apart, argv[0] being the command's last word. Returns 0 or, with
 * the usage line printed, the exit status of a wrong call. Nothing but --help
 * counts where that was given.
 */
int parse_options(const struct command *command, int argc, char **argv,
		  struct options *options)
{
	struct option full[ARRAY_SIZE(entries) + 1];
	char brief[2 * ARRAY_SIZE(entries) + 2];
	int id;

	options->command = command;
	options->count = 1;
	options->units = 1;
	options->delay = STANDARD_DELAY;
	if (command->plain) {
		options->given[OPTION_HELP] = argc > 1 &&
			(strcmp(argv[1], "--help") == 0 ||
			 strcmp(argv[1], "-h") == 0);
		options->operands = argv + 1;
		options->operand_count = argc - 1;
		return options->given[OPTION_HELP] ? 0 : check(options);
	}
	describe(command, brief, full);
	opterr = 0;
	optind = 0;
	while ((id = getopt_long(argc, argv, brief, full, NULL)) != -1) {
		if (id == ':' || id == '?')
			return misunderstood(command, id, argv);
		if (!parse_value(options, id, optarg))
			return wrong_value(command, id);
	}
	options->operands = argv + optind;
	options->operand_count = argc - optind;
	return options->given[OPTION_HELP] ? 0 : check(options);
}

/* The options of a command, for its help. */
void print_options(FILE *out, const struct command *command)
{
	const struct entry *entry;
	int width;

	for (entry = entries; entry < entries + ARRAY_SIZE(entries); entry++) {
		if (!takes(command, entry->id))
			continue;
		width = fprintf(out, "  %c%c%c --%s%s%s",
				entry->brief ? '-' : ' ',
				entry->brief ? (char)entry->id : ' ',
				entry->brief ? ',' : ' ', entry->name,
				entry->value ? " " : "",
				entry->value ? entry->value : "");
		fprintf(out, "%*s%s\n", width < 26 ? 26 - width : 1, "",
			entry->about);
	}
}

/* When a call that starts now must be over; 0 is never. */
uint64_t deadline_of(const struct options *options)
{
	if (!options->given[OPTION_TIMEOUT])
		return 0;
	return ipcbook_deadline(options->timeout);
}
