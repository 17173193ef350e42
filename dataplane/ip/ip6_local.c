/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 packets to the node itself: walks the extension headers, checks the upper layer, answers
 * echo requests, refuses TCP and UDP, passes neighbour discovery on, and what health probes of the
 * balancer are answered. Thread: worker.
 */
#include "dataplane/ip/ip6_local.h"

#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/ip/ip.h"
#include "dataplane/ip/ip6_ext.h"
#include "dataplane/ip/ip6_impl.h"
#include "dataplane/ip/ip6_reply.h"
#include "lib/wire/checksum.h"

#define DESTINATION_HEADERS_MAX 2 /* RFC 8200 4.1: before a routing header and at the end */

/* Extension headers met so far. */
struct seen {
	unsigned routing, fragment, destination;
};

static struct ip6_local_class bad(enum drop_reason reason)
{
	return (struct ip6_local_class){.next = IP6_LOCAL_DROP, .reason = reason};
}

static struct ip6_local_class parameter(enum drop_reason reason, uint8_t code, uint32_t pointer)
{
	return (struct ip6_local_class){
		.next = IP6_LOCAL_PARAMETER, .reason = reason, .code = code, .pointer = pointer};
}

/* Judges the options that the walk is at. Reason DROP_NONE: go on. */
static struct ip6_local_class classify_options(const struct ip6_extension *x)
{
	const struct ip6_header *ip = (const struct ip6_header *)x->packet;
	uint32_t pointer = 0;

	switch (ip6_ext_options(x, &pointer)) {
	case IP6_EXT_OK:
		break;
	case IP6_EXT_MALFORMED:
		return bad(DROP_ip6_bad_extension);
	case IP6_EXT_DISCARD:
		return bad(DROP_ip6_bad_option);
	case IP6_EXT_REPORT_UNICAST:
		if (ip6_is_multicast(ip->dst))
			return bad(DROP_ip6_bad_option);
		return parameter(DROP_ip6_bad_option, ICMP6_BAD_OPTION, pointer);
	case IP6_EXT_REPORT:
		return parameter(DROP_ip6_bad_option, ICMP6_BAD_OPTION, pointer);
	}
	return bad(DROP_NONE);
}

/* Judges the extension header that the walk is at. Reason DROP_NONE: go on. */
static struct ip6_local_class classify_extension(const struct ip6_extension *x, struct seen *seen)
{
	const uint8_t *h = x->packet + x->offset;

	switch ((enum ip6_next)x->type) {
	case IP6_NEXT_HOP_BY_HOP:
		/* Elsewhere than first it is an unrecognized next header (RFC 8200 4.1). */
		if (x->count > 1)
			return parameter(DROP_ip6_bad_extension, ICMP6_BAD_NEXT, x->next_offset);
		return classify_options(x);
	case IP6_NEXT_DESTINATION:
		if (++seen->destination > DESTINATION_HEADERS_MAX)
			return bad(DROP_ip6_bad_extension);
		return classify_options(x);
	case IP6_NEXT_ROUTING:
		if (++seen->routing > 1)
			return bad(DROP_ip6_bad_extension);
		if (h[3] != 0)
			return parameter(DROP_ip6_routing_header, ICMP6_BAD_FIELD, x->offset + 2);
		return bad(DROP_NONE);
	case IP6_NEXT_FRAGMENT:
		if (++seen->fragment > 1)
			return bad(DROP_ip6_bad_extension);
		if (!ip6_ext_fragment_is_atomic(x))
			return bad(DROP_ip6_local_fragment);
		return bad(DROP_NONE);
	case IP6_NEXT_AUTH:
	case IP6_NEXT_TCP:
	case IP6_NEXT_UDP:
	case IP6_NEXT_ICMP6:
	case IP6_NEXT_NONE:
		break;
	}
	return parameter(DROP_protocol_unreachable, ICMP6_BAD_NEXT, x->next_offset);
}

