/* SPDX-License-Identifier: BSD-3-Clause */
/* Lies in neighbour discovery (RFC 4861, 4862). */
#include "tests/unit/hostile.h"

#define NODE     "20010db8000000000000000000000001"
#define STRANGER "20010db8000000000000000000000077"
#define GROUP    "ff020000000000000000000000000001"
#define OUTSIDE  "20010db8006600000000000000000001"
#define SLLA     "0101020000000066"
#define TLLA     "0201020000000066"

/* A solicitation of the node's address, an advertisement, an answer to a solicitation of the node;
 * the rest of the fields and the body follow. */
#define TO_GROUP "eth{dst=solicited} ip6{dst=solicited,hop=255"
#define TO_ALL   "eth{dst=all6} ip6{dst=all,hop=255"
#define TO_NODE  "eth ip6{dst=node,hop=255"
#define NS       "icmp6{type=135,info=0,hex="
#define NA       "icmp6{type=136,info=0x20000000,hex="
#define NA_REPLY "icmp6{type=136,info=0x60000000,hex="

static const struct hostile nd[] = {
	{"a solicitation", TO_GROUP "} " NS NODE "}", SENT},
	{"a solicitation from beyond the link", "eth ip6{dst=node,hop=254} " NS NODE "}",
		DROPPED(nd_bad_hop_limit)},
	{"an advertisement from beyond the link", "eth ip6{dst=node,hop=64} " NA NODE "}",
		DROPPED(nd_bad_hop_limit)},
	{"a solicitation with a code", TO_NODE "} icmp6{type=135,code=1,info=0,hex=" NODE "}",
		DROPPED(nd_bad_message)},
	{"an advertisement with a code", TO_NODE "} icmp6{type=136,code=9,info=0,hex=" NODE "}",
		DROPPED(nd_bad_message)},
	{"a solicitation without a target", TO_NODE "} icmp6{type=135,info=0}",
		DROPPED(nd_bad_message)},
	{"a solicitation of 23 bytes", TO_NODE "} icmp6{type=135,info=0} pad{15}",
		DROPPED(nd_bad_message)},
	{"an advertisement of 23 bytes", TO_NODE "} icmp6{type=136,info=0} pad{15}",
		DROPPED(nd_bad_message)},
	{"a solicitation of a group", TO_NODE "} " NS GROUP "}", DROPPED(nd_bad_message)},
	{"an advertisement of a group", TO_NODE "} " NA GROUP "}", DROPPED(nd_bad_message)},
	{"a solicitation with a wrong checksum", TO_NODE "} icmp6{type=135,csum=1,hex=" NODE "}",
		DROPPED(icmp6_bad_checksum)},
	{"an option of length 0", TO_NODE "} " NS NODE "0100020000000066}", DROPPED(nd_bad_option)},
	{"an ND option beyond the message", TO_NODE "} " NS NODE "0102020000000066}",
		DROPPED(nd_bad_option)},
	{"an ND option of 255 units", TO_NODE "} " NS NODE "05ff020000000066}",
		DROPPED(nd_bad_option)},
	{"half an ND option", TO_NODE "} " NS NODE "01010200}", DROPPED(nd_bad_option)},
	{"one byte of an ND option", TO_NODE "} " NS NODE "01}", DROPPED(nd_bad_option)},
	{"a link-layer option of two units",
		TO_NODE "} " NS NODE "01020200000000660000000000000000}", DROPPED(nd_bad_option)},
	{"a link-layer option with a group", TO_NODE "} " NS NODE "0101333300000001}",
		DROPPED(nd_bad_option)},
	{"a link-layer option with nothing", TO_NODE "} " NS NODE "0101000000000000}",
		DROPPED(nd_bad_option)},
	{"an advertisement with a broadcast MAC", TO_NODE "} " NA STRANGER "0201ffffffffffff}",
		DROPPED(nd_bad_option)},
	{"a bad option behind a good one", TO_NODE "} " NS NODE SLLA "0e00}",
		DROPPED(nd_bad_option)},
	{"an unknown option", TO_NODE "} " NS NODE "fe01000000000000}", SENT},
	{"a solicitation from nobody by unicast", "eth ip6{src=::,dst=node,hop=255} " NS NODE "}",
		DROPPED(ip6_bad_source)},
	{"a solicitation from nobody to all", TO_ALL ",src=::} " NS NODE "}",
		DROPPED(nd_bad_message)},
	{"a solicitation from nobody with a MAC", TO_GROUP ",src=::} " NS NODE SLLA "}",
		DROPPED(nd_bad_message)},
	{"an advertisement from nobody", TO_ALL ",src=::} " NA STRANGER TLLA "}",
		DROPPED(nd_bad_message)},
	{"a solicited advertisement to all", TO_ALL "} " NA_REPLY STRANGER TLLA "}",
		DROPPED(nd_bad_message)},
	{"a solicitation in a group's name", TO_NODE ",src=ff02::1} " NS NODE "}",
		DROPPED(ip6_bad_source)},
	{"another's probe for our address", TO_GROUP ",src=::} " NS NODE "}", SENT},
	{"a solicitation from beyond the subnet", TO_NODE ",src=2001:db8:66::1} " NS NODE "}",
		SENT},
	{"a solicitation of a stranger from beyond the subnet",
		TO_NODE ",src=2001:db8:66::1} " NS STRANGER "}", DROPPED(nd_not_for_us)},
	{"an advertisement from beyond the subnet", TO_NODE "} " NA OUTSIDE TLLA "}",
		DROPPED(nd_off_subnet)},
	{"a solicitation of a stranger", TO_NODE "} " NS STRANGER "}", DROPPED(nd_not_for_us)},
	{"a solicitation of the other port's address",
		TO_NODE "} " NS "20010db8000100000000000000000001}", DROPPED(nd_not_for_us)},
	{"our own solicitation come back",
		"eth{src=node,dst=solicited} ip6{src=node,dst=solicited,"
		"hop=255} " NS NODE "}",
		DROPPED(nd_not_for_us)},
	{"an advertisement nobody asked for", TO_NODE "} " NA_REPLY STRANGER TLLA "}",
		DROPPED(nd_unsolicited)},
	{"an advertisement of a stranger to all", TO_ALL "} " NA STRANGER TLLA "}",
		DROPPED(nd_unsolicited)},
	{"an advertisement of our address", TO_ALL "} " NA NODE TLLA "}", DEFENDED(nd_duplicate)},
	{"a solicitation in our name", TO_GROUP ",src=node} " NS STRANGER SLLA "}",
		DEFENDED(nd_duplicate)},
	{"an advertisement against a static neighbour",
		"eth{src=02:00:00:00:00:66} ip6{dst=node,hop=255} " NA_REPLY
		"20010db8000000000000000000000002" TLLA "}",
		CONSUMED},
	{"a router solicitation", TO_ALL "} icmp6{type=133,info=0}", DROPPED(icmp6_unhandled)},
	{"a router advertisement of nobody", TO_ALL "} icmp6{type=134,info=0} pad{8}",
		DROPPED(icmp6_unhandled)},
	{"an ICMPv6 redirect", TO_NODE ",src=fe80::2} icmp6{type=137,info=0,hex=" NODE NODE "}",
		DROPPED(icmp6_unhandled)},
	{"a solicitation behind hop-by-hop options", TO_NODE "} hbh " NS NODE "}",
		DROPPED(nd_bad_message)},
	{"a solicitation behind a fragment header", TO_NODE "} frag " NS NODE "}",
		DROPPED(nd_bad_message)},
	{"a fragment of a solicitation", TO_NODE "} frag{more=1} " NS NODE "}",
		DROPPED(ip6_local_fragment)},
	{"a solicitation on the wrong VLAN",
		"eth{dst=solicited} vlan{id=10} ip6{dst=solicited,hop=255} " NS NODE "}",
		DROPPED(nd_not_for_us)},
};

const struct hostile_list hostile_nd = {nd, ARRAY_SIZE(nd)};
