/* SPDX-License-Identifier: BSD-3-Clause */
/* Telling what a stage decided, from where the packet is now and what its notes say. Thread: main.
 */
#ifndef DATAPLANE_EXPLAIN_EXPLAIN_TELL_H
#define DATAPLANE_EXPLAIN_EXPLAIN_TELL_H

#include "dataplane/explain/explain.h"
#include "dataplane/lb/lb.h"
#include "dataplane/tcp/tcp.h"

/* A packet between two stages. */
struct explain_view {
	const struct world *world;
	struct rte_mbuf *m;         /* NULL: it ended in the stage */
	const struct lb_fate *fate; /* of the explained packet itself */
	const struct tcp_fate *tcp; /* ... of its connection */
	enum stage stage;           /* that it was in */
	enum stage next;            /* whose lane it is in now; STAGE_COUNT: none */
	unsigned n_next;            /* packets in that lane */
	uint64_t pending;           /* a bit for each lane that holds packets */
};

/* Whether @m is what the node says, and not the explained packet. */
static inline bool explain_is_answer(const struct explain_story *story, struct rte_mbuf *m)
{
	return (pkt_of(m)->flags & PKT_LOCAL) && !story->wrapped;
}

/* Adds a step for @stage to the story; a full story keeps its first steps. */
void explain_say(struct explain_story *story, enum stage stage, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* The name of interface @number in @world, "?" if it has none. */
const char *explain_iface_name(const struct world *world, uint16_t number);

/* The destination address in the IP header of @m. */
struct ip_addr explain_destination(struct rte_mbuf *m);

/* Adds the steps about what stage lb4 or lb6 decided. */
void explain_tell_lb(struct explain_story *story, const struct explain_view *v);

/* Adds the steps about the connection, or the listener, that stage tcp_input has found. */
void explain_tell_tcp(struct explain_story *story, const struct explain_view *v);

/* The same when a worker has the connection: what it would do with the packet ends the story. */
void explain_tell_conn(struct explain_story *story, const struct tcp_fate *fate);

/* Adds the step about what @v->stage decided. */
void explain_tell(struct explain_story *story, const struct explain_view *v);

/* Adds the step about a packet that has come to its end (port_tx, handoff or drop) and the verdict.
 */
void explain_tell_end(struct explain_story *story, const struct explain_view *v);

#endif
