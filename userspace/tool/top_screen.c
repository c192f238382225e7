// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook top: the screen and its keys, as htop's users know them.
 *
 * One loop waits for a key, a signal, or the time of the next sample. Signals
 * come as data (signalfd), so nothing is interrupted in the middle of drawing,
 * and whatever ends the loop, the terminal is put back after it: the user, a
 * signal, the terminal's end, an error, the module's removal. A crash puts it
 * back by a handler that makes system calls only. SIGTSTP and SIGCONT are
 * curses' own. Nothing can be done about SIGKILL; stty sane helps then.
 *
 * What is drawn is drawn for the size of the moment: columns that find no room
 * are left out, the least important first.
 */
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "top.h"

#define LEAST_COLUMNS	40
#define LEAST_LINES	8
#define LEAST_NAME	11
/* Lines above the first object: three of the summary, one of headings. */
#define HEAD		5
#define KEY_ESCAPE	27
#define KEY_RETURN	'\r'

enum { PAIR_HEAD = 1, PAIR_BAR, PAIR_LOW, PAIR_MIDDLE, PAIR_HIGH, PAIR_KIND };

/* What the screen shows. */
enum page { PAGE_OBJECTS, PAGE_DETAILS, PAGE_SORT, PAGE_HELP };

/* What is being typed on the last line. */
enum prompt { PROMPT_NONE, PROMPT_SEARCH, PROMPT_FILTER };

/**
 * struct screen - all there is to know
 * @view: which objects, in which order
 * @delay: nanoseconds between samples
 * @left: samples until the end; 0 without an end
 * @samples: the newest and the one before it
 * @now: which of them is the newest
 * @page: what is shown
 * @prompt: what is typed
 * @search: what is searched for
 * @selected: the object, counted from the first
 * @top: the first that is shown
 * @scroll: first line that is shown of another page
 * @follow: the selection stays with its object, not with its line
 * @paused: no samples are taken
 * @ended: the loop ends
 * @color: the terminal has colours, and they are wanted
 * @signal: that ended it
 * @error: that ended it
 * @signals: signalfd
 */
struct screen {
	struct top_view *view;
	__u64 delay;
	__u64 left;
	struct top_sample samples[2];
	int now;
	enum page page;
	enum prompt prompt;
	char search[64];
	size_t selected;
	size_t top;
	size_t scroll;
	bool follow;
	bool paused;
	bool ended;
	bool color;
	int signal;
	int error;
	int signals;
};

static struct top_sample *newest(struct screen *screen)
{
	return &screen->samples[screen->now];
}

static struct top_object *selection(struct screen *screen)
{
	struct top_sample *sample = newest(screen);

	return sample->shown ? &sample->objects[screen->selected] : NULL;
}

static __u64 monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* -------------------------------------------------------------- the terminal */

/* The terminal as it was, and what puts it back, for a handler. */
static struct {
	struct termios modes;
	char text[256];
	size_t length;
} before;

/* A capability, without the times to wait in it ($<5>): nobody waits any more. */
static void keep_string(const char *capability)
{
	const char *text = tigetstr(capability);

	if (!text || text == (char *)-1)
		return;
	while (*text && before.length < sizeof(before.text)) {
		if (strncmp(text, "$<", 2) == 0 && strchr(text, '>'))
			text = strchr(text, '>') + 1;
		else
			before.text[before.length++] = *text++;
	}
}

static void crashed(int number)
{
	ssize_t ignored = write(STDOUT_FILENO, before.text, before.length);

	(void)ignored;
	tcsetattr(STDIN_FILENO, TCSANOW, &before.modes);
	/* The handler was good for one time. */
	raise(number);
}

