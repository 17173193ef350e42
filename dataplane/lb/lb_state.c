/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens to backends between generations: they drain, are down, or up again, as told. Each
 * change is a new world of its own. Never from inside a stage. Thread: main.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/generation.h"
#include "dataplane/lb/lb_main.h"
#include "dataplane/link/link.h"

/* Lets the counters of what has ended start anew for who gets the number next. No worker can see it
 * any more. */
static void lb_state_clear(const struct lb_block *old, const struct lb_block *now)
{
	for (unsigned i = 0; i <= workers[0]->n_workers; i++) {
		struct stats_worker *stats = workers[i]->stats;

		for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++)
			if (old->backends[n].addr.family != 0 && now->backends[n].addr.family == 0)
				lb_stats_bury(stats, n, old->backends[n].service);
		for (unsigned s = 0; s < LB_SERVICES_MAX; s++)
			if (old->service_notes[s].want.name[0] &&
				!now->service_notes[s].want.name[0])
				stats->services[s] = (struct stats_service){};
	}
}

/* Frees a draft that is not published. */
static int lb_state_discard(struct lb_block *b, int status)
{
	for (unsigned n = 0; n < LB_BACKENDS_MAX; n++)
		b->backend_notes[n].pin = 0;
	lb_block_free(b, lb_main.now);
	return status;
}

int lb_state_publish(struct lb_block *next, struct base_error *err)
{
	struct world *world = world_draft();
	struct lb_block *old = lb_main.now;

	if (!world)
		return lb_state_discard(
			next, base_error_set(err, ENOMEM, "no memory for the next world"));
	world->lb = &next->world;
	lb_main.now = next;
	world_publish(world);
	lb_state_clear(old, next);
	/* These pins are @next's now; what is left is given back. */
	for (unsigned n = 0; n < LB_BACKENDS_MAX; n++)
		if (next->backend_notes[n].pin == old->backend_notes[n].pin)
			old->backend_notes[n].pin = 0;
	lb_block_free(old, next);
	lb_world_follow();
	return 0;
}

struct lb_block *lb_state_draft(struct base_error *err)
{
	struct lb_block *b = lb_block_copy(lb_main.now);

	if (!b)
		base_error_set(err, ENOMEM, "no memory for the next world");
	return b;
}

static int lb_state_refuse_service(const char *name, struct base_error *err)
{
	const char *names[LB_SERVICES_MAX], *guess;
	unsigned n = 0;

	for (unsigned s = 0; lb_main.now && s < LB_SERVICES_MAX; s++)
		if (lb_main.now->services[s].vip.family != 0)
			names[n++] = lb_main.now->services[s].name;
	if (n == 0)
		return base_error_set(
			err, ENOENT, "there is no service \"%s\": none is configured", name);
	guess = base_suggest(name, names, n);
	return base_error_set(err, ENOENT,
		"there is no service \"%s\" (%s \"%s\"): see braidctl show services", name,
		guess ? "did you mean" : "one of them is", guess ? guess : names[0]);
}

/* Names a backend that service @s has instead of @item. */
static int lb_state_refuse_backend(
	const struct api_backend_state *item, uint16_t s, struct base_error *err)
{
	const struct lb_block *b = lb_main.now;
	char text[IPADDR_TEXT_MAX], other[IPADDR_TEXT_MAX];
	const struct lb_backend *has = NULL;

	for (unsigned n = 0; n < LB_BACKENDS_MAX && !has; n++)
		if (b->backends[n].addr.family != 0 && b->backends[n].service == s &&
			b->backends[n].use != API_BACKEND_REMOVED)
			has = &b->backends[n];
	ip_addr_format(&item->address, text);
	if (!has)
		return base_error_set(err, ENOENT, "service \"%s\" has no backend %s, port %u",
			item->service, text, item->port);
	return base_error_set(err, ENOENT,
		"service \"%s\" has no backend %s, port %u (it has %s, port %u): see braidctl show "
		"backends",
		item->service, text, item->port, ip_addr_format(&has->addr, other),
		__builtin_bswap16(has->port_be));
}

