/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room in a full cache for what is larger than the keys that are evicted for it: the value, the
 * command that brings it, its way to another worker. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kv_rig.h"

#define MEMORY     (32u << 20) /* per worker */
#define VALUE      (4u << 20)  /* largest of the tests */
#define KEYS_MAX   600000
#define PATH_BYTES 16384 /* of a large command at a time */

static char *value;

static void start(enum kv_policy policy, unsigned n)
{
	struct kv_settings settings;

	kv_settings_default(&settings, (uint64_t)n * MEMORY);
	settings.policy = (uint8_t)policy;
	settings.clients_max = 10;
	kv_rig_start_with(&settings, n);
	value = malloc(VALUE + 1);
	assert_non_null(value);
	memset(value, 'v', VALUE);
}

static int stop(void **state)
{
	free(value);
	value = NULL;
	kv_rig_stop();
	return 0;
}

static uint64_t evicted(unsigned worker)
{
	return kv_shard_counters(kv_rig_worker(worker)->kv->shard)->evicted;
}

/* Sets small keys that expire late until all of @n workers have evicted some. */
static void fill(int c, unsigned n, unsigned bytes)
{
	char name[24], px[24];
	unsigned full = 0;

	for (unsigned i = 0; i < KEYS_MAX && full < n; i++) {
		struct resp_arg argv[] = {
			{(const uint8_t *)"SET", 3},
			{(const uint8_t *)name, (uint32_t)snprintf(name, sizeof(name), "k:%u", i)},
			{(const uint8_t *)value, bytes},
			{(const uint8_t *)"PX", 2},
			{(const uint8_t *)px,
				(uint32_t)snprintf(px, sizeof(px), "%u", 1000000 + i)},
		};

		assert_string_equal(kv_rig_args(c, argv, 5).bytes, "+OK\r\n");
		for (full = 0; full < n && evicted(full) > 100;)
			full++;
	}
	assert_int_equal(full, n);
}

/* Sends @name @key @bytes of the value as a slow network would; the reply. */
static const char *ask(int c, const char *name, const char *key, uint32_t bytes)
{
	static char reply[64];
	char head[128];
	size_t n = (size_t)snprintf(head, sizeof(head), "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$%u\r\n",
		strlen(name), name, strlen(key), key, bytes);

	(void)kv_rig_send(c, head, n);
	for (uint32_t at = 0; at < bytes; at += PATH_BYTES)
		(void)kv_rig_send(c, value + at, MIN_OF((uint32_t)PATH_BYTES, bytes - at));
	base_strlcpy(reply, kv_rig_text(c, "\r\n"), sizeof(reply));
	return reply;
}

static void a_full_cache_takes_values_of_any_size(void **state)
{
	static const uint32_t sizes[] = {10000, 70000, 300000, 1 << 20, 3 << 20, 4 << 20};
	static const enum kv_policy policies[] = {
		KV_ALLKEYS_LRU, KV_ALLKEYS_LFU, KV_ALLKEYS_RANDOM, KV_VOLATILE_TTL};
	char key[16];

	for (unsigned n = 1; n <= 3; n += 2)
		for (size_t p = 0; p < ARRAY_SIZE(policies); p++) {
			int c;

			start(policies[p], n);
			c = kv_rig_connect(0);
			fill(c, n, p % 2 ? 150 : 1900);
			for (size_t i = 0; i < (p < 3 ? 3 : 1) * ARRAY_SIZE(sizes); i++) {
				uint32_t bytes = sizes[i % ARRAY_SIZE(sizes)];

				snprintf(key, sizeof(key), "large:%zu", i);
				assert_string_equal(ask(c, "SET", key, bytes), "+OK\r\n");
				assert_int_equal(
					atoi(kv_rig_words(c, "STRLEN", key, NULL) + 1), bytes);
			}
			assert_int_equal(kv_rig_worker(0)->kv->stats.closed_memory, 0);
			stop(state);
		}
}

/* Also when those before it lie beside the longest free run, where nothing can be moved away. */
static void a_large_value_costs_the_cache_little_more_than_its_size(void **state)
{
	char key[16];
	int c;

	start(KV_ALLKEYS_RANDOM, 1);
	c = kv_rig_connect(0);
	fill(c, 1, 1900);
	for (unsigned i = 0; i < 8; i++) {
		snprintf(key, sizeof(key), "large:%u", i);
		assert_string_equal(ask(c, "SET", key, 1 << 20), "+OK\r\n");
	}
	assert_true(kv_shard_used_bytes(kv_rig_worker(0)->kv->shard) > MEMORY / 4 * 3);
}

/* Makes a value of 5 MB, renames and copies it. False: it was evicted when room was made for it. */
static bool grow_rename_copy(int c)
{
	const char *reply = kv_rig_words(c, "SETRANGE", "b", "5000000", "x", NULL);

	assert_string_equal(reply, ":5000001\r\n");
	reply = kv_rig_words(c, "RENAME", "b", "{b}c", NULL);
	if (strcmp(reply, "-ERR no such key\r\n") == 0)
		return false;
	assert_string_equal(reply, "+OK\r\n");
	reply = kv_rig_words(c, "COPY", "{b}c", "{b}d", NULL);
	if (strcmp(reply, ":0\r\n") == 0)
		return false;
	assert_string_equal(reply, ":1\r\n");
	assert_string_equal(kv_rig_words(c, "STRLEN", "{b}d", NULL), ":5000001\r\n");
	return true;
}

