// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook signal: send, listen, mask, list; and ipcbook kill.
 *
 * Signals need the module but not the device. A target that is all digits is a
 * pid, anything else a name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ipcbook/signal.h>

#include "tool.h"

/* Say that @doing failed, on what, why, and what the module said about it. */
static int failed_signal(const struct ipcbook_signal *signal, int error,
			 const char *doing, const char *what)
{
	const char *why = signal ? ipcbook_signal_why(signal) : "";

	switch (-error) {
	case ENODEV:
		return failed_listing(error);
	case ESRCH:
		complain("cannot %s '%s': nobody who lives is registered so",
			 doing, what);
		return STATUS_ABSENT;
	case EAGAIN:
		complain("cannot %s '%s': as many signals wait there as may",
			 doing, what);
		break;
	case EPERM:
		complain("cannot %s '%s': permission denied; it must be yours, as for kill",
			 doing, what);
		break;
	case EEXIST:
		complain("cannot %s '%s': another process has this name",
			 doing, what);
		break;
	case EOPNOTSUPP:
		complain("cannot %s '%s': the module was built without signals",
			 doing, what);
		break;
	default:
		complain("cannot %s '%s': %s%s%s", doing, what,
			 *why ? why : strerror(-error), *why ? "; " : "",
			 *why ? strerror(-error) : "");
	}
	return status_of(error);
}

static int open_signal(struct ipcbook_signal **signal)
{
	int error = ipcbook_signal_open(signal);

	return error ? failed_signal(NULL, error, "use", "signals") : 0;
}

/* ----------------------------------------------------------- sending and kill */

static struct ipcbook_signal_target target_of(const char *text)
{
	__u64 pid;

	if (parse_number(text, 1, INT32_MAX, &pid))
		return (struct ipcbook_signal_target){ .pid = pid };
	return (struct ipcbook_signal_target){ .name = text };
}

static int send_to(struct ipcbook_signal *signal, int number,
		   const struct ipcbook_signal_target *target,
		   const char *text, bool json)
{
	struct ipcbook_signal_sent sent = { 0 };
	int answer;

	answer = ipcbook_signal_send(signal, target, 1, &number, 1, 0, &sent);
	if (answer < 0)
		return failed_signal(signal, answer, "send to", text);
	if (sent.refused)
		complain("%u of %u receivers have no room for it", sent.refused,
			 sent.arrived + sent.refused);
	if (json) {
		fputs("{\"target\":", stdout);
		print_json_string(stdout, text, strlen(text));
		printf(",\"number\":%d,\"arrived\":%u,\"refused\":%u}\n",
		       number, sent.arrived, sent.refused);
	}
	return sent.refused ? STATUS_NOTHING : STATUS_DONE;
}

/* To each target; the first failure gives the exit status. */
static int send_to_all(const struct options *options, int number,
		       char *const *targets, int count)
{
	bool json = options->given[OPTION_JSON];
	struct ipcbook_signal_target target;
	struct ipcbook_signal *signal;
	int first, status;

	first = open_signal(&signal);
	if (first)
		return first;
	for (int i = 0; i < count; i++) {
		target = target_of(targets[i]);
		status = send_to(signal, number, &target, targets[i], json);
		first = first ? first : status;
	}
	if (options->given[OPTION_GROUP]) {
		target = (struct ipcbook_signal_target) {
			.group = options->group,
		};
		status = send_to(signal, number, &target, options->group, json);
		first = first ? first : status;
	}
	ipcbook_signal_close(signal);
	return first;
}

int signal_send(const struct options *options)
{
	int number = ipcbook_signal_number(options->operands[0]);

	if (number < 0)
		return wrong_call(options->command,
				  "there is no signal '%s'; see ipcbook kill -l",
				  options->operands[0]);
	if (options->operand_count < 2 && !options->given[OPTION_GROUP])
		return wrong_call(options->command, "TARGET is missing");
	return send_to_all(options, number, options->operands + 1,
			   options->operand_count - 1);
}

