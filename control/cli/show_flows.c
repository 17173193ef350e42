/* SPDX-License-Identifier: BSD-3-Clause */
/* show flows: streamed, since there may be a million. */
#include <netinet/in.h>
#include <string.h>

#include "control/cli/lb.h"

#define LIMIT_DEFAULT 1000
#define END_COLUMNS   21 /* of "255.255.255.255:65535"; wider ones widen what follows */

/* What is shown of which flows. */
struct flows {
	const struct cli *cli;
	struct api_flow_dump request;
	struct cli_backend backend; /* family 0: all */
	uint64_t limit;             /* 0: none */
	uint64_t n;
	bool count_only;
	bool more; /* the limit was reached */
	int width;
};

static const char *state_name(uint8_t state)
{
	static const char *const names[] = {[API_FLOW_TCP_NEW] = "new",
		[API_FLOW_TCP_ESTABLISHED] = "established",
		[API_FLOW_TCP_CLOSING] = "closing",
		[API_FLOW_UDP_NEW] = "new",
		[API_FLOW_UDP_ESTABLISHED] = "established"};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : "other";
}

static void print_json(struct flows *f, const struct api_flow_info *i)
{
	char text[CLI_BACKEND_TEXT_MAX];
	json_t *row = json_object();

#define END(key, address, port)                                                                    \
	json_object_set_new(row, (key), json_string(cli_backend_format(&i->address, i->port, text)))
	json_object_set_new(
		row, "service", json_stringn(i->service, strnlen(i->service, sizeof(i->service))));
	json_object_set_new(row, "protocol", json_string(protocol_name(i->protocol)));
	END("client", client, client_port);
	END("vip", vip, vip_port);
	END("backend", backend, backend_port);
	if (i->source.family)
		END("source", source, source_port);
#undef END
	json_object_set_new(row, "state", json_string(state_name(i->state)));
	json_object_set_new(row, "idle_ms", json_integer(i->idle_ms));
	json_object_set_new(row, "worker", json_integer(i->worker));
	fputs(f->n > 1 ? ",\n  " : "[\n  ", stdout);
	json_dumpf(row, stdout, JSON_PRESERVE_ORDER);
	json_decref(row);
}

/* One end of a flow in the present width of such columns. */
static void print_end(struct flows *f, const struct ip_addr *address, uint16_t port)
{
	char text[CLI_BACKEND_TEXT_MAX] = "-";

	if (address->family)
		cli_backend_format(address, port, text);
	f->width = MAX_OF(f->width, (int)strlen(text));
	printf("%-*s  ", f->width, text);
}

static void print_text(struct flows *f, const struct api_flow_info *i)
{
	if (f->n == 1)
		printf("%-15s  %-8s  %-*s  %-*s  %-*s  %-*s  %-11s  %10s  %s\n", "SERVICE",
			"PROTOCOL", f->width, "CLIENT", f->width, "VIP", f->width, "BACKEND",
			f->width, "SOURCE", "STATE", "IDLE MS", "WORKER");
	printf("%-15.*s  %-8s  ", API_NAME_MAX, i->service, protocol_name(i->protocol));
	print_end(f, &i->client, i->client_port);
	print_end(f, &i->vip, i->vip_port);
	print_end(f, &i->backend, i->backend_port);
	print_end(f, &i->source, i->source_port);
	printf("%-11s  %10u  %u\n", state_name(i->state), i->idle_ms, i->worker);
}

static bool flow_row(void *ctx, const void *item)
{
	struct flows *f = ctx;
	const struct api_flow_info *i = item;

	if (!f->backend.any_port && f->backend.port != i->backend_port)
		return true;
	if (!f->count_only && f->limit && f->n == f->limit) {
		f->more = true;
		return false;
	}
	f->n++;
	if (f->count_only)
		return true;
	if (f->cli->json)
		print_json(f, i);
	else
		print_text(f, i);
	return !ferror(stdout);
}

/* Reads the options. CLI_USAGE after an explanation. */
static enum cli_exit parse(struct flows *f)
{
	static const uint64_t range[2] = {0, UINT32_MAX};
	const struct cli *cli = f->cli;
	const char *client = cli_value(cli, "client"), *backend = cli_value(cli, "backend");
	const char *service = cli_value(cli, "service");

	if (!cli_number(cli, "limit", range, LIMIT_DEFAULT, &f->limit))
		return CLI_USAGE;
	f->count_only = cli_value(cli, "count") != NULL;
	f->backend.any_port = true;
	if (client && ip_addr_parse(client, &f->request.client) < 0)
		return cli_usage("--client \"%s\": not an IPv4 or IPv6 address", client);
	if (backend && !cli_backend_parse(backend, &f->backend))
		return CLI_USAGE;
	f->request.backend = f->backend.address;
	if (service && strlen(service) >= sizeof(f->request.service))
		return cli_usage("--service \"%s\": no service can have that name", service);
	base_strlcpy(f->request.service, service ? service : "", sizeof(f->request.service));
	return CLI_OK;
}

/* Whether the service asked for exists: else the sentence suggests one. */
static int check_service(struct cli *cli, const char *service, struct base_error *err)
{
	struct cli_lb lb;
	int rc = cli_lb_fetch(cli, &lb, err);

	if (rc == 0 && !cli_lb_find_service(&lb, service, err))
		rc = -1;
	cli_lb_free(&lb);
	return rc;
}

static int fetch(struct cli *cli, struct flows *f, struct base_error *err)
{
	struct api_client client;
	int rc = 0;

	if (f->request.service[0])
		rc = check_service(cli, f->request.service, err);
	if (rc == 0)
		rc = cli_connect(cli, "dataplane.sock", &client, NULL, err);
	if (rc < 0)
		return rc;
	rc = cli_dump(&client, API_flow_dump, &f->request, flow_row, f);
	if (rc < 0)
		*err = *cli_dump_error();
	api_client_close(&client);
	return rc;
}

enum cli_exit cli_show_flows(struct cli *cli)
{
	struct flows f = {.cli = cli, .width = END_COLUMNS};
	struct base_error err = {0};

	if (parse(&f) != CLI_OK)
		return CLI_USAGE;
	if (fetch(cli, &f, &err) < 0) {
		/* What is out already is to be whole. */
		if (cli->json && !f.count_only && f.n > 0)
			fputs("\n]\n", stdout);
		fflush(stdout);
		return cli_fail(&err);
	}
	if (f.count_only)
		printf(cli->json ? "{\"flows\": %llu}\n" : "%llu\n", (unsigned long long)f.n);
	else if (cli->json)
		fputs(f.n ? "\n]\n" : "[]\n", stdout);
	else if (f.n == 0)
		printf("(none)\n");
	if (f.more)
		fprintf(stderr, "braidctl: there are more than %llu flows; --limit 0 shows all\n",
			(unsigned long long)f.limit);
	return CLI_OK;
}
