/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces and own addresses on the API socket. Thread: main. */
#include <errno.h>
#include <string.h>

#include "dataplane/core/generation.h"
#include "dataplane/link/iface.h"
#include "dataplane/link/port.h"

int server_on_interface_set(struct server_client *client, const struct api_list *body,
	const struct api_interface *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_staging(client, err);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; ret == 0 && i < body->count; i++)
		ret = iface_stage(&items[i], err);
	return generation_staged(ret);
}

/* Whether interface @i passes the filter of @req. */
static bool iface_wanted(const struct iface *i, const struct api_dump *req)
{
	return i->up && (req->filter[0] == '\0' || strcmp(i->name, req->filter) == 0);
}

/* The filter of a dump: an interface name, or empty. */
static int iface_check_filter(const struct api_dump *req, struct base_error *err)
{
	if (api_string_ok(req->filter, sizeof(req->filter)))
		return 0;
	return base_error_set(err, EINVAL, "the filter is not the name of an interface");
}

int server_on_interface_dump(struct server_client *client, const struct api_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct api_interface_info *out = reply->items;
	struct api_dump_reply *rep = reply->body;
	uint64_t n = body->cursor;
	int ret = iface_check_filter(body, err);

	if (ret < 0)
		return ret;
	for (; n < WORLD_INTERFACES_MAX && reply->n_items < reply->items_max; n++) {
		const struct iface *i = &world_current->ifaces[n];
		struct api_interface_info *info = &out[reply->n_items];

		if (!iface_wanted(i, body))
			continue;
		base_strlcpy(info->name, i->name, sizeof(info->name));
		base_strlcpy(info->port, port_get(i->port)->name, sizeof(info->port));
		info->index = i->number;
		info->vlan = i->vlan;
		info->mtu = i->mtu;
		info->up = i->up;
		memcpy(info->mac, i->mac, sizeof(info->mac));
		info->n_addresses = i->n_addresses;
		reply->n_items++;
	}
	rep->cursor = n < WORLD_INTERFACES_MAX ? n : 0;
	return 0;
}

int server_on_address_dump(struct server_client *client, const struct api_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	const uint64_t end = WORLD_INTERFACES_MAX * WORLD_ADDRESSES_MAX;
	struct api_address_info *out = reply->items;
	struct api_dump_reply *rep = reply->body;
	uint64_t n = body->cursor;
	int ret = iface_check_filter(body, err);

	if (ret < 0)
		return ret;
	for (; n < end && reply->n_items < reply->items_max; n++) {
		const struct iface *i = &world_current->ifaces[n / WORLD_ADDRESSES_MAX];
		unsigned k = n % WORLD_ADDRESSES_MAX;
		struct api_address_info *info = &out[reply->n_items];

		if (k >= i->n_addresses || !iface_wanted(i, body))
			continue;
		base_strlcpy(info->interface, i->name, sizeof(info->interface));
		info->address = i->addresses[k].addr;
		info->state = (uint16_t)iface_address_state(i->number, k);
		info->automatic = i->addresses[k].automatic;
		reply->n_items++;
	}
	rep->cursor = n < end ? n : 0;
	return 0;
}
