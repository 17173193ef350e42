/* SPDX-License-Identifier: BSD-3-Clause */
/* FUNCTION: libraries are loaded, listed, dumped, restored and deleted, or refused in words that
 * say why. Real objects, real children. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/kv/kv_function.h"
#include "lib/hash/crc64.h"
#include "lib/wire/rdb.h"
#include "tests/unit/kv_function_rig.h"

#define DAMAGED "-ERR DUMP payload version or checksum are wrong\r\n"

static int start(void **state)
{
	kv_function_start(1);
	return 0;
}

static int start_three(void **state)
{
	kv_function_start(3);
	return 0;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void a_library_is_listed_as_redis_does_with_more_at_the_end(void **state)
{
	int c = kv_rig_connect(0);
	const char *list = kv_rig_text(c, "function list\r\n");

	assert_begins(list, "*1\r\n*8\r\n$12\r\nlibrary_name\r\n$4\r\ngood\r\n$6\r\nengine\r\n"
			    "$3\r\nBPF\r\n$9\r\nfunctions\r\n*6\r\n*10\r\n$4\r\nname\r\n");
	assert_has(list, "$4\r\nname\r\n$5\r\nratio\r\n$11\r\ndescription\r\n$-1\r\n$5\r\nflags\r\n"
			 "*2\r\n+no-writes\r\n+allow-oom\r\n$4\r\nkind\r\n$4\r\neach\r\n"
			 "$4\r\ncost\r\n:");
	assert_has(list, "$6\r\nsha256\r\n$64\r\n");
	assert_null(strstr(list, "library_code"));
	KV_STEPS(c, {"function list libraryname nosuch*", "*0\r\n"},
		{"function list libraryname", "-ERR library name argument was not given\r\n"},
		{"function list x", "-ERR Unknown argument x\r\n"},
		{"function list withcode withcode", "-ERR Unknown argument withcode\r\n"});
	assert_begins(kv_rig_text(c, "function list libraryname GO?D\r\n"), "*1\r\n*8\r\n");
	kv_rig_text(c, "hello 3\r\n");
	assert_begins(kv_rig_text(c, "function list\r\n"), "*1\r\n%4\r\n$12\r\nlibrary_name\r\n");
}

static void the_code_is_what_was_loaded(void **state)
{
	struct task_file payload = task_payload_make("good", "good");
	int c = kv_rig_connect(0);
	struct kv_rig_reply reply;
	char head[64];
	const char *at;

	reply = kv_rig_send(c, "function list withcode\r\n", 24);
	snprintf(head, sizeof(head), "$12\r\nlibrary_code\r\n$%zu\r\n", payload.len);
	at = memmem(reply.bytes, reply.len, head, strlen(head));
	assert_non_null(at);
	assert_memory_equal(at + strlen(head), payload.bytes, payload.len);
	assert_begins(at + strlen(head) + payload.len, "\r\n$6\r\nsha256\r\n");
	free(payload.bytes);
}

static void libraries_are_counted(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c,
		{"function stats",
			"*4\r\n$14\r\nrunning_script\r\n$-1\r\n$7\r\nengines\r\n*2\r\n$3\r\n"
			"BPF\r\n*4\r\n$15\r\nlibraries_count\r\n:1\r\n$15\r\n"
			"functions_count\r\n:6\r\n"},
		{"function kill", "-NOTBUSY No scripts in execution right now.\r\n"},
		{"function flush", OK}, {"function list", "*0\r\n"}, {"function flush async", OK},
		{"function flush now", "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option\r\n"},
		{"function flush sync now",
			"-ERR unknown subcommand or wrong number of arguments for 'flush'. Try "
			"FUNCTION HELP.\r\n"});
}

static void a_library_is_deleted_or_replaced_by_its_name(void **state)
{
	int c = kv_rig_connect(0);

	assert_string_equal(kv_function_load_object(c, false, "good", "good"),
		"-ERR Library 'good' already exists\r\n");
	assert_string_equal(kv_function_load_object(c, true, "jobs", "good"), "$4\r\ngood\r\n");
	KV_STEPS(c, {"function delete nosuch", "-ERR Library not found\r\n"},
		{"function delete good", OK},
		{"function delete good", "-ERR Library not found\r\n"},
		{"function list", "*0\r\n"});
}

/* What is loaded, as it is or behind a line of its own, and what must be in the answer. */
static const struct {
	const char *object; /* NULL: only @line */
	const char *line;
	const char *answer;
} refusals[] = {
	{NULL, "", "-ERR Missing library metadata"},
	{NULL, "return 1", "-ERR Missing library metadata"},
	{"good", "", "-ERR Missing library metadata"},
	{NULL, "#!bpf name=x", "-ERR Invalid library metadata"},
	{"good", "#!bpf\n", "-ERR Library name was not given"},
	{"good", "#!bpf name=\n", "-ERR Library names can only contain"},
	{"good", "#!bpf name=a.b\n", "-ERR Library names can only contain"},
	{"good", "#!bpf nam=x\n", "-ERR Invalid metadata value given: nam=x"},
	{"good", "#!bpf name=x name=y\n",
		"-ERR Invalid metadata value, name argument was given multiple times"},
	{"good", "#!lua name=x\n", "-ERR Engine 'lua' not found"},
	{NULL, "#!bpf name=x\n", "-ERR "},
	{NULL, "#!bpf name=x\nredis.register_function('f', function() end)", "ELF"},
	{"newer", "#!bpf name=x\n", "for ABI 2, this braid knows up to 1; upgrade it"},
	{"refused", "#!bpf name=x\n", "line "},
	{"no_section", "#!bpf name=x\n", "-ERR "},
	{"variable", "#!bpf name=x\n", "-ERR "},
	{"nothing", "#!bpf name=x\n", "-ERR "},
};