/* The installed backend that @item names, or a negative errno with a sentence. */
static int lb_state_find(const struct api_backend_state *item, struct base_error *err)
{
	uint16_t s, n;

	if (!api_string_ok(item->service, sizeof(item->service)) || item->service[0] == '\0')
		return base_error_set(
			err, EINVAL, "a backend without the proper name of a service");
	if (!iface_addr_ok(&item->address))
		return base_error_set(err, EINVAL,
			"service \"%s\": a backend has a malformed address", item->service);
	if (!api_string_ok(item->reason, sizeof(item->reason)))
		return base_error_set(err, EINVAL, "service \"%s\": a reason is not printable text",
			item->service);
	s = lb_main.now ? lb_block_service(lb_main.now, item->service) : LB_NO_SERVICE;
	if (s == LB_NO_SERVICE)
		return lb_state_refuse_service(item->service, err);
	n = lb_block_backend(lb_main.now, s, &item->address, item->port);
	if (n == LB_NO_BACKEND)
		return lb_state_refuse_backend(item, s, err);
	return n;
}

/* Notes about backend @n of @b what @item says. */
static void lb_state_note(struct lb_block *b, uint16_t n, const struct api_backend_state *item)
{
	struct lb_backend_note *note = &b->backend_notes[n];

	note->draining = item->draining != 0;
	note->down = item->down != 0;
	memset(note->reason, 0, sizeof(note->reason));
	base_strlcpy(note->reason, item->reason, sizeof(note->reason));
	if (b->backends[n].use != API_BACKEND_REMOVED)
		b->backends[n].use = (uint8_t)lb_block_use(b, n);
}

/* Notes it in the generation that is being staged, which was copied before; there a service that
 * changes its mode has the backend twice. */
static void lb_state_note_staged(const struct api_backend_state *item)
{
	struct lb_block *b = lb_main.next;
	uint16_t s = b ? lb_block_service(b, item->service) : LB_NO_SERVICE;

	for (uint16_t n = 0; b && n < LB_BACKENDS_MAX; n++) {
		const struct lb_backend *be = &b->backends[n];

		if (be->service == s && be->port_be == __builtin_bswap16(item->port) &&
			ip_addr_equal(&be->addr, &item->address))
			lb_state_note(b, n, item);
	}
}

/* Builds the tables of @b that are not those of the installed block any more. */
static int lb_state_tables(struct lb_block *b, struct base_error *err)
{
	bool dirty[LB_SERVICES_MAX];
	int ret = 0;

	lb_tables_compare(b, lb_main.now, dirty);
	for (uint16_t s = 0; ret == 0 && s < LB_SERVICES_MAX; s++)
		if (dirty[s])
			ret = lb_tables_build(b, s, err);
	return ret;
}

int lb_state_set(const struct api_backend_state *items, uint32_t n, struct base_error *err)
{
	struct lb_block *b;
	int ret = 0;

	if (generation_busy())
		return base_error_set(err, EBUSY,
			"a generation is being applied: wait for its end and try again");
	for (uint32_t i = 0; i < n; i++) {
		ret = lb_state_find(&items[i], err);
		if (ret < 0)
			return ret;
	}
	if (n == 0)
		return 0;
	b = lb_state_draft(err);
	if (!b)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		lb_state_note(b, (uint16_t)lb_state_find(&items[i], NULL), &items[i]);
	ret = lb_state_tables(b, err);
	if (ret < 0)
		return lb_state_discard(b, ret);
	for (uint32_t i = 0; i < n; i++)
		lb_state_note_staged(&items[i]);
	return lb_state_publish(b, err);
}

void lb_on_duplicate(void)
{
	struct lb_block *b = lb_main.now ? lb_state_draft(NULL) : NULL;

	BRAID_ASSERT(!generation_busy());
	if (!b)
		return;
	lb_world_ways(b, world_current);
	lb_state_publish(b, NULL);
}
