// SPDX-License-Identifier: GPL-2.0-only
/*
 * The story's pages on which they share memory: shared memory, semaphore, ring.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include <ipcbook/ring.h>
#include <ipcbook/sem.h>

#include "story.h"

/* --------------------------------------------------------------- shared memory */

#define PAGES 4

/**
 * struct view - a segment in two processes
 * @name: its name
 * @size: of it
 * @address: where each has it
 * @frames: of each its physical frames; 0 where they are not told
 * @heard: what each read there
 */
struct view {
	char name[IPCBOOK_NAME_LEN];
	size_t size;
	char *address[WHOS];
	__u64 frames[WHOS][PAGES];
	char heard[WHOS][SENTENCE];
};

enum { WRITTEN, ANSWERED, SEEN };

static void map_view(struct view *view, enum who who)
{
	size_t size;
	void *at;
	int fd;

	fd = must(ipcbook_shm_open(view->name, O_RDWR | O_CLOEXEC, 0, 0),
		  T("open the segment", "打开共享内存段"));
	must(ipcbook_shm_map(fd, PROT_READ | PROT_WRITE, &at, &size),
	     T("map the segment", "映射共享内存段"));
	close(fd);
	view->address[who] = at;
	for (int i = 0; i < PAGES; i++)
		view->frames[who][i] = physical_frame(view->address[who] +
						i * sysconf(_SC_PAGESIZE));
}

static int view_fat(void *scene)
{
	struct view *view = scene;

	map_view(view, FAT);
	strcpy(view->address[FAT], T("Read this where you are.",
				     "就在你那边读吧。"));
	cue(WRITTEN);
	must_be_cued(ANSWERED);
	strncpy(view->heard[FAT], view->address[FAT], SENTENCE - 1);
	return STATUS_DONE;
}

static int view_thin(void *scene)
{
	struct view *view = scene;

	must_be_cued(WRITTEN);
	/* Here that address has been taken by something else. */
	if (mmap(view->address[FAT], view->size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		 0) == MAP_FAILED && errno != EEXIST)
		must(-errno, T("use an address", "占用地址"));
	map_view(view, THIN);
	strncpy(view->heard[THIN], view->address[THIN], SENTENCE - 1);
	strcpy(view->address[THIN], T("I did. Same page.",
				      "读到了，同一页。"));
	cue(ANSWERED);
	return STATUS_DONE;
}

static void show_frames(const struct view *view)
{
	const __u64 *fat = view->frames[FAT], *thin = view->frames[THIN];
	bool same = true;

	for (int i = 0; i < PAGES; i++)
		if (!fat[i] || !thin[i]) {
			not_shown("%s", T("the physical frames, which the kernel tells CAP_SYS_ADMIN alone.",
					  "物理页框号；内核只把它告诉拥有 CAP_SYS_ADMIN 的进程。"));
			return;
		}
	show(FAT, T("frames 0x%llx 0x%llx 0x%llx 0x%llx",
		    "物理页框 0x%llx 0x%llx 0x%llx 0x%llx"),
	     fat[0], fat[1], fat[2], fat[3]);
	show(THIN, T("frames 0x%llx 0x%llx 0x%llx 0x%llx",
		     "物理页框 0x%llx 0x%llx 0x%llx 0x%llx"),
	     thin[0], thin[1], thin[2], thin[3]);
	for (int i = 0; i < PAGES; i++)
		same = same && fat[i] == thin[i];
	claim(same, "%s", T("Behind the two addresses lie the same physical frames.",
			    "两个地址背后是相同的物理页框。"));
}