/* The checksum over the first @bytes of the upper layer at @x: 0 if it is right. */
static uint16_t upper_checksum(const struct ip6_extension *x, uint32_t bytes)
{
	const struct ip6_header *ip = (const struct ip6_header *)x->packet;

	return checksum_finish(checksum_sum(x->packet + x->offset, bytes,
		checksum_pseudo_ip6(ip->src, ip->dst, x->type, bytes)));
}

static struct ip6_local_class classify_icmp6(const struct ip6_extension *x, uint32_t bytes)
{
	uint8_t type;

	/* Every message of RFC 4443 and 4861 has 8 bytes at least; others have 4. */
	if (bytes < 4)
		return bad(DROP_icmp6_runt);
	if (upper_checksum(x, bytes) != 0)
		return bad(DROP_icmp6_bad_checksum);
	if (bytes < sizeof(struct icmp6_header))
		return bad(DROP_icmp6_runt);
	type = x->packet[x->offset];
	if (type >= ICMP6_ND_FIRST && type <= ICMP6_ND_LAST) {
		/* Nothing may hide a neighbour's message from its checks (RFC 6980). */
		if (x->offset != IP6_HEADER_BYTES)
			return bad(DROP_nd_bad_message);
		return (struct ip6_local_class){.next = IP6_LOCAL_ND, .offset = x->offset};
	}
	if (type == ICMP6_ECHO_REQUEST)
		return (struct ip6_local_class){.next = IP6_LOCAL_ECHO, .offset = x->offset};
	return (struct ip6_local_class){
		.next = IP6_LOCAL_DROP,
		.reason = DROP_icmp6_unhandled,
		.offset = x->offset,
		.intact = true,
	};
}

static struct ip6_local_class classify_udp(const struct ip6_extension *x, uint32_t bytes)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(x->packet + x->offset);
	uint32_t udp_bytes;

	if (bytes < sizeof(*udp))
		return bad(DROP_l4_runt);
	udp_bytes = be16toh(udp->dgram_len);
	if (udp_bytes < sizeof(*udp) || udp_bytes > bytes)
		return bad(DROP_l4_bad_header);
	/* Unlike in IPv4, no checksum is an error (RFC 8200 8.1). */
	if (udp->dgram_cksum == 0 || upper_checksum(x, udp_bytes) != 0)
		return bad(DROP_l4_bad_checksum);
	return (struct ip6_local_class){
		.next = IP6_LOCAL_UNREACHABLE, .reason = DROP_port_unreachable, .intact = true};
}

static struct ip6_local_class classify_tcp(
	const struct ip6_extension *x, uint32_t bytes, enum pkt_l4_sum sum)
{
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(x->packet + x->offset);
	uint32_t header_bytes;

	if (bytes < sizeof(*tcp))
		return bad(DROP_l4_runt);
	header_bytes = (tcp->data_off >> 4) * 4u;
	if (header_bytes < sizeof(*tcp) || header_bytes > bytes)
		return bad(DROP_l4_bad_header);
	if (sum == PKT_L4_SUM_WRONG || (sum == PKT_L4_SUM_UNKNOWN && upper_checksum(x, bytes) != 0))
		return bad(DROP_l4_bad_checksum);
	return (struct ip6_local_class){
		.next = IP6_LOCAL_RESET, .offset = x->offset, .intact = true};
}

struct ip6_local_class ip6_local_classify(const uint8_t *l3, uint32_t bytes, enum pkt_l4_sum sum)
{
	struct seen seen = {0};
	enum ip6_ext_result r;
	struct ip6_extension x;

	ip6_ext_begin(&x, l3, bytes);
	while ((r = ip6_ext_step(&x)) == IP6_EXT_HEADER) {
		struct ip6_local_class c = classify_extension(&x, &seen);

		if (c.reason != DROP_NONE)
			return c;
	}
	if (r != IP6_EXT_UPPER)
		return bad(DROP_ip6_bad_extension);
	switch (x.type) {
	case IP6_NEXT_ICMP6:
		return classify_icmp6(&x, bytes - x.offset);
	case IP6_NEXT_UDP:
		return classify_udp(&x, bytes - x.offset);
	case IP6_NEXT_TCP:
		return classify_tcp(&x, bytes - x.offset, sum);
	case IP6_NEXT_NONE:
		return bad(DROP_ip6_no_next);
	}
	return parameter(DROP_protocol_unreachable, ICMP6_BAD_NEXT, x.next_offset);
}

