/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Health probes on the wire: TCP SYN and RST (RFC 9293), UDP datagrams, ICMP and ICMPv6 echo
 * requests, on the path that the traffic of the service takes: to the backend itself in mode nat,
 * to the VIP by way of the backend in the others. Thread: main.
 */
#include <errno.h>
#include <netinet/in.h>

#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/lb/lb_probe.h"
#include "dataplane/neigh/neigh.h"
#include "lib/wire/checksum.h"

#define L2_BYTES      14 /* kept free in front: the usual Ethernet header */
#define L4_BYTES_MAX  (sizeof(struct rte_udp_hdr) + API_PAYLOAD_MAX)
#define MSS_DEFAULT   536u /* RFC 9293 3.7.1: what any host takes; no data will come */
#define MSS_OPTION_BE htobe32(2u << 24 | 4u << 16 | MSS_DEFAULT)

/* The interface by which what goes to next hop @number leaves; WORLD_NO_INTERFACE: no way. */
static uint16_t way_out(const struct world *world, uint16_t number)
{
	const struct nexthop *nh = &world->nexthops[number];

	if (nh->kind == NEXTHOP_GROUP)
		nh = &world->nexthops[nh->group->hops[0]];
	if (nh->kind == NEXTHOP_NEIGHBOR || nh->kind == NEXTHOP_CONNECTED)
		return nh->iface;
	return WORLD_NO_INTERFACE;
}

/* Whom to ask: the backend, or in the modes that leave the destination alone the first VIP. */
static void aim_at(
	const struct lb_service *s, const struct lb_backend *b, struct ip_probe_question *q)
{
	const struct ip_addr *to = b->mode == API_LB_NAT ? &b->addr : &s->vip;

	q->family = to->family;
	memcpy(q->remote, to->bytes, to->family == 4 ? 4 : 16);
}

