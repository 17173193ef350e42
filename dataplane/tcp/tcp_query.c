/* SPDX-License-Identifier: BSD-3-Clause */
/* Message conn_dump, and the workers' side of questions about connections. Thread: main, but for
 * tcp_query_look, which runs on workers. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "dataplane/link/link.h"
#include "dataplane/tcp/tcp_query.h"

#define AT_ONCE 32 /* connections copied before those that do not match are left out */

static void fill(const struct worker *w, struct api_conn_info *out, const struct tcp_info *i)
{
	*out = (struct api_conn_info){
		.id = i->id,
		.local = i->ends.local,
		.remote = i->ends.remote,
		.local_port = be16toh(i->ends.local_port_be),
		.remote_port = be16toh(i->ends.remote_port_be),
		.mss_bytes = i->mss_bytes,
		.state = i->state,
		.worker = w->id,
		.rtt_us = i->rtt_us,
		.rto_us = i->rto_us,
		.cwnd_bytes = i->cwnd_bytes,
		.snd_wnd_bytes = i->snd_wnd_bytes,
		.rcv_wnd_bytes = i->rcv_wnd_bytes,
		.unacked_bytes = i->unacked_bytes,
		.readable_bytes = i->readable_bytes,
		.retransmitted = i->retransmitted,
		.age_s = i->age_s,
	};
}

static bool matches(const struct tcp_info *i, const struct api_conn_dump *want)
{
	if (want->states != 0 && !(want->states >> i->state & 1))
		return false;
	if (want->remote_port != 0 && want->remote_port != be16toh(i->ends.remote_port_be))
		return false;
	return want->remote.family == 0 || ip_addr_same_host(&want->remote, &i->ends.remote);
}

void tcp_query_look(struct worker *w, struct query *query)
{
	struct tcp_query *q = tcp_query_of(query);
	struct tcp_info some[AT_ONCE];
	unsigned n;

	if (q->ends.local.family != 0) {
		query->is_end = true;
		query->has_all = tcp_find(w, &q->ends, &some[0]);
		if (query->has_all)
			fill(w, &q->found[query->n++], &some[0]);
		return;
	}
	if (query->n + AT_ONCE > TCP_QUERY_CONNS) {
		query->is_full = true;
		return;
	}
	n = tcp_dump(w, &query->at, some, AT_ONCE);
	for (unsigned i = 0; i < n; i++)
		if (matches(&some[i], &q->want))
			fill(w, &q->found[query->n++], &some[i]);
	query->is_end = query->at == UINT32_MAX;
}

static void dump_done(struct query *query, int status, const struct base_error *err)
{
	struct api_dump_reply body = {.count = query->n, .cursor = query_cursor(query)};

	if (status < 0)
		server_reply_later(&query->ticket, status, NULL, err);
	else
		server_reply_items(&query->ticket, &body, tcp_query_of(query)->found, query->n);
}

int server_on_conn_dump(struct server_client *client, const struct api_conn_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct query *query;

	if (body->remote.family != 0 && !iface_addr_ok(&body->remote))
		return base_error_set(err, EINVAL, "connections: an address is malformed");
	query = query_create(QUERY_conn, 1, body->cursor, err);
	if (!query)
		return -EBUSY;
	tcp_query_of(query)->want = *body;
	tcp_query_of(query)->ends = (struct tcp_ends){.local.family = 0};
	query->ticket = server_ticket(client);
	query->done = dump_done;
	query_start(query);
	return SERVER_LATER;
}
