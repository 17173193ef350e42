/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interpreter: what instructions do, by the numbers of RFC 9669, and that each way to do wrong
 * stops a run; programs from clang with their results. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/task/task_interp.h"
#include "tests/unit/task_asm.h"
#include "tests/unit/task_file.h"

static const uint8_t constants[16] __attribute__((aligned(16))) = {1, 2, 3, 4, 5, 6, 7, 8};

static uint32_t read_nothing(void *arg, uint64_t position, void *to, uint32_t len)
{
	return 0;
}

static bool emit_nothing(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	return true;
}

static const struct task_host host = {.read = read_nothing, .emit = emit_nothing};

/* Runs @text over a context of kind "map", whose number is 0x1122334455667788. */
static enum task_stop run_text(const char *text, struct task_run *run)
{
	static struct task_asm a;
	static struct task_frame frame;

	memset(&frame, 0, sizeof(frame));
	frame.host = &host;
	frame.ctx.map.number = 0x1122334455667788;
	task_asm_text(&a, text);
	memset(run, 0, sizeof(*run));
	run->insns = a.insns;
	run->n_insns = a.n;
	run->rodata = constants;
	run->rodata_len = sizeof(constants);
	run->frame = &frame;
	run->steps_max = 1000;
	return task_interp_run(run);
}

static void instructions_do_what_they_say(void **state)
{
	static const struct {
		const char *text;
		uint64_t result;
	} cases[] = {
		{"r0 = -1; exit", UINT64_MAX},
		{"w0 = -1; exit", UINT32_MAX},
		{"r0 = 0x1122334455667788 ll; w0 += 0; exit", 0x55667788},
		{"r0 = 7; r0 -= 9; exit", (uint64_t)-2},
		{"r0 = 7; w0 -= 9; exit", 0xfffffffe},
		{"r0 = 0x100000000 ll; r0 *= 3; exit", 0x300000000},
		{"r0 = -8; r0 /= 3; exit", (UINT64_MAX - 7) / 3},
		{"r0 = -8; w0 /= 3; exit", (UINT32_MAX - 7) / 3},
		{"r0 = 17; r0 %= 5; exit", 2},
		{"r0 = 5; r0 = -r0; exit", (uint64_t)-5},
		{"r0 = 5; w0 = -r0; exit", 0xfffffffb},
		{"r0 = -16; r0 s>>= 2; exit", (uint64_t)-4},
		{"r0 = -16; r0 >>= 60; exit", 15},
		{"r0 = -16; w0 s>>= 2; exit", 0xfffffffc},
		{"r0 = 1; r2 = 40; r0 <<= r2; exit", 1ULL << 40},
		{"r0 = 12; r0 |= 3; r0 ^= 5; r0 &= 14; exit", 10},
		{"r0 = *(u64 *)(r1 + 0); r0 = be16 r0; exit", 0x8877},
		{"r0 = *(u64 *)(r1 + 0); r0 = be32 r0; exit", 0x88776655},
		{"r0 = *(u64 *)(r1 + 0); r0 = be64 r0; exit", 0x8877665544332211},
		{"r0 = *(u64 *)(r1 + 0); r0 = le32 r0; exit", 0x55667788},
		{"r0 = *(u8 *)(r1 + 7); exit", 0x11},
		{"r0 = *(u16 *)(r1 + 2); exit", 0x5566},
		{"r0 = *(u32 *)(r1 + 4); exit", 0x11223344},
		{"r2 = rodata 4; r0 = *(u32 *)(r2 + 0); exit", 0x08070605},
		{"*(u64 *)(r10 - 8) = -2; r0 = *(u32 *)(r10 - 4); exit", UINT32_MAX},
		{"r0 = -1; if r0 s> 0 goto a; r0 = 1; a:; exit", 1},
		{"r0 = -1; if r0 > 0 goto a; r0 = 1; a:; exit", UINT64_MAX},
		{"r0 = 6; r2 = 4; if r0 & r2 goto a; r0 = 1; a:; exit", 6},
		{"r0 = 1; goto a; r0 = 2; a:; exit", 1},
		{"r2 = 5; r3 = 536; call 9; exit", 1},
	};
	static struct task_run run;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (run_text(cases[i].text, &run) != TASK_STOP_EXIT ||
			run.registers[0] != cases[i].result)
			fail_msg("%s: stop %d, result %lx", cases[i].text, run.stop,
				run.registers[0]);
	}
}