static uint8_t protocol_of(const struct api_probe *want, unsigned family)
{
	if (want->kind == API_PROBE_TCP)
		return IPPROTO_TCP;
	if (want->kind == API_PROBE_UDP)
		return IPPROTO_UDP;
	return family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/* The port to ask: of the settings, of the backend where ports are translated, of the service. */
static uint16_t port_of(
	const struct lb_service *s, const struct lb_backend *b, const struct api_probe *want)
{
	if (want->kind == API_PROBE_ICMP)
		return 0;
	if (want->port != 0)
		return htobe16(want->port);
	if (b->port_be != 0 && (b->mode == API_LB_NAT || s->port_be == 0))
		return b->port_be;
	return s->port_be;
}

int lb_probe_aim(const struct world *world, const struct lb_backend *b,
	const struct api_probe *want, struct ip_probe_question *q)
{
	const struct lb_service *s = &world->lb->services[b->service];
	uint16_t iface = way_out(world, b->nexthop);
	uint32_t dst_be, src_be = 0;
	int ret;

	*q = (struct ip_probe_question){.remote_port_be = port_of(s, b, want)};
	aim_at(s, b, q);
	q->protocol = protocol_of(want, q->family);
	if (iface == WORLD_NO_INTERFACE)
		return -EHOSTUNREACH;
	if (q->family == 6)
		return ip6_source_select(world, iface, q->remote, q->own);
	memcpy(&dst_be, q->remote, sizeof(dst_be));
	ret = ip4_source_select(world, iface, dst_be, &src_be);
	memcpy(q->own, &src_be, sizeof(src_be));
	return ret;
}

/* Whether next hop @number, or the neighbour that @q asks on its subnet, has no MAC. */
static bool hop_is_dead(
	const struct world *world, uint16_t number, const struct ip_probe_question *q)
{
	const struct nexthop *nh = &world->nexthops[number];
	uint32_t addr_be;

	if (nh->kind == NEXTHOP_CONNECTED) {
		memcpy(&addr_be, q->remote, sizeof(addr_be));
		number =
			(uint16_t)(q->family == 4
					   ? neigh_lookup4(world->neighbors, nh->iface, addr_be)
					   : neigh_lookup6(world->neighbors, nh->iface, q->remote));
		nh = &world->nexthops[number];
	}
	return !(atomic_load_explicit(&nh->lladdr, memory_order_relaxed) & NEXTHOP_LLADDR_VALID);
}

bool lb_probe_way_is_dead(
	const struct world *world, const struct lb_backend *b, const struct ip_probe_question *q)
{
	const struct nexthop *nh = &world->nexthops[b->nexthop];

	if (nh->kind != NEXTHOP_GROUP)
		return hop_is_dead(world, b->nexthop, q);
	for (unsigned i = 0; i < nh->group->n_hops; i++)
		if (!hop_is_dead(world, nh->group->hops[i], q))
			return false;
	return true;
}

/* Writes layer 4 of what @p says to @l4, without checksum; how many bytes it has. */
static uint16_t write_tcp(const struct lb_probe *p, enum lb_probe_say say, uint8_t *l4)
{
	const struct ip_probe_question *q = &p->question;
	bool is_syn = say == LB_PROBE_QUESTION;
	uint32_t mss_be = MSS_OPTION_BE;
	uint16_t bytes = (uint16_t)(sizeof(struct rte_tcp_hdr) + (is_syn ? sizeof(mss_be) : 0));
	struct rte_tcp_hdr tcp = {
		.src_port = q->own_port_be,
		.dst_port = q->remote_port_be,
		.sent_seq = htobe32(is_syn ? q->cookie : q->cookie + 1),
		.data_off = (uint8_t)(bytes / 4 << 4),
		.tcp_flags = is_syn ? RTE_TCP_SYN_FLAG : RTE_TCP_RST_FLAG,
		.rx_win = is_syn ? UINT16_MAX : 0,
	};

	memcpy(l4, &tcp, sizeof(tcp));
	if (is_syn)
		memcpy(l4 + sizeof(tcp), &mss_be, sizeof(mss_be));
	return bytes;
}

/* The same for UDP. */
static uint16_t write_udp(const struct lb_probe *p, uint8_t *l4)
{
	uint16_t bytes = (uint16_t)(sizeof(struct rte_udp_hdr) + p->want.request_bytes);
	struct rte_udp_hdr udp = {
		.src_port = p->question.own_port_be,
		.dst_port = p->question.remote_port_be,
		.dgram_len = htobe16(bytes),
	};

	memcpy(l4, &udp, sizeof(udp));
	memcpy(l4 + sizeof(udp), p->want.request, p->want.request_bytes);
	return bytes;
}

/* The same for echo requests. */
static uint16_t write_echo(const struct lb_probe *p, uint8_t *l4)
{
	const struct ip_probe_question *q = &p->question;
	struct icmp6_header icmp = {
		.type = q->family == 4 ? ICMP4_ECHO_REQUEST : ICMP6_ECHO_REQUEST,
		.info_be = htobe32((uint32_t)be16toh(q->own_port_be) << 16 | q->cookie),
	};

	memcpy(l4, &icmp, sizeof(icmp));
	return sizeof(icmp);
}

/* Writes the IPv4 header of @bytes of layer 4. */
static void write_ip4(
	struct worker *w, const struct ip_probe_question *q, uint8_t *l3, uint16_t bytes)
{
	struct rte_ipv4_hdr h = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = htobe16((uint16_t)(sizeof(h) + bytes)),
		.packet_id = (uint16_t)(worker_random(w) >> 48),
		.time_to_live = LB_PROBE_TTL + 1,
		.next_proto_id = q->protocol,
	};

	memcpy(&h.src_addr, q->own, sizeof(h.src_addr));
	memcpy(&h.dst_addr, q->remote, sizeof(h.dst_addr));
	h.hdr_checksum = checksum_ip4_header(&h, sizeof(h) / 4);
	memcpy(l3, &h, sizeof(h));
}

