/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What reading an object shares between its parts: the file with checked access, and where its
 * functions lie. Private to lib/task. Any thread that may allocate.
 */
#ifndef LIB_TASK_TASK_ELF_IMPL_H
#define LIB_TASK_TASK_ELF_IMPL_H

#include <elf.h>

#include "lib/task/task_elf.h"

#define TASK_SECTIONS_MAX     512
#define TASK_STRING_BYTES_MAX 1024

/* What a section is to a program. */
enum task_part {
	TASK_PART_OTHER, /* left out */
	TASK_PART_CODE,
	TASK_PART_RODATA,
	TASK_PART_ABI,
	TASK_PART_REFUSED,
};

struct task_section {
	Elf64_Shdr header;
	const char *name;
	enum task_part part;
	enum task_kind kind; /* CODE */
	uint32_t rodata_at;  /* RODATA: where it begins among all constants */
};

/* Where a function lies in the file. */
struct task_place {
	uint32_t section;
	uint32_t at; /* bytes in the section */
	uint32_t bytes;
};

struct task_elf {
	const uint8_t *bytes;
	size_t len;
	struct base_error *err;
	Elf64_Ehdr header;
	Elf64_Shdr symbols;
	Elf64_Shdr strings; /* of symbols */
	uint32_t n_symbols;
	uint32_t n_sections;
	struct task_section sections[TASK_SECTIONS_MAX];
	struct task_object *object;
	struct task_place places[TASK_FUNCTIONS_MAX];
};

/* The string at @at of a table of strings, or NULL: it leaves the table, or is too long. */
const char *task_elf_string(const struct task_elf *e, const Elf64_Shdr *table, uint64_t at);

/* Symbol @index, which is less than n_symbols. */
Elf64_Sym task_elf_symbol(const struct task_elf *e, uint32_t index);

/* The index of the section of that name, or 0: there is none. */
uint32_t task_elf_find_section(const struct task_elf *e, const char *name);

/* The function that the byte @at of section @section belongs to, or -1. */
int task_elf_function_at(const struct task_elf *e, uint32_t section, uint64_t at);

/* Puts the places of constants into the code, and refuses calls to symbols. */
int task_elf_relocate(struct task_elf *e);

/* Reads which lines of C the code comes from, when the object says so. */
int task_btf_read_lines(struct task_elf *e);

#endif
