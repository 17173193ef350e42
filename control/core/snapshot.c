/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration as one binary file, sealed by a checksum over everything. Any thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/core/snapshot.h"

#define SNAPSHOT_MAGIC    0x70616e7362726433ULL
#define CHECKSUM_START    0xcbf29ce484222325ULL
#define SNAPSHOT_HOPS_MAX ((uint64_t)CONF_NEXTHOPS_MAX * CONF_HOPS_MAX)

/* The sizes tell builds with other structures apart. */
struct snapshot_head {
	uint64_t magic;
	uint64_t checksum; /* of all that follows this structure, then of it with a zero here */
	uint32_t conf_bytes, neighbor_bytes, hop_bytes, route_bytes;
	uint32_t n_neighbors, n_nexthops, n_routes, n_route_files;
	uint32_t n_hops;
	uint32_t pool_bytes, service_bytes, backend_bytes;
	uint32_t n_pool, n_services, n_backends;
	uint16_t metrics_port;
	uint16_t pad;
	struct conf_lb lb;
	struct conf_compute compute;
	char metrics_address[IPADDR_TEXT_MAX];
	char build[16];
};

struct snapshot_nexthop {
	uint16_t action;
	uint16_t n_hops;
};

/* FNV-1a: it guards against torn files, not against people. */
static uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len > 0; len--, p++)
		sum = (sum ^ *p) * 0x100000001b3ULL;
	return sum;
}

struct writer {
	FILE *file;
	uint64_t checksum;
};

static void put(struct writer *w, const void *data, size_t len)
{
	w->checksum = checksum_add(w->checksum, data, len);
	fwrite(data, 1, len, w->file);
}

static void put_body(struct writer *w, const struct conf *conf)
{
	put(w, &conf->node, sizeof(conf->node));
	put(w, conf->neighbors, conf->n_neighbors * sizeof(*conf->neighbors));
	for (uint32_t i = 0; i < conf->n_nexthops; i++) {
		struct snapshot_nexthop nh = {.action = (uint16_t)conf->nexthops[i].action,
			.n_hops = conf->nexthops[i].n_hops};

		put(w, &nh, sizeof(nh));
		put(w, conf->nexthops[i].hops, nh.n_hops * sizeof(struct conf_hop));
	}
	put(w, conf->routes, conf->n_routes * sizeof(*conf->routes));
	put(w, conf->route_files, conf->n_route_files * sizeof(*conf->route_files));
	put(w, conf->pool, conf->n_pool * sizeof(*conf->pool));
	put(w, conf->services, conf->n_services * sizeof(*conf->services));
	put(w, conf->backends, conf->n_backends * sizeof(*conf->backends));
}

static struct snapshot_head head_of(const struct conf *conf)
{
	struct snapshot_head head = {.magic = SNAPSHOT_MAGIC,
		.conf_bytes = sizeof(*conf),
		.neighbor_bytes = sizeof(*conf->neighbors),
		.hop_bytes = sizeof(struct conf_hop),
		.route_bytes = sizeof(*conf->routes),
		.n_neighbors = conf->n_neighbors,
		.n_nexthops = conf->n_nexthops,
		.n_routes = conf->n_routes,
		.n_route_files = conf->n_route_files,
		.pool_bytes = sizeof(*conf->pool),
		.service_bytes = sizeof(*conf->services),
		.backend_bytes = sizeof(*conf->backends),
		.n_pool = conf->n_pool,
		.n_services = conf->n_services,
		.n_backends = conf->n_backends,
		.metrics_port = conf->metrics_port};

	memcpy(&head.lb, &conf->lb, sizeof(head.lb));
	memcpy(&head.compute, &conf->compute, sizeof(head.compute));
	for (uint32_t i = 0; i < conf->n_nexthops; i++)
		head.n_hops += conf->nexthops[i].n_hops;
	base_strlcpy(head.metrics_address, conf->metrics_address, sizeof(head.metrics_address));
	base_strlcpy(head.build, BRAID_VERSION, sizeof(head.build));
	return head;
}

