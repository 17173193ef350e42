/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The wheel of expiring items: level l has 64 lists of 64^l milliseconds. An item lies on the level
 * of the highest digit in which its time differs from the present tick, so the lowest list in use
 * of the lowest level in use is always the next to come due. One that comes due is emptied in
 * place, a few items per call, before time goes on. Thread: worker.
 */
#include "dataplane/kv/kv_expiry.h"

#define DIGIT(time, level) ((unsigned)((time) >> ((level)*KV_EXPIRY_BITS)) & (KV_EXPIRY_SLOTS - 1))

void kv_expiry_init(struct kv_expiry *e, uint64_t now_ms)
{
	*e = (struct kv_expiry){.tick = now_ms, .draining = KV_EXPIRY_DUE};
}

static struct kv_item_wide *wide_at(const struct kv_arena *a, uint32_t ref)
{
	return kv_item_wide(kv_arena_at(a, ref));
}

/* Appends @it to @list. */
static void link_to(
	struct kv_expiry *e, const struct kv_arena *a, struct kv_item *it, unsigned list)
{
	struct kv_item_wide *x = kv_item_wide(it);
	uint32_t ref = kv_arena_ref(a, it), head = e->heads[list];

	x->list = (uint16_t)list;
	e->counts[list]++;
	e->count++;
	if (!head) {
		x->next = x->prev = ref;
		e->heads[list] = ref;
		if (list < KV_EXPIRY_DUE)
			e->occupied[list / KV_EXPIRY_SLOTS] |= 1ULL << list % KV_EXPIRY_SLOTS;
		return;
	}
	x->next = head;
	x->prev = wide_at(a, head)->prev;
	wide_at(a, x->prev)->next = ref;
	wide_at(a, head)->prev = ref;
}

/* The list of what is over after @expiry_ms. */
static unsigned list_of(const struct kv_expiry *e, uint64_t expiry_ms)
{
	uint64_t time = expiry_ms < KV_EXPIRY_NEVER ? expiry_ms + 1 : expiry_ms;
	unsigned level;

	if (time <= e->tick)
		return KV_EXPIRY_DUE;
	level = (63 - (unsigned)__builtin_clzll(time ^ e->tick)) / KV_EXPIRY_BITS;
	return level * KV_EXPIRY_SLOTS + DIGIT(time, level);
}

void kv_expiry_add(struct kv_expiry *e, const struct kv_arena *a, struct kv_item *it)
{
	link_to(e, a, it, list_of(e, kv_item_wide(it)->expiry_ms));
}

void kv_expiry_del(struct kv_expiry *e, const struct kv_arena *a, struct kv_item *it)
{
	struct kv_item_wide *x = kv_item_wide(it);
	uint32_t ref = kv_arena_ref(a, it);
	unsigned list = x->list;

	e->counts[list]--;
	e->count--;
	if (x->next == ref) {
		e->heads[list] = 0;
		if (list < KV_EXPIRY_DUE)
			e->occupied[list / KV_EXPIRY_SLOTS] &= ~(1ULL << list % KV_EXPIRY_SLOTS);
		return;
	}
	wide_at(a, x->prev)->next = x->next;
	wide_at(a, x->next)->prev = x->prev;
	if (e->heads[list] == ref)
		e->heads[list] = x->next;
}

void kv_expiry_moved(
	struct kv_expiry *e, const struct kv_arena *a, struct kv_item *it, uint32_t old)
{
	struct kv_item_wide *x = kv_item_wide(it);
	uint32_t ref = kv_arena_ref(a, it);

	if (x->next == old)
		x->next = x->prev = ref;
	wide_at(a, x->prev)->next = ref;
	wide_at(a, x->next)->prev = ref;
	if (e->heads[x->list] == old)
		e->heads[x->list] = ref;
}

void kv_expiry_change(
	struct kv_expiry *e, const struct kv_arena *a, struct kv_item *it, uint64_t expiry_ms)
{
	struct kv_item_wide *x = kv_item_wide(it);

