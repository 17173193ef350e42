/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drain and undrain: control is told, then the dataplane is watched until it has it, and with
 * --wait until the backend's last flow is gone.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/cli/lb.h"

#define POLL_MS        200
#define CONFIRM_MS_MAX 5000 /* until the dataplane must have it */
#define CONFIRM_MS     20
#define SAY_MS         1000 /* between two lines where there is no terminal */

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	stopped = 1;
}

/* One command on its way. */
struct drain {
	struct cli *cli;
	struct cli_backend backend;
	bool on;
	uint64_t start_ms;
	uint64_t said_ms;
	/* As last seen: */
	struct api_backend_info info;
	char name[CLI_BACKEND_TEXT_MAX];
	uint64_t flows;
	unsigned n_usable;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / NSEC_PER_MSEC;
}

static void pause_ms(unsigned ms)
{
	const struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&ts, NULL);
}

static int tell_control(struct drain *d, struct base_error *err)
{
	struct api_control_drain request = {.address = d->backend.address,
		.port = d->backend.port,
		.any_port = d->backend.any_port,
		.drain = d->on};
	struct api_client client;
	int rc = cli_connect(d->cli, "control.sock", &client, NULL, err);

	if (rc < 0)
		return rc;
	base_strlcpy(request.service, d->cli->words[0], sizeof(request.service));
	rc = api_call(&client, API_control_drain, &request, NULL, err);
	api_client_close(&client);
	return rc;
}

static bool is_meant(const struct drain *d, const struct api_backend_info *b)
{
	return strcmp(b->backend.service, d->cli->words[0]) == 0 &&
	       ip_addr_same_host(&b->backend.address, &d->backend.address) &&
	       (d->backend.any_port || b->backend.port == d->backend.port);
}

/* Looks at the backend. False with a sentence when that is impossible. */
static bool look(struct drain *d, struct base_error *err)
{
	const struct api_backend_info *found = NULL;
	struct base_error ignored;
	struct cli_lb lb;
	int rc = cli_lb_fetch(d->cli, &lb, err);

	for (size_t i = 0; rc == 0 && i < lb.n_backends; i++)
		if (is_meant(d, &lb.backends[i]) && (!found || found->use == API_BACKEND_REMOVED))
			found = &lb.backends[i];
	if (found) {
		const struct api_service_info *s =
			cli_lb_find_service(&lb, d->cli->words[0], &ignored);

		d->info = *found;
		d->backend.any_port = false;
		d->backend.port = found->backend.port;
		d->flows = cli_lb_flows(lb.counters, found->index);
		d->n_usable = s ? s->n_usable : 0;
		cli_backend_format(&found->backend.address, found->backend.port, d->name);
	} else if (rc == 0) {
		/* Its number is free: so its last flow has ended. */
		d->info.use = API_BACKEND_REMOVED;
		d->flows = 0;
	}
	cli_lb_free(&lb);
	return rc == 0;
}

/* Waits until the dataplane does what control was told. False with a sentence. */
static bool confirm(struct drain *d, struct base_error *err)
{
	while (look(d, err)) {
		if ((d->info.draining != 0) == d->on)
			return true;
		if (now_ms() - d->start_ms > CONFIRM_MS_MAX) {
			base_error_set(err, ETIMEDOUT,
				"control has taken the command, but braid-dataplane does not have "
				"it yet (see braidctl status)");
			return false;
		}
		pause_ms(CONFIRM_MS);
	}
	return false;
}

static const char *flows_text(uint64_t flows, char buf[32])
{
	snprintf(buf, 32, "%" PRIu64 " flow%s", flows, flows == 1 ? "" : "s");
	return buf;
}

/* How far it is: on a terminal one line that is written anew, else a line now and then. */
static void say_progress(struct drain *d)
{
	bool tty = isatty(STDERR_FILENO);
	uint64_t now = now_ms();
	char flows[32];

	if (d->cli->json || (!tty && d->said_ms && now - d->said_ms < SAY_MS))
		return;
	d->said_ms = now;
	fprintf(stderr, "%sdraining %s: %s left after %.1f s%s", tty ? "\r\033[K" : "", d->name,
		flows_text(d->flows, flows), (double)(now - d->start_ms) / 1000, tty ? "" : "\n");
}

static void end_progress(const struct drain *d)
{
	if (!d->cli->json && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/* Waits until the last flow is gone, the drain is taken back, or Ctrl-C. */
static int wait_until_empty(struct drain *d, struct base_error *err)
{
	struct sigaction sa = {.sa_handler = on_signal};
	bool taken_back = false;
	char flows[32];

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	while (!stopped && d->flows > 0 && !taken_back) {
		say_progress(d);
		pause_ms(POLL_MS);
		if (!look(d, err)) {
			end_progress(d);
			return -EIO;
		}
		taken_back = d->info.use != API_BACKEND_REMOVED && !d->info.draining;
	}
	end_progress(d);
	if (d->flows == 0)
		return 0;
	if (taken_back)
		return base_error_set(err, ECANCELED,
			"the drain of %s was taken back meanwhile, with %s left", d->name,
			flows_text(d->flows, flows));
	return base_error_set(err, EINTR,
		"no longer waiting: %s of %s are left, and the drain goes on (braidctl undrain "
		"%.32s %s ends it)",
		flows_text(d->flows, flows), d->name, d->cli->words[0], d->name);
}

static enum cli_exit print_result(const struct drain *d, bool waited)
{
	double seconds = (double)(now_ms() - d->start_ms) / 1000;
	const char *service = d->cli->words[0];
	char flows[32];

	if (d->cli->json)
		return cli_print_json(json_pack("{s:s,s:s,s:b,s:I,s:f}", "service", service,
			"backend", d->name, "draining", d->on, "flows", (json_int_t)d->flows,
			"seconds", seconds));
	if (!d->on)
		printf("backend %s of service \"%s\" is used again\n", d->name, service);
	else if (waited)
		printf("backend %s of service \"%s\" has no flows left, after %.1f s\n", d->name,
			service, seconds);
	else
		printf("backend %s of service \"%s\" gets no new flows; %s left\n", d->name,
			service, flows_text(d->flows, flows));
	if (d->on && d->n_usable == 0)
		printf("service \"%s\" has no other backend for new flows now\n", service);
	return CLI_OK;
}

static enum cli_exit run(struct cli *cli, bool on, bool wait)
{
	struct drain d = {.cli = cli, .on = on, .start_ms = now_ms()};
	struct base_error err = {0};

	if (strlen(cli->words[0]) >= API_NAME_MAX)
		return cli_usage("\"%s\": no service can have that name", cli->words[0]);
	if (!cli_backend_parse(cli->words[1], &d.backend))
		return CLI_USAGE;
	if (tell_control(&d, &err) < 0 || !confirm(&d, &err) ||
		(wait && wait_until_empty(&d, &err) < 0))
		return cli_fail(&err);
	return print_result(&d, wait);
}

enum cli_exit cli_drain(struct cli *cli)
{
	return run(cli, true, cli_value(cli, "wait") != NULL);
}

enum cli_exit cli_undrain(struct cli *cli)
{
	return run(cli, false, false);
}
