/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many producers, any of which may die anywhere, rules 7 to 10 of linux/ipcbook.h.
 *
 * PRODUCERS take turns at a lock and reserve records of one or two places in a
 * ring of SLOTS places. One of them dies, in any step; what it leaves is cleared
 * up by rule 9, and it then goes on as another one. The words but the
 * first begin as such that old payload may look like.
 *
 * Checked: what lies before tail is never without a length, so that the consumer
 * always knows how far to go on; nobody reserves what is not free; each record
 * that was published arrives once, whole, and what a dead one began does not;
 * all end, also those who sleep.
 *
 * Twins that must fail:
 *	MOVE_FIRST	tail moves before the record's word tells its length
 *	NO_ZERO		the word of the next record is not made 0
 *	NO_LOCK		two may reserve at the same time
 *	KEEP_LOCK	the lock of a dead one is not given up
 *	NO_RECHECK	the consumer sleeps without looking again
 *	QUIET		whoever clears up does not wake the consumer
 */
#define PRODUCERS	2
#define EACH(me)	(2 - me)	/* records of each */
#define ALL		3
#define DEATHS		1
#define SLOTS		4	/* places */

#define FREE	0
#define BUSY	1
#define READY	2
#define SKIP	3

byte word[SLOTS], size[SLOTS], payload[SLOTS];
byte head, tail, lock;
byte at[PRODUCERS], length[PRODUCERS];	/* what each slot tells */
byte deaths;
byte published, received, dropped, finished;
byte asleep, wakes;

inline notify()
{
	/* Rule 10: whoever changes "woken" wakes; all see the newest number. */
	atomic {
		if
		:: asleep != 0 -> asleep = 0; wakes++
		:: else
		fi
	}
}

/* Rule 9. What the kernel does is one step for all others. */
inline bury(me)
{
	atomic {
		if
		:: length[me] != 0 && lock == me + 1 && tail == at[me] ->
			word[at[me] % SLOTS] = FREE
		:: length[me] != 0 && tail != at[me] &&
		   word[at[me] % SLOTS] == BUSY && payload[at[me] % SLOTS] / 8 == me ->
			word[at[me] % SLOTS] = SKIP;
			dropped++
		:: else
		fi;
		length[me] = 0;
#ifndef KEEP_LOCK
		if
		:: lock == me + 1 -> lock = 0
		:: else
		fi;
#endif
#ifndef QUIET
		if
		:: asleep != 0 -> asleep = 0; wakes++
		:: else
		fi
#endif
	}
}

#define may_die	deaths < DEATHS -> deaths++; goto dead

proctype producer(byte me)
{
	byte n, t, room;

again:
	do
	:: n == EACH(me) -> break
	:: n < EACH(me) ->
		/* Sizes that are not alike. */
		room = 1 + (me + n) % 2;
#ifdef NO_LOCK
		(tail - head + room + 1 <= SLOTS);
#else
		/* One who finds it full gives the lock up and sleeps. */
		atomic {
			(lock == 0 && tail - head + room + 1 <= SLOTS);
			lock = me + 1
		};
#endif
		t = tail;
		if
		:: may_die
		:: at[me] = t
		fi;
		if
		:: may_die
		:: length[me] = room
		fi;
#ifndef NO_ZERO
		if
		:: may_die
		:: word[(t + room) % SLOTS] = FREE
		fi;
#endif
#ifdef MOVE_FIRST
		if
		:: may_die
		:: tail = t + room
		fi;
#endif
		assert(word[t % SLOTS] == FREE);
		if
		:: may_die
		:: atomic { payload[t % SLOTS] = me * 8 + n;
			    size[t % SLOTS] = room }
		fi;
		if
		:: may_die
		:: word[t % SLOTS] = BUSY
		fi;
#ifndef MOVE_FIRST
		if
		:: may_die
		:: tail = t + room
		fi;
#endif
		if
		:: may_die
		:: lock = 0
		fi;
		/* The record is written, and published. */
		if
		:: may_die
		:: atomic { word[t % SLOTS] = READY; published++; n++ }
		fi;
		if
		:: may_die
		:: length[me] = 0
		fi;
		if
		:: may_die
		:: notify()
		fi
	od;
	finished++;
	notify();
	goto end;
dead:
	bury(me);
	goto again;
end:
	skip
}

proctype consumer()
{
	byte w, before;

	do
	:: w = word[head % SLOTS];
		if
		:: w == READY || w == SKIP ->
			received = received + (w == READY -> 1 : 0);
			/* What tail has passed has a length, and is not torn. */
			assert(tail - head >= size[head % SLOTS]);
			head = head + size[head % SLOTS]
		:: w == FREE || w == BUSY ->
			if
			:: finished == PRODUCERS && head == tail -> break
			:: else ->
				before = wakes;
				asleep = 1;
#ifndef NO_RECHECK
				if
				:: word[head % SLOTS] == READY ||
				   word[head % SLOTS] == SKIP ||
				   (finished == PRODUCERS && head == tail) ->
					goto looked
				:: else
				fi;
#endif
				(wakes != before);
looked:
				skip
			fi
		fi;
		/* A place before tail without a length would hold all up. */
		assert(!(head < tail && lock == 0 && word[head % SLOTS] == FREE))
	od;
	assert(received == published && published == ALL)
}

init
{
	byte i;

	atomic {
		for (i : 1 .. SLOTS - 1) {
			word[i] = READY;
			size[i] = 1
		}
		run producer(0);
		run producer(1);
		run consumer()
	}
}
