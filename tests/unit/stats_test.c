/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of shared counters: what a reader sees, who may read it, and what failures leave. */
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/core/stats.h"
#include "dataplane/core/worker.h"

static char path[64];

static int begin(void **state)
{
	snprintf(path, sizeof(path), "/tmp/stats-test-%d", (int)getpid());
	unlink(path);
	return 0;
}

static struct stats_file *create(unsigned n_workers)
{
	struct base_error err = {};
	struct stats_file *f = stats_create(path, n_workers, &err);

	if (!f)
		fail_msg("%s", err.text);
	return f;
}

static void a_reader_finds_the_names_and_sees_every_count(void **state)
{
	struct base_error err = {};
	struct stats_file *f = create(3);
	const struct stats_file *seen = stats_file_open(path, &err);

	if (!seen)
		fail_msg("%s", err.text);
	assert_int_equal(seen->pid, getpid());
	assert_int_equal(seen->n_workers, 3);
	assert_int_equal(seen->n_stages, STAGE_COUNT);
	assert_int_equal(seen->n_drops, DROP_COUNT);
	for (unsigned s = 0; s < STAGE_COUNT; s++)
		assert_string_equal(seen->stage_names[s], pipeline_stage_name(s));
	for (unsigned d = 0; d < DROP_COUNT; d++) {
		assert_string_equal(seen->drop_names[d], drop_table[d].name);
		assert_string_equal(seen->drop_texts[d], drop_table[d].text);
		assert_int_equal(seen->drop_severity[d], drop_table[d].severity);
	}
	f->workers[2].drops[DROP_shutdown] = 7;
	assert_int_equal(stats_read(&seen->workers[2].drops[DROP_shutdown]), 7);
	stats_file_close(seen);
	stats_destroy(f, path);
}

static void only_owner_and_group_may_read_the_file_and_the_end_removes_it(void **state)
{
	struct stats_file *f = create(1);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(st.st_size, sizeof(*f));
	stats_destroy(f, path);
	assert_int_equal(stat(path, &st), -1);
	stats_destroy(NULL, path);
}

static void a_stale_file_is_replaced_and_its_readers_keep_the_old_one(void **state)
{
	struct base_error err = {};
	struct stats_file *dead = create(1), *f;
	const struct stats_file *seen = stats_file_open(path, &err);

	assert_non_null(seen);
	dead->gauges.heartbeat = 99;
	f = create(2);
	f->gauges.heartbeat = 1;
	assert_int_equal(stats_read(&seen->gauges.heartbeat), 99);
	stats_file_close(seen);
	seen = stats_file_open(path, &err);
	assert_int_equal(stats_read(&seen->gauges.heartbeat), 1);
	assert_int_equal(seen->n_workers, 2);
	stats_file_close(seen);
	stats_destroy(f, path);
	stats_destroy(dead, path);
}

static void a_file_that_cannot_have_its_size_is_not_left_behind(void **state)
{
	struct rlimit before, small;
	struct base_error err = {};

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_null(stats_create(path, 1, &err));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(err.text, "no room for the counters"));
	assert_int_equal(access(path, F_OK), -1);
}

static void a_directory_that_is_not_there_is_named(void **state)
{
	struct base_error err = {};

	assert_null(stats_create("/nonesuch/counters", 1, &err));
	assert_non_null(strstr(err.text, "/nonesuch/counters: cannot create the counters"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_reader_finds_the_names_and_sees_every_count, begin),
		cmocka_unit_test_setup(
			only_owner_and_group_may_read_the_file_and_the_end_removes_it, begin),
		cmocka_unit_test_setup(
			a_stale_file_is_replaced_and_its_readers_keep_the_old_one, begin),
		cmocka_unit_test_setup(a_file_that_cannot_have_its_size_is_not_left_behind, begin),
		cmocka_unit_test(a_directory_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
