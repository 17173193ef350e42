/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers ask the main thread for changes of libraries: all of one happens or nothing, they happen
 * in order, and what runs stays as long as it is held. Real children. One thread.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/task/task_request.h"
#include "lib/rcu/rcu.h"
#include "tests/unit/task_loaded.h"
#include "tests/unit/task_workers.h"

#define WORKERS 3

struct asked {
	struct task_request r;
	struct task_file payload;
	unsigned worker;
	unsigned n_done;
};

static void on_done(struct worker *w, struct task_request *r)
{
	struct asked *a = r->ctx;

	assert_ptr_equal(w, workers[a->worker]);
	a->n_done++;
}

static int send(struct asked *a, unsigned worker)
{
	a->worker = worker;
	a->n_done = 0;
	a->r.done = on_done;
	a->r.ctx = a;
	return task_request_send(workers[worker], &a->r);
}

static void wait_for(struct asked *a)
{
	while (a->n_done == 0)
		task_workers_turn();
	assert_int_equal(a->n_done, 1);
}

/* Asks worker 0's main, waits; the status. */
static int ask(struct asked *a)
{
	assert_int_equal(send(a, 0), 0);
	wait_for(a);
	return a->r.status;
}

static struct asked load_of(const char *object, const char *name, enum task_replace replace)
{
	struct asked a = {.payload = task_payload_make(object, name)};

	a.r.change = TASK_CHANGE_LOAD;
	a.r.replace = replace;
	a.r.bytes = a.payload.bytes;
	a.r.len = (uint32_t)a.payload.len;
	return a;
}

/* Loads a library, and forgets the payload. */
static int load(const char *object, const char *name, enum task_replace replace)
{
	struct asked a = load_of(object, name, replace);
	int status = ask(&a);

	free(a.payload.bytes);
	return status;
}

static struct asked by_name(enum task_change change, const char *name)
{
	struct asked a = {.n_done = 0};

	a.r.change = change;
	a.r.bytes = (const uint8_t *)name;
	a.r.len = (uint32_t)strlen(name);
	return a;
}

static const struct task_program *find(const char *name)
{
	return task_program_find(name, (uint32_t)strlen(name), NULL);
}

static void a_library_is_loaded_replaced_and_deleted(void **state)
{
	struct asked a = load_of("good", "one", TASK_REPLACE_NEVER);
	const struct task_program *p, *q;

	assert_null(find("one.twice"));
	assert_int_equal(ask(&a), 0);
	assert_string_equal(a.r.name, "one");
	assert_int_equal(task_libraries()->n, 1);
	p = find("one.twice");
	assert_non_null(p);
	assert_ptr_equal(find("twice"), p);
	assert_int_equal(ask(&a), -EEXIST);
	assert_string_equal(a.r.err.text, "Library 'one' already exists");
	assert_ptr_equal(find("one.twice"), p);
	a.r.replace = TASK_REPLACE_SAME;
	assert_int_equal(ask(&a), 0);
	q = find("one.twice");
	assert_non_null(q);
	assert_int_equal(task_libraries()->n, 1);
	free(a.payload.bytes);
	a = by_name(TASK_CHANGE_DELETE, "two");
	assert_int_equal(ask(&a), -ENOENT);
	assert_string_equal(a.r.err.text, "Library not found");
	a = by_name(TASK_CHANGE_DELETE, "one");
	assert_int_equal(ask(&a), 0);
	assert_null(find("one.twice"));
	assert_int_equal(task_libraries()->n, 0);
}

static void what_cannot_be_loaded_changes_nothing(void **state)
{
	struct asked a = load_of("refused", "one", TASK_REPLACE_SAME);
	const struct task_program *p;

	assert_int_equal(load("good", "one", TASK_REPLACE_NEVER), 0);
	p = find("one.twice");
	assert_int_equal(ask(&a), -EINVAL);
	assert_true(strlen(a.r.err.text) > 20);
	assert_ptr_equal(find("one.twice"), p);
	free(a.payload.bytes);
}

