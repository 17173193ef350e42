/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When backends are probed, and what came of it. One timer per backend on the main thread's wheel,
 * the first questions spread at random over the interval. The results go to the shared counters;
 * control makes up its mind from them. Thread: main.
 */
#include <errno.h>

#include "dataplane/lb/lb_probe.h"
#include "lib/hash/siphash.h"

#define OVERDUE_NS (100 * NSEC_PER_MSEC) /* for what workers have passed on to arrive */

struct lb_probe lb_probes[LB_BACKENDS_MAX];
struct lb_probe_places lb_probe_places;

static struct stats_probe own_results[LB_BACKENDS_MAX];
static struct stats_probe *results = own_results;
static uint64_t serial; /* of questions */

void lb_probe_results(struct stats_probe *where)
{
	results = where;
}

static struct worker *main_worker(void)
{
	return workers[workers[0]->main_id];
}

static uint16_t number_of(const struct lb_probe *p)
{
	return (uint16_t)(p - lb_probes);
}

static uint64_t interval_ns(const struct lb_probe *p)
{
	return MAX_OF(p->want.interval_ms, 1u) * NSEC_PER_MSEC;
}

/* Whether a place of @slot is free for @q; another backend may have asked the very same. */
static bool place_find(const struct lb_probe_places *places, unsigned slot,
	const struct ip_probe_question *q, uint8_t *way)
{
	bool found = false;

	for (unsigned i = 0; i < LB_PROBE_WAYS; i++) {
		uint16_t asker = places->askers[slot][i];

		if (asker == 0) {
			*way = (uint8_t)i;
			found = true;
		} else if (lb_probe_same(&lb_probes[asker - 1].question, q)) {
			return false;
		}
	}
	return found;
}

/* Gives the question of @p a cookie, an own port and a place to wait, which nobody can foresee.
 * False: so many questions to one host are under way that no port is left. */
static bool place_take(struct worker *w, struct lb_probe *p)
{
	struct lb_probe_places *places = &lb_probe_places;
	uint64_t random;

	serial++;
	random = siphash_2_4(w->flow_key, &serial, sizeof(serial));
	if (p->want.kind == API_PROBE_TCP)
		p->question.cookie = (uint32_t)random;
	else if (p->want.kind == API_PROBE_ICMP)
		p->question.cookie = (uint16_t)random;
	for (unsigned i = 0; i < LB_PROBE_SLOTS; i++) {
		unsigned slot = ((random >> 32) + i) % LB_PROBE_SLOTS;

		p->question.own_port_be = htobe16((uint16_t)(IP_PROBE_PORT_MIN + slot));
		if (!place_find(places, slot, &p->question, &p->way))
			continue;
		p->slot = (uint16_t)slot;
		places->askers[slot][p->way] = (uint16_t)(number_of(p) + 1);
		atomic_store_explicit(
			lb_probe_tag_of(p), lb_probe_tag(w, &p->question), memory_order_relaxed);
		return true;
	}
	return false;
}

/* Nobody waits for an answer to the question of @p any more. */
static void place_give(struct lb_probe *p)
{
	lb_probe_places.askers[p->slot][p->way] = 0;
	atomic_store_explicit(lb_probe_tag_of(p), 0, memory_order_relaxed);
	p->asked = false;
	p->overdue = false;
}

static void record(const struct lb_probe *p, enum api_probe_failure result, uint32_t rtt_us)
{
	struct stats_probe *r = &results[number_of(p)];

	if (result == API_PROBE_OK) {
		r->succeeded++;
		r->rtt_us = rtt_us;
		r->streak = r->streak < 0 ? 1 : MIN_OF(r->streak, INT32_MAX - 1) + 1;
		return;
	}
	r->failed++;
	r->last_failure = result;
	r->streak = r->streak > 0 ? -1 : MAX_OF(r->streak, 1 - INT32_MAX) - 1;
}

/* Sets the time of the next question: the configured pace, without catching up. */
static void schedule(struct worker *w, struct lb_probe *p)
{
	p->due_ns = MAX_OF(p->due_ns + interval_ns(p), w->now_ns);
	wheel_add(w->wheel, &p->timer, p->due_ns);
}

void lb_probe_settle(
	struct worker *w, struct lb_probe *p, enum api_probe_failure result, uint32_t rtt_us)
{
	place_give(p);
	record(p, result, rtt_us);
	schedule(w, p);
}

/* Whom @p is about in the published world; NULL: nobody any more, and lb_probe_follow() is yet to
 * come. */
static const struct lb_backend *backend_of(const struct lb_probe *p)
{
	const struct lb_world *lb = world_current->lb;
	const struct lb_backend *b = lb ? &lb->backends[number_of(p)] : NULL;

	return b && ip_addr_same_host(&b->addr, &p->addr) ? b : NULL;
}

