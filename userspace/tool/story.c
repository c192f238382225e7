// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipcbook story: the handbook, told by the module itself.
 *
 * Here are the command, what its pages print and claim with, and the actors;
 * see story.h. A claim is a condition that the code has just tested on what was
 * measured. One that does not hold is told as such, and the exit status says so;
 * what cannot be shown, for lack of privilege or of a chapter, is said to be so
 * and not claimed.
 *
 * However the story ends, no named object stays behind: the names of a scene are
 * kept, and taken away also when a signal ends the narrator. The actors die with
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "story.h"

/* Columns of a line, and where what is not the tale begins. */
#define WIDTH	78
#define INDENT	10

/* Cells of a bar of progress. */
#define CELLS	30

/* An actor or a cue that takes longer than this will never come. */
#define PATIENCE_MS	90000

/* Most names of objects that a scene has at once. */
#define NAMES	4

#define ARRAY_SIZE(array) (sizeof(array) / sizeof(*(array)))

bool story_chinese;

/* What goes for the whole story; the actors see none of it change. */
static struct {
	bool json;
	bool terminal;
	bool colour;
	bool slow;
	bool keyboard;
	struct termios lines;
	bool blank;
	const char *chapter;
	unsigned int claims;
	unsigned int failed;
	unsigned int hidden;
	unsigned int page_failed;
} story;

/* Why an actor gave up; the first to do so says it. */
struct fault {
	int error;
	char doing[SENTENCE];
};

/* What all processes of a scene share. */
static struct stage {
	struct fault faults[WHOS];
	atomic_bool broken;
	uint64_t scene[];
} *stage;

static size_t stage_size;
static int cues[CUES] = { -1, -1, -1, -1, -1, -1, -1, -1 };
static enum who myself;
static struct actor *present[WHOS];

/* Read by the handler of signals. */
static struct {
	enum ipcbook_chapter chapter;
	char name[IPCBOOK_NAME_LEN];
} names[NAMES];
static atomic_int name_count;
static void (*undo)(void);

/* --------------------------------------------------------------- what is printed */

enum colour { BOLD, DIM, RED, GREEN, YELLOW, CYAN, NONE };

static const char *colour(enum colour colour)
{
	static const char *const codes[] = {
		"\033[1m", "\033[2m", "\033[1;31m", "\033[32m", "\033[33m",
		"\033[36m", "\033[0m",
	};

	return story.colour ? codes[colour] : "";
}

/* Does a character take two columns? Chinese ones and their punctuation do. */
static bool is_wide(const char *at)
{
	return (unsigned char)*at >= 0xe3;
}

static size_t character(const char *at)
{
	size_t size = utf8_length(at, strlen(at));

	return size ? size : 1;
}

static bool is_one_of(const char *at, const char *set)
{
	size_t size = character(at);

	for (; *set; set += character(set))
		if (character(set) == size && memcmp(at, set, size) == 0)
			return true;
	return false;
}

/* May a line end between these two? */
static bool may_break(const char *before, const char *after)
{
	if (!is_wide(before) && !is_wide(after))
		return false;
	return !is_one_of(after, "，。、；：？！）」》”’…,.;:?!)") &&
	       !is_one_of(before, "（「《“‘(");
}

/* What must stay on one line: its bytes, and its columns. */
static size_t word(const char *text, int *width)
{
	size_t size = 0, last;

	*width = 0;
	do {
		last = character(text + size);
		*width += is_wide(text + size) ? 2 : 1;
		size += last;
	} while (text[size] && text[size] != ' ' &&
		 !may_break(text + size - last, text + size));
	return size;
}

/* A text in lines, the cursor being at @column and the others indented so. */
static void print_wrapped(const char *text, int indent)
{
	int column = indent, width = 0, spaces;
	size_t size;

	while (*text) {
		spaces = strspn(text, " ");
		text += spaces;
		size = *text ? word(text, &width) : 0;
		if (size && column > indent && column + spaces + width > WIDTH) {
			printf("\n%*s", indent, "");
			column = indent;
			spaces = 0;
		}
		printf("%*s%.*s", spaces, "", (int)size, text);
		column += spaces + width;
		text += size;
	}
	putchar('\n');
}

