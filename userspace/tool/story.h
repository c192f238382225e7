/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The story: what its pages share.
 *
 *	story.c		the command; what is printed, what is claimed, the actors
 *	story_signal.c	signal: they knock
 *	story_socket.c	socket, and what is captured of it
 *	story_talk.c	pipe, named pipe, queue: they talk
 *	story_memory.c	shared memory, semaphore, ring: they share
 *
 * The narrator is the process that was called; it alone prints. The fat one and
 * the thin one are processes that it forks for a scene (enter()), and reaps
 * (leave()). What they find they leave in the scene, which is memory that all of
 * them share; what is claimed is decided by the narrator from that alone. They
 * wait for each other by cues.
 *
 * Everything that is printed stands where it is printed, in both languages side
 * by side: T("English", "Chinese"), with the same arguments in the same order.
 */
#ifndef IPCBOOK_TOOL_STORY_H
#define IPCBOOK_TOOL_STORY_H

#include "tool.h"

/* The text in the language that was chosen. */
#define T(en, zh)	(story_chinese ? (zh) : (en))

extern bool story_chinese;

/* Longest sentence that they say to each other, with its end. */
#define SENTENCE 128

enum who { NARRATOR, FAT, THIN, WHOS };

/* How many cues a scene has. */
#define CUES 8

/**
 * struct actor - the fat one or the thin one, as long as it lives
 * @who: which of them
 * @pid: its process
 * @pidfd: a descriptor of it, readable when it has ended
 */
struct actor {
	enum who who;
	pid_t pid;
	int pidfd;
};

/* Telling: story.c */

/* A paragraph of the tale. */
[[gnu::format(printf, 1, 2)]]
void tell(const char *format, ...);
/* Evidence: a line on what somebody did, heard or measured. */
[[gnu::format(printf, 2, 3)]]
void show(enum who who, const char *format, ...);
/* A claim, and whether it holds in this run. */
[[gnu::format(printf, 2, 3)]]
bool claim(bool holds, const char *format, ...);
/* Something that cannot be shown here, and is not claimed. */
[[gnu::format(printf, 1, 2)]]
void not_shown(const char *format, ...);
/* A call that failed, of the narrator's: a failure, or not to be shown. */
void failed_call(enum who who, const char *doing, int error);
/* Why the page is turned; only of one on which nothing failed. */
[[gnu::format(printf, 1, 2)]]
void moral(const char *format, ...);
/* The end of a step; with --slow a key is waited for. */
void step(void);
/* A bar of progress; what is not @done is for terminals alone. */
void bar(const char *label, double part, const char *right, bool done);

/* Scenes: story.c */

/* A scene begins: its memory, zeroed, and cues that nobody has given. */
void *scene_begin(size_t size);
/* It ends: those who are still there go, and the names that were made up. */
void scene_end(void);
/* A name that nobody else has, for an object that ends with the scene. */
const char *scene_name(enum ipcbook_chapter chapter, const char *what);

/* What else is to be done when it ends, in a handler of signals perhaps. */
void scene_undo(void (*function)(void));

void enter(struct actor *actor, enum who who, int (*play)(void *scene),
	   void *scene);
/* Wait for its end: exit status, or 128 and a signal; what failed is told. */
int leave(struct actor *actor);
/* It has to end well; that it did not is told. */
bool left_well(struct actor *actor);
/* Whether it has ended by now. */
bool ended(const struct actor *actor);

/* Give a cue; wait for one. False if somebody failed, or time is up. */
void cue(int number);
bool cued(int number);

/* Of the actors, who end if something fails: story.c */

/* What a call of the library answered; of the system: -1 and errno. */
int must(int answer, const char *doing);
long must_sys(long answer, const char *doing);
void must_be_cued(int number);

/* Have a sentence go through a descriptor, and come. Its end is a zero byte. */
void say(int fd, const char *sentence);
bool hear(int fd, char sentence[SENTENCE]);

/* Milliseconds of rest between two looks. */
void rest(void);

/* The pages */
void page_signal(void);
void page_socket(void);
void page_pipe(void);
void page_named_pipe(void);
void page_queue(void);
void page_shm(void);
void page_sem(void);
void page_ring(void);

#endif /* IPCBOOK_TOOL_STORY_H */
