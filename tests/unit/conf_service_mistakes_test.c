/* SPDX-License-Identifier: BSD-3-Clause */
/* What a person may write wrongly about a service, its backends and its probes, each with the exact
 * sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/conf/conf.h"

/* A good node on lines 1 to 5; the mistake is on line 6. */
#define NODE                                                                                       \
	"node:\n  name: n1\n  workers: [1]\n  ports:\n"                                            \
	"    - {name: lan, device: d0, addresses: [192.0.2.1/24, '2001:db8::1/64']}\n"

/* A pool on line 6; services begin on line 8. */
#define POOL "nat: {pool: [203.0.113.200/29]}\n"

struct mistake {
	const char *text;
	const char *sentence; /* after "t.yaml:" */
};

static const struct mistake service_mistakes[] = {
	{NODE "services: 5\n", "6:11: \"services\" must be a list of maps, not one value (a list "
			       "of {name, vip, port, protocol, mode, backends})"},
	{NODE "services: [web]\n", "6:12: each item of \"services\" must be a map of keys, not one "
				   "value (a list of {name, vip, port, protocol, mode, backends})"},
	{NODE POOL "services:\n- {vip: 203.0.113.10, port: 80, mode: nat, backends: [{address: "
		   "192.0.2.21}]}\n",
		"8:3: service has no \"name\" (what it is called: web)"},
	{NODE POOL "services:\n- {name: web, port: 80, mode: nat, backends: [{address: "
		   "192.0.2.21}]}\n",
		"8:3: service \"web\" has no \"vip\" (the address clients use, or a prefix of "
		"them: 203.0.113.10)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, mode: nat, backends: [{address: "
		   "192.0.2.21}]}\n",
		"8:3: service \"web\" has no \"port\" (the port clients use, or any)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, backends: [{address: "
		   "192.0.2.21}]}\n",
		"8:3: service \"web\" has no \"mode\" (how packets reach a backend: nat, dsr, ipip "
		"or gue)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat}\n",
		"8:3: service \"web\" has no \"backends\" (a list of {address, port, weight})"},
	{NODE POOL
		"services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: []}\n",
		"8:65: \"backends\" is an empty list (a list of {address, port, weight})"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, bakcends: "
		   "[{address: 192.0.2.21}]}\n",
		"8:55: unknown key \"bakcends\" in service \"web\" (did you mean \"backends\"?)"},
	{NODE POOL "services:\n- {name: 1web}\n", "8:10: name \"1web\" must be a letter followed "
						  "by letters, digits, \".\", \"_\" or \"-\""},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n- {name: web}\n",
		"9:10: the name \"web\" is taken by the service at line 8"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10/24}\n",
		"8:20: vip \"203.0.113.10/24\" has host bits set (did you mean 203.0.113.0/24?)"},
	{NODE POOL "services:\n- {name: web, vip: '2001:db8:1::1/64'}\n",
		"8:20: vip \"2001:db8:1::1/64\" has host bits set (did you mean 2001:db8:1::/64?)"},
	{NODE POOL "services:\n- {name: web, vip: 224.0.0.1}\n",
		"8:20: vip 224.0.0.1 is a multicast address (use addresses that are routed)"},
	{NODE POOL "services:\n- {name: web, vip: 127.0.0.1}\n",
		"8:20: vip 127.0.0.1 is a loopback address (use addresses that are routed)"},
	{NODE POOL "services:\n- {name: web, vip: 0.0.0.0}\n",
		"8:20: vip 0.0.0.0 is the unspecified address (use addresses that are routed)"},
	{NODE POOL "services:\n- {name: web, vip: 0.0.0.0/0}\n",
		"8:20: vip 0.0.0.0/0 is too large (its length is at least 8)"},
	{NODE POOL "services:\n- {name: web, vip: 255.255.255.255}\n",
		"8:20: vip 255.255.255.255 is in the reserved 240.0.0.0/4 (use addresses that are "
		"routed)"},
	{NODE POOL "services:\n- {name: web, vip: '::'}\n",
		"8:20: vip :: is the unspecified address (use addresses that are routed)"},
	{NODE POOL "services:\n- {name: web, vip: 'ff02::1'}\n",
		"8:20: vip ff02::1 is a multicast address (use addresses that are routed)"},
	{NODE POOL "services:\n- {name: web, vip: 'fe80::1'}\n",
		"8:20: vip fe80::1 is link-local (use addresses that are routed)"},
	{NODE POOL "services:\n- {name: web, vip: web.example}\n",
		"8:20: vip \"web.example\" must be an address or a prefix: 203.0.113.10, "
		"203.0.113.0/28 or 2001:db8::/64"},
	{NODE POOL "services:\n- {name: web, port: 0}\n",
		"8:21: port \"0\" must be a number from 1 to 65535, or any"},
	{NODE POOL "services:\n- {name: web, port: 65536}\n",
		"8:21: port \"65536\" must be a number from 1 to 65535, or any"},
	{NODE POOL "services:\n- {name: web, port: http}\n",
		"8:21: port \"http\" must be a number from 1 to 65535, or any"},
	{NODE POOL "services:\n- {name: web, protocol: sctp}\n",
		"8:25: protocol \"sctp\" must be tcp | udp"},
	{NODE POOL "services:\n- {name: web, protocol: tpc}\n",
		"8:25: protocol \"tpc\" must be tcp | udp (did you mean \"tcp\"?)"},
	{NODE POOL "services:\n- {name: web, mode: tunnel}\n",
		"8:21: mode \"tunnel\" must be nat | dsr | ipip | gue"},
	{NODE POOL "services:\n- {name: web, mode: dsl}\n",
		"8:21: mode \"dsl\" must be nat | dsr | ipip | gue (did you mean \"dsr\"?)"},
	{NODE POOL "services:\n- {name: web, panic_threshold: 30}\n",
		"8:32: panic_threshold \"30\" must be a share from 0% to 100%"},
	{NODE POOL "services:\n- {name: web, panic_threshold: 101%}\n",
		"8:32: panic_threshold \"101%\" must be a share from 0% to 100%"},
	{NODE POOL "services:\n- {name: web, panic_threshold: -1%}\n",
		"8:32: panic_threshold \"-1%\" must be a share from 0% to 100%"},
	{NODE POOL "services:\n- {name: web, panic_threshold: 0.3}\n",
		"8:32: panic_threshold \"0.3\" must be a share from 0% to 100%"},
};

