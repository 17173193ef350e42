/* SPDX-License-Identifier: BSD-3-Clause */
/* Long answers of several workers: whole, in order, piece by piece, and gone with their client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/kv/kv_route.h"
#include "tests/unit/kv_rig.h"

#define MEMORY      (64u << 20)
#define WORKERS     3
#define N_KEYS      6000
#define KEY_BYTES   116
#define ELEMENT     (6 + KEY_BYTES + 2) /* $116 and the key */
#define BACKLOG_MAX (384u << 10)

static int start(void **state)
{
	struct kv_settings settings;

	kv_settings_default(&settings, MEMORY);
	settings.clients_max = 100;
	kv_rig_start_with(&settings, WORKERS);
	return 0;
}

static int stop(void **state)
{
	kv_rig_stop();
	return 0;
}

static void load(int c)
{
	char key[KEY_BYTES + 1];

	for (int i = 0; i < N_KEYS; i++) {
		snprintf(key, sizeof(key), "%0*d", KEY_BYTES, i);
		assert_string_equal(kv_rig_words(c, "SET", key, "v", NULL), "+OK\r\n");
	}
}

static uint64_t used_bytes(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		sum += kv_shard_used_bytes(kv_rig_worker(i)->kv->shard);
	return sum;
}

/* @p is an array of all keys, each once; what comes behind it. */
static const char *check_keys(const char *p, const char *head)
{
	static bool seen[N_KEYS];

	memset(seen, 0, sizeof(seen));
	assert_memory_equal(p, head, strlen(head));
	p += strlen(head);
	for (int i = 0; i < N_KEYS; i++, p += ELEMENT) {
		int number = atoi(p + 6);

		assert_memory_equal(p, "$116\r\n", 6);
		assert_memory_equal(p + 6 + KEY_BYTES, "\r\n", 2);
		assert_in_range(number, 0, N_KEYS - 1);
		assert_false(seen[number]);
		seen[number] = true;
	}
	return p;
}

static void a_long_list_of_all_workers_is_whole_and_in_its_place(void **state)
{
	for (unsigned at = 0; at < WORKERS; at++) {
		int c = kv_rig_connect(at);
		const char *p;

		if (at == 0)
			load(c);
		p = kv_rig_text(c, "SET a 1\r\nDEL a\r\nKEYS *\r\nGET a\r\nPING\r\nKEYS *\r\n");
		assert_memory_equal(p, "+OK\r\n:1\r\n", 9);
		p = check_keys(p + 9, "*6000\r\n");
		assert_memory_equal(p, "$-1\r\n+PONG\r\n", 12);
		assert_string_equal(check_keys(p + 12, "*6000\r\n"), "");
	}
}

static void a_list_in_a_transaction_is_whole(void **state)
{
	int c = kv_rig_connect(1);
	const char *p;

	load(c);
	p = kv_rig_text(c, "MULTI\r\nKEYS *\r\nEXEC\r\n");
	assert_string_equal(check_keys(p, "+OK\r\n+QUEUED\r\n*1\r\n*6000\r\n"), "");
}

static void another_workers_long_scan_is_whole(void **state)
{
	int c = kv_rig_connect(0);
	char cursor[32] = "0";
	unsigned found = 0;

	load(c);
	do {
		const char *p = kv_rig_words(c, "SCAN", cursor, "COUNT", "100000", NULL);
		unsigned n;

		p = strchr(strchr(p, '$'), '\n') + 1;
		snprintf(cursor, sizeof(cursor), "%.*s", (int)strcspn(p, "\r"), p);
		p = strchr(p, '*');
		n = (unsigned)atoi(p + 1);
		assert_int_equal(strlen(strchr(p, '\n') + 1), n * ELEMENT);
		found += n;
	} while (strcmp(cursor, "0") != 0);
	assert_int_equal(found, N_KEYS);
	assert_true(kv_rig_worker(0)->kv->stats.forwarded > 0);
}

static void who_does_not_read_holds_others_answers_only(void **state)
{
	int c = kv_rig_connect(0), other = kv_rig_connect(0);
	struct kv_rig_reply r;
	char *all;

	load(other);
	kv_rig_window(c, 1000);
	kv_rig_push(c, "KEYS *\r\nPING\r\n", 14);
	kv_rig_run();
	assert_true(kv_rig_client(c)->backlog_bytes < BACKLOG_MAX);
	assert_int_equal(kv_rig_take(c).len, 1000);
	assert_string_equal(kv_rig_words(other, "DBSIZE", NULL), ":6000\r\n");
	all = calloc(1, N_KEYS * ELEMENT + 100);
	for (size_t len = 1000; len < 7 + N_KEYS * ELEMENT + 7; len += r.len) {
		kv_rig_window(c, 300000);
		kv_rig_run();
		r = kv_rig_take(c);
		assert_in_range(r.len, 1, 300000);
		assert_true(kv_rig_client(c)->backlog_bytes < BACKLOG_MAX);
		memcpy(all + len, r.bytes, r.len);
	}
	assert_string_equal(all + 7 + N_KEYS * ELEMENT, "+PONG\r\n");
	free(all);
}

static void blocks_go_back_when_their_client_is_gone(void **state)
{
	static const struct {
		size_t window;
		bool killed;
	} rows[] = {{0, false}, {0, true}, {1000, false}, {300000, false}, {300000, true}};
	int c = kv_rig_connect(0);
	uint64_t before;

	load(c);
	before = used_bytes();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int gone = kv_rig_connect(i % WORKERS);

		kv_rig_window(gone, rows[i].window);
		kv_rig_push(gone, "KEYS *\r\nSCAN 0 COUNT 100000\r\nKEYS *\r\n", 37);
		kv_rig_run();
		assert_true(used_bytes() > before + N_KEYS * ELEMENT / 2);
		if (rows[i].killed)
			kv_rig_words(c, "CLIENT", "KILL", "TYPE", "normal", NULL);
		else
			kv_rig_abort(gone);
		kv_rig_run();
		assert_int_equal(used_bytes(), before);
	}
}

static void silent_clients_are_sent_nothing(void **state)
{
	int c = kv_rig_connect(1);
	uint64_t before;

	load(c);
	before = used_bytes();
	assert_string_equal(kv_rig_text(c, "CLIENT REPLY SKIP\r\nKEYS *\r\nPING\r\n"), "+PONG\r\n");
	assert_string_equal(
		kv_rig_text(c, "CLIENT REPLY OFF\r\nKEYS *\r\nCLIENT REPLY ON\r\n"), "+OK\r\n");
	assert_int_equal(used_bytes(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_long_list_of_all_workers_is_whole_and_in_its_place),
		TEST(a_list_in_a_transaction_is_whole),
		TEST(another_workers_long_scan_is_whole),
		TEST(who_does_not_read_holds_others_answers_only),
		TEST(blocks_go_back_when_their_client_is_gone),
		TEST(silent_clients_are_sent_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
