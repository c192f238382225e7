// SPDX-License-Identifier: GPL-2.0-only
/*
 * The story's pages on which they talk: pipe, named pipe, queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "story.h"

/* What somebody writes to whom nobody listens, at a time. */
#define BLOCK 4096

/* How an actor crashes: without a word, in the middle of anything. */
static void crash(void)
{
	kill(getpid(), SIGKILL);
}

#define CRASHED (128 + SIGKILL)

/* Waits until somebody sleeps in a write to this object. */
static void await_writer(int fd)
{
	uint64_t end = ipcbook_deadline(30000000000LL);
	struct ipcbook_stat stat;

	do {
		must(ipcbook_stat(fd, &stat),
		     T("look at the pipe", "查看管道"));
		if (stat.senders_waiting)
			return;
		rest();
	} while (ipcbook_deadline(0) < end);
	must(-ETIMEDOUT, T("see the other one wait", "看到对方进入等待"));
}

/* ----------------------------------------------------------- the anonymous pipe */

/**
 * struct kin - two pipes over a fork
 * @down: what the fat one writes and the thin one reads
 * @up: the other direction
 * @fat: the fat one's process
 * @heard: what each heard
 * @took: bytes that were taken of the fat one
 * @enough: it shall not write any more
 * @stuck: @took, when it slept in its write
 * @capacity: what the pipe says that it holds
 * @went_on: @took in the end
 * @crashed: how the thin one ended, as the fat one saw it
 * @ended: the fat one's read found the end
 * @broke: and its write, this error
 * @found: pipes that the restarted one has among its descriptors
 * @listed: the fat one's pipes in the list of objects
 * @named: those of them that have a name
 */
struct kin {
	int down[2];
	int up[2];
	pid_t fat;
	char heard[WHOS][SENTENCE];
	atomic_ullong took;
	atomic_bool enough;
	uint64_t stuck;
	uint64_t capacity;
	uint64_t went_on;
	int crashed;
	bool ended;
	int broke;
	unsigned int found;
	unsigned int listed;
	unsigned int named;
};

/* Cues of this page and the next. */
enum { HEARD, TALKED, FULL, DRAINED, CRASH, ALONE, GO };

/* Leaves the fat one's words lying until it can write no more of them. */
static void let_it_fill(struct kin *kin)
{
	char block[BLOCK];
	uint64_t left;

	await_writer(kin->down[0]);
	kin->stuck = kin->took;
	kin->capacity = must(ipcbook_pipe_capacity(kin->down[0]),
			     T("look at the pipe", "查看管道"));
	kin->enough = true;
	cue(FULL);
	/* The write that sleeps is one block more. */
	for (left = kin->stuck + BLOCK; left;)
		left -= must_sys(read(kin->down[0], block, sizeof(block)),
				 T("listen", "听"));
}

static int kin_thin(void *scene)
{
	struct kin *kin = scene;

	close(kin->down[1]);
	close(kin->up[0]);
	say(kin->up[1], T("Are you there?", "在吗？"));
	hear(kin->down[0], kin->heard[THIN]);
	cue(HEARD);
	cue(TALKED);
	let_it_fill(kin);
	must_be_cued(CRASH);
	crash();
	return STATUS_FAILED;
}

/* Nobody listens: writes until it is told that it is enough. */
static void write_on(struct kin *kin)
{
	static const char block[BLOCK];

	while (!kin->enough) {
		must_sys(write(kin->down[1], block, sizeof(block)),
			 T("write", "写"));
		kin->took += sizeof(block);
	}
	kin->went_on = kin->took;
}

