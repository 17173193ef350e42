/* SPDX-License-Identifier: BSD-3-Clause */
/* status, show config and apply: what braid-control answers. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/cli/cli.h"

static void add_string(json_t *object, const char *key, const char *value, size_t size)
{
	size_t n = strnlen(value, size);

	json_object_set_new(object, key, n ? json_stringn(value, n) : json_null());
}

static json_t *seconds(uint64_t ns)
{
	return ns ? json_real((double)(ns / NSEC_PER_MSEC) / 1000) : json_null();
}

/* The sum over the workers of the word at @offset. */
static json_t *worker_sum(const struct stats_file *f, size_t offset)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < f->n_workers; i++)
		sum += stats_read((const uint64_t *)((const uint8_t *)&f->workers[i] + offset));
	return json_integer((json_int_t)sum);
}

/* Where every packet went: received + generated = transmitted + consumed + dropped + held. */
static json_t *accounts_json(const struct stats_file *f)
{
	json_t *out = json_object(), *held;
	uint64_t dropped = 0;

	for (uint32_t i = 0; i < f->n_workers; i++)
		for (uint32_t d = 0; d < f->n_drops; d++)
			dropped += stats_read(&f->workers[i].drops[d]);
	json_object_set_new(out, "received", worker_sum(f, offsetof(struct stats_worker, rx_pkts)));
	json_object_set_new(
		out, "generated", worker_sum(f, offsetof(struct stats_worker, generated_pkts)));
	json_object_set_new(
		out, "transmitted", worker_sum(f, offsetof(struct stats_worker, tx_pkts)));
	json_object_set_new(
		out, "consumed", worker_sum(f, offsetof(struct stats_worker, consumed_pkts)));
	json_object_set_new(out, "dropped", json_integer((json_int_t)dropped));
	held = worker_sum(f, offsetof(struct stats_worker, held_pkts));
	json_object_set_new(out, "held",
		json_integer(
			json_integer_value(held) + (json_int_t)stats_read(&f->gauges.held_pkts)));
	json_decref(held);
	return out;
}

/* What the dataplane says of itself, or why it does not. */
static json_t *dataplane_json(struct cli *cli)
{
	struct base_error err = {0};
	struct api_hello_reply hello;
	const struct stats_file *f;
	struct api_client client;
	json_t *out = json_object();
	int rc = cli_connect(cli, "dataplane.sock", &client, &hello, &err);

	json_object_set_new(out, "running", json_boolean(rc == 0));
	if (rc < 0) {
		json_object_set_new(out, "error", json_string(err.text));
		return out;
	}
	api_client_close(&client);
	add_string(out, "node", hello.node, sizeof(hello.node));
	add_string(out, "version", hello.build, sizeof(hello.build));
	json_object_set_new(out, "pid", json_integer(hello.pid));
	json_object_set_new(out, "generation", json_integer((json_int_t)hello.generation));
	json_object_set_new(out, "started", seconds(hello.started_ns));
	f = stats_file_open(hello.stats_path, &err);
	if (!f)
		return out;
	json_object_set_new(out, "workers", json_integer(f->n_workers - 1));
	json_object_set_new(out, "ports", json_integer(f->n_ports));
	json_object_set_new(
		out, "ipv4_routes", json_integer((json_int_t)stats_read(&f->gauges.routes4)));
	json_object_set_new(
		out, "ipv6_routes", json_integer((json_int_t)stats_read(&f->gauges.routes6)));
	json_object_set_new(
		out, "neighbors", json_integer((json_int_t)stats_read(&f->gauges.neighbors)));
	json_object_set_new(out, "flows", worker_sum(f, offsetof(struct stats_worker, flows)));
	json_object_set_new(
		out, "mbufs_in_use", json_integer((json_int_t)stats_read(&f->gauges.mbufs_in_use)));
	json_object_set_new(
		out, "mbufs", json_integer((json_int_t)stats_read(&f->gauges.mbufs_total)));
	json_object_set_new(out, "accounts", accounts_json(f));
	stats_file_close(f);
	return out;
}

