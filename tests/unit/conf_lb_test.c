/* SPDX-License-Identifier: BSD-3-Clause */
/* Good configurations of services, the NAT pool and the balancer: every value arrives, defaults are
 * filled in, what may stand together is let be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/conf/conf.h"

#define TEXT_BYTES_MAX (1 << 20)

#define NODE                                                                                       \
	"node:\n  name: n1\n  workers: [1]\n  flows: 2M\n  ports:\n"                               \
	"    - {name: lan, device: d0, addresses: [192.0.2.1/24, '2001:db8::1/64']}\n"

#define BACKEND "backends: [{address: 192.0.2.21}]"

static const char full_text[] =
	NODE "services:\n"
	     "  - name: web\n"
	     "    vip: 203.0.113.10\n"
	     "    port: 80\n"
	     "    mode: nat\n"
	     "    panic_threshold: 5%\n"
	     "    health: {probe: tcp, port: 8081, interval: 500ms, timeout: 100ms, rise: 4, "
	     "fall: 5}\n"
	     "    backends:\n"
	     "      - {address: 192.0.2.21, port: 8080, weight: 3}\n"
	     "      - {address: 198.51.100.7}\n"
	     "      - {address: 192.0.2.21, weight: 0}\n"
	     "  - name: dns\n"
	     "    vip: 2001:db8:1::/64\n"
	     "    port: 53\n"
	     "    protocol: udp\n"
	     "    mode: gue\n"
	     "    health: {request: 'a\\x00\\xfF\\n\\\\', expect: \"\\x01\\r\"}\n"
	     "    backends: [{address: '2001:db8::53', port: 53}]\n"
	     "  - {name: all, vip: 203.0.113.16/28, port: any, mode: dsr, " BACKEND "}\n"
	     "nat: {pool: [203.0.113.200/29, '2001:db8:f::/124', 192.0.2.9]}\n"
	     "routes: [{prefix: 198.51.100.0/24, via: 192.0.2.254}]\n"
	     "lb:\n"
	     "  key: 00112233445566778899aabbCCDDEEFF\n"
	     "  new_flows: 200k\n"
	     "  idle: {tcp_new: 1s, tcp_established: 2h, tcp_closing: 3m, udp_new: 400ms, "
	     "udp_established: 24h}\n"
	     "  tunnel_source: ['2001:db8:9::/64', 10.9.0.0/24]\n";

/* Loads @text, which must be good. */
static struct conf *load(const char *text)
{
	struct conf *conf = NULL;
	struct conf_error err = {0};
	int rc = conf_load_text("t.yaml", text, strlen(text), &conf, &err);

	assert_string_equal(err.text, "");
	assert_int_equal(rc, 0);
	return conf;
}

static void assert_address(const struct ip_addr *addr, const char *expected)
{
	char text[IPADDR_TEXT_MAX];

	assert_string_equal(ip_addr_format(addr, text), expected);
}

static void a_full_file_fills_services_and_backends(void **state)
{
	struct conf *conf = load(full_text);
	const struct conf_service *web = &conf->services[0], *dns = web + 1, *all = web + 2;
	const struct conf_backend *b = conf->backends;

	assert_int_equal(conf->n_services, 3);
	assert_int_equal(conf->n_backends, 5);
	assert_string_equal(web->name, "web");
	assert_address(&web->vip, "203.0.113.10");
	assert_int_equal(web->port, 80);
	assert_int_equal(web->protocol, IPPROTO_TCP);
	assert_int_equal(web->mode, CONF_LB_NAT);
	assert_int_equal(web->panic_percent, 5);
	assert_int_equal(web->first_backend, 0);
	assert_int_equal(web->n_backends, 3);
	assert_int_equal(web->place.line, 8);
	assert_address(&b[0].address, "192.0.2.21");
	assert_int_equal(b[0].port, 8080);
	assert_int_equal(b[0].weight, 3);
	assert_int_equal(b[0].place.line, 15);
	assert_int_equal(b[1].port, 80);
	assert_int_equal(b[1].weight, 1);
	assert_int_equal(b[2].weight, 0);
	assert_address(&dns->vip, "2001:db8:1::/64");
	assert_int_equal(dns->protocol, IPPROTO_UDP);
	assert_int_equal(dns->mode, CONF_LB_GUE);
	assert_int_equal(dns->first_backend, 3);
	assert_int_equal(b[3].service, 1);
	assert_address(&all->vip, "203.0.113.16/28");
	assert_int_equal(all->port, 0);
	assert_int_equal(all->panic_percent, 30);
	assert_int_equal(b[all->first_backend].port, 0);
	conf_free(conf);
}

