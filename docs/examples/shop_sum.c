/* SPDX-License-Identifier: BSD-3-Clause */
/* Prices under keys like "shop:17:price": their count, sum, least and greatest; the cheap ones. */
#include <braid_task.h>

/* An accumulator; all zeros before the first record. */
struct total {
	uint64_t count;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
};

BRAID_INLINE void add(struct total *t, const struct total *other)
{
	if (other->count == 0)
		return;
	if (t->count == 0 || other->min < t->min)
		t->min = other->min;
	if (other->max > t->max)
		t->max = other->max;
	t->count += other->count;
	t->sum += other->sum;
}

/* The price of a record to the scratch window. 0, or BRAID_NONE: it is no number. */
BRAID_INLINE int64_t price(struct braid_each *ctx)
{
	return braid_parse_int(ctx, BRAID_AT(ctx, value), ctx->value_len, BRAID_AT(ctx, scratch));
}

BRAID_SECTION("each") int64_t sum(struct braid_each *ctx)
{
	uint64_t *n = (uint64_t *)ctx->scratch;
	struct total one;

	if (price(ctx) != 0)
		return BRAID_FAULT_INPUT;
	one = (struct total){.count = 1, .sum = *n, .min = *n, .max = *n};
	add((struct total *)ctx->acc, &one);
	return BRAID_OK;
}

/* Accumulators of sum, in pairs. */
BRAID_SECTION("merge") int64_t sum_merge(struct braid_merge *ctx)
{
	add((struct total *)ctx->acc, (const struct total *)ctx->other);
	return BRAID_OK;
}

/* Sends key and price of what costs less than 3. */
BRAID_SECTION("each") int64_t cheap(struct braid_each *ctx)
{
	uint64_t *n = (uint64_t *)ctx->scratch;

	if (price(ctx) != 0 || *n >= 3)
		return BRAID_OK;
	if (ctx->key_len > BRAID_KEY_BYTES)
		return BRAID_FAULT_INPUT; /* only its beginning is here */
	return braid_emit(
		ctx, BRAID_AT(ctx, key), ctx->key_len, BRAID_AT(ctx, value), ctx->value_len);
}

/* Keeps the keys of what costs 4990 or more. */
BRAID_SECTION("filter") int64_t is_dear(struct braid_each *ctx)
{
	uint64_t *n = (uint64_t *)ctx->scratch;

	return price(ctx) == 0 && *n >= 4990 ? BRAID_OK : BRAID_DROP;
}