static json_t *control_json(struct cli *cli)
{
	struct base_error err = {0};
	const struct api_control_status *s;
	struct api_client client;
	const void *reply;
	json_t *out = json_object();
	int rc = cli_connect(cli, "control.sock", &client, NULL, &err);

	if (rc == 0) {
		rc = api_call(&client, API_control_status, NULL, &reply, &err);
		if (rc < 0)
			api_client_close(&client);
	}
	json_object_set_new(out, "running", json_boolean(rc == 0));
	if (rc < 0) {
		json_object_set_new(out, "error", json_string(err.text));
		return out;
	}
	s = reply;
	add_string(out, "node", s->node, sizeof(s->node));
	json_object_set_new(out, "pid", json_integer(s->pid));
	json_object_set_new(out, "generation", json_integer((json_int_t)s->generation));
	json_object_set_new(out, "connected", json_boolean(s->dataplane_pid != 0));
	json_object_set_new(out, "reconnects", json_integer(s->reconnects));
	json_object_set_new(out, "started", seconds(s->started_ns));
	json_object_set_new(out, "applied", seconds(s->applied_ns));
	json_object_set_new(out, "routes", json_integer(s->routes));
	json_object_set_new(out, "services", json_integer(s->services));
	json_object_set_new(out, "backends", json_integer(s->backends));
	json_object_set_new(out, "backends_draining", json_integer(s->backends_draining));
	json_object_set_new(out, "backends_down", json_integer(s->backends_down));
	json_object_set_new(out, "panics", json_integer(s->panics));
	add_string(out, "config", s->config_path, sizeof(s->config_path));
	add_string(out, "metrics_address", s->metrics_address, sizeof(s->metrics_address));
	json_object_set_new(out, "metrics_port", json_integer(s->metrics_port));
	add_string(out, "last_error", s->last_error, sizeof(s->last_error));
	api_client_close(&client);
	return out;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static long long number_of(const json_t *object, const char *key)
{
	return (long long)json_number_value(json_object_get(object, key));
}

/* "2 d 03:04:05 ago", "03:04:05 ago" since the Unix time under @key. */
static const char *since(const json_t *object, const char *key, char buf[40])
{
	double then = json_number_value(json_object_get(object, key));
	long long s = (long long)((double)time(NULL) - then);
	int n = 0;

	if (then <= 0)
		return "never";
	s = MAX_OF(s, 0);
	if (s >= 86400)
		n = snprintf(buf, 40, "%lld d ", s / 86400);
	snprintf(buf + n, (size_t)(40 - n), "%02lld:%02lld:%02lld ago", s / 3600 % 24, s / 60 % 60,
		s % 60);
	return buf;
}

/* The number under @key of @object with its noun: "1 port", "2 ports". */
static const char *count_of(const json_t *object, const char *key, const char *noun, char buf[40])
{
	long long n = number_of(object, key);

	snprintf(buf, 40, "%lld %s%s", n, noun, n == 1 ? "" : "s");
	return buf;
}

/* The two sides of the accounts. What is not yet on the right is on its way through the node, or
 * was counted while the counters were being read. */
static void print_accounts(const json_t *a)
{
	long long in = number_of(a, "received") + number_of(a, "generated");
	long long out = number_of(a, "transmitted") + number_of(a, "consumed") +
			number_of(a, "dropped") + number_of(a, "held");

	printf("packets     %lld received + %lld generated by the node\n", number_of(a, "received"),
		number_of(a, "generated"));
	printf("            = %lld transmitted + %lld consumed by the node + %lld dropped (show "
	       "drops)\n            + %lld held for neighbours or first fragments + %lld under "
	       "way\n",
		number_of(a, "transmitted"), number_of(a, "consumed"), number_of(a, "dropped"),
		number_of(a, "held"), in - out);
}

static void print_dataplane(const json_t *d)
{
	const json_t *a = json_object_get(d, "accounts");
	char buf[40], workers[40], ports[40], neighbors[40];

	if (!json_is_true(json_object_get(d, "running"))) {
		printf("dataplane   not running\n            %s\n", text_of(d, "error"));
		return;
	}
	printf("dataplane   running, node %s, version %s, pid %lld, started %s\n",
		text_of(d, "node"), text_of(d, "version"), number_of(d, "pid"),
		since(d, "started", buf));
	printf("            generation %lld installed%s\n", number_of(d, "generation"),
		number_of(d, "generation") ? "" : " (nothing yet)");
	printf("            %s, %s, %lld IPv4 and %lld IPv6 routes, %s\n",
		count_of(d, "workers", "worker", workers), count_of(d, "ports", "port", ports),
		number_of(d, "ipv4_routes"), number_of(d, "ipv6_routes"),
		count_of(d, "neighbors", "neighbour", neighbors));
	if (number_of(d, "flows") > 0)
		printf("            %s\n", count_of(d, "flows", "flow", ports));
	printf("            %lld of %lld packet buffers in use, those in device rings included\n",
		number_of(d, "mbufs_in_use"), number_of(d, "mbufs"));
	if (a)
		print_accounts(a);
}

static void print_services(const json_t *c)
{
	char services[40], backends[40];

	if (number_of(c, "services") == 0)
		return;
	printf("            %s over %s, %lld draining, %lld down\n",
		count_of(c, "services", "service", services),
		count_of(c, "backends", "backend", backends), number_of(c, "backends_draining"),
		number_of(c, "backends_down"));
	if (number_of(c, "panics") > 0)
		printf("            panic: %s with too few healthy backends, those that are "
		       "down are used as well (show services)\n",
			count_of(c, "panics", "service", services));
}

static void print_control(const json_t *c)
{
	char buf[40];

	if (!json_is_true(json_object_get(c, "running"))) {
		printf("control     not running\n            %s\n", text_of(c, "error"));
		return;
	}
	printf("control     running, pid %lld, started %s, %s\n", number_of(c, "pid"),
		since(c, "started", buf),
		json_is_true(json_object_get(c, "connected")) ? "connected"
							      : "dataplane not connected");
	printf("            generation %lld in force, applied %s\n", number_of(c, "generation"),
		since(c, "applied", buf));
	printf("            from %s, %lld static routes\n", text_of(c, "config"),
		number_of(c, "routes"));
	print_services(c);
	printf("            metrics on http://%s%s%s:%lld/metrics, %lld reconnects\n",
		strchr(text_of(c, "metrics_address"), ':') ? "[" : "",
		text_of(c, "metrics_address"),
		strchr(text_of(c, "metrics_address"), ':') ? "]" : "", number_of(c, "metrics_port"),
		number_of(c, "reconnects"));
	if (!json_is_null(json_object_get(c, "last_error")))
		printf("            last error: %s\n", text_of(c, "last_error"));
}

enum cli_exit cli_status(struct cli *cli)
{
	struct base_error err = {0};
	json_t *out, *dataplane, *control;
	bool ok;

	if (cli_runtime(cli, &err) < 0)
		return cli_fail(&err);
	dataplane = dataplane_json(cli);
	control = control_json(cli);
	ok = json_is_true(json_object_get(dataplane, "running")) &&
	     json_is_true(json_object_get(control, "running"));
	out = json_object();
	json_object_set_new(out, "runtime", json_string(cli->runtime));
	json_object_set_new(out, "dataplane", dataplane);
	json_object_set_new(out, "control", control);
	if (cli->json) {
		cli_print_json(out);
		return ok ? CLI_OK : CLI_FAILED;
	}
	printf("runtime     %s\n", cli->runtime);
	print_dataplane(dataplane);
	print_control(control);
	json_decref(out);
	return ok ? CLI_OK : CLI_FAILED;
}

/* Collects or prints the bytes of the configuration. */
static bool config_byte(void *ctx, const void *item)
{
	return fputc(*(const unsigned char *)item, ctx) != EOF;
}

enum cli_exit cli_show_config(struct cli *cli)
{
	const struct api_dump request = {0};
	struct base_error err = {0};
	struct api_client client;
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int rc = cli_connect(cli, "control.sock", &client, NULL, &err);

	if (rc < 0)
		return cli_fail(&err);
	out = cli->json ? open_memstream(&text, &len) : stdout;
	rc = cli_dump(&client, API_control_config, &request, config_byte, out);
	api_client_close(&client);
	if (cli->json)
		fclose(out);
	if (rc < 0)
		cli_fail(cli_dump_error());
	else if (cli->json)
		cli_print_json(json_pack("{s:o}", "config", json_stringn(text, len)));
	free(text);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}

/* One line on the terminal, rewritten as the apply goes on. */
static void show_progress(void *ctx, const struct api_header *hdr)
{
	const struct api_control_progress *p = (const struct api_control_progress *)(hdr + 1);

	if (hdr->type != API_control_progress || !isatty(STDERR_FILENO) || p->total == 0)
		return;
	fprintf(stderr, "\r\033[K%.*s %u of %u", (int)sizeof(p->what), p->what, p->done, p->total);
	*(bool *)ctx = true;
}

static json_t *counts_json(const struct api_commit_counts *c)
{
	return json_pack("{s:I,s:I,s:I,s:I}", "added", (json_int_t)c->added, "changed",
		(json_int_t)c->changed, "removed", (json_int_t)c->removed, "kept",
		(json_int_t)c->kept);
}

static void print_counts(const char *what, const struct api_commit_counts *c)
{
	printf("  %-12s %u added, %u changed, %u removed, %u kept\n", what, c->added, c->changed,
		c->removed, c->kept);
}

/* The lines of the @len bytes at @text. */
static json_t *lines_json(const char *text, size_t len)
{
	json_t *lines = json_array();

	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		json_array_append_new(lines, json_stringn(text, n));
		text += n + (end != NULL);
		len -= n + (end != NULL);
	}
	return lines;
}