static void requests_of_many_workers_are_served_in_order(void **state)
{
	struct asked a[6];

	for (unsigned i = 0; i < ARRAY_SIZE(a); i++) {
		char name[2] = {(char)('a' + i % 3)};

		a[i] = load_of("good", name, TASK_REPLACE_NEVER);
		assert_int_equal(send(&a[i], i % WORKERS), 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(a); i++) {
		wait_for(&a[i]);
		assert_int_equal(a[i].r.status, i < 3 ? 0 : -EEXIST);
		free(a[i].payload.bytes);
	}
	assert_int_equal(task_libraries()->n, 3);
	assert_null(find("twice"));
	assert_non_null(find("b.twice"));
}

static void too_many_requests_are_pushed_back(void **state)
{
	static struct asked a[TASK_REQUESTS_MAX + 1];

	for (unsigned i = 0; i < TASK_REQUESTS_MAX; i++) {
		a[i] = by_name(TASK_CHANGE_DELETE, "nothing");
		assert_int_equal(send(&a[i], i % WORKERS), 0);
	}
	a[TASK_REQUESTS_MAX] = by_name(TASK_CHANGE_DELETE, "nothing");
	assert_int_equal(send(&a[TASK_REQUESTS_MAX], 0), -EBUSY);
	for (unsigned i = 0; i < TASK_REQUESTS_MAX; i++) {
		wait_for(&a[i]);
		assert_int_equal(a[i].r.status, -ENOENT);
	}
	assert_int_equal(ask(&a[TASK_REQUESTS_MAX]), -ENOENT);
}

/* Turns while the reclaiming timer may fire. */
static void wait_ms(unsigned ms)
{
	uint64_t end_ns = task_workers_cycles(NULL) + ms * NSEC_PER_MSEC;

	while (task_workers_cycles(NULL) < end_ns)
		task_workers_turn();
}

static bool is_mapped(const void *p)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[512];
	bool found = false;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		assert_int_equal(sscanf(line, "%lx-%lx", &from, &to), 2);
		found |= (uintptr_t)p >= from && (uintptr_t)p < to && strstr(line, "r-xp");
	}
	fclose(maps);
	return found;
}

static void replaced_code_lives_as_long_as_it_is_held(void **state)
{
	static struct task_frame frame;
	const struct task_host host = {.arg = NULL};
	const struct task_program *p;
	const void *code;

	assert_int_equal(load("good", "one", TASK_REPLACE_NEVER), 0);
	p = find("one.twice");
	code = (const void *)(uintptr_t)p->run;
	task_program_hold(p);
	assert_int_equal(load("good", "one", TASK_REPLACE_SAME), 0);
	assert_ptr_not_equal(find("one.twice"), p);
	wait_ms(250);
	assert_true(is_mapped(code));
	frame = (struct task_frame){.host = &host, .kind = TASK_MAP};
	frame.ctx.map.value[0] = '4';
	frame.ctx.map.value_len = 1;
	assert_int_equal(p->run(&frame.ctx), BRAID_OK);
	assert_int_equal(frame.ctx.map.result[0], '8');
	task_program_release(p);
	assert_true(is_mapped(code));
	wait_ms(250);
	assert_int_equal(task_libraries_reclaim(), 0);
	assert_false(is_mapped(code));
}

/* A list of payloads as FUNCTION RESTORE has it. */
static uint32_t add_payload(uint8_t *list, uint32_t at, const char *object, const char *name)
{
	struct task_file p = task_payload_make(object, name);
	uint32_t len = (uint32_t)p.len;

	memcpy(list + at, &len, sizeof(len));
	memcpy(list + at + sizeof(len), p.bytes, p.len);
	free(p.bytes);
	return at + (uint32_t)sizeof(len) + len;
}

static void a_list_is_restored_whole_or_not_at_all(void **state)
{
	uint8_t *list = malloc(1 << 20);
	struct asked a = {.n_done = 0};

	assert_non_null(list);
	assert_int_equal(load("good", "old", TASK_REPLACE_NEVER), 0);
	a.r.change = TASK_CHANGE_RESTORE;
	a.r.bytes = list;
	a.r.len = add_payload(list, 0, "good", "x");
	a.r.len = add_payload(list, a.r.len, "good", "old");
	assert_int_equal(ask(&a), -EEXIST);
	assert_null(find("x.twice"));
	a.r.replace = TASK_REPLACE_SAME;
	assert_int_equal(ask(&a), 0);
	assert_int_equal(task_libraries()->n, 2);
	a.r.len = add_payload(list, 0, "good", "new");
	a.r.replace = TASK_REPLACE_ALL;
	assert_int_equal(ask(&a), 0);
	assert_int_equal(task_libraries()->n, 1);
	assert_non_null(find("new.twice"));
	/* The second is damaged, or cut off, or refused. */
	a.r.len = add_payload(list, 0, "good", "x");
	a.r.len = add_payload(list, a.r.len, "refused", "y");
	assert_int_equal(ask(&a), -EINVAL);
	a.r.len -= 1;
	assert_int_equal(ask(&a), -EINVAL);
	assert_string_equal(a.r.err.text, "the list of libraries is damaged");
	assert_int_equal(task_libraries()->n, 1);
	assert_non_null(find("new.twice"));
	a.r.len = 0;
	a.r.replace = TASK_REPLACE_NEVER;
	assert_int_equal(ask(&a), 0);
	assert_int_equal(task_libraries()->n, 1);
	free(list);
}

