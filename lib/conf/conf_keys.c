/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The top-level keys of the file, and those of neighbours, routes and metrics, as rows of tables.
 * Main threads only.
 */
#include <string.h>

#include "lib/conf/conf_impl.h"

static int neighbor_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	struct conf *conf = l->conf;
	struct conf_neighbor *neighbor;

	if (conf_grow((void **)&conf->neighbors, &l->cap_neighbors, conf->n_neighbors,
		    sizeof(*conf->neighbors)) < 0)
		return conf_fail_memory(l);
	neighbor = &conf->neighbors[conf->n_neighbors++];
	*neighbor = (struct conf_neighbor){.place = map->place};
	*base = neighbor;
	return 0;
}

static int neighbor_end(struct conf_loader *l, const struct conf_value *map, void *base)
{
	return conf_check_neighbor(l, base);
}

static int decode_neighbor_address(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->neighbor_address_place = value->place;
	return conf_decode_address(l, key, value, base);
}

static const struct conf_key neighbor_keys[] = {
	{
		.name = "interface",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_neighbor, interface),
		.decode = conf_decode_interface,
		.help = "the interface it is behind",
	},
	{
		.name = "address",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_neighbor, address),
		.decode = decode_neighbor_address,
		.help = "its IPv4 or IPv6 address",
	},
	{
		.name = "mac",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_neighbor, mac),
		.decode = conf_decode_mac,
		.help = "its MAC: 02:00:00:00:00:fe",
	},
};

static const struct conf_section neighbor_section = {
	.noun = "neighbor",
	.identity = "address",
	.keys = neighbor_keys,
	.n_keys = ARRAY_SIZE(neighbor_keys),
	.begin = neighbor_begin,
	.end = neighbor_end,
};

static int route_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	if (l->rib.n_sources == 0 || l->rib.sources[l->rib.n_sources - 1].file != l->yaml_file)
		conf_routes_source(l, l->yaml_file);
	memset(&l->draft, 0, sizeof(l->draft));
	*base = &l->draft;
	return 0;
}

static int route_end(struct conf_loader *l, const struct conf_value *map, void *base)
{
	struct conf_draft *draft = base;

	if (draft->n_hops == 0 && draft->action_place.line == 0)
		return conf_fail(l, map->place,
			"route has neither \"via\" (next hops) nor \"action\" (blackhole or "
			"reject)");
	if (draft->n_hops > 0 && draft->action_place.line != 0)
		return conf_fail(l, draft->action_place,
			"a route has either \"via\" or \"action\" (remove one of them)");
	if (draft->n_hops == 0 && draft->interface[0])
		return conf_fail(
			l, map->place, "\"interface\" in a route without \"via\" (remove it)");
	for (unsigned i = 0; i < draft->n_hops; i++)
		if (!draft->hops[i].interface[0])
			memcpy(draft->hops[i].interface, draft->interface, CONF_NAME_MAX);
	return conf_routes_add(l, draft);
}

static int decode_route_prefix(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_draft *draft = base;

	draft->prefix_place = value->place;
	return conf_routes_prefix(
		l, conf_value_text(l, value), value->text_len, value->place, &draft->prefix);
}

/* Adds a next hop to the draft; its address is still to come. */
static struct conf_hop *hop_add(struct conf_draft *draft, struct conf_place place)
{
	struct conf_hop *hop = &draft->hops[draft->n_hops];

	*hop = (struct conf_hop){.weight = 1};
	draft->hop_places[draft->n_hops++] = place;
	return hop;
}

static int hop_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	*base = hop_add(&l->draft, map->place);
	return 0;
}

static int decode_hop_address(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	l->draft.hop_places[(struct conf_hop *)base - l->draft.hops] = value->place;
	return conf_decode_address(l, key, value, base);
}

/* An address alone is a next hop too. */
static int decode_via(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	return conf_decode_address(l, key, value, hop_add(base, value->place));
}

static int decode_action(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_draft *draft = base;

	int rc = conf_decode_word(l, key, value, base);

	draft->action_place = value->place;
	draft->action++;
	return rc;
}

static const struct conf_key hop_keys[] = {
	{
		.name = "address",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.offset = offsetof(struct conf_hop, address),
		.decode = decode_hop_address,
		.help = "its IPv4 or IPv6 address",
	},
	{
		.name = "weight",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_hop, weight),
		.min = 1,
		.max = CONF_WEIGHT_MAX,
		.decode = conf_decode_u16,
		.help = "its share of the flows, 1 unless given",
	},
	{
		.name = "interface",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_hop, interface),
		.decode = conf_decode_interface,
		.help = "the interface it is behind",
	},
};