static enum cli_exit print_applied_json(
	const struct api_control_applied *a, size_t diff_len, bool dry_run)
{
	const char *diff = (const char *)(a + 1);

	return cli_print_json(json_pack("{s:b,s:I,s:o,s:b,s:o,s:{s:o,s:o,s:o,s:o,s:o,s:o}}",
		"applied", !dry_run, "generation", (json_int_t)a->generation, "difference",
		json_stringn(diff, diff_len), "truncated", a->truncated != 0, "warnings",
		lines_json(diff + diff_len, a->count - diff_len), "counts", "interfaces",
		counts_json(&a->counts.interfaces), "neighbors", counts_json(&a->counts.neighbors),
		"routes", counts_json(&a->counts.routes), "pool", counts_json(&a->counts.pool),
		"services", counts_json(&a->counts.services), "backends",
		counts_json(&a->counts.backends)));
}

/* Apart from the rest, so that they are seen. */
static void print_warnings(const char *text, size_t len)
{
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		fprintf(stderr, "braidctl: warning: %.*s\n", (int)n, text);
		text += n + (end != NULL);
		len -= n + (end != NULL);
	}
}

static enum cli_exit print_applied(
	const struct cli *cli, const struct api_control_applied *a, bool dry_run, const char *path)
{
	size_t diff_len = a->count - MIN_OF(a->count, a->warning_bytes);
	const char *diff = (const char *)(a + 1);

	if (cli->json)
		return print_applied_json(a, diff_len, dry_run);
	fwrite(diff, 1, diff_len, stdout);
	if (a->truncated)
		printf("... (the difference is longer than one message)\n");
	if (diff_len == 0)
		printf("no difference\n");
	if (dry_run)
		printf("%s is valid; nothing was changed (dry run)\n", path);
	else
		printf("%s is in force as generation %" PRIu64 "\n", path, a->generation);
	print_counts("interfaces", &a->counts.interfaces);
	print_counts("neighbors", &a->counts.neighbors);
	print_counts("routes", &a->counts.routes);
	print_counts("nat pool", &a->counts.pool);
	print_counts("services", &a->counts.services);
	print_counts("backends", &a->counts.backends);
	print_warnings(diff + diff_len, a->count - diff_len);
	return CLI_OK;
}

enum cli_exit cli_apply(struct cli *cli)
{
	bool dry_run = cli_value(cli, "dry-run") != NULL, progress = false;
	struct api_control_apply request = {.flags = dry_run ? API_APPLY_DRY_RUN : 0};
	struct base_error err = {0};
	struct api_client client;
	enum cli_exit code;
	char path[PATH_MAX];
	const void *reply;
	int rc;

	if (!realpath(cli->words[0], path)) {
		base_error_set(&err, errno, "%.128s: %s", cli->words[0], strerror(errno));
		return cli_fail(&err);
	}
	base_strlcpy(request.path, path, sizeof(request.path));
	rc = cli_connect(cli, "control.sock", &client, NULL, &err);
	if (rc < 0)
		return cli_fail(&err);
	client.on_event = show_progress;
	client.ctx = &progress;
	rc = api_call(&client, API_control_apply, &request, &reply, &err);
	if (progress)
		fprintf(stderr, "\r\033[K");
	code = rc < 0 ? cli_fail(&err) : print_applied(cli, reply, dry_run, cli->words[0]);
	api_client_close(&client);
	return code;
}
