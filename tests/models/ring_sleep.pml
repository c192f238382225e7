/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sleeping and waking at the ring, rules 5 and 6 of linux/ipcbook.h.
 *
 * A producer passes RECORDS through a ring with room for ROOM of them to a
 * consumer. Both may sleep. A wake that is lost is a state in which both wait,
 * which spin reports; nobody is woken more often than he sleeps.
 *
 * Twins that must fail:
 *	NO_RECHECK	sleeps without looking again
 *	NO_BARRIER	looks whether the other sleeps before what it has done can
 *			be seen, as a processor does without the barrier
 *	NO_NUMBER	asleep is a flag and not a number, and who was woken
 *			before is not woken again
 */
#define RECORDS	5
#define ROOM	2

byte published, released;	/* how many records */
byte c_asleep, p_asleep;	/* how often each said so */
byte c_wakes, p_wakes;		/* how often each has woken the other */
byte c_sleeps, p_sleeps;	/* how often each meant to sleep */
byte wanted;			/* how many must be released */

#ifdef NO_NUMBER
#define doze(word)	word = 1
#define awake(word)	word = 0
#else
#define doze(word)	word++
#define awake(word)	skip
#endif

/* Rule 6: "token" is what was seen of the other. */
#define look(asleep)	token = asleep
#define wake(wakes, need)						\
	if								\
	:: token != 0 && token != woken && (need) ->			\
		woken = token;						\
		wakes++							\
	:: else								\
	fi

/* Rule 5. A futex sleeps only while the word is as it was. */
#ifdef NO_RECHECK
#define recheck(there)	false
#else
#define recheck(there)	there
#endif

#define sleep(there, wakes, asleep, sleeps)				\
	before = wakes;							\
	sleeps++;							\
	doze(asleep);							\
	if								\
	:: recheck(there)						\
	:: !(recheck(there)) -> (wakes != before)			\
	fi;								\
	awake(asleep)

proctype producer()
{
	byte token, woken, before;

	do
	:: published == RECORDS -> break
	:: published < RECORDS && published - released < ROOM ->
#ifdef NO_BARRIER
		look(c_asleep);
		published++;
#else
		published++;
		look(c_asleep);
#endif
		wake(p_wakes, true)
	:: published < RECORDS && published - released >= ROOM ->
		wanted = published + 1 - ROOM;
		sleep(published - released < ROOM, c_wakes, p_asleep, p_sleeps)
	od
}

proctype consumer()
{
	byte token, woken, before;

	do
	:: released == RECORDS -> break
	:: released < published ->
#ifdef NO_BARRIER
		look(p_asleep);
		released++;
#else
		released++;
		look(p_asleep);
#endif
		wake(c_wakes, released >= wanted)
	:: released < RECORDS && released == published ->
		sleep(released < published, p_wakes, c_asleep, c_sleeps)
	od;
	assert(c_wakes <= p_sleeps && p_wakes <= c_sleeps)
}

init
{
	atomic {
		run producer();
		run consumer()
	}
}
