/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs made of bytes, or of a seed: most of them nearly right, so that the checker accepts
 * many and the others fail deep inside. One thread.
 */
#ifndef TESTS_UNIT_TASK_GENERATE_H
#define TESTS_UNIT_TASK_GENERATE_H

#include <string.h>

#include "lib/task/task_helpers.h"
#include "lib/task/task_insn.h"

#define TASK_GENERATED_MAX    160 /* instructions */
#define TASK_GENERATED_RODATA 64

/* Where choices come from: the bytes, then the seed. */
struct task_choices {
	const uint8_t *bytes;
	size_t len;
	uint64_t seed;
};

/* What the generator believes of a register. */
enum task_guess {
	TASK_GUESS_UNSET,
	TASK_GUESS_NUMBER,
	TASK_GUESS_SMALL, /* a number below 64 */
	TASK_GUESS_CTX,
	TASK_GUESS_STACK,
	TASK_GUESS_RODATA,
};

struct task_generated {
	struct task_choices choices;
	enum task_kind kind;
	uint32_t n;
	struct task_insn insns[TASK_GENERATED_MAX + 8];
	enum task_guess guess[TASK_REGISTERS];
};

/* A choice of 0 to @n - 1. */
static inline uint32_t task_choose(struct task_generated *g, uint32_t n)
{
	struct task_choices *c = &g->choices;
	uint64_t x = c->seed += 0x9e3779b97f4a7c15ULL;

	if (c->len >= 2) {
		x = (uint64_t)(c->bytes[0] | c->bytes[1] << 8);
		c->bytes += 2;
		c->len -= 2;
		return (uint32_t)(x % n);
	}
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (uint32_t)((x ^ x >> 31) % n);
}

static inline void task_put(struct task_generated *g, struct task_insn i)
{
	if (g->n < TASK_GENERATED_MAX)
		g->insns[g->n++] = i;
}

/* A number that finds corners. */
static inline int32_t task_choose_number(struct task_generated *g)
{
	static const int32_t corners[] = {0, 1, -1, 2, 7, 8, 15, 31, 32, 33, 63, 64, 255, 256, 511,
		512, 1303, 1304, 1320, INT32_MAX, INT32_MIN, 65535, 1 << 20};
	uint32_t n = task_choose(g, 64);

	return n < ARRAY_SIZE(corners) ? corners[n] : (int32_t)task_choose(g, 65536);
}

/* A register of which the generator believes this; any one when there is none. */
static inline uint8_t task_choose_register(struct task_generated *g, enum task_guess guess)
{
	uint32_t first = task_choose(g, TASK_FRAME);

	for (uint32_t i = 0; i < TASK_FRAME; i++) {
		uint32_t r = (first + i) % TASK_FRAME;
		bool is_number = g->guess[r] == TASK_GUESS_SMALL && guess == TASK_GUESS_NUMBER;

		if (g->guess[r] == guess || is_number)
			return (uint8_t)r;
	}
	return (uint8_t)first;
}

/* Any register but r1 and r6, which mostly stay the context. */
static inline uint8_t task_choose_target(struct task_generated *g)
{
	static const uint8_t targets[] = {0, 2, 3, 4, 5, 7, 8, 9, 2, 3, 4, 5, 7, 8, 9, 1};

	return targets[task_choose(g, ARRAY_SIZE(targets))];
}

