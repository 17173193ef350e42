/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of programs and what the checker must say to them. One thread. */
#ifndef TESTS_UNIT_TASK_CASES_H
#define TESTS_UNIT_TASK_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/task/task_check.h"
#include "tests/unit/task_asm.h"

#define TASK_CASE_RODATA 64 /* bytes of constants that the programs have */

/* Programs are in the notation of task_asm.h; before it may stand their kind and ": ". */
static inline enum task_kind task_case_kind(const char **text)
{
	for (int k = 0; k < TASK_KINDS; k++) {
		size_t n = strlen(task_kind_name((enum task_kind)k));

		if (strncmp(*text, task_kind_name((enum task_kind)k), n) == 0 &&
			strncmp(*text + n, ": ", 2) == 0) {
			*text += n + 2;
			return (enum task_kind)k;
		}
	}
	return TASK_MAP;
}

static inline struct task_verdict task_case_check(const char *text)
{
	static struct task_asm a;
	struct task_function f = {.name = "program", .kind = task_case_kind(&text)};
	struct task_verdict v;
	struct task_insn *insns;

	task_asm_text(&a, text);
	/* A copy without an instruction to spare shows what is read behind the end. */
	insns = malloc(MAX_OF(a.n, 1u) * sizeof(*insns));
	memcpy(insns, a.insns, a.n * sizeof(*insns));
	f.insns = insns;
	f.n_insns = a.n;
	task_check(&f, TASK_CASE_RODATA, &v);
	free(insns);
	return v;
}

/* All of @cases break @rule first; TASK_ACCEPTED: they break none. */
static inline void task_cases_check(enum task_rule rule, const char *const cases[], size_t n_cases)
{
	for (size_t i = 0; i < n_cases; i++) {
		struct task_verdict v = task_case_check(cases[i]);

		if (v.rule != rule)
			fail_msg("\"%s\" must be %s, but is %s: %s", cases[i], task_rule_name(rule),
				task_rule_name(v.rule), v.text);
		assert_true((rule == TASK_ACCEPTED) == (v.text[0] == '\0'));
	}
}

/* Programs given as strings, behind the rule that all of them break. */
#define TASK_REFUSED(rule, ...)                                                                    \
	do {                                                                                       \
		static const char *const cases_[] = {__VA_ARGS__};                                 \
		task_cases_check(TASK_RULE_##rule, cases_, ARRAY_SIZE(cases_));                    \
	} while (0)

#define TASK_FINE(...)                                                                             \
	do {                                                                                       \
		static const char *const cases_[] = {__VA_ARGS__};                                 \
		task_cases_check(TASK_ACCEPTED, cases_, ARRAY_SIZE(cases_));                       \
	} while (0)

#endif
