/* SPDX-License-Identifier: BSD-3-Clause */
/* No program. For bpf; refused. */
#include "lib/task/braid_task.h"

static const uint8_t constants[2] BRAID_SECTION(".rodata") = {1, 2};
