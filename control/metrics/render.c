/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Prometheus text format from tables of offsets: one row per metric. Counters of ports,
 * interfaces and drops are summed over the workers; workers and stages have series of their own.
 * Thread: main.
 */
#include <inttypes.h>
#include <stdio.h>

#include "control/metrics/render.h"

#define WORKER_METRIC(field, what, kind, text)                                                     \
	{                                                                                          \
		.name = "braid_worker_" what, .type = (kind), .help = (text),                      \
		.offset = offsetof(struct stats_worker, field)                                     \
	}
#define WORKER(field, what, text)       WORKER_METRIC(field, what, "counter", text)
#define WORKER_GAUGE(field, what, text) WORKER_METRIC(field, what, "gauge", text)

static const struct metric worker_metrics[] = {
	WORKER(rx_pkts, "received_packets_total", "Packets taken from devices."),
	WORKER(generated_pkts, "generated_packets_total",
		"Packets made here: errors, probes, fragments, answers."),
	WORKER(tx_pkts, "transmitted_packets_total", "Packets given to devices."),
	WORKER(consumed_pkts, "consumed_packets_total",
		"Packets that ended here for their purpose."),
	WORKER(handoff_out_pkts, "handoff_out_packets_total", "Packets passed to other workers."),
	WORKER(handoff_in_pkts, "handoff_in_packets_total", "Packets taken from other workers."),
	WORKER(loops, "loops_total", "Turns of the worker's loop."),
	WORKER(empty_loops, "empty_loops_total", "Turns that found nothing to do."),
	WORKER(sleeps, "sleeps_total", "Times the worker slept for want of work."),
	WORKER(busy_cycles, "busy_cycles_total", "TSC cycles spent on work."),
	WORKER(idle_cycles, "idle_cycles_total", "TSC cycles asleep or polling in vain."),
	WORKER_GAUGE(held_pkts, "held_packets",
		"Fragments waiting for the first one of their datagram."),
	WORKER(evicted_datagrams, "evicted_datagrams_total",
		"Fragmented datagrams forgotten early to make room for newer ones."),
	{.name = "braid_flows",
		.type = "gauge",
		.help = "Flows in the worker's tables.",
		.offset = offsetof(struct stats_worker, flows)},
};

#define STAGE(field, what, text)                                                                   \
	{                                                                                          \
		.name = "braid_stage_" what, .type = "counter", .help = (text),                    \
		.offset = offsetof(struct stats_stage, field)                                      \
	}

static const struct metric stage_metrics[] = {
	STAGE(calls, "calls_total", "Calls of the stage."),
	STAGE(pkts, "packets_total", "Packets through the stage."),
	STAGE(sampled_pkts, "sampled_packets_total", "Packets of the calls that were timed."),
	STAGE(sampled_cycles, "sampled_cycles_total", "TSC cycles of the calls that were timed."),
};

#define PORT(field, what, text)                                                                    \
	{                                                                                          \
		.name = "braid_port_" what, .type = "counter", .help = (text),                     \
		.offset = offsetof(struct stats_port, field)                                       \
	}

static const struct metric port_metrics[] = {
	PORT(rx_pkts, "received_packets_total", "Frames received by the port."),
	PORT(rx_bytes, "received_bytes_total", "Bytes of frames received by the port."),
	PORT(tx_pkts, "transmitted_packets_total", "Frames transmitted by the port."),
	PORT(tx_bytes, "transmitted_bytes_total", "Bytes of frames transmitted by the port."),
};

#define INTERFACE(field, what, text)                                                               \
	{                                                                                          \
		.name = "braid_interface_" what, .type = "counter", .help = (text),                \
		.offset = offsetof(struct stats_interface, field)                                  \
	}

static const struct metric interface_metrics[] = {
	INTERFACE(rx_pkts, "received_packets_total", "Packets received by the interface."),
	INTERFACE(rx_bytes, "received_bytes_total", "Bytes received by the interface."),
	INTERFACE(tx_pkts, "transmitted_packets_total", "Packets transmitted by the interface."),
	INTERFACE(tx_bytes, "transmitted_bytes_total", "Bytes transmitted by the interface."),
};

#define GAUGE(field, what, kind, text)                                                             \
	{                                                                                          \
		.name = "braid_" what, .type = (kind), .help = (text),                             \
		.offset = offsetof(struct stats_gauges, field)                                     \
	}

