/* SPDX-License-Identifier: BSD-3-Clause */
/* Next-hop sets by content and by number. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/nexthop.h"
#include "dataplane/ip/ecmp.h"
#include "dataplane/ip/nexthop_set.h"
#include "dataplane/neigh/neigh.h"
#include "lib/hash/flow_hash.h"

#define CHAINS 16384 /* a power of two */

static struct nexthop_key *keys[WORLD_NEXTHOPS_MAX]; /* by number */
static uint32_t refs[WORLD_NEXTHOPS_MAX];            /* routes, by number */
static uint16_t chain_next[WORLD_NEXTHOPS_MAX];
static uint16_t chain_first[CHAINS];

struct nexthop_key *nexthop_key_create(enum nexthop_kind kind, unsigned n_hops)
{
	struct nexthop_key *key = calloc(1, sizeof(*key) + n_hops * sizeof(key->hops[0]));

	if (key) {
		key->kind = (uint16_t)kind;
		key->n_hops = (uint16_t)n_hops;
	}
	return key;
}

static size_t nexthop_key_bytes(const struct nexthop_key *key)
{
	return sizeof(*key) + key->n_hops * sizeof(key->hops[0]);
}

static int nexthop_hop_compare(const void *a, const void *b)
{
	const struct nexthop_hop *x = a, *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order ? order : (int)x->iface - (int)y->iface;
}

void nexthop_key_normalize(struct nexthop_key *key)
{
	if (key->n_hops == 1)
		key->hops[0].weight = 0;
	if (key->n_hops > 1)
		qsort(key->hops, key->n_hops, sizeof(key->hops[0]), nexthop_hop_compare);
}

/* The chain of @key. Its content comes from the configuration: no secret is needed. */
static uint16_t *nexthop_set_chain(const struct nexthop_key *key)
{
	static const uint64_t seed[2];
	uint64_t h = key->kind;

	for (unsigned k = 0; k < key->n_hops; k++) {
		uint64_t w[2];

		memcpy(w, key->hops[k].addr.bytes, sizeof(w));
		h = flow_hash_pair(seed, h ^ w[0], w[1]);
		h = flow_hash_pair(seed, h,
			(uint64_t)key->hops[k].addr.prefix_len << 32 |
				(uint64_t)key->hops[k].iface << 16 | key->hops[k].weight);
	}
	return &chain_first[h % CHAINS];
}

uint16_t nexthop_set_find(const struct nexthop_key *key)
{
	if (key->kind == NEXTHOP_BLACKHOLE)
		return NEXTHOP_NUMBER_BLACKHOLE;
	if (key->kind == NEXTHOP_REJECT)
		return NEXTHOP_NUMBER_REJECT;
	for (uint16_t n = *nexthop_set_chain(key); n; n = chain_next[n])
		if (keys[n]->kind == key->kind && keys[n]->n_hops == key->n_hops &&
			memcmp(keys[n], key, nexthop_key_bytes(key)) == 0)
			return n;
	return 0;
}

/* Pins the neighbours of @key into @numbers: how many succeeded. */
static unsigned nexthop_set_pin(const struct nexthop_key *key, uint16_t *numbers)
{
	for (unsigned k = 0; k < key->n_hops; k++) {
		numbers[k] = neigh_pin(key->hops[k].iface, &key->hops[k].addr);
		if (numbers[k] == 0)
			return k;
	}
	return key->n_hops;
}

/* The buckets and hops of @key's group. */
static void nexthop_group_fill(
	struct ecmp_group *g, const struct nexthop_key *key, const struct iface *ifaces)
{
	struct ecmp_hop hops[API_HOPS_MAX] = {};

	for (unsigned k = 0; k < key->n_hops; k++) {
		hops[k].addr = key->hops[k].addr;
		hops[k].weight = key->hops[k].weight;
		base_strlcpy(hops[k].name, ifaces[key->hops[k].iface].name, sizeof(hops[k].name));
		g->weights[k] = key->hops[k].weight;
	}
	g->n_hops = key->n_hops;
	ecmp_fill(hops, key->n_hops, g->buckets);
	for (unsigned b = 0; b < WORLD_ECMP_BUCKETS; b++)
		g->buckets[b] = g->hops[g->buckets[b]];
}

