/* SPDX-License-Identifier: BSD-3-Clause */
/* The server of the fake dataplane. Thread: its own, but for start and stop. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/fake_dataplane.h"

static void free_state(struct fake_state *s)
{
	free(s->interfaces);
	free(s->neighbors);
	free(s->nexthops);
	free(s->routes);
	free(s->pool);
	free(s->services);
	free(s->backends);
	*s = (struct fake_state){0};
}

/* Appends @n items of @size to the array. */
static void append(void *array, uint32_t *have, const void *items, uint32_t n, size_t size)
{
	void **at = array;

	*at = reallocarray(*at, *have + n + 1ul, size);
	BRAID_ASSERT(*at);
	memcpy((uint8_t *)*at + *have * size, items, n * size);
	*have += n;
}

static int on_begin(struct fake_dataplane *f, const struct api_begin *body, struct base_error *err)
{
	if (body->generation <= f->generation)
		return base_error_set(err, EINVAL, "generation %llu is not larger than %llu",
			(unsigned long long)body->generation, (unsigned long long)f->generation);
	free_state(&f->staged);
	f->staged_generation = body->generation;
	return 0;
}

static int on_set(struct fake_dataplane *f, uint16_t type, const void *body, struct base_error *err)
{
	const struct api_list *list = body;
	struct fake_state *s = &f->staged;

	if (f->staged_generation == 0)
		return base_error_set(err, EINVAL, "no generation was begun");
	if (type == API_interface_set)
		append(&s->interfaces, &s->n_interfaces, list + 1, list->count,
			sizeof(*s->interfaces));
	else if (type == API_neighbor_set)
		append(&s->neighbors, &s->n_neighbors, list + 1, list->count,
			sizeof(*s->neighbors));
	else if (type == API_nexthop_set)
		append(&s->nexthops, &s->n_nexthops, list + 1, list->count, sizeof(*s->nexthops));
	else if (type == API_route_set)
		append(&s->routes, &s->n_routes, list + 1, list->count, sizeof(*s->routes));
	else if (type == API_pool_set)
		append(&s->pool, &s->n_pool, list + 1, list->count, sizeof(*s->pool));
	else if (type == API_service_set)
		append(&s->services, &s->n_services, list + 1, list->count, sizeof(*s->services));
	else
		append(&s->backends, &s->n_backends, list + 1, list->count, sizeof(*s->backends));
	return 0;
}

static int on_lb_set(struct fake_dataplane *f, const struct api_lb *body, struct base_error *err)
{
	if (f->staged_generation == 0)
		return base_error_set(err, EINVAL, "no generation was begun");
	f->staged.lb = *body;
	f->staged.has_lb = true;
	return 0;
}

static int on_store_set(
	struct fake_dataplane *f, const struct api_store *body, struct base_error *err)
{
	if (f->staged_generation == 0)
		return base_error_set(err, EINVAL, "no generation was begun");
	f->staged.store = *body;
	return 0;
}

static int on_commit(struct fake_dataplane *f, const struct api_commit *body,
	struct api_commit_reply *reply, struct base_error *err)
{
	if (f->staged_generation != body->generation)
		return base_error_set(err, EINVAL, "that generation was not begun");
	if (f->refusal.text[0]) {
		*err = f->refusal;
		return -EINVAL;
	}
	reply->interfaces.added = f->staged.n_interfaces;
	reply->neighbors.added = f->staged.n_neighbors;
	reply->routes.added = f->staged.n_routes;
	reply->pool.added = f->staged.n_pool;
	reply->services.added = f->staged.n_services;
	reply->backends.added = f->staged.n_backends;
	f->staged_generation = 0;
	if (body->flags & API_COMMIT_DRY_RUN) {
		f->n_dry_runs++;
		free_state(&f->staged);
		return 0;
	}
	free_state(&f->installed);
	f->installed = f->staged;
	f->staged = (struct fake_state){0};
	f->generation = body->generation;
	f->counters->gauges.generation = f->generation;
	if (f->installed.store.n_listen)
		fake_store_count(f->counters);
	fake_lb_commit(f);
	__atomic_store_n(&f->n_commits, f->n_commits + 1, __ATOMIC_RELEASE);
	return 0;
}

