/* SPDX-License-Identifier: BSD-3-Clause */
/* How much a staged block changes of what is installed. Thread: main. */
#include <string.h>

#include "dataplane/lb/lb_main.h"

static void lb_count_fronts(const struct lb_block *next, struct api_commit_counts *c)
{
	for (unsigned f = 0; f < LB_FRONTS_MAX; f++) {
		bool is = next->fronts[f].prefix.family != 0 && next->fronts[f].is_pool;
		bool was = lb_main.now && lb_main.now->fronts[f].prefix.family != 0 &&
			   lb_main.now->fronts[f].is_pool;

		c->added += is && !was;
		c->removed += was && !is;
		c->kept += is && was;
	}
}

static void lb_count_services(const struct lb_block *next, struct api_commit_counts *c)
{
	for (unsigned s = 0; s < LB_SERVICES_MAX; s++) {
		const struct lb_service_note *now = &next->service_notes[s];
		const struct lb_service_note *old =
			lb_main.now ? &lb_main.now->service_notes[s] : NULL;
		bool is = now->want.name[0] && !now->gone;
		bool was = old && old->want.name[0] && !old->gone;
		bool same = is && was && memcmp(&now->want, &old->want, sizeof(now->want)) == 0;

		c->added += is && !was;
		c->removed += was && !is;
		c->kept += same;
		c->changed += is && was && !same;
	}
}

static bool lb_count_has(const struct lb_block *b, unsigned n)
{
	return b && b->backends[n].addr.family != 0 && b->backends[n].use != API_BACKEND_REMOVED;
}

static void lb_count_backends(const struct lb_block *next, struct api_commit_counts *c)
{
	for (unsigned n = 0; n < LB_BACKENDS_MAX; n++) {
		bool is = lb_count_has(next, n), was = lb_count_has(lb_main.now, n);
		bool same =
			is && was && lb_main.now->backends[n].weight == next->backends[n].weight;

		c->added += is && !was;
		c->removed += was && !is;
		c->kept += same;
		c->changed += is && was && !same;
	}
}

void lb_count_changes(const struct lb_block *next, struct api_commit_reply *counts)
{
	lb_count_fronts(next, &counts->pool);
	lb_count_services(next, &counts->services);
	lb_count_backends(next, &counts->backends);
}
