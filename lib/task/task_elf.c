/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads object files (System V ABI, ELF-64; relocations as LLVM writes them for bpf). The file is
 * hostile: each place in it is checked against its length, each count against a maximum. Any
 * thread that may allocate.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sha2.h>

#include "lib/task/braid_task.h"
#include "lib/task/task_elf_impl.h"

#define SECTIONS_MAX 4096
#define RODATA_ALIGN 16
#define ALIGNED(n)   (((n) + RODATA_ALIGN - 1) & ~(uint64_t)(RODATA_ALIGN - 1))
#define CURE_CLANG   "compile with: clang -target bpf -mcpu=v2 -O2 -g -c"

static const char *const kind_names[TASK_KINDS] = {
	[TASK_MAP] = "map",
	[TASK_FILTER] = "filter",
	[TASK_EACH] = "each",
	[TASK_MERGE] = "merge",
};

_Static_assert(sizeof(struct task_insn) == 8, "instructions are 8 bytes");

const char *task_kind_name(enum task_kind kind)
{
	return kind_names[kind];
}

/* Whether @n bytes from @at on lie in the file. */
static bool inside(const struct task_elf *e, uint64_t at, uint64_t n)
{
	return at <= e->len && n <= e->len - at;
}

const char *task_elf_string(const struct task_elf *e, const Elf64_Shdr *table, uint64_t at)
{
	const uint8_t *start = e->bytes + table->sh_offset;

	if (at >= table->sh_size ||
		!memchr(start + at, 0, MIN_OF(table->sh_size - at, TASK_STRING_BYTES_MAX)))
		return NULL;
	return (const char *)start + at;
}

uint32_t task_elf_find_section(const struct task_elf *e, const char *name)
{
	for (uint32_t i = 1; i < e->n_sections; i++) {
		if (strcmp(e->sections[i].name, name) == 0)
			return i;
	}
	return 0;
}

int task_elf_function_at(const struct task_elf *e, uint32_t section, uint64_t at)
{
	for (uint32_t i = 0; i < e->object->n_functions; i++) {
		const struct task_place *p = &e->places[i];

		if (p->section == section && at >= p->at && at - p->at < p->bytes)
			return (int)i;
	}
	return -1;
}

/* The kind of program that a section of that name holds, or -1. */
static int kind_of(const char *section)
{
	for (int k = 0; k < TASK_KINDS; k++) {
		size_t n = strlen(kind_names[k]);

		if (strncmp(section, kind_names[k], n) == 0 &&
			(section[n] == '\0' || section[n] == '/'))
			return k;
	}
	return -1;
}

static bool starts_with(const char *name, const char *head)
{
	return strncmp(name, head, strlen(head)) == 0;
}

static bool is_writable_name(const char *name)
{
	return starts_with(name, ".data") || starts_with(name, ".bss");
}

/* Whether nothing is lost when the section is left out. */
static bool may_be_ignored(const Elf64_Shdr *s, const char *name)
{
	return !(s->sh_flags & SHF_ALLOC) || s->sh_size == 0 || strcmp(name, "license") == 0 ||
	       strcmp(name, "version") == 0 || strcmp(name, ".eh_frame") == 0;
}

static void classify(struct task_section *s)
{
	int kind = kind_of(s->name);

	s->part = TASK_PART_REFUSED;
	if (may_be_ignored(&s->header, s->name)) {
		s->part = TASK_PART_OTHER;
	} else if (strcmp(s->name, ".braid_abi") == 0) {
		s->part = TASK_PART_ABI;
	} else if (s->header.sh_type == SHT_PROGBITS && !(s->header.sh_flags & SHF_WRITE)) {
		if (kind >= 0) {
			s->part = TASK_PART_CODE;
			s->kind = (enum task_kind)kind;
		} else if (starts_with(s->name, ".rodata")) {
			s->part = TASK_PART_RODATA;
		}
	}
}

