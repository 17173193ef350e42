/* SPDX-License-Identifier: BSD-3-Clause */
/* What kv_worker_init arms: timers and tasks of a worker's part of the store. Thread: worker. */
#ifndef DATAPLANE_KV_KV_PERIODIC_H
#define DATAPLANE_KV_KV_PERIODIC_H

#include "dataplane/kv/kv_worker.h"

/* Ends clients that were silent, or too slow, for too long: a part of them each time. */
void kv_worker_on_cron(void *ctx, struct wheel_timer *t);

/* Adds what was counted since the last call to the shared counters, and sets their gauges. */
void kv_stats_tell(struct worker *w);

/* CLIENT PAUSE is over. */
void kv_worker_on_pause_end(void *ctx, struct wheel_timer *t);

/* Lets clients go on that wait for room, when the shard has made it or cannot. */
bool kv_worker_room_task(struct worker *w, struct worker_task *t);

#endif