static void watch_crashes(void)
{
	static const int crashes[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS,
	};
	struct sigaction action = {
		.sa_handler = crashed,
		.sa_flags = SA_RESETHAND | SA_NODEFER,
	};

	keep_string("sgr0");
	keep_string("rmkx");
	keep_string("cnorm");
	keep_string("rmcup");
	for (size_t i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
		sigaction(crashes[i], &action, NULL);
}

/* Signals that end it; those that are ignored stay so. */
static int watch_signals(void)
{
	static const int numbers[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH,
	};
	struct sigaction action;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i] == SIGWINCH ||
		    (!sigaction(numbers[i], NULL, &action) &&
		     action.sa_handler != SIG_IGN))
			sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void begin_colors(struct screen *screen, bool wanted)
{
	const char *none = getenv("NO_COLOR");

	if (!wanted || (none && *none) || !has_colors() || start_color() == ERR)
		return;
	screen->color = true;
	use_default_colors();
	init_pair(PAIR_HEAD, COLOR_BLACK, COLOR_GREEN);
	init_pair(PAIR_BAR, COLOR_BLACK, COLOR_CYAN);
	init_pair(PAIR_LOW, COLOR_GREEN, -1);
	init_pair(PAIR_MIDDLE, COLOR_YELLOW, -1);
	init_pair(PAIR_HIGH, COLOR_RED, -1);
	init_pair(PAIR_KIND, COLOR_CYAN, -1);
}

/* Takes the terminal; false, with the reason told, if that cannot be. */
static bool begin(struct screen *screen, const struct options *options)
{
	const char *name = getenv("TERM");
	char *move;

	setlocale(LC_CTYPE, "");
	if (tcgetattr(STDIN_FILENO, &before.modes) || !name || !*name ||
	    !newterm(NULL, stdout, stdin)) {
		complain("the terminal '%s' is not known; set TERM, or use --batch",
			 name ? name : "");
		return false;
	}
	move = tigetstr("cup");
	if (!move || move == (char *)-1) {
		endwin();
		complain("the terminal '%s' cannot do it; use --batch", name);
		return false;
	}
	watch_crashes();
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	begin_colors(screen, !options->given[OPTION_NO_COLOR]);
	return true;
}

/* ------------------------------------------------------------------ drawing */

/* Attributes: a colour pair, or something else where there are no colours. */
static attr_t look(const struct screen *screen, int pair, attr_t other)
{
	return screen->color ? COLOR_PAIR(pair) : other;
}

/*
 * A text that was escaped already, cut to a width. What the locale cannot show
 * is shown as question marks.
 */
static void draw_text(int y, int x, int width, const char *text)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t size;
	int columns;

	move(y, x);
	while (*text && width > 0) {
		size = mbrtowc(&wide, text, strlen(text), &state);
		if (size == (size_t)-1 || size == (size_t)-2) {
			memset(&state, 0, sizeof(state));
			addch('?');
			text++;
			/* One for each character of UTF-8, not for each byte. */
			while ((*text & 0xc0) == 0x80)
				text++;
			width--;
			continue;
		}
		columns = wcwidth(wide);
		if (columns < 0 || columns > width)
			break;
		addnwstr(&wide, 1);
		text += size;
		width -= columns;
	}
}

static void draw_right(int y, int x, int width, const char *text)
{
	int length = strlen(text);

	draw_text(y, length < width ? x + width - length : x, width, text);
}

static void fill_line(int y, attr_t attributes)
{
	attrset(attributes);
	mvhline(y, 0, ' ', COLS);
}

/* Columns that there is room for; returns what is left for the name. */
static int choose_columns(bool shown[TOP_KEYS])
{
	int width = 0, least, space = COLS;

	for (int i = TOP_CHAPTER; i < TOP_KEYS; i++) {
		shown[i] = true;
		width += top_columns[i].width + 1;
	}
	/* A space follows each but the last. */
	space -= width - 1;
	while (space < LEAST_NAME) {
		least = TOP_NAME;
		for (int i = TOP_CHAPTER; i < TOP_KEYS; i++)
			if (shown[i] && top_columns[i].importance <
					top_columns[least].importance)
				least = i;
		if (least == TOP_NAME)
			break;
		shown[least] = false;
		space += top_columns[least].width + 1;
	}
	return space;
}

