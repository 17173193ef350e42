/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of a worker's balancer: flow tables and ports, made before it starts. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/lb/lb_impl.h"
#include "dataplane/link/link.h"

/* Slots are a quarter more than flows: at 80 % load a place is found in one of two buckets, or made
 * there by moving one flow. */
#define SLOTS_PER_FLOW(n) ((n) + ((n) + 3) / 4)

static uint32_t flows_of_node;

/* Zeroed memory, taken from the system when it is first written. NULL when there is none. */
static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static size_t slots_bytes(const struct lb_table *t)
{
	return (size_t)t->n_buckets * LB_FLOW_BUCKET_SLOTS *
	       (t->is_ip6 ? sizeof(struct lb_flow6) : sizeof(struct lb_flow4));
}

static size_t tags_bytes(const struct lb_table *t)
{
	return (size_t)t->n_buckets * LB_FLOW_BUCKET_SLOTS * sizeof(*t->tags);
}

static bool table_create(struct lb_table *t, uint64_t n_flows, bool is_ip6)
{
	uint64_t n_slots = SLOTS_PER_FLOW(n_flows);
	uint64_t n_buckets = (n_slots + LB_FLOW_BUCKET_SLOTS - 1) / LB_FLOW_BUCKET_SLOTS;

	t->is_ip6 = is_ip6;
	lb_flow_table_size(t, (uint32_t)n_buckets);
	t->slots = map(slots_bytes(t));
	t->tags = map(tags_bytes(t));
	return t->slots && t->tags;
}

static void table_destroy(struct lb_table *t)
{
	if (t->slots)
		munmap(t->slots, slots_bytes(t));
	if (t->tags)
		munmap(t->tags, tags_bytes(t));
}

/* The ports of devices that stage steer serves, a bit each. */
static uint16_t steered_ports(const struct worker *w)
{
	uint16_t ports = 0;

	for (unsigned i = 0; i < w->n_workers; i++) {
		const struct worker *other = workers[i];

		for (unsigned q = 0; other && q < other->n_queues; q++)
			if (other->queues[q].steer)
				ports |= (uint16_t)(1u << other->queues[q].port);
	}
	return ports;
}

static bool fill(struct lb_worker *lb, struct worker *w)
{
	uint64_t n_flows = (flows_of_node + w->n_workers - 1u) / w->n_workers;

	if (!table_create(&lb->flows4, n_flows, false) || !table_create(&lb->flows6, n_flows, true))
		return false;
	lb->ports = calloc(1, sizeof(*lb->ports));
	if (!lb->ports)
		return false;
	lb->ports->steered = steered_ports(w);
	for (unsigned i = 0; i < WORLD_PORTS_MAX; i++)
		lb->ports->rss[i] = port_rss(i);
	lb->fragments = lb_fragments_create(w);
	return lb->fragments != NULL;
}

int lb_worker_init(struct worker *w, struct base_error *err)
{
	struct lb_worker *lb;

	if (w->id == w->main_id)
		return 0;
	lb = aligned_alloc(CACHE_LINE_BYTES, sizeof(*lb));
	if (!lb)
		return base_error_set(
			err, ENOMEM, "no memory for the balancer of worker %u", w->id);
	memset(lb, 0, sizeof(*lb));
	w->lb = lb;
	if (!fill(lb, w)) {
		lb_worker_fini(w);
		return base_error_set(err, ENOMEM,
			"no memory for the %u flows of the balancer (lower node.flows)",
			flows_of_node);
	}
	lb->swept_ns = w->now_ns;
	lb->sweep.fn = lb_flow_on_sweep;
	wheel_add(w->wheel, &lb->sweep, w->now_ns + LB_SWEEP_NS);
	return 0;
}

void lb_worker_fini(struct worker *w)
{
	struct lb_worker *lb = w->lb;

	if (!lb)
		return;
	wheel_del(w->wheel, &lb->sweep);
	lb_fragments_destroy(w, lb->fragments);
	table_destroy(&lb->flows4);
	table_destroy(&lb->flows6);
	free(lb->ports);
	free(lb);
	w->lb = NULL;
	w->stats->flows = 0;
}

int lb_init(const struct conf_node *node, struct base_error *err)
{
	flows_of_node = node->flows;
	return 0;
}

void lb_fini(void)
{
	flows_of_node = 0;
}