/* Fills in routes after the cursor, which counts them. */
static uint32_t dump_routes(
	const struct fake_dataplane *f, const struct api_dump *dump, uint64_t *cursor, uint8_t *out)
{
	uint32_t room = (API_MSG_MAX_BYTES - 64) / sizeof(struct api_route_info), n = 0;
	uint64_t i = dump->cursor;

	for (; i < f->installed.n_routes && n < room; i++) {
		const struct api_route *r = &f->installed.routes[i];
		struct api_route_info info = {.prefix = r->prefix, .nexthop = r->nexthop};

		if (dump->prefix.family && !ip_addr_covers(&dump->prefix, &r->prefix))
			continue;
		memcpy(out + n++ * sizeof(info), &info, sizeof(info));
	}
	*cursor = i < f->installed.n_routes ? i : 0;
	return n;
}

static uint32_t dump_items(struct fake_dataplane *f, uint16_t type, uint8_t *out)
{
	uint32_t n = 0;

	if (type == API_nexthop_dump) {
		for (; n < f->installed.n_nexthops && n < 40; n++) {
			const struct api_nexthop *nh = &f->installed.nexthops[n];
			struct api_nexthop_info info = {
				.index = nh->id, .action = nh->action, .n_hops = nh->n_hops};

			memcpy(info.hops, nh->hops, sizeof(info.hops));
			info.buckets[0] = 128;
			memcpy(out + n * sizeof(info), &info, sizeof(info));
		}
	} else if (type == API_interface_dump) {
		for (; n < f->installed.n_interfaces; n++) {
			struct api_interface_info info = {.index = (uint16_t)n, .up = 1};

			memcpy(info.name, f->installed.interfaces[n].name, sizeof(info.name));
			memcpy(info.port, f->installed.interfaces[n].port, sizeof(info.port));
			info.mtu = f->installed.interfaces[n].mtu;
			memcpy(out + n * sizeof(info), &info, sizeof(info));
		}
	} else if (type == API_address_dump) {
		for (uint32_t i = 0; i < f->installed.n_interfaces; i++) {
			struct api_address_info info = {.state = API_ADDRESS_PREFERRED};

			memcpy(info.interface, f->installed.interfaces[i].name,
				sizeof(info.interface));
			info.address = f->installed.interfaces[i].addresses[0];
			memcpy(out + n++ * sizeof(info), &info, sizeof(info));
		}
	} else if (type == API_neighbor_dump) {
		for (; n < f->installed.n_neighbors; n++) {
			struct api_neighbor_info info = {.state = API_NEIGHBOR_PERMANENT};

			memcpy(info.interface, f->installed.neighbors[n].interface,
				sizeof(info.interface));
			info.address = f->installed.neighbors[n].address;
			memcpy(info.mac, f->installed.neighbors[n].mac, sizeof(info.mac));
			memcpy(out + n * sizeof(info), &info, sizeof(info));
		}
	} else if (type == API_port_dump) {
		struct api_port_info info = {.name = "lan",
			.driver = "net_fake",
			.device = "net_fake0",
			.mtu = 1500,
			.link_up = 1,
			.link_mbps = 10000,
			.n_rx_queues = 1,
			.n_tx_queues = 1};

		memcpy(out, &info, sizeof(info));
		n = 1;
	}
	return n;
}

static void send_packet(int fd, uint32_t sequence, const struct api_capture *capture)
{
	struct api_header hdr = {
		.type = API_capture_packet, .flags = API_FLAG_EVENT, .sequence = sequence};
	struct api_capture_packet p = {.count = 60,
		.length_bytes = 60,
		.time_ns = 1700000000000000000ULL,
		.interface = "lan",
		.direction = capture->reason[0] ? API_CAPTURE_DROP : API_CAPTURE_IN};
	uint8_t frame[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45};

	if (capture->reason[0])
		base_strlcpy(p.reason, "ip4_no_route", sizeof(p.reason));
	for (unsigned i = 0; i < 5; i++)
		api_send(fd, &hdr, &p, frame, sizeof(frame));
}

static void answer_hello(const struct fake_dataplane *f, struct api_hello_reply *reply)
{
	reply->version = f->version;
	reply->pid = (uint32_t)getpid();
	reply->generation = f->generation;
	reply->started_ns = f->started_ns;
	base_strlcpy(reply->node, f->node, sizeof(reply->node));
	base_strlcpy(reply->build, "fake", sizeof(reply->build));
	snprintf(reply->stats_path, sizeof(reply->stats_path), "%s/counters", f->dir);
}