static void draw_headings(struct screen *screen, const bool *shown, int name)
{
	enum top_key key = screen->view->key;
	bool sorted;
	int x = 0, width;

	fill_line(HEAD - 1, look(screen, PAIR_HEAD, A_REVERSE));
	for (int i = TOP_CHAPTER; i < TOP_KEYS; i++) {
		if (!shown[i])
			continue;
		width = i == TOP_NAME ? name : top_columns[i].width;
		sorted = i == (int)key ||
			 (key == TOP_TRAFFIC &&
			  (i == TOP_SENT || i == TOP_RECEIVED));
		attrset(look(screen, sorted ? PAIR_BAR : PAIR_HEAD, A_REVERSE) |
			(sorted && !screen->color ? A_BOLD | A_UNDERLINE : 0));
		(top_columns[i].right ? draw_right : draw_text)
			(HEAD - 1, x, width, top_columns[i].heading);
		x += width + 1;
	}
	attrset(A_NORMAL);
}

/* How full it is: a bar, and over its right end the number of messages. */
static void draw_depth(struct screen *screen, int y, int x, bool selected,
		       const struct top_object *object)
{
	const int width = top_columns[TOP_DEPTH].width - 2;
	double load = top_load(&object->stat);
	int filled = load < 0 ? 0 : load * width + 0.999;
	char number[16], bar[16];
	int pair;

	top_number(number, sizeof(number), object->stat.depth);
	if (load < 0) {
		draw_right(y, x + 1, width,
			   object->stat.chapter == IPCBOOK_SHM ? "-" : number);
		return;
	}
	memset(bar, ' ', width);
	memset(bar, '|', filled);
	bar[width] = '\0';
	memcpy(bar + width - strlen(number), number, strlen(number));
	pair = load < 0.6 ? PAIR_LOW : load < 0.9 ? PAIR_MIDDLE : PAIR_HIGH;
	mvaddch(y, x, '[');
	if (!selected)
		attrset(look(screen, pair, pair == PAIR_HIGH ? A_BOLD : 0));
	mvaddnstr(y, x + 1, bar, filled);
	if (!selected)
		attrset(A_NORMAL);
	mvaddstr(y, x + 1 + filled, bar + filled);
	mvaddch(y, x + 1 + width, ']');
}

static void draw_cell(struct screen *screen, int y, int x, int width,
		      bool selected, const struct top_object *object, int column)
{
	const struct ipcbook_stat *stat = &object->stat;
	char *text = top_cell(object, column);

	if (!selected && column == TOP_CHAPTER)
		attrset(look(screen, PAIR_KIND, 0));
	if (!selected && column == TOP_WAITERS &&
	    (stat->senders_waiting || stat->receivers_waiting))
		attrset(look(screen, PAIR_MIDDLE, 0) | A_BOLD);
	if (text)
		(top_columns[column].right ? draw_right : draw_text)
			(y, x, width, text);
	if (!selected)
		attrset(A_NORMAL);
	free(text);
}

static void draw_object(struct screen *screen, int y, const bool *shown,
			int name, size_t index)
{
	const struct top_object *object = &newest(screen)->objects[index];
	bool selected = index == screen->selected;
	int x = 0, width;

	attrset(A_NORMAL);
	if (selected)
		fill_line(y, look(screen, PAIR_BAR, A_REVERSE));
	for (int i = TOP_CHAPTER; i < TOP_KEYS; i++) {
		if (!shown[i])
			continue;
		width = i == TOP_NAME ? name : top_columns[i].width;
		if (i == TOP_DEPTH)
			draw_depth(screen, y, x, selected, object);
		else
			draw_cell(screen, y, x, width, selected, object, i);
		x += width + 1;
	}
	attrset(A_NORMAL);
}

