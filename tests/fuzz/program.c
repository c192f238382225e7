// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs: as text, and made and changed at random.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <ipcbook/ipcbook.h>

#include "fuzz.h"

static uint64_t state = 88172645463325252ULL;

void chance_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15ULL + 88172645463325252ULL;
	if (!state)
		state = 1;
}

/* A number below @below. xorshift64*, by Vigna. */
uint64_t chance(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return below ? (state * 2685821657736338717ULL >> 11) % below : 0;
}

/* What kind of result a line has. */
static enum kind makes(const struct program *program, unsigned int index)
{
	static const enum kind of_chapter[] = {
		NONE, NONE, NONE, PIPE, QUEUE, SHM, RING, SEM,
	};
	const struct line *line = &program->lines[index];
	enum kind kind = calls[line->call].makes;

	if (kind != ANY_FD)
		return kind;
	/* a second descriptor of what it names */
	if (calls[line->call].arguments[0].kind == ANY_FD)
		return line->refers & 1 && line->args[0] < index ?
		       makes(program, line->args[0]) : NONE;
	return line->args[0] < ARRAY_SIZE(of_chapter) ?
	       of_chapter[line->args[0]] : NONE;
}

/* ------------------------------------------------------------------- as text */

void program_print(const struct program *program, char *text)
{
	char *end = text;

	*end = 0;
	for (unsigned int i = 0; i < program->count; i++) {
		const struct line *line = &program->lines[i];
		const struct call *call = &calls[line->call];
		const char *comma = "";

		end += sprintf(end, "%c%s r%u = %s(", 'A' + line->strand,
			       line->ahead ? "&" : "", i, call->name);
		for (unsigned int n = 0; n < ARGS && call->arguments[n].name;
		     n++) {
			bool refers = line->refers >> n & 1;

			if (!refers && !line->args[n])
				continue;
			end += sprintf(end, refers ? "%s%s=r%llu" :
				       line->args[n] < 1000 ? "%s%s=%llu" :
				       "%s%s=%#llx", comma,
				       call->arguments[n].name,
				       (unsigned long long)line->args[n]);
			comma = ", ";
		}
		end += sprintf(end, line->fault ? ") !%u\n" : ")\n",
			       line->fault);
	}
}

/* One line; @results are the lines that r0, r1 ... name, or -1. */
static const char *parse_line(struct program *program, char *text,
			      int results[1000])
{
	struct line *line = &program->lines[program->count];
	const struct call *call;
	char *at = text, *word, *end;
	long result = -1;

	if (program->count == LINES)
		return "too many lines";
	memset(line, 0, sizeof(*line));
	if (*at < 'A' || *at >= 'A' + STRANDS)
		return "a line begins with A, B, C or D";
	line->strand = *at++ - 'A';
	if (*at == '&') {
		line->ahead = true;
		at++;
	}
	at += strspn(at, " ");
	if (*at == 'r' && isdigit(at[1])) {
		result = strtol(at + 1, &at, 10);
		at += strspn(at, " ");
		if (*at++ != '=' || result > 999)
			return "a result is r0 to r999, and followed by '='";
		at += strspn(at, " ");
	}
	word = at;
	at += strcspn(at, "(");
	if (!*at)
		return "no '('";
	*at++ = 0;
	for (call = calls; call->name && strcmp(call->name, word); call++)
		;
	if (!call->name)
		return "no such call";
	line->call = call - calls;
	while (at += strspn(at, " ,"), *at && *at != ')') {
		unsigned int n = 0;

		word = at;
		at += strcspn(at, "=");
		if (!*at)
			return "an argument without '='";
		*at++ = 0;
		while (n < ARGS && call->arguments[n].name &&
		       strcmp(call->arguments[n].name, word))
			n++;
		if (n == ARGS || !call->arguments[n].name)
			return "no such argument";
		if (*at == 'r') {
			unsigned long of = strtoul(at + 1, &end, 10);

			if (of > 999 || results[of] < 0)
				return "a result that no earlier line has";
			line->refers |= 1U << n;
			line->args[n] = results[of];
		} else {
			line->args[n] = strtoull(at, &end, 0);
		}
		if (end == at || (*end != ',' && *end != ')' && *end != ' '))
			return "not a number";
		at = end;
	}
	if (*at != ')')
		return "no ')'";
	at++;
	at += strspn(at, " ");
	if (*at == '!')
		line->fault = strtoul(at + 1, &at, 10);
	if (*at)
		return "something follows the call";
	if (result >= 0)
		results[result] = program->count;
	program->count++;
	return NULL;
}

