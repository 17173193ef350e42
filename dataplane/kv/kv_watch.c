/* SPDX-License-Identifier: BSD-3-Clause */
/* Watched keys. Thread: worker. */
#include <errno.h>
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_watch.h"
#include "dataplane/kv/kv_worker.h"

/* A client that watches; it stays, without its keys, when one of them has changed. */
struct kv_watcher {
	struct kv_watcher *next; /* in the table */
	struct kv_watch *first;
	struct kv_watch_client who; /* to be marked */
	bool dirty;                 /* a key has changed */
};

/* Word of a change to the worker of the client, in memory of the one that sends it. */
struct notice {
	struct kv_letter letter; /* first: its address is the notice's */
	struct kv_watch_client who;
	uint8_t owner;
};

struct kv_watch {
	struct kv_watch *next; /* in the table */
	struct kv_watch *next_of_watcher;
	struct kv_watcher *watcher;
	struct kv_key key; /* its bytes follow */
	bool exists;       /* when it was watched, and so still: a change ends the watch */
	uint8_t bytes[];
};

static struct kv_watch **place_of(struct worker *w, const struct kv_key *k)
{
	return &w->kv->admin->watches.places[(k->hash ^ k->db) % KV_WATCH_PLACES];
}

static bool is_key(const struct kv_watch *watch, const struct kv_key *k)
{
	return watch->key.hash == k->hash && watch->key.db == k->db && watch->key.len == k->len &&
	       memcmp(watch->bytes, k->bytes, k->len) == 0;
}

/* Where the link to the watcher number @id is, or would be. */
static struct kv_watcher **watcher_link(struct worker *w, uint64_t id)
{
	/* Numbers of one worker's clients are that of workers apart. */
	struct kv_watcher **link =
		&w->kv->admin->watches.watchers[id / w->n_workers % KV_WATCHER_PLACES];

	while (*link && (*link)->who.id != id)
		link = &(*link)->next;
	return link;
}

/* Forgets the keys of @watcher. */
static void keys_forget(struct worker *w, struct kv_watcher *watcher)
{
	struct kv_watches *all = &w->kv->admin->watches;

	while (watcher->first) {
		struct kv_watch *watch = watcher->first;
		struct kv_watch **link = place_of(w, &watch->key);

		while (*link != watch)
			link = &(*link)->next;
		*link = watch->next;
		watcher->first = watch->next_of_watcher;
		kv_memory_free(w, watch);
		if (--all->n == 0)
			kv_shard_watch(w->kv->shard, &(struct kv_observer){.ctx = w});
	}
}

/* Marks @who, one of this worker, if it still watches what has changed. */
static void mark(struct worker *w, const struct kv_watch_client *who)
{
	struct kv_client *c = kv_client_at(w, who->place);

	if (c && c->id == who->id && c->watched && c->watch_round == who->round)
		c->flags |= KV_CLIENT_DIRTY_CAS;
}

/* Sends word to the worker of @who. Without memory for it the client learns it from EXEC. */
static void send_word(struct worker *w, const struct kv_watch_client *who)
{
	struct notice *n = kv_memory_alloc(w, sizeof(*n));

	if (!n)
		return;
	*n = (struct notice){.who = *who, .owner = w->id};
	kv_route_send(w, &n->letter, MAIL_kv_changed, who->worker);
}

void kv_on_changed(struct worker *w, uint64_t arg)
{
	struct notice *n = (struct notice *)(uintptr_t)arg;

	mark(w, &n->who);
	kv_route_send(w, &n->letter, MAIL_kv_return, n->owner);
}

static void watcher_changed(struct worker *w, struct kv_watcher *watcher)
{
	watcher->dirty = true;
	if (watcher->who.client)
		watcher->who.client->flags |= KV_CLIENT_DIRTY_CAS;
	else if (watcher->who.worker == w->id)
		mark(w, &watcher->who);
	else
		send_word(w, &watcher->who);
	keys_forget(w, watcher);
}

static void on_key_change(struct worker *w, uint8_t db, const uint8_t *bytes, uint32_t len)
{
	struct kv_watch *watch, *next;
	struct kv_key k;

	kv_key_make(w->kv->shard, &k, db, bytes, len);
	for (watch = *place_of(w, &k); watch; watch = next) {
		struct kv_watcher *watcher = watch->watcher;

		next = watch->next;
		if (!is_key(watch, &k))
			continue;
		/* The watcher's other keys may be behind this one in the list. */
		while (next && next->watcher == watcher)
			next = next->next;
		watcher_changed(w, watcher);
	}
}

/* Of @db or, UINT8_MAX, of all: what was there is gone. */
static void on_flush(struct worker *w, uint8_t db)
{
	for (uint32_t i = 0; i < KV_WATCH_PLACES && w->kv->admin->watches.n > 0; i++) {
		struct kv_watch *watch = w->kv->admin->watches.places[i];

		while (watch) {
			bool gone = watch->exists && (db == UINT8_MAX || watch->key.db == db);

			if (gone)
				watcher_changed(w, watch->watcher);
			watch = gone ? w->kv->admin->watches.places[i] : watch->next;
		}
	}
}

