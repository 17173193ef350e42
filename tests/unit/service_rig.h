/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of services without event loop and socket, before a dataplane of memory. A test calls
 * install(), follow() and tick(), and looks at what the dataplane was told.
 */
#ifndef TESTS_UNIT_SERVICE_RIG_H
#define TESTS_UNIT_SERVICE_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/service/service.h"

#define NODE                                                                                       \
	"node: {name: n1, workers: [1], main: 0, ports: [{name: lan, device: net_null0, "          \
	"addresses: [192.0.2.1/24]}]}\nnat: {pool: [203.0.113.200]}\n"
#define HEALTH "health: {probe: tcp, interval: 1s, rise: 2, fall: 2}, "

static const char four[] =
	NODE "services:\n"
	     "  - {name: web, vip: 203.0.113.10, port: 80, mode: nat, panic_threshold: 50%, " HEALTH
	     "backends: [{address: 192.0.2.21}, {address: 192.0.2.22}, {address: 192.0.2.23}, "
	     "{address: 192.0.2.24, port: 8080}]}\n"
	     "  - {name: dns, vip: 203.0.113.10, port: 53, protocol: udp, mode: nat, "
	     "panic_threshold: 0%, backends: [{address: 192.0.2.31}]}\n";
static const char three[] =
	NODE "services:\n"
	     "  - {name: web, vip: 203.0.113.10, port: 80, mode: nat, panic_threshold: 50%, " HEALTH
	     "backends: [{address: 192.0.2.24, port: 8080}, {address: 192.0.2.22}, {address: "
	     "192.0.2.25}]}\n";

/* A dataplane of memory: it keeps what it is told, and answers when it is asked to. */
struct rig {
	char dir[64];
	struct service_table *table;
	struct stats_file *counters;
	uint64_t now_ns;
	uint64_t generation;
	struct conf *conf;
	struct api_backend_info backends[16]; /* what it has */
	uint32_t n_backends;
	bool refuse;
	enum api_type asked; /* the message that waits for an answer, 0: none */
	struct api_dump dump;
	unsigned n_told, n_items; /* messages of backend_state, and what was in them */
	_Alignas(uint64_t) uint8_t answer[API_MSG_MAX_BYTES];
};

static inline struct api_backend_info *find(
	struct rig *r, const char *service, const struct ip_addr *address, uint16_t port)
{
	for (uint32_t i = 0; i < r->n_backends; i++)
		if (strcmp(r->backends[i].backend.service, service) == 0 &&
			ip_addr_equal(&r->backends[i].backend.address, address) &&
			r->backends[i].backend.port == port)
			return &r->backends[i];
	return NULL;
}

static inline struct api_backend_info *backend(struct rig *r, const char *address)
{
	struct api_backend_info *b;
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(address, &addr), 0);
	for (b = r->backends; b < r->backends + r->n_backends; b++)
		if (ip_addr_equal(&b->backend.address, &addr))
			return b;
	fail_msg("no backend %s", address);
	return NULL;
}

static inline bool ask(void *ctx, enum api_type type, const void *body, size_t len)
{
	const struct api_list *list = body;
	const struct api_backend_state *items = (const struct api_backend_state *)(list + 1);
	struct rig *r = ctx;

	if (r->asked)
		return false;
	r->asked = type;
	if (type != API_backend_state) {
		assert_int_equal(len, sizeof(struct api_dump));
		memcpy(&r->dump, body, sizeof(r->dump));
		return true;
	}
	assert_int_equal(len, sizeof(*list) + list->count * sizeof(*items));
	r->n_told++;
	for (uint32_t i = 0; i < list->count; i++) {
		struct api_backend_info *b =
			find(r, items[i].service, &items[i].address, items[i].port);

		assert_non_null(b);
		b->draining = items[i].draining;
		b->down = items[i].down;
		assert_true(api_string_ok(items[i].reason, sizeof(items[i].reason)));
		memcpy(b->reason, items[i].reason, sizeof(b->reason));
		r->n_items++;
	}
	return true;
}

static inline const struct stats_file *counters(void *ctx)
{
	return ((struct rig *)ctx)->counters;
}

/* One item per answer, so that the cursor is used. */
static inline void answer_dump(struct rig *r, struct api_header *hdr)
{
	struct api_dump_reply *reply = (struct api_dump_reply *)(hdr + 1);
	bool services = r->asked == API_service_dump;
	uint32_t n = services ? r->conf->n_services : r->n_backends;
	uint32_t i = (uint32_t)r->dump.cursor;

	*reply = (struct api_dump_reply){.count = i < n, .cursor = i + 1 < n ? i + 1 : 0};
	if (i < n && services) {
		struct api_service_info info = {.index = (uint16_t)(i + 5)};

		base_strlcpy(info.service.name, r->conf->services[i].name, API_NAME_MAX);
		memcpy(reply + 1, &info, sizeof(info));
	} else if (i < n) {
		memcpy(reply + 1, &r->backends[i], sizeof(r->backends[i]));
	}
}

