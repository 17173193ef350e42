/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Payloads to libraries: real objects, a real child, real machine code; what is wrong with others
 * is said; and nothing that is done to a payload harms the node. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/task/task_insn.h"
#include "tests/unit/task_loaded.h"

#define HOSTILE_PAYLOADS 3000

static struct task_library *load(const char *object, const char *name, struct base_error *err)
{
	struct task_file payload = task_payload_make(object, name);
	struct task_library *l = task_load_now(payload.bytes, payload.len, err);

	free(payload.bytes);
	return l;
}

static uint32_t program_index(const struct task_library *l, const char *name)
{
	for (uint32_t i = 0; i < l->n_programs; i++)
		if (strcmp(l->programs[i].function->name, name) == 0)
			return i;
	fail_msg("no function %s", name);
	return 0;
}

static void a_library_has_all_functions_and_they_run(void **state)
{
	static struct task_frame frame;
	struct base_error err;
	struct task_library *l = load("good", "lib_1", &err);
	const struct task_host host = {.arg = NULL};
	const struct task_program *p;

	if (!l)
		fail_msg("%s", err.text);
	assert_string_equal(l->name, "lib_1");
	assert_true(l->n_programs >= 6);
	assert_memory_equal(l->payload, "#!bpf name=lib_1\n\177ELF", 21);
	p = &l->programs[program_index(l, "twice")];
	assert_true(p->cost_max > 100);
	assert_true(p->code_bytes > 50);
	assert_ptr_equal(p->library, l);
	frame = (struct task_frame){.host = &host, .kind = TASK_MAP};
	memcpy(frame.ctx.map.value, "21", 2);
	frame.ctx.map.value_len = 2;
	assert_int_equal(p->run(&frame.ctx), BRAID_OK);
	assert_int_equal(frame.ctx.map.result_len, 2);
	assert_memory_equal(frame.ctx.map.result, "42", 2);
	/* Constants are where the library has them. */
	p = &l->programs[program_index(l, "sum")];
	frame = (struct task_frame){.host = &host, .kind = TASK_EACH};
	frame.ctx.each.slot = 2;
	frame.ctx.each.value[0] = 1;
	assert_int_equal(p->run(&frame.ctx), BRAID_OK);
	assert_int_equal(((uint64_t *)frame.ctx.each.acc)[0], 1);
	assert_int_equal(((uint64_t *)frame.ctx.each.acc)[1], 8);
	task_library_destroy(l);
}

/* How the mapping that holds @p is protected: "r-xp". */
static void find_protection(const void *p, char found[5])
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[512], protection[5];

	assert_non_null(maps);
	found[0] = '\0';
	while (fgets(line, sizeof(line), maps)) {
		assert_int_equal(sscanf(line, "%lx-%lx %4s", &from, &to, protection), 3);
		assert_false(strchr(protection, 'w') && strchr(protection, 'x'));
		if ((uintptr_t)p >= from && (uintptr_t)p < to)
			memcpy(found, protection, sizeof(protection));
	}
	fclose(maps);
}

static void code_is_never_writable_and_executable(void **state)
{
	struct base_error err;
	struct task_library *l = load("good", "x", &err);
	char protection[5];

	assert_non_null(l);
	for (uint32_t i = 0; i < l->n_programs; i++) {
		const uint8_t *code = (const uint8_t *)(uintptr_t)l->programs[i].run;

		find_protection(code, protection);
		assert_string_equal(protection, "r-xp");
		assert_int_equal((uintptr_t)code % CACHE_LINE_BYTES, 0);
		assert_int_equal(code[l->programs[i].code_bytes], 0xcc);
	}
	task_library_destroy(l);
}

/* Sentences that begin as Redis's, or name the function and the line. */
static const struct {
	const char *object;
	const char *name;
	const char *sentence; /* how it begins */
} refusals[] = {
	{"no_section", "x", "object: a function is in no section"},
	{"newer", "x", "object: for ABI "},
	{"variable", "x", "object: section .data"},
	{"maps", "x", "object: section .maps"},
	{"unknown", "x", "object: "},
	{"no_header", "x", "object: "},
	{"good", "a-b",
		"Library names can only contain letters, numbers, or underscores(_) and must "
		"be at least one character long"},
	{"good", "",
		"Library names can only contain letters, numbers, or underscores(_) and must "
		"be at least one character long"},
	{"good", "x name=y", "Invalid metadata value, name argument was given multiple times"},
	{"good", "x desc=y", "Invalid metadata value given: desc=y"},
};

static void what_is_wrong_is_said(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct base_error err = {.text = ""};
		struct task_library *l = load(refusals[i].object, refusals[i].name, &err);

		assert_null(l);
		if (strncmp(err.text, refusals[i].sentence, strlen(refusals[i].sentence)) != 0)
			fail_msg("%s: \"%s\"", refusals[i].object, err.text);
	}
}

static void a_refused_function_is_named_with_its_line_and_the_cure(void **state)
{
	struct base_error err = {.text = ""};

	assert_null(load("refused", "x", &err));
	assert_non_null(strstr(err.text, ": line "));
	assert_non_null(strstr(err.text, "; "));
}

static uint64_t next_random(uint64_t *x)
{
	*x = *x * 6364136223846793005ULL + 1442695040888963407ULL;
	return *x >> 33;
}

/* Most are refused before anything is compiled; the others must compile to something. */
static void damaged_payloads_do_no_harm(void **state)
{
	struct task_file payload = task_payload_make("good", "x");
	uint8_t *copy = malloc(payload.len);
	uint64_t x = 7;
	uint32_t n_loaded = 0;

	assert_non_null(copy);
	for (uint32_t i = 0; i < HOSTILE_PAYLOADS; i++) {
		struct base_error err = {.text = ""};
		struct task_library *l;
		size_t len = payload.len;

		memcpy(copy, payload.bytes, len);
		if (i % 3 == 0)
			len = next_random(&x) % len;
		for (uint64_t n = i % 3 == 0 ? 0 : 1 + next_random(&x) % 4; n > 0; n--)
			copy[next_random(&x) % len] ^= (uint8_t)(1 << next_random(&x) % 8);
		l = task_load_now(copy, len, &err);
		if (!l)
			assert_true(strlen(err.text) > 10);
		else
			task_library_destroy(l);
		n_loaded += l != NULL;
	}
	print_message("%u damaged payloads, %u loaded\n", HOSTILE_PAYLOADS, n_loaded);
	free(copy);
	free(payload.bytes);
}

static int setup(void **state)
{
	task_setup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_library_has_all_functions_and_they_run),
		cmocka_unit_test(code_is_never_writable_and_executable),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(a_refused_function_is_named_with_its_line_and_the_cure),
		cmocka_unit_test(damaged_payloads_do_no_harm),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
