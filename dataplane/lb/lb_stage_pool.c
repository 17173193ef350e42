/* SPDX-License-Identifier: BSD-3-Clause */
/* The addresses of full NAT in a generation: each prefix has indices in a row. Thread: main. */
#include <errno.h>

#include "dataplane/lb/lb_main.h"
#include "dataplane/link/link.h"

/* Whether neither block has the pool's index @k. */
static bool lb_stage_pool_free(const struct lb_block *b, unsigned k)
{
	return b->pool[k].addr.family == 0 &&
	       (!lb_main.now || lb_main.now->pool[k].addr.family == 0);
}

/* The first of @n indices of the pool in a row that are free, or LB_POOL_MAX. */
static unsigned lb_stage_pool_run(const struct lb_block *b, uint32_t n)
{
	unsigned run = 0;

	for (unsigned k = 0; k < LB_POOL_MAX; k++) {
		run = lb_stage_pool_free(b, k) ? run + 1 : 0;
		if (run == n)
			return k + 1 - n;
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
	first = lb_stage_pool_run(b, size);
	if (first == LB_POOL_MAX)
		return base_error_set(err, ENOSPC,
			"no room for %s: the NAT pool has at most %u addresses, those that are "
			"going away included",
			text, LB_POOL_MAX);
	b->fronts[f].pool_first = (uint16_t)first;
	for (uint32_t k = 0; k < size; k++)
		b->pool[first + k] = (struct lb_pool_address){
			.addr = lb_stage_pool_address(prefix, k),
			.life = b->pool[first + k].life + 1,
		};
	return 0;
}
