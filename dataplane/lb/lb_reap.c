/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The numbers of removed backends and services are given back when the last flow has ended, in a
 * world of its own. Never from inside a stage. Thread: main.
 */
#include "dataplane/core/generation.h"
#include "dataplane/lb/lb_main.h"

#define REAP_NS NSEC_PER_SEC

static struct wheel_timer reap_timer;

/* Whether any backend of @b refers to service @s. */
static bool lb_reap_in_use(const struct lb_block *b, uint16_t s)
{
	for (unsigned n = 0; n < LB_BACKENDS_MAX; n++)
		if (b->backends[n].addr.family != 0 && b->backends[n].service == s)
			return true;
	return false;
}

static bool lb_reap_ended(const struct lb_block *b, uint16_t n)
{
	return b->backends[n].addr.family != 0 && b->backends[n].use == API_BACKEND_REMOVED &&
	       lb_block_flows(n) == 0;
}

/* Takes what has ended out of @b: how many backends and services. */
static unsigned lb_reap_take_out(struct lb_block *b)
{
	unsigned count = 0;

	for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++) {
		if (!lb_reap_ended(b, n))
			continue;
		b->backends[n] = (struct lb_backend){};
		b->backend_notes[n] = (struct lb_backend_note){};
		count++;
	}
	for (uint16_t s = 0; s < LB_SERVICES_MAX; s++) {
		if (!b->service_notes[s].gone || lb_reap_in_use(b, s))
			continue;
		b->service_notes[s] = (struct lb_service_note){};
		count++;
	}
	return count;
}

/* Whether there is anything to reap. */
static bool lb_reap_any_ended(void)
{
	const struct lb_block *b = lb_main.now;

	for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++)
		if (lb_reap_ended(b, n))
			return true;
	for (uint16_t s = 0; s < LB_SERVICES_MAX; s++)
		if (b->service_notes[s].gone && !lb_reap_in_use(b, s))
			return true;
	return false;
}

unsigned lb_reap(void)
{
	struct lb_block *b;
	unsigned count;

	if (!lb_main.now || generation_is_open() || !lb_reap_any_ended())
		return 0;
	b = lb_state_draft(NULL);
	if (!b)
		return 0;
	count = lb_reap_take_out(b);
	return lb_state_publish(b, NULL) == 0 ? count : 0;
}

static void lb_reap_on_timer(void *worker, struct wheel_timer *t)
{
	struct worker *w = worker;

	lb_reap();
	wheel_add(w->wheel, t, w->now_ns + REAP_NS);
}

void lb_reap_init(void)
{
	struct worker *w = workers[workers[0]->main_id];

	reap_timer.fn = lb_reap_on_timer;
	wheel_add(w->wheel, &reap_timer, w->now_ns + REAP_NS);
}

void lb_reap_fini(void)
{
	wheel_del(workers[workers[0]->main_id]->wheel, &reap_timer);
}
