/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands on all keys, which are cut into pieces. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

#define KEYS_MANY 20000

/* Sets @n keys named by @format and a number. */
static void fill(int c, const char *prefix, unsigned n)
{
	char name[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%u", prefix, i);
		assert_string_equal(kv_rig_words(c, "SET", name, "v", NULL), OK);
	}
}

/* Takes a bulk string from *@p on; its length, *@p is behind it. */
static size_t take_bulk(const char **p, const char **bytes)
{
	size_t len;

	assert_int_equal(**p, '$');
	len = strtoul(*p + 1, NULL, 10);
	*bytes = strstr(*p, "\r\n") + 2;
	*p = *bytes + len + 2;
	return len;
}

/* Marks the keys "key<i>" of an array of bulk strings; how many there are. */
static unsigned mark(const char *p, uint8_t *seen, unsigned n)
{
	unsigned count = (unsigned)strtoul(p + 1, NULL, 10);

	assert_int_equal(*p, '*');
	p = strstr(p, "\r\n") + 2;
	for (unsigned i = 0; i < count; i++) {
		const char *key;
		unsigned number;

		assert_in_range(take_bulk(&p, &key), 4, 16);
		assert_memory_equal(key, "key", 3);
		number = (unsigned)strtoul(key + 3, NULL, 10);
		assert_in_range(number, 0, n - 1);
		seen[number]++;
	}
	assert_int_equal(*p, '\0');
	return count;
}

static void keys_tells_each_key_once_however_many(void **state)
{
	static uint8_t seen[KEYS_MANY];
	int c = kv_rig_connect(0);

	memset(seen, 0, sizeof(seen));
	fill(c, "key", KEYS_MANY);
	fill(c, "other", 100);
	assert_int_equal(mark(kv_rig_text(c, "keys key*\r\n"), seen, KEYS_MANY), KEYS_MANY);
	for (unsigned i = 0; i < KEYS_MANY; i++)
		assert_int_equal(seen[i], 1);
	KV_STEPS(c, {"keys nosuch*", "*0\r\n"}, {"keys key777", "*1\r\n$6\r\nkey777\r\n"},
		{"keys", "-ERR wrong number of arguments for 'keys' command\r\n"});
}

static void others_are_served_while_keys_goes_on(void **state)
{
	static const char keys[] = "*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n";
	static const char get[] = "*2\r\n$3\r\nGET\r\n$4\r\nkey1\r\n";
	int slow = kv_rig_connect(0);
	int quick = kv_rig_connect(0);
	struct worker *w = kv_rig_worker(0);

	fill(slow, "key", 5000);
	kv_client_input(w, kv_rig_client(slow), (const uint8_t *)keys, sizeof(keys) - 1);
	kv_client_input(w, kv_rig_client(quick), (const uint8_t *)get, sizeof(get) - 1);
	assert_string_equal(kv_rig_take(quick).bytes, "$1\r\nv\r\n");
	assert_string_equal(kv_rig_take(slow).bytes, "");
	kv_rig_run();
	assert_memory_equal(kv_rig_take(slow).bytes, "*5000\r\n", 7);
}

static void a_client_that_leaves_takes_its_pieces_along(void **state)
{
	static const char keys[] = "*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n";
	int slow = kv_rig_connect(0);
	int other = kv_rig_connect(0);
	struct worker *w = kv_rig_worker(0);
	uint64_t before;

	fill(other, "key", 5000);
	kv_rig_run();
	before = kv_shard_used_bytes(w->kv->shard);
	kv_client_input(w, kv_rig_client(slow), (const uint8_t *)keys, sizeof(keys) - 1);
	for (unsigned i = 0; i < 20; i++)
		worker_turn(w);
	kv_rig_abort(slow);
	kv_rig_run();
	assert_int_equal(kv_shard_used_bytes(w->kv->shard), before);
	assert_string_equal(kv_rig_text(other, "dbsize\r\n"), ":5000\r\n");
}

