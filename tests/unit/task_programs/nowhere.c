/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls a function that is nowhere. For bpf; refused. */
#include "lib/task/braid_task.h"

int64_t braid_emitt(void *ctx);

BRAID_SECTION("map") int64_t call(struct braid_map *ctx)
{
	return braid_emitt(ctx);
}
