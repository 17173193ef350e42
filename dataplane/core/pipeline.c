/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks the lanes in the order of pipeline.def and counts each stage. Thread: worker. */
#include "dataplane/core/worker.h"
#include "lib/rcu/rcu.h"

#define PASSES_MAX 4 /* walks per burst: packets put into a lane above wait for the next one */

_Static_assert(STAGE_COUNT <= 64, "pending is one bit per stage");
_Static_assert(STAGE_COUNT <= STATS_STAGES_MAX, "every stage has its counters");
_Static_assert(DROP_COUNT <= STATS_DROPS_MAX, "every reason has its counter");

static const struct {
	void (*function)(struct worker *w, struct rte_mbuf **pkts, unsigned n);
	const char *name;
	const char *text;
} stages[STAGE_COUNT] = {
#define STAGE(n, f, t) [STAGE_##n] = {.function = f, .name = #n, .text = t},
#include "dataplane/core/pipeline.def"
#undef STAGE
};

const char *pipeline_stage_name(enum stage s)
{
	return stages[s].name;
}

const char *pipeline_stage_text(enum stage s)
{
	return stages[s].text;
}

/* Empties the lane of stage @s; @timed: its cycles are sampled. */
static inline void run_stage(struct worker *w, unsigned s, bool timed)
{
	struct lane *l = &w->lanes[s];
	struct stats_stage *st = &w->stats->stages[s];
	uint64_t start = timed ? w->ops->cycles(w) : 0;
	unsigned n = l->n;

	l->n = 0;
	w->pending &= ~(1ULL << s);
	stages[s].function(w, l->pkts, n);
	st->calls++;
	st->pkts += n;
	if (UNLIKELY(timed)) {
		st->sampled_pkts += n;
		st->sampled_cycles += w->ops->cycles(w) - start;
	}
}

void pipeline_run(struct worker *w)
{
	w->world = rcu_dereference(world_current);
	for (unsigned pass = 0; pass < PASSES_MAX && w->pending; pass++) {
		uint64_t ahead = ~0ULL;

		while (w->pending & ahead) {
			unsigned s = (unsigned)__builtin_ctzll(w->pending & ahead);

			ahead = ~0ULL << s << 1;
			run_stage(w, s, w->sampling);
		}
	}
}

void pipeline_run_stage(struct worker *w, enum stage s)
{
	if (w->lanes[s].n)
		run_stage(w, s, false);
}
