/* SPDX-License-Identifier: BSD-3-Clause */
/* show drops, stages and workers: the shared counters, without asking anybody. */
#include <stdio.h>

#include "control/cli/cli.h"
#include "control/cli/table.h"

static const char *const severities[] = {"routine", "suspicious", "resource"};

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

enum cli_exit cli_show_drops(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"reason", "REASON"},
		{"packets", "PACKETS"},
		{"severity", "SEVERITY"},
		{"text", "MEANING"},
	};
	bool all = cli_value(cli, "all") != NULL;
	struct base_error err = {0};
	const struct stats_file *f = cli_counters(cli, &err);
	json_t *rows;

	if (!f)
		return cli_fail(&err);
	rows = json_array();
	for (uint32_t i = 0; i < f->n_drops; i++) {
		uint64_t pkts = 0;
		json_t *row;

		for (uint32_t w = 0; w < f->n_workers; w++)
			pkts += stats_read(&f->workers[w].drops[i]);
		if (pkts == 0 && !all)
			continue;
		row = json_object();
		json_object_set_new(row, "reason", json_string(f->drop_names[i]));
		json_object_set_new(row, "packets", count(pkts));
		json_object_set_new(row, "severity",
			json_string(severities[MIN_OF(
				f->drop_severity[i], ARRAY_SIZE(severities) - 1)]));
		json_object_set_new(row, "text", json_string(f->drop_texts[i]));
		json_array_append_new(rows, row);
	}
	stats_file_close(f);
	return table_show(cli, rows, columns, ARRAY_SIZE(columns));
}

/* Sums one stage over the workers. */
static struct stats_stage sum_stage(const struct stats_file *f, uint32_t stage)
{
	struct stats_stage sum = {0};

	for (uint32_t w = 0; w < f->n_workers; w++) {
		const struct stats_stage *s = &f->workers[w].stages[stage];

		sum.calls += stats_read(&s->calls);
		sum.pkts += stats_read(&s->pkts);
		sum.sampled_pkts += stats_read(&s->sampled_pkts);
		sum.sampled_cycles += stats_read(&s->sampled_cycles);
	}
	return sum;
}

static json_t *ratio(uint64_t a, uint64_t b)
{
	return b ? json_real((double)a / (double)b) : json_real(0);
}

enum cli_exit cli_show_stages(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"stage", "STAGE"},
		{"calls", "CALLS"},
		{"packets", "PACKETS"},
		{"packets_per_call", "PACKETS/CALL"},
		{"cycles_per_packet", "CYCLES/PACKET"},
	};
	bool all = cli_value(cli, "all") != NULL;
	struct base_error err = {0};
	const struct stats_file *f = cli_counters(cli, &err);
	json_t *rows;

	if (!f)
		return cli_fail(&err);
	rows = json_array();
	for (uint32_t i = 0; i < f->n_stages; i++) {
		struct stats_stage s = sum_stage(f, i);
		json_t *row;

		if (s.calls == 0 && !all)
			continue;
		row = json_object();
		json_object_set_new(row, "stage", json_string(f->stage_names[i]));
		json_object_set_new(row, "calls", count(s.calls));
		json_object_set_new(row, "packets", count(s.pkts));
		json_object_set_new(row, "packets_per_call", ratio(s.pkts, s.calls));
		json_object_set_new(
			row, "cycles_per_packet", ratio(s.sampled_cycles, s.sampled_pkts));
		json_array_append_new(rows, row);
	}
	stats_file_close(f);
	return table_show(cli, rows, columns, ARRAY_SIZE(columns));
}

static json_t *worker_row(const struct stats_file *f, uint32_t i)
{
	const struct stats_worker *w = &f->workers[i];
	uint64_t busy = stats_read(&w->busy_cycles), idle = stats_read(&w->idle_cycles);
	uint64_t dropped = 0;
	json_t *row = json_object();
	char name[16];

	for (uint32_t d = 0; d < f->n_drops; d++)
		dropped += stats_read(&w->drops[d]);
	snprintf(name, sizeof(name), "%u", i);
	json_object_set_new(row, "worker", json_string(i + 1 == f->n_workers ? "main" : name));
	json_object_set_new(row, "cpu", json_integer(f->worker_cpu[i]));
	json_object_set_new(row, "load_percent", ratio(100 * busy, busy + idle));
	json_object_set_new(row, "received", count(stats_read(&w->rx_pkts)));
	json_object_set_new(row, "generated", count(stats_read(&w->generated_pkts)));
	json_object_set_new(row, "handed_in", count(stats_read(&w->handoff_in_pkts)));
	json_object_set_new(row, "transmitted", count(stats_read(&w->tx_pkts)));
	json_object_set_new(row, "consumed", count(stats_read(&w->consumed_pkts)));
	json_object_set_new(row, "dropped", count(dropped));
	json_object_set_new(row, "handed_out", count(stats_read(&w->handoff_out_pkts)));
	json_object_set_new(row, "loops", count(stats_read(&w->loops)));
	json_object_set_new(row, "empty_loops", count(stats_read(&w->empty_loops)));
	json_object_set_new(row, "sleeps", count(stats_read(&w->sleeps)));
	return row;
}

enum cli_exit cli_show_workers(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"worker", "WORKER"},
		{"cpu", "CPU"},
		{"load_percent", "LOAD %"},
		{"received", "RECEIVED"},
		{"generated", "GENERATED"},
		{"handed_in", "HANDED IN"},
		{"transmitted", "TRANSMITTED"},
		{"consumed", "CONSUMED"},
		{"dropped", "DROPPED"},
		{"handed_out", "HANDED OUT"},
		{"sleeps", "SLEEPS"},
	};
	struct base_error err = {0};
	const struct stats_file *f = cli_counters(cli, &err);
	json_t *rows;

	if (!f)
		return cli_fail(&err);
	rows = json_array();
	for (uint32_t i = 0; i < f->n_workers; i++)
		json_array_append_new(rows, worker_row(f, i));
	stats_file_close(f);
	return table_show(cli, rows, columns, ARRAY_SIZE(columns));
}