static int check_header(struct task_elf *e)
{
	const Elf64_Ehdr *h = &e->header;
	struct base_error *err = e->err;

	if (e->len > TASK_OBJECT_BYTES_MAX)
		return base_error_set(err, EFBIG, "object: %zu bytes, at most %u; " CURE_CLANG,
			e->len, TASK_OBJECT_BYTES_MAX);
	if (e->len < sizeof(*h) || memcmp(e->bytes, ELFMAG, SELFMAG) != 0)
		return base_error_set(err, ENOEXEC, "object: not an ELF file; " CURE_CLANG);
	memcpy(&e->header, e->bytes, sizeof(*h));
	if (h->e_ident[EI_CLASS] != ELFCLASS64)
		return base_error_set(err, ENOEXEC, "object: not of 64 bits; " CURE_CLANG);
	if (h->e_ident[EI_DATA] != ELFDATA2LSB)
		return base_error_set(
			err, ENOEXEC, "object: big endian; compile with -target bpfel, not bpfeb");
	if (h->e_machine != EM_BPF)
		return base_error_set(err, ENOEXEC,
			"object: for machine %u, not bpf (%u); " CURE_CLANG, h->e_machine, EM_BPF);
	if (h->e_type != ET_REL)
		return base_error_set(err, ENOEXEC,
			"object: linked (type %u), not relocatable; give what clang -c writes",
			h->e_type);
	if (h->e_shnum == 0 || h->e_shnum > SECTIONS_MAX || h->e_shstrndx >= h->e_shnum ||
		h->e_shentsize != sizeof(Elf64_Shdr) ||
		!inside(e, h->e_shoff, (uint64_t)h->e_shnum * sizeof(Elf64_Shdr)))
		return base_error_set(err, ENOEXEC, "object: its table of sections is damaged");
	return 0;
}

/* Whether its content, if it has any, lies in the file. */
static bool section_is_whole(const struct task_elf *e, const Elf64_Shdr *s)
{
	return s->sh_type == SHT_NOBITS || s->sh_type == SHT_NULL ||
	       inside(e, s->sh_offset, s->sh_size);
}

static Elf64_Shdr section_header(const struct task_elf *e, uint32_t index)
{
	Elf64_Shdr s;

	memcpy(&s, e->bytes + e->header.e_shoff + index * sizeof(s), sizeof(s));
	return s;
}

/* Every section lies in the file and has a name. */
static int list_sections(struct task_elf *e)
{
	Elf64_Shdr names = section_header(e, e->header.e_shstrndx);

	if (names.sh_type != SHT_STRTAB || !section_is_whole(e, &names))
		return base_error_set(e->err, ENOEXEC, "object: its names of sections are damaged");
	for (uint32_t i = 0; i < e->header.e_shnum; i++) {
		struct task_section *s = &e->sections[i];

		s->header = section_header(e, i);
		s->name = task_elf_string(e, &names, s->header.sh_name);
		if (!s->name || !section_is_whole(e, &s->header))
			return base_error_set(e->err, ENOEXEC,
				"object: section %u leaves the file; is it whole?", i);
		classify(s);
	}
	e->n_sections = e->header.e_shnum;
	return 0;
}

static int find_symbols(struct task_elf *e)
{
	uint32_t n_tables = 0;

	for (uint32_t i = 1; i < e->n_sections; i++) {
		if (e->sections[i].header.sh_type == SHT_SYMTAB) {
			e->symbols = e->sections[i].header;
			n_tables++;
		}
	}
	if (n_tables != 1 || e->symbols.sh_entsize != sizeof(Elf64_Sym) ||
		e->symbols.sh_link >= e->n_sections)
		return base_error_set(e->err, ENOEXEC,
			"object: no table of symbols, or a damaged one; do not strip it");
	e->strings = e->sections[e->symbols.sh_link].header;
	if (e->strings.sh_type != SHT_STRTAB)
		return base_error_set(e->err, ENOEXEC, "object: its names of symbols are damaged");
	e->n_symbols = (uint32_t)(e->symbols.sh_size / sizeof(Elf64_Sym));
	return 0;
}

Elf64_Sym task_elf_symbol(const struct task_elf *e, uint32_t index)
{
	Elf64_Sym s;

	memcpy(&s, e->bytes + e->symbols.sh_offset + index * sizeof(s), sizeof(s));
	return s;
}

