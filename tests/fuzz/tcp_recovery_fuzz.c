/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loss recovery against a list of every segment that was sent, none of them merged. The input is
 * {sequence number, SACK or not} and a series of operations {kind, three values}: sending,
 * acknowledgements with any blocks, time, timers, retransmissions, cuts.
 */
#include <string.h>

#include "dataplane/tcp/tcp_recovery_impl.h"

#define OP_BYTES 8u
#define POOL     300u
#define SEGMENTS 90u /* sent at once at most: its share of the pool; cuts find records too */

enum fuzz_op {
	OP_SEND,
	OP_ACK,
	OP_TIME,
	OP_RACK,
	OP_RTO,
	OP_RETRANSMIT,
	OP_PROBE,
	OP_SPLIT,
	OP_DUP_ACKS,
	OP_CLEAR,
	OP_JOIN,
	OP_COUNT
};

enum model_state { OUT, LOST, SACKED };

struct model_segment {
	uint32_t start;
	uint32_t end;
	uint64_t sent_ns;
	enum model_state state;
};

static struct {
	struct tcp_path path;
	struct tcp_recovery r;
	struct tcp_segment_pool pool;
	struct tcp_segment records[POOL];
	struct model_segment segments[2 * POOL];
	unsigned n;
	uint32_t snd_nxt;
	uint64_t now_ns;
	bool undone; /* since then, what is outstanding is not in order of time */
} f;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t una(void)
{
	return f.n ? f.segments[0].start : f.snd_nxt;
}

/* The model's segment that holds @seq. */
static struct model_segment *model_at(uint32_t seq)
{
	for (unsigned i = 0; i < f.n; i++)
		if (tcp_seq_le(f.segments[i].start, seq) && tcp_seq_lt(seq, f.segments[i].end))
			return &f.segments[i];
	BRAID_ASSERT(!"a record of nothing that was sent");
	return NULL;
}

/* Each ring holds what its flags say, @n records, and its links agree. */
static void compare_ring(uint32_t first, uint8_t flags, unsigned n)
{
	uint32_t at = first;
	uint64_t time_ns = 0;

	BRAID_ASSERT((first == 0) == (n == 0));
	for (unsigned i = 0; i < n; i++) {
		const struct tcp_segment *s = tcp_segment_at(&f.pool, at);

		BRAID_ASSERT((s->flags & (TCP_SEGMENT_SACKED | TCP_SEGMENT_LOST)) == flags);
		BRAID_ASSERT(tcp_segment_at(&f.pool, s->link_next)->link_prev == at);
		if (flags == 0 && !f.undone)
			BRAID_ASSERT(s->sent_ns >= time_ns);
		time_ns = s->sent_ns;
		at = s->link_next;
	}
	BRAID_ASSERT(at == first);
}

/* One record against the segments of the model that it stands for. It does not know how many were
 * cut off by an acknowledgement of a part of it. How many they are. */
static unsigned compare_record(const struct tcp_segment *s)
{
	unsigned n = 0;
	uint32_t seq = s->start;

	while (tcp_seq_lt(seq, s->end)) {
		const struct model_segment *m = model_at(seq);

		BRAID_ASSERT(m->start == seq);
		BRAID_ASSERT((m->state == SACKED) == !!(s->flags & TCP_SEGMENT_SACKED));
		BRAID_ASSERT((m->state == LOST) == !!(s->flags & TCP_SEGMENT_LOST));
		if (m->state != SACKED)
			BRAID_ASSERT(m->sent_ns == s->sent_ns && m->end == s->end);
		seq = m->end;
		n++;
	}
	BRAID_ASSERT(seq == s->end && n <= s->n_merged);
	BRAID_ASSERT(n == 1 || s->flags & TCP_SEGMENT_SACKED);
	return n;
}