/* Whether @watch ends when its database and @other change places: the key is in one of them. The
 * lookup may delete what has expired, and so end watches, also this one. */
static bool is_swapped(struct worker *w, const struct kv_watch *watch, uint8_t other)
{
	struct kv_key k = watch->key;

	k.db = other;
	return watch->exists || kv_shard_find(w->kv->shard, &k, 0);
}

static void on_swap(void *ctx, uint8_t db, uint8_t other)
{
	struct worker *w = ctx;
	const struct kv_watches *all = &w->kv->admin->watches;

	for (uint32_t i = 0; i < KV_WATCH_PLACES && all->n > 0; i++) {
		struct kv_watch *watch = all->places[i];

		while (watch) {
			uint32_t n = all->n;
			bool is_one = watch->key.db == db;
			struct kv_watcher *watcher = watch->watcher;

			if (!is_one && watch->key.db != other) {
				watch = watch->next;
				continue;
			}
			if (is_swapped(w, watch, is_one ? other : db) && all->n == n)
				watcher_changed(w, watcher);
			watch = all->n < n ? all->places[i] : watch->next;
		}
	}
}

static void on_change(void *ctx, uint8_t db, const uint8_t *bytes, uint32_t len)
{
	if (bytes)
		on_key_change(ctx, db, bytes, len);
	else
		on_flush(ctx, db);
}

struct kv_watch_client kv_watch_client_of(const struct worker *w, struct kv_client *c)
{
	return (struct kv_watch_client){
		.id = c->id,
		.client = c,
		.place = (uint32_t)(c - w->kv->clients),
		.round = c->watch_round,
		.worker = w->id,
	};
}

/* The watcher @who, which is made if it has to be; NULL: no memory. */
static struct kv_watcher *watcher_of(struct worker *w, const struct kv_watch_client *who)
{
	struct kv_watcher **link = watcher_link(w, who->id);

	if (!*link) {
		struct kv_watcher *watcher = kv_memory_alloc(w, sizeof(*watcher));

		if (!watcher)
			return NULL;
		*watcher = (struct kv_watcher){.who = *who};
		*link = watcher;
	}
	if (who->client)
		(*link)->who.client = who->client;
	return *link;
}

int kv_watch_add(struct worker *w, const struct kv_watch_client *who, const struct kv_key *k)
{
	struct kv_watches *all = &w->kv->admin->watches;
	struct kv_watcher *watcher = watcher_of(w, who);
	struct kv_watch *watch;
	bool exists;

	if (!watcher)
		return -ENOMEM;
	/* EXEC fails whatever else is watched. */
	if (watcher->dirty)
		return 0;
	for (watch = *place_of(w, k); watch; watch = watch->next)
		if (watch->watcher == watcher && is_key(watch, k))
			return 0;
	if (all->n == KV_WATCHES_MAX)
		return -E2BIG;
	/* Finding what has expired may end other watches. */
	exists = kv_shard_find(w->kv->shard, k, 0) != NULL;
	watch = kv_memory_alloc(w, sizeof(*watch) + k->len);
	if (!watch)
		return -ENOMEM;
	*watch = (struct kv_watch){
		.next = *place_of(w, k),
		.next_of_watcher = watcher->first,
		.watcher = watcher,
		.key = *k,
		.exists = exists,
	};
	memcpy(watch->bytes, k->bytes, k->len);
	watch->key.bytes = watch->bytes;
	*place_of(w, k) = watch;
	watcher->first = watch;
	if (all->n++ == 0)
		kv_shard_watch(w->kv->shard, &(struct kv_observer){
						     .ctx = w,
						     .on_change = on_change,
						     .on_swap = on_swap,
					     });
	return 0;
}

/* Looks up what @watcher watches: the end of one that has expired is a change. */
static void see_expired(struct worker *w, struct kv_watcher *watcher)
{
	for (struct kv_watch *watch = watcher->first; watch && !watcher->dirty;) {
		struct kv_key k = watch->key;
		bool exists = watch->exists;

		/* A change frees the watches: this one is not touched after it. */
		watch = watch->next_of_watcher;
		if (exists)
			kv_shard_find(w->kv->shard, &k, 0);
	}
}

bool kv_watch_end(struct worker *w, uint64_t id)
{
	struct kv_watcher **link = watcher_link(w, id);
	struct kv_watcher *watcher = *link;
	bool dirty;

	if (!watcher)
		return false;
	see_expired(w, watcher);
	dirty = watcher->dirty;
	keys_forget(w, watcher);
	if (watcher->who.client)
		watcher->who.client->flags &= ~(uint32_t)KV_CLIENT_DIRTY_CAS;
	*link = watcher->next;
	kv_memory_free(w, watcher);
	return dirty;
}
