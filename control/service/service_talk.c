/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The conversation with the dataplane: after each generation the numbers of services and backends
 * and the states it has are asked for, then decisions are told that differ from these. One message
 * at a time. Thread: main.
 */
#include <errno.h>
#include <string.h>

#include "control/core/log.h"
#include "control/service/service_impl.h"

#define RETRY_NS NSEC_PER_SEC /* after the dataplane refused something */
#define TELL_MAX                                                                                   \
	((API_MSG_MAX_BYTES - sizeof(struct api_header) - sizeof(struct api_list)) /               \
		sizeof(struct api_backend_state))

void service_learn(struct service_table *t)
{
	/* Without backends there is nothing to ask for, nor can anything be adopted later. */
	t->learned |= t->n_backends == 0;
	t->phase = t->n_backends > 0 ? SERVICE_LEARN_SERVICES : SERVICE_TELLING;
	t->cursor = 0;
	for (uint32_t i = 0; i < t->n_backends; i++)
		t->backends[i].told_valid = false;
}

static bool same(const struct service_decision *a, const struct service_decision *b)
{
	return a->draining == b->draining && a->down == b->down &&
	       strcmp(a->reason, b->reason) == 0;
}

static void ask_dump(struct service_table *t, enum api_type type)
{
	const struct api_dump dump = {.cursor = t->cursor};

	t->waiting = t->ops.ask(t->ops.ctx, type, &dump, sizeof(dump));
}

/* Sends decisions that the dataplane does not have, as many as fit into a message. */
static void tell(struct service_table *t)
{
	struct api_list *list = (struct api_list *)t->msg;
	struct api_backend_state *items = (struct api_backend_state *)(list + 1);
	struct service_decision want;

	*list = (struct api_list){0};
	for (uint32_t i = 0; i < t->n_backends && list->count < TELL_MAX; i++) {
		struct service_backend *b = &t->backends[i];
		struct api_backend_state *item = &items[list->count];

		service_decide(t, b, &want);
		if (b->index == SERVICE_NO_INDEX || (b->told_valid && same(&b->told, &want)))
			continue;
		*item = (struct api_backend_state){.address = b->address,
			.port = b->port,
			.draining = want.draining,
			.down = want.down};
		memcpy(item->service, t->services[b->service].name, sizeof(item->service));
		memcpy(item->reason, want.reason, sizeof(item->reason));
		list->count++;
	}
	if (list->count == 0)
		return;
	t->waiting = t->ops.ask(
		t->ops.ctx, API_backend_state, list, sizeof(*list) + list->count * sizeof(*items));
	for (uint32_t i = 0; t->waiting && i < list->count; i++) {
		struct service_backend *b =
			service_find_backend(t, items[i].service, &items[i].address, items[i].port);

		service_decide(t, b, &b->told);
		b->told_valid = true;
	}
}

/* Before the first service_follow(), drains are known from the disk only. */
static bool drained_before(const struct service_table *t, const struct api_backend *b)
{
	for (uint32_t i = 0; i < t->n_drains; i++)
		if (strcmp(t->drains[i].service, b->service) == 0 && t->drains[i].port == b->port &&
			ip_addr_equal(&t->drains[i].address, &b->address))
			return true;
	return false;
}

void service_recall(const struct service_table *t, struct api_backend_want *want)
{
	const struct api_backend *name = &want->backend;
	const struct service_backend *b =
		service_find_backend(t, name->service, &name->address, name->port);
	struct service_decision known = {0};

	if (b) {
		service_decide(t, b, &known);
	} else if (drained_before(t, name)) {
		known.draining = true;
		base_strlcpy(known.reason, SERVICE_DRAINED, sizeof(known.reason));
	}
	want->draining = known.draining;
	want->down = known.down;
	memcpy(want->reason, known.reason, sizeof(want->reason));
}

void service_talk(struct service_table *t)
{
	if (t->waiting || t->now_ns < t->retry_ns)
		return;
	switch (t->phase) {
	case SERVICE_DETACHED:
		return;
	case SERVICE_LEARN_SERVICES:
		ask_dump(t, API_service_dump);
		return;
	case SERVICE_LEARN_BACKENDS:
		ask_dump(t, API_backend_dump);
		return;
	case SERVICE_TELLING:
		tell(t);
		return;
	}
}

