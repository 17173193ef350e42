/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Start, end and the decisions of control. A dataplane that has our stored generation is adopted as
 * it is; one that is fresh gets the file; one that restarts under us gets what was in force.
 * Thread: main.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/core/core_impl.h"
#include "control/core/log.h"
#include "control/core/store.h"

void core_error(struct core *core, const char *text)
{
	base_strlcpy(core->last_error, text, sizeof(core->last_error));
	log_line("%s", text);
}

/* How many services and backends there are, and how they are. */
static void count_backends(const struct core *core, struct api_control_status *status)
{
	struct service_view view = {0};

	if (core->services)
		view = service_view(core->services);
	status->services = (uint16_t)view.n_services;
	status->backends = (uint16_t)view.n_backends;
	for (uint32_t i = 0; i < view.n_services; i++)
		status->panics += view.services[i].panic;
	for (uint32_t i = 0; i < view.n_backends; i++) {
		status->backends_draining += view.backends[i].drained;
		status->backends_down += view.backends[i].health.down;
	}
}

void core_status(const struct core *core, struct api_control_status *status)
{
	const struct applied *desired = core->desired;
	bool up = core->session && (session_state(core->session) == SESSION_READY ||
					   session_state(core->session) == SESSION_PUSHING);

	*status = (struct api_control_status){.pid = (uint32_t)getpid(),
		.started_ns = core->started_ns,
		.reconnects = core->reconnects};
	if (up) {
		status->dataplane_pid = session_hello(core->session)->pid;
		status->installed = session_installed(core->session);
	}
	if (desired) {
		status->generation = desired->generation;
		status->applied_ns = desired->generation ? desired->applied_ns : 0;
		status->routes = desired->conf->n_routes;
		status->metrics_port = desired->conf->metrics_port;
		base_strlcpy(status->node, desired->conf->node.name, sizeof(status->node));
		base_strlcpy(status->metrics_address, desired->conf->metrics_address,
			sizeof(status->metrics_address));
		base_strlcpy(status->config_path, desired->path, sizeof(status->config_path));
	}
	count_backends(core, status);
	base_strlcpy(status->last_error,
		up || !core->session ? core->last_error : session_complaint(core->session),
		sizeof(status->last_error));
}

static const struct stats_file *counters(void *ctx)
{
	return ((struct core *)ctx)->counters;
}

static struct service_view services(void *ctx)
{
	return service_view(((struct core *)ctx)->services);
}

static bool ask(void *ctx, enum api_type type, const void *body, size_t len)
{
	return session_ask(((struct core *)ctx)->session, type, body, len);
}

static void status(void *ctx, struct api_control_status *out)
{
	core_status(ctx, out);
}

/* Maps the counters of the dataplane that has just come. */
static void open_counters(struct core *core, const char *path)
{
	struct base_error err = {0};

	stats_file_close(core->counters);
	core->counters = stats_file_open(path, &err);
	if (!core->counters)
		core_error(core, err.text);
}

/* Listens where the desired configuration says, if that is not where we do. */
static int serve_metrics(struct core *core, const struct conf *was, struct base_error *err)
{
	const struct conf *conf = core->desired->conf;
	struct metrics *m;

	if (core->metrics && was && was->metrics_port == conf->metrics_port &&
		strcmp(was->metrics_address, conf->metrics_address) == 0)
		return 0;
	m = metrics_create(
		core->base, conf->metrics_address, conf->metrics_port, &core->metrics_source, err);
	if (!m)
		return -EADDRINUSE;
	metrics_destroy(core->metrics);
	core->metrics = m;
	return 0;
}

/* What the first dataplane has decides: its state if we know it, otherwise the file. */
static void decide(struct core *core, const struct api_hello_reply *hello)
{
	struct base_error err = {0};
	struct applied *file = core->desired;
	struct applied *stored =
		store_adopt(core->options.runtime, hello->started_ns, hello->generation, &err);

	core->decided = true;
	if (!stored && err.text[0] != '\0')
		core_error(core, err.text);
	if (!stored) {
		if (file)
			return;
		core_error(core, core->file_error.text);
		core->failed = true;
		event_base_loopbreak(core->base);
		return;
	}
	log_line("generation %" PRIu64 " is in force and stays, from %s", stored->generation,
		stored->path);
	if (file && (file->text_len != stored->text_len ||
			    memcmp(file->text, stored->text, file->text_len) != 0))
		log_line("%s differs from what is in force; `braidctl apply %s` applies it",
			file->path, file->path);
	core->desired = stored;
	if (serve_metrics(core, file ? file->conf : NULL, &err) < 0)
		core_error(core, err.text);
	applied_free(file);
}

static void on_up(void *ctx, const struct api_hello_reply *hello)
{
	struct core *core = ctx;
	char text[256];

	open_counters(core, hello->stats_path);
	core->refused = false;
	if (!core->decided)
		decide(core, hello);
	else
		core->reconnects++;
	if (!core->desired)
		return;
	if (strcmp(hello->node, core->desired->conf->node.name) != 0) {
		snprintf(text, sizeof(text),
			"the dataplane at %s is of node \"%s\", this configuration is for \"%s\" "
			"(give each node its own --runtime directory)",
			core->options.runtime, hello->node, core->desired->conf->node.name);
		core->refused = true;
		core_error(core, text);
		return;
	}
	log_line("connected to braid-dataplane (pid %u), generation %" PRIu64 " installed",
		hello->pid, hello->generation);
	core_sync(core);
}

