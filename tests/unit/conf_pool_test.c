/* SPDX-License-Identifier: BSD-3-Clause */
/* How many flows the NAT pool carries, when that is too few, and when it is only said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/conf/conf.h"

#define ADDRESSES "[192.0.2.1/24, '2001:db8::1/64']"
#define NODE(keys)                                                                                 \
	"node: {name: n1, " keys ", ports: [{name: lan, device: d0, addresses: " ADDRESSES "}]}\n"

#define NAT4                                                                                       \
	"- {name: a, vip: 203.0.113.9, port: 80, mode: nat, backends: [{address: 192.0.2.21}]}\n"
#define NAT6                                                                                       \
	"- {name: b, vip: '2001:db8:1::9', port: 80, mode: nat, backends: [{address: "             \
	"'2001:db8::21'}]}\n"
#define DSR4                                                                                       \
	"- {name: c, vip: 203.0.113.8, port: 80, mode: dsr, backends: [{address: 192.0.2.21}]}\n"
#define DSR6                                                                                       \
	"- {name: d, vip: '2001:db8:1::8', port: 80, mode: dsr, backends: [{address: "             \
	"'2001:db8::21'}]}\n"
#define POOL(addresses) "nat: {pool: [" addresses "]}\nservices:\n"

struct pool_case {
	const char *text;
	uint32_t flows4, flows6; /* that the pool carries */
	const char *error;       /* NULL: it is good */
	const char *warnings[CONF_WARNINGS_MAX];
};

static const struct pool_case cases[] = {
	{NODE("workers: [1]") POOL("192.0.2.9") NAT4, 64512, 0, NULL,
		{"nat pool: 1 IPv4 address can carry 64512 flows at a time, node.flows is 1000000 "
		 "(with 16 addresses all of them could be in mode nat)"}},
	{NODE("workers: [1]") POOL("192.0.2.32/28") NAT4, 1032192, 0, NULL, {}},
	{NODE("workers: [1]") POOL("192.0.2.32/29, '2001:db8::f'") NAT4 NAT6, 516096, 64512, NULL,
		{"nat pool: 8 IPv4 addresses can carry 516096 flows at a time, node.flows is "
		 "1000000 (with 16 addresses all of them could be in mode nat)",
			"nat pool: 1 IPv6 address can carry 64512 flows at a time, node.flows is "
			"1000000 (with 16 addresses all of them could be in mode nat)"}},
	{NODE("workers: [1]") POOL("192.0.2.9") DSR4, 64512, 0, NULL, {}},
	{NODE("workers: [1], flows: 64512") POOL("192.0.2.9") NAT4, 64512, 0, NULL, {}},
	{NODE("workers: [1], flows: 64513") POOL("192.0.2.9") NAT4, 0, 0,
		"t.yaml:2:14: nat pool is too small: 1 IPv4 address can carry 64512 flows at a "
		"time, node.flows is 64513 (line 1), and every IPv4 service is in mode nat (give "
		"the pool 2 addresses, or lower node.flows)",
		{}},
	{NODE("workers: [1, 2, 3, 4, 5], flows: 64512") POOL("192.0.2.9") NAT4, 0, 0,
		"t.yaml:2:14: nat pool is too small: 1 IPv4 address can carry 64510 flows at a "
		"time, node.flows is 64512 (line 1), and every IPv4 service is in mode nat (give "
		"the pool 2 addresses, or lower node.flows)",
		{}},
	{NODE("workers: [1], flows: 4M") POOL("192.0.2.128/26, '2001:db8:f::/127'") NAT4 NAT6, 0, 0,
		"t.yaml:2:30: nat pool is too small: 2 IPv6 addresses can carry 129024 flows at a "
		"time, node.flows is 4000000 (line 1), and every IPv6 service is in mode nat (give "
		"the pool 63 addresses, or lower node.flows)",
		{}},
	{NODE("workers: [1], flows: 4M") POOL("192.0.2.128/26, '2001:db8:f::/127'") NAT4 NAT6 DSR6,
		4128768, 129024, NULL,
		{"nat pool: 2 IPv6 addresses can carry 129024 flows at a time, node.flows is "
		 "4000000 (with 63 addresses all of them could be in mode nat)"}},
};

static void a_pool_smaller_than_the_flows_asked_for_is_refused_or_warned_of(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct pool_case *c = &cases[i];
		struct conf_error err = {0}, warnings[CONF_WARNINGS_MAX];
		struct conf *conf = NULL;
		unsigned n = 0;

		conf_load_text("t.yaml", c->text, strlen(c->text), &conf, &err);
		assert_string_equal(err.text, c->error ? c->error : "");
		if (c->error)
			continue;
		assert_int_equal(conf_pool_flows(conf, 4), c->flows4);
		assert_int_equal(conf_pool_flows(conf, 6), c->flows6);
		while (n < CONF_WARNINGS_MAX && c->warnings[n])
			n++;
		assert_int_equal(conf_warn(conf, warnings), n);
		for (unsigned k = 0; k < n; k++)
			assert_string_equal(warnings[k].text, c->warnings[k]);
		conf_free(conf);
	}
}

static void a_pool_without_services_is_let_be(void **state)
{
	static const char text[] = NODE("workers: [1], flows: 64M") "nat: {pool: [192.0.2.9]}\n";
	struct conf_error err = {0}, warnings[CONF_WARNINGS_MAX];
	struct conf *conf = NULL;

	assert_int_equal(conf_load_text("t.yaml", text, strlen(text), &conf, &err), 0);
	assert_int_equal(conf_warn(conf, warnings), 0);
	conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_smaller_than_the_flows_asked_for_is_refused_or_warned_of),
		cmocka_unit_test(a_pool_without_services_is_let_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