static void compare(void)
{
	uint32_t at = tcp_recovery_first_number(&f.r, &f.pool), seq = una();
	unsigned n_model = 0, n[3] = {0}, n_sacked = 0;
	uint32_t bytes[3] = {0};
	bool was_sacked = false, has_hint = f.r.sack_hint == 0;

	BRAID_ASSERT((at == 0) == (f.n == 0));
	for (unsigned i = 0; i < f.r.n_segments; i++) {
		const struct tcp_segment *s = tcp_segment_at(&f.pool, at);
		bool sacked = s->flags & TCP_SEGMENT_SACKED;
		enum model_state state = sacked ? SACKED : s->flags & TCP_SEGMENT_LOST ? LOST : OUT;
		unsigned stands_for = compare_record(s);

		BRAID_ASSERT(s->start == seq && !(was_sacked && sacked));
		seq = s->end;
		n[state]++;
		bytes[state] += s->end - s->start;
		n_model += stands_for;
		n_sacked += sacked ? s->n_merged : 0u;
		was_sacked = sacked;
		has_hint |= at == f.r.sack_hint;
		BRAID_ASSERT((at == f.r.last) == (i + 1 == f.r.n_segments));
		at = s->next;
	}
	BRAID_ASSERT(seq == f.snd_nxt && n_model == f.n && has_hint);
	BRAID_ASSERT(f.r.in_flight_bytes == bytes[OUT] && f.r.lost_bytes == bytes[LOST]);
	BRAID_ASSERT(f.r.sacked_bytes == bytes[SACKED] && f.r.n_sacked == n_sacked);
	BRAID_ASSERT(f.pool.n_free + f.r.n_segments == f.pool.n_total);
	compare_ring(f.r.time_first, 0, n[OUT]);
	compare_ring(f.r.lost_first, TCP_SEGMENT_LOST, n[LOST]);
	BRAID_ASSERT(!f.r.in_recovery || f.n > 0);
	BRAID_ASSERT(f.r.in_recovery || !f.r.after_rto);
	BRAID_ASSERT(f.r.has_sack || n[SACKED] == 0);
	BRAID_ASSERT(tcp_recovery_reo_wnd_us(&f.r) <= f.path.srtt_us);
	BRAID_ASSERT(tcp_recovery_rto_us(&f.path) <= TCP_RTO_MAX_US);
	BRAID_ASSERT(tcp_recovery_pto_us(&f.path, false) <= tcp_recovery_rto_us(&f.path));
}

/* Whether @m was sent at least @wait_us ago and before the latest that arrived. */
static bool is_late(const struct model_segment *m, uint64_t wait_us)
{
	bool before = m->sent_ns < f.r.rack_sent_ns ||
		      (m->sent_ns == f.r.rack_sent_ns && tcp_seq_lt(m->end, f.r.rack_end));

	return before && m->sent_ns + wait_us * NSEC_PER_USEC <= f.now_ns;
}

/* Takes over what RACK marked lost: that must be late; what is late for longer than any reordering
 * window must be lost. Bytes. */
static uint32_t learn_lost(bool is_partial)
{
	uint32_t at = tcp_recovery_first_number(&f.r, &f.pool), bytes = 0;

	for (unsigned i = 0; i < f.r.n_segments; i++) {
		const struct tcp_segment *s = tcp_segment_at(&f.pool, at);
		struct model_segment *m = model_at(s->start);

		at = s->next;
		if (m->state == OUT && s->flags & TCP_SEGMENT_LOST) {
			BRAID_ASSERT(is_late(m, f.r.rack_rtt_us) || (i == 0 && is_partial));
			m->state = LOST;
			bytes += m->end - m->start;
		} else if (m->state == OUT && f.r.has_sack && !f.undone) {
			BRAID_ASSERT(!is_late(m, (uint64_t)f.r.rack_rtt_us + f.path.srtt_us) ||
				     m->sent_ns == f.r.rack_sent_ns);
		}
	}
	return bytes;
}

static void model_delete(unsigned i, unsigned n)
{
	memmove(&f.segments[i], &f.segments[i + n], (f.n - i - n) * sizeof(f.segments[0]));
	f.n -= n;
}

static void check_timeout(const struct tcp_acked *out)
{
	BRAID_ASSERT(out->rack_timeout_ns == 0 || out->rack_timeout_ns > f.now_ns);
	BRAID_ASSERT(out->rack_timeout_ns == 0 || f.r.time_first != 0);
}

