/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * braid-control: holds the intent. Keeps the dataplane at the configuration in force, takes new
 * ones from braidctl, serves metrics. Thread: main.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "control/core/core.h"
#include "control/core/log.h"

static int usage(FILE *out)
{
	fprintf(out,
		"Usage: braid-control --config FILE [--runtime DIR]\n"
		"\n"
		"Keeps braid-dataplane at the configuration in force, takes new ones from "
		"braidctl\n"
		"and serves Prometheus metrics. It may be restarted at any time: packets do not "
		"notice.\n"
		"\n"
		"  -c, --config FILE   the node's configuration, used when the dataplane is fresh\n"
		"  -r, --runtime DIR   sockets and state (default %s/<node name>)\n"
		"  -V, --version       print the version\n"
		"  -h, --help          this text\n"
		"\n"
		"Example:\n"
		"  braid-dataplane --config /etc/braid.yaml &\n"
		"  braid-control --config /etc/braid.yaml\n",
		CORE_RUNTIME_BASE);
	return out == stderr ? 2 : 0;
}

/* Makes @path absolute, also where it does not exist (yet). False when it is too long. */
static bool make_absolute(const char *path, char out[CONF_PATH_MAX])
{
	char cwd[PATH_MAX];

	if (path[0] == '/')
		return (size_t)snprintf(out, CONF_PATH_MAX, "%s", path) < CONF_PATH_MAX;
	return getcwd(cwd, sizeof(cwd)) &&
	       (size_t)snprintf(out, CONF_PATH_MAX, "%s/%s", cwd, path) < CONF_PATH_MAX;
}

/* Parses the command line; a number >= 0 is an exit code. */
static int parse_options(int argc, char **argv, struct core_options *out)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"runtime", required_argument, NULL, 'r'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:r:Vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			if (make_absolute(optarg, out->config))
				break;
			fprintf(stderr, "braid-control: %s: the path is too long\n", optarg);
			return 2;
		case 'r':
			if (strlen(optarg) < sizeof(out->runtime)) {
				base_strlcpy(out->runtime, optarg, sizeof(out->runtime));
				break;
			}
			fprintf(stderr,
				"braid-control: --runtime is longer than %zu bytes, the limit of "
				"UNIX socket names\n",
				sizeof(out->runtime) - 1);
			return 2;
		case 'V':
			printf("braid-control %s\n", BRAID_VERSION);
			return 0;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (out->config[0] == '\0' || optind != argc)
		return usage(stderr);
	return -1;
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	event_base_loopbreak(arg);
}

static int run(struct event_base *base, const struct core_options *options)
{
	struct event *on_int = evsignal_new(base, SIGINT, on_signal, base);
	struct event *on_term = evsignal_new(base, SIGTERM, on_signal, base);
	struct base_error err = {0};
	struct core *core = NULL;
	int code = 1;

	if (!on_int || !on_term || event_add(on_int, NULL) < 0 || event_add(on_term, NULL) < 0)
		base_error_set(&err, ENOMEM, "no memory");
	else
		core = core_create(base, options, &err);
	if (core) {
		log_line("runtime directory %s", core_runtime(core));
		event_base_dispatch(base);
		code = core_has_failed(core) ? 1 : 0;
	} else {
		log_line("%s", err.text);
	}
	core_destroy(core);
	if (on_int)
		event_free(on_int);
	if (on_term)
		event_free(on_term);
	return code;
}

int main(int argc, char **argv)
{
	struct core_options options = {0};
	struct event_base *base;
	int code = parse_options(argc, argv, &options);

	if (code >= 0)
		return code;
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	if (!base) {
		log_line("no memory for the event loop");
		return 1;
	}
	code = run(base, &options);
	event_base_free(base);
	libevent_global_shutdown();
	return code;
}