static inline void task_generate_alu(struct task_generated *g)
{
	static const uint8_t ops[] = {TASK_ADD, TASK_SUB, TASK_MUL, TASK_DIV, TASK_OR, TASK_AND,
		TASK_LSH, TASK_RSH, TASK_NEG, TASK_MOD, TASK_XOR, TASK_MOV, TASK_ARSH, TASK_END,
		TASK_MOV, TASK_AND};
	uint8_t op = ops[task_choose(g, ARRAY_SIZE(ops))];
	enum task_class class = task_choose(g, 3) ? TASK_ALU64 : TASK_ALU;
	struct task_insn i = {.dst = task_choose_register(g, TASK_GUESS_NUMBER)};

	if (op == TASK_MOV)
		i.dst = task_choose_target(g);
	if (op == TASK_END) {
		static const int32_t widths[] = {16, 32, 64};

		class = TASK_ALU;
		i.imm = widths[task_choose(g, 3)];
		i.code = task_choose(g, 2) ? TASK_SWAP : 0;
	} else if (op != TASK_NEG && task_choose(g, 2)) {
		i.code = TASK_BY_REGISTER;
		i.src = task_choose_register(g, op == TASK_LSH || op == TASK_RSH || op == TASK_ARSH
							? TASK_GUESS_SMALL
							: TASK_GUESS_NUMBER);
	} else if (op != TASK_NEG) {
		i.imm = task_choose_number(g);
		if (op == TASK_LSH || op == TASK_RSH || op == TASK_ARSH)
			i.imm = (int32_t)task_choose(g, class == TASK_ALU ? 32 : 64);
	}
	i.code |= TASK_OP(op, class);
	task_put(g, i);
	g->guess[i.dst] = TASK_GUESS_NUMBER;
	if (op == TASK_AND && !(i.code & TASK_BY_REGISTER) && i.imm >= 0 && i.imm < 64)
		g->guess[i.dst] = TASK_GUESS_SMALL;
}

/* The code of a load or store of 1, 2, 4 or 8 bytes, and its bytes. */
static inline uint8_t task_choose_size(struct task_generated *g, uint32_t *bytes)
{
	static const uint8_t codes[] = {0x10, 0x08, 0x00, 0x18, 0x18};
	uint32_t n = task_choose(g, ARRAY_SIZE(codes));

	*bytes = n == 4 ? 8 : 1u << n;
	return codes[n] | TASK_MODE_MEM;
}

static inline void task_generate_load(struct task_generated *g)
{
	enum task_guess region = (enum task_guess)(TASK_GUESS_CTX + task_choose(g, 3));
	uint32_t bytes, size = task_layouts[g->kind].bytes;
	struct task_insn i = {.code = TASK_LDX};

	i.code |= task_choose_size(g, &bytes);
	i.src = region == TASK_GUESS_STACK ? TASK_FRAME : task_choose_register(g, region);
	i.dst = task_choose_target(g);
	if (region == TASK_GUESS_STACK)
		i.off = (int16_t)(-8 * (int)(1 + task_choose(g, 4)) + (int)task_choose(g, 2));
	else
		i.off = (int16_t)task_choose(g, region == TASK_GUESS_CTX ? size : 64);
	if (task_choose(g, 16))
		i.off = (int16_t)(i.off & -(int)bytes);
	task_put(g, i);
	g->guess[i.dst] = TASK_GUESS_NUMBER;
}

static inline void task_generate_store(struct task_generated *g)
{
	const struct task_layout *layout = &task_layouts[g->kind];
	bool is_stack = task_choose(g, 2);
	struct task_insn i = {.code = task_choose(g, 2) ? TASK_ST : TASK_STX};
	uint32_t bytes;

	i.code |= task_choose_size(g, &bytes);
	i.dst = is_stack ? TASK_FRAME : task_choose_register(g, TASK_GUESS_CTX);
	i.off = is_stack ? (int16_t)(-8 * (int)(1 + task_choose(g, 4)))
			 : (int16_t)(layout->writable +
				     task_choose(g, layout->bytes - layout->writable + 1));
	if (task_choose(g, 16))
		i.off = (int16_t)(i.off & -(int)bytes);
	if (task_insn_class(&i) == TASK_ST)
		i.imm = task_choose_number(g);
	else
		i.src = task_choose_register(
			g, task_choose(g, 8) ? TASK_GUESS_NUMBER : TASK_GUESS_CTX);
	task_put(g, i);
}

/* dst op= imm, in 64 bits. */
static inline void task_put_alu(struct task_generated *g, uint32_t op, uint8_t dst, uint32_t imm)
{
	task_put(g, (struct task_insn){
			    .code = TASK_OP(op, TASK_ALU64), .dst = dst & 15, .imm = (int32_t)imm});
}

