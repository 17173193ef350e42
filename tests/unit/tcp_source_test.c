/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections counted by source. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_source.h"

#define CONNS 1000u
#define MAX   3u

static const uint64_t secret[2] = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};

static struct tcp_sources *sources;

static int create(void **state)
{
	sources = tcp_sources_create(CONNS, MAX);
	return sources ? 0 : -1;
}

static int destroy(void **state)
{
	tcp_sources_destroy(sources);
	return 0;
}

/* Host @host of the network @net, a port for each connection. */
static struct tcp_key key_of(uint8_t family, uint32_t net, uint32_t host, uint16_t port)
{
	struct tcp_key k = {.family = family, .remote_port_be = port, .local_port_be = 0xeb18};

	if (family == 4) {
		memcpy(k.remote, &net, 4);
	} else {
		memcpy(k.remote + 4, &net, 4);
		memcpy(k.remote + 12, &host, 4);
	}
	return k;
}

static bool add(uint8_t family, uint32_t net, uint32_t host, uint16_t port)
{
	struct tcp_key k = key_of(family, net, host, port);
	bool full = tcp_sources_is_full(sources, &k, secret);
	bool added = tcp_sources_add(sources, &k, secret);

	assert_int_equal(added, !full);
	return added;
}

static void del(uint8_t family, uint32_t net, uint32_t host, uint16_t port)
{
	struct tcp_key k = key_of(family, net, host, port);

	tcp_sources_del(sources, &k, secret);
}

static uint32_t used(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i <= sources->mask; i++)
		n += sources->entries[i].id != 0;
	return n;
}

static uint32_t full(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i <= sources->mask; i++)
		n += sources->entries[i].n == MAX;
	return n;
}

static void a_source_has_no_more_than_it_may(void **state)
{
	for (uint16_t port = 0; port < MAX; port++)
		assert_true(add(4, 1, 0, port));
	assert_false(add(4, 1, 0, MAX));
	assert_true(add(4, 2, 0, 0));
}

static void one_that_ends_makes_room_for_another(void **state)
{
	for (uint16_t port = 0; port < MAX; port++)
		assert_true(add(4, 1, 0, port));
	del(4, 1, 0, 1);
	assert_true(add(4, 1, 0, 7));
	assert_false(add(4, 1, 0, 8));
}

static void a_64_bit_prefix_is_one_source(void **state)
{
	for (uint16_t i = 0; i < MAX; i++)
		assert_true(add(6, 1, i, 0));
	assert_false(add(6, 1, 99, 0));
	assert_true(add(6, 2, 99, 0));
}

static void families_are_counted_apart(void **state)
{
	for (uint16_t port = 0; port < MAX; port++)
		assert_true(add(4, 1, 0, port));
	assert_true(add(6, 1, 0, 0));
}

static void what_has_ended_leaves_nothing(void **state)
{
	for (uint32_t net = 0; net < CONNS; net++)
		assert_true(add(4, net, 0, 0));
	assert_int_equal(used(), CONNS);
	for (uint32_t net = 0; net < CONNS; net++)
		del(4, net, 0, 0);
	assert_int_equal(used(), 0);
}

/* Against plain counters, with a table as full as it can be. */
static void sources_that_come_and_go_are_counted_right(void **state)
{
	static uint8_t model[1500];
	uint64_t rng = 88172645463325252ULL;
	uint32_t live = 0, n_used = 0, n_full = 0;

	for (unsigned i = 0; i < 400000; i++) {
		uint32_t net;

		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		net = (uint32_t)(rng >> 32) % ARRAY_SIZE(model);
		if (rng & 1 && live < CONNS) {
			bool may = model[net] < MAX;

			assert_int_equal(add(4, net, 0, (uint16_t)i), may);
			model[net] = (uint8_t)(model[net] + may);
			live += may;
		} else if (model[net] > 0) {
			del(4, net, 0, (uint16_t)i);
			model[net]--;
			live--;
		}
		if (i % 4096 == 0)
			assert_int_equal(sources->n_full, full());
	}
	for (uint32_t net = 0; net < ARRAY_SIZE(model); net++) {
		n_used += model[net] != 0;
		n_full += model[net] == MAX;
	}
	assert_int_equal(used(), n_used);
	assert_int_equal(sources->n_full, n_full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_source_has_no_more_than_it_may, create, destroy),
		cmocka_unit_test_setup_teardown(
			one_that_ends_makes_room_for_another, create, destroy),
		cmocka_unit_test_setup_teardown(a_64_bit_prefix_is_one_source, create, destroy),
		cmocka_unit_test_setup_teardown(families_are_counted_apart, create, destroy),
		cmocka_unit_test_setup_teardown(what_has_ended_leaves_nothing, create, destroy),
		cmocka_unit_test_setup_teardown(
			sources_that_come_and_go_are_counted_right, create, destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
