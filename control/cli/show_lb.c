/* SPDX-License-Identifier: BSD-3-Clause */
/* show services and show backends: dumps of the dataplane, counters beside them. */
#include <netinet/in.h>
#include <string.h>

#include "control/cli/lb.h"
#include "control/cli/table.h"

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static const char *mode_name(uint8_t mode)
{
	static const char *const names[] = {[API_LB_NAT] = "nat",
		[API_LB_DSR] = "dsr",
		[API_LB_IPIP] = "ipip",
		[API_LB_GUE] = "gue"};

	return mode < ARRAY_SIZE(names) ? names[mode] : "unknown";
}

static const char *probe_name(uint16_t kind)
{
	static const char *const names[] = {[API_PROBE_NONE] = "none",
		[API_PROBE_TCP] = "tcp",
		[API_PROBE_ICMP] = "icmp",
		[API_PROBE_UDP] = "udp"};

	return kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

static bool is_panic(const struct cli_lb *lb, const char *service)
{
	for (size_t i = 0; i < lb->n_backends; i++)
		if (strcmp(lb->backends[i].backend.service, service) == 0 &&
			cli_lb_is_panic(&lb->backends[i]))
			return true;
	return false;
}

/* Packets dropped by reason; their sum goes to *@sum. */
static json_t *drops_of(const struct cli_lb *lb, uint16_t service, uint64_t *sum)
{
	const struct stats_file *f = lb->counters;
	json_t *drops = json_object();

	*sum = 0;
	for (uint32_t d = 0; f && d < f->n_lb_drops; d++) {
		uint64_t pkts = cli_lb_service_sum(
			f, service, offsetof(struct stats_service, drops) + d * sizeof(uint64_t));

		json_object_set_new(drops, f->drop_names[f->lb_drops[d]], count(pkts));
		*sum += pkts;
	}
	return drops;
}

/* What its backends add up to. */
static void add_totals(json_t *row, const struct cli_lb *lb, uint16_t service)
{
	static const struct stats_total nothing;
	const struct stats_total *t = &nothing;

	if (lb->totals && service < STATS_SERVICES_MAX)
		t = &lb->totals[service];
	json_object_set_new(row, "flows", count(t->flows));
	json_object_set_new(row, "packets", count(t->pkts));
	json_object_set_new(row, "bytes", count(t->bytes));
	json_object_set_new(row, "reply_packets", count(t->reply_pkts));
	json_object_set_new(row, "reply_bytes", count(t->reply_bytes));
}

static json_t *service_row(const struct cli_lb *lb, const struct api_service_info *info)
{
	const struct api_service *s = &info->service;
	uint64_t rate = 0, dropped;
	char vip[IPADDR_TEXT_MAX];
	json_t *row = json_object(), *drops = drops_of(lb, info->index, &dropped);

	if (lb->counters && info->index < STATS_SERVICES_MAX)
		rate = stats_read(&lb->counters->rates.services[info->index]);
#define SUM(field)                                                                                 \
	cli_lb_service_sum(lb->counters, info->index, offsetof(struct stats_service, field))
	json_object_set_new(row, "name", json_string(s->name));
	json_object_set_new(row, "vip", json_string(ip_addr_format(&s->vip, vip)));
	json_object_set_new(row, "port", s->port ? json_integer(s->port) : json_string("any"));
	json_object_set_new(
		row, "protocol", json_string(s->protocol == IPPROTO_TCP ? "tcp" : "udp"));
	json_object_set_new(row, "mode", json_string(mode_name(s->mode)));
	json_object_set_new(row, "state",
		json_string(is_panic(lb, s->name) ? "panic"
			    : info->n_usable == 0 ? "no backend"
						  : "up"));
	json_object_set_new(row, "backends", json_integer(info->n_backends));
	json_object_set_new(row, "usable", json_integer(info->n_usable));
	json_object_set_new(row, "health", json_string(probe_name(s->probe.kind)));
	add_totals(row, lb, info->index);
	json_object_set_new(row, "new_flows", count(SUM(new_flows)));
	json_object_set_new(row, "new_flows_per_s", count(rate));
	json_object_set_new(row, "unstored_rate", count(SUM(unstored_rate)));
	json_object_set_new(row, "unstored_full", count(SUM(unstored_full)));
	json_object_set_new(row, "dropped", count(dropped));
	json_object_set_new(row, "drops", drops);
	json_object_set_new(row, "build_us", json_integer(info->build_us));
#undef SUM
	return row;
}

enum cli_exit cli_show_services(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"name", "SERVICE"},
		{"vip", "VIP"},
		{"port", "PORT"},
		{"protocol", "PROTOCOL"},
		{"mode", "MODE"},
		{"state", "STATE"},
		{"usable", "USABLE"},
		{"backends", "BACKENDS"},
		{"health", "HEALTH"},
		{"flows", "FLOWS"},
		{"new_flows", "NEW FLOWS"},
		{"packets", "PACKETS"},
		{"dropped", "DROPPED"},
		{"drops", "FOR"},
	};
	struct base_error err = {0};
	bool drops = false;
	struct cli_lb lb;
	json_t *rows;

	if (cli_lb_fetch(cli, &lb, &err) < 0) {
		cli_lb_free(&lb);
		return cli_fail(&err);
	}
	rows = json_array();
	for (size_t i = 0; i < lb.n_services; i++)
		json_array_append_new(rows, service_row(&lb, &lb.services[i]));
	cli_lb_free(&lb);
	for (size_t i = 0; i < json_array_size(rows); i++)
		drops |=
			json_integer_value(json_object_get(json_array_get(rows, i), "dropped")) > 0;
	return table_show(cli, rows, columns, ARRAY_SIZE(columns) - !drops);
}