/* Bounds an index by an operation with another number that is bounded. */
static inline void task_generate_narrow(struct task_generated *g, uint8_t index)
{
	static const uint8_t ops[] = {
		TASK_DIV, TASK_MOD, TASK_RSH, TASK_LSH, TASK_SUB, TASK_MUL, TASK_XOR, TASK_OR};
	uint32_t op = ops[task_choose(g, ARRAY_SIZE(ops))];
	uint8_t by = (uint8_t)((index + 1 + task_choose(g, 3)) % TASK_FRAME);

	if (by == 1 || by == 6)
		by++;
	if (task_choose(g, 4))
		task_put_alu(g, TASK_AND, index, (1u << task_choose(g, 10)) - 1);
	task_put_alu(g, TASK_AND, by, (1u << task_choose(g, 4)) - 1);
	if (task_choose(g, 2))
		task_put_alu(g, TASK_ADD, by, 1 + task_choose(g, 3));
	task_put(g, (struct task_insn){.code = TASK_OP(op, TASK_ALU64 | TASK_BY_REGISTER),
			    .dst = index & 15,
			    .src = by & 15});
}

/* Bounds an index by jumps around what follows. */
static inline void task_generate_guard(struct task_generated *g, uint8_t index)
{
	static const uint8_t over[] = {TASK_JGT, TASK_JGE, TASK_JSGT, TASK_JSGE};
	static const uint8_t into[] = {TASK_JLT, TASK_JLE, TASK_JSLT, TASK_JSLE, TASK_JEQ};
	int16_t off = (int16_t)(3 + task_choose(g, 4));

	if (task_choose(g, 2))
		task_put(g, (struct task_insn){.code = TASK_OP(TASK_JSLT, TASK_JMP),
				    .dst = index & 15,
				    .off = off,
				    .imm = (int32_t)task_choose(g, 3)});
	if (task_choose(g, 2)) {
		task_put(g, (struct task_insn){.code = TASK_OP(over[task_choose(g, 4)], TASK_JMP),
				    .dst = index & 15,
				    .off = off,
				    .imm = (int32_t)task_choose(g, 600)});
		return;
	}
	task_put(g, (struct task_insn){.code = TASK_OP(into[task_choose(g, 5)], TASK_JMP),
			    .dst = index & 15,
			    .off = 1,
			    .imm = (int32_t)task_choose(g, 600)});
	task_put(g, (struct task_insn){.code = TASK_OP(TASK_JA, TASK_JMP), .off = off});
}

/* Bounds an index in one of many ways, or in none. */
static inline void task_generate_bound(struct task_generated *g, uint8_t index)
{
	switch (task_choose(g, 8)) {
	case 0:
	case 1:
		task_put_alu(g, TASK_AND, index, (1u << task_choose(g, 10)) - 1);
		break;
	case 2:
		task_put_alu(g, TASK_MOD, index, 1 + task_choose(g, 600));
		break;
	case 3:
		task_put_alu(g, TASK_RSH, index, 54 + task_choose(g, 10));
		break;
	case 4:
	case 5:
		task_generate_narrow(g, index);
		break;
	case 6:
		task_generate_guard(g, index);
		break;
	default:
		break;
	}
	if (task_choose(g, 2))
		task_put_alu(g, TASK_LSH, index, 1 + task_choose(g, 3));
}

/* A pointer with a bounded index, and an access through it. */
static inline void task_generate_index(struct task_generated *g)
{
	uint8_t index = task_choose_register(g, TASK_GUESS_NUMBER), base;
	enum task_guess region = task_choose(g, 3) ? TASK_GUESS_CTX : TASK_GUESS_RODATA;
	uint32_t bytes;
	uint8_t size = task_choose_size(g, &bytes), target = task_choose_target(g);
	bool is_store = region == TASK_GUESS_CTX && task_choose(g, 2);

	if (task_choose(g, 2)) {
		task_put(g, (struct task_insn){.code = TASK_LDX | TASK_MODE_MEM | 0x18,
				    .dst = index,
				    .src = task_choose_register(g, TASK_GUESS_CTX),
				    .off = (int16_t)(8 * task_choose(g, 90))});
		g->guess[index] = TASK_GUESS_NUMBER;
	}
	task_generate_bound(g, index);
	base = task_choose_register(g, region);
	task_put(g, (struct task_insn){.code = TASK_OP(task_choose(g, 8) ? TASK_ADD : TASK_SUB,
					       TASK_ALU64 | TASK_BY_REGISTER),
			    .dst = index,
			    .src = base});
	g->guess[index] = TASK_GUESS_UNSET;
	task_put(g, (struct task_insn){.code = size | (is_store ? TASK_STX : TASK_LDX),
			    .dst = is_store ? index : target,
			    .src = is_store ? task_choose_register(g, TASK_GUESS_NUMBER) : index,
			    .off = (int16_t)((is_store ? task_layouts[g->kind].writable : 0) +
					     bytes * task_choose(g,
							     region == TASK_GUESS_CTX ? 40 : 4))});
	if (!is_store)
		g->guess[target] = TASK_GUESS_NUMBER;
}

