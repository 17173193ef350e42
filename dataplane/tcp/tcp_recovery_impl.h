/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of loss recovery share: records by their numbers, and the two rings of links, of
 * what is outstanding and of what is lost. Thread: worker.
 */
#ifndef DATAPLANE_TCP_TCP_RECOVERY_IMPL_H
#define DATAPLANE_TCP_TCP_RECOVERY_IMPL_H

#include "dataplane/tcp/tcp_recovery.h"
#include "dataplane/tcp/tcp_seq.h"

/* Record number @number, which is not 0. */
static inline struct tcp_segment *tcp_segment_at(
	const struct tcp_segment_pool *pool, uint32_t number)
{
	return &pool->segments[number - 1];
}

static inline uint32_t tcp_segment_number(
	const struct tcp_segment_pool *pool, const struct tcp_segment *s)
{
	return (uint32_t)(s - pool->segments) + 1;
}

static inline uint32_t tcp_segment_bytes(const struct tcp_segment *s)
{
	return s->end - s->start;
}

/* Puts @number into the ring of *@first before record @before of it, 0: at its end. */
static inline void tcp_link_add(
	const struct tcp_segment_pool *pool, uint32_t *first, uint32_t number, uint32_t before)
{
	struct tcp_segment *s = tcp_segment_at(pool, number), *behind;

	if (*first == 0) {
		*first = s->link_next = s->link_prev = number;
		return;
	}
	behind = tcp_segment_at(pool, before ? before : *first);
	s->link_next = before ? before : *first;
	s->link_prev = behind->link_prev;
	tcp_segment_at(pool, s->link_prev)->link_next = number;
	behind->link_prev = number;
	if (before == *first)
		*first = number;
}

/* Takes @number out of the ring of *@first. */
static inline void tcp_link_del(
	const struct tcp_segment_pool *pool, uint32_t *first, uint32_t number)
{
	struct tcp_segment *s = tcp_segment_at(pool, number);

	if (s->link_next == number) {
		*first = 0;
		return;
	}
	tcp_segment_at(pool, s->link_prev)->link_next = s->link_next;
	tcp_segment_at(pool, s->link_next)->link_prev = s->link_prev;
	if (*first == number)
		*first = s->link_next;
}

/* Number of the first record, 0: there is none. */
static inline uint32_t tcp_recovery_first_number(
	const struct tcp_recovery *r, const struct tcp_segment_pool *pool)
{
	return r->last ? tcp_segment_at(pool, r->last)->next : 0;
}

/* Gives the record @number, which is in no ring any more, back. */
static inline void tcp_segment_free(
	struct tcp_recovery *r, struct tcp_segment_pool *pool, uint32_t number)
{
	tcp_segment_at(pool, number)->next = pool->free;
	pool->free = number;
	pool->n_free++;
	r->n_segments--;
	if (r->sack_hint == number)
		r->sack_hint = 0;
}

/* Makes record @number and the one behind it, which is in no ring of links any more, one. */
void tcp_segment_absorb_next(
	struct tcp_recovery *r, struct tcp_segment_pool *pool, uint32_t number);

/* Marks the outstanding record @number lost. Recovery begins with the first one: true. */
bool tcp_recovery_mark_lost(
	struct tcp_recovery *r, const struct tcp_segment_pool *pool, uint32_t number);

/* Recovery begins: it ends when all that is out has arrived. */
void tcp_recovery_enter(struct tcp_recovery *r, const struct tcp_segment_pool *pool);

/* Recovery ends; what is marked lost stays so. */
void tcp_recovery_leave(struct tcp_recovery *r);

/* tcp_recovery_on_ack without the short way for the usual case. */
void tcp_recovery_on_ack_slow(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	const struct tcp_ack *ack, struct tcp_acked *out);

/* A pass over what one acknowledgement newly says to have arrived. */
struct tcp_rack_pass {
	const struct tcp_ack *ack;
	struct tcp_acked *out;
	uint32_t rtt_us;     /* first sample; 0: none */
	uint32_t rtt_min_us; /* smallest; 0: none */
	bool original;       /* something sent again arrived as it was sent first */
};

/* @s, not known to have arrived before, did (RFC 8985 6.2, steps 1 to 3). In ascending order. */
void tcp_rack_delivered(
	struct tcp_recovery *r, const struct tcp_segment *s, struct tcp_rack_pass *pass);

/* A duplicate was reported or not: the reordering window grows (RFC 8985 6.2 step 4). */
void tcp_rack_adapt(struct tcp_recovery *r, uint32_t una, uint32_t snd_nxt, bool dsack);

/* Marks what was sent long enough before what has arrived (RFC 8985 6.2 step 5). */
void tcp_rack_detect(struct tcp_recovery *r, const struct tcp_segment_pool *pool, uint64_t now_ns,
	struct tcp_acked *out);

/* What a tail loss probe came to (RFC 8985 7.4). */
void tcp_rack_probe_acked(struct tcp_recovery *r, const struct tcp_ack *ack, struct tcp_acked *out);

/* The smallest of some seconds. */
void tcp_rtt_min(struct tcp_path *path, uint32_t rtt_us, uint64_t now_ns);

#endif
