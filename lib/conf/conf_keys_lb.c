/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of the `nat` and `lb` sections as rows of tables. Main threads only. RFC 5382 REQ-5 and
 * RFC 4787 REQ-5 for the idle times.
 */
#include <stdlib.h>

#include "lib/conf/conf_impl.h"

#define IDLE_MIN_MS 100
#define IDLE_MAX_MS (24U * 3600 * 1000)

static int decode_pool(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf *conf = base;
	int rc;

	if (!conf->pool)
		conf->pool = calloc(CONF_POOL_MAX, sizeof(*conf->pool));
	if (!conf->pool)
		return conf_fail_memory(l);
	rc = conf_decode_addresses(l, key, value, &conf->pool[conf->n_pool]);
	l->lb_places.pool[conf->n_pool] = value->place;
	conf->n_pool++;
	return rc;
}

static const struct conf_key nat_keys[] = {
	{
		.name = "pool",
		.takes = CONF_TAKES_SCALARS,
		.required = true,
		.items_min = 1,
		.items_max = CONF_POOL_MAX,
		.decode = decode_pool,
		.help = "a list of addresses and prefixes: [203.0.113.200/29]",
	},
};

const struct conf_section conf_nat_section = {
	.noun = "nat",
	.keys = nat_keys,
	.n_keys = ARRAY_SIZE(nat_keys),
};

static int lb_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	*base = &l->conf->lb;
	return 0;
}

static int decode_lb_key(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_lb *lb = base;

	lb->has_key = true;
	return conf_decode_key(l, key, value, base);
}

static int decode_tunnel_source(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_lb *lb = base;
	struct ip_addr source, *of_family;
	int rc = conf_decode_addresses(l, key, value, &source);

	if (rc < 0)
		return rc;
	of_family = source.family == 4 ? &lb->tunnel_source4 : &lb->tunnel_source6;
	if (of_family->family)
		return conf_fail(l, value->place,
			"tunnel_source has two IPv%u prefixes (remove one of them)", source.family);
	*of_family = source;
	return 0;
}

static const struct conf_key idle_keys[] = {
	{
		.name = "tcp_new",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_lb, idle_ms[0]),
		.min = IDLE_MIN_MS,
		.max = IDLE_MAX_MS,
		.decode = conf_decode_duration,
		.help = "TCP before its handshake is complete, 30s unless given",
	},
	{
		.name = "tcp_established",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_lb, idle_ms[1]),
		.min = IDLE_MIN_MS,
		.max = IDLE_MAX_MS,
		.decode = conf_decode_duration,
		.help = "a TCP connection, 7440s unless given",
	},
	{
		.name = "tcp_closing",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_lb, idle_ms[2]),
		.min = IDLE_MIN_MS,
		.max = IDLE_MAX_MS,
		.decode = conf_decode_duration,
		.help = "TCP that was closed, 60s unless given",
	},
	{
		.name = "udp_new",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_lb, idle_ms[3]),
		.min = IDLE_MIN_MS,
		.max = IDLE_MAX_MS,
		.decode = conf_decode_duration,
		.help = "UDP with few packets, 30s unless given",
	},
	{
		.name = "udp_established",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_lb, idle_ms[4]),
		.min = IDLE_MIN_MS,
		.max = IDLE_MAX_MS,
		.decode = conf_decode_duration,
		.help = "UDP in both directions, 300s unless given",
	},
};

static const struct conf_section idle_section = {
	.noun = "idle",
	.keys = idle_keys,
	.n_keys = ARRAY_SIZE(idle_keys),
};

static const struct conf_key lb_keys[] = {
	{
		.name = "key",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_lb, key),
		.decode = decode_lb_key,
		.help = "32 hex digits, the same on all members; random unless given",
	},
	{
		.name = "new_flows",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_lb, new_flows_per_sec),
		.min = 1,
		.max = CONF_NEW_FLOWS_MAX,
		.decode = conf_decode_count,
		.help = "new flows remembered per second, 1M unless given",
	},
	{
		.name = "idle",
		.takes = CONF_TAKES_MAP,
		.section = &idle_section,
		.help = "how long a flow without packets is remembered: {tcp_new: 30s}",
	},
	{
		.name = "tunnel_source",
		.takes = CONF_TAKES_SCALARS,
		.items_min = 1,
		.items_max = 2,
		.decode = decode_tunnel_source,
		.help = "a list of at most one prefix per IP version: [10.9.0.0/24]",
	},
};

const struct conf_section conf_lb_section = {
	.noun = "lb",
	.keys = lb_keys,
	.n_keys = ARRAY_SIZE(lb_keys),
	.begin = lb_begin,
};
