/* SPDX-License-Identifier: BSD-3-Clause */
/* A section that is misspelt. For bpf; refused. */
#include "lib/task/braid_task.h"

BRAID_SECTION("fliter") int64_t keep(struct braid_each *ctx)
{
	return BRAID_OK;
}
