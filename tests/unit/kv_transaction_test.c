/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions and watched keys. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

#define QUEUED  "+QUEUED\r\n"
#define ABORTED "-EXECABORT Transaction discarded because of previous errors.\r\n"
#define NULLS   "*-1\r\n"

static void what_is_queued_runs_at_exec(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"multi", OK}, {"set k 1", QUEUED}, {"incr k", QUEUED}, {"get k", QUEUED},
		{"exec", "*3\r\n+OK\r\n:2\r\n$1\r\n2\r\n"}, {"exec", "-ERR EXEC without MULTI\r\n"},
		{"discard", "-ERR DISCARD without MULTI\r\n"}, {"multi", OK},
		{"multi", "-ERR MULTI calls can not be nested\r\n"},
		{"watch k", "-ERR WATCH inside MULTI is not allowed\r\n"}, {"exec", "*0\r\n"},
		{"multi", OK}, {"set k 7", QUEUED}, {"discard", OK}, {"get k", "$1\r\n2\r\n"},
		{"multi", OK}, {"incrby k x", QUEUED}, {"select 3", QUEUED}, {"set k 3", QUEUED},
		{"exec", "*3\r\n" NOT_INT "+OK\r\n+OK\r\n"}, {"get k", "$1\r\n3\r\n"});
}

static void a_command_that_cannot_be_queued_aborts(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"multi", OK}, {"set k 1", QUEUED},
		{"nosuch", "-ERR unknown command 'nosuch', with args beginning with: \r\n"},
		{"exec", ABORTED}, {"multi", OK},
		{"get", "-ERR wrong number of arguments for 'get' command\r\n"}, {"exec", ABORTED},
		{"multi", OK}, {"save", "-ERR Command not allowed inside a transaction\r\n"},
		{"exec", ABORTED}, {"get k", NIL});
}

static void a_changed_key_aborts(void **state)
{
	static const char *const changes[] = {"set a 2", "del a", "append a x", "expire a 100",
		"flushdb", "flushall", "rename a z", "set b 1", "setrange b 3 x"};
	int c = kv_rig_connect(0), d = kv_rig_connect(0);

	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		struct kv_step change = {changes[i], NULL};
		char line[64];

		KV_STEPS(c, {"flushall", OK}, {"set a 1", OK}, {"watch a b", OK}, {"watch a", OK},
			{"multi", OK}, {"ping", QUEUED});
		snprintf(line, sizeof(line), "%s\r\n", change.ask);
		kv_rig_text(d, line);
		KV_STEPS(c, {"exec", NULLS}, {"multi", OK}, {"ping", QUEUED},
			{"exec", "*1\r\n+PONG\r\n"});
	}
}

/* SWAPDB changes what is watched if the key is in one of the two databases, alive. */
static void databases_that_change_places_abort_where_a_key_is(void **state)
{
	static const struct {
		const char *before; /* in database 9 first, then, behind the bar, in 0 */
		const char *swap;
		const char *reply; /* of EXEC */
	} cases[] = {
		{"set a 1", "swapdb 0 9", NULLS}, {"set a 1", "swapdb 9 0", NULLS},
		{"set a 1", "swapdb 9 10", "*1\r\n+PONG\r\n"},
		{"set a 1", "swapdb 0 0", "*1\r\n+PONG\r\n"},
		{"set z 1", "swapdb 0 9", "*1\r\n+PONG\r\n"},
		{"set a 1|set a 1", "swapdb 0 9", NULLS}, {"set z 1|set a 1", "swapdb 0 9", NULLS},
		{"set z 1|set a 1", "swapdb 0 10", NULLS},
		{"set z 1|set z 1", "swapdb 0 9", "*1\r\n+PONG\r\n"},
		{"set a 1 px 1", "swapdb 0 9", "*1\r\n+PONG\r\n"}, /* over when they change */
	};
	int c = kv_rig_connect(0), d = kv_rig_connect(0);

	kv_shard_expire_actively(kv_rig_worker(0)->kv->shard, false);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *bar = strchrnul(cases[i].before, '|');
		char line[64];

		KV_STEPS(d, {"flushall", OK}, {"select 9", OK});
		snprintf(line, sizeof(line), "%.*s\r\n", (int)(bar - cases[i].before),
			cases[i].before);
		kv_rig_text(d, line);
		KV_STEPS(d, {"select 0", OK});
		snprintf(line, sizeof(line), "%s\r\n", *bar ? bar + 1 : "ping");
		kv_rig_text(d, line);
		KV_STEPS(c, {"watch a", OK}, {"select 9", OK}, {"watch x", OK}, {"select 0", OK},
			{"watch b", OK}, {"multi", OK}, {"ping", QUEUED});
		kv_rig_advance_ms(5);
		snprintf(line, sizeof(line), "%s\r\n", cases[i].swap);
		assert_string_equal(kv_rig_text(d, line), OK);
		assert_string_equal(kv_rig_text(c, "exec\r\n"), cases[i].reply);
	}
}

