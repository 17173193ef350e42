/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The receive queue of a connection. In order: a ring of mbufs. Beyond the first gap: ranges
 * without gaps, each a list of mbufs whose head knows the range's end, its last mbuf and when it
 * grew last; the last mbuf of a range links to the head of the next range, that of the last range
 * to the first head. So a run behind one hole grows in constant time, and the work per segment is
 * bounded by the number of ranges, which is bounded. Thread: worker.
 */
#include <string.h>

#include "dataplane/core/pkt.h"
#include "dataplane/tcp/tcp_queue.h"
#include "dataplane/tcp/tcp_seq.h"

/* In the place of the stages' notes. Only next counts but in the head of a range. With the sequence
 * number, in tx_offload, it is in one cache line: a walk over ranges touches one for each. */
struct recv_note {
	struct rte_mbuf *next;
	struct rte_mbuf *range_last;
	uint32_t range_end;
	uint16_t range_mbufs;
	uint16_t arrival;
};
_Static_assert(sizeof(struct recv_note) <= sizeof(struct pkt), "links fit where notes were");

/* Where a segment goes beyond the gap. */
struct place {
	struct rte_mbuf *before;  /* head of the range before, NULL: none */
	struct rte_mbuf *behind;  /* head of the first range behind that is kept, NULL: none */
	struct rte_mbuf *covered; /* head of the first of the ranges that it makes superfluous */
	uint32_t covered_ranges;
	uint32_t covered_mbufs;
	uint32_t covered_bytes;
	uint32_t start; /* of the new bytes */
	uint32_t end;
};

static inline struct recv_note *note_of(struct rte_mbuf *m)
{
	return (struct recv_note *)pkt_of(m);
}

static inline uint32_t seq_of(const struct rte_mbuf *m)
{
	return (uint32_t)m->tx_offload;
}

static inline uint32_t end_of(const struct rte_mbuf *m)
{
	return seq_of(m) + m->data_len;
}

static inline struct rte_mbuf *range_next(struct rte_mbuf *head)
{
	return note_of(note_of(head)->range_last)->next;
}

/* Head of the first range, NULL: there is no gap. */
static inline struct rte_mbuf *gap_first(const struct tcp_recv_queue *q)
{
	return q->gap ? range_next(q->gap) : NULL;
}

/* The range behind the one of @head, NULL: it is the last. */
static inline struct rte_mbuf *range_behind(const struct tcp_recv_queue *q, struct rte_mbuf *head)
{
	return head == q->gap ? NULL : range_next(head);
}

/* Takes what is not in [@start, @end) off @m. */
static void trim(struct rte_mbuf *m, uint32_t start, uint32_t end)
{
	uint32_t before = start - seq_of(m);
	uint32_t behind = end_of(m) - end;

	m->data_off = (uint16_t)(m->data_off + before);
	m->data_len = (uint16_t)(m->data_len - before - behind);
	m->pkt_len = m->data_len;
	m->tx_offload = start;
}

/* Copies the payload of @m behind that of @last if it is small and there is room that nobody else
 * sees. */
static bool merge(struct rte_mbuf *last, const struct rte_mbuf *m)
{
	if (m->data_len > TCP_RECV_MERGE_BYTES_MAX || rte_pktmbuf_tailroom(last) < m->data_len ||
		!RTE_MBUF_DIRECT(last) || rte_mbuf_refcnt_read(last) != 1)
		return false;
	memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len),
		rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
	last->data_len = (uint16_t)(last->data_len + m->data_len);
	last->pkt_len = last->data_len;
	return true;
}

/* Appends the list @head to @tail of @n mbufs to what is in order. */
static void in_order_append(
	struct tcp_recv_queue *q, struct rte_mbuf *head, struct rte_mbuf *tail, uint32_t n)
{
	if (q->last) {
		note_of(tail)->next = note_of(q->last)->next;
		note_of(q->last)->next = head;
	} else {
		note_of(tail)->next = head;
	}
	q->last = tail;
	q->n_mbufs = (uint16_t)(q->n_mbufs + n);
}

/* Takes the range of @head out of the ring; @before is the head of the range before, NULL: it is
 * the first. */
