/* SPDX-License-Identifier: BSD-3-Clause */
/* Message flow_dump: the flows of all workers, as many per answer as fit. Thread: main. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "dataplane/lb/lb_main.h"
#include "dataplane/lb/lb_query.h"
#include "dataplane/link/link.h"

static struct ip_addr lb_flow_addr(unsigned family, const uint8_t bytes[16])
{
	struct ip_addr a = {
		.family = (uint8_t)family,
		.prefix_len = (uint8_t)ip_addr_bits(family),
	};

	memcpy(a.bytes, bytes, sizeof(a.bytes));
	return a;
}

void lb_flow_fill(struct api_flow_info *info, const struct lb_flow_copy *copy)
{
	const struct lb_block *b = lb_main.now;
	const struct lb_backend *be = &b->backends[copy->flow.backend];
	uint64_t idle_ms = ((uint64_t)copy->idle_ticks << LB_TICK_SHIFT) / NSEC_PER_MSEC;

	*info = (struct api_flow_info){
		.client = lb_flow_addr(copy->family, copy->client),
		.vip = lb_flow_addr(copy->family, copy->vip),
		.backend = be->addr,
		.client_port = be16toh((uint16_t)copy->flow.ports),
		.vip_port = be16toh((uint16_t)(copy->flow.ports >> 16)),
		.backend_port = be16toh(copy->port_be),
		.protocol = copy->flow.protocol,
		.state = (uint8_t)(copy->state - 1),
		.worker = copy->worker,
		.mode = be->mode,
		.idle_ms = (uint32_t)MIN_OF(idle_ms, UINT32_MAX),
	};
	base_strlcpy(info->service, b->service_notes[be->service].want.name, sizeof(info->service));
	if (copy->flow.nat == 0)
		return;
	info->source = b->pool[copy->flow.nat >> 16].addr;
	info->source_port = (uint16_t)copy->flow.nat;
}

static void lb_flow_dump_done(struct query *query, int status, const struct base_error *err)
{
	static struct api_flow_info items[LB_QUERY_FLOWS];
	struct api_dump_reply body = {.count = query->n, .cursor = query_cursor(query)};
	const struct lb_query *q = lb_query_of(query);

	if (status < 0) {
		server_reply_later(&query->ticket, status, NULL, err);
		return;
	}
	for (uint32_t i = 0; i < query->n; i++)
		lb_flow_fill(&items[i], &q->found[i]);
	server_reply_items(&query->ticket, &body, items, query->n);
}

/* Works out what @body asks for. 1: nothing can match. */
static int lb_flow_want(
	const struct api_flow_dump *body, struct lb_query_want *want, struct base_error *err)
{
	*want = (struct lb_query_want){
		.kind = LB_QUERY_DUMP,
		.service = LB_NO_SERVICE,
		.client = body->client,
		.backend = body->backend,
	};
	if (!api_string_ok(body->service, sizeof(body->service)))
		return base_error_set(err, EINVAL, "flows: the service is not printable text");
	if ((body->client.family != 0 && !iface_addr_ok(&body->client)) ||
		(body->backend.family != 0 && !iface_addr_ok(&body->backend)))
		return base_error_set(err, EINVAL, "flows: an address is malformed");
	if (!lb_main.now)
		return 1;
	if (body->service[0] == '\0')
		return 0;
	want->service = lb_block_service(lb_main.now, body->service);
	return want->service == LB_NO_SERVICE;
}

int lb_flow_dump(const struct server_ticket *ticket, const struct api_flow_dump *body,
	struct base_error *err)
{
	struct lb_query_want want;
	struct lb_query *q;
	int ret = lb_flow_want(body, &want, err);

	if (ret != 0)
		return ret < 0 ? ret : 0;
	q = lb_query_create(&want, body->cursor, err);
	if (!q)
		return -EBUSY;
	q->query.ticket = *ticket;
	q->query.done = lb_flow_dump_done;
	query_start(&q->query);
	return SERVER_LATER;
}

int server_on_flow_dump(struct server_client *client, const struct api_flow_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct server_ticket ticket = server_ticket(client);

	return lb_flow_dump(&ticket, body, err);
}
