/* SPDX-License-Identifier: BSD-3-Clause */
/* FMAP: few items and many, results and faults in their places. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/kv/kv_function.h"
#include "tests/unit/kv_function_rig.h"

static int start(void **state)
{
	kv_function_start(1);
	return 0;
}

static void items_become_results_in_their_order(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c,
		{"fmap good.twice 1 2 3 4 5",
			"*5\r\n$1\r\n2\r\n$1\r\n4\r\n$1\r\n6\r\n$1\r\n8\r\n$2\r\n10\r\n"},
		{"fmap twice", "*0\r\n"}, {"fmap twice 7", "*1\r\n$2\r\n14\r\n"},
		{"FMAP upper abc de \"\"", "*3\r\n$3\r\nABC\r\n$2\r\nDE\r\n$0\r\n\r\n"},
		{"fmap is_large a b", "*0\r\n"}, {"fmap is_large", "*0\r\n"});
}

/* FMAP @name with @n items that are numbers, or, where they are at @wrong, none. */
static struct kv_rig_reply map_numbers(int c, const char *name, uint32_t n, uint32_t wrong)
{
	struct resp_arg *argv = malloc((n + 2) * sizeof(*argv));
	char(*texts)[16] = malloc(n * sizeof(*texts) + 1);
	struct kv_rig_reply reply;

	assert_non_null(argv);
	assert_non_null(texts);
	argv[0] = (struct resp_arg){(const uint8_t *)"FMAP", 4};
	argv[1] = (struct resp_arg){(const uint8_t *)name, (uint32_t)strlen(name)};
	for (uint32_t i = 0; i < n; i++) {
		int len = snprintf(texts[i], sizeof(texts[i]), i == wrong ? "x" : "%u", i);

		argv[2 + i] = (struct resp_arg){(const uint8_t *)texts[i], (uint32_t)len};
	}
	reply = kv_rig_args(c, argv, n + 2);
	free(argv);
	free(texts);
	return reply;
}

/* Adds a bulk string of a number. */
static size_t add_number(char *out, unsigned n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	return (size_t)sprintf(out, "$%d\r\n%s\r\n", len, text);
}

static void any_number_of_items_gives_as_many_results(void **state)
{
	static const uint32_t counts[] = {1, 2, KV_FMAP_INLINE_MAX - 1, KV_FMAP_INLINE_MAX,
		KV_FMAP_INLINE_MAX + 1, 100, 5000};
	static char wanted[32 * 5000];
	int c = kv_rig_connect(0);

	for (size_t k = 0; k < ARRAY_SIZE(counts); k++) {
		size_t len = (size_t)sprintf(wanted, "*%u\r\n", counts[k]);

		for (unsigned i = 0; i < counts[k]; i++)
			len += add_number(wanted + len, 2 * i);
		assert_string_equal(map_numbers(c, "twice", counts[k], UINT32_MAX).bytes, wanted);
	}
}

static void a_fault_stands_where_its_item_was(void **state)
{
	static const uint32_t counts[] = {1, 2, 5, KV_FMAP_INLINE_MAX, 100};
	int c = kv_rig_connect(0);

	for (size_t k = 0; k < ARRAY_SIZE(counts); k++) {
		for (uint32_t wrong = 0; wrong < counts[k]; wrong += 1 + counts[k] / 8) {
			struct kv_rig_reply reply = map_numbers(c, "twice", counts[k], wrong);
			char wanted[64], numbers[32 * 100] = "";
			size_t len = (size_t)sprintf(numbers, "*%u\r\n", counts[k]);
			const char *end;

			for (uint32_t i = 0; i < wrong; i++)
				len += add_number(numbers + len, 2 * i);
			len += (size_t)sprintf(
				numbers + len, "-FAULT item %u: good.twice: line ", wrong);
			assert_begins(reply.bytes, numbers);
			end = strstr(reply.bytes + len, "\r\n");
			assert_non_null(end);
			if (wrong + 1 < counts[k]) {
				add_number(wanted, 2 * (wrong + 1));
				assert_begins(end + 2, wanted);
			} else {
				assert_string_equal(end, "\r\n");
			}
		}
	}
	assert_string_equal(kv_rig_text(c, "ping\r\n"), "+PONG\r\n");
}

static void every_item_may_go_wrong(void **state)
{
	int c = kv_rig_connect(0);
	const char *reply = kv_rig_text(c, "fmap twice a 1 b c\r\n"), *at = reply;
	unsigned n = 0;

	while ((at = strstr(at, "-FAULT item ")) != NULL) {
		at++;
		n++;
	}
	assert_int_equal(n, 3);
	assert_begins(reply, "*4\r\n-FAULT item 0: ");
	assert_non_null(strstr(reply, "\r\n$1\r\n2\r\n-FAULT item 2: "));
}

/* One item to a map; the reply. */
static struct kv_rig_reply map_bytes(int c, const char *name, const char *bytes, uint32_t len)
{
	const struct resp_arg argv[] = {
		{(const uint8_t *)"fmap", 4},
		{(const uint8_t *)name, (uint32_t)strlen(name)},
		{(const uint8_t *)bytes, len},
	};

	return kv_rig_args(c, argv, ARRAY_SIZE(argv));
}

static void a_program_leaves_nothing_to_another(void **state)
{
	static const char long_item[300] = "abcdefghijklmnop", wild[] = {'a', (char)200, (char)255};
	static const char zeros[300 - 16];
	int c = kv_rig_connect(0);
	struct kv_rig_reply reply;

	kv_function_load_object(c, false, "jobs", "jobs");
	map_bytes(c, "upper", long_item, sizeof(long_item));
	map_bytes(c, "grow", wild, sizeof(wild)); /* writes to place 200 of its result */
	reply = map_bytes(c, "upper", long_item, sizeof(long_item));
	assert_begins(reply.bytes, "*1\r\n$300\r\nABCDEFGHIJKLMNOP");
	assert_memory_equal(reply.bytes + 10 + 16, zeros, sizeof(zeros));
}

