/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding programs by name among published libraries, and what is said when there is none. The
 * functions are of real objects and are not run. One thread.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "dataplane/task/task_library.h"
#include "tests/unit/task_loaded.h"

static struct task_library *all[TASK_LIBRARIES_MAX];

static struct task_library *make(const char *name)
{
	struct task_file file = task_file_read("good");
	struct task_library_parts parts = {.name = name};
	struct task_library *l;
	struct base_error err;

	parts.object = task_object_create(file.bytes, file.len, &err);
	assert_non_null(parts.object);
	parts.payload = file.bytes;
	parts.payload_len = (uint32_t)file.len;
	for (uint32_t i = 0; i < parts.object->n_functions; i++)
		parts.cost_max[i] = i + 1;
	l = task_library_create(&parts);
	assert_non_null(l);
	return l;
}

static void publish(uint32_t n)
{
	assert_int_equal(task_libraries_publish(all, n), 0);
}

/* Libraries "l0" and so on. */
static void publish_numbered(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "l%u", i);
		all[i] = make(name);
	}
	publish(n);
}

static const struct task_program *find(const char *name, struct base_error *err)
{
	return task_program_find(name, (uint32_t)strlen(name), err);
}

static void without_libraries_nothing_is_found(void **state)
{
	struct base_error err;

	assert_non_null(task_libraries());
	assert_int_equal(task_libraries()->n, 0);
	assert_null(find("a.b", &err));
	assert_string_equal(err.text, "no library is loaded: load one with FUNCTION LOAD first");
	assert_null(find("a.b", NULL));
	assert_null(task_library_find("a", 1));
}

static void every_program_of_256_libraries_is_found_by_its_name(void **state)
{
	uint32_t n = 0;

	publish_numbered(TASK_LIBRARIES_MAX);
	for (uint32_t i = 0; i < TASK_LIBRARIES_MAX; i++) {
		const struct task_library *l = task_libraries()->all[i];

		assert_ptr_equal(task_library_find(l->name, (uint32_t)strlen(l->name)), l);
		for (uint32_t k = 0; k < l->n_programs; k++, n++) {
			char name[TASK_PROGRAM_NAME_MAX + 1];

			snprintf(name, sizeof(name), "%s.%s", l->name,
				l->programs[k].function->name);
			assert_ptr_equal(find(name, NULL), &l->programs[k]);
			assert_int_equal(l->programs[k].cost_max, k + 1);
			name[strlen(name) - 1]++;
			assert_ptr_not_equal(find(name, NULL), &l->programs[k]);
		}
	}
	assert_int_equal(task_libraries()->n_programs, n);
	assert_null(task_library_find("l", 1));
	assert_null(task_library_find("l0l", 3));
	assert_null(task_library_find("", 0));
	assert_null(task_program_find("", 0, NULL));
}

static void a_name_that_is_there_once_needs_no_library(void **state)
{
	publish_numbered(1);
	assert_ptr_equal(find("twice", NULL), find("l0.twice", NULL));
	assert_non_null(find("twice", NULL));
	all[1] = make("other");
	publish(2);
	assert_null(find("twice", NULL));
	assert_non_null(find("other.twice", NULL));
	publish(1);
	assert_non_null(find("twice", NULL));
}

static const struct {
	const char *name;
	const char *sentence;
} misses[] = {
	{"twice", "\"twice\" is in several libraries: name it l0.twice, l1.twice"},
	{"twise", "there is no function \"twise\" (did you mean \"twice\"?); see FUNCTION LIST"},
	{"zzzzzzzz", "there is no function \"zzzzzzzz\"; see FUNCTION LIST"},
	{"l2.twice", "there is no library \"l2\"; there are: l0, l1"},
	{"l1.nothing", "library \"l1\" has no function \"nothing\"; it has: "},
	{".", "there is no library \"\"; there are: l0, l1"},
	{"a\nb", "there is no function \"a?b\"; see FUNCTION LIST"},
};

static void misses_say_how_to_name_it(void **state)
{
	publish_numbered(2);
	for (size_t i = 0; i < ARRAY_SIZE(misses); i++) {
		struct base_error err = {.text = ""};

		assert_null(find(misses[i].name, &err));
		if (strncmp(err.text, misses[i].sentence, strlen(misses[i].sentence)) != 0)
			fail_msg("%s: \"%s\"", misses[i].name, err.text);
	}
}

static void names_of_any_length_and_bytes_do_no_harm(void **state)
{
	uint8_t name[1024];
	uint64_t x = 3;

	publish_numbered(2);
	for (uint32_t i = 0; i < 20000; i++) {
		struct base_error err = {.text = ""};
		uint32_t len = i % (sizeof(name) + 1);

		for (uint32_t k = 0; k < len; k++) {
			x = x * 6364136223846793005ULL + 1442695040888963407ULL;
			name[k] = (uint8_t)(x >> 56);
		}
		assert_null(task_program_find(name, len, &err));
		assert_true(strlen(err.text) > 0);
	}
}

static void the_merge_of_a_function_is_found(void **state)
{
	const struct task_program *sum, *merge;

	publish_numbered(1);
	sum = find("sum", NULL);
	merge = task_program_merge(sum);
	assert_non_null(merge);
	assert_int_equal(merge->function->kind, TASK_MERGE);
	assert_ptr_equal(merge->library, sum->library);
}

static void what_is_held_stays(void **state)
{
	const struct task_program *p;

	publish_numbered(1);
	p = find("twice", NULL);
	task_program_hold(p);
	task_program_hold(p);
	publish(0);
	assert_int_equal(task_libraries_reclaim(), 1);
	task_program_release(p);
	assert_int_equal(task_libraries_reclaim(), 1);
	assert_string_equal(p->function->name, "twice");
	task_program_release(p);
	assert_int_equal(task_libraries_reclaim(), 0);
}

/* How long finding takes; only told. */
static void finding_is_quick(void **state)
{
	struct timespec from, to;
	uint64_t sum = 0;

	publish_numbered(64);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint32_t i = 0; i < 1000000; i++)
		sum += task_program_find("l7.twice", 8, NULL)->cost_max;
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(sum > 0);
	print_message("%.1f ns\n",
		((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
			1000000);
}

static int setup(void **state)
{
	task_setup();
	return 0;
}

static int teardown(void **state)
{
	task_libraries_fini();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_libraries_nothing_is_found),
		TEST(every_program_of_256_libraries_is_found_by_its_name),
		TEST(a_name_that_is_there_once_needs_no_library),
		TEST(misses_say_how_to_name_it),
		TEST(names_of_any_length_and_bytes_do_no_harm),
		TEST(the_merge_of_a_function_is_found),
		TEST(what_is_held_stays),
		TEST(finding_is_quick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