static void what_is_no_library_is_refused_in_words(void **state)
{
	int c = kv_rig_connect(0);

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct task_file object = {.bytes = NULL};
		size_t n = strlen(refusals[i].line);
		const char *reply;
		char *payload;

		if (refusals[i].object)
			object = task_file_read(refusals[i].object);
		payload = malloc(n + object.len + 1);
		assert_non_null(payload);
		memcpy(payload, refusals[i].line, n);
		if (object.len > 0)
			memcpy(payload + n, object.bytes, object.len);
		reply = kv_function_load(c, false, payload, n + object.len);
		assert_begins(reply, "-ERR ");
		if (!strstr(reply, refusals[i].answer))
			fail_msg("case %zu, %s: %s", i, refusals[i].answer, reply);
		free(payload);
		free(object.bytes);
	}
	KV_STEPS(c, {"function load x y", "-ERR Unknown option given: x\r\n"},
		{"function load",
			"-ERR wrong number of arguments for 'function|load' command\r\n"});
	assert_begins(kv_rig_text(c, "function list libraryname x\r\n"), "*0\r\n");
}

static void an_object_of_another_machine_is_refused(void **state)
{
	struct task_file payload = task_payload_make("good", "x");
	int c = kv_rig_connect(0);
	const char *reply;

	payload.bytes[strlen("#!bpf name=x\n") + 18] = 62; /* e_machine: x86-64 */
	reply = kv_function_load(c, false, payload.bytes, payload.len);
	assert_begins(reply, "-ERR ");
	assert_has(reply, "bpf");
	free(payload.bytes);
}

static void an_oversized_library_is_refused_before_it_is_copied(void **state)
{
	size_t len = TASK_PAYLOAD_BYTES_MAX + 1;
	char *payload = calloc(1, len);
	int c = kv_rig_connect(0);

	assert_non_null(payload);
	assert_begins(kv_function_load(c, false, payload, len), "-ERR a library has at most ");
	free(payload);
}

static void libraries_do_not_change_in_a_transaction(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"multi", OK},
		{"function flush", "-ERR Command not allowed inside a transaction\r\n"},
		{"discard", OK}, {"multi", OK}, {"function stats", "+QUEUED\r\n"},
		{"function list libraryname x", "+QUEUED\r\n"},
		{"exec", "*2\r\n*4\r\n$14\r\nrunning_script\r\n$-1\r\n$7\r\nengines\r\n*2\r\n"
			 "$3\r\nBPF\r\n*4\r\n$15\r\nlibraries_count\r\n:1\r\n$15\r\n"
			 "functions_count\r\n:6\r\n*0\r\n"});
}

static void a_full_store_takes_no_library(void **state)
{
	int c = kv_rig_connect(0);

	for (unsigned i = 0; i < 64; i++) {
		char line[64];

		snprintf(line, sizeof(line), "setrange big%u 60000 x\r\n", i);
		kv_rig_text(c, line);
	}
	kv_rig_text(c, "config set maxmemory 1mb\r\n");
	assert_begins(kv_function_load_object(c, false, "good", "more"), "-OOM ");
	KV_STEPS(c, {"fcall good.twice 0 21", "$2\r\n42\r\n"},
		{"fmap twice 4", "*1\r\n$1\r\n8\r\n"}, {"function delete good", OK});
}

