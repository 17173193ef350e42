/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings between workers. A ring entry is an mbuf, or a message: bit 0 set, bits 1-15 which, bits
 * 16-63 its argument. Thread: worker.
 */
#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_ring.h>

#include "dataplane/core/mailbox.h"

#define MESSAGE_BIT   1u
#define MESSAGE_SHIFT 1u
#define ARG_SHIFT     16u

static void (*const handlers[MAIL_COUNT])(struct worker *w, uint64_t arg) = {
#define MAIL(name, handler) [MAIL_##name] = handler,
#include "dataplane/core/mailbox.def"
#undef MAIL
};

int mailbox_create(struct worker *const *all, unsigned n, struct base_error *err)
{
	for (unsigned src = 0; src < n; src++) {
		for (unsigned dst = 0; dst < n; dst++) {
			char name[RTE_RING_NAMESIZE];
			struct rte_ring *r;

			if (src == dst)
				continue;
			snprintf(name, sizeof(name), "mail-%02x-%02x", src & 0xff, dst & 0xff);
			r = rte_ring_create(name, MAILBOX_ENTRIES, SOCKET_ID_ANY,
				RING_F_SP_ENQ | RING_F_SC_DEQ);
			if (!r)
				return base_error_set(err, rte_errno,
					"no memory for the ring between workers %u and %u (%s): "
					"raise node.memory",
					src, dst, rte_strerror(rte_errno));
			all[src]->outbox[dst] = r;
			all[dst]->inbox[src] = r;
		}
	}
	return 0;
}

void mailbox_destroy(struct worker *const *all, unsigned n)
{
	for (unsigned dst = 0; dst < n; dst++) {
		for (unsigned src = 0; src < n; src++) {
			struct rte_ring *r = all[dst]->inbox[src];
			void *entry;

			while (r && rte_ring_sc_dequeue(r, &entry) == 0) {
				if ((uintptr_t)entry & MESSAGE_BIT)
					continue;
				all[dst]->stats->drops[DROP_shutdown]++;
				rte_pktmbuf_free(entry);
			}
			rte_ring_free(r);
			all[dst]->inbox[src] = NULL;
			all[src]->outbox[dst] = NULL;
		}
	}
}

int mailbox_send(struct worker *w, uint8_t dst, enum mail m, uint64_t arg)
{
	uintptr_t word = arg << ARG_SHIFT | (uintptr_t)m << MESSAGE_SHIFT | MESSAGE_BIT;

	if (dst == w->id) {
		handlers[m](w, arg);
		return 0;
	}
	if (!w->outbox[dst] || rte_ring_sp_enqueue(w->outbox[dst], (void *)word) != 0)
		return -ENOBUFS;
	return 0;
}

unsigned mailbox_room(const struct worker *w, uint8_t dst)
{
	/* The worker of explain has no rings: its packets end in stage handoff. */
	return w->outbox[dst] ? rte_ring_free_count(w->outbox[dst]) : MAILBOX_ENTRIES - 1;
}

unsigned mailbox_receive(struct worker *w)
{
	void *entries[BURST_MAX];
	unsigned total = 0;

	for (unsigned k = 0; k <= w->n_workers && total < BURST_MAX; k++) {
		unsigned src = (unsigned)(w->mail_turn + k) % (w->n_workers + 1u);
		unsigned n;

		if (!w->inbox[src])
			continue;
		n = rte_ring_sc_dequeue_burst(w->inbox[src], entries, BURST_MAX - total, NULL);
		total += n;
		for (unsigned i = 0; i < n; i++) {
			uintptr_t word = (uintptr_t)entries[i];

			if (word & MESSAGE_BIT) {
				handlers[(word >> MESSAGE_SHIFT) & 0x7fff](w, word >> ARG_SHIFT);
				continue;
			}
			w->stats->handoff_in_pkts++;
			lane_put(w, pkt_of(entries[i])->resume, entries[i]);
		}
	}
	w->mail_turn = (uint8_t)((w->mail_turn + 1u) % (w->n_workers + 1u));
	return total;
}

/* Sends the packets of @pkts that go to worker @dst. */
static void send_to(struct worker *w, struct rte_mbuf **pkts, unsigned n, unsigned dst)
{
	void *batch[LANE_MAX];
	unsigned count = 0, sent;

	for (unsigned i = 0; i < n; i++)
		if (pkt_of(pkts[i])->worker == dst)
			batch[count++] = pkts[i];
	sent = w->outbox[dst] ? rte_ring_sp_enqueue_burst(w->outbox[dst], batch, count, NULL) : 0;
	w->stats->handoff_out_pkts += sent;
	for (unsigned i = sent; i < count; i++)
		drop(w, batch[i], DROP_mailbox_full);
}

void mailbox_handoff_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	uint32_t dsts = 0;

	for (unsigned i = 0; i < n; i++)
		dsts |= 1u << pkt_of(pkts[i])->worker;
	for (; dsts; dsts &= dsts - 1)
		send_to(w, pkts, n, (unsigned)__builtin_ctz(dsts));
}