/* Keys and what they do, as "F1Help ", to the end of the last line. */
static void draw_keys(const struct screen *screen, const char *const *keys)
{
	int y = LINES - 1, x = 0;

	for (; keys[0] && x + 2 + (int)strlen(keys[1]) < COLS; keys += 2) {
		attrset(A_NORMAL);
		mvaddstr(y, x, keys[0]);
		x += strlen(keys[0]);
		attrset(look(screen, PAIR_BAR, A_REVERSE));
		mvaddstr(y, x, keys[1]);
		x += strlen(keys[1]);
	}
	mvhline(y, x, ' ', COLS - x);
	attrset(A_NORMAL);
}

static void draw_bottom(struct screen *screen)
{
	static const char *const keys[] = {
		"F1", "Help  ", "F3", "Search", "F4", "Filter", "F6", "SortBy",
		"Enter", "Details", "Space", "Pause", "F10", "Quit", NULL,
	};
	const char *text = screen->prompt == PROMPT_SEARCH ?
			   screen->search : screen->view->filter;

	if (screen->prompt == PROMPT_NONE) {
		draw_keys(screen, keys);
		return;
	}
	fill_line(LINES - 1, look(screen, PAIR_BAR, A_REVERSE));
	draw_text(LINES - 1, 0, COLS - 1,
		  screen->prompt == PROMPT_SEARCH ? "Search: " : "Filter: ");
	draw_text(LINES - 1, 8, COLS - 9, text);
	curs_set(1);
}

/* Keeps the selection on the list, and the list on the screen. */
static void settle(struct screen *screen)
{
	size_t count = newest(screen)->shown, rows = LINES - HEAD - 1;

	if (screen->selected >= count)
		screen->selected = count ? count - 1 : 0;
	if (screen->top > screen->selected)
		screen->top = screen->selected;
	if (screen->selected >= screen->top + rows)
		screen->top = screen->selected - rows + 1;
	if (screen->top + rows > count)
		screen->top = count > rows ? count - rows : 0;
}

static void draw_head(struct screen *screen)
{
	char lines[3][128], state[64] = "";

	top_summary(newest(screen), lines);
	for (int i = 0; i < 3; i++)
		draw_text(i, 0, COLS, lines[i]);
	if (screen->paused)
		strcat(state, "paused  ");
	if (screen->follow)
		strcat(state, "following  ");
	attrset(A_BOLD);
	draw_text(HEAD - 2, 0, COLS, state);
	if (*screen->view->filter && screen->prompt != PROMPT_FILTER) {
		draw_text(HEAD - 2, strlen(state), COLS - strlen(state),
			  "Filter: ");
		draw_text(HEAD - 2, strlen(state) + 8,
			  COLS - strlen(state) - 8, screen->view->filter);
	}
	attrset(A_NORMAL);
}

static void draw_objects(struct screen *screen)
{
	bool shown[TOP_KEYS];
	int name = choose_columns(shown);
	size_t count = newest(screen)->shown;

	settle(screen);
	draw_head(screen);
	draw_headings(screen, shown, name);
	for (size_t i = screen->top; i < count; i++) {
		if ((int)(i - screen->top) >= LINES - HEAD - 1)
			break;
		draw_object(screen, HEAD + (i - screen->top), shown, name, i);
	}
	draw_bottom(screen);
}

/* Lines of text of which a part is shown. */
static void draw_lines(struct screen *screen, const char *title, char *text)
{
	static const char *const keys[] = {
		"Up/Down", "Scroll", "Esc", "Back  ", "F10", "Quit", NULL,
	};
	size_t count = 0, rows = LINES - 2;
	char *line = text, *end;

	for (const char *at = text; *at; at++)
		count += *at == '\n';
	if (screen->scroll + rows > count)
		screen->scroll = count > rows ? count - rows : 0;
	fill_line(0, look(screen, PAIR_HEAD, A_REVERSE));
	draw_text(0, 0, COLS, title);
	attrset(A_NORMAL);
	for (size_t i = 0; i < count && i < screen->scroll + rows; i++) {
		end = strchr(line, '\n');
		*end = '\0';
		if (i >= screen->scroll)
			draw_text(1 + i - screen->scroll, 0, COLS, line);
		line = end + 1;
	}
	draw_keys(screen, keys);
}

