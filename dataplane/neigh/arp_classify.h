/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP packets (RFC 826) as pure functions of their bytes: the layout, and what a received one is.
 * Thread: any.
 */
#ifndef DATAPLANE_NEIGH_ARP_CLASSIFY_H
#define DATAPLANE_NEIGH_ARP_CLASSIFY_H

#include <endian.h>

#include "dataplane/neigh/neigh_impl.h"

#define ARP_BYTES      28
#define ARP_OP_REQUEST 1
#define ARP_OP_REPLY   2

/* Ethernet and IPv4, with 6 and 4 bytes of address: all that braid speaks. */
static const uint8_t arp_fixed[6] = {0, 1, 0x08, 0, 6, 4};

/* On the wire. */
struct arp_packet {
	uint8_t fixed[6];
	uint16_t op_be;
	uint8_t sender_mac[6];
	uint8_t sender_ip[4];
	uint8_t target_mac[6];
	uint8_t target_ip[4];
} PACKED;

_Static_assert(sizeof(struct arp_packet) == ARP_BYTES, "ARP for IPv4 over Ethernet");

/* A received ARP packet. */
struct arp_class {
	enum drop_reason reason; /* DROP_NONE: the rest is valid */
	bool request;
	bool probe;    /* asks without telling a sender address (RFC 5227) */
	bool conflict; /* the sender has one of our addresses */
	bool for_us;   /* asks for, or is addressed to, one of our addresses */
	uint8_t mac[6];
	struct ip_addr sender;
	struct ip_addr target;
};

/* Whether no host has @addr_be: loopback, multicast, reserved, broadcast (RFC 1122 3.2.1.3). */
static inline bool arp_bad_address(uint32_t addr_be)
{
	uint32_t addr = be32toh(addr_be);

	return addr >> 24 == 0 || addr >> 24 == 127 || addr >= 0xe0000000;
}

/*
 * Classifies the @len bytes at @packet, which came to interface @i in a frame from @frame_mac.
 * RFC 826's packet reception, with the checks of RFC 5227 and of a hostile link.
 */
static inline struct arp_class arp_classify(
	const struct iface *i, const uint8_t frame_mac[6], const void *packet, size_t len)
{
	struct arp_class c = {.reason = DROP_arp_runt};
	struct arp_packet a;
	const struct iface_address *own;
	uint32_t sender_be, target_be;

	if (len < ARP_BYTES)
		return c;
	memcpy(&a, packet, sizeof(a));
	c.reason = DROP_arp_bad_header;
	if (memcmp(a.fixed, arp_fixed, sizeof(arp_fixed)) != 0)
		return c;
	if (be16toh(a.op_be) != ARP_OP_REQUEST && be16toh(a.op_be) != ARP_OP_REPLY)
		return c;
	memcpy(&sender_be, a.sender_ip, 4);
	memcpy(&target_be, a.target_ip, 4);
	memcpy(c.mac, a.sender_mac, 6);
	c.sender = ip_addr_v4(sender_be);
	c.target = ip_addr_v4(target_be);
	c.request = be16toh(a.op_be) == ARP_OP_REQUEST;
	c.probe = c.request && sender_be == 0;
	c.reason = DROP_arp_bad_sender;
	if (neigh_bad_mac(c.mac, i->mac) || memcmp(c.mac, frame_mac, 6) != 0)
		return c;
	if (!c.probe && arp_bad_address(sender_be))
		return c;
	own = neigh_subnet_own(i, &c.target);
	c.for_us = own != NULL && own->usable;
	own = neigh_subnet_own(i, &c.sender);
	c.conflict = own != NULL && own->usable;
	c.reason = DROP_NONE;
	if (c.probe && !c.for_us)
		c.reason = DROP_arp_not_for_us;
	if (!c.probe && !c.conflict && !neigh_subnet_host(i, &c.sender))
		c.reason = DROP_arp_off_subnet;
	return c;
}

/* The balancer serves the target of request @c, which therefore is for us. */
static inline void arp_class_serve(struct arp_class *c)
{
	c->for_us = true;
	if (c->reason == DROP_arp_not_for_us)
		c->reason = DROP_NONE;
}

#endif
