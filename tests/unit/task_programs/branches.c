/* SPDX-License-Identifier: BSD-3-Clause */
/* Forty branches that depend on data: 2^40 paths for a verifier that follows each. For bpf. */
#include "lib/task/braid_task.h"

BRAID_SECTION("map") int64_t plain(struct braid_map *ctx)
{
	return BRAID_OK;
}

BRAID_SECTION("map") int64_t many(struct braid_map *ctx)
{
	uint64_t bits = *(uint64_t *)ctx->value, sum = ctx->number;

#pragma unroll
	for (int i = 0; i < 40; i++) {
		if (bits & (1ULL << i))
			sum = sum * 3 + 1;
		__asm__ volatile("" : "+r"(sum));
	}
	*(uint64_t *)ctx->result = sum;
	ctx->result_len = 8;
	return BRAID_OK;
}