bool program_parse(struct program *program, const char *text,
		   char *why, size_t size)
{
	unsigned int number = 0;
	int results[1000];
	char line[1024];

	program->count = 0;
	memset(results, -1, sizeof(results));
	while (*text) {
		size_t length = strcspn(text, "\n");
		const char *wrong = "too long";

		number++;
		if (length < sizeof(line)) {
			memcpy(line, text, length);
			line[length] = 0;
			wrong = !length || *line == '#' ? NULL :
				parse_line(program, line, results);
		}
		if (wrong) {
			snprintf(why, size, "line %u: %s", number, wrong);
			return false;
		}
		text += length + (text[length] == '\n');
	}
	return true;
}

bool program_load(struct program *program, const char *path)
{
	char text[TEXT_MAX + 4096], why[100];
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file) {
		fprintf(stderr, "ipcbook-fuzz: %s: %m\n", path);
		return false;
	}
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = 0;
	if (program_parse(program, text, why, sizeof(why)))
		return true;
	fprintf(stderr, "ipcbook-fuzz: %s: %s\n", path, why);
	return false;
}

/* ----------------------------------------------------------------- at random */

#define one_of(...) ({							\
	static const uint64_t values_[] = { __VA_ARGS__ };		\
	values_[chance(ARRAY_SIZE(values_))];				\
})

/* Some of these bits. */
static uint64_t some_of(uint64_t bits)
{
	uint64_t some = bits & chance(1ULL << 53);

	return chance(2) ? some : some & chance(1ULL << 53);
}

static uint64_t number(void)
{
	switch (chance(6)) {
	case 0:
		return 1ULL << chance(64);
	case 1:
		return (1ULL << chance(64)) - 1;
	case 2:
		return -(uint64_t)chance(5);
	case 3:
		return chance(1ULL << 53);
	default:
		return chance(20);
	}
}

static uint64_t sensible(enum kind kind)
{
	switch (kind) {
	case SMALL:
		return chance(5);
	case CHAPTER:
		return chance(60) ? one_of(3, 4, 4, 5, 6, 6, 7, 2, 1) :
		       chance(20);
	case OPEN_FLAGS:
		/* most often create what is not there, not to wait */
		return chance(8) ? one_of(0x07, 0x27, 0x13, 0x33, 0x03, 0x23,
					  0x01, 0x02, 0x25, 0x26, 0x0f) :
		       some_of(0xff);
	case NAME:
		return chance(30) ? chance(3) : chance(NAMES + 2);
	case MODE:
		return chance(20) ? one_of(0666, 0600, 0644, 0, 0777) :
		       number();
	case LIMIT:
		return chance(10) ? one_of(0, 0, 1, 4, 64, 4096, 4096, 8192,
					   65536, 65536, 16384, 1000, 262144) :
		       number();
	case CREATE_FLAGS:
		return chance(12) ? chance(4) : number();
	case TYPE:
		return chance(10) ? chance(6) : number();
	case SELECT:
		return chance(20) ? chance(5) : number();
	case WAIT_FLAGS:
		return chance(20) ? chance(16) : number();
	case MS:
		return chance(3) ? one_of(1, 1, 2, 3, 5, 0) : chance(30);
	case LENGTH:
		return chance(8) ? one_of(1, 5, 8, 64, 100, 128, 512, 1000,
					  4095, 4096, 4097, 8192, 10000, 65536,
					  70000, 0) : chance(300000);
	case BUFFER:
		return chance(12) ? 0 : chance(6);
	case OFFSET:
		return chance(5) ? chance(64) * 4096 : number();
	case TWIST:
		return chance(15) ? 0 : chance(8);
	case PROT:
		return chance(10) ? one_of(3, 3, 1, 2) : chance(8);
	case SOCK_TYPE:
		return chance(20) ? one_of(1, 5) : chance(8);
	case MSG_FLAGS:
		return chance(8) ? one_of(0, 0x40, 0x40, 0x42, 0x60, 0x22,
					  0x4000, 0x4040, 0x140) : number();
	case COMMAND:
		return chance(20) ? 1 + chance(7) : chance(14);
	case ATTRIBUTE:
		return chance(20) ? one_of(0, 1, 2, 4, 5, 6, 7, 8, 9, 11, 14,
					   15) : chance(24);
	case ATTRIBUTE_VALUE:
		return chance(10) ? chance(65) : number();
	case SIGNO:
		return chance(20) ? chance(65) : number();
	case UNITS:
		return chance(10) ? 1 + chance(4) : number();
	case ROLE:
		return chance(20) ? chance(3) : number();
	case PLACE:
		/* words of the ring's first pages, heads of records, any */
		switch (chance(4)) {
		case 0:
			return chance(70) * 8;
		case 1:
			return 4096 + chance(40) * 8;
		case 2:
			return one_of(4096 + 128, 4096 + 256, 4096 + 1024,
				      4096 + 1032, 4096 + 1088) +
			       chance(16) * 4;
		default:
			return 8192 + chance(64) * 8;
		}
	case EVENTS:
		return chance(20) ? one_of(1, 4, 5, 0x2001, 0x80000001,
					   0x40000001) : number();
	case WHICH:
		return chance(16);
	default:
		return number();
	}
}