static const struct mistake backend_mistakes[] = {
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[192.0.2.21]}\n",
		"8:66: each item of \"backends\" must be a map of keys, not one value (a list of "
		"{address, port, weight})"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{port: 80}]}\n",
		"8:66: backend has no \"address\" (its IPv4 or IPv6 address)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21/32}]}\n",
		"8:76: address \"192.0.2.21/32\" must be one address, without a prefix length"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 239.0.0.1}]}\n",
		"8:76: address 239.0.0.1 is a multicast address, which no host has"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21, port: 0}]}\n",
		"8:94: port \"0\" must be a number from 1 to 65535"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21, port: 65536}]}\n",
		"8:94: port \"65536\" must be a number from 1 to 65535"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21, port: any}]}\n",
		"8:94: port \"any\" must be a number from 1 to 65535"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21, weight: 256}]}\n",
		"8:96: weight \"256\" must be a number from 0 to 255"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21, wieght: 2}]}\n",
		"8:88: unknown key \"wieght\" in backend \"192.0.2.21\" (did you mean "
		"\"weight\"?)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21, weight: 0}, {address: 192.0.2.22, weight: 0}]}\n",
		"8:76: every backend of service \"web\" has weight 0 (give one of them a share, or "
		"remove the service)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}, {address: 192.0.2.22}, {address: 192.0.2.21}]}\n",
		"8:122: backend 192.0.2.21, port 80, is twice in service \"web\" (use weight for a "
		"larger share)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21, port: 80}, {address: 192.0.2.21}]}\n",
		"8:109: backend 192.0.2.21, port 80, is twice in service \"web\" (use weight for a "
		"larger share)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}, {address: '2001:db8::21'}]}\n",
		"8:99: backend 2001:db8::21 is not of the family of vip 203.0.113.10 (make one "
		"service per IP version)"},
	{NODE POOL "services:\n- {name: web, vip: '2001:db8:1::1', port: 80, mode: dsr, backends: "
		   "[{address: 192.0.2.21}]}\n",
		"8:79: backend 192.0.2.21 is not of the family of vip 2001:db8:1::1 (make one "
		"service per IP version)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 203.0.113.10}]}\n",
		"8:76: backend 203.0.113.10 is an address of vip 203.0.113.10 of service \"web\" "
		"(use that of a host)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 203.0.113.201}]}\n",
		"8:76: backend 203.0.113.201 is an address of nat pool 203.0.113.200/29 (use that "
		"of a host)"},
	{NODE POOL "services:\n- {name: a, vip: 203.0.113.0/28, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n- {name: web, vip: 203.0.113.32, port: 80, mode: "
		   "nat, backends: [{address: 203.0.113.7}]}\n",
		"9:76: backend 203.0.113.7 is an address of vip 203.0.113.0/28 of service \"a\" "
		"(use that of a host)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.1}]}\n",
		"8:76: backend 192.0.2.1 is an address of this node (use that of another host)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.255}]}\n",
		"8:76: backend 192.0.2.255 is the broadcast address of its subnet (use that of a "
		"host)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.0}]}\n",
		"8:76: backend 192.0.2.0 is the network address of its subnet (use that of a "
		"host)"},
	{NODE POOL "services:\n- {name: web, vip: '2001:db8:1::1', port: 80, mode: dsr, backends: "
		   "[{address: '2001:db8::'}]}\n",
		"8:79: backend 2001:db8:: is the subnet-router anycast address of its subnet (use "
		"that of a host)"},
	{NODE POOL "services:\n- {name: web, vip: '2001:db8:1::1', port: 80, mode: dsr, backends: "
		   "[{address: 'fe80::9'}]}\n",
		"8:79: backend fe80::9 is link-local (use an address that is routed)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 10.0.0.1}]}\n",
		"8:76: backend 10.0.0.1 cannot be reached (add a route to it, or an interface "
		"address whose subnet contains it)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 10.0.0.1}]}\nroutes:\n- {prefix: 10.0.0.0/8, action: blackhole}\n",
		"8:76: backend 10.0.0.1 cannot be reached: the route at t.yaml:10:12 discards what "
		"goes there (change the route or the backend)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: dsr, backends: "
		   "[{address: 10.0.0.1}]}\n",
		"8:76: backend 10.0.0.1 is in no connected subnet, which mode dsr needs (add an "
		"interface address whose subnet contains it, or use ipip, gue or nat)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: dsr, backends: "
		   "[{address: 10.0.0.1}]}\nroutes:\n- {prefix: 10.0.0.0/8, via: 192.0.2.9}\n",
		"8:76: backend 10.0.0.1 is in no connected subnet, which mode dsr needs (add an "
		"interface address whose subnet contains it, or use ipip, gue or nat)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: dsr, backends: "
		   "[{address: 192.0.2.21, port: 8080}]}\n",
		"8:94: port 8080 of a backend of service \"web\" differs from the service's, 80, "
		"which mode dsr cannot change (remove the port, or use mode nat)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: any, mode: dsr, backends: "
		   "[{address: 192.0.2.21, port: 8080}]}\n",
		"8:95: port 8080 of a backend of service \"web\": mode dsr cannot change the port "
		"the client chose (remove the port, or use mode nat)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: any, mode: ipip, backends: "
		   "[{address: 192.0.2.21, port: 8080}]}\n",
		"8:96: port 8080 of a backend of service \"web\": mode ipip cannot change the port "
		"the client chose (remove the port, or use mode nat)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: any, mode: gue, backends: "
		   "[{address: 192.0.2.21, port: 8080}]}\n",
		"8:95: port 8080 of a backend of service \"web\": mode gue cannot change the port "
		"the client chose (remove the port, or use mode nat)"},
};