static void print_processes(FILE *out, const struct ipcbook_stat *stat)
{
	struct top_process processes[64];
	size_t count = top_who(stat, processes, 64);

	fprintf(out, "\n%7s %-8s %4s %-8s %s\n", "PID", "USER", "FD", "WAITS",
		"COMMAND");
	for (size_t i = 0; i < count; i++) {
		const struct ipcbook_stat owner = { .uid = processes[i].uid };
		char *user = NULL;
		size_t size;
		FILE *text = open_memstream(&user, &size);

		if (!text)
			return;
		print_cell(text, &owner, "owner");
		fclose(text);
		fprintf(out, "%7d %-8s %4d %-8s ", processes[i].pid, user,
			processes[i].fd,
			*processes[i].waits ? processes[i].waits : "-");
		print_escaped(out, processes[i].comm, false);
		putc('\n', out);
		free(user);
	}
	if (!count)
		fputs("      -\n", out);
}

/*
 * Lines of names and values in two columns, where the screen is wide enough. A
 * time of the right one loses its date if it does not fit.
 */
static void print_beside(FILE *out, char *text)
{
	size_t count = 0, half, i;
	char *lines[64] = { 0 }, *at = text, *end, *right;

	while (count < 64 && (end = strchr(at, '\n'))) {
		*end = '\0';
		lines[count++] = at;
		at = end + 1;
	}
	half = COLS >= 80 ? (count + 1) / 2 : count;
	for (i = 0; i < half; i++) {
		if (i + half >= count) {
			fprintf(out, "%s\n", lines[i]);
			continue;
		}
		right = lines[i + half];
		end = strchr(right, 'T');
		fprintf(out, "%-44s", lines[i]);
		if (end && strlen(right) + 44 > (size_t)COLS)
			fprintf(out, "%-18.18s %s\n", right, end + 1);
		else
			fprintf(out, "%s\n", right);
	}
}

static void draw_details(struct screen *screen)
{
	const struct top_object *object = selection(screen);
	char *text = NULL, *pairs = NULL, *name, title[512];
	size_t size;
	FILE *out;

	if (!object) {
		screen->page = PAGE_OBJECTS;
		draw_objects(screen);
		return;
	}
	out = open_memstream(&pairs, &size);
	if (!out)
		return;
	print_stat(out, &object->stat);
	fclose(out);
	out = open_memstream(&text, &size);
	if (out) {
		print_beside(out, pairs);
		print_processes(out, &object->stat);
		fclose(out);
		name = top_cell(object, TOP_NAME);
		snprintf(title, sizeof(title), "%s %s",
			 ipcbook_chapter_name(object->stat.chapter),
			 name ? name : "");
		draw_lines(screen, title, text);
		free(name);
	}
	free(pairs);
	free(text);
}

static void draw_sort(struct screen *screen)
{
	fill_line(0, look(screen, PAIR_HEAD, A_REVERSE));
	draw_text(0, 0, COLS, "Sort by");
	attrset(A_NORMAL);
	for (int i = 0; i < TOP_KEYS && i < LINES - 1; i++) {
		if (i == (int)screen->scroll)
			fill_line(1 + i, look(screen, PAIR_BAR, A_REVERSE));
		mvprintw(1 + i, 0, "%-8s  ", top_columns[i].heading);
		draw_text(1 + i, 10, COLS - 10, top_columns[i].about);
		attrset(A_NORMAL);
	}
}

