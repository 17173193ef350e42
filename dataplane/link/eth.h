/* SPDX-License-Identifier: BSD-3-Clause */
/* What an Ethernet frame is, as a pure function of its bytes. Thread: worker. */
#ifndef DATAPLANE_LINK_ETH_H
#define DATAPLANE_LINK_ETH_H

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "dataplane/core/worker.h"

/* The verdict about a frame. */
struct eth_class {
	enum drop_reason reason; /* DROP_NONE: `next` and the rest are valid */
	enum stage next;
	uint16_t vlan; /* 0: untagged */
	uint8_t l2_len;
	uint8_t flags; /* enum pkt_flags */
	bool tagged;
};

/* A MAC as the upper six bytes of a word, for comparison with the start of a frame. */
static inline uint64_t eth_mac_word(const uint8_t mac[6])
{
	uint64_t word = 0;

	memcpy((uint8_t *)&word + 2, mac, 6);
	return word;
}

/* The stage that takes EtherType @type_be, or STAGE_drop. */
static inline enum stage eth_next_stage(uint16_t type_be)
{
	switch (type_be) {
	case RTE_BE16(RTE_ETHER_TYPE_IPV4):
		return STAGE_ip4_input;
	case RTE_BE16(RTE_ETHER_TYPE_IPV6):
		return STAGE_ip6_input;
	case RTE_BE16(RTE_ETHER_TYPE_ARP):
		return STAGE_arp;
	default:
		return STAGE_drop;
	}
}

/* Classifies the @len bytes of the frame at @f received on a port with address @mac (IEEE 802.3,
 * 802.1Q; one tag at most, VLAN 0 is a priority tag). */
static inline struct eth_class eth_classify(const uint8_t *f, uint32_t len, const uint8_t mac[6])
{
	struct eth_class c = {.l2_len = 14};
	uint16_t type_be, tci_be;

	if (len < 14) {
		c.reason = DROP_eth_runt;
		return c;
	}
	if ((f[6] & 1) || (f[6] | f[7] | f[8] | f[9] | f[10] | f[11]) == 0) {
		c.reason = DROP_eth_bad_source;
		return c;
	}
	if (f[0] & 1) {
		c.flags = PKT_L2_MULTICAST;
		if (memcmp(f, "\xff\xff\xff\xff\xff\xff", 6) == 0)
			c.flags |= PKT_L2_BROADCAST;
	} else if (memcmp(f, mac, 6) != 0) {
		c.reason = DROP_eth_not_for_us;
		return c;
	}
	memcpy(&type_be, f + 12, 2);
	if (type_be == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		if (len < 18) {
			c.reason = DROP_eth_vlan_runt;
			return c;
		}
		memcpy(&tci_be, f + 14, 2);
		memcpy(&type_be, f + 16, 2);
		c.vlan = rte_be_to_cpu_16(tci_be) & 0xfff;
		c.tagged = true;
		c.l2_len = 18;
	}
	if (type_be == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type_be == RTE_BE16(RTE_ETHER_TYPE_QINQ)) {
		c.reason = DROP_eth_nested_vlan;
		return c;
	}
	c.next = eth_next_stage(type_be);
	if (c.next == STAGE_drop)
		c.reason = DROP_eth_unknown_type;
	return c;
}

#endif
