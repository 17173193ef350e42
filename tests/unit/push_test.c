/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration as messages: each is well formed, in order, and says what the file says. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/core/push.h"

static const char yaml[] =
	"node: {name: n1, workers: [1], main: 0, ports: [{name: lan, device: net_null0, "
	"addresses: [192.0.2.1/24]}]}\n"
	"neighbors: [{interface: lan, address: 192.0.2.9, mac: 02:00:00:00:00:01}]\n"
	"routes: [{prefix: 10.0.0.0/8, via: 192.0.2.9}]\n"
	"nat: {pool: [203.0.113.200/29, 203.0.113.220]}\n"
	"lb: {key: 000102030405060708090a0b0c0d0e0f, new_flows: 7k, idle: {tcp_new: 5s}, "
	"tunnel_source: [10.9.0.0/24]}\n"
	"services:\n"
	"  - {name: web, vip: 203.0.113.10, port: 80, mode: nat, health: {probe: tcp, port: 81, "
	"interval: 500ms, timeout: 200ms, rise: 4, fall: 5}, backends: [{address: 192.0.2.21, "
	"port: 8080, weight: 7}]}\n"
	"  - {name: dns, vip: 203.0.113.11, port: 53, protocol: udp, mode: gue, health: {probe: "
	"udp, request: \"ab\", expect: \"c\"}, backends: [{address: 192.0.2.23}]}\n"
	"store: {listen: [192.0.2.1], port: 6380, timeout: 5m, policy: volatile-ttl, password: "
	"tell me}\n";

/* All messages of a push, each answered as soon as it is made. */
struct sent {
	struct conf *conf;
	struct push push;
	unsigned n;
	uint16_t types[64];
	uint8_t *messages[64];
};

static struct conf *load(const char *text, size_t len)
{
	struct conf_error err = {0};
	struct conf *conf;

	if (conf_load_text("test.yaml", text, len, &conf, &err) < 0)
		fail_msg("%s", err.text);
	return conf;
}

/* Pushes; the message of type @refused (0: none) is answered with an error. */
static struct sent *push_all(const char *text, uint16_t refused)
{
	static _Alignas(uint64_t) uint8_t buf[API_MSG_MAX_BYTES], reply[1024];
	struct sent *s = calloc(1, sizeof(*s));
	struct api_header *hdr = (struct api_header *)reply;
	struct base_error err = {0};
	size_t len;

	s->conf = load(text, strlen(text));
	push_init(&s->push, s->conf, 3, false);
	while ((len = push_next(&s->push, buf)) > 0) {
		assert_true(s->n < ARRAY_SIZE(s->types));
		if (api_check(buf, len, &err) < 0)
			fail_msg("%s", err.text);
		memcpy(hdr, buf, sizeof(*hdr));
		s->types[s->n] = hdr->type;
		s->messages[s->n] = memcpy(malloc(len), buf, len);
		s->n++;
		hdr->flags = API_FLAG_REPLY;
		hdr->status = hdr->type == refused ? -1 : 0;
		push_on_reply(&s->push, hdr);
	}
	assert_true(push_is_done(&s->push));
	assert_int_equal(s->push.done, refused ? s->push.done : s->push.total);
	return s;
}

static void free_sent(struct sent *s)
{
	for (unsigned i = 0; i < s->n; i++)
		free(s->messages[i]);
	conf_free(s->conf);
	free(s);
}

/* The body of the first message of that type. */
static const void *body_of(const struct sent *s, uint16_t type)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->types[i] == type)
			return s->messages[i] + sizeof(struct api_header);
	fail_msg("no message of type %u", type);
	return NULL;
}

static void everything_goes_in_the_order_of_what_it_rests_on(void **state)
{
	static const uint16_t order[] = {API_begin, API_interface_set, API_neighbor_set,
		API_nexthop_set, API_route_set, API_lb_set, API_pool_set, API_service_set,
		API_backend_set, API_store_set, API_commit};
	struct sent *s = push_all(yaml, 0);

	assert_int_equal(s->n, ARRAY_SIZE(order));
	assert_memory_equal(s->types, order, sizeof(order));
	assert_int_equal(s->push.status, 0);
	free_sent(s);
}

static void settings_and_pool_arrive(void **state)
{
	struct sent *s = push_all(yaml, 0);
	const struct api_lb *lb = body_of(s, API_lb_set);
	const struct api_list *list = body_of(s, API_pool_set);
	const struct api_pool *pool = (const struct api_pool *)(list + 1);

	assert_true(lb->key[0] == 0x0706050403020100ULL && lb->key[1] == 0x0f0e0d0c0b0a0908ULL);
	assert_int_equal(lb->new_flows_per_sec, 7000);
	assert_int_equal(lb->idle_ms[API_FLOW_TCP_NEW], 5000);
	assert_int_equal(lb->idle_ms[API_FLOW_UDP_ESTABLISHED], 300000);
	assert_int_equal(lb->tunnel_source4.prefix_len, 24);
	assert_int_equal(lb->tunnel_source6.family, 0);
	assert_int_equal(list->count, 2);
	assert_int_equal(pool[0].prefix.prefix_len, 29);
	assert_int_equal(pool[1].prefix.prefix_len, 32);
	free_sent(s);
}

