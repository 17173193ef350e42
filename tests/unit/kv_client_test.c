/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients without a network: commands in every cut, limits, and who is closed why. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kv_hostile.h"
#include "tests/unit/kv_rig.h"

#define MEMORY (64u << 20)

static int start(void **state)
{
	kv_rig_start(MEMORY);
	return 0;
}

static int stop(void **state)
{
	kv_rig_stop();
	return 0;
}

static struct kv_worker *kv(void)
{
	return kv_rig_worker(0)->kv;
}

/* The bytes of a hostile request; the caller frees them. */
static char *request_of(const struct hostile *h, size_t *len)
{
	char *p;

	*len = h->head_len + h->n_fill + h->tail_len;
	p = malloc(*len + 1);
	memcpy(p, h->head, h->head_len);
	memset(p + h->head_len, h->fill, h->n_fill);
	memcpy(p + h->head_len + h->n_fill, h->tail, h->tail_len);
	return p;
}

/* Sends a hostile request in steps of @step bytes and compares what comes back. */
static void check_hostile(size_t number, size_t step)
{
	const struct hostile *h = &hostile_requests[number];
	int c = kv_rig_connect(0);
	struct kv_rig_reply reply;
	size_t len;
	char *p = request_of(h, &len);

	assert_string_equal(kv_rig_words(c, "SET", "k", "vv", NULL), "+OK\r\n");
	for (size_t at = 0; at < len; at += step) {
		kv_rig_push(c, p + at, MIN_OF(step, len - at));
		kv_rig_run();
	}
	reply = kv_rig_take(c);
	if (reply.len != h->reply_len || memcmp(reply.bytes, h->reply, reply.len) != 0)
		fail_msg("request %zu in steps of %zu: %s instead of %s", number, step, reply.bytes,
			h->reply);
	if (reply.closed != h->closed)
		fail_msg("request %zu in steps of %zu: closed %d", number, step, reply.closed);
	free(p);
	kv_rig_abort(c);
}

static void hostile_requests_are_answered_as_redis_does(void **state)
{
	int other = kv_rig_connect(0);

	for (size_t i = 0; i < ARRAY_SIZE(hostile_requests); i++) {
		size_t len = hostile_requests[i].head_len + hostile_requests[i].n_fill +
			     hostile_requests[i].tail_len;

		check_hostile(i, SIZE_MAX / 2);
		check_hostile(i, len > 4096 ? 1013 : 1);
		check_hostile(i, len > 4096 ? 16384 : 7);
		assert_string_equal(kv_rig_words(other, "STRLEN", "nokey", NULL), ":0\r\n");
	}
}

static void a_pipeline_is_answered_in_order_in_every_cut(void **state)
{
	static const char text[] = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$10\r\n0123456789\r\nGET a\r\n"
				   "*2\r\n$3\r\nGET\r\n$1\r\na\r\nSTRLEN 'a'\r\n*0\r\n\r\n"
				   "*2\r\n$6\r\nSTRLEN\r\n$1\r\nb\r\n";
	static const char answer[] =
		"+OK\r\n$10\r\n0123456789\r\n$10\r\n0123456789\r\n:10\r\n:0\r\n";
	int c = kv_rig_connect(0);

	for (size_t at = 0; at < sizeof(text); at++) {
		struct kv_rig_reply reply;

		kv_rig_push(c, text, at);
		kv_rig_run();
		kv_rig_push(c, text + at, sizeof(text) - 1 - at);
		kv_rig_run();
		reply = kv_rig_take(c);
		assert_string_equal(reply.bytes, answer);
		assert_null(kv_rig_client(c)->query);
	}
}

