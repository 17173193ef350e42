/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's environment from the `node:` section of the configuration: lcores for the workers and the
 * main thread, memory with or without hugepages, and the packet buffers. Thread: main.
 */
#ifndef DATAPLANE_CORE_EAL_H
#define DATAPLANE_CORE_EAL_H

#include <rte_mempool.h>

#include "lib/base/base.h"
#include "lib/conf/conf.h"

/*
 * Starts EAL: lcore 0 is main, lcore i + 1 is worker i, each on its CPU. `huge: auto` takes
 * hugepages if enough are free, else ordinary memory, and says so on stderr. 0 or a negative errno.
 */
int eal_init(const struct conf_node *node, struct base_error *err);

/* The pool of packet buffers, sized by node.memory and the largest MTU. NULL with a sentence. */
struct rte_mempool *eal_mempool_create(const struct conf_node *node, struct base_error *err);

/* Ends EAL. */
void eal_fini(void);

#endif
