/* SPDX-License-Identifier: BSD-3-Clause */
/* capture: the dataplane's copies of packets into a pcapng file, the drop reason as comment. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "control/cli/cli.h"
#include "lib/wire/pcapng.h"

#define INTERFACES_MAX STATS_INTERFACES_MAX
#define WAIT_MS        200

static volatile sig_atomic_t stopped;

struct capture {
	struct pcapng pcapng;
	FILE *file;
	bool live; /* to stdout: somebody is waiting for each packet */
	uint32_t snap_bytes;
	char names[INTERFACES_MAX][API_NAME_MAX]; /* by pcapng interface number */
	uint32_t n_names;
	uint64_t n_pkts, n_max, lost;
};

static void on_signal(int sig)
{
	stopped = 1;
}

static void catch_signals(void)
{
	/* No SA_RESTART: the wait for packets ends at once. */
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/* The pcapng number of an interface, declared when it is first seen; negative errno. */
static int interface_number(struct capture *c, const char *name)
{
	int number;

	for (uint32_t i = 0; i < c->n_names; i++)
		if (strcmp(c->names[i], name) == 0)
			return (int)i;
	if (c->n_names == INTERFACES_MAX)
		return -ENOSPC;
	number = pcapng_interface_add(&c->pcapng, name, c->snap_bytes);
	if (number >= 0)
		base_strlcpy(c->names[c->n_names++], name, API_NAME_MAX);
	return number;
}

static enum pcapng_direction direction_of(uint16_t direction)
{
	switch (direction) {
	case API_CAPTURE_IN:
		return PCAPNG_INBOUND;
	case API_CAPTURE_OUT:
		return PCAPNG_OUTBOUND;
	}
	return PCAPNG_UNKNOWN;
}

static int write_packet(struct capture *c, const struct api_capture_packet *p)
{
	char interface[API_NAME_MAX], comment[API_REASON_MAX + 64] = "";
	struct pcapng_packet packet = {.direction = direction_of(p->direction),
		.time_ns = p->time_ns,
		.data = p + 1,
		.captured_bytes = p->count,
		.original_bytes = MAX_OF(p->length_bytes, p->count),
		.comment = comment};
	int rc;

	base_strlcpy(interface, p->interface[0] ? p->interface : "none", sizeof(interface));
	if (p->direction == API_CAPTURE_DROP)
		snprintf(comment, sizeof(comment), "drop: %.*s", API_REASON_MAX, p->reason);
	rc = interface_number(c, interface);
	if (rc < 0)
		return rc;
	packet.interface = (uint32_t)rc;
	rc = pcapng_packet_add(&c->pcapng, &packet);
	c->n_pkts++;
	c->lost = p->lost;
	return rc < 0 || !c->live ? rc : pcapng_flush(&c->pcapng);
}

static int run(struct capture *c, struct api_client *client, struct base_error *err)
{
	while (!stopped && (c->n_max == 0 || c->n_pkts < c->n_max)) {
		const struct api_header *hdr;
		int rc = api_event_wait(client, WAIT_MS, &hdr, err);

		if (rc == -EINTR || rc == 0)
			continue;
		if (rc < 0)
			return rc;
		if (hdr->type != API_capture_packet)
			continue;
		rc = write_packet(c, (const struct api_capture_packet *)(hdr + 1));
		if (rc < 0)
			return base_error_set(
				err, -rc, "cannot write the capture: %s", strerror(-rc));
	}
	return 0;
}

static bool parse_options(const struct cli *cli, struct capture *c, struct api_capture *request)
{
	static const uint64_t snap_range[2] = {14, 65535};
	static const uint64_t count_range[2] = {1, UINT64_MAX};
	const char *interface = cli_value(cli, "interface"), *drop = cli_value(cli, "drop");
	uint64_t snap;

	if (!cli_value(cli, "output")) {
		cli_usage("capture needs --output FILE, or --output - for stdout");
		return false;
	}
	if (interface && strlen(interface) >= sizeof(request->interface)) {
		cli_usage("--interface \"%s\": no interface can have that name", interface);
		return false;
	}
	if (drop && (drop[0] == '\0' || strlen(drop) >= sizeof(request->reason))) {
		cli_usage("--drop \"%s\": not a reason (see braidctl show drops --all)", drop);
		return false;
	}
	if (!cli_number(cli, "snaplen", snap_range, 0, &snap) ||
		!cli_number(cli, "count", count_range, 0, &c->n_max))
		return false;
	c->snap_bytes = (uint32_t)snap;
	request->snap_bytes = (uint32_t)snap;
	base_strlcpy(request->interface, interface ? interface : "", sizeof(request->interface));
	base_strlcpy(request->reason, drop ? drop : "", sizeof(request->reason));
	return true;
}

/* Checks the reason here, where the names are known, for the sake of a suggestion. */
static int check_reason(struct cli *cli, const char *reason, struct base_error *err)
{
	const char *names[STATS_DROPS_MAX + 1] = {"any"};
	const struct stats_file *f;
	const char *best;
	uint32_t n = 1;
	int rc = 0;

	if (reason[0] == '\0' || strcmp(reason, "any") == 0)
		return 0;
	f = cli_counters(cli, err);
	if (!f)
		return -ENOENT;
	for (uint32_t i = 0; i < f->n_drops; i++)
		names[n++] = f->drop_names[i];
	for (uint32_t i = 1; i < n; i++)
		if (strcmp(names[i], reason) == 0)
			goto out;
	best = base_suggest(reason, names, n);
	rc = base_error_set(err, EINVAL, "--drop \"%s\": no such reason (%s%s%s)", reason,
		best ? "did you mean \"" : "see braidctl show drops --all", best ? best : "",
		best ? "\"?" : "");
out:
	stats_file_close(f);
	return rc;
}

static int open_output(const struct cli *cli, struct capture *c, struct base_error *err)
{
	const char *output = cli_value(cli, "output");
	int rc;

	c->live = strcmp(output, "-") == 0;
	if (c->live && isatty(STDOUT_FILENO))
		return base_error_set(err, EINVAL,
			"--output -: stdout is a terminal (pipe it: ... | tshark -r -)");
	c->file = c->live ? stdout : fopen(output, "we");
	if (!c->file)
		return base_error_set(
			err, errno, "%.128s: cannot write: %s", output, strerror(errno));
	rc = pcapng_init(&c->pcapng, c->file, "braidctl " BRAID_VERSION);
	if (rc == 0)
		rc = pcapng_flush(&c->pcapng);
	return rc < 0 ? base_error_set(err, -rc, "%.128s: cannot write: %s", output, strerror(-rc))
		      : 0;
}

static int capture(struct cli *cli, struct capture *c, const struct api_capture *request,
	struct base_error *err)
{
	struct api_client client;
	int rc = check_reason(cli, request->reason, err);

	if (rc == 0)
		rc = cli_connect(cli, "dataplane.sock", &client, NULL, err);
	if (rc < 0)
		return rc;
	rc = api_call(&client, API_capture, request, NULL, err);
	if (rc == 0)
		rc = open_output(cli, c, err);
	if (rc == 0)
		rc = run(c, &client, err);
	api_client_close(&client);
	if (c->file && pcapng_flush(&c->pcapng) < 0 && rc == 0)
		rc = base_error_set(err, EIO, "the capture could not be written to its end");
	if (c->file && !c->live)
		fclose(c->file);
	return rc;
}

enum cli_exit cli_capture(struct cli *cli)
{
	struct api_capture request = {0};
	struct capture c = {0};
	struct base_error err = {0};
	int rc;

	if (!parse_options(cli, &c, &request))
		return CLI_USAGE;
	catch_signals();
	rc = capture(cli, &c, &request, &err);
	if (c.file)
		fprintf(stderr, "%" PRIu64 " packets written, %" PRIu64 " lost\n", c.n_pkts,
			c.lost);
	return rc < 0 ? cli_fail(&err) : CLI_OK;
}
