/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a seed means. Each trouble is there in some runs only, so that a failure often has few
 * causes; a few runs have none, a few have all. One thread.
 */
#include "tests/sim/tcp_sim_profile.h"

#include <string.h>

#include "dataplane/tcp/tcp_table.h"

#define WRAP_BYTES 65536 /* so near to 2^32 a stream begins that is to pass it */
#define WRAP_TRIES 400000

/* A share of up to @max millionths, in @percent of all runs. */
static uint32_t trouble(struct sim *sim, uint32_t percent, uint32_t max)
{
	return sim_percent(&sim->random, percent) ? (uint32_t)sim_below(&sim->random, max + 1) : 0;
}

static void make_link(struct sim *sim, struct sim_link *l)
{
	struct sim_random *r = &sim->random;

	l->loss = trouble(sim, 60, 60000);
	l->burst = trouble(sim, 15, 5000);
	l->duplicate = trouble(sim, 40, 50000);
	l->reorder = trouble(sim, 50, 150000);
	l->corrupt = trouble(sim, 30, 20000);
	l->mark = trouble(sim, 20, 200000);
	l->delay_ns = sim_log(r, 200 * NSEC_PER_MSEC);
	l->jitter_ns = sim_percent(r, 30) ? sim_log(r, 20 * NSEC_PER_MSEC) : 0;
	l->reorder_ns = 1 + sim_log(r, 50 * NSEC_PER_MSEC);
	l->queue_bytes = UINT32_MAX;
	if (sim_percent(r, 40)) {
		/* 128 kbit/s to 1 Gbit/s. */
		l->ns_per_byte_q8 = 256 * sim_between(r, 8, 8ULL << sim_below(r, 14));
		l->queue_bytes = (uint32_t)sim_between(r, 8000, 200000);
	}
	l->down_from_ns = l->down_to_ns = SIM_NEVER_NS;
	if (sim_percent(r, 10)) {
		l->down_from_ns = SIM_START_NS + sim_log(r, 4 * NSEC_PER_SEC);
		l->down_to_ns = l->down_from_ns + sim_log(r, 5 * NSEC_PER_SEC);
	}
}

/* MTU and boxes on the way; the same for both directions, as SYNs of both must agree. */
static void make_path(struct sim *sim)
{
	struct sim_random *r = &sim->random;
	bool strip_sack = sim_percent(r, 15), strip_ts = sim_percent(r, 15);
	bool strip_wscale = sim_percent(r, 10), shrinks = sim_percent(r, 20);
	uint64_t at_ns = SIM_START_NS + sim_log(r, 3 * NSEC_PER_SEC);

	for (unsigned side = 0; side < 2; side++) {
		struct sim_link *l = &sim->links[side];

		make_link(sim, l);
		l->strip_sack = strip_sack;
		l->strip_ts = strip_ts;
		l->strip_wscale = strip_wscale;
		l->mtu = l->mtu_later = 1500;
		l->mtu_at_ns = SIM_NEVER_NS;
		l->icmp = sim_percent(r, 80);
		if (shrinks) {
			l->mtu_at_ns = at_ns;
			l->mtu_later =
				(uint32_t)sim_between(r, sim->family == 6 ? 1280 : 580, 1499);
		}
	}
}

static void make_end(struct sim *sim, unsigned side, unsigned flow)
{
	struct sim_random *r = &sim->random;
	struct sim_end *e = &sim->ends[side][flow];

	e->sim = sim;
	e->side = side;
	e->flow = flow;
	e->key = sim_random(r);
	e->to_send = (uint32_t)sim_log(r, SIM_BYTES_MAX);
	e->piece_max = sim_percent(r, 50) ? 0 : 1u << sim_below(r, 17);
	e->pause_max_ns = sim_log(r, 300 * NSEC_PER_MSEC);
	/* Not a byte at a time for ever, nor hundreds of such segments in flight. */
	if (e->piece_max != 0 && e->to_send / e->piece_max > 500)
		e->to_send = 500 * e->piece_max;
	if (e->piece_max != 0 && e->piece_max < 64)
		e->pause_max_ns += 10 * NSEC_PER_MSEC;
	e->read_max = sim_percent(r, 60) ? 0 : 64u << sim_below(r, 11);
	e->read_pause_max_ns = sim_log(r, 500 * NSEC_PER_MSEC);
	e->abort_at = UINT32_MAX;
	e->write_ns = e->read_ns = SIM_NEVER_NS;
}