static int columns(const char *text)
{
	int count = 0;

	for (; *text; text += character(text))
		count += is_wide(text) ? 2 : 1;
	return count;
}

/* A word at the beginning of a line, in colour, up to where the text begins. */
static void print_mark(const char *mark, enum colour which, int indent)
{
	story.blank = false;
	printf("%*s%s%s%s%*s", indent, "", colour(which), mark, colour(NONE),
	       INDENT - indent - columns(mark), "");
}

/* Paragraphs are set apart by one empty line, headings and all. */
static void set_apart(void)
{
	if (!story.blank)
		putchar('\n');
	story.blank = true;
}

static void print_json(const char *kind, const char *text)
{
	printf("{\"chapter\":\"%s\",\"%s\":", story.chapter, kind);
	print_json_string(stdout, text, strlen(text));
}

/* The text of a call; the caller frees it. */
static char *text_of(const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		abort();
	return text;
}

void tell(const char *format, ...)
{
	va_list arguments;
	char *text;

	if (story.json)
		return;
	va_start(arguments, format);
	text = text_of(format, arguments);
	va_end(arguments);
	set_apart();
	print_wrapped(text, 0);
	putchar('\n');
	fflush(stdout);
	free(text);
}

void show(enum who who, const char *format, ...)
{
	const char *const marks[] = {
		[NARRATOR] = "",
		[FAT] = T("fat", "胖"),
		[THIN] = T("thin", "瘦"),
	};
	static const char *const keys[] = { "narrator", "fat", "thin" };
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = text_of(format, arguments);
	va_end(arguments);
	if (story.json) {
		print_json("evidence", text);
		printf(",\"who\":\"%s\"}\n", keys[who]);
	} else {
		print_mark(marks[who], who == FAT ? YELLOW : CYAN, 4);
		/* What is laid out already is not to be laid out anew. */
		if (who == NARRATOR)
			puts(text);
		else
			print_wrapped(text, INDENT);
	}
	fflush(stdout);
	free(text);
}

/* A claim that is judged. */
static void judge(bool holds, const char *text)
{
	story.claims++;
	story.failed += !holds;
	story.page_failed += !holds;
	if (story.json) {
		print_json("claim", text);
		printf(",\"verified\":%s}\n", holds ? "true" : "false");
	} else {
		print_mark(holds ? T("ok", "成立") : T("FAILED", "不成立"),
			   holds ? GREEN : RED, 2);
		print_wrapped(text, INDENT);
	}
	fflush(stdout);
}

bool claim(bool holds, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = text_of(format, arguments);
	va_end(arguments);
	judge(holds, text);
	free(text);
	return holds;
}

void not_shown(const char *format, ...)
{
	va_list arguments;
	char *text, *line;

	va_start(arguments, format);
	text = text_of(format, arguments);
	va_end(arguments);
	story.hidden++;
	if (story.json) {
		print_json("not_shown", text);
		puts("}");
	} else if (asprintf(&line, "%s%s", T("not shown: ", "未展示："),
			    text) >= 0) {
		print_mark("--", DIM, 2);
		print_wrapped(line, INDENT);
		free(line);
	}
	fflush(stdout);
	free(text);
}

/* Somebody, at the beginning of a sentence. */
static const char *subject(enum who who)
{
	const char *const subjects[] = {
		[NARRATOR] = T("The narrator", "旁白"),
		[FAT] = T("The fat one", "胖程序"),
		[THIN] = T("The thin one", "瘦程序"),
	};

	return subjects[who];
}

void failed_call(enum who who, const char *doing, int error)
{
	if (error == -EOPNOTSUPP)
		not_shown(T("%s could not %s, for the module was built without that chapter.",
			    "%s没能%s，因为模块编译时没有包含那一章。"),
			  subject(who), doing);
	else
		claim(false, T("%s could not %s: %s (%s).",
			       "%s没能%s：%s（%s）。"), subject(who), doing,
		      strerrorname_np(-error), strerror(-error));
}

void moral(const char *format, ...)
{
	va_list arguments;
	char *text;

	if (story.json)
		return;
	if (story.page_failed) {
		tell("%s", T("What this page says did not show in this run.",
			     "这一页所说的，这次运行没有全部得到验证。"));
		return;
	}
	va_start(arguments, format);
	text = text_of(format, arguments);
	va_end(arguments);
	set_apart();
	printf("%s", colour(BOLD));
	print_wrapped(text, 0);
	printf("%s\n", colour(NONE));
	fflush(stdout);
	free(text);
}

