/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of each kind, with constants, helpers and a long value. For bpf. */
#include "lib/task/braid_task.h"

static const uint8_t weights[4][8] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}};

BRAID_SECTION("map") int64_t twice(struct braid_map *ctx)
{
	int64_t *n = (int64_t *)ctx->scratch;

	if (braid_parse_int(ctx, BRAID_AT(ctx, value), ctx->value_len, BRAID_AT(ctx, scratch)) != 0)
		return BRAID_FAULT_INPUT;
	ctx->result_len = (uint32_t)braid_format_int(ctx, 2 * *n, BRAID_AT(ctx, result));
	return BRAID_OK;
}

BRAID_SECTION("map/second") int64_t upper(struct braid_map *ctx)
{
#pragma unroll
	for (int i = 0; i < 16; i++)
		ctx->result[i] = ctx->value[i] & 0xdf;
	ctx->result_len = ctx->value_len;
	return BRAID_OK;
}

BRAID_SECTION("filter") int64_t is_large(struct braid_each *ctx)
{
	return ctx->value_len > 100 ? BRAID_OK : BRAID_DROP;
}

BRAID_SECTION("each") int64_t sum(struct braid_each *ctx)
{
	uint64_t *acc = (uint64_t *)ctx->acc;
	uint64_t n = *(uint64_t *)ctx->value;

	acc[0]++;
	acc[1] += n * weights[ctx->slot & 3][n & 7];
	if (n > acc[2])
		acc[2] = n;
	return BRAID_OK;
}

BRAID_SECTION("each") int64_t ratio(struct braid_each *ctx)
{
	uint64_t *acc = (uint64_t *)ctx->acc;

	if (ctx->key_len == 0)
		return BRAID_FAULT_DIVIDE;
	acc[0] += ctx->value_len / ctx->key_len;
	acc[1 + (ctx->slot & 15)]++;
	return braid_emit(ctx, BRAID_AT(ctx, key), ctx->key_len & 255, BRAID_AT(ctx, value), 8);
}

BRAID_SECTION("merge") int64_t add(struct braid_merge *ctx)
{
	uint64_t *acc = (uint64_t *)ctx->acc;
	const uint64_t *other = (const uint64_t *)ctx->other;

#pragma unroll
	for (int i = 0; i < 3; i++)
		acc[i] += other[i];
	return BRAID_OK;
}