/* The call that makes a result of this kind with no need of another. */
static bool maker(struct line *line, enum kind kind)
{
	static const struct {
		enum kind kind;
		const char *call;
		uint64_t chapter;
	} makers[] = {
		{ DEVICE, "device", 0 }, { QUEUE, "open", IPCBOOK_QUEUE },
		{ PIPE, "open", IPCBOOK_PIPE }, { SHM, "open", IPCBOOK_SHM },
		{ RING, "open", IPCBOOK_RING }, { SEM, "open", IPCBOOK_SEM },
		{ SOCKET, "socket", 0 }, { NETLINK, "netlink", 0 },
		{ EPOLL, "epoll", 0 }, { PACKET, "packet", 0 },
		{ UNIX, "unix", 0 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(makers); i++) {
		if (makers[i].kind != kind)
			continue;
		for (unsigned int n = 0; n < call_count; n++) {
			if (strcmp(calls[n].name, makers[i].call))
				continue;
			line->call = n;
			line->args[0] = makers[i].chapter;
			return true;
		}
	}
	return false;
}

/* An earlier line whose result is of this kind, or -1. */
static int find_result(const struct program *program, unsigned int before,
		       enum kind kind)
{
	int found = -1;
	unsigned int n = 0;

	for (unsigned int i = 0; i < before; i++) {
		enum kind made = makes(program, i);

		if (made == kind || (kind == ANY_FD && made && made != MAP))
			if (!chance(++n))
				found = i;
	}
	return found;
}

static bool append(struct program *program, struct line *line);

/* An argument; may append lines that it needs. */
static void fill_argument(struct program *program, struct line *line,
			  unsigned int n)
{
	enum kind kind = calls[line->call].arguments[n].kind;
	int of;

	if (!calls[line->call].arguments[n].name)
		return;
	line->refers &= ~(1U << n);
	if (kind == BUFFER && !chance(25)) {
		of = find_result(program, program->count, MAP);
		if (of >= 0) {
			line->refers |= 1U << n;
			line->args[n] = of;
			return;
		}
	}
	if (kind > RESULTS) {
		line->args[n] = sensible(kind);
		return;
	}
	if (!chance(40)) {
		of = find_result(program, program->count, ANY_FD);
	} else {
		of = find_result(program, program->count, kind);
		if (of < 0 || !chance(12)) {
			struct line made = { .strand = line->strand };
			enum kind wanted = kind;

			if (kind == ANY_FD)
				wanted = DEVICE + chance(EPOLL - DEVICE);
			if (maker(&made, wanted)) {
				uint64_t chapter = made.args[0];

				for (unsigned int i = 0; i < ARGS; i++)
					fill_argument(program, &made, i);
				if (chapter)
					made.args[0] = chapter;
				if (append(program, &made))
					of = program->count - 1;
			} else if (wanted == MAP && program->count < LINES - 2) {
				for (unsigned int i = 0; i < call_count; i++)
					if (!strcmp(calls[i].name, "map"))
						made.call = i;
				for (unsigned int i = 0; i < ARGS; i++)
					fill_argument(program, &made, i);
				if (append(program, &made))
					of = program->count - 1;
			}
		}
	}
	if (of >= 0) {
		line->refers |= 1U << n;
		line->args[n] = of;
	} else {
		line->args[n] = chance(300);
	}
}

static bool append(struct program *program, struct line *line)
{
	if (program->count >= LINES)
		return false;
	program->lines[program->count++] = *line;
	return true;
}

static unsigned int random_call(void)
{
	static unsigned int total;
	unsigned int n, at = 0;

	if (!total)
		for (n = 0; n < call_count; n++)
			total += calls[n].weight;
	n = chance(total);
	while (n >= calls[at].weight)
		n -= calls[at++].weight;
	return at;
}

static void append_random(struct program *program)
{
	/* A second process costs more than all else: not in every program. */
	static unsigned int strands_used = STRANDS;
	struct line line;

	if (!program->count)
		strands_used = chance(3) ? 2 : STRANDS;
	line = (struct line) {
		.call = random_call(),
		.strand = chance(3) ? 0 : chance(strands_used),
		.ahead = !chance(4),
		.fault = chance(12) ? 0 : 1 + chance(12),
	};

	for (unsigned int i = 0; i < ARGS; i++)
		fill_argument(program, &line, i);
	append(program, &line);
}

void program_random(struct program *program)
{
	unsigned int wanted = 3 + chance(16);

	memset(program, 0, sizeof(*program));
	while (program->count < wanted)
		append_random(program);
}

/* Takes a line out; who used its result uses a number instead. */
void program_remove(struct program *program, unsigned int gone)
{
	program->count--;
	memmove(&program->lines[gone], &program->lines[gone + 1],
		(program->count - gone) * sizeof(struct line));
	for (unsigned int i = gone; i < program->count; i++) {
		struct line *line = &program->lines[i];

		for (unsigned int n = 0; n < ARGS; n++) {
			if (!(line->refers >> n & 1) || line->args[n] < gone)
				continue;
			if (line->args[n] == gone) {
				line->refers &= ~(1U << n);
				line->args[n] = 299;
			} else {
				line->args[n]--;
			}
		}
	}
}

/* Appends a program's lines; their results are its own. */
static void join(struct program *program, const struct program *other)
{
	unsigned int shift = program->count;

	for (unsigned int i = 0; i < other->count; i++) {
		struct line line = other->lines[i];

		for (unsigned int n = 0; n < ARGS; n++)
			if (line.refers >> n & 1)
				line.args[n] += shift;
		if (!append(program, &line))
			return;
	}
}

/* A random line in the middle: what follows moves on. */
static void insert_random(struct program *program)
{
	unsigned int inserted, at = chance(program->count + 1);
	struct program tail = *program, head = *program;

	head.count = at;
	append_random(&head);
	inserted = head.count - at;
	if (tail.count + inserted > LINES)
		return;
	for (unsigned int i = at; i < tail.count; i++) {
		struct line line = tail.lines[i];

		for (unsigned int n = 0; n < ARGS; n++)
			if (line.refers >> n & 1 && line.args[n] >= at)
				line.args[n] += inserted;
		append(&head, &line);
	}
	*program = head;
}

/* Changes a program a little; @other may give it lines. */
void program_change(struct program *program, const struct program *other)
{
	unsigned int times = 1 + chance(4);

	while (times--) {
		struct line *line = program->count ?
			&program->lines[chance(program->count)] : NULL;
		unsigned int n = 0, most = 0;

		switch (line ? chance(16) : 0) {
		case 0 ... 3:
			insert_random(program);
			break;
		case 4:
			if (program->count > 1)
				program_remove(program, line - program->lines);
			break;
		case 5:
			line->strand = chance(chance(3) ? 2 : STRANDS);
			break;
		case 6:
			line->ahead = !line->ahead;
			break;
		case 7:
			line->fault = chance(3) ? 1 + chance(16) : 0;
			break;
		case 8:
			if (other)
				join(program, other);
			break;
		case 9:
			if (program->count < LINES)
				append(program, line);
			break;
		default:
			while (most < ARGS &&
			       calls[line->call].arguments[most].name)
				most++;
			if (!most)
				break;
			n = chance(most);
			/* a result is changed for another one, seldom made */
			if (calls[line->call].arguments[n].kind <= RESULTS) {
				int of = find_result(program,
					line - program->lines,
					calls[line->call].arguments[n].kind);

				if (of >= 0) {
					line->refers |= 1U << n;
					line->args[n] = of;
				}
			} else {
				line->refers &= ~(1U << n);
				line->args[n] = chance(6) ?
					sensible(calls[line->call].arguments[n].kind) :
					line->args[n] ^ 1ULL << chance(64);
			}
		}
	}
}
