/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maglev tables of services, made only where the set of (backend, weight) that can take flows has
 * changed; the index in which packets find their service; the lists of the NAT pool. Thread: main.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/lb/lb_main.h"
#include "dataplane/lb/lb_service.h"
#include "lib/hash/siphash.h"

/* What makes a backend the same one on every member. */
struct lb_identity {
	uint8_t addr[16];
	uint16_t port_be;
	uint8_t family;
	uint8_t pad;
};

/* The weight that slot @n has in its service's table. */
static uint16_t lb_tables_weight(const struct lb_block *b, uint16_t n)
{
	return lb_block_usable(b, n) ? b->backends[n].weight : 0;
}

unsigned lb_tables_compare(struct lb_block *next, const struct lb_block *now, bool *dirty)
{
	const uint64_t *key = next->settings.key;
	unsigned n_dirty = 0;

	for (uint16_t s = 0; s < LB_SERVICES_MAX; s++)
		dirty[s] = !now || now->services[s].vip.family == 0 ||
			   memcmp(key, now->settings.key, sizeof(now->settings.key)) != 0;
	for (uint16_t n = 0; now && n < LB_BACKENDS_MAX; n++) {
		if (lb_tables_weight(next, n) == lb_tables_weight(now, n))
			continue;
		dirty[next->backends[n].service] = true;
		dirty[now->backends[n].service] = true;
	}
	for (uint16_t s = 0; s < LB_SERVICES_MAX; s++) {
		struct lb_service_note *note = &next->service_notes[s];

		dirty[s] &= next->services[s].vip.family != 0;
		note->table = NULL;
		if (next->services[s].vip.family != 0 && !dirty[s]) {
			note->table = now->service_notes[s].table;
			note->build_us = now->service_notes[s].build_us;
		}
		next->services[s].table = note->table;
		n_dirty += dirty[s];
	}
	return n_dirty;
}

/* The usable backends of service @s, at @entries: how many. */
static uint32_t lb_tables_entries(
	const struct lb_block *b, uint16_t s, struct maglev_entry *entries)
{
	uint32_t count = 0;

	for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++) {
		const struct lb_backend *be = &b->backends[n];
		struct lb_identity id = {.port_be = be->port_be, .family = be->addr.family};

		if (be->service != s || !lb_block_usable(b, n))
			continue;
		memcpy(id.addr, be->addr.bytes, sizeof(id.addr));
		entries[count++] = (struct maglev_entry){
			.identity = siphash_2_4(b->settings.key, &id, sizeof(id)),
			.number = n,
			.weight = be->weight,
		};
	}
	return count;
}

static uint64_t lb_tables_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int lb_tables_build(struct lb_block *next, uint16_t s, struct base_error *err)
{
	static struct maglev_entry entries[MAGLEV_ENTRIES_MAX];
	struct lb_service_note *note = &next->service_notes[s];
	uint64_t start_us = lb_tables_now_us();
	uint32_t n = lb_tables_entries(next, s, entries);
	uint16_t *table = NULL;
	int ret = 0;

	if (n > 0) {
		table = malloc(MAGLEV_SIZE * sizeof(*table));
		if (!table)
			return base_error_set(err, ENOMEM,
				"no memory for the table of service \"%s\": nothing was changed",
				note->want.name);
		ret = maglev_build(table, entries, n, err);
	}
	if (ret < 0) {
		free(table);
		return ret;
	}
	note->table = table;
	note->build_us = (uint32_t)(lb_tables_now_us() - start_us);
	next->services[s].table = table;
	return 0;
}

/* Puts service @s into the index, unless another has its place. */
static void lb_tables_index_add(struct lb_block *b, uint16_t s)
{
	const struct lb_service *svc = &b->services[s];
	struct lb_service_slot want = {
		.front_protocol = lb_service_key(svc->front, svc->protocol),
		.port_be = svc->port_be,
		.service = s,
	};
	uint32_t at = lb_service_slot_hash(svc->front, svc->protocol, svc->port_be);

	for (;; at++) {
		struct lb_service_slot *slot = &b->index[at & (LB_INDEX_SLOTS - 1)];

		if (slot->service == LB_NO_SERVICE)
			*slot = want;
		if (slot->front_protocol == want.front_protocol && slot->port_be == want.port_be)
			return;
	}
}

void lb_tables_index(struct lb_block *next)
{
	struct lb_world *w = &next->world;

	for (unsigned i = 0; i < LB_INDEX_SLOTS; i++)
		next->index[i] = (struct lb_service_slot){.service = LB_NO_SERVICE};
	for (uint16_t s = 0; s < LB_SERVICES_MAX; s++)
		if (next->services[s].vip.family != 0)
			lb_tables_index_add(next, s);
	w->n_pool4 = w->n_pool6 = 0;
	for (uint16_t k = 0; k < LB_POOL_MAX; k++) {
		if (next->pool[k].addr.family == 4)
			next->pool_list4[w->n_pool4++] = k;
		if (next->pool[k].addr.family == 6)
			next->pool_list6[w->n_pool6++] = k;
	}
}
