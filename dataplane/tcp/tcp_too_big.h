/* SPDX-License-Identifier: BSD-3-Clause */
/* What a smaller path MTU does to segments in flight. Thread: worker. */
#ifndef DATAPLANE_TCP_TCP_TOO_BIG_H
#define DATAPLANE_TCP_TCP_TOO_BIG_H

#include "dataplane/tcp/tcp_recovery.h"

/* Marks every record of more than @mss_bytes of payload lost; recovery does not begin by that. */
void tcp_recovery_on_too_big(
	struct tcp_recovery *r, struct tcp_segment_pool *pool, uint32_t mss_bytes);

#endif
