/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The applications: each end writes its stream in pieces at random times, reads the other's at once
 * or late, checks every byte, closes when it has said all, or aborts. One thread.
 */
#include "tests/sim/tcp_sim.h"

#define PIECE_BYTES 4096                /* of one tcp_send */
#define LAZY_NS     (20 * NSEC_PER_SEC) /* then even slow readers read what there is */

/* Byte @at of the stream @key. */
static uint8_t stream_byte(uint64_t key, uint32_t at)
{
	return (uint8_t)(sim_mix(key + (at >> 3)) >> (at & 7) * 8);
}

static struct sim_host *host_of(struct sim_end *e)
{
	return &e->sim->hosts[e->side];
}

static void progress(struct sim_end *e)
{
	e->sim->progress_ns = e->sim->now_ns;
}

/* Writes up to @bytes of what is left; false: there was no room for all of them. */
static bool write_some(struct sim_end *e, uint32_t bytes)
{
	uint8_t buffer[PIECE_BYTES];

	bytes = MIN_OF(bytes, e->to_send - e->sent);
	while (bytes > 0) {
		uint32_t n = MIN_OF(bytes, (uint32_t)sizeof(buffer)), taken;

		for (uint32_t i = 0; i < n; i++)
			buffer[i] = stream_byte(e->key, e->sent + i);
		taken = tcp_send(host_of(e)->w, e->conn, buffer, n);
		e->sent += taken;
		bytes -= taken;
		if (taken < n)
			return false;
	}
	return true;
}

/* Closes when all is said, and heard if that is what the end waits for. */
static void close_if_done(struct sim_end *e)
{
	if (e->closed || e->ended || e->sent != e->to_send || (e->closes_last && !e->eof))
		return;
	e->closed = true;
	sim_trace(e->sim, "side %u flow %u closes", e->side, e->flow);
	tcp_close(host_of(e)->w, e->conn);
}

static void write_on(struct sim_end *e)
{
	struct sim_random *r = &e->sim->random;
	uint32_t piece = e->piece_max ? 1 + (uint32_t)sim_log(r, e->piece_max - 1) : UINT32_MAX;

	e->write_ns = SIM_NEVER_NS;
	if (!e->opened || e->ended || e->closed)
		return;
	if (!write_some(e, piece))
		return;
	if (e->sent < e->to_send)
		e->write_ns = e->sim->now_ns + sim_below(r, e->pause_max_ns + 1);
	close_if_done(e);
}

/* Compares @n bytes at @p with what the other end sent. */
static void verify(struct sim_end *e, const uint8_t *p, uint32_t n)
{
	const struct sim_end *other = &e->sim->ends[!e->side][e->flow];

	for (uint32_t i = 0; i < n; i++) {
		if (e->received + i < other->sent &&
			p[i] == stream_byte(other->key, e->received + i))
			continue;
		sim_fail(e->sim, "side %u flow %u: byte %u is wrong", e->side, e->flow,
			e->received + i);
		return;
	}
}

static bool abort_if_time(struct sim_end *e)
{
	if (e->received < e->abort_at || e->ended)
		return false;
	e->aborted = true;
	sim_trace(e->sim, "side %u flow %u aborts", e->side, e->flow);
	tcp_abort(host_of(e)->w, e->conn);
	return true;
}

/* Reads up to @max bytes; true: some are left. */
static bool read_some(struct sim_end *e, uint32_t max)
{
	const uint8_t *p;
	uint32_t n;

	while (max > 0 && (n = tcp_peek(e->conn, &p)) > 0) {
		n = MIN_OF(n, max);
		verify(e, p, n);
		tcp_consume(host_of(e)->w, e->conn, n);
		e->received += n;
		max -= n;
		progress(e);
		if (abort_if_time(e))
			return false;
	}
	if (!e->eof && tcp_at_eof(e->conn)) {
		e->eof = true;
		progress(e);
		sim_trace(e->sim, "side %u flow %u: end of the stream", e->side, e->flow);
		close_if_done(e);
	}
	return !e->ended && tcp_readable_bytes(e->conn) > 0;
}

