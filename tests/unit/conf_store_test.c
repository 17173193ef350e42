/* SPDX-License-Identifier: BSD-3-Clause */
/* The `store` section: what is taken from it, and what may be wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/conf/conf.h"

#define NODE                                                                                       \
	"node: {name: n1, workers: [1, 2], ports: [{name: lan, device: d0, addresses: "            \
	"[192.0.2.1/24, '2001:db8::1/64']}]}\n"

static struct conf *load(const char *text, bool node_only, struct conf_error *err)
{
	FILE *file = fopen("conf_store_test.yaml", "w");
	struct conf *conf = NULL;

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	if (conf_load("conf_store_test.yaml", node_only, &conf, err) < 0)
		conf = NULL;
	remove("conf_store_test.yaml");
	return conf;
}

static void all_keys_are_taken_at_start_and_by_control(void **state)
{
	static const char text[] =
		NODE "store: {listen: [192.0.2.1, '2001:db8::1'], port: 7000, memory: 64M, policy: "
		     "allkeys-lfu, max_clients: 20k, password: tell me, timeout: 5m}\n";

	for (int node_only = 0; node_only < 2; node_only++) {
		struct conf_error err = {0};
		struct conf *conf = load(text, node_only, &err);
		const struct conf_store *store;

		if (!conf)
			fail_msg("%s", err.text);
		store = &conf->store;
		assert_int_equal(store->n_listen, 2);
		assert_int_equal(store->listen[1].family, 6);
		assert_int_equal(store->port, 7000);
		assert_int_equal(store->memory_bytes, 64 << 20);
		assert_int_equal(store->policy, CONF_STORE_ALLKEYS_LFU);
		assert_int_equal(store->max_clients, 20000);
		assert_string_equal(store->password, "tell me");
		assert_int_equal(store->timeout_ms, 300000);
		conf_free(conf);
	}
}

static void what_is_not_given_is_as_redis_has_it(void **state)
{
	struct conf_error err = {0};
	struct conf *conf = load(NODE "store: {listen: 192.0.2.1}\n", false, &err);

	if (!conf)
		fail_msg("%s", err.text);
	assert_int_equal(conf->store.n_listen, 1);
	assert_int_equal(conf->store.port, 6379);
	assert_int_equal(conf->store.memory_bytes, 256 << 20);
	assert_int_equal(conf->store.policy, CONF_STORE_NOEVICTION);
	assert_int_equal(conf->store.max_clients, 10000);
	assert_string_equal(conf->store.password, "");
	assert_int_equal(conf->store.timeout_ms, 0);
	conf_free(conf);
}

static void without_the_section_there_is_no_store(void **state)
{
	struct conf_error err = {0};
	struct conf *conf = load(NODE, false, &err);

	assert_non_null(conf);
	assert_int_equal(conf->store.n_listen, 0);
	conf_free(conf);
}

static const struct {
	const char *text;
	const char *sentence;
} mistakes[] = {
	{"store: {}\n",
		"2:8: store has no \"listen\" (a list of addresses of this node that answer "
		"clients: [192.0.2.1])"},
	{"store: {listen: []}\n", "2:17: \"listen\" is an empty list (a list of addresses of this "
				  "node that answer clients: "
				  "[192.0.2.1])"},
	{"store: {listen: [192.0.2.2]}\n",
		"2:18: the store listens on 192.0.2.2, which is no address of this node (add it to "
		"the addresses of a port)"},
	{"store: {listen: [192.0.2.1, 192.0.2.1]}\n",
		"2:29: the store listens twice on 192.0.2.1 (remove one of them)"},
	{"store: {listen: [192.0.2.1], port: 64510}\n",
		"2:8: the store's ports 64510 to 64512, one for each worker, leave 1 to 64511 "
		"(choose a lower one)"},
	{"store: {listen: [192.0.2.1], port: 0}\n",
		"2:36: port \"0\" must be a number from 1 to 64511"},
	{"store: {listen: [192.0.2.1], memory: 1M}\n",
		"2:38: memory \"1M\" is 1048576 bytes and must be from 16M to 4096G"},
	{"store: {listen: [192.0.2.1], policy: lru}\n",
		"2:38: policy \"lru\" must be noeviction | allkeys-lru | allkeys-lfu | "
		"allkeys-random | volatile-lru | volatile-lfu | volatile-random | volatile-ttl"},
	{"store: {listen: [192.0.2.1], memroy: 64M}\n",
		"2:30: unknown key \"memroy\" in store (did you mean \"memory\"?)"},
	{"store: {listen: [192.0.2.1], timeout: 1ms}\n",
		"2:39: timeout \"1ms\" must be a time from 1s to 24h, with its unit: ms, s, m or "
		"h"},
};

static void mistakes_are_told_with_their_place(void **state)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct conf_error err = {0};
		char text[512], expected[512];

		snprintf(text, sizeof(text), "%s%s", NODE, mistakes[i].text);
		snprintf(expected, sizeof(expected), "conf_store_test.yaml:%s",
			mistakes[i].sentence);
		assert_null(load(text, false, &err));
		assert_string_equal(err.text, expected);
		assert_null(load(text, true, &err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_keys_are_taken_at_start_and_by_control),
		cmocka_unit_test(what_is_not_given_is_as_redis_has_it),
		cmocka_unit_test(without_the_section_there_is_no_store),
		cmocka_unit_test(mistakes_are_told_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
