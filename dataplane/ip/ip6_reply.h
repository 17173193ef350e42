/* SPDX-License-Identifier: BSD-3-Clause */
/* The answers of the node to packets for itself: echo replies. Thread: worker. */
#ifndef DATAPLANE_IP_IP6_REPLY_H
#define DATAPLANE_IP_IP6_REPLY_H

#include "dataplane/core/worker.h"

/* Turns @m, whose checked echo request starts at @offset from its IPv6 header, into the reply and
 * sends it, without the extension headers (RFC 4443 4.2). */
void ip6_reply_echo(struct worker *w, struct rte_mbuf *m, uint32_t offset);

#endif
