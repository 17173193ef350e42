/* SPDX-License-Identifier: BSD-3-Clause */
/* Next-hop sets and routes on the API socket. Thread: main. */
#include <errno.h>
#include <string.h>

#include "dataplane/core/generation.h"
#include "dataplane/core/nexthop.h"
#include "dataplane/ip/route_impl.h"
#include "dataplane/link/link.h"

#define DUMP_BATCH    64
#define DUMP_LOOK_MAX 65536        /* routes that one request looks at, wanted or not */
#define CURSOR_IP6    (1ULL << 63) /* the rest of a cursor is the position in that FIB, plus one */

int server_on_nexthop_set(struct server_client *client, const struct api_list *body,
	const struct api_nexthop *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_staging(client, err);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; ret == 0 && i < body->count; i++)
		ret = route_stage_nexthop(&items[i], err);
	return generation_staged(ret);
}

int server_on_route_set(struct server_client *client, const struct api_list *body,
	const struct api_route *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_staging(client, err);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; ret == 0 && i < body->count; i++)
		ret = route_stage(&items[i], err);
	return generation_staged(ret);
}

/* How many buckets of @group lead to next hop @hop. */
static uint16_t route_count_buckets(const struct ecmp_group *group, uint16_t hop)
{
	uint16_t n = 0;

	for (unsigned b = 0; b < WORLD_ECMP_BUCKETS; b++)
		n += group->buckets[b] == hop;
	return n;
}

static void route_fill_hop(struct api_nexthop_info *info, unsigned k, const struct nexthop *hop)
{
	info->hops[k].address = hop->addr;
	info->hops[k].weight = 1;
	base_strlcpy(info->hops[k].interface, world_current->ifaces[hop->iface].name,
		sizeof(info->hops[k].interface));
}

static void route_fill_nexthop(struct api_nexthop_info *info, uint16_t number)
{
	const struct nexthop *array = nexthop_array(), *nh = &array[number];
	const struct ecmp_group *group = nh->group;

	info->index = number;
	info->refs = nexthop_set_refs(number);
	info->action = API_ACTION_VIA;
	if (nh->kind == NEXTHOP_BLACKHOLE)
		info->action = API_ACTION_BLACKHOLE;
	if (nh->kind == NEXTHOP_REJECT)
		info->action = API_ACTION_REJECT;
	if (nh->kind == NEXTHOP_NEIGHBOR) {
		info->n_hops = 1;
		route_fill_hop(info, 0, nh);
	}
	if (!group)
		return;
	info->n_hops = group->n_hops;
	for (unsigned k = 0; k < group->n_hops; k++) {
		route_fill_hop(info, k, &array[group->hops[k]]);
		info->hops[k].weight = group->weights[k];
		info->buckets[k] = route_count_buckets(group, group->hops[k]);
	}
}

/* Whether next hop @number is on interface @name, or one of its hops is. */
static bool route_is_on(uint16_t number, const char *name)
{
	const struct nexthop *array = nexthop_array(), *nh = &array[number];
	const struct iface *ifaces = world_current->ifaces;

	for (unsigned k = 0; nh->group && k < nh->group->n_hops; k++)
		if (strcmp(ifaces[array[nh->group->hops[k]].iface].name, name) == 0)
			return true;
	switch ((enum nexthop_kind)nh->kind) {
	case NEXTHOP_NEIGHBOR:
	case NEXTHOP_CONNECTED:
	case NEXTHOP_LOCAL:
	case NEXTHOP_BROADCAST:
		return strcmp(ifaces[nh->iface].name, name) == 0;
	case NEXTHOP_SERVICE:
		return strcmp(route_service_text(number), name) == 0;
	case NEXTHOP_NONE:
	case NEXTHOP_BLACKHOLE:
	case NEXTHOP_REJECT:
	case NEXTHOP_GROUP:
		break;
	}
	return false;
}

static int route_check_dump(const struct api_dump *req, struct base_error *err)
{
	if (!api_string_ok(req->filter, sizeof(req->filter)))
		return base_error_set(err, EINVAL, "the filter is not the name of an interface");
	if (req->prefix.family != 0 && !iface_addr_ok(&req->prefix))
		return base_error_set(err, EINVAL, "the prefix to show is malformed");
	return 0;
}

