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

static int stage_lb(const struct conf_lb *lb, struct base_error *err)
{
	struct api_lb msg = {
		.new_flows_per_sec = lb->new_flows_per_sec,
		.tunnel_source4 = lb->tunnel_source4,
		.tunnel_source6 = lb->tunnel_source6,
	};

	if (lb->has_key)
		memcpy(msg.key, lb->key, sizeof(msg.key));
	memcpy(msg.idle_ms, lb->idle_ms, sizeof(msg.idle_ms));
	return server_on_lb_set(NULL, &msg, NULL, NULL, err);
}

static int stage_service(const struct conf_service *s, struct base_error *err)
{
	struct api_service msg = {
		.vip = s->vip,
		.port = s->port,
		.protocol = s->protocol,
		.mode = (uint8_t)s->mode,
		.probe =
			{
				.kind = (uint16_t)s->probe.kind,
				.port = s->probe.port,
				.interval_ms = s->probe.interval_ms,
				.timeout_ms = s->probe.timeout_ms,
				.rise = s->probe.rise,
				.fall = s->probe.fall,
				.request_bytes = s->probe.request_bytes,
				.expect_bytes = s->probe.expect_bytes,
			},
	};

	base_strlcpy(msg.name, s->name, sizeof(msg.name));
	memcpy(msg.probe.request, s->probe.request, sizeof(msg.probe.request));
	memcpy(msg.probe.expect, s->probe.expect, sizeof(msg.probe.expect));
	return server_on_service_set(NULL, &one, &msg, NULL, err);
}

static int stage_backend(
	const struct conf *conf, const struct conf_backend *b, struct base_error *err)
{
	struct api_backend_want msg = {
		.backend = {.address = b->address, .port = b->port, .weight = b->weight}};

	base_strlcpy(
		msg.backend.service, conf->services[b->service].name, sizeof(msg.backend.service));
	return server_on_backend_set(NULL, &one, &msg, NULL, err);
}

static int stage_balancer(const struct conf *conf, struct base_error *err)
{
	int ret = 0;

	if (conf->n_services > 0 || conf->n_pool > 0)
		ret = stage_lb(&conf->lb, err);
	for (unsigned i = 0; i < conf->n_pool && ret == 0; i++) {
		struct api_pool msg = {.prefix = conf->pool[i]};

		ret = server_on_pool_set(NULL, &one, &msg, NULL, err);
	}
	for (unsigned i = 0; i < conf->n_services && ret == 0; i++)
		ret = stage_service(&conf->services[i], err);
	for (unsigned i = 0; i < conf->n_backends && ret == 0; i++)
		ret = stage_backend(conf, &conf->backends[i], err);
	return ret;
}

static int stage_store(const struct conf_store *s, struct base_error *err)
{
	struct api_store msg = {
		.n_listen = s->n_listen,
		.port = s->port,
		.timeout_s = s->timeout_ms / 1000,
		.policy = s->policy,
		.protected_mode = s->protected_mode == CONF_YES,
	};

	if (s->n_listen == 0)
		return 0;
	memcpy(msg.listen, s->listen, sizeof(msg.listen));
	memcpy(msg.password, s->password, sizeof(msg.password));
	return server_on_store_set(NULL, &msg, NULL, NULL, err);
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
	if (ret == 0)
		ret = stage_balancer(conf, err);
	return ret == 0 ? stage_store(&conf->store, err) : ret;
}