/* Asks. What the node itself lacks is no failure of the backend: it just asks later. */
static void ask(struct worker *w, struct lb_probe *p, const struct lb_backend *b)
{
	int ret = lb_probe_aim(world_current, b, &p->want, &p->question);

	if (ret == -EHOSTUNREACH)
		record(p, API_PROBE_UNREACHABLE, 0);
	if (ret < 0 || !place_take(w, p)) {
		schedule(w, p);
		return;
	}
	if (!lb_probe_send(w, b, p, LB_PROBE_QUESTION)) {
		place_give(p);
		schedule(w, p);
		return;
	}
	p->asked = true;
	p->asked_ns = w->now_ns;
	wheel_add(w->wheel, &p->timer, w->now_ns + p->want.timeout_ms * NSEC_PER_MSEC);
}

static void stop(struct worker *w, struct lb_probe *p)
{
	if (p->asked)
		place_give(p);
	wheel_del(w->wheel, &p->timer);
	p->running = false;
}

/* Whether an answer came in time for all we know, but the main thread was too busy to see it. */
static bool is_answered(const struct lb_probe *p)
{
	return !p->overdue && atomic_load_explicit(lb_probe_tag_of(p), memory_order_relaxed) == 0;
}

/* Time to ask, or time is up. */
static void on_timer(void *worker, struct wheel_timer *t)
{
	struct lb_probe *p = CONTAINER_OF(t, struct lb_probe, timer);
	struct worker *w = worker;
	const struct lb_backend *b = backend_of(p);

	if (!b) {
		stop(w, p);
	} else if (!p->asked) {
		ask(w, p, b);
	} else if (is_answered(p)) {
		p->overdue = true;
		wheel_add(w->wheel, &p->timer, w->now_ns + OVERDUE_NS);
	} else if (lb_probe_way_is_dead(world_current, b, &p->question)) {
		lb_probe_settle(w, p, API_PROBE_UNREACHABLE, 0);
	} else {
		lb_probe_settle(w, p, API_PROBE_TIMEOUT, 0);
	}
}

static void start(struct worker *w, struct lb_probe *p)
{
	p->timer.fn = on_timer;
	p->due_ns = w->now_ns + worker_random(w) % interval_ns(p);
	wheel_add(w->wheel, &p->timer, p->due_ns);
	p->running = true;
}

void lb_probe_configure(uint16_t backend, const struct api_probe *want)
{
	struct lb_probe *p = &lb_probes[backend];

	if (memcmp(&p->want, want, sizeof(*want)) == 0)
		return;
	p->want = *want;
	p->want.request_bytes = MIN_OF(p->want.request_bytes, (uint16_t)API_PAYLOAD_MAX);
	p->want.expect_bytes = MIN_OF(p->want.expect_bytes, (uint16_t)API_PAYLOAD_MAX);
	p->changed = true;
}

/* Whether backend @b of @lb is to be probed as @want says. */
static bool is_wanted(
	const struct lb_world *lb, const struct lb_backend *b, const struct api_probe *want)
{
	if (b->addr.family == 0 || b->service_gone || b->use == API_BACKEND_REMOVED)
		return false;
	if (want->kind == API_PROBE_TCP || want->kind == API_PROBE_UDP)
		return want->port != 0 || b->port_be != 0 || lb->services[b->service].port_be != 0;
	return want->kind == API_PROBE_ICMP;
}

static void follow_one(struct worker *w, const struct lb_world *lb, struct lb_probe *p)
{
	const struct lb_backend *b = lb ? &lb->backends[number_of(p)] : NULL;
	bool wanted = b && is_wanted(lb, b, &p->want);
	bool same = p->running && wanted && ip_addr_same_host(&p->addr, &b->addr) &&
		    p->port_be == b->port_be && p->service == b->service;

	if (same && !p->changed)
		return;
	if (p->running)
		stop(w, p);
	if (!same)
		results[number_of(p)] = (struct stats_probe){0};
	p->changed = false;
	if (!wanted)
		return;
	p->addr = b->addr;
	p->port_be = b->port_be;
	p->service = b->service;
	start(w, p);
}

void lb_probe_follow(void)
{
	for (unsigned i = 0; i < LB_BACKENDS_MAX; i++)
		follow_one(main_worker(), world_current->lb, &lb_probes[i]);
}

void lb_probe_fini(void)
{
	for (unsigned i = 0; i < LB_BACKENDS_MAX; i++) {
		if (lb_probes[i].running)
			stop(main_worker(), &lb_probes[i]);
		lb_probes[i] = (struct lb_probe){.running = false};
	}
}
