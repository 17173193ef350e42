/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an acknowledgement says about the records of what was sent (RFC 2018, 2883, 6582, 6675,
 * 8985). Work is bounded: a record is freed, selectively acknowledged and lost once per
 * transmission, and the search for SACK blocks ends after TCP_SACK_STEPS_MAX records; a peer's
 * later acknowledgements repeat what was not read. Thread: worker.
 */
#include "dataplane/tcp/tcp_recovery_impl.h"

/* The blocks of an acknowledgement that tell news, ascending. */
struct blocks {
	unsigned n;
	struct tcp_range ranges[TCP_SACK_BLOCKS_MAX];
};

/* Where the search for blocks is. */
struct walk {
	uint32_t at;   /* number of a record, 0: behind the last */
	uint32_t prev; /* ... of the one before, 0: not known to be selectively acknowledged */
	unsigned steps;
};

/* Takes the record @number out of the accounts and its ring. */
static void segment_forget(
	struct tcp_recovery *r, const struct tcp_segment_pool *pool, uint32_t number)
{
	struct tcp_segment *s = tcp_segment_at(pool, number);

	if (s->flags & TCP_SEGMENT_SACKED) {
		r->sacked_bytes -= tcp_segment_bytes(s);
		r->n_sacked = (uint16_t)(r->n_sacked - s->n_merged);
	} else if (s->flags & TCP_SEGMENT_LOST) {
		r->lost_bytes -= tcp_segment_bytes(s);
		tcp_link_del(pool, &r->lost_first, number);
	} else {
		r->in_flight_bytes -= tcp_segment_bytes(s);
		tcp_link_del(pool, &r->time_first, number);
	}
}

/* @una lies inside @s: its first part has arrived. */
static void segment_cut(struct tcp_recovery *r, struct tcp_segment *s, uint32_t una)
{
	uint32_t bytes = una - s->start;

	if (s->flags & TCP_SEGMENT_SACKED)
		r->sacked_bytes -= bytes;
	else if (s->flags & TCP_SEGMENT_LOST)
		r->lost_bytes -= bytes;
	else
		r->in_flight_bytes -= bytes;
	s->start = una;
	s->flags &= (uint8_t)~TCP_SEGMENT_SYN;
}

static void acked_cumulatively(
	struct tcp_recovery *r, struct tcp_segment_pool *pool, struct tcp_rack_pass *pass)
{
	uint32_t una = pass->ack->una;

	while (r->last) {
		uint32_t first = tcp_recovery_first_number(r, pool);
		struct tcp_segment *s = tcp_segment_at(pool, first);
		uint32_t bytes = tcp_segment_bytes(s);
		bool is_news = !(s->flags & TCP_SEGMENT_SACKED);

		if (!tcp_seq_lt(s->start, una))
			return;
		if (tcp_seq_lt(una, s->end)) {
			bytes = una - s->start;
			segment_cut(r, s, una);
			pass->out->acked_bytes += bytes;
			pass->out->delivered_bytes += is_news ? bytes : 0;
			return;
		}
		if (is_news)
			tcp_rack_delivered(r, s, pass);
		pass->out->acked_bytes += bytes;
		pass->out->delivered_bytes += is_news ? bytes : 0;
		segment_forget(r, pool, first);
		if (first == r->last)
			r->last = 0;
		else
			tcp_segment_at(pool, r->last)->next = s->next;
		tcp_segment_free(r, pool, first);
	}
}

/* RFC 2883 4: the first block is below what is acknowledged, or inside the second block. */
static bool reports_duplicate(const struct tcp_options *o, uint32_t una)
{
	const struct tcp_range *first = &o->sacks[0], *second = &o->sacks[1];

	if (o->n_sacks == 0 || !tcp_seq_lt(first->start, first->end))
		return false;
	if (tcp_seq_lt(first->start, una) && tcp_seq_le(first->end, una))
		return true;
	return o->n_sacks > 1 && tcp_seq_le(second->start, first->start) &&
	       tcp_seq_le(first->end, second->end);
}

/* Blocks must lie beyond a hole and in what was sent; others are nonsense or duplicates. Those that
 * meet become one. */
static void blocks_read(struct blocks *b, const struct tcp_ack *ack, uint32_t snd_nxt)
{
	const struct tcp_options *o = ack->options;
	unsigned n = 0;

	b->n = 0;
	for (unsigned i = 0; i < o->n_sacks; i++) {
		struct tcp_range range = o->sacks[i];
		unsigned at = b->n;

		if (!tcp_seq_lt(ack->una, range.start) || !tcp_seq_lt(range.start, range.end) ||
			!tcp_seq_le(range.end, snd_nxt))
			continue;
		for (; at > 0 && tcp_seq_lt(range.start, b->ranges[at - 1].start); at--)
			b->ranges[at] = b->ranges[at - 1];
		b->ranges[at] = range;
		b->n++;
	}
	for (unsigned i = 1; i < b->n; i++) {
		struct tcp_range *last = &b->ranges[n];

		if (tcp_seq_le(b->ranges[i].start, last->end))
			last->end = tcp_seq_max(last->end, b->ranges[i].end);
		else
			b->ranges[++n] = b->ranges[i];
	}
	b->n = b->n ? n + 1 : 0;
}

