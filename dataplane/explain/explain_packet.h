/* SPDX-License-Identifier: BSD-3-Clause */
/* The frame that an explain request describes. Thread: main. */
#ifndef DATAPLANE_EXPLAIN_EXPLAIN_PACKET_H
#define DATAPLANE_EXPLAIN_EXPLAIN_PACKET_H

#include "dataplane/core/worker.h"
#include "lib/api/api.h"

/* Builds it as it would arrive on @in, with correct checksums, from @w's pool; the caller owns it.
 * NULL with a sentence in @err. */
struct rte_mbuf *explain_packet_build(struct worker *w, const struct api_explain *req,
	const struct iface *in, struct base_error *err);

#endif
