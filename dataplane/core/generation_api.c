/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Begin, commit and abort on the API socket. One client stages at a time; what it staged is
 * forgotten when it goes. Thread: main.
 */
#include <errno.h>

#include "dataplane/core/generation.h"
#include "dataplane/core/world.h"

static uint64_t owner; /* the client that began, 0: this process itself, or it went */

static uint64_t generation_client_id(const struct server_client *client)
{
	return client ? server_ticket(client).client_id : 0;
}

/* -EBUSY when another client than @client stages. */
static int generation_check_owner(const struct server_client *client, struct base_error *err)
{
	if (!generation_is_open() || owner == 0 || owner == generation_client_id(client))
		return 0;
	return base_error_set(err, EBUSY,
		"another client is staging a generation: is a second braid-control running?");
}

int generation_check_staging(const struct server_client *client, struct base_error *err)
{
	int ret = generation_check_owner(client, err);

	return ret < 0 ? ret : generation_check_open(err);
}

/* A client went: what it staged will not be completed. A commit that was started goes on. */
static void generation_on_client_close(uint64_t client_id)
{
	if (client_id != owner)
		return;
	owner = 0;
	if (!generation_busy())
		generation_abort(NULL);
}

int server_on_begin(struct server_client *client, const struct api_begin *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_owner(client, err);

	if (ret == 0)
		ret = generation_begin(body->generation, err);
	if (ret < 0)
		return ret;
	server_on_close(generation_on_client_close);
	owner = generation_client_id(client);
	return 0;
}

int server_on_commit(struct server_client *client, const struct api_commit *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct server_ticket ticket = server_ticket(client);
	int ret = generation_check_staging(client, err);

	if (ret == 0)
		ret = generation_commit_start(body->generation, body->flags, &ticket, err);
	return ret < 0 ? ret : SERVER_LATER;
}

int server_on_abort(struct server_client *client, const struct api_none *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	int ret = generation_check_owner(client, err);

	if (ret == 0)
		ret = generation_abort(err);
	if (ret == 0)
		owner = 0;
	return ret;
}
