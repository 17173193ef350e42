/* SPDX-License-Identifier: BSD-3-Clause */
/* The published world and its replacement. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/nexthop.h"
#include "dataplane/core/worker.h"
#include "lib/rcu/rcu.h"

struct world *world_current;

/* What workers see before the first generation: no interface is up. */
static const struct iface no_ifaces[WORLD_INTERFACES_MAX];

int world_init(struct base_error *err)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return base_error_set(err, ENOMEM, "no memory for the first world");
	w->nexthops = nexthop_array();
	w->ifaces = no_ifaces;
	for (unsigned i = 0; i < WORLD_PORTS_MAX; i++)
		w->ports[i].untagged = WORLD_NO_INTERFACE;
	rcu_set_pointer(&world_current, w);
	return 0;
}

struct world *world_draft(void)
{
	struct world *w = malloc(sizeof(*w));

	if (w)
		memcpy(w, world_current, sizeof(*w));
	return w;
}

void world_publish(struct world *next)
{
	struct world *old = world_current;

	rcu_set_pointer(&world_current, next);
	/* The main thread may be in the middle of a turn: nobody else tells its worker. */
	if (workers[0])
		workers[workers[0]->main_id]->world = next;
	synchronize_rcu();
	nexthop_reclaim();
	free(old);
}

void world_synchronize(void)
{
	synchronize_rcu();
	nexthop_reclaim();
}

void world_fini(void)
{
	free(world_current);
	world_current = NULL;
}