static void what_keys_has_found_for_nobody_goes_back_piece_by_piece(void **state)
{
	static const char keys[] = "*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n";
	int slow = kv_rig_connect(0), other = kv_rig_connect(0);
	struct worker *w = kv_rig_worker(0);
	uint64_t before, held;

	fill(other, "key", 40000);
	kv_rig_run();
	before = kv_shard_used_bytes(w->kv->shard);
	kv_client_input(w, kv_rig_client(slow), (const uint8_t *)keys, sizeof(keys) - 1);
	for (unsigned i = 0; i < 100 && kv_shard_used_bytes(w->kv->shard) < before + 400000; i++)
		worker_turn(w);
	held = kv_shard_used_bytes(w->kv->shard) - before;
	assert_true(held >= 400000);
	kv_rig_abort(slow);
	assert_in_range(kv_shard_used_bytes(w->kv->shard), before + held / 2, before + held - 1);
	kv_rig_run();
	assert_int_equal(kv_shard_used_bytes(w->kv->shard), before);
	assert_int_equal(w->runnable, 0);
}

static void scan_meets_every_key(void **state)
{
	static uint8_t seen[KEYS_MANY];
	char cursor[32] = "0";
	int c = kv_rig_connect(0);
	unsigned calls = 0;

	memset(seen, 0, sizeof(seen));
	fill(c, "key", 2000);
	fill(c, "other", 500);
	do {
		const char *p =
			kv_rig_words(c, "SCAN", cursor, "MATCH", "key*", "COUNT", "50", NULL);
		const char *text;
		size_t len;

		assert_memory_equal(p, "*2\r\n", 4);
		p += 4;
		len = take_bulk(&p, &text);
		assert_in_range(len, 1, sizeof(cursor) - 1);
		memcpy(cursor, text, len);
		cursor[len] = '\0';
		mark(p, seen, 2000);
		calls++;
	} while (strcmp(cursor, "0"));
	assert_in_range(calls, 10, 200);
	for (unsigned i = 0; i < 2000; i++)
		assert_in_range(seen[i], 1, 255);
}

static void scan_refuses_what_it_cannot_mean(void **state)
{
	static const char cursor[] = "-ERR invalid cursor\r\n";
	int c = kv_rig_connect(0);

	assert_string_equal(kv_rig_text(c, "scan x\r\n"), cursor);
	assert_string_equal(kv_rig_text(c, "scan 18446744073709551616\r\n"), cursor);
	assert_string_equal(kv_rig_text(c, "scan \" 0\"\r\n"), cursor);
	assert_string_equal(kv_rig_text(c, "scan 0x\r\n"), cursor);
	KV_STEPS(c, {"set k v", OK}, {"scan 0", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n"},
		{"scan +0 type string", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n"},
		{"scan 0 type hash", "*2\r\n$1\r\n0\r\n*0\r\n"}, {"scan 0 count 0", SYNTAX},
		{"scan 0 count x", NOT_INT}, {"scan 0 match", SYNTAX}, {"scan 0 foo 1", SYNTAX},
		{"scan 0 count 9223372036854775807", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n"});
}

static void a_flush_empties_one_database_or_all(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"randomkey", NIL}, {"set a 1", OK}, {"copy a a db 1", ONE},
		{"randomkey", "$1\r\na\r\n"}, {"flushdb foo", SYNTAX},
		{"flushdb async sync", SYNTAX}, {"dbsize", ONE}, {"flushdb async", OK},
		{"dbsize", ZERO}, {"set a 2", OK}, {"move a 1", ZERO}, {"flushall sync", OK},
		{"set a 2", OK}, {"move a 1", ONE});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(keys_tells_each_key_once_however_many),
		KV_STEPS_TEST(others_are_served_while_keys_goes_on),
		KV_STEPS_TEST(a_client_that_leaves_takes_its_pieces_along),
		KV_STEPS_TEST(what_keys_has_found_for_nobody_goes_back_piece_by_piece),
		KV_STEPS_TEST(scan_meets_every_key),
		KV_STEPS_TEST(scan_refuses_what_it_cannot_mean),
		KV_STEPS_TEST(a_flush_empties_one_database_or_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
