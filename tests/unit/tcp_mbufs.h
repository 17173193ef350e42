/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Payloads in mbufs for the tests of receive queues: EAL without devices, one pool, and buffers
 * that are exactly as large as what is in them, so that the sanitizers see what is read beside
 * them, or ordinary ones with room behind. The byte of each sequence number is known. One thread.
 */
#ifndef TESTS_UNIT_TCP_MBUFS_H
#define TESTS_UNIT_TCP_MBUFS_H

#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "lib/base/base.h"

#define TCP_MBUFS_POOL 8191u

static struct rte_mempool *tcp_mbufs_pool;

/* Starts EAL and makes the pool, once. */
static inline void tcp_mbufs_start(void)
{
	const char *args[] = {"test", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry",
		"-m", "64", "--log-level=error", "-l", "0"};

	if (tcp_mbufs_pool)
		return;
	/* It permutes the array, nothing more. */
	BRAID_ASSERT(rte_eal_init((int)ARRAY_SIZE(args), (char **)args) >= 0);
	tcp_mbufs_pool = rte_pktmbuf_pool_create(
		"payloads", TCP_MBUFS_POOL, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	BRAID_ASSERT(tcp_mbufs_pool);
}

/* What the stream has at @seq; no two near each other are alike. */
static inline uint8_t tcp_mbufs_byte(uint32_t seq)
{
	return (uint8_t)(seq * 167u + (seq >> 8) * 13u);
}

struct tcp_mbufs_exact {
	struct rte_mbuf_ext_shared_info info;
	void *bytes;
};

static void tcp_mbufs_free(void *addr, void *opaque)
{
	struct tcp_mbufs_exact *b = opaque;

	free(b->bytes);
	free(b);
}

static inline void tcp_mbufs_fill(struct rte_mbuf *m, uint32_t seq, uint32_t len)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	for (uint32_t i = 0; i < len; i++)
		p[i] = tcp_mbufs_byte(seq + i);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
}

/* The @len bytes from @seq on in a buffer of exactly their size. */
static inline struct rte_mbuf *tcp_mbufs_exact(uint32_t seq, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(tcp_mbufs_pool);
	struct tcp_mbufs_exact *b = malloc(sizeof(*b));

	BRAID_ASSERT(m && b);
	b->bytes = malloc(len);
	BRAID_ASSERT(b->bytes || len == 0);
	b->info.free_cb = tcp_mbufs_free;
	b->info.fcb_opaque = b;
	rte_mbuf_ext_refcnt_set(&b->info, 1);
	rte_pktmbuf_attach_extbuf(
		m, b->bytes, (rte_iova_t)(uintptr_t)b->bytes, (uint16_t)len, &b->info);
	m->data_off = 0;
	tcp_mbufs_fill(m, seq, len);
	return m;
}

/* The same in a buffer with room for small ones behind. */
static inline struct rte_mbuf *tcp_mbufs_roomy(uint32_t seq, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(tcp_mbufs_pool);

	BRAID_ASSERT(m);
	tcp_mbufs_fill(m, seq, len);
	return m;
}

/* Hangs @tail behind @head, which may be NULL. */
static inline struct rte_mbuf *tcp_mbufs_chain(struct rte_mbuf *head, struct rte_mbuf *tail)
{
	if (head)
		BRAID_ASSERT(rte_pktmbuf_chain(head, tail) == 0);
	return head ? head : tail;
}

/* Buffers that somebody holds. */
static inline unsigned tcp_mbufs_in_use(void)
{
	return rte_mempool_in_use_count(tcp_mbufs_pool);
}

#endif
