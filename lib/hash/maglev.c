/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The paper's algorithm: in turns, each backend takes the first free entry of its own permutation
 * of the table. Weights decide how often a turn comes: every max/weight steps, where max is the
 * largest weight there is; a calendar of as many days as weights can be apart keeps who is next, so
 * that a turn costs the same however weights differ. Any thread.
 */
#include "lib/hash/maglev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY 0xffff

/* A backend that takes turns. */
struct turner {
	uint32_t position; /* in the table, of the next entry of its permutation */
	uint32_t skip;     /* to the entry after that */
	uint16_t number;
	uint16_t weight;
	uint16_t remainder; /* of max * turns / weight */
	uint16_t next;      /* of the same day */
};

/* Those whose turn comes on the same day, in the order in which they came there. */
struct day {
	uint16_t first;
	uint16_t last;
};

struct builder {
	uint16_t *table;
	uint32_t filled;
	uint32_t max_weight;
	struct turner *turners;
	uint64_t taken[(MAGLEV_SIZE + 63) / 64]; /* bit per entry */
	struct day days[MAGLEV_WEIGHT_MAX + 1];
};

/* Spreads every bit of an identity (the finalizer of splitmix64), were it only a counter. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static int compare(const void *a, const void *b)
{
	const struct maglev_entry *x = a, *y = b;

	return (x->identity > y->identity) - (x->identity < y->identity);
}

static void append(struct builder *b, uint32_t day, uint16_t who)
{
	struct day *d = &b->days[day % ARRAY_SIZE(b->days)];

	b->turners[who].next = NOBODY;
	if (d->first == NOBODY)
		d->first = who;
	else
		b->turners[d->last].next = who;
	d->last = who;
}

/* Gives @t the first free entry of its permutation. There is one. */
static void take_turn(struct builder *b, struct turner *t)
{
	uint32_t at = t->position, skip = t->skip;

	while (b->taken[at / 64] >> at % 64 & 1) {
		at += skip;
		at = MIN_OF(at, at - MAGLEV_SIZE);
	}
	b->taken[at / 64] |= 1ULL << at % 64;
	b->table[at] = t->number;
	at += skip;
	t->position = MIN_OF(at, at - MAGLEV_SIZE);
	b->filled++;
}

static void fill(struct builder *b)
{
	for (uint32_t today = 0; b->filled < MAGLEV_SIZE; today++) {
		struct day *d = &b->days[today % ARRAY_SIZE(b->days)];
		uint16_t who = d->first;

		d->first = NOBODY;
		while (who != NOBODY && b->filled < MAGLEV_SIZE) {
			struct turner *t = &b->turners[who];
			uint16_t next = t->next;
			uint32_t wait = b->max_weight + t->remainder;

			take_turn(b, t);
			t->remainder = (uint16_t)(wait % t->weight);
			append(b, today + wait / t->weight, who);
			who = next;
		}
	}
}

/* Puts those of the @n sorted entries that have a weight on the first day. How many. */
static uint32_t enter(struct builder *b, const struct maglev_entry *entries, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct maglev_entry *e = &entries[i];
		uint64_t bits = mix(e->identity);

		if (e->weight == 0)
			continue;
		b->max_weight = MAX_OF(b->max_weight, (uint32_t)e->weight);
		b->turners[count] = (struct turner){
			.position = (uint32_t)(((bits & UINT32_MAX) * MAGLEV_SIZE) >> 32),
			.skip = (uint32_t)(((bits >> 32) * (MAGLEV_SIZE - 1)) >> 32) + 1,
			.number = e->number,
			.weight = e->weight,
		};
		append(b, 0, (uint16_t)count++);
	}
	return count;
}

static int check(const struct maglev_entry *entries, uint32_t n, struct base_error *err)
{
	for (uint32_t i = 0; i < n; i++) {
		if (entries[i].weight > MAGLEV_WEIGHT_MAX)
			return base_error_set(err, EINVAL, "weight %u is above %d",
				entries[i].weight, MAGLEV_WEIGHT_MAX);
		if (i > 0 && entries[i].identity == entries[i - 1].identity)
			return base_error_set(err, EINVAL,
				"two backends have the same identity (is one of them listed "
				"twice?)");
	}
	return 0;
}

int maglev_build(uint16_t *table, struct maglev_entry *entries, uint32_t n, struct base_error *err)
{
	struct builder *b;
	int ret;

	if (n > MAGLEV_ENTRIES_MAX)
		return base_error_set(
			err, EINVAL, "%u backends are more than %d", n, MAGLEV_ENTRIES_MAX);
	if (n > 0)
		qsort(entries, n, sizeof(*entries), compare);
	ret = check(entries, n, err);
	if (ret < 0)
		return ret;
	b = malloc(sizeof(*b) + n * sizeof(*b->turners));
	if (!b)
		return base_error_set(err, ENOMEM, "no memory to build a table of backends");
	memset(b, 0, sizeof(*b));
	memset(b->days, 0xff, sizeof(b->days));
	b->table = table;
	b->turners = (struct turner *)(b + 1);
	if (enter(b, entries, n) == 0)
		ret = base_error_set(err, EINVAL, "no backend has a weight above 0");
	else
		fill(b);
	free(b);
	return ret;
}
