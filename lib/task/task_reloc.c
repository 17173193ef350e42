/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Relocations of objects: the places of constants go into the code; whatever else a program refers
 * to is refused by name. Any thread that may allocate.
 */
#include <errno.h>
#include <string.h>

#include "lib/task/braid_task.h"
#include "lib/task/task_elf_impl.h"

#define RELOC_64_64 1  /* both halves of LD_IMM64 */
#define RELOC_64_32 10 /* the immediate of CALL */

static const char *const helper_names[] = {
#define HELPER_NAME(n, name, ...) "braid_" #name,
	BRAID_HELPERS(HELPER_NAME)};

_Static_assert(ARRAY_SIZE(helper_names) == BRAID_HELPERS_MAX, "BRAID_HELPERS_MAX");

/* What the symbol is called for a person: its own name, or its section's. */
static const char *symbol_name(const struct task_elf *e, const Elf64_Sym *s)
{
	const char *name = task_elf_string(e, &e->strings, s->st_name);

	if (name && *name)
		return name;
	if (s->st_shndx == SHN_UNDEF || s->st_shndx >= e->n_sections)
		return "(no name)";
	return e->sections[s->st_shndx].name;
}

/* A call to a symbol: to none that is known, or to a function that was not inlined. */
static int refuse_call(struct task_elf *e, const Elf64_Sym *s, const char *where)
{
	const char *name = symbol_name(e, s);
	const char *near = base_suggest(name, helper_names, BRAID_HELPERS_MAX);

	if (s->st_shndx != SHN_UNDEF)
		return base_error_set(e->err, ENOTSUP,
			"%s: calls %.60s, which the compiler did not inline; make it BRAID_INLINE",
			where, name);
	return base_error_set(e->err, ENOENT,
		"%s: calls %.60s, which is nowhere%s%s%s; a program can call the helpers of "
		"braid_task.h",
		where, name, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int relocate_constant(
	struct task_elf *e, struct task_insn *insn, const Elf64_Sym *s, const char *where)
{
	const struct task_section *section;
	uint64_t to = s->st_value + task_insn_imm64(insn);

	if (s->st_shndx == SHN_UNDEF)
		return base_error_set(e->err, ENOENT, "%s: uses %.60s, which is nowhere; define it",
			where, symbol_name(e, s));
	if (s->st_shndx >= e->n_sections || e->sections[s->st_shndx].part != TASK_PART_RODATA)
		return base_error_set(e->err, ENOTSUP,
			"%s: uses the address of %.60s; only constants have addresses", where,
			symbol_name(e, s));
	section = &e->sections[s->st_shndx];
	if (to >= section->header.sh_size)
		return base_error_set(
			e->err, ENOEXEC, "%s: uses what is behind its constants", where);
	insn[0].src = TASK_IMM_RODATA;
	insn[0].imm = (int32_t)(section->rodata_at + (uint32_t)to);
	insn[1].imm = 0;
	return 0;
}

static int relocate(struct task_elf *e, uint32_t section, const Elf64_Rel *r)
{
	uint32_t type = ELF64_R_TYPE(r->r_info), symbol = ELF64_R_SYM(r->r_info), at;
	int i = task_elf_function_at(e, section, r->r_offset);
	const struct task_function *f = i >= 0 ? &e->object->functions[i] : NULL;
	struct task_insn *insn;
	Elf64_Sym s;

	if (!f || symbol >= e->n_symbols || r->r_offset % 8 != 0)
		return base_error_set(e->err, ENOEXEC, "object: its relocations are damaged");
	s = task_elf_symbol(e, symbol);
	at = (uint32_t)(r->r_offset - e->places[i].at) / 8;
	insn = e->object->insns + (f->insns - e->object->insns) + at;
	if (type == RELOC_64_32)
		return refuse_call(e, &s, f->name);
	if (type != RELOC_64_64 || insn->code != TASK_LD_IMM64 || at + 1 >= f->n_insns ||
		insn->src != TASK_IMM_NUMBER)
		return base_error_set(e->err, ENOTSUP,
			"%s: relocation of type %u; compile with: clang -target bpf -mcpu=v2 -O2 "
			"-g -c",
			f->name, type);
	return relocate_constant(e, insn, &s, f->name);
}

/* The relocations of one section of them. */
static int relocate_section(struct task_elf *e, const Elf64_Shdr *s)
{
	if (e->sections[s->sh_info].part == TASK_PART_RODATA)
		return base_error_set(e->err, ENOTSUP,
			"object: constants hold addresses; write char names[][16] instead of char "
			"*names[]");
	if (s->sh_type == SHT_RELA || s->sh_entsize != sizeof(Elf64_Rel))
		return base_error_set(e->err, ENOEXEC, "object: its relocations are damaged");
	for (uint64_t at = 0; at + sizeof(Elf64_Rel) <= s->sh_size; at += sizeof(Elf64_Rel)) {
		Elf64_Rel r;
		int rc;

		memcpy(&r, e->bytes + s->sh_offset + at, sizeof(r));
		rc = relocate(e, s->sh_info, &r);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int task_elf_relocate(struct task_elf *e)
{
	for (uint32_t i = 1; i < e->n_sections; i++) {
		const Elf64_Shdr *s = &e->sections[i].header;
		int rc;

		if ((s->sh_type != SHT_REL && s->sh_type != SHT_RELA) ||
			s->sh_info >= e->n_sections ||
			e->sections[s->sh_info].part == TASK_PART_OTHER)
			continue;
		rc = relocate_section(e, s);
		if (rc < 0)
			return rc;
	}
	return 0;
}
