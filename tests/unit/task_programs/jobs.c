/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs for jobs: each can end in a fault, as its values say. For bpf. */
#include "lib/task/braid_task.h"

#define FAULT_AT 0xfa17 /* a value that programs do not take */

struct totals {
	uint64_t n;
	uint64_t sum;
	uint64_t max;
	uint64_t last;
};

BRAID_SECTION("map") int64_t triple(struct braid_map *ctx)
{
	uint64_t n = *(uint64_t *)ctx->value;

	if (ctx->value_len != 8)
		return BRAID_FAULT_INPUT;
	if (n == FAULT_AT)
		return BRAID_FAULT_DIVIDE;
	*(uint64_t *)ctx->result = 3 * n;
	ctx->result_len = 8;
	return BRAID_OK;
}

/* Its result is as long as the item says; what it is longer must be zeros. */
BRAID_SECTION("map") int64_t grow(struct braid_map *ctx)
{
	ctx->result[0] = ctx->value[0];
	ctx->result[ctx->value[1] & 255] = 1;
	ctx->result_len = (uint32_t)ctx->value[2] * 2;
	return BRAID_OK;
}

BRAID_SECTION("map") int64_t beyond(struct braid_map *ctx)
{
	*(uint64_t *)ctx->result = (uint64_t)braid_u32(ctx, 600);
	ctx->result_len = 8;
	return BRAID_OK;
}

/* Costs much, so that a chunk has few items. */
BRAID_SECTION("map") int64_t digest(struct braid_map *ctx)
{
	uint64_t hash = ctx->number;

#pragma unroll
	for (int i = 0; i < 4; i++)
		hash = (uint64_t)braid_hash(ctx, BRAID_AT(ctx, value), ctx->value_len & 511, hash);
	*(uint64_t *)ctx->result = hash;
	ctx->result_len = 8;
	return hash % 500 == 0 ? BRAID_FAULT_USER - 3 : BRAID_OK;
}

BRAID_SECTION("map") int64_t odd_code(struct braid_map *ctx)
{
	return 5;
}

BRAID_SECTION("map") int64_t too_long(struct braid_map *ctx)
{
	ctx->result_len = 513;
	return BRAID_OK;
}

BRAID_SECTION("map") int64_t emits(struct braid_map *ctx)
{
	braid_emit(ctx, BRAID_AT(ctx, value), 2, BRAID_AT(ctx, value), 2);
	return BRAID_OK;
}

BRAID_SECTION("filter") int64_t odd(struct braid_each *ctx)
{
	uint64_t n = *(uint64_t *)ctx->value;

	if (n == FAULT_AT)
		return BRAID_FAULT_USER - 1;
	return n & 1 ? BRAID_OK : BRAID_DROP;
}

BRAID_SECTION("each") int64_t total(struct braid_each *ctx)
{
	struct totals *t = (struct totals *)ctx->acc;
	uint64_t n = *(uint64_t *)ctx->value;

	if (n == FAULT_AT)
		return BRAID_FAULT_INPUT;
	t->n++;
	t->sum += n;
	if (n > t->max)
		t->max = n;
	return BRAID_OK;
}

/* Emits the key and its number in the chunk, and what came before; the rarer the longer. */
BRAID_SECTION("each") int64_t tell(struct braid_each *ctx)
{
	struct totals *t = (struct totals *)ctx->acc;
	uint64_t n = *(uint64_t *)ctx->value;

	if (n % 3 == 0) {
		*(uint64_t *)ctx->scratch = t->last;
		*(uint64_t *)(ctx->scratch + 8) = ctx->number;
		braid_emit(ctx, BRAID_AT(ctx, key), ctx->key_len & 255, BRAID_AT(ctx, scratch), 16);
		if (n % 9 == 0)
			braid_emit(ctx, BRAID_AT(ctx, key), 8, BRAID_AT(ctx, value),
				n % 27 == 0 ? 500 : 40);
	}
	if (n == FAULT_AT)
		return BRAID_FAULT_INPUT;
	t->n++;
	t->sum += n;
	t->last = n;
	return BRAID_OK;
}

/* Costs much. */
BRAID_SECTION("each") int64_t hashes(struct braid_each *ctx)
{
	uint64_t *acc = (uint64_t *)ctx->acc;

#pragma unroll
	for (int i = 0; i < 4; i++)
		acc[i] += (uint64_t)braid_hash(
			ctx, BRAID_AT(ctx, value), ctx->value_len & 511, acc[0]);
	return BRAID_OK;
}

/* Divides by what the accumulator has seen. */
BRAID_SECTION("each") int64_t part_of(struct braid_each *ctx)
{
	struct totals *t = (struct totals *)ctx->acc;
	uint64_t n = *(uint64_t *)ctx->value;

	t->sum += n;
	if (t->sum == FAULT_AT)
		return BRAID_FAULT_DIVIDE;
	return BRAID_OK;
}

BRAID_SECTION("merge") int64_t add(struct braid_merge *ctx)
{
	struct totals *t = (struct totals *)ctx->acc;
	const struct totals *other = (const struct totals *)ctx->other;

	t->n += other->n;
	t->sum += other->sum;
	if (other->max > t->max)
		t->max = other->max;
	return BRAID_OK;
}

BRAID_SECTION("merge") int64_t refuse(struct braid_merge *ctx)
{
	struct totals *t = (struct totals *)ctx->acc;

	t->n += ((const struct totals *)ctx->other)->n;
	if (t->n > 40)
		return BRAID_FAULT_USER;
	return BRAID_OK;
}