/* The same for IPv6. */
static void write_ip6(const struct ip_probe_question *q, uint8_t *l3, uint16_t bytes)
{
	struct ip6_header h = {
		.version_be = htobe32(6u << 28),
		.payload_bytes_be = htobe16(bytes),
		.next = q->protocol,
		.hop_limit = LB_PROBE_TTL + 1,
	};

	memcpy(h.src, q->own, sizeof(h.src));
	memcpy(h.dst, q->remote, sizeof(h.dst));
	memcpy(l3, &h, sizeof(h));
}

/* Fills in the checksum of the @bytes at @l4. */
static void write_checksum(const struct ip_probe_question *q, uint8_t *l4, uint16_t bytes)
{
	uint64_t sum = 0;
	uint32_t at = 2, own_be, remote_be;
	uint16_t check;

	memcpy(&own_be, q->own, sizeof(own_be));
	memcpy(&remote_be, q->remote, sizeof(remote_be));
	if (q->family == 6)
		sum = checksum_pseudo_ip6(q->own, q->remote, q->protocol, bytes);
	else if (q->protocol != IPPROTO_ICMP)
		sum = checksum_pseudo_ip4(own_be, remote_be, q->protocol, bytes);
	if (q->protocol == IPPROTO_TCP)
		at = offsetof(struct rte_tcp_hdr, cksum);
	else if (q->protocol == IPPROTO_UDP)
		at = offsetof(struct rte_udp_hdr, dgram_cksum);
	sum = checksum_sum(l4, bytes, sum);
	check = q->protocol == IPPROTO_UDP ? checksum_finish_udp(sum) : checksum_finish(sum);
	memcpy(l4 + at, &check, sizeof(check));
}

/* Sends @m to @b: tunnels wrap it first. */
static void send_to(struct worker *w, struct rte_mbuf *m, const struct lb_backend *b,
	const struct ip_probe_question *q)
{
	uint32_t ports = (uint32_t)q->remote_port_be << 16 | q->own_port_be;
	uint64_t hash = flow_hash_ip6(w->flow_key, q->own, q->remote, q->protocol, ports);

	pkt_of(m)->nexthop = b->nexthop;
	switch ((enum api_lb_mode)b->mode) {
	case API_LB_NAT:
	case API_LB_DSR:
		lane_put(w, q->family == 4 ? STAGE_ip4_forward : STAGE_ip6_forward, m);
		break;
	case API_LB_IPIP:
	case API_LB_GUE:
		if (q->family == 4)
			lb_send4(w, m, b, hash);
		else
			lb_send6(w, m, b, hash);
		break;
	}
}

bool lb_probe_send(struct worker *w, const struct lb_backend *b, const struct lb_probe *p,
	enum lb_probe_say say)
{
	const struct ip_probe_question *q = &p->question;
	uint32_t l3_bytes = q->family == 4 ? sizeof(struct rte_ipv4_hdr) : IP6_HEADER_BYTES;
	struct rte_mbuf *m = worker_generate(w);
	uint8_t *l3, *l4;
	uint16_t bytes;

	if (!m)
		return false;
	/* Buffers of any size in use have room for this. */
	l3 = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(L2_BYTES + l3_bytes + L4_BYTES_MAX));
	BRAID_ASSERT(l3);
	l3 += L2_BYTES;
	l4 = l3 + l3_bytes;
	pkt_of(m)->l2_len = L2_BYTES;
	if (q->protocol == IPPROTO_TCP)
		bytes = write_tcp(p, say, l4);
	else if (q->protocol == IPPROTO_UDP)
		bytes = write_udp(p, l4);
	else
		bytes = write_echo(p, l4);
	rte_pktmbuf_trim(m, (uint16_t)(L4_BYTES_MAX - bytes));
	if (q->family == 4)
		write_ip4(w, q, l3, bytes);
	else
		write_ip6(q, l3, bytes);
	write_checksum(q, l4, bytes);
	send_to(w, m, b, q);
	return true;
}
