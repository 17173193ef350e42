/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours on the API socket. Thread: main. */
#include <errno.h>

#include "dataplane/core/generation.h"
#include "dataplane/neigh/neigh_impl.h"

#define DUMP_BATCH 64

int server_on_neighbor_set(struct server_client *client, const struct api_list *body,
	const struct api_neighbor *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_staging(client, err);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; ret == 0 && i < body->count; i++)
		ret = neigh_stage(&items[i], err);
	return generation_staged(ret);
}

int server_on_neighbor_dump(struct server_client *client, const struct api_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct api_neighbor_info *out = reply->items, batch[DUMP_BATCH];
	struct api_dump_reply *rep = reply->body;
	size_t n;

	if (!api_string_ok(body->filter, sizeof(body->filter)))
		return base_error_set(err, EINVAL, "the filter is not the name of an interface");
	rep->cursor = body->cursor;
	do {
		n = neigh_dump(&rep->cursor, neigh_main()->now_ns, batch,
			MIN_OF((size_t)(reply->items_max - reply->n_items), (size_t)DUMP_BATCH));
		for (size_t i = 0; i < n; i++)
			if (body->filter[0] == '\0' ||
				strcmp(batch[i].interface, body->filter) == 0)
				out[reply->n_items++] = batch[i];
	} while (rep->cursor != 0 && reply->n_items < reply->items_max);
	return 0;
}
