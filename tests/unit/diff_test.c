/* SPDX-License-Identifier: BSD-3-Clause */
/* The difference of two configurations as text, and which differences need a restart. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/core/diff.h"

#define NODE                                                                                       \
	"node: {name: n1, workers: [1], main: 0, memory: 512M, ports: [{name: lan, "               \
	"device: net_null0, addresses: [192.0.2.1/24]}]}\n"

static struct conf *load(const char *text)
{
	struct conf_error err = {0};
	struct conf *conf;

	if (conf_load_text("test.yaml", text, strlen(text), &conf, &err) < 0)
		fail_msg("%s", err.text);
	return conf;
}

struct diff_case {
	const char *what;
	const char *from, *to;
	const char *diff;
};

static const struct diff_case cases[] = {
	{"nothing", NODE, NODE, ""},
	{"an address more", NODE,
		"node: {name: n1, workers: [1], main: 0, memory: 512M, ports: [{name: lan, device: "
		"net_null0, addresses: [192.0.2.1/24, \"2001:db8::1/64\"]}]}\n",
		"+ address 2001:db8::1/64 on lan\n"},
	{"another mtu", NODE,
		"node: {name: n1, workers: [1], main: 0, memory: 512M, ports: [{name: lan, device: "
		"net_null0, mtu: 1400, addresses: [192.0.2.1/24]}]}\n",
		"~ interface lan (mtu 1500 -> mtu 1400)\n"},
	{"a sub-interface", NODE,
		"node: {name: n1, workers: [1], main: 0, memory: 512M, ports: [{name: lan, device: "
		"net_null0, addresses: [192.0.2.1/24], interfaces: [{name: lan.10, vlan: 10, "
		"addresses: [198.51.100.1/24]}]}]}\n",
		"+ interface lan.10 (vlan 10 on lan, mtu 1500)\n"
		"+ address 198.51.100.1/24 on lan.10\n"},
	{"a neighbour of another MAC",
		NODE "neighbors: [{interface: lan, address: 192.0.2.9, mac: 02:00:00:00:00:01}]\n",
		NODE "neighbors: [{interface: lan, address: 192.0.2.9, mac: 02:00:00:00:00:02}]\n",
		"~ neighbor 192.0.2.9 on lan mac 02:00:00:00:00:01 -> 02:00:00:00:00:02\n"},
	{"a neighbour for another",
		NODE "neighbors: [{interface: lan, address: 192.0.2.9, mac: 02:00:00:00:00:01}]\n",
		NODE "neighbors: [{interface: lan, address: 192.0.2.8, mac: 02:00:00:00:00:01}]\n",
		"+ neighbor 192.0.2.8 on lan mac 02:00:00:00:00:01\n"
		"- neighbor 192.0.2.9 on lan mac 02:00:00:00:00:01\n"},
	{"the order of routes",
		NODE "routes: [{prefix: 10.0.0.0/8, via: 192.0.2.9},\n"
		     "  {prefix: 10.1.0.0/16, action: reject}]\n",
		NODE "routes: [{prefix: 10.1.0.0/16, action: reject},\n"
		     "  {prefix: 10.0.0.0/8, via: 192.0.2.9}]\n",
		""},
	{"routes of all kinds",
		NODE
		"routes: [{prefix: 10.0.0.0/8, via: 192.0.2.9},\n"
		"  {prefix: 10.1.0.0/16, action: reject}, {prefix: 10.2.0.0/16, via: 192.0.2.8}]\n",
		NODE
		"routes: [{prefix: 10.3.0.0/16, action: blackhole}, {prefix: 10.2.0.0/16, via: "
		"192.0.2.8},\n  {prefix: 10.0.0.0/8, via: [{address: 192.0.2.9, weight: 3}, "
		"{address: 192.0.2.10}]}]\n",
		"+ route 10.3.0.0/16 blackhole\n"
		"~ route 10.0.0.0/8 via 192.0.2.9 -> via 192.0.2.9 weight 3, 192.0.2.10 weight 1\n"
		"- route 10.1.0.0/16 reject\n"},
	{"another place for metrics", NODE, NODE "metrics: {listen: \"127.0.0.1:9999\"}\n",
		"~ metrics (127.0.0.1 port 9465 -> 127.0.0.1 port 9999)\n"},
};

static void differences_are_said_line_by_line(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf *from = load(cases[i].from), *to = load(cases[i].to);
		size_t len = 0;
		char *text = diff_text(from, to, &len);

		assert_non_null(text);
		if (strcmp(text, cases[i].diff) != 0)
			fail_msg("%s:\n%sinstead of\n%s", cases[i].what, text, cases[i].diff);
		assert_int_equal(len, strlen(text));
		free(text);
		conf_free(from);
		conf_free(to);
	}
}

/* A configuration with @n routes, the prefix number multiplied to shuffle the order. */
static struct conf *with_routes(unsigned n, unsigned factor)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct conf *conf;

	fprintf(f, NODE "routes:\n");
	for (unsigned i = 0; i < n; i++) {
		unsigned k = (unsigned)((unsigned long)i * factor % n);

		fprintf(f, "  - {prefix: 10.%u.%u.0/24, via: 192.0.2.9}\n", k / 256, k % 256);
	}
	fclose(f);
	conf = load(text);
	free(text);
	return conf;
}