static void the_store_arrives(void **state)
{
	struct sent *s = push_all(yaml, 0);
	const struct api_store *store = body_of(s, API_store_set);

	assert_int_equal(store->n_listen, 1);
	assert_int_equal(store->listen[0].family, 4);
	assert_int_equal(store->port, 6380);
	assert_int_equal(store->timeout_s, 300);
	assert_int_equal(store->policy, API_STORE_VOLATILE_TTL);
	assert_string_equal(store->password, "tell me");
	free_sent(s);
}

static void services_and_backends_arrive(void **state)
{
	struct sent *s = push_all(yaml, 0);
	const struct api_list *list = body_of(s, API_service_set);
	const struct api_service *services = (const struct api_service *)(list + 1);
	const struct api_list *backend_list = body_of(s, API_backend_set);
	const struct api_backend_want *backends =
		(const struct api_backend_want *)(backend_list + 1);

	assert_int_equal(list->count, 2);
	assert_string_equal(services[0].name, "web");
	assert_int_equal(services[0].port, 80);
	assert_int_equal(services[0].protocol, IPPROTO_TCP);
	assert_int_equal(services[0].mode, API_LB_NAT);
	assert_int_equal(services[0].probe.kind, API_PROBE_TCP);
	assert_int_equal(services[0].probe.port, 81);
	assert_int_equal(services[0].probe.interval_ms, 500);
	assert_int_equal(services[0].probe.timeout_ms, 200);
	assert_int_equal(services[0].probe.rise, 4);
	assert_int_equal(services[0].probe.fall, 5);
	assert_int_equal(services[1].mode, API_LB_GUE);
	assert_int_equal(services[1].probe.kind, API_PROBE_UDP);
	assert_int_equal(services[1].probe.request_bytes, 2);
	assert_memory_equal(services[1].probe.request, "ab", 2);
	assert_memory_equal(services[1].probe.expect, "c", 1);
	assert_string_equal(backends[0].backend.service, "web");
	assert_int_equal(backends[0].backend.port, 8080);
	assert_int_equal(backends[0].backend.weight, 7);
	assert_string_equal(backends[1].backend.service, "dns");
	assert_int_equal(backends[1].backend.port, 53);
	assert_false(backends[0].draining || backends[0].down || backends[1].down);
	free_sent(s);
}

/* What was known of backends before; the test's own. */
static void recall_web(void *ctx, struct api_backend_want *want)
{
	++*(unsigned *)ctx;
	want->down = strcmp(want->backend.service, "web") == 0 && want->backend.port == 8080;
	base_strlcpy(want->reason, want->down ? "5 probes refused" : "", sizeof(want->reason));
}

static void backends_are_sent_with_what_is_known_of_them(void **state)
{
	static _Alignas(uint64_t) uint8_t buf[API_MSG_MAX_BYTES];
	struct conf *conf = load(yaml, strlen(yaml));
	const struct api_header *hdr = (const struct api_header *)buf;
	const struct api_list *list = (const struct api_list *)(hdr + 1);
	const struct api_backend_want *backends = (const struct api_backend_want *)(list + 1);
	unsigned n_recalled = 0;
	struct push push;

	push_init(&push, conf, 3, false);
	push.recall = recall_web;
	push.ctx = &n_recalled;
	while (push_next(&push, buf) > 0 && hdr->type != API_backend_set)
		assert_int_equal(n_recalled, 0);
	assert_int_equal(list->count, 2);
	assert_int_equal(n_recalled, 2);
	assert_true(backends[0].down && !backends[0].draining);
	assert_string_equal(backends[0].reason, "5 probes refused");
	assert_false(backends[1].down);
	conf_free(conf);
}

static void a_refused_service_ends_in_an_abort(void **state)
{
	struct sent *s = push_all(yaml, API_service_set);

	assert_int_equal(s->types[s->n - 1], API_abort);
	assert_int_equal(s->push.status, -1);
	free_sent(s);
}

static void many_backends_take_several_messages(void **state)
{
	char *text = NULL;
	size_t len = 0, seen = 0;
	FILE *f = open_memstream(&text, &len);
	struct sent *s;

	fprintf(f, "node: {name: n1, workers: [1], ports: [{name: lan, device: net_null0, "
		   "addresses: [192.0.2.1/24]}]}\n"
		   "routes: [{prefix: 10.0.0.0/8, via: 192.0.2.9}]\nservices:\n"
		   "  - name: web\n    vip: 203.0.113.10\n    port: 80\n    mode: ipip\n"
		   "    backends:\n");
	for (unsigned i = 0; i < CONF_BACKENDS_MAX; i++)
		fprintf(f, "      - {address: 10.0.%u.%u}\n", i / 256, i % 256);
	fclose(f);
	s = push_all(text, 0);
	free(text);
	for (unsigned i = 0; i < s->n; i++)
		if (s->types[i] == API_backend_set)
			seen += ((const struct api_list *)(s->messages[i] +
							   sizeof(struct api_header)))
					->count;
	assert_int_equal(seen, CONF_BACKENDS_MAX);
	free_sent(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_goes_in_the_order_of_what_it_rests_on),
		cmocka_unit_test(settings_and_pool_arrive),
		cmocka_unit_test(the_store_arrives),
		cmocka_unit_test(services_and_backends_arrive),
		cmocka_unit_test(backends_are_sent_with_what_is_known_of_them),
		cmocka_unit_test(a_refused_service_ends_in_an_abort),
		cmocka_unit_test(many_backends_take_several_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