static int kin_fat(void *scene)
{
	const char *doing = T("make a pipe", "创建管道");
	struct kin *kin = scene;
	struct actor thin;
	char nothing;

	kin->fat = getpid();
	must(ipcbook_pipe(kin->down, O_CLOEXEC, 0), doing);
	must(ipcbook_pipe(kin->up, O_CLOEXEC, 0), doing);
	enter(&thin, THIN, kin_thin, kin);
	close(kin->down[0]);
	close(kin->up[1]);
	hear(kin->up[0], kin->heard[FAT]);
	say(kin->down[1], T("I am, and full of news.", "在，有一肚子话要说。"));
	must_be_cued(HEARD);
	write_on(kin);
	cue(DRAINED);
	kin->crashed = leave(&thin);
	kin->ended = !read(kin->up[0], &nothing, 1);
	kin->broke = write(kin->down[1], "?", 1) < 0 ? errno : 0;
	cue(ALONE);
	must_be_cued(GO);
	return STATUS_DONE;
}

static int count_pipe(const struct ipcbook_stat *stat, void *scene)
{
	struct kin *kin = scene;

	if ((pid_t)stat->creator != kin->fat)
		return 0;
	kin->listed++;
	kin->named += !!*stat->name;
	return 0;
}

/* Restarted: a process that inherited nothing of the fat one's. */
static int kin_again(void *scene)
{
	struct kin *kin = scene;
	struct ipcbook_stat stat;

	for (int fd = 0; fd < 1024; fd++)
		kin->found += !ipcbook_stat(fd, &stat) &&
			      stat.chapter == IPCBOOK_PIPE;
	must(ipcbook_list(IPCBOOK_PIPE, NULL, count_pipe, kin),
	     T("list the pipes", "列出管道"));
	return STATUS_DONE;
}

static void kin_talk(const struct kin *kin)
{
	show(FAT, T("is told: \"%s\"", "听到：“%s”"), kin->heard[FAT]);
	show(THIN, T("is told: \"%s\"", "听到：“%s”"), kin->heard[THIN]);
	claim(strcmp(kin->heard[FAT], T("Are you there?", "在吗？")) == 0 &&
	      strcmp(kin->heard[THIN], T("I am, and full of news.",
					 "在，有一肚子话要说。")) == 0,
	      "%s", T("Both sentences arrive, each through its own pipe.",
		      "两句话各走各的管道，都送到了。"));
	step();
	tell("%s", T("Now the fat one goes on writing, 4,096 bytes at a time, while the thin one does not read.",
		     "接着，胖程序只管往里写，每次 4096 字节，瘦程序却不读。"));
}

static void kin_full(const struct kin *kin)
{
	show(FAT, T("got rid of %llu bytes, and sleeps in the next write",
		    "写进去 %llu 字节，然后睡在了下一次写里"),
	     (unsigned long long)kin->stuck);
	claim(kin->stuck && kin->stuck == kin->capacity,
	      T("The writer blocks when the pipe is full: it took %llu bytes, and its capacity is %llu.",
		"管道一满，写者就被阻塞：共收下 %llu 字节，而管道容量正是 %llu 字节。"),
	      (unsigned long long)kin->stuck,
	      (unsigned long long)kin->capacity);
}

static void kin_drained(const struct kin *kin)
{
	claim(kin->went_on == kin->stuck + BLOCK,
	      T("It goes on as soon as the thin one reads: %llu bytes in the end.",
		"瘦程序一读，胖程序就接着写：最后共写了 %llu 字节。"),
	      (unsigned long long)kin->went_on);
	step();
	tell("%s", T("Then the thin one crashes.", "随后，瘦程序崩溃了。"));
}

static void kin_alone(const struct kin *kin)
{
	show(FAT, T("reading: %s; writing: %s", "读：%s；写：%s"),
	     kin->ended ? T("end of file", "文件结束") : T("data", "有数据"),
	     kin->broke ? strerrorname_np(kin->broke) : "0");
	claim(kin->crashed == CRASHED && kin->ended && kin->broke == EPIPE,
	      "%s", T("The thin one was killed by signal 9, and the fat one is told: the end of file, and a broken pipe.",
		      "瘦程序被信号 9 杀死；胖程序随即得知：读到文件结束，写则遇到管道破裂。"));
	step();
	tell("%s", T("The thin one is started again. It is not the fat one's child now.",
		     "瘦程序重新启动，但已不是胖程序的子进程。"));
}

