/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The API socket of control: braidctl's requests (lib/api/control.def), one at a time per client,
 * answered without ever blocking. Thread: main.
 */
#ifndef CONTROL_CORE_CLIENTS_H
#define CONTROL_CORE_CLIENTS_H

#include <event2/event.h>

#include "lib/api/api.h"

#define CLIENTS_MAX 16

struct clients;
struct core;

/* One request to be answered later; harmless after its client has gone. */
struct client_ref {
	uint64_t id; /* 0: nobody */
	uint32_t sequence;
	uint16_t type;
};

/* Listens on @path. NULL with a sentence. */
struct clients *clients_create(
	struct event_base *base, const char *path, struct core *core, struct base_error *err);

/* Closes all and removes the socket; NULL is allowed. */
void clients_destroy(struct clients *c);

/* Answers @ref with its row's reply structure @body and @items_len bytes of items. */
void clients_reply(struct clients *c, const struct client_ref *ref, const void *body,
	const void *items, size_t items_len);

/* Answers @ref with a negative errno and its sentence. */
void clients_reply_error(
	struct clients *c, const struct client_ref *ref, int status, const struct base_error *err);

/* Sends progress; lost when the client does not read. */
void clients_progress(struct clients *c, const struct client_ref *ref,
	const struct api_control_progress *progress);

#endif
