/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client: what the store knows of one connection. Bytes come in by kv_client_input and leave
 * through a struct kv_transport, of which TCP is one, so that everything above it runs in tests
 * without. Commands that are whole in the bytes offered are executed where they lie; only an
 * incomplete one is copied, to a query buffer that lasts until it is whole. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_CLIENT_H
#define DATAPLANE_KV_KV_CLIENT_H

#include "dataplane/kv/kv_reply.h"
#include "dataplane/kv/kv_shard.h"
#include "dataplane/tcp/tcp.h"
#include "lib/wire/resp.h"

/* How a client's bytes leave; one const table for all of a kind. @peer is the transport's own. */
struct kv_transport {
	/* Takes up to @n bytes; how many. After less than all of them, kv_client_writable is called
	 * when there is room again. */
	uint32_t (*send)(struct worker *w, void *peer, const void *p, uint32_t n);
	/* Closes it when what was sent has arrived (@abort: at once). The client is gone. */
	void (*close)(struct worker *w, void *peer, bool abort);
	/* The client reads on: kv_client_input is to be called again with what it did not take. */
	void (*resume)(struct worker *w, void *peer);
	/* Both ends. */
	void (*ends)(const void *peer, struct tcp_ends *ends);
};

#define KV_ADDRESS_TEXT_MAX 80 /* of an address with its port */

enum kv_client_flags {
	KV_CLIENT_USED = 1 << 0, /* the place in the pool is taken */
	KV_CLIENT_AUTHENTICATED = 1 << 1,
	KV_CLIENT_MULTI = 1 << 2,      /* commands are queued */
	KV_CLIENT_DIRTY_EXEC = 1 << 3, /* one could not be queued: EXEC fails */
	KV_CLIENT_DIRTY_CAS = 1 << 4,  /* a watched key changed: EXEC answers null */
	KV_CLIENT_REPLY_OFF = 1 << 5,  /* CLIENT REPLY */
	KV_CLIENT_REPLY_SKIP = 1 << 6, /* of the running command */
	KV_CLIENT_REPLY_SKIP_NEXT = 1 << 7,
	KV_CLIENT_NO_EVICT = 1 << 8,
	KV_CLIENT_READONLY = 1 << 9, /* of cluster clients, like the next */
	KV_CLIENT_ASKING = 1 << 10,
	KV_CLIENT_CLOSING = 1 << 11, /* closed when the replies have been sent; no more input */
	KV_CLIENT_DOOMED = 1 << 12,  /* killed: closed at once when the batch is over */
	KV_CLIENT_WAITING = 1 << 13, /* reads no input: see waits */
	KV_CLIENT_LISTED = 1 << 14,  /* in the worker's list of those that have to be seen to */
	KV_CLIENT_PROTOCOL_ERROR = 1 << 15,
	KV_CLIENT_NO_TOUCH = 1 << 16,
	KV_CLIENT_JOBS = 1 << 17,         /* it has submitted some */
	KV_CLIENT_JOB_PROGRESS = 1 << 18, /* ... and wants to know how far they are */
};

/* Why a client reads no input; bits. */
enum kv_client_waits {
	KV_WAIT_PAUSE = 1 << 0, /* CLIENT PAUSE */
	KV_WAIT_LONG = 1 << 1,  /* a long command is under way */
	KV_WAIT_ORDER = 1 << 2, /* the next command starts when those with other workers are done */
	KV_WAIT_ROOM = 1 << 3,  /* keys are being evicted for what it wants */
};

struct kv_chunk;
struct kv_long;
struct kv_multi;
struct kv_query;
struct kv_op;

/* 128 bytes: an idle client has nothing else. */
struct kv_client {
	const struct kv_transport *transport;
	void *peer;
	uint64_t id;                    /* unique on the node; CLIENT ID */
	struct kv_query *query;         /* an incomplete command, or NULL */
	struct kv_chunk *backlog_first; /* replies that the transport did not take yet */
	struct kv_chunk *backlog_last;
	uint32_t backlog_bytes;  /* copied */
	uint32_t pinned_kib;     /* of items in the backlog */
	struct kv_multi *multi;  /* queued commands */
	struct kv_op *unwatch;   /* will tell other workers to forget what it watches */
	struct kv_long *lengthy; /* a long command, or NULL */
	struct kv_op *ops_first; /* with other workers, oldest first */
	char *name;              /* CLIENT SETNAME, terminated; NULL: none */
	uint32_t flags;          /* enum kv_client_flags */
	uint32_t created_s;      /* of w->now_ns */
	uint32_t active_s;       /* last input or output */
	uint32_t soft_s;         /* since when the backlog is above the soft limit; 0: it is not */
	uint32_t next;           /* in the worker's list of those to see to; UINT32_MAX: the last */
	uint16_t command;        /* row of the last one, for CLIENT LIST; UINT16_MAX: none */
	uint16_t n_ops;          /* of them */
	uint8_t db;
	uint8_t version;  /* of RESP: 2 or 3 */
	uint8_t waits;    /* enum kv_client_waits */
	uint8_t tag;      /* of the listener: 1 + the worker whose port it is, 0: the common one */
	uint16_t watched; /* workers that know it as one that watches, by bit */
	uint16_t watch_round; /* counts the times when it stopped watching */
};