static const struct metric gauge_metrics[] = {
	GAUGE(generation, "generation", "gauge", "Generation installed in the dataplane."),
	GAUGE(held_pkts, "held_packets", "gauge", "Packets waiting for a neighbour to resolve."),
	GAUGE(mbufs_in_use, "mbufs_in_use", "gauge", "Packet buffers in use."),
	GAUGE(mbufs_total, "mbufs", "gauge", "Packet buffers in all."),
	GAUGE(neighbors, "neighbors", "gauge", "Entries of the neighbour table."),
	GAUGE(routes4, "ipv4_routes", "gauge", "IPv4 routes installed."),
	GAUGE(routes6, "ipv6_routes", "gauge", "IPv6 routes installed."),
	GAUGE(route_bytes, "route_memory_bytes", "gauge", "Memory of the route tables."),
	GAUGE(nexthops, "nexthops", "gauge", "Next hops in use."),
	GAUGE(heartbeat, "heartbeats_total", "counter", "Counts up while the main thread lives."),
};

static uint64_t word_at(const void *base, size_t offset)
{
	return stats_read((const uint64_t *)((const uint8_t *)base + offset));
}

void metrics_head(struct evbuffer *out, const char *name, const char *type, const char *help)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_label(struct evbuffer *out, const char *start, const char *name, const char *value)
{
	evbuffer_add_printf(out, "%s%s=\"", start, name);
	for (; *value; value++) {
		if (*value == '\n')
			evbuffer_add(out, "\\n", 2);
		else if (*value == '\\' || *value == '"')
			evbuffer_add_printf(out, "\\%c", *value);
		else
			evbuffer_add(out, value, 1);
	}
	evbuffer_add(out, "\"", 1);
}

void metrics_value(struct evbuffer *out, uint64_t number)
{
	evbuffer_add_printf(out, "} %" PRIu64 "\n", number);
}

const char *metrics_worker(const struct stats_file *f, uint32_t i, char buf[12])
{
	snprintf(buf, 12, "%u", i);
	return i + 1 == f->n_workers ? "main" : buf;
}

static void render_workers(struct evbuffer *out, const struct stats_file *f)
{
	char name[12], cpu[12];

	for (size_t m = 0; m < ARRAY_SIZE(worker_metrics); m++) {
		const struct metric *metric = &worker_metrics[m];

		metrics_head(out, metric->name, metric->type, metric->help);
		for (uint32_t i = 0; i < f->n_workers; i++) {
			snprintf(cpu, sizeof(cpu), "%u", f->worker_cpu[i]);
			evbuffer_add_printf(out, "%s", metric->name);
			metrics_label(out, "{", "worker", metrics_worker(f, i, name));
			metrics_label(out, ",", "cpu", cpu);
			metrics_value(out, word_at(&f->workers[i], metric->offset));
		}
	}
}

static void render_stages(struct evbuffer *out, const struct stats_file *f)
{
	char name[12];

	for (size_t m = 0; m < ARRAY_SIZE(stage_metrics); m++) {
		const struct metric *metric = &stage_metrics[m];

		metrics_head(out, metric->name, metric->type, metric->help);
		for (uint32_t i = 0; i < f->n_workers; i++) {
			for (uint32_t s = 0; s < f->n_stages; s++) {
				evbuffer_add_printf(out, "%s", metric->name);
				metrics_label(out, "{", "worker", metrics_worker(f, i, name));
				metrics_label(out, ",", "stage", f->stage_names[s]);
				metrics_value(
					out, word_at(&f->workers[i].stages[s], metric->offset));
			}
		}
	}
}

/* Where per-object counters lie in a worker, and what the objects are called. */
struct group {
	const char *label;
	const char (*names)[STATS_NAME_MAX];
	uint32_t n;
	size_t first; /* offset of the first object in struct stats_worker */
	size_t size;  /* of one object */
};

uint64_t metrics_sum(const struct stats_file *f, size_t offset)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < f->n_workers; i++)
		sum += word_at(&f->workers[i], offset);
	return sum;
}

static void render_group(struct evbuffer *out, const struct stats_file *f,
	const struct metric *metric, const struct group *g)
{
	metrics_head(out, metric->name, metric->type, metric->help);
	for (uint32_t i = 0; i < g->n; i++) {
		if (g->names[i][0] == '\0')
			continue;
		evbuffer_add_printf(out, "%s", metric->name);
		metrics_label(out, "{", g->label, g->names[i]);
		metrics_value(out, metrics_sum(f, g->first + i * g->size + metric->offset));
	}
}

