/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The API socket of the dataplane: accepts clients whose credentials fit, checks each message,
 * calls the handler of its row in lib/api/dataplane.def and answers. Thread: main.
 */
#ifndef DATAPLANE_CORE_SERVER_H
#define DATAPLANE_CORE_SERVER_H

#include "lib/api/api.h"
#include "lib/base/base.h"

#define SERVER_CLIENTS_MAX 16
#define SERVER_LATER       1 /* returned by a handler that will answer by server_reply_later */

struct server_client;

/* Names one request that is still to be answered; harmless after its client has gone. */
struct server_ticket {
	uint64_t client_id;
	uint32_t sequence;
	uint16_t type;
};

/* Where a handler writes its answer. */
struct server_reply {
	void *body;  /* the row's reply structure, zeroed; `count` is filled in from n_items */
	void *items; /* room for items_max items of the row's reply item, zeroed */
	uint32_t items_max;
	uint32_t n_items; /* set by the handler */
};

/* What the server knows about the process, for hello. */
struct server_identity {
	char node[API_NAME_MAX];
	char stats_path[108];
};

/* Listens on @path. 0 or a negative errno with a sentence. */
int server_init(const char *path, const struct server_identity *identity, struct base_error *err);

/* Closes all clients, removes the socket. */
void server_fini(void);

/* The descriptor to wait on (epoll, level-triggered): readable when server_poll has work. */
int server_fd(void);

/* Serves up to a bounded number of messages; returns how many. */
unsigned server_poll(void);

/* The ticket of the request being handled. */
struct server_ticket server_ticket(const struct server_client *client);

/* Answers a request for which SERVER_LATER was returned: @status 0 with the row's reply structure
 * @body (NULL: zeroes), or a negative errno with the sentence in @err. */
void server_reply_later(const struct server_ticket *ticket, int status, const void *body,
	const struct base_error *err);

/* The same for status 0 with @n_items items, whose number is in @body's `count` too. */
void server_reply_items(
	const struct server_ticket *ticket, const void *body, const void *items, uint32_t n_items);

/* Sends an event to the client of @ticket. 0, -EAGAIN (its socket is full), -ENOTCONN. */
int server_event(const struct server_ticket *ticket, enum api_type type, const void *body,
	const void *items, uint32_t n_items);

/* Calls @fn(@client_id) whenever a client has gone. One listener per module, few in all; naming one
 * again changes nothing. */
void server_on_close(void (*fn)(uint64_t client_id));

/*
 * The handlers, one per row: beside the module that owns the objects. @items points to the
 * request's items (their number is in the body's `count`). Return 0, SERVER_LATER, or a negative
 * errno with a sentence in @err.
 */
#define API_MSG(id, name, req, req_item, rep, rep_item, help)                                      \
	int server_on_##name(struct server_client *client, const struct req *body,                 \
		const struct req_item *items, struct server_reply *reply, struct base_error *err);
#include "lib/api/dataplane.def"
#undef API_MSG

#endif
