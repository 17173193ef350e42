/* SPDX-License-Identifier: BSD-3-Clause */
/* FCALL: one call over a value or an argument, wherever the key is, and every mistake that can be
 * made. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/kv/kv_function.h"
#include "tests/unit/kv_function_rig.h"

#define NOT_FOUND "-ERR Function not found: "

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

static void a_function_is_called_over_an_argument_or_a_key(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"fcall good.twice 0 21", "$2\r\n42\r\n"},
		{"fcall twice 0 -5", "$3\r\n-10\r\n"}, {"FCALL_RO twice 0 1", "$1\r\n2\r\n"},
		{"set k 100", OK}, {"fcall twice 1 k", "$3\r\n200\r\n"},
		{"fcall_ro twice 1 k", "$3\r\n200\r\n"}, {"fcall twice 1 nosuch", NIL},
		{"fcall sum 1 nosuch", NIL}, {"fcall is_large 1 nosuch", NIL},
		{"fcall is_large 1 k", ZERO}, {"setrange k 100 x", ":101\r\n"},
		{"fcall is_large 1 k", ONE}, {"fcall is_large 0 x", ZERO},
		{"fcall upper 0 abc", "$3\r\nABC\r\n"}, {"set k 7 px 1", OK});
	kv_rig_advance_ms(2);
	KV_STEPS(c, {"fcall twice 1 k", NIL});
	kv_rig_text(c, "hello 3\r\n");
	KV_STEPS(c, {"fcall twice 1 k", "_\r\n"});
}

static void a_visit_answers_accumulator_and_pairs(void **state)
{
	static const char head[] = "*2\r\n$256\r\n",
			  tail[] = "\r\n*2\r\n$4\r\nabcd\r\n$8\r\n01234567\r\n";
	int c = kv_rig_connect(0);
	struct kv_rig_reply reply;

	kv_rig_text(c, "set abcd 0123456789abcdef\r\n");
	for (int i = 0; i < 3; i++) {
		reply = kv_rig_send(c, "fcall ratio 1 abcd\r\n", 20);
		assert_int_equal(reply.len, sizeof(head) - 1 + 256 + sizeof(tail) - 1);
		assert_memory_equal(reply.bytes, head, sizeof(head) - 1);
		assert_int_equal(reply.bytes[sizeof(head) - 1], 16 / 4);
		assert_memory_equal(reply.bytes + sizeof(head) - 1 + 256, tail, sizeof(tail) - 1);
	}
	reply = kv_rig_send(c, "fcall sum 1 abcd\r\n", 18);
	assert_memory_equal(reply.bytes + sizeof(head) - 1 + 256, "\r\n*0\r\n", 6);
	assert_int_equal(reply.bytes[sizeof(head) - 1], 1);
}

static void mistakes_are_told_in_words(void **state)
{
	int c = kv_rig_connect(0);

	assert_string_equal(kv_function_load_object(c, false, "good", "twin"), "$4\r\ntwin\r\n");
	KV_STEPS(c, {"set k 1", OK},
		{"fcall twice", "-ERR wrong number of arguments for 'fcall' command\r\n"},
		{"fcall_ro twice", "-ERR wrong number of arguments for 'fcall_ro' command\r\n"},
		{"fcall good.twice x k", "-ERR Bad number of keys provided\r\n"},
		{"fcall good.twice 1.0 k", "-ERR Bad number of keys provided\r\n"},
		{"fcall good.twice 99999999999999999999 k", "-ERR Bad number of keys provided\r\n"},
		{"fcall good.twice 2 k",
			"-ERR Number of keys can't be greater than number of args\r\n"},
		{"fcall good.twice -1 k", "-ERR Number of keys can't be negative\r\n"},
		{"fcall good.twice 0",
			"-ERR good.twice is a function of section map, which takes one key or one "
			"argument: FCALL name 1 key, or FCALL name 0 argument\r\n"},
		{"fcall good.is_large 1 k x",
			"-ERR good.is_large is a function of section filter, which takes one key "
			"or one argument: FCALL name 1 key, or FCALL name 0 argument\r\n"},
		{"fcall good.twice 2 k l",
			"-ERR good.twice is a function of section map, which takes one key or one "
			"argument: FCALL name 1 key, or FCALL name 0 argument\r\n"},
		{"fcall good.sum 0 x",
			"-ERR good.sum is a function of section each, which takes one key and no "
			"argument: FCALL name 1 key\r\n"},
		{"fcall good.add 1 k", "-ERR good.add is a function of section merge, which merges "
				       "what functions of section each have gathered: see FEACH "
				       "... REDUCE\r\n"});
	assert_begins(kv_rig_text(c, "fcall twice 0 1\r\n"), NOT_FOUND);
	assert_non_null(strstr(kv_rig_text(c, "fcall twice 0 1\r\n"), "good.twice, twin.twice"));
	assert_begins(kv_rig_text(c, "fcall good.nosuch 0 1\r\n"), NOT_FOUND);
	assert_begins(kv_rig_text(c, "fcall nosuch.twice 1 k\r\n"), NOT_FOUND);
	assert_begins(kv_rig_text(c, "fcall \"\" 0 1\r\n"), NOT_FOUND);
	KV_STEPS(c, {"function flush", OK});
	assert_begins(kv_rig_text(c, "fcall twice 0 1\r\n"), NOT_FOUND);
}

static void a_fault_names_the_key_and_the_line(void **state)
{
	int c = kv_rig_connect(0);
	const char *reply;

	KV_STEPS(c, {"set word abc", OK}, {"set \"\" x", OK});
	reply = kv_rig_text(c, "fcall twice 0 abc\r\nping\r\n");
	assert_begins(reply, "-FAULT good.twice: line ");
	assert_non_null(strstr(reply, "the value is not what the program is for\r\n+PONG\r\n"));
	reply = kv_rig_text(c, "fcall twice 1 word\r\n");
	assert_begins(reply, "-FAULT key \"word\": good.twice: line ");
	assert_non_null(strstr(reply, "the value is not what the program is for\r\n"));
	assert_begins(
		kv_rig_text(c, "fcall ratio 1 \"\"\r\n"), "-FAULT key \"\": good.ratio: line ");
	KV_STEPS(c, {"set word 5", OK}, {"fcall twice 1 word", "$2\r\n10\r\n"});
	assert_non_null(strstr(kv_rig_text(c, "info errorstats\r\n"), "errorstat_FAULT:count=3"));
}

static void a_search_goes_on_while_its_key_and_library_go(void **state)
{
	int c = kv_rig_connect(0), d = kv_rig_connect(0);
	struct worker *w = kv_rig_worker(0);

	KV_STEPS(d, {"set word abc", OK});
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)"fcall twice 1 word\r\n", 20);
	assert_true(kv_rig_client(c)->waits & KV_WAIT_LONG);
	kv_client_input(w, kv_rig_client(d), (const uint8_t *)"set word 1\r\ndel word\r\n", 22);
	kv_rig_run();
	assert_begins(kv_rig_take(c).bytes, "-FAULT key \"word\": good.twice: line ");
	kv_rig_take(d);
	KV_STEPS(d, {"set word abc", OK});
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)"fcall twice 1 word\r\n", 20);
	worker_turn(w);
	kv_rig_abort(c);
	KV_STEPS(d, {"function flush", OK}, {"del word", ONE});
}

static void a_transaction_calls_functions(void **state)
{
	int c = kv_rig_connect(0);
	const char *reply;

	KV_STEPS(c, {"multi", OK}, {"set k 4", "+QUEUED\r\n"}, {"fcall twice 1 k", "+QUEUED\r\n"},
		{"fcall twice 0 9", "+QUEUED\r\n"}, {"fcall twice 0 x", "+QUEUED\r\n"},
		{"fmap twice 1", "-ERR Command not allowed inside a transaction\r\n"},
		{"discard", OK}, {"multi", OK}, {"set k 4", "+QUEUED\r\n"},
		{"fcall twice 1 k", "+QUEUED\r\n"}, {"fcall twice 0 9", "+QUEUED\r\n"},
		{"fcall twice 0 x", "+QUEUED\r\n"}, {"fcall_ro is_large 1 k", "+QUEUED\r\n"});
	reply = kv_rig_text(c, "exec\r\n");
	assert_begins(reply, "*5\r\n+OK\r\n$1\r\n8\r\n$2\r\n18\r\n-FAULT good.twice: line ");
	assert_non_null(strstr(reply, "\r\n:0\r\n"));
}

static void keys_of_other_workers_are_found(void **state)
{
	int c = kv_rig_connect(0);
	const char *reply;

	for (unsigned i = 0; i < 30; i++) {
		char line[64], wanted[32], number[16];

		snprintf(line, sizeof(line), "set key:%u %u\r\n", i, 1000 + i);
		assert_string_equal(kv_rig_text(c, line), OK);
		snprintf(number, sizeof(number), "%u", 2 * (1000 + i));
		snprintf(wanted, sizeof(wanted), "$4\r\n%s\r\n", number);
		snprintf(line, sizeof(line), "fcall twice 1 key:%u\r\n", i);
		assert_string_equal(kv_rig_text(c, line), wanted);
		snprintf(line, sizeof(line), "fcall is_large 1 key:%u\r\n", i);
		assert_string_equal(kv_rig_text(c, line), ZERO);
		snprintf(line, sizeof(line), "fcall upper 2 key:%u key:%u\r\n", i, i + 1);
		assert_begins(kv_rig_text(c, line), "-ERR good.upper is a function of section map");
		snprintf(line, sizeof(line), "set key:%u word\r\nfcall twice 1 key:%u\r\n", i, i);
		reply = kv_rig_text(c, line);
		assert_begins(reply, "+OK\r\n-FAULT key \"key:");
	}
	KV_STEPS(c, {"mset a 1 b 2 c 3 d 4", OK}, {"multi", OK}, {"fcall twice 1 a", "+QUEUED\r\n"},
		{"fcall twice 1 b", "+QUEUED\r\n"}, {"fcall twice 0 7", "+QUEUED\r\n"},
		{"fcall twice 1 c", "+QUEUED\r\n"}, {"fcall twice 1 d", "+QUEUED\r\n"},
		{"fcall twice 1 nosuch", "+QUEUED\r\n"},
		{"exec", "*6\r\n$1\r\n2\r\n$1\r\n4\r\n$2\r\n14\r\n$1\r\n6\r\n$1\r\n8\r\n$-1\r\n"});
	KV_STEPS(c, {"multi", OK}, {"set a x", "+QUEUED\r\n"}, {"fcall twice 1 a", "+QUEUED\r\n"},
		{"set b 5", "+QUEUED\r\n"}, {"fcall twice 1 b", "+QUEUED\r\n"});
	reply = kv_rig_text(c, "exec\r\n");
	assert_begins(reply, "*4\r\n+OK\r\n-FAULT key \"a\": good.twice: line ");
	assert_non_null(strstr(reply, "\r\n+OK\r\n$2\r\n10\r\n"));
}

static void keys_are_named_behind_their_number(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"command getkeys fcall x 1 a b", "*1\r\n$1\r\na\r\n"},
		{"command getkeys fcall x 2 a b", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
		{"command getkeys fcall x 3 a b", "*0\r\n"},
		{"command getkeys fcall x 0 a b", "*0\r\n"},
		{"command getkeys fcall x -1 a", "*0\r\n"},
		{"command getkeys fcall x y a", "*0\r\n"},
		{"command getkeysandflags fcall_ro x 1 a",
			"*1\r\n*2\r\n$1\r\na\r\n*2\r\n+RO\r\n+access\r\n"},
		{"command info fcall_ro",
			"*1\r\n*10\r\n$8\r\nfcall_ro\r\n:-3\r\n*6\r\n+readonly\r\n+noscript\r\n"
			"+stale\r\n+skip_monitor\r\n+no_mandatory_keys\r\n+movablekeys\r\n:0\r\n"
			":0\r\n:0\r\n*3\r\n+@read\r\n+@slow\r\n+@scripting\r\n*0\r\n*1\r\n*6\r\n"
			"$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\n"
			"type\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:2\r\n$9\r\n"
			"find_keys\r\n*4\r\n$4\r\ntype\r\n$6\r\nkeynum\r\n$4\r\nspec\r\n*6\r\n$9"
			"\r\nkeynumidx\r\n:0\r\n$8\r\nfirstkey\r\n:1\r\n$7\r\nkeystep\r\n:1\r\n"
			"*0\r\n"},
		{"command getkeys fmap x 1", "-ERR The command has no key arguments\r\n"});
}

static void what_may_cost_much_waits_when_the_turn_has_no_time(void **state)
{
	static const char ask[] = "fcall field 0 '{\"n\":5}'\r\n";
	int c = kv_rig_connect(0), d = kv_rig_connect(0);
	struct kv_functions *f = kv_rig_worker(0)->kv->functions;

	assert_string_equal(
		kv_function_load_object(c, false, "costly", "costly"), "$6\r\ncostly\r\n");
	for (unsigned i = 0; i < 2; i++) {
		f->turn_ns = kv_rig_worker(0)->now_ns;
		f->spent_ns = i * KV_TURN_NS;
		kv_client_input(
			kv_rig_worker(0), kv_rig_client(d), (const uint8_t *)ask, sizeof(ask) - 1);
		assert_int_equal((kv_rig_client(d)->waits & KV_WAIT_LONG) != 0, i);
		kv_rig_run();
		assert_string_equal(kv_rig_take(d).bytes, "$1\r\n5\r\n");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, kv_steps_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_function_is_called_over_an_argument_or_a_key),
		TEST(a_visit_answers_accumulator_and_pairs),
		TEST(mistakes_are_told_in_words),
		TEST(what_may_cost_much_waits_when_the_turn_has_no_time),
		TEST(a_fault_names_the_key_and_the_line),
		TEST(a_search_goes_on_while_its_key_and_library_go),
		TEST(a_transaction_calls_functions),
		TEST(keys_are_named_behind_their_number),
		cmocka_unit_test_setup_teardown(
			keys_of_other_workers_are_found, start_three, kv_steps_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
