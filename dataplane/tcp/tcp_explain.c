/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What explain needs of the endpoint: the connection of a segment, asked of the workers, and a
 * small endpoint for the worker that explains, so that a segment that opens a connection or is
 * refused meets the real stage and nothing changes. Thread: main.
 */
#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include "dataplane/ip/ip.h"
#include "dataplane/tcp/tcp_impl.h"
#include "dataplane/tcp/tcp_query.h"

/* Enough for the one segment that is explained. */
static const struct tcp_limits small = {
	.conns = 4,
	.send_blocks = 4,
	.conn_send_bytes = TCP_BLOCK_BYTES,
	.conn_recv_bytes = TCP_RECV_START_BYTES,
};

static bool is_local(const struct api_explain *req)
{
	struct ip_addr matched;

	if (!workers[0]->tcp || req->protocol != IPPROTO_TCP ||
		(req->dst.family != 4 && req->dst.family != 6) ||
		req->src.family != req->dst.family)
		return false;
	return world_current->nexthops[route_match(&req->dst, &matched)].kind == NEXTHOP_LOCAL;
}

static struct tcp_key key_of(const struct api_explain *req)
{
	struct tcp_key k = {
		.family = req->dst.family,
		.local_port_be = htobe16(req->dport),
		.remote_port_be = htobe16(req->sport),
	};

	memcpy(k.local, req->dst.bytes, sizeof(k.local));
	memcpy(k.remote, req->src.bytes, sizeof(k.remote));
	return k;
}

int tcp_explain_ask(const struct api_explain *req,
	void (*done)(struct query *q, int status, const struct base_error *err), void *ctx,
	struct base_error *err)
{
	struct query *query;
	struct tcp_query *q;

	if (!is_local(req))
		return 0;
	query = query_create(QUERY_conn, 1, 0, err);
	if (!query)
		return -EBUSY;
	q = tcp_query_of(query);
	q->want = (struct api_conn_dump){.cursor = 0};
	q->ends = (struct tcp_ends){
		.local = req->dst,
		.remote = req->src,
		.local_port_be = htobe16(req->dport),
		.remote_port_be = htobe16(req->sport),
	};
	query->done = done;
	query->ctx = ctx;
	query_start(query);
	return 1;
}

void tcp_explain_enter(struct worker *w, const struct api_explain *req, const struct query *q,
	struct tcp_fate *fate)
{
	struct tcp_key k = key_of(req);

	*fate = (struct tcp_fate){.is_local = false};
	if (!is_local(req) || tcp_worker_init(w, &small, NULL) < 0)
		return;
	fate->is_local = true;
	fate->listener = tcp_listener_find(w, &k);
	fate->owner = tcp_owner(w, &k);
	if (q && q->n > 0) {
		fate->is_known = true;
		fate->conn = ((const struct tcp_query *)q)->found[0];
		fate->owner = fate->conn.worker;
	}
	fate->half_open = stats_read(&workers[fate->owner]->stats->tcp.half_open);
	w->tcp->n_half_open = (uint32_t)fate->half_open;
	w->id = fate->owner;
}

void tcp_explain_leave(struct worker *w)
{
	w->runnable = 0;
	memset(w->run_queues, 0, sizeof(w->run_queues));
	tcp_worker_fini(w);
	w->id = 0;
}
