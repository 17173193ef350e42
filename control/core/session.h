/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection to braid-dataplane as a state machine driven by the event loop: connect (again and
 * again while it is absent), greet, push generations with pipelined sends that never block. Beside
 * a push, or without one, single messages are asked: they go ahead of what is left of the push.
 * Thread: main.
 */
#ifndef CONTROL_CORE_SESSION_H
#define CONTROL_CORE_SESSION_H

#include <event2/event.h>

#include "control/core/push.h"

enum session_state {
	SESSION_DOWN,     /* waiting to try again */
	SESSION_GREETING, /* hello sent */
	SESSION_READY,
	SESSION_PUSHING,
};

struct session;

/* What the owner hears. */
struct session_ops {
	void (*on_up)(void *ctx, const struct api_hello_reply *hello);
	void (*on_down)(void *ctx, const char *why);
	void (*on_progress)(void *ctx, uint32_t done, uint32_t total);
	/* The push has ended: 0, or a negative errno and a sentence. Not called after on_down. */
	void (*on_pushed)(void *ctx, int status, const struct base_error *err,
		const struct api_commit_reply *counts);
	/* Fills in what is known of a backend that a push is about to send. May be NULL. */
	void (*recall)(void *ctx, struct api_backend_want *want);
	/* The answer to session_ask(), of success or of failure. Not called after on_down. */
	void (*on_answer)(void *ctx, const struct api_header *hdr);
};

/* Starts connecting to the socket @path. NULL when there is no memory. @ops outlives the session.
 */
struct session *session_create(
	struct event_base *base, const char *path, const struct session_ops *ops, void *ctx);

/* Closes and frees; nothing is called any more. NULL is allowed. */
void session_destroy(struct session *s);

/* Where it is. */
enum session_state session_state(const struct session *s);

/* What the present dataplane said of itself; meaningful unless SESSION_DOWN or SESSION_GREETING. */
const struct api_hello_reply *session_hello(const struct session *s);

/* The generation installed in the dataplane, by its last reply; 0 while it is not there. */
uint64_t session_installed(const struct session *s);

/* Why there is no connection at present, as logged; empty when all is well. */
const char *session_complaint(const struct session *s);

/*
 * Pushes @conf, which must stay unchanged until on_pushed or on_down, as @generation. The session
 * must be SESSION_READY.
 */
void session_push(struct session *s, const struct conf *conf, uint64_t generation, bool dry_run);

/*
 * Sends a message of @type with @len bytes behind its header; on_answer follows. False: there is no
 * dataplane, a COMMIT is on its way (what it asks about is about to change), or the answer to the
 * last such message is still to come.
 */
bool session_ask(struct session *s, enum api_type type, const void *body, size_t len);

#endif