/* Record @number has arrived; number of the one that it is part of now. */
static uint32_t acked_selectively(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	uint32_t number, uint32_t prev, struct tcp_rack_pass *pass)
{
	struct tcp_segment *s = tcp_segment_at(pool, number);
	uint32_t bytes = tcp_segment_bytes(s);

	tcp_rack_delivered(r, s, pass);
	segment_forget(r, pool, number);
	s->flags = (uint8_t)((s->flags & ~TCP_SEGMENT_LOST) | TCP_SEGMENT_SACKED);
	r->sacked_bytes += bytes;
	r->n_sacked = (uint16_t)(r->n_sacked + s->n_merged);
	pass->out->sacked_bytes += bytes;
	pass->out->delivered_bytes += bytes;
	if (prev && tcp_segment_at(pool, prev)->flags & TCP_SEGMENT_SACKED) {
		tcp_segment_absorb_next(r, pool, prev);
		number = prev;
	}
	s = tcp_segment_at(pool, number);
	if (number != r->last && tcp_segment_at(pool, s->next)->flags & TCP_SEGMENT_SACKED)
		tcp_segment_absorb_next(r, pool, number);
	return number;
}

static void walk_on(
	struct walk *w, const struct tcp_recovery *r, const struct tcp_segment_pool *pool)
{
	w->prev = w->at;
	w->at = w->at == r->last ? 0 : tcp_segment_at(pool, w->at)->next;
}

/* Starts at the hint if it lies between here and @range. The first record to be marked must be a
 * later one, whose predecessor is known, or the hint marked already. */
static void walk_skip(struct walk *w, const struct tcp_recovery *r,
	const struct tcp_segment_pool *pool, const struct tcp_range *range)
{
	const struct tcp_segment *hint;

	if (!r->sack_hint)
		return;
	hint = tcp_segment_at(pool, r->sack_hint);
	if (tcp_seq_lt(tcp_segment_at(pool, w->at)->start, hint->start) &&
		(tcp_seq_le(hint->end, range->start) ||
			(hint->flags & TCP_SEGMENT_SACKED &&
				tcp_seq_le(hint->start, range->start)))) {
		w->at = r->sack_hint;
		w->prev = 0;
	}
}

/* Marks what lies in @range; false: that is enough for one acknowledgement. */
static bool walk_range(struct walk *w, struct tcp_recovery *r, struct tcp_segment_pool *pool,
	const struct tcp_range *range, struct tcp_rack_pass *pass)
{
	walk_skip(w, r, pool, range);
	while (w->at) {
		const struct tcp_segment *s = tcp_segment_at(pool, w->at);

		if (!tcp_seq_lt(s->start, range->end))
			break;
		if (w->steps++ == TCP_SACK_STEPS_MAX)
			return false;
		if (tcp_seq_le(range->start, s->start) && tcp_seq_le(s->end, range->end) &&
			!(s->flags & TCP_SEGMENT_SACKED))
			w->at = acked_selectively(r, pool, w->at, w->prev, pass);
		walk_on(w, r, pool);
	}
	return true;
}

/* The furthest record that was passed is where the next acknowledgements begin: their most recent
 * block lies there, or it was not reached and will be with another one. */
static void hint_set(struct tcp_recovery *r, const struct tcp_segment_pool *pool, uint32_t number)
{
	if (number && (!r->sack_hint || tcp_seq_lt(tcp_segment_at(pool, r->sack_hint)->start,
						tcp_segment_at(pool, number)->start)))
		r->sack_hint = number;
}

static void read_blocks(struct tcp_recovery *r, struct tcp_segment_pool *pool, uint32_t snd_nxt,
	struct tcp_rack_pass *pass)
{
	struct walk w = {.at = tcp_recovery_first_number(r, pool)};
	struct blocks b;

	blocks_read(&b, pass->ack, snd_nxt);
	for (unsigned i = 0; i < b.n && w.at; i++)
		if (!walk_range(&w, r, pool, &b.ranges[i], pass))
			break;
	hint_set(r, pool, w.prev);
}

static void take_samples(struct tcp_recovery *r, struct tcp_rack_pass *pass)
{
	struct tcp_acked *out = pass->out;

	out->rtt_us = pass->rtt_us;
	/* Time stamps tell apart what Karn's rule cannot (RFC 7323 4.1). */
	if (out->rtt_us == 0 && out->acked_bytes > 0)
		out->rtt_us = pass->ack->ts_rtt_us;
	if (out->rtt_us == 0)
		return;
	tcp_recovery_on_rtt(r->path, out->rtt_us, pass->ack->now_ns);
	if (pass->rtt_min_us)
		tcp_rtt_min(r->path, pass->rtt_min_us, pass->ack->now_ns);
}

/* Recovery was not needed: what is marked lost is only late. Its transmissions are older than those
 * that are outstanding. */