static void kin_lost(const struct kin *kin)
{
	show(THIN, T("has %u pipes among its descriptors; the list of objects shows %u of the fat one's, %u with a name",
		     "自己的描述符里有 %u 个管道；对象列表中胖程序的管道有 %u 个，其中有名字的 %u 个"),
	     kin->found, kin->listed, kin->named);
	claim(!kin->found && kin->listed == 2 && !kin->named,
	      "%s", T("It cannot find the pipes: they are there still, but it holds no descriptor of them, and there is no name to ask for.",
		      "它找不到那两个管道了：管道还在，可是它手里没有描述符，管道又没有名字，无从找起。"));
	moral("%s", T("An anonymous pipe needs kinship, and ends with it. What is needed is a name: turn the page.",
		      "匿名管道靠的是亲缘，亲缘一断就找不回来。要是有个名字就好了：翻到下一页。"));
}

void page_pipe(void)
{
	struct kin *kin = scene_begin(sizeof(*kin));
	struct actor fat, thin;

	tell("%s", T("The fat one makes two pipes, for a pipe has one direction. Then it forks: the thin one is its child and inherits both.",
		     "管道是单向的，所以胖程序创建了两个管道。然后它 fork 出瘦程序：孩子把两个管道都继承了下来。"));
	enter(&fat, FAT, kin_fat, kin);
	if (!cued(TALKED))
		goto out;
	kin_talk(kin);
	if (!cued(FULL))
		goto out;
	kin_full(kin);
	if (!cued(DRAINED))
		goto out;
	kin_drained(kin);
	cue(CRASH);
	if (!cued(ALONE))
		goto out;
	kin_alone(kin);
	enter(&thin, THIN, kin_again, kin);
	if (left_well(&thin))
		kin_lost(kin);
	cue(GO);
	left_well(&fat);
out:
	scene_end();
}

/* --------------------------------------------------------------- the named pipe */

/**
 * struct named - two pipes that have names
 * @down: name of the one that the thin one reads
 * @up: and of the one that it writes
 * @ids: of @up, as the fat one opened it, and as the thin one did: before and
 *	after
 * @thin: processes that were the thin one, before and after
 * @first: what the fat one heard before
 * @broken: what it heard when the thin one crashed; a sentence without an end
 * @cut: that it had none
 * @answer: what the thin one was told afterwards
 * @asked: what the fat one heard afterwards
 */
struct named {
	char down[IPCBOOK_NAME_LEN];
	char up[IPCBOOK_NAME_LEN];
	__u64 fat_id;
	__u64 thin_ids[2];
	pid_t thin[2];
	char first[SENTENCE];
	char broken[SENTENCE];
	bool cut;
	char asked[SENTENCE];
	char answer[SENTENCE];
};

static int open_named(const char *name, int flags)
{
	return must(ipcbook_pipe_open(name, flags | O_CLOEXEC, 0, 0),
		    T("open the pipe by its name", "按名字打开管道"));
}

/* Which object a descriptor leads to. */
static __u64 id_of(int fd)
{
	struct ipcbook_stat stat;

	must(ipcbook_stat(fd, &stat), T("look at the pipe", "查看管道"));
	return stat.id;
}

static int named_fat(void *scene)
{
	struct named *named = scene;
	char answer[2 * SENTENCE];
	int in, out;

	in = open_named(named->up, O_RDONLY);
	out = open_named(named->down, O_WRONLY);
	named->fat_id = id_of(in);
	hear(in, named->first);
	say(out, T("Noted.", "记下了。"));
	named->cut = !hear(in, named->broken);
	/* Opening waits for somebody who writes, whoever that will be. */
	close(in);
	cue(ALONE);
	in = open_named(named->up, O_RDONLY);
	hear(in, named->asked);
	snprintf(answer, sizeof(answer), T("At '%s'", "说到‘%s’"),
		 named->first);
	answer[SENTENCE - 1] = '\0';
	say(out, answer);
	return STATUS_DONE;
}

