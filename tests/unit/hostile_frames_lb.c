/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostile fragments and ICMP errors to services: VIPs 198.18.0.10 and 2001:db8:e::10 with UDP 53
 * (dsr, to the peer) and TCP 80 (nat through 198.18.1.0/30 and 2001:db8:e:1::/126).
 */
#include "tests/unit/hostile.h"

#define VIP4   "eth ip4{dst=198.18.0.10"
#define VIP6   "eth ip6{dst=2001:db8:e::10"
#define POOL4  "eth ip4{dst=198.18.1.1"
#define POOL6  "eth ip6{dst=2001:db8:e:1::1"
#define QUOTE4 "ip4{src=198.18.0.10,dst=192.0.2.2"
#define QUOTE6 "ip6{src=2001:db8:e::10,dst=2001:db8::2"

static const struct hostile fragments[] = {
	{"a fragmented question", VIP4 ",mf=1} udp{dport=53} pad{8}", SENT},
	{"a fragment of 8 bytes of TCP", VIP4 ",mf=1,id=2,next=6} pad{8}",
		DROPPED(lb_fragment_bad)},
	{"a fragment of 16 bytes of TCP", VIP4 ",mf=1,id=2,next=6} pad{16}",
		DROPPED(lb_fragment_bad)},
	{"a fragment over the flags of TCP", VIP4 ",off=1,id=2,next=6} pad{16}",
		DROPPED(lb_fragment_bad)},
	{"a fragment over the checksum of TCP", VIP4 ",off=2,id=2,next=6} pad{16}",
		DROPPED(lb_fragment_bad)},
	{"a first fragment with half a UDP header", VIP4 ",mf=1,id=2,next=17} pad{0}",
		DROPPED(ip4_bad_fragment)},
	{"a fragmented ping to a VIP", VIP4 ",mf=1} icmp4 pad{8}", DROPPED(ip4_local_fragment)},
	{"a later fragment of a ping to a VIP", VIP4 ",off=9,next=1} pad{8}",
		DROPPED(ip4_local_fragment)},
	{"a fragment of GRE to a VIP", VIP4 ",off=9,next=47} pad{8}", DROPPED(ip4_local_fragment)},
	{"a fragment for no flow of the pool", POOL4 ",mf=1} udp{dport=2000} pad{8}",
		DROPPED(lb_nat_no_flow)},
	{"a fragmented IPv6 question", VIP6 "} frag{more=1} udp{dport=53} pad{8}", SENT},
	{"an atomic fragment", VIP6 "} frag udp{dport=53} pad{8}", SENT},
	{"an atomic fragment of half a header", VIP6 "} frag{next=17} pad{5}", DROPPED(lb_runt)},
	{"a first fragment with 8 bytes of TCP", VIP6 "} frag{more=1,next=6} pad{8}",
		DROPPED(lb_fragment_bad)},
	{"a first fragment that ends before its header",
		VIP6 "} frag{more=1} opts{next=17,hex=010400000000}", DROPPED(lb_fragment_bad)},
	{"a fragment over the TCP header", VIP6 "} frag{off=2,next=6} pad{16}",
		DROPPED(lb_fragment_bad)},
	{"a fragment for no flow of the IPv6 pool", POOL6 "} frag{more=1} udp{dport=2000} pad{8}",
		DROPPED(lb_nat_no_flow)},
};