static void undo(struct tcp_recovery *r, const struct tcp_segment_pool *pool)
{
	uint32_t number;

	tcp_recovery_leave(r);
	r->n_again = 0;
	while ((number = r->lost_first) != 0) {
		/* From the end on, each before the others. */
		number = tcp_segment_at(pool, number)->link_prev;
		struct tcp_segment *s = tcp_segment_at(pool, number);

		tcp_link_del(pool, &r->lost_first, number);
		tcp_link_add(pool, &r->time_first, number, r->time_first);
		s->flags &= (uint8_t)~TCP_SEGMENT_LOST;
		r->lost_bytes -= tcp_segment_bytes(s);
		r->in_flight_bytes += tcp_segment_bytes(s);
	}
}

/* Whether the duplicate that @ack reports is the last of those that the last recovery sent: all of
 * them arrived twice, so nothing was lost (RFC 3708 2). The one of a tail loss probe tells of that
 * probe. Recovery may be over already. */
static bool duplicates_prove(struct tcp_recovery *r, const struct tcp_ack *ack)
{
	const struct tcp_range *twice = &ack->options->sacks[0];

	if (r->n_again == 0 || tcp_seq_lt(twice->start, r->recover_start) ||
		tcp_seq_lt(r->recover_end, twice->end) ||
		(r->probing && r->probe_retransmitted && twice->end == r->probe_end))
		return false;
	return --r->n_again == 0;
}

/* How recovery goes on: ends, was in vain, or takes the next hole of a peer without SACK. */
static void recovery_step(
	struct tcp_recovery *r, const struct tcp_segment_pool *pool, struct tcp_rack_pass *pass)
{
	struct tcp_acked *out = pass->out;
	uint32_t first = tcp_recovery_first_number(r, pool);

	if (!r->in_recovery)
		return;
	if (r->undo_open && (out->acked_bytes > 0 || out->retransmission_acked)) {
		r->undo_open = false;
		if (pass->original) {
			undo(r, pool);
			out->spurious = true;
			return;
		}
	}
	if (!first || tcp_seq_le(r->recover_end, pass->ack->una)) {
		tcp_recovery_leave(r);
		out->recovery_left = true;
		if (r->path->reo_persist > 0 && --r->path->reo_persist == 0)
			r->path->reo_mult = 0;
	} else if (!r->has_sack && !r->after_rto && out->acked_bytes > 0 &&
		   !(tcp_segment_at(pool, first)->flags & TCP_SEGMENT_LOST)) {
		out->lost_bytes += tcp_segment_bytes(tcp_segment_at(pool, first));
		tcp_recovery_mark_lost(r, pool, first);
	}
}

void tcp_recovery_on_ack_slow(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	const struct tcp_ack *ack, struct tcp_acked *out)
{
	struct tcp_rack_pass pass = {.ack = ack, .out = out};
	uint32_t snd_nxt = r->last ? tcp_segment_at(pool, r->last)->end : ack->una;

	*out = (struct tcp_acked){0};
	acked_cumulatively(r, pool, &pass);
	if (r->has_sack && ack->options->n_sacks > 0) {
		out->dsack = reports_duplicate(ack->options, ack->una);
		if (r->last)
			read_blocks(r, pool, snd_nxt, &pass);
	}
	take_samples(r, &pass);
	tcp_rack_adapt(r, ack->una, snd_nxt, out->dsack);
	if (out->dsack && duplicates_prove(r, ack)) {
		undo(r, pool);
		out->spurious = true;
	}
	tcp_rack_probe_acked(r, ack, out);
	recovery_step(r, pool, &pass);
	tcp_rack_detect(r, pool, ack->now_ns, out);
}

uint32_t tcp_recovery_on_plain_ack(
	struct tcp_recovery *r, struct tcp_segment_pool *pool, uint64_t now_ns)
{
	struct tcp_segment *s = tcp_segment_at(pool, r->last);
	uint64_t age_us = (now_ns - s->sent_ns) / NSEC_PER_USEC;
	uint32_t rtt_us = (uint32_t)MAX_OF(MIN_OF(age_us, (uint64_t)TCP_RTO_MAX_US), 1ull);

	r->has_fack = true;
	r->rack_fack = r->rack_end = s->end;
	r->rack_sent_ns = s->sent_ns;
	r->rack_rtt_us = rtt_us;
	s->next = pool->free;
	pool->free = r->last;
	pool->n_free++;
	r->last = r->time_first = r->sack_hint = 0;
	r->n_segments = 0;
	r->in_flight_bytes = 0;
	tcp_recovery_on_rtt(r->path, rtt_us, now_ns);
	return rtt_us;
}

void tcp_recovery_on_ack(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	const struct tcp_ack *ack, struct tcp_acked *out)
{
	uint32_t bytes = r->in_flight_bytes;

	if (UNLIKELY(!tcp_recovery_is_plain(r, pool, ack->una) || ack->options->n_sacks != 0)) {
		tcp_recovery_on_ack_slow(r, pool, ack, out);
		return;
	}
	*out = (struct tcp_acked){
		.acked_bytes = bytes,
		.delivered_bytes = bytes,
		.rtt_us = tcp_recovery_on_plain_ack(r, pool, ack->now_ns),
	};
}
