/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in flight and does not fit the path is lost, without congestion (RFC 1191 6.4, RFC 8201
 * 5.4). Thread: worker. */
#include "dataplane/tcp/tcp_recovery_impl.h"
#include "dataplane/tcp/tcp_too_big.h"

void tcp_recovery_on_too_big(
	struct tcp_recovery *r, struct tcp_segment_pool *pool, uint32_t mss_bytes)
{
	uint32_t number = tcp_recovery_first_number(r, pool);
	bool recovers = r->in_recovery;

	for (unsigned i = 0; i < r->n_segments; i++) {
		struct tcp_segment *s = tcp_segment_at(pool, number);
		uint32_t fin = !!(s->flags & TCP_SEGMENT_FIN);

		if (!(s->flags & (TCP_SEGMENT_SACKED | TCP_SEGMENT_LOST)) &&
			tcp_segment_bytes(s) - fin > mss_bytes)
			tcp_recovery_mark_lost(r, pool, number);
		number = s->next;
	}
	if (!recovers && r->in_recovery)
		tcp_recovery_leave(r);
}
