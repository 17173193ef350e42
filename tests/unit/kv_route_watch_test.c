/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WATCH and EXEC over several workers: no update is lost, whoever's turn it is when, and nothing
 * stays behind. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_route.h"
#include "tests/unit/kv_rig.h"

#define MEMORY  (64u << 20)
#define WORKERS 4
#define NULLS   "*-1\r\n"

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

/* Nobody watches, nobody holds. */
static void check_rest(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct kv_worker *kv = kv_rig_worker(i)->kv;

		assert_int_equal(kv->admin->watches.n, 0);
		for (unsigned k = 0; k < KV_WATCHER_PLACES; k++)
			assert_null(kv->admin->watches.watchers[k]);
		assert_null(kv->route->holder);
		assert_null(kv->route->running);
	}
}

static int stop(void **state)
{
	kv_rig_stop();
	return 0;
}

/* A key that belongs to @worker; numbers tell several apart. */
static const char *key_of(unsigned worker, unsigned number)
{
	static char text[8][16];
	static unsigned turn;
	char *key = text[turn++ % ARRAY_SIZE(text)];

	for (unsigned i = number * 1000;; i++) {
		struct resp_arg arg = {.bytes = (const uint8_t *)key};

		arg.len = (uint32_t)snprintf(key, sizeof(text[0]), "k%u", i);
		if (kv_route_owner(kv_rig_worker(0), &arg) == worker)
			return key;
	}
}

/* Gives the store a client's words now; nothing else runs. */
static void say(int client, unsigned worker, const char *text)
{
	struct worker *w = kv_rig_worker(worker);

	assert_int_equal(kv_client_input(w, kv_rig_client(client), (const uint8_t *)text,
				 (uint32_t)strlen(text)),
		strlen(text));
}

static void a_change_by_anybody_ends_exec(void **state)
{
	static const struct {
		const char *change; /* %s: the key */
		const char *reply;  /* of EXEC */
	} cases[] = {
		{"SET %s theirs\r\n", NULLS},
		{"DEL %s\r\n", NULLS},
		{"APPEND %s x\r\n", NULLS},
		{"PEXPIRE %s 100000\r\n", NULLS},
		{"RENAME %s elsewhere\r\n", NULLS},
		{"FLUSHALL\r\n", NULLS},
		{"FLUSHDB\r\n", NULLS},
		{"SWAPDB 0 3\r\nSWAPDB 0 3\r\n", NULLS},
		{"MULTI\r\nSWAPDB 1 0\r\nSWAPDB 0 1\r\nEXEC\r\n", NULLS},
		{"SWAPDB 2 3\r\n", "*1\r\n+OK\r\n"},
		{"PEXPIREAT %s 1\r\n", NULLS},
		{"MULTI\r\nSET %s theirs\r\nSET other 1\r\nEXEC\r\n", NULLS},
		{"GET %s\r\n", "*1\r\n+OK\r\n"},
		{"SELECT 1\r\nSET %s x\r\nFLUSHDB\r\n", "*1\r\n+OK\r\n"},
		{"SET elsewhere 1\r\n", "*1\r\n+OK\r\n"},
	};
	int me = kv_rig_connect(0);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (unsigned owner = 0; owner < WORKERS; owner++) {
			int other = kv_rig_connect((unsigned)i % WORKERS);
			const char *key = key_of(owner, 1);
			char text[128];

			kv_rig_words(me, "SET", key, "old", NULL);
			snprintf(text, sizeof(text), "WATCH %s %s\r\n", key, key_of(2, 2));
			assert_string_equal(kv_rig_text(me, text), "+OK\r\n");
			snprintf(text, sizeof(text), cases[i].change, key);
			kv_rig_text(other, text);
			assert_string_equal(kv_rig_words(me, "MULTI", NULL), "+OK\r\n");
			assert_string_equal(
				kv_rig_words(me, "SET", key, "mine", NULL), "+QUEUED\r\n");
			assert_string_equal(kv_rig_words(me, "EXEC", NULL), cases[i].reply);
			check_rest(WORKERS);
			kv_rig_abort(other);
		}
	}
}

/* What CLIENT INFO and LIST say of the client itself. */
static void check_flags(int client, const char *flags)
{
	static const char *const asks[] = {"CLIENT INFO\r\n", "CLIENT LIST\r\n"};
	char want[32], id[32];

	snprintf(want, sizeof(want), " flags=%s ", flags);
	snprintf(id, sizeof(id), "id=%lu ", (unsigned long)kv_rig_client(client)->id);
	for (unsigned i = 0; i < ARRAY_SIZE(asks); i++) {
		const char *line = strstr(kv_rig_text(client, asks[i]), id);

		assert_non_null(line);
		line = strstr(line, " flags=");
		assert_non_null(line);
		assert_memory_equal(line, want, strlen(want));
	}
}