void bar(const char *label, double part, const char *right, bool done)
{
	int cells = part * CELLS + .5, width = columns(label);

	if (story.json || (!done && !story.terminal))
		return;
	story.blank = false;
	if (story.terminal)
		putchar('\r');
	printf("%*s%s%*s [%s", INDENT, "", label, width < 14 ? 14 - width : 0,
	       "", colour(GREEN));
	for (int i = 0; i < CELLS; i++)
		putchar(i < cells ? '#' : '.');
	printf("%s] %s", colour(NONE), right);
	if (done)
		putchar('\n');
	fflush(stdout);
}

/* ------------------------------------------------------------------------- pause */

/* Keys come one by one, and do not show. */
static void keyboard_on(void)
{
	struct termios keys;

	if (!story.slow || tcgetattr(STDIN_FILENO, &story.lines))
		return;
	keys = story.lines;
	keys.c_lflag &= ~(ICANON | ECHO);
	keys.c_cc[VMIN] = 1;
	keys.c_cc[VTIME] = 0;
	/* From here on a signal may come. */
	story.keyboard = true;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &keys))
		story.keyboard = false;
}

static void keyboard_off(void)
{
	if (story.keyboard)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &story.lines);
}

/* Where there are no more keys, nothing is waited for. */
void step(void)
{
	const char *prompt = T("-- a key --", "-- 按任意键继续 --");
	char key;

	if (!story.slow)
		return;
	if (story.terminal)
		printf("%s%s%s", colour(DIM), prompt, colour(NONE));
	fflush(stdout);
	if (read(STDIN_FILENO, &key, 1) != 1)
		story.slow = false;
	if (story.terminal)
		printf("\r%*s\r", columns(prompt), "");
}

/* ------------------------------------------------------------------------ scenes */

static void take_names_away(void)
{
	void (*last)(void) = undo;

	undo = NULL;
	if (last)
		last();
	while (name_count) {
		name_count--;
		ipcbook_unlink(names[name_count].chapter,
			       names[name_count].name);
	}
}

/* What ends the narrator takes everything with it. */
static void clear_away(void)
{
	take_names_away();
	keyboard_off();
}

static void end_in_order(int number)
{
	clear_away();
	signal(number, SIG_DFL);
	raise(number);
}

static const int ending[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE,
};

static void catch_ends(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler }, before;

	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		if (!sigaction(ending[i], NULL, &before) &&
		    before.sa_handler != SIG_IGN)
			sigaction(ending[i], &action, NULL);
}

const char *scene_name(enum ipcbook_chapter chapter, const char *what)
{
	char *name;

	if (name_count == NAMES)
		abort();
	name = names[name_count].name;
	snprintf(name, IPCBOOK_NAME_LEN, "story-%d-%s", getpid(), what);
	names[name_count].chapter = chapter;
	name_count++;
	return name;
}

void scene_undo(void (*function)(void))
{
	undo = function;
}

void *scene_begin(size_t size)
{
	stage_size = sizeof(*stage) + size;
	stage = mmap(NULL, stage_size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage == MAP_FAILED) {
		complain("not enough memory");
		clear_away();
		exit(STATUS_FAILED);
	}
	for (int i = 0; i < CUES; i++)
		cues[i] = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE |
				  EFD_NONBLOCK);
	return stage->scene;
}

/* What the actors gave up for, told once. */
static void report_faults(void)
{
	struct fault *fault;

	for (int who = 0; who < WHOS; who++) {
		fault = &stage->faults[who];
		if (fault->error)
			failed_call(who, fault->doing, fault->error);
		fault->error = 0;
	}
}

void scene_end(void)
{
	for (int who = 0; who < WHOS; who++) {
		if (!present[who])
			continue;
		kill(present[who]->pid, SIGKILL);
		waitpid(present[who]->pid, NULL, 0);
		close(present[who]->pidfd);
		present[who] = NULL;
	}
	report_faults();
	take_names_away();
	for (int i = 0; i < CUES; i++)
		close(cues[i]);
	munmap(stage, stage_size);
}

