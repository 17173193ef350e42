/* SPDX-License-Identifier: BSD-3-Clause */
/* What store_latency times: GETs of its clients, or packets that the server's worker forwards.
 * Thread: the clients' worker, unless said otherwise. */
#include <string.h>

#include <rte_cycles.h>

#include "tests/bench/latency.h"

#define FRAME_BYTES    60
#define FRAME_NOTE     42 /* where the payload begins */
#define FRAME_HOSTS    4096
#define PACKET_LATE_US 20000 /* packets that are not back by then have been dropped */

/* In the payload. */
struct note {
	uint32_t sample;
	uint32_t round;
};

/* Sends a GET; false: not now. */
static bool send_get(struct worker *w)
{
	uint8_t request[STORE_RIG_REQUEST_MAX];
	struct link *l = &lat.getters[lat.sent % N_GETTERS];
	uint32_t n = store_rig_append_get(request, store_rig.keys[worker_random(w) % lat.n_keys]);

	return latency_say(w, l, request, n);
}

/* Sends a packet; false: there is no buffer for one now. */
static bool send_packet(struct worker *w)
{
	struct note note = {.sample = lat.sent, .round = lat.round};
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->mempool);
	uint8_t *frame;

	if (!m)
		return false;
	frame = (uint8_t *)rte_pktmbuf_append(m, FRAME_BYTES);
	store_rig_write_frame(frame, 1 + (uint32_t)(worker_random(w) % FRAME_HOSTS));
	memcpy(frame + FRAME_NOTE, &note, sizeof(note));
	lat.refused += !store_rig_send(m);
	return true;
}

void latency_send_due(struct worker *w)
{
	while (rte_rdtsc() >= lat.next_due && lat.sent < SAMPLES_MAX) {
		lat.samples[lat.sent] = (struct sample){
			.due = lat.next_due,
			.counts = lat.phase == PHASE_MEASURE,
		};
		if (!(lat.times_packets ? send_packet(w) : send_get(w)))
			return;
		lat.sent++;
		lat.next_due += lat.interval;
	}
}

bool latency_all_back(void)
{
	uint64_t late = lat.until + (uint64_t)(PACKET_LATE_US * lat.cycles_per_us);

	return atomic_load(&lat.answered) + lat.refused >= lat.sent ||
	       (lat.times_packets && rte_rdtsc() >= late);
}

void latency_on_out(struct worker *w, const struct rte_mbuf *m)
{
	struct note note;

	memcpy(&note, rte_pktmbuf_mtod_offset(m, const uint8_t *, FRAME_NOTE), sizeof(note));
	if (m->data_len != FRAME_BYTES || note.round != lat.round)
		return;
	lat.samples[note.sample].end = rte_rdtsc();
	atomic_fetch_add_explicit(&lat.answered, 1, memory_order_release);
}