static void a_client_is_dirty_whoever_owns_the_key(void **state)
{
	int other = kv_rig_connect(1);

	for (unsigned owner = 0; owner < WORKERS; owner++) {
		for (unsigned worker = 0; worker < WORKERS; worker++) {
			int me = kv_rig_connect(worker);
			const char *key = key_of(owner, 1);

			kv_rig_words(me, "WATCH", key, key_of(3 - owner, 2), NULL);
			check_flags(me, "N");
			kv_rig_words(other, "SET", key, "v", NULL);
			check_flags(me, "d");
			assert_string_equal(kv_rig_words(me, "UNWATCH", NULL), "+OK\r\n");
			check_flags(me, "N");
			kv_rig_words(me, "WATCH", key_of(owner, 3), NULL);
			kv_rig_words(other, "SET", key, "w", NULL);
			check_flags(me, "N");
			kv_rig_words(other, "SET", key_of(owner, 3), "w", NULL);
			check_flags(me, "d");
			kv_rig_words(me, "MULTI", NULL);
			assert_string_equal(kv_rig_words(me, "PING", NULL), "+QUEUED\r\n");
			assert_string_equal(kv_rig_words(me, "EXEC", NULL), NULLS);
			check_flags(me, "N");
			kv_rig_abort(me);
		}
	}
	kv_rig_run();
	check_rest(WORKERS);
}

