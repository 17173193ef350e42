/* SPDX-License-Identifier: BSD-3-Clause */
/* Reserves the packet notes in the mbuf. Thread: main. */
#include <errno.h>

#include <rte_errno.h>
#include <rte_mbuf_dyn.h>

#include "dataplane/core/pkt.h"

int pkt_init(struct base_error *err)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "braid_pkt",
		.size = sizeof(struct pkt),
		.align = 8,
	};

	if (rte_mbuf_dynfield_register_offset(&field, PKT_OFFSET) < 0)
		return base_error_set(err, rte_errno,
			"the packet buffers have no room for braid's notes (%s): a driver took "
			"their dynamic fields first",
			rte_strerror(rte_errno));
	return 0;
}