static const struct hostile quotes[] = {
	{"an error about a question",
		VIP4 "} icmp4{type=3,code=4,info=1400} " QUOTE4 "} udp{sport=53,dport=4096}", SENT},
	{"an error about no TCP flow", VIP4 "} icmp4{type=3} " QUOTE4 "} tcp{sport=80}",
		DROPPED(lb_icmp_no_flow)},
	{"an error about no service", VIP4 "} icmp4{type=3} " QUOTE4 "} tcp{sport=81}",
		DROPPED(lb_icmp_no_flow)},
	{"an error with half a header", VIP4 ",next=1} raw{hex=03000000}", DROPPED(lb_icmp_bad)},
	{"an error with a wrong checksum",
		VIP4 "} icmp4{type=3,csum=7} " QUOTE4 "} udp{sport=53,dport=4096}",
		DROPPED(lb_icmp_bad)},
	{"an error about nothing", VIP4 "} icmp4{type=3}", DROPPED(lb_icmp_bad)},
	{"an error about half an IPv4 header", VIP4 "} icmp4{type=11} pad{19}",
		DROPPED(lb_icmp_bad)},
	{"an error about 7 bytes of UDP",
		VIP4 "} icmp4{type=3} " QUOTE4 ",next=17} raw{hex=00351000000000}",
		DROPPED(lb_icmp_bad)},
	{"an error quoting IHL 0",
		VIP4 "} icmp4{type=3} " QUOTE4 ",words=0} udp{sport=53,dport=4096}",
		DROPPED(lb_icmp_bad)},
	{"an error quoting IHL 15 at the end",
		VIP4 "} icmp4{type=3} " QUOTE4 ",words=15} udp{sport=53,dport=4096}",
		DROPPED(lb_icmp_bad)},
	{"an error quoting IPv6 in IPv4",
		VIP4 "} icmp4{type=3} " QUOTE6 "} udp{sport=53,dport=4096}", DROPPED(lb_icmp_bad)},
	{"an error to a VIP about an error",
		VIP4 "} icmp4{type=3} " QUOTE4 "} icmp4{type=3} ip4 udp", DROPPED(lb_icmp_bad)},
	{"an error about a later fragment",
		VIP4 "} icmp4{type=11,code=1} " QUOTE4 ",off=5,next=17} raw{hex=0035100000000000}",
		DROPPED(lb_icmp_bad)},
	{"an error about what the VIP did not send",
		VIP4 "} icmp4{type=3} "
		     "ip4{src=198.51.100.2,dst=192.0.2.2} udp{sport=53,dport=4096}",
		DROPPED(lb_icmp_bad)},
	{"source quench to a VIP", VIP4 "} icmp4{type=4} " QUOTE4 "} udp{sport=53}",
		DROPPED(icmp4_unhandled)},
	{"a redirect to a VIP", VIP4 "} icmp4{type=5} " QUOTE4 "} udp{sport=53}",
		DROPPED(icmp4_unhandled)},
	{"an error to the pool about no flow",
		POOL4 "} icmp4{type=3} "
		      "ip4{src=198.18.1.1,dst=198.51.100.2} tcp{sport=1024,dport=80}",
		DROPPED(lb_icmp_no_flow)},
	{"an error to the pool about a low port",
		POOL4 "} icmp4{type=3} "
		      "ip4{src=198.18.1.1,dst=198.51.100.2} tcp{sport=22,dport=80}",
		DROPPED(lb_icmp_no_flow)},
	{"an IPv6 error about a question",
		VIP6 "} icmp6{type=2,info=1280} " QUOTE6 "} udp{sport=53,dport=4096}", SENT},
	{"an IPv6 error behind options",
		VIP6 "} opts{hex=010400000000} icmp6{type=1} " QUOTE6
		     "} opts{hex=010400000000} udp{sport=53,dport=4096}",
		SENT},
	{"an IPv6 error about no TCP flow", VIP6 "} icmp6{type=1} " QUOTE6 "} tcp{sport=80}",
		DROPPED(lb_icmp_no_flow)},
	{"an IPv6 error with a wrong checksum",
		VIP6 "} icmp6{type=1,csum=7} " QUOTE6 "} udp{sport=53,dport=4096}",
		DROPPED(lb_icmp_bad)},
	{"an IPv6 error about half a header", VIP6 "} icmp6{type=3} pad{39}", DROPPED(lb_icmp_bad)},
	{"an IPv6 error about 7 bytes of UDP",
		VIP6 "} icmp6{type=3} " QUOTE6 ",next=17} raw{hex=00351000000000}",
		DROPPED(lb_icmp_bad)},
	{"an IPv6 error quoting options to its end",
		VIP6 "} icmp6{type=3} " QUOTE6 "} opts{next=17,len=9,hex=010400000000}",
		DROPPED(lb_icmp_bad)},
	{"an IPv6 error about a later fragment",
		VIP6 "} icmp6{type=3,code=1} " QUOTE6
		     "} frag{off=5,next=17} raw{hex=0035100000000000}",
		DROPPED(lb_icmp_bad)},
	{"an IPv6 error about an error", VIP6 "} icmp6{type=1} " QUOTE6 "} icmp6{type=1} ip6",
		DROPPED(lb_icmp_bad)},
	{"an IPv6 error from the link to a VIP",
		"eth ip6{src=fe80::2,dst=2001:db8:e::10} "
		"icmp6{type=1} " QUOTE6 "} udp{sport=53,dport=4096}",
		DROPPED(ip6_scope)},
	{"an IPv6 error of type 0", VIP6 "} icmp6{type=0} " QUOTE6 "} udp{sport=53}",
		DROPPED(icmp6_unhandled)},
	{"an IPv6 error to the pool about no flow",
		POOL6 "} icmp6{type=1} "
		      "ip6{src=2001:db8:e:1::1,dst=2001:db8:1::2} tcp{sport=1024,dport=80}",
		DROPPED(lb_icmp_no_flow)},
};

const struct hostile_list hostile_lb_fragments = {fragments, ARRAY_SIZE(fragments)};
const struct hostile_list hostile_lb_quotes = {quotes, ARRAY_SIZE(quotes)};
