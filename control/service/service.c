/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of services: follows the configuration, looks at the counters, decides. Thread: main.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/core/log.h"
#include "control/service/service_impl.h"

char *service_backend_format(const struct ip_addr *address, uint16_t port, char *buf)
{
	char text[IPADDR_TEXT_MAX];

	ip_addr_format_host(address, text);
	if (port == 0)
		snprintf(buf, SERVICE_BACKEND_TEXT_MAX, "%s", text);
	else if (address->family == 6)
		snprintf(buf, SERVICE_BACKEND_TEXT_MAX, "[%s]:%u", text, port);
	else
		snprintf(buf, SERVICE_BACKEND_TEXT_MAX, "%s:%u", text, port);
	return buf;
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	service_tick(arg, clock_ns());
}

struct service_table *service_create(
	struct event_base *base, const char *runtime, const struct service_ops *ops)
{
	const struct timeval period = {.tv_usec = SERVICE_TICK_MS * 1000};
	struct service_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->ops = *ops;
	snprintf(t->drains_path, sizeof(t->drains_path), "%s/drains", runtime);
	service_drains_load(t);
	if (!base)
		return t;
	/* The dataplane may answer before the timer fires for the first time. */
	t->now_ns = clock_ns();
	t->timer = event_new(base, -1, EV_PERSIST, on_timer, t);
	if (t->timer && event_add(t->timer, &period) == 0)
		return t;
	service_destroy(t);
	return NULL;
}

static void free_arrays(struct service_table *t)
{
	free(t->services);
	free(t->backends);
	free(t->by_key);
}

void service_destroy(struct service_table *t)
{
	if (!t)
		return;
	if (t->timer)
		event_free(t->timer);
	free_arrays(t);
	free(t->drains);
	free(t);
}

