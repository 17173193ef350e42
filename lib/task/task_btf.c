/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which line of C each instruction comes from: the line_info of section .BTF.ext, with its texts in
 * .BTF (Linux, Documentation/bpf/btf.rst), which clang writes with -g. An object without them is
 * fine, a damaged one is not. Any thread that may allocate.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/task/task_elf_impl.h"

#define BTF_MAGIC    0xeb9f
#define LINE_SHIFT   10 /* below it: the column */
#define RECORD_BYTES 16

/* Start of .BTF. */
struct btf_header {
	uint16_t magic;
	uint8_t version;
	uint8_t flags;
	uint32_t header_len;
	uint32_t type_at;
	uint32_t type_len;
	uint32_t string_at;
	uint32_t string_len;
};

/* Start of .BTF.ext. */
struct btf_ext_header {
	uint16_t magic;
	uint8_t version;
	uint8_t flags;
	uint32_t header_len;
	uint32_t func_at;
	uint32_t func_len;
	uint32_t line_at;
	uint32_t line_len;
};

/* One line; offsets in bytes from the start of the section, in the texts. */
struct btf_line {
	uint32_t insn_at;
	uint32_t file_at;
	uint32_t text_at;
	uint32_t line_col;
};

/* The texts, and what is left of the lines. */
struct btf_reader {
	struct task_elf *elf;
	Elf64_Shdr strings;
	uint64_t at; /* in the file */
	uint64_t end;
	uint32_t record_bytes;
	uint32_t n_lines;
};

static int damaged(struct task_elf *e)
{
	return base_error_set(
		e->err, ENOEXEC, "object: section .BTF or .BTF.ext is damaged; compile it again");
}

/* Takes @n bytes from the lines. */
static bool take(struct btf_reader *r, void *out, uint64_t n)
{
	if (r->end - r->at < n)
		return false;
	memcpy(out, r->elf->bytes + r->at, n);
	r->at += n;
	return true;
}

/* Makes the texts of .BTF a table like the object's own. */
static bool find_texts(struct btf_reader *r, const Elf64_Shdr *btf)
{
	struct btf_header h;
	uint64_t at;

	if (btf->sh_type != SHT_PROGBITS || btf->sh_size < sizeof(h))
		return false;
	memcpy(&h, r->elf->bytes + btf->sh_offset, sizeof(h));
	at = (uint64_t)h.header_len + h.string_at;
	if (h.magic != BTF_MAGIC || at > btf->sh_size || h.string_len > btf->sh_size - at)
		return false;
	r->strings = (Elf64_Shdr){.sh_offset = btf->sh_offset + at, .sh_size = h.string_len};
	return true;
}

/* Puts the reader at the lines of .BTF.ext. */
static bool find_lines(struct btf_reader *r, const Elf64_Shdr *ext)
{
	struct btf_ext_header h;
	uint64_t at;

	if (ext->sh_type != SHT_PROGBITS || ext->sh_size < sizeof(h))
		return false;
	memcpy(&h, r->elf->bytes + ext->sh_offset, sizeof(h));
	at = (uint64_t)h.header_len + h.line_at;
	if (h.magic != BTF_MAGIC || at > ext->sh_size || h.line_len > ext->sh_size - at)
		return false;
	r->at = ext->sh_offset + at;
	r->end = r->at + h.line_len;
	return take(r, &r->record_bytes, sizeof(r->record_bytes)) &&
	       r->record_bytes >= RECORD_BYTES && r->record_bytes <= 4 * RECORD_BYTES;
}

/* Keeps one line for its function; false: it is out of order or has no text. */
static bool keep(struct btf_reader *r, uint32_t section, const struct btf_line *line)
{
	struct task_object *o = r->elf->object;
	int i = task_elf_function_at(r->elf, section, line->insn_at);
	const char *text = task_elf_string(r->elf, &r->strings, line->text_at);
	struct task_function *f;
	uint32_t insn;

	if (i < 0)
		return true;
	f = &o->functions[i];
	insn = (line->insn_at - r->elf->places[i].at) / 8;
	if (!text || (f->n_lines > 0 && (f->lines + f->n_lines != o->lines + r->n_lines ||
						f->lines[f->n_lines - 1].insn > insn)))
		return false;
	if (f->n_lines == 0)
		f->lines = o->lines + r->n_lines;
	o->lines[r->n_lines++] = (struct task_line){
		.insn = insn,
		.line = line->line_col >> LINE_SHIFT,
		.text = text + strspn(text, " \t"),
	};
	f->n_lines++;
	return true;
}

/* The lines of one section. */
static bool read_section(struct btf_reader *r)
{
	uint32_t head[2]; /* name, count */
	const char *name;
	uint32_t section;

	if (!take(r, head, sizeof(head)))
		return false;
	name = task_elf_string(r->elf, &r->strings, head[0]);
	if (!name || head[1] > (r->end - r->at) / r->record_bytes)
		return false;
	section = task_elf_find_section(r->elf, name);
	for (uint32_t i = 0; i < head[1]; i++) {
		struct btf_line line;

		memcpy(&line, r->elf->bytes + r->at, sizeof(line));
		r->at += r->record_bytes;
		if (!keep(r, section, &line))
			return false;
	}
	return true;
}

int task_btf_read_lines(struct task_elf *e)
{
	uint32_t btf = task_elf_find_section(e, ".BTF"), ext = task_elf_find_section(e, ".BTF.ext");
	struct btf_reader r = {.elf = e};

	if (btf == 0 || ext == 0)
		return 0;
	if (!find_texts(&r, &e->sections[btf].header) || !find_lines(&r, &e->sections[ext].header))
		return damaged(e);
	e->object->lines = calloc((r.end - r.at) / RECORD_BYTES + 1, sizeof(struct task_line));
	if (!e->object->lines)
		return base_error_set(e->err, ENOMEM, "object: no memory for its lines");
	for (uint32_t i = 0; i < e->n_sections && r.at < r.end; i++) {
		if (!read_section(&r))
			return damaged(e);
	}
	return r.at == r.end ? 0 : damaged(e);
}
