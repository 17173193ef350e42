/* SPDX-License-Identifier: BSD-3-Clause */
/* Drains: the command, and the small file that lets them survive control. Thread: main. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/core/file.h"
#include "control/core/log.h"
#include "control/service/service_impl.h"

#define FILE_HEAD "# braid: backends that are drained: SERVICE ADDRESS PORT\n"

/* One line of the file; false: it is none. */
static bool parse_row(const char *line, struct service_drain_row *row)
{
	char address[IPADDR_TEXT_MAX];
	unsigned port;

	if (line[0] == '#' || sscanf(line, "%15s %63s %u", row->service, address, &port) != 3 ||
		port > UINT16_MAX || ip_addr_parse(address, &row->address) < 0)
		return false;
	row->port = (uint16_t)port;
	return true;
}

void service_drains_load(struct service_table *t)
{
	struct base_error ignored;
	char *save = NULL, *text;
	size_t len;

	if (access(t->drains_path, F_OK) < 0)
		return;
	text = file_read(t->drains_path, &len, &ignored);
	t->drains = calloc(CONF_BACKENDS_MAX, sizeof(*t->drains));
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL;
		line && t->drains && t->n_drains < CONF_BACKENDS_MAX;
		line = strtok_r(NULL, "\n", &save))
		t->n_drains += parse_row(line, &t->drains[t->n_drains]);
	t->drains_known = text && t->drains;
	if (!t->drains_known)
		log_line("%s: cannot be read: drains from before are not known", t->drains_path);
	free(text);
}

bool service_drains_match(struct service_table *t)
{
	uint32_t n_matched = 0, n = t->n_drains;

	for (uint32_t i = 0; i < n; i++) {
		const struct service_drain_row *row = &t->drains[i];
		struct service_backend *b =
			service_find_backend(t, row->service, &row->address, row->port);

		if (b)
			b->drained = true;
		n_matched += b != NULL;
	}
	free(t->drains);
	t->drains = NULL;
	t->n_drains = 0;
	return n_matched < n;
}

int service_drains_save(const struct service_table *t, struct base_error *err)
{
	char *text = NULL, address[IPADDR_TEXT_MAX];
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int rc;

	if (!out)
		return base_error_set(err, ENOMEM, "no memory to keep the drains");
	for (uint32_t i = 0; i < t->n_backends; i++) {
		const struct service_backend *b = &t->backends[i];

		if (!b->drained)
			continue;
		fprintf(out, "%s %s %u\n", t->services[b->service].name,
			ip_addr_format_host(&b->address, address), b->port);
	}
	if (fclose(out) != 0)
		rc = base_error_set(err, ENOMEM, "no memory to keep the drains");
	else
		rc = file_replace(t->drains_path, FILE_HEAD, text, len, err);
	free(text);
	return rc;
}

static struct service_entry *find_service(
	const struct service_table *t, const char *name, struct base_error *err)
{
	const char *names[CONF_SERVICES_MAX];
	const char *best;

	for (uint32_t i = 0; i < t->n_services; i++) {
		names[i] = t->services[i].name;
		if (strcmp(names[i], name) == 0)
			return &t->services[i];
	}
	best = base_suggest(name, names, t->n_services);
	if (best)
		base_error_set(err, ENOENT, "there is no service \"%s\" (did you mean \"%s\"?)",
			name, best);
	else
		base_error_set(err, ENOENT,
			"there is no service \"%s\" (see braidctl show services)", name);
	return NULL;
}

/* The backends of @s, as far as they fit into @list. */
static void list_backends(
	const struct service_table *t, const struct service_entry *s, char *list, size_t size)
{
	char text[SERVICE_BACKEND_TEXT_MAX];
	size_t used = 0;

	list[0] = '\0';
	for (uint32_t i = s->first_backend; i < s->first_backend + s->n_backends; i++) {
		const struct service_backend *b = &t->backends[i];

		service_backend_format(&b->address, b->port, text);
		if (used + strlen(text) + sizeof(", , ...") > size) {
			snprintf(list + used, size - used, ", ...");
			return;
		}
		used += (size_t)snprintf(list + used, size - used, "%s%s", used ? ", " : "", text);
	}
}

/* Says that no backend, or more than one, is meant, and which there are. */
static void not_one(const struct service_table *t, const struct service_entry *s,
	const struct api_control_drain *request, unsigned n, struct base_error *err)
{
	char list[128], text[SERVICE_BACKEND_TEXT_MAX];

	list_backends(t, s, list, sizeof(list));
	service_backend_format(&request->address, request->any_port ? 0 : request->port, text);
	if (n == 0)
		base_error_set(err, ENOENT, "service \"%s\" has no backend %s (it has %s)", s->name,
			text, list);
	else
		base_error_set(err, ENOENT,
			"service \"%s\" has %u backends %s: say which port (it has %s)", s->name, n,
			text, list);
}

/* The backend that is meant: exactly one, or NULL with a sentence. */
static struct service_backend *find_meant(const struct service_table *t,
	const struct api_control_drain *request, struct base_error *err)
{
	const struct service_entry *s = find_service(t, request->service, err);
	struct service_backend *meant = NULL;
	unsigned n = 0;

	for (uint32_t i = 0; s && i < s->n_backends; i++) {
		struct service_backend *b = &t->backends[s->first_backend + i];

		if (!ip_addr_same_host(&b->address, &request->address) ||
			(!request->any_port && b->port != request->port))
			continue;
		meant = b;
		n++;
	}
	if (s && n != 1)
		not_one(t, s, request, n, err);
	return n == 1 ? meant : NULL;
}

int service_drain(
	struct service_table *t, const struct api_control_drain *request, struct base_error *err)
{
	char text[SERVICE_BACKEND_TEXT_MAX];
	struct service_backend *b;
	bool was;
	int rc;

	if (!api_string_ok(request->service, sizeof(request->service)))
		return base_error_set(
			err, EINVAL, "control_drain: the service's name is unreadable");
	if (t->phase == SERVICE_DETACHED || !t->learned)
		return base_error_set(err, ENOTCONN,
			"braid-dataplane is not connected; nothing was changed (start it, then try "
			"again)");
	b = find_meant(t, request, err);
	if (!b)
		return -ENOENT;
	was = b->drained;
	b->drained = request->drain != 0;
	rc = b->drained == was ? 0 : service_drains_save(t, err);
	if (rc < 0) {
		b->drained = was;
		return rc;
	}
	if (b->drained != was)
		log_line("service \"%s\": backend %s is %s", request->service,
			service_backend_format(&b->address, b->port, text),
			b->drained ? "drained by command" : "no longer drained");
	service_weigh(t, &t->services[b->service]);
	service_talk(t);
	return 0;
}