static void draw_help(struct screen *screen)
{
	char text[] =
		"Up Down PgUp PgDn Home End   move the selection\n"
		"Enter                        details of the object, and who has it open\n"
		"F3 /                         search; F3 or n: the next one\n"
		"F4 \\                         filter: chapter, name or owner\n"
		"F6 < >                       choose what to sort by\n"
		"I                            invert the order\n"
		"P                            sort by traffic\n"
		"M                            sort by memory\n"
		"T                            sort by messages in all\n"
		"N                            sort by name\n"
		"W                            sort by who waits\n"
		"F                            follow the object\n"
		"Space Z                      pause, and go on\n"
		"r F5                         take a sample now\n"
		"Ctrl-L                       draw anew\n"
		"F1 h ?                       this page\n"
		"F10 q                        quit\n"
		"\n"
		"DEPTH is how full an object is, by messages or bytes, whichever is nearer to\n"
		"its limit, and how many messages wait. WAITS has senders and receivers. Rates\n"
		"are of the time between two samples; - is an object without one before.\n";

	draw_lines(screen, "ipcbook top: keys", text);
}

static void draw(struct screen *screen)
{
	char text[128];

	attrset(A_NORMAL);
	erase();
	curs_set(0);
	if (COLS < LEAST_COLUMNS || LINES < LEAST_LINES) {
		snprintf(text, sizeof(text),
			 "ipcbook top needs %dx%d, here is %dx%d; q quits",
			 LEAST_COLUMNS, LEAST_LINES, COLS, LINES);
		for (int y = 0; y < LINES && y * COLS < (int)strlen(text); y++)
			mvaddnstr(y, 0, text + y * COLS, COLS);
	} else if (screen->page == PAGE_DETAILS) {
		draw_details(screen);
	} else if (screen->page == PAGE_SORT) {
		draw_sort(screen);
	} else if (screen->page == PAGE_HELP) {
		draw_help(screen);
	} else {
		draw_objects(screen);
	}
	refresh();
}

/* ------------------------------------------------------------------- samples */

/* Puts the selection where its object is now. */
static void find_again(struct screen *screen, const struct ipcbook_stat *stat)
{
	struct top_sample *sample = newest(screen);

	for (size_t i = 0; i < sample->shown; i++)
		if (sample->objects[i].stat.id == stat->id &&
		    sample->objects[i].stat.created_ns == stat->created_ns) {
			screen->selected = i;
			return;
		}
	/* It is gone, and with it what was to be seen of it. */
	screen->follow = false;
	if (screen->page == PAGE_DETAILS)
		screen->page = PAGE_OBJECTS;
}

static bool holds_on(const struct screen *screen)
{
	return screen->follow || screen->page == PAGE_DETAILS;
}

static void take(struct screen *screen)
{
	struct top_sample *old = newest(screen);
	struct ipcbook_stat stat;
	bool held = selection(screen);

	if (held)
		stat = selection(screen)->stat;
	screen->now = !screen->now;
	screen->error = top_take(newest(screen), old->at ? old : NULL,
				 screen->view);
	if (screen->error) {
		screen->ended = true;
		return;
	}
	if (held && holds_on(screen))
		find_again(screen, &stat);
	settle(screen);
	if (screen->left && !--screen->left)
		screen->ended = true;
}

static void sort(struct screen *screen, enum top_key key)
{
	struct ipcbook_stat stat;
	bool held = selection(screen) && holds_on(screen);

	if (held)
		stat = selection(screen)->stat;
	screen->view->key = key;
	top_sort(newest(screen), screen->view);
	if (held)
		find_again(screen, &stat);
}

/* ---------------------------------------------------------------------- keys */

/* The next object with the text, from @from on; all around. */
static void search(struct screen *screen, size_t from)
{
	struct top_sample *sample = newest(screen);

	for (size_t i = 0; i < sample->shown; i++) {
		size_t at = (from + i) % sample->shown;

		if (!top_matches(&sample->objects[at].stat, screen->search))
			continue;
		screen->selected = at;
		return;
	}
}

