/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loading a configuration: reads the file, has it parsed and decoded, and hands out the result or
 * the sentence that says what is wrong. Main threads only; allocates.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conf/conf_impl.h"

#define READ_BYTES 65536

int conf_fail(struct conf_loader *l, struct conf_place place, const char *fmt, ...)
{
	char *text = l->err->text;
	size_t size = sizeof(l->err->text);
	size_t n = strlen(l->file);
	va_list ap;

	/* A path longer than a third of the sentence keeps its end, where files differ. */
	if (n > size / 3)
		snprintf(text, size, "...%s", l->file + n - size / 3);
	else
		snprintf(text, size, "%s", l->file);
	n = strlen(text);
	if (place.line)
		n += (size_t)snprintf(text + n, size - n, ":%u:%u", place.line, place.column);
	n += (size_t)snprintf(text + n, size - n, ": ");
	va_start(ap, fmt);
	vsnprintf(text + n, size - n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int conf_fail_memory(struct conf_loader *l)
{
	conf_fail(l, (struct conf_place){0}, "not enough memory to load the configuration");
	return -ENOMEM;
}

char *conf_quote(const char *text, size_t len, char buf[CONF_QUOTE_BYTES])
{
	size_t n = MIN_OF(len, (size_t)CONF_QUOTE_BYTES - 1);

	for (size_t i = 0; i < n; i++)
		buf[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
	buf[n] = '\0';
	if (n < len)
		memcpy(buf + n - 3, "...", 3);
	return buf;
}

int conf_grow(void **array, uint32_t *cap, uint32_t n, size_t size)
{
	uint32_t wanted = *cap ? *cap * 2 : 64;
	void *grown;

	if (n < *cap)
		return 0;
	grown = reallocarray(*array, wanted, size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*cap = wanted;
	return 0;
}

static void set_defaults(struct conf *conf)
{
	struct conf_node *node = &conf->node;

	node->memory_bytes = 512ULL << 20;
	node->huge = CONF_HUGE_AUTO;
	node->idle = CONF_IDLE_ADAPTIVE;
	node->flows = CONF_FLOWS_DEFAULT;
	conf->lb = (struct conf_lb){
		.new_flows_per_sec = CONF_NEW_FLOWS,
		/* RFC 5382 REQ-5, RFC 4787 REQ-5. */
		.idle_ms = {30000, 7440000, 60000, 30000, 300000},
	};
	conf->compute = (struct conf_compute){
		.jobs = 64,
		.jobs_per_client = CONF_JOBS_PER_CLIENT,
		.quota_percent = 100,
		.result_bytes = 64ULL << 20,
		.result_ttl_ms = 3600 * 1000,
		.grace_ms = 60 * 1000,
	};
	base_strlcpy(conf->metrics_address, "127.0.0.1", sizeof(conf->metrics_address));
	conf->metrics_port = 9465;
}

/* Loads from memory with a loader that names the file. */
static int load_with(struct conf_loader *l, const char *text, size_t len, struct conf **out)
{
	int rc;

	l->conf = calloc(1, sizeof(*l->conf));
	if (!l->conf)
		return conf_fail_memory(l);
	set_defaults(l->conf);
	rc = conf_yaml_parse(l, text, len);
	if (rc == 0)
		rc = conf_decode_file(l);
	conf_routes_fini(l);
	free(l->yaml.values);
	free(l->yaml.text);
	if (rc < 0)
		conf_free(l->conf);
	else
		*out = l->conf;
	return rc;
}

/* A loader for the file called @name. NULL, with a sentence, when there is no memory for one. */
static struct conf_loader *loader_create(const char *name, bool node_only, struct conf_error *err)
{
	struct conf_loader *l = calloc(1, sizeof(*l));

	if (!l) {
		snprintf(err->text, sizeof(err->text), "%.128s: not enough memory", name);
		return NULL;
	}
	l->file = name;
	l->yaml_file = name;
	l->node_only = node_only;
	l->err = err;
	return l;
}

/* Reads all of @fd into *@text; the caller frees it, also after an error. */
static int read_all(int fd, char **text, size_t *len)
{
	size_t cap = 0;

	for (;;) {
		char *grown;
		ssize_t n;

		if (cap - *len < READ_BYTES) {
			cap = cap ? cap * 2 : 2 * READ_BYTES;
			grown = realloc(*text, cap);
			if (!grown)
				return -ENOMEM;
			*text = grown;
		}
		n = read(fd, *text + *len, cap - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		*len += (size_t)n;
		if (*len > CONF_TEXT_MAX)
			return -EFBIG;
	}
}

int conf_load(const char *path, bool node_only, struct conf **out, struct conf_error *err)
{
	struct conf_loader *l = loader_create(path, node_only, err);
	char *text = NULL;
	size_t len = 0;
	int fd, rc;

	*out = NULL;
	if (!l)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	rc = fd < 0 ? -errno : read_all(fd, &text, &len);
	if (fd >= 0)
		close(fd);
	if (rc == -EFBIG)
		conf_fail(l, (struct conf_place){0},
			"the file is larger than %u MiB (put routes into route_files)",
			CONF_TEXT_MAX >> 20);
	else if (rc < 0)
		conf_fail(l, (struct conf_place){0}, "cannot read the configuration file: %s",
			strerror(-rc));
	else
		rc = load_with(l, text, len, out);
	free(text);
	free(l);
	return rc;
}

int conf_load_text(
	const char *name, const char *text, size_t len, struct conf **out, struct conf_error *err)
{
	struct conf_loader *l = loader_create(name, false, err);
	int rc;

	*out = NULL;
	if (!l)
		return -ENOMEM;
	if (len > CONF_TEXT_MAX)
		rc = conf_fail(l, (struct conf_place){0},
			"the file is larger than %u MiB (put routes into route_files)",
			CONF_TEXT_MAX >> 20);
	else
		rc = load_with(l, text, len, out);
	free(l);
	return rc;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (uint32_t i = 0; i < conf->n_nexthops; i++)
		free(conf->nexthops[i].hops);
	free(conf->nexthops);
	free(conf->routes);
	free(conf->neighbors);
	free(conf->route_files);
	free(conf->pool);
	free(conf->services);
	free(conf->backends);
	free(conf);
}
