/* SPDX-License-Identifier: BSD-3-Clause */
/* show routes: streamed, since there may be a million; next-hop sets are fetched first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli.h"

#define NEXTHOP_INDEX_MAX 65536u
#define PREFIX_COLUMNS    24

struct routes {
	struct api_nexthop_info *nexthops; /* in the order received */
	uint32_t n_nexthops, cap_nexthops;
	uint32_t *by_index; /* nexthop index -> 1 + position, 0: unknown */
	const struct cli *cli;
	uint64_t n;
	bool count_only;
	bool no_memory;
};

static bool keep_nexthop(void *ctx, const void *item)
{
	struct routes *r = ctx;
	const struct api_nexthop_info *info = item;

	if (info->index >= NEXTHOP_INDEX_MAX || info->n_hops > API_HOPS_MAX)
		return true;
	if (r->n_nexthops == r->cap_nexthops) {
		uint32_t cap = r->cap_nexthops ? 2 * r->cap_nexthops : 64;
		void *grown = reallocarray(r->nexthops, cap, sizeof(*r->nexthops));

		r->no_memory = !grown;
		if (!grown)
			return false;
		r->nexthops = grown;
		r->cap_nexthops = cap;
	}
	r->nexthops[r->n_nexthops++] = *info;
	r->by_index[info->index] = r->n_nexthops;
	return true;
}

static const struct api_nexthop_info *find_nexthop(const struct routes *r, uint32_t index)
{
	uint32_t position = index < NEXTHOP_INDEX_MAX ? r->by_index[index] : 0;

	return position ? &r->nexthops[position - 1] : NULL;
}

static const char *origin_name(uint8_t origin)
{
	static const char *const names[] = {[API_ORIGIN_STATIC] = "static",
		[API_ORIGIN_CONNECTED] = "connected",
		[API_ORIGIN_LOCAL] = "local",
		[API_ORIGIN_SERVICE] = "service"};

	return origin < ARRAY_SIZE(names) ? names[origin] : "unknown";
}

static const char *action_name(uint16_t action)
{
	static const char *const names[] = {[API_ACTION_VIA] = "via",
		[API_ACTION_BLACKHOLE] = "blackhole",
		[API_ACTION_REJECT] = "reject"};

	return action < ARRAY_SIZE(names) ? names[action] : "unknown";
}

static json_t *hops_json(const struct api_nexthop_info *nh)
{
	json_t *hops = json_array();
	char text[IPADDR_TEXT_MAX];

	for (uint16_t i = 0; i < nh->n_hops; i++) {
		const struct api_hop *h = &nh->hops[i];
		json_t *hop = json_object();

		json_object_set_new(
			hop, "address", json_string(ip_addr_format_host(&h->address, text)));
		json_object_set_new(hop, "interface",
			json_stringn(h->interface, strnlen(h->interface, API_NAME_MAX)));
		json_object_set_new(hop, "weight", json_integer(h->weight));
		json_object_set_new(hop, "buckets", json_integer(nh->buckets[i]));
		json_array_append_new(hops, hop);
	}
	return hops;
}

static void print_json(struct routes *r, const struct api_route_info *route)
{
	const struct api_nexthop_info *nh =
		route->origin == API_ORIGIN_STATIC ? find_nexthop(r, route->nexthop) : NULL;
	json_t *row = json_object();
	char text[IPADDR_TEXT_MAX];

	json_object_set_new(row, "prefix", json_string(ip_addr_format(&route->prefix, text)));
	json_object_set_new(row, "origin", json_string(origin_name(route->origin)));
	if (nh) {
		json_object_set_new(row, "action", json_string(action_name(nh->action)));
		json_object_set_new(row, "via", hops_json(nh));
	} else {
		json_object_set_new(row, "interface",
			json_stringn(route->interface, strnlen(route->interface, API_NAME_MAX)));
	}
	fputs(r->n > 1 ? ",\n  " : "[\n  ", stdout);
	json_dumpf(row, stdout, JSON_PRESERVE_ORDER);
	json_decref(row);
}

