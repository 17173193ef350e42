/* SPDX-License-Identifier: BSD-3-Clause */
/* Constants that hold addresses. For bpf; refused. */
#include "lib/task/braid_task.h"

static const char *const names[] = {"one", "two", "three", "four"};

BRAID_SECTION("map") int64_t name(struct braid_map *ctx)
{
	ctx->result[0] = (uint8_t)names[ctx->number & 3][0];
	return BRAID_OK;
}
