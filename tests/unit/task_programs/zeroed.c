/* SPDX-License-Identifier: BSD-3-Clause */
/* A variable that starts at zero. For bpf; refused. */
#include "lib/task/braid_task.h"

static volatile uint64_t calls;

BRAID_SECTION("map") int64_t count(struct braid_map *ctx)
{
	ctx->result_len = (uint32_t)calls++;
	return BRAID_OK;
}
