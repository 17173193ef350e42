/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compares routes: those of the old configuration go into a hash table, those of the new one are
 * looked up in it, so that a million take a fraction of a second. Lines come in the order of the
 * files. Any thread.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/core/diff.h"
#include "control/core/diff_routes.h"
#include "lib/hash/siphash.h"

/* One walk over two configurations. */
struct walk {
	FILE *out;
	const struct conf *from, *to;
	uint32_t last_from, last_to; /* the pair of sets compared last, UINT32_MAX: none */
	bool last_equal;
	uint32_t n_lines;
	uint32_t more_added, more_removed, more_changed;
};

/* The old routes by prefix, and which of the new ones matches each. */
struct table {
	uint64_t key[2];
	uint32_t *slots; /* 0 free, else 1 + old route */
	uint32_t mask;
	uint32_t *match; /* by old route: 0 none, else 1 + new route */
};

static uint32_t *find_slot(
	const struct table *t, const struct conf *from, const struct ip_addr *prefix)
{
	uint32_t i = (uint32_t)siphash_1_3(t->key, prefix, sizeof(*prefix)) & t->mask;

	while (t->slots[i] && !ip_addr_equal(&from->routes[t->slots[i] - 1].prefix, prefix))
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

/* Puts @from's routes into the table; false when there is no memory. */
static bool table_fill(struct table *t, const struct conf *from)
{
	t->mask = 15;
	while (t->mask < 2 * from->n_routes)
		t->mask = 2 * t->mask + 1;
	t->slots = calloc(t->mask + 1ul, sizeof(*t->slots));
	/* Without random numbers the zero key still gives right answers. */
	if (getrandom(t->key, sizeof(t->key), GRND_NONBLOCK) < 0)
		memset(t->key, 0, sizeof(t->key));
	for (uint32_t i = 0; t->slots && i < from->n_routes; i++)
		*find_slot(t, from, &from->routes[i].prefix) = i + 1;
	return t->slots != NULL;
}

/* 1 + the old route for @prefix, 0 when there is none; @guess is tried first. False: no memory. */
static bool table_find(struct table *t, const struct conf *from, const struct ip_addr *prefix,
	uint32_t guess, uint32_t *old)
{
	if (guess < from->n_routes && ip_addr_equal(&from->routes[guess].prefix, prefix)) {
		*old = guess + 1;
		return true;
	}
	if (!t->slots && !table_fill(t, from))
		return false;
	*old = *find_slot(t, from, prefix);
	return true;
}

static void table_fini(struct table *t)
{
	free(t->slots);
	free(t->match);
}

static bool hops_equal(const struct conf_nexthop *a, const struct conf_nexthop *b)
{
	if (a->action != b->action || a->n_hops != b->n_hops)
		return false;
	for (uint16_t i = 0; i < a->n_hops; i++)
		if (!ip_addr_equal(&a->hops[i].address, &b->hops[i].address) ||
			strcmp(a->hops[i].interface, b->hops[i].interface) != 0 ||
			a->hops[i].weight != b->hops[i].weight)
			return false;
	return true;
}

static bool same_nexthop(struct walk *w, uint32_t from, uint32_t to)
{
	if (w->last_from != from || w->last_to != to) {
		w->last_from = from;
		w->last_to = to;
		w->last_equal = hops_equal(&w->from->nexthops[from], &w->to->nexthops[to]);
	}
	return w->last_equal;
}

static void describe_nexthop(FILE *out, const struct conf_nexthop *nh)
{
	static const char *const actions[] = {[CONF_ACTION_VIA] = "via",
		[CONF_ACTION_BLACKHOLE] = "blackhole",
		[CONF_ACTION_REJECT] = "reject"};
	char text[IPADDR_TEXT_MAX];

	fputs(actions[nh->action], out);
	for (uint16_t i = 0; i < nh->n_hops; i++) {
		fprintf(out, "%s %s", i ? "," : "",
			ip_addr_format_host(&nh->hops[i].address, text));
		if (nh->hops[i].interface[0])
			fprintf(out, " on %s", nh->hops[i].interface);
		if (nh->n_hops > 1)
			fprintf(out, " weight %u", nh->hops[i].weight);
	}
}

/* One line for a route that is only in @from, only in @to, or differs; beyond the limit a count. */
static void route_line(struct walk *w, const struct conf_route *from, const struct conf_route *to)
{
	char text[IPADDR_TEXT_MAX];
	const struct conf_route *any = from ? from : to;

	if (w->n_lines++ >= DIFF_ROUTES_MAX) {
		w->more_added += !from;
		w->more_removed += !to;
		w->more_changed += from && to;
		return;
	}
	fprintf(w->out, "%c route %s ",
		from && to ? '~'
		: from     ? '-'
			   : '+',
		ip_addr_format(&any->prefix, text));
	if (from)
		describe_nexthop(w->out, &w->from->nexthops[from->nexthop]);
	if (from && to)
		fputs(" -> ", w->out);
	if (to)
		describe_nexthop(w->out, &w->to->nexthops[to->nexthop]);
	fputc('\n', w->out);
}

static void more_line(FILE *out, char sign, uint32_t n)
{
	if (n > 0)
		fprintf(out, "%c ... and %u more route%s\n", sign, n, n == 1 ? "" : "s");
}

bool diff_routes(FILE *out, const struct conf *from, const struct conf *to)
{
	struct walk w = {
		.out = out, .from = from, .to = to, .last_from = UINT32_MAX, .last_to = UINT32_MAX};
	struct table t = {.match = calloc(from->n_routes + 1ul, sizeof(*t.match))};
	bool ok = t.match != NULL;
	uint32_t old = 0;

	for (uint32_t i = 0, guess = 0; ok && i < to->n_routes; i++) {
		ok = table_find(&t, from, &to->routes[i].prefix, guess, &old);
		if (ok && old) {
			t.match[old - 1] = i + 1;
			guess = old;
		} else if (ok) {
			route_line(&w, NULL, &to->routes[i]);
		}
	}
	for (uint32_t i = 0; ok && i < from->n_routes; i++) {
		const struct conf_route *now = t.match[i] ? &to->routes[t.match[i] - 1] : NULL;

		if (!now || !same_nexthop(&w, from->routes[i].nexthop, now->nexthop))
			route_line(&w, &from->routes[i], now);
	}
	more_line(out, '+', w.more_added);
	more_line(out, '-', w.more_removed);
	more_line(out, '~', w.more_changed);
	table_fini(&t);
	return ok;
}
