/* SPDX-License-Identifier: BSD-3-Clause */
/* A definition of a map, as for the kernel. For bpf; refused. */
#include "lib/task/braid_task.h"

struct map {
	int32_t (*type)[1];
};

BRAID_SECTION(".maps") struct map counters;

BRAID_SECTION("map") int64_t nothing(struct braid_map *ctx)
{
	return BRAID_OK;
}
