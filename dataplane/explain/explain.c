/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs one packet through the stages, one stage at a time. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "dataplane/core/query.h"
#include "dataplane/explain/explain.h"
#include "dataplane/explain/explain_packet.h"
#include "dataplane/explain/explain_tell.h"
#include "dataplane/ip/ip.h"

#define STAGES_MAX   64 /* stage runs per packet, answers included */
#define REQUESTS_MAX 8  /* that wait for what workers know */

/* A request that waits. */
struct explain_request {
	struct api_explain req;
	struct server_ticket ticket;
	bool busy;
};

static struct worker *explainer;
static struct stats_worker *counters; /* nobody reads them */
static struct explain_request requests[REQUESTS_MAX];

/* Frames of an explained packet go nowhere: it never gets as far as a device. */
static uint16_t no_burst(
	struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return 0;
}

static uint64_t cycles(struct worker *w)
{
	return rte_rdtsc();
}

static const struct worker_ops no_ops = {.rx = no_burst, .tx = no_burst, .cycles = cycles};

int explain_init(const struct worker *like, struct base_error *err)
{
	counters = aligned_alloc(CACHE_LINE_BYTES, sizeof(*counters));
	if (!counters)
		return base_error_set(err, ENOMEM, "no memory for explain");
	memset(counters, 0, sizeof(*counters));
	explainer = worker_create(0, like->n_workers, &no_ops, counters, like->mempool);
	if (!explainer || icmp_limiter_init(explainer) < 0)
		return base_error_set(err, ENOMEM, "no memory for explain");
	explainer->ns_per_cycle_q32 = like->ns_per_cycle_q32;
	memcpy(explainer->flow_key, like->flow_key, sizeof(explainer->flow_key));
	return 0;
}

void explain_fini(void)
{
	if (explainer) {
		icmp_limiter_fini(explainer);
		worker_destroy(explainer);
	}
	free(counters);
	memset(requests, 0, sizeof(requests));
	explainer = NULL;
	counters = NULL;
}

/* Stages where an explained packet stops. */
static bool is_end(enum stage s)
{
	return s == STAGE_port_tx || s == STAGE_handoff || s == STAGE_drop;
}

/* The first stage with a packet that can still go on, or STAGE_COUNT. */
static enum stage next_stage(const struct worker *w)
{
	for (unsigned s = 0; s < STAGE_COUNT; s++)
		if (w->lanes[s].n && !is_end(s))
			return s;
	return STAGE_COUNT;
}

/* The lane that holds @m, or STAGE_COUNT. */
static enum stage lane_of(const struct worker *w, const struct rte_mbuf *m)
{
	for (unsigned s = 0; s < STAGE_COUNT; s++)
		for (unsigned i = 0; i < w->lanes[s].n; i++)
			if (w->lanes[s].pkts[i] == m)
				return s;
	return STAGE_COUNT;
}

/* Runs stage @s, which holds the foremost packet, and tells what it decided; @known: of the
 * packet's flow or connection. */
static void step(struct worker *w, enum stage s, const struct explain_view *known,
	struct explain_story *story)
{
	struct explain_view v = *known;

	v.world = w->world;
	v.m = w->lanes[s].pkts[0];
	v.stage = s;
	pipeline_run_stage(w, s);
	v.next = lane_of(w, v.m);
	if (v.next == STAGE_COUNT) {
		/* Copied or cut up: what it became is in the lane the stage feeds. */
		v.next = w->lanes[STAGE_port_tx].n ? STAGE_port_tx : next_stage(w);
		v.m = v.next < STAGE_COUNT ? w->lanes[v.next].pkts[0] : NULL;
	}
	v.n_next = v.next < STAGE_COUNT ? w->lanes[v.next].n : 0;
	v.pending = w->pending;
	explain_tell(story, &v);
}

/* Runs the stages until the packet, and what is said about it, have come to their ends. */
static void walk(struct worker *w, const struct explain_view *known, struct explain_story *story)
{
	enum stage s;

	for (unsigned i = 0; i < STAGES_MAX && (s = next_stage(w)) < STAGE_COUNT; i++) {
		if (s == STAGE_tcp_input && known->tcp->is_known) {
			/* Only the worker that has the connection could run it. */
			explain_tell_conn(story, known->tcp);
			return;
		}
		step(w, s, known, story);
	}
}

