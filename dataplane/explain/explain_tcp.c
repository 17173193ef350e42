/* SPDX-License-Identifier: BSD-3-Clause */
/* The sentences of explain about the node's own TCP endpoint: connection, listener, owner. Thread:
 * main. */
#include <endian.h>
#include <stdio.h>

#include "dataplane/explain/explain_tell.h"

/* Who gets the listener's connections. */
static void tell_listener(struct explain_story *story, const struct tcp_fate *fate)
{
	const struct tcp_listener *l = fate->listener;
	char addr[IPADDR_TEXT_MAX];

	explain_say(story, STAGE_tcp_input,
		"no worker has its connection; %s port %u is listened on, worker %u owns it (%s)",
		ip_addr_format_host(&l->addr, addr), be16toh(l->port_be), fate->owner,
		l->owner == TCP_ANY_WORKER ? "by the flow's hash" : "whose own port this is");
}

void explain_tell_tcp(struct explain_story *story, const struct explain_view *v)
{
	const struct tcp_fate *fate = v->tcp;
	bool answered = v->next == STAGE_ip4_output || v->next == STAGE_ip6_output;

	if (!fate->listener) {
		explain_say(story, v->stage,
			"no worker has its connection, and nobody listens on its port");
		return;
	}
	tell_listener(story, fate);
	if (!answered)
		return;
	if (fate->half_open >= fate->listener->backlog)
		explain_say(story, v->stage,
			"%lu connections are half open: its SYN is answered with a cookie, "
			"without state",
			(unsigned long)fate->half_open);
	else
		explain_say(story, v->stage,
			"begins a new connection, SYN-RECEIVED; %lu of %u are half open",
			(unsigned long)fate->half_open, fate->listener->backlog);
}

void explain_tell_conn(struct explain_story *story, const struct tcp_fate *fate)
{
	const struct api_conn_info *c = &fate->conn;

	explain_say(story, STAGE_tcp_input,
		"its connection %lu is on worker %u: %s for %u s, MSS %u, round trip %u us, %u "
		"bytes not acknowledged, %u not read",
		(unsigned long)c->id, c->worker, api_conn_state_name(c->state), c->age_s,
		c->mss_bytes, c->rtt_us, c->unacked_bytes, c->readable_bytes);
	snprintf(story->reply.verdict, sizeof(story->reply.verdict),
		"goes to its connection of worker %u, which is %s", c->worker,
		api_conn_state_name(c->state));
}
