/* SPDX-License-Identifier: BSD-3-Clause */
/* The records of what was sent: made, sent again, cut, marked, freed. Thread: worker. */
#include <errno.h>

#include "dataplane/tcp/tcp_recovery_impl.h"

void tcp_segment_pool_init(struct tcp_segment_pool *pool, struct tcp_segment *segments, uint32_t n)
{
	*pool = (struct tcp_segment_pool){.segments = segments, .n_free = n, .n_total = n};
	for (uint32_t i = n; i-- > 0;) {
		segments[i].next = pool->free;
		pool->free = i + 1;
	}
}

/* A new record behind @prev, 0: of an empty list; its number, 0: none left. */
static uint32_t segment_insert(struct tcp_recovery *r, struct tcp_segment_pool *pool, uint32_t prev)
{
	uint32_t number = pool->free;
	struct tcp_segment *s;

	if (number == 0 || r->n_segments == TCP_SEGMENTS_MAX)
		return 0;
	s = tcp_segment_at(pool, number);
	pool->free = s->next;
	pool->n_free--;
	s->next = prev ? tcp_segment_at(pool, prev)->next : number;
	if (prev)
		tcp_segment_at(pool, prev)->next = number;
	if (prev == r->last)
		r->last = number;
	r->n_segments++;
	return number;
}

/* Whether one that has @n records may have another one: half as many as are free to all, so that
 * those who acknowledge nothing leave some to the others, however many they are. What is sent again
 * in pieces may go beyond it. */
static inline bool has_share(const struct tcp_segment_pool *pool, uint32_t n)
{
	uint32_t free = pool->n_free - MIN_OF(pool->n_free, pool->n_kept);

	return n < TCP_SEGMENTS_MIN || n < free / TCP_SEGMENTS_SHARE;
}

int tcp_recovery_on_send(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	struct tcp_range range, uint8_t flags, uint64_t now_ns)
{
	uint32_t number = pool->free;
	struct tcp_segment *s;

	BRAID_ASSERT(tcp_seq_lt(range.start, range.end));
	if (LIKELY(r->last == 0 && number != 0)) {
		/* The only one is both rings. */
		s = tcp_segment_at(pool, number);
		pool->free = s->next;
		pool->n_free--;
		r->last = r->time_first = s->next = s->link_next = s->link_prev = number;
		r->n_segments = 1;
	} else {
		BRAID_ASSERT(!r->last || tcp_segment_at(pool, r->last)->end == range.start);
		number = has_share(pool, r->n_segments) ? segment_insert(r, pool, r->last) : 0;
		if (number == 0)
			return -ENOBUFS;
		s = tcp_segment_at(pool, number);
		tcp_link_add(pool, &r->time_first, number, 0);
	}
	s->sent_ns = now_ns;
	s->start = range.start;
	s->end = range.end;
	s->flags = flags & (TCP_SEGMENT_FIN | TCP_SEGMENT_SYN);
	s->n_sent = 1;
	s->n_merged = 1;
	r->in_flight_bytes += range.end - range.start;
	return 0;
}

void tcp_recovery_on_retransmit(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	struct tcp_segment *s, uint64_t now_ns)
{
	uint32_t number = tcp_segment_number(pool, s);

	BRAID_ASSERT(!(s->flags & TCP_SEGMENT_SACKED));
	if (s->flags & TCP_SEGMENT_LOST) {
		tcp_link_del(pool, &r->lost_first, number);
		r->lost_bytes -= tcp_segment_bytes(s);
		r->in_flight_bytes += tcp_segment_bytes(s);
		s->flags &= (uint8_t)~TCP_SEGMENT_LOST;
	} else {
		tcp_link_del(pool, &r->time_first, number);
	}
	tcp_link_add(pool, &r->time_first, number, 0);
	s->flags |= TCP_SEGMENT_RETRANSMITTED;
	s->n_sent = (uint8_t)(s->n_sent + (s->n_sent < UINT8_MAX));
	s->sent_ns = now_ns;
	r->n_again = (uint16_t)(r->n_again + (r->in_recovery && r->n_again < UINT16_MAX));
}

int tcp_recovery_split(
	struct tcp_recovery *r, struct tcp_segment_pool *pool, struct tcp_segment *s, uint32_t at)
{
	uint32_t number = tcp_segment_number(pool, s), behind;
	uint32_t *ring = s->flags & TCP_SEGMENT_LOST ? &r->lost_first : &r->time_first;
	struct tcp_segment *t;

	BRAID_ASSERT(!(s->flags & TCP_SEGMENT_SACKED));
	BRAID_ASSERT(tcp_seq_lt(s->start, at) && tcp_seq_lt(at, s->end));
	behind = segment_insert(r, pool, number);
	if (behind == 0)
		return -ENOBUFS;
	t = tcp_segment_at(pool, behind);
	t->sent_ns = s->sent_ns;
	t->start = at;
	t->end = s->end;
	t->flags = s->flags & (uint8_t)~TCP_SEGMENT_SYN;
	t->n_sent = s->n_sent;
	t->n_merged = 1;
	s->end = at;
	s->flags &= (uint8_t)~TCP_SEGMENT_FIN;
	/* Behind the last of a ring is its end, not its beginning. */
	tcp_link_add(pool, ring, behind, s->link_next == *ring ? 0 : s->link_next);
	return 0;
}