static const char *failure_name(uint32_t failure)
{
	static const char *const names[] = {[API_PROBE_OK] = "none",
		[API_PROBE_TIMEOUT] = "timeout",
		[API_PROBE_REFUSED] = "refused",
		[API_PROBE_UNREACHABLE] = "unreachable",
		[API_PROBE_UNEXPECTED] = "unexpected answer"};

	return failure < ARRAY_SIZE(names) ? names[failure] : "unknown";
}

static void add_probe(json_t *row, const struct stats_probe *p)
{
	char text[32] = "";

	if (p->streak > 0)
		snprintf(text, sizeof(text), "%d ok", p->streak);
	else if (p->streak < 0)
		snprintf(text, sizeof(text), "%u failed", 0u - (unsigned)p->streak);
	json_object_set_new(row, "probe", text[0] ? json_string(text) : json_null());
	json_object_set_new(row, "probe_succeeded", count(p->succeeded));
	json_object_set_new(row, "probe_failed", count(p->failed));
	json_object_set_new(row, "probe_rtt_us", json_integer(p->rtt_us));
	json_object_set_new(row, "probe_last_failure", json_string(failure_name(p->last_failure)));
}

static json_t *backend_row(const struct cli_lb *lb, const struct api_backend_info *b)
{
	char text[CLI_BACKEND_TEXT_MAX];
	json_t *row = json_object();
	uint64_t rate = 0;

	if (lb->counters && b->index < STATS_BACKENDS_MAX)
		rate = stats_read(&lb->counters->rates.backends[b->index]);
#define SUM(field) cli_lb_backend_sum(lb->counters, b->index, offsetof(struct stats_backend, field))
	json_object_set_new(row, "service", json_string(b->backend.service));
	json_object_set_new(row, "backend",
		json_string(cli_backend_format(&b->backend.address, b->backend.port, text)));
	json_object_set_new(row, "state", json_string(cli_lb_use_name(b->use)));
	json_object_set_new(row, "draining", json_boolean(b->draining));
	json_object_set_new(row, "down", json_boolean(b->down));
	json_object_set_new(row, "panic", json_boolean(cli_lb_is_panic(b)));
	json_object_set_new(row, "weight", json_integer(b->backend.weight));
	json_object_set_new(row, "share_percent", json_real(b->share_permille / 10.0));
	json_object_set_new(row, "flows", count(cli_lb_flows(lb->counters, b->index)));
	json_object_set_new(row, "new_flows", count(SUM(new_flows)));
	json_object_set_new(row, "new_flows_per_s", count(rate));
	json_object_set_new(row, "packets", count(SUM(pkts)));
	json_object_set_new(row, "bytes", count(SUM(bytes)));
	json_object_set_new(row, "reply_packets", count(SUM(reply_pkts)));
	json_object_set_new(row, "reply_bytes", count(SUM(reply_bytes)));
	json_object_set_new(row, "refused_flows", count(SUM(refused)));
	json_object_set_new(row, "silent_flows", count(SUM(silent)));
#undef SUM
	if (lb->counters && b->index < STATS_BACKENDS_MAX)
		add_probe(row, &lb->counters->probes[b->index]);
	json_object_set_new(row, "reason", b->reason[0] ? json_string(b->reason) : json_null());
	return row;
}

enum cli_exit cli_show_backends(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"service", "SERVICE"},
		{"backend", "BACKEND"},
		{"state", "STATE"},
		{"weight", "WEIGHT"},
		{"share_percent", "SHARE %"},
		{"flows", "FLOWS"},
		{"new_flows", "NEW FLOWS"},
		{"packets", "PACKETS"},
		{"reply_packets", "REPLIES"},
		{"probe", "PROBES"},
		{"probe_rtt_us", "RTT US"},
		{"reason", "REASON"},
	};
	const char *service = cli->n_words > 0 ? cli->words[0] : NULL;
	struct base_error err = {0};
	struct cli_lb lb;
	json_t *rows;

	if (cli_lb_fetch(cli, &lb, &err) < 0) {
		cli_lb_free(&lb);
		return cli_fail(&err);
	}
	rows = json_array();
	for (size_t i = 0; i < lb.n_backends; i++)
		if (!service || strcmp(lb.backends[i].backend.service, service) == 0)
			json_array_append_new(rows, backend_row(&lb, &lb.backends[i]));
	/* A service that is gone may still have backends with flows. */
	if (service && json_array_size(rows) == 0 && !cli_lb_find_service(&lb, service, &err)) {
		json_decref(rows);
		cli_lb_free(&lb);
		return cli_fail(&err);
	}
	cli_lb_free(&lb);
	return table_show(cli, rows, columns, ARRAY_SIZE(columns));
}
