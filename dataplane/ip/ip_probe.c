/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds out which health probe a packet to the node answers: by ports and acknowledgement (TCP), by
 * ports (UDP), by identifier and sequence number (echo), or by those of the question that an ICMP
 * error quotes (RFC 792, RFC 4443 3). Pure. Thread: any.
 */
#include <string.h>

#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/ip/ip.h"
#include "dataplane/ip/ip4.h"
#include "dataplane/ip/ip6_header.h"

#define QUOTED_BYTES_MIN 8 /* of layer 4, in every ICMP error */

/* Takes in a whole TCP header from whom was asked. */
static bool read_tcp(const uint8_t *l4, uint32_t bytes, struct ip_probe_answer *a)
{
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)l4;
	struct ip_probe_question *q = &a->about;

	if (bytes < sizeof(*tcp) || be16toh(tcp->dst_port) < IP_PROBE_PORT_MIN)
		return false;
	q->remote_port_be = tcp->src_port;
	q->own_port_be = tcp->dst_port;
	q->cookie = be32toh(tcp->recv_ack) - 1;
	switch (tcp->tcp_flags &
		(RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG)) {
	case RTE_TCP_ACK_FLAG | RTE_TCP_SYN_FLAG:
		a->said = IP_PROBE_ANSWER;
		break;
	case RTE_TCP_ACK_FLAG | RTE_TCP_RST_FLAG:
		a->said = IP_PROBE_REFUSED;
		break;
	}
	return true;
}

/* Takes in a datagram from whom was asked. */
static bool read_udp(const uint8_t *l4, uint32_t bytes, struct ip_probe_answer *a)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)l4;
	struct ip_probe_question *q = &a->about;
	uint32_t udp_bytes;

	if (bytes < sizeof(*udp) || be16toh(udp->dst_port) < IP_PROBE_PORT_MIN)
		return false;
	q->remote_port_be = udp->src_port;
	q->own_port_be = udp->dst_port;
	udp_bytes = be16toh(udp->dgram_len);
	if (udp_bytes < sizeof(*udp) || udp_bytes > bytes)
		return true;
	a->said = IP_PROBE_ANSWER;
	a->payload = l4 + sizeof(*udp);
	a->payload_bytes = udp_bytes - (uint32_t)sizeof(*udp);
	return true;
}

/* Takes in identifier and sequence number of the echo message at @l4, which has 8 bytes. */
static bool read_echo(const uint8_t *l4, struct ip_probe_question *q)
{
	uint16_t id_be, sequence_be;

	memcpy(&id_be, l4 + 4, sizeof(id_be));
	memcpy(&sequence_be, l4 + 6, sizeof(sequence_be));
	q->own_port_be = id_be;
	q->cookie = be16toh(sequence_be);
	return be16toh(id_be) >= IP_PROBE_PORT_MIN;
}

/* Takes in the first eight bytes of the question's layer 4, as an error quotes them. */
static bool read_quoted(const uint8_t *l4, uint8_t echo_request, struct ip_probe_question *q)
{
	uint32_t sequence_be;

	switch (q->protocol) {
	case IP4_PROTOCOL_TCP:
		memcpy(&sequence_be, l4 + 4, sizeof(sequence_be));
		q->cookie = be32toh(sequence_be);
		break;
	case IP4_PROTOCOL_UDP:
		break;
	case IP4_PROTOCOL_ICMP:
	case IP6_NEXT_ICMP6:
		return l4[0] == echo_request && l4[1] == 0 && read_echo(l4, q);
	default:
		return false;
	}
	memcpy(&q->own_port_be, l4, sizeof(q->own_port_be));
	memcpy(&q->remote_port_be, l4 + 2, sizeof(q->remote_port_be));
	return be16toh(q->own_port_be) >= IP_PROBE_PORT_MIN;
}

/* Takes in the @bytes of an IPv4 packet that an error quotes at @l3. */
static bool read_quote4(const uint8_t *l3, uint32_t bytes, struct ip_probe_question *q)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t ihl_bytes;

	if (bytes < IP4_HEADER_BYTES || l3[0] >> 4 != 4)
		return false;
	ihl_bytes = ip4_header_bytes(l3);
	if (ihl_bytes < IP4_HEADER_BYTES || bytes < ihl_bytes + QUOTED_BYTES_MIN)
		return false;
	if (h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	if (memcmp(q->own, &h->src_addr, sizeof(h->src_addr)) != 0)
		return false;
	memcpy(q->remote, &h->dst_addr, sizeof(h->dst_addr));
	q->protocol = h->next_proto_id;
	return q->protocol != IP6_NEXT_ICMP6 && read_quoted(l3 + ihl_bytes, ICMP4_ECHO_REQUEST, q);
}

