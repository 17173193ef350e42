/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the client of `churn` says: a table for people, or JSON. One thread.
 */
#include <string.h>

#include "tests/net/churn_client.h"

static const char *const cause_names[CHURN_CAUSES] = {
	[CHURN_RESET] = "reset",
	[CHURN_EOF] = "eof",
	[CHURN_MISMATCH] = "mismatch",
	[CHURN_STALL] = "stall",
	[CHURN_ERROR] = "error",
};

static const char *const state_names[] = {
	[CHURN_FREE] = "free",
	[CHURN_CONNECTING] = "connecting",
	[CHURN_GREETING] = "greeting",
	[CHURN_QUIET] = "quiet",
	[CHURN_TALKING] = "talking",
};

static uint64_t broken_of(const struct churn_peer *p)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < CHURN_CAUSES; i++)
		n += p->broken[i];
	return n;
}

/* The sum of all servers. */
static struct churn_peer total_of(const struct churn *c)
{
	struct churn_peer sum = {.name = "all"};

	for (uint32_t i = 0; i < c->n_servers; i++) {
		const struct churn_peer *p = &c->servers[i];

		sum.live += p->live;
		sum.opened += p->opened;
		sum.exchanges += p->exchanges;
		sum.checked_bytes += p->checked_bytes;
		for (unsigned k = 0; k < CHURN_CAUSES; k++)
			sum.broken[k] += p->broken[k];
	}
	return sum;
}

static void causes_json(FILE *out, const uint64_t counts[CHURN_CAUSES])
{
	for (unsigned i = 0; i < CHURN_CAUSES; i++)
		fprintf(out, "%s\"%s\": %lu", i ? ", " : "", cause_names[i], counts[i]);
}

static void peer_json(FILE *out, const struct churn_peer *p)
{
	fprintf(out,
		"\"live\": %lu, \"opened\": %lu, \"exchanges\": %lu, \"checked_bytes\": %lu, "
		"\"broken\": %lu, \"causes\": {",
		p->live, p->opened, p->exchanges, p->checked_bytes, broken_of(p));
	causes_json(out, p->broken);
	fputs("}", out);
}

static void losses_json(const struct churn *c, FILE *out)
{
	for (uint32_t i = 0; i < c->n_losses; i++) {
		const struct churn_loss *l = &c->losses[i];

		fprintf(out,
			"%s{\"at_ms\": %lu, \"server\": \"%s\", \"cause\": \"%s\", \"state\": "
			"\"%s\", \"target\": \"%s\", \"local_port\": %u}",
			i ? ", " : "", l->at_ms, c->servers[l->server].name, cause_names[l->cause],
			state_names[l->state], c->options->target_texts[l->target], l->local_port);
	}
}

static void report_json(const struct churn *c, FILE *out)
{
	struct churn_peer sum = total_of(c);

	fprintf(out, "{\"connections\": %u, \"held\": %u, \"seconds\": %.3f, \"closed\": %lu, ",
		c->options->connections, churn_held(c), (double)(c->now_ns - c->start_ns) / 1e9,
		c->closed);
	peer_json(out, &sum);
	fputs(", \"unanswered\": {", out);
	causes_json(out, c->unanswered);
	fputs("}, \"ungreeted\": {", out);
	causes_json(out, c->ungreeted);
	fputs("}, \"servers\": [", out);
	for (uint32_t i = 1; i < c->n_servers; i++) {
		fprintf(out, "{\"server\": \"%s\", ", c->servers[i].name);
		peer_json(out, &c->servers[i]);
		fputs(i + 1 < c->n_servers ? "}, " : "}", out);
	}
	fputs("], \"losses\": [", out);
	losses_json(c, out);
	fputs("]}\n", out);
}

static void row(FILE *out, const struct churn_peer *p)
{
	fprintf(out, "%-16s %8lu %8lu %10lu %13lu %7lu", p->name, p->live, p->opened, p->exchanges,
		p->checked_bytes, broken_of(p));
	for (unsigned i = 0; i < CHURN_CAUSES; i++)
		fprintf(out, " %8lu", p->broken[i]);
	fputs("\n", out);
}

static void causes_line(FILE *out, const char *what, const uint64_t counts[CHURN_CAUSES])
{
	fprintf(out, "%s:", what);
	for (unsigned i = 0; i < CHURN_CAUSES; i++)
		fprintf(out, "%s %s %lu", i ? "," : "", cause_names[i], counts[i]);
	fputs("\n", out);
}

static void report_table(const struct churn *c, FILE *out)
{
	struct churn_peer sum = total_of(c);

	fprintf(out, "%-16s %8s %8s %10s %13s %7s", "server", "live", "opened", "exchanges",
		"bytes checked", "broken");
	for (unsigned i = 0; i < CHURN_CAUSES; i++)
		fprintf(out, " %8s", cause_names[i]);
	fputs("\n", out);
	for (uint32_t i = 1; i < c->n_servers; i++)
		row(out, &c->servers[i]);
	row(out, &sum);
	fprintf(out, "held %u of %u, closed in order %lu\n", churn_held(c), c->options->connections,
		c->closed);
	causes_line(out, "not answered", c->unanswered);
	causes_line(out, "not greeted", c->ungreeted);
}

void churn_report(const struct churn *c, FILE *out, bool json)
{
	if (json)
		report_json(c, out);
	else
		report_table(c, out);
	fflush(out);
}
