/* SPDX-License-Identifier: BSD-3-Clause */
/* Services, backends and the NAT pool on the API socket. Thread: main. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "dataplane/core/generation.h"
#include "dataplane/lb/lb_main.h"

int server_on_lb_set(struct server_client *client, const struct api_lb *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_staging(client, err);

	if (ret < 0)
		return ret;
	return generation_staged(lb_stage_settings(body, err));
}

int server_on_pool_set(struct server_client *client, const struct api_list *body,
	const struct api_pool *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_staging(client, err);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; ret == 0 && i < body->count; i++)
		ret = lb_stage_pool(&items[i], err);
	return generation_staged(ret);
}

int server_on_service_set(struct server_client *client, const struct api_list *body,
	const struct api_service *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_staging(client, err);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; ret == 0 && i < body->count; i++)
		ret = lb_stage_service(&items[i], err);
	return generation_staged(ret);
}

int server_on_backend_set(struct server_client *client, const struct api_list *body,
	const struct api_backend_want *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_staging(client, err);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; ret == 0 && i < body->count; i++)
		ret = lb_stage_backend(&items[i], err);
	return generation_staged(ret);
}

int server_on_backend_state(struct server_client *client, const struct api_list *body,
	const struct api_backend_state *items, struct server_reply *reply, struct base_error *err)
{
	return lb_state_set(items, body->count, err);
}

static int lb_api_check_dump(const struct api_dump *req, struct base_error *err)
{
	if (!api_string_ok(req->filter, sizeof(req->filter)))
		return base_error_set(err, EINVAL, "the filter is not the name of a service");
	return 0;
}

static void lb_api_fill_service(struct api_service_info *info, const struct lb_block *b, uint16_t s)
{
	info->service = b->service_notes[s].want;
	info->index = s;
	info->build_us = b->service_notes[s].build_us;
	for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++) {
		const struct lb_backend *be = &b->backends[n];

		if (be->addr.family == 0 || be->service != s || be->use == API_BACKEND_REMOVED)
			continue;
		info->n_backends++;
		info->n_usable += lb_block_usable(b, n);
	}
}

int server_on_service_dump(struct server_client *client, const struct api_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct api_service_info *out = reply->items;
	struct api_dump_reply *rep = reply->body;
	const struct lb_block *b = lb_main.now;
	uint64_t s = body->cursor;
	int ret = lb_api_check_dump(body, err);

	if (ret < 0 || !b)
		return ret;
	for (; s < LB_SERVICES_MAX && reply->n_items < reply->items_max; s++) {
		if (b->services[s].vip.family == 0 ||
			(body->filter[0] && strcmp(body->filter, b->services[s].name) != 0))
			continue;
		lb_api_fill_service(&out[reply->n_items++], b, (uint16_t)s);
	}
	rep->cursor = s < LB_SERVICES_MAX ? s : 0;
	return 0;
}

/* Entries of its service's table that each backend has, for the services that a dump meets. */
static struct {
	const uint16_t *table; /* that was counted */
	uint32_t entries[LB_BACKENDS_MAX];
} shares;

/* How much of its service's table backend @n has. */
static uint16_t lb_api_share(const struct lb_block *b, uint16_t n)
{
	const uint16_t *table = b->services[b->backends[n].service].table;

	if (!table || !lb_block_usable(b, n))
		return 0;
	if (shares.table != table) {
		shares.table = table;
		memset(shares.entries, 0, sizeof(shares.entries));
		for (unsigned i = 0; i < MAGLEV_SIZE; i++)
			shares.entries[table[i]]++;
	}
	return (uint16_t)((shares.entries[n] * 1000 + MAGLEV_SIZE / 2) / MAGLEV_SIZE);
}

static void lb_api_fill_backend(struct api_backend_info *info, const struct lb_block *b, uint16_t n)
{
	const struct lb_backend *be = &b->backends[n];
	const struct lb_backend_note *note = &b->backend_notes[n];

	base_strlcpy(info->backend.service, b->service_notes[be->service].want.name,
		sizeof(info->backend.service));
	info->backend.address = be->addr;
	info->backend.port = be16toh(be->port_be);
	info->backend.weight = be->weight;
	info->index = n;
	info->use = be->use;
	info->draining = note->draining;
	info->down = note->down;
	info->share_permille = lb_api_share(b, n);
	base_strlcpy(info->reason, note->reason, sizeof(info->reason));
}

/* Whether a dump about service @s (LB_SERVICES_MAX: all) has backend @n: what is removed is shown
 * while it has flows. */
static bool lb_api_shows(const struct lb_block *b, uint16_t n, uint16_t s)
{
	const struct lb_backend *be = &b->backends[n];

	if (be->addr.family == 0 || (s != LB_SERVICES_MAX && be->service != s))
		return false;
	return be->use != API_BACKEND_REMOVED || lb_block_flows(n) > 0;
}

int server_on_backend_dump(struct server_client *client, const struct api_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct api_backend_info *out = reply->items;
	struct api_dump_reply *rep = reply->body;
	const struct lb_block *b = lb_main.now;
	uint16_t service = LB_SERVICES_MAX;
	uint64_t at = body->cursor;
	int ret = lb_api_check_dump(body, err);

	if (ret < 0 || !b)
		return ret;
	if (body->filter[0])
		service = lb_block_service(b, body->filter);
	shares.table = NULL;
	/* By service, so that each table is counted once. */
	for (; at < LB_SERVICES_MAX * LB_BACKENDS_MAX; at++) {
		uint16_t s = (uint16_t)(at / LB_BACKENDS_MAX), n = (uint16_t)(at % LB_BACKENDS_MAX);

		if (n == 0 && (b->service_notes[s].want.name[0] == '\0' ||
				      (service != LB_SERVICES_MAX && service != s))) {
			at += LB_BACKENDS_MAX - 1;
			continue;
		}
		if (!lb_api_shows(b, n, s))
			continue;
		if (reply->n_items == reply->items_max)
			break;
		lb_api_fill_backend(&out[reply->n_items++], b, n);
	}
	rep->cursor = at < LB_SERVICES_MAX * LB_BACKENDS_MAX ? at : 0;
	return 0;
}
