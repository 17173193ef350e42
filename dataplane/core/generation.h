/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A generation of the configuration: begun, staged by messages, checked, and turned into the next
 * world in one step, or not at all. The work is cut into quanta, so that the main thread keeps
 * serving neighbours and clients during a commit of a million routes. Thread: main.
 */
#ifndef DATAPLANE_CORE_GENERATION_H
#define DATAPLANE_CORE_GENERATION_H

#include "dataplane/core/server.h"

struct module;

/* Remembers the ordered table of @n modules that generations go through. */
void generation_init(const struct module *table, size_t n);

/*
 * Starts staging generation @number, which must be newer than the installed one; what was staged
 * before is forgotten. 0, or a negative errno with a sentence (-EBUSY: a commit is going on).
 */
int generation_begin(uint64_t number, struct base_error *err);

/* Forgets what is staged. 0, or -EBUSY with a sentence while a commit is going on. */
int generation_abort(struct base_error *err);

/* Whether something is being staged or committed. */
bool generation_is_open(void);

/* Whether messages may be staged now: 0, or a negative errno with a sentence. */
int generation_check_open(struct base_error *err);

/* The same for @client (NULL: this process itself), which must be the one that began. */
int generation_check_staging(const struct server_client *client, struct base_error *err);

/* Passes @status of a staging message on; a negative one makes the generation unfit for commit. */
int generation_staged(int status);

/*
 * Starts the commit of generation @number with @flags (enum api_commit_flags); generation_step()
 * does it. @ticket (may be NULL) is answered at the end. 0, or a negative errno with a sentence.
 * After a failure the generation stays staged.
 */
int generation_commit_start(uint64_t number, uint32_t flags, const struct server_ticket *ticket,
	struct base_error *err);

/* Whether a commit is going on. */
bool generation_busy(void);

/* Does about @quantum cheap things of the commit; returns 0 when there is none, else 1. */
unsigned generation_step(unsigned quantum);

/* How the last commit ended: 0 or its negative errno, whose sentence is copied to @err. */
int generation_result(struct base_error *err);

/* What the last commit that passed the checks counted. */
const struct api_commit_reply *generation_counts(void);

#endif
