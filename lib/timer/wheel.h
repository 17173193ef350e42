/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timers for millions of connections: a hierarchical timing wheel (Varghese and Lauck, SOSP 1987,
 * scheme 7) with intrusive timers. Adding and deleting take constant time; advancing skips empty
 * slots by bitmap and does a bounded amount of work per call. It calls no clock and allocates
 * nothing: whoever owns the wheel tells it the time. One thread per wheel.
 *
 * Time is cut into ticks of 2^20 ns (1.05 ms). Level l has 64 slots of 64^l ticks each. A timer
 * lies on the level of the highest 6-bit digit in which its expiry differs from the wheel's present
 * tick, in the slot that this digit names. So a slot never mixes rounds, every slot of a level
 * comes due before the first one of the level above, and the next event is the lowest occupied slot
 * of the lowest occupied level. When a slot above level 0 comes due, its timers move down. Eight
 * levels hold every 64-bit time; there is no overflow list.
 */
#ifndef LIB_TIMER_WHEEL_H
#define LIB_TIMER_WHEEL_H

#include "lib/base/base.h"

#define WHEEL_TICK_SHIFT         20 /* a tick is 2^20 ns */
#define WHEEL_TICK_NS            (1ULL << WHEEL_TICK_SHIFT)
#define WHEEL_LEVELS             8
#define WHEEL_SLOT_BITS          6
#define WHEEL_SLOTS              (1u << WHEEL_SLOT_BITS)
#define WHEEL_MOVES_PER_CALLBACK 4          /* a move is that much cheaper than most callbacks */
#define WHEEL_NEVER_NS           UINT64_MAX /* wheel_next_ns() of an empty wheel */

/* A link of a circular doubly linked list: in each timer, and as each list's head. */
struct wheel_node {
	struct wheel_node *next; /* NULL: in no list */
	struct wheel_node *prev;
};

/*
 * Lives inside what it times (CONTAINER_OF leads back). Zeroed but for @fn, it is ready for
 * wheel_add. Its memory must stay where it is while it is pending.
 */
struct wheel_timer {
	struct wheel_node node; /* first: a node in a list is its timer */
	uint64_t expiry_ns;
	/* Called once, at or after expiry, no longer pending. It may add and delete any timer of
	 * the wheel, this one included, and free this one. @ctx is the wheel's. */
	void (*fn)(void *ctx, struct wheel_timer *t);
};

/* 8 KiB and a bit. Lists point into it: it must stay where it is. */
struct wheel {
	void *ctx;     /* passed to every callback; the owner sets it after wheel_init */
	uint64_t tick; /* all slots up to and including this tick have been taken out */
	uint64_t occupied[WHEEL_LEVELS]; /* bit per slot: its list is not empty */
	struct wheel_node due;           /* added when already expired: fire on the next advance */
	struct wheel_node moving;        /* out of a slot above level 0, on their way down */
	struct wheel_node firing;        /* expired, in order */
	struct wheel_node slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* An empty wheel whose present is @now_ns. */
void wheel_init(struct wheel *w, uint64_t now_ns);

/*
 * Arms @t to fire at the first wheel_advance() whose time has reached @expiry_ns, rounded up to the
 * tick; never earlier. A time that has passed means the next wheel_advance(), never the one that is
 * running. A pending timer is moved.
 */
void wheel_add(struct wheel *w, struct wheel_timer *t, uint64_t expiry_ns);

/* Disarms @t. A timer that is not pending stays as it is. */
void wheel_del(struct wheel *w, struct wheel_timer *t);

/* Whether @t is armed. */
static inline bool wheel_pending(const struct wheel_timer *t)
{
	return t->node.next != NULL;
}

/*
 * Moves the wheel to @now_ns and calls what has expired, oldest tick first, timers of one tick in
 * no particular order. At most @max_fired (> 0) callbacks and WHEEL_MOVES_PER_CALLBACK times as
 * many moves between slots; what is left over comes first in the next call. Time that goes
 * backwards is taken as standing still. Returns how many fired. Must not be called from a callback.
 */
unsigned wheel_advance(struct wheel *w, uint64_t now_ns, unsigned max_fired);

/*
 * No timer will fire, and nothing else is to be done, before this time: how long the owner may
 * sleep. A time that has passed when work is left over, WHEEL_NEVER_NS when the wheel is empty.
 * Timers far ahead yield a time before their expiry, at most once per level.
 */
uint64_t wheel_next_ns(const struct wheel *w);

#endif
