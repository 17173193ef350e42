/* SPDX-License-Identifier: BSD-3-Clause */
/* Records as a source of jobs: each exactly once, whatever the index does meanwhile. One thread. */
#include "tests/unit/kv_records.h"

#define KEYS   4000
#define OTHERS 40000

static void set_other(struct kv_shard *s, unsigned i)
{
	char name[32];
	struct kv_key k;
	const struct kv_write v = {.value = "12345678", .len = 8};

	snprintf(name, sizeof(name), "other%u", i);
	kv_key_make(s, &k, 0, name, (uint32_t)strlen(name));
	assert_int_equal(kv_shard_set(s, &k, &v, NULL), 0);
}

static void del_other(struct kv_shard *s, unsigned i)
{
	char name[32];
	struct kv_key k;

	snprintf(name, sizeof(name), "other%u", i);
	kv_key_make(s, &k, 0, name, (uint32_t)strlen(name));
	kv_shard_del(s, &k);
}

/* Runs FEACH pairs in pieces; between them @change is called with a growing number. */
static void visit(void (*change)(struct kv_shard *s, unsigned i), unsigned per_piece)
{
	static const char ask[] = "feach pairs match key*\r\n";
	static uint8_t seen[KEYS];
	struct worker *w = kv_rig_worker(0);
	int c = kv_rig_connect(0);
	const char *p, *key, *value;
	unsigned n = 0;

	memset(seen, 0, sizeof(seen));
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)ask, sizeof(ask) - 1);
	while (worker_task_run(w))
		for (unsigned i = 0; i < per_piece && n < OTHERS; i++)
			change(w->kv->shard, n++);
	assert_true(n > 1000);
	kv_rig_run();
	p = kv_rig_take(c).bytes;
	assert_int_equal(records_head(&p, '*'), 2);
	p += 5;
	assert_int_equal(records_head(&p, '*'), 2 * KEYS);
	for (unsigned i = 0; i < KEYS; i++) {
		records_bulk(&p, &key);
		assert_int_equal(records_bulk(&p, &value), 8);
		assert_memory_equal(key, "key", 3);
		seen[strtoul(key + 3, NULL, 10)]++;
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(seen[i], 1);
}

static void each_is_visited_once_while_the_index_grows(void **state)
{
	int c;

	records_start(1);
	c = kv_rig_connect(0);
	records_fill(c, 0, KEYS);
	visit(set_other, 25);
	visit(set_other, 60);
	kv_rig_stop();
}

static void each_is_visited_once_while_the_index_shrinks(void **state)
{
	int c;

	records_start(1);
	c = kv_rig_connect(0);
	records_fill(c, 0, KEYS);
	for (unsigned i = 0; i < OTHERS; i++)
		set_other(kv_rig_worker(0)->kv->shard, i);
	visit(del_other, 40);
	kv_rig_stop();
}

static void small_indexes_are_visited_whole(void **state)
{
	struct kv_shard *s;
	int c;

	records_start(1);
	c = kv_rig_connect(0);
	for (unsigned n = 1; n < 600; n = n * 2 + 1) {
		const char *p;

		records_fill(c, 0, n);
		s = kv_rig_worker(0)->kv->shard;
		p = kv_rig_text(c, "feach pairs\r\n");
		records_head(&p, '*');
		p += 5;
		assert_int_equal(records_head(&p, '*'), 2 * kv_shard_size(s, 0));
	}
	kv_rig_stop();
}

static void only_programs_that_read_the_slot_cost_its_calculation(void **state)
{
	static const struct {
		const char *name;
		bool reads;
	} cases[] = {
		{"records.sum", false},
		{"records.odd", false},
		{"records.ends_in_7", false},
		{"records.in_low_slot", true},
		{"records.about", true},
	};

	records_start(1);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct task_program *p =
			task_program_find(cases[i].name, (uint32_t)strlen(cases[i].name), NULL);

		assert_non_null(p);
		assert_int_equal(kv_each_reads_slot(p->function), cases[i].reads);
	}
	kv_rig_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_visited_once_while_the_index_grows),
		cmocka_unit_test(each_is_visited_once_while_the_index_shrinks),
		cmocka_unit_test(small_indexes_are_visited_whole),
		cmocka_unit_test(only_programs_that_read_the_slot_cost_its_calculation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
