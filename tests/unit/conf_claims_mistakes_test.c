/* SPDX-License-Identifier: BSD-3-Clause */
/* What a person may write wrongly about VIPs, the NAT pool and the balancer, each with the exact
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

static const struct mistake setting_mistakes[] = {
	{"node: {flows: 999}\n", "1:15: flows \"999\" must be a number from 1k to 64M (k stands "
				 "for thousands, M for millions)"},
	{"node: {flows: 65M}\n", "1:15: flows \"65M\" must be a number from 1k to 64M (k stands "
				 "for thousands, M for millions)"},
	{"node: {flows: 1G}\n", "1:15: flows \"1G\" must be a number from 1k to 64M (k stands for "
				"thousands, M for millions)"},
	{"node: {flows: M}\n", "1:15: flows \"M\" must be a number from 1k to 64M (k stands for "
			       "thousands, M for millions)"},
	{"node: {flows: 1.5M}\n", "1:15: flows \"1.5M\" must be a number from 1k to 64M (k stands "
				  "for thousands, M for millions)"},
	{"node: {flows: 99999999999999999999}\n",
		"1:15: flows \"99999999999999999999\" must be a number from 1k to 64M (k stands "
		"for thousands, M for millions)"},
	{NODE "lb: {new_flow: 5}\n",
		"6:6: unknown key \"new_flow\" in lb (did you mean \"new_flows\"?)"},
	{NODE "lb: {new_flows: 0}\n", "6:17: new_flows \"0\" must be a number from 1 to 100M (k "
				      "stands for thousands, M for millions)"},
	{NODE "lb: {new_flows: -1}\n", "6:17: new_flows \"-1\" must be a number from 1 to 100M (k "
				       "stands for thousands, M for millions)"},
	{NODE "lb: {key: 0011}\n", "6:11: key must be 32 hex digits, the same on all members (make "
				   "one: openssl rand -hex 16)"},
	{NODE "lb: {key: 00112233445566778899aabbccddeefg}\n",
		"6:11: key must be 32 hex digits, the same on all members (make one: openssl rand "
		"-hex 16)"},
	{NODE "lb: {key: 00000000000000000000000000000000}\n",
		"6:11: key must not be all zeros (make one: openssl rand -hex 16)"},
	{NODE "lb: {idle: {tcp_new: 30}}\n", "6:22: tcp_new \"30\" must be a time from 100ms to "
					     "24h, with its unit: ms, s, m or h"},
	{NODE "lb: {idle: {tcp_new: 50ms}}\n", "6:22: tcp_new \"50ms\" must be a time from 100ms "
					       "to 24h, with its unit: ms, s, m or h"},
	{NODE "lb: {idle: {tcp_new: 25h}}\n", "6:22: tcp_new \"25h\" must be a time from 100ms to "
					      "24h, with its unit: ms, s, m or h"},
	{NODE "lb: {idle: {udp_new: forever}}\n", "6:22: udp_new \"forever\" must be a time from "
						  "100ms to 24h, with its unit: ms, s, m or h"},
	{NODE "lb: {idle: {tcp_establised: 1h}}\n",
		"6:13: unknown key \"tcp_establised\" in idle (did you mean \"tcp_established\"?)"},
	{NODE "lb: {idle: 30s}\n", "6:12: \"idle\" must be a map of keys, not one value (how long "
				   "a flow without packets is remembered: {tcp_new: 30s})"},
	{NODE "lb: {tunnel_source: 10.9.0.0/24}\n",
		"6:21: \"tunnel_source\" must be a list, not one value (a list of at most one "
		"prefix per IP version: [10.9.0.0/24])"},
	{NODE "lb: {tunnel_source: []}\n", "6:21: \"tunnel_source\" is an empty list (a list of at "
					   "most one prefix per IP version: [10.9.0.0/24])"},
	{NODE "lb: {tunnel_source: [10.9.0.1/24]}\n", "6:22: tunnel_source \"10.9.0.1/24\" has "
						      "host bits set (did you mean 10.9.0.0/24?)"},
	{NODE "lb: {tunnel_source: [10.9.0.0/24, 10.8.0.0/24]}\n",
		"6:35: tunnel_source has two IPv4 prefixes (remove one of them)"},
	{NODE "lb: {tunnel_source: ['2001:db8:9::/64', '2001:db8:8::/64']}\n",
		"6:41: tunnel_source has two IPv6 prefixes (remove one of them)"},
	{NODE "lb: {tunnel_source: [10.0.0.0/7]}\n",
		"6:22: tunnel_source 10.0.0.0/7 is too large (its length is at least 8)"},
	{NODE "lb: {tunnel_source: ['2000::/15']}\n",
		"6:22: tunnel_source 2000::/15 is too large (its length is at least 16)"},
	{NODE "lb: {tunnel_source: ['fe80::/64']}\n",
		"6:22: tunnel_source fe80::/64 is link-local (use addresses that are routed)"},
	{NODE "lb: {tunnel_source: [lan]}\n",
		"6:22: tunnel_source \"lan\" must be an address or a prefix: 203.0.113.10, "
		"203.0.113.0/28 or 2001:db8::/64"},
};

static const struct mistake pool_mistakes[] = {
	{NODE "nat: {}\n",
		"6:6: nat has no \"pool\" (a list of addresses and prefixes: [203.0.113.200/29])"},
	{NODE "nat: {pool: []}\n", "6:13: \"pool\" is an empty list (a list of addresses and "
				   "prefixes: [203.0.113.200/29])"},
	{NODE "nat: {pool: 203.0.113.200/29}\n",
		"6:13: \"pool\" must be a list, not one value (a list of addresses and prefixes: "
		"[203.0.113.200/29])"},
	{NODE "nat: {pol: [203.0.113.200/29]}\n",
		"6:7: unknown key \"pol\" in nat (did you mean \"pool\"?)"},
	{NODE "nat: {pool: [203.0.113.201/29]}\n", "6:14: pool \"203.0.113.201/29\" has host bits "
						   "set (did you mean 203.0.113.200/29?)"},
	{NODE "nat: {pool: [203.0.113.200/33]}\n",
		"6:14: pool \"203.0.113.200/33\" must be an address or a prefix: 203.0.113.10, "
		"203.0.113.0/28 or 2001:db8::/64"},
	{NODE "nat: {pool: [0.0.0.0]}\n",
		"6:14: pool 0.0.0.0 is the unspecified address (use addresses that are routed)"},
	{NODE "nat: {pool: [224.0.0.0/30]}\n",
		"6:14: pool 224.0.0.0/30 is a multicast address (use addresses that are routed)"},
	{NODE "nat: {pool: ['::1']}\n",
		"6:14: pool ::1 is the loopback address (use addresses that are routed)"},
	{NODE "nat: {pool: [203.0.112.0/21]}\n", "6:14: nat pool 203.0.112.0/21 makes more than "
						 "1024 addresses (use a longer prefix)"},
	{NODE "nat: {pool: [203.0.112.0/22, 198.51.100.1]}\n",
		"6:30: nat pool 198.51.100.1 makes more than 1024 addresses (use a longer prefix)"},
	{NODE "nat: {pool: ['2001:db8:f::/64']}\n", "6:14: nat pool 2001:db8:f::/64 makes more "
						    "than 1024 addresses (use a longer prefix)"},
	{NODE "nat: {pool: [203.0.113.200/29, 203.0.113.204]}\n",
		"6:32: nat pool 203.0.113.204 overlaps nat pool 203.0.113.200/29 at line 6 (give "
		"each its own addresses)"},
	{NODE "nat: {pool: [203.0.113.204, 203.0.113.200/29]}\n",
		"6:29: nat pool 203.0.113.200/29 overlaps nat pool 203.0.113.204 at line 6 (give "
		"each its own addresses)"},
	{NODE "nat: {pool: [203.0.113.204, 203.0.113.204]}\n",
		"6:29: nat pool 203.0.113.204 overlaps nat pool 203.0.113.204 at line 6 (give each "
		"its own addresses)"},
	{NODE "nat: {pool: [192.0.2.1]}\n", "6:14: nat pool 192.0.2.1 is an address of interface "
					    "\"lan\" (use an address of its own)"},
	{NODE "nat: {pool: [192.0.2.0/30]}\n",
		"6:14: nat pool 192.0.2.0/30 contains 192.0.2.1, an address of interface \"lan\" "
		"(use addresses of its own)"},
	{NODE "nat: {pool: [192.0.2.0]}\n",
		"6:14: nat pool 192.0.2.0 is the first address of the subnet of interface \"lan\" "
		"(use an address of its own)"},
	{NODE "nat: {pool: [192.0.2.252/30]}\n",
		"6:14: nat pool 192.0.2.252/30 contains 192.0.2.255, the broadcast address of the "
		"subnet of interface \"lan\" (use addresses of its own)"},
	{NODE "nat: {pool: ['2001:db8::/124']}\n",
		"6:14: nat pool 2001:db8::/124 contains 2001:db8::1, an address of interface "
		"\"lan\" (use addresses of its own)"},
	{NODE "nat: {pool: ['2001:db8::']}\n",
		"6:14: nat pool 2001:db8:: is the first address of the subnet of interface \"lan\" "
		"(use an address of its own)"},
	{NODE "nat: {pool: [203.0.113.200/29]}\nroutes: [{prefix: 203.0.113.200/29, via: "
	      "192.0.2.9}]\n",
		"6:14: nat pool 203.0.113.200/29 is also a route, at t.yaml:7:19 (remove one of "
		"them)"},
	{NODE "nat: {pool: [203.0.113.200/29]}\nroutes: [{prefix: 203.0.113.207/32, via: "
	      "192.0.2.9}]\n",
		"6:14: replies to nat pool 203.0.113.200/29 would leave by route 203.0.113.207 at "
		"t.yaml:7:19 (remove that route)"},
	{NODE "nat: {pool: ['2001:db8:f::/124']}\nroutes: [{prefix: '2001:db8:f::4/126', via: "
	      "'2001:db8::9'}]\n",
		"6:14: replies to nat pool 2001:db8:f::/124 would leave by route 2001:db8:f::4/126 "
		"at t.yaml:7:19 (remove that route)"},
	{NODE "nat: {pool: [192.0.2.9]}\nneighbors: [{interface: lan, address: 192.0.2.9, mac: "
	      "02:00:00:00:00:01}]\n",
		"7:13: neighbor 192.0.2.9 is also nat pool 192.0.2.9 at line 6 (remove one of "
		"them)"},
};

static const struct mistake vip_mistakes[] = {
	{NODE POOL "services:\n- {name: web, vip: 192.0.2.1, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n",
		"8:20: vip 192.0.2.1 of service \"web\" is an address of interface \"lan\" (use an "
		"address of its own)"},
	{NODE POOL "services:\n- {name: web, vip: 192.0.2.0/28, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n",
		"8:20: vip 192.0.2.0/28 of service \"web\" contains 192.0.2.1, an address of "
		"interface \"lan\" (use addresses of its own)"},
	{NODE POOL "services:\n- {name: web, vip: 192.0.2.0/24, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n",
		"8:20: vip 192.0.2.0/24 of service \"web\" contains 192.0.2.1, an address of "
		"interface \"lan\" (use addresses of its own)"},
	{NODE POOL "services:\n- {name: web, vip: 192.0.2.255, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n",
		"8:20: vip 192.0.2.255 of service \"web\" is the broadcast address of the subnet "
		"of interface \"lan\" (use an address of its own)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.200, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n",
		"8:20: vip 203.0.113.200 of service \"web\" overlaps nat pool 203.0.113.200/29 at "
		"line 6 (give each its own addresses)"},
	{NODE POOL "services:\n- {name: web, vip: 203.0.113.192/26, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n",
		"8:20: vip 203.0.113.192/26 of service \"web\" overlaps nat pool 203.0.113.200/29 "
		"at line 6 (give each its own addresses)"},
	{NODE "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: dsr, backends: "
	      "[{address: 192.0.2.21}]}\nnat: {pool: [203.0.113.8/29]}\n",
		"8:14: nat pool 203.0.113.8/29 overlaps vip 203.0.113.10 of service \"web\" at "
		"line 7 (give each its own addresses)"},
	{NODE POOL "services:\n- {name: a, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n- {name: b, vip: 203.0.113.10, port: 80, mode: dsr, "
		   "backends: [{address: 192.0.2.21}]}\n",
		"9:18: vip 203.0.113.10 of service \"b\", protocol tcp, port 80, is already that "
		"of service \"a\" at line 8 (move the backends there, or change one of them)"},
	{NODE POOL "services:\n- {name: a, vip: 203.0.113.10, port: any, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n- {name: b, vip: 203.0.113.10, port: 80, mode: dsr, "
		   "backends: [{address: 192.0.2.21}]}\n- {name: c, vip: 203.0.113.10, port: any, "
		   "mode: dsr, backends: [{address: 192.0.2.21}]}\n",
		"10:18: vip 203.0.113.10 of service \"c\", protocol tcp, port any, is already that "
		"of service \"a\" at line 8 (move the backends there, or change one of them)"},
	{NODE POOL "services:\n- {name: a, vip: 203.0.113.10, port: 80, protocol: udp, mode: nat, "
		   "backends: [{address: 192.0.2.21}]}\n- {name: b, vip: 203.0.113.10, port: 80, "
		   "mode: dsr, backends: [{address: 192.0.2.21}]}\n- {name: c, vip: 203.0.113.10, "
		   "port: 80, protocol: udp, mode: dsr, backends: [{address: 192.0.2.21}]}\n",
		"10:18: vip 203.0.113.10 of service \"c\", protocol udp, port 80, is already that "
		"of service \"a\" at line 8 (move the backends there, or change one of them)"},
	{NODE POOL "services:\n- {name: a, vip: 203.0.113.0/28, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n- {name: b, vip: 203.0.113.10, port: 81, mode: dsr, "
		   "backends: [{address: 192.0.2.21}]}\n",
		"9:18: vip 203.0.113.10 of service \"b\" overlaps vip 203.0.113.0/28 of service "
		"\"a\" at line 8 (give each its own addresses)"},
	{NODE POOL "services:\n- {name: a, vip: 203.0.113.10, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n- {name: b, vip: 203.0.113.0/28, port: 81, mode: "
		   "dsr, backends: [{address: 192.0.2.21}]}\n",
		"9:18: vip 203.0.113.0/28 of service \"b\" overlaps vip 203.0.113.10 of service "
		"\"a\" at line 8 (give each its own addresses)"},
	{NODE POOL "services:\n- {name: a, vip: 203.0.113.0/28, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\n- {name: b, vip: 203.0.113.0/29, port: 81, mode: "
		   "dsr, backends: [{address: 192.0.2.21}]}\n",
		"9:18: vip 203.0.113.0/29 of service \"b\" overlaps vip 203.0.113.0/28 of service "
		"\"a\" at line 8 (give each its own addresses)"},
	{NODE POOL
		"services:\n- {name: a, vip: 203.0.113.0/28, port: 80, mode: nat, backends: "
		"[{address: 192.0.2.21}]}\nroutes:\n- {prefix: 203.0.113.0/28, via: 192.0.2.9}\n",
		"8:18: vip 203.0.113.0/28 of service \"a\" is also a route, at t.yaml:10:12 "
		"(remove one of them)"},
	{NODE POOL
		"services:\n- {name: a, vip: 203.0.113.9, port: 80, mode: nat, backends: "
		"[{address: 192.0.2.21}]}\nroutes:\n- {prefix: 203.0.113.9/32, action: reject}\n",
		"8:18: vip 203.0.113.9 of service \"a\" is also a route, at t.yaml:10:12 (remove "
		"one of them)"},
	{NODE POOL "services:\n- {name: a, vip: 192.0.2.9, port: 80, mode: nat, backends: "
		   "[{address: 192.0.2.21}]}\nneighbors:\n- {interface: lan, address: 192.0.2.9, "
		   "mac: 02:00:00:00:00:01}\n",
		"10:3: neighbor 192.0.2.9 is also vip 192.0.2.9 of service \"a\" at line 8 (remove "
		"one of them)"},
	{NODE "services:\n- {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: "
	      "[{address: 192.0.2.21}]}\n",
		"7:50: mode nat of service \"web\" needs source addresses: there is no IPv4 "
		"address in the pool (nat: {pool: [203.0.113.200/29]})"},
	{NODE POOL "services:\n- {name: web, vip: '2001:db8:1::1', port: 80, mode: nat, backends: "
		   "[{address: '2001:db8::21'}]}\n",
		"8:53: mode nat of service \"web\" needs source addresses: there is no IPv6 "
		"address in the pool (nat: {pool: [\"2001:db8:f::/124\"]})"},
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

static void wrong_settings_of_the_balancer_are_refused(void **state)
{
	check_mistakes(setting_mistakes, ARRAY_SIZE(setting_mistakes));
}

static void wrong_pools_are_refused(void **state)
{
	check_mistakes(pool_mistakes, ARRAY_SIZE(pool_mistakes));
}

static void vips_that_collide_are_refused(void **state)
{
	check_mistakes(vip_mistakes, ARRAY_SIZE(vip_mistakes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_settings_of_the_balancer_are_refused),
		cmocka_unit_test(wrong_pools_are_refused),
		cmocka_unit_test(vips_that_collide_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