	if (expiry_ms >= x->expiry_ms) {
		x->expiry_ms = expiry_ms;
		return;
	}
	kv_expiry_del(e, a, it);
	x->expiry_ms = expiry_ms;
	kv_expiry_add(e, a, it);
}

uint64_t kv_expiry_next_ms(const struct kv_expiry *e)
{
	if (e->heads[KV_EXPIRY_DUE] || e->heads[e->draining])
		return e->tick;
	for (unsigned level = 0; level < KV_EXPIRY_LEVELS; level++) {
		unsigned shift = level * KV_EXPIRY_BITS;
		uint64_t above =
			shift + KV_EXPIRY_BITS < 64 ? ~0ULL << (shift + KV_EXPIRY_BITS) : 0;

		if (e->occupied[level])
			return (e->tick & above) | (uint64_t)__builtin_ctzll(e->occupied[level])
							   << shift;
	}
	return KV_EXPIRY_NEVER;
}

/* The list that is next to come due, at @next_ms. */
static unsigned next_list(const struct kv_expiry *e)
{
	for (unsigned level = 0; level < KV_EXPIRY_LEVELS; level++)
		if (e->occupied[level])
			return level * KV_EXPIRY_SLOTS +
			       (unsigned)__builtin_ctzll(e->occupied[level]);
	return KV_EXPIRY_DUE;
}

struct kv_item *kv_expiry_next(
	struct kv_expiry *e, const struct kv_arena *a, uint64_t now_ms, unsigned *n)
{
	for (; *n > 0; --*n) {
		uint32_t due = e->heads[KV_EXPIRY_DUE];
		struct kv_item *it = kv_arena_at(a, due ? due : e->heads[e->draining]);

		if (due || e->heads[e->draining]) {
			if (kv_item_wide(it)->expiry_ms < now_ms)
				return it;
			if (due && kv_item_wide(it)->expiry_ms < e->tick)
				return NULL; /* the clock was set back */
			kv_expiry_del(e, a, it);
			kv_expiry_add(e, a, it);
			continue;
		}
		e->draining = KV_EXPIRY_DUE;
		if (e->count == 0 || kv_expiry_next_ms(e) > now_ms) {
			e->tick = MAX_OF(e->tick, now_ms);
			return NULL;
		}
		e->tick = kv_expiry_next_ms(e);
		e->draining = next_list(e);
	}
	return NULL;
}

/* The head of @list, which becomes its tail. */
static struct kv_item *take_turn(struct kv_expiry *e, const struct kv_arena *a, unsigned list)
{
	struct kv_item *it = kv_arena_at(a, e->heads[list]);

	e->heads[list] = kv_item_wide(it)->next;
	return it;
}

struct kv_item *kv_expiry_sample(struct kv_expiry *e, const struct kv_arena *a, uint64_t random)
{
	uint64_t number = e->count ? random % e->count : 0;
	unsigned list = KV_EXPIRY_DUE;

	if (e->count == 0)
		return NULL;
	for (unsigned level = 0; level < KV_EXPIRY_LEVELS && list == KV_EXPIRY_DUE; level++) {
		for (uint64_t bits = e->occupied[level]; bits; bits &= bits - 1) {
			unsigned l = level * KV_EXPIRY_SLOTS + (unsigned)__builtin_ctzll(bits);

			if (number < e->counts[l]) {
				list = l;
				break;
			}
			number -= e->counts[l];
		}
	}
	return take_turn(e, a, list);
}

struct kv_item *kv_expiry_first(struct kv_expiry *e, const struct kv_arena *a)
{
	unsigned list = KV_EXPIRY_DUE;

	if (e->count == 0)
		return NULL;
	if (!e->heads[list])
		list = e->heads[e->draining] ? e->draining : next_list(e);
	return take_turn(e, a, list);
}
