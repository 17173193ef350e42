/* SPDX-License-Identifier: BSD-3-Clause */
/* The sentences of explain about the balancer: service, flow, backend, and the header that leaves.
 * Thread: main. */
#include <endian.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/explain/explain_tell.h"

static const char *const mode_names[] = {
	[API_LB_NAT] = "nat",
	[API_LB_DSR] = "dsr",
	[API_LB_IPIP] = "ipip",
	[API_LB_GUE] = "gue",
};

static const char *const use_names[] = {
	[API_BACKEND_UP] = "up",
	[API_BACKEND_DRAINING] = "draining",
	[API_BACKEND_DOWN] = "down",
	[API_BACKEND_REMOVED] = "removed",
};

static const char *const state_names[] = {
	[API_FLOW_TCP_NEW] = "not established yet",
	[API_FLOW_TCP_ESTABLISHED] = "established",
	[API_FLOW_TCP_CLOSING] = "closing",
	[API_FLOW_UDP_NEW] = "new",
	[API_FLOW_UDP_ESTABLISHED] = "established",
};

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" : "udp";
}

static void tell_service(struct explain_story *story, const struct explain_view *v)
{
	const struct lb_service *s = v->fate->service;
	char vip[IPADDR_TEXT_MAX], port[16] = "any port";

	if (!s) {
		explain_say(story, v->stage, "%s",
			v->fate->is_pool ? "to the NAT pool, but no flow uses this port"
					 : "to a VIP, but no service takes this protocol and port: "
					   "the node itself answers");
		return;
	}
	if (s->port_be)
		snprintf(port, sizeof(port), "port %u", be16toh(s->port_be));
	explain_say(story, v->stage,
		"%sservice \"%s\": VIP %s, %s %s, mode %s; %u of %u backends take new flows",
		v->fate->is_pool ? "back to a client of " : "", s->name,
		ip_addr_format(&s->vip, vip), protocol_name(s->protocol), port, mode_names[s->mode],
		v->fate->n_usable, v->fate->n_backends);
}

static void tell_flow(struct explain_story *story, const struct explain_view *v)
{
	const struct api_flow_info *f = &v->fate->flow;

	if (v->fate->is_known)
		explain_say(story, v->stage, "its flow is on worker %u: %s, idle for %u ms",
			f->worker, state_names[f->state], f->idle_ms);
	else
		explain_say(story, v->stage, "no worker has its flow: its hash chooses a backend");
}

static void tell_backend(struct explain_story *story, const struct explain_view *v)
{
	const struct lb_backend *b = v->fate->backend;
	char addr[IPADDR_TEXT_MAX], port[24] = "the client's port";

	if (!b) {
		explain_say(story, v->stage, "no backend of the service takes a new flow");
		return;
	}
	if (b->port_be)
		snprintf(port, sizeof(port), "port %u", be16toh(b->port_be));
	explain_say(story, v->stage, "%s backend %s, %s (%s, weight %u)",
		v->fate->is_pool ? "from" : "to", ip_addr_format(&b->addr, addr), port,
		use_names[b->use], b->weight);
}

/* "192.0.2.1" or "192.0.2.1:80" or "[2001:db8::1]:80": one end of the packet at @l3, whose ports
 * are at @l4 (NULL: it has none). */
static void format_end(const uint8_t *l3, const uint8_t *l4, bool is_dst, char *buf)
{
	bool is_ip6 = l3[0] >> 4 == 6;
	const uint8_t *at = l3 + (is_ip6 ? 8 + 16 * is_dst : 12 + 4 * is_dst);
	struct ip_addr a = {.family = 4, .prefix_len = 32};
	char text[IPADDR_TEXT_MAX];

	if (is_ip6)
		a = ip_addr_v6(at);
	else
		memcpy(a.bytes, at, 4);
	ip_addr_format(&a, text);
	if (!l4)
		base_strlcpy(buf, text, 2 * IPADDR_TEXT_MAX);
	else
		snprintf(buf, 2 * IPADDR_TEXT_MAX, is_ip6 ? "[%s]:%u" : "%s:%u", text,
			l4[2 * is_dst] << 8 | l4[2 * is_dst + 1]);
}

/* The header with which the packet goes on. */
static void tell_header(struct explain_story *story, const struct explain_view *v)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(v->m, const uint8_t *, pkt_of(v->m)->l2_len);
	const uint8_t *l4 = l3 + (l3[0] >> 4 == 6 ? 40u : (l3[0] & 0xfu) * 4u);
	char src[2 * IPADDR_TEXT_MAX], dst[2 * IPADDR_TEXT_MAX];
	enum api_lb_mode mode = (enum api_lb_mode)v->fate->backend->mode;

	format_end(l3, mode == API_LB_IPIP ? NULL : l4, false, src);
	format_end(l3, mode == API_LB_IPIP ? NULL : l4, true, dst);
	switch (mode) {
	case API_LB_NAT:
		if (v->fate->is_known) {
			explain_say(story, v->stage, "rewritten to %s > %s", src, dst);
			break;
		}
		/* The port that stands there is not the one that it would get. */
		*strrchr(src, ':') = '\0';
		explain_say(story, v->stage,
			"rewritten to %s > %s: a free source port of the NAT pool would be taken",
			src, dst);
		break;
	case API_LB_DSR:
		explain_say(story, v->stage, "%s > %s as it is, to the MAC address of the backend",
			src, dst);
		break;
	case API_LB_IPIP:
		explain_say(story, v->stage, "wrapped into IP, %s > %s", src, dst);
		break;
	case API_LB_GUE:
		explain_say(story, v->stage, "wrapped into UDP (GUE), %s > %s", src, dst);
		break;
	}
}

void explain_tell_lb(struct explain_story *story, const struct explain_view *v)
{
	bool goes_on = v->next == STAGE_ip4_forward || v->next == STAGE_ip6_forward;
	bool is_local = pkt_of(v->m)->flags & PKT_LOCAL;

	if (!v->fate->is_balanced || (is_local && !goes_on)) {
		explain_say(story, v->stage, "passes it to %s",
			v->next < STAGE_COUNT ? pipeline_stage_name(v->next) : "nobody");
		return;
	}
	story->wrapped = is_local;
	tell_service(story, v);
	if (!v->fate->service)
		return;
	tell_flow(story, v);
	tell_backend(story, v);
	if (goes_on && v->fate->backend)
		tell_header(story, v);
}
