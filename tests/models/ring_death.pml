/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A producer that may die anywhere, rules 1 to 4 of linux/ipcbook.h.
 *
 * The ring has SLOTS places for records of one length, each with a word and a
 * payload. The words begin as anything but the first, as old payload may look
 * like a word. A producer dies up to DEATHS times, and the next one goes on from
 * what the memory says. Each record must arrive once, whole and in order, and
 * all do.
 *
 * Twins that must fail:
 *	NO_ZERO		the word of the next record is not made 0
 *	EARLY		the word is written before the payload
 *	TAIL_ONLY	the next producer believes tail and looks no further
 */
#define SLOTS	4
#define RECORDS	7
#define DEATHS	2

byte word[SLOTS], payload[SLOTS];
byte head, tail, deaths;

#define die	deaths < DEATHS -> deaths++; goto again

proctype producer()
{
	byte at;

again:
	at = tail;
#ifndef TAIL_ONLY
	if
	:: head > at -> at = head
	:: else
	fi;
	do
	:: word[at % SLOTS] == 1 && at - head < SLOTS -> at++
	:: else -> break
	od;
#endif
	do
	:: at == RECORDS -> break
	:: at < RECORDS ->
		/* Room for the record and for the word of the next. */
		(at - head + 2 <= SLOTS);
		/* Rule 1; what is published is never written to again. */
		assert(at >= head && word[at % SLOTS] == 0);
#ifdef EARLY
		word[(at + 1) % SLOTS] = 0;
		word[at % SLOTS] = 1;
#endif
		if
		:: die
		:: payload[at % SLOTS] = at + 1
		fi;
#ifndef EARLY
#ifndef NO_ZERO
		if
		:: die
		:: word[(at + 1) % SLOTS] = 0
		fi;
#endif
		if
		:: die
		:: word[at % SLOTS] = 1
		fi;
#endif
		if
		:: die
		:: tail = at + 1
		fi;
		at++
	od
}

proctype consumer()
{
	do
	:: head == RECORDS -> break
	:: head < RECORDS && word[head % SLOTS] == 1 ->
		assert(payload[head % SLOTS] == head + 1);
		head++
	od
}

init
{
	byte i = 1;

	/* What was in the memory before. */
	do
	:: i < SLOTS -> word[i] = 0; i++
	:: i < SLOTS -> word[i] = 1; i++
	:: i == SLOTS -> break
	od;
	atomic {
		run producer();
		run consumer()
	}
}