/* A word that is late, of a watch that is over, marks nobody: nothing that is queued is lost. */
static void a_late_word_of_a_change_is_of_the_past(void **state)
{
	for (unsigned at = 0; at < 24; at++) {
		int me = kv_rig_connect(0), other = kv_rig_connect(1);
		const char *key = key_of(2, 1), *next = key_of(3, 1);
		char text[128];

		kv_rig_words(me, "WATCH", key, NULL);
		snprintf(text, sizeof(text), "SET %s v\r\n", key);
		say(other, 1, text);
		for (unsigned turn = 0; turn < at; turn++)
			worker_turn(kv_rig_worker(turn * 5 % WORKERS));
		snprintf(text, sizeof(text), "UNWATCH\r\nWATCH %s\r\n", next);
		say(me, 0, text);
		kv_rig_run();
		kv_rig_take(me);
		kv_rig_take(other);
		snprintf(text, sizeof(text), "MULTI\r\nSET %s %u\r\nEXEC\r\n", next, at);
		assert_string_equal(kv_rig_text(me, text), "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
		kv_rig_abort(me);
		kv_rig_abort(other);
	}
	kv_rig_run();
	check_rest(WORKERS);
}

static void a_key_that_expires_ends_exec(void **state)
{
	int me = kv_rig_connect(0);

	for (unsigned owner = 0; owner < WORKERS; owner++) {
		const char *key = key_of(owner, 1);

		kv_rig_words(me, "SET", key, "old", "PX", "5", NULL);
		kv_rig_words(me, "WATCH", key, NULL);
		kv_rig_advance_ms(20);
		kv_rig_words(me, "MULTI", NULL);
		assert_string_equal(kv_rig_words(me, "EXEC", NULL), NULLS);
	}
	check_rest(WORKERS);
}

static void whoever_stops_watching_leaves_nothing_behind(void **state)
{
	static const char *const ends[] = {"UNWATCH\r\n", "MULTI\r\nDISCARD\r\n",
		"MULTI\r\nEXEC\r\n", "MULTI\r\nNOPE\r\nEXEC\r\n", "RESET\r\n", "QUIT\r\n",
		"MULTI\r\nGET a\r\nGET b\r\nEXEC\r\n", "MULTI\r\nEXEC 1\r\n"};
	uint64_t used[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++)
		used[i] = kv_shard_used_bytes(kv_rig_worker(i)->kv->shard);
	for (unsigned round = 0; round < 800; round++) {
		unsigned worker = round % WORKERS;
		int c = kv_rig_connect(worker);
		char text[256];

		snprintf(text, sizeof(text), "WATCH %s %s %s\r\nWATCH %s\r\n%s", key_of(0, 1),
			key_of(1, 1), key_of(2, 1), key_of(round / 4 % WORKERS, 2),
			round % 3 ? ends[round % ARRAY_SIZE(ends)] : "");
		kv_rig_push(c, text, strlen(text));
		if (round % 2)
			kv_rig_run();
		else
			kv_client_input(kv_rig_worker(worker), kv_rig_client(c),
				(const uint8_t *)text, (uint32_t)strlen(text));
		for (unsigned turn = 0; turn < round % 9; turn++)
			worker_turn(kv_rig_worker((turn + round / 9) % WORKERS));
		kv_rig_abort(c);
		kv_rig_run();
		check_rest(WORKERS);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(kv_shard_used_bytes(kv_rig_worker(i)->kv->shard), used[i]);
}

/* What @client has been told, without running anything. */
static const char *heard(int client)
{
	return kv_rig_take(client).bytes;
}

/*
 * One client's transaction on a key that it watches, another's SET of it in the middle: before turn
 * number @at of @turns, whose workers are the digits of @order. Whichever comes first, the other
 * must know of it.
 */
static void meet(int me, int other, const char *key, uint64_t order, unsigned at)
{
	enum { TURNS = 8 };
	unsigned n = kv_rig_worker(0)->n_workers;
	char text[128];
	const char *mine, *theirs;

	kv_rig_words(me, "SET", key, "old", NULL);
	kv_rig_words(me, "WATCH", key, NULL);
	snprintf(text, sizeof(text), "MULTI\r\nSET %s mine\r\nSET %s x\r\n", key, key_of(n - 1, 3));
	kv_rig_text(me, text);
	say(me, 0, "EXEC\r\n");
	snprintf(text, sizeof(text), "SET %s theirs GET\r\n", key);
	for (unsigned turn = 0; turn <= TURNS; turn++, order /= n) {
		if (turn == at)
			say(other, 1, text);
		worker_turn(kv_rig_worker((unsigned)(order % n)));
	}
	kv_rig_run();
	mine = heard(me);
	theirs = heard(other);
	if (strcmp(mine, NULLS) == 0)
		assert_string_equal(theirs, "$3\r\nold\r\n");
	else if (strcmp(mine, "*2\r\n+OK\r\n+OK\r\n") == 0)
		assert_string_equal(theirs, "$4\r\nmine\r\n");
	else
		fail_msg("EXEC said %s", mine);
	assert_string_equal(kv_rig_words(me, "GET", key, NULL), "$6\r\ntheirs\r\n");
}

static void no_update_is_lost_in_any_order_of_turns(void **state)
{
	for (unsigned n = 2; n <= 4; n++) {
		uint64_t orders = n == 2 ? 256 : n == 3 ? 729 : 1024;
		int me, other;

		start_many(n);
		me = kv_rig_connect(0);
		other = kv_rig_connect(1);
		for (unsigned owner = 0; owner < n; owner++)
			for (uint64_t order = 0; order < orders; order++)
				for (unsigned at = 0; at <= 8; at++)
					meet(me, other, key_of(owner, 1), order, at);
		check_rest(n);
		kv_rig_stop();
	}
}

static uint32_t seed;

static unsigned pick(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* A client that counts up by WATCH, GET and EXEC. */
struct counter {
	int client;
	unsigned worker;
	bool executes; /* else it has asked for the number */
	unsigned done;
};

/* Goes on when there is an answer; true: there was. */
static bool count_on(struct counter *c, const char *key)
{
	struct kv_rig_reply reply = kv_rig_take(c->client);
	char text[160];

	if (!reply.len)
		return false;
	if (c->executes) {
		c->done += strstr(reply.bytes, NULLS) == NULL;
		snprintf(text, sizeof(text), "WATCH %s\r\nGET %s\r\n", key, key);
	} else {
		unsigned n = (unsigned)atoi(strchr(strchr(reply.bytes, '$'), '\n') + 1);

		snprintf(text, sizeof(text), "MULTI\r\nSET %s %u\r\nINCR %s\r\nEXEC\r\n", key,
			n + 1, key_of(c->worker, 5));
	}
	c->executes = !c->executes;
	kv_rig_push(c->client, text, strlen(text));
	return true;
}

static void counters_that_watch_count_every_step(void **state)
{
	enum { COUNTERS = 6, STEPS = 60 };

	for (unsigned run = 0; run < 24; run++) {
		unsigned n = 2 + run % 3;
		struct counter counters[COUNTERS];
		char key[16], text[64];
		unsigned sum = 0;

		seed = run;
		start_many(n);
		base_strlcpy(key, key_of(run % n, 4), sizeof(key));
		kv_rig_words(kv_rig_connect(0), "SET", key, "0", NULL);
		for (unsigned i = 0; i < COUNTERS; i++) {
			counters[i] = (struct counter){.worker = pick(n)};
			counters[i].client = kv_rig_connect(counters[i].worker);
			snprintf(text, sizeof(text), "WATCH %s\r\nGET %s\r\n", key, key);
			kv_rig_push(counters[i].client, text, strlen(text));
		}
		for (unsigned step = 0; step < STEPS; step++) {
			kv_rig_run();
			for (unsigned i = 0; i < COUNTERS; i++)
				if (pick(4) > 0)
					count_on(&counters[i], key);
		}
		kv_rig_run();
		for (unsigned i = 0; i < COUNTERS; i++) {
			if (counters[i].executes)
				count_on(&counters[i], key);
			kv_rig_abort(counters[i].client);
			sum += counters[i].done;
		}
		snprintf(text, sizeof(text), "%u\r\n", sum);
		assert_true(sum > STEPS / 4);
		assert_string_equal(
			strchr(kv_rig_words(kv_rig_connect(1), "GET", key, NULL), '\n') + 1, text);
		kv_rig_stop();
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_by_anybody_ends_exec),
		TEST(a_client_is_dirty_whoever_owns_the_key),
		TEST(a_late_word_of_a_change_is_of_the_past),
		TEST(a_key_that_expires_ends_exec),
		TEST(whoever_stops_watching_leaves_nothing_behind),
		cmocka_unit_test(no_update_is_lost_in_any_order_of_turns),
		cmocka_unit_test(counters_that_watch_count_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
