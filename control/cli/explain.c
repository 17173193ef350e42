/* SPDX-License-Identifier: BSD-3-Clause */
/* explain: describes a packet, prints the dataplane's decisions about it. */
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"icmp6", 58}};

static bool parse_protocol(const struct cli *cli, uint8_t *out)
{
	const char *text = cli_value(cli, "protocol");
	unsigned long number;
	char *end;

	*out = 17;
	if (!text)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strcmp(text, protocols[i].name) == 0) {
			*out = protocols[i].number;
			return true;
		}
	}
	number = strtoul(text, &end, 10);
	*out = (uint8_t)number;
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && number <= UINT8_MAX)
		return true;
	cli_usage("--protocol \"%s\": not tcp, udp, icmp, icmp6 or a number from 0 to 255", text);
	return false;
}

static bool parse_address(const struct cli *cli, const char *option, struct ip_addr *out)
{
	const char *text = cli_value(cli, option);

	if (!text)
		cli_usage("explain needs --%s (see braidctl explain --help)", option);
	else if (ip_addr_parse(text, out) < 0)
		cli_usage("--%s \"%s\": not an IPv4 or IPv6 address", option, text);
	else
		return true;
	return false;
}

static bool parse_packet(const struct cli *cli, struct api_explain *out)
{
	static const uint64_t port_range[2] = {0, 65535};
	static const uint64_t size_range[2] = {20, 65535};
	static const uint64_t ttl_range[2] = {0, 255};
	const char *interface = cli_value(cli, "interface");
	uint64_t sport, dport, size, ttl;

	if (!interface) {
		cli_usage("explain needs --interface (see braidctl explain --help)");
		return false;
	}
	if (strlen(interface) >= sizeof(out->interface)) {
		cli_usage("--interface \"%s\": no interface can have that name", interface);
		return false;
	}
	if (!parse_address(cli, "src", &out->src) || !parse_address(cli, "dst", &out->dst) ||
		!parse_protocol(cli, &out->protocol) ||
		!cli_number(cli, "sport", port_range, 40000, &sport) ||
		!cli_number(cli, "dport", port_range, 53, &dport) ||
		!cli_number(cli, "size", size_range, 100, &size) ||
		!cli_number(cli, "ttl", ttl_range, 64, &ttl))
		return false;
	if (out->src.family != out->dst.family) {
		cli_usage("--src and --dst are of different IP versions");
		return false;
	}
	base_strlcpy(out->interface, interface, sizeof(out->interface));
	out->sport = (uint16_t)sport;
	out->dport = (uint16_t)dport;
	out->size_bytes = (uint16_t)size;
	out->ttl = (uint8_t)ttl;
	out->dont_fragment = cli_value(cli, "df") != NULL;
	return true;
}

static enum cli_exit print_steps(const struct cli *cli, const struct api_explain_reply *r)
{
	const struct api_explain_step *steps = (const struct api_explain_step *)(r + 1);
	json_t *list;

	if (!cli->json) {
		for (uint32_t i = 0; i < r->count; i++)
			printf("%-14.*s %.*s\n", (int)sizeof(steps[i].stage), steps[i].stage,
				(int)sizeof(steps[i].text), steps[i].text);
		printf("%-14s %.*s\n", r->forwarded ? "=> forwarded" : "=> ends here",
			(int)sizeof(r->verdict), r->verdict);
		return CLI_OK;
	}
	list = json_array();
	for (uint32_t i = 0; i < r->count; i++)
		json_array_append_new(
			list, json_pack("{s:o,s:o}", "stage",
				      json_stringn(steps[i].stage,
					      strnlen(steps[i].stage, sizeof(steps[i].stage))),
				      "text",
				      json_stringn(steps[i].text,
					      strnlen(steps[i].text, sizeof(steps[i].text)))));
	return cli_print_json(json_pack("{s:b,s:o,s:o}", "forwarded", r->forwarded != 0, "verdict",
		json_stringn(r->verdict, strnlen(r->verdict, sizeof(r->verdict))), "steps", list));
}

enum cli_exit cli_explain(struct cli *cli)
{
	struct api_explain packet = {0};
	struct base_error err = {0};
	struct api_client client;
	enum cli_exit code;
	const void *reply;

	if (!parse_packet(cli, &packet))
		return CLI_USAGE;
	if (cli_connect(cli, "dataplane.sock", &client, NULL, &err) < 0)
		return cli_fail(&err);
	if (api_call(&client, API_explain, &packet, &reply, &err) < 0)
		code = cli_fail(&err);
	else
		code = print_steps(cli, reply);
	api_client_close(&client);
	return code;
}
