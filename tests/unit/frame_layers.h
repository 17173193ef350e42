/* SPDX-License-Identifier: BSD-3-Clause */
/* The layers of tests/unit/frame.h as data: fixed parts of good packets and their fields. */
#ifndef TESTS_UNIT_FRAME_LAYERS_H
#define TESTS_UNIT_FRAME_LAYERS_H

#include "lib/base/base.h"

#define LAYER_FIELDS_MAX 14
#define LAYER_FIXED_MAX  40

enum layer_id {
	LAYER_ETH,
	LAYER_VLAN,
	LAYER_ARP,
	LAYER_IP4,
	LAYER_IP6,
	LAYER_HBH,
	LAYER_OPTS,
	LAYER_RT,
	LAYER_FRAG,
	LAYER_AUTH,
	LAYER_ICMP4,
	LAYER_ICMP6,
	LAYER_UDP,
	LAYER_TCP,
	LAYER_COUNT,
};

/* A field of @bits at @bit from the start of its layer. */
struct layer_field {
	const char *name;
	uint16_t bit;
	uint16_t bits;
};

/* Names of the fields that are filled in when they are not given: "next" (the protocol of the layer
 * above it), "len", "words" (header length) and "csum". */
struct layer {
	const char *name;
	uint16_t fixed_bytes;
	uint16_t multiple;  /* of bytes, zeros are added */
	uint16_t ethertype; /* how an Ethernet header announces it; 0: not at all */
	int16_t proto;      /* how an IP header does; -1: not at all */
	uint8_t fixed[LAYER_FIXED_MAX];
	struct layer_field fields[LAYER_FIELDS_MAX];
};

static const struct layer layers[LAYER_COUNT] = {
	[LAYER_ETH] = {"eth", 14, 1, 0, -1, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xaa, 0x88, 0xb5},
		{{"dst", 0, 48}, {"src", 48, 48}, {"next", 96, 16}}},
	[LAYER_VLAN] = {"vlan", 4, 1, 0x8100, -1, {0, 10, 0x88, 0xb5},
		{{"id", 4, 12}, {"prio", 0, 3}, {"next", 16, 16}}},
	[LAYER_ARP] = {"arp", 28, 1, 0x0806, -1,
		{0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0xaa, 192, 0, 2, 2, 0, 0, 0, 0, 0, 0, 192,
			0, 2, 1},
		{{"hw", 0, 16}, {"proto", 16, 16}, {"hlen", 32, 8}, {"plen", 40, 8}, {"op", 48, 16},
			{"sha", 64, 48}, {"spa", 112, 32}, {"tha", 144, 48}, {"tpa", 192, 32}}},
	[LAYER_IP4] = {"ip4", 20, 1, 0x0800, 4,
		{0x45, 0, 0, 0, 0, 1, 0, 0, 64, 253, 0, 0, 192, 0, 2, 2, 198, 51, 100, 2},
		{{"ver", 0, 4}, {"words", 4, 4}, {"tos", 8, 8}, {"len", 16, 16}, {"id", 32, 16},
			{"evil", 48, 1}, {"df", 49, 1}, {"mf", 50, 1}, {"off", 51, 13},
			{"ttl", 64, 8}, {"next", 72, 8}, {"csum", 80, 16}, {"src", 96, 32},
			{"dst", 128, 32}}},
	[LAYER_IP6] = {"ip6", 40, 1, 0x86dd, 41,
		{0x60, 0, 0, 0, 0, 0, 59, 64, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
			2, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
		{{"ver", 0, 4}, {"class", 4, 8}, {"label", 12, 20}, {"len", 32, 16},
			{"next", 48, 8}, {"hop", 56, 8}, {"src", 64, 128}, {"dst", 192, 128}}},
	[LAYER_HBH] = {"hbh", 2, 8, 0, 0, {59, 0}, {{"next", 0, 8}, {"len", 8, 8}}},
	[LAYER_OPTS] = {"opts", 2, 8, 0, 60, {59, 0}, {{"next", 0, 8}, {"len", 8, 8}}},
	[LAYER_RT] = {"rt", 4, 8, 0, 43, {59, 0, 0, 0},
		{{"next", 0, 8}, {"len", 8, 8}, {"type", 16, 8}, {"left", 24, 8}}},
	[LAYER_FRAG] = {"frag", 8, 8, 0, 44, {59, 0, 0, 0, 0, 0, 0, 1},
		{{"next", 0, 8}, {"reserved", 8, 8}, {"off", 16, 13}, {"more", 31, 1},
			{"id", 32, 32}}},
	[LAYER_AUTH] = {"auth", 12, 8, 0, 51, {59, 0}, {{"next", 0, 8}, {"len", 8, 8}}},
	[LAYER_ICMP4] = {"icmp4", 8, 1, 0, 1, {8, 0, 0, 0, 0, 1, 0, 1},
		{{"type", 0, 8}, {"code", 8, 8}, {"csum", 16, 16}, {"info", 32, 32}}},
	[LAYER_ICMP6] = {"icmp6", 8, 1, 0, 58, {128, 0, 0, 0, 0, 1, 0, 1},
		{{"type", 0, 8}, {"code", 8, 8}, {"csum", 16, 16}, {"info", 32, 32}}},
	[LAYER_UDP] = {"udp", 8, 1, 0, 17, {0x10, 0, 0x20, 0},
		{{"sport", 0, 16}, {"dport", 16, 16}, {"len", 32, 16}, {"csum", 48, 16}}},
	[LAYER_TCP] = {"tcp", 20, 4, 0, 6,
		{0x10, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20, 0},
		{{"sport", 0, 16}, {"dport", 16, 16}, {"seq", 32, 32}, {"ack", 64, 32},
			{"words", 96, 4}, {"flags", 104, 8}, {"win", 112, 16}, {"csum", 128, 16},
			{"urg", 144, 16}}},
};

#endif
