/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The modules of the dataplane in one ordered table: how each starts, follows a new generation of
 * the configuration, and ends (DESIGN section 11). Thread: main.
 */
#ifndef DATAPLANE_MODULES_H
#define DATAPLANE_MODULES_H

#include "dataplane/core/worker.h"
#include "lib/api/api.h"
#include "lib/conf/conf.h"

/*
 * A generation goes through the modules in table order: forget (what was staged before), SET
 * messages (staged by the module), check (compare, count, find reasons to refuse; changes nothing),
 * prepare (do what may still fail, on standby copies; undone by rollback, which is called in
 * reverse order and also after a prepare that failed half-way), apply (fill @next; cannot fail),
 * published (@next is live and the old world is out of sight: free, announce), forget. Any of them
 * may be NULL.
 *
 * prepare, rollback and published may be long: they do about @quantum cheap things per call and
 * return a positive number as long as they want to be called again, 0 at the end.
 */
struct module {
	const char *name;
	int (*init)(const struct conf *conf, struct base_error *err);
	int (*worker_init)(struct worker *w, struct base_error *err);
	void (*forget)(void);
	int (*check)(struct api_commit_reply *counts, struct base_error *err);
	int (*prepare)(unsigned quantum, struct base_error *err);
	int (*rollback)(unsigned quantum);
	void (*apply)(struct world *next);
	int (*published)(unsigned quantum);
	void (*worker_fini)(struct worker *w);
	void (*fini)(void);
};

extern const struct module modules[];
extern const size_t modules_count;

#endif
