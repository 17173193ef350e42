/* SPDX-License-Identifier: BSD-3-Clause */
/* What scripts/bench compute runs: doubling of numbers, as text and in binary; count, sum, least
 * and greatest of the numbers that records begin with. For bpf. */
#include "lib/task/braid_task.h"

struct sums {
	uint64_t n;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
};

BRAID_SECTION("map") int64_t twice(struct braid_map *ctx)
{
	int64_t *n = (int64_t *)ctx->scratch;

	if (braid_parse_int(ctx, BRAID_AT(ctx, value), ctx->value_len, BRAID_AT(ctx, scratch)) != 0)
		return BRAID_FAULT_INPUT;
	ctx->result_len = (uint32_t)braid_format_int(ctx, 2 * *n, BRAID_AT(ctx, result));
	return BRAID_OK;
}

BRAID_SECTION("map/binary") int64_t twice_u64(struct braid_map *ctx)
{
	*(uint64_t *)ctx->result = 2 * *(uint64_t *)ctx->value;
	ctx->result_len = 8;
	return BRAID_OK;
}

BRAID_SECTION("each") int64_t sum(struct braid_each *ctx)
{
	struct sums *acc = (struct sums *)ctx->acc;
	uint64_t x = *(uint64_t *)ctx->value;

	if (acc->n == 0 || x < acc->min)
		acc->min = x;
	if (x > acc->max)
		acc->max = x;
	acc->sum += x;
	acc->n++;
	return BRAID_OK;
}

BRAID_SECTION("merge") int64_t sum_merge(struct braid_merge *ctx)
{
	struct sums *acc = (struct sums *)ctx->acc;
	const struct sums *other = (const struct sums *)ctx->other;

	if (other->n == 0)
		return BRAID_OK;
	if (acc->n == 0 || other->min < acc->min)
		acc->min = other->min;
	if (other->max > acc->max)
		acc->max = other->max;
	acc->sum += other->sum;
	acc->n += other->n;
	return BRAID_OK;
}
