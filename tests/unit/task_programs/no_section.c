/* SPDX-License-Identifier: BSD-3-Clause */
/* A function in no section. For bpf; refused. */
#include "lib/task/braid_task.h"

int64_t lost(struct braid_map *ctx);

int64_t lost(struct braid_map *ctx)
{
	return (int64_t)ctx->number;
}

BRAID_SECTION("map") int64_t found(struct braid_map *ctx)
{
	return BRAID_OK;
}