/* Whether @m came by a route to the balancer, which left it to us. */
static bool is_service(struct worker *w, struct rte_mbuf *m)
{
	return w->world->nexthops[pkt_of(m)->nexthop].kind == NEXTHOP_SERVICE;
}

/* Who must not be talked with but by neighbour discovery: somebody without an address, or an own
 * address that is still tentative (RFC 4862 5.4) or has just turned out to be a duplicate.
 * DROP_NONE: nobody. */
static enum drop_reason nd_only(struct worker *w, struct rte_mbuf *m)
{
	const struct ip6_header *ip = (const struct ip6_header *)ip6_l3(m);
	const struct iface_address *own;

	if (ip6_is_unspecified(ip->src))
		return DROP_ip6_bad_source;
	if (ip6_is_multicast(ip->dst) || is_service(w, m))
		return DROP_NONE;
	own = ip6_own_address(w->world, pkt_of(m)->iface, ip->dst);
	return own != NULL && own->usable ? DROP_NONE : DROP_ip6_tentative;
}

/* Passes @m on if it is about a health probe, which the node asks with its own addresses. */
static bool take_probe(struct worker *w, struct rte_mbuf *m)
{
	struct ip_probe_answer answer;

	if (!w->world->lb || w->world->nexthops[pkt_of(m)->nexthop].kind == NEXTHOP_SERVICE ||
		!ip6_probe_read(ip6_l3(m), ip6_l3_bytes(m), &answer))
		return false;
	lane_put(w, STAGE_lb_probe, m);
	return true;
}

/* Passes @m, whole and with a right checksum, on if the TCP endpoint may want it: segments, and
 * ICMPv6 errors. */
static bool take_tcp(struct worker *w, struct rte_mbuf *m, const struct ip6_local_class *c)
{
	uint8_t type = ip6_l3(m)[c->offset];

	if (!w->tcp || c->offset == 0 || is_service(w, m))
		return false;
	pkt_of(m)->l4 = c->offset;
	if (LIKELY(c->next == IP6_LOCAL_RESET)) {
		lane_put(w, STAGE_tcp_input, m);
		return true;
	}
	if (c->reason != DROP_icmp6_unhandled ||
		(type != ICMP6_UNREACHABLE && type != ICMP6_TOO_BIG))
		return false;
	lane_put(w, STAGE_tcp_icmp, m);
	return true;
}

static void local_one(struct worker *w, struct rte_mbuf *m)
{
	struct ip6_local_class c = ip6_local_classify(ip6_l3(m), ip6_l3_bytes(m), pkt_l4_sum(m));
	enum drop_reason only = c.next == IP6_LOCAL_ND ? DROP_NONE : nd_only(w, m);

	if (only != DROP_NONE) {
		drop(w, m, only);
		return;
	}
	if (c.intact && (take_probe(w, m) || take_tcp(w, m, &c)))
		return;
	switch (c.next) {
	case IP6_LOCAL_DROP:
		drop(w, m, c.reason);
		break;
	case IP6_LOCAL_PARAMETER:
		icmp6_error(w, m, c.reason,
			(struct icmp_error){
				.type = ICMP6_PARAMETER, .code = c.code, .info = c.pointer});
		break;
	case IP6_LOCAL_UNREACHABLE:
		icmp6_error(w, m, c.reason,
			(struct icmp_error){.type = ICMP6_UNREACHABLE, .code = ICMP6_PORT});
		break;
	case IP6_LOCAL_ND:
		lane_put(w, STAGE_nd, m);
		break;
	case IP6_LOCAL_ECHO:
		ip6_reply_echo(w, m, c.offset);
		break;
	case IP6_LOCAL_RESET:
		ip6_refuse_tcp(w, m, c.offset);
		break;
	}
}

void ip6_local_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		local_one(w, pkts[i]);
}
