/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes and ends workers. Thread: main. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/core/worker.h"

struct worker *worker_create(uint8_t id, uint8_t n_workers, const struct worker_ops *ops,
	struct stats_worker *stats, struct rte_mempool *mempool)
{
	struct worker *w = aligned_alloc(CACHE_LINE_BYTES, sizeof(*w));

	if (!w)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->wheel = malloc(sizeof(*w->wheel));
	if (!w->wheel) {
		free(w);
		return NULL;
	}
	w->id = id;
	w->n_workers = n_workers;
	w->main_id = n_workers;
	w->rx_port = WORLD_PORTS_MAX;
	w->ops = ops;
	w->stats = stats;
	w->mempool = mempool;
	w->world = world_current;
	for (unsigned i = 0; i < WORLD_PORTS_MAX; i++)
		w->tx_owner[i] = id;
	if (getrandom(&w->rng, sizeof(w->rng), 0) != sizeof(w->rng) || w->rng == 0)
		w->rng = 1;
	wheel_init(w->wheel, 0);
	w->wheel->ctx = w;
	return w;
}

void worker_destroy(struct worker *w)
{
	for (unsigned s = 0; s < STAGE_COUNT; s++) {
		struct lane *l = &w->lanes[s];

		w->stats->drops[DROP_shutdown] += l->n;
		rte_pktmbuf_free_bulk(l->pkts, l->n);
		l->n = 0;
	}
	free(w->wheel);
	free(w);
}
