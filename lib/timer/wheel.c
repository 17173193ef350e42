/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timing wheel described in wheel.h: list handling, placement by the highest differing digit,
 * and the bounded walk over slots that come due. One thread per wheel.
 */
#include "lib/timer/wheel.h"

#define WHEEL_LAST_TICK (UINT64_MAX >> WHEEL_TICK_SHIFT) /* the last one that any time reaches */

_Static_assert(offsetof(struct wheel_timer, node) == 0, "a node in a list is its timer");
_Static_assert(WHEEL_TICK_SHIFT + WHEEL_LEVELS * WHEEL_SLOT_BITS > 64, "levels hold every time");

static void list_init(struct wheel_node *head)
{
	head->next = head;
	head->prev = head;
}

static bool list_empty(const struct wheel_node *head)
{
	return head->next == head;
}

static void list_append(struct wheel_node *head, struct wheel_node *node)
{
	node->next = head;
	node->prev = head->prev;
	head->prev->next = node;
	head->prev = node;
}

static void list_unlink(struct wheel_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = NULL;
	node->prev = NULL;
}

/* Appends all of @from to @to and leaves @from empty. */
static void list_splice(struct wheel_node *to, struct wheel_node *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

void wheel_init(struct wheel *w, uint64_t now_ns)
{
	*w = (struct wheel){.tick = now_ns >> WHEEL_TICK_SHIFT};
	list_init(&w->due);
	list_init(&w->moving);
	list_init(&w->firing);
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&w->slots[level][slot]);
	}
}

/* Puts @t into the slot of its expiry or, if that has come, into @expired. */
static void place(struct wheel *w, struct wheel_timer *t, struct wheel_node *expired)
{
	uint64_t tick = t->expiry_ns >> WHEEL_TICK_SHIFT;
	unsigned level, slot;

	/* Round up: at the start of its tick a timer would be early. */
	tick += (t->expiry_ns & (WHEEL_TICK_NS - 1)) != 0;
	if (tick <= w->tick) {
		list_append(expired, &t->node);
		return;
	}
	level = (63 - (unsigned)__builtin_clzll(tick ^ w->tick)) / WHEEL_SLOT_BITS;
	slot = (unsigned)(tick >> (level * WHEEL_SLOT_BITS)) % WHEEL_SLOTS;
	list_append(&w->slots[level][slot], &t->node);
	w->occupied[level] |= 1ULL << slot;
}

void wheel_add(struct wheel *w, struct wheel_timer *t, uint64_t expiry_ns)
{
	BRAID_ASSERT(t->fn != NULL);
	wheel_del(w, t);
	t->expiry_ns = expiry_ns;
	place(w, t, &w->due);
}

void wheel_del(struct wheel *w, struct wheel_timer *t)
{
	const struct wheel_node *first = &w->slots[0][0];
	const struct wheel_node *head = t->node.next;

	if (!wheel_pending(t))
		return;
	list_unlink(&t->node);
	/* The last timer of a list leaves its head alone; if that is a slot, its bit goes too. */
	if (head->next == head && head >= first && head < first + WHEEL_LEVELS * WHEEL_SLOTS) {
		size_t index = (size_t)(head - first);

		w->occupied[index / WHEEL_SLOTS] &= ~(1ULL << (index % WHEEL_SLOTS));
	}
}

/*
 * The occupied slot that comes due first: its level in @level, its number in @slot, its first tick
 * as result. False when all slots are empty.
 */
static bool next_slot(const struct wheel *w, unsigned *level, unsigned *slot, uint64_t *tick)
{
	for (unsigned l = 0; l < WHEEL_LEVELS; l++) {
		unsigned shift = l * WHEEL_SLOT_BITS;

		if (w->occupied[l] == 0)
			continue;
		*level = l;
		*slot = (unsigned)__builtin_ctzll(w->occupied[l]);
		*tick = ((w->tick >> shift) & ~(uint64_t)(WHEEL_SLOTS - 1)) | *slot;
		*tick <<= shift;
		return true;
	}
	return false;
}

/* Takes out every slot up to @target and moves its timers down; @budget bounds the work. */
static void take_due_slots(struct wheel *w, uint64_t target, uint64_t budget)
{
	unsigned level, slot;
	uint64_t tick;

	for (; budget > 0; budget--) {
		if (!list_empty(&w->moving)) {
			struct wheel_timer *t = (struct wheel_timer *)w->moving.next;

			list_unlink(&t->node);
			place(w, t, &w->firing);
			continue;
		}
		if (!next_slot(w, &level, &slot, &tick) || tick > target) {
			w->tick = target;
			return;
		}
		w->tick = tick;
		w->occupied[level] &= ~(1ULL << slot);
		list_splice(level == 0 ? &w->firing : &w->moving, &w->slots[level][slot]);
	}
}

unsigned wheel_advance(struct wheel *w, uint64_t now_ns, unsigned max_fired)
{
	uint64_t target = MAX_OF(now_ns >> WHEEL_TICK_SHIFT, w->tick);
	unsigned fired = 0;

	BRAID_ASSERT(max_fired > 0);
	/* Callbacks that add an expired timer find `due` empty, and it stays out of this call. */
	list_splice(&w->firing, &w->due);
	take_due_slots(w, target, (uint64_t)max_fired * WHEEL_MOVES_PER_CALLBACK);
	while (fired < max_fired && !list_empty(&w->firing)) {
		struct wheel_timer *t = (struct wheel_timer *)w->firing.next;

		list_unlink(&t->node);
		fired++;
		t->fn(w->ctx, t);
	}
	return fired;
}

uint64_t wheel_next_ns(const struct wheel *w)
{
	unsigned level, slot;
	uint64_t tick;

	if (!list_empty(&w->firing) || !list_empty(&w->due) || !list_empty(&w->moving))
		return 0;
	if (!next_slot(w, &level, &slot, &tick) || tick > WHEEL_LAST_TICK)
		return WHEEL_NEVER_NS;
	return tick << WHEEL_TICK_SHIFT;
}
