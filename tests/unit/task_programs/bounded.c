/* SPDX-License-Identifier: BSD-3-Clause */
/* What the checker proves and librte_bpf's verifier only with a mask: an index bounded by a
 * comparison. For bpf. */
#include "lib/task/braid_task.h"

BRAID_SECTION("map") int64_t pick(struct braid_map *ctx)
{
	uint64_t at = *(uint64_t *)ctx->value;

	if (at > 500)
		return BRAID_FAULT_INPUT;
	ctx->result[0] = ctx->value[at];
	ctx->result_len = 1;
	return BRAID_OK;
}
