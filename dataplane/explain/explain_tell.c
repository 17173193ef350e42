/* SPDX-License-Identifier: BSD-3-Clause */
/* The sentences of explain about each stage. Thread: main. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/core/nexthop.h"
#include "dataplane/explain/explain_tell.h"
#include "dataplane/ip/ip.h"
#include "dataplane/link/link.h"

void explain_say(struct explain_story *story, enum stage stage, const char *fmt, ...)
{
	struct api_explain_step *s;
	va_list ap;

	if (story->n_steps == EXPLAIN_STEPS_MAX)
		return;
	s = &story->steps[story->n_steps++];
	base_strlcpy(s->stage, pipeline_stage_name(stage), sizeof(s->stage));
	va_start(ap, fmt);
	vsnprintf(s->text, sizeof(s->text), fmt, ap);
	va_end(ap);
}

const char *explain_iface_name(const struct world *world, uint16_t number)
{
	if (number >= WORLD_INTERFACES_MAX || world->ifaces[number].name[0] == '\0')
		return "?";
	return world->ifaces[number].name;
}

struct ip_addr explain_destination(struct rte_mbuf *m)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt_of(m)->l2_len);
	uint32_t v4;

	if (l3[0] >> 4 == 6)
		return ip_addr_v6(l3 + 24);
	memcpy(&v4, l3 + 16, 4);
	return ip_addr_v4(v4);
}

/* What a route leads to, as words: "via 192.0.2.1 on lan". */
static void format_nexthop(const struct world *world, uint16_t number, char *buf, size_t size)
{
	const struct nexthop *nh = &world->nexthops[number];
	char addr[IPADDR_TEXT_MAX];

	switch ((enum nexthop_kind)nh->kind) {
	case NEXTHOP_NONE:
		snprintf(buf, size, "no route");
		return;
	case NEXTHOP_NEIGHBOR:
		snprintf(buf, size, "via %s on %s", ip_addr_format_host(&nh->addr, addr),
			explain_iface_name(world, nh->iface));
		return;
	case NEXTHOP_CONNECTED:
		snprintf(buf, size, "connected on %s", explain_iface_name(world, nh->iface));
		return;
	case NEXTHOP_LOCAL:
		snprintf(buf, size, "an address of the node");
		return;
	case NEXTHOP_BROADCAST:
		snprintf(buf, size, "broadcast or network address of a subnet of %s",
			explain_iface_name(world, nh->iface));
		return;
	case NEXTHOP_BLACKHOLE:
		snprintf(buf, size, "blackhole");
		return;
	case NEXTHOP_REJECT:
		snprintf(buf, size, "reject");
		return;
	case NEXTHOP_SERVICE:
		snprintf(buf, size, "the balancer decides");
		return;
	case NEXTHOP_GROUP:
		snprintf(buf, size, "one of %u equal-cost paths, by the flow's hash",
			nh->group->n_hops);
		return;
	}
}

static void tell_drop(struct explain_story *story, enum stage stage, struct rte_mbuf *m)
{
	const struct drop_info *d = &drop_table[pkt_of(m)->drop];

	explain_say(story, stage, "refuses it: %s (%s)", d->text, d->name);
}

static void tell_input(struct explain_story *story, const struct explain_view *v)
{
	struct ip_addr dst = explain_destination(v->m), matched;
	char dst_text[IPADDR_TEXT_MAX], prefix[IPADDR_TEXT_MAX], how[128];
	uint32_t nexthop = route_match(&dst, &matched);

	ip_addr_format_host(&dst, dst_text);
	if (ip_addr_is_multicast(&dst)) {
		explain_say(story, v->stage, "header is valid; the node listens to multicast %s",
			dst_text);
		return;
	}
	if (nexthop == NEXTHOP_NUMBER_NONE) {
		explain_say(story, v->stage, "header is valid; no route matches %s", dst_text);
		return;
	}
	format_nexthop(v->world, (uint16_t)nexthop, how, sizeof(how));
	ip_addr_format_host(&matched, prefix);
	explain_say(story, v->stage, "header is valid; %s matches %s/%u: %s", dst_text, prefix,
		matched.prefix_len, how);
}

/* ICMP errors by type and code, as engineers call them. */
static const struct {
	uint8_t family;
	uint8_t type;
	uint8_t code;
	const char *name;
} icmp_errors[] = {
	{4, 3, 0, "network unreachable"},
	{4, 3, 1, "host unreachable"},
	{4, 3, 2, "protocol unreachable"},
	{4, 3, 3, "port unreachable"},
	{4, 3, 4, "fragmentation needed"},
	{4, 3, 13, "administratively prohibited"},
	{4, 11, 0, "time exceeded"},
	{6, 1, 0, "no route to destination"},
	{6, 1, 2, "beyond the scope of the source"},
	{6, 1, 3, "address unreachable"},
	{6, 1, 4, "port unreachable"},
	{6, 1, 6, "reject route to destination"},
	{6, 2, 0, "packet too big"},
	{6, 3, 0, "hop limit exceeded"},
};

