/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several workers against one: the same commands get the same replies, and what several owners do
 * for one command is seen by nobody half done. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/kv/kv_route.h"
#include "tests/unit/kv_rig.h"

#define MEMORY  (128u << 20)
#define WORKERS 4
#define KEYS    12
#define STEPS   3000

static void start_many(unsigned n)
{
	struct kv_settings settings;

	kv_settings_default(&settings, MEMORY);
	settings.clients_max = 100;
	kv_rig_start_with(&settings, n);
}

static int start(void **state)
{
	start_many(WORKERS);
	return 0;
}

static int stop(void **state)
{
	kv_rig_stop();
	return 0;
}

/* A string that grows, for transcripts. */
struct transcript {
	char *p;
	size_t len;
};

static void note(struct transcript *t, const char *p, size_t n)
{
	t->p = realloc(t->p, t->len + n + 1);
	memcpy(t->p + t->len, p, n);
	t->len += n;
	t->p[t->len] = '\0';
}

static uint32_t seed;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* A random command that answers the same whatever the order of keys in memory. */
static int random_command(char *out, size_t size)
{
	static const char *const forms[] = {"SET k%u v%u", "GET k%u", "APPEND k%u x%u",
		"MGET k%u k%u k%u", "MSET k%u a%u k%u b%u", "MSETNX k%u a%u k%u b%u", "DEL k%u k%u",
		"EXISTS k%u k%u k%u", "UNLINK k%u k%u", "TOUCH k%u k%u k%u k%u", "RENAME k%u k%u",
		"RENAMENX k%u k%u", "COPY k%u k%u", "COPY k%u k%u REPLACE", "LCS k%u k%u",
		"COPY k%u k%u DB 1", "DBSIZE", "STRLEN k%u", "INCR n%u", "MGET k%u k%u n%u n%u k%u",
		"EXPIRE k%u 1000", "TTL k%u", "MSET k%u", "RENAME k%u", "MGET", "LCS k%u k%u LEN",
		"SETRANGE k%u 5 abc%u", "NOPE k%u", "PERSIST k%u", "OBJECT ENCODING k%u",
		"COPY k%u k%u DB 99", "GET", "DUMP k%u", "SWAPDB 0 1", "SWAPDB 0 99",
		"MGET k%u k%u k%u k%u k%u k%u k%u"};
	unsigned n[8];

	for (int i = 0; i < 8; i++)
		n[i] = pick(KEYS);
	return snprintf(out, size, forms[pick(ARRAY_SIZE(forms))], n[0], n[1], n[2], n[3], n[4],
		n[5], n[6]);
}

/* Runs @STEPS random commands with @n workers, in pipelines; what they were answered. */
static struct transcript run_random(unsigned n)
{
	struct transcript t = {.len = 0};
	char text[256];
	int c;

	seed = 42;
	start_many(n);
	c = kv_rig_connect(n - 1);
	for (int step = 0; step < STEPS;) {
		struct kv_rig_reply reply;
		unsigned depth = 1 + pick(20);

		for (unsigned i = 0; i < depth; i++, step++) {
			int len = random_command(text, sizeof(text) - 2);

			text[len] = '\r';
			text[len + 1] = '\n';
			kv_rig_push(c, text, (size_t)len + 2);
		}
		kv_rig_run();
		reply = kv_rig_take(c);
		note(&t, reply.bytes, reply.len);
	}
	kv_rig_stop();
	return t;
}

static void several_workers_answer_as_one_does(void **state)
{
	struct transcript one = run_random(1);

	for (unsigned n = 2; n <= 5; n++) {
		struct transcript many = run_random(n);

		assert_int_equal(one.len, many.len);
		assert_memory_equal(one.p, many.p, one.len);
		free(many.p);
	}
	free(one.p);
}

static void a_pipeline_over_all_workers_keeps_its_order(void **state)
{
	int c = kv_rig_connect(1);
	char text[64];
	struct kv_rig_reply reply;
	const char *p;

	for (int i = 0; i < 1000; i++)
		kv_rig_push(c, text,
			(size_t)snprintf(text, sizeof(text),
				"*3\r\n$3\r\nSET\r\n$3\r\n%03d\r\n$3\r\n%03d\r\n", i, i));
	kv_rig_run();
	assert_int_equal(kv_rig_take(c).len, 1000 * 5);
	for (int i = 0; i < 1000; i++)
		kv_rig_push(c, text,
			(size_t)snprintf(
				text, sizeof(text), "*2\r\n$3\r\nGET\r\n$3\r\n%03d\r\n", i));
	kv_rig_run();
	reply = kv_rig_take(c);
	p = reply.bytes;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "$3\r\n%03d\r\n", i);
		assert_memory_equal(p, text, 9);
		p += 9;
	}
	assert_true(kv_rig_worker(1)->kv->stats.forwarded > 1000);
	assert_true(kv_rig_worker(1)->kv->stats.local > 200);
	assert_string_equal(kv_rig_words(c, "DBSIZE", NULL), ":1000\r\n");
}