/* Tells how each packet ended and frees it. */
static void finish(struct worker *w, struct explain_story *story)
{
	static const enum stage ends[] = {STAGE_drop, STAGE_handoff, STAGE_port_tx};

	for (unsigned e = 0; e < ARRAY_SIZE(ends); e++) {
		struct lane *l = &w->lanes[ends[e]];
		struct explain_view v = {.world = w->world, .stage = ends[e], .n_next = l->n};

		if (l->n == 0)
			continue;
		v.m = l->pkts[0];
		explain_tell_end(story, &v);
	}
	for (unsigned s = 0; s < STAGE_COUNT; s++) {
		rte_pktmbuf_free_bulk(w->lanes[s].pkts, w->lanes[s].n);
		w->lanes[s].n = 0;
	}
	w->pending = 0;
}

static const struct iface *find_interface(const struct world *world, const char *name)
{
	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++)
		if (world->ifaces[i].up && strcmp(world->ifaces[i].name, name) == 0)
			return &world->ifaces[i];
	return NULL;
}

/* Explains @req with what @q (NULL: nobody was asked) has found. */
static int run(const struct api_explain *req, const struct query *q, struct explain_story *story,
	struct base_error *err)
{
	struct worker *w = explainer;
	const struct iface *in;
	struct lb_fate fate;
	struct tcp_fate tcp;
	struct rte_mbuf *m;

	memset(story, 0, sizeof(*story));
	w->world = world_current;
	w->now_ns = (uint64_t)(((__uint128_t)cycles(w) * w->ns_per_cycle_q32) >> 32);
	in = find_interface(w->world, req->interface);
	if (!in)
		return base_error_set(err, ENOENT,
			"there is no interface \"%s\": see braidctl show interfaces",
			req->interface);
	m = explain_packet_build(w, req, in, err);
	if (!m)
		return -EINVAL;
	lb_explain_enter(w, req, q && q->kind == QUERY_flow ? q : NULL, &fate);
	tcp_explain_enter(w, req, q && q->kind == QUERY_conn ? q : NULL, &tcp);
	lane_put(w, STAGE_eth, m);
	walk(w, &(struct explain_view){.fate = &fate, .tcp = &tcp}, story);
	finish(w, story);
	if (fate.is_balanced)
		lb_explain_leave(w);
	if (tcp.is_local)
		tcp_explain_leave(w);
	return 0;
}

int explain_run(const struct api_explain *req, struct explain_story *story, struct base_error *err)
{
	return run(req, NULL, story, err);
}

/* The workers have answered, or (@status) one of them does not: then it is said, and explained as
 * if there were no flow and no connection. */
static void on_answer(struct query *q, int status, const struct base_error *query_err)
{
	struct explain_request *r = q->ctx;
	struct explain_story story;
	struct base_error err = {{0}};
	int ret = run(&r->req, status < 0 ? NULL : q, &story, &err);

	r->busy = false;
	if (ret < 0) {
		server_reply_later(&r->ticket, ret, NULL, &err);
		return;
	}
	if (status < 0)
		explain_say(&story, STAGE_handoff, "%s", query_err->text);
	story.reply.count = story.n_steps;
	server_reply_items(&r->ticket, &story.reply, story.steps, story.n_steps);
}

/* Asks the workers about the flow or the connection of @req first: as lb_explain_ask(). */
static int ask(struct server_client *client, const struct api_explain *req, struct base_error *err)
{
	struct explain_request *r = requests;
	int ret;

	while (r < requests + REQUESTS_MAX && r->busy)
		r++;
	if (r == requests + REQUESTS_MAX)
		return base_error_set(err, EBUSY, "explain: too many are under way: try again");
	r->req = *req;
	r->busy = true;
	if (client)
		r->ticket = server_ticket(client);
	ret = lb_explain_ask(&r->req, on_answer, r, err);
	if (ret == 0)
		ret = tcp_explain_ask(&r->req, on_answer, r, err);
	if (ret <= 0)
		r->busy = false;
	return ret;
}

int server_on_explain(struct server_client *client, const struct api_explain *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct explain_story story;
	int ret;

	if (!api_string_ok(body->interface, sizeof(body->interface)))
		return base_error_set(err, EINVAL, "explain: the interface is not printable text");
	ret = ask(client, body, err);
	if (ret > 0)
		return SERVER_LATER;
	if (ret == 0)
		ret = explain_run(body, &story, err);
	if (ret < 0)
		return ret;
	memcpy(reply->body, &story.reply, sizeof(story.reply));
	reply->n_items = MIN_OF(story.n_steps, reply->items_max);
	memcpy(reply->items, story.steps, reply->n_items * sizeof(story.steps[0]));
	return 0;
}
