/* SPDX-License-Identifier: BSD-3-Clause */
/* Turns a configuration into the messages of one generation. Thread: main. */
#include <string.h>

#include "control/core/push.h"
#include "control/core/push_lb.h"

/* How many items of @item_bytes fit into one message after its struct api_list. */
static uint32_t items_per_message(size_t item_bytes)
{
	return (uint32_t)((API_MSG_MAX_BYTES - sizeof(struct api_header) -
				  sizeof(struct api_list)) /
			  item_bytes);
}

void push_init(struct push *p, const struct conf *conf, uint64_t generation, bool dry_run)
{
	*p = (struct push){.conf = conf,
		.generation = generation,
		.dry_run = dry_run,
		.total = conf->node.n_interfaces + conf->n_neighbors + conf->n_nexthops +
			 conf->n_routes + conf->n_pool + conf->n_services + conf->n_backends};
}

static void encode_interface(const struct conf *conf, uint32_t i, void *out)
{
	const struct conf_interface *from = &conf->node.interfaces[i];
	struct api_interface *to = out;

	base_strlcpy(to->name, from->name, sizeof(to->name));
	base_strlcpy(to->port, conf->node.ports[from->port].name, sizeof(to->port));
	to->vlan = from->vlan;
	to->mtu = from->mtu;
	to->n_addresses = from->n_addresses;
	memcpy(to->addresses, from->addresses, sizeof(to->addresses));
}

static void encode_neighbor(const struct conf *conf, uint32_t i, void *out)
{
	const struct conf_neighbor *from = &conf->neighbors[i];
	struct api_neighbor *to = out;

	base_strlcpy(to->interface, from->interface, sizeof(to->interface));
	to->address = from->address;
	memcpy(to->mac, from->mac, sizeof(to->mac));
}

static uint16_t encode_action(enum conf_action action)
{
	switch (action) {
	case CONF_ACTION_VIA:
		return API_ACTION_VIA;
	case CONF_ACTION_BLACKHOLE:
		return API_ACTION_BLACKHOLE;
	case CONF_ACTION_REJECT:
		return API_ACTION_REJECT;
	}
	BRAID_ASSERT(false);
	return API_ACTION_REJECT;
}

static void encode_nexthop(const struct conf *conf, uint32_t i, void *out)
{
	const struct conf_nexthop *from = &conf->nexthops[i];
	struct api_nexthop *to = out;

	to->id = i;
	to->action = encode_action(from->action);
	to->n_hops = from->n_hops;
	for (uint16_t h = 0; h < from->n_hops; h++) {
		to->hops[h].address = from->hops[h].address;
		base_strlcpy(to->hops[h].interface, from->hops[h].interface,
			sizeof(to->hops[h].interface));
		to->hops[h].weight = from->hops[h].weight;
	}
}

static void encode_route(const struct conf *conf, uint32_t i, void *out)
{
	struct api_route *to = out;

	to->prefix = conf->routes[i].prefix;
	to->nexthop = conf->routes[i].nexthop;
}

/* The stages that send lists. */
struct push_list {
	enum api_type type;
	size_t item_bytes;
	void (*encode)(const struct conf *conf, uint32_t i, void *out);
};

static const struct push_list lists[] = {
	[PUSH_INTERFACES] = {.type = API_interface_set,
		.item_bytes = sizeof(struct api_interface),
		.encode = encode_interface},
	[PUSH_NEIGHBORS] = {.type = API_neighbor_set,
		.item_bytes = sizeof(struct api_neighbor),
		.encode = encode_neighbor},
	[PUSH_NEXTHOPS] = {.type = API_nexthop_set,
		.item_bytes = sizeof(struct api_nexthop),
		.encode = encode_nexthop},
	[PUSH_ROUTES] = {.type = API_route_set,
		.item_bytes = sizeof(struct api_route),
		.encode = encode_route},
	[PUSH_POOL] = {.type = API_pool_set,
		.item_bytes = sizeof(struct api_pool),
		.encode = push_encode_pool},
	[PUSH_SERVICES] = {.type = API_service_set,
		.item_bytes = sizeof(struct api_service),
		.encode = push_encode_service},
	[PUSH_BACKENDS] = {.type = API_backend_set,
		.item_bytes = sizeof(struct api_backend_want),
		.encode = push_encode_backend},
};

static uint32_t stage_items(const struct push *p)
{
	switch (p->stage) {
	case PUSH_INTERFACES:
		return p->conf->node.n_interfaces;
	case PUSH_NEIGHBORS:
		return p->conf->n_neighbors;
	case PUSH_NEXTHOPS:
		return p->conf->n_nexthops;
	case PUSH_ROUTES:
		return p->conf->n_routes;
	case PUSH_POOL:
		return p->conf->n_pool;
	case PUSH_SERVICES:
		return p->conf->n_services;
	case PUSH_BACKENDS:
		return p->conf->n_backends;
	case PUSH_BEGIN:
	case PUSH_LB:
	case PUSH_STORE:
	case PUSH_COMMIT:
	case PUSH_ABORT:
	case PUSH_SENT:
		return 0;
	}
	return 0;
}