static void a_value_grows_in_a_full_cache(void **state)
{
	for (unsigned n = 1; n <= 3; n += 2) {
		const char *reply;
		int c;

		start(KV_ALLKEYS_RANDOM, n);
		c = kv_rig_connect(0);
		fill(c, n, 150);
		/* It may be evicted itself: then it begins anew. */
		for (unsigned i = 0; i < 6; i++)
			assert_int_equal(ask(c, "APPEND", "a", 1 << 20)[0], ':');
		for (unsigned tries = 0; !grow_rename_copy(c); tries++)
			assert_true(tries < 20);
		/* Elsewhere there may be no memory for it on its way. */
		reply = kv_rig_words(c, "RENAME", "{b}d", "{x}d", NULL);
		assert_true(reply[0] == '+' || strncmp(reply, "-OOM", 4) == 0);
		stop(state);
	}
}

static void a_slow_reader_of_a_full_cache_gets_its_replies(void **state)
{
	struct kv_rig_reply reply;
	char out[64];
	int c, slow;

	start(KV_ALLKEYS_LRU, 1);
	c = kv_rig_connect(0);
	slow = kv_rig_connect(0);
	fill(c, 1, 1900);
	assert_string_equal(ask(c, "SET", "mine", 1900), "+OK\r\n");
	kv_rig_window(slow, 0);
	for (unsigned i = 0; i < 1000; i++)
		kv_rig_push(slow, out,
			(size_t)snprintf(out, sizeof(out), "*2\r\n$3\r\nGET\r\n$4\r\nmine\r\n"));
	kv_rig_run();
	kv_rig_window(slow, SIZE_MAX);
	reply = kv_rig_take(slow);
	assert_false(reply.aborted);
	assert_int_equal(reply.len, 1000 * (1900 + 9));
}

static void others_are_served_while_room_is_made(void **state)
{
	int c, other;

	start(KV_ALLKEYS_RANDOM, 1);
	c = kv_rig_connect(0);
	other = kv_rig_connect(0);
	fill(c, 1, 150);
	assert_string_equal(kv_rig_words(other, "SET", "mine", "1", NULL), "+OK\r\n");
	(void)ask(c, "SET", "large", 4 << 20);
	assert_string_equal(kv_rig_words(other, "SET", "mine", "2", NULL), "+OK\r\n");
	assert_string_equal(kv_rig_words(c, "STRLEN", "large", NULL), ":4194304\r\n");
}

static void a_client_that_waits_for_room_may_go(void **state)
{
	static const char text[] =
		"*4\r\n$8\r\nSETRANGE\r\n$1\r\nk\r\n$7\r\n9000000\r\n$1\r\nx\r\n";
	int c, other;

	start(KV_ALLKEYS_RANDOM, 1);
	c = kv_rig_connect(0);
	other = kv_rig_connect(0);
	fill(c, 1, 150);
	assert_int_equal(kv_client_input(kv_rig_worker(0), kv_rig_client(c), (const uint8_t *)text,
				 sizeof(text) - 1),
		0);
	assert_int_equal(kv_rig_client(c)->waits, KV_WAIT_ROOM);
	kv_rig_abort(c);
	assert_string_equal(kv_rig_words(other, "PING", NULL), "+PONG\r\n");
	assert_string_equal(kv_rig_words(other, "EXISTS", "k", NULL), ":0\r\n");
}

static void what_can_never_fit_is_refused(void **state)
{
	int c;

	start(KV_VOLATILE_LRU, 1);
	c = kv_rig_connect(0);
	for (unsigned i = 0; i < 31; i++) {
		char key[16];

		snprintf(key, sizeof(key), "stays:%u", i);
		if (ask(c, "SET", key, 1 << 20)[0] != '+')
			break;
	}
	/* Nothing expires: nothing may go. */
	assert_string_equal(kv_rig_words(c, "SETRANGE", "new", "9000000", "x", NULL),
		"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
	assert_string_equal(kv_rig_words(c, "STRLEN", "stays:0", NULL), ":1048576\r\n");
	assert_string_equal(kv_rig_words(c, "SETRANGE", "new", "90000000", "x", NULL),
		"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
	assert_int_equal(kv_rig_worker(0)->kv->stats.closed_memory, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_cache_takes_values_of_any_size),
		cmocka_unit_test_teardown(
			a_large_value_costs_the_cache_little_more_than_its_size, stop),
		cmocka_unit_test(a_value_grows_in_a_full_cache),
		cmocka_unit_test_teardown(a_slow_reader_of_a_full_cache_gets_its_replies, stop),
		cmocka_unit_test_teardown(others_are_served_while_room_is_made, stop),
		cmocka_unit_test_teardown(a_client_that_waits_for_room_may_go, stop),
		cmocka_unit_test_teardown(what_can_never_fit_is_refused, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
