/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions of eBPF, as far as clang's -mcpu=v2 emits them (RFC 9669): fields, classes, codes.
 * Any thread.
 */
#ifndef LIB_TASK_TASK_INSN_H
#define LIB_TASK_TASK_INSN_H

#include "lib/base/base.h"

#define TASK_REGISTERS   11
#define TASK_FRAME       10 /* the register that points behind the stack; read only */
#define TASK_STACK_BYTES 512

/* As in an object; little endian. */
struct task_insn {
	uint8_t code;
	uint8_t dst : 4;
	uint8_t src : 4;
	int16_t off;
	int32_t imm;
};

/* Low three bits of a code. */
enum task_class {
	TASK_LD,
	TASK_LDX,
	TASK_ST,
	TASK_STX,
	TASK_ALU, /* 32 bits */
	TASK_JMP,
	TASK_JMP32, /* of v3 */
	TASK_ALU64,
};

/* High four bits of the codes of ALU and ALU64. */
enum task_alu {
	TASK_ADD,
	TASK_SUB,
	TASK_MUL,
	TASK_DIV,
	TASK_OR,
	TASK_AND,
	TASK_LSH,
	TASK_RSH,
	TASK_NEG,
	TASK_MOD,
	TASK_XOR,
	TASK_MOV,
	TASK_ARSH,
	TASK_END,
};

/* High four bits of the codes of JMP. */
enum task_jump {
	TASK_JA,
	TASK_JEQ,
	TASK_JGT,
	TASK_JGE,
	TASK_JSET,
	TASK_JNE,
	TASK_JSGT,
	TASK_JSGE,
	TASK_CALL,
	TASK_EXIT,
	TASK_JLT,
	TASK_JLE,
	TASK_JSLT,
	TASK_JSLE,
};

#define TASK_BY_REGISTER 0x08 /* ALU, JMP: the second operand is a register */
#define TASK_SWAP        0x08 /* END: to big endian */
#define TASK_MODE_ABS    0x20
#define TASK_MODE_IND    0x40
#define TASK_MODE_MEM    0x60
#define TASK_MODE_ATOMIC 0xc0
#define TASK_LD_IMM64    0x18

/* What the src field of LD_IMM64 says that the number is. */
#define TASK_IMM_NUMBER 0
#define TASK_IMM_RODATA 1 /* an offset in the object's constants */

/* What the src field of CALL says that the immediate is. */
#define TASK_CALL_HELPER 0
#define TASK_CALL_LOCAL  1

#define TASK_OP(high, rest) ((uint8_t)((high) << 4 | (rest)))

static inline enum task_class task_insn_class(const struct task_insn *i)
{
	return (enum task_class)(i->code & 7);
}

static inline uint32_t task_insn_op(const struct task_insn *i)
{
	return i->code >> 4;
}

/* Bytes that a load or a store moves. */
static inline uint32_t task_insn_bytes(const struct task_insn *i)
{
	static const uint8_t bytes[4] = {4, 2, 1, 8};

	return bytes[i->code >> 3 & 3];
}

/* Whether the second operand of an ALU or JMP instruction is a register. */
static inline bool task_insn_by_register(const struct task_insn *i)
{
	return (i->code & TASK_BY_REGISTER) != 0;
}

/* The number that the two halves of LD_IMM64 hold. */
static inline uint64_t task_insn_imm64(const struct task_insn *i)
{
	return (uint32_t)i[0].imm | (uint64_t)(uint32_t)i[1].imm << 32;
}

#endif
