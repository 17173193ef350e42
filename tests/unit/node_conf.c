/* SPDX-License-Identifier: BSD-3-Clause */
/* From struct conf to the API's objects, one message per object. */
#include <string.h>

#include "dataplane/core/server.h"
#include "tests/unit/node_conf.h"

static const struct api_list one = {.count = 1};

static int stage_interface(
	const struct conf *conf, const struct conf_interface *i, struct base_error *err)
{
	struct api_interface msg = {.vlan = i->vlan, .mtu = i->mtu, .n_addresses = i->n_addresses};

	base_strlcpy(msg.name, i->name, sizeof(msg.name));
	base_strlcpy(msg.port, conf->node.ports[i->port].name, sizeof(msg.port));
	memcpy(msg.addresses, i->addresses, i->n_addresses * sizeof(msg.addresses[0]));
	return server_on_interface_set(NULL, &one, &msg, NULL, err);
}

static int stage_neighbor(const struct conf_neighbor *n, struct base_error *err)
{
	struct api_neighbor msg = {.address = n->address};

	base_strlcpy(msg.interface, n->interface, sizeof(msg.interface));
	memcpy(msg.mac, n->mac, 6);
	return server_on_neighbor_set(NULL, &one, &msg, NULL, err);
}

static int stage_nexthop(const struct conf_nexthop *n, uint32_t id, struct base_error *err)
{
	struct api_nexthop msg = {.id = id, .action = (uint16_t)n->action, .n_hops = n->n_hops};

	for (unsigned i = 0; i < n->n_hops; i++) {
		msg.hops[i].address = n->hops[i].address;
		msg.hops[i].weight = n->hops[i].weight;
		base_strlcpy(
			msg.hops[i].interface, n->hops[i].interface, sizeof(msg.hops[i].interface));
	}
	return server_on_nexthop_set(NULL, &one, &msg, NULL, err);
}

int node_conf_stage(const struct conf *conf, struct base_error *err)
{
	int ret = 0;

	for (unsigned i = 0; i < conf->node.n_interfaces && ret == 0; i++)
		ret = stage_interface(conf, &conf->node.interfaces[i], err);
	for (unsigned i = 0; i < conf->n_neighbors && ret == 0; i++)
		ret = stage_neighbor(&conf->neighbors[i], err);
	for (unsigned i = 0; i < conf->n_nexthops && ret == 0; i++)
		ret = stage_nexthop(&conf->nexthops[i], i + 1, err);
	for (unsigned i = 0; i < conf->n_routes && ret == 0; i++) {
		struct api_route msg = {
			.prefix = conf->routes[i].prefix,
			.nexthop = conf->routes[i].nexthop + 1,
		};

		ret = server_on_route_set(NULL, &one, &msg, NULL, err);
	}
	return ret;
}
