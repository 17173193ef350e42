/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The index of services (struct lb_service_slot): open addressing with linear probing, by front,
 * protocol and port. Its builder and its reader share the hash of a key's first slot. The hash is
 * not keyed: what is stored comes from the configuration, and the probes of a packet that finds
 * nothing end at the next free slot. Thread: any.
 */
#ifndef DATAPLANE_LB_LB_SERVICE_H
#define DATAPLANE_LB_LB_SERVICE_H

#include "lib/base/base.h"

/* What lb_service_slot.front_protocol holds. */
static inline uint32_t lb_service_key(uint16_t front, uint8_t protocol)
{
	return (uint32_t)front << 8 | protocol;
}

/* The first slot to look at, before masking with lb_world.service_mask; the next ones follow it,
 * modulo the size. @port_be 0: the service of all ports. */
static inline uint32_t lb_service_slot_hash(uint16_t front, uint8_t protocol, uint16_t port_be)
{
	uint64_t key = (uint64_t)lb_service_key(front, protocol) << 16 | port_be;

	return (uint32_t)(key * 0x9e3779b97f4a7c15ULL >> 40);
}

#endif