static void show_view(const struct view *view)
{
	show(FAT, T("has it at %p", "映射在 %p"), view->address[FAT]);
	show(THIN, T("has it at %p", "映射在 %p"), view->address[THIN]);
	claim(view->address[FAT] != view->address[THIN], "%s",
	      T("The virtual addresses differ: to each its own.",
		"虚拟地址不同：各有各的。"));
	show_frames(view);
	step();
	show(THIN, T("reads: \"%s\"", "读到：“%s”"), view->heard[THIN]);
	show(FAT, T("reads: \"%s\"", "读到：“%s”"), view->heard[FAT]);
	claim(strcmp(view->heard[THIN], T("Read this where you are.",
					  "就在你那边读吧。")) == 0 &&
	      strcmp(view->heard[FAT], T("I did. Same page.",
					 "读到了，同一页。")) == 0,
	      "%s", T("What one writes the other one reads, and nothing was sent.",
		      "一个写下，另一个就读到，什么都没有发送。"));
	moral("%s", T("Nothing is copied any more. But nobody keeps them from writing both at once: turn the page.",
		      "再也不用拷贝了。可是也没有谁拦着它们同时动笔：翻到下一页。"));
}

/* A segment with a name of the scene's. */
static bool create_segment(char *name, size_t size)
{
	int fd;

	strcpy(name, scene_name(IPCBOOK_SHM, "memory"));
	fd = ipcbook_shm_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600, size);
	if (fd < 0) {
		failed_call(NARRATOR, T("create a segment",
					"创建共享内存段"), fd);
		return false;
	}
	close(fd);
	return true;
}

void page_shm(void)
{
	struct view *view = scene_begin(sizeof(*view));
	struct actor fat, thin;

	tell("%s", T("A segment of four pages. Each maps it where there is room in its own address space; the fat one's address is taken in the thin one.",
		     "一段四页的共享内存。各人把它映射到自己地址空间的空处；胖程序用的那个地址，在瘦程序那里已被占用。"));
	view->size = PAGES * sysconf(_SC_PAGESIZE);
	if (create_segment(view->name, view->size)) {
		enter(&fat, FAT, view_fat, view);
		enter(&thin, THIN, view_thin, view);
		if (left_well(&fat) && left_well(&thin))
			show_view(view);
	}
	scene_end();
}

/* --------------------------------------------------------------- the semaphore */

#define ROUNDS	5000

/* Without a semaphore they may happen never to meet: so often is tried. */
#define TRIES	5

/**
 * struct count - a counter in shared memory
 * @memory: name of the segment
 * @sem: and of the semaphore
 * @guarded: whether it is used
 * @result: the counter in the end
 */
struct count {
	char memory[IPCBOOK_NAME_LEN];
	char sem[IPCBOOK_NAME_LEN];
	bool guarded;
	uint64_t result;
};

enum { READY, START, COUNTED, LOOK };

/* One more: what was read is written back plus 1, and in between others run. */
static void increment(uint64_t *counter)
{
	uint64_t value = __atomic_load_n(counter, __ATOMIC_RELAXED);

	sched_yield();
	__atomic_store_n(counter, value + 1, __ATOMIC_RELAXED);
}

static int count_up(void *scene)
{
	const char *doing = T("use the semaphore", "使用信号量");
	struct count *count = scene;
	struct ipcbook_sem sem;
	uint64_t *counter;
	size_t size;
	void *at;
	int fd;

	fd = must(ipcbook_shm_open(count->memory, O_RDWR | O_CLOEXEC, 0, 0),
		  T("open the segment", "打开共享内存段"));
	must(ipcbook_shm_map(fd, PROT_READ | PROT_WRITE, &at, &size),
	     T("map the segment", "映射共享内存段"));
	counter = at;
	fd = must(ipcbook_sem_open(count->sem, O_RDWR | O_CLOEXEC, 0, NULL),
		  doing);
	must(ipcbook_sem_attach(&sem, fd), doing);
	cue(READY);
	must_be_cued(START);
	for (int i = 0; i < ROUNDS; i++) {
		if (count->guarded)
			must(ipcbook_sem_take(&sem, 1, 0, 0), doing);
		increment(counter);
		if (count->guarded)
			must(ipcbook_sem_give(&sem, 1), doing);
	}
	/* The last to do so leaves what both made of it. */
	cue(COUNTED);
	must_be_cued(LOOK);
	count->result = __atomic_load_n(counter, __ATOMIC_RELAXED);
	return STATUS_DONE;
}

