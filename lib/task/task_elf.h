/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Object files of programs, as clang writes them for bpf: functions with their code and the lines
 * of C behind it, and constants. Every byte is checked before it is used; memory is at most five
 * times the file. Any thread that may allocate.
 */
#ifndef LIB_TASK_TASK_ELF_H
#define LIB_TASK_TASK_ELF_H

#include "lib/base/base.h"
#include "lib/task/task_insn.h"

#define TASK_OBJECT_BYTES_MAX (1u << 20)
#define TASK_OBJECT_INSNS_MAX 32768 /* checking them takes at most 25 ms (Zen 4, 2.6 GHz) */
#define TASK_FUNCTIONS_MAX    64
#define TASK_NAME_BYTES_MAX   64
#define TASK_ID_BYTES         32

enum task_kind {
	TASK_MAP,
	TASK_FILTER,
	TASK_EACH,
	TASK_MERGE,
};

#define TASK_KINDS 4

/* From instruction @insn on, the code is of this line of C. */
struct task_line {
	uint32_t insn;
	uint32_t line;
	const char *text; /* as it stands in the source, "" when unknown */
};

struct task_function {
	const char *name;
	enum task_kind kind;
	uint32_t n_insns;
	uint32_t n_lines;
	const struct task_insn *insns; /* constants are named as TASK_IMM_RODATA */
	const struct task_line *lines; /* in the order of insn */
};

struct task_object {
	uint32_t abi;
	uint32_t n_functions;
	uint32_t rodata_len;       /* bytes */
	uint8_t id[TASK_ID_BYTES]; /* SHA-256 of the file */
	struct task_function functions[TASK_FUNCTIONS_MAX];
	const uint8_t *rodata; /* all sections of constants, each on 16 bytes */
	/* private */
	char *file;
	struct task_insn *insns;
	struct task_line *lines;
	uint8_t *constants;
};

/*
 * Reads the object of @len bytes at @bytes, which are not needed afterwards. NULL: it is none that
 * can run, and @err says why and what to do; or there is no memory. Free it by task_object_destroy.
 */
struct task_object *task_object_create(const void *bytes, size_t len, struct base_error *err);

/* Frees what task_object_create gave; NULL is fine. */
void task_object_destroy(struct task_object *o);

/* The function of that name, or NULL. */
const struct task_function *task_object_find(const struct task_object *o, const char *name);

/* The line of C that instruction @insn comes from, or NULL when the object does not say. */
const struct task_line *task_function_line(const struct task_function *f, uint32_t insn);

/* "map", "filter", "each" or "merge". */
const char *task_kind_name(enum task_kind kind);

#endif
