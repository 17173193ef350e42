/* SPDX-License-Identifier: BSD-3-Clause */
/* A run: its loop in virtual time, and what must be true at its end. One thread. */
#include "tests/sim/tcp_sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/tcp_check.h"
#include "tests/sim/tcp_sim_profile.h"

/* Without a byte or a state in this time, the run is stuck: longer than any timeout (R2 of RFC 9293
 * 3.8.3) or keepalive. */
#define STUCK_NS (200 * NSEC_PER_SEC)
/* An end that hears nothing of the other's death finds out by keepalive. */
#define STUCK_ABORTING_NS (900 * NSEC_PER_SEC)
#define EVENTS_MAX        3000000
#define CHECK_EVERY       64 /* events */

void sim_fail(struct sim *sim, const char *fmt, ...)
{
	va_list args;

	if (sim->failure[0])
		return;
	va_start(args, fmt);
	vsnprintf(sim->failure, sizeof(sim->failure), fmt, args);
	va_end(args);
}

static uint64_t next_ns(const struct sim *sim)
{
	uint64_t at = SIM_NEVER_NS;

	for (unsigned side = 0; side < 2; side++) {
		at = MIN_OF(at, sim_link_next_ns(&sim->links[side]));
		at = MIN_OF(at, sim_host_next_ns(&sim->hosts[side]));
		for (unsigned i = 0; i < sim->n_flows; i++)
			at = MIN_OF(at, sim_end_next_ns(&sim->ends[side][i]));
	}
	for (unsigned i = 0; i < sim->n_flows; i++)
		at = MIN_OF(at, sim->connect_ns[i]);
	return at;
}

static void connect_due(struct sim *sim)
{
	for (unsigned i = 0; i < sim->n_flows; i++) {
		unsigned side = sim->active[i];

		if (sim->connect_ns[i] > sim->now_ns)
			continue;
		sim->connect_ns[i] = SIM_NEVER_NS;
		sim->hosts[side].w->now_ns = sim->now_ns;
		sim_end_connect(&sim->ends[side][i]);
	}
}

static void check(struct sim *sim)
{
	for (unsigned side = 0; side < 2; side++) {
		const char *wrong = tcp_check(sim->hosts[side].w);

		if (wrong)
			sim_fail(sim, "side %u: %s", side, wrong);
	}
}

/* Everything that happens at one point in time. */
static void step(struct sim *sim)
{
	connect_due(sim);
	for (unsigned side = 0; side < 2; side++) {
		sim->hosts[side].w->now_ns = sim->now_ns;
		for (unsigned i = 0; i < sim->n_flows; i++)
			sim_end_wake(&sim->ends[side][i]);
		sim_host_turn(&sim->hosts[side]);
	}
	if (sim->n_events++ % CHECK_EVERY == 0 || sim->trace)
		check(sim);
}

static bool is_stuck(const struct sim *sim)
{
	uint64_t limit = sim->aborting || !sim->gentle ? STUCK_ABORTING_NS : STUCK_NS;

	return sim->now_ns > sim->progress_ns + limit;
}

static void loop(struct sim *sim)
{
	while (!sim->failure[0]) {
		uint64_t at = next_ns(sim);

		if (at == SIM_NEVER_NS)
			return;
		sim->now_ns = MAX_OF(sim->now_ns, at);
		step(sim);
		if (is_stuck(sim))
			sim_fail(sim, "stuck for %llu s",
				(unsigned long long)((sim->now_ns - sim->progress_ns) /
						     NSEC_PER_SEC));
		if (sim->n_events > EVENTS_MAX)
			sim_fail(sim, "too much happens");
	}
}