static int named_thin(void *scene)
{
	struct named *named = scene;
	int in, out;

	named->thin[0] = getpid();
	out = open_named(named->up, O_WRONLY);
	in = open_named(named->down, O_RDONLY);
	named->thin_ids[0] = id_of(out);
	say(out, T("First, lunch is at noon.", "第一件事，中午开饭。"));
	hear(in, named->answer);
	must(write_all(out, "?!", 2), T("speak", "说话"));
	crash();
	return STATUS_FAILED;
}

static int named_again(void *scene)
{
	struct named *named = scene;
	int in, out;

	named->thin[1] = getpid();
	out = open_named(named->up, O_WRONLY);
	in = open_named(named->down, O_RDONLY);
	named->thin_ids[1] = id_of(out);
	say(out, T("I am back. Where were we?", "我回来了。说到哪儿了？"));
	hear(in, named->answer);
	return STATUS_DONE;
}

static void named_crashed(const struct named *named, int status)
{
	show(THIN, T("(process %d) says: \"%s\"", "（进程 %d）说：“%s”"),
	     named->thin[0], named->first);
	show(FAT, T("hears the beginning of another sentence, \"%s\", and the end of file",
		    "又听到半句“%s”，接着就是文件结束"), named->broken);
	claim(status == CRASHED && named->cut &&
	      strcmp(named->broken, "?!") == 0,
	      "%s", T("The thin one was killed in the middle of a sentence.",
		      "瘦程序话说到一半被杀死了。"));
	step();
	tell("%s", T("It is started again, and opens the pipes by their names. The fat one has done the same, and waits.",
		     "瘦程序重新启动，按名字打开管道；胖程序也照此办理，正等着它。"));
}

static void named_goes_on(const struct named *named)
{
	show(THIN, T("(process %d) says: \"%s\"", "（进程 %d）说：“%s”"),
	     named->thin[1], named->asked);
	show(FAT, T("says: \"%s\"", "说：“%s”"), named->answer);
	claim(named->thin[1] != named->thin[0] && named->fat_id &&
	      named->thin_ids[0] == named->fat_id &&
	      named->thin_ids[1] == named->fat_id,
	      T("It is another process, and the name leads it to the same pipe, number %llu.",
		"这已经是另一个进程，名字却把它带回同一个管道：第 %llu 号对象。"),
	      named->fat_id);
	claim(!!strstr(named->answer, T("lunch", "开饭")),
	      "%s", T("The conversation goes on where it was broken off.",
		      "对话从断掉的地方接了下去。"));
	moral("%s", T("A name outlives those who use it. But a pipe is a stream without seams, and each direction needs one of its own: turn the page.",
		      "名字比使用它的进程活得久。可是管道里流的是没有边界的字节，而且一个方向就得用一个：翻到下一页。"));
}

void page_named_pipe(void)
{
	struct named *named = scene_begin(sizeof(*named));
	const char *const words[] = { "down", "up" };
	char *const places[] = { named->down, named->up };
	struct actor fat, thin;
	int error;

	tell("%s", T("Two pipes again, but these have names. The fat one and the thin one are strangers here: neither is the other's child. Each opens the pipes by their names.",
		     "还是两个管道，不过这回都有名字。胖程序和瘦程序也不再是父子，彼此毫无亲缘，各自按名字打开管道。"));
	for (int i = 0; i < 2; i++) {
		strcpy(places[i], scene_name(IPCBOOK_PIPE, words[i]));
		error = ipcbook_pipe_create(places[i], 0600, 0);
		if (error) {
			failed_call(NARRATOR,
				    T("create a pipe", "创建管道"), error);
			goto out;
		}
	}
	enter(&fat, FAT, named_fat, named);
	enter(&thin, THIN, named_thin, named);
	if (!cued(ALONE))
		goto out;
	named_crashed(named, leave(&thin));
	enter(&thin, THIN, named_again, named);
	if (left_well(&thin) && left_well(&fat))
		named_goes_on(named);
out:
	scene_end();
}

