/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs that the checker accepts, interpreted and compiled by librte_bpf: the same result, the
 * same context, the same pairs. TASK_PROGRAMS=n and TASK_SEED=n as in task_program_test. One
 * thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/task_file.h"
#include "tests/unit/task_jit.h"

static void compiled_and_interpreted_programs_agree(void **state)
{
	const char *n_text = getenv("TASK_PROGRAMS"), *seed_text = getenv("TASK_SEED");
	uint64_t n = n_text ? strtoull(n_text, NULL, 0) : 200000;
	uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0) : 5;
	static struct task_jit_rig rig;
	static struct task_generated g;
	struct task_compiler compiler = task_jit_compiler(&rig);
	struct task_tally tally = {.n_programs = 0};

	for (uint64_t i = 0; i < n; i++) {
		g.choices = (struct task_choices){.seed = (seed + i) * 0xbf58476d1ce4e5b9ULL};
		task_generate(&g);
		task_rig_attack(&g, seed + i, &compiler, &tally);
	}
	print_message("%u programs: %u accepted, %u of them compiled\n", tally.n_programs,
		tally.n_accepted, tally.n_compiled);
	assert_true(tally.n_compiled > tally.n_accepted / 100 * 98);
}

/* Puts a number of 64 bits into a register. */
static void put_number(struct task_generated *g, uint8_t dst, uint64_t n)
{
	task_put(g, (struct task_insn){.code = TASK_LD_IMM64, .dst = dst & 15, .imm = (int32_t)n});
	task_put(g, (struct task_insn){.imm = (int32_t)(n >> 32)});
}

/* All of r0 to r9, as they are behind @i, into the scratch window; r@spare saves the context. */
static void make_operation(struct task_generated *g, const struct task_insn *i, uint8_t spare)
{
	static const uint64_t numbers[TASK_FRAME] = {0xfedcba9876543210, 3, 0x8000000080000005, 17,
		(uint64_t)-7, 0x123456789abcdef, 41, 0xffffffff00000001, 63, 5};
	struct task_insn last = {.code = TASK_OP(TASK_MOV, TASK_ALU64)};

	g->n = 0;
	g->kind = TASK_MAP;
	if (spare != 1)
		task_put(g,
			(struct task_insn){.code = TASK_OP(TASK_MOV, TASK_ALU64 | TASK_BY_REGISTER),
				.dst = spare & 15,
				.src = 1});
	for (uint8_t r = 0; r < TASK_FRAME; r++) {
		bool is_shift = i->code >> 4 == TASK_LSH || i->code >> 4 == TASK_RSH ||
				i->code >> 4 == TASK_ARSH;

		if (r != spare)
			put_number(g, r, is_shift && r == i->src ? 13 : numbers[r]);
	}
	task_put(g, *i);
	for (uint8_t r = 0; r < TASK_FRAME; r++) {
		if (r != spare)
			task_put(g, (struct task_insn){.code = TASK_STX | TASK_MODE_MEM | 0x18,
					    .dst = spare & 15,
					    .src = r & 15,
					    .off = (int16_t)(offsetof(struct braid_map, scratch) +
							     8 * r)});
	}
	task_put(g, last);
	task_put(g, (struct task_insn){.code = TASK_OP(TASK_EXIT, TASK_JMP)});
}

/* One operation with all pairs of registers. */
static void compare_operation(
	struct task_insn i, const struct task_compiler *c, struct task_tally *t)
{
	static struct task_generated g;

	for (uint8_t dst = 0; dst < TASK_FRAME; dst++) {
		for (uint8_t src = 0; src < TASK_FRAME; src++) {
			uint8_t spare = dst != 6 && src != 6 ? 6 : dst != 1 && src != 1 ? 1 : 7;

			i.dst = dst & 15;
			i.src = task_insn_by_register(&i) && i.code >> 4 != TASK_END ? src & 15 : 0;
			make_operation(&g, &i, spare);
			task_rig_compare(&g, 7, c, t);
		}
	}
}

static void every_operation_is_compiled_right(void **state)
{
	static const int32_t numbers[] = {1, 5, 13, 127, 128, -128, -129, INT32_MIN, INT32_MAX};
	static struct task_jit_rig rig;
	struct task_compiler compiler = task_jit_compiler(&rig);
	struct task_tally tally = {.n_programs = 0};

	for (uint32_t code = 0; code < 256; code++) {
		struct task_insn i = {.code = (uint8_t)code};

		i.off = task_insn_class(&i) == TASK_JMP;
		if (task_insn_class(&i) != TASK_ALU && task_insn_class(&i) != TASK_ALU64 &&
			task_insn_class(&i) != TASK_JMP)
			continue;
		if (i.code >> 4 == TASK_END && task_insn_class(&i) == TASK_ALU) {
			for (i.imm = 16; i.imm <= 64; i.imm *= 2)
				compare_operation(i, &compiler, &tally);
			continue;
		}
		compare_operation(i, &compiler, &tally);
		for (size_t n = 0; n < ARRAY_SIZE(numbers) && !task_insn_by_register(&i); n++) {
			i.imm = numbers[n];
			compare_operation(i, &compiler, &tally);
		}
	}
	print_message("%u programs: %u accepted, %u of them compiled\n", tally.n_programs,
		tally.n_accepted, tally.n_compiled);
	assert_int_equal(tally.n_accepted, tally.n_compiled);
	assert_true(tally.n_compiled > 10000);
}

/* Every program that clang made, over worlds with numbers that fit. */
static void programs_from_clang_are_compiled(void **state)
{
	struct task_file file = task_file_read("good");
	struct base_error err = {.text = ""};
	struct task_object *o = task_object_create(file.bytes, file.len, &err);
	static struct task_generated g;
	static struct task_jit_rig rig;
	struct task_compiler compiler = task_jit_compiler(&rig);
	struct task_tally tally = {.n_programs = 0};

	assert_non_null(o);
	assert_true(o->rodata_len <= TASK_GENERATED_RODATA);
	for (uint32_t i = 0; i < o->n_functions; i++) {
		const struct task_function *f = &o->functions[i];

		g.kind = f->kind;
		g.n = f->n_insns;
		assert_true(g.n <= TASK_GENERATED_MAX);
		memcpy(g.insns, f->insns, f->n_insns * sizeof(f->insns[0]));
		for (uint64_t seed = 1; seed < 200; seed++)
			assert_true(task_rig_compare(&g, seed << 20 | seed, &compiler, &tally));
	}
	assert_int_equal(tally.n_compiled, tally.n_programs);
	task_object_destroy(o);
	free(file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_is_compiled_right),
		cmocka_unit_test(programs_from_clang_are_compiled),
		cmocka_unit_test(compiled_and_interpreted_programs_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
