/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small assembler for programs in tests, in the notation of llvm-objdump: instructions are parted
 * by line breaks or semicolons, "name:" marks the target of jumps. One thread.
 *
 *	r1 = 5            w1 += r2          r0 = -r0        r1 = be16 r1      r2 = 0x1122334455 ll
 *	r3 = rodata 8     r1 = *(u32 *)(r2 + 4)              *(u8 *)(r10 - 1) = 7
 *	if r1 s> -3 goto end                goto end          call 3           exit
 *	.raw 0xb7 0 0 0 5 (code dst src off imm)
 */
#ifndef TESTS_UNIT_TASK_ASM_H
#define TESTS_UNIT_TASK_ASM_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/task/task_insn.h"

#define TASK_ASM_INSNS_MAX  8192
#define TASK_ASM_LABELS_MAX 64
#define TASK_ASM_LINE_MAX   128

struct task_asm_label {
	char name[32];
	uint32_t at;
};

struct task_asm {
	struct task_insn insns[TASK_ASM_INSNS_MAX];
	uint32_t n;
	struct task_asm_label labels[TASK_ASM_LABELS_MAX], uses[TASK_ASM_LABELS_MAX];
	uint32_t n_labels, n_uses;
};

static inline void task_asm_fail(const char *line)
{
	fprintf(stderr, "task_asm: cannot assemble \"%s\"\n", line);
	abort();
}

static inline void task_asm_add(struct task_asm *a, struct task_insn insn)
{
	BRAID_ASSERT(a->n < TASK_ASM_INSNS_MAX);
	a->insns[a->n++] = insn;
}

/* The code of a width: u8, u16, u32 or u64. */
static inline uint8_t task_asm_size(unsigned bits)
{
	return bits == 8 ? 0x10 : bits == 16 ? 0x08 : bits == 32 ? 0x00 : 0x18;
}

/* The index of @word in @words, or -1. */
static inline int task_asm_index(const char *word, const char *const words[], int n)
{
	for (int i = 0; i < n; i++) {
		if (words[i] && strcmp(words[i], word) == 0)
			return i;
	}
	return -1;
}

/* "r7" or a number: fills src or imm, and says whether it is a register. */
static inline bool task_asm_operand(struct task_insn *i, const char *word)
{
	if ((word[0] == 'r' || word[0] == 'w') && isdigit((unsigned char)word[1])) {
		i->src = (uint8_t)(atoi(word + 1) & 15);
		return true;
	}
	i->imm = (int32_t)strtoll(word, NULL, 0);
	return false;
}

/* r1 += r2, w1 s>>= 3. */
static inline bool task_asm_alu(struct task_asm *a, const char *line)
{
	static const char *const ops[] = {
		"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", NULL, "%=", "^=", "=", "s>>="};
	struct task_insn i = {.code = 0};
	char width, op[8], value[40], rest[8];
	unsigned dst;
	int which;

	if (sscanf(line, "%c%u %7s %39s %7s", &width, &dst, op, value, rest) != 4)
		return false;
	which = task_asm_index(op, ops, ARRAY_SIZE(ops));
	if ((width != 'r' && width != 'w') || which < 0)
		return false;
	i.dst = dst & 15;
	if (which == TASK_MOV && value[0] == '-' && (value[1] == 'r' || value[1] == 'w'))
		which = TASK_NEG;
	else if (task_asm_operand(&i, value))
		i.code = TASK_BY_REGISTER;
	i.code |= TASK_OP(which, width == 'r' ? TASK_ALU64 : TASK_ALU);
	task_asm_add(a, i);
	return true;
}

/* Numbers of 64 bits, constants, swaps, raw instructions. */
static inline bool task_asm_other(struct task_asm *a, const char *line)
{
	unsigned dst, src, bits;
	char order;
	long long n;
	int code, off, imm;

	if (sscanf(line, "r%u = %lli %c", &dst, &n, &order) == 3 && order == 'l') {
		task_asm_add(a, (struct task_insn){
					.code = TASK_LD_IMM64, .dst = dst & 15, .imm = (int32_t)n});
		task_asm_add(a, (struct task_insn){.imm = (int32_t)(n >> 32)});
	} else if (sscanf(line, "r%u = rodata %d", &dst, &imm) == 2) {
		task_asm_add(a, (struct task_insn){.code = TASK_LD_IMM64,
					.dst = dst & 15,
					.src = TASK_IMM_RODATA,
					.imm = imm});
		task_asm_add(a, (struct task_insn){.code = 0});
	} else if (sscanf(line, "r%u = %ce%u r%u", &dst, &order, &bits, &src) == 4) {
		task_asm_add(a, (struct task_insn){.dst = dst & 15,
					.imm = (int32_t)bits,
					.code = TASK_OP(TASK_END,
						TASK_ALU | (order == 'b' ? TASK_SWAP : 0))});
	} else if (sscanf(line, ".raw %i %u %u %i %i", &code, &dst, &src, &off, &imm) == 5) {
		task_asm_add(a, (struct task_insn){.code = (uint8_t)code,
					.dst = dst & 15,
					.src = src & 15,
					.off = (int16_t)off,
					.imm = imm});
	} else {
		return false;
	}
	return true;
}