static void many_routes_are_summarised(void **state)
{
	struct conf *none = load(NODE), *many = with_routes(1009, 1);
	size_t len = 0, lines = 0;
	char *text = diff_text(none, many, &len);

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, DIFF_ROUTES_MAX + 1);
	assert_non_null(strstr(text, "+ ... and 959 more routes\n"));
	free(text);
	text = diff_text(many, none, &len);
	assert_non_null(strstr(text, "- ... and 959 more routes\n"));
	free(text);
	conf_free(none);
	conf_free(many);
}

static void the_same_routes_in_any_order_are_no_difference(void **state)
{
	struct conf *straight = with_routes(1009, 1), *shuffled = with_routes(1009, 17);
	size_t len = 0;
	char *text = diff_text(straight, shuffled, &len);

	assert_string_equal(text, "");
	free(text);
	conf_free(straight);
	conf_free(shuffled);
}

#define PORTS "ports: [{name: lan, device: net_null0}]}\n"

static const struct {
	const char *what;
	const char *text;
	const char *word; /* in the refusal, NULL: no restart needed */
} restarts[] = {
	{"the same", NODE, NULL},
	{"a route", NODE "routes: [{prefix: 10.0.0.0/8, action: reject}]\n", NULL},
	{"no address", "node: {name: n1, workers: [1], main: 0, memory: 512M, " PORTS, NULL},
	{"the name", "node: {name: n2, workers: [1], main: 0, memory: 512M, " PORTS, "\"name\""},
	{"a worker more", "node: {name: n1, workers: [1, 1], main: 0, memory: 512M, " PORTS,
		"\"workers\""},
	{"another CPU", "node: {name: n1, workers: [0], main: 0, memory: 512M, " PORTS,
		"\"workers\""},
	{"another main", "node: {name: n1, workers: [1], main: 1, memory: 512M, " PORTS,
		"\"main\""},
	{"more memory", "node: {name: n1, workers: [1], main: 0, memory: 1G, " PORTS, "\"memory\""},
	{"hugepages", "node: {name: n1, workers: [1], main: 0, memory: 512M, huge: no, " PORTS,
		"\"huge\""},
	{"idling", "node: {name: n1, workers: [1], main: 0, memory: 512M, idle: poll, " PORTS,
		"\"idle\""},
	{"more flows", "node: {name: n1, workers: [1], main: 0, memory: 512M, flows: 2M, " PORTS,
		"\"flows\""},
	{"another device",
		"node: {name: n1, workers: [1], main: 0, memory: 512M, ports: [{name: lan, device: "
		"net_null1}]}\n",
		"\"device\" of port \"lan\""},
	{"a MAC",
		"node: {name: n1, workers: [1], main: 0, memory: 512M, ports: [{name: lan, device: "
		"net_null0, mac: 02:00:00:00:00:01}]}\n",
		"\"mac\" of port \"lan\""},
	{"a port of another name",
		"node: {name: n1, workers: [1], main: 0, memory: 512M, ports: [{name: wan, device: "
		"net_null0}]}\n",
		"port \"wan\" is new"},
};

static void what_a_running_dataplane_cannot_change_is_refused_by_name(void **state)
{
	struct conf *from = load(NODE);

	for (size_t i = 0; i < ARRAY_SIZE(restarts); i++) {
		struct conf *to = load(restarts[i].text);
		struct base_error err = {0};
		int rc = diff_needs_restart(from, to, &err);

		if (restarts[i].word == NULL ? rc != 0
					     : rc != -EBUSY || !strstr(err.text, restarts[i].word))
			fail_msg("%s: %d %s", restarts[i].what, rc, err.text);
		conf_free(to);
	}
	conf_free(from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_are_said_line_by_line),
		cmocka_unit_test(many_routes_are_summarised),
		cmocka_unit_test(the_same_routes_in_any_order_are_no_difference),
		cmocka_unit_test(what_a_running_dataplane_cannot_change_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