static void render_drops(struct evbuffer *out, const struct stats_file *f)
{
	static const char *const severities[] = {"routine", "suspicious", "resource"};

	metrics_head(out, "braid_dropped_packets_total", "counter", "Packets dropped, by reason.");
	for (uint32_t i = 0; i < f->n_drops; i++) {
		evbuffer_add_printf(out, "braid_dropped_packets_total");
		metrics_label(out, "{", "reason", f->drop_names[i]);
		metrics_label(out, ",", "severity",
			severities[MIN_OF(f->drop_severity[i], ARRAY_SIZE(severities) - 1)]);
		metrics_value(out, metrics_sum(f, offsetof(struct stats_worker, drops) +
							  i * sizeof(uint64_t)));
	}
}

static void render_counters(struct evbuffer *out, const struct stats_file *f)
{
	const struct group ports = {.label = "port",
		.names = f->port_names,
		.n = f->n_ports,
		.first = offsetof(struct stats_worker, ports),
		.size = sizeof(struct stats_port)};
	const struct group interfaces = {.label = "interface",
		.names = f->interface_names,
		.n = f->n_interfaces,
		.first = offsetof(struct stats_worker, interfaces),
		.size = sizeof(struct stats_interface)};

	for (size_t m = 0; m < ARRAY_SIZE(gauge_metrics); m++) {
		metrics_head(
			out, gauge_metrics[m].name, gauge_metrics[m].type, gauge_metrics[m].help);
		evbuffer_add_printf(out, "%s %" PRIu64 "\n", gauge_metrics[m].name,
			word_at(&f->gauges, gauge_metrics[m].offset));
	}
	metrics_head(out, "braid_tsc_hz", "gauge", "Cycles per second of the TSC.");
	evbuffer_add_printf(out, "braid_tsc_hz %" PRIu64 "\n", f->tsc_hz);
	for (size_t m = 0; m < ARRAY_SIZE(port_metrics); m++)
		render_group(out, f, &port_metrics[m], &ports);
	for (size_t m = 0; m < ARRAY_SIZE(interface_metrics); m++)
		render_group(out, f, &interface_metrics[m], &interfaces);
	render_drops(out, f);
	render_workers(out, f);
	render_stages(out, f);
}

static void plain(struct evbuffer *out, const struct metric *metric, double number)
{
	metrics_head(out, metric->name, metric->type, metric->help);
	evbuffer_add_printf(out, "%s %.15g\n", metric->name, number);
}

static void render_control(struct evbuffer *out, const struct api_control_status *s)
{
	const double ns = 1e9;
	const struct {
		struct metric metric;
		double number;
	} rows[] = {
		{{"braid_control_dataplane_up", "gauge", "1 while braid-dataplane is connected.",
			 0},
			s->dataplane_pid != 0},
		{{"braid_control_generation", "gauge", "Generation that control wants installed.",
			 0},
			(double)s->generation},
		{{"braid_control_reconnects_total", "counter",
			 "Times the dataplane was found again.", 0},
			s->reconnects},
		{{"braid_control_routes", "gauge", "Static routes of the configuration.", 0},
			s->routes},
		{{"braid_control_services", "gauge", "Services of the configuration.", 0},
			s->services},
		{{"braid_control_backends", "gauge", "Backends of the configuration.", 0},
			s->backends},
		{{"braid_control_start_time_seconds", "gauge", "When control started, Unix time.",
			 0},
			(double)s->started_ns / ns},
		{{"braid_control_last_apply_time_seconds", "gauge",
			 "When a configuration was last applied, Unix time.", 0},
			(double)s->applied_ns / ns},
	};

	metrics_head(out, "braid_control_info", "gauge", "Always 1; who this is.");
	evbuffer_add_printf(out, "braid_control_info");
	metrics_label(out, "{", "node", s->node);
	metrics_label(out, ",", "version", BRAID_VERSION);
	metrics_value(out, 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		plain(out, &rows[i].metric, rows[i].number);
}

void metrics_render(struct evbuffer *out, const struct stats_file *counters,
	const struct api_control_status *status, const struct service_view *services)
{
	render_control(out, status);
	if (counters) {
		render_counters(out, counters);
		metrics_render_store(out, counters);
	}
	metrics_render_services(out, counters, services);
}