static void every_key_is_found_by_keys_and_scan(void **state)
{
	int c = kv_rig_connect(2);
	char text[128], cursor[32] = "0";
	unsigned seen = 0;

	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "key:%d", i);
		kv_rig_words(c, "SET", text, "v", NULL);
	}
	assert_memory_equal(kv_rig_words(c, "KEYS", "key:*", NULL), "*300\r\n", 6);
	do {
		const char *reply = kv_rig_words(c, "SCAN", cursor, "COUNT", "50", NULL);
		const char *p = strstr(reply, "\r\n$");

		p = strchr(p + 2, '\n') + 1;
		snprintf(cursor, sizeof(cursor), "%.*s", (int)strcspn(p, "\r"), p);
		p = strchr(p, '*');
		seen += (unsigned)atoi(p + 1);
	} while (strcmp(cursor, "0") != 0);
	assert_int_equal(seen, 300);
	assert_true(strncmp(kv_rig_words(c, "RANDOMKEY", NULL), "$", 1) == 0);
	assert_string_equal(kv_rig_words(c, "FLUSHALL", NULL), "+OK\r\n");
	assert_string_equal(kv_rig_words(c, "DBSIZE", NULL), ":0\r\n");
	assert_string_equal(kv_rig_words(c, "RANDOMKEY", NULL), "$-1\r\n");
}

/* All elements of an MGET's answer are the same. */
static void check_equal(const char *reply)
{
	const char *first = strchr(reply, '\n') + 1;
	const char *end = strchr(strchr(first, '\n') + 1, '\n') + 1;
	size_t len = *first == '$' && first[1] == '-' ? 5 : (size_t)(end - first);

	for (const char *p = first; *p; p += len)
		assert_memory_equal(p, first, len);
}

static void nobody_sees_half_of_a_command(void **state)
{
	enum { CLIENTS = 16, ROUNDS = 300 };
	int clients[CLIENTS];
	char text[256];

	for (int i = 0; i < CLIENTS; i++)
		clients[i] = kv_rig_connect((unsigned)i % WORKERS);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CLIENTS; i++) {
			int n = i % 2 ? snprintf(text, sizeof(text),
						"MSET a %d.%d b %d.%d c %d.%d d %d.%d e %d.%d\r\n",
						round, i, round, i, round, i, round, i, round, i)
				      : snprintf(text, sizeof(text), "MGET a b c d e\r\n");

			if (i == 0)
				n = snprintf(text, sizeof(text), "SWAPDB 0 1\r\n");
			kv_rig_push(clients[i], text, (size_t)n);
		}
		kv_rig_run();
		for (int i = 0; i < CLIENTS; i++) {
			struct kv_rig_reply reply = kv_rig_take(clients[i]);

			if (i % 2 || i == 0)
				assert_string_equal(reply.bytes, "+OK\r\n");
			else
				check_equal(reply.bytes);
		}
	}
	for (unsigned i = 0; i < WORKERS; i++)
		assert_false(kv_rig_worker(i)->kv->route->holder);
}

