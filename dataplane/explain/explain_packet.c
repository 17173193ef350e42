/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds the frame that an explain request describes. Thread: main. */
#include <errno.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/explain/explain_packet.h"
#include "dataplane/ip/ip.h"

#define DEFAULT_TTL 64

/* The smallest IP packet that carries the protocol's header. */
static uint32_t size_min(const struct api_explain *req)
{
	uint32_t l3 =
		req->dst.family == 4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);

	switch (req->protocol) {
	case IPPROTO_TCP:
		return l3 + (uint32_t)sizeof(struct rte_tcp_hdr);
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return l3 + 8;
	default:
		return l3;
	}
}

static void fill_ip4(uint8_t *l3, const struct api_explain *req, uint32_t size)
{
	struct rte_ipv4_hdr h = {
		.version_ihl = 0x45,
		.total_length = rte_cpu_to_be_16((uint16_t)size),
		.fragment_offset = req->dont_fragment ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0,
		.time_to_live = req->ttl ? req->ttl : DEFAULT_TTL,
		.next_proto_id = req->protocol,
		.src_addr = ip_addr_v4_be(&req->src),
		.dst_addr = ip_addr_v4_be(&req->dst),
	};

	h.hdr_checksum = rte_ipv4_cksum(&h);
	memcpy(l3, &h, sizeof(h));
}

static void fill_ip6(uint8_t *l3, const struct api_explain *req, uint32_t size)
{
	struct rte_ipv6_hdr h = {
		.vtc_flow = RTE_BE32(6u << 28),
		.payload_len = rte_cpu_to_be_16((uint16_t)(size - sizeof(h))),
		.proto = req->protocol,
		.hop_limits = req->ttl ? req->ttl : DEFAULT_TTL,
	};

	memcpy(&h.src_addr, req->src.bytes, 16);
	memcpy(&h.dst_addr, req->dst.bytes, 16);
	memcpy(l3, &h, sizeof(h));
}

/* The header behind IP, with checksums that are right. */
static void fill_l4(uint8_t *l3, const struct api_explain *req, uint32_t size)
{
	uint32_t hlen = req->dst.family == 4 ? 20 : 40;
	uint8_t *l4 = l3 + hlen;
	uint32_t len = size - hlen;
	struct rte_tcp_hdr tcp = {
		.data_off = 5 << 4, .tcp_flags = RTE_TCP_SYN_FLAG, .rx_win = 0xffff};
	struct rte_udp_hdr udp = {.dgram_len = rte_cpu_to_be_16((uint16_t)len)};
	uint16_t sum;
	uint8_t *sum_at;

	tcp.src_port = udp.src_port = rte_cpu_to_be_16(req->sport);
	tcp.dst_port = udp.dst_port = rte_cpu_to_be_16(req->dport);
	switch (req->protocol) {
	case IPPROTO_TCP:
		memcpy(l4, &tcp, sizeof(tcp));
		sum_at = l4 + offsetof(struct rte_tcp_hdr, cksum);
		break;
	case IPPROTO_UDP:
		memcpy(l4, &udp, sizeof(udp));
		sum_at = l4 + offsetof(struct rte_udp_hdr, dgram_cksum);
		break;
	case IPPROTO_ICMP:
		l4[0] = ICMP4_ECHO_REQUEST;
		sum = (uint16_t)~rte_raw_cksum(l4, len);
		memcpy(l4 + 2, &sum, 2);
		return;
	case IPPROTO_ICMPV6:
		l4[0] = ICMP6_ECHO_REQUEST;
		sum_at = l4 + 2;
		break;
	default:
		return;
	}
	sum = req->dst.family == 4 ? rte_ipv4_udptcp_cksum((struct rte_ipv4_hdr *)l3, l4)
				   : rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)l3, l4);
	memcpy(sum_at, &sum, 2);
}

/* Where a neighbour on @in would send a frame to @dst (RFC 1112 6.4, RFC 2464 section 7). */
static void fill_destination(uint8_t mac[6], const struct iface *in, const struct ip_addr *dst)
{
	memcpy(mac, in->mac, 6);
	if (dst->family == 4 && ip_addr_v4_be(dst) == UINT32_MAX) {
		memset(mac, 0xff, 6);
	} else if (dst->family == 4 && ip_addr_is_multicast(dst)) {
		memcpy(mac, (const uint8_t[]){0x01, 0x00, 0x5e, dst->bytes[1] & 0x7f}, 4);
		memcpy(mac + 4, dst->bytes + 2, 2);
	} else if (ip_addr_is_multicast(dst)) {
		memset(mac, 0x33, 2);
		memcpy(mac + 2, dst->bytes + 12, 4);
	}
}

/* Ethernet header as a neighbour on @in would write it. */
static uint32_t fill_l2(uint8_t *f, const struct iface *in, const struct ip_addr *dst)
{
	static const uint8_t station[6] = {0x02, 0, 0, 0, 0, 0xfe};
	uint16_t type =
		dst->family == 4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	uint16_t tag[2] = {RTE_BE16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(in->vlan)};

	fill_destination(f, in, dst);
	memcpy(f + 6, station, 6);
	if (in->vlan)
		memcpy(f + 12, tag, 4);
	memcpy(f + in->l2_len - 2, &type, 2);
	return in->l2_len;
}

struct rte_mbuf *explain_packet_build(struct worker *w, const struct api_explain *req,
	const struct iface *in, struct base_error *err)
{
	uint32_t size = req->size_bytes ? req->size_bytes : MAX_OF(size_min(req), 64u);
	uint32_t room = rte_pktmbuf_data_room_size(w->mempool) - RTE_PKTMBUF_HEADROOM - in->l2_len;
	struct rte_mbuf *m;
	uint8_t *f;

	if (req->src.family != req->dst.family || (req->dst.family != 4 && req->dst.family != 6)) {
		base_error_set(
			err, EINVAL, "source and destination must both be IPv4 or both IPv6");
		return NULL;
	}
	if (size < size_min(req)) {
		base_error_set(err, EINVAL,
			"a packet of %u bytes has no room for its headers: at least %u", size,
			size_min(req));
		return NULL;
	}
	if (size > room) {
		base_error_set(err, EMSGSIZE,
			"a packet of %u bytes does not fit into a packet buffer: at most %u", size,
			room);
		return NULL;
	}
	m = rte_pktmbuf_alloc(w->mempool);
	if (!m) {
		base_error_set(err, ENOMEM, "no packet buffer is free: try again");
		return NULL;
	}
	f = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(size + in->l2_len));
	memset(f, 0, size + in->l2_len);
	m->port = in->port;
	f += fill_l2(f, in, &req->dst);
	if (req->dst.family == 4)
		fill_ip4(f, req, size);
	else
		fill_ip6(f, req, size);
	fill_l4(f, req, size);
	return m;
}
