/* SPDX-License-Identifier: BSD-3-Clause */
/* The difference of services, backends, pool and settings of the balancer as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/core/diff.h"

#define NODE                                                                                       \
	"node: {name: n1, workers: [1], main: 0, memory: 512M, ports: [{name: lan, "               \
	"device: net_null0, addresses: [192.0.2.1/24, \"2001:db8::1/64\"]}]}\n"
#define POOL "nat: {pool: [203.0.113.200/29]}\n"
#define WEB(more, backends)                                                                        \
	"services: [{name: web, vip: 203.0.113.10, port: 80, mode: nat, " more                     \
	"backends: [" backends "]}]\n"
#define ONE   "{address: 192.0.2.21, port: 8080}"
#define OTHER "{address: 192.0.2.22, port: 8080, weight: 3}"

struct diff_case {
	const char *what;
	const char *from, *to;
	const char *diff;
};

static const struct diff_case cases[] = {
	{"nothing", NODE POOL WEB("", ONE), NODE POOL WEB("", ONE), ""},
	{"a service more", NODE, NODE POOL WEB("", ONE),
		"+ nat pool 203.0.113.200/29\n"
		"+ service \"web\" 203.0.113.10:80/tcp nat\n"
		"+ backend web 192.0.2.21:8080 weight 1\n"},
	{"a service less", NODE POOL WEB("", ONE ", " OTHER), NODE POOL,
		"- service \"web\" 203.0.113.10:80/tcp nat with 2 backends\n"},
	{"backends", NODE POOL WEB("", ONE), NODE POOL WEB("", OTHER),
		"- backend web 192.0.2.21:8080 weight 1\n"
		"+ backend web 192.0.2.22:8080 weight 3\n"},
	{"the order of backends", NODE POOL WEB("", ONE ", " OTHER),
		NODE POOL WEB("", OTHER ", " ONE), ""},
	{"a weight", NODE POOL WEB("", ONE),
		NODE POOL WEB("", "{address: 192.0.2.21, port: 8080, weight: 5}"),
		"~ backend web 192.0.2.21:8080 weight 1 -> 5\n"},
	{"another port", NODE POOL WEB("", ONE),
		NODE POOL "services: [{name: web, vip: 203.0.113.10, port: 443, mode: nat, "
			  "backends: [" ONE "]}]\n",
		"~ service \"web\" (203.0.113.10:80/tcp nat -> 203.0.113.10:443/tcp nat)\n"},
	{"IPv6, any port, a prefix", NODE,
		NODE "services: [{name: all, vip: \"2001:db8:1::/64\", port: any, protocol: udp, "
		     "mode: dsr, backends: [{address: \"2001:db8::5\"}]},\n"
		     "  {name: one, vip: \"2001:db8:2::1\", port: 53, protocol: udp, mode: ipip, "
		     "backends: [{address: \"2001:db8::5\"}]}]\n",
		"+ service \"all\" [2001:db8:1::/64]:any/udp dsr\n"
		"+ backend all 2001:db8::5 weight 1\n"
		"+ service \"one\" [2001:db8:2::1]:53/udp ipip\n"
		"+ backend one [2001:db8::5]:53 weight 1\n"},
	{"the threshold of panic", NODE POOL WEB("panic_threshold: 50%, ", ONE),
		NODE POOL WEB("panic_threshold: 0%, ", ONE),
		"~ service \"web\" panic_threshold (50 % -> 0 %)\n"},
	{"how health is asked for", NODE POOL WEB("", ONE),
		NODE POOL WEB("health: {probe: none}, ", ONE),
		"~ service \"web\" health (tcp every 2s, timeout 1s, rise 2, fall 3 -> "
		"none)\n"},
	{"the pool", NODE POOL WEB("", ONE), NODE "nat: {pool: [203.0.113.208/29]}\n" WEB("", ONE),
		"- nat pool 203.0.113.200/29\n+ nat pool 203.0.113.208/29\n"},
	{"settings", NODE,
		NODE "lb: {new_flows: 5k, idle: {udp_new: 1500ms, tcp_established: 2h}, "
		     "tunnel_source: [10.9.0.0/24]}\n",
		"~ lb new_flows (1000000 -> 5000)\n"
		"~ lb idle tcp_established (124m -> 2h)\n"
		"~ lb idle udp_new (30s -> 1500ms)\n"
		"~ lb tunnel_source for IPv4 (own address -> 10.9.0.0/24)\n"},
	{"the key, which is not shown", NODE, NODE "lb: {key: 00112233445566778899aabbccddeeff}\n",
		"~ lb key (new flows choose other backends)\n"},
};

static struct conf *load(const char *text)
{
	struct conf_error err = {0};
	struct conf *conf;

	if (conf_load_text("test.yaml", text, strlen(text), &conf, &err) < 0)
		fail_msg("%s", err.text);
	return conf;
}

static void differences_are_said_line_by_line(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf *from = load(cases[i].from), *to = load(cases[i].to);
		size_t len = 0;
		char *text = diff_text(from, to, &len);

		assert_non_null(text);
		if (strcmp(text, cases[i].diff) != 0)
			fail_msg("%s:\n%sinstead of\n%s", cases[i].what, text, cases[i].diff);
		free(text);
		conf_free(from);
		conf_free(to);
	}
}

static void settings_are_no_difference_from_nothing(void **state)
{
	struct conf *to = load(NODE);
	size_t len = 0;
	char *text = diff_text(NULL, to, &len);

	assert_null(strstr(text, "lb "));
	free(text);
	conf_free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_are_said_line_by_line),
		cmocka_unit_test(settings_are_no_difference_from_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
