/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Health probes: what the files lb_probe*.c share. The main thread asks, with at most one question
 * per backend under way; an answer may reach any worker. So that a flood to the ports of probes
 * costs the main thread nothing, each question has a place with a keyed tag that all workers read:
 * a packet whose own tag is not there ends at the worker, and the first one whose tag is there
 * takes it away. Hence the main thread gets at most one packet per question. Thread: any, where a
 * function does not say main.
 */
#ifndef DATAPLANE_LB_LB_PROBE_H
#define DATAPLANE_LB_LB_PROBE_H

#include "dataplane/ip/ip.h"
#include "dataplane/lb/lb_impl.h"

#define LB_PROBE_SLOTS (UINT16_MAX + 1 - IP_PROBE_PORT_MIN) /* own ports */
#define LB_PROBE_WAYS  4                                    /* questions from one own port */
#define LB_PROBE_TTL   64                                   /* of a question as it leaves */

_Static_assert(LB_BACKENDS_MAX <= LB_PROBE_SLOTS * LB_PROBE_WAYS, "a place for each backend");

/* The probes of one backend, by its number. Main thread. */
struct lb_probe {
	struct wheel_timer timer; /* the next question, or the end of waiting for the answer */
	struct api_probe want;
	struct ip_addr addr; /* with port and service: whose results these are */
	uint16_t port_be;
	uint16_t service;
	bool running;
	bool changed; /* want is new */
	bool asked;   /* a question is under way */
	bool overdue; /* time is up, but its answer is on its way from a worker */
	uint8_t way;
	uint16_t slot;
	uint64_t due_ns; /* when it was, or will be, time to ask */
	uint64_t asked_ns;
	struct ip_probe_question question;
};

/* Where questions are waited for. A tag of 0: nobody waits, or the answer is on its way to main. */
struct lb_probe_places {
	_Atomic uint32_t tags[LB_PROBE_SLOTS][LB_PROBE_WAYS];
	uint16_t askers[LB_PROBE_SLOTS][LB_PROBE_WAYS]; /* main only: backend plus one; 0: free */
};

extern struct lb_probe lb_probes[LB_BACKENDS_MAX];
extern struct lb_probe_places lb_probe_places;

/* The tag of the question of @p, which is under way. */
static inline _Atomic uint32_t *lb_probe_tag_of(const struct lb_probe *p)
{
	return &lb_probe_places.tags[p->slot][p->way];
}

/* What the node says in a probe beyond its addresses and ports. */
enum lb_probe_say { LB_PROBE_QUESTION, LB_PROBE_RESET };

/* The own port of @q as a number of a slot. */
static inline unsigned lb_probe_slot(const struct ip_probe_question *q)
{
	return (unsigned)(be16toh(q->own_port_be) - IP_PROBE_PORT_MIN);
}

/* The tag of @q, never 0. */
static inline uint32_t lb_probe_tag(const struct worker *w, const struct ip_probe_question *q)
{
	uint32_t ports = (uint32_t)q->own_port_be << 16 | q->remote_port_be;
	uint64_t to = flow_hash_ip6(w->flow_key, q->own, q->remote, q->protocol, ports);

	return (uint32_t)flow_hash_pair(w->flow_key, to, (uint64_t)q->family << 32 | q->cookie) | 1;
}

/* Whether two questions are the same. */
static inline bool lb_probe_same(
	const struct ip_probe_question *a, const struct ip_probe_question *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/*
 * Fills in @q but for cookie and own port: whom to ask about @b, as its service's mode says, with
 * the settings @want. 0; -EHOSTUNREACH: there is no way to the backend; -EADDRNOTAVAIL: the node
 * has no address to ask with. Main thread.
 */
int lb_probe_aim(const struct world *world, const struct lb_backend *b,
	const struct api_probe *want, struct ip_probe_question *q);

/* Whether the neighbour on the way to @b, whom @q asks, has no MAC. Main thread. */
bool lb_probe_way_is_dead(
	const struct world *world, const struct lb_backend *b, const struct ip_probe_question *q);

/* Sends question @q of @p to @b, or the reset of the connection that it opened. False when out of
 * buffers. Main thread. */
bool lb_probe_send(struct worker *w, const struct lb_backend *b, const struct lb_probe *p,
	enum lb_probe_say say);

/* Ends the question of @p, @asked, with @result (enum api_probe_failure) after @rtt_us. Main
 * thread. */
void lb_probe_settle(
	struct worker *w, struct lb_probe *p, enum api_probe_failure result, uint32_t rtt_us);

#endif
