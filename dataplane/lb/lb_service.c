/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding the service of a packet in the index. Thread: any. */
#include "dataplane/lb/lb_service.h"

#include "dataplane/lb/lb.h"

/* The service of exactly this key, or LB_NO_SERVICE. */
static uint16_t find(const struct lb_world *lb, uint16_t front, uint8_t protocol, uint16_t port_be)
{
	uint32_t key = lb_service_key(front, protocol);
	uint32_t at = lb_service_slot_hash(front, protocol, port_be);

	for (uint32_t n = 0; n <= lb->service_mask; n++, at++) {
		const struct lb_service_slot *s = &lb->index[at & lb->service_mask];

		if (s->service == LB_NO_SERVICE)
			break;
		if (s->front_protocol == key && s->port_be == port_be)
			return s->service;
	}
	return LB_NO_SERVICE;
}

uint16_t lb_service_find(
	const struct lb_world *lb, uint16_t front, uint8_t protocol, uint16_t port_be)
{
	uint16_t service = find(lb, front, protocol, port_be);

	return service != LB_NO_SERVICE ? service : find(lb, front, protocol, 0);
}
