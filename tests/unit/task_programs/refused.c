/* SPDX-License-Identifier: BSD-3-Clause */
/* What the checker refuses in programs that compile. For bpf. */
#include "lib/task/braid_task.h"

BRAID_SECTION("map") int64_t divides(struct braid_map *ctx)
{
	return (int64_t)(ctx->number / ctx->value_len);
}

BRAID_SECTION("map") int64_t indexes(struct braid_map *ctx)
{
	return ctx->value[ctx->number];
}

BRAID_SECTION("map") int64_t loops(struct braid_map *ctx)
{
	int64_t sum = 0;

#pragma nounroll
	for (uint32_t i = 0; i < ctx->value_len; i++)
		sum += ctx->value[i & 511];
	return sum;
}

BRAID_SECTION("map") int64_t writes(struct braid_map *ctx)
{
	ctx->value[3] = 1;
	return BRAID_OK;
}
