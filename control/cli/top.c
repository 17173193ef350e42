/* SPDX-License-Identifier: BSD-3-Clause */
/* top: the difference of two pictures of the shared counters as rates, again and again. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/cli/cli.h"
#include "control/cli/table.h"
#include "control/cli/top_lb.h"

#define CLEAR_SCREEN "\033[H\033[2J\033[3J"

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	stopped = 1;
}

static uint64_t sum_at(const struct stats_file *f, size_t offset)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < f->n_workers; i++)
		sum += *(const uint64_t *)((const uint8_t *)&f->workers[i] + offset);
	return sum;
}

static json_t *per_second(const struct cli_interval *iv, uint64_t old, uint64_t now)
{
	double rate = (double)(int64_t)(now - old) / iv->seconds;

	return json_integer((json_int_t)(rate + 0.5));
}

/* The rate of the word at @offset of each worker, over all workers. */
static json_t *rate_at(const struct cli_interval *iv, size_t offset)
{
	return per_second(iv, sum_at(iv->old, offset), sum_at(iv->now, offset));
}

static json_t *ports_json(const struct cli_interval *iv)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < iv->now->n_ports; i++) {
		size_t at = offsetof(struct stats_worker, ports) + i * sizeof(struct stats_port);
		json_t *row = json_object();

		json_object_set_new(row, "port", json_string(iv->now->port_names[i]));
		json_object_set_new(
			row, "rx_pps", rate_at(iv, at + offsetof(struct stats_port, rx_pkts)));
		json_object_set_new(row, "rx_bytes_per_s",
			rate_at(iv, at + offsetof(struct stats_port, rx_bytes)));
		json_object_set_new(
			row, "tx_pps", rate_at(iv, at + offsetof(struct stats_port, tx_pkts)));
		json_object_set_new(row, "tx_bytes_per_s",
			rate_at(iv, at + offsetof(struct stats_port, tx_bytes)));
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *workers_json(const struct cli_interval *iv)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < iv->now->n_workers; i++) {
		const struct stats_worker *a = &iv->old->workers[i], *b = &iv->now->workers[i];
		double busy = (double)(b->busy_cycles - a->busy_cycles);
		double idle = (double)(b->idle_cycles - a->idle_cycles);
		uint64_t dropped_a = 0, dropped_b = 0;
		json_t *row = json_object();
		char name[16];

		for (uint32_t d = 0; d < iv->now->n_drops; d++) {
			dropped_a += a->drops[d];
			dropped_b += b->drops[d];
		}
		snprintf(name, sizeof(name), "%u", i);
		json_object_set_new(
			row, "worker", json_string(i + 1 == iv->now->n_workers ? "main" : name));
		json_object_set_new(row, "cpu", json_integer(iv->now->worker_cpu[i]));
		json_object_set_new(row, "load_percent",
			json_real(busy + idle > 0 ? 100 * busy / (busy + idle) : 0));
		json_object_set_new(row, "rx_pps", per_second(iv, a->rx_pkts, b->rx_pkts));
		json_object_set_new(row, "tx_pps", per_second(iv, a->tx_pkts, b->tx_pkts));
		json_object_set_new(row, "drop_pps", per_second(iv, dropped_a, dropped_b));
		json_object_set_new(row, "flows", json_integer((json_int_t)b->flows));
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *stages_json(const struct cli_interval *iv)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < iv->now->n_stages; i++) {
		size_t at = offsetof(struct stats_worker, stages) + i * sizeof(struct stats_stage);
		size_t pkts_at = at + offsetof(struct stats_stage, sampled_pkts);
		size_t cycles_at = at + offsetof(struct stats_stage, sampled_cycles);
		uint64_t pkts = sum_at(iv->now, pkts_at) - sum_at(iv->old, pkts_at);
		uint64_t cycles = sum_at(iv->now, cycles_at) - sum_at(iv->old, cycles_at);
		json_t *row = json_object();

		json_object_set_new(row, "stage", json_string(iv->now->stage_names[i]));
		json_object_set_new(
			row, "pps", rate_at(iv, at + offsetof(struct stats_stage, pkts)));
		json_object_set_new(row, "cycles_per_packet",
			json_real(pkts ? (double)cycles / (double)pkts : 0));
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *drops_json(const struct cli_interval *iv)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < iv->now->n_drops; i++) {
		json_t *row = json_object();

		json_object_set_new(row, "reason", json_string(iv->now->drop_names[i]));
		json_object_set_new(row, "pps",
			rate_at(iv, offsetof(struct stats_worker, drops) + i * sizeof(uint64_t)));
		json_array_append_new(rows, row);
	}
	return rows;
}

/* Only the rows whose @key is not zero; releases @rows. */
static json_t *active(json_t *rows, const char *key)
{
	json_t *some = json_array();

	for (size_t i = 0; i < json_array_size(rows); i++)
		if (json_integer_value(json_object_get(json_array_get(rows, i), key)) != 0)
			json_array_append(some, json_array_get(rows, i));
	json_decref(rows);
	return some;
}

static void print_part(
	const char *title, json_t *rows, const struct table_column *columns, size_t n)
{
	printf("%s\n", title);
	table_print(rows, columns, n);
	putchar('\n');
	json_decref(rows);
}

