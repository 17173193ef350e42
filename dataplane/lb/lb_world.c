/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The staged block becomes that of the next world: neighbours are kept, memory of new NAT addresses
 * is mapped, tables are built, one at a time; then it is filled in from the routes of that world.
 * Thread: main.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/lb/lb_main.h"
#include "dataplane/neigh/neigh.h"

#define RECORDS_BYTES (LB_NAT_PORTS * sizeof(struct lb_nat))
#define HUGE_BYTES    (2u << 20)
#define MAP_COST      64 /* cheap things that mapping memory takes */

enum lb_world_phase { LB_WORLD_START, LB_WORLD_MEMORY, LB_WORLD_TABLES, LB_WORLD_READY };

static struct {
	enum lb_world_phase phase;
	uint16_t cursor;
	bool dirty[LB_SERVICES_MAX];
} progress;

struct lb_nat *lb_records_map(void)
{
	size_t bytes = RECORDS_BYTES + HUGE_BYTES, before;
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Records are found at random: large pages save a miss of the TLB for each. */
	before = (HUGE_BYTES - (uintptr_t)p % HUGE_BYTES) % HUGE_BYTES;
	if (before > 0)
		munmap(p, before);
	munmap(p + before + RECORDS_BYTES, HUGE_BYTES - before);
	madvise(p + before, RECORDS_BYTES, MADV_HUGEPAGE);
	return (struct lb_nat *)(p + before);
}

void lb_records_unmap(struct lb_nat *records)
{
	munmap(records, RECORDS_BYTES);
}

/* Unmaps the records of @b that @keep does not have. */
static void lb_records_release(struct lb_block *b, const struct lb_block *keep)
{
	for (unsigned k = 0; k < LB_POOL_MAX; k++) {
		struct lb_nat *records = b->pool[k].records;

		if (records && (!keep || keep->pool[k].records != records))
			lb_records_unmap(records);
		if (!keep || keep->pool[k].records != records)
			b->pool[k].records = NULL;
	}
}

/* Keeps the neighbours that @b's backends on connected links are. Those of backends that are
 * going away anyway may fail. */
static int lb_pin_neighbors(struct lb_block *b, struct base_error *err)
{
	for (unsigned n = 0; n < LB_BACKENDS_MAX; n++) {
		const struct lb_backend *be = &b->backends[n];
		int iface = be->addr.family ? lb_connected_iface(&be->addr) : -1;
		char text[IPADDR_TEXT_MAX];

		if (iface < 0)
			continue;
		b->backend_notes[n].pin = neigh_pin((uint16_t)iface, &be->addr);
		if (b->backend_notes[n].pin == 0 && be->use != API_BACKEND_REMOVED)
			return base_error_set(err, ENOSPC,
				"service \"%s\": no room for backend %s among the neighbours: %u "
				"of "
				"%u "
				"are in use",
				b->service_notes[be->service].want.name,
				ip_addr_format(&be->addr, text), neigh_count(), NEIGH_MAX);
	}
	return 0;
}

/* What follows from the settings. */
static void lb_set_world(struct lb_block *b)
{
	static const uint64_t zero[2];
	struct api_lb *s = &b->settings;
	struct lb_world *w = &b->world;

	/* Nobody chose a key: the node's own secret will do where it is alone. */
	if (memcmp(s->key, zero, sizeof(zero)) == 0)
		memcpy(s->key, workers[0]->flow_key, sizeof(s->key));
	memcpy(w->choice_key, s->key, sizeof(w->choice_key));
	w->new_flows_per_sec = MAX_OF(s->new_flows_per_sec / workers[0]->n_workers, 1u);
	for (unsigned i = 0; i < API_FLOW_STATES; i++) {
		uint64_t ticks = (s->idle_ms[i] * NSEC_PER_MSEC) >> LB_TICK_SHIFT;

		w->idle_ticks[i + 1] = (uint32_t)MAX_OF(ticks, 1u);
	}
}

static int lb_prepare_start(struct lb_block *b, struct base_error *err)
{
	lb_set_world(b);
	lb_tables_index(b);
	lb_tables_compare(b, lb_main.now, progress.dirty);
	return lb_pin_neighbors(b, err);
}