static void range_unlink(struct tcp_recv_queue *q, struct rte_mbuf *before, struct rte_mbuf *head)
{
	struct rte_mbuf *prev = before ? before : q->gap;

	if (prev == head) {
		q->gap = NULL;
	} else {
		note_of(note_of(prev)->range_last)->next = range_next(head);
		if (q->gap == head)
			q->gap = prev;
	}
	q->n_ranges--;
	q->n_gap = (uint16_t)(q->n_gap - note_of(head)->range_mbufs);
	q->gap_bytes -= note_of(head)->range_end - seq_of(head);
}

/* Frees the mbufs of the range of @head, which is in no ring. */
static void range_free(struct rte_mbuf *head)
{
	struct rte_mbuf *m = head;

	for (uint32_t n = note_of(head)->range_mbufs; n > 0; n--) {
		struct rte_mbuf *next = note_of(m)->next;

		rte_pktmbuf_free_seg(m);
		m = next;
	}
}

/* The data in order reached *@rcv_nxt: ranges that it touches are in order too, or superfluous. */
static void gap_close(struct tcp_recv_queue *q, uint32_t *rcv_nxt)
{
	struct rte_mbuf *head;

	while ((head = gap_first(q)) != NULL && tcp_seq_le(seq_of(head), *rcv_nxt)) {
		struct recv_note *note = note_of(head);
		uint32_t end = note->range_end;

		range_unlink(q, NULL, head);
		if (tcp_seq_le(end, *rcv_nxt)) {
			range_free(head);
			continue;
		}
		/* The segment in between was cut to end where the range begins. */
		BRAID_ASSERT(seq_of(head) == *rcv_nxt);
		q->bytes += end - *rcv_nxt;
		*rcv_nxt = end;
		in_order_append(q, head, note->range_last, note->range_mbufs);
	}
}

/* Where data in order that ends at @end must be cut, because a range that reaches further begins
 * there. */
static uint32_t in_order_end(const struct tcp_recv_queue *q, uint32_t end)
{
	for (struct rte_mbuf *r = gap_first(q); r && tcp_seq_lt(seq_of(r), end);
		r = range_behind(q, r))
		if (tcp_seq_lt(end, note_of(r)->range_end))
			return seq_of(r);
	return end;
}

static bool insert_in_order(struct tcp_recv_queue *q, struct rte_mbuf *m, uint32_t *rcv_nxt,
	const struct tcp_recv_limits *limits)
{
	uint32_t end = q->gap ? in_order_end(q, end_of(m)) : end_of(m);
	uint32_t bytes = end - *rcv_nxt;

	/* Not even what could be copied: the hole it closes may have many behind it. */
	if (q->n_mbufs >= limits->segments_max) {
		rte_pktmbuf_free_seg(m);
		return false;
	}
	trim(m, *rcv_nxt, end);
	if (q->last && merge(q->last, m))
		rte_pktmbuf_free_seg(m);
	else
		in_order_append(q, m, m, 1);
	q->bytes += bytes;
	*rcv_nxt = end;
	if (q->gap)
		gap_close(q, rcv_nxt);
	return true;
}

/* Finds the place of [@p->start, @p->end) and cuts it; false: nothing of it is new. */
static bool gap_find(const struct tcp_recv_queue *q, struct place *p)
{
	struct rte_mbuf *r = gap_first(q);

	if (q->gap && tcp_seq_le(note_of(q->gap)->range_end, p->start)) {
		p->before = q->gap;
		return true;
	}
	while (r && tcp_seq_lt(note_of(r)->range_end, p->start)) {
		p->before = r;
		r = range_behind(q, r);
	}
	if (r && tcp_seq_le(seq_of(r), p->start)) {
		if (tcp_seq_le(p->end, note_of(r)->range_end)) {
			note_of(r)->arrival = q->arrivals;
			return false;
		}
		p->start = note_of(r)->range_end;
		p->before = r;
		r = range_behind(q, r);
	}
	for (; r && tcp_seq_le(note_of(r)->range_end, p->end); r = range_behind(q, r)) {
		if (!p->covered)
			p->covered = r;
		p->covered_ranges++;
		p->covered_mbufs += note_of(r)->range_mbufs;
		p->covered_bytes += note_of(r)->range_end - seq_of(r);
	}
	if (r && tcp_seq_lt(seq_of(r), p->end))
		p->end = seq_of(r);
	p->behind = r;
	return true;
}

