/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs written for librte_bpf do the same as before. One thread. */
#include "lib/task/task_lower.h"
#include "tests/unit/task_cases.h"
#include "tests/unit/task_rig.h"

static struct task_insn lowered[TASK_LOWERED_MAX(TASK_INSNS_MAX)];

/* Lowers @text, which must be accepted. */
static uint32_t lower_text(const char *text)
{
	static struct task_asm a;
	struct task_function f = {.name = "program", .insns = a.insns};
	struct task_verdict v;

	task_asm_text(&a, text);
	f.n_insns = a.n;
	if (!task_check(&f, TASK_CASE_RODATA, &v))
		fail_msg("%s", v.text);
	return task_lower(&f, &v, lowered);
}

static void a_number_plus_a_pointer_borrows_the_pointer(void **state)
{
	static struct task_asm wanted;
	static const char *const cases[][2] = {
		{"r2 = 8; r2 += r1; r0 = *(u8 *)(r2 + 0); exit",
			"r2 = 8; *(u64 *)(r10 - 512) = r1; r1 += r2; r2 = r1; r1 = *(u64 *)(r10 - "
			"512); "
			"r0 = *(u8 *)(r2 + 0); exit"},
		{"r0 = 0; r3 = 5 ll; if r3 == 5 goto a; r3 += r1; a:; exit",
			"r0 = 0; r3 = 5 ll; if r3 == 5 goto a; *(u64 *)(r10 - 512) = r1; r1 += r3; "
			"r3 = r1; "
			"r1 = *(u64 *)(r10 - 512); a:; exit"},
		{"r2 = 8; if r2 == 8 goto a; goto b; a:; r2 += r1; b:; r0 = 0; exit",
			"r2 = 8; if r2 == 8 goto a; goto b; a:; *(u64 *)(r10 - 512) = r1; r1 += "
			"r2; r2 = r1; "
			"r1 = *(u64 *)(r10 - 512); b:; r0 = 0; exit"},
		{"r2 = 8; r1 += r2; r2 += r2; r0 = r2; exit",
			"r2 = 8; r1 += r2; r2 += r2; r0 = r2; exit"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t n = lower_text(cases[i][0]);

		task_asm_text(&wanted, cases[i][1]);
		assert_int_equal(n, wanted.n);
		assert_memory_equal(lowered, wanted.insns, n * sizeof(lowered[0]));
	}
}

static void random_programs_do_the_same_when_lowered(void **state)
{
	static const __attribute__((aligned(16))) uint8_t constants[TASK_GENERATED_RODATA] = {1, 2};
	static struct task_generated g;
	static struct task_world worlds[3];
	static struct task_run runs[3];
	uint32_t n_longer = 0, n_masked = 0;

	for (uint64_t seed = 1; seed < 50000; seed++) {
		struct task_function f = {.name = "program", .insns = g.insns};
		struct task_verdict v;

		g.choices = (struct task_choices){.seed = seed * 0x94d049bb133111ebULL};
		task_generate(&g);
		f.kind = g.kind;
		f.n_insns = g.n;
		if (!task_check(&f, TASK_GENERATED_RODATA, &v))
			continue;
		for (int w = 0; w < 3; w++) {
			task_world_init(&worlds[w], g.kind, seed);
			runs[w] = (struct task_run){.insns = w ? lowered : g.insns,
				.n_insns = w == 0   ? g.n
					   : w == 1 ? task_lower(&f, &v, lowered)
						    : task_lower_masked(&f, &v, lowered),
				.rodata = constants,
				.rodata_len = sizeof(constants),
				.frame = &worlds[w].frame,
				.steps_max = TASK_LOWERED_MAX(TASK_GENERATED_MAX)};
			assert_int_equal(task_interp_run(&runs[w]), TASK_STOP_EXIT);
		}
		n_longer += runs[1].n_insns > g.n;
		n_masked += runs[2].n_insns > runs[1].n_insns;
		for (int w = 1; w < 3; w++) {
			assert_true(runs[0].registers[0] == runs[w].registers[0]);
			assert_true(worlds[0].emitted == worlds[w].emitted);
			assert_memory_equal(worlds[0].frame.ctx.bytes, worlds[w].frame.ctx.bytes,
				task_layouts[g.kind].bytes);
		}
	}
	assert_true(n_longer > 100);
	assert_true(n_masked > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_plus_a_pointer_borrows_the_pointer),
		cmocka_unit_test(random_programs_do_the_same_when_lowered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
