/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics of services and backends: what control decided, and the workers' counters, summed. Their
 * names come from the configuration, their places in the counters from the dataplane. Thread: main.
 */
#include <inttypes.h>

#include "control/metrics/render.h"

#define SERVICE(field, what, text)                                                                 \
	{                                                                                          \
		.name = "braid_service_" what, .type = "counter", .help = (text),                  \
		.offset = offsetof(struct stats_service, field)                                    \
	}

static const struct metric service_counters[] = {
	SERVICE(new_flows, "new_flows_total", "Flows begun."),
};

#define BACKEND(field, what, text)                                                                 \
	{                                                                                          \
		.name = "braid_backend_" what, .type = "counter", .help = (text),                  \
		.offset = offsetof(struct stats_backend, field)                                    \
	}

static const struct metric backend_counters[] = {
	BACKEND(new_flows, "new_flows_total", "Flows begun."),
	BACKEND(pkts, "transmitted_packets_total", "Packets to the backend."),
	BACKEND(bytes, "transmitted_bytes_total", "Bytes to the backend."),
	BACKEND(reply_pkts, "received_packets_total", "Packets back from the backend (NAT)."),
	BACKEND(reply_bytes, "received_bytes_total", "Bytes back from the backend (NAT)."),
	BACKEND(refused, "refused_flows_total",
		"Connections the backend reset as they were made (NAT)."),
	BACKEND(silent, "silent_flows_total", "Flows that ended without any answer (NAT)."),
};

static void service_labels(struct evbuffer *out, const char *metric, const struct service_entry *s)
{
	evbuffer_add_printf(out, "%s", metric);
	metrics_label(out, "{", "service", s->name);
}

static void backend_labels(struct evbuffer *out, const char *metric, const struct service_view *v,
	const struct service_backend *b)
{
	char text[SERVICE_BACKEND_TEXT_MAX];

	service_labels(out, metric, &v->services[b->service]);
	metrics_label(out, ",", "backend", service_backend_format(&b->address, b->port, text));
}

/* What control knows of a service. */
static const struct service_gauge {
	const char *name, *help;
	size_t offset; /* of a uint16_t in struct service_entry */
} service_gauges[] = {
	{"braid_service_backends", "Backends with a weight above 0 that are not drained.",
		offsetof(struct service_entry, n_weighted)},
	{"braid_service_usable_backends", "Those of them that are healthy.",
		offsetof(struct service_entry, n_usable)},
};

static void render_service_states(struct evbuffer *out, const struct service_view *v)
{
	for (size_t g = 0; g < ARRAY_SIZE(service_gauges); g++) {
		metrics_head(out, service_gauges[g].name, "gauge", service_gauges[g].help);
		for (uint32_t i = 0; i < v->n_services; i++) {
			const uint8_t *at = (const uint8_t *)&v->services[i];

			service_labels(out, service_gauges[g].name, &v->services[i]);
			metrics_value(out, *(const uint16_t *)(at + service_gauges[g].offset));
		}
	}
	metrics_head(out, "braid_service_panic", "gauge",
		"1 while backends that are down are used, because too few others are left.");
	for (uint32_t i = 0; i < v->n_services; i++) {
		service_labels(out, "braid_service_panic", &v->services[i]);
		metrics_value(out, v->services[i].panic);
	}
}

/* One decision about backends as a gauge of 0 and 1. */
static void render_flag(struct evbuffer *out, const struct service_view *v, const char *name,
	const char *help, bool (*is_set)(const struct service_backend *b))
{
	metrics_head(out, name, "gauge", help);
	for (uint32_t i = 0; i < v->n_backends; i++) {
		backend_labels(out, name, v, &v->backends[i]);
		metrics_value(out, is_set(&v->backends[i]));
	}
}

static bool is_up(const struct service_backend *b)
{
	return !b->health.down && !b->drained;
}

static bool is_draining(const struct service_backend *b)
{
	return b->drained;
}

static bool is_down(const struct service_backend *b)
{
	return b->health.down;
}

static void render_backend_states(struct evbuffer *out, const struct service_view *v)
{
	render_flag(out, v, "braid_backend_up", "1 while it is healthy and not draining.", is_up);
	render_flag(out, v, "braid_backend_draining", "1 while it is drained.", is_draining);
	render_flag(out, v, "braid_backend_down", "1 while it is not healthy.", is_down);
	metrics_head(out, "braid_backend_weight", "gauge", "Weight, as configured.");
	for (uint32_t i = 0; i < v->n_backends; i++) {
		backend_labels(out, "braid_backend_weight", v, &v->backends[i]);
		metrics_value(out, v->backends[i].weight);
	}
}

