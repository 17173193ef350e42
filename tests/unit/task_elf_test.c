/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects from clang, whole, damaged and such that braid does not take. One thread. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/task/task_elf.h"
#include "tests/unit/task_file.h"

/* Reads a copy without a byte to spare, so that tools see what is read beside it. */
static struct task_object *read_copy(const uint8_t *bytes, size_t len, struct base_error *err)
{
	uint8_t *copy = malloc(MAX_OF(len, 1u));
	struct task_object *o;

	memcpy(copy, bytes, len);
	o = task_object_create(copy, len, err);
	free(copy);
	return o;
}

static void an_object_has_its_functions_and_their_kinds(void **state)
{
	static const struct {
		const char *name;
		enum task_kind kind;
	} wanted[] = {
		{"twice", TASK_MAP},
		{"upper", TASK_MAP},
		{"is_large", TASK_FILTER},
		{"sum", TASK_EACH},
		{"ratio", TASK_EACH},
		{"add", TASK_MERGE},
	};
	struct task_file file = task_file_read("good");
	struct base_error err = {.text = ""};
	struct task_object *o = task_object_create(file.bytes, file.len, &err);

	assert_string_equal(err.text, "");
	assert_non_null(o);
	assert_int_equal(o->n_functions, ARRAY_SIZE(wanted));
	assert_int_equal(o->abi, 1);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const struct task_function *f = task_object_find(o, wanted[i].name);

		assert_non_null(f);
		assert_int_equal(f->kind, wanted[i].kind);
		assert_int_equal(f->insns[f->n_insns - 1].code, TASK_OP(TASK_EXIT, TASK_JMP));
	}
	assert_null(task_object_find(o, "nobody"));
	task_object_destroy(o);
	free(file.bytes);
}

static void code_names_constants_by_their_place(void **state)
{
	struct task_file file = task_file_read("good");
	struct base_error err = {.text = ""};
	struct task_object *o = task_object_create(file.bytes, file.len, &err);
	const struct task_function *f = task_object_find(o, "sum");
	const struct task_insn *use = NULL;

	for (uint32_t i = 0; i < f->n_insns; i++) {
		if (f->insns[i].code == TASK_LD_IMM64)
			use = &f->insns[i];
	}
	assert_non_null(use);
	assert_int_equal(use->src, TASK_IMM_RODATA);
	assert_true(task_insn_imm64(use) + 32 <= o->rodata_len);
	assert_int_equal(o->rodata[use->imm], 1);
	assert_int_equal(o->rodata[use->imm + 8 + 1], 5);
	task_object_destroy(o);
	free(file.bytes);
}

static void instructions_know_their_line_of_c(void **state)
{
	struct task_file file = task_file_read("good");
	struct base_error err = {.text = ""};
	struct task_object *o = task_object_create(file.bytes, file.len, &err);
	const struct task_function *f = task_object_find(o, "ratio");
	bool has_division = false;

	for (uint32_t i = 0; i < f->n_insns; i++) {
		const struct task_line *line = task_function_line(f, i);

		assert_non_null(line);
		if (f->insns[i].code != TASK_OP(TASK_DIV, TASK_ALU64 | TASK_BY_REGISTER))
			continue;
		assert_string_equal(line->text, "acc[0] += ctx->value_len / ctx->key_len;");
		assert_true(line->line > 30 && line->line < 60);
		has_division = true;
	}
	assert_true(has_division);
	task_object_destroy(o);
	free(file.bytes);
}

static void an_object_is_known_by_its_sha256(void **state)
{
	struct task_file file = task_file_read("good");
	struct base_error err = {.text = ""};
	struct task_object *a = task_object_create(file.bytes, file.len, &err), *b;
	uint8_t none[TASK_ID_BYTES] = {0};

	file.bytes[EI_PAD] ^= 1;
	b = task_object_create(file.bytes, file.len, &err);
	assert_memory_not_equal(a->id, none, sizeof(none));
	assert_memory_not_equal(a->id, b->id, sizeof(none));
	assert_memory_equal(a->insns, b->insns, 64);
	task_object_destroy(a);
	task_object_destroy(b);
	free(file.bytes);
}

