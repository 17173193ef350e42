/* SPDX-License-Identifier: BSD-3-Clause */
/* A list of changed routes keeps its order over many chunks and finds what is indexed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/ip/route_list.h"

#define MANY (3u * ROUTE_LIST_CHUNK + 7)

static struct ip_addr prefix_of(uint32_t i)
{
	uint8_t bytes[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
	struct ip_addr p;
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	p = ip_addr_v4(word);
	return p;
}

static void entries_keep_their_order_and_are_found(void **state)
{
	struct route_list l = {};

	for (uint32_t i = 0; i < MANY; i++) {
		struct ip_addr p = prefix_of(i);
		struct route_change *c =
			i % 2 ? route_list_add_indexed(&l, &p) : route_list_add(&l, &p);

		assert_non_null(c);
		c->target = i;
	}
	assert_int_equal(l.n, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		struct ip_addr p = prefix_of(i);
		const struct route_change *c = route_list_find(&l, &p);

		assert_int_equal(route_list_at(&l, i)->target, i);
		assert_ptr_equal(c, i % 2 ? route_list_at(&l, i) : NULL);
	}
	route_list_clear(&l);
	assert_int_equal(l.n, 0);
}

static void lengths_and_families_tell_prefixes_apart(void **state)
{
	static const char *const texts[] = {
		"0.0.0.0/0", "::/0", "10.0.0.0/8", "10.0.0.0/9", "a00::/8", "a00::/9"};
	struct route_list l = {};
	struct ip_addr p;

	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(ip_addr_parse_prefix(texts[i], &p), 0);
		assert_null(route_list_find(&l, &p));
		route_list_add_indexed(&l, &p)->target = i;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(ip_addr_parse_prefix(texts[i], &p), 0);
		assert_int_equal(route_list_find(&l, &p)->target, i);
	}
	route_list_clear(&l);
}

static void a_full_list_refuses(void **state)
{
	struct route_list l = {.n = ROUTE_LIST_CHUNKS * ROUTE_LIST_CHUNK};
	struct ip_addr p = prefix_of(1);

	assert_null(route_list_add(&l, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_keep_their_order_and_are_found),
		cmocka_unit_test(lengths_and_families_tell_prefixes_apart),
		cmocka_unit_test(a_full_list_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