void cue(int number)
{
	eventfd_write(cues[number], 1);
}

bool cued(int number)
{
	struct pollfd given = { .fd = cues[number], .events = POLLIN };
	eventfd_t value;

	/* Looked at again and again, for somebody may have failed. */
	for (int waited = 0; waited < PATIENCE_MS; waited += 20) {
		if (poll(&given, 1, 20) == 1 &&
		    !eventfd_read(cues[number], &value))
			return true;
		if (stage->broken)
			return false;
	}
	if (myself == NARRATOR)
		failed_call(NARRATOR, T("wait any longer", "再等下去"),
			    -ETIMEDOUT);
	return false;
}

void rest(void)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };

	nanosleep(&pause, NULL);
}

/* ------------------------------------------------------------------------ actors */

void enter(struct actor *actor, enum who who, int (*play)(void *scene),
	   void *scene)
{
	static const char *const titles[] = { "narrator", "fat one", "thin one" };
	pid_t parent = getpid(), pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		catch_ends(SIG_DFL);
		signal(SIGPIPE, SIG_IGN);
		prctl(PR_SET_NAME, titles[who]);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
			_exit(STATUS_FAILED);
		myself = who;
		memset(present, 0, sizeof(present));
		_exit(play(scene));
	}
	if (pid < 0) {
		complain("cannot make a process: %s", strerror(errno));
		clear_away();
		exit(STATUS_FAILED);
	}
	*actor = (struct actor){ who, pid, pidfd_open(pid, 0) };
	present[who] = actor;
}

/* Waits for its end. Where another one has failed, it will not come by itself. */
static bool comes_to_an_end(const struct actor *actor)
{
	struct pollfd end = { .fd = actor->pidfd, .events = POLLIN };

	for (int waited = 0; waited < PATIENCE_MS; waited += 100) {
		if (poll(&end, 1, 100) == 1)
			return true;
		if (stage->broken)
			break;
	}
	kill(actor->pid, SIGKILL);
	return stage->broken;
}

