/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors through stage lb_icmp, with flows that they can be about. The input is one byte of
 * control and a packet; unless the first bit says that it goes as it is, its lengths and checksums
 * are made right, so that the quote is what is tested. What is translated must keep its length,
 * have right checksums and no byte changed but addresses, ports and checksums.
 */
#include <sanitizer/lsan_interface.h>

#include "dataplane/lb/lb_icmp.h"
#include "tests/unit/lb_stages.h"

#define PACKET_MAX 1500u

enum fuzz_control { AS_IT_IS = 1, OTHER_WORKER = 2 };

static uint8_t frame[14 + PACKET_MAX];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void register_chunk(
	struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *mem, unsigned index)
{
	__lsan_register_root_region(mem->addr, mem->len);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	stages_start(STAGES_CONFIG("[0, 1]"));
	rte_mempool_mem_iter(node_worker(0)->mempool, register_chunk, NULL);
	__lsan_register_root_region(nexthop_array(), WORLD_NEXTHOPS_MAX * sizeof(struct nexthop));
	for (unsigned s = 0; s < STAGES_SERVICES; s++)
		for (unsigned i = 0; i < 2; i++)
			stages_flow_add(node_worker(i), s);
	return 0;
}

/* Makes outer lengths and checksums of the @bytes at @l3 right, as ip4_input and ip6_input leave
 * them, and that of ICMP. */
static void repair(uint8_t *l3, uint32_t bytes)
{
	uint32_t header_bytes = l3[0] >> 4 == 6 ? IP6_HEADER_BYTES : (l3[0] & 15) * 4u;
	uint16_t word;

	if (header_bytes < 20 || header_bytes + 4 > bytes)
		return;
	if (l3[0] >> 4 == 6) {
		struct ip6_transport t;

		word = htobe16((uint16_t)(bytes - IP6_HEADER_BYTES));
		memcpy(l3 + 4, &word, 2);
		if (ip6_transport_find(l3, bytes, &t) < 0 || t.offset + 4u > bytes)
			return;
		memset(l3 + t.offset + 2, 0, 2);
		word = lb_icmp6_checksum(l3, t.offset, bytes);
		memcpy(l3 + t.offset + 2, &word, 2);
		return;
	}
	word = htobe16((uint16_t)bytes);
	memcpy(l3 + 2, &word, 2);
	memset(l3 + 10, 0, 2);
	word = checksum_ip4_header(l3, header_bytes / 4);
	memcpy(l3 + 10, &word, 2);
	memset(l3 + header_bytes + 2, 0, 2);
	word = checksum_finish(checksum_sum(l3 + header_bytes, bytes - header_bytes, 0));
	memcpy(l3 + header_bytes + 2, &word, 2);
}

/* Whether byte @at of the error @q may be another after translation. */
static bool may_change(const struct lb_quote *q, uint32_t at)
{
	bool is_ip6 = q->family == 6;
	uint32_t addresses = is_ip6 ? 8 : 12, end = is_ip6 ? 40 : 20;
	uint32_t check = q->l4 + (q->protocol == IPPROTO_TCP ? 16u : 6u);

	for (unsigned i = 0; i < 2; i++) {
		uint32_t from = i ? q->packet : 0;

		if (at >= from + addresses && at < from + end)
			return true;
		if (!is_ip6 && at >= from + 10 && at < from + 12)
			return true;
	}
	return (at >= q->icmp + 2u && at < q->icmp + 4u) || (at >= q->l4 && at < q->l4 + 4u) ||
	       (at >= check && at < check + 2);
}

/* Checks the error @m that leaves, which came in as the @bytes at @before. */
static void check_sent(struct rte_mbuf *m, const uint8_t *before, uint32_t bytes)
{
	const uint8_t *l3 = stages_l3(m);
	struct lb_quote was, is;

	BRAID_ASSERT(m->data_len - 14u == bytes);
	if (l3[0] >> 4 == 6) {
		BRAID_ASSERT(lb_quote_read6(&was, before, bytes) == DROP_NONE);
		BRAID_ASSERT(lb_quote_read6(&is, l3, bytes) == DROP_NONE);
	} else {
		BRAID_ASSERT(lb_quote_read4(&was, before, bytes) == DROP_NONE);
		BRAID_ASSERT(lb_quote_read4(&is, l3, bytes) == DROP_NONE);
		BRAID_ASSERT(checksum_ip4_header(l3, l3[0] & 15) ==
			     checksum_ip4_header(before, before[0] & 15));
	}
	BRAID_ASSERT(was.l4 == is.l4 && was.end == is.end && was.protocol == is.protocol);
	for (uint32_t at = 0; at < bytes; at++)
		BRAID_ASSERT(l3[at] == before[at] || may_change(&was, at));
}

/* Takes what left worker @w; how many. */
static unsigned collect(struct worker *w, const uint8_t *before, uint32_t bytes)
{
	static const enum stage lanes[] = {STAGE_ip4_forward, STAGE_ip6_forward};
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(lanes); i++) {
		for (; stages_n(w, lanes[i]) > 0; n++) {
			struct rte_mbuf *m = stages_take(w, lanes[i]);

			check_sent(m, before, bytes);
			stages_end(w, m);
		}
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t before[PACKET_MAX];
	struct worker *w;
	uint32_t bytes;
	unsigned hops = 0;

	if (size < 2 || size > PACKET_MAX)
		return 0;
	w = node_worker((data[0] & OTHER_WORKER) != 0);
	bytes = (uint32_t)size - 1;
	memcpy(frame + 14, data + 1, bytes);
	if (!(data[0] & AS_IT_IS))
		repair(frame + 14, bytes);
	memcpy(before, frame + 14, bytes);
	stages_run(w, STAGE_lb_icmp, frame, 14 + bytes);
	/* Its owner, then each worker once. */
	while (stages_n(w, STAGE_handoff) > 0) {
		struct rte_mbuf *m = stages_take(w, STAGE_handoff);

		BRAID_ASSERT(++hops <= 3 && pkt_of(m)->worker != w->id);
		w = node_worker(pkt_of(m)->worker);
		lane_put(w, STAGE_lb_icmp, m);
		pipeline_run_stage(w, STAGE_lb_icmp);
		pipeline_run_stage(w, STAGE_drop);
	}
	BRAID_ASSERT(collect(w, before, bytes) <= 1);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned s = 0; s < STAGE_COUNT; s++)
			stages_flush(node_worker(i), s);
	node_check_accounts();
	return 0;
}