static inline bool task_asm_memory(struct task_asm *a, const char *line)
{
	struct task_insn i = {.code = 0};
	unsigned dst, bits, src;
	char sign, value[40];
	int off;

	if (sscanf(line, "r%u = *(u%u *)(r%u %c %i)", &dst, &bits, &src, &sign, &off) == 5) {
		i.code = TASK_LDX | TASK_MODE_MEM | task_asm_size(bits);
		i.src = src & 15;
	} else if (sscanf(line, "*(u%u *)(r%u %c %i) = %39s", &bits, &dst, &sign, &off, value) ==
		   5) {
		i.code = task_asm_operand(&i, value) ? TASK_STX : TASK_ST;
		i.code |= TASK_MODE_MEM | task_asm_size(bits);
	} else {
		return false;
	}
	i.dst = dst & 15;
	i.off = (int16_t)(sign == '-' ? -off : off);
	task_asm_add(a, i);
	return true;
}

/* The target is a label, or +N or -N. */
static inline void task_asm_goto(struct task_asm *a, struct task_insn i, const char *target)
{
	if (target[0] == '+' || target[0] == '-') {
		i.off = (int16_t)atoi(target);
	} else {
		BRAID_ASSERT(a->n_uses < TASK_ASM_LABELS_MAX);
		snprintf(a->uses[a->n_uses].name, 32, "%.31s", target);
		a->uses[a->n_uses++].at = a->n;
	}
	task_asm_add(a, i);
}

static inline bool task_asm_jump(struct task_asm *a, const char *line)
{
	static const char *const ops[] = {
		NULL, "==", ">", ">=", "&", "!=", "s>", "s>=", NULL, NULL, "<", "<=", "s<", "s<="};
	struct task_insn i = {.code = TASK_OP(TASK_JA, TASK_JMP)};
	char op[8], value[40], target[40], width;
	unsigned dst;
	int number, which;

	if (sscanf(line, "if %c%u %7s %39s goto %39s", &width, &dst, op, value, target) == 5) {
		which = task_asm_index(op, ops, ARRAY_SIZE(ops));
		if (which < 0)
			return false;
		i.dst = dst & 15;
		i.code = task_asm_operand(&i, value) ? TASK_BY_REGISTER : 0;
		i.code |= TASK_OP(which, width == 'w' ? TASK_JMP32 : TASK_JMP);
		task_asm_goto(a, i, target);
	} else if (sscanf(line, "goto %39s", target) == 1) {
		task_asm_goto(a, i, target);
	} else if (sscanf(line, "call %i", &number) == 1) {
		i.code = TASK_OP(TASK_CALL, TASK_JMP);
		i.imm = number;
		task_asm_add(a, i);
	} else if (strcmp(line, "exit") == 0) {
		i.code = TASK_OP(TASK_EXIT, TASK_JMP);
		task_asm_add(a, i);
	} else {
		return false;
	}
	return true;
}

static inline void task_asm_line(struct task_asm *a, char *line)
{
	size_t n = strlen(line);

	while (n > 0 && isspace((unsigned char)line[n - 1]))
		line[--n] = '\0';
	if (n == 0)
		return;
	if (line[n - 1] == ':') {
		BRAID_ASSERT(a->n_labels < TASK_ASM_LABELS_MAX);
		snprintf(a->labels[a->n_labels].name, 32, "%.*s", (int)n - 1, line);
		a->labels[a->n_labels++].at = a->n;
		return;
	}
	if (!task_asm_jump(a, line) && !task_asm_memory(a, line) && !task_asm_other(a, line) &&
		!task_asm_alu(a, line))
		task_asm_fail(line);
}

/* Assembles @text; a mistake in it aborts. */
static inline void task_asm_text(struct task_asm *a, const char *text)
{
	memset(a, 0, sizeof(*a));
	while (*text) {
		size_t n = strcspn(text, ";\n"), skip = strspn(text, " \t");
		char line[TASK_ASM_LINE_MAX];

		if (skip < n) {
			snprintf(line, sizeof(line), "%.*s", (int)(n - skip), text + skip);
			task_asm_line(a, line);
		}
		text += n + (text[n] != '\0');
	}
	for (uint32_t u = 0; u < a->n_uses; u++) {
		bool found = false;

		for (uint32_t l = 0; l < a->n_labels; l++) {
			if (strcmp(a->uses[u].name, a->labels[l].name) != 0)
				continue;
			a->insns[a->uses[u].at].off =
				(int16_t)((int32_t)a->labels[l].at - (int32_t)a->uses[u].at - 1);
			found = true;
		}
		if (!found)
			task_asm_fail(a->uses[u].name);
	}
}

#endif
