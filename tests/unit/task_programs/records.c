/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs over records whose values are numbers of 8 bytes, for tests of the store. For bpf. */
#include "lib/task/braid_task.h"

struct sum {
	uint64_t n;
	uint64_t sum;
	uint64_t max;
};

BRAID_SECTION("each") int64_t sum(struct braid_each *ctx)
{
	struct sum *s = (struct sum *)ctx->acc;
	uint64_t n = *(uint64_t *)ctx->value;

	if (ctx->value_len != 8)
		return BRAID_FAULT_INPUT;
	s->n++;
	s->sum += n;
	if (n > s->max)
		s->max = n;
	return BRAID_OK;
}

BRAID_SECTION("merge") int64_t sum_merge(struct braid_merge *ctx)
{
	struct sum *s = (struct sum *)ctx->acc;
	const struct sum *other = (const struct sum *)ctx->other;

	s->n += other->n;
	s->sum += other->sum;
	if (other->max > s->max)
		s->max = other->max;
	return BRAID_OK;
}

BRAID_SECTION("each") int64_t pairs(struct braid_each *ctx)
{
	braid_emit(ctx, BRAID_AT(ctx, key), ctx->key_len & 255, BRAID_AT(ctx, value), 8);
	return BRAID_OK;
}

/* More than half a hundred kilobytes for each record. */
BRAID_SECTION("each") int64_t much(struct braid_each *ctx)
{
#pragma unroll
	for (int i = 0; i < 100; i++)
		if (braid_emit(ctx, BRAID_AT(ctx, value), 512, BRAID_AT(ctx, value), 64) != 0)
			return BRAID_FAULT_FULL;
	return BRAID_OK;
}

/* The slot and whether there is an expiry, behind the key. */
BRAID_SECTION("each") int64_t about(struct braid_each *ctx)
{
	*(uint64_t *)ctx->scratch = ctx->slot;
	*(uint64_t *)(ctx->scratch + 8) = ctx->ttl_ms != BRAID_TTL_NONE;
	braid_emit(ctx, BRAID_AT(ctx, key), ctx->key_len & 255, BRAID_AT(ctx, scratch), 16);
	return BRAID_OK;
}

/* Reads the slot without any helper. */
BRAID_SECTION("filter") int64_t in_low_slot(struct braid_each *ctx)
{
	return ctx->slot < 8192 ? BRAID_OK : BRAID_DROP;
}

BRAID_SECTION("filter") int64_t odd(struct braid_each *ctx)
{
	return *(uint64_t *)ctx->value & 1 ? BRAID_OK : BRAID_DROP;
}

/* Walks over the key by an index. */
BRAID_SECTION("filter") int64_t ends_in_7(struct braid_each *ctx)
{
	return ctx->key[(ctx->key_len - 1) & 255] == '7' ? BRAID_OK : BRAID_DROP;
}

BRAID_SECTION("map") int64_t twice(struct braid_map *ctx)
{
	if (ctx->value_len != 8)
		return BRAID_FAULT_INPUT;
	*(uint64_t *)ctx->result = 2 * *(uint64_t *)ctx->value;
	ctx->result_len = 8;
	return BRAID_OK;
}