/* Maps the memory of new addresses from the cursor on: 1 to go on, 0 at the end. */
static int lb_prepare_memory(struct lb_block *b, unsigned quantum, struct base_error *err)
{
	unsigned cost = 0;

	for (; progress.cursor < LB_POOL_MAX && cost < quantum; progress.cursor++) {
		struct lb_pool_address *a = &b->pool[progress.cursor];
		char text[IPADDR_TEXT_MAX];

		if (a->addr.family == 0 || a->records)
			continue;
		a->records = lb_records_map();
		cost += MAP_COST;
		if (!a->records)
			return base_error_set(err, ENOMEM,
				"no memory for the ports of %s in the NAT pool: nothing was "
				"changed",
				ip_addr_format(&a->addr, text));
	}
	return progress.cursor < LB_POOL_MAX;
}

/* Builds the next table that is due: 1 to go on, 0 at the end. */
static int lb_prepare_table(struct lb_block *b, struct base_error *err)
{
	while (progress.cursor < LB_SERVICES_MAX && !progress.dirty[progress.cursor])
		progress.cursor++;
	if (progress.cursor == LB_SERVICES_MAX)
		return 0;
	if (lb_tables_build(b, progress.cursor, err) < 0)
		return -ENOMEM;
	progress.cursor++;
	return 1;
}

static int lb_prepare_phase(struct lb_block *b, unsigned quantum, struct base_error *err)
{
	switch (progress.phase) {
	case LB_WORLD_START:
		return lb_prepare_start(b, err);
	case LB_WORLD_MEMORY:
		return lb_prepare_memory(b, quantum, err);
	case LB_WORLD_TABLES:
		return lb_prepare_table(b, err);
	case LB_WORLD_READY:
		break;
	}
	return 0;
}

/* The staged block; NULL: none, or it has nothing, like all before it. */
static struct lb_block *lb_world_staged(void)
{
	const struct lb_block *b = lb_main.next;

	for (unsigned f = 0; b && !lb_main.now && f < LB_FRONTS_MAX; f++)
		if (b->fronts[f].prefix.family != 0)
			return lb_main.next;
	return lb_main.now ? lb_main.next : NULL;
}

int lb_prepare(unsigned quantum, struct base_error *err)
{
	struct lb_block *b = lb_world_staged();
	int ret;

	if (!b)
		return 0;
	ret = lb_prepare_phase(b, quantum, err);
	if (ret != 0)
		return ret;
	progress.cursor = 0;
	if (progress.phase != LB_WORLD_READY)
		progress.phase++;
	return progress.phase != LB_WORLD_READY;
}

int lb_rollback(unsigned quantum)
{
	struct lb_block *b = lb_main.next;

	progress.phase = LB_WORLD_START;
	progress.cursor = 0;
	if (!b)
		return 0;
	lb_block_release(b, lb_main.now);
	lb_records_release(b, lb_main.now);
	return 0;
}

void lb_apply(struct world *next)
{
	struct lb_block *b = lb_world_staged();

	if (!b)
		return;
	lb_world_ways(b, next);
	next->lb = &b->world;
	lb_main.old = lb_main.now;
	lb_main.now = b;
	lb_main.next = NULL;
}

void lb_world_follow(void)
{
	static const struct api_probe none;
	const struct lb_block *b = lb_main.now;

	for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++) {
		const struct lb_backend *be = &b->backends[n];
		bool probed = be->addr.family != 0 && be->use != API_BACKEND_REMOVED;

		lb_probe_configure(n, probed ? &b->service_notes[be->service].want.probe : &none);
	}
	lb_probe_follow();
	lb_stats_follow(b);
}

int lb_published(unsigned quantum)
{
	progress.phase = LB_WORLD_START;
	progress.cursor = 0;
	if (!lb_main.now)
		return 0;
	if (lb_main.old)
		lb_records_release(lb_main.old, lb_main.now);
	lb_announce_new(lb_main.old, lb_main.now);
	lb_block_free(lb_main.old, lb_main.now);
	lb_main.old = NULL;
	lb_world_follow();
	return 0;
}

void lb_stage_init(void)
{
	lb_reap_init();
	lb_stats_start();
	lb_announce_init();
}

void lb_stage_fini(void)
{
	lb_reap_fini();
	lb_stats_stop();
	lb_announce_fini();
	lb_probe_fini();
	lb_forget();
	if (!lb_main.now)
		return;
	world_current->lb = NULL;
	lb_records_release(lb_main.now, NULL);
	lb_block_free(lb_main.now, NULL);
	lb_main.now = NULL;
}