/* What is typed filters at once. */
static void narrow(struct screen *screen)
{
	top_sort(newest(screen), screen->view);
	screen->selected = 0;
	screen->top = 0;
}

static void type(struct screen *screen, int key)
{
	bool searching = screen->prompt == PROMPT_SEARCH;
	char *text = searching ? screen->search : screen->view->filter;
	size_t length = strlen(text);

	if (key == KEY_ESCAPE) {
		*text = '\0';
		screen->prompt = PROMPT_NONE;
		if (!searching)
			narrow(screen);
		return;
	}
	if (key == KEY_RETURN || key == KEY_ENTER || key == '\n') {
		screen->prompt = PROMPT_NONE;
		return;
	}
	if (searching && key == KEY_F(3)) {
		search(screen, screen->selected + 1);
		return;
	}
	if (key == KEY_BACKSPACE || key == 0x7f || key == '\b') {
		while (length && (text[--length] & 0xc0) == 0x80)
			;
		text[length] = '\0';
		if (!searching)
			narrow(screen);
	} else if (key >= ' ' && key < 0x100 && length < 63) {
		text[length] = key;
		text[length + 1] = '\0';
		if (!searching)
			narrow(screen);
	}
	if (searching)
		search(screen, screen->selected);
}

static void move_by(size_t *at, long by)
{
	*at = by < 0 && (size_t)-by > *at ? 0 : *at + by;
}

/* Keys that move; false if it is none. */
static bool move_selection(struct screen *screen, size_t *at, int key)
{
	switch (key) {
	case KEY_UP:
	case 'k':
		move_by(at, -1);
		break;
	case KEY_DOWN:
	case 'j':
		move_by(at, 1);
		break;
	case KEY_PPAGE:
		move_by(at, -(LINES - HEAD - 1));
		break;
	case KEY_NPAGE:
		move_by(at, LINES - HEAD - 1);
		break;
	case KEY_HOME:
	case 'g':
		*at = 0;
		break;
	case KEY_END:
	case 'G':
		*at = newest(screen)->shown + LINES;
		break;
	default:
		return false;
	}
	return true;
}

/* A page that is not the list: it scrolls, or goes away. */
static void on_other_page(struct screen *screen, int key)
{
	bool chosen = key == KEY_RETURN || key == KEY_ENTER || key == '\n';

	if (move_selection(screen, &screen->scroll, key)) {
		if (screen->page == PAGE_SORT && screen->scroll >= TOP_KEYS)
			screen->scroll = TOP_KEYS - 1;
		return;
	}
	if (key == ' ' || key == 'Z') {
		screen->paused = !screen->paused;
		return;
	}
	if (screen->page == PAGE_SORT && chosen)
		sort(screen, screen->scroll);
	if (screen->page != PAGE_DETAILS || chosen || key == KEY_ESCAPE ||
	    key == 'q')
		screen->page = PAGE_OBJECTS;
}

static void open_page(struct screen *screen, enum page page)
{
	screen->page = page;
	screen->scroll = page == PAGE_SORT ? screen->view->key : 0;
}

static void begin_prompt(struct screen *screen, enum prompt prompt)
{
	screen->prompt = prompt;
	if (prompt == PROMPT_SEARCH)
		*screen->search = '\0';
}

