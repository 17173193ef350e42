/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the configuration says of the store: a snapshot that hangs off the world, so that listeners
 * and settings change with everything else of a generation. Thread: main builds, workers read.
 */
#ifndef DATAPLANE_KV_KV_CONFIG_H
#define DATAPLANE_KV_KV_CONFIG_H

#include "dataplane/core/world.h"
#include "dataplane/tcp/tcp.h"
#include "lib/api/api.h"

/* Immutable. Workers that see another one than before take its settings over. */
struct kv_config {
	uint64_t version; /* counts up with every change */
	struct api_store want;
	struct tcp_world tcp; /* its listeners: one for all workers, one for each */
};

/* Takes over what the configuration has changed since the worker last looked; its own copy of the
 * settings may have been changed by CONFIG SET meanwhile. Worker. */
void kv_config_follow(struct worker *w);

/* Stages the store of the generation that is being made. 0, or a negative errno and the sentence.
 */
int kv_config_stage(const struct api_store *want, struct base_error *err);

#endif
