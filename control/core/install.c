/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a configuration into the dataplane: load, compare, keep on disk (in a thread), push,
 * then make it the desired one; an error anywhere leaves everything as it was. Thread: main, and
 * the job's own where a function says so.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/core/core_impl.h"
#include "control/core/diff.h"
#include "control/core/log.h"
#include "control/core/store.h"

#define DIFF_MAX_BYTES                                                                             \
	(API_MSG_MAX_BYTES - sizeof(struct api_header) - sizeof(struct api_control_applied))

/* Puts the warnings about the file behind the difference, which is cut if both are too long. */
static int add_warnings(struct install *in)
{
	struct conf_error warnings[CONF_WARNINGS_MAX];
	unsigned n = conf_warn(in->target->conf, warnings);
	size_t room = DIFF_MAX_BYTES - n * sizeof(warnings[0].text), len = 0;
	char *text = NULL;
	FILE *out;

	in->truncated = in->diff_len > room;
	if (n == 0 && !in->truncated)
		return 0;
	in->diff_len = MIN_OF(in->diff_len, room);
	out = open_memstream(&text, &len);
	if (!out)
		return -ENOMEM;
	fwrite(in->diff, 1, in->diff_len, out);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%s\n", warnings[i].text);
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	in->warning_bytes = (uint32_t)(len - in->diff_len);
	free(in->diff);
	in->diff = text;
	in->diff_len = len;
	return 0;
}

/* Runs in the job's thread: everything that takes long. */
static void work(void *ctx)
{
	struct install *in = ctx;
	struct core *core = in->core;

	if (!in->target) {
		in->target = applied_load(in->path, &in->err);
		if (!in->target) {
			in->status = -EINVAL;
			return;
		}
		applied_choose_key(in->target->conf, in->was);
		in->status = diff_needs_restart(in->was, in->target->conf, &in->err);
		if (in->status < 0)
			return;
		in->diff = diff_text(in->was, in->target->conf, &in->diff_len);
		if (!in->diff || add_warnings(in) < 0) {
			in->status = base_error_set(
				&in->err, ENOMEM, "no memory for the difference (nothing changed)");
			return;
		}
	}
	if (in->dry_run)
		return;
	in->target->generation = in->generation;
	in->target->started_ns = in->started_ns;
	in->status = store_prepare(core->options.runtime, in->target, &in->err);
}

static bool is_replay(const struct install *in)
{
	return in->target == in->core->desired;
}

void install_destroy(struct install *in)
{
	if (!in)
		return;
	job_cancel(in->job);
	if (!is_replay(in))
		applied_free(in->target);
	metrics_destroy(in->metrics);
	free(in->diff);
	free(in);
}

static void answer(struct install *in, const struct api_commit_reply *counts)
{
	struct api_control_applied applied = {.count = (uint32_t)in->diff_len,
		.truncated = in->truncated,
		.warning_bytes = in->warning_bytes,
		.generation = in->generation,
		.counts = *counts};

	clients_reply(in->core->clients, &in->client, &applied, in->diff, applied.count);
}

/* Ends the install without success. */
static void fail(struct install *in, int status, const struct base_error *err)
{
	struct core *core = in->core;

	core->install = NULL;
	if (!in->dry_run)
		store_discard(core->options.runtime);
	if (is_replay(in)) {
		core->refused = true;
		core_error(core, err->text);
	} else {
		log_line("%s %s: %s", in->dry_run ? "dry run of" : "did not apply", in->path,
			err->text);
		clients_reply_error(core->clients, &in->client, status, err);
	}
	install_destroy(in);
	core_sync(core);
}

/* A changed listening address is bound before anything else changes. */
static int bind_metrics(struct install *in)
{
	const struct conf *now = in->target->conf;

	if (in->dry_run || is_replay(in) ||
		(now->metrics_port == in->was->metrics_port &&
			strcmp(now->metrics_address, in->was->metrics_address) == 0))
		return 0;
	in->metrics = metrics_create(in->core->base, now->metrics_address, now->metrics_port,
		&in->core->metrics_source, &in->err);
	return in->metrics ? 0 : -EADDRINUSE;
}

