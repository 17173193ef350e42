/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as an object: either it is refused with a sentence, or all that it says lies in its
 * own memory. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/task/task_elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads all that the object offers. */
static uint64_t read_all(const struct task_object *o)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < o->rodata_len; i++)
		sum += o->rodata[i];
	for (uint32_t i = 0; i < o->n_functions; i++) {
		const struct task_function *f = &o->functions[i];

		sum += strlen(f->name) + strlen(task_kind_name(f->kind));
		for (uint32_t n = 0; n < f->n_insns; n++)
			sum += f->insns[n].code + (uint64_t)f->insns[n].imm;
		for (uint32_t n = 0; n < f->n_lines; n++)
			sum += f->lines[n].line + strlen(f->lines[n].text);
		if (task_object_find(o, f->name) != f)
			abort();
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct base_error err = {.text = ""};
	struct task_object *o = task_object_create(data, size, &err);
	volatile uint64_t sum = 0;

	if ((o == NULL) != (err.text[0] != '\0'))
		abort();
	if (o)
		sum = read_all(o);
	(void)sum;
	task_object_destroy(o);
	return 0;
}
