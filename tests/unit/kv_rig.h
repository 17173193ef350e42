/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A store without network: workers with real shards and mailboxes, and main's, in one thread and in
 * virtual time, clients that are a pair of byte strings. For tests of everything above TCP. One at
 * a time.
 */
#ifndef TESTS_UNIT_KV_RIG_H
#define TESTS_UNIT_KV_RIG_H

#include "dataplane/kv/kv_worker.h"

#define KV_RIG_CLIENTS_MAX 256
#define KV_RIG_START_MS    1700000000000ULL /* UNIX time at the start */

/* What a client got since the last look. */
struct kv_rig_reply {
	const char *bytes; /* terminated; valid until the next call for this client */
	size_t len;
	bool closed;  /* the store has closed the connection, gracefully ... */
	bool aborted; /* ... or not */
};

/* Starts one worker with @memory_bytes and otherwise default settings, whose hash secret is fixed.
 */
void kv_rig_start(uint64_t memory_bytes);

/* The same with @settings, and @n_workers of them. */
void kv_rig_start_with(const struct kv_settings *settings, unsigned n_workers);

/* Ends it; fails the process if memory of clients was lost. */
void kv_rig_stop(void);

/* A new client of worker @worker; its number. -1: the store refused it, what it said is in
 * kv_rig_refusal. */
int kv_rig_connect(unsigned worker);
const char *kv_rig_refusal(void);

/* The client closes its side, or is gone at once. */
void kv_rig_close(int client);
void kv_rig_abort(int client);

/* Sends bytes, runs until nothing moves (virtual time stands still), and returns what came back. */
struct kv_rig_reply kv_rig_send(int client, const void *bytes, size_t len);

/* Sends bytes without running anything; kv_rig_run does. */
void kv_rig_push(int client, const void *bytes, size_t len);

/* Sends a C string; "\r\n" is for the caller to write. The reply as a C string. */
const char *kv_rig_text(int client, const char *text);

/* Sends the words as an array of bulk strings; NULL ends them. The reply as a C string. */
const char *kv_rig_words(int client, const char *word, ...) __attribute__((sentinel));

/* The same from arguments that may hold any bytes. */
struct kv_rig_reply kv_rig_args(int client, const struct resp_arg *argv, uint32_t argc);

/* What came back since the last look. */
struct kv_rig_reply kv_rig_take(int client);

/* The client takes at most @bytes more of the store's output until the next call; SIZE_MAX: all. */
void kv_rig_window(int client, size_t bytes);

/* Runs all workers until nothing moves: mail, tasks, and timers that are due. */
void kv_rig_run(void);

/* Moves virtual time on in steps of a millisecond, running everything. */
void kv_rig_advance_ms(uint64_t ms);

/* UNIX time. */
uint64_t kv_rig_now_ms(void);

/* Worker number @i. */
struct worker *kv_rig_worker(unsigned i);

/* The store's side of a client, NULL when it is gone. */
struct kv_client *kv_rig_client(int client);

#endif
