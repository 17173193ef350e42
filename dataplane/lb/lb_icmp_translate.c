/* SPDX-License-Identifier: BSD-3-Clause */
/* Translates ICMP errors about flows in NAT mode (RFC 5508 4.2, 4.3; RFC 1624). Thread: worker. */
#include "dataplane/lb/lb_icmp.h"

/* Offsets in transport headers. */
#define TCP_CHECKSUM 16
#define UDP_CHECKSUM 6

/* @check, stored in the packet, after words with sum @old in what it covers became @new. */
static uint16_t checksum_of_change(uint16_t check, uint64_t old, uint64_t new)
{
	return checksum_finish(
		checksum_add((uint64_t)(uint16_t)~check + (uint16_t)~checksum_fold(old), new));
}

/* Replaces the checksum at @at in @l3. */
static void update_checksum(uint8_t *l3, uint32_t at, uint64_t old, uint64_t new)
{
	uint16_t check;

	memcpy(&check, l3 + at, sizeof(check));
	check = checksum_of_change(check, old, new);
	memcpy(l3 + at, &check, sizeof(check));
}

/* The transport checksum of the quoted packet, if it was quoted; UDP may have none (RFC 768). */
static void update_transport(uint8_t *l3, const struct lb_quote *q, uint64_t old, uint64_t new)
{
	uint16_t check;
	uint32_t at;

	if (q->protocol == IPPROTO_TCP) {
		at = q->l4 + TCP_CHECKSUM;
		if (at + sizeof(check) <= q->end)
			update_checksum(l3, at, old, new);
		return;
	}
	at = q->l4 + UDP_CHECKSUM;
	memcpy(&check, l3 + at, sizeof(check));
	if (check == 0)
		return;
	check = checksum_of_change(check, old, new);
	if (check == 0)
		check = 0xffff;
	memcpy(l3 + at, &check, sizeof(check));
}

/* Addresses and ports of the quoted packet. */
static void translate_quote(uint8_t *l3, const struct lb_quote *q, const struct lb_icmp_ends *ends)
{
	uint32_t size = q->family == 4 ? 4 : 16;
	uint8_t *src = l3 + q->packet +
		       (q->family == 4 ? offsetof(struct rte_ipv4_hdr, src_addr) : IP6_SRC_OFFSET);
	uint64_t old = checksum_sum(src, 2 * size, 0), new;
	uint16_t ports[2] = {ends->target_port_be, ends->dst_port_be};

	memcpy(src, ends->target, size);
	memcpy(src + size, ends->dst, size);
	new = checksum_sum(src, 2 * size, 0);
	if (q->family == 4)
		update_checksum(l3,
			q->packet + (uint32_t)offsetof(struct rte_ipv4_hdr, hdr_checksum), old,
			new);
	old = checksum_sum(l3 + q->l4, sizeof(ports), old);
	memcpy(l3 + q->l4, ports, sizeof(ports));
	new = checksum_sum(ports, sizeof(ports), new);
	update_transport(l3, q, old, new);
}

/* Addresses of the error itself. */
static void translate_outer(uint8_t *l3, const struct lb_quote *q, const struct lb_icmp_ends *ends)
{
	uint32_t size = q->family == 4 ? 4 : 16;
	uint8_t *src =
		l3 + (q->family == 4 ? offsetof(struct rte_ipv4_hdr, src_addr) : IP6_SRC_OFFSET);
	uint64_t old = checksum_sum(src, 2 * size, 0);

	if (ends->reporter)
		memcpy(src, ends->reporter, size);
	memcpy(src + size, ends->target, size);
	if (q->family == 4)
		update_checksum(l3, offsetof(struct rte_ipv4_hdr, hdr_checksum), old,
			checksum_sum(src, 2 * size, 0));
}

void lb_icmp_translate(uint8_t *l3, const struct lb_quote *q, const struct lb_icmp_ends *ends)
{
	uint8_t *check_at = l3 + q->icmp + 2;
	uint16_t check = 0;

	translate_quote(l3, q, ends);
	translate_outer(l3, q, ends);
	/* Made anew: that it was right before has been seen. */
	memcpy(check_at, &check, sizeof(check));
	if (q->family == 4)
		check = checksum_finish(checksum_sum(l3 + q->icmp, (size_t)(q->end - q->icmp), 0));
	else
		check = lb_icmp6_checksum(l3, q->icmp, q->end);
	memcpy(check_at, &check, sizeof(check));
}