/* The same for IPv6. Questions have no extension headers. */
static bool read_quote6(const uint8_t *l3, uint32_t bytes, struct ip_probe_question *q)
{
	const struct ip6_header *h = (const struct ip6_header *)l3;

	if (bytes < IP6_HEADER_BYTES + QUOTED_BYTES_MIN || l3[0] >> 4 != 6)
		return false;
	if (memcmp(q->own, h->src, sizeof(h->src)) != 0)
		return false;
	memcpy(q->remote, h->dst, sizeof(h->dst));
	q->protocol = h->next;
	return q->protocol != IP4_PROTOCOL_ICMP &&
	       read_quoted(l3 + IP6_HEADER_BYTES, ICMP6_ECHO_REQUEST, q);
}

static bool read_icmp4(const uint8_t *l4, uint32_t bytes, struct ip_probe_answer *a)
{
	const struct icmp4_header *icmp = (const struct icmp4_header *)l4;

	if (bytes < sizeof(*icmp))
		return false;
	switch (icmp->type) {
	case ICMP4_ECHO_REPLY:
		a->said = icmp->code == 0 ? IP_PROBE_ANSWER : IP_PROBE_STRAY;
		return read_echo(l4, &a->about);
	case ICMP4_UNREACHABLE:
		a->said = icmp->code == ICMP4_UNREACHABLE_PORT ? IP_PROBE_REFUSED
							       : IP_PROBE_UNREACHABLE;
		break;
	case ICMP4_TIME_EXCEEDED:
	case ICMP4_PARAMETER:
		a->said = IP_PROBE_UNREACHABLE;
		break;
	default:
		return false;
	}
	return read_quote4(l4 + sizeof(*icmp), bytes - (uint32_t)sizeof(*icmp), &a->about);
}

static bool read_icmp6(const uint8_t *l4, uint32_t bytes, struct ip_probe_answer *a)
{
	const struct icmp6_header *icmp = (const struct icmp6_header *)l4;

	if (bytes < sizeof(*icmp))
		return false;
	switch (icmp->type) {
	case ICMP6_ECHO_REPLY:
		a->said = icmp->code == 0 ? IP_PROBE_ANSWER : IP_PROBE_STRAY;
		return read_echo(l4, &a->about);
	case ICMP6_UNREACHABLE:
		a->said = icmp->code == ICMP6_PORT ? IP_PROBE_REFUSED : IP_PROBE_UNREACHABLE;
		break;
	case ICMP6_TOO_BIG:
	case ICMP6_TIME_EXCEEDED:
	case ICMP6_PARAMETER:
		a->said = IP_PROBE_UNREACHABLE;
		break;
	default:
		return false;
	}
	return read_quote6(l4 + sizeof(*icmp), bytes - (uint32_t)sizeof(*icmp), &a->about);
}

bool ip4_probe_read(const uint8_t *l3, uint32_t bytes, struct ip_probe_answer *a)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t ihl_bytes = ip4_header_bytes(l3);
	const uint8_t *l4 = l3 + ihl_bytes;

	*a = (struct ip_probe_answer){.about = {.family = 4, .protocol = h->next_proto_id}};
	memcpy(a->about.own, &h->dst_addr, sizeof(h->dst_addr));
	memcpy(a->about.remote, &h->src_addr, sizeof(h->src_addr));
	switch (h->next_proto_id) {
	case IP4_PROTOCOL_TCP:
		return read_tcp(l4, bytes - ihl_bytes, a);
	case IP4_PROTOCOL_UDP:
		return read_udp(l4, bytes - ihl_bytes, a);
	case IP4_PROTOCOL_ICMP:
		return read_icmp4(l4, bytes - ihl_bytes, a);
	default:
		return false;
	}
}

bool ip6_probe_read(const uint8_t *l3, uint32_t bytes, struct ip_probe_answer *a)
{
	const struct ip6_header *h = (const struct ip6_header *)l3;
	const uint8_t *l4 = l3 + IP6_HEADER_BYTES;

	*a = (struct ip_probe_answer){.about = {.family = 6, .protocol = h->next}};
	memcpy(a->about.own, h->dst, sizeof(h->dst));
	memcpy(a->about.remote, h->src, sizeof(h->src));
	switch (h->next) {
	case IP6_NEXT_TCP:
		return read_tcp(l4, bytes - IP6_HEADER_BYTES, a);
	case IP6_NEXT_UDP:
		return read_udp(l4, bytes - IP6_HEADER_BYTES, a);
	case IP6_NEXT_ICMP6:
		return read_icmp6(l4, bytes - IP6_HEADER_BYTES, a);
	default:
		return false;
	}
}