int snapshot_write(const char *path, const struct conf *conf, struct base_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	struct snapshot_head head = head_of(conf);
	struct writer w = {.checksum = CHECKSUM_START, .file = fd >= 0 ? fdopen(fd, "w") : NULL};
	bool ok;

	if (!w.file) {
		base_error_set(err, errno, "%s: cannot write: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -EIO;
	}
	fwrite(&head, sizeof(head), 1, w.file);
	put_body(&w, conf);
	head.checksum = checksum_add(w.checksum, &head, sizeof(head));
	errno = 0;
	ok = fseek(w.file, 0, SEEK_SET) == 0 && fwrite(&head, sizeof(head), 1, w.file) == 1 &&
	     fflush(w.file) == 0 && !ferror(w.file) && fsync(fd) == 0;
	if (fclose(w.file) != 0 || !ok) {
		base_error_set(err, EIO, "%s: cannot write: %s", path,
			errno ? strerror(errno) : "short write");
		unlink(path);
		return -EIO;
	}
	return 0;
}

/* What is left of the file while reading it. */
struct cursor {
	const uint8_t *at;
	size_t left;
};

/* Takes @n elements of @size into new memory; NULL when the file ends before them. */
static void *take(struct cursor *c, size_t n, size_t size)
{
	void *copy;

	if (size != 0 && n > c->left / size)
		return NULL;
	copy = malloc(n * size + (n == 0));
	if (!copy)
		return NULL;
	memcpy(copy, c->at, n * size);
	c->at += n * size;
	c->left -= n * size;
	return copy;
}

static bool take_nexthops(struct cursor *c, struct conf *conf, const struct snapshot_head *head)
{
	conf->nexthops = calloc(head->n_nexthops + 1ul, sizeof(*conf->nexthops));
	if (!conf->nexthops)
		return false;
	for (uint32_t i = 0; i < head->n_nexthops; i++) {
		struct snapshot_nexthop nh;

		if (c->left < sizeof(nh))
			return false;
		memcpy(&nh, c->at, sizeof(nh));
		c->at += sizeof(nh);
		c->left -= sizeof(nh);
		if (nh.n_hops > CONF_HOPS_MAX || nh.action > CONF_ACTION_REJECT)
			return false;
		conf->nexthops[i].action = (enum conf_action)nh.action;
		conf->nexthops[i].n_hops = nh.n_hops;
		conf->nexthops[i].hops = take(c, nh.n_hops, sizeof(struct conf_hop));
		conf->n_nexthops = i + 1;
		if (!conf->nexthops[i].hops)
			return false;
	}
	return true;
}

/* The balancer's part, with every reference inside it checked. */
static bool take_services(struct cursor *c, struct conf *conf, const struct snapshot_head *head)
{
	conf->lb = head->lb;
	conf->compute = head->compute;
	conf->pool = take(c, head->n_pool, sizeof(*conf->pool));
	conf->n_pool = (uint16_t)head->n_pool;
	conf->services = take(c, head->n_services, sizeof(*conf->services));
	conf->n_services = head->n_services;
	conf->backends = take(c, head->n_backends, sizeof(*conf->backends));
	conf->n_backends = head->n_backends;
	if (!conf->pool || !conf->services || !conf->backends)
		return false;
	for (uint32_t i = 0; i < conf->n_services; i++)
		if (conf->services[i].first_backend > conf->n_backends ||
			conf->services[i].n_backends >
				conf->n_backends - conf->services[i].first_backend)
			return false;
	for (uint32_t i = 0; i < conf->n_backends; i++)
		if (conf->backends[i].service >= conf->n_services)
			return false;
	return true;
}

static bool take_all(struct cursor *c, struct conf *conf, const struct snapshot_head *head)
{
	struct conf_node *node = take(c, 1, sizeof(*node));

	if (!node)
		return false;
	conf->node = *node;
	free(node);
	conf->neighbors = take(c, head->n_neighbors, sizeof(*conf->neighbors));
	conf->n_neighbors = head->n_neighbors;
	if (!conf->neighbors || !take_nexthops(c, conf, head))
		return false;
	conf->routes = take(c, head->n_routes, sizeof(*conf->routes));
	conf->n_routes = head->n_routes;
	conf->route_files = take(c, head->n_route_files, sizeof(*conf->route_files));
	conf->n_route_files = (uint16_t)head->n_route_files;
	if (!conf->routes || !conf->route_files || !take_services(c, conf, head) || c->left != 0)
		return false;
	for (uint32_t i = 0; i < conf->n_routes; i++)
		if (conf->routes[i].nexthop >= conf->n_nexthops)
			return false;
	base_strlcpy(conf->metrics_address, head->metrics_address, sizeof(conf->metrics_address));
	conf->metrics_port = head->metrics_port;
	return true;
}

/* Whether the checksum in @head is that of the file. */
static bool is_whole(const struct snapshot_head *head, const struct cursor *body)
{
	struct snapshot_head copy = *head;

	copy.checksum = 0;
	return head->checksum == checksum_add(checksum_add(CHECKSUM_START, body->at, body->left),
					 &copy, sizeof(copy));
}

static struct conf *parse(const uint8_t *data, size_t len)
{
	struct cursor c = {.at = data + sizeof(struct snapshot_head),
		.left = len - sizeof(struct snapshot_head)};
	struct conf *conf = calloc(1, sizeof(*conf));
	struct snapshot_head head;

	memcpy(&head, data, sizeof(head));
	if (conf && head.magic == SNAPSHOT_MAGIC && head.conf_bytes == sizeof(*conf) &&
		head.neighbor_bytes == sizeof(*conf->neighbors) &&
		head.hop_bytes == sizeof(struct conf_hop) &&
		head.route_bytes == sizeof(*conf->routes) &&
		head.pool_bytes == sizeof(*conf->pool) &&
		head.service_bytes == sizeof(*conf->services) &&
		head.backend_bytes == sizeof(*conf->backends) &&
		strncmp(head.build, BRAID_VERSION, sizeof(head.build)) == 0 &&
		head.n_neighbors <= CONF_NEIGHBORS_MAX && head.n_nexthops <= CONF_NEXTHOPS_MAX &&
		head.n_hops <= SNAPSHOT_HOPS_MAX && head.n_routes <= CONF_ROUTES_MAX &&
		head.n_route_files <= CONF_ROUTE_FILES_MAX && head.n_pool <= CONF_POOL_MAX &&
		head.n_services <= CONF_SERVICES_MAX && head.n_backends <= CONF_BACKENDS_MAX &&
		is_whole(&head, &c) && take_all(&c, conf, &head))
		return conf;
	conf_free(conf);
	return NULL;
}

struct conf *snapshot_read(const char *path, struct base_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct conf *conf = NULL;
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st) < 0) {
		base_error_set(err, errno, "%s: cannot read: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (st.st_size >= (off_t)sizeof(struct snapshot_head)) {
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data != MAP_FAILED) {
			conf = parse(data, (size_t)st.st_size);
			munmap(data, (size_t)st.st_size);
		}
	}
	close(fd);
	if (!conf)
		base_error_set(err, EBADMSG, "%s: not a whole snapshot of this version", path);
	return conf;
}
