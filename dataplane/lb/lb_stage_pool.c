/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses of full NAT in a generation: each prefix has indices in a row. An address that
 * stays keeps its index, and so the ports of its flows, also under a longer or shorter prefix if
 * there is room around it. Thread: main.
 */
#include <errno.h>
#include <string.h>

#include "dataplane/lb/lb_main.h"
#include "dataplane/link/link.h"

/* Whether neither block has the pool's index @k. */
static bool lb_stage_pool_free(const struct lb_block *b, unsigned k)
{
	return b->pool[k].addr.family == 0 &&
	       (!lb_main.now || lb_main.now->pool[k].addr.family == 0);
}

/* The first of @n indices of the pool in a row that are free, or LB_POOL_MAX. IPv4 begins at the
 * low end and IPv6 at the high one, so that the last IPv4 prefix has room to grow. */
static unsigned lb_stage_pool_run(const struct lb_block *b, uint32_t n, bool is_ip6)
{
	unsigned run = 0;

	for (unsigned i = 0; i < LB_POOL_MAX; i++) {
		unsigned k = is_ip6 ? LB_POOL_MAX - 1 - i : i;

		run = lb_stage_pool_free(b, k) ? run + 1 : 0;
		if (run == n)
			return is_ip6 ? k : k + 1 - n;
	}
	return LB_POOL_MAX;
}

/* The address @offset behind that of @prefix. */
static struct ip_addr lb_stage_pool_address(const struct ip_addr *prefix, uint32_t offset)
{
	struct ip_addr a = *prefix;
	unsigned last = ip_addr_bits(a.family) / 8 - 1;

	a.prefix_len = (uint8_t)ip_addr_bits(a.family);
	a.bytes[last] |= offset & 0xff;
	a.bytes[last - 1] |= (offset >> 8) & 0xff;
	return a;
}

/* The last 16 bits of @a: addresses of one prefix of the pool differ in no others. */
static unsigned lb_stage_pool_end(const struct ip_addr *a)
{
	unsigned last = ip_addr_bits(a->family) / 8 - 1;

	return (unsigned)a->bytes[last - 1] << 8 | a->bytes[last];
}

/* How many of the @n addresses of @prefix lie where they would with the first one at index @first;
 * -1: there is no room for the others. */
static int lb_stage_pool_fit(
	const struct lb_block *b, const struct ip_addr *prefix, uint32_t n, unsigned first)
{
	int kept = 0;

	if (first + n > LB_POOL_MAX)
		return -1;
	for (uint32_t k = 0; k < n; k++) {
		struct ip_addr a = lb_stage_pool_address(prefix, k);

		if (ip_addr_equal(&b->pool[first + k].addr, &a))
			kept++;
		else if (!lb_stage_pool_free(b, first + k))
			return -1;
	}
	return kept;
}

/* The index for the first of the @n addresses of @prefix: where most of them are already, else any;
 * LB_POOL_MAX: there is none. */
static unsigned lb_stage_pool_place(
	const struct lb_block *b, const struct ip_addr *prefix, uint32_t n)
{
	unsigned best = LB_POOL_MAX, tried = LB_POOL_MAX;
	int most = 0;

	for (unsigned i = 0; i < LB_POOL_MAX; i++) {
		const struct ip_addr *a = &b->pool[i].addr;
		unsigned offset;
		int kept;

		if (a->family != prefix->family || !ip_addr_covers(prefix, a))
			continue;
		offset = lb_stage_pool_end(a) - lb_stage_pool_end(prefix);
		if (offset > i || i - offset == tried)
			continue;
		tried = i - offset;
		kept = lb_stage_pool_fit(b, prefix, n, tried);
		if (kept > most)
			best = tried;
		most = MAX_OF(most, kept);
	}
	return best != LB_POOL_MAX ? best : lb_stage_pool_run(b, n, prefix->family == 6);
}

void lb_stage_pool_sweep(struct lb_block *next)
{
	bool held[LB_POOL_MAX];

	memset(held, 0, sizeof(held));
	for (unsigned f = 0; f < LB_FRONTS_MAX; f++) {
		const struct lb_front *front = &next->fronts[f];

		if (front->is_pool && next->front_seen[f] && front->pool_first != LB_POOL_MAX)
			memset(held + front->pool_first, true,
				lb_stage_pool_size(&front->prefix) * sizeof(held[0]));
	}
	for (unsigned k = 0; k < LB_POOL_MAX; k++)
		if (!held[k])
			next->pool[k] = (struct lb_pool_address){.life = next->pool[k].life};
}

int lb_stage_pool(const struct api_pool *want, struct base_error *err)
{
	struct lb_block *b = lb_stage_block();
	const struct ip_addr *prefix = &want->prefix;
	char text[IPADDR_TEXT_MAX];
	const char *why;
	uint32_t size;
	unsigned first;
	int f;

	if (!b)
		return lb_stage_no_memory(err);
	if (!iface_addr_ok(prefix))
		return base_error_set(err, EINVAL, "the NAT pool has a malformed prefix");
	ip_addr_format(prefix, text);
	why = lb_stage_bad_prefix(prefix);
	if (why)
		return base_error_set(err, EINVAL,
			"%s in the NAT pool %s%s: give unicast addresses of this node's own", text,
			ip_addr_has_host_bits(prefix) ? "" : "is ", why);
	size = lb_stage_pool_size(prefix);
	if (size > LB_POOL_MAX)
		return base_error_set(err, E2BIG,
			"%s in the NAT pool has more than %u addresses: give a longer prefix", text,
			LB_POOL_MAX);
	f = lb_stage_front(b, prefix, true, err);
	if (f < 0)
		return f;
	if (b->fronts[f].pool_first != LB_POOL_MAX)
		return 0;
	first = lb_stage_pool_place(b, prefix, size);
	if (first == LB_POOL_MAX)
		return base_error_set(err, ENOSPC,
			"no room for %s: the NAT pool has at most %u addresses, those that are "
			"going away included",
			text, LB_POOL_MAX);
	b->fronts[f].pool_first = (uint16_t)first;
	for (uint32_t k = 0; k < size; k++) {
		struct lb_pool_address *a = &b->pool[first + k];

		/* It is there already, by another prefix: its flows go on. */
		if (a->addr.family != 0)
			continue;
		a->addr = lb_stage_pool_address(prefix, k);
		a->life++;
	}
	return 0;
}
