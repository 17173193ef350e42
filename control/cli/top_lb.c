/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates of services and backends from two pictures of the counters. */
#include <string.h>

#include "control/cli/top_lb.h"

/* What is counted of a backend, as two pictures have it. */
struct rates {
	uint64_t flows;
	double new_flows, pkts, bytes, reply_pkts, reply_bytes; /* per second */
};

static double rate(const struct cli_interval *iv, uint64_t old, uint64_t now)
{
	return (double)(int64_t)(now - old) / iv->seconds;
}

static struct rates rates_of(const struct cli_interval *iv, uint32_t index)
{
#define RATE(field)                                                                                \
	rate(iv, cli_lb_backend_sum(iv->old, index, offsetof(struct stats_backend, field)),        \
		cli_lb_backend_sum(iv->now, index, offsetof(struct stats_backend, field)))
	return (struct rates){.flows = cli_lb_flows(iv->now, index),
		.new_flows = RATE(new_flows),
		.pkts = RATE(pkts),
		.bytes = RATE(bytes),
		.reply_pkts = RATE(reply_pkts),
		.reply_bytes = RATE(reply_bytes)};
#undef RATE
}

static void add(struct rates *sum, struct rates r)
{
	sum->flows += r.flows;
	sum->new_flows += r.new_flows;
	sum->pkts += r.pkts;
	sum->bytes += r.bytes;
	sum->reply_pkts += r.reply_pkts;
	sum->reply_bytes += r.reply_bytes;
}

static json_t *rounded(double number)
{
	return json_integer((json_int_t)(number + 0.5));
}

static void set_rates(json_t *row, const struct rates *r)
{
	json_object_set_new(row, "flows", json_integer((json_int_t)r->flows));
	json_object_set_new(row, "new_flows_per_s", rounded(r->new_flows));
	json_object_set_new(row, "pps", rounded(r->pkts));
	json_object_set_new(row, "bytes_per_s", rounded(r->bytes));
	json_object_set_new(row, "reply_pps", rounded(r->reply_pkts));
	json_object_set_new(row, "reply_bytes_per_s", rounded(r->reply_bytes));
}

json_t *cli_top_services(const struct cli_interval *iv)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < iv->lb->n_services; i++) {
		const struct api_service_info *s = &iv->lb->services[i];
		struct rates sum = {0};
		json_t *row = json_object();

		for (size_t b = 0; b < iv->lb->n_backends; b++)
			if (strcmp(iv->lb->backends[b].backend.service, s->service.name) == 0)
				add(&sum, rates_of(iv, iv->lb->backends[b].index));
		json_object_set_new(row, "service", json_string(s->service.name));
		json_object_set_new(row, "usable", json_integer(s->n_usable));
		json_object_set_new(row, "backends", json_integer(s->n_backends));
		set_rates(row, &sum);
		json_array_append_new(rows, row);
	}
	return rows;
}

json_t *cli_top_backends(const struct cli_interval *iv)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < iv->lb->n_backends; i++) {
		const struct api_backend_info *b = &iv->lb->backends[i];
		struct rates r = rates_of(iv, b->index);
		char text[CLI_BACKEND_TEXT_MAX];
		json_t *row = json_object();

		json_object_set_new(row, "service", json_string(b->backend.service));
		json_object_set_new(row, "backend",
			json_string(
				cli_backend_format(&b->backend.address, b->backend.port, text)));
		json_object_set_new(row, "state", json_string(cli_lb_use_name(b->use)));
		set_rates(row, &r);
		json_array_append_new(rows, row);
	}
	return rows;
}