static int list_numbers(bool json)
{
	for (int number = 1; number <= IPCBOOK_SIGNAL_MAX; number++) {
		if (json)
			printf("{\"number\":%d,\"name\":\"%s\"}\n", number,
			       ipcbook_signal_name(number));
		else
			printf("%2d %s\n", number, ipcbook_signal_name(number));
	}
	return STATUS_DONE;
}

int signal_kill(const struct options *options)
{
	char *const *words = options->operands;
	int count = options->operand_count;
	int number = 15;

	if (strcmp(*words, "-l") == 0 && count == 1)
		return list_numbers(options->given[OPTION_JSON]);
	if (**words == '-' && strcmp(*words, "--") != 0) {
		number = ipcbook_signal_number(*words + 1);
		if (number < 0)
			return wrong_call(options->command,
					  "there is no signal '%s'; see ipcbook kill -l",
					  *words + 1);
		words++;
		count--;
	}
	if (count && strcmp(*words, "--") == 0) {
		words++;
		count--;
	}
	if (!count)
		return wrong_call(options->command, "TARGET is missing");
	return send_to_all(options, number, words, count);
}

/* ------------------------------------------------------------------- listening */

/* "TERM,USR1,34" as a set. */
static bool parse_set(const char *text, uint64_t *set)
{
	char *copy = strdup(text), *rest = copy, *name;
	bool valid = copy;
	int number;

	*set = 0;
	while (valid && (name = strsep(&rest, ","))) {
		number = ipcbook_signal_number(name);
		valid = number > 0;
		if (valid)
			*set |= IPCBOOK_SIGNAL_SET(number);
	}
	free(copy);
	return valid;
}

static void print_signal(const struct ipcbook_signal_info *info, bool json)
{
	const char *name = ipcbook_signal_name(info->number);

	if (json)
		printf("{\"number\":%u,\"name\":\"%s\",\"count\":%u,\"pid\":%u,", info->number,
		       name, info->count, info->pid);
	if (json)
		printf("\"uid\":%u,\"object\":%llu}\n", info->uid,
		       info->object);
	else
		printf("%s count=%u pid=%u uid=%u\n", name, info->count,
		       info->pid, info->uid);
}

/* Print what comes, until there was enough. */
static int listen_to(struct ipcbook_signal *signal,
		     const struct options *options, const char *name)
{
	struct ipcbook_signal_info infos[IPCBOOK_SIGNAL_FETCH];
	__u64 left = options->given[OPTION_COUNT] ? options->count : UINT64_MAX;
	ssize_t count;

	while (left) {
		count = ipcbook_signal_wait(signal, infos,
					    left < IPCBOOK_SIGNAL_FETCH ?
					    left : IPCBOOK_SIGNAL_FETCH,
					    deadline_of(options));
		if (count == -ETIMEDOUT) {
			complain("no signal came: time is up");
			return STATUS_NOTHING;
		}
		if (count < 0)
			return failed_signal(signal, count, "listen as", name);
		for (ssize_t i = 0; i < count; i++)
			print_signal(&infos[i], options->given[OPTION_JSON]);
		if (fflush(stdout))
			return STATUS_LOST;
		left -= count;
	}
	return STATUS_DONE;
}

int signal_listen(const struct options *options)
{
	const char *name = options->operand_count ? options->operands[0] : NULL;
	const char *shown = name ? name : "a process without a name";
	struct ipcbook_signal *signal;
	uint64_t set = 0;
	int error, status;

	if (options->given[OPTION_MASK] && !parse_set(options->mask, &set))
		return wrong_call(options->command,
				  "--mask takes signals, not '%s'",
				  options->mask);
	status = open_signal(&signal);
	if (status)
		return status;
	error = ipcbook_signal_register(signal, name, &options->group,
					options->given[OPTION_GROUP],
					options->limit);
	if (!error && set)
		error = ipcbook_signal_mask(signal, IPCBOOK_SIGNAL_BLOCK, set,
					    NULL);
	status = error ? failed_signal(signal, error, "listen as", shown) :
			 listen_to(signal, options, shown);
	ipcbook_signal_close(signal);
	return status;
}

