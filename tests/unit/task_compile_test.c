/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children that compile: a real one, and others that hang, die or say anything; each is reaped, and
 * nothing of it is left. And programs that the real one cannot verify. One thread.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/task_loaded.h"

#define SCRIPT "task_compile_test.sh"

static struct task_library *load(const char *object, struct base_error *err)
{
	struct task_file payload = task_payload_make(object, "x");
	struct task_library *l = task_load_now(payload.bytes, payload.len, err);

	free(payload.bytes);
	return l;
}

/* Lets children be this script. */
static void use_script(const char *text, uint64_t wall_ns)
{
	struct task_compile_setup setup;
	FILE *file = fopen(SCRIPT, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", text);
	fclose(file);
	assert_int_equal(chmod(SCRIPT, 0755), 0);
	task_compile_setup_default(&setup);
	base_strlcpy(setup.program, "./" SCRIPT, sizeof(setup.program));
	setup.wall_ns = wall_ns;
	task_compile_setup_set(&setup);
}

static unsigned count_files(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF;
	return n;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / NSEC_PER_MSEC;
}

/* Of this process and its children. */
static uint64_t used_us(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return (uint64_t)(self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec +
			  children.ru_stime.tv_sec) *
		       1000000 +
	       (uint64_t)(self.ru_utime.tv_usec + self.ru_stime.tv_usec +
			  children.ru_utime.tv_usec + children.ru_stime.tv_usec);
}

static const struct {
	const char *script;
	uint64_t wall_ms;
	const char *sentence; /* a part of it */
} bad_children[] = {
	{"exec sleep 1000", 100, "has not ended after 100 ms"},
	{"exec >&-; exec sleep 1000", 60000, "has not answered"},
	{"kill -SEGV $$", 60000, "crashed (Segmentation fault)"},
	{"kill -SYS $$", 60000, "crashed (Bad system call)"},
	{"exit 7", 60000, "exit code 7"},
	{"exit 0", 60000, "exit code 0"},
	{"cat /dev/urandom", 60000, "has answered nonsense"},
	{"head -c 100000 /dev/zero", 60000, "has answered nonsense"},
	{"echo hello", 60000, "has not answered"},
	/* One record of 16 bytes of code for the first function, then nothing. */
	{"printf 'jira\\0\\0\\0\\0\\020\\0\\0\\0\\377\\377\\377\\3770123456789abcdef'", 60000,
		"has not answered"},
	/* A record that says it is followed by 4 GB. */
	{"printf 'jira\\0\\0\\0\\0\\377\\377\\377\\377\\0\\0\\0\\0'; cat /dev/zero", 60000,
		"more than 8388608 bytes"},
};

static void bad_children_are_told_apart_and_reaped(void **state)
{
	unsigned n_files = count_files();

	for (size_t i = 0; i < ARRAY_SIZE(bad_children); i++) {
		struct base_error err = {.text = ""};

		use_script(bad_children[i].script, bad_children[i].wall_ms * NSEC_PER_MSEC);
		assert_null(load("good", &err));
		if (!strstr(err.text, bad_children[i].sentence))
			fail_msg("%s: \"%s\"", bad_children[i].script, err.text);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		assert_int_equal(errno, ECHILD);
		assert_int_equal(count_files(), n_files);
	}
	remove(SCRIPT);
}

static void a_program_that_is_not_there_is_named(void **state)
{
	struct task_compile_setup setup = {.program = "/nowhere/braid-jit"};
	struct base_error err = {.text = ""};

	task_compile_setup_set(&setup);
	assert_null(load("good", &err));
	assert_non_null(strstr(err.text, "/nowhere/braid-jit does not start: No such file"));
}

static void ending_early_kills_the_child(void **state)
{
	static struct task_load l;
	struct task_file payload = task_payload_make("good", "x");

	use_script("exec sleep 1000", 60 * NSEC_PER_SEC);
	task_load_start(&l, payload.bytes, (uint32_t)payload.len);
	while (l.compile.pid == 0)
		assert_true(task_load_step(&l, 0));
	task_load_end(&l);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	free(payload.bytes);
	remove(SCRIPT);
}

/* The child sees what it needs, nothing of ours, and no variable. */
static void a_child_gets_three_files_and_no_environment(void **state)
{
	struct base_error err = {.text = ""};
	int leak = dup(STDERR_FILENO);
	char text[256] = "";
	FILE *file;

	use_script("ls /proc/self/fd | tr '\\n' ' ' >task_compile_test.out; "
		   "env -u PWD -u SHLVL -u _ -u OLDPWD >>task_compile_test.out",
		60 * NSEC_PER_SEC);
	assert_null(load("good", &err));
	close(leak);
	file = fopen("task_compile_test.out", "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	remove("task_compile_test.out");
	remove(SCRIPT);
	/* 3 is the folder that ls reads. */
	assert_string_equal(text, "0 1 2 3 ");
}

static void programs_with_too_many_branches_end_within_the_limit(void **state)
{
	struct base_error err = {.text = ""};
	uint64_t start_ms = now_ms();
	uint64_t cpu_us = used_us();

	assert_null(load("branches", &err));
	print_message("refused after %llu ms, and %llu us of a CPU\n",
		(unsigned long long)(now_ms() - start_ms),
		(unsigned long long)(used_us() - cpu_us));
	assert_string_equal(err.text, "many: verifying it takes more than 50 ms: too many branches "
				      "depend on data; calculate instead, or split the function");
	/* And the next one is loaded. */
	task_library_destroy(load("good", &err));
}

static void an_index_that_a_comparison_bounds_is_masked_for_the_verifier(void **state)
{
	static const struct {
		uint64_t at;
		int64_t result;
	} cases[] = {{0, BRAID_OK}, {7, BRAID_OK}, {500, BRAID_OK}, {501, BRAID_FAULT_INPUT},
		{512, BRAID_FAULT_INPUT}, {UINT64_MAX, BRAID_FAULT_INPUT}};
	static struct task_frame frame;
	struct base_error err = {.text = ""};
	struct task_library *l = load("bounded", &err);

	if (!l)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (uint32_t k = 0; k < BRAID_VALUE_BYTES; k++)
			frame.ctx.map.value[k] = (uint8_t)(3 * k + 1);
		memcpy(frame.ctx.map.value, &cases[i].at, sizeof(cases[i].at));
		frame.ctx.map.result[0] = 0;
		assert_int_equal((int64_t)l->programs[0].run(&frame.ctx), cases[i].result);
		if (cases[i].result == BRAID_OK)
			assert_int_equal(frame.ctx.map.result[0], frame.ctx.map.value[cases[i].at]);
	}
	task_library_destroy(l);
}

static void what_only_the_verifier_refuses_is_told_with_its_line_and_the_cure(void **state)
{
	struct base_error err = {.text = ""};

	assert_null(load("edge", &err));
	print_message("%s\n", err.text);
	assert_int_equal(strncmp(err.text, "edge: line 12: \"", 16), 0);
	assert_non_null(strstr(err.text, "ctx->scratch"));
	assert_non_null(strstr(err.text, "mask the index: `i & 511`"));
}

static int setup(void **state)
{
	task_setup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bad_children_are_told_apart_and_reaped, setup),
		cmocka_unit_test_setup(a_program_that_is_not_there_is_named, setup),
		cmocka_unit_test_setup(ending_early_kills_the_child, setup),
		cmocka_unit_test_setup(a_child_gets_three_files_and_no_environment, setup),
		cmocka_unit_test_setup(programs_with_too_many_branches_end_within_the_limit, setup),
		cmocka_unit_test_setup(
			an_index_that_a_comparison_bounds_is_masked_for_the_verifier, setup),
		cmocka_unit_test_setup(
			what_only_the_verifier_refuses_is_told_with_its_line_and_the_cure, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
