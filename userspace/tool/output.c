// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tool prints: JSON, names, times, the state of an object.
 *
 * Nothing that comes from outside reaches a terminal as it is, but for the
 * payload of a message that is asked for: names are escaped, in JSON and out
 * of it. A table's cell is always one word, so that awk finds its columns.
 */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define NSEC_PER_SEC 1000000000ULL

/*
 * Bytes of the UTF-8 character that a text starts with, 0 if it is none: too
 * long for what it says, a surrogate, or beyond Unicode's end.
 */
size_t utf8_length(const void *text, size_t length)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = text;
	uint32_t character;
	size_t size;

	if (!length)
		return 0;
	if (bytes[0] < 0x80)
		return 1;
	size = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
	if (bytes[0] < 0xc0 || bytes[0] > 0xf7 || length < size)
		return 0;
	character = bytes[0] & (0x7f >> size);
	for (size_t i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	if (character < least[size] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 0;
	return size;
}

bool utf8_valid(const void *text, size_t length)
{
	const char *at = text;
	size_t size;

	for (; length; at += size, length -= size) {
		size = utf8_length(at, length);
		if (!size)
			return false;
	}
	return true;
}

/* Does a terminal do something else than show it? (ASCII's and C1's.) */
static bool is_control(const unsigned char *text, size_t size)
{
	if (size == 1)
		return *text < 0x20 || *text == 0x7f;
	return size == 2 && text[0] == 0xc2 && text[1] < 0xa0;
}

/*
 * A text, with control characters, backslashes and what is not UTF-8 as \xHH,
 * which printf's %b turns back. As one word, spaces too; and what would look
 * like the sign for no name.
 */
void print_escaped(FILE *out, const char *text, bool one_word)
{
	bool alone = one_word && strcmp(text, "-") == 0;
	size_t size;

	for (; *text; text += size) {
		size = utf8_length(text, strlen(text));
		if (!size || is_control((const unsigned char *)text, size) ||
		    *text == '\\' || (one_word && *text == ' ') || alone) {
			size = 1;
			fprintf(out, "\\x%02x", (unsigned char)*text);
			continue;
		}
		fwrite(text, 1, size, out);
	}
}

/* A JSON string of what is valid UTF-8; anything else becomes U+FFFD. */
void print_json_string(FILE *out, const void *text, size_t length)
{
	const unsigned char *at = text;
	size_t size;

	putc('"', out);
	for (; length; at += size, length -= size) {
		size = utf8_length(at, length);
		if (!size) {
			size = 1;
			fputs("\\ufffd", out);
		} else if (*at == '"' || *at == '\\') {
			fprintf(out, "\\%c", *at);
		} else if (*at == '\n') {
			fputs("\\n", out);
		} else if (is_control(at, size)) {
			fprintf(out, "\\u%04x", at[size - 1]);
		} else {
			fwrite(at, 1, size, out);
		}
	}
	putc('"', out);
}

/* A JSON string of any bytes, in base64 with padding. */
void print_base64(FILE *out, const void *bytes, size_t length)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *at = bytes;
	uint32_t three;

	putc('"', out);
	for (; length; at += 3, length -= length < 3 ? length : 3) {
		three = at[0] << 16 | (length > 1 ? at[1] << 8 : 0) |
			(length > 2 ? at[2] : 0);
		putc(letters[three >> 18], out);
		putc(letters[three >> 12 & 63], out);
		putc(length > 1 ? letters[three >> 6 & 63] : '=', out);
		putc(length > 2 ? letters[three & 63] : '=', out);
	}
	putc('"', out);
}

/* A time as a JSON number: seconds since 1970; null is never. */
void print_seconds(FILE *out, __u64 nanoseconds)
{
	if (!nanoseconds)
		fputs("null", out);
	else
		fprintf(out, "%llu.%09llu", nanoseconds / NSEC_PER_SEC,
			nanoseconds % NSEC_PER_SEC);
}

/* A time for people and awk: one word, UTC; "-" is never. */
void print_time(FILE *out, __u64 nanoseconds)
{
	time_t seconds = nanoseconds / NSEC_PER_SEC;
	char text[32];
	struct tm tm;

	if (!nanoseconds || !gmtime_r(&seconds, &tm)) {
		putc('-', out);
		return;
	}
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "%s.%03lluZ", text,
		nanoseconds % NSEC_PER_SEC / 1000000);
}

/* A user's name, or the number where there is none. */
static void print_user(FILE *out, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		print_escaped(out, user->pw_name, true);
	else
		fprintf(out, "%u", uid);
}

static void print_group(FILE *out, gid_t gid)
{
	const struct group *group = getgrgid(gid);

	if (group)
		print_escaped(out, group->gr_name, true);
	else
		fprintf(out, "%u", gid);
}

/* Who may do what with an object, in a few words. */
void print_access(FILE *out, const struct ipcbook_stat *stat)
{
	print_user(out, stat->uid);
	putc(':', out);
	print_group(out, stat->gid);
	fprintf(out, " %04o", stat->mode);
}

/* The things to tell about an object, and how each is written. */
enum kind { CHAPTER, NAME, MODE, USER, GROUP, TIME, SHORT, LONG };

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
};

#define FIELD(name, kind, member) \
	{ name, kind, offsetof(struct ipcbook_stat, member) }
