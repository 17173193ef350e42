/* SPDX-License-Identifier: BSD-3-Clause */
/* Twice a number: Pool(4).map(lambda x: 2 * x, [1, 2, 3, 4, 5]) as a program for braid. */
#include <braid_task.h>

/* "21" becomes "42". A number is text, as everywhere in Redis. */
BRAID_SECTION("map") int64_t twice(struct braid_map *ctx)
{
	int64_t *n = (int64_t *)ctx->scratch;

	if (braid_parse_int(ctx, BRAID_AT(ctx, value), ctx->value_len, BRAID_AT(ctx, scratch)) != 0)
		return BRAID_FAULT_INPUT;
	ctx->result_len = (uint32_t)braid_format_int(ctx, 2 * *n, BRAID_AT(ctx, result));
	return BRAID_OK;
}

/* How often a number goes into 100; of 0 that is a fault. */
BRAID_SECTION("map") int64_t into_100(struct braid_map *ctx)
{
	uint64_t *n = (uint64_t *)ctx->scratch;

	if (braid_parse_int(ctx, BRAID_AT(ctx, value), ctx->value_len, BRAID_AT(ctx, scratch)) != 0)
		return BRAID_FAULT_INPUT;
	if (*n == 0)
		return BRAID_FAULT_DIVIDE;
	ctx->result_len =
		(uint32_t)braid_format_int(ctx, (int64_t)(100 / *n), BRAID_AT(ctx, result));
	return BRAID_OK;
}
