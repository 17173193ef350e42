/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The balancer of the fake dataplane: backends keep their numbers and what was said of them from
 * one generation to the next, and there is one flow for each unit of stats_backend.new_flows less
 * ended_flows. Thread: the fake's own.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fake_dataplane.h"

#define DUMP_MAX 100 /* items of one answer: small, so that there are several */

static struct fake_backend *find(
	struct fake_dataplane *f, const char *service, const struct ip_addr *address, uint16_t port)
{
	for (uint32_t i = 0; i < f->n_backends; i++) {
		struct fake_backend *b = &f->backends[i];

		if (strcmp(b->state.service, service) == 0 && b->state.port == port &&
			ip_addr_equal(&b->state.address, address))
			return b;
	}
	return NULL;
}

/* As in the counters: 1 and its index in the dump, 0: it is gone. */
static uint16_t service_number(const struct fake_dataplane *f, const char *name)
{
	for (uint16_t i = 0; i < f->installed.n_services; i++)
		if (strcmp(f->installed.services[i].name, name) == 0)
			return (uint16_t)(i + 1);
	return 0;
}

void fake_lb_commit(struct fake_dataplane *f)
{
	for (uint32_t i = 0; i < f->n_backends; i++)
		f->backends[i].configured = false;
	for (uint32_t i = 0; i < f->installed.n_backends; i++) {
		const struct api_backend_want *want = &f->installed.backends[i];
		const struct api_backend *from = &want->backend;
		struct fake_backend *b = find(f, from->service, &from->address, from->port);

		if (!b) {
			BRAID_ASSERT(f->n_backends < FAKE_BACKENDS_MAX);
			b = &f->backends[f->n_backends++];
			b->state.address = from->address;
			b->state.port = from->port;
			base_strlcpy(b->state.service, from->service, sizeof(b->state.service));
			b->state.draining = want->draining;
			b->state.down = want->down;
			memcpy(b->state.reason, want->reason, sizeof(b->state.reason));
			b->began_draining = want->draining;
			b->began_down = want->down;
		}
		b->configured = true;
	}
	for (uint32_t i = 0; i < f->n_backends; i++)
		f->counters->backend_service[i] = service_number(f, f->backends[i].state.service);
}

int fake_lb_state(struct fake_dataplane *f, const struct api_list *body, struct base_error *err)
{
	const struct api_backend_state *items = (const struct api_backend_state *)(body + 1);

	if (f->state_refusal.text[0]) {
		*err = f->state_refusal;
		return -EINVAL;
	}
	for (uint32_t i = 0; i < body->count; i++) {
		struct fake_backend *b =
			find(f, items[i].service, &items[i].address, items[i].port);

		if (!b)
			return base_error_set(err, ENOENT, "there is no such backend");
		b->state = items[i];
	}
	__atomic_store_n(&f->n_told, f->n_told + 1, __ATOMIC_RELEASE);
	return 0;
}

static uint16_t use_of(const struct fake_backend *b)
{
	if (!b->configured)
		return API_BACKEND_REMOVED;
	if (b->state.down)
		return API_BACKEND_DOWN;
	return b->state.draining ? API_BACKEND_DRAINING : API_BACKEND_UP;
}

static uint16_t weight_of(const struct fake_dataplane *f, const struct fake_backend *b)
{
	for (uint32_t i = 0; i < f->installed.n_backends; i++) {
		const struct api_backend *c = &f->installed.backends[i].backend;

		if (strcmp(c->service, b->state.service) == 0 && c->port == b->state.port &&
			ip_addr_equal(&c->address, &b->state.address))
			return c->weight;
	}
	return 0;
}

uint32_t fake_lb_services(struct fake_dataplane *f, const struct api_dump *dump,
	struct api_dump_reply *reply, uint8_t *out)
{
	uint64_t i = dump->cursor;
	uint32_t n = 0;

