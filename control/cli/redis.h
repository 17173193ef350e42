/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection of braidctl to the store: where it is, commands and replies, what errors mean for a
 * person. Waiting ends on Ctrl-C and at a deadline. Main thread; one connection at a time.
 */
#ifndef CONTROL_CLI_REDIS_H
#define CONTROL_CLI_REDIS_H

#include <hiredis/hiredis.h>

#include "control/cli/cli.h"
#include "lib/conf/conf.h"

#define REDIS_HOST_MAX    256
#define REDIS_ARGS_MAX    32   /* of redis_call */
#define REDIS_BUSY_S      30   /* how long a full node is tried again */
#define REDIS_BUSY_MS_MAX 1000 /* how long at once */
#define REDIS_TICK_MS     100  /* how often on_tick is called */

struct redis_address {
	char host[REDIS_HOST_MAX];
	uint16_t port;
	char password[CONF_PASSWORD_MAX]; /* empty: none */
};

struct redis {
	redisContext *context;
	char name[REDIS_HOST_MAX + 16]; /* host and port, for sentences */
	uint64_t deadline_ns;           /* of redis_now_ns; 0: none */
	uint64_t busy_since_ns;         /* when the node first was full; 0: it is not */
	void (*on_tick)(void *ctx);     /* while a reply is waited for; may be NULL */
	void *ctx;
};

/* Parses "HOST", "HOST:PORT", "2001:db8::1" or "[2001:db8::1]:PORT". False: it is none. */
bool redis_address_parse(const char *text, struct redis_address *a);

/* Where the store is, by --server, BRAID_SERVER, --config or 127.0.0.1:6379, and its password.
 * CLI_OK, or another after an explanation. */
enum cli_exit redis_address_find(const struct cli *cli, struct redis_address *a);

/* Connects, says the password, and takes over Ctrl-C. CLI_OK, or another after an explanation. */
enum cli_exit redis_open(const struct cli *cli, struct redis *r);

/* Closes it; a connection that was not opened is fine. */
void redis_close(struct redis *r);

/* Queues a command of @n arguments; redis_reply sends it. */
enum cli_exit redis_send(struct redis *r, size_t n, const char *const args[], const size_t lens[]);

/* Waits for the next reply; free it by freeReplyObject. CLI_OK, CLI_INTERRUPTED, CLI_DEADLINE
 * without a word, or CLI_FAILED after an explanation. */
enum cli_exit redis_reply(struct redis *r, redisReply **reply);

/* Whether a reply is there or waiting for it goes on: as redis_reply, but *@reply is NULL when none
 * came within @ms. */
enum cli_exit redis_reply_within(struct redis *r, redisReply **reply, unsigned ms);

/* Sends the command of the words @args, which end with NULL, and waits. Errors are replies. */
enum cli_exit redis_call(struct redis *r, redisReply **reply, const char *const args[]);

/* Waits @ms, or until Ctrl-C or the deadline. CLI_OK, CLI_INTERRUPTED or CLI_DEADLINE. */
enum cli_exit redis_pause(struct redis *r, unsigned ms);

/* A reply that says that the node is full: how many ms to wait before the next try; 0: it does not
 * say so, or has for REDIS_BUSY_S. */
unsigned redis_busy_ms(struct redis *r, const redisReply *reply);

/* Explains an error reply, or one of an unexpected type; frees it. CLI_FAULT or CLI_FAILED. */
enum cli_exit redis_refused(const struct redis *r, redisReply *reply);

/* Forgets Ctrl-C and the deadline: what is said to the node afterwards is to be answered. */
void redis_calm(struct redis *r);

/* Nanoseconds of a clock that only goes forward. */
uint64_t redis_now_ns(void);

/* What a server's error @text means for a person, into @out of @size bytes: a sentence without
 * "braidctl: ". @server is its name. */
void redis_explain(const char *server, const char *text, char *out, size_t size);

#endif
