/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls a function that is not inlined. For bpf; refused. */
#include "lib/task/braid_task.h"

BRAID_SECTION("map") __attribute__((noinline)) int64_t inner(struct braid_map *ctx)
{
	return (int64_t)ctx->number;
}

BRAID_SECTION("map/outer") int64_t outer(struct braid_map *ctx)
{
	return inner(ctx) + 1;
}