static int compare_address(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* What a backend is looked up by. */
struct key {
	const char *service;
	const struct ip_addr *address;
	uint16_t port;
};

static struct key key_of(const struct service_table *t, uint32_t backend)
{
	const struct service_backend *b = &t->backends[backend];

	return (struct key){
		.service = t->services[b->service].name, .address = &b->address, .port = b->port};
}

static int compare_key(struct key a, struct key b)
{
	int rc = strcmp(a.service, b.service);

	if (rc == 0)
		rc = compare_address(a.address, b.address);
	return rc != 0 ? rc : (a.port > b.port) - (a.port < b.port);
}

static int compare_backends(const void *a, const void *b, void *table)
{
	return compare_key(
		key_of(table, *(const uint32_t *)a), key_of(table, *(const uint32_t *)b));
}

static void sort_backends(struct service_table *t)
{
	for (uint32_t i = 0; i < t->n_backends; i++)
		t->by_key[i] = i;
	if (t->n_backends > 0)
		qsort_r(t->by_key, t->n_backends, sizeof(*t->by_key), compare_backends, t);
}

struct service_backend *service_find_backend(const struct service_table *t, const char *name,
	const struct ip_addr *address, uint16_t port)
{
	struct key want = {.service = name, .address = address, .port = port};
	uint32_t low = 0, high = t->n_backends;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare_key(want, key_of(t, t->by_key[middle]));

		if (order == 0)
			return &t->backends[t->by_key[middle]];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* A service as the configuration has it. */
static struct service_entry entry_of(const struct conf_service *from)
{
	struct service_entry s = {.index = SERVICE_NO_INDEX,
		.panic_percent = from->panic_percent,
		.is_nat = from->mode == CONF_LB_NAT,
		.first_backend = from->first_backend,
		.n_backends = from->n_backends,
		.health = {.active = from->probe.kind != CONF_PROBE_NONE,
			.is_udp = from->protocol == IPPROTO_UDP,
			.interval_ms = from->probe.interval_ms,
			.rise = from->probe.rise,
			.fall = from->probe.fall}};

	base_strlcpy(s.name, from->name, sizeof(s.name));
	return s;
}

/* Fills the empty table @t with what @conf says. False when there is no memory. */
static bool fill(struct service_table *t, const struct conf *conf)
{
	t->n_services = conf->n_services;
	t->n_backends = conf->n_backends;
	t->services = calloc(t->n_services + 1ul, sizeof(*t->services));
	t->backends = calloc(t->n_backends + 1ul, sizeof(*t->backends));
	t->by_key = calloc(t->n_backends + 1ul, sizeof(*t->by_key));
	if (!t->services || !t->backends || !t->by_key)
		return false;
	for (uint32_t i = 0; i < t->n_services; i++)
		t->services[i] = entry_of(&conf->services[i]);
	for (uint32_t i = 0; i < t->n_backends; i++)
		t->backends[i] = (struct service_backend){.address = conf->backends[i].address,
			.port = conf->backends[i].port,
			.weight = conf->backends[i].weight,
			.service = conf->backends[i].service,
			.index = SERVICE_NO_INDEX};
	sort_backends(t);
	return true;
}

/* Backends that were there keep their state. Whether a drain was left behind. */
static bool carry_over(struct service_table *t, const struct service_table *old)
{
	uint32_t n_drained = 0, n_kept = 0;

	for (uint32_t i = 0; i < old->n_backends; i++) {
		const struct service_backend *was = &old->backends[i];
		struct service_backend *b = service_find_backend(
			t, old->services[was->service].name, &was->address, was->port);

		n_drained += was->drained;
		if (!b)
			continue;
		n_kept += was->drained;
		b->known = was->known;
		b->drained = was->drained;
		b->index = was->index;
		b->health = was->health;
	}
	for (uint32_t i = 0; i < old->n_services; i++)
		for (uint32_t k = 0; k < t->n_services; k++)
			if (strcmp(old->services[i].name, t->services[k].name) == 0)
				t->services[k].panic = old->services[i].panic;
	return n_kept < n_drained;
}

void service_follow(struct service_table *t, const struct conf *conf, uint64_t generation)
{
	struct service_table old = {.n_services = t->n_services,
		.n_backends = t->n_backends,
		.services = t->services,
		.backends = t->backends,
		.by_key = t->by_key};
	struct base_error err = {0};
	bool forgotten;

	if (t->phase != SERVICE_DETACHED && t->generation == generation)
		return;
	if (!fill(t, conf)) {
		log_line("no memory for the services: health is not looked after");
		free_arrays(t);
		t->n_services = t->n_backends = 0;
		t->services = NULL;
		t->backends = NULL;
		t->by_key = NULL;
	}
	forgotten = carry_over(t, &old);
	free_arrays(&old);
	if (t->drains)
		forgotten |= service_drains_match(t);
	if (forgotten && service_drains_save(t, &err) < 0)
		log_line("%s", err.text);
	t->generation = generation;
	t->anew |= t->phase == SERVICE_DETACHED;
	t->stale = t->waiting;
	service_learn(t);
	service_talk(t);
}

void service_on_down(struct service_table *t)
{
	t->phase = SERVICE_DETACHED;
	t->waiting = false;
	t->stale = false;
	t->retry_ns = 0;
}

bool service_read_input(
	const struct service_table *t, const struct service_backend *b, struct health_input *in)
{
	const struct stats_file *f = t->ops.counters(t->ops.ctx);

	if (!f || b->index >= STATS_BACKENDS_MAX)
		return false;
	*in = (struct health_input){.now_ns = t->now_ns,
		.streak = *(const volatile int32_t *)&f->probes[b->index].streak,
		.last_failure = *(const volatile uint32_t *)&f->probes[b->index].last_failure,
		.succeeded = stats_read(&f->probes[b->index].succeeded)};
	for (uint32_t w = 0; t->services[b->service].is_nat && w < f->n_workers; w++) {
		const struct stats_backend *s = &f->workers[w].backends[b->index];

		in->reply_pkts += stats_read(&s->reply_pkts);
		in->refused += stats_read(&s->refused);
		in->silent += stats_read(&s->silent);
	}
	return true;
}

void service_weigh(struct service_table *t, struct service_entry *s)
{
	bool was = s->panic;
	uint16_t n_down = 0;

	s->n_usable = 0;
	s->n_weighted = 0;
	for (uint32_t i = s->first_backend; i < s->first_backend + s->n_backends; i++) {
		const struct service_backend *b = &t->backends[i];

		/* What is drained is out of use by decision: nothing to panic about. */
		if (b->drained)
			continue;
		s->n_weighted += b->weight > 0;
		s->n_usable += b->weight > 0 && !b->health.down;
		n_down += b->health.down;
	}
	s->panic = n_down > 0 &&
		   (uint32_t)s->n_usable * 100 < (uint32_t)s->n_weighted * s->panic_percent;
	if (s->panic && !was)
		log_line("service \"%s\": only %u of %u backends can be used, less than the "
			 "panic_threshold of %u %%: those that are down are used as well",
			s->name, s->n_usable, s->n_weighted, s->panic_percent);
	else if (was && !s->panic)
		log_line("service \"%s\": %u of %u backends can be used, the panic is over",
			s->name, s->n_usable, s->n_weighted);
}

void service_decide(const struct service_table *t, const struct service_backend *b,
	struct service_decision *out)
{
	bool panic = t->services[b->service].panic && !b->drained;

	*out = (struct service_decision){.draining = b->drained, .down = b->health.down && !panic};
	if (b->health.down)
		snprintf(out->reason, sizeof(out->reason), "%s%s", panic ? SERVICE_PANIC_MARK : "",
			b->health.reason);
	else if (b->drained)
		base_strlcpy(out->reason, SERVICE_DRAINED, sizeof(out->reason));
}

static void look_at(struct service_table *t, struct service_backend *b)
{
	const struct service_entry *s = &t->services[b->service];
	char text[SERVICE_BACKEND_TEXT_MAX];
	struct health_input in;

	if (!service_read_input(t, b, &in) || !health_update(&b->health, &s->health, &in))
		return;
	service_backend_format(&b->address, b->port, text);
	if (b->health.down)
		log_line(
			"service \"%s\": backend %s is down (%s)", s->name, text, b->health.reason);
	else
		log_line("service \"%s\": backend %s is up again", s->name, text);
}

void service_tick(struct service_table *t, uint64_t now_ns)
{
	t->now_ns = now_ns;
	if (t->phase == SERVICE_TELLING) {
		for (uint32_t i = 0; i < t->n_backends; i++)
			look_at(t, &t->backends[i]);
		for (uint32_t i = 0; i < t->n_services; i++)
			service_weigh(t, &t->services[i]);
	}
	service_talk(t);
}

struct service_view service_view(const struct service_table *t)
{
	return (struct service_view){.services = t->services,
		.n_services = t->n_services,
		.backends = t->backends,
		.n_backends = t->n_backends};
}