static void print_hops(const struct api_nexthop_info *nh)
{
	char text[IPADDR_TEXT_MAX];

	fputs(action_name(nh->action), stdout);
	for (uint16_t i = 0; i < nh->n_hops; i++) {
		const struct api_hop *h = &nh->hops[i];

		printf("%s %s", i ? "," : "", ip_addr_format_host(&h->address, text));
		if (h->interface[0])
			printf(" on %.*s", API_NAME_MAX, h->interface);
		if (nh->n_hops > 1)
			printf(" weight %u (%u buckets)", h->weight, nh->buckets[i]);
	}
}

static void print_text(struct routes *r, const struct api_route_info *route)
{
	const struct api_nexthop_info *nh =
		route->origin == API_ORIGIN_STATIC ? find_nexthop(r, route->nexthop) : NULL;
	char text[IPADDR_TEXT_MAX];

	if (r->n == 1)
		printf("%-*s  %-9s  %s\n", PREFIX_COLUMNS, "PREFIX", "ORIGIN", "NEXT HOP");
	printf("%-*s  %-9s  ", PREFIX_COLUMNS, ip_addr_format(&route->prefix, text),
		origin_name(route->origin));
	if (nh)
		print_hops(nh);
	else if (route->origin == API_ORIGIN_STATIC)
		printf("next hop %u (just replaced)", route->nexthop);
	else
		printf("%s%.*s", route->origin == API_ORIGIN_SERVICE ? "" : "on ", API_NAME_MAX,
			route->interface);
	putchar('\n');
}

static bool route_row(void *ctx, const void *item)
{
	struct routes *r = ctx;

	r->n++;
	if (r->count_only)
		return true;
	if (r->cli->json)
		print_json(r, item);
	else
		print_text(r, item);
	return !ferror(stdout);
}

static int fetch(
	struct cli *cli, struct routes *r, struct api_dump *request, struct base_error *err)
{
	const struct api_dump all = {0};
	struct api_client client;
	int rc = cli_connect(cli, "dataplane.sock", &client, NULL, err);

	if (rc < 0)
		return rc;
	if (!r->count_only)
		rc = cli_dump(&client, API_nexthop_dump, &all, keep_nexthop, r);
	if (rc == 0 && r->no_memory)
		rc = base_error_set(err, ENOMEM, "no memory for the next hops");
	else if (rc == 0)
		rc = cli_dump(&client, API_route_dump, request, route_row, r);
	if (rc < 0 && !r->no_memory)
		*err = *cli_dump_error();
	api_client_close(&client);
	return rc;
}

enum cli_exit cli_show_routes(struct cli *cli)
{
	struct routes r = {.cli = cli, .count_only = cli_value(cli, "count") != NULL};
	struct api_dump request = {0};
	struct base_error err = {0};
	int rc;

	if (cli->n_words > 0 && ip_addr_parse_prefix(cli->words[0], &request.prefix) < 0 &&
		ip_addr_parse(cli->words[0], &request.prefix) < 0)
		return cli_usage("\"%s\" is not a prefix like 198.51.100.0/24 or 2001:db8::/32",
			cli->words[0]);
	ip_addr_mask(&request.prefix);
	r.by_index = calloc(NEXTHOP_INDEX_MAX, sizeof(*r.by_index));
	rc = r.by_index ? fetch(cli, &r, &request, &err)
			: base_error_set(&err, ENOMEM, "no memory for the next hops");
	free(r.by_index);
	free(r.nexthops);
	if (rc < 0)
		return cli_fail(&err);
	if (r.count_only)
		printf(cli->json ? "{\"routes\": %llu}\n" : "%llu\n", (unsigned long long)r.n);
	else if (cli->json)
		fputs(r.n ? "\n]\n" : "[]\n", stdout);
	else if (r.n == 0)
		printf("(none)\n");
	return CLI_OK;
}