static void do_send(const uint8_t *op)
{
	for (unsigned i = 0; i < 1 + op[1] % 8u; i++) {
		struct tcp_range range = {f.snd_nxt, f.snd_nxt + 1 + op[2 + i % 4] % 16u};
		uint64_t now_ns = f.now_ns;

		if (f.n >= SEGMENTS || tcp_recovery_on_send(&f.r, &f.pool, range, 0, now_ns) != 0)
			return;
		f.segments[f.n++] = (struct model_segment){range.start, range.end, now_ns, OUT};
		f.snd_nxt = range.end;
	}
}

/* What the model makes of everything before @ack; bytes that are news. */
static uint32_t model_acked(uint32_t ack)
{
	uint32_t news = 0;

	while (f.n > 0 && tcp_seq_lt(f.segments[0].start, ack)) {
		struct model_segment *m = &f.segments[0];
		uint32_t end = tcp_seq_min(m->end, ack);

		news += m->state != SACKED ? end - m->start : 0;
		m->start = end;
		if (m->start == m->end)
			model_delete(0, 1);
	}
	return news;
}

/* Whether one of the blocks that make sense has @seq. */
static bool is_in_block(const struct tcp_options *o, uint32_t ack, uint32_t seq)
{
	for (unsigned i = 0; i < o->n_sacks; i++) {
		struct tcp_range b = o->sacks[i];

		if (tcp_seq_lt(ack, b.start) && tcp_seq_lt(b.start, b.end) &&
			tcp_seq_le(b.end, f.snd_nxt) && tcp_seq_le(b.start, seq) &&
			tcp_seq_lt(seq, b.end))
			return true;
	}
	return false;
}

/* What the model makes of the blocks: segments of which every byte is in one. Bytes that are news.
 */
static uint32_t model_sacked(const struct tcp_options *o, uint32_t ack)
{
	uint32_t news = 0;

	for (unsigned i = 0; i < f.n && f.r.has_sack; i++) {
		struct model_segment *m = &f.segments[i];
		uint32_t seq = m->start;

		while (seq != m->end && is_in_block(o, ack, seq))
			seq++;
		if (m->state != SACKED && seq == m->end) {
			m->state = SACKED;
			news += m->end - m->start;
		}
	}
	return news;
}

/* Blocks are near segments of the model, or anything. */
static void make_options(const uint8_t *op, struct tcp_options *o)
{
	o->n_sacks = op[2] % (TCP_SACK_BLOCKS_MAX + 1);
	for (unsigned i = 0; i < o->n_sacks; i++) {
		unsigned v = op[3 + i], first = v % 64, last = first + v / 64 * 2;

		if (f.n == 0 || op[7] & 1) {
			o->sacks[i] =
				(struct tcp_range){una() + v - 20, una() + v - 20 + op[6] % 60u};
			continue;
		}
		o->sacks[i].start = f.segments[first % f.n].start;
		o->sacks[i].end = f.segments[MIN_OF(last, f.n - 1)].end;
	}
}

static void undo(void)
{
	for (unsigned i = 0; i < f.n; i++)
		if (f.segments[i].state == LOST)
			f.segments[i].state = OUT;
	f.undone = true;
}

static void do_ack(const uint8_t *op)
{
	struct tcp_options options = {0};
	struct tcp_acked out;
	struct tcp_ack ack = {.now_ns = f.now_ns, .una = una(), .options = &options};
	uint32_t old_una = una(), cumulative, selective;
	bool was_in_recovery = f.r.in_recovery;

	if (op[1] < 128 && f.n > 0)
		ack.una = f.segments[op[1] % f.n].end - (op[1] < 16);
	if (tcp_seq_lt(ack.una, old_una))
		ack.una = old_una;
	ack.ts_rtt_us = op[7] & 2 ? op[6] * 500u : 0;
	make_options(op, &options);
	tcp_recovery_on_ack(&f.r, &f.pool, &ack, &out);
	BRAID_ASSERT(out.acked_bytes == ack.una - old_una);
	cumulative = model_acked(ack.una);
	selective = model_sacked(&options, ack.una);
	BRAID_ASSERT(out.sacked_bytes == selective);
	BRAID_ASSERT(out.delivered_bytes == cumulative + selective);
	if (out.spurious)
		undo();
	BRAID_ASSERT(learn_lost(!f.r.has_sack) == out.lost_bytes);
	BRAID_ASSERT(!out.recovery_left || was_in_recovery);
	BRAID_ASSERT(!(out.spurious && out.recovery_left));
	BRAID_ASSERT(
		f.r.in_recovery ==
		(out.recovery_entered || (was_in_recovery && !out.recovery_left && !out.spurious)));
	check_timeout(&out);
}

