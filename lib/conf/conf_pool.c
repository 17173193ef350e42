/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the NAT pool carries what it must. A port of one of its addresses serves one flow at a
 * time, whatever the protocol and the backend, and belongs to one worker. Main threads only.
 */
#include <stdio.h>

#include "lib/conf/conf_impl.h"

/* However many workers share one address, each has enough ports to work with. */
_Static_assert(CONF_POOL_PORTS / CONF_WORKERS_MAX >= 1024, "an address is enough for all workers");

static uint32_t count_addresses(const struct conf *conf, unsigned family)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < conf->n_pool; i++)
		if (conf->pool[i].family == family)
			n += 1U << (ip_addr_bits(family) - conf->pool[i].prefix_len);
	return n;
}

/* Flows that one address carries: what is left over when workers share its ports is of no use. */
static uint32_t address_flows(const struct conf *conf)
{
	return CONF_POOL_PORTS / conf->node.n_workers * conf->node.n_workers;
}

uint32_t conf_pool_flows(const struct conf *conf, unsigned family)
{
	return count_addresses(conf, family) * address_flows(conf);
}

/* What services of one IP version there are. */
struct mix {
	bool some_nat;
	bool all_nat;
};

static struct mix mix_of(const struct conf *conf, unsigned family)
{
	struct mix mix = {.all_nat = true};

	for (uint32_t i = 0; i < conf->n_services; i++) {
		if (conf->services[i].vip.family != family)
			continue;
		mix.some_nat |= conf->services[i].mode == CONF_LB_NAT;
		mix.all_nat &= conf->services[i].mode == CONF_LB_NAT;
	}
	return mix;
}

/* "its 2 IPv4 addresses carry 129024 flows at a time, ... node.flows ... 1000000"; returns @buf. */
static char *describe(const struct conf *conf, unsigned family, char *buf, size_t size)
{
	uint32_t n = count_addresses(conf, family);

	snprintf(buf, size, "%u IPv%u address%s can carry %u flows at a time, node.flows is %u", n,
		family, n == 1 ? "" : "es", conf_pool_flows(conf, family), conf->node.flows);
	return buf;
}

/* How many addresses carry node.flows. */
static uint32_t enough(const struct conf *conf)
{
	uint32_t each = address_flows(conf);

	return (conf->node.flows + each - 1) / each;
}

static struct conf_place first_place(const struct conf_loader *l, unsigned family)
{
	unsigned i = 0;

	while (l->conf->pool[i].family != family)
		i++;
	return l->lb_places.pool[i];
}

int conf_check_pool(struct conf_loader *l)
{
	const struct conf *conf = l->conf;
	char text[128];

	/* The default of node.flows is nobody's wish, and other modes may want the flows. */
	for (unsigned family = 4; family <= 6 && l->flows_place.line; family += 2) {
		struct mix mix = mix_of(conf, family);

		if (mix.some_nat && mix.all_nat && conf_pool_flows(conf, family) < conf->node.flows)
			return conf_fail(l, first_place(l, family),
				"nat pool is too small: %s (line %u), and every IPv%u service is "
				"in mode nat (give the pool %u addresses, or lower node.flows)",
				describe(conf, family, text, sizeof(text)), l->flows_place.line,
				family, enough(conf));
	}
	return 0;
}

unsigned conf_warn(const struct conf *conf, struct conf_error warnings[CONF_WARNINGS_MAX])
{
	char text[128];
	unsigned n = 0;

	for (unsigned family = 4; family <= 6; family += 2) {
		if (!mix_of(conf, family).some_nat ||
			conf_pool_flows(conf, family) >= conf->node.flows)
			continue;
		snprintf(warnings[n].text, sizeof(warnings[n].text),
			"nat pool: %s (with %u addresses all of them could be in mode nat)",
			describe(conf, family, text, sizeof(text)), enough(conf));
		n++;
	}
	return n;
}
