/* SPDX-License-Identifier: BSD-3-Clause */
/* What the checker proves and librte_bpf's verifier does not, which takes an index up to 248 for
 * one up to 255: that would leave the context. For bpf. */
#include "lib/task/braid_task.h"

BRAID_SECTION("map") int64_t edge(struct braid_map *ctx)
{
	uint64_t at = *(uint64_t *)ctx->value;

	if (at > 248)
		return BRAID_FAULT_INPUT;
	*(uint64_t *)(ctx->scratch + (at & ~7ULL)) = 1;
	return BRAID_OK;
}