static void do_rack(void)
{
	struct tcp_acked out;
	uint64_t wait_us = (uint64_t)f.r.rack_rtt_us + tcp_recovery_reo_wnd_us(&f.r);
	uint32_t expected = 0;

	for (unsigned i = 0; i < f.n && f.r.has_sack; i++)
		if (f.segments[i].state == OUT && is_late(&f.segments[i], wait_us))
			expected += f.segments[i].end - f.segments[i].start;
	tcp_recovery_on_rack_timeout(&f.r, &f.pool, f.now_ns, &out);
	BRAID_ASSERT(learn_lost(false) == out.lost_bytes);
	BRAID_ASSERT(out.lost_bytes <= expected);
	check_timeout(&out);
}

/* A peer that takes back what it said makes each run one segment, as sent again. */
static void model_reneges(void)
{
	for (unsigned i = 0; i < f.n; i++) {
		unsigned run = 0;

		while (i + run < f.n && f.segments[i + run].state == SACKED)
			run++;
		if (run == 0)
			continue;
		f.segments[i].end = f.segments[i + run - 1].end;
		f.segments[i].state = LOST;
		model_delete(i + 1, run - 1);
	}
}

static void do_rto(void)
{
	uint64_t wait_us = (uint64_t)f.r.rack_rtt_us + tcp_recovery_reo_wnd_us(&f.r);
	bool reneges = f.n > 0 && f.segments[0].state == SACKED;
	uint32_t at, seq = una();

	for (unsigned i = 0; i < f.n; i++) {
		struct model_segment *m = &f.segments[i];

		if (m->state == OUT && (i == 0 || !f.r.has_sack || reneges ||
					       m->sent_ns + wait_us * NSEC_PER_USEC <= f.now_ns))
			m->state = LOST;
	}
	if (reneges)
		model_reneges();
	tcp_recovery_on_rto(&f.r, &f.pool, f.now_ns);
	/* Those that are merged take over the time of their first one, which nobody looks at. */
	at = tcp_recovery_first_number(&f.r, &f.pool);
	for (unsigned i = 0; i < f.r.n_segments; i++) {
		const struct tcp_segment *s = tcp_segment_at(&f.pool, at);

		if (s->flags & TCP_SEGMENT_LOST)
			model_at(s->start)->sent_ns = s->sent_ns;
		at = s->next;
	}
	at = f.r.lost_first;
	for (unsigned i = 0; at && (i == 0 || at != f.r.lost_first); i++) {
		const struct tcp_segment *s = tcp_segment_at(&f.pool, at);

		BRAID_ASSERT(tcp_seq_le(seq, s->start));
		seq = s->end;
		at = s->link_next;
	}
	BRAID_ASSERT(f.n == 0 || f.r.after_rto);
}

static void do_retransmit(unsigned n)
{
	struct tcp_segment *s;

	while (n-- > 0 && (s = tcp_recovery_next_lost(&f.r, &f.pool)) != NULL) {
		struct model_segment *m = model_at(s->start);

		BRAID_ASSERT(m->state == LOST);
		m->state = OUT;
		m->sent_ns = f.now_ns;
		tcp_recovery_on_retransmit(&f.r, &f.pool, s, f.now_ns);
	}
}