/* ------------------------------------------------------------ the message queue */

#define LETTERS 3

/* What is received: how long, from whom, and whether it is what was sent. */
struct letter {
	size_t length;
	pid_t from;
	int64_t type;
	bool whole;
};

/**
 * struct post - a queue that both use
 * @name: its name
 * @pids: of the actors
 * @letters: what each received, in order
 * @waiting: messages left when the fat one had taken its own
 */
struct post {
	char name[IPCBOOK_NAME_LEN];
	pid_t pids[WHOS];
	struct letter letters[WHOS][LETTERS];
	__u64 waiting;
};

enum { THIN_SENT, FAT_SENT = THIN_SENT + 1, TAKE_FAT, TAKE_THIN, POSTED };

static const size_t lengths[WHOS][LETTERS] = {
	[FAT] = { 17, 5000, 1 },
	[THIN] = { 4, 300, 8000 },
};

/* The type of what this one is to receive. */
static int64_t type_of(enum who who)
{
	return who;
}

/* The n-th message to one of them: all of one letter, so that seams show. */
static size_t write_letter(enum who to, int n, char *buf)
{
	size_t length = lengths[to][n];

	memset(buf, (to == FAT ? 'a' : 'A') + n, length);
	return length;
}

static int open_post(const struct post *post)
{
	return must(ipcbook_queue_open(post->name, O_RDWR | O_CLOEXEC, 0, NULL),
		    T("open the queue", "打开队列"));
}

static void post_one(int queue, enum who to, int n)
{
	char buf[8192];

	must(ipcbook_queue_send(queue, type_of(to), buf,
				write_letter(to, n, buf), 0, 0),
	     T("send", "发送消息"));
}

static void take_all(struct post *post, int queue, enum who who)
{
	char buf[8192], want[8192];
	struct ipcbook_queue_info info;
	struct letter *letter;
	size_t length;

	for (int n = 0; n < LETTERS; n++) {
		letter = &post->letters[who][n];
		letter->length = must(ipcbook_queue_recv(queue, IPCBOOK_EXACT,
							 type_of(who), buf,
							 sizeof(buf),
							 IPCBOOK_NOWAIT, 0,
							 &info),
				      T("receive", "接收消息"));
		length = write_letter(who, n, want);
		letter->whole = length == letter->length &&
				memcmp(buf, want, length) == 0;
		letter->from = info.pid;
		letter->type = info.type;
	}
}

/* They send in turn, so that the types lie one among the other. */
static int post_fat(void *scene)
{
	struct post *post = scene;
	struct ipcbook_stat stat;
	int queue = open_post(post);

	post->pids[FAT] = getpid();
	for (int n = 0; n < LETTERS; n++) {
		must_be_cued(THIN_SENT);
		post_one(queue, THIN, n);
		cue(FAT_SENT);
	}
	must_be_cued(TAKE_FAT);
	take_all(post, queue, FAT);
	must(ipcbook_stat(queue, &stat), T("look at the queue", "查看队列"));
	post->waiting = stat.depth;
	return STATUS_DONE;
}

static int post_thin(void *scene)
{
	struct post *post = scene;
	int queue = open_post(post);

	post->pids[THIN] = getpid();
	for (int n = 0; n < LETTERS; n++) {
		post_one(queue, FAT, n);
		cue(THIN_SENT);
		must_be_cued(FAT_SENT);
	}
	cue(POSTED);
	must_be_cued(TAKE_THIN);
	take_all(post, queue, THIN);
	return STATUS_DONE;
}