/* Both count; false if they could not. */
static bool count_together(bool guarded, uint64_t *result)
{
	const struct ipcbook_sem_limits one = { .value = 1, .maximum = 1 };
	struct count *count = scene_begin(sizeof(*count));
	struct actor fat, thin;
	bool done = false;
	int fd;

	count->guarded = guarded;
	strcpy(count->sem, scene_name(IPCBOOK_SEM, "lock"));
	if (!create_segment(count->memory, sysconf(_SC_PAGESIZE)))
		goto out;
	fd = ipcbook_sem_open(count->sem, O_RDWR | O_CREAT | O_CLOEXEC, 0600,
			      &one);
	if (fd < 0) {
		failed_call(NARRATOR, T("create a semaphore", "创建信号量"),
			    fd);
		goto out;
	}
	close(fd);
	enter(&fat, FAT, count_up, count);
	enter(&thin, THIN, count_up, count);
	if (cued(READY) && cued(READY)) {
		cue(START);
		cue(START);
	}
	if (cued(COUNTED) && cued(COUNTED)) {
		cue(LOOK);
		cue(LOOK);
		done = left_well(&fat) && left_well(&thin);
	}
	*result = count->result;
out:
	scene_end();
	return done;
}

void page_sem(void)
{
	uint64_t result = 0;
	int tries = 0;

	tell(T("A counter in shared memory. Each adds 1 to it %d times: it reads the value, steps aside for an instant (sched_yield, as the scheduler might do to it anywhere), and writes the value plus 1.",
	       "共享内存里放一个计数器，两人各加 1，各加 %d 次：读出数值，让开一瞬（用 sched_yield；调度器随时都可能让它这样停一下），再把数值加 1 写回去。"),
	     ROUNDS);
	do {
		if (!count_together(false, &result))
			return;
		show(NARRATOR, T("without a semaphore: %llu, where %d should be",
				 "没有信号量：得到 %llu，本该是 %d"),
		     (unsigned long long)result, 2 * ROUNDS);
	} while (result == 2 * ROUNDS && ++tries < TRIES);
	claim(result < 2 * ROUNDS,
	      T("Without a semaphore the counter comes out wrong: %llu increments are lost.",
		"没有信号量，计数出错：丢了 %llu 次加法。"),
	      2ULL * ROUNDS - result);
	step();
	tell("%s", T("The same again; but who counts takes a semaphore of one unit before, and gives it back after.",
		     "再来一遍；不过这回，动手之前先取走信号量仅有的一个单位，做完再归还。"));
	if (!count_together(true, &result))
		return;
	show(NARRATOR, T("with the semaphore: %llu", "有信号量：得到 %llu"),
	     (unsigned long long)result);
	claim(result == 2 * ROUNDS, "%s",
	      T("With the semaphore it comes out right.",
		"有了信号量，计数正确。"));
	moral("%s", T("Shared memory needs the semaphore, and with it the two get along.",
		      "共享内存离不开信号量；有了它，两个程序就相安无事了。"));
}

/* ---------------------------------------------- the ring, and a large body of data */

/* The body, and how it goes: what one write, message or record holds. */
#define BODY		(64UL << 20)
#define PIECE		65536
#define MESSAGE		8192

/* What pipe, queue and ring have room for, so that none has more. */
#define ROOM		(1UL << 20)

/**
 * struct body - a large body of data on its way
 * @name: of the object that it goes through
 * @sem: name of the semaphore that hands a segment over
 * @ends: the pipe
 * @moved: bytes that have arrived
 * @begun: when the first was sent, in nanoseconds
 * @done: when the last had arrived
 * @digests: of each, SHA-256 of what it has
 */
struct body {
	char name[IPCBOOK_NAME_LEN];
	char sem[IPCBOOK_NAME_LEN];
	int ends[2];
	atomic_ullong moved;
	uint64_t begun;
	uint64_t done;
	uint8_t digests[WHOS][SHA256_DIGEST_SIZE];
};

enum { THIN_READY, FAT_READY, GIVEN };

/**
 * struct way - one way to have it go
 * @chapter: of its object
 * @en: what it is called
 * @zh: likewise
 * @create: makes the object; what the library answered
 * @give: the fat one sends the body
 * @take: the thin one receives it; returns where it then is
 */
