/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sleeping and waking at the ring, rules 5 and 6 of linux/ipcbook.h.
 *
 * A producer passes TOTAL places through a ring of ROOM to a consumer, in records
 * of one place or of LONGEST, each of which needs one place more. Both may sleep.
 * What one of them stores the other sees later, as if each processor had a store
 * buffer, which a barrier empties. A consumer that finds nothing gives back
 * without a barrier, and does not look whether the producer sleeps, until that is
 * a quarter of the ring.
 *
 * A wake that is lost is a state in which both wait, which spin reports; nobody is
 * woken more often than he sleeps.
 *
 * Twins that must fail:
 *	NO_RECHECK	sleeps without looking again
 *	NO_BARRIER	looks whether the other sleeps before what it has done can
 *			be seen
 *	NO_NUMBER	asleep is a flag and not a number, and who was woken
 *			before is not woken again
 *	ALWAYS_QUIET	a consumer that finds nothing never looks whether the
 *			producer sleeps
 *	EACH_TIME	it looks when it gives back a quarter at a time, however
 *			much that is together
 */
#define TOTAL	9
#define ROOM	8
#define LONGEST	4

byte written, published;	/* by the producer; what the consumer sees of it */
byte freed, released;		/* by the consumer; what the producer sees of it */
byte c_asleep, p_asleep;	/* how often each said so */
byte c_wakes, p_wakes;		/* how often each has woken the other */
byte c_sleeps, p_sleeps;	/* how often each meant to sleep */
byte wanted;			/* how many places must be released */

#define barrier(mine, seen)	(mine == seen)

#ifdef NO_BARRIER
#define fence(mine, seen)	skip
#else
#define fence(mine, seen)	barrier(mine, seen)
#endif

#ifdef NO_NUMBER
#define doze(word)	word = 1
#define awake(word)	word = 0
#else
#define doze(word)	word++
#define awake(word)	skip
#endif

/* Rule 6, after the store. */
#define notify(mine, seen, asleep, wakes, need)				\
	fence(mine, seen);						\
	token = asleep;							\
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
#define recheck(there)	(there)
#endif

#define sleep(mine, seen, there, wakes, asleep, sleeps)			\
	before = wakes;							\
	sleeps++;							\
	barrier(mine, seen);						\
	doze(asleep);							\
	if								\
	:: recheck(there)						\
	:: !(recheck(there)) -> (wakes != before)			\
	fi;								\
	awake(asleep)

/* The store buffers. */
active proctype memory()
{
end:
	do
	:: atomic { published < written -> published = written }
	:: atomic { released < freed -> released++ }
	od
}

#define fits	(written + size + 1 - released <= ROOM)

proctype producer()
{
	byte token, woken, before, size;

	do
	:: written == TOTAL -> break
	:: written < TOTAL ->
		if
		:: size = 1
		:: written + LONGEST <= TOTAL -> size = LONGEST
		fi;
		do
		:: fits -> break
		:: !fits ->
			wanted = written + size + 1 - ROOM;
			sleep(written, published, fits, c_wakes, p_asleep,
			      p_sleeps)
		od;
		written = written + size;
		notify(written, published, c_asleep, p_wakes, true)
	od
}

proctype consumer()
{
	byte token, woken, before, read, untold;

	do
	:: read == TOTAL -> break
	:: read < published ->
		read++;
		if
		:: freed = read;
			notify(freed, released, p_asleep, c_wakes,
			       freed >= wanted)
		:: skip
		fi
	:: read < TOTAL && read == published ->
#ifdef EACH_TIME
		untold = read - freed;
#else
		untold = untold + read - freed;
#endif
		freed = read;
#ifndef ALWAYS_QUIET
		if
		:: untold >= ROOM / 4 ->
			untold = 0;
			notify(freed, released, p_asleep, c_wakes,
			       freed >= wanted)
		:: else
		fi;
#endif
		/* It may look again, or sleep. */
		if
		:: skip
		:: sleep(freed, released, read < published, p_wakes, c_asleep,
			 c_sleeps)
		fi
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
