/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "What would happen to this packet?": a real packet goes through the real stages on the live
 * world, on a worker of its own whose frames go nowhere and whose counters nobody reads; after each
 * stage the decision is told from where the packet went and what its notes say. Thread: main.
 */
#ifndef DATAPLANE_EXPLAIN_EXPLAIN_H
#define DATAPLANE_EXPLAIN_EXPLAIN_H

#include "dataplane/core/worker.h"
#include "lib/api/api.h"

#define EXPLAIN_STEPS_MAX 40

/* The story of one packet. */
struct explain_story {
	bool wrapped; /* the packet itself goes on inside one that the node made */
	uint32_t n_steps;
	struct api_explain_step steps[EXPLAIN_STEPS_MAX];
	struct api_explain_reply reply;
};

/*
 * Runs the packet @req describes and tells @story. 0, or a negative errno with a sentence when the
 * packet cannot be built: unknown interface, families that differ, a size too small.
 */
int explain_run(const struct api_explain *req, struct explain_story *story, struct base_error *err);

/* Makes the worker that explains, with buffers from @like's pool and its hash key. 0 or -ENOMEM. */
int explain_init(const struct worker *like, struct base_error *err);

/* Frees it. */
void explain_fini(void);

#endif