/* A section that would be memory of the program, or code, but is none that braid knows. */
static int refuse_section(struct task_elf *e, const char *name)
{
	const char *near = base_suggest(name, kind_names, TASK_KINDS);

	if (is_writable_name(name))
		return base_error_set(e->err, ENOTSUP,
			"object: section %s: programs have no variables of their own; "
			"make them const, or keep them in ctx->acc",
			name);
	if (starts_with(name, ".maps") || strcmp(name, "maps") == 0)
		return base_error_set(e->err, ENOTSUP,
			"object: section %s: there are no maps; reduce into ctx->acc, or "
			"braid_emit",
			name);
	if (strcmp(name, ".text") == 0)
		return base_error_set(e->err, ENOTSUP,
			"object: a function is in no section; make it BRAID_INLINE, or give it "
			"BRAID_SECTION(\"map\")");
	return base_error_set(e->err, ENOTSUP,
		"object: unknown section \"%.60s\"%s%s%s; programs are in map, filter, each or "
		"merge",
		name, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static int read_abi(struct task_elf *e, const Elf64_Shdr *s)
{
	uint32_t abi;

	if (s->sh_type != SHT_PROGBITS || s->sh_size != sizeof(abi))
		return base_error_set(e->err, ENOEXEC, "object: section .braid_abi is damaged");
	memcpy(&abi, e->bytes + s->sh_offset, sizeof(abi));
	if (abi == 0 || abi > BRAID_ABI)
		return base_error_set(e->err, ENOTSUP,
			"object: for ABI %u, this braid knows up to %d; upgrade it, or compile "
			"with its "
			"braid_task.h",
			abi, BRAID_ABI);
	e->object->abi = abi;
	return 0;
}

/* Lays out constants, reads the ABI, and refuses what is unknown. */
static int read_sections(struct task_elf *e)
{
	uint64_t rodata = 0;
	uint32_t n_code = 0;

	for (uint32_t i = 1; i < e->n_sections; i++) {
		struct task_section *s = &e->sections[i];

		if (s->part == TASK_PART_REFUSED)
			return refuse_section(e, s->name);
		if (s->part == TASK_PART_ABI && read_abi(e, &s->header) < 0)
			return -ENOTSUP;
		if (s->part == TASK_PART_RODATA) {
			s->rodata_at = (uint32_t)rodata;
			rodata += ALIGNED(s->header.sh_size);
		}
		n_code += s->part == TASK_PART_CODE;
	}
	if (n_code == 0)
		return base_error_set(e->err, ENOEXEC,
			"object: no program; put functions in BRAID_SECTION(\"map\") or filter, "
			"each, "
			"merge");
	if (e->object->abi == 0)
		return base_error_set(
			e->err, ENOEXEC, "object: no section .braid_abi; include braid_task.h");
	if (rodata > e->len)
		return base_error_set(e->err, ENOEXEC, "object: its sections overlap");
	e->object->rodata_len = (uint32_t)rodata;
	return 0;
}

static int copy_rodata(struct task_elf *e)
{
	struct task_object *o = e->object;

	o->constants = calloc(1, MAX_OF(o->rodata_len, 1u));
	o->rodata = o->constants;
	if (!o->constants)
		return base_error_set(e->err, ENOMEM, "object: no memory for its constants");
	for (uint32_t i = 1; i < e->n_sections; i++) {
		const struct task_section *s = &e->sections[i];

		if (s->part == TASK_PART_RODATA)
			memcpy(o->constants + s->rodata_at, e->bytes + s->header.sh_offset,
				s->header.sh_size);
	}
	return 0;
}

static bool name_is_good(const char *name)
{
	size_t n = name ? strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789_")
			: 0;

	return n > 0 && n < TASK_NAME_BYTES_MAX && name[n] == '\0';
}

/* Why the symbol cannot be one more function; 0: it can. */
static int check_function(struct task_elf *e, const Elf64_Sym *s, const char *name)
{
	const Elf64_Shdr *section = &e->sections[s->st_shndx].header;
	const struct task_object *o = e->object;

	if (!name_is_good(name))
		return base_error_set(e->err, EINVAL,
			"object: the name of a function has none or more than %d letters, digits "
			"and _",
			TASK_NAME_BYTES_MAX - 1);
	if (o->n_functions == TASK_FUNCTIONS_MAX)
		return base_error_set(e->err, E2BIG, "object: more than %d functions; split it",
			TASK_FUNCTIONS_MAX);
	if (task_object_find(o, name))
		return base_error_set(e->err, EEXIST, "object: two functions are called %s", name);
	if (s->st_value % 8 != 0 || s->st_size % 8 != 0 || s->st_size == 0 ||
		s->st_value > section->sh_size || s->st_size > section->sh_size - s->st_value)
		return base_error_set(
			e->err, ENOEXEC, "object: function %s leaves its section", name);
	for (uint32_t i = 0; i < o->n_functions; i++) {
		const struct task_place *p = &e->places[i];

		if (p->section == s->st_shndx && s->st_value < p->at + p->bytes &&
			p->at < s->st_value + s->st_size)
			return base_error_set(e->err, ENOEXEC,
				"object: functions %s and %s overlap", name, o->functions[i].name);
	}
	return 0;
}

static int read_functions(struct task_elf *e)
{
	struct task_object *o = e->object;

	for (uint32_t i = 1; i < e->n_symbols; i++) {
		Elf64_Sym s = task_elf_symbol(e, i);
		const char *name;
		int rc;

		if (s.st_shndx == SHN_COMMON)
			return refuse_section(e, ".bss");
		if (ELF64_ST_TYPE(s.st_info) != STT_FUNC || s.st_shndx >= e->n_sections ||
			e->sections[s.st_shndx].part != TASK_PART_CODE)
			continue;
		name = task_elf_string(e, &e->strings, s.st_name);
		rc = check_function(e, &s, name);
		if (rc < 0)
			return rc;
		e->places[o->n_functions] = (struct task_place){
			.section = s.st_shndx,
			.at = (uint32_t)s.st_value,
			.bytes = (uint32_t)s.st_size,
		};
		o->functions[o->n_functions++] = (struct task_function){
			.name = name,
			.kind = e->sections[s.st_shndx].kind,
			.n_insns = (uint32_t)s.st_size / 8,
		};
	}
	if (o->n_functions == 0)
		return base_error_set(e->err, ENOEXEC,
			"object: no symbol of a function in its sections; do not strip it");
	return 0;
}

static int copy_code(struct task_elf *e)
{
	struct task_object *o = e->object;
	uint64_t n = 0, at = 0;

	for (uint32_t i = 0; i < o->n_functions; i++)
		n += o->functions[i].n_insns;
	if (n > TASK_OBJECT_INSNS_MAX)
		return base_error_set(e->err, E2BIG,
			"object: more than %d instructions in all; split it",
			TASK_OBJECT_INSNS_MAX);
	if (n * sizeof(struct task_insn) > e->len)
		return base_error_set(e->err, ENOEXEC, "object: its sections overlap");
	o->insns = malloc(n * sizeof(struct task_insn));
	if (!o->insns)
		return base_error_set(e->err, ENOMEM, "object: no memory for its code");
	for (uint32_t i = 0; i < o->n_functions; i++) {
		const struct task_place *p = &e->places[i];

		memcpy(o->insns + at, e->bytes + e->sections[p->section].header.sh_offset + p->at,
			p->bytes);
		o->functions[i].insns = o->insns + at;
		at += o->functions[i].n_insns;
	}
	return 0;
}

/* The steps of reading, in their order. */
static int read_object(struct task_elf *e)
{
	static int (*const steps[])(struct task_elf *) = {check_header, list_sections, find_symbols,
		read_sections, copy_rodata, read_functions, copy_code, task_elf_relocate,
		task_btf_read_lines};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int rc = steps[i](e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Copies the file and names it. */
static bool keep_file(struct task_object *o, const void *bytes, size_t len)
{
	SHA2_CTX sha;

	o->file = malloc(MAX_OF(len, 1u));
	if (!o->file)
		return false;
	memcpy(o->file, bytes, len);
	SHA256Init(&sha);
	SHA256Update(&sha, bytes, len);
	SHA256Final(o->id, &sha);
	return true;
}

struct task_object *task_object_create(const void *bytes, size_t len, struct base_error *err)
{
	struct task_object *o;
	struct task_elf *e;
	bool is_read = false;

	if (len > TASK_OBJECT_BYTES_MAX) {
		base_error_set(err, EFBIG, "object: %zu bytes, at most %u; split it", len,
			TASK_OBJECT_BYTES_MAX);
		return NULL;
	}
	o = calloc(1, sizeof(*o));
	e = calloc(1, sizeof(*e));
	if (o && e && keep_file(o, bytes, len)) {
		*e = (struct task_elf){
			.bytes = (uint8_t *)o->file, .len = len, .err = err, .object = o};
		is_read = read_object(e) == 0;
	} else {
		base_error_set(err, ENOMEM, "object: no memory");
	}
	free(e);
	if (is_read)
		return o;
	task_object_destroy(o);
	return NULL;
}

void task_object_destroy(struct task_object *o)
{
	if (!o)
		return;
	free(o->constants);
	free(o->lines);
	free(o->insns);
	free(o->file);
	free(o);
}

const struct task_function *task_object_find(const struct task_object *o, const char *name)
{
	for (uint32_t i = 0; i < o->n_functions; i++) {
		if (strcmp(o->functions[i].name, name) == 0)
			return &o->functions[i];
	}
	return NULL;
}

const struct task_line *task_function_line(const struct task_function *f, uint32_t insn)
{
	const struct task_line *found = NULL;

	for (uint32_t i = 0; i < f->n_lines && f->lines[i].insn <= insn; i++)
		found = &f->lines[i];
	return found;
}