static void read_on(struct sim_end *e)
{
	struct sim_random *r = &e->sim->random;
	bool all = e->read_max == 0 || e->sim->now_ns > SIM_START_NS + LAZY_NS;

	e->read_ns = SIM_NEVER_NS;
	if (e->ended || !e->opened)
		return;
	if (read_some(e, all ? UINT32_MAX : 1 + (uint32_t)sim_log(r, e->read_max - 1)))
		e->read_ns = e->sim->now_ns + sim_below(r, e->read_pause_max_ns + 1);
}

void sim_end_wake(struct sim_end *e)
{
	if (e->write_ns <= e->sim->now_ns)
		write_on(e);
	if (e->read_ns <= e->sim->now_ns)
		read_on(e);
}

uint64_t sim_end_next_ns(const struct sim_end *e)
{
	return MIN_OF(e->write_ns, e->read_ns);
}

void sim_end_connect(struct sim_end *e)
{
	struct ip_addr local = sim_address(e->sim, e->side);
	struct ip_addr remote = sim_address(e->sim, !e->side);
	struct tcp_ends ends;

	e->conn = tcp_connect(host_of(e)->w, &sim_app, &local, &remote, htobe16(SIM_PORT));
	if (!e->conn) {
		sim_fail(e->sim, "side %u flow %u cannot connect", e->side, e->flow);
		return;
	}
	tcp_ends_of(e->conn, &ends);
	e->port_be = ends.local_port_be;
	tcp_set_user(e->conn, e);
}

/* The end that a new passive connection belongs to: the other side knows its port. */
static struct sim_end *end_of(struct sim_host *h, const struct tcp_conn *c)
{
	struct sim *sim = h->sim;
	struct tcp_ends ends;

	tcp_ends_of(c, &ends);
	for (unsigned i = 0; i < sim->n_flows; i++)
		if (sim->ends[!h->side][i].port_be == ends.remote_port_be)
			return &sim->ends[h->side][i];
	return NULL;
}

static int on_open(struct worker *w, struct tcp_conn *c)
{
	struct sim_host *h = w->private_data;
	struct sim_end *e = tcp_user(c);

	e = e ? e : end_of(h, c);
	/* Its other end is gone already. */
	if (!e || e->ended)
		return -1;
	if (e->opened)
		sim_fail(h->sim, "side %u flow %u opens twice", e->side, e->flow);
	e->conn = c;
	e->opened = true;
	tcp_set_user(c, e);
	progress(e);
	sim_trace(h->sim, "side %u flow %u is open", e->side, e->flow);
	e->write_ns = h->sim->now_ns;
	if (e->abort_at == 0)
		abort_if_time(e);
	else if (e->piece_max == 0)
		write_on(e);
	return 0;
}

static void on_readable(struct worker *w, struct tcp_conn *const *conns, unsigned n)
{
	struct sim_host *h = w->private_data;

	for (unsigned i = 0; i < n; i++) {
		struct sim_end *e = tcp_user(conns[i]);

		if (!e || e->conn != conns[i]) {
			sim_fail(h->sim, "side %u: data for nobody", h->side);
			return;
		}
		if (e->ended)
			continue;
		if (e->read_max == 0 || tcp_at_eof(e->conn))
			read_on(e);
		else if (e->read_ns == SIM_NEVER_NS)
			e->read_ns = h->sim->now_ns +
				     sim_below(&h->sim->random, e->read_pause_max_ns + 1);
	}
}

static void on_writable(struct worker *w, struct tcp_conn *c)
{
	struct sim_end *e = tcp_user(c);

	if (tcp_send_room(w, c) == 0)
		sim_fail(e->sim, "side %u flow %u: writable without room", e->side, e->flow);
	write_on(e);
}

static void on_end(struct worker *w, struct tcp_conn *c, enum tcp_end why)
{
	struct sim_end *e = tcp_user(c);

	if (e->ended)
		sim_fail(e->sim, "side %u flow %u ends twice", e->side, e->flow);
	e->ended = true;
	e->why = why;
	e->write_ns = e->read_ns = SIM_NEVER_NS;
	progress(e);
	sim_trace(e->sim, "side %u flow %u ends: %d", e->side, e->flow, (int)why);
}

const struct tcp_app sim_app = {
	.on_open = on_open,
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_end = on_end,
};