static void a_filter_answers_the_items_it_keeps(void **state)
{
	int c = kv_rig_connect(0);
	struct kv_rig_reply reply;
	const char *fault;

	assert_string_equal(kv_function_load_object(c, false, "jobs", "jobs"), "$4\r\njobs\r\n");
	/* "1" is 0x31, odd; items end with zeros. */
	KV_STEPS(c, {"fmap odd 1 2 3 4 5", "*3\r\n$1\r\n1\r\n$1\r\n3\r\n$1\r\n5\r\n"},
		{"fmap odd 2", "*0\r\n"},
		{"fmap odd 1 1 1 1 1 1 1 1 2 1 1 1 1 1 1 1 1 1 1 1",
			"*19\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n"
			"$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1"
			"\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\n1\r\n"});
	reply = kv_rig_send(c, "fmap odd 2 1 \"\\x17\\xfa\" 3 4\r\n", 30);
	assert_begins(reply.bytes, "*3\r\n$1\r\n1\r\n-FAULT item 2: jobs.odd: line ");
	fault = strstr(reply.bytes, "-FAULT");
	assert_string_equal(strstr(fault, "\r\n"), "\r\n$1\r\n3\r\n");
}

static void results_have_limits(void **state)
{
	int c = kv_rig_connect(0);

	assert_string_equal(kv_function_load_object(c, false, "jobs", "jobs"), "$4\r\njobs\r\n");
	assert_begins(
		kv_rig_text(c, "fmap too_long x\r\n"), "*1\r\n-FAULT item 0: jobs.too_long: ");
	assert_begins(
		kv_rig_text(c, "fmap odd_code x\r\n"), "*1\r\n-FAULT item 0: jobs.odd_code: ");
	assert_begins(kv_rig_text(c, "fmap beyond x\r\n"), "*1\r\n-FAULT item 0: jobs.beyond: ");
	assert_begins(kv_rig_text(c, "fmap emits x\r\n"), "*1\r\n-FAULT item 0: jobs.emits: ");
}

static void mistakes_are_told_in_words(void **state)
{
	int c = kv_rig_connect(0);
	uint32_t n = KV_FMAP_ITEMS_MAX + 1;
	struct resp_arg *argv = malloc((n + 2) * sizeof(*argv));
	char *item = calloc(1, KV_FMAP_ITEM_BYTES_MAX + 1);

	assert_non_null(argv);
	assert_non_null(item);
	KV_STEPS(c, {"fmap", "-ERR wrong number of arguments for 'fmap' command\r\n"},
		{"fmap good.sum 1", "-ERR good.sum is a function of section each, FMAP takes those "
				    "of map and filter: records are visited by FEACH\r\n"},
		{"fmap good.add 1",
			"-ERR good.add is a function of section merge, FMAP takes those "
			"of map and filter\r\n"});
	assert_begins(kv_rig_text(c, "fmap nosuch 1\r\n"), "-ERR Function not found: ");
	argv[0] = (struct resp_arg){(const uint8_t *)"FMAP", 4};
	argv[1] = (struct resp_arg){(const uint8_t *)"twice", 5};
	for (uint32_t i = 0; i < n; i++)
		argv[2 + i] = (struct resp_arg){(const uint8_t *)"1", 1};
	assert_begins(kv_rig_args(c, argv, n + 2).bytes, "-ERR FMAP takes at most 65536 items");
	argv[3] = (struct resp_arg){(const uint8_t *)item, KV_FMAP_ITEM_BYTES_MAX + 1};
	assert_begins(kv_rig_args(c, argv, 4).bytes, "-ERR item 1 has 1048577 bytes");
	argv[3].len--;
	assert_begins(kv_rig_args(c, argv, 4).bytes, "*2\r\n$1\r\n2\r\n-FAULT item 1: ");
	free(argv);
	free(item);
}

static void who_goes_in_the_middle_leaves_nothing(void **state)
{
	struct worker *w = kv_rig_worker(0);
	uint64_t used;
	int c = kv_rig_connect(0), d = kv_rig_connect(0);

	KV_STEPS(d, {"ping", "+PONG\r\n"});
	used = kv_shard_used_bytes(w->kv->shard);
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)"fmap twice 1 x 3\r\n", 18);
	assert_true(kv_rig_client(c)->waits & KV_WAIT_LONG);
	worker_turn(w);
	kv_rig_abort(c);
	KV_STEPS(d, {"function flush", OK});
	assert_int_equal(kv_shard_used_bytes(w->kv->shard), used);
}

static void what_may_cost_much_waits_when_the_turn_has_no_time(void **state)
{
	static const char ask[] = "fmap field '{\"n\":5}'\r\n";
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
		assert_string_equal(kv_rig_take(d).bytes, "*1\r\n$1\r\n5\r\n");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, kv_steps_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(items_become_results_in_their_order),
		TEST(any_number_of_items_gives_as_many_results),
		TEST(a_fault_stands_where_its_item_was),
		TEST(every_item_may_go_wrong),
		TEST(a_program_leaves_nothing_to_another),
		TEST(a_filter_answers_the_items_it_keeps),
		TEST(results_have_limits),
		TEST(mistakes_are_told_in_words),
		TEST(what_may_cost_much_waits_when_the_turn_has_no_time),
		TEST(who_goes_in_the_middle_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