/* An interface with so small an mtu on line 5, another with routes to more hosts on line 6. */
#define NARROW(mtu)                                                                                \
	"node:\n  name: n1\n  workers: [1]\n  ports:\n"                                            \
	"    - {name: lan, device: d0, mtu: " mtu ", addresses: ['2001:db8::1/64']}\n"             \
	"    - {name: wan, device: d1, addresses: [192.0.2.1/24, '2001:db8:2::1/64']}\n"           \
	"routes: [{prefix: '2001:db8:3::/64', via: ['2001:db8:2::9', '2001:db8::9']}]\n"           \
	"services:\n- {name: web, vip: '2001:db8:1::1', port: 80, mode: "

static const struct mistake tunnel_mistakes[] = {
	{NARROW("1319") "ipip, backends: [{address: '2001:db8:2::21'}, {address: "
			"'2001:db8::21'}]}\n",
		"9:109: backend 2001:db8::21: mtu 1319 of interface \"lan\" leaves 1279 bytes to a "
		"packet in a tunnel of mode ipip, and IPv6 needs 1280 (raise that mtu to 1320, or "
		"use dsr or nat)"},
	{NARROW("1327") "gue, backends: [{address: '2001:db8::21'}]}\n",
		"9:79: backend 2001:db8::21: mtu 1327 of interface \"lan\" leaves 1279 bytes to a "
		"packet in a tunnel of mode gue, and IPv6 needs 1280 (raise that mtu to 1328, or "
		"use dsr or nat)"},
	{NARROW("1300") "gue, backends: [{address: '2001:db8:3::7'}]}\n",
		"9:79: backend 2001:db8:3::7: mtu 1300 of interface \"lan\" leaves 1252 bytes to a "
		"packet in a tunnel of mode gue, and IPv6 needs 1280 (raise that mtu to 1328, or "
		"use dsr or nat)"},
};

