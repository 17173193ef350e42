/* SPDX-License-Identifier: BSD-3-Clause */
/* A program that costs much in the worst case, and mostly little. For bpf. */
#include "lib/task/braid_task.h"

/* What stands behind "n" in a JSON object. */
BRAID_SECTION("map") int64_t field(struct braid_map *ctx)
{
	int64_t len;

	ctx->scratch[0] = 'n';
	len = braid_json_field(ctx, BRAID_AT(ctx, scratch), 1, BRAID_AT(ctx, result), 64);
	if (len < 0)
		return BRAID_FAULT_INPUT;
	ctx->result_len = (uint32_t)len;
	return BRAID_OK;
}