#define COUNTER(member) FIELD(#member, LONG, member)

static const struct field fields[] = {
	FIELD("chapter", CHAPTER, chapter),
	FIELD("name", NAME, name),
	FIELD("id", LONG, id),
	FIELD("mode", MODE, mode),
	FIELD("uid", SHORT, uid),
	FIELD("owner", USER, uid),
	FIELD("gid", SHORT, gid),
	FIELD("group", GROUP, gid),
	FIELD("creator", SHORT, creator),
	FIELD("created", TIME, created_ns),
	FIELD("descriptors", SHORT, descriptors),
	COUNTER(depth),
	COUNTER(max_depth),
	COUNTER(bytes),
	COUNTER(max_bytes),
	COUNTER(max_size),
	COUNTER(types),
	COUNTER(memory),
	COUNTER(senders_waiting),
	COUNTER(receivers_waiting),
	COUNTER(sent),
	COUNTER(sent_bytes),
	COUNTER(received),
	COUNTER(received_bytes),
	COUNTER(direct),
	COUNTER(blocked),
	COUNTER(refused),
	COUNTER(returned),
	COUNTER(discarded),
	COUNTER(lost),
	FIELD("stalled", SHORT, stalled),
	FIELD("flags", SHORT, flags),
	FIELD("last_sent", TIME, sent_ns),
	FIELD("last_sender", SHORT, sender),
	FIELD("last_received", TIME, received_ns),
	FIELD("last_receiver", SHORT, receiver),
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

/* The number in a field. */
static unsigned long long number(const struct ipcbook_stat *stat,
				 const struct field *field)
{
	const char *at = (const char *)stat + field->offset;
	__u32 small;
	__u64 large;

	if (field->kind == LONG || field->kind == TIME) {
		memcpy(&large, at, sizeof(large));
		return large;
	}
	memcpy(&small, at, sizeof(small));
	return small;
}

/* A field as one word; "-" is none. Also the cells of a table. */
static void print_word(FILE *out, const struct ipcbook_stat *stat,
		       const struct field *field)
{
	const char *chapter;

	switch (field->kind) {
	case CHAPTER:
		chapter = ipcbook_chapter_name(stat->chapter);
		fputs(chapter ? chapter : "-", out);
		return;
	case NAME:
		if (*stat->name)
			print_escaped(out, stat->name, true);
		else
			putc('-', out);
		return;
	case MODE:
		fprintf(out, "%04o", stat->mode);
		return;
	case USER:
		print_user(out, stat->uid);
		return;
	case GROUP:
		print_group(out, stat->gid);
		return;
	case TIME:
		print_time(out, number(stat, field));
		return;
	default:
		fprintf(out, "%llu", number(stat, field));
	}
}

/* A string, or null. */
static void print_text_json(FILE *out, const char *text)
{
	if (text && *text)
		print_json_string(out, text, strlen(text));
	else
		fputs("null", out);
}

/* A field as a JSON value; null is none. */
static void print_value(FILE *out, const struct ipcbook_stat *stat,
			const struct field *field)
{
	const struct passwd *user;
	const struct group *group;

	switch (field->kind) {
	case CHAPTER:
		print_text_json(out, ipcbook_chapter_name(stat->chapter));
		return;
	case NAME:
		print_text_json(out, stat->name);
		return;
	case MODE:
		fprintf(out, "\"%04o\"", stat->mode);
		return;
	case USER:
		user = getpwuid(stat->uid);
		print_text_json(out, user ? user->pw_name : NULL);
		return;
	case GROUP:
		group = getgrgid(stat->gid);
		print_text_json(out, group ? group->gr_name : NULL);
		return;
	case TIME:
		print_seconds(out, number(stat, field));
		return;
	default:
		fprintf(out, "%llu", number(stat, field));
	}
}

/* An object, a line for each thing to tell: its name and its value. */
void print_stat(FILE *out, const struct ipcbook_stat *stat)
{
	for (size_t i = 0; i < FIELDS; i++) {
		fprintf(out, "%-18s ", fields[i].name);
		print_word(out, stat, &fields[i]);
		putc('\n', out);
	}
}

/* The same as a line of JSON. */
void print_stat_json(FILE *out, const struct ipcbook_stat *stat)
{
	for (size_t i = 0; i < FIELDS; i++) {
		fprintf(out, "%c\"%s\":", i ? ',' : '{', fields[i].name);
		print_value(out, stat, &fields[i]);
	}
	fputs("}\n", out);
}

/* The cell of a table: a field by its name. */
void print_cell(FILE *out, const struct ipcbook_stat *stat, const char *name)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (strcmp(fields[i].name, name) == 0)
			print_word(out, stat, &fields[i]);
}

/*
 * Write all of it; 0 or a negative errno. Somebody else's O_NONBLOCK on a
 * terminal or pipe that is shared is no reason to give up.
 */
int write_all(int fd, const void *bytes, size_t length)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	const char *at = bytes;
	ssize_t written;

	while (length) {
		written = write(fd, at, length);
		if (written < 0 && errno == EAGAIN)
			poll(&room, 1, -1);
		if (written < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (written < 0)
			return -errno;
		at += written;
		length -= written;
	}
	return 0;
}