static struct task_library *make_bare(const char *name)
{
	struct task_file file = task_file_read("good");
	struct task_library_parts parts = {
		.name = name, .payload = file.bytes, .payload_len = (uint32_t)file.len};
	struct task_library *l;
	struct base_error err;

	parts.object = task_object_create(file.bytes, file.len, &err);
	l = task_library_create(&parts);
	assert_non_null(l);
	return l;
}

static void more_than_256_libraries_do_not_fit(void **state)
{
	static struct task_library *all[TASK_LIBRARIES_MAX];
	struct asked a = load_of("good", "one_more", TASK_REPLACE_SAME);

	for (uint32_t i = 0; i < TASK_LIBRARIES_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "l%u", i);
		all[i] = make_bare(name);
	}
	assert_int_equal(task_libraries_publish(all, TASK_LIBRARIES_MAX), 0);
	assert_int_equal(ask(&a), -ENOSPC);
	assert_string_equal(a.r.err.text, "256 libraries are loaded, more do not fit: delete one");
	free(a.payload.bytes);
	assert_int_equal(load("good", "l7", TASK_REPLACE_SAME), 0);
	assert_int_equal(task_libraries()->n, TASK_LIBRARIES_MAX);
	a = by_name(TASK_CHANGE_DELETE, "l8");
	assert_int_equal(ask(&a), 0);
	assert_int_equal(load("good", "one_more", TASK_REPLACE_NEVER), 0);
	a = by_name(TASK_CHANGE_FLUSH, "");
	assert_int_equal(ask(&a), 0);
	assert_int_equal(task_libraries()->n, 0);
}

static struct {
	atomic_bool stop;
	uint64_t n_runs;
} runner;

/* Finds and runs a program turn after turn, as a worker does. */
static void *run_programs(void *arg)
{
	static struct task_frame frame;
	static const struct task_host host = {.arg = NULL};

	rcu_register_thread();
	frame.host = &host;
	while (!atomic_load(&runner.stop)) {
		const struct task_program *p = find("one.twice");

		BRAID_ASSERT(p != NULL);
		frame.fault = 0;
		memcpy(frame.ctx.map.value, "21", 2);
		frame.ctx.map.value_len = 2;
		BRAID_ASSERT(p->run(&frame.ctx) == BRAID_OK);
		BRAID_ASSERT(memcmp(frame.ctx.map.result, "42", 2) == 0);
		runner.n_runs++;
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	return NULL;
}

static void programs_run_while_they_are_replaced(void **state)
{
	pthread_t thread;

	assert_int_equal(load("good", "one", TASK_REPLACE_NEVER), 0);
	rcu_register_thread();
	assert_int_equal(pthread_create(&thread, NULL, run_programs, NULL), 0);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(load("good", "one", TASK_REPLACE_SAME), 0);
	atomic_store(&runner.stop, true);
	rcu_thread_offline();
	pthread_join(thread, NULL);
	rcu_thread_online();
	rcu_unregister_thread();
	assert_true(runner.n_runs > 50);
}

static void ending_in_the_middle_leaves_no_child(void **state)
{
	struct asked a = load_of("good", "one", TASK_REPLACE_NEVER);

	assert_int_equal(send(&a, 1), 0);
	for (unsigned i = 0; i < 4; i++)
		task_workers_turn();
	task_requests_fini();
	assert_int_equal(a.n_done, 0);
	free(a.payload.bytes);
}

static int setup(void **state)
{
	task_setup();
	task_workers_start(WORKERS);
	return 0;
}

static int teardown(void **state)
{
	task_requests_fini();
	task_libraries_fini();
	task_workers_stop();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_library_is_loaded_replaced_and_deleted),
		TEST(what_cannot_be_loaded_changes_nothing),
		TEST(requests_of_many_workers_are_served_in_order),
		TEST(too_many_requests_are_pushed_back),
		TEST(replaced_code_lives_as_long_as_it_is_held),
		TEST(a_list_is_restored_whole_or_not_at_all),
		TEST(more_than_256_libraries_do_not_fit),
		TEST(programs_run_while_they_are_replaced),
		TEST(ending_in_the_middle_leaves_no_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
