/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage lb_probe: what the node is told on the ports of its health probes. A worker lets pass what
 * answers a question that is under way, the main thread draws the conclusion. Thread: worker.
 */
#include "dataplane/core/mailbox.h"
#include "dataplane/lb/lb_probe.h"

#define RING_KEEP (MAILBOX_ENTRIES / 2) /* of the ring to main: for ARP, ND and messages */

/* What @m says about which question; false: nothing. */
static bool read_answer(struct rte_mbuf *m, struct ip_probe_answer *a)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt_of(m)->l2_len);
	uint32_t bytes = (uint32_t)rte_pktmbuf_data_len(m) - pkt_of(m)->l2_len;
	bool found = l3[0] >> 4 == 4 ? ip4_probe_read(l3, bytes, a) : ip6_probe_read(l3, bytes, a);

	return found && a->said != IP_PROBE_STRAY;
}

/* Takes the place of question @q, if there is one: true for one caller only. The worker of explain,
 * which has no rings, must take nothing from those who wait. */
static bool claim(struct worker *w, const struct ip_probe_question *q)
{
	_Atomic uint32_t *tags = lb_probe_places.tags[lb_probe_slot(q)];
	uint32_t tag = lb_probe_tag(w, q);

	for (unsigned i = 0; i < LB_PROBE_WAYS; i++) {
		uint32_t there = atomic_load_explicit(&tags[i], memory_order_relaxed);

		if (there != tag)
			continue;
		if (!w->outbox[w->main_id] ||
			atomic_compare_exchange_strong_explicit(
				&tags[i], &there, 0, memory_order_relaxed, memory_order_relaxed))
			return true;
	}
	return false;
}

/* A worker's part: passes @m, which came just now, to the main thread if it is waited for. */
static void pass_on(struct worker *w, struct rte_mbuf *m)
{
	struct ip_probe_answer a;

	if (!read_answer(m, &a) || mailbox_room(w, w->main_id) <= RING_KEEP ||
		!claim(w, &a.about)) {
		drop(w, m, DROP_lb_probe_stray);
		return;
	}
	pkt_of(m)->icmp_info = (uint32_t)(w->now_ns / NSEC_PER_USEC);
	worker_handoff(w, m, w->main_id, STAGE_lb_probe);
}

/* The probe whose question is @q and under way, or NULL. */
static struct lb_probe *find_asker(const struct ip_probe_question *q)
{
	const uint16_t *askers = lb_probe_places.askers[lb_probe_slot(q)];

	for (unsigned i = 0; i < LB_PROBE_WAYS; i++) {
		struct lb_probe *p = askers[i] ? &lb_probes[askers[i] - 1] : NULL;

		if (p && lb_probe_same(&p->question, q))
			return p;
	}
	return NULL;
}

/* What answer @a means for the backend that @want asks about. */
static enum api_probe_failure judge(const struct api_probe *want, const struct ip_probe_answer *a)
{
	switch (a->said) {
	case IP_PROBE_ANSWER:
		if (want->kind == API_PROBE_UDP &&
			(a->payload_bytes < want->expect_bytes ||
				memcmp(a->payload, want->expect, want->expect_bytes) != 0))
			return API_PROBE_UNEXPECTED;
		return API_PROBE_OK;
	case IP_PROBE_REFUSED:
		return API_PROBE_REFUSED;
	case IP_PROBE_UNREACHABLE:
	case IP_PROBE_STRAY:
		break;
	}
	return API_PROBE_UNREACHABLE;
}

/* From when @p asked until @arrival_us on a worker, whose clock is read at another moment. */
static uint32_t rtt_us(const struct lb_probe *p, uint32_t arrival_us)
{
	int32_t us = (int32_t)(arrival_us - (uint32_t)(p->asked_ns / NSEC_PER_USEC));

	return us < 0 ? 0 : (uint32_t)us;
}

/* The main thread's part. */
static void conclude(struct worker *w, struct rte_mbuf *m)
{
	const struct lb_world *lb = w->world->lb;
	enum api_probe_failure result;
	struct ip_probe_answer a;
	struct lb_probe *p;
	uint32_t us;

	if (!lb || !read_answer(m, &a) || (p = find_asker(&a.about)) == NULL) {
		drop(w, m, DROP_lb_probe_stray);
		return;
	}
	us = rtt_us(p, pkt_of(m)->icmp_info);
	result = us > p->want.timeout_ms * 1000ULL ? API_PROBE_TIMEOUT : judge(&p->want, &a);
	/* The connection that an answered question opened is of no use to anybody. */
	if (a.said == IP_PROBE_ANSWER && p->want.kind == API_PROBE_TCP)
		lb_probe_send(w, &lb->backends[p - lb_probes], p, LB_PROBE_RESET);
	lb_probe_settle(w, p, result, us);
	worker_consume(w, m);
}

void lb_probe_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (w->id == w->main_id)
			conclude(w, pkts[i]);
		else
			pass_on(w, pkts[i]);
	}
}