struct way {
	enum ipcbook_chapter chapter;
	const char *en;
	const char *zh;
	int (*create)(struct body *body);
	void (*give)(struct body *body, const char *from);
	char *(*take)(struct body *body, char *to);
};

static uint64_t now(void)
{
	return ipcbook_deadline(0);
}

static size_t part(size_t at, size_t most)
{
	return BODY - at < most ? BODY - at : most;
}

/* Pipe */

static int make_pipe(struct body *body)
{
	return ipcbook_pipe(body->ends, O_CLOEXEC, ROOM);
}

static void give_pipe(struct body *body, const char *from)
{
	must(write_all(body->ends[1], from, BODY), T("write", "写"));
}

static char *take_pipe(struct body *body, char *to)
{
	ssize_t n;

	close(body->ends[1]);
	for (size_t at = 0; at < BODY; at += n, body->moved = at) {
		n = must_sys(read(body->ends[0], to + at, part(at, PIECE)),
			     T("read", "读"));
		if (!n)
			must(-EPIPE, T("read", "读"));
	}
	return to;
}

/* Queue */

static int open_queue(const struct body *body, int flags)
{
	return must(ipcbook_queue_open(body->name, flags | O_CLOEXEC, 0, NULL),
		    T("open the queue", "打开队列"));
}

static int make_queue(struct body *body)
{
	const struct ipcbook_queue_limits limits = {
		.messages = ROOM / MESSAGE,
		.bytes = ROOM,
		.size = MESSAGE,
	};

	return ipcbook_queue_open(body->name, O_RDWR | O_CREAT | O_CLOEXEC,
				  0600, &limits);
}

static void give_queue(struct body *body, const char *from)
{
	int queue = open_queue(body, O_WRONLY);

	for (size_t at = 0; at < BODY; at += MESSAGE)
		must(ipcbook_queue_send(queue, 1, from + at, MESSAGE, 0, 0),
		     T("send", "发送消息"));
}

static char *take_queue(struct body *body, char *to)
{
	int queue = open_queue(body, O_RDONLY);

	for (size_t at = 0; at < BODY; body->moved = at)
		at += must(ipcbook_queue_recv(queue, IPCBOOK_ANY, 0, to + at,
					      part(at, MESSAGE), 0, 0, NULL),
			   T("receive", "接收消息"));
	return to;
}

/* Ring */

static int make_ring(struct body *body)
{
	const struct ipcbook_ring_limits limits = { .size = ROOM };

	return ipcbook_ring_open(body->name, O_RDWR | O_CREAT | O_CLOEXEC,
				 0600, &limits);
}

static void become_side(struct ipcbook_ring *ring, const struct body *body,
			int flags)
{
	const char *doing = T("open the ring", "打开环形缓冲区");
	int fd;

	fd = must(ipcbook_ring_open(body->name, flags | O_CLOEXEC, 0, NULL),
		  doing);
	must(ipcbook_ring_attach(ring, fd, 0), doing);
}

/* Room for a record, once there is. */
static void *reserve(struct ipcbook_ring *ring, const char *doing)
{
	void *room = NULL;
	int error;

	while ((error = ipcbook_ring_reserve(ring, PIECE, &room)) == -EAGAIN)
		must(ipcbook_ring_wait(ring, PIECE, 0, 0), doing);
	must(error, doing);
	if (!room)
		abort();
	return room;
}

static void give_ring(struct body *body, const char *from)
{
	const char *doing = T("produce a record", "写入一条记录");
	struct ipcbook_ring ring;

	become_side(&ring, body, O_RDWR);
	for (size_t at = 0; at < BODY; at += PIECE) {
		memcpy(reserve(&ring, doing), from + at, PIECE);
		must(ipcbook_ring_commit(&ring), doing);
	}
	/* What is not read yet stays, whoever lets go. */
	ipcbook_ring_detach(&ring);
}

