/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WATCH: which clients want to know whether which keys of this worker change. Clients of other
 * workers do so too, so that a client is its number here: a table by it, and one by hash of the
 * key. While nobody watches, changes cost nothing. A key that has expired already when it is
 * watched is one that does not exist. Thread: worker, the owner of the keys.
 */
#ifndef DATAPLANE_KV_KV_WATCH_H
#define DATAPLANE_KV_KV_WATCH_H

#include "dataplane/kv/kv_command.h"

#define KV_WATCH_PLACES   4096
#define KV_WATCHER_PLACES 256
#define KV_WATCHES_MAX    (1u << 18) /* of keys of a worker */

/* Lies in struct kv_admin. */
struct kv_watches {
	struct kv_watch *places[KV_WATCH_PLACES];
	struct kv_watcher *watchers[KV_WATCHER_PLACES];
	uint32_t n;
};

/* A client that watches. */
struct kv_watch_client {
	uint64_t id;
	/* It, if it is one of this worker that sees to it that kv_watch_end is called before it
	 * goes, else NULL: it is sent word. */
	struct kv_client *client;
	uint32_t place; /* in the pool of its worker */
	uint16_t round; /* its watch_round */
	uint8_t worker;
};

/* Makes the client @who watch @k. 0, -ENOMEM or -E2BIG. */
int kv_watch_add(struct worker *w, const struct kv_watch_client *who, const struct kv_key *k);

/* What others have to know of @c, a client of this worker. */
struct kv_watch_client kv_watch_client_of(const struct worker *w, struct kv_client *c);

/* Forgets what the client number @id watches. Whether something of it has changed: to have expired
 * by now is a change. */
bool kv_watch_end(struct worker *w, uint64_t id);

#endif