static inline void task_generate_jump(struct task_generated *g)
{
	static const uint8_t ops[] = {TASK_JEQ, TASK_JGT, TASK_JGE, TASK_JSET, TASK_JNE, TASK_JSGT,
		TASK_JSGE, TASK_JLT, TASK_JLE, TASK_JSLT, TASK_JSLE, TASK_JA};
	uint8_t op = ops[task_choose(g, ARRAY_SIZE(ops) - (task_choose(g, 16) != 0))];
	struct task_insn i = {.code = TASK_OP(op, TASK_JMP), .off = (int16_t)task_choose(g, 12)};

	if (op != TASK_JA) {
		i.dst = task_choose_register(g, TASK_GUESS_NUMBER);
		if (task_choose(g, 2)) {
			i.code |= TASK_BY_REGISTER;
			i.src = task_choose_register(g, TASK_GUESS_NUMBER);
		} else {
			i.imm = task_choose_number(g);
		}
	}
	task_put(g, i);
}

static inline void task_generate_number(struct task_generated *g)
{
	bool is_rodata = task_choose(g, 2);
	struct task_insn i = {.code = TASK_LD_IMM64, .dst = task_choose_target(g)};

	i.src = is_rodata ? TASK_IMM_RODATA : TASK_IMM_NUMBER;
	i.imm = is_rodata ? (int32_t)(8 * task_choose(g, 9)) : task_choose_number(g);
	task_put(g, i);
	task_put(g, (struct task_insn){.imm = is_rodata ? 0 : task_choose_number(g)});
	g->guess[i.dst] = is_rodata ? TASK_GUESS_RODATA : TASK_GUESS_NUMBER;
}

/* A number as an argument of a helper. */
static inline int32_t task_choose_argument(struct task_generated *g, enum braid_arg arg)
{
	const struct task_layout *layout = &task_layouts[g->kind];

	if (task_choose(g, 32) == 0)
		return task_choose_number(g);
	if (arg == BRAID_ARG_WRITE)
		return (int32_t)(layout->writable +
				 task_choose(g, layout->bytes - layout->writable));
	if (arg == BRAID_ARG_READ)
		return (int32_t)task_choose(g, layout->bytes);
	return (int32_t)task_choose(g, arg == BRAID_ARG_LENGTH ? 40 : 2000);
}

static inline void task_generate_call(struct task_generated *g)
{
	uint32_t number = 1 + task_choose(g, BRAID_HELPERS_MAX);
	const struct task_helper *h = &task_helpers[number];

	task_put(g, (struct task_insn){.code = TASK_OP(TASK_MOV, TASK_ALU64 | TASK_BY_REGISTER),
			    .dst = 1,
			    .src = task_choose_register(g, TASK_GUESS_CTX)});
	for (uint32_t a = 1; a < TASK_HELPER_ARGS_MAX && h->args[a] != BRAID_ARG_NONE; a++) {
		struct task_insn i = {.dst = (uint8_t)(1 + a) & 15};

		i.code = TASK_OP(TASK_MOV, TASK_ALU64);
		if (task_choose(g, 8) == 0) {
			i.code |= TASK_BY_REGISTER;
			i.src = task_choose_register(g, TASK_GUESS_NUMBER);
		} else {
			i.imm = task_choose_argument(g, (enum braid_arg)h->args[a]);
		}
		task_put(g, i);
	}
	task_put(g,
		(struct task_insn){.code = TASK_OP(TASK_CALL, TASK_JMP), .imm = (int32_t)number});
	for (uint32_t r = 1; r <= 5; r++)
		g->guess[r] = TASK_GUESS_UNSET;
	g->guess[0] = TASK_GUESS_NUMBER;
}