static void clients_that_leave_in_the_middle_leave_nothing_behind(void **state)
{
	uint64_t used[WORKERS];
	char text[128];

	for (unsigned i = 0; i < WORKERS; i++)
		used[i] = kv_shard_used_bytes(kv_rig_worker(i)->kv->shard);
	for (int round = 0; round < 200; round++) {
		int c = kv_rig_connect((unsigned)round % WORKERS);
		int other = kv_rig_connect((unsigned)(round + 1) % WORKERS);
		struct worker *w = kv_rig_worker((unsigned)round % WORKERS);
		int n = snprintf(text, sizeof(text),
			"GET a\r\nGET b\r\nGET c\r\nMGET a b c d\r\nRENAME a b\r\nGET %d\r\n",
			round);

		kv_client_input(w, kv_rig_client(c), (const uint8_t *)text, (uint32_t)n);
		for (int turn = 0; turn < round % 7; turn++)
			worker_turn(kv_rig_worker((unsigned)turn % WORKERS));
		kv_rig_abort(c);
		assert_string_equal(kv_rig_words(other, "MGET", "a", "b", "c", NULL),
			"*3\r\n$-1\r\n$-1\r\n$-1\r\n");
		kv_rig_abort(other);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(kv_shard_used_bytes(kv_rig_worker(i)->kv->shard), used[i]);
}

static void a_transaction_over_several_workers_is_one_step(void **state)
{
	int c = kv_rig_connect(3);

	assert_string_equal(kv_rig_text(c, "MULTI\r\nSET a 1\r\nMSET b 2 c 3 d 4\r\nINCR a\r\n"
					   "RENAME d e\r\nMGET a b c d e\r\nDBSIZE\r\n"),
		"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
	assert_string_equal(kv_rig_words(c, "EXEC", NULL),
		"*6\r\n+OK\r\n+OK\r\n:2\r\n+OK\r\n*5\r\n$1\r\n2\r\n$1\r\n2\r\n$1\r\n3\r\n$-1\r\n$"
		"1\r\n4\r\n"
		":4\r\n");
	for (unsigned i = 0; i < WORKERS; i++)
		assert_false(kv_rig_worker(i)->kv->route->holder);
	assert_string_equal(kv_rig_words(c, "GET", "a", NULL), "$1\r\n2\r\n");
}

static void a_transaction_follows_its_own_select(void **state)
{
	int c = kv_rig_connect(1);
	static const char text[] =
		"MULTI\r\nSET a 1\r\nSET b 1\r\nSELECT 3\r\nSET a 2\r\nSET b 2\r\n"
		"SET c 2\r\nSET d 2\r\nSELECT 99\r\nDBSIZE\r\nEXEC\r\n";

	kv_rig_text(c, text);
	assert_string_equal(kv_rig_text(c, "MGET a b c d\r\nSELECT 0\r\nMGET a b c d\r\n"),
		"*4\r\n$1\r\n2\r\n$1\r\n2\r\n$1\r\n2\r\n$1\r\n2\r\n+OK\r\n"
		"*4\r\n$1\r\n1\r\n$1\r\n1\r\n$-1\r\n$-1\r\n");
	kv_rig_words(c, "FLUSHALL", NULL);
	/* Also when its client is gone before it has begun. */
	kv_client_input(kv_rig_worker(1), kv_rig_client(c), (const uint8_t *)text,
		(uint32_t)sizeof(text) - 1);
	kv_rig_abort(c);
	kv_rig_run();
	c = kv_rig_connect(0);
	assert_string_equal(kv_rig_text(c, "MGET a b c d\r\nSELECT 3\r\nMGET a b c d\r\n"),
		"*4\r\n$1\r\n1\r\n$1\r\n1\r\n$-1\r\n$-1\r\n+OK\r\n"
		"*4\r\n$1\r\n2\r\n$1\r\n2\r\n$1\r\n2\r\n$1\r\n2\r\n");
}

/* Keys with one tag, so that all are another worker's and the command is cut into pieces there. */
static void a_long_command_is_not_overtaken_by_its_clients_next(void **state)
{
	enum { N = 3000 };
	static char text[N * 16 + 256];

	for (unsigned worker = 0; worker < WORKERS; worker++) {
		int c = kv_rig_connect(worker);
		size_t n = (size_t)snprintf(text, sizeof(text), "MSET");

		for (int i = 0; i < N; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " {t}%d x", i);
		snprintf(text + n, sizeof(text) - n, "\r\n");
		assert_string_equal(kv_rig_text(c, text), "+OK\r\n");
		n = (size_t)snprintf(text, sizeof(text), "DEL");
		for (int i = 0; i < N; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " {t}%d", i);
		snprintf(text + n, sizeof(text) - n,
			"\r\nSET {t}2999 new\r\nAPPEND {t}2999 er\r\nDEL {t}2998\r\nGET "
			"{t}2999\r\n");
		assert_string_equal(
			kv_rig_text(c, text), ":3000\r\n+OK\r\n:5\r\n:0\r\n$5\r\nnewer\r\n");
		assert_null(kv_rig_worker(0)->kv->route->running);
	}
}

static void pairs_are_set_all_or_none(void **state)
{
	enum { BYTES = 3 << 20 };
	int c = kv_rig_connect(0);
	char *big = malloc(BYTES + 1), *small = calloc(1, 64);
	unsigned n;

	memset(big, 'y', BYTES);
	big[BYTES] = '\0';
	memset(small, 'z', 63);
	assert_string_equal(kv_rig_words(c, "MSET", "a", "1", "b", "2", "c", NULL),
		"-ERR wrong number of arguments for 'mset' command\r\n");
	assert_string_equal(kv_rig_words(c, "MSETNX", "a", "1", "b", "2", "c", NULL),
		"-ERR wrong number of arguments for 'msetnx' command\r\n");
	assert_string_equal(kv_rig_words(c, "DBSIZE", NULL), ":0\r\n");
	assert_string_equal(
		kv_rig_words(c, "MSET", "a", "old", "b", "old", "c", "old", "d", "old", NULL),
		"+OK\r\n");
	/* The owner of k0 gets full, the others stay empty. */
	for (n = 0; n < 100; n++) {
		char key[16];

		snprintf(key, sizeof(key), "{a}%u", n);
		if (strcmp(kv_rig_words(c, "SET", key, big, NULL), "+OK\r\n") != 0)
			break;
	}
	assert_true(n > 3 && n < 100);
	for (unsigned i = 0; i < 2; i++) {
		const char *reply =
			i ? kv_rig_words(c, "MSETNX", "d1", small, "{a}x", big, "c1", small, NULL)
			  : kv_rig_words(
				    c, "MSET", "d", small, "a", big, "c", small, "b", small, NULL);

		assert_memory_equal(reply, "-OOM", 4);
		assert_string_equal(kv_rig_words(c, "MGET", "a", "b", "c", "d", NULL),
			"*4\r\n$3\r\nold\r\n$3\r\nold\r\n$3\r\nold\r\n$3\r\nold\r\n");
		assert_string_equal(kv_rig_words(c, "EXISTS", "c1", "d1", NULL), ":0\r\n");
	}
	/* Neither does a key get lost on its way to where there is no room. */
	assert_string_equal(kv_rig_words(c, "SET", "c", big, NULL), "+OK\r\n");
	assert_memory_equal(kv_rig_words(c, "RENAME", "c", "{a}y", NULL), "-OOM", 4);
	assert_memory_equal(kv_rig_words(c, "COPY", "c", "{a}y", NULL), "-OOM", 4);
	assert_string_equal(kv_rig_words(c, "STRLEN", "c", NULL), ":3145728\r\n");
	assert_string_equal(kv_rig_words(c, "EXISTS", "{a}y", NULL), ":0\r\n");
	free(big);
	free(small);
}

/* A pause is everywhere: also commands for workers that nobody has told wait. */
static void a_pause_of_writes_holds_those_of_all_workers_up(void **state)
{
	int c = kv_rig_connect(0);
	int others[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++) {
		others[i] = kv_rig_connect(i);
		kv_rig_text(others[i], "MULTI\r\nINCR a\r\nINCR b\r\nINCR c\r\n");
	}
	assert_string_equal(kv_rig_text(c, "CLIENT PAUSE 50 WRITE\r\n"), "+OK\r\n");
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_string_equal(kv_rig_text(others[i], "EXEC\r\nINCR d\r\n"), "");
	}
	assert_string_equal(kv_rig_text(c, "INCR e\r\n"), "");
	c = kv_rig_connect(2);
	kv_rig_advance_ms(40);
	assert_string_equal(
		kv_rig_text(c, "MGET a b c d\r\n"), "*4\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n");
	kv_rig_advance_ms(20);
	assert_string_equal(kv_rig_text(c, "MGET a b c d\r\n"),
		"*4\r\n$1\r\n4\r\n$1\r\n4\r\n$1\r\n4\r\n$1\r\n4\r\n");
}

static void large_values_travel(void **state)
{
	enum { BYTES = 300000 };
	char *p = malloc(BYTES + 1);
	struct kv_rig_reply reply;
	int c = kv_rig_connect(0);

	memset(p, 'y', BYTES);
	p[BYTES] = '\0';
	for (char key[2] = "a"; key[0] <= 'h'; key[0]++)
		assert_string_equal(kv_rig_words(c, "SET", key, p, NULL), "+OK\r\n");
	kv_rig_words(c, "RENAME", "a", "z", NULL);
	kv_rig_push(c, "MGET b c d e f g h z\r\n", 22);
	kv_rig_run();
	reply = kv_rig_take(c);
	assert_int_equal(reply.len, 4 + 8 * (9 + BYTES + 2));
	for (char key[2] = "b"; key[0] <= 'h'; key[0]++) {
		kv_rig_words(c, "GET", key, NULL);
	}
	free(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_workers_answer_as_one_does),
		TEST(a_pipeline_over_all_workers_keeps_its_order),
		TEST(every_key_is_found_by_keys_and_scan),
		TEST(nobody_sees_half_of_a_command),
		TEST(clients_that_leave_in_the_middle_leave_nothing_behind),
		TEST(a_transaction_over_several_workers_is_one_step),
		TEST(a_transaction_follows_its_own_select),
		TEST(a_long_command_is_not_overtaken_by_its_clients_next),
		TEST(pairs_are_set_all_or_none),
		TEST(a_pause_of_writes_holds_those_of_all_workers_up),
		TEST(large_values_travel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