int server_on_nexthop_dump(struct server_client *client, const struct api_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct api_nexthop_info *out = reply->items;
	struct api_dump_reply *rep = reply->body;
	uint64_t n = body->cursor;
	int ret = route_check_dump(body, err);

	if (ret < 0)
		return ret;
	for (; n < WORLD_NEXTHOPS_MAX && reply->n_items < reply->items_max; n++) {
		uint16_t number = (uint16_t)n;

		if (nexthop_set_refs(number) == 0 || !route_is_static(number) ||
			(body->filter[0] && !route_is_on(number, body->filter)))
			continue;
		route_fill_nexthop(&out[reply->n_items++], number);
	}
	rep->cursor = n < WORLD_NEXTHOPS_MAX ? n : 0;
	return 0;
}

static enum api_origin route_origin(enum nexthop_kind kind)
{
	switch (kind) {
	case NEXTHOP_CONNECTED:
		return API_ORIGIN_CONNECTED;
	case NEXTHOP_LOCAL:
	case NEXTHOP_BROADCAST:
		return API_ORIGIN_LOCAL;
	case NEXTHOP_SERVICE:
		return API_ORIGIN_SERVICE;
	case NEXTHOP_NONE:
	case NEXTHOP_NEIGHBOR:
	case NEXTHOP_BLACKHOLE:
	case NEXTHOP_REJECT:
	case NEXTHOP_GROUP:
		break;
	}
	return API_ORIGIN_STATIC;
}

static void route_fill(struct api_route_info *info, const struct fib_route *route)
{
	const struct nexthop *nh = &nexthop_array()[route->nexthop];

	info->prefix = route->prefix;
	info->origin = (uint8_t)route_origin((enum nexthop_kind)nh->kind);
	info->nexthop = route->nexthop;
	if (info->origin == API_ORIGIN_STATIC)
		return;
	info->nexthop = nh->iface;
	if (info->origin == API_ORIGIN_SERVICE) {
		base_strlcpy(info->interface, route_service_text(route->nexthop),
			sizeof(info->interface));
		return;
	}
	base_strlcpy(
		info->interface, world_current->ifaces[nh->iface].name, sizeof(info->interface));
}

static bool route_wanted(const struct fib_route *route, const struct api_dump *req)
{
	if (req->prefix.family != 0 && (req->prefix.family != route->prefix.family ||
					       route->prefix.prefix_len < req->prefix.prefix_len ||
					       !ip_addr_covers(&req->prefix, &route->prefix)))
		return false;
	return req->filter[0] == '\0' || route_is_on((uint16_t)route->nexthop, req->filter);
}

/* Dumps from @*at of one FIB until the reply is full or *@looks is used up: true at its end. */
static bool route_dump(const struct fib *fib, uint64_t *at, unsigned *looks,
	const struct api_dump *req, struct server_reply *reply)
{
	struct api_route_info *out = reply->items;
	struct fib_route batch[DUMP_BATCH];

	while (reply->n_items<reply->items_max && * looks> 0) {
		size_t room = MIN_OF(reply->items_max - reply->n_items, (uint32_t)DUMP_BATCH);
		size_t n = fib_dump(fib, at, batch, MIN_OF(room, (size_t)*looks));

		if (n == 0)
			return true;
		*looks -= (unsigned)n;
		for (size_t i = 0; i < n; i++)
			if (route_wanted(&batch[i], req))
				route_fill(&out[reply->n_items++], &batch[i]);
	}
	return false;
}

int server_on_route_dump(struct server_client *client, const struct api_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct api_dump_reply *rep = reply->body;
	bool is_ip6 = body->cursor & CURSOR_IP6;
	uint64_t at = body->cursor & ~CURSOR_IP6;
	unsigned looks = DUMP_LOOK_MAX;
	int ret = route_check_dump(body, err);

	if (ret < 0)
		return ret;
	at -= at > 0;
	if (!is_ip6 && route_dump(route_rib.fibs[0], &at, &looks, body, reply)) {
		is_ip6 = true;
		at = 0;
	}
	if (is_ip6 && route_dump(route_rib.fibs[1], &at, &looks, body, reply))
		return 0;
	rep->cursor = (at + 1) | (is_ip6 ? CURSOR_IP6 : 0);
	return 0;
}