static const struct conf_section hop_section = {
	.noun = "next hop",
	.identity = "address",
	.keys = hop_keys,
	.n_keys = ARRAY_SIZE(hop_keys),
	.begin = hop_begin,
};

/* The words after CONF_ACTION_VIA, which is not written as one. */
static const char *const action_words[] = {
	[CONF_ACTION_BLACKHOLE - 1] = "blackhole",
	[CONF_ACTION_REJECT - 1] = "reject",
	NULL,
};

static const struct conf_key route_keys[] = {
	{
		.name = "prefix",
		.takes = CONF_TAKES_SCALAR,
		.required = true,
		.decode = decode_route_prefix,
		.help = "the destinations: 198.51.100.0/24",
	},
	{
		.name = "via",
		.takes = CONF_TAKES_SCALAR | CONF_TAKES_SCALARS | CONF_TAKES_MAPS,
		.items_min = 1,
		.items_max = CONF_HOPS_MAX,
		.decode = decode_via,
		.section = &hop_section,
		.help = "a next hop, or a list of {address, weight, interface}",
	},
	{
		.name = "action",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_draft, action),
		.words = action_words,
		.decode = decode_action,
		.help = "blackhole or reject",
	},
	{
		.name = "interface",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_draft, interface),
		.decode = conf_decode_interface,
		.help = "the interface of the next hops that name none",
	},
};

static const struct conf_section route_section = {
	.noun = "route",
	.identity = "prefix",
	.keys = route_keys,
	.n_keys = ARRAY_SIZE(route_keys),
	.begin = route_begin,
	.end = route_end,
};

static const struct conf_key metrics_keys[] = {
	{
		.name = "listen",
		.takes = CONF_TAKES_SCALAR,
		.decode = conf_decode_listen,
		.help = "ADDRESS:PORT, 127.0.0.1:9465 unless given; IPv6 in quotes: \"[::1]:9465\"",
	},
};

static const struct conf_section metrics_section = {
	.noun = "metrics",
	.keys = metrics_keys,
	.n_keys = ARRAY_SIZE(metrics_keys),
};

static int decode_route_file(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	return conf_route_file_load(l, value);
}

static int file_end(struct conf_loader *l, const struct conf_value *map, void *base)
{
	int rc = conf_check_store(l);

	return rc < 0 || l->node_only ? rc : conf_check_lb(l);
}

static const struct conf_key file_keys[] = {
	{
		.name = "node",
		.takes = CONF_TAKES_MAP,
		.required = true,
		.section = &conf_node_section,
		.help = "this machine: its name, workers and ports",
	},
	{
		.name = "neighbors",
		.takes = CONF_TAKES_MAPS,
		.items_max = CONF_NEIGHBORS_MAX,
		.section = &neighbor_section,
		.help = "a list of {interface, address, mac}",
	},
	{
		.name = "routes",
		.takes = CONF_TAKES_MAPS,
		.items_max = CONF_ROUTES_MAX,
		.section = &route_section,
		.help = "a list of {prefix, via} or {prefix, action}",
	},
	{
		.name = "route_files",
		.takes = CONF_TAKES_SCALARS,
		.items_max = CONF_ROUTE_FILES_MAX,
		.decode = decode_route_file,
		.help = "a list of files with lines \"PREFIX via ADDRESS\"",
	},
	{
		.name = "metrics",
		.takes = CONF_TAKES_MAP,
		.section = &metrics_section,
		.help = "where Prometheus reads",
	},
	{
		.name = "nat",
		.takes = CONF_TAKES_MAP,
		.section = &conf_nat_section,
		.help = "the source addresses of full NAT: {pool: [203.0.113.200/29]}",
	},
	{
		.name = "lb",
		.takes = CONF_TAKES_MAP,
		.section = &conf_lb_section,
		.help = "settings of the balancer",
	},
	{
		.name = "services",
		.takes = CONF_TAKES_MAPS,
		.items_max = CONF_SERVICES_MAX,
		.section = &conf_service_section,
		.help = "a list of {name, vip, port, protocol, mode, backends}",
	},
	{
		.name = "store",
		.takes = CONF_TAKES_MAP,
		.section = &conf_store_section,
		.help = "the shards: {listen: [192.0.2.1], memory: 256M}",
	},
	{
		.name = "compute",
		.takes = CONF_TAKES_MAP,
		.section = &conf_compute_section,
		.help = "limits of programs and jobs: {quantum: auto, quota: 50%}",
	},
};

const struct conf_section conf_file_section = {
	.noun = "the file",
	.keys = file_keys,
	.n_keys = ARRAY_SIZE(file_keys),
	.end = file_end,
};
