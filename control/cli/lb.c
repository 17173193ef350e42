/* SPDX-License-Identifier: BSD-3-Clause */
/* Fetches services and backends, names and parses them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/lb.h"

#define PANIC_MARK "panic: " /* as control begins the reason of such a backend */

/* A growing array of items of one size. */
struct items {
	uint8_t *data;
	size_t size, n, room;
};

/* Appends; false when there is no memory. */
static bool append(struct items *list, const void *item)
{
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		uint8_t *grown = reallocarray(list->data, room, list->size);

		if (!grown)
			return false;
		list->data = grown;
		list->room = room;
	}
	memcpy(list->data + list->n++ * list->size, item, list->size);
	return true;
}

static bool keep_service(void *ctx, const void *item)
{
	const struct api_service_info *s = item;

	return !api_string_ok(s->service.name, sizeof(s->service.name)) || append(ctx, item);
}

static bool keep_backend(void *ctx, const void *item)
{
	const struct api_backend_info *b = item;

	return !api_string_ok(b->backend.service, sizeof(b->backend.service)) ||
	       !api_string_ok(b->reason, sizeof(b->reason)) || append(ctx, item);
}

int cli_lb_fetch(struct cli *cli, struct cli_lb *lb, struct base_error *err)
{
	struct items services = {.size = sizeof(struct api_service_info)};
	struct items backends = {.size = sizeof(struct api_backend_info)};
	const struct api_dump all = {0};
	struct base_error ignored;
	struct api_client client;
	int rc;

	*lb = (struct cli_lb){0};
	rc = cli_connect(cli, "dataplane.sock", &client, NULL, err);
	if (rc < 0)
		return rc;
	lb->counters = cli_counters(cli, &ignored);
	lb->totals = calloc(STATS_SERVICES_MAX, sizeof(*lb->totals));
	if (lb->counters && lb->totals)
		stats_totals(lb->counters, lb->totals);
	rc = cli_dump(&client, API_service_dump, &all, keep_service, &services);
	if (rc == 0)
		rc = cli_dump(&client, API_backend_dump, &all, keep_backend, &backends);
	if (rc < 0)
		*err = *cli_dump_error();
	api_client_close(&client);
	lb->services = (struct api_service_info *)services.data;
	lb->n_services = services.n;
	lb->backends = (struct api_backend_info *)backends.data;
	lb->n_backends = backends.n;
	return rc;
}

void cli_lb_free(struct cli_lb *lb)
{
	free(lb->services);
	free(lb->backends);
	free(lb->totals);
	stats_file_close(lb->counters);
	*lb = (struct cli_lb){0};
}

const struct api_service_info *cli_lb_find_service(
	const struct cli_lb *lb, const char *name, struct base_error *err)
{
	const char **names = calloc(lb->n_services + 1, sizeof(*names));
	const struct api_service_info *found = NULL;
	const char *best;

	for (size_t i = 0; names && i < lb->n_services; i++) {
		names[i] = lb->services[i].service.name;
		if (strcmp(names[i], name) == 0)
			found = &lb->services[i];
	}
	best = names && !found ? base_suggest(name, names, lb->n_services) : NULL;
	free(names);
	if (best)
		base_error_set(err, ENOENT, "there is no service \"%.64s\" (did you mean \"%s\"?)",
			name, best);
	else if (!found)
		base_error_set(err, ENOENT,
			"there is no service \"%.64s\" (see braidctl show services)", name);
	return found;
}

/* The word at @offset of each worker, summed. */
static uint64_t sum(const struct stats_file *f, size_t offset)
{
	uint64_t total = 0;

	for (uint32_t i = 0; f && i < f->n_workers; i++)
		total += stats_read((const uint64_t *)((const uint8_t *)&f->workers[i] + offset));
	return total;
}

uint64_t cli_lb_backend_sum(const struct stats_file *counters, uint32_t index, size_t offset)
{
	if (index >= STATS_BACKENDS_MAX)
		return 0;
	return sum(counters, offsetof(struct stats_worker, backends) +
				     index * sizeof(struct stats_backend) + offset);
}

uint64_t cli_lb_service_sum(const struct stats_file *counters, uint32_t index, size_t offset)
{
	if (index >= STATS_SERVICES_MAX)
		return 0;
	return sum(counters, offsetof(struct stats_worker, services) +
				     index * sizeof(struct stats_service) + offset);
}

uint64_t cli_lb_flows(const struct stats_file *counters, uint32_t index)
{
	uint64_t ended =
		cli_lb_backend_sum(counters, index, offsetof(struct stats_backend, ended_flows));
	uint64_t begun =
		cli_lb_backend_sum(counters, index, offsetof(struct stats_backend, new_flows));

	return begun > ended ? begun - ended : 0;
}

const char *cli_lb_use_name(uint16_t use)
{
	static const char *const names[] = {[API_BACKEND_UP] = "up",
		[API_BACKEND_DRAINING] = "draining",
		[API_BACKEND_DOWN] = "down",
		[API_BACKEND_REMOVED] = "removed"};

	return use < ARRAY_SIZE(names) ? names[use] : "unknown";
}

bool cli_lb_is_panic(const struct api_backend_info *b)
{
	return strncmp(b->reason, PANIC_MARK, strlen(PANIC_MARK)) == 0;
}

char *cli_backend_format(const struct ip_addr *address, uint16_t port, char *buf)
{
	char text[IPADDR_TEXT_MAX];

	ip_addr_format_host(address, text);
	if (port == 0)
		snprintf(buf, CLI_BACKEND_TEXT_MAX, "%s", text);
	else
		snprintf(buf, CLI_BACKEND_TEXT_MAX, address->family == 6 ? "[%s]:%u" : "%s:%u",
			text, port);
	return buf;
}

/* The port after the colon at @text, or the end of the text: then any. */
static bool parse_port(const char *text, struct cli_backend *out)
{
	unsigned long port;
	char *end;

	out->any_port = *text == '\0';
	if (out->any_port)
		return true;
	if (text[0] != ':' || text[1] < '0' || text[1] > '9')
		return false;
	port = strtoul(text + 1, &end, 10);
	out->port = (uint16_t)port;
	return *end == '\0' && port > 0 && port <= UINT16_MAX;
}

bool cli_backend_parse(const char *text, struct cli_backend *out)
{
	bool brackets = text[0] == '[';
	const char *start = text + brackets;
	size_t n = brackets ? strcspn(start, "]") : strcspn(start, ":");
	char address[IPADDR_TEXT_MAX] = "";

	*out = (struct cli_backend){.any_port = true};
	/* An IPv6 address without brackets has no port. */
	if (ip_addr_parse(text, &out->address) == 0)
		return true;
	if (n < sizeof(address))
		memcpy(address, start, n);
	if (ip_addr_parse(address, &out->address) == 0 && (out->address.family == 6) == brackets &&
		(!brackets || start[n] == ']') && parse_port(start + n + brackets, out))
		return true;
	cli_usage("\"%s\" is not a backend: write 192.0.2.21, 192.0.2.21:8080 or [2001:db8::1]:80",
		text);
	return false;
}
