/* SPDX-License-Identifier: BSD-3-Clause */
/* The connections of store_latency's clients, and what their replies look like. Thread: the
 * clients' worker. */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "tests/bench/latency.h"

#define KEY_ELEMENT (5 + STORE_RIG_KEY_BYTES + 2) /* $16 and the key */

bool latency_say(struct worker *w, struct link *l, const void *p, uint32_t bytes)
{
	if (tcp_send_room(w, l->conn) < bytes)
		return false;
	return tcp_send(w, l->conn, p, bytes) == bytes;
}

/* A GET's reply: a value of known length, or nil. */
static void take_values(struct link *l, const uint8_t *p, uint32_t n)
{
	while (n > 0) {
		uint32_t some = l->at < 2 ? 1 : MIN_OF(n, l->bytes - l->at);

		if (l->at == 0 && *p != '$')
			store_rig_fail("a GET was answered with something else");
		if (l->at == 1)
			l->bytes = *p == '-' ? 5 : STORE_RIG_GET_REPLY;
		l->at += some;
		p += some;
		n -= some;
		if (l->at < 2 || l->at < l->bytes)
			continue;
		lat.samples[l->sample].end = rte_rdtsc();
		l->sample += N_GETTERS;
		lat.answered++;
		l->at = 0;
	}
}

/* The bytes behind a line of the other client's, or the loader's, that nobody looks at. */
static uint64_t bytes_behind(const struct link *l, bool is_scan, bool is_last)
{
	if (l->line[0] == '*' && is_last)
		return strtoull(l->line + 1, NULL, 10) * KEY_ELEMENT;
	if (l->line[0] != '$' || is_scan)
		return 0;
	if (l->line[1] == '-')
		store_rig_fail("a reply is null");
	return strtoull(l->line + 1, NULL, 10) + 2;
}

/* All of a reply has come. */
static void end_reply(struct link *l)
{
	l->left--;
	if (l == &lat.noise && l->left == 0 && lat.phase != PHASE_PREPARE)
		lat.command_cycles += rte_rdtsc() - lat.command_began;
}

/* A line of a reply to the other client, or to the loader. True: it was the last one. */
static bool take_line(struct link *l)
{
	bool is_command = l == &lat.noise && lat.now && lat.phase != PHASE_PREPARE;
	bool is_scan = is_command && lat.now->is_scan;
	unsigned last = is_command ? lat.now->n_lines : 0;

	if (l->line[0] == '-')
		store_rig_fail(l->line);
	if (is_scan && l->n_line == 2)
		memcpy(lat.cursor, l->line, sizeof(lat.cursor));
	l->skip = bytes_behind(l, is_scan, l->n_line == last);
	if (l->n_line++ < last)
		return false;
	l->n_line = 0;
	return true;
}

static void take_lines(struct link *l, const uint8_t *p, uint32_t n)
{
	while (n > 0) {
		uint32_t some = (uint32_t)MIN_OF((uint64_t)n, l->skip);

		if (some) {
			l->skip -= some;
			if (l->skip == 0 && l->n_line == 0)
				end_reply(l);
		} else {
			some = 1;
			if (*p == '\n') {
				l->line[l->at] = '\0';
				l->at = 0;
				if (take_line(l) && l->skip == 0)
					end_reply(l);
			} else if (*p != '\r') {
				l->line[l->at] = (char)*p;
				l->at += l->at < LINE_BYTES - 1;
			}
		}
		p += some;
		n -= some;
	}
}

static void on_readable(struct worker *w, struct tcp_conn *const *conns, unsigned n_conns)
{
	for (unsigned i = 0; i < n_conns; i++) {
		struct link *l = tcp_user(conns[i]);
		const uint8_t *p;
		uint32_t n;

		while ((n = tcp_peek(conns[i], &p)) > 0) {
			if (l == &lat.noise || l == &lat.loader)
				take_lines(l, p, n);
			else
				take_values(l, p, n);
			tcp_consume(w, conns[i], n);
		}
	}
}

static int on_open(struct worker *w, struct tcp_conn *c)
{
	static unsigned n_open;
	struct tcp_ends ends;

	if (tcp_user(c) == &lat.noise) {
		tcp_ends_of(c, &ends);
		store_rig.other_port_be = ends.local_port_be;
	}
	if (++n_open < N_GETTERS + 2)
		return 0;
	worker_task_add(w, &lat.task);
	atomic_store(&lat.ready, true);
	return 0;
}

static void on_writable(struct worker *w, struct tcp_conn *c)
{
}

static void on_end(struct worker *w, struct tcp_conn *c, enum tcp_end why)
{
	store_rig_fail("a connection has ended");
}

static const struct tcp_app app = {
	.on_open = on_open,
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_end = on_end,
};

void latency_connect(void *ctx, struct wheel_timer *t)
{
	struct worker *w = ctx;
	unsigned missing = 0;

	for (unsigned i = 0; i < N_GETTERS + 2; i++) {
		struct link *l = i < N_GETTERS    ? &lat.getters[i]
				 : i == N_GETTERS ? &lat.loader
						  : &lat.noise;

		if (!l->conn)
			l->conn = store_rig_connect(w, &app, l);
		missing += !l->conn;
	}
	if (missing)
		wheel_add(w->wheel, t, w->now_ns + NSEC_PER_MSEC);
}