static uint32_t answer_explain(uint8_t *body)
{
	struct api_explain_reply reply = {
		.count = 1, .forwarded = 1, .verdict = "a frame leaves port lan"};
	struct api_explain_step step = {.stage = "ip4_input", .text = "header is valid"};

	memcpy(body, &reply, sizeof(reply));
	memcpy(body + sizeof(reply), &step, sizeof(step));
	return 1;
}

/* Fills in the reply to the request in f->rx; its status. */
static int handle(struct fake_dataplane *f, struct api_header *hdr, uint8_t *reply,
	uint32_t *n_items, struct base_error *err)
{
	const void *body = f->rx + sizeof(*hdr);
	struct api_dump_reply *dump = (struct api_dump_reply *)reply;

	switch (hdr->type) {
	case API_hello:
		answer_hello(f, (struct api_hello_reply *)reply);
		return 0;
	case API_begin:
		return on_begin(f, body, err);
	case API_interface_set:
	case API_neighbor_set:
	case API_nexthop_set:
	case API_route_set:
	case API_pool_set:
	case API_service_set:
	case API_backend_set:
		return on_set(f, hdr->type, body, err);
	case API_lb_set:
		return on_lb_set(f, body, err);
	case API_store_set:
		return on_store_set(f, body, err);
	case API_backend_state:
		return fake_lb_state(f, body, err);
	case API_service_dump:
		dump->count = *n_items = fake_lb_services(f, body, dump, reply + sizeof(*dump));
		return 0;
	case API_backend_dump:
		dump->count = *n_items = fake_lb_backends(f, body, dump, reply + sizeof(*dump));
		return 0;
	case API_flow_dump:
		if (f->flow_answers == 1)
			return base_error_set(err, EIO, "the worker does not answer");
		f->flow_answers -= f->flow_answers > 1;
		dump->count = *n_items = fake_lb_flows(f, body, dump, reply + sizeof(*dump));
		return 0;
	case API_conn_dump:
		dump->count = *n_items = fake_store_conns(f, body, dump, reply + sizeof(*dump));
		return 0;
	case API_store_info:
		fake_store_info(f, (struct api_store_info *)reply);
		return 0;
	case API_commit:
		return on_commit(f, body, (struct api_commit_reply *)reply, err);
	case API_abort:
		f->n_aborts++;
		f->staged_generation = 0;
		free_state(&f->staged);
		return 0;
	case API_route_dump:
		dump->count = *n_items = dump_routes(f, body, &dump->cursor, reply + sizeof(*dump));
		return 0;
	case API_explain:
		*n_items = answer_explain(reply);
		return 0;
	case API_capture:
		return 0;
	}
	dump->count = *n_items = dump_items(f, hdr->type, reply + sizeof(*dump));
	return 0;
}

static bool serve(struct fake_dataplane *f, int fd)
{
	struct base_error err = {0};
	int rc = api_recv(fd, f->rx, &err);
	struct api_header hdr;
	const struct api_row *row;
	uint32_t n_items = 0;

	if (rc <= 0 || (f->hang_up_after && ++f->n_messages >= f->hang_up_after))
		return false;
	memcpy(&hdr, f->rx, sizeof(hdr));
	row = api_row_find(hdr.type);
	memset(f->tx, 0, sizeof(f->tx));
	hdr.status = handle(f, &hdr, f->tx, &n_items, &err);
	hdr.flags = API_FLAG_REPLY;
	hdr.generation = f->generation;
	if (hdr.status < 0)
		rc = api_send(fd, &hdr, &err, NULL, 0);
	else
		rc = api_send(fd, &hdr, f->tx, f->tx + row->reply_bytes,
			(size_t)n_items * row->reply_item_bytes);
	if (hdr.type == API_capture)
		send_packet(fd, hdr.sequence,
			(const struct api_capture *)(f->rx + sizeof(struct api_header)));
	return rc == 0;
}

static void accept_client(struct fake_dataplane *f)
{
	int fd = accept(f->listen_fd, NULL, NULL);

	for (size_t i = 0; fd >= 0 && i < FAKE_CLIENTS_MAX; i++) {
		if (f->clients[i] < 0) {
			f->clients[i] = fd;
			return;
		}
	}
	if (fd >= 0)
		close(fd);
}