static const char *const tunnels_with_room[] = {
	NARROW("1320") "ipip, backends: [{address: '2001:db8::21'}, {address: '2001:db8:3::7'}]}\n",
	NARROW("1328") "gue, backends: [{address: '2001:db8::21'}]}\n",
	NARROW("1280") "gue, backends: [{address: '2001:db8:2::21'}]}\n",
	NARROW("1280") "dsr, backends: [{address: '2001:db8::21'}]}\n",
};

static const struct mistake health_mistakes[] = {
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: tcp}\n",
		"9:12: \"health\" must be a map of keys, not one value (how backends are probed: "
		"{probe: tcp, interval: 2s})"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {prob: tcp}}\n",
		"9:13: unknown key \"prob\" in health (did you mean \"probe\"?)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {probe: http}}\n",
		"9:20: probe \"http\" must be none | tcp | icmp | udp"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {port: 0}}\n",
		"9:19: port \"0\" must be a number from 1 to 65535"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {interval: 2}}\n",
		"9:23: interval \"2\" must be a time from 100ms to 1h, with its unit: ms, s, m or "
		"h"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {interval: 99ms}}\n",
		"9:23: interval \"99ms\" must be a time from 100ms to 1h, with its unit: ms, s, m "
		"or h"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {interval: 2h}}\n",
		"9:23: interval \"2h\" must be a time from 100ms to 1h, with its unit: ms, s, m or "
		"h"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {timeout: 9ms}}\n",
		"9:22: timeout \"9ms\" must be a time from 10ms to 1h, with its unit: ms, s, m or "
		"h"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {timeout: 3s}}\n",
		"9:22: timeout is longer than the interval of the probes, 2000 ms (make it at most "
		"that)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {interval: 200ms, timeout: "
		   "201ms}}\n",
		"9:39: timeout is longer than the interval of the probes, 200 ms (make it at most "
		"that)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {rise: 0}}\n",
		"9:19: rise \"0\" must be a number from 1 to 100"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {fall: 101}}\n",
		"9:19: fall \"101\" must be a number from 1 to 100"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {probe: udp}}\n",
		"9:20: a udp probe needs \"request\": what it sends, text with \\xNN for other "
		"bytes"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {probe: udp, expect: x}}\n",
		"9:20: a udp probe needs \"request\": what it sends, text with \\xNN for other "
		"bytes"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: udp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {expect: x}}\n",
		"9:12: a udp probe needs \"request\": what it sends, text with \\xNN for other "
		"bytes"},
	{NODE POOL
		"services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: nat, "
		"backends: [{address: 192.0.2.21}],\n   health: {probe: tcp, request: x}}\n",
		"9:34: a probe of kind tcp sends no request and expects no text (use probe: udp, "
		"or remove this)"},
	{NODE POOL
		"services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: nat, "
		"backends: [{address: 192.0.2.21}],\n   health: {probe: icmp, expect: x}}\n",
		"9:34: a probe of kind icmp sends no request and expects no text (use probe: udp, "
		"or remove this)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {probe: icmp, port: 80}}\n",
		"9:32: a probe of kind icmp has no port (use probe: tcp, or remove this)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {probe: none, port: 80}}\n",
		"9:32: a probe of kind none has no port (use probe: tcp, or remove this)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: udp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {interval: 1s}}\n",
		"9:12: health of the udp service \"web\" has no \"probe\" (udp with a request, "
		"icmp, tcp, or none)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: any, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {probe: tcp}}\n",
		"9:20: a tcp probe of service \"web\", which is on any port, needs \"port\": the "
		"one to probe (or use probe: icmp)"},
	{NODE POOL
		"services:\n- {name: web, vip: 203.0.113.10, port: any, protocol: udp, mode: nat, "
		"backends: [{address: 192.0.2.21}],\n   health: {probe: udp, request: x}}\n",
		"9:20: a udp probe of service \"web\", which is on any port, needs \"port\": the "
		"one to probe (or use probe: icmp)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {probe: udp, request: "
		   "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}}\n",
		"9:34: what a probe sends or expects is longer than 64 bytes"},
	{NODE POOL
		"services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: nat, "
		"backends: [{address: 192.0.2.21}],\n   health: {probe: udp, request: x, expect: "
		"'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
		"\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\"
		"x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x0"
		"0\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'"
		"}}\n",
		"9:45: what a probe sends or expects is longer than 64 bytes"},
	{NODE POOL
		"services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: nat, "
		"backends: [{address: 192.0.2.21}],\n   health: {probe: udp, request: '\\'}}\n",
		"9:34: what a probe sends or expects must be ASCII text with \\n, \\r, \\t, \\\\, "
		"and \\xNN for other bytes, in single quotes: '\\x00\\xff'"},
	{NODE POOL
		"services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: nat, "
		"backends: [{address: 192.0.2.21}],\n   health: {probe: udp, request: '\\x0'}}\n",
		"9:34: what a probe sends or expects must be ASCII text with \\n, \\r, \\t, \\\\, "
		"and \\xNN for other bytes, in single quotes: '\\x00\\xff'"},
	{NODE POOL
		"services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: nat, "
		"backends: [{address: 192.0.2.21}],\n   health: {probe: udp, request: '\\q'}}\n",
		"9:34: what a probe sends or expects must be ASCII text with \\n, \\r, \\t, \\\\, "
		"and \\xNN for other bytes, in single quotes: '\\x00\\xff'"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {probe: udp, request: "
		   "\"\\xff\"}}\n",
		"9:34: what a probe sends or expects must be ASCII text with \\n, \\r, \\t, \\\\, "
		"and \\xNN for other bytes, in single quotes: '\\x00\\xff'"},
	{NODE POOL
		"services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: nat, "
		"backends: [{address: 192.0.2.21}],\n   health: {probe: udp, request: [x]}}\n",
		"9:34: \"request\" must be one value, not a list (what a udp probe sends)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {probe: \"udp\\x00\"}}\n",
		"9:20: this value holds a control character"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.10, port: 80, protocol: tcp, mode: "
		   "nat, backends: [{address: 192.0.2.21}],\n   health: {\"probe\\x00\": udp}}\n",
		"9:13: this value holds a control character"},
};