static void render_service_counter(struct evbuffer *out, const struct stats_file *f,
	const struct service_view *v, const struct metric *metric)
{
	metrics_head(out, metric->name, metric->type, metric->help);
	for (uint32_t i = 0; i < v->n_services; i++) {
		size_t at = offsetof(struct stats_worker, services) +
			    v->services[i].index * sizeof(struct stats_service);

		if (v->services[i].index >= STATS_SERVICES_MAX)
			continue;
		service_labels(out, metric->name, &v->services[i]);
		metrics_value(out, metrics_sum(f, at + metric->offset));
	}
}

static void render_unstored(
	struct evbuffer *out, const struct stats_file *f, const struct service_view *v)
{
	static const struct {
		const char *reason;
		size_t offset;
	} reasons[] = {
		{"rate", offsetof(struct stats_service, unstored_rate)},
		{"full", offsetof(struct stats_service, unstored_full)},
	};
	const char *name = "braid_service_unstored_packets_total";

	metrics_head(out, name, "counter",
		"Packets of new flows balanced by the hash alone: too many new flows (rate), no "
		"room in the table (full).");
	for (uint32_t i = 0; i < v->n_services; i++) {
		size_t at = offsetof(struct stats_worker, services) +
			    v->services[i].index * sizeof(struct stats_service);

		for (size_t r = 0;
			v->services[i].index < STATS_SERVICES_MAX && r < ARRAY_SIZE(reasons); r++) {
			service_labels(out, name, &v->services[i]);
			metrics_label(out, ",", "reason", reasons[r].reason);
			metrics_value(out, metrics_sum(f, at + reasons[r].offset));
		}
	}
}

static void render_drops(
	struct evbuffer *out, const struct stats_file *f, const struct service_view *v)
{
	const char *name = "braid_service_dropped_packets_total";

	metrics_head(out, name, "counter", "Packets of the service that were dropped, by reason.");
	for (uint32_t i = 0; i < v->n_services; i++) {
		size_t at = offsetof(struct stats_worker, services) +
			    v->services[i].index * sizeof(struct stats_service) +
			    offsetof(struct stats_service, drops);

		for (uint32_t d = 0; v->services[i].index < STATS_SERVICES_MAX && d < f->n_lb_drops;
			d++) {
			service_labels(out, name, &v->services[i]);
			metrics_label(out, ",", "reason", f->drop_names[f->lb_drops[d]]);
			metrics_value(out, metrics_sum(f, at + d * sizeof(uint64_t)));
		}
	}
}

#define TOTAL(field, what, kind, text)                                                             \
	{                                                                                          \
		.name = "braid_service_" what, .type = (kind), .help = (text),                     \
		.offset = offsetof(struct stats_total, field)                                      \
	}

/* What backends add up to, those included that are gone. */
static const struct metric totals[] = {
	TOTAL(flows, "flows", "gauge", "Flows at present."),
	TOTAL(pkts, "transmitted_packets_total", "counter", "Packets to backends."),
	TOTAL(bytes, "transmitted_bytes_total", "counter", "Bytes to backends."),
	TOTAL(reply_pkts, "received_packets_total", "counter", "Packets back from backends (NAT)."),
	TOTAL(reply_bytes, "received_bytes_total", "counter", "Bytes back from backends (NAT)."),
};

static void render_totals(
	struct evbuffer *out, const struct stats_file *f, const struct service_view *v)
{
	static struct stats_total sums[STATS_SERVICES_MAX];

	stats_totals(f, sums);
	for (size_t m = 0; m < ARRAY_SIZE(totals); m++) {
		metrics_head(out, totals[m].name, totals[m].type, totals[m].help);
		for (uint32_t i = 0; i < v->n_services; i++) {
			uint16_t index = v->services[i].index;

			if (index >= STATS_SERVICES_MAX)
				continue;
			service_labels(out, totals[m].name, &v->services[i]);
			metrics_value(out, *(const uint64_t *)((const uint8_t *)&sums[index] +
							       totals[m].offset));
		}
	}
}

static void render_rates(
	struct evbuffer *out, const struct stats_file *f, const struct service_view *v)
{
	static const char help[] = "Flows begun in the last second.";
	const char *name = "braid_service_new_flows_per_second";

