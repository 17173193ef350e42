/* SPDX-License-Identifier: BSD-3-Clause */
/* The writing side of the shared counters (lib/api/stats.h). Thread: main. */
#ifndef DATAPLANE_CORE_STATS_H
#define DATAPLANE_CORE_STATS_H

#include "lib/api/stats.h"

/* Creates the file at @path for @n_workers (main included), fills in the names of stages and drops.
 * NULL with a sentence in @err. The file is removed by stats_destroy. */
struct stats_file *stats_create(const char *path, unsigned n_workers, struct base_error *err);

/* Unmaps and removes the file. */
void stats_destroy(struct stats_file *file, const char *path);

#endif