/* A new range of @m alone between those of the place. */
static void range_add(struct tcp_recv_queue *q, const struct place *p, struct rte_mbuf *m)
{
	struct recv_note *note = note_of(m);
	struct rte_mbuf *first = gap_first(q);

	*note = (struct recv_note){
		.range_last = m, .range_end = end_of(m), .range_mbufs = 1, .arrival = q->arrivals};
	if (!q->gap) {
		note->next = m;
		q->gap = m;
	} else if (p->before) {
		note->next = range_next(p->before);
		note_of(note_of(p->before)->range_last)->next = m;
		if (q->gap == p->before)
			q->gap = m;
	} else {
		note->next = first;
		note_of(note_of(q->gap)->range_last)->next = m;
	}
	q->n_ranges++;
	q->n_gap++;
}

/* Puts @m at the end of the range of @head; true: its bytes were copied, and it is superfluous. */
static bool range_extend(struct tcp_recv_queue *q, struct rte_mbuf *head, struct rte_mbuf *m)
{
	struct recv_note *note = note_of(head);
	uint32_t end = end_of(m);
	bool merged = merge(note->range_last, m);

	if (!merged) {
		note_of(m)->next = note_of(note->range_last)->next;
		note_of(note->range_last)->next = m;
		note->range_last = m;
		note->range_mbufs++;
		q->n_gap++;
	}
	note->range_end = end;
	note->arrival = q->arrivals;
	return merged;
}

/* Makes one range of that of @head and the one behind it, which begins where it ends. */
static void range_join(struct tcp_recv_queue *q, struct rte_mbuf *head)
{
	struct rte_mbuf *behind = range_next(head);
	struct recv_note *note = note_of(head);

	/* The links are right already: the last mbuf of one is followed by the head of the other.
	 */
	note->range_last = note_of(behind)->range_last;
	note->range_end = note_of(behind)->range_end;
	note->range_mbufs = (uint16_t)(note->range_mbufs + note_of(behind)->range_mbufs);
	if (q->gap == behind)
		q->gap = head;
	q->n_ranges--;
}

/* Whether what takes @p leaves the limits kept. A range that it touches does not become one more.
 */
static bool gap_has_room(
	const struct tcp_recv_queue *q, const struct place *p, const struct tcp_recv_limits *limits)
{
	uint32_t n_ranges = q->n_ranges - p->covered_ranges;
	bool touches = (p->before && note_of(p->before)->range_end == p->start) ||
		       (p->behind && seq_of(p->behind) == p->end);

	return q->n_gap - p->covered_mbufs < limits->gap_segments_max &&
	       q->gap_bytes - p->covered_bytes + (p->end - p->start) <= limits->gap_bytes_max &&
	       (touches || n_ranges < TCP_RECV_RANGES_MAX);
}

static bool insert_beyond_gap(
	struct tcp_recv_queue *q, struct rte_mbuf *m, const struct tcp_recv_limits *limits)
{
	struct place p = {.start = seq_of(m), .end = end_of(m)};
	struct rte_mbuf *head = m, *r;

	q->arrivals++;
	if (!gap_find(q, &p) || !gap_has_room(q, &p, limits)) {
		rte_pktmbuf_free_seg(m);
		return false;
	}
	trim(m, p.start, p.end);
	r = p.covered;
	for (uint32_t n = p.covered_ranges; n > 0; n--) {
		struct rte_mbuf *next = range_next(r);

		range_unlink(q, p.before, r);
		range_free(r);
		r = next;
	}
	q->gap_bytes += p.end - p.start;
	if (p.before && note_of(p.before)->range_end == p.start) {
		head = p.before;
		if (range_extend(q, head, m))
			rte_pktmbuf_free_seg(m);
	} else {
		range_add(q, &p, m);
	}
	if (p.behind && seq_of(p.behind) == p.end)
		range_join(q, head);
	return true;
}

