/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour discovery messages (RFC 4861 section 4) as pure functions of their bytes: the layout of
 * the two that braid speaks, and what a received one is. Thread: any.
 */
#ifndef DATAPLANE_NEIGH_ND_CLASSIFY_H
#define DATAPLANE_NEIGH_ND_CLASSIFY_H

#include <endian.h>

#include "dataplane/neigh/neigh_impl.h"
#include "lib/wire/checksum.h"

#define ND_IP6_BYTES      40
#define ND_MESSAGE_BYTES  24 /* solicitation or advertisement without options */
#define ND_OPTION_BYTES   8  /* a link-layer address option on Ethernet, and every option's unit */
#define ND_HOP_LIMIT      255
#define ND_PROTOCOL_ICMP6 58
#define ND_FLAG_ROUTER    0x80
#define ND_FLAG_SOLICITED 0x40
#define ND_FLAG_OVERRIDE  0x20
#define ND_OPTION_SOURCE  1 /* source link-layer address */
#define ND_OPTION_TARGET  2 /* target link-layer address */

enum nd_type {
	ND_ROUTER_SOLICITATION = 133,
	ND_ROUTER_ADVERTISEMENT,
	ND_SOLICITATION,
	ND_ADVERTISEMENT,
	ND_REDIRECT,
};

/* A neighbour solicitation or advertisement on the wire, with its IPv6 header and one option. */
struct nd_packet {
	uint32_t version_be;
	uint16_t payload_len_be;
	uint8_t next_header;
	uint8_t hop_limit;
	uint8_t src[16];
	uint8_t dst[16];
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint8_t flags;
	uint8_t reserved[3];
	uint8_t target[16];
	uint8_t option_type;
	uint8_t option_units;
	uint8_t option_mac[6];
} PACKED;

_Static_assert(sizeof(struct nd_packet) == ND_IP6_BYTES + ND_MESSAGE_BYTES + ND_OPTION_BYTES,
	"a neighbour discovery message with one option");

/* A received message. */
struct nd_class {
	enum drop_reason reason; /* DROP_NONE: the rest is valid */
	uint8_t type;
	uint8_t flags;  /* advertisements: ND_FLAG_* */
	bool probe;     /* solicitation of somebody's duplicate address detection */
	bool conflict;  /* the sender has one of our addresses */
	bool tentative; /* solicitation: the target is ours, but not usable (yet) */
	bool stranger;  /* solicitation: the sender is in none of the interface's subnets */
	bool has_mac;   /* the option that goes with the type is there */
	uint8_t mac[6];
	struct ip_addr source;
	struct ip_addr target;
};