static void a_full_file_fills_the_probes(void **state)
{
	static const uint8_t request[] = {'a', 0, 0xff, '\n', '\\'}, expect[] = {1, '\r'};
	struct conf *conf = load(full_text);
	const struct conf_probe *web = &conf->services[0].probe, *dns = &conf->services[1].probe;

	assert_int_equal(web->kind, CONF_PROBE_TCP);
	assert_int_equal(web->port, 8081);
	assert_int_equal(web->interval_ms, 500);
	assert_int_equal(web->timeout_ms, 100);
	assert_int_equal(web->rise, 4);
	assert_int_equal(web->fall, 5);
	assert_int_equal(dns->kind, CONF_PROBE_UDP);
	assert_int_equal(dns->request_bytes, sizeof(request));
	assert_memory_equal(dns->request, request, sizeof(request));
	assert_int_equal(dns->expect_bytes, sizeof(expect));
	assert_memory_equal(dns->expect, expect, sizeof(expect));
	conf_free(conf);
}

static void a_full_file_fills_the_balancer(void **state)
{
	static const uint32_t idle_ms[] = {1000, 7200000, 180000, 400, 86400000};
	struct conf *conf = load(full_text);

	assert_int_equal(conf->node.flows, 2000000);
	assert_int_equal(conf->n_pool, 3);
	assert_address(&conf->pool[0], "203.0.113.200/29");
	assert_address(&conf->pool[1], "2001:db8:f::/124");
	assert_address(&conf->pool[2], "192.0.2.9");
	assert_true(conf->lb.has_key);
	for (unsigned i = 0; i < sizeof(conf->lb.key); i++)
		assert_int_equal(conf->lb.key[i], 0x11 * i);
	assert_int_equal(conf->lb.new_flows_per_sec, 200000);
	assert_memory_equal(conf->lb.idle_ms, idle_ms, sizeof(idle_ms));
	assert_address(&conf->lb.tunnel_source4, "10.9.0.0/24");
	assert_address(&conf->lb.tunnel_source6, "2001:db8:9::/64");
	conf_free(conf);
}

static void what_is_not_given_has_a_default(void **state)
{
	static const uint32_t idle_ms[] = {30000, 7440000, 60000, 30000, 300000};
	struct conf *conf =
		load("node: {name: n, workers: [0], ports: [{name: a, device: d, addresses: "
		     "[192.0.2.1/24]}]}\nlb: {}\nservices:\n"
		     "- {name: a, vip: 203.0.113.10, port: 80, mode: dsr, " BACKEND "}\n");
	const struct conf_probe *probe = &conf->services[0].probe;

	assert_int_equal(conf->node.flows, CONF_FLOWS_DEFAULT);
	assert_false(conf->lb.has_key);
	assert_int_equal(conf->lb.new_flows_per_sec, 1000000);
	assert_memory_equal(conf->lb.idle_ms, idle_ms, sizeof(idle_ms));
	assert_int_equal(conf->lb.tunnel_source4.family, 0);
	assert_int_equal(conf->lb.tunnel_source6.family, 0);
	assert_int_equal(conf->n_pool, 0);
	assert_int_equal(conf->services[0].protocol, IPPROTO_TCP);
	assert_int_equal(probe->interval_ms, 2000);
	assert_int_equal(probe->timeout_ms, 1000);
	assert_int_equal(probe->rise, 2);
	assert_int_equal(probe->fall, 3);
	conf_free(conf);
}