static void a_client_that_goes_takes_nothing_that_main_still_reads(void **state)
{
	struct task_file payload = task_payload_make("good", "late");
	struct worker *w = kv_rig_worker(0);
	int c = kv_rig_connect(0), d = kv_rig_connect(0);
	uint64_t used = kv_shard_used_bytes(w->kv->shard);
	char head[128];
	int n = snprintf(
		head, sizeof(head), "*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$%zu\r\n", payload.len);

	kv_client_input(w, kv_rig_client(c), (const uint8_t *)head, (uint32_t)n);
	kv_client_input(w, kv_rig_client(c), payload.bytes, (uint32_t)payload.len);
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)"\r\n", 2);
	assert_true(kv_rig_client(c)->waits & KV_WAIT_LONG);
	worker_turn(w);
	kv_rig_abort(c);
	assert_true(kv_shard_used_bytes(w->kv->shard) > used);
	kv_rig_run();
	assert_int_equal(kv_shard_used_bytes(w->kv->shard), used);
	assert_begins(kv_rig_text(d, "function list libraryname late\r\n"), "*1\r\n");
	free(payload.bytes);
}

static void who_loads_waits_and_others_do_not(void **state)
{
	struct task_file payload = task_payload_make("good", "slow");
	int c = kv_rig_connect(0), d = kv_rig_connect(0);
	struct worker *w = kv_rig_worker(0);
	char head[128];
	int n = snprintf(
		head, sizeof(head), "*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$%zu\r\n", payload.len);

	kv_rig_push(c, head, (size_t)n);
	kv_rig_push(c, payload.bytes, payload.len);
	kv_rig_push(c, "\r\nping\r\n", 8);
	kv_client_input(w, kv_rig_client(d), (const uint8_t *)"ping\r\n", 6);
	assert_string_equal(kv_rig_take(d).bytes, "+PONG\r\n");
	kv_rig_run();
	assert_string_equal(kv_rig_take(c).bytes, "$4\r\nslow\r\n+PONG\r\n");
	/* Once it sleeps the worker has nothing to do. */
	kv_rig_push(c, "function flush\r\n", 16);
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)"function flush\r\n", 16);
	while (worker_turn(w) > 0)
		;
	assert_true(kv_rig_client(c)->waits & KV_WAIT_LONG);
	assert_int_equal(worker_turn(w), 0);
	kv_rig_run();
	free(payload.bytes);
}

/* Asks FUNCTION RESTORE with the @len bytes at @payload and the word @policy, or none. */
static const char *restore(int c, const void *payload, size_t len, const char *policy)
{
	struct resp_arg argv[4] = {
		{(const uint8_t *)"FUNCTION", 8},
		{(const uint8_t *)"RESTORE", 7},
		{payload, (uint32_t)len},
		{(const uint8_t *)policy, policy ? (uint32_t)strlen(policy) : 0},
	};

	return kv_rig_args(c, argv, policy ? 4 : 3).bytes;
}

/* What FUNCTION DUMP answers, by malloc. */
static struct task_file dump(int c)
{
	struct kv_rig_reply reply = kv_rig_send(c, "function dump\r\n", 15);
	const char *start = strstr(reply.bytes, "\r\n") + 2;
	struct task_file f = {.len = strtoul(reply.bytes + 1, NULL, 10)};

	assert_int_equal(reply.bytes[0], '$');
	assert_int_equal(reply.len, (size_t)(start - reply.bytes) + f.len + 2);
	f.bytes = malloc(f.len);
	assert_non_null(f.bytes);
	memcpy(f.bytes, start, f.len);
	return f;
}

static void what_was_dumped_is_restored(void **state)
{
	int c = kv_rig_connect(0);
	struct task_file f;

	assert_string_equal(kv_function_load_object(c, false, "jobs", "other"), "$5\r\nother\r\n");
	f = dump(c);
	assert_int_equal(f.bytes[0], 245);
	assert_string_equal(
		restore(c, f.bytes, f.len, NULL), "-ERR Library 'good' already exists\r\n");
	assert_string_equal(restore(c, f.bytes, f.len, "replace"), OK);
	KV_STEPS(c, {"function flush", OK});
	assert_string_equal(restore(c, f.bytes, f.len, "append"), OK);
	KV_STEPS(c, {"fmap good.twice 21", "*1\r\n$2\r\n42\r\n"}, {"function delete other", OK});
	assert_string_equal(restore(c, f.bytes, f.len, "flush"), OK);
	assert_has(kv_rig_text(c, "function stats\r\n"), "libraries_count\r\n:2\r\n");
	assert_begins(restore(c, f.bytes, f.len, "all"),
		"-ERR Wrong restore policy given, value should "
		"be either FLUSH, APPEND or REPLACE.");
	free(f.bytes);
}