/* Loads each text, which must fail with its sentence and give nothing. */
static void check_mistakes(const struct mistake *mistakes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct conf *conf = (struct conf *)1;
		struct conf_error err = {0};
		char expected[600];

		assert_true(conf_load_text("t.yaml", mistakes[i].text, strlen(mistakes[i].text),
				    &conf, &err) < 0);
		snprintf(expected, sizeof(expected), "t.yaml:%s", mistakes[i].sentence);
		assert_string_equal(err.text, expected);
		assert_null(conf);
	}
}

static void wrong_keys_of_a_service_are_refused(void **state)
{
	check_mistakes(service_mistakes, ARRAY_SIZE(service_mistakes));
}

static void wrong_backends_are_refused(void **state)
{
	check_mistakes(backend_mistakes, ARRAY_SIZE(backend_mistakes));
}

static void tunnels_without_room_for_ipv6_are_refused(void **state)
{
	check_mistakes(tunnel_mistakes, ARRAY_SIZE(tunnel_mistakes));
	for (size_t i = 0; i < ARRAY_SIZE(tunnels_with_room); i++) {
		struct conf_error err = {0};
		struct conf *conf = NULL;

		conf_load_text(
			"t.yaml", tunnels_with_room[i], strlen(tunnels_with_room[i]), &conf, &err);
		assert_string_equal(err.text, "");
		conf_free(conf);
	}
}

static void probes_that_cannot_be_sent_are_refused(void **state)
{
	check_mistakes(health_mistakes, ARRAY_SIZE(health_mistakes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_keys_of_a_service_are_refused),
		cmocka_unit_test(wrong_backends_are_refused),
		cmocka_unit_test(tunnels_without_room_for_ipv6_are_refused),
		cmocka_unit_test(probes_that_cannot_be_sent_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
