/* SPDX-License-Identifier: BSD-3-Clause */
/* CLUSTER: workers as nodes. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

static int start_four(void **state)
{
	struct kv_settings settings;

	kv_settings_default(&settings, KV_STEPS_MEMORY);
	kv_rig_start_with(&settings, 4);
	return 0;
}

static void every_worker_is_a_node_with_its_slots(void **state)
{
	static const char *const ends[] = {
		" - 0 0 1 connected 0-4095\n",
		" - 0 0 2 connected 4096-8191\n",
		" - 0 0 3 connected 8192-12287\n",
		" - 0 0 4 connected 12288-16383\n",
	};
	int c = kv_rig_connect(2);
	char nodes[2048], id[41];
	const char *shards;

	base_strlcpy(nodes, kv_rig_text(c, "cluster nodes\r\n"), sizeof(nodes));
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++)
		assert_non_null(strstr(nodes, ends[i]));
	assert_non_null(strstr(nodes, " 10.0.0.1:6382@16382 myself,master - 0 0 3 "));
	assert_memory_equal(kv_rig_text(c, "cluster myid\r\n"), "$40\r\n", 5);
	base_strlcpy(id, kv_rig_text(c, "cluster myid\r\n") + 5, sizeof(id));
	assert_non_null(strstr(nodes, id));
	assert_non_null(strstr(kv_rig_text(c, "cluster slots\r\n"), id));
	shards = kv_rig_text(c, "cluster shards\r\n");
	assert_non_null(strstr(shards, id));
	assert_non_null(strstr(shards, "$5\r\nslots\r\n*2\r\n:12288\r\n:16383\r\n"));
	assert_non_null(strstr(kv_rig_text(c, "cluster info\r\n"), "cluster_known_nodes:4\r\n"));
}

static void the_slots_are_where_the_keys_are(void **state)
{
	int c = kv_rig_connect(0), d = kv_rig_connect(3);

	KV_STEPS(c, {"cluster keyslot foo", ":12182\r\n"},
		{"cluster keyslot {foo}bar", ":12182\r\n"}, {"cluster countkeysinslot 12182", ZERO},
		{"mset foo 1 {foo}bar 2 other 3", OK}, {"cluster countkeysinslot 12182", ":2\r\n"},
		{"cluster getkeysinslot 12182 0", "*0\r\n"});
	assert_memory_equal(kv_rig_text(d, "cluster getkeysinslot 12182 10\r\n"), "*2\r\n$", 5);
	KV_STEPS(d, {"cluster getkeysinslot 12182 x", NOT_INT},
		{"cluster getkeysinslot 12182 -1", "-ERR Invalid number of keys\r\n"},
		{"cluster countkeysinslot 16384", "-ERR Invalid or out of range slot\r\n"},
		{"cluster countkeysinslot x", "-ERR Invalid or out of range slot\r\n"},
		{"cluster addslots 1",
			"-ERR unknown subcommand 'addslots'. Try CLUSTER HELP.\r\n"});
	assert_memory_equal(kv_rig_text(d, "cluster reset\r\n"), "-ERR ", 5);
}

static void a_slot_of_many_keys_is_walked_over_in_pieces(void **state)
{
	enum { KEYS = 2000 };
	int c = kv_rig_connect(1);

	for (unsigned i = 0; i < KEYS; i++) {
		char line[64];

		snprintf(line, sizeof(line), "set {t}%u 1\r\n", i);
		kv_rig_text(c, line);
	}
	KV_STEPS(c, {"cluster keyslot {t}", ":15891\r\n"},
		{"cluster countkeysinslot 15891", ":2000\r\n"});
	assert_memory_equal(
		kv_rig_text(c, "cluster getkeysinslot 15891 5000\r\n"), "*2000\r\n$", 8);
	assert_memory_equal(kv_rig_text(c, "cluster getkeysinslot 15891 7\r\n"), "*7\r\n$", 5);
	kv_rig_push(c, "cluster getkeysinslot 15891 5000\r\n", 34);
	kv_rig_abort(c);
}

#define ON_FOUR(name) cmocka_unit_test_setup_teardown(name, start_four, kv_steps_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FOUR(every_worker_is_a_node_with_its_slots),
		ON_FOUR(the_slots_are_where_the_keys_are),
		ON_FOUR(a_slot_of_many_keys_is_walked_over_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