static void a_damaged_dump_changes_nothing(void **state)
{
	int c = kv_rig_connect(0);
	struct task_file f = dump(c);
	static const uint8_t empty[RDB_FOOTER_BYTES + 1] = {1};
	uint8_t payload[64] = {0};
	uint32_t n;

	for (size_t i = 0; i < f.len; i += 1 + f.len / 64) {
		f.bytes[i] ^= 1;
		assert_string_equal(restore(c, f.bytes, f.len, "flush"), DAMAGED);
		f.bytes[i] ^= 1;
	}
	for (size_t len = 0; len < f.len; len += 1 + f.len / 64)
		assert_string_equal(restore(c, f.bytes, len, "flush"), DAMAGED);
	assert_string_equal(restore(c, empty, sizeof(empty), NULL), DAMAGED);
	/* Sound ones that hold something else. */
	payload[0] = 7;
	rdb_write_footer(payload + 1, crc64_jones(0, payload, 1));
	assert_string_equal(restore(c, payload, 1 + RDB_FOOTER_BYTES, "flush"),
		"-ERR given type is not a function\r\n");
	n = rdb_write_packed(payload, 2, 2);
	payload[0] = 245;
	n += 2;
	rdb_write_footer(payload + n, crc64_jones(0, payload, n));
	assert_begins(restore(c, payload, n + RDB_FOOTER_BYTES, "flush"),
		"-ERR failed loading the given functions payload");
	n = rdb_write_function(payload, 8);
	memcpy(payload + n, "#!lua x\n", 8);
	rdb_write_footer(payload + n + 8, crc64_jones(0, payload, n + 8));
	assert_begins(restore(c, payload, n + 8 + RDB_FOOTER_BYTES, "flush"), "-ERR ");
	assert_has(kv_rig_text(c, "function stats\r\n"), "libraries_count\r\n:1\r\n");
	/* None at all is a dump, too. */
	rdb_write_footer(payload, 0);
	assert_string_equal(restore(c, payload, RDB_FOOTER_BYTES, "flush"), OK);
	KV_STEPS(c, {"function list", "*0\r\n"});
	free(f.bytes);
}

static void what_is_being_sent_may_be_deleted(void **state)
{
	int c = kv_rig_connect(0), d = kv_rig_connect(0);
	struct worker *w = kv_rig_worker(0);
	struct kv_rig_reply reply;

	kv_client_input(w, kv_rig_client(c), (const uint8_t *)"function dump\r\n", 15);
	KV_STEPS(d, {"function flush", OK});
	reply = kv_rig_take(c);
	assert_int_equal(reply.bytes[0], '$');
	assert_true(reply.len > 1000);
	kv_rig_abort(c);
	c = kv_rig_connect(0);
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)"function list withcode\r\n", 24);
	kv_rig_abort(c);
}

static void every_worker_sees_the_libraries(void **state)
{
	for (unsigned i = 0; i < 3; i++) {
		int c = kv_rig_connect(i);

		KV_STEPS(c, {"fmap twice 1 2 3 4 5",
				    "*5\r\n$1\r\n2\r\n$1\r\n4\r\n$1\r\n6\r\n$1\r\n8\r\n$2\r\n10"
				    "\r\n"});
		assert_string_equal(
			kv_function_load_object(c, true, "good", "good"), "$4\r\ngood\r\n");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, kv_steps_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_library_is_listed_as_redis_does_with_more_at_the_end),
		TEST(the_code_is_what_was_loaded),
		TEST(libraries_are_counted),
		TEST(a_library_is_deleted_or_replaced_by_its_name),
		TEST(what_is_no_library_is_refused_in_words),
		TEST(an_object_of_another_machine_is_refused),
		TEST(an_oversized_library_is_refused_before_it_is_copied),
		TEST(libraries_do_not_change_in_a_transaction),
		TEST(a_full_store_takes_no_library),
		TEST(a_client_that_goes_takes_nothing_that_main_still_reads),
		TEST(who_loads_waits_and_others_do_not),
		TEST(what_was_dumped_is_restored),
		TEST(a_damaged_dump_changes_nothing),
		TEST(what_is_being_sent_may_be_deleted),
		cmocka_unit_test_setup_teardown(
			every_worker_sees_the_libraries, start_three, kv_steps_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