static void on_down(void *ctx, const char *why)
{
	struct core *core = ctx;

	service_on_down(core->services);
	stats_file_close(core->counters);
	core->counters = NULL;
	if (core->install)
		install_on_down(core->install, why);
}

static void on_progress(void *ctx, uint32_t done, uint32_t total)
{
	struct core *core = ctx;

	if (core->install)
		install_on_progress(core->install, done, total);
}

static void on_pushed(
	void *ctx, int rc, const struct base_error *err, const struct api_commit_reply *counts)
{
	struct core *core = ctx;

	BRAID_ASSERT(core->install);
	install_on_pushed(core->install, rc, err, counts);
}

static void recall(void *ctx, struct api_backend_want *want)
{
	service_recall(((struct core *)ctx)->services, want);
}

static void on_answer(void *ctx, const struct api_header *hdr)
{
	service_on_answer(((struct core *)ctx)->services, hdr);
}

void core_sync(struct core *core)
{
	if (core->install || core->refused || !core->decided || !core->desired ||
		session_state(core->session) != SESSION_READY)
		return;
	if (core->desired->generation != 0 &&
		core->desired->generation == session_installed(core->session) &&
		core->desired->started_ns == session_hello(core->session)->started_ns) {
		service_follow(core->services, core->desired->conf, core->desired->generation);
		return;
	}
	install_replay(core);
}

/* Whether the process that wrote the counters in the runtime directory lives. */
static bool dataplane_lives(const char *runtime)
{
	struct base_error ignored;
	const struct stats_file *file;
	char path[CORE_RUNTIME_MAX + 16];
	bool alive;

	snprintf(path, sizeof(path), "%s/counters", runtime);
	file = stats_file_open(path, &ignored);
	alive = file && (kill((pid_t)file->pid, 0) == 0 || errno == EPERM);
	stats_file_close(file);
	return alive;
}

/* Loads the file. A broken one is fatal unless a living dataplane may have our stored state. */
static int load_file(struct core *core, struct base_error *err)
{
	core->desired = applied_load(core->options.config, err);
	if (core->desired)
		return 0;
	if (core->options.runtime[0] == '\0' || !dataplane_lives(core->options.runtime))
		return -EINVAL;
	core->file_error = *err;
	log_line("%s; looking for what is in force instead", err->text);
	return 0;
}

static int make_runtime(struct core *core, struct base_error *err)
{
	char *dir = core->options.runtime;

	if (dir[0] == '\0') {
		snprintf(dir, sizeof(core->options.runtime), CORE_RUNTIME_BASE "/%s",
			core->desired->conf->node.name);
		if (mkdir(CORE_RUNTIME_BASE, 0755) < 0 && errno != EEXIST && errno != EACCES)
			return base_error_set(err, errno, "%s: cannot be made: %s",
				CORE_RUNTIME_BASE, strerror(errno));
	}
	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return base_error_set(err, errno,
			"%s: cannot be made: %s (run as root, or choose --runtime)", dir,
			strerror(errno));
	return 0;
}

static const struct session_ops session_ops = {
	.on_up = on_up,
	.on_down = on_down,
	.on_progress = on_progress,
	.on_pushed = on_pushed,
	.recall = recall,
	.on_answer = on_answer,
};

static int start(struct core *core, struct base_error *err)
{
	const struct service_ops service_ops = {.ask = ask, .counters = counters, .ctx = core};
	char path[CORE_RUNTIME_MAX + 32];
	int rc = load_file(core, err);

	if (rc == 0)
		rc = make_runtime(core, err);
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "%s/control.sock", core->options.runtime);
	core->clients = clients_create(core->base, path, core, err);
	if (!core->clients)
		return -EADDRINUSE;
	if (core->desired) {
		rc = serve_metrics(core, NULL, err);
		if (rc < 0)
			return rc;
	}
	core->services = service_create(core->base, core->options.runtime, &service_ops);
	if (!core->services)
		return base_error_set(err, ENOMEM, "no memory for the services");
	snprintf(path, sizeof(path), "%s/dataplane.sock", core->options.runtime);
	core->session = session_create(core->base, path, &session_ops, core);
	if (!core->session)
		return base_error_set(err, ENOMEM, "no memory for the session");
	return 0;
}

struct core *core_create(
	struct event_base *base, const struct core_options *options, struct base_error *err)
{
	struct core *core = calloc(1, sizeof(*core));

	if (!core) {
		base_error_set(err, ENOMEM, "no memory");
		return NULL;
	}
	core->base = base;
	core->options = *options;
	core->started_ns = log_now_ns();
	core->metrics_source = (struct metrics_source){
		.counters = counters, .status = status, .services = services, .ctx = core};
	if (start(core, err) == 0)
		return core;
	core_destroy(core);
	return NULL;
}

void core_destroy(struct core *core)
{
	if (!core)
		return;
	install_destroy(core->install);
	session_destroy(core->session);
	service_destroy(core->services);
	clients_destroy(core->clients);
	metrics_destroy(core->metrics);
	stats_file_close(core->counters);
	applied_free(core->desired);
	free(core);
}

const char *core_runtime(const struct core *core)
{
	return core->options.runtime;
}

bool core_has_failed(const struct core *core)
{
	return core->failed;
}