static void an_untouched_key_does_not(void **state)
{
	static const char *const others[] = {"get a", "set c 1", "flushall", "flushdb",
		"del nosuch", "config resetstat", "select 3"};
	int c = kv_rig_connect(0), d = kv_rig_connect(0);

	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		char line[64];

		KV_STEPS(c, {"del a", ZERO}, {"watch a", OK}, {"multi", OK}, {"ping", QUEUED});
		snprintf(line, sizeof(line), "%s\r\n", others[i]);
		kv_rig_text(d, line);
		KV_STEPS(c, {"exec", "*1\r\n+PONG\r\n"});
	}
	KV_STEPS(c, {"select 0", OK}, {"set a 1", OK}, {"select 1", OK}, {"watch a", OK},
		{"select 0", OK}, {"set a 2", OK}, {"multi", OK}, {"ping", QUEUED},
		{"exec", "*1\r\n+PONG\r\n"});
}

static void what_is_watched_can_be_forgotten(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"unwatch", OK}, {"set a 1", OK}, {"watch a", OK}, {"set a 2", OK},
		{"unwatch", OK}, {"multi", OK}, {"ping", QUEUED}, {"exec", "*1\r\n+PONG\r\n"},
		{"watch a", OK}, {"set a 3", OK}, {"multi", OK}, {"discard", OK}, {"multi", OK},
		{"ping", QUEUED}, {"exec", "*1\r\n+PONG\r\n"}, {"watch a", OK}, {"multi", OK},
		{"discard", OK}, {"set a 4", OK}, {"multi", OK}, {"ping", QUEUED},
		{"exec", "*1\r\n+PONG\r\n"});
}

/* Redis since 7.0: it is the key's state at WATCH that counts. */
static void to_expire_is_a_change_unless_it_had_before(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"debug set-active-expire 0", OK}, {"set a 1 px 10", OK}, {"watch a", OK});
	kv_rig_advance_ms(20);
	KV_STEPS(c, {"multi", OK}, {"incr a", QUEUED}, {"exec", NULLS}, {"set a 1 px 10", OK});
	kv_rig_advance_ms(20);
	KV_STEPS(c, {"watch a", OK}, {"exists a", ZERO}, {"flushdb", OK}, {"multi", OK},
		{"ping", QUEUED}, {"exec", "*1\r\n+PONG\r\n"}, {"debug set-active-expire 1", OK},
		{"set a 1 px 10", OK}, {"watch a", OK});
	kv_rig_advance_ms(20);
	KV_STEPS(c, {"multi", OK}, {"ping", QUEUED}, {"exec", NULLS});
}

static void watches_end_with_their_client(void **state)
{
	int c = kv_rig_connect(0), d = kv_rig_connect(0);

	KV_STEPS(d, {"watch a b c", OK});
	kv_rig_abort(d);
	KV_STEPS(c, {"set a 1", OK}, {"watch a", OK}, {"reset", "+RESET\r\n"}, {"set a 2", OK},
		{"multi", OK}, {"ping", QUEUED}, {"exec", "*1\r\n+PONG\r\n"});
}

static void many_watch_the_same_keys(void **state)
{
	enum { CLIENTS = 50 };
	int c = kv_rig_connect(0), clients[CLIENTS];

	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i] = kv_rig_connect(0);
		KV_STEPS(clients[i], {"watch a b c d e f", OK});
	}
	KV_STEPS(c, {"mset a 1 c 2 e 3", OK});
	for (unsigned i = 0; i < CLIENTS; i++)
		KV_STEPS(clients[i], {"multi", OK}, {"ping", QUEUED}, {"exec", NULLS});
}

static void memory_that_is_short_aborts_what_needs_it(void **state)
{
	int c = kv_rig_connect(0), d = kv_rig_connect(0);

	KV_STEPS(c, {"set x v", OK}, {"multi", OK}, {"get x", QUEUED}, {"ping", QUEUED});
	KV_STEPS(d, {"config set maxmemory 1", OK});
	KV_STEPS(c, {"exec", "*2\r\n$1\r\nv\r\n+PONG\r\n"}, {"multi", OK},
		{"set x 1", "-OOM command not allowed when used memory > 'maxmemory'.\r\n"},
		{"discard", OK});
	KV_STEPS(d, {"config set maxmemory 0", OK});
	KV_STEPS(c, {"multi", OK}, {"set x 1", QUEUED}, {"get x", QUEUED});
	KV_STEPS(d, {"config set maxmemory 1", OK});
	KV_STEPS(c,
		{"exec", "-EXECABORT Transaction discarded because of: OOM command not allowed "
			 "when used memory > 'maxmemory'.\r\n"},
		{"get x", "$1\r\nv\r\n"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(what_is_queued_runs_at_exec),
		KV_STEPS_TEST(a_command_that_cannot_be_queued_aborts),
		KV_STEPS_TEST(a_changed_key_aborts),
		KV_STEPS_TEST(databases_that_change_places_abort_where_a_key_is),
		KV_STEPS_TEST(an_untouched_key_does_not),
		KV_STEPS_TEST(what_is_watched_can_be_forgotten),
		KV_STEPS_TEST(to_expire_is_a_change_unless_it_had_before),
		KV_STEPS_TEST(watches_end_with_their_client),
		KV_STEPS_TEST(many_watch_the_same_keys),
		KV_STEPS_TEST(memory_that_is_short_aborts_what_needs_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