static void on_key(struct screen *screen, int key)
{
	if (key == KEY_RESIZE)
		return;
	if (key == CTRL('L')) {
		clearok(stdscr, TRUE);
		return;
	}
	if (key == KEY_F(10)) {
		screen->ended = true;
		return;
	}
	if (screen->prompt != PROMPT_NONE) {
		type(screen, key);
		return;
	}
	if (screen->page != PAGE_OBJECTS) {
		on_other_page(screen, key);
		return;
	}
	if (move_selection(screen, &screen->selected, key)) {
		/* The next key may come before anything is drawn. */
		settle(screen);
		return;
	}
	switch (key) {
	case 'q':
		screen->ended = true;
		break;
	case 'h':
	case '?':
	case KEY_F(1):
		open_page(screen, PAGE_HELP);
		break;
	case '/':
	case KEY_F(3):
		begin_prompt(screen, PROMPT_SEARCH);
		break;
	case 'n':
		if (*screen->search)
			search(screen, screen->selected + 1);
		break;
	case '\\':
	case KEY_F(4):
		begin_prompt(screen, PROMPT_FILTER);
		break;
	case '<':
	case '>':
	case ',':
	case '.':
	case KEY_F(6):
		open_page(screen, PAGE_SORT);
		break;
	case KEY_RETURN:
	case KEY_ENTER:
	case '\n':
		open_page(screen, PAGE_DETAILS);
		break;
	case 'I':
		screen->view->inverted = !screen->view->inverted;
		sort(screen, screen->view->key);
		break;
	case 'P':
		sort(screen, TOP_TRAFFIC);
		break;
	case 'M':
		sort(screen, TOP_MEMORY);
		break;
	case 'T':
		sort(screen, TOP_TOTAL);
		break;
	case 'N':
		sort(screen, TOP_NAME);
		break;
	case 'W':
		sort(screen, TOP_WAITERS);
		break;
	case 'F':
		screen->follow = !screen->follow;
		break;
	case ' ':
	case 'Z':
		screen->paused = !screen->paused;
		break;
	case 'r':
	case KEY_F(5):
		take(screen);
		break;
	}
}

/* ------------------------------------------------------------------ the loop */

static void follow_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row ||
	    !size.ws_col || (size.ws_row == LINES && size.ws_col == COLS))
		return;
	resizeterm(size.ws_row, size.ws_col);
	clearok(stdscr, TRUE);
}

static void on_signals(struct screen *screen)
{
	struct signalfd_siginfo info;

	while (read(screen->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			continue;
		screen->signal = info.ssi_signo;
		screen->ended = true;
	}
}

/* Milliseconds until the next sample, rounded up; -1 while there is none. */
static int time_left(struct screen *screen)
{
	__u64 now = monotonic(), next = newest(screen)->at + screen->delay;

	if (screen->paused)
		return -1;
	return next > now ? (next - now + 999999) / 1000000 : 0;
}

static void loop(struct screen *screen)
{
	struct pollfd watched[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = screen->signals, .events = POLLIN },
	};
	int key, wait;

	while (!screen->ended) {
		follow_size();
		draw(screen);
		wait = time_left(screen);
		if (wait)
			poll(watched, 2, wait);
		on_signals(screen);
		while (!screen->ended && (key = getch()) != ERR)
			on_key(screen, key);
		/* The terminal has gone: whoever sends SIGHUP may be late. */
		if (watched[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			screen->ended = true;
		if (!screen->ended && !time_left(screen))
			take(screen);
	}
}

int top_screen(const struct options *options, struct top_view *view)
{
	struct screen screen = {
		.view = view,
		.delay = options->delay,
		.left = options->given[OPTION_COUNT] ? options->count : 0,
	};

	/* What is wrong with the module is told on the terminal as it is. */
	screen.error = top_take(&screen.samples[0], NULL, view);
	if (screen.error)
		return failed_listing(screen.error);
	screen.signals = watch_signals();
	if (screen.signals < 0 || !begin(&screen, options))
		return STATUS_FAILED;
	loop(&screen);
	endwin();
	free(screen.samples[0].objects);
	free(screen.samples[1].objects);
	if (screen.error)
		return failed_listing(screen.error);
	if (screen.signal && screen.signal != SIGINT)
		stop_die(screen.signal);
	return STATUS_DONE;
}
