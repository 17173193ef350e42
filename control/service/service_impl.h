/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this folder share. Thread: main. */
#ifndef CONTROL_SERVICE_SERVICE_IMPL_H
#define CONTROL_SERVICE_SERVICE_IMPL_H

#include "control/service/service.h"

#define SERVICE_DRAINED "drained by command" /* the reason of that */

/* Where the conversation with the dataplane is. At most one message is unanswered. */
enum service_phase {
	SERVICE_DETACHED,
	SERVICE_LEARN_SERVICES, /* numbers of services are asked for */
	SERVICE_LEARN_BACKENDS, /* numbers and states of backends */
	SERVICE_TELLING,        /* all is known: decisions are made and sent */
};

/* A drain as it stands in the file. */
struct service_drain_row {
	char service[API_NAME_MAX];
	struct ip_addr address;
	uint16_t port;
};

struct service_table {
	struct service_ops ops;
	struct event *timer;
	char drains_path[CONF_PATH_MAX];
	enum service_phase phase;
	bool waiting;      /* for an answer */
	bool stale;        /* ... that will be of no interest */
	bool drains_known; /* from the file: what the dataplane has may be older */
	bool learned;      /* once at least: what the dataplane had is known */
	bool anew;         /* another connection: counters may be others, all decisions are told */
	uint64_t generation; /* 0: none, or detached */
	uint64_t cursor;     /* of the dump */
	uint64_t retry_ns;   /* after an error: not before this */
	uint64_t now_ns;
	char last_error[256]; /* logged last */
	uint32_t n_services, n_backends;
	struct service_entry *services;
	struct service_backend *backends;
	uint32_t *by_key;                 /* backends by service, address and port */
	struct service_drain_row *drains; /* read at the start, until the first service_follow() */
	uint32_t n_drains;
	_Alignas(uint64_t) uint8_t msg[API_MSG_MAX_BYTES];
};

/* The backend of service @name with that address and port, or NULL. */
struct service_backend *service_find_backend(const struct service_table *t, const char *name,
	const struct ip_addr *address, uint16_t port);

/* Counts which backends can be used, decides about panic, says what has changed of that. */
void service_weigh(struct service_table *t, struct service_entry *s);

/* Forgets what it knew of the dataplane and asks for it again. */
void service_learn(struct service_table *t);

/* Sends what is next: a question of the dump, or decisions that the dataplane does not have. */
void service_talk(struct service_table *t);

/* What the dataplane is to do with @b. */
void service_decide(const struct service_table *t, const struct service_backend *b,
	struct service_decision *out);

/* Reads the drains from disk into t->drains; a missing file is none. */
void service_drains_load(struct service_table *t);

/* Marks the backends whose drains were read, and forgets what was read. Whether some of it is of no
 * backend. */
bool service_drains_match(struct service_table *t);

/* Writes the drains of all backends. 0 or a negative errno with a sentence. */
int service_drains_save(const struct service_table *t, struct base_error *err);

/* The present counters of @b; false when they cannot be read. */
bool service_read_input(
	const struct service_table *t, const struct service_backend *b, struct health_input *in);

#endif
