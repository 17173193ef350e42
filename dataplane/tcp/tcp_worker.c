/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of a worker's endpoint. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "dataplane/tcp/tcp_impl.h"
#include "dataplane/tcp/tcp_source.h"

/* One record per block or so, and one for the SYN or FIN of every busy connection. */
#define SEGMENTS_PER_BLOCK 2

/* Unread and out-of-order segments keep at most this part of all packet buffers. */
#define HELD_PART 4

/* Buckets of the table: at least twice as many as connections. */
static uint32_t bucket_count(uint32_t n_conns)
{
	uint32_t n = 16;

	while (n < 2 * n_conns)
		n *= 2;
	return n;
}

static void chain_conns(struct tcp_worker *t)
{
	for (uint32_t i = 0; i < t->limits.conns; i++)
		t->conns[i].chain = i + 2;
	t->conns[t->limits.conns - 1].chain = 0;
	t->free = 1;
}

/* All of them busy at once leaves nothing to keep. */
static void chain_busy(struct tcp_worker *t, uint32_t n)
{
	memset(t->busy_memory, 0, n * sizeof(*t->busy_memory));
	for (uint32_t i = 0; i < n; i++)
		t->busy_memory[i].next = i + 1 < n ? &t->busy_memory[i + 1] : NULL;
	t->busy_free = t->busy_memory;
	t->n_busy = t->n_busy_free = n;
	t->n_busy_kept = n < t->limits.conns ? TCP_BUSY_KEPT(n) : 0;
}

static bool run_service(struct worker *w, struct worker_task *task)
{
	tcp_service_run(w);
	return w->tcp->n_service != 0;
}

static int allocate(struct tcp_worker *t)
{
	const struct tcp_limits *l = &t->limits;
	uint32_t n_busy = TCP_BUSY_OF(l->conns);
	uint32_t n_segments = l->send_blocks * SEGMENTS_PER_BLOCK + n_busy;
	size_t conn_bytes = RTE_CACHE_LINE_ROUNDUP(l->conns * sizeof(*t->conns));

	t->bucket_mask = bucket_count(l->conns) - 1;
	t->conns = aligned_alloc(CACHE_LINE_BYTES, conn_bytes);
	t->buckets = calloc(t->bucket_mask + 1, sizeof(*t->buckets));
	t->readable = calloc(l->conns, sizeof(struct tcp_conn *));
	t->service = calloc(l->conns, sizeof(struct tcp_conn *));
	t->block_memory = malloc((size_t)l->send_blocks * sizeof(struct tcp_block));
	t->busy_memory = aligned_alloc(CACHE_LINE_BYTES, n_busy * sizeof(*t->busy_memory));
	t->segment_memory = calloc(n_segments, sizeof(*t->segment_memory));
	t->time_waits = tcp_time_waits_create(l->conns);
	if (!t->conns || !t->buckets || !t->readable || !t->service || !t->block_memory ||
		!t->segment_memory || !t->busy_memory || !t->time_waits)
		return -ENOMEM;
	memset(t->conns, 0, conn_bytes);
	if (l->conns_per_source > 0) {
		t->sources = tcp_sources_create(l->conns, l->conns_per_source);
		if (!t->sources)
			return -ENOMEM;
	}
	chain_conns(t);
	chain_busy(t, n_busy);
	tcp_block_pool_init(&t->blocks, t->block_memory, l->send_blocks);
	tcp_segment_pool_init(&t->segments, t->segment_memory, n_segments);
	t->n_blocks_kept = MIN_OF(n_busy, l->send_blocks / 2);
	t->segments.n_kept = MIN_OF(n_busy * TCP_SEGMENTS_MIN, n_segments / 2);
	return 0;
}

static bool draw_secrets(struct tcp_worker *t)
{
	uint64_t words[6];

	if (getrandom(words, sizeof(words), 0) != sizeof(words))
		return false;
	memcpy(t->hash_secret, words, sizeof(t->hash_secret));
	memcpy(t->start_secret, words + 2, sizeof(t->start_secret));
	memcpy(t->cookie_secret, words + 4, sizeof(t->cookie_secret));
	return true;
}

int tcp_worker_init(struct worker *w, const struct tcp_limits *limits, struct base_error *err)
{
	struct tcp_worker *t;

	if (limits->conns == 0 || limits->send_blocks == 0)
		return base_error_set(err, EINVAL, "a TCP endpoint needs connections and buffers");
	t = calloc(1, sizeof(*t));
	if (!t)
		return base_error_set(err, ENOMEM, "no memory for the TCP endpoint");
	w->tcp = t;
	t->w = w;
	t->limits = *limits;
	t->cc = &tcp_cc_cubic;
	t->next_id = 1;
	while (t->rcv_wscale < TCP_WSCALE_MAX &&
		limits->conn_recv_bytes >> t->rcv_wscale > UINT16_MAX)
		t->rcv_wscale++;
	t->service_task.run = run_service;
	t->n_held_max = w->mempool->size / (HELD_PART * (uint32_t)MAX_OF(w->n_workers, 1));
	t->payload_max = rte_pktmbuf_data_room_size(w->mempool) - RTE_PKTMBUF_HEADROOM - 128u;
	if (allocate(t) < 0 || !draw_secrets(t)) {
		tcp_worker_fini(w);
		return base_error_set(err, ENOMEM,
			"no memory for %u TCP connections and %u send blocks: lower store.memory "
			"or "
			"raise node.memory",
			limits->conns, limits->send_blocks);
	}
	return 0;
}

/* Gives the buffers of every connection back and disarms its timer. */
static void forget_conns(struct worker *w)
{
	struct tcp_worker *t = w->tcp;

	for (uint32_t i = 0; t->conns && i < t->limits.conns; i++) {
		struct tcp_conn *c = &t->conns[i];

		if (c->state == TCP_CLOSED)
			continue;
		wheel_del(w->wheel, &c->timer);
		tcp_busy_del(t, c);
		w->stats->tcp.conns[c->state]--;
	}
	w->stats->tcp.held_mbufs = 0;
}

void tcp_worker_fini(struct worker *w)
{
	struct tcp_worker *t = w->tcp;

	if (!t)
		return;
	forget_conns(w);
	tcp_time_waits_destroy(t->time_waits);
	tcp_sources_destroy(t->sources);
	free(t->segment_memory);
	free(t->busy_memory);
	free(t->block_memory);
	free(t->service);
	free(t->readable);
	free(t->buckets);
	free(t->conns);
	free(t);
	w->tcp = NULL;
}