/* Answers until nothing is asked any more. */
static inline void answer_all(struct rig *r)
{
	struct api_header *hdr = (struct api_header *)r->answer;

	for (unsigned n = 0; r->asked; n++) {
		struct base_error *err = (struct base_error *)(hdr + 1);

		assert_true(n < 200);
		*hdr = (struct api_header){.type = (uint16_t)r->asked, .flags = API_FLAG_REPLY};
		if (r->refuse) {
			hdr->status = -EINVAL;
			*err = (struct base_error){"not now"};
		} else if (r->asked != API_backend_state) {
			answer_dump(r, hdr);
		}
		r->asked = 0;
		service_on_answer(r->table, hdr);
	}
}

static inline void start_on(struct rig *r, struct event_base *base)
{
	const struct service_ops ops = {.ask = ask, .counters = counters, .ctx = r};

	r->table = service_create(base, r->dir, &ops);
	assert_non_null(r->table);
}

static inline void start(struct rig *r)
{
	start_on(r, NULL);
	service_tick(r->table, r->now_ns);
}

/* The dataplane takes @text as its next generation: backends keep numbers and states. */
static inline void install(struct rig *r, const char *text)
{
	struct conf_error err = {0};

	conf_free(r->conf);
	if (conf_load_text("test.yaml", text, strlen(text), &r->conf, &err) < 0)
		fail_msg("%s", err.text);
	r->generation++;
	for (uint32_t i = 0; i < r->n_backends; i++)
		r->backends[i].use = API_BACKEND_REMOVED;
	for (uint32_t i = 0; i < r->conf->n_backends; i++) {
		const struct conf_backend *c = &r->conf->backends[i];
		const char *name = r->conf->services[c->service].name;
		struct api_backend_info *b = find(r, name, &c->address, c->port);

		if (!b) {
			b = &r->backends[r->n_backends++];
			*b = (struct api_backend_info){.index = (uint16_t)(r->n_backends + 9),
				.backend = {.address = c->address, .port = c->port}};
			base_strlcpy(b->backend.service, name, API_NAME_MAX);
		}
		b->use = API_BACKEND_UP;
	}
}

static inline void follow(struct rig *r)
{
	service_follow(r->table, r->conf, r->generation);
	answer_all(r);
}

static inline void tick(struct rig *r, unsigned n)
{
	for (; n > 0; n--) {
		r->now_ns += SERVICE_TICK_MS * NSEC_PER_MSEC;
		service_tick(r->table, r->now_ns);
		answer_all(r);
	}
}

static inline void set_streak(struct rig *r, const char *address, int32_t streak)
{
	struct stats_probe *p = &r->counters->probes[backend(r, address)->index];

	if (streak > 0)
		p->succeeded += (uint64_t)(streak - (p->streak > 0 ? p->streak : 0));
	p->streak = streak;
	p->last_failure = API_PROBE_REFUSED;
}

static inline int drain(struct rig *r, const char *service, const char *address, bool on)
{
	struct api_control_drain request = {.drain = on, .any_port = 1};
	struct base_error err = {0};
	int rc;

	base_strlcpy(request.service, service, sizeof(request.service));
	assert_int_equal(ip_addr_parse(address, &request.address), 0);
	rc = service_drain(r->table, &request, &err);
	assert_int_equal(rc < 0, err.text[0] != '\0');
	answer_all(r);
	return rc;
}

static inline int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	base_strlcpy(r->dir, "/tmp/braid-service-test-XXXXXX", sizeof(r->dir));
	assert_non_null(mkdtemp(r->dir));
	r->counters = aligned_alloc(CACHE_LINE_BYTES, sizeof(*r->counters));
	memset(r->counters, 0, sizeof(*r->counters));
	r->counters->n_workers = 2;
	r->now_ns = NSEC_PER_SEC;
	start(r);
	*state = r;
	return 0;
}

static inline int teardown(void **state)
{
	struct rig *r = *state;
	char command[128];

	service_destroy(r->table);
	conf_free(r->conf);
	free(r->counters);
	snprintf(command, sizeof(command), "rm -rf %s", r->dir);
	assert_int_equal(system(command), 0);
	free(r);
	return 0;
}

#endif
