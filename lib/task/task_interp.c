/* SPDX-License-Identifier: BSD-3-Clause */
/* The interpreter; see task_interp.h. The meaning of instructions is RFC 9669's. Any thread. */
#include <endian.h>
#include <string.h>

#include "lib/task/task_interp.h"

static uint64_t shift_right_signed(uint64_t n, uint32_t by, uint32_t bits)
{
	return bits == 64 ? (uint64_t)((int64_t)n >> by) : (uint32_t)((int32_t)(uint32_t)n >> by);
}

static uint64_t swap(uint64_t n, int32_t bits, bool to_big)
{
	if (bits == 16)
		return to_big ? htobe16((uint16_t)n) : htole16((uint16_t)n);
	if (bits == 32)
		return to_big ? htobe32((uint32_t)n) : htole32((uint32_t)n);
	return to_big ? htobe64(n) : htole64(n);
}

/* Why the operation has no result, or TASK_STOP_EXIT. */
static enum task_stop alu_problem(uint32_t op, uint32_t bits, uint64_t b, const struct task_insn *i)
{
	if ((op == TASK_DIV || op == TASK_MOD) && b == 0)
		return TASK_STOP_DIVIDE;
	if ((op == TASK_LSH || op == TASK_RSH || op == TASK_ARSH) && b >= bits)
		return TASK_STOP_SHIFT;
	if (op > TASK_END ||
		(op == TASK_END && (bits == 64 || (i->imm != 16 && i->imm != 32 && i->imm != 64))))
		return TASK_STOP_OPCODE;
	return TASK_STOP_EXIT;
}

static uint64_t alu(uint32_t op, uint32_t bits, uint64_t a, uint64_t b)
{
	switch ((enum task_alu)op) {
	case TASK_ADD:
		return a + b;
	case TASK_SUB:
		return a - b;
	case TASK_MUL:
		return a * b;
	case TASK_DIV:
		return a / b;
	case TASK_OR:
		return a | b;
	case TASK_AND:
		return a & b;
	case TASK_LSH:
		return a << b;
	case TASK_RSH:
		return a >> b;
	case TASK_NEG:
		return -a;
	case TASK_MOD:
		return a % b;
	case TASK_XOR:
		return a ^ b;
	case TASK_MOV:
		return b;
	case TASK_ARSH:
		return shift_right_signed(a, (uint32_t)b, bits);
	case TASK_END:
		break;
	}
	return 0;
}

/* Reads a register. */
static bool get(const struct task_run *run, uint32_t r, uint64_t *out)
{
	if (r >= TASK_REGISTERS || !(run->set >> r & 1))
		return false;
	*out = run->registers[r];
	return true;
}

static bool put(struct task_run *run, uint32_t r, uint64_t n)
{
	if (r >= TASK_FRAME)
		return false;
	run->registers[r] = n;
	run->set |= 1u << r;
	return true;
}

static enum task_stop run_alu(struct task_run *run, const struct task_insn *i)
{
	uint32_t bits = task_insn_class(i) == TASK_ALU64 ? 64 : 32, op = task_insn_op(i);
	uint64_t a = 0, b = (uint64_t)(int64_t)i->imm;
	enum task_stop problem;

	if (op != TASK_MOV && !get(run, i->dst, &a))
		return TASK_STOP_REGISTER;
	if (task_insn_by_register(i) && op != TASK_END && !get(run, i->src, &b))
		return TASK_STOP_REGISTER;
	if (bits == 32 && op != TASK_END) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	problem = alu_problem(op, bits, b, i);
	if (problem != TASK_STOP_EXIT)
		return problem;
	if (op == TASK_END)
		a = swap(a, i->imm, task_insn_by_register(i));
	else
		a = bits == 64 ? alu(op, bits, a, b) : (uint32_t)alu(op, bits, a, b);
	return put(run, i->dst, a) ? TASK_STOP_EXIT : TASK_STOP_REGISTER;
}

/* Whether @n bytes at @address lie in the @len bytes at @region. */
static bool inside(uint64_t address, uint32_t n, const void *region, uint32_t len)
{
	uint64_t start = (uintptr_t)region;

	return address >= start && address + n <= start + len && address + n >= address;
}

/* Whether the program may access this; marks and asks what of the stack was written. */
static enum task_stop access_problem(
	struct task_run *run, uint64_t address, uint32_t n, bool is_write)
{
	const struct task_layout *layout = &task_layouts[run->frame->kind];
	uint8_t *ctx = run->frame->ctx.bytes;

	if (address % n != 0)
		return TASK_STOP_ALIGN;
	if (inside(address, n, run->stack, TASK_STACK_BYTES)) {
		bool *written = run->written + (address - (uintptr_t)run->stack);

		for (uint32_t b = 0; b < n; b++) {
			if (!is_write && !written[b])
				return TASK_STOP_STACK;
			written[b] = true;
		}
		return TASK_STOP_EXIT;
	}
	if (inside(address, n, ctx + layout->writable, layout->bytes - layout->writable) ||
		(!is_write && inside(address, n, ctx, layout->bytes)) ||
		(!is_write && inside(address, n, run->rodata, run->rodata_len)))
		return TASK_STOP_EXIT;
	return TASK_STOP_MEMORY;
}

static enum task_stop run_memory(struct task_run *run, const struct task_insn *i)
{
	bool is_load = task_insn_class(i) == TASK_LDX;
	uint64_t base, n = (uint64_t)(int64_t)i->imm, address;
	uint32_t bytes = task_insn_bytes(i);
	enum task_stop problem;

