/* SPDX-License-Identifier: BSD-3-Clause */
/* The sentences of explain. Thread: main. */
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

static const char *iface_name(const struct world *world, uint16_t number)
{
	if (number >= WORLD_INTERFACES_MAX || world->ifaces[number].name[0] == '\0')
		return "?";
	return world->ifaces[number].name;
}

/* The destination address of the packet's IP header. */
static struct ip_addr destination(struct rte_mbuf *m)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt_of(m)->l2_len);
	uint32_t v4;

	if (l3[0] >> 4 == 6)
		return ip_addr_v6(l3 + 24);
	memcpy(&v4, l3 + 16, 4);
	return ip_addr_v4(v4);
}

/* What a next hop is, as words: "via 192.0.2.1 on lan". */
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
			iface_name(world, nh->iface));
		return;
	case NEXTHOP_CONNECTED:
		snprintf(buf, size, "connected on %s", iface_name(world, nh->iface));
		return;
	case NEXTHOP_LOCAL:
		snprintf(buf, size, "an address of the node");
		return;
	case NEXTHOP_BROADCAST:
		snprintf(buf, size, "broadcast or network address of a subnet of %s",
			iface_name(world, nh->iface));
		return;
	case NEXTHOP_BLACKHOLE:
		snprintf(buf, size, "blackhole");
		return;
	case NEXTHOP_REJECT:
		snprintf(buf, size, "reject");
		return;
	case NEXTHOP_GROUP:
		snprintf(buf, size, "one of %u equal-cost paths", nh->group->n_hops);
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
	struct ip_addr dst = destination(v->m), matched;
	char dst_text[IPADDR_TEXT_MAX], prefix[IPADDR_TEXT_MAX], how[128];
	uint32_t nexthop = route_match(&dst, &matched);

	ip_addr_format_host(&dst, dst_text);
	if (nexthop == NEXTHOP_NUMBER_NONE) {
		explain_say(story, v->stage, "header is valid; no route matches %s", dst_text);
		return;
	}
	format_nexthop(v->world, (uint16_t)nexthop, how, sizeof(how));
	snprintf(prefix, sizeof(prefix), "%s", ip_addr_format(&matched, dst_text));
	if (matched.prefix_len == ip_addr_bits(matched.family))
		snprintf(prefix, sizeof(prefix), "%.50s/%u", dst_text, matched.prefix_len);
	ip_addr_format_host(&dst, dst_text);
	explain_say(story, v->stage, "header is valid; %s matches %s: %s", dst_text, prefix, how);
}

/* The ICMP error that the notes ask for, in words. */
static void tell_error_wanted(struct explain_story *story, const struct explain_view *v)
{
	const struct pkt *p = pkt_of(v->m);
	const struct drop_info *d = &drop_table[p->drop];

	explain_say(story, v->stage, "%s (%s): asks for %s type %u code %u", d->text, d->name,
		v->next == STAGE_icmp4_error ? "ICMP" : "ICMPv6", p->icmp_type, p->icmp_code);
}

static void tell_forward(struct explain_story *story, const struct explain_view *v)
{
	const struct pkt *p = pkt_of(v->m);
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(v->m, const uint8_t *, p->l2_len);
	unsigned hops = l3[0] >> 4 == 6 ? l3[7] : l3[8];
	const struct iface *out = &v->world->ifaces[p->iface_out % WORLD_INTERFACES_MAX];
	char how[128];

	format_nexthop(v->world, p->nexthop, how, sizeof(how));
	if (v->next == STAGE_ip4_fragment)
		explain_say(story, v->stage, "%s; larger than the MTU of %s (%u): to be fragmented",
			how, out->name, out->mtu);
	else
		explain_say(story, v->stage, "%s; leaves by %s (MTU %u) with %s %u", how, out->name,
			out->mtu, l3[0] >> 4 == 6 ? "hop limit" : "TTL", hops);
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
			"the neighbour on %s is not resolved yet: the main thread would ask for it",
			iface_name(v->world, p->iface_out));
}

void explain_tell(struct explain_story *story, const struct explain_view *v)
{
	if (!v->m) {
		explain_say(story, v->stage, "uses the packet up");
		return;
	}
	if (v->next == STAGE_icmp4_error || v->next == STAGE_icmp6_error) {
		tell_error_wanted(story, v);
		return;
	}
	if (v->next == STAGE_drop && v->stage != STAGE_icmp4_error &&
		v->stage != STAGE_icmp6_error) {
		tell_drop(story, v->stage, v->m);
		return;
	}
	switch ((unsigned)v->stage) {
	case STAGE_eth:
		explain_say(story, v->stage, "arrives on interface %s",
			iface_name(v->world, pkt_of(v->m)->iface));
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
	case STAGE_ip4_fragment:
		explain_say(story, v->stage, "cuts it into %u fragments", v->n_next);
		return;
	case STAGE_ip4_local:
	case STAGE_ip6_local:
		explain_say(story, v->stage, "is for the node itself, which answers");
		return;
	default:
		explain_say(story, v->stage, "passes it to %s",
			v->next < STAGE_COUNT ? pipeline_stage_name(v->next) : "nobody");
		return;
	}
}

/* The verdict is about the packet itself; an answer to it only adds to the steps. */
static void verdict(struct explain_story *story, bool local, bool forwarded, const char *text)
{
	struct api_explain_reply *r = &story->reply;

	if (local && r->verdict[0] != '\0')
		return;
	if (r->forwarded)
		return;
	r->forwarded = forwarded && !local;
	base_strlcpy(r->verdict, text, sizeof(r->verdict));
}

void explain_tell_end(struct explain_story *story, const struct explain_view *v)
{
	const struct pkt *p = pkt_of(v->m);
	const struct port *port = port_get(v->m->port);
	bool local = p->flags & PKT_LOCAL;
	char text[API_STEP_TEXT_MAX], mac[18];

	switch ((unsigned)v->stage) {
	case STAGE_port_tx:
		snprintf(text, sizeof(text), "%s: %u frame%s of port %s to %s",
			local ? "answered" : "forwarded", v->n_next, v->n_next == 1 ? "" : "s",
			port ? port->name : "?",
			mac_format(rte_pktmbuf_mtod(v->m, const uint8_t *), mac));
		break;
	case STAGE_handoff:
		snprintf(text, sizeof(text), "%s",
			p->resume == STAGE_neigh_hold
				? "held until the neighbour answers, then forwarded"
				: "handed to the main thread");
		break;
	default:
		snprintf(text, sizeof(text), "dropped: %s (%s)", drop_table[p->drop].text,
			drop_table[p->drop].name);
		break;
	}
	explain_say(story, v->stage, "%s", text);
	verdict(story, local,
		v->stage == STAGE_port_tx ||
			(v->stage == STAGE_handoff && p->resume == STAGE_neigh_hold),
		text);
}