/* Completes the header of a message with @body_len bytes after it. */
static size_t finish(struct push *p, uint8_t *buf, enum api_type type, size_t body_len)
{
	struct api_header hdr = {.length_bytes = (uint32_t)(sizeof(hdr) + body_len),
		.type = (uint16_t)type,
		.sequence = ++p->n_sent};

	memcpy(buf, &hdr, sizeof(hdr));
	return sizeof(hdr) + body_len;
}

/* The next part of the present list; moves on after its last item. */
static size_t make_list(struct push *p, uint8_t *buf)
{
	const struct push_list *list = &lists[p->stage];
	struct api_list head = {.count = stage_items(p) - p->next};
	uint8_t *at = buf + sizeof(struct api_header) + sizeof(head);

	head.count = MIN_OF(head.count, items_per_message(list->item_bytes));
	memset(at, 0, head.count * list->item_bytes);
	for (uint32_t i = 0; i < head.count; i++) {
		list->encode(p->conf, p->next + i, at + i * list->item_bytes);
		if (list->type == API_backend_set && p->recall)
			p->recall(p->ctx, (struct api_backend_want *)(at + i * list->item_bytes));
	}
	memcpy(buf + sizeof(struct api_header), &head, sizeof(head));
	p->next += head.count;
	p->done += head.count;
	return finish(p, buf, list->type, sizeof(head) + head.count * list->item_bytes);
}

static size_t make_begin(struct push *p, uint8_t *buf)
{
	struct api_begin body = {.generation = p->generation};

	memcpy(buf + sizeof(struct api_header), &body, sizeof(body));
	p->stage = PUSH_INTERFACES;
	return finish(p, buf, API_begin, sizeof(body));
}

static size_t make_lb(struct push *p, uint8_t *buf)
{
	struct api_lb body;

	push_encode_lb(p->conf, &body);
	memcpy(buf + sizeof(struct api_header), &body, sizeof(body));
	p->stage = PUSH_POOL;
	return finish(p, buf, API_lb_set, sizeof(body));
}

static size_t make_store(struct push *p, uint8_t *buf)
{
	const struct conf_store *from = &p->conf->store;
	struct api_store body = {
		.n_listen = from->n_listen,
		.port = from->port,
		.timeout_s = from->timeout_ms / 1000,
		.policy = from->policy,
		.protected_mode = from->protected_mode == CONF_YES,
	};

	_Static_assert(CONF_STORE_VOLATILE_TTL == (int)API_STORE_VOLATILE_TTL, "policies in order");
	_Static_assert(sizeof(from->password) == sizeof(body.password), "passwords fit");
	memcpy(body.listen, from->listen, sizeof(body.listen));
	memcpy(body.password, from->password, sizeof(body.password));
	memcpy(buf + sizeof(struct api_header), &body, sizeof(body));
	p->stage = PUSH_COMMIT;
	return finish(p, buf, API_store_set, sizeof(body));
}

static size_t make_commit(struct push *p, uint8_t *buf)
{
	struct api_commit body = {
		.generation = p->generation, .flags = p->dry_run ? API_COMMIT_DRY_RUN : 0};

	memcpy(buf + sizeof(struct api_header), &body, sizeof(body));
	p->stage = PUSH_SENT;
	return finish(p, buf, API_commit, sizeof(body));
}

size_t push_next(struct push *p, uint8_t *buf)
{
	if (p->status < 0 && p->stage != PUSH_SENT)
		p->stage = PUSH_ABORT;
	while (p->stage < ARRAY_SIZE(lists) && lists[p->stage].encode &&
		p->next == stage_items(p)) {
		p->stage++;
		p->next = 0;
	}
	if (p->stage == PUSH_STORE && p->conf->store.n_listen == 0)
		p->stage = PUSH_COMMIT;
	switch (p->stage) {
	case PUSH_BEGIN:
		return make_begin(p, buf);
	case PUSH_INTERFACES:
	case PUSH_NEIGHBORS:
	case PUSH_NEXTHOPS:
	case PUSH_ROUTES:
	case PUSH_POOL:
	case PUSH_SERVICES:
	case PUSH_BACKENDS:
		return make_list(p, buf);
	case PUSH_LB:
		return make_lb(p, buf);
	case PUSH_STORE:
		return make_store(p, buf);
	case PUSH_COMMIT:
		return p->n_answered == p->n_sent ? make_commit(p, buf) : 0;
	case PUSH_ABORT:
		p->stage = PUSH_SENT;
		return finish(p, buf, API_abort, 0);
	case PUSH_SENT:
		return 0;
	}
	return 0;
}

void push_on_reply(struct push *p, const struct api_header *hdr)
{
	p->n_answered++;
	if (hdr->status < 0 && p->status == 0 && hdr->type != API_abort) {
		p->status = hdr->status;
		memcpy(&p->error, hdr + 1, sizeof(p->error));
	}
	if (hdr->status == 0 && hdr->type == API_commit)
		memcpy(&p->counts, hdr + 1, sizeof(p->counts));
	/* A refused commit leaves the generation staged, to be forgotten like any other failure. */
	if (hdr->status < 0 && hdr->type == API_commit)
		p->stage = PUSH_ABORT;
}

bool push_is_done(const struct push *p)
{
	return p->stage == PUSH_SENT && p->n_answered == p->n_sent;
}