static void print_text(const struct cli_interval *iv)
{
	static const struct table_column ports[] = {{"port", "PORT"}, {"rx_pps", "RX PACKETS/S"},
		{"rx_bytes_per_s", "RX BYTES/S"}, {"tx_pps", "TX PACKETS/S"},
		{"tx_bytes_per_s", "TX BYTES/S"}};
	static const struct table_column workers[] = {{"worker", "WORKER"}, {"cpu", "CPU"},
		{"load_percent", "LOAD %"}, {"rx_pps", "RX PACKETS/S"}, {"tx_pps", "TX PACKETS/S"},
		{"drop_pps", "DROPS/S"}, {"flows", "FLOWS"}};
	static const struct table_column stages[] = {
		{"stage", "STAGE"}, {"pps", "PACKETS/S"}, {"cycles_per_packet", "CYCLES/PACKET"}};
	static const struct table_column services[] = {{"service", "SERVICE"}, {"usable", "USABLE"},
		{"backends", "BACKENDS"}, {"flows", "FLOWS"}, {"new_flows_per_s", "NEW FLOWS/S"},
		{"pps", "PACKETS/S"}, {"bytes_per_s", "BYTES/S"}, {"reply_pps", "REPLIES/S"},
		{"reply_bytes_per_s", "REPLY BYTES/S"}};
	static const struct table_column backends[] = {{"service", "SERVICE"},
		{"backend", "BACKEND"}, {"state", "STATE"}, {"flows", "FLOWS"},
		{"new_flows_per_s", "NEW FLOWS/S"}, {"pps", "PACKETS/S"},
		{"bytes_per_s", "BYTES/S"}, {"reply_pps", "REPLIES/S"},
		{"reply_bytes_per_s", "REPLY BYTES/S"}};
	static const struct table_column drops[] = {{"reason", "REASON"}, {"pps", "PACKETS/S"}};

	printf("generation %llu, over %.1f s\n\n", (unsigned long long)iv->now->gauges.generation,
		iv->seconds);
	print_part("Ports", ports_json(iv), ports, ARRAY_SIZE(ports));
	print_part("Workers", workers_json(iv), workers, ARRAY_SIZE(workers));
	if (iv->lb->n_services > 0)
		print_part("Services", cli_top_services(iv), services, ARRAY_SIZE(services));
	if (iv->lb->n_backends > 0)
		print_part("Backends", cli_top_backends(iv), backends, ARRAY_SIZE(backends));
	print_part("Stages", active(stages_json(iv), "pps"), stages, ARRAY_SIZE(stages));
	print_part("Drops", active(drops_json(iv), "pps"), drops, ARRAY_SIZE(drops));
}

static enum cli_exit print_json(const struct cli_interval *iv)
{
	return cli_print_json(json_pack("{s:f,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "seconds", iv->seconds,
		"generation", (json_int_t)iv->now->gauges.generation, "ports", ports_json(iv),
		"workers", workers_json(iv), "services", cli_top_services(iv), "backends",
		cli_top_backends(iv), "stages", stages_json(iv), "drops", drops_json(iv)));
}

static double now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* One interval between the pictures in @old and @now, printed. */
static void show_interval(
	struct cli *cli, const struct stats_file *old, const struct stats_file *now, double s)
{
	struct base_error ignored;
	struct cli_lb lb;
	struct cli_interval iv = {.old = old, .now = now, .seconds = s > 0 ? s : 1, .lb = &lb};

	cli_lb_fetch(cli, &lb, &ignored);

	if (cli->json) {
		print_json(&iv);
	} else {
		if (!cli_value(cli, "once") && isatty(STDOUT_FILENO))
			fputs(CLEAR_SCREEN, stdout);
		print_text(&iv);
	}
	cli_lb_free(&lb);
	fflush(stdout);
}

/* The file may be replaced by a new dataplane at any time: it is opened anew for each picture. */
static int take_picture(struct cli *cli, struct stats_file *out, struct base_error *err)
{
	const struct stats_file *f = cli_counters(cli, err);

	if (!f)
		return -ENOENT;
	memcpy(out, f, sizeof(*out));
	stats_file_close(f);
	return 0;
}

static enum cli_exit run(struct cli *cli, struct stats_file *pictures[2], unsigned interval_s)
{
	bool once = cli_value(cli, "once") != NULL;
	struct base_error err = {0};
	double then = now_seconds();
	unsigned turn = 0;

	if (take_picture(cli, pictures[turn], &err) < 0)
		return cli_fail(&err);
	do {
		struct timespec pause = {.tv_sec = interval_s};
		const struct stats_file *old = pictures[turn];
		double now;

		if (nanosleep(&pause, NULL) < 0)
			break;
		turn ^= 1;
		if (take_picture(cli, pictures[turn], &err) < 0)
			return cli_fail(&err);
		now = now_seconds();
		/* Counters of another run are not to be compared with these. */
		if (old->pid == pictures[turn]->pid)
			show_interval(cli, old, pictures[turn], now - then);
		then = now;
	} while (!once && !stopped);
	return CLI_OK;
}

enum cli_exit cli_top(struct cli *cli)
{
	static const uint64_t range[2] = {1, 3600};
	struct sigaction sa = {.sa_handler = on_signal};
	struct stats_file *pictures[2];
	enum cli_exit code;
	uint64_t interval_s;

	if (!cli_number(cli, "interval", range, 1, &interval_s))
		return CLI_USAGE;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	pictures[0] = aligned_alloc(CACHE_LINE_BYTES, sizeof(*pictures[0]));
	pictures[1] = aligned_alloc(CACHE_LINE_BYTES, sizeof(*pictures[1]));
	if (pictures[0] && pictures[1])
		code = run(cli, pictures, (unsigned)interval_s);
	else
		code = cli_fail(&(struct base_error){"no memory for the counters"});
	free(pictures[0]);
	free(pictures[1]);
	return code;
}
