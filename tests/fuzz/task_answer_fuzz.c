/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as an answer of braid-jit: all that is taken of it lies in it, and is copied to code
 * pages where nothing runs. The first byte is the number of functions. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/task/task_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct task_code code = {.pages = NULL};
	struct task_answer a;
	uint32_t n;

	if (size == 0)
		return 0;
	n = data[0] % TASK_FUNCTIONS_MAX + 1;
	data++;
	size--;
	if (task_answer_parse(data, size, n, &a) < 0)
		return 0;
	if (a.n_codes > n || (a.n_codes == n && a.status != 0) || a.status > 0 ||
		strnlen(a.text, sizeof(a.text)) == sizeof(a.text))
		abort();
	for (uint32_t i = 0; i < a.n_codes; i++)
		if (a.codes[i].bytes == 0 || a.codes[i].at > size ||
			a.codes[i].bytes > size - a.codes[i].at)
			abort();
	if (a.n_codes == 0 || task_code_create(data, &a, &code) < 0)
		return 0;
	for (uint32_t i = 0; i < a.n_codes; i++)
		if (memcmp((const void *)(uintptr_t)code.functions[i].run, data + a.codes[i].at,
			    a.codes[i].bytes) != 0)
			abort();
	task_code_destroy(&code);
	return 0;
}