static void do_probe(void)
{
	struct tcp_segment *s = tcp_recovery_last(&f.r, &f.pool);

	if (!tcp_recovery_may_probe(&f.r))
		return;
	BRAID_ASSERT(s && !(s->flags & TCP_SEGMENT_SACKED));
	f.segments[f.n - 1].state = OUT;
	f.segments[f.n - 1].sent_ns = f.now_ns;
	tcp_recovery_on_retransmit(&f.r, &f.pool, s, f.now_ns);
	tcp_recovery_on_probe(&f.r, &f.pool, true);
	BRAID_ASSERT(!tcp_recovery_may_probe(&f.r));
}

static void do_split(const uint8_t *op)
{
	struct tcp_segment *s = op[1] & 1 ? tcp_recovery_next_lost(&f.r, &f.pool)
					  : tcp_recovery_last(&f.r, &f.pool);
	struct model_segment *m;
	uint32_t at;

	if (!s || s->flags & TCP_SEGMENT_SACKED || s->end - s->start < 2)
		return;
	at = s->start + 1 + op[2] % (s->end - s->start - 1);
	m = model_at(s->start);
	if (tcp_recovery_split(&f.r, &f.pool, s, at) != 0) {
		BRAID_ASSERT(f.pool.n_free == 0);
		return;
	}
	memmove(m + 1, m, (size_t)(&f.segments[f.n] - m) * sizeof(*m));
	f.n++;
	m[0].end = at;
	m[1].start = at;
}

/* The first lost one and the lost ones behind it leave as one. */
static void do_join(const uint8_t *op)
{
	struct tcp_segment *s = tcp_recovery_next_lost(&f.r, &f.pool);
	struct model_segment *m;
	unsigned i;

	if (!s)
		return;
	m = model_at(s->start);
	i = (unsigned)(m - f.segments);
	tcp_recovery_join(&f.r, &f.pool, s, op[1]);
	while (i + 1 < f.n && m[1].state == LOST && m[1].end - m->start <= op[1]) {
		m->end = m[1].end;
		model_delete(i + 1, 1);
	}
	BRAID_ASSERT(s->start == m->start && s->end == m->end);
}

static void do_dup_acks(void)
{
	bool may = !f.r.in_recovery && f.n > 0 && f.segments[0].state == OUT;

	if (f.r.has_sack)
		return;
	BRAID_ASSERT(tcp_recovery_on_dup_acks(&f.r, &f.pool) == may);
	if (may)
		f.segments[0].state = LOST;
}

static void step(const uint8_t *op)
{
	switch ((enum fuzz_op)(op[0] % OP_COUNT)) {
	case OP_SEND:
		do_send(op);
		break;
	case OP_ACK:
		do_ack(op);
		break;
	case OP_TIME:
		f.now_ns += (uint64_t)op[1] * op[2] * 2 * NSEC_PER_USEC;
		break;
	case OP_RACK:
		do_rack();
		break;
	case OP_RTO:
		do_rto();
		break;
	case OP_RETRANSMIT:
		do_retransmit(1 + op[1] % 8u);
		break;
	case OP_PROBE:
		do_probe();
		break;
	case OP_SPLIT:
		do_split(op);
		break;
	case OP_DUP_ACKS:
		do_dup_acks();
		break;
	case OP_CLEAR:
		if (op[1] > 8)
			break;
		tcp_recovery_clear(&f.r, &f.pool);
		f.n = 0;
		break;
	case OP_JOIN:
		do_join(op);
		break;
	case OP_COUNT:
		break;
	}
	compare();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 5)
		return 0;
	memset(&f, 0, sizeof(f));
	tcp_segment_pool_init(&f.pool, f.records, POOL);
	memcpy(&f.snd_nxt, data, 4);
	f.r.path = &f.path;
	f.r.has_sack = data[4] & 1;
	f.now_ns = NSEC_PER_SEC;
	for (size_t at = 5; at + OP_BYTES <= size; at += OP_BYTES)
		step(data + at);
	tcp_recovery_clear(&f.r, &f.pool);
	BRAID_ASSERT(f.pool.n_free == POOL);
	return 0;
}