static void what_is_wrong_stops_the_run(void **state)
{
	static const struct {
		const char *text;
		enum task_stop stop;
	} cases[] = {
		{"a:; goto a", TASK_STOP_STEPS},
		{"r0 = 0", TASK_STOP_JUMP},
		{"goto +7; exit", TASK_STOP_JUMP},
		{"goto -9; exit", TASK_STOP_JUMP},
		{".raw 0x06 0 0 0 0", TASK_STOP_OPCODE},
		{".raw 0xe4 0 0 0 0", TASK_STOP_REGISTER},
		{"r0 = 0; .raw 0xe4 0 0 0 0", TASK_STOP_OPCODE},
		{".raw 0x18 0 0 0 0", TASK_STOP_OPCODE},
		{"call 11; exit", TASK_STOP_OPCODE},
		{"exit", TASK_STOP_REGISTER},
		{"r0 = r2; exit", TASK_STOP_REGISTER},
		{"r10 = 0; exit", TASK_STOP_REGISTER},
		{"r2 = 0; call 3; r0 = r2; exit", TASK_STOP_REGISTER},
		{"r2 = 0; r0 = *(u8 *)(r2 + 0); exit", TASK_STOP_MEMORY},
		{"r0 = *(u8 *)(r1 + 1304); exit", TASK_STOP_MEMORY},
		{"r0 = *(u8 *)(r1 - 1); exit", TASK_STOP_MEMORY},
		{"*(u8 *)(r1 + 527) = 0; exit", TASK_STOP_MEMORY},
		{"r2 = rodata 0; *(u8 *)(r2 + 0) = 0; exit", TASK_STOP_MEMORY},
		{"r2 = rodata 16; r0 = *(u8 *)(r2 + 0); exit", TASK_STOP_MEMORY},
		{"r1 += 8; r2 = 0; call 3; exit", TASK_STOP_MEMORY},
		{"r0 = *(u8 *)(r10 - 1); exit", TASK_STOP_STACK},
		{"*(u32 *)(r10 - 8) = 0; r0 = *(u64 *)(r10 - 8); exit", TASK_STOP_STACK},
		{"r0 = *(u32 *)(r1 + 2); exit", TASK_STOP_ALIGN},
		{"r0 = 1; r2 = 0; r0 /= r2; exit", TASK_STOP_DIVIDE},
		{"r0 = 1; w0 %= 0; exit", TASK_STOP_DIVIDE},
		{"r0 = 1; r0 <<= 64; exit", TASK_STOP_SHIFT},
		{"r0 = 1; w0 >>= 32; exit", TASK_STOP_SHIFT},
	};
	static struct task_run run;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (run_text(cases[i].text, &run) != cases[i].stop)
			fail_msg("%s: stop %d", cases[i].text, run.stop);
	}
}

static void a_program_from_clang_doubles_its_item(void **state)
{
	static const char *const cases[][2] = {
		{"1", "2"}, {"-21", "-42"}, {"4611686018427387903", "9223372036854775806"}};
	struct task_file file = task_file_read("good");
	struct base_error err = {.text = ""};
	struct task_object *o = task_object_create(file.bytes, file.len, &err);
	const struct task_function *f = task_object_find(o, "twice");
	static struct task_frame frame;
	static struct task_run run;

	run = (struct task_run){
		.insns = f->insns, .n_insns = f->n_insns, .frame = &frame, .steps_max = 100};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(&frame, 0, sizeof(frame));
		frame.host = &host;
		frame.ctx.map.value_len = (uint32_t)strlen(cases[i][0]);
		memcpy(frame.ctx.map.value, cases[i][0], frame.ctx.map.value_len);
		assert_int_equal(task_interp_run(&run), TASK_STOP_EXIT);
		assert_int_equal(run.registers[0], BRAID_OK);
		assert_int_equal(frame.ctx.map.result_len, strlen(cases[i][1]));
		assert_string_equal((char *)frame.ctx.map.result, cases[i][1]);
	}
	frame.ctx.map.value[0] = 'x';
	assert_int_equal(task_interp_run(&run), TASK_STOP_EXIT);
	assert_int_equal((int64_t)run.registers[0], BRAID_FAULT_INPUT);
	task_object_destroy(o);
	free(file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_do_what_they_say),
		cmocka_unit_test(what_is_wrong_stops_the_run),
		cmocka_unit_test(a_program_from_clang_doubles_its_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
