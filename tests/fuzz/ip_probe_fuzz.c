/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes behind a valid IP header as an answer to a health probe: read within the packet, and
 * only what is about a probe is taken for one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/ip/ip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether stages ip4_local and ip6_local may pass the @size bytes at @data on as a packet. */
static bool is_packet(const uint8_t *data, size_t size)
{
	if (size < 20 || size > UINT16_MAX)
		return false;
	if (data[0] >> 4 == 4)
		return (data[0] & 0xf) >= 5 && (data[0] & 0xfu) * 4 <= size;
	return data[0] >> 4 == 6 && size >= 40;
}

static void check(const struct ip_probe_answer *a, const uint8_t *packet, size_t size)
{
	unsigned family = packet[0] >> 4;

	BRAID_ASSERT(a->about.family == family);
	BRAID_ASSERT(be16toh(a->about.own_port_be) >= IP_PROBE_PORT_MIN);
	BRAID_ASSERT(
		memcmp(a->about.own, packet + (family == 4 ? 16 : 24), family == 4 ? 4 : 16) == 0);
	BRAID_ASSERT(a->payload_bytes == 0 ||
		     (a->payload >= packet && a->payload + a->payload_bytes <= packet + size));
	BRAID_ASSERT(a->about.protocol != (family == 4 ? 58 : 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip_probe_answer a;
	uint8_t *packet;
	bool about;

	if (!is_packet(data, size))
		return 0;
	packet = malloc(size);
	BRAID_ASSERT(packet);
	memcpy(packet, data, size);
	about = packet[0] >> 4 == 4 ? ip4_probe_read(packet, (uint32_t)size, &a)
				    : ip6_probe_read(packet, (uint32_t)size, &a);
	if (about)
		check(&a, packet, size);
	free(packet);
	return 0;
}