/* What lies in the queue, without taking it. */
static bool show_queue(int queue)
{
	struct ipcbook_queue_info info;
	unsigned int mine = 0;
	char buf[8192];
	ssize_t length;

	for (int i = 0; i < 2 * LETTERS; i++) {
		length = ipcbook_queue_recv(queue, IPCBOOK_NTH, i, buf,
					    sizeof(buf), IPCBOOK_PEEK, 0,
					    &info);
		if (length < 0) {
			failed_call(NARRATOR, T("look into the queue",
						"查看队列"), length);
			return false;
		}
		show(NARRATOR, T("%d  type %lld, %5zd bytes  %c%c%c...",
				 "%d  类型 %lld，%5zd 字节  %c%c%c..."),
		     i + 1, (long long)info.type, length, buf[0],
		     length > 1 ? buf[1] : ' ', length > 2 ? buf[2] : ' ');
		mine += info.type == type_of(i % 2 ? THIN : FAT);
	}
	return claim(mine == 2 * LETTERS,
		     "%s", T("One queue holds both directions, one among the other.",
			     "两个方向的消息混在同一个队列里。"));
}

/* What one of them received. */
static void show_letters(const struct post *post, enum who who, enum who from)
{
	const struct letter *letters = post->letters[who];
	bool all = true;

	show(who, T("takes type %lld: %zu, %zu and %zu bytes, from process %d",
		    "取类型 %lld：依次为 %zu、%zu、%zu 字节，来自进程 %d"),
	     (long long)type_of(who), letters[0].length, letters[1].length,
	     letters[2].length, letters[0].from);
	for (int n = 0; n < LETTERS; n++)
		all = all && letters[n].whole &&
		      letters[n].type == type_of(who) &&
		      letters[n].from == post->pids[from];
	claim(all, "%s",
	      who == FAT ? T("The fat one picked its own, whole and in order; the kernel says that the thin one sent them.",
			     "胖程序取走了自己的消息，条条完整，次序不乱；内核证明它们都是瘦程序发的。") :
			   T("The thin one picked its own, whole and in order; the kernel says that the fat one sent them.",
			     "瘦程序取走了自己的消息，条条完整，次序不乱；内核证明它们都是胖程序发的。"));
}

static void post_office(struct post *post, int queue)
{
	struct actor fat, thin;

	enter(&fat, FAT, post_fat, post);
	enter(&thin, THIN, post_thin, post);
	if (!cued(POSTED) || !show_queue(queue))
		return;
	step();
	cue(TAKE_FAT);
	if (!left_well(&fat))
		return;
	show_letters(post, FAT, THIN);
	claim(post->waiting == LETTERS,
	      T("Meanwhile the thin one's wait untouched: %llu of them.",
		"与此同时，瘦程序的 %llu 条消息原封不动地等在那里。"),
	      post->waiting);
	step();
	cue(TAKE_THIN);
	if (!left_well(&thin))
		return;
	show_letters(post, THIN, FAT);
	moral("%s", T("A queue keeps messages whole and apart. But each is copied twice, into the kernel and out of it, which is much for a large body of data: turn the page.",
		      "队列让消息条条完整、各归各类。可是每条消息都要拷贝两次，先进内核再出内核，数据一大就吃不消：翻到下一页。"));
}

void page_queue(void)
{
	struct post *post = scene_begin(sizeof(*post));
	int queue;

	tell("%s", T("One queue does for both. What is for the fat one has type 1, what is for the thin one type 2. They send in turn; nobody receives yet.",
		     "一个队列，两人合用：给胖程序的消息是类型 1，给瘦程序的是类型 2。它们轮流发送，谁都先不收。"));
	strcpy(post->name, scene_name(IPCBOOK_QUEUE, "post"));
	queue = ipcbook_queue_open(post->name, O_RDONLY | O_CREAT | O_CLOEXEC,
				   0600, NULL);
	if (queue < 0) {
		failed_call(NARRATOR, T("create a queue", "创建队列"), queue);
	} else {
		post_office(post, queue);
		close(queue);
	}
	scene_end();
}
