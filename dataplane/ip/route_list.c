/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes to change, and a hash of their prefixes. Thread: main. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/ip/route_list.h"
#include "lib/hash/flow_hash.h"

#define INDEX_SLOTS_MIN 1024u

struct route_change *route_list_add(struct route_list *l, const struct ip_addr *prefix)
{
	struct route_change **chunk;
	struct route_change *c;

	if (l->n == ROUTE_LIST_CHUNKS * ROUTE_LIST_CHUNK)
		return NULL;
	chunk = &l->chunks[l->n / ROUTE_LIST_CHUNK];
	if (!*chunk)
		*chunk = malloc(ROUTE_LIST_CHUNK * sizeof(**chunk));
	if (!*chunk)
		return NULL;
	c = &(*chunk)[l->n++ % ROUTE_LIST_CHUNK];
	*c = (struct route_change){.prefix = *prefix};
	return c;
}

/* The slot where @prefix is, or the empty one where it belongs. */
static uint32_t *route_list_slot(const struct route_list *l, const struct ip_addr *prefix)
{
	static const uint64_t seed[2];
	uint64_t w[2];
	uint32_t i;

	memcpy(w, prefix->bytes, sizeof(w));
	i = (uint32_t)flow_hash_pair(
		seed, w[0] ^ (uint64_t)prefix->family << 8, w[1] ^ prefix->prefix_len);
	/* Ends: the index is never more than half full. */
	for (i &= l->index_mask; l->index[i]; i = (i + 1) & l->index_mask)
		if (ip_addr_equal(&route_list_at(l, l->index[i] - 1)->prefix, prefix))
			break;
	return &l->index[i];
}

/* Makes room for one more in the index; false when out of memory. */
static bool route_list_grow(struct route_list *l)
{
	uint32_t *old = l->index;
	uint32_t old_slots = old ? l->index_mask + 1 : 0;
	uint32_t slots = old ? old_slots * 2 : INDEX_SLOTS_MIN;
	uint32_t *index;

	if (l->n_indexed * 2 < old_slots)
		return true;
	index = calloc(slots, sizeof(*index));
	if (!index)
		return false;
	l->index = index;
	l->index_mask = slots - 1;
	for (uint32_t i = 0; i < old_slots; i++)
		if (old[i])
			*route_list_slot(l, &route_list_at(l, old[i] - 1)->prefix) = old[i];
	free(old);
	return true;
}

struct route_change *route_list_add_indexed(struct route_list *l, const struct ip_addr *prefix)
{
	struct route_change *c = route_list_grow(l) ? route_list_add(l, prefix) : NULL;

	if (c) {
		*route_list_slot(l, prefix) = l->n;
		l->n_indexed++;
	}
	return c;
}

struct route_change *route_list_find(const struct route_list *l, const struct ip_addr *prefix)
{
	uint32_t n = l->index ? *route_list_slot(l, prefix) : 0;

	return n ? route_list_at(l, n - 1) : NULL;
}

void route_list_clear(struct route_list *l)
{
	for (unsigned i = 0; i < ROUTE_LIST_CHUNKS; i++)
		free(l->chunks[i]);
	free(l->index);
	*l = (struct route_list){};
}
