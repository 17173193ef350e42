/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections in TIME-WAIT: a ring of records in the order they came, which all live equally long,
 * so the oldest is the first to expire. Chains lead from the hash to a record; the last of a chain
 * names its bucket, so that a record can be taken out without its hash. Thread: worker.
 */
#include "dataplane/tcp/tcp_seq.h"
#include "dataplane/tcp/tcp_table.h"

#define CHAIN_IS_BUCKET 0x80000000u

static uint32_t expiry_of(const struct tcp_time_wait *r)
{
	return r->expiry_s & ~TCP_TIME_WAIT_HAS_TS;
}

static bool is_free(const struct tcp_time_wait *r)
{
	return r->expiry_s == 0;
}

void tcp_time_waits_del(struct tcp_time_waits *t, struct tcp_time_wait *r)
{
	uint32_t number = (uint32_t)(r - t->records) + 1;
	uint32_t chain = r->chain;
	uint32_t *link;

	BRAID_ASSERT(!is_free(r));
	while (!(chain & CHAIN_IS_BUCKET))
		chain = t->records[chain - 1].chain;
	link = &t->buckets[chain & ~CHAIN_IS_BUCKET];
	while (*link != number)
		link = &t->records[*link - 1].chain;
	/* The bucket itself is empty with 0, not with its own name. */
	if (link == &t->buckets[chain & ~CHAIN_IS_BUCKET] && (r->chain & CHAIN_IS_BUCKET))
		*link = 0;
	else
		*link = r->chain;
	r->expiry_s = 0;
	t->n_live--;
}

/* Takes ended and expired records off the old end of the ring, two at most, so that it is as short
 * as it can be without work that piles up. */
static void drop_oldest(struct tcp_time_waits *t, uint32_t now_s)
{
	for (int i = 0; i < 2 && t->n_ring > 0; i++) {
		struct tcp_time_wait *r = &t->records[t->oldest];

		if (!is_free(r) && expiry_of(r) > now_s)
			return;
		if (!is_free(r))
			tcp_time_waits_del(t, r);
		t->oldest = t->oldest + 1 == t->n_max ? 0 : t->oldest + 1;
		t->n_ring--;
	}
}

bool tcp_time_waits_add(
	struct tcp_time_waits *t, const struct tcp_time_wait *r, uint64_t hash, uint32_t now_s)
{
	uint32_t bucket = (uint32_t)hash & t->bucket_mask;
	bool evicted = false;
	uint32_t at;

	drop_oldest(t, now_s);
	if (t->n_ring == t->n_max) {
		evicted = true;
		tcp_time_waits_del(t, &t->records[t->oldest]);
		drop_oldest(t, now_s);
	}
	at = t->oldest + t->n_ring;
	at = at >= t->n_max ? at - t->n_max : at;
	t->records[at] = *r;
	t->records[at].expiry_s = (r->expiry_s & TCP_TIME_WAIT_HAS_TS) | (now_s + TCP_TIME_WAIT_S);
	t->records[at].chain = t->buckets[bucket] ? t->buckets[bucket] : bucket | CHAIN_IS_BUCKET;
	t->buckets[bucket] = at + 1;
	t->n_ring++;
	t->n_live++;
	return evicted;
}

struct tcp_time_wait *tcp_time_waits_find(
	struct tcp_time_waits *t, const struct tcp_key *k, uint64_t hash, uint32_t now_s)
{
	uint32_t chain = t->buckets[hash & t->bucket_mask];

	while (chain != 0 && !(chain & CHAIN_IS_BUCKET)) {
		struct tcp_time_wait *r = &t->records[chain - 1];

		if (tcp_key_equal(&r->key, k) && expiry_of(r) > now_s)
			return r;
		chain = r->chain;
	}
	return NULL;
}

void tcp_time_waits_restart(struct tcp_time_wait *r, uint32_t now_s)
{
	r->expiry_s = (r->expiry_s & TCP_TIME_WAIT_HAS_TS) | (now_s + TCP_TIME_WAIT_S);
}

uint32_t tcp_time_waits_count(const struct tcp_time_waits *t)
{
	return t->n_live;
}

bool tcp_time_wait_reusable(
	const struct tcp_time_wait *r, uint32_t seq, const struct tcp_options *options)
{
	bool newer_seq = tcp_seq_lt(r->rcv_nxt, seq);

	if (!options->has_ts)
		return newer_seq;
	/* RFC 6191 2: a peer that had no time stamps and has them now is not the same segment. */
	if (!(r->expiry_s & TCP_TIME_WAIT_HAS_TS))
		return true;
	if (options->ts_val == r->ts_recent)
		return newer_seq;
	return tcp_seq_lt(r->ts_recent, options->ts_val);
}
