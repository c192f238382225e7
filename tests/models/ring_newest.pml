/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The newest win: rules 11 and 12 of linux/ipcbook.h.
 *
 * A producer writes RECORDS records of one place into a ring of SLOTS places, as
 * fast as it likes. A word tells whose it is, and payload is written in two steps.
 * What the consumer gets must be whole and the record that it stands at, and what
 * it got and what it lost must be all.
 *
 * Twins that must fail:
 *	NO_BARRIER	that oldest has moved may be seen later than what is
 *			written after that
 *	LOOK_FIRST	the consumer looks at oldest before it reads the word
 *	ONE_LOOK	the consumer does not look again after it read the record
 */
#define SLOTS	4
#define RECORDS	9

byte word[SLOTS], payload[SLOTS];
byte moved, oldest;		/* by the producer; what the consumer sees of it */

/* When the producer's store arrives. */
active proctype memory()
{
end:
	do
	:: atomic { oldest < moved -> oldest = moved }
	od
}

#define look()								\
	now = oldest;							\
	if								\
	:: now > at -> goto lapped					\
	:: else								\
	fi

proctype producer()
{
	byte at;

	do
	:: at == RECORDS -> break
	:: at < RECORDS ->
		if
		:: at + 2 > moved + SLOTS -> moved = at + 2 - SLOTS
		:: else
		fi;
#ifndef NO_BARRIER
		(oldest == moved);
#endif
		payload[at % SLOTS] = 0;
		payload[at % SLOTS] = at + 1;
		word[(at + 1) % SLOTS] = 0;
		word[at % SLOTS] = at + 1;
		at++
	od
}

proctype consumer()
{
	byte at, now, seen, copy, received, lost;

	do
	:: at == RECORDS -> break
	:: at < RECORDS ->
		(word[at % SLOTS] != 0 || oldest > at);
#ifdef LOOK_FIRST
		look();
		seen = word[at % SLOTS];
#else
		seen = word[at % SLOTS];
		look();
#endif
		if
		:: seen == 0
		:: seen != 0 ->
			assert(seen == at + 1);
			copy = payload[at % SLOTS];
#ifndef ONE_LOOK
			look();
#endif
			assert(copy == at + 1);
			received++;
			at++
		fi;
		goto next;
lapped:
		lost = lost + now - at;
		at = now;
next:
		skip
	od;
	assert(received + lost == RECORDS)
}

init
{
	atomic {
		run producer();
		run consumer()
	}
}