static void what_cannot_run_is_refused_with_its_cure(void **state)
{
	static const struct {
		const char *name, *said;
	} cases[] = {
		{"variable", "section .data"},
		{"zeroed", "section .bss"},
		{"maps", "there are no maps"},
		{"nowhere", "calls braid_emitt, which is nowhere (did you mean braid_emit?)"},
		{"local", "outer: calls inner, which the compiler did not inline"},
		{"no_section", "a function is in no section"},
		{"unknown", "unknown section \"fliter\" (did you mean \"filter\"?)"},
		{"addresses", "constants hold addresses"},
		{"nothing", "no program"},
		{"newer", "for ABI 2, this braid knows up to 1"},
		{"no_header", "include braid_task.h"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct task_file file = task_file_read(cases[i].name);
		struct base_error err = {.text = ""};

		assert_null(read_copy(file.bytes, file.len, &err));
		if (!strstr(err.text, cases[i].said))
			fail_msg("%s: \"%s\"", cases[i].name, err.text);
		free(file.bytes);
	}
}

static void what_is_no_object_for_bpf_is_refused(void **state)
{
	static const struct {
		uint32_t at;
		uint8_t byte;
		const char *said;
	} cases[] = {
		{0, 'x', "not an ELF file"},
		{EI_CLASS, ELFCLASS32, "not of 64 bits"},
		{EI_DATA, ELFDATA2MSB, "big endian"},
		{offsetof(Elf64_Ehdr, e_machine), 62, "for machine 62"},
		{offsetof(Elf64_Ehdr, e_type), ET_EXEC, "linked"},
		{offsetof(Elf64_Ehdr, e_shnum), 0, "table of sections is damaged"},
		{offsetof(Elf64_Ehdr, e_shnum) + 1, 0xff, "table of sections is damaged"},
		{offsetof(Elf64_Ehdr, e_shoff) + 7, 0xff, "table of sections is damaged"},
		{offsetof(Elf64_Ehdr, e_shentsize), 63, "table of sections is damaged"},
		{offsetof(Elf64_Ehdr, e_shstrndx), 0xff, "table of sections is damaged"},
		{offsetof(Elf64_Ehdr, e_shstrndx), 3, "names of sections are damaged"},
	};
	struct task_file file = task_file_read("good");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct base_error err = {.text = ""};
		uint8_t was = file.bytes[cases[i].at];

		file.bytes[cases[i].at] = cases[i].byte;
		assert_null(read_copy(file.bytes, file.len, &err));
		if (!strstr(err.text, cases[i].said))
			fail_msg("%zu: \"%s\"", i, err.text);
		file.bytes[cases[i].at] = was;
	}
	free(file.bytes);
}

static void an_object_that_was_cut_is_refused(void **state)
{
	struct task_file file = task_file_read("good");

	for (size_t len = 0; len < file.len; len++) {
		struct base_error err = {.text = ""};

		assert_null(read_copy(file.bytes, len, &err));
		assert_true(err.text[0] != '\0');
	}
	free(file.bytes);
}

static void no_damage_of_a_bit_does_harm(void **state)
{
	struct task_file file = task_file_read("good");

	for (size_t bit = 0; bit < 8 * file.len; bit += 3) {
		struct base_error err = {.text = ""};
		struct task_object *o;

		file.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		o = read_copy(file.bytes, file.len, &err);
		assert_true((o != NULL) == (err.text[0] == '\0'));
		task_object_destroy(o);
		file.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(file.bytes);
}

static void more_than_a_megabyte_is_refused(void **state)
{
	struct base_error err = {.text = ""};

	assert_null(task_object_create("", TASK_OBJECT_BYTES_MAX + 1, &err));
	assert_non_null(strstr(err.text, "at most 1048576"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_has_its_functions_and_their_kinds),
		cmocka_unit_test(code_names_constants_by_their_place),
		cmocka_unit_test(instructions_know_their_line_of_c),
		cmocka_unit_test(an_object_is_known_by_its_sha256),
		cmocka_unit_test(what_cannot_run_is_refused_with_its_cure),
		cmocka_unit_test(what_is_no_object_for_bpf_is_refused),
		cmocka_unit_test(an_object_that_was_cut_is_refused),
		cmocka_unit_test(no_damage_of_a_bit_does_harm),
		cmocka_unit_test(more_than_a_megabyte_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