void tcp_segment_absorb_next(struct tcp_recovery *r, struct tcp_segment_pool *pool, uint32_t number)
{
	struct tcp_segment *s = tcp_segment_at(pool, number);
	uint32_t next = s->next;
	struct tcp_segment *t = tcp_segment_at(pool, next);

	s->end = t->end;
	s->flags |= t->flags;
	s->n_merged = (uint16_t)(s->n_merged + t->n_merged);
	s->next = t->next;
	if (r->last == next)
		r->last = number;
	if (r->sack_hint == next)
		r->sack_hint = number;
	tcp_segment_free(r, pool, next);
}

void tcp_recovery_join(struct tcp_recovery *r, struct tcp_segment_pool *pool, struct tcp_segment *s,
	uint32_t payload_bytes)
{
	uint32_t number = tcp_segment_number(pool, s);

	BRAID_ASSERT(s->flags & TCP_SEGMENT_LOST);
	while (number != r->last) {
		const struct tcp_segment *t = tcp_segment_at(pool, s->next);

		if (!(t->flags & TCP_SEGMENT_LOST) ||
			t->end - s->start - !!(t->flags & TCP_SEGMENT_FIN) > payload_bytes)
			break;
		s->n_sent = MAX_OF(s->n_sent, t->n_sent);
		tcp_link_del(pool, &r->lost_first, s->next);
		tcp_segment_absorb_next(r, pool, number);
	}
	/* They leave as one segment. */
	s->n_merged = 1;
}

void tcp_recovery_enter(struct tcp_recovery *r, const struct tcp_segment_pool *pool)
{
	if (!r->in_recovery) {
		r->n_again = 0;
		r->recover_start = tcp_recovery_first(r, pool)->start;
	}
	r->in_recovery = true;
	r->after_rto = false;
	r->undo_open = true;
	r->recover_end = tcp_segment_at(pool, r->last)->end;
}

void tcp_recovery_leave(struct tcp_recovery *r)
{
	r->in_recovery = false;
	r->after_rto = false;
	r->undo_open = false;
}

bool tcp_recovery_mark_lost(
	struct tcp_recovery *r, const struct tcp_segment_pool *pool, uint32_t number)
{
	struct tcp_segment *s = tcp_segment_at(pool, number);
	bool entered = !r->in_recovery;
	uint32_t before = 0;

	tcp_link_del(pool, &r->time_first, number);
	/* What holds up all the others goes first; else the order in which loss was found, which is
	 * nearly that of the sequence. */
	if (r->lost_first && tcp_seq_lt(s->start, tcp_segment_at(pool, r->lost_first)->start))
		before = r->lost_first;
	tcp_link_add(pool, &r->lost_first, number, before);
	s->flags |= TCP_SEGMENT_LOST;
	r->in_flight_bytes -= tcp_segment_bytes(s);
	r->lost_bytes += tcp_segment_bytes(s);
	if (entered)
		tcp_recovery_enter(r, pool);
	return entered;
}

bool tcp_recovery_on_dup_acks(struct tcp_recovery *r, struct tcp_segment_pool *pool)
{
	uint32_t first = tcp_recovery_first_number(r, pool);

	if (r->in_recovery || !first)
		return false;
	return tcp_recovery_mark_lost(r, pool, first);
}

struct tcp_segment *tcp_recovery_next_lost(
	const struct tcp_recovery *r, const struct tcp_segment_pool *pool)
{
	return r->lost_first ? tcp_segment_at(pool, r->lost_first) : NULL;
}

struct tcp_segment *tcp_recovery_first(
	const struct tcp_recovery *r, const struct tcp_segment_pool *pool)
{
	return r->last ? tcp_segment_at(pool, tcp_recovery_first_number(r, pool)) : NULL;
}

struct tcp_segment *tcp_recovery_last(
	const struct tcp_recovery *r, const struct tcp_segment_pool *pool)
{
	return r->last ? tcp_segment_at(pool, r->last) : NULL;
}

uint64_t tcp_recovery_age_us(
	const struct tcp_recovery *r, const struct tcp_segment_pool *pool, uint64_t now_ns)
{
	if (!r->time_first)
		return 0;
	return (now_ns - tcp_segment_at(pool, r->time_first)->sent_ns) / NSEC_PER_USEC;
}

void tcp_recovery_clear(struct tcp_recovery *r, struct tcp_segment_pool *pool)
{
	if (r->last) {
		uint32_t first = tcp_recovery_first_number(r, pool);

		tcp_segment_at(pool, r->last)->next = pool->free;
		pool->free = first;
		pool->n_free += r->n_segments;
	}
	r->last = r->time_first = r->lost_first = r->sack_hint = 0;
	r->in_flight_bytes = r->sacked_bytes = r->lost_bytes = 0;
	r->n_segments = r->n_sacked = 0;
	r->probing = false;
	tcp_recovery_leave(r);
}