/* Both ends of flow @i: all bytes are there, and they ended as they should. */
static void check_flow(struct sim *sim, unsigned i)
{
	for (unsigned side = 0; side < 2; side++) {
		const struct sim_end *e = &sim->ends[side][i], *other = &sim->ends[!side][i];

		if (e->opened && !e->ended)
			sim_fail(sim, "side %u flow %u never ended", side, i);
		if (side == sim->active[i] && !e->ended)
			sim_fail(sim, "side %u flow %u: the active end was forgotten", side, i);
		if (e->ended && e->why == TCP_END_CLOSED &&
			(e->received != other->sent || !e->eof) && !other->aborted)
			sim_fail(sim, "side %u flow %u: closed with %u of %u bytes%s", side, i,
				e->received, other->sent, e->eof ? "" : ", no end seen");
		if (!sim->gentle || sim->aborting)
			continue;
		if (!e->opened)
			sim_fail(sim, "side %u flow %u never opened", side, i);
		if (e->why != TCP_END_CLOSED)
			sim_fail(sim, "side %u flow %u ended for reason %d", side, i, (int)e->why);
		if (e->received != other->to_send)
			sim_fail(sim, "side %u flow %u: %u of %u bytes", side, i, e->received,
				other->to_send);
	}
}

static void check_host(struct sim *sim, struct sim_host *h)
{
	const struct stats_worker *st = h->stats;
	const char *wrong = tcp_check_idle(h->w);
	uint64_t dropped = 0, in, out;

	if (wrong)
		sim_fail(sim, "side %u at the end: %s", h->side, wrong);
	for (unsigned r = 0; r < DROP_COUNT; r++)
		dropped += st->drops[r];
	in = st->rx_pkts + st->generated_pkts;
	out = st->tx_pkts + st->consumed_pkts + dropped;
	if (in != out)
		sim_fail(sim, "side %u: %llu packets in, %llu out", h->side, (unsigned long long)in,
			(unsigned long long)out);
	if (rte_mempool_in_use_count(h->mempool) != 0)
		sim_fail(sim, "side %u: %u buffers are lost", h->side,
			rte_mempool_in_use_count(h->mempool));
}

/* What was dropped for which reason, when tracing. */
static void trace_drops(const struct sim *sim)
{
	for (unsigned side = 0; side < 2; side++)
		for (unsigned r = 0; r < DROP_COUNT; r++)
			if (sim->hosts[side].stats->drops[r] != 0)
				sim_trace(sim, "side %u dropped %llu: %s", side,
					(unsigned long long)sim->hosts[side].stats->drops[r],
					drop_table[r].name);
}

static void report(const struct sim *sim, struct sim_report *r)
{
	for (unsigned side = 0; side < 2; side++) {
		const struct stats_tcp *st = &sim->hosts[side].stats->tcp;

		r->bytes += st->rx_bytes;
		r->packets += sim->links[side].n_sent;
		r->cut += sim->hosts[side].n_cut;
		r->lost += sim->links[side].n_lost;
		r->retransmitted += st->retransmitted;
		r->timeouts += st->timeouts;
		r->fast_recoveries += st->fast_recoveries;
		r->tail_probes += st->tail_probes;
		r->undone += st->undone;
		r->cookies += st->cookies_accepted;
		r->pmtu_lowered += st->pmtu_lowered;
		r->black_holes += st->black_holes;
		r->paws_drops += st->paws_drops;
		r->window_probes += st->window_probes;
		r->ecn_reduced += st->ecn_reduced;
		r->resets += st->rx_resets;
		r->time_waits += st->time_waits;
	}
	r->not_gentle += !sim->gentle || sim->aborting;
	r->virtual_ns += sim->now_ns - SIM_START_NS;
}

const char *sim_run(uint64_t seed, bool trace, struct sim_report *r)
{
	static struct sim sim;

	memset(&sim, 0, sizeof(sim));
	sim.seed = seed;
	sim.trace = trace;
	sim_profile(&sim);
	loop(&sim);
	if (!sim.failure[0])
		for (unsigned i = 0; i < sim.n_flows; i++)
			check_flow(&sim, i);
	for (unsigned side = 0; side < 2; side++)
		if (!sim.failure[0])
			check_host(&sim, &sim.hosts[side]);
	trace_drops(&sim);
	report(&sim, r);
	for (unsigned side = 0; side < 2; side++) {
		sim_link_fini(&sim.links[side]);
		sim_host_fini(&sim.hosts[side]);
	}
	return sim.failure[0] ? sim.failure : NULL;
}