/* ff02::1:ff00:0/104, where those who have an address that ends like @addr listen. */
static inline bool nd_is_solicited_node(const uint8_t addr[16])
{
	static const uint8_t prefix[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

	return memcmp(addr, prefix, sizeof(prefix)) == 0;
}

/* Reads the options in the @len bytes at @p; DROP_NONE, or why they are bad. */
static inline enum drop_reason nd_options(
	const struct iface *i, const uint8_t *p, size_t len, struct nd_class *c)
{
	unsigned wanted = c->type == ND_SOLICITATION ? ND_OPTION_SOURCE : ND_OPTION_TARGET;

	while (len > 0) {
		size_t bytes = len < 2 ? 0 : (size_t)p[1] * ND_OPTION_BYTES;

		if (bytes == 0 || bytes > len)
			return DROP_nd_bad_option;
		if (p[0] == wanted) {
			if (bytes != ND_OPTION_BYTES || neigh_bad_mac(p + 2, i->mac))
				return DROP_nd_bad_option;
			memcpy(c->mac, p + 2, 6);
			c->has_mac = true;
		}
		p += bytes;
		len -= bytes;
	}
	return DROP_NONE;
}

/* RFC 4861 7.1.1 from the source address on. */
static inline enum drop_reason nd_classify_solicitation(
	const struct iface *i, const uint8_t dst[16], struct nd_class *c)
{
	const struct iface_address *own = neigh_subnet_own(i, &c->target);

	if (ip_addr_is_multicast(&c->target) || ip_addr_is_multicast(&c->source))
		return DROP_nd_bad_message;
	c->probe = ip_addr_is_zero(&c->source);
	if (c->probe && (c->has_mac || !nd_is_solicited_node(dst)))
		return DROP_nd_bad_message;
	c->conflict = !c->probe && neigh_subnet_own(i, &c->source) != NULL;
	if (c->conflict)
		return DROP_NONE;
	if (own == NULL)
		return DROP_nd_not_for_us;
	c->stranger = !c->probe && !neigh_subnet_host(i, &c->source);
	c->tentative = !own->usable;
	return DROP_NONE;
}

/* RFC 4861 7.1.2 from the target address on. */
static inline enum drop_reason nd_classify_advertisement(
	const struct iface *i, const uint8_t dst[16], struct nd_class *c)
{
	if (ip_addr_is_multicast(&c->target) || ip_addr_is_multicast(&c->source) ||
		ip_addr_is_zero(&c->source))
		return DROP_nd_bad_message;
	if (dst[0] == 0xff && (c->flags & ND_FLAG_SOLICITED))
		return DROP_nd_bad_message;
	c->conflict = neigh_subnet_own(i, &c->target) != NULL;
	if (!c->conflict && !neigh_subnet_host(i, &c->target))
		return DROP_nd_off_subnet;
	return DROP_NONE;
}

/* What RFC 4861 7.1 demands of every message at @p (IPv6 header first) before its type matters. */
static inline enum drop_reason nd_classify_common(const uint8_t *p, size_t len)
{
	struct nd_packet h;
	size_t payload_len;

	if (len < ND_IP6_BYTES)
		return DROP_ip6_runt;
	memcpy(&h, p, ND_IP6_BYTES);
	payload_len = be16toh(h.payload_len_be);
	if (p[0] >> 4 != 6)
		return DROP_ip6_bad_version;
	if (payload_len > len - ND_IP6_BYTES)
		return DROP_ip6_bad_length;
	if (h.next_header != ND_PROTOCOL_ICMP6)
		return DROP_nd_bad_message;
	if (payload_len < 8)
		return DROP_icmp6_runt;
	if (h.hop_limit != ND_HOP_LIMIT)
		return DROP_nd_bad_hop_limit;
	if (checksum_finish(checksum_sum(p + ND_IP6_BYTES, payload_len,
		    checksum_pseudo_ip6(h.src, h.dst, ND_PROTOCOL_ICMP6, (uint32_t)payload_len))) !=
		0)
		return DROP_icmp6_bad_checksum;
	return DROP_NONE;
}

/* Classifies the @len bytes at @p, which came to interface @i in a frame from @frame_mac. */
static inline struct nd_class nd_classify(
	const struct iface *i, const uint8_t frame_mac[6], const uint8_t *p, size_t len)
{
	struct nd_class c = {.reason = nd_classify_common(p, len)};
	struct nd_packet h;
	size_t payload_len;

	if (c.reason != DROP_NONE)
		return c;
	payload_len = (size_t)p[4] << 8 | p[5];
	c.type = p[ND_IP6_BYTES];
	c.reason = DROP_icmp6_unhandled;
	if (c.type != ND_SOLICITATION && c.type != ND_ADVERTISEMENT)
		return c;
	c.reason = DROP_nd_bad_message;
	if (payload_len < ND_MESSAGE_BYTES)
		return c;
	memcpy(&h, p, ND_IP6_BYTES + ND_MESSAGE_BYTES);
	if (h.code != 0)
		return c;
	c.flags = h.flags;
	c.source = ip_addr_v6(h.src);
	c.target = ip_addr_v6(h.target);
	c.reason = nd_options(
		i, p + ND_IP6_BYTES + ND_MESSAGE_BYTES, payload_len - ND_MESSAGE_BYTES, &c);
	if (c.reason != DROP_NONE)
		return c;
	/* Our own multicast, come back over a loop (RFC 4862 appendix A). */
	c.reason = DROP_nd_not_for_us;
	if (memcmp(frame_mac, i->mac, 6) == 0)
		return c;
	if (c.type == ND_SOLICITATION)
		c.reason = nd_classify_solicitation(i, h.dst, &c);
	else
		c.reason = nd_classify_advertisement(i, h.dst, &c);
	return c;
}

/* Whether @c is a proper solicitation for an address that is not @i's own: perhaps the balancer
 * serves it. */
static inline bool nd_class_is_other(
	const struct iface *i, const uint8_t frame_mac[6], const struct nd_class *c)
{
	return c->reason == DROP_nd_not_for_us && c->type == ND_SOLICITATION &&
	       memcmp(frame_mac, i->mac, 6) != 0;
}

/* The balancer serves the target of solicitation @c, which therefore is for us. */
static inline void nd_class_serve(const struct iface *i, struct nd_class *c)
{
	c->stranger = !c->probe && !neigh_subnet_host(i, &c->source);
	c->reason = DROP_NONE;
}

#endif
