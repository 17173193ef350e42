/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The services in force and what becomes of their backends: health decided from the shared counters
 * every SERVICE_TICK_MS, drains as commanded, the panic threshold. What it decides goes to the
 * dataplane as backend_state messages, changes only; a restarted control first takes over what the
 * dataplane has. Thread: main.
 */
#ifndef CONTROL_SERVICE_SERVICE_H
#define CONTROL_SERVICE_SERVICE_H

#include <event2/event.h>

#include "control/service/health.h"
#include "lib/api/stats.h"
#include "lib/conf/conf.h"

#define SERVICE_TICK_MS          250
#define SERVICE_NO_INDEX         0xffff
#define SERVICE_BACKEND_TEXT_MAX (IPADDR_TEXT_MAX + 8)
#define SERVICE_PANIC_MARK                                                                         \
	"panic: " /* starts the reason of a backend that is used all the same                      \
		   */

/* What the dataplane is to do with a backend. */
struct service_decision {
	bool draining;
	bool down;
	char reason[API_REASON_MAX];
};

/* One backend in force. */
struct service_backend {
	struct ip_addr address;
	uint16_t port;
	uint16_t weight;
	uint16_t service; /* index in struct service_view */
	uint16_t index;   /* in the counters, SERVICE_NO_INDEX: not known yet */
	bool known;       /* health was adopted from the dataplane, or decided */
	bool drained;     /* as commanded */
	bool told_valid;
	struct service_decision told; /* what the dataplane has */
	struct health health;
};

/* One service in force. */
struct service_entry {
	char name[API_NAME_MAX];
	uint16_t index; /* in the counters, SERVICE_NO_INDEX: not known yet */
	uint16_t panic_percent;
	uint16_t n_weighted; /* weight above 0, not drained */
	uint16_t n_usable;   /* those of them that are healthy */
	bool is_nat;
	bool panic; /* too few are healthy: those that are down are used as well */
	uint32_t first_backend, n_backends;
	struct health_settings health;
};

/* All of them, for those who show them; backends lie in the order of services. */
struct service_view {
	const struct service_entry *services;
	uint32_t n_services;
	const struct service_backend *backends;
	uint32_t n_backends;
};

/* What the owner does for it. */
struct service_ops {
	/* Sends a message of @len bytes after its header, whose answer comes to
	 * service_on_answer(). False: not now. */
	bool (*ask)(void *ctx, enum api_type type, const void *body, size_t len);
	const struct stats_file *(*counters)(void *ctx); /* NULL: not there */
	void *ctx;
};

struct service_table;

/*
 * Starts with no services; drains are kept in the directory @runtime. NULL @base: no timer, the
 * caller calls service_tick(), first before service_follow(). @ops is copied. NULL when there is no
 * memory.
 */
struct service_table *service_create(
	struct event_base *base, const char *runtime, const struct service_ops *ops);

/* Frees; drains stay on disk. NULL is allowed. */
void service_destroy(struct service_table *t);

/*
 * The dataplane has @conf as @generation; nothing happens if that is known already. Backends that
 * stay keep their state, drains of others are forgotten. @conf is not needed afterwards.
 */
void service_follow(struct service_table *t, const struct conf *conf, uint64_t generation);

/* The dataplane is gone: decisions rest until service_follow(), then all are told again. */
void service_on_down(struct service_table *t);

/* Fills in the state of the backend that @want names, as far as it is known: a dataplane that does
 * not have that backend, because it was restarted, starts it in that state. */
void service_recall(const struct service_table *t, struct api_backend_want *want);

/* The answer to a message sent by ops.ask. */
void service_on_answer(struct service_table *t, const struct api_header *hdr);

/* Looks at the counters, decides, tells. The timer calls it. */
void service_tick(struct service_table *t, uint64_t now_ns);

/*
 * Drains a backend, or uses it again, and remembers that. 0, or a negative errno with a sentence:
 * no such service or backend (with those there are), not connected, the disk.
 */
int service_drain(
	struct service_table *t, const struct api_control_drain *request, struct base_error *err);

/* What is in force; valid until the next call of another function. */
struct service_view service_view(const struct service_table *t);

/* Writes "192.0.2.21:8080", "[2001:db8::1]:80" or, for port 0, the address to @buf of
 * SERVICE_BACKEND_TEXT_MAX; returns it. */
char *service_backend_format(const struct ip_addr *address, uint16_t port, char *buf);

#endif