static char *take_ring(struct body *body, char *to)
{
	const char *doing = T("consume a record", "取出一条记录");
	struct ipcbook_ring ring;
	const void *record;
	uint32_t length;
	int error;

	become_side(&ring, body, O_RDONLY);
	for (size_t at = 0; at < BODY; at += length, body->moved = at) {
		while ((error = ipcbook_ring_peek(&ring, &record, &length)) ==
		       -EAGAIN)
			must(ipcbook_ring_wait(&ring, 0, 0, 0), doing);
		must(error, doing);
		if (length > BODY - at)
			must(-EMSGSIZE, doing);
		memcpy(to + at, record, length);
		must(ipcbook_ring_release(&ring), doing);
	}
	return to;
}

/* Shared memory: the body lies in it, and a semaphore says that it does. */

static int make_shm(struct body *body)
{
	int fd;

	strcpy(body->sem, scene_name(IPCBOOK_SEM, "body"));
	fd = ipcbook_sem_open(body->sem, O_RDWR | O_CREAT | O_CLOEXEC, 0600,
			      NULL);
	if (fd < 0)
		return fd;
	close(fd);
	return ipcbook_shm_open(body->name, O_RDWR | O_CREAT | O_CLOEXEC, 0600,
				BODY);
}

static char *map_shm(const struct body *body, int flags, int prot)
{
	size_t size;
	void *at;
	int fd;

	fd = must(ipcbook_shm_open(body->name, flags | O_CLOEXEC, 0, 0),
		  T("open the segment", "打开共享内存段"));
	must(ipcbook_shm_map(fd, prot, &at, &size),
	     T("map the segment", "映射共享内存段"));
	close(fd);
	return at;
}

static int open_sem(const struct body *body)
{
	return must(ipcbook_sem_open(body->sem, O_RDWR | O_CLOEXEC, 0, NULL),
		    T("use the semaphore", "使用信号量"));
}

static void give_shm(struct body *body, const char *from)
{
	char *to = map_shm(body, O_RDWR, PROT_READ | PROT_WRITE);

	for (size_t at = 0; at < BODY; at += PIECE, body->moved = at)
		memcpy(to + at, from + at, PIECE);
	must(ipcbook_sem_up(open_sem(body), 1),
	     T("use the semaphore", "使用信号量"));
}

static char *take_shm(struct body *body, char *to)
{
	(void)to;
	must(ipcbook_sem_down(open_sem(body), 1, 0, 0),
	     T("use the semaphore", "使用信号量"));
	return map_shm(body, O_RDONLY, PROT_READ);
}

static const struct way ways[] = {
	{ IPCBOOK_PIPE, "pipe", "管道", make_pipe, give_pipe, take_pipe },
	{ IPCBOOK_QUEUE, "queue", "队列", make_queue, give_queue, take_queue },
	{ IPCBOOK_RING, "ring", "环形缓冲区", make_ring, give_ring, take_ring },
	{ IPCBOOK_SHM, "shared memory", "共享内存", make_shm, give_shm,
	  take_shm },
};

#define WAYS (sizeof(ways) / sizeof(*ways))

static const struct way *way;

static void digest(const char *at, uint8_t *result)
{
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, BODY, (const uint8_t *)at);
	sha256_digest(&context, SHA256_DIGEST_SIZE, result);
}