/* One mbuf without further segments. */
static bool insert_one(struct tcp_recv_queue *q, struct rte_mbuf *m, uint32_t *rcv_nxt,
	const struct tcp_recv_limits *limits)
{
	if (m->data_len == 0 || tcp_seq_le(end_of(m), *rcv_nxt)) {
		rte_pktmbuf_free_seg(m);
		return false;
	}
	if (tcp_seq_le(seq_of(m), *rcv_nxt))
		return insert_in_order(q, m, rcv_nxt, limits);
	return insert_beyond_gap(q, m, limits);
}

bool tcp_recv_queue_insert(struct tcp_recv_queue *q, struct rte_mbuf *m, uint32_t seq,
	uint32_t *rcv_nxt, const struct tcp_recv_limits *limits)
{
	bool kept = false;

	/* The segments of a chain are mbufs of their own from here on, so that each is counted. */
	while (m) {
		struct rte_mbuf *next = m->next;

		m->next = NULL;
		m->nb_segs = 1;
		m->pkt_len = m->data_len;
		m->tx_offload = seq;
		seq += m->data_len;
		kept |= insert_one(q, m, rcv_nxt, limits);
		m = next;
	}
	return kept;
}

void tcp_recv_queue_start(struct tcp_recv_queue *q, struct rte_mbuf *m, uint32_t *rcv_nxt)
{
	m->tx_offload = *rcv_nxt;
	note_of(m)->next = m;
	q->last = m;
	q->n_mbufs = 1;
	q->bytes = m->data_len;
	*rcv_nxt += m->data_len;
}

bool tcp_recv_queue_holds(const struct tcp_recv_queue *q, struct tcp_range range)
{
	for (struct rte_mbuf *r = gap_first(q); r; r = range_behind(q, r))
		if (tcp_seq_le(range.end, note_of(r)->range_end))
			return tcp_seq_le(seq_of(r), range.start);
	return false;
}

unsigned tcp_recv_queue_sacks(const struct tcp_recv_queue *q, struct tcp_range *out)
{
	uint16_t age[TCP_SACK_BLOCKS_MAX];
	unsigned n = 0;

	for (struct rte_mbuf *r = gap_first(q); r; r = range_behind(q, r)) {
		uint16_t own = (uint16_t)(q->arrivals - note_of(r)->arrival);
		unsigned at = n;

		if (n == TCP_SACK_BLOCKS_MAX) {
			if (own >= age[n - 1])
				continue;
			at = n - 1;
		} else {
			n++;
		}
		for (; at > 0 && own < age[at - 1]; at--) {
			age[at] = age[at - 1];
			out[at] = out[at - 1];
		}
		age[at] = own;
		out[at] = (struct tcp_range){seq_of(r), note_of(r)->range_end};
	}
	return n;
}

uint32_t tcp_recv_queue_peek(const struct tcp_recv_queue *q, const uint8_t **p)
{
	struct rte_mbuf *m;

	if (!q->last)
		return 0;
	m = note_of(q->last)->next;
	*p = rte_pktmbuf_mtod(m, const uint8_t *);
	return m->data_len;
}

void tcp_recv_queue_consume(struct tcp_recv_queue *q, uint32_t bytes)
{
	BRAID_ASSERT(bytes <= q->bytes);
	q->bytes -= bytes;
	/* All of the only one, as requests are. */
	if (LIKELY(q->bytes == 0 && q->n_mbufs == 1)) {
		rte_pktmbuf_free_seg(q->last);
		q->last = NULL;
		q->n_mbufs = 0;
		return;
	}
	while (bytes > 0) {
		struct rte_mbuf *m = note_of(q->last)->next;

		if (bytes < m->data_len) {
			trim(m, seq_of(m) + bytes, end_of(m));
			return;
		}
		bytes -= m->data_len;
		if (m == q->last)
			q->last = NULL;
		else
			note_of(q->last)->next = note_of(m)->next;
		q->n_mbufs--;
		rte_pktmbuf_free_seg(m);
	}
}

void tcp_recv_queue_clear(struct tcp_recv_queue *q)
{
	struct rte_mbuf *r;

	tcp_recv_queue_consume(q, q->bytes);
	while ((r = gap_first(q)) != NULL) {
		range_unlink(q, NULL, r);
		range_free(r);
	}
}