static void *run(void *arg)
{
	struct fake_dataplane *f = arg;
	struct pollfd fds[FAKE_CLIENTS_MAX + 1];

	while (!__atomic_load_n(&f->stop, __ATOMIC_ACQUIRE)) {
		for (size_t i = 0; i < FAKE_CLIENTS_MAX; i++)
			fds[i] = (struct pollfd){.fd = f->clients[i], .events = POLLIN};
		fds[FAKE_CLIENTS_MAX] = (struct pollfd){.fd = f->listen_fd, .events = POLLIN};
		if (poll(fds, FAKE_CLIENTS_MAX + 1, 10) <= 0)
			continue;
		for (size_t i = 0; i < FAKE_CLIENTS_MAX; i++) {
			if (fds[i].revents == 0 || serve(f, f->clients[i]))
				continue;
			close(f->clients[i]);
			f->clients[i] = -1;
		}
		if (fds[FAKE_CLIENTS_MAX].revents)
			accept_client(f);
	}
	return NULL;
}

static struct stats_file *create_counters(const char *dir)
{
	struct stats_file *c;
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/counters", dir);
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	BRAID_ASSERT(fd >= 0 && ftruncate(fd, sizeof(*c)) == 0);
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	BRAID_ASSERT(c != MAP_FAILED);
	close(fd);
	c->magic = STATS_MAGIC;
	c->version = STATS_VERSION;
	c->bytes = sizeof(*c);
	c->pid = (uint32_t)getpid();
	c->tsc_hz = 1000000000;
	c->n_workers = 2;
	c->n_stages = 1;
	c->n_drops = 2;
	c->n_lb_drops = 2;
	c->lb_drops[0] = 1;
	c->n_ports = 1;
	c->n_interfaces = 1;
	base_strlcpy(c->stage_names[0], "ip4_input", STATS_NAME_MAX);
	base_strlcpy(c->drop_names[0], "ip4_no_route", STATS_NAME_MAX);
	base_strlcpy(c->drop_texts[0], "no route to the destination", 96);
	base_strlcpy(c->drop_names[1], "no_mbuf", STATS_NAME_MAX);
	c->drop_severity[1] = 2;
	base_strlcpy(c->port_names[0], "la\"n", STATS_NAME_MAX);
	base_strlcpy(c->interface_names[0], "lan", STATS_NAME_MAX);
	c->workers[0].rx_pkts = 7;
	c->workers[0].drops[0] = 3;
	c->workers[1].drops[0] = 2;
	c->workers[0].ports[0].rx_pkts = 7;
	return c;
}

struct fake_dataplane *fake_dataplane_start(const char *dir, const char *node)
{
	struct fake_dataplane *f = calloc(1, sizeof(*f));
	struct base_error err = {0};
	struct timespec ts;
	char path[96];

	BRAID_ASSERT(f);
	base_strlcpy(f->dir, dir, sizeof(f->dir));
	base_strlcpy(f->node, node, sizeof(f->node));
	f->version = API_VERSION;
	clock_gettime(CLOCK_REALTIME, &ts);
	f->started_ns = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	for (size_t i = 0; i < FAKE_CLIENTS_MAX; i++)
		f->clients[i] = -1;
	f->counters = create_counters(dir);
	snprintf(path, sizeof(path), "%s/dataplane.sock", dir);
	f->listen_fd = api_listen(path, &err);
	BRAID_ASSERT(f->listen_fd >= 0);
	BRAID_ASSERT(pthread_create(&f->thread, NULL, run, f) == 0);
	return f;
}

void fake_dataplane_kill(struct fake_dataplane *f)
{
	__atomic_store_n(&f->stop, true, __ATOMIC_RELEASE);
	pthread_join(f->thread, NULL);
	for (size_t i = 0; i < FAKE_CLIENTS_MAX; i++)
		if (f->clients[i] >= 0)
			close(f->clients[i]);
	close(f->listen_fd);
	munmap(f->counters, sizeof(*f->counters));
	free_state(&f->staged);
	free_state(&f->installed);
	free(f);
}

void fake_dataplane_stop(struct fake_dataplane *f)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/dataplane.sock", f->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/counters", f->dir);
	unlink(path);
	fake_dataplane_kill(f);
}
