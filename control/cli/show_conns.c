/* SPDX-License-Identifier: BSD-3-Clause */
/* show conns: connections of the node's own TCP endpoint, streamed, since there may be many. */
#include <string.h>
#include <strings.h>

#include "control/cli/lb.h"

#define LIMIT_DEFAULT 1000
#define END_COLUMNS   21 /* of "255.255.255.255:65535"; wider ones widen what follows */

/* What is shown of which connections. */
struct conns {
	const struct cli *cli;
	struct api_conn_dump request;
	uint64_t limit; /* 0: none */
	uint64_t n;
	bool count_only;
	bool more; /* the limit was reached */
	int width;
};

static json_t *end(const struct ip_addr *address, uint16_t port)
{
	char text[CLI_BACKEND_TEXT_MAX];

	return json_string(cli_backend_format(address, port, text));
}

static void print_json(struct conns *c, const struct api_conn_info *i)
{
	json_t *row = json_object();

	json_object_set_new(row, "id", json_integer((json_int_t)i->id));
	json_object_set_new(row, "local", end(&i->local, i->local_port));
	json_object_set_new(row, "remote", end(&i->remote, i->remote_port));
	json_object_set_new(row, "state", json_string(api_conn_state_name(i->state)));
	json_object_set_new(row, "worker", json_integer(i->worker));
	json_object_set_new(row, "age_s", json_integer(i->age_s));
	json_object_set_new(row, "mss", json_integer(i->mss_bytes));
	json_object_set_new(row, "rtt_us", json_integer(i->rtt_us));
	json_object_set_new(row, "rto_us", json_integer(i->rto_us));
	json_object_set_new(row, "cwnd_bytes", json_integer(i->cwnd_bytes));
	json_object_set_new(row, "send_window_bytes", json_integer(i->snd_wnd_bytes));
	json_object_set_new(row, "receive_window_bytes", json_integer(i->rcv_wnd_bytes));
	json_object_set_new(row, "unacked_bytes", json_integer(i->unacked_bytes));
	json_object_set_new(row, "readable_bytes", json_integer(i->readable_bytes));
	json_object_set_new(row, "retransmitted", json_integer(i->retransmitted));
	fputs(c->n > 1 ? ",\n  " : "[\n  ", stdout);
	json_dumpf(row, stdout, JSON_PRESERVE_ORDER);
	json_decref(row);
}

/* One end in the present width of such columns. */
static void print_end(struct conns *c, const struct ip_addr *address, uint16_t port)
{
	char text[CLI_BACKEND_TEXT_MAX];

	cli_backend_format(address, port, text);
	c->width = MAX_OF(c->width, (int)strlen(text));
	printf("%-*s  ", c->width, text);
}

static void print_text(struct conns *c, const struct api_conn_info *i)
{
	if (c->n == 1)
		printf("%-*s  %-*s  %-12s  %6s  %8s  %5s  %8s  %10s  %9s  %9s  %5s\n", c->width,
			"LOCAL", c->width, "REMOTE", "STATE", "WORKER", "AGE S", "MSS", "RTT US",
			"CWND", "UNACKED", "READABLE", "RETX");
	print_end(c, &i->local, i->local_port);
	print_end(c, &i->remote, i->remote_port);
	printf("%-12s  %6u  %8u  %5u  %8u  %10u  %9u  %9u  %5u\n", api_conn_state_name(i->state),
		i->worker, i->age_s, i->mss_bytes, i->rtt_us, i->cwnd_bytes, i->unacked_bytes,
		i->readable_bytes, i->retransmitted);
}

static bool conn_row(void *ctx, const void *item)
{
	struct conns *c = ctx;

	if (!c->count_only && c->limit && c->n == c->limit) {
		c->more = true;
		return false;
	}
	c->n++;
	if (c->count_only)
		return true;
	if (c->cli->json)
		print_json(c, item);
	else
		print_text(c, item);
	return !ferror(stdout);
}

/* Adds the states named in @text, separated by commas, to the request. */
static bool parse_states(struct conns *c, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, ",");
		unsigned s = 0;

		for (; s < API_CONN_STATES; s++) {
			const char *name = api_conn_state_name(s);

			if (strlen(name) == n && strncasecmp(name, text, n) == 0)
				break;
		}
		if (s == API_CONN_STATES || n == 0) {
			cli_usage("--state \"%.*s\": not a state of a connection, such as "
				  "ESTABLISHED or CLOSE-WAIT",
				(int)n, text);
			return false;
		}
		c->request.states |= (uint16_t)(1u << s);
		text += n + (text[n] == ',');
	}
	return true;
}

/* Reads the options. CLI_USAGE after an explanation. */
static enum cli_exit parse(struct conns *c)
{
	static const uint64_t range[2] = {0, UINT32_MAX};
	const char *state = cli_value(c->cli, "state"), *remote = cli_value(c->cli, "remote");
	struct cli_backend other;

	if (!cli_number(c->cli, "limit", range, LIMIT_DEFAULT, &c->limit))
		return CLI_USAGE;
	c->count_only = cli_value(c->cli, "count") != NULL;
	if (state && !parse_states(c, state))
		return CLI_USAGE;
	if (!remote)
		return CLI_OK;
	if (!cli_backend_parse(remote, &other))
		return CLI_USAGE;
	c->request.remote = other.address;
	c->request.remote_port = other.port;
	return CLI_OK;
}

static int fetch(struct cli *cli, struct conns *c, struct base_error *err)
{
	struct api_client client;
	int rc = cli_connect(cli, "dataplane.sock", &client, NULL, err);

	if (rc < 0)
		return rc;
	rc = cli_dump(&client, API_conn_dump, &c->request, conn_row, c);
	if (rc < 0)
		*err = *cli_dump_error();
	api_client_close(&client);
	return rc;
}

enum cli_exit cli_show_conns(struct cli *cli)
{
	struct conns c = {.cli = cli, .width = END_COLUMNS};
	struct base_error err = {0};

	if (parse(&c) != CLI_OK)
		return CLI_USAGE;
	if (fetch(cli, &c, &err) < 0) {
		/* What is out already is to be whole. */
		if (cli->json && !c.count_only && c.n > 0)
			fputs("\n]\n", stdout);
		fflush(stdout);
		return cli_fail(&err);
	}
	if (c.count_only)
		printf(cli->json ? "{\"conns\": %llu}\n" : "%llu\n", (unsigned long long)c.n);
	else if (cli->json)
		fputs(c.n ? "\n]\n" : "[]\n", stdout);
	else if (c.n == 0)
		printf("(none)\n");
	if (c.more)
		fprintf(stderr,
			"braidctl: there are more than %llu connections; --limit 0 shows all\n",
			(unsigned long long)c.limit);
	return CLI_OK;
}