/* The ICMP error that the notes ask for, in words. */
static void tell_error_wanted(struct explain_story *story, const struct explain_view *v)
{
	const struct pkt *p = pkt_of(v->m);
	const struct drop_info *d = &drop_table[p->drop];
	unsigned family = v->next == STAGE_icmp4_error ? 4 : 6;
	const char *name = "parameter problem";
	char mtu[32] = "";

	for (unsigned i = 0; i < ARRAY_SIZE(icmp_errors); i++)
		if (icmp_errors[i].family == family && icmp_errors[i].type == p->icmp_type &&
			icmp_errors[i].code == p->icmp_code)
			name = icmp_errors[i].name;
	if (p->drop == DROP_ip4_too_big || p->drop == DROP_ip6_too_big)
		snprintf(mtu, sizeof(mtu), ", MTU %u", p->icmp_info);
	explain_say(story, v->stage,
		"refuses it: %s (%s); to be answered with %s \"%s\" (type %u, code %u%s)", d->text,
		d->name, family == 4 ? "ICMP" : "ICMPv6", name, p->icmp_type, p->icmp_code, mtu);
}

/* Whether stage icmp4_error or icmp6_error made the error. */
static void tell_error_sent(struct explain_story *story, const struct explain_view *v)
{
	bool sent = v->pending & (1ULL << STAGE_ip4_output | 1ULL << STAGE_ip6_output);

	explain_say(story, v->stage, "%s",
		sent ? "answers its source, and drops it"
		     : "drops it without an answer: none may be sent about such a packet, or too "
		       "many were sent to its source");
}

static void tell_forward(struct explain_story *story, const struct explain_view *v)
{
	const struct pkt *p = pkt_of(v->m);
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(v->m, const uint8_t *, p->l2_len);
	bool is_ip6 = l3[0] >> 4 == 6;
	const struct iface *out = &v->world->ifaces[p->iface_out % WORLD_INTERFACES_MAX];
	const struct nexthop *nh = &v->world->nexthops[p->nexthop];
	struct ip_addr dst = explain_destination(v->m);
	/* What the node itself says to a connected host has its neighbour for a next hop already.
	 */
	bool by_gateway = nh->kind == NEXTHOP_NEIGHBOR && !ip_addr_same_host(&nh->addr, &dst);
	struct ip_addr to = by_gateway ? nh->addr : dst;
	const char *what = explain_is_answer(story, v->m) ? "the answer " : "";
	char addr[IPADDR_TEXT_MAX];

	ip_addr_format_host(&to, addr);
	if (v->next == STAGE_ip4_fragment)
		explain_say(story, v->stage,
			"%sis larger than the MTU of %s (%u): to be fragmented",
			what[0] ? what : "it ", out->name, out->mtu);
	else
		explain_say(story, v->stage, "%sleaves by %s (MTU %u) with %s %u, %s %s", what,
			out->name, out->mtu, is_ip6 ? "hop limit" : "TTL", is_ip6 ? l3[7] : l3[8],
			by_gateway ? "to next hop" : "directly to", addr);
}

static void tell_resolve(struct explain_story *story, const struct explain_view *v)
{
	const struct pkt *p = pkt_of(v->m);
	char mac[18];

	if (v->next == STAGE_port_tx)
		explain_say(story, v->stage, "the neighbour is at %s",
			mac_format(rte_pktmbuf_mtod(v->m, const uint8_t *), mac));
	else
		explain_say(story, v->stage,
			"the neighbour on %s is not resolved: up to the main thread",
			explain_iface_name(v->world, p->iface_out));
}

void explain_tell(struct explain_story *story, const struct explain_view *v)
{
	if (!v->m) {
		explain_say(story, v->stage, "uses the packet up");
		return;
	}
	if (v->stage == STAGE_lb4 || v->stage == STAGE_lb6)
		explain_tell_lb(story, v);
	if (v->stage == STAGE_tcp_input)
		explain_tell_tcp(story, v);
	if (v->stage == STAGE_icmp4_error || v->stage == STAGE_icmp6_error) {
		tell_error_sent(story, v);
		return;
	}
	if (v->next == STAGE_icmp4_error || v->next == STAGE_icmp6_error) {
		tell_error_wanted(story, v);
		return;
	}
	if (v->next == STAGE_drop) {
		tell_drop(story, v->stage, v->m);
		return;
	}
	switch ((unsigned)v->stage) {
	case STAGE_eth:
		explain_say(story, v->stage, "arrives on interface %s",
			explain_iface_name(v->world, pkt_of(v->m)->iface));
		return;
	case STAGE_ip4_input:
	case STAGE_ip6_input:
		tell_input(story, v);
		return;
	case STAGE_ip4_forward:
	case STAGE_ip6_forward:
	case STAGE_ip4_output:
	case STAGE_ip6_output:
		tell_forward(story, v);
		return;
	case STAGE_neigh_resolve:
		tell_resolve(story, v);
		return;
	case STAGE_lb4:
	case STAGE_lb6:
	case STAGE_tcp_input:
		return;
	case STAGE_ip4_fragment:
		explain_say(story, v->stage, "cuts it into %u fragments", v->n_next);
		return;
	case STAGE_ip4_local:
	case STAGE_ip6_local:
		explain_say(story, v->stage, "is for the node itself, %s",
			v->next == STAGE_tcp_input ? "whose TCP endpoint takes it"
						   : "which answers");
		return;
	default:
		explain_say(story, v->stage, "passes it to %s",
			v->next < STAGE_COUNT ? pipeline_stage_name(v->next) : "nobody");
		return;
	}
}