int leave(struct actor *actor)
{
	struct fault *fault = &stage->faults[actor->who];
	int status;

	if (!comes_to_an_end(actor)) {
		snprintf(fault->doing, sizeof(fault->doing), "%s",
			 T("come to an end", "按时结束"));
		fault->error = -ETIMEDOUT;
		stage->broken = true;
	}
	waitpid(actor->pid, &status, 0);
	close(actor->pidfd);
	present[actor->who] = NULL;
	if (myself == NARRATOR)
		report_faults();
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

bool ended(const struct actor *actor)
{
	struct pollfd end = { .fd = actor->pidfd, .events = POLLIN };

	return poll(&end, 1, 0) == 1;
}

bool left_well(struct actor *actor)
{
	int status = leave(actor);

	/* Who gave up has said why. Who was killed could not. */
	if (status != STATUS_DONE && !stage->broken)
		claim(false, T("%s came to an end before its time (status %d).",
			       "%s中途就结束了（状态 %d）。"),
		      subject(actor->who), status);
	return status == STATUS_DONE;
}

/* Of several who fail, the others fail because of the first. */
int must(int answer, const char *doing)
{
	struct fault *fault = &stage->faults[myself];

	if (answer >= 0)
		return answer;
	if (!stage->broken) {
		snprintf(fault->doing, sizeof(fault->doing), "%s", doing);
		fault->error = answer;
		stage->broken = true;
	}
	_exit(STATUS_FAILED);
}

long must_sys(long answer, const char *doing)
{
	if (answer < 0)
		must(-errno, doing);
	return answer;
}

void must_be_cued(int number)
{
	if (!cued(number))
		must(-ETIMEDOUT, T("wait for the other one", "等到对方"));
}

void say(int fd, const char *sentence)
{
	must(write_all(fd, sentence, strlen(sentence) + 1),
	     T("speak", "说话"));
}

/* False if the sentence has no end: what was heard of it is there. */
bool hear(int fd, char sentence[SENTENCE])
{
	size_t heard = 0;
	ssize_t n;

	memset(sentence, 0, SENTENCE);
	/* One by one: what follows the sentence is not to be taken. */
	while (heard < SENTENCE - 1) {
		n = must_sys(read(fd, sentence + heard, 1), T("listen", "听"));
		if (!n)
			return false;
		if (!sentence[heard++])
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------- the command */

/**
 * struct page - a page of the handbook
 * @chapter: whose it is
 * @en: its title
 * @zh: likewise
 * @turn: tells it
 */
static const struct page {
	enum ipcbook_chapter chapter;
	const char *en;
	const char *zh;
	void (*turn)(void);
} pages[] = {
	{ IPCBOOK_SIGNAL, "The signal", "信号", page_signal },
	{ IPCBOOK_SOCKET, "The socket", "套接字", page_socket },
	{ IPCBOOK_PIPE, "The anonymous pipe", "匿名管道", page_pipe },
	{ IPCBOOK_PIPE, "The named pipe", "命名管道", page_named_pipe },
	{ IPCBOOK_QUEUE, "The message queue", "消息队列", page_queue },
	{ IPCBOOK_SHM, "Shared memory", "共享内存", page_shm },
	{ IPCBOOK_SEM, "The semaphore", "信号量", page_sem },
	{ IPCBOOK_RING, "The ring, and a large body of data",
	  "环形缓冲区，以及一大块数据", page_ring },
};

static void turn(const struct page *page, unsigned int number)
{
	const char *title = T(page->en, page->zh);

	story.chapter = ipcbook_chapter_name(page->chapter);
	story.page_failed = 0;
	if (!story.json) {
		set_apart();
		printf("%s%u. %s%s\n", colour(BOLD), number, title,
		       colour(NONE));
		for (int i = columns(title) + 3; i; i--)
			putchar('-');
		puts("\n");
	}
	page->turn();
	step();
}

static void print_end(void)
{
	unsigned int verified = story.claims - story.failed;

	if (story.json) {
		printf("{\"claims\":%u,\"verified\":%u,\"failed\":%u,\"not_shown\":%u}\n",
		       story.claims, verified, story.failed, story.hidden);
		return;
	}
	if (!story.failed)
		tell(T("Claims: %u, each of them verified in this run.",
		       "结论共 %u 条，本次运行逐条验证，全部成立。"),
		     story.claims);
	else
		tell(T("Claims: %u; verified in this run: %u; FAILED: %u.",
		       "结论共 %u 条：本次运行验证成立 %u 条，不成立 %u 条。"),
		     story.claims, verified, story.failed);
	if (story.hidden)
		tell(T("Not shown here, and not claimed: %u. Root sees it, where the module has all chapters.",
		       "另有 %u 处此时无法展示，因此不下结论；以 root 身份运行、且模块包含全部章节时即可看到。"),
		     story.hidden);
}

static void begin(const struct options *options)
{
	const char *terminal = getenv("TERM");

	story_chinese = options->given[OPTION_LANG] &&
			strcmp(options->lang, "zh") == 0;
	story.json = options->given[OPTION_JSON];
	story.blank = true;
	story.slow = options->given[OPTION_SLOW] && !story.json;
	story.terminal = isatty(STDOUT_FILENO) && terminal &&
			 strcmp(terminal, "dumb");
	story.colour = getenv("CLICOLOR_FORCE") ||
		       (story.terminal && !getenv("NO_COLOR"));
	catch_ends(end_in_order);
	keyboard_on();
}

int tell_story(const struct options *options)
{
	int device;

	device = open(IPCBOOK_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (device < 0)
		return failed_device(-errno);
	close(device);
	begin(options);
	if (!options->given[OPTION_CHAPTER])
		tell("%s",
		     T("Two programs on one machine want to talk: a fat one and a thin one. They open the handbook of inter-process communication and try it page by page. Here both are real processes, and what they try is done through the module that is loaded.",
		       "同一台机器上有两个程序，一胖一瘦，想要说说话。它们翻开进程间通信手册，一页一页地试。这里的胖程序和瘦程序都是真实的进程，所做的每一步都经由已加载的内核模块完成。"));
	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++)
		if (!options->given[OPTION_CHAPTER] ||
		    pages[i].chapter == options->chapter)
			turn(&pages[i], i + 1);
	print_end();
	keyboard_off();
	return story.failed ? STATUS_FAILED :
	       story.hidden ? STATUS_PARTLY : STATUS_DONE;
}
