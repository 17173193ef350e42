/* SPDX-License-Identifier: BSD-3-Clause */
/* COMMAND: the table of commands as clients see it. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "tests/unit/kv_steps.h"

static void a_row_is_told_as_redis_tells_it(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c,
		{"command info get nosuch",
			"*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n"
			":1\r\n*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags"
			"\r\n*2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n"
			"$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys"
			"\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey"
			"\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n$-1\r\n"},
		{"command docs ping nosuch",
			"*2\r\n$4\r\nping\r\n*8\r\n$7\r\nsummary\r\n$15\r\nPing the "
			"server\r\n$5\r\n"
			"since\r\n$5\r\n1.0.0\r\n$5\r\ngroup\r\n$10\r\nconnection\r\n$10\r\n"
			"complexity\r\n$4\r\nO(1)\r\n"},
		{"command list filterby pattern getd*", "*1\r\n$6\r\ngetdel\r\n"},
		{"command list filterby module x", "*0\r\n"},
		{"command list filterby aclcat nosuch", "*0\r\n"},
		{"command list filterby x y", SYNTAX}, {"command list x", SYNTAX},
		{"acl cat nosuch", "-ERR Unknown category 'nosuch'\r\n"});
}

static void keys_are_found(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"command getkeys get a", "*1\r\n$1\r\na\r\n"},
		{"command getkeys mset a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
		{"command getkeys object encoding k", "*1\r\n$1\r\nk\r\n"},
		{"command getkeys bitop and a b c", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"},
		{"command getkeysandflags get a",
			"*1\r\n*2\r\n$1\r\na\r\n*2\r\n+RO\r\n+access\r\n"},
		{"command getkeys nosuch x", "-ERR Invalid command specified\r\n"},
		{"command getkeys ping x", "-ERR The command has no key arguments\r\n"},
		{"command getkeys get a b",
			"-ERR Invalid number of arguments specified for command\r\n"});
}

static void categories_are_redis_s(void **state)
{
	static const struct {
		const char *name;
		const char *categories;
	} rows[] = {
		{"set", "*3\r\n+@write\r\n+@string\r\n+@slow\r\n"},
		{"keys", "*4\r\n+@keyspace\r\n+@read\r\n+@slow\r\n+@dangerous\r\n"},
		{"wait", "*2\r\n+@slow\r\n+@connection\r\n"},
		{"command|docs", "*2\r\n+@slow\r\n+@connection\r\n"},
		{"config", "*1\r\n+@slow\r\n"},
		{"config|set", "*3\r\n+@admin\r\n+@slow\r\n+@dangerous\r\n"},
		{"multi", "*2\r\n+@fast\r\n+@transaction\r\n"},
	};
	int c = kv_rig_connect(0);

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		assert_non_null(strstr(kv_rig_words(c, "COMMAND", "INFO", rows[i].name, NULL),
			rows[i].categories));
}

/* Every command that COMMAND counts is told by COMMAND, once, and can be asked about. */
static void all_rows_are_counted(void **state)
{
	int c = kv_rig_connect(0);
	unsigned n = (unsigned)atoi(kv_rig_text(c, "command count\r\n") + 1), told = 0;

	assert_true(n > 80);
	for (uint32_t i = 0; i < kv_commands_count; i++) {
		const char *name = kv_commands[i].name;

		told += !strchr(name, '|');
		assert_memory_equal(
			kv_rig_words(c, "COMMAND", "INFO", name, NULL), "*1\r\n*10\r\n", 9);
		assert_memory_equal(kv_rig_words(c, "COMMAND", "DOCS", name, NULL), "*2\r\n$", 5);
	}
	assert_int_equal(n, told);
	assert_int_equal(atoi(kv_rig_text(c, "command\r\n") + 1), n);
	assert_int_equal(atoi(kv_rig_text(c, "command docs\r\n") + 1), 2 * n);
	assert_int_equal(atoi(kv_rig_text(c, "command list\r\n") + 1), n);
	assert_int_equal(atoi(kv_rig_text(c, "acl cat\r\n") + 1), 21);
}

static void help_is_given(void **state)
{
	static const char *const containers[] = {"ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG",
		"DEBUG", "FUNCTION", "LATENCY", "MEMORY", "OBJECT", "SLOWLOG"};
	int c = kv_rig_connect(0);

	for (unsigned i = 0; i < ARRAY_SIZE(containers); i++) {
		const char *help = kv_rig_words(c, containers[i], "help", NULL);

		assert_int_equal(help[0], '*');
		assert_non_null(strstr(help, containers[i]));
		assert_non_null(strstr(help, "+    Prints this help.\r\n"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(a_row_is_told_as_redis_tells_it),
		KV_STEPS_TEST(keys_are_found),
		KV_STEPS_TEST(categories_are_redis_s),
		KV_STEPS_TEST(all_rows_are_counted),
		KV_STEPS_TEST(help_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