/* The job has ended: pushes what it prepared. */
static void prepared(void *ctx)
{
	struct install *in = ctx;
	struct session *session = in->core->session;

	in->job = NULL;
	if (in->status == 0)
		in->status = bind_metrics(in);
	if (in->status == 0 && (session_state(session) != SESSION_READY ||
				       session_hello(session)->started_ns != in->started_ns))
		in->status = base_error_set(&in->err, ECONNRESET,
			"braid-dataplane went away meanwhile; nothing was changed (try again when "
			"it is back)");
	if (in->status < 0)
		fail(in, in->status, &in->err);
	else
		session_push(session, in->target->conf, in->generation, in->dry_run);
}

static int start(struct install *in, struct base_error *err)
{
	struct core *core = in->core;
	uint64_t installed = session_installed(core->session);

	in->generation = MAX_OF(installed, core->desired->generation) + 1;
	in->started_ns = session_hello(core->session)->started_ns;
	in->was = core->desired->conf;
	core->install = in;
	in->job = job_start(core->base, work, prepared, in);
	if (in->job)
		return 0;
	core->install = NULL;
	install_destroy(in);
	return base_error_set(err, EAGAIN, "cannot start a thread to load the configuration");
}

int install_apply(struct core *core, const struct client_ref *client,
	const struct api_control_apply *request, struct base_error *err)
{
	struct install *in;

	if (core->install)
		return base_error_set(err, EBUSY, "another configuration is being %s (try again)",
			is_replay(core->install) ? "installed" : "applied");
	if (!core->desired || !core->decided || session_state(core->session) != SESSION_READY)
		return base_error_set(err, ENOTCONN,
			"braid-dataplane is not connected; nothing was changed (start it, then "
			"apply again)");
	in = calloc(1, sizeof(*in));
	if (!in)
		return base_error_set(err, ENOMEM, "no memory");
	in->core = core;
	in->client = *client;
	in->dry_run = (request->flags & API_APPLY_DRY_RUN) != 0;
	base_strlcpy(in->path, request->path, sizeof(in->path));
	return start(in, err);
}

void install_replay(struct core *core)
{
	struct install *in = calloc(1, sizeof(*in));
	struct base_error err = {0};

	if (!in) {
		core_error(core, "no memory to install the configuration");
		return;
	}
	in->core = core;
	in->target = core->desired;
	if (start(in, &err) < 0) {
		core->refused = true;
		core_error(core, err.text);
	}
}

static void log_warnings(const struct conf *conf)
{
	struct conf_error warnings[CONF_WARNINGS_MAX];
	unsigned n = conf_warn(conf, warnings);

	for (unsigned i = 0; i < n; i++)
		log_line("warning: %s", warnings[i].text);
}

/* The dataplane has the new state: makes it ours too. */
static void succeed(struct install *in, const struct api_commit_reply *counts)
{
	struct core *core = in->core;
	struct base_error err = {0};

	if (!is_replay(in)) {
		applied_free(core->desired);
		core->desired = in->target;
	}
	if (in->metrics) {
		metrics_destroy(core->metrics);
		core->metrics = in->metrics;
		in->metrics = NULL;
	}
	if (store_promote(core->options.runtime, &err) < 0)
		core_error(core, err.text);
	log_line("generation %" PRIu64 " is in force, from %s: %u interfaces, %u neighbours, %u "
		 "routes, %u services, %u backends",
		in->generation, core->desired->path, core->desired->conf->node.n_interfaces,
		core->desired->conf->n_neighbors, core->desired->conf->n_routes,
		core->desired->conf->n_services, core->desired->conf->n_backends);
	log_warnings(core->desired->conf);
	core->last_error[0] = '\0';
	core->refused = false;
	answer(in, counts);
}

void install_on_pushed(struct install *in, int status, const struct base_error *err,
	const struct api_commit_reply *counts)
{
	struct core *core = in->core;

	if (status < 0) {
		fail(in, status, err);
		return;
	}
	if (in->dry_run)
		answer(in, counts);
	else
		succeed(in, counts);
	core->install = NULL;
	install_destroy(in);
	core_sync(core);
}

void install_on_down(struct install *in, const char *why)
{
	struct base_error err = {0};

	/* While the thread works there is nothing to undo; it finds out at its end. */
	if (in->job)
		return;
	base_error_set(&err, ECONNRESET,
		"%s; see its log, and `braidctl status` for what is in force", why);
	fail(in, -ECONNRESET, &err);
}

void install_on_progress(const struct install *in, uint32_t done, uint32_t total)
{
	struct api_control_progress progress = {.done = done, .total = total};

	base_strlcpy(progress.what, done < total ? "sending" : "waiting for the dataplane",
		sizeof(progress.what));
	clients_progress(in->core->clients, &in->client, &progress);
}