/* Pointers where the generator likes them, anything as an instruction. */
static inline void task_generate_odd(struct task_generated *g)
{
	struct task_insn i = {.code = TASK_OP(TASK_MOV, TASK_ALU64 | TASK_BY_REGISTER)};

	if (task_choose(g, 6) == 0) {
		i = (struct task_insn){.code = (uint8_t)task_choose(g, 256),
			.dst = task_choose(g, 16) & 15,
			.src = task_choose(g, 16) & 15,
			.off = (int16_t)task_choose(g, 65536),
			.imm = task_choose_number(g)};
	} else {
		i.dst = task_choose_target(g);
		i.src = task_choose(g, 3) ? task_choose_register(g, TASK_GUESS_CTX) : TASK_FRAME;
		g->guess[i.dst] = i.src == TASK_FRAME ? TASK_GUESS_STACK : g->guess[i.src];
	}
	task_put(g, i);
}

/* Jumps lead to instructions of the program, not into numbers; with few exceptions. */
static inline void task_generate_targets(struct task_generated *g)
{
	for (uint32_t at = 0; at < g->n; at++) {
		struct task_insn *i = &g->insns[at];
		uint32_t to = at + 1 + (uint32_t)i->off;

		if (task_insn_class(i) != TASK_JMP || task_insn_op(i) == TASK_CALL ||
			task_insn_op(i) == TASK_EXIT || task_choose(g, 500) == 0)
			continue;
		to = MIN_OF(to, g->n - 1);
		if (to > 0 && g->insns[to - 1].code == TASK_LD_IMM64)
			to++;
		i->off = (int16_t)(MIN_OF(to, g->n - 1) - at - 1);
	}
}

/* Gives most registers and some of the stack a value; r6 keeps the context. */
static inline void task_generate_start(struct task_generated *g)
{
	g->guess[1] = g->guess[6] = TASK_GUESS_CTX;
	task_put(g, (struct task_insn){.code = TASK_OP(TASK_MOV, TASK_ALU64 | TASK_BY_REGISTER),
			    .dst = 6,
			    .src = 1});
	for (uint8_t r = 0; r < TASK_FRAME; r++) {
		if (r == 1 || r == 6 || task_choose(g, 8) == 0)
			continue;
		if (r == 9) {
			task_put(g, (struct task_insn){.code = TASK_LD_IMM64,
					    .dst = r & 15,
					    .src = TASK_IMM_RODATA});
			task_put(g, (struct task_insn){.code = 0});
			g->guess[r] = TASK_GUESS_RODATA;
			continue;
		}
		task_put(g, (struct task_insn){.code = TASK_OP(TASK_MOV, TASK_ALU64),
				    .dst = r & 15,
				    .imm = task_choose_number(g)});
		g->guess[r] = TASK_GUESS_NUMBER;
	}
	for (int slot = 1; slot <= 5 && task_choose(g, 6); slot++)
		task_put(g, (struct task_insn){.code = TASK_ST | TASK_MODE_MEM | 0x18,
				    .dst = TASK_FRAME,
				    .off = (int16_t)(-8 * slot),
				    .imm = task_choose_number(g)});
}

/* Makes a program of @g->choices. */
static inline void task_generate(struct task_generated *g)
{
	static void (*const makers[])(struct task_generated *) = {task_generate_alu,
		task_generate_alu, task_generate_alu, task_generate_load, task_generate_load,
		task_generate_store, task_generate_index, task_generate_index, task_generate_jump,
		task_generate_jump, task_generate_number, task_generate_call};
	uint32_t rounds;

	g->n = 0;
	memset(g->guess, 0, sizeof(g->guess));
	g->kind = (enum task_kind)task_choose(g, TASK_KINDS);
	task_generate_start(g);
	rounds = 1 + task_choose(g, 24);
	for (uint32_t i = 0; i < rounds; i++) {
		if (task_choose(g, 60) == 0)
			task_generate_odd(g);
		else
			makers[task_choose(g, ARRAY_SIZE(makers))](g);
	}
	if (task_choose(g, 32))
		task_put(g,
			(struct task_insn){.code = TASK_OP(TASK_MOV, TASK_ALU64 | TASK_BY_REGISTER),
				.dst = 0,
				.src = task_choose_register(g, TASK_GUESS_NUMBER)});
	if (task_choose(g, 200)) {
		g->insns[g->n] = (struct task_insn){.code = TASK_OP(TASK_EXIT, TASK_JMP)};
		g->n++;
	}
	task_generate_targets(g);
}

#endif