/* A number of its own for a key that is no single neighbour. 0: there is none. */
static uint16_t nexthop_set_number(const struct nexthop_key *key, struct ecmp_group *group)
{
	uint16_t number = nexthop_alloc();
	struct nexthop *nh = &nexthop_array()[number];

	if (number == 0)
		return 0;
	nh->kind = (uint8_t)key->kind;
	nh->family = key->hops[0].addr.family;
	nh->group = group;
	if (group)
		return number;
	nh->iface = key->hops[0].iface;
	nh->addr = key->hops[0].addr;
	return number;
}

static uint16_t nexthop_set_make(const struct nexthop_key *key, const struct iface *ifaces)
{
	struct ecmp_group *group;
	uint16_t number = 0, pinned[API_HOPS_MAX];
	unsigned n;

	if (key->kind != NEXTHOP_NEIGHBOR && key->kind != NEXTHOP_GROUP)
		return nexthop_set_number(key, NULL);
	n = nexthop_set_pin(key, pinned);
	if (n == key->n_hops && key->kind == NEXTHOP_NEIGHBOR)
		return pinned[0];
	group = n == key->n_hops ? calloc(1, sizeof(*group)) : NULL;
	if (group) {
		memcpy(group->hops, pinned, n * sizeof(pinned[0]));
		nexthop_group_fill(group, key, ifaces);
		number = nexthop_set_number(key, group);
	}
	if (number)
		return number;
	free(group);
	while (n > 0)
		neigh_unpin(pinned[--n]);
	return 0;
}

uint16_t nexthop_set_create(
	const struct nexthop_key *key, const struct iface *ifaces, struct base_error *err)
{
	struct nexthop_key *copy = nexthop_key_create((enum nexthop_kind)key->kind, key->n_hops);
	uint16_t number = copy ? nexthop_set_make(key, ifaces) : 0;
	uint16_t *chain = nexthop_set_chain(key);

	if (number == 0) {
		free(copy);
		base_error_set(err, ENOSPC,
			"no room for another next-hop set: %u next hops are in use of %u, %u "
			"neighbours of %u: use fewer different next hops",
			nexthop_count(), WORLD_NEXTHOPS_MAX, neigh_count(), NEIGH_MAX);
		return 0;
	}
	memcpy(copy, key, nexthop_key_bytes(key));
	BRAID_ASSERT(keys[number] == NULL);
	keys[number] = copy;
	chain_next[number] = *chain;
	*chain = number;
	return number;
}

void nexthop_set_ref(uint16_t number)
{
	refs[number]++;
}

void nexthop_set_unref(uint16_t number)
{
	BRAID_ASSERT(refs[number] > 0);
	refs[number]--;
}

uint32_t nexthop_set_refs(uint16_t number)
{
	return refs[number];
}

const struct nexthop_key *nexthop_set_key(uint16_t number)
{
	return keys[number];
}

/* Takes @number out and gives back what it held. */
static void nexthop_set_release(uint16_t number)
{
	struct nexthop_key *key = keys[number];
	const struct ecmp_group *group = nexthop_array()[number].group;
	uint16_t *at = nexthop_set_chain(key);

	while (*at != number)
		at = &chain_next[*at];
	*at = chain_next[number];
	keys[number] = NULL;
	if (key->kind == NEXTHOP_GROUP)
		for (unsigned k = 0; k < group->n_hops; k++)
			neigh_unpin(group->hops[k]);
	if (key->kind == NEXTHOP_NEIGHBOR)
		neigh_unpin(number);
	else
		nexthop_free(number);
	free(key);
}

void nexthop_set_sweep(void)
{
	for (unsigned n = NEXTHOP_NUMBER_FIRST_FREE; n < WORLD_NEXTHOPS_MAX; n++)
		if (keys[n] && refs[n] == 0)
			nexthop_set_release((uint16_t)n);
}

void nexthop_set_fini(void)
{
	for (unsigned n = 0; n < WORLD_NEXTHOPS_MAX; n++)
		free(keys[n]);
	memset(keys, 0, sizeof(keys));
	memset(refs, 0, sizeof(refs));
	memset(chain_first, 0, sizeof(chain_first));
}