	for (; i < f->installed.n_services && n < DUMP_MAX; i++) {
		struct api_service_info info = {
			.service = f->installed.services[i], .index = (uint16_t)i};

		for (uint32_t k = 0; k < f->n_backends; k++) {
			if (strcmp(f->backends[k].state.service, info.service.name) != 0 ||
				!f->backends[k].configured)
				continue;
			info.n_backends++;
			info.n_usable += use_of(&f->backends[k]) == API_BACKEND_UP &&
					 weight_of(f, &f->backends[k]) > 0;
		}
		memcpy(out + n++ * sizeof(info), &info, sizeof(info));
	}
	reply->cursor = i < f->installed.n_services ? i : 0;
	return n;
}

uint32_t fake_lb_backends(struct fake_dataplane *f, const struct api_dump *dump,
	struct api_dump_reply *reply, uint8_t *out)
{
	uint64_t i = dump->cursor;
	uint32_t n = 0;

	for (; i < f->n_backends && n < DUMP_MAX; i++) {
		const struct fake_backend *b = &f->backends[i];
		struct api_backend_info info = {.index = (uint16_t)i,
			.use = use_of(b),
			.draining = b->state.draining,
			.down = b->state.down,
			.share_permille = 250,
			.backend = {.address = b->state.address,
				.port = b->state.port,
				.weight = weight_of(f, b)}};

		if (dump->filter[0] && strcmp(dump->filter, b->state.service) != 0)
			continue;
		memcpy(info.backend.service, b->state.service, sizeof(info.backend.service));
		memcpy(info.reason, b->state.reason, sizeof(info.reason));
		memcpy(out + n++ * sizeof(info), &info, sizeof(info));
	}
	reply->cursor = i < f->n_backends ? i : 0;
	return n;
}

/* The number of flows of a backend. */
static uint64_t flows_of(const struct fake_dataplane *f, uint32_t backend)
{
	const struct stats_backend *s = &f->counters->workers[0].backends[backend];

	return stats_read(&s->new_flows) - stats_read(&s->ended_flows);
}

static bool wanted(const struct api_flow_dump *dump, const struct fake_backend *b,
	const struct ip_addr *client)
{
	return (!dump->service[0] || strcmp(dump->service, b->state.service) == 0) &&
	       (!dump->backend.family || ip_addr_same_host(&dump->backend, &b->state.address)) &&
	       (!dump->client.family || ip_addr_covers(&dump->client, client));
}

/* The cursor is backend << 32 | flow. */
uint32_t fake_lb_flows(struct fake_dataplane *f, const struct api_flow_dump *dump,
	struct api_dump_reply *reply, uint8_t *out)
{
	uint32_t n = 0, k = (uint32_t)dump->cursor;

	for (uint64_t i = dump->cursor >> 32; i < f->n_backends; i++, k = 0) {
		const struct fake_backend *b = &f->backends[i];

		for (; k < flows_of(f, (uint32_t)i); k++) {
			struct api_flow_info info = {.client = ip_addr_v4(htobe32(0x0a000001 + k)),
				.vip = ip_addr_v4(htobe32(0xcb00710a)),
				.backend = b->state.address,
				.source = ip_addr_v4(htobe32(0xcb0071c8)),
				.client_port = (uint16_t)(40000 + k % 1000),
				.vip_port = 80,
				.backend_port = b->state.port,
				.source_port = (uint16_t)(1024 + k),
				.protocol = 6,
				.state = API_FLOW_TCP_ESTABLISHED,
				.idle_ms = 1500};

			if (!wanted(dump, b, &info.client))
				continue;
			if (n == DUMP_MAX) {
				reply->cursor = i << 32 | k;
				return n;
			}
			memcpy(info.service, b->state.service, sizeof(info.service));
			memcpy(out + n++ * sizeof(info), &info, sizeof(info));
		}
	}
	reply->cursor = 0;
	return n;
}

uint16_t fake_lb_index(
	const struct fake_dataplane *f, const char *service, const char *address, uint16_t port)
{
	struct ip_addr addr;

	BRAID_ASSERT(ip_addr_parse(address, &addr) == 0);
	for (uint32_t i = 0; i < f->n_backends; i++)
		if (strcmp(f->backends[i].state.service, service) == 0 &&
			f->backends[i].state.port == port &&
			ip_addr_equal(&f->backends[i].state.address, &addr))
			return (uint16_t)i;
	BRAID_ASSERT(false);
	return 0;
}