static void the_kind_of_probe_follows_the_service(void **state)
{
	static const struct {
		const char *keys;
		enum conf_probe_kind kind;
		uint32_t timeout_ms;
	} cases[] = {
		{"port: 80, mode: dsr, " BACKEND, CONF_PROBE_TCP, 1000},
		{"port: any, mode: dsr, " BACKEND, CONF_PROBE_ICMP, 1000},
		{"port: any, mode: dsr, health: {port: 22}, " BACKEND, CONF_PROBE_TCP, 1000},
		{"port: any, mode: nat, backends: [{address: 192.0.2.21, port: 80}]",
			CONF_PROBE_TCP, 1000},
		{"port: 80, mode: dsr, health: {interval: 300ms}, " BACKEND, CONF_PROBE_TCP, 300},
		{"port: 80, mode: dsr, health: {probe: none, interval: 1s}, " BACKEND,
			CONF_PROBE_NONE, 1000},
		{"port: 80, mode: dsr, health: {request: hello}, " BACKEND, CONF_PROBE_UDP, 1000},
		{"port: 53, protocol: udp, mode: dsr, " BACKEND, CONF_PROBE_NONE, 1000},
		{"port: any, protocol: udp, mode: dsr, health: {probe: icmp}, " BACKEND,
			CONF_PROBE_ICMP, 1000},
		{"port: any, protocol: udp, mode: dsr, health: {probe: tcp, port: 22}, " BACKEND,
			CONF_PROBE_TCP, 1000},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf *conf;
		char text[512];

		snprintf(text, sizeof(text),
			NODE "nat: {pool: [203.0.113.192/27]}\n"
			     "services: [{name: a, vip: 203.0.113.10, %s}]\n",
			cases[i].keys);
		conf = load(text);
		assert_int_equal(conf->services[0].probe.kind, cases[i].kind);
		assert_int_equal(conf->services[0].probe.timeout_ms, cases[i].timeout_ms);
		conf_free(conf);
	}
}

static void services_that_differ_stand_together(void **state)
{
	static const char text[] = NODE
		"services:\n"
		"- {name: a, vip: 203.0.113.10, port: 80, mode: dsr, " BACKEND "}\n"
		"- {name: b, vip: 203.0.113.10, port: any, mode: dsr, " BACKEND "}\n"
		"- {name: c, vip: 203.0.113.10, port: 80, protocol: udp, mode: dsr, " BACKEND "}\n"
		"- {name: d, vip: 203.0.113.10, port: 81, mode: dsr, " BACKEND "}\n"
		"- {name: e, vip: 203.0.113.11, port: 80, mode: dsr, " BACKEND "}\n"
		"- {name: f, vip: 203.0.113.8/31, port: 80, mode: dsr, " BACKEND "}\n"
		"- {name: g, vip: 203.0.113.8/31, port: 81, mode: dsr, " BACKEND "}\n"
		"- {name: h, vip: 192.0.2.40, port: 81, mode: dsr, " BACKEND "}\n"
		"routes:\n"
		"- {prefix: 203.0.113.0/24, via: 192.0.2.9}\n"
		"- {prefix: 203.0.113.8/32, via: 192.0.2.9}\n";
	struct conf *conf = load(text);

	assert_int_equal(conf->n_services, 8);
	conf_free(conf);
}

static void a_backend_may_serve_twice_on_other_ports(void **state)
{
	struct conf *conf =
		load(NODE "nat: {pool: [203.0.113.192/27]}\nservices:\n"
			  "- {name: a, vip: 203.0.113.10, port: 80, mode: nat, backends: "
			  "[{address: 192.0.2.21, port: 8080}, {address: 192.0.2.21, port: "
			  "8081}]}\n"
			  "- {name: b, vip: 203.0.113.11, port: 80, mode: nat, backends: "
			  "[{address: 192.0.2.21, port: 8080}]}\n");

	assert_int_equal(conf->n_backends, 3);
	conf_free(conf);
}

static void the_node_alone_is_loaded_without_services(void **state)
{
	char path[] = "/tmp/conf_lb_test_XXXXXX";
	static const char text[] = NODE "services: [{name: 1, vip: nonsense, backends: [{}]}]\n"
					"nat: {pool: [nonsense]}\nlb: {key: nonsense}\n";
	struct conf *conf = NULL;
	struct conf_error err = {0};
	int fd = mkstemp(path);

	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(conf_load(path, true, &conf, &err), 0);
	assert_int_equal(conf->node.flows, 2000000);
	assert_int_equal(conf->n_services + conf->n_backends + conf->n_pool, 0);
	conf_free(conf);
	assert_int_equal(conf_load(path, false, &conf, &err), -EINVAL);
	unlink(path);
}

