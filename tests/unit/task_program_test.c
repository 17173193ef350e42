/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A million programs from seeds, through the checker and the interpreter: none that is accepted
 * leaves its memory, runs longer than was said, or depends on addresses. TASK_SEED=n repeats one;
 * TASK_PROGRAMS=n makes more or fewer. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/task_rig.h"

static uint64_t environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void no_program_that_is_accepted_does_wrong(void **state)
{
	uint64_t n = environment("TASK_PROGRAMS", 1000000), seed = environment("TASK_SEED", 1);
	static struct task_generated g;
	struct task_tally tally = {.n_programs = 0};
	uint32_t n_rules = 0;

	for (uint64_t i = 0; i < n; i++) {
		g.choices = (struct task_choices){.seed = (seed + i) * 0x9e3779b97f4a7c15ULL};
		task_generate(&g);
		task_rig_attack(&g, seed + i, NULL, &tally);
	}
	for (int r = TASK_ACCEPTED + 1; r < TASK_RULES; r++)
		n_rules += tally.rules[r] > 0;
	print_message("%u programs: %u accepted; of the others %u did wrong; %u rules\n",
		tally.n_programs, tally.n_accepted, tally.n_stopped, n_rules);
	for (int r = 0; r < TASK_RULES; r++) {
		if (tally.rules[r])
			print_message(
				"%9u %s\n", tally.rules[r], task_rule_name((enum task_rule)r));
	}
	if (n < 100000)
		return;
	assert_true(tally.n_accepted > n / 10);
	assert_true(tally.n_stopped > n / 20);
	assert_true(n_rules > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_program_that_is_accepted_does_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
