/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is in force, on disk in the runtime directory: `applied.yaml` (the text below one comment
 * line that says generation, dataplane run and snapshot) and the snapshot it names. The next
 * generation is kept as `next.yaml` before it is committed, so that control, killed at any moment,
 * finds the one that the dataplane has. Thread: any; one store per directory.
 */
#ifndef CONTROL_CORE_STORE_H
#define CONTROL_CORE_STORE_H

#include "control/core/applied.h"

/* Writes @a as the next configuration; its snapshot is made unless a->snapshot names one. 0 or
 * -errno. */
int store_prepare(const char *runtime, struct applied *a, struct base_error *err);

/* The prepared configuration is in force now. 0 or a negative errno with a sentence. */
int store_promote(const char *runtime, struct base_error *err);

/* The prepared configuration will not be: forgets it. */
void store_discard(const char *runtime);

/*
 * The configuration that the dataplane's run @started_ns has as @generation: the applied one or the
 * prepared one, which is promoted then. NULL when neither is, without a sentence when there is
 * nothing wrong with that.
 */
struct applied *store_adopt(
	const char *runtime, uint64_t started_ns, uint64_t generation, struct base_error *err);

#endif
