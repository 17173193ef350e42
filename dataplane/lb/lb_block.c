/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks: made, copied, searched, freed. Thread: main. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/lb/lb_main.h"
#include "dataplane/neigh/neigh.h"

struct lb_main lb_main;

struct lb_block *lb_block_copy(const struct lb_block *from)
{
	struct lb_block *b = aligned_alloc(CACHE_LINE_BYTES, sizeof(*b));

	if (!b)
		return NULL;
	if (from)
		memcpy(b, from, sizeof(*b));
	else
		memset(b, 0, sizeof(*b));
	b->world.service_mask = LB_INDEX_SLOTS - 1;
	b->world.index = b->index;
	b->world.services = b->services;
	b->world.backends = b->backends;
	b->world.fronts = b->fronts;
	b->world.pool = b->pool;
	b->world.pool_list4 = b->pool_list4;
	b->world.pool_list6 = b->pool_list6;
	if (!from)
		lb_tables_index(b);
	return b;
}

void lb_block_release(struct lb_block *b, const struct lb_block *keep)
{
	for (unsigned s = 0; s < LB_SERVICES_MAX; s++) {
		uint16_t *table = b->service_notes[s].table;

		if (!keep || keep->service_notes[s].table != table)
			free(table);
		b->service_notes[s].table = NULL;
	}
	for (unsigned n = 0; n < LB_BACKENDS_MAX; n++) {
		if (b->backend_notes[n].pin)
			neigh_unpin(b->backend_notes[n].pin);
		b->backend_notes[n].pin = 0;
	}
}

void lb_block_free(struct lb_block *b, const struct lb_block *keep)
{
	if (!b)
		return;
	lb_block_release(b, keep);
	free(b);
}

uint16_t lb_block_service(const struct lb_block *b, const char *name)
{
	for (uint16_t s = 0; s < LB_SERVICES_MAX; s++)
		if (strcmp(b->service_notes[s].want.name, name) == 0)
			return s;
	return LB_NO_SERVICE;
}

uint16_t lb_block_backend(
	const struct lb_block *b, uint16_t service, const struct ip_addr *addr, uint16_t port)
{
	uint16_t port_be = __builtin_bswap16(port), found = LB_NO_BACKEND;

	for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++) {
		const struct lb_backend *be = &b->backends[n];

		if (be->addr.family == 0 || be->service != service || be->port_be != port_be ||
			!ip_addr_equal(&be->addr, addr))
			continue;
		if (be->use != API_BACKEND_REMOVED)
			return n;
		found = n;
	}
	return found;
}

enum api_backend_use lb_block_use(const struct lb_block *b, uint16_t n)
{
	const struct lb_backend_note *note = &b->backend_notes[n];

	if (note->down)
		return API_BACKEND_DOWN;
	return note->draining ? API_BACKEND_DRAINING : API_BACKEND_UP;
}

uint64_t lb_block_flows(uint16_t n)
{
	uint64_t flows = 0;

	for (unsigned i = 0; i < workers[0]->n_workers; i++) {
		const struct stats_backend *s = &workers[i]->stats->backends[n];

		flows += stats_read(&s->new_flows) - stats_read(&s->ended_flows);
	}
	return flows;
}

/* By family, address, length: a prefix comes right before those that it contains. */
static int lb_front_compare(const void *a, const void *b)
{
	const struct lb_front *x = *(const struct lb_front *const *)a;
	const struct lb_front *y = *(const struct lb_front *const *)b;
	int order = (int)x->prefix.family - (int)y->prefix.family;

	if (order == 0)
		order = memcmp(x->prefix.bytes, y->prefix.bytes, sizeof(x->prefix.bytes));
	return order ? order : (int)x->prefix.prefix_len - (int)y->prefix.prefix_len;
}

unsigned lb_block_sort(const struct lb_block *b, const struct lb_front **sorted)
{
	unsigned n = 0;

	for (unsigned f = 0; f < LB_FRONTS_MAX; f++)
		if (b->fronts[f].prefix.family != 0)
			sorted[n++] = &b->fronts[f];
	qsort(sorted, n, sizeof(sorted[0]), lb_front_compare);
	return n;
}

const struct lb_front *lb_block_covering(
	const struct lb_front *const *sorted, unsigned n, const struct ip_addr *addr)
{
	struct lb_front want = {.prefix = *addr};
	const struct lb_front *key = &want;
	unsigned low = 0, high = n;

	want.prefix.prefix_len = (uint8_t)ip_addr_bits(addr->family);
	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (lb_front_compare(&sorted[middle], &key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !ip_addr_covers(&sorted[low - 1]->prefix, addr) ||
		sorted[low - 1]->prefix.family != addr->family)
		return NULL;
	return sorted[low - 1];
}