/* Memory that is there, and not only promised: nothing of it is timed. */
static char *get_room(void)
{
	char *at = mmap(NULL, BODY, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (at == MAP_FAILED)
		must(-errno, T("get 64 MiB of memory", "取得 64 MiB 内存"));
	return at;
}

/* The body: of no pattern, and another one on each way (xorshift64). */
static void make_body(char *at, uint64_t seed)
{
	uint64_t *words = (uint64_t *)at;

	for (size_t i = 0; i < BODY / sizeof(*words); i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		words[i] = seed;
	}
}

static int body_fat(void *scene)
{
	struct body *body = scene;
	char *mine = get_room();

	make_body(mine, now());
	cue(FAT_READY);
	must_be_cued(THIN_READY);
	body->begun = now();
	way->give(body, mine);
	cue(GIVEN);
	digest(mine, body->digests[FAT]);
	return STATUS_DONE;
}

static int body_thin(void *scene)
{
	struct body *body = scene;
	char *mine = get_room();

	must_be_cued(FAT_READY);
	cue(THIN_READY);
	mine = way->take(body, mine);
	body->done = now();
	body->moved = BODY;
	digest(mine, body->digests[THIN]);
	return STATUS_DONE;
}

/* How far it is, and how fast it was in the end. */
static double show_progress(const struct body *body, bool done)
{
	double seconds = (body->done - body->begun) / 1e9;
	char right[64] = "";

	if (done)
		snprintf(right, sizeof(right), T("%7.3f s %7.0f MB/s",
						 "%7.3f 秒 %7.0f MB/s"),
			 seconds, BODY / seconds / 1e6);
	bar(T(way->en, way->zh), (double)body->moved / BODY, right, done);
	return seconds;
}

static void print_digest(char text[2 * SHA256_DIGEST_SIZE + 1],
			 const uint8_t *result)
{
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
		sprintf(text + 2 * i, "%02x", result[i]);
}

/* Waits for both, with the bar on its way. */
static bool watch(const struct body *body, struct actor *fat,
		  struct actor *thin)
{
	while (body->moved < BODY && !ended(fat) && !ended(thin)) {
		show_progress(body, false);
		for (int i = 0; i < 50; i++)
			rest();
	}
	return left_well(fat) && left_well(thin);
}

/* One way; the seconds it took, or 0 if something failed. */
static double send_body(void)
{
	char texts[WHOS][2 * SHA256_DIGEST_SIZE + 1];
	struct body *body = scene_begin(sizeof(*body));
	struct actor fat, thin;
	double seconds = 0;
	int made;

	strcpy(body->name, scene_name(way->chapter, "way"));
	made = way->create(body);
	if (made < 0) {
		failed_call(NARRATOR, T("create what it goes through",
					"创建传输用的对象"), made);
		goto out;
	}
	enter(&fat, FAT, body_fat, body);
	enter(&thin, THIN, body_thin, body);
	if (!watch(body, &fat, &thin))
		goto close;
	seconds = show_progress(body, true);
	for (int who = FAT; who < WHOS; who++)
		print_digest(texts[who], body->digests[who]);
	show(FAT, "%s", texts[FAT]);
	show(THIN, "%s", texts[THIN]);
	if (!claim(strcmp(texts[FAT], texts[THIN]) == 0, "%s",
		   T("What arrived is what was sent: SHA-256 is the same on both sides.",
		     "收到的就是发出的：两边的 SHA-256 相同。")))
		seconds = 0;
close:
	if (way->chapter == IPCBOOK_PIPE) {
		close(body->ends[0]);
		close(body->ends[1]);
	} else {
		close(made);
	}
out:
	scene_end();
	return seconds;
}

void page_ring(void)
{
	double seconds[WAYS];
	size_t fastest = 0;

	tell("%s", T("64 MiB go from the fat one to the thin one in four ways: through a pipe; through a queue, in messages of 8 KiB; through a ring, in records of 64 KiB, each of these with room for 1 MiB; and through a segment of shared memory that holds all of it, handed over by a semaphore. Each time the body is another one.",
		     "64 MiB 数据用四种办法从胖程序送到瘦程序：走管道；走队列，每条消息 8 KiB；走环形缓冲区，每条记录 64 KiB（这三者容量都是 1 MiB）；最后整个放进一段共享内存，用信号量交接。每次的数据都不一样。"));
	for (size_t i = 0; i < WAYS; i++) {
		way = &ways[i];
		seconds[i] = send_body();
		if (!seconds[i])
			return;
		if (seconds[i] < seconds[fastest])
			fastest = i;
	}
	show(NARRATOR, T("fastest in this run: %s, %.1f times as fast as the pipe",
			 "这次最快的：%s，速度是管道的 %.1f 倍"),
	     T(ways[fastest].en, ways[fastest].zh),
	     seconds[0] / seconds[fastest]);
	moral("%s", T("Through the ring no system call is made as long as both keep up. In the segment nothing is copied but what the fat one writes there; the thin one reads it where it lies. That is as far as the handbook goes.",
		      "走环形缓冲区，只要双方步调跟得上，就不用系统调用；放在共享内存段里，除了胖程序写进去的那一次，什么都不用拷贝，瘦程序就地读取。手册到此翻完。"));
}