/* Writes @n_services with @n_backends each, 4 or 6 as their family. */
static void write_services(char *text, int family, int n_services, int n_backends)
{
	char *p = text + sprintf(text,
				 "node: {name: n, workers: [0], ports: [{name: a, device: d, "
				 "addresses: [10.0.0.1/8, '2001:db8::1/64']}]}\n"
				 "nat: {pool: [203.0.112.0/23, '2001:db8:f::/119']}\nservices:\n");

	for (int i = 0; i < n_services; i++) {
		p += sprintf(p,
			family == 4 ? "- {name: s%d, vip: 198.18.%d.%d, port: 80, mode: nat, "
				      "backends: [\n"
				    : "- {name: s%d, vip: '2001:db8:1::%x:%x', port: 80, mode: "
				      "nat, backends: [\n",
			i, i >> 8, i & 255);
		for (int j = i * n_backends; j < (i + 1) * n_backends; j++)
			p += sprintf(p,
				family == 4 ? "{address: 10.1.%d.%d, port: 8080},\n"
					    : "{address: '2001:db8::1:%x:%x', port: 8080},\n",
				j >> 8, j & 255);
		p += sprintf(p, "]}\n");
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void as_many_services_as_there_may_be_load_in_a_second(void **state)
{
	static const struct {
		int family, n_services, n_backends;
	} cases[] = {{4, 1024, 4}, {6, 1024, 4}, {4, 1, 4096}};
	char *text = calloc(1, TEXT_BYTES_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double start = seconds();
		struct conf *conf;

		write_services(text, cases[i].family, cases[i].n_services, cases[i].n_backends);
		conf = load(text);
		assert_int_equal(conf->n_backends, CONF_BACKENDS_MAX);
		conf_free(conf);
		assert_true(seconds() - start < 1);
	}
	free(text);
}

/* Loads @text, which must fail with a sentence that ends with @end. */
static void load_fails(const char *text, const char *end)
{
	struct conf *conf = NULL;
	struct conf_error err = {0};
	size_t n = strlen(end);

	assert_true(conf_load_text("t.yaml", text, strlen(text), &conf, &err) < 0);
	assert_true(strlen(err.text) >= n);
	assert_string_equal(err.text + strlen(err.text) - n, end);
	assert_null(conf);
}

static void every_limit_has_a_sentence(void **state)
{
	char *text = calloc(1, TEXT_BYTES_MAX), *p;

	write_services(text, 4, CONF_SERVICES_MAX + 1, 1);
	load_fails(text, "t.yaml:3076:3: more than 1024 items in \"services\"");
	write_services(text, 4, 1, CONF_BACKENDS_MAX + 1);
	load_fails(text, "t.yaml:4101:1: more than 4096 items in \"backends\"");
	write_services(text, 4, 17, 241);
	load_fails(text, ": more than 4096 backends of all services");
	p = text + sprintf(text, NODE "nat: {pool: [\n");
	for (int i = 0; i <= CONF_POOL_MAX; i++)
		p += sprintf(p, "203.0.113.%d,\n", i);
	sprintf(p, "]}\n");
	load_fails(text, "t.yaml:72:1: more than 64 items in \"pool\"");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_file_fills_services_and_backends),
		cmocka_unit_test(a_full_file_fills_the_probes),
		cmocka_unit_test(a_full_file_fills_the_balancer),
		cmocka_unit_test(what_is_not_given_has_a_default),
		cmocka_unit_test(the_kind_of_probe_follows_the_service),
		cmocka_unit_test(services_that_differ_stand_together),
		cmocka_unit_test(a_backend_may_serve_twice_on_other_ports),
		cmocka_unit_test(the_node_alone_is_loaded_without_services),
		cmocka_unit_test(as_many_services_as_there_may_be_load_in_a_second),
		cmocka_unit_test(every_limit_has_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