/* ------------------------------------------------------------ mask and list */

/* Names, with commas between; "-" is none. */
static void print_set(uint64_t set)
{
	bool first = true;

	for (int number = 1; number <= IPCBOOK_SIGNAL_MAX; number++) {
		if (!(set & IPCBOOK_SIGNAL_SET(number)))
			continue;
		printf("%s%s", first ? "" : ",", ipcbook_signal_name(number));
		first = false;
	}
	if (first)
		putchar('-');
}

static void print_set_json(const char *key, uint64_t set)
{
	bool first = true;

	printf(",\"%s\":[", key);
	for (int number = 1; number <= IPCBOOK_SIGNAL_MAX; number++) {
		if (!(set & IPCBOOK_SIGNAL_SET(number)))
			continue;
		printf("%s%d", first ? "" : ",", number);
		first = false;
	}
	putchar(']');
}

static void print_entry_json(const struct ipcbook_signal_entry *entry)
{
	printf("{\"pid\":%u,\"name\":", entry->stat.creator);
	if (*entry->stat.name)
		print_json_string(stdout, entry->stat.name,
				  strlen(entry->stat.name));
	else
		fputs("null", stdout);
	fputs(",\"groups\":[", stdout);
	for (unsigned int i = 0; i < entry->group_count; i++) {
		if (i)
			putchar(',');
		print_json_string(stdout, entry->groups[i],
				  strlen(entry->groups[i]));
	}
	printf("],\"depth\":%llu,\"limit\":%llu", entry->stat.depth,
	       entry->stat.max_depth);
	print_set_json("mask", entry->mask);
	print_set_json("pending", entry->pending);
	puts("}");
}

/* A call that looks at registrations; those of one name, or all. */
struct looking {
	const struct options *options;
	const char *name;
	unsigned int found;
};

static int show_entry(const struct ipcbook_signal_entry *entry, void *arg)
{
	struct looking *looking = arg;

	if (looking->name && strcmp(looking->name, entry->stat.name))
		return 0;
	looking->found++;
	if (looking->options->given[OPTION_JSON]) {
		print_entry_json(entry);
		return 0;
	}
	if (looking->name) {
		fputs("masked  ", stdout);
		print_set(entry->mask);
		fputs("\npending ", stdout);
		print_set(entry->pending);
		putchar('\n');
		return 0;
	}
	printf("%7u ", entry->stat.creator);
	if (*entry->stat.name)
		print_escaped(stdout, entry->stat.name, true);
	else
		putchar('-');
	printf(" %llu %llu ", entry->stat.depth, entry->stat.max_depth);
	for (unsigned int i = 0; i < entry->group_count; i++) {
		if (i)
			putchar(',');
		print_escaped(stdout, entry->groups[i], true);
	}
	puts(entry->group_count ? "" : "-");
	return 0;
}

int signal_list(const struct options *options)
{
	struct looking looking = { .options = options };
	int error;

	if (!options->given[OPTION_JSON] && !options->given[OPTION_NO_HEADER])
		puts("    PID NAME PENDING LIMIT GROUPS");
	error = ipcbook_signal_list(show_entry, &looking);
	return error ? failed_listing(error) : STATUS_DONE;
}

int signal_mask(const struct options *options)
{
	struct looking looking = {
		.options = options,
		.name = options->operands[0],
	};
	int error = ipcbook_signal_list(show_entry, &looking);

	if (error)
		return failed_listing(error);
	return looking.found ? STATUS_DONE :
	       failed_signal(NULL, -ESRCH, "look at", looking.name);
}