static void a_deep_pipeline_of_many_clients_is_answered(void **state)
{
	enum { CLIENTS = 20, DEPTH = 500 };
	int clients[CLIENTS];
	char text[64];

	for (int i = 0; i < CLIENTS; i++)
		clients[i] = kv_rig_connect(0);
	for (int i = 0; i < CLIENTS; i++)
		for (int k = 0; k < DEPTH; k++) {
			int n = snprintf(
				text, sizeof(text), "*2\r\n$4\r\nINCR\r\n$2\r\nk%c\r\n", 'a' + i);

			kv_rig_push(clients[i], text, (size_t)n);
		}
	kv_rig_run();
	for (int i = 0; i < CLIENTS; i++) {
		struct kv_rig_reply reply = kv_rig_take(clients[i]);
		const char *p = reply.bytes;

		for (int k = 1; k <= DEPTH; k++) {
			int n = snprintf(text, sizeof(text), ":%d\r\n", k);

			assert_memory_equal(p, text, (size_t)n);
			p += n;
		}
		assert_int_equal(*p, '\0');
	}
}

static void a_large_value_comes_in_pieces_and_leaves_as_the_reader_takes_it(void **state)
{
	enum { BYTES = 5000000 };
	struct kv_rig_reply reply;
	char *p = malloc(BYTES);
	struct resp_arg set[3] = {{(const uint8_t *)"SET", 3}, {(const uint8_t *)"k", 1},
		{(const uint8_t *)p, BYTES}};
	int c = kv_rig_connect(0);
	size_t got = 0;

	for (size_t i = 0; i < BYTES; i++)
		p[i] = (char)(i * 7 + i / 251);
	kv_rig_text(c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000000\r\n");
	for (size_t at = 0; at < BYTES; at += 1460) {
		kv_rig_push(c, p + at, MIN_OF((size_t)1460, BYTES - at));
		kv_rig_run();
	}
	assert_string_equal(kv_rig_text(c, "\r\n"), "+OK\r\n");
	assert_null(kv_rig_client(c)->query);
	kv_rig_window(c, 0);
	kv_rig_words(c, "GET", "k", NULL);
	assert_true(kv_rig_client(c)->pinned_kib > 0);
	/* Its deletion does not take the bytes from under the reader. */
	kv_rig_words(c, "SET", "k", "short", NULL);
	while (got < 10 + BYTES) {
		kv_rig_window(c, 99991);
		reply = kv_rig_take(c);
		assert_true(reply.len > 0);
		if (got > 10 && got + reply.len < 10 + BYTES)
			assert_memory_equal(reply.bytes, p + got - 10, reply.len);
		got += reply.len;
	}
	assert_int_equal(kv_rig_client(c)->pinned_kib, 0);
	assert_string_equal(kv_rig_args(c, set, 2).bytes,
		"-ERR wrong number of arguments for 'set' command\r\n");
	free(p);
}

static void a_reader_that_never_reads_is_closed_and_others_are_served(void **state)
{
	int slow = kv_rig_connect(0), other = kv_rig_connect(0);
	char *value = malloc(10001);

	kv()->settings.output_hard_bytes = 1u << 20;
	memset(value, 'x', 10000);
	value[10000] = '\0';
	kv_rig_words(other, "SET", "k", value, NULL);
	free(value);
	kv_rig_window(slow, 0);
	for (int i = 0; i < 1000 && kv_rig_client(slow); i++)
		kv_rig_words(slow, "GET", "k", NULL);
	assert_null(kv_rig_client(slow));
	assert_true(kv_rig_take(slow).aborted);
	assert_int_equal(kv()->stats.closed_output_limit, 1);
	assert_string_equal(kv_rig_words(other, "STRLEN", "k", NULL), ":10000\r\n");
}

static void a_reader_that_is_slow_for_too_long_is_closed(void **state)
{
	int c = kv_rig_connect(0);

	kv()->settings.output_soft_bytes = 1000;
	kv()->settings.output_soft_s = 5;
	kv_rig_window(c, 0);
	for (int i = 0; i < 300; i++)
		kv_rig_words(c, "STRLEN", "k", NULL);
	kv_rig_advance_ms(5000);
	assert_non_null(kv_rig_client(c));
	kv_rig_advance_ms(2500);
	assert_null(kv_rig_client(c));
	assert_int_equal(kv()->stats.closed_output_limit, 1);
}

static void a_query_buffer_has_a_limit(void **state)
{
	int c = kv_rig_connect(0);
	static char piece[10000];

	kv()->settings.query_max_bytes = 1u << 20;
	kv_rig_text(c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000000\r\n");
	for (int i = 0; i < 104; i++)
		kv_rig_send(c, piece, sizeof(piece));
	assert_non_null(kv_rig_client(c));
	kv_rig_send(c, piece, sizeof(piece));
	assert_null(kv_rig_client(c));
	assert_int_equal(kv()->stats.closed_query_limit, 1);
}

static void a_claimed_length_takes_no_memory(void **state)
{
	uint64_t before = kv_shard_used_bytes(kv()->shard);
	int clients[100];

	for (int i = 0; i < 100; i++) {
		clients[i] = kv_rig_connect(0);
		kv_rig_text(clients[i], "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc");
	}
	assert_true(kv_shard_used_bytes(kv()->shard) - before < 100 * 1024);
}

static void a_client_that_is_silent_is_closed(void **state)
{
	int silent = kv_rig_connect(0), busy = kv_rig_connect(0);

	kv()->settings.timeout_s = 3;
	for (int i = 0; i < 6; i++) {
		kv_rig_words(busy, "STRLEN", "k", NULL);
		kv_rig_advance_ms(1000);
	}
	assert_null(kv_rig_client(silent));
	assert_non_null(kv_rig_client(busy));
	assert_int_equal(kv()->stats.closed_idle, 1);
}

static void more_clients_than_allowed_are_refused_in_words(void **state)
{
	int clients[10];

	kv()->settings.clients_max = 10;
	for (int i = 0; i < 10; i++)
		clients[i] = kv_rig_connect(0);
	assert_int_equal(kv_rig_connect(0), -1);
	assert_string_equal(kv_rig_refusal(), "-ERR max number of clients reached\r\n");
	assert_int_equal(kv()->stats.rejected_connections, 1);
	kv_rig_close(clients[3]);
	assert_true(kv_rig_connect(0) >= 0);
	assert_int_equal(kv_rig_connect(0), -1);
}

static void protected_mode_wants_a_password_from_afar(void **state)
{
	kv()->settings.protected_mode = true;
	assert_int_equal(kv_rig_connect(0), -1);
	assert_memory_equal(kv_rig_refusal(), "-DENIED Redis is running in protected mode", 42);
	base_strlcpy(kv()->settings.password, "secret", KV_PASSWORD_MAX);
	assert_true(kv_rig_connect(0) >= 0);
}

static void a_guest_gets_no_further_than_noauth(void **state)
{
	int c;

	base_strlcpy(kv()->settings.password, "secret", KV_PASSWORD_MAX);
	c = kv_rig_connect(0);
	assert_string_equal(kv_rig_text(c, "GET k\r\nGET k\r\n"),
		"-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n");
	assert_string_equal(kv_rig_text(c, "FOO\r\nGET\r\n"),
		"-ERR unknown command 'FOO', with args beginning with: \r\n"
		"-ERR wrong number of arguments for 'get' command\r\n");
	assert_string_equal(kv_rig_text(c, "*2\r\n$16385\r\n"),
		"-ERR Protocol error: unauthenticated bulk length\r\n");
	assert_null(kv_rig_client(c));
	c = kv_rig_connect(0);
	assert_string_equal(kv_rig_text(c, "*11\r\n"),
		"-ERR Protocol error: unauthenticated multibulk length\r\n");
}

static void a_pause_holds_commands_up_and_loses_none(void **state)
{
	int c = kv_rig_connect(0), inline_client = kv_rig_connect(0);

	kv_client_pause(kv_rig_worker(0), kv_rig_now_ms() + 500, false);
	assert_string_equal(
		kv_rig_text(c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\nGET k\r\n"), "");
	assert_string_equal(
		kv_rig_text(inline_client, "GET k\r\nSET k 'a \\'b'\r\nGET k\r\n"), "$-1\r\n");
	assert_string_equal(kv_rig_text(c, "STRLEN k\r\n"), "");
	kv_rig_advance_ms(400);
	assert_string_equal(kv_rig_take(c).bytes, "");
	kv_rig_advance_ms(200);
	assert_string_equal(kv_rig_take(inline_client).bytes, "+OK\r\n$4\r\na 'b\r\n");
	assert_memory_equal(kv_rig_take(c).bytes, "+OK\r\n$", 6);
	kv_client_pause(kv_rig_worker(0), kv_rig_now_ms() + 500, true);
	assert_string_equal(kv_rig_text(c, "STRLEN nokey\r\n"), "");
	kv_client_unpause(kv_rig_worker(0));
	kv_rig_run();
	assert_string_equal(kv_rig_take(c).bytes, ":0\r\n");
}

static void many_arguments_find_room(void **state)
{
	enum { KEYS = 30000 };
	int c = kv_rig_connect(0);
	struct resp_arg *argv = malloc((2 * KEYS + 1) * sizeof(*argv));
	char(*names)[16] = malloc(KEYS * sizeof(*names));
	char expect[32];

	argv[0] = (struct resp_arg){(const uint8_t *)"MSET", 4};
	for (uint32_t i = 0; i < KEYS; i++) {
		struct resp_arg arg = {(const uint8_t *)names[i],
			(uint32_t)snprintf(names[i], sizeof(names[i]), "key:%u", i)};

		argv[1 + 2 * i] = argv[2 + 2 * i] = arg;
	}
	kv_rig_text(c, "STRLEN a\r\n");
	assert_string_equal(kv_rig_args(c, argv, 2 * KEYS + 1).bytes, "+OK\r\n");
	snprintf(expect, sizeof(expect), ":%d\r\n", KEYS);
	assert_string_equal(kv_rig_words(c, "DBSIZE", NULL), expect);
	free(names);
	free(argv);
}

static void a_client_that_closes_its_side_gets_its_replies(void **state)
{
	int c = kv_rig_connect(0);

	kv_rig_window(c, 3);
	kv_rig_words(c, "STRLEN", "k", NULL);
	kv_rig_close(c);
	assert_non_null(kv_rig_client(c));
	kv_rig_window(c, SIZE_MAX);
	assert_null(kv_rig_client(c));
	assert_true(kv_rig_take(c).closed);
}

static void ids_count_up_and_addresses_are_text(void **state)
{
	int a = kv_rig_connect(0), b = kv_rig_connect(0);
	char text[KV_ADDRESS_TEXT_MAX];

	assert_int_equal(kv_rig_client(a)->id, 1);
	assert_int_equal(kv_rig_client(b)->id, 2);
	kv_client_address(kv_rig_client(b), true, text);
	assert_string_equal(text, "10.0.0.2:40001");
	kv_client_address(kv_rig_client(b), false, text);
	assert_string_equal(text, "10.0.0.1:6379");
	assert_ptr_equal(kv_client_find(kv_rig_worker(0), 2), kv_rig_client(b));
	kv_client_kill(kv_rig_worker(0), kv_rig_client(b));
	kv_rig_run();
	assert_null(kv_client_find(kv_rig_worker(0), 2));
	assert_int_equal(kv_rig_client(kv_rig_connect(0))->id, 3);
}

static void who_came_before_there_was_a_password_stays(void **state)
{
	int before = kv_rig_connect(0), after;

	base_strlcpy(kv()->settings.password, "secret", KV_PASSWORD_MAX);
	after = kv_rig_connect(0);
	assert_string_equal(kv_rig_words(before, "SET", "k", "x", NULL), "+OK\r\n");
	assert_string_equal(
		kv_rig_words(after, "GET", "k", NULL), "-NOAUTH Authentication required.\r\n");
	/* As after connecting: now there is one. */
	assert_string_equal(kv_rig_words(before, "RESET", NULL), "+RESET\r\n");
	assert_string_equal(
		kv_rig_words(before, "GET", "k", NULL), "-NOAUTH Authentication required.\r\n");
}

static void errors_and_commands_are_counted(void **state)
{
	int c = kv_rig_connect(0);
	const struct kv_command *get = kv_command_find("get", 3);
	const struct kv_command *incr = kv_command_find("INCR", 4);

	kv_rig_words(c, "SET", "k", "x", NULL);
	kv_rig_words(c, "GET", "k", NULL);
	kv_rig_words(c, "GET", NULL);
	kv_rig_words(c, "INCR", "k", NULL);
	kv_rig_words(c, "NOPE", NULL);
	assert_int_equal(kv()->commands[get - kv_commands].calls, 1);
	assert_int_equal(kv()->commands[get - kv_commands].rejected, 1);
	assert_int_equal(kv()->commands[incr - kv_commands].failed, 1);
	assert_int_equal(kv()->n_errors, 1);
	assert_string_equal(kv()->errors[0].name, "ERR");
	assert_int_equal(kv()->errors[0].count, 3);
	kv_worker_stats_reset(kv_rig_worker(0));
	assert_int_equal(kv()->n_errors, 0);
	assert_int_equal(kv()->commands[get - kv_commands].calls, 0);
}

static void when_the_arena_is_full_the_reserve_carries_short_commands(void **state)
{
	int c = kv_rig_connect(0);
	struct kv_shard *shard = kv()->shard;
	void *first = NULL;

	/* A list through all that is left, of every size down to the smallest. */
	for (uint64_t bytes = 1u << 20; bytes >= 16; bytes /= 2) {
		void *p;

		while ((p = kv_shard_alloc(shard, bytes)) != NULL) {
			*(void **)p = first;
			first = p;
		}
	}
	assert_string_equal(kv_rig_text(c, "*2\r\n$6\r\nSTRLEN\r\n$1"), "");
	assert_string_equal(kv_rig_text(c, "\r\nk\r\n"), ":0\r\n");
	kv_rig_text(c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000\r\n");
	for (int i = 0; i < 50 && kv_rig_client(c); i++)
		kv_rig_words(c, "0123456789012345678901234567890123456789", NULL);
	assert_null(kv_rig_client(c));
	assert_int_equal(kv()->stats.closed_memory, 1);
	while (first) {
		void *p = first;

		first = *(void **)p;
		kv_shard_free(shard, p);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hostile_requests_are_answered_as_redis_does),
		TEST(a_pipeline_is_answered_in_order_in_every_cut),
		TEST(a_deep_pipeline_of_many_clients_is_answered),
		TEST(a_large_value_comes_in_pieces_and_leaves_as_the_reader_takes_it),
		TEST(a_reader_that_never_reads_is_closed_and_others_are_served),
		TEST(a_reader_that_is_slow_for_too_long_is_closed),
		TEST(a_query_buffer_has_a_limit),
		TEST(a_claimed_length_takes_no_memory),
		TEST(a_client_that_is_silent_is_closed),
		TEST(more_clients_than_allowed_are_refused_in_words),
		TEST(protected_mode_wants_a_password_from_afar),
		TEST(a_guest_gets_no_further_than_noauth),
		TEST(a_pause_holds_commands_up_and_loses_none),
		TEST(many_arguments_find_room),
		TEST(a_client_that_closes_its_side_gets_its_replies),
		TEST(ids_count_up_and_addresses_are_text),
		TEST(who_came_before_there_was_a_password_stays),
		TEST(errors_and_commands_are_counted),
		TEST(when_the_arena_is_full_the_reserve_carries_short_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