static void learn_service(struct service_table *t, const struct api_service_info *info)
{
	for (uint32_t i = 0; i < t->n_services; i++)
		if (strncmp(t->services[i].name, info->service.name, API_NAME_MAX) == 0)
			t->services[i].index = info->index;
}

/* The first time, what the dataplane has is what was decided before control was restarted. */
static void adopt(const struct service_table *t, struct service_backend *b,
	const struct api_backend_info *info)
{
	const char *reason = b->told.reason;
	bool panic = strncmp(reason, SERVICE_PANIC_MARK, strlen(SERVICE_PANIC_MARK)) == 0;

	if (!t->drains_known)
		b->drained |= info->draining;
	health_adopt(&b->health, info->down || panic,
		panic ? reason + strlen(SERVICE_PANIC_MARK) : reason);
}

static void learn_backend(struct service_table *t, const struct api_backend_info *info)
{
	struct service_backend *b;
	struct health_input in;
	bool other_counters;

	if (info->use == API_BACKEND_REMOVED ||
		!api_string_ok(info->backend.service, sizeof(info->backend.service)) ||
		!api_string_ok(info->reason, sizeof(info->reason)))
		return;
	b = service_find_backend(
		t, info->backend.service, &info->backend.address, info->backend.port);
	if (!b)
		return;
	other_counters = t->anew || !b->known || b->index != info->index;
	b->index = info->index;
	b->told = (struct service_decision){.draining = info->draining, .down = info->down};
	memcpy(b->told.reason, info->reason, sizeof(b->told.reason));
	b->told_valid = !t->anew;
	if (!t->learned)
		adopt(t, b, info);
	b->known = true;
	if (other_counters && service_read_input(t, b, &in))
		health_start(&b->health, &in);
}

/* All is known now. */
static void finish_learning(struct service_table *t)
{
	struct base_error err = {0};

	t->phase = SERVICE_TELLING;
	t->anew = false;
	if (!t->learned && service_drains_save(t, &err) < 0)
		log_line("%s", err.text);
	t->learned = true;
	service_tick(t, t->now_ns);
}

/* One part of a dump; @items follow it. */
static void on_part(struct service_table *t, const struct api_dump_reply *part)
{
	const struct api_service_info *services = (const struct api_service_info *)(part + 1);
	const struct api_backend_info *backends = (const struct api_backend_info *)(part + 1);
	bool is_services = t->phase == SERVICE_LEARN_SERVICES;

	for (uint32_t i = 0; i < part->count; i++) {
		if (is_services)
			learn_service(t, &services[i]);
		else
			learn_backend(t, &backends[i]);
	}
	t->cursor = part->cursor;
	if (part->cursor != 0)
		service_talk(t);
	else if (!is_services)
		finish_learning(t);
	else
		t->phase = SERVICE_LEARN_BACKENDS;
	if (is_services && part->cursor == 0)
		service_talk(t);
}

/* Says it once, and starts over after a while; a dataplane that is busy is asked again soon. */
static void on_refusal(struct service_table *t, const struct api_header *hdr)
{
	const struct base_error *err = (const struct base_error *)(hdr + 1);

	service_learn(t);
	if (hdr->status == -EBUSY)
		return;
	if (strcmp(err->text, t->last_error) != 0)
		log_line(
			"braid-dataplane refuses %s: %s", api_row_find(hdr->type)->name, err->text);
	base_strlcpy(t->last_error, err->text, sizeof(t->last_error));
	t->retry_ns = t->now_ns + RETRY_NS;
}

void service_on_answer(struct service_table *t, const struct api_header *hdr)
{
	bool stale = t->stale;

	t->waiting = false;
	t->stale = false;
	if (stale || t->phase == SERVICE_DETACHED) {
		service_talk(t);
		return;
	}
	if (hdr->status < 0) {
		on_refusal(t, hdr);
		return;
	}
	switch (t->phase) {
	case SERVICE_LEARN_SERVICES:
	case SERVICE_LEARN_BACKENDS:
		on_part(t, (const struct api_dump_reply *)(hdr + 1));
		return;
	case SERVICE_TELLING:
		t->last_error[0] = '\0';
		service_talk(t);
		return;
	case SERVICE_DETACHED:
		return;
	}
}