static void make_flow(struct sim *sim, unsigned flow)
{
	struct sim_random *r = &sim->random;
	unsigned last = (unsigned)sim_below(r, 3);

	make_end(sim, 0, flow);
	make_end(sim, 1, flow);
	if (last < 2)
		sim->ends[last][flow].closes_last = true;
	if (sim_percent(r, 6)) {
		struct sim_end *e = &sim->ends[sim_below(r, 2)][flow];

		e->abort_at = (uint32_t)sim_log(r, SIM_BYTES_MAX);
		sim->aborting = true;
	}
	sim->active[flow] = (unsigned)sim_below(r, 2);
	sim->connect_ns[flow] = SIM_START_NS + sim_log(r, NSEC_PER_SEC);
}

/*
 * Secrets with which the first flow begins just before the end of the sequence space, on both
 * sides. Its port follows from the random numbers that its worker will draw.
 */
static void make_wrap(struct sim *sim)
{
	unsigned active = sim->active[0];
	struct worker look = {.rng = sim->hosts[active].w->rng};
	uint32_t port = TCP_PORT_MIN + (uint32_t)(worker_random(&look) >> 32) % TCP_PORTS;

	for (unsigned side = 0; side < 2; side++) {
		struct ip_addr local = sim_address(sim, side), remote = sim_address(sim, !side);
		struct tcp_worker *t = sim->hosts[side].w->tcp;
		struct tcp_key k = {.family = sim->family};

		memcpy(k.local, local.bytes, sizeof(k.local));
		memcpy(k.remote, remote.bytes, sizeof(k.remote));
		k.local_port_be = htobe16((uint16_t)(side == active ? port : SIM_PORT));
		k.remote_port_be = htobe16((uint16_t)(side == active ? SIM_PORT : port));
		for (unsigned i = 0; i < WRAP_TRIES; i++) {
			if (tcp_start_of(&k, t->start_secret, sim->connect_ns[0]).isn >
				UINT32_MAX - WRAP_BYTES)
				break;
			t->start_secret[0]++;
		}
	}
}

static void make_hosts(struct sim *sim)
{
	struct sim_random *r = &sim->random;
	bool cookies = sim_percent(r, 20);

	for (unsigned side = 0; side < 2; side++) {
		struct tcp_limits limits = {
			.conns = 8,
			.send_blocks = (uint32_t)sim_between(r, 32, 256),
			.conn_send_bytes = 1024u << sim_below(r, 9),
			.conn_recv_bytes = 2048u << sim_below(r, 9),
			.conns_per_source = sim_percent(r, 50) ? 0 : 8,
		};

		sim_host_init(sim, side, &limits, cookies ? 0 : 8, 1500);
	}
	if (cookies)
		sim->gentle = false;
}

void sim_profile(struct sim *sim)
{
	sim->random.state = sim->seed;
	sim->family = sim_percent(&sim->random, 50) ? 4 : 6;
	sim->now_ns = sim->progress_ns = SIM_START_NS;
	sim->gentle = true;
	sim->n_flows = sim_percent(&sim->random, 60)
			       ? 1
			       : (unsigned)sim_between(&sim->random, 2, SIM_FLOWS_MAX);
	make_path(sim);
	for (unsigned i = 0; i < sim->n_flows; i++)
		make_flow(sim, i);
	make_hosts(sim);
	if (sim->seed % 16 == 1)
		make_wrap(sim);
}
