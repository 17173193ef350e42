/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of a child, whole, cut off and wrong; and code that is copied and runs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/task/task_code.h"

/* mov eax, imm32; ret */
#define CODE(n)                                                                                    \
	{                                                                                          \
		0xb8, (n), 0, 0, 0, 0xc3                                                           \
	}

struct answer {
	uint8_t bytes[1024];
	size_t len;
};

static void add(struct answer *a, int32_t status, uint32_t pc, const void *bytes, uint32_t len)
{
	const struct task_jit_record record = {
		.magic = TASK_JIT_RECORD_MAGIC, .status = status, .bytes = len, .pc = pc};

	memcpy(a->bytes + a->len, &record, sizeof(record));
	memcpy(a->bytes + a->len + sizeof(record), bytes, len);
	a->len += sizeof(record) + len;
}

/* Code that returns 1, 2 and so on. */
static struct answer make(uint8_t n)
{
	struct answer a = {.len = 0};

	for (uint8_t i = 1; i <= n; i++) {
		const uint8_t code[] = CODE(i);

		add(&a, 0, TASK_JIT_NO_PC, code, sizeof(code));
	}
	return a;
}

static void code_is_copied_and_runs(void **state)
{
	struct answer a = make(3);
	struct task_answer parsed;
	struct task_code code = {.pages = NULL};

	assert_int_equal(task_answer_parse(a.bytes, a.len, 3, &parsed), 0);
	assert_int_equal(parsed.n_codes, 3);
	assert_int_equal(task_code_create(a.bytes, &parsed, &code), 0);
	memset(&a, 0, sizeof(a));
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(code.functions[i].run(NULL), i + 1);
		assert_int_equal(code.functions[i].bytes, 6);
		assert_int_equal((uintptr_t)code.functions[i].run % CACHE_LINE_BYTES, 0);
	}
	task_code_destroy(&code);
	assert_null(code.pages);
}

static void a_cut_off_answer_counts_whole_functions(void **state)
{
	struct answer a = make(3);
	struct task_answer parsed;
	size_t each = a.len / 3;

	for (size_t len = 0; len <= a.len; len++) {
		uint8_t *exact = malloc(len + 1);

		memcpy(exact + 1, a.bytes, len);
		assert_int_equal(task_answer_parse(exact + 1, len, 3, &parsed), 0);
		assert_int_equal(parsed.n_codes, len / each);
		assert_int_equal(parsed.status, 0);
		free(exact);
	}
}

static void a_refusal_ends_the_answer(void **state)
{
	struct answer a = make(1);
	struct task_answer parsed;

	add(&a, -EINVAL, 17, "no\n\xff", 4);
	assert_int_equal(task_answer_parse(a.bytes, a.len, 3, &parsed), 0);
	assert_int_equal(parsed.n_codes, 1);
	assert_int_equal(parsed.status, -EINVAL);
	assert_int_equal(parsed.pc, 17);
	assert_string_equal(parsed.text, "no??");
	a.bytes[a.len++] = 0;
	assert_int_equal(task_answer_parse(a.bytes, a.len, 3, &parsed), -EBADMSG);
	a.len--;
	add(&a, 0, 0, "x", 1);
	assert_int_equal(task_answer_parse(a.bytes, a.len, 3, &parsed), -EBADMSG);
}

static void nonsense_is_refused(void **state)
{
	struct answer a = make(2), b;
	struct task_answer parsed;

	assert_int_equal(task_answer_parse(a.bytes, a.len, 1, &parsed), -EBADMSG);
	b = a;
	b.bytes[0]++;
	assert_int_equal(task_answer_parse(b.bytes, b.len, 2, &parsed), -EBADMSG);
	b = (struct answer){.len = 0};
	add(&b, 0, 0, "", 0);
	assert_int_equal(task_answer_parse(b.bytes, b.len, 2, &parsed), -EBADMSG);
	b = (struct answer){.len = 0};
	add(&b, 1, 0, "x", 1);
	assert_int_equal(task_answer_parse(b.bytes, b.len, 2, &parsed), -EBADMSG);
	a.len++;
	assert_int_equal(task_answer_parse(a.bytes, a.len, 2, &parsed), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_is_copied_and_runs),
		cmocka_unit_test(a_cut_off_answer_counts_whole_functions),
		cmocka_unit_test(a_refusal_ends_the_answer),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