	if ((i->code & 0xe0) != TASK_MODE_MEM)
		return TASK_STOP_OPCODE;
	if (!get(run, is_load ? i->src : i->dst, &base))
		return TASK_STOP_REGISTER;
	if (task_insn_class(i) == TASK_STX && !get(run, i->src, &n))
		return TASK_STOP_REGISTER;
	address = base + (uint64_t)(int64_t)i->off;
	problem = access_problem(run, address, bytes, !is_load);
	if (problem != TASK_STOP_EXIT)
		return problem;
	if (!is_load) {
		n = htole64(n);
		memcpy((void *)(uintptr_t)address, &n, bytes);
		return TASK_STOP_EXIT;
	}
	n = 0;
	memcpy(&n, (const void *)(uintptr_t)address, bytes);
	return put(run, i->dst, le64toh(n)) ? TASK_STOP_EXIT : TASK_STOP_REGISTER;
}

static enum task_stop run_number(struct task_run *run, const struct task_insn *i)
{
	uint64_t n;

	if (i->code != TASK_LD_IMM64 || run->at + 1 >= run->n_insns)
		return TASK_STOP_OPCODE;
	n = task_insn_imm64(i);
	if (i->src == TASK_IMM_RODATA)
		n += (uintptr_t)run->rodata;
	run->at++;
	return put(run, i->dst, n) ? TASK_STOP_EXIT : TASK_STOP_REGISTER;
}

static enum task_stop run_call(struct task_run *run, const struct task_insn *i)
{
	uint64_t args[TASK_HELPER_ARGS_MAX] = {0};
	const struct task_helper *h;

	if (i->imm < 1 || i->imm > BRAID_HELPERS_MAX || i->src != TASK_CALL_HELPER)
		return TASK_STOP_OPCODE;
	h = &task_helpers[i->imm];
	for (uint32_t n = 0; n < TASK_HELPER_ARGS_MAX && h->args[n] != BRAID_ARG_NONE; n++) {
		if (!get(run, 1 + n, &args[n]))
			return TASK_STOP_REGISTER;
	}
	if (args[0] != (uintptr_t)&run->frame->ctx)
		return TASK_STOP_MEMORY;
	run->set &= ~0x3eu; /* r1 to r5 */
	put(run, 0, h->call(args[0], args[1], args[2], args[3], args[4]));
	return TASK_STOP_EXIT;
}

/* Whether the condition of a jump holds; false in @known: there is no such jump. */
static bool holds(uint32_t op, uint64_t a, uint64_t b, bool *known)
{
	int64_t x = (int64_t)a, y = (int64_t)b;

	switch ((enum task_jump)op) {
	case TASK_JEQ:
		return a == b;
	case TASK_JGT:
		return a > b;
	case TASK_JGE:
		return a >= b;
	case TASK_JSET:
		return (a & b) != 0;
	case TASK_JNE:
		return a != b;
	case TASK_JSGT:
		return x > y;
	case TASK_JSGE:
		return x >= y;
	case TASK_JLT:
		return a < b;
	case TASK_JLE:
		return a <= b;
	case TASK_JSLT:
		return x < y;
	case TASK_JSLE:
		return x <= y;
	case TASK_JA:
	case TASK_CALL:
	case TASK_EXIT:
		break;
	}
	*known = false;
	return false;
}

static enum task_stop run_jump(struct task_run *run, const struct task_insn *i)
{
	uint64_t a, b = (uint64_t)(int64_t)i->imm;
	bool is_taken, is_known = true;

	if (task_insn_op(i) == TASK_CALL)
		return run_call(run, i);
	if (task_insn_op(i) == TASK_JA) {
		run->at += (uint32_t)(int32_t)i->off;
		return TASK_STOP_EXIT;
	}
	if (!get(run, i->dst, &a) || (task_insn_by_register(i) && !get(run, i->src, &b)))
		return TASK_STOP_REGISTER;
	is_taken = holds(task_insn_op(i), a, b, &is_known);
	if (is_taken)
		run->at += (uint32_t)(int32_t)i->off;
	return is_known ? TASK_STOP_EXIT : TASK_STOP_OPCODE;
}

static enum task_stop run_insn(struct task_run *run, const struct task_insn *i)
{
	switch (task_insn_class(i)) {
	case TASK_LD:
		return run_number(run, i);
	case TASK_LDX:
	case TASK_ST:
	case TASK_STX:
		return run_memory(run, i);
	case TASK_ALU:
	case TASK_ALU64:
		return run_alu(run, i);
	case TASK_JMP:
		return run_jump(run, i);
	case TASK_JMP32:
		break;
	}
	return TASK_STOP_OPCODE;
}

void task_interp_start(struct task_run *run)
{
	run->at = 0;
	run->steps = 1;
	run->set = 1u << 1 | 1u << TASK_FRAME;
	run->registers[1] = (uintptr_t)&run->frame->ctx;
	run->registers[TASK_FRAME] = (uintptr_t)run->stack + TASK_STACK_BYTES;
	memset(run->written, 0, sizeof(run->written));
}

enum task_stop task_interp_continue(struct task_run *run)
{
	for (run->stop = TASK_STOP_EXIT; run->stop == TASK_STOP_EXIT; run->steps++) {
		const struct task_insn *i;

		if (run->at >= run->n_insns)
			return run->stop = TASK_STOP_JUMP;
		i = &run->insns[run->at];
		if (run->steps > run->steps_max)
			return run->stop = TASK_STOP_STEPS;
		if (i->code == TASK_OP(TASK_EXIT, TASK_JMP))
			return run->stop = run->set & 1 ? TASK_STOP_EXIT : TASK_STOP_REGISTER;
		run->stop = run_insn(run, i);
		run->at += run->stop == TASK_STOP_EXIT;
	}
	return run->stop;
}

enum task_stop task_interp_run(struct task_run *run)
{
	task_interp_start(run);
	return task_interp_continue(run);
}