	metrics_head(out, name, "gauge", help);
	for (uint32_t i = 0; i < v->n_services; i++) {
		if (v->services[i].index >= STATS_SERVICES_MAX)
			continue;
		service_labels(out, name, &v->services[i]);
		metrics_value(out, stats_read(&f->rates.services[v->services[i].index]));
	}
	name = "braid_backend_new_flows_per_second";
	metrics_head(out, name, "gauge", help);
	for (uint32_t i = 0; i < v->n_backends; i++) {
		if (v->backends[i].index >= STATS_BACKENDS_MAX)
			continue;
		backend_labels(out, name, v, &v->backends[i]);
		metrics_value(out, stats_read(&f->rates.backends[v->backends[i].index]));
	}
}

static uint64_t backend_sum(
	const struct stats_file *f, const struct service_backend *b, size_t offset)
{
	return metrics_sum(f, offsetof(struct stats_worker, backends) +
				      b->index * sizeof(struct stats_backend) + offset);
}

static void render_backend_counter(struct evbuffer *out, const struct stats_file *f,
	const struct service_view *v, const struct metric *metric)
{
	metrics_head(out, metric->name, metric->type, metric->help);
	for (uint32_t i = 0; i < v->n_backends; i++) {
		if (v->backends[i].index >= STATS_BACKENDS_MAX)
			continue;
		backend_labels(out, metric->name, v, &v->backends[i]);
		metrics_value(out, backend_sum(f, &v->backends[i], metric->offset));
	}
}

static void render_backend_flows(
	struct evbuffer *out, const struct stats_file *f, const struct service_view *v)
{
	metrics_head(out, "braid_backend_flows", "gauge", "Flows at present.");
	for (uint32_t i = 0; i < v->n_backends; i++) {
		const struct service_backend *b = &v->backends[i];
		uint64_t ended, begun;

		if (b->index >= STATS_BACKENDS_MAX)
			continue;
		/* In this order: what ends meanwhile must not make it negative. */
		ended = backend_sum(f, b, offsetof(struct stats_backend, ended_flows));
		begun = backend_sum(f, b, offsetof(struct stats_backend, new_flows));
		backend_labels(out, "braid_backend_flows", v, b);
		metrics_value(out, begun > ended ? begun - ended : 0);
	}
}

static void render_probes(
	struct evbuffer *out, const struct stats_file *f, const struct service_view *v)
{
	static const struct metric counters[] = {
		{.name = "braid_backend_probe_successes_total",
			.type = "counter",
			.help = "Health probes that succeeded.",
			.offset = offsetof(struct stats_probe, succeeded)},
		{.name = "braid_backend_probe_failures_total",
			.type = "counter",
			.help = "Health probes that failed.",
			.offset = offsetof(struct stats_probe, failed)},
	};

	for (size_t m = 0; m < ARRAY_SIZE(counters); m++) {
		metrics_head(out, counters[m].name, counters[m].type, counters[m].help);
		for (uint32_t i = 0; i < v->n_backends; i++) {
			uint16_t index = v->backends[i].index;

			if (index >= STATS_BACKENDS_MAX)
				continue;
			backend_labels(out, counters[m].name, v, &v->backends[i]);
			metrics_value(out,
				stats_read((const uint64_t *)((const uint8_t *)&f->probes[index] +
							      counters[m].offset)));
		}
	}
	metrics_head(out, "braid_backend_probe_rtt_seconds", "gauge",
		"Round trip of the last probe that succeeded.");
	for (uint32_t i = 0; i < v->n_backends; i++) {
		const struct service_backend *b = &v->backends[i];

		if (b->index >= STATS_BACKENDS_MAX || f->probes[b->index].succeeded == 0)
			continue;
		backend_labels(out, "braid_backend_probe_rtt_seconds", v, b);
		evbuffer_add_printf(out, "} %.6f\n", f->probes[b->index].rtt_us / 1e6);
	}
}

void metrics_render_services(struct evbuffer *out, const struct stats_file *counters,
	const struct service_view *services)
{
	render_service_states(out, services);
	render_backend_states(out, services);
	if (!counters)
		return;
	for (size_t m = 0; m < ARRAY_SIZE(service_counters); m++)
		render_service_counter(out, counters, services, &service_counters[m]);
	render_unstored(out, counters, services);
	render_drops(out, counters, services);
	render_totals(out, counters, services);
	render_rates(out, counters, services);
	render_backend_flows(out, counters, services);
	for (size_t m = 0; m < ARRAY_SIZE(backend_counters); m++)
		render_backend_counter(out, counters, services, &backend_counters[m]);
	render_probes(out, counters, services);
}
