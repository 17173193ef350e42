/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as what FUNCTION LOAD is given: all steps up to the compiler, none of which may leave
 * its memory or loop; what is refused is refused with a sentence. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/task/task_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct task_compile_setup nowhere = {.program = "/nowhere"};
	static struct task_load load;

	if (size > TASK_PAYLOAD_BYTES_MAX)
		return 0;
	task_compile_setup_set(&nowhere);
	task_load_start(&load, data, (uint32_t)size);
	while (task_load_step(&load, 0))
		;
	if (load.status >= 0 || load.err.text[0] == '\0' || load.library)
		abort();
	if (strlen(load.payload.name) > TASK_NAME_BYTES_MAX)
		abort();
	task_load_end(&load);
	return 0;
}