/*
 * A new client of @w; NULL after a sentence was sent to it and it was closed (or before, when the
 * pool is empty): too many clients. The transport must not use @peer as a client's then.
 */
struct kv_client *kv_client_create(
	struct worker *w, const struct kv_transport *transport, void *peer, uint8_t tag);

/* The connection is gone: forgets @c without touching its transport. */
void kv_client_destroy(struct worker *w, struct kv_client *c);

/*
 * Takes @len bytes from the client; how many: less when it waits (a pause, a long command), the
 * rest is to be offered again after transport->resume, and when it is closed. Runs the whole
 * commands in them and sends the replies. The client may be gone when this returns: the transport
 * has been told by close() then.
 */
uint32_t kv_client_input(struct worker *w, struct kv_client *c, const uint8_t *p, uint32_t len);

/* What kv_batch_read and kv_batch_run do of one client's input. */
struct kv_input {
	struct kv_client *client;
	const uint8_t *p;
	uint32_t len;
	uint32_t at;               /* read */
	uint32_t done;             /* may be forgotten */
	uint32_t n_batched;        /* commands of it in the batch */
	bool hold;                 /* no more is read before the batch has run */
	bool stopped;              /* a command has to wait, or the client ends */
	struct resp_parser parser; /* of a protocol error */
};

/* Reads commands out of @in into the batch of the worker, as many as fit. */
void kv_batch_read(struct worker *w, struct kv_input *in);

/* Runs the batch: look-ups are prefetched, commands run in order, each client's replies leave
 * together. */
void kv_batch_run(struct worker *w);

/* After kv_batch_run and kv_client_see_ended: how far @in has come, and whether it has a client. */
void kv_input_settle(struct kv_input *in);

/* Whether @query, NULL: none, holds something to be run or answered. */
bool kv_query_is_ready(const struct kv_query *query);

/* Whether @in has anything that could be read now. */
static inline bool kv_input_is_readable(const struct kv_input *in)
{
	const struct kv_client *c = in->client;

	if (!c || (in->at == in->len && LIKELY(!c->query)))
		return false;
	if (in->stopped || in->hold || c->waits || (c->flags & KV_CLIENT_CLOSING))
		return false;
	return LIKELY(in->at < in->len) || kv_query_is_ready(c->query);
}

/* There is room again after send() took less than it was given. */
void kv_client_writable(struct worker *w, struct kv_client *c);

/* The peer sends no more: closes @c when its replies have been sent. */
void kv_client_eof(struct worker *w, struct kv_client *c);

/* Closes @c behind what it has been answered, QUIT; no command of it is run any more. */
void kv_client_close(struct worker *w, struct kv_client *c);

/* Closes @c without further ado, CLIENT KILL; at the end of the batch, so that a command may do it
 * to its own client. */
void kv_client_kill(struct worker *w, struct kv_client *c);

/* Answers CLIENT KILL with @argc arguments, which has ended @n clients. */
void kv_client_kill_answer(struct kv_reply *r, uint32_t argc, int64_t n);

/* Puts @c on the list of clients to see to when the batch is over, or soon; it may end, or read on.
 */
void kv_client_see(struct worker *w, struct kv_client *c);

/* Ends those that are due. */
void kv_client_see_ended(struct worker *w);

/* The task that sees to one of them after the other. */
bool kv_client_see_task(struct worker *w, struct worker_task *t);

/* @reason to wait is over. */
void kv_client_go_on(struct worker *w, struct kv_client *c, enum kv_client_waits reason);

/* As after connecting: trusted where no password is asked for, and from then on, as by Redis. */
void kv_client_auth_default(const struct worker *w, struct kv_client *c);

/* The client number @i of the pool if it is one, else NULL; i < kv_client_places(w). */
struct kv_client *kv_client_at(const struct worker *w, uint32_t i);

/* Places of the pool that were ever used. */
uint32_t kv_client_places(const struct worker *w);

/* The client of this worker with @id, or NULL. */
struct kv_client *kv_client_find(const struct worker *w, uint64_t id);

/* Its ends in text: "192.0.2.1:6379", "[2001:db8::1]:6379"; @out has
 * KV_ADDRESS_TEXT_MAX bytes. */
void kv_client_address(const struct kv_client *c, bool remote, char *out);

/* Sets the name, NULL or empty: none. 0 or -ENOMEM. */
int kv_client_set_name(struct worker *w, struct kv_client *c, const void *name, uint32_t len);

/* Bytes of the query buffer in use, and as much as it may hold; what waits to be sent. */
void kv_client_buffers(
	const struct kv_client *c, uint64_t *query, uint64_t *query_room, uint64_t *output);

/* CLIENT PAUSE: no commands (@all: none at all, else no writes) until @until_ms (UNIX time); a
 * pause that is longer already stays. On this worker. */
void kv_client_pause(struct worker *w, uint64_t until_ms, bool all);

/* Makes @c wait until the room is there that it was just refused. False: none is being made. */
bool kv_client_wait_room(struct worker *w, struct kv_client *c);

/* CLIENT UNPAUSE, on this worker. */
void kv_client_unpause(struct worker *w);

#endif
