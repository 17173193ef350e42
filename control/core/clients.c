/* SPDX-License-Identifier: BSD-3-Clause */
/* Accepts, checks, dispatches and answers. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/core/core_impl.h"
#include "control/core/log.h"

#define CONFIG_CHUNK_BYTES 60000u

struct client {
	struct clients *owner;
	uint64_t id;
	int fd; /* -1: free */
	struct event *readable, *writable;
	uint8_t *tx;   /* API_MSG_MAX_BYTES: the answer */
	bool tx_waits; /* the socket did not take it yet */
};

struct clients {
	struct event_base *base;
	struct core *core;
	int fd;
	struct event *accept;
	uint64_t last_id;
	struct client clients[CLIENTS_MAX];
	char path[128];
	uint8_t rx[API_MSG_MAX_BYTES];
};

static void close_client(struct client *c)
{
	if (c->fd < 0)
		return;
	event_free(c->readable);
	event_free(c->writable);
	close(c->fd);
	free(c->tx);
	*c = (struct client){.owner = c->owner, .fd = -1};
}

static struct client *find(struct clients *c, uint64_t id)
{
	for (size_t i = 0; id != 0 && i < CLIENTS_MAX; i++)
		if (c->clients[i].fd >= 0 && c->clients[i].id == id)
			return &c->clients[i];
	return NULL;
}

/* Sends the answer in c->tx, or waits until the socket takes it and asks nothing more meanwhile. */
static void flush(struct client *c)
{
	int rc = api_send_whole(c->fd, (const struct api_header *)c->tx);

	if (rc == -EAGAIN) {
		c->tx_waits = true;
		event_del(c->readable);
		event_add(c->writable, NULL);
	} else if (rc < 0) {
		close_client(c);
	} else {
		c->tx_waits = false;
		event_add(c->readable, NULL);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	flush(arg);
}

/* The message in c->tx for the answer to @ref, its header made; its body goes behind it. */
static struct api_header *begin_answer(
	struct client *c, const struct client_ref *ref, size_t body_len, int status)
{
	struct api_header *hdr = (struct api_header *)c->tx;

	BRAID_ASSERT(!c->tx_waits && sizeof(*hdr) + body_len <= API_MSG_MAX_BYTES);
	*hdr = (struct api_header){.length_bytes = (uint32_t)(sizeof(*hdr) + body_len),
		.type = ref->type,
		.flags = API_FLAG_REPLY,
		.status = status,
		.sequence = ref->sequence,
		.generation = session_installed(c->owner->core->session)};
	return hdr;
}

void clients_reply(struct clients *c, const struct client_ref *ref, const void *body,
	const void *items, size_t items_len)
{
	struct client *client = find(c, ref->id);
	size_t body_len;
	uint8_t *at;

	if (!client)
		return;
	body_len = api_row_find(ref->type)->reply_bytes;
	at = (uint8_t *)(begin_answer(client, ref, body_len + items_len, 0) + 1);
	if (body_len > 0)
		memcpy(at, body, body_len);
	if (items_len > 0)
		memcpy(at + body_len, items, items_len);
	flush(client);
}

void clients_reply_error(
	struct clients *c, const struct client_ref *ref, int status, const struct base_error *err)
{
	struct client *client = find(c, ref->id);

	if (!client)
		return;
	memcpy(begin_answer(client, ref, sizeof(*err), status) + 1, err, sizeof(*err));
	flush(client);
}

void clients_progress(struct clients *c, const struct client_ref *ref,
	const struct api_control_progress *progress)
{
	struct api_header hdr = {
		.type = API_control_progress, .flags = API_FLAG_EVENT, .sequence = ref->sequence};
	const struct client *client = find(c, ref->id);

	if (client && !client->tx_waits)
		api_send(client->fd, &hdr, progress, NULL, 0);
}

static int on_hello(
	struct clients *c, const struct client_ref *ref, const void *body, struct base_error *err)
{
	const struct api_hello *hello = body;
	struct api_hello_reply reply = {.version = API_VERSION,
		.pid = (uint32_t)getpid(),
		.generation = session_installed(c->core->session),
		.started_ns = c->core->started_ns};

	if (hello->version != API_VERSION)
		return base_error_set(err, EPROTO,
			"braid-control speaks API version %d, this program version %u (install the "
			"same version of all braid programs)",
			API_VERSION, hello->version);
	if (c->core->desired)
		base_strlcpy(reply.node, c->core->desired->conf->node.name, sizeof(reply.node));
	base_strlcpy(reply.build, BRAID_VERSION, sizeof(reply.build));
	clients_reply(c, ref, &reply, NULL, 0);
	return 0;
}

static int on_status(
	struct clients *c, const struct client_ref *ref, const void *body, struct base_error *err)
{
	struct api_control_status status = {0};

	core_status(c->core, &status);
	clients_reply(c, ref, &status, NULL, 0);
	return 0;
}

static int on_apply(
	struct clients *c, const struct client_ref *ref, const void *body, struct base_error *err)
{
	const struct api_control_apply *apply = body;

	if (memchr(apply->path, '\0', sizeof(apply->path)) == NULL || apply->path[0] != '/' ||
		strpbrk(apply->path, "\r\n") != NULL || (apply->flags & ~API_APPLY_DRY_RUN) != 0)
		return base_error_set(err, EINVAL,
			"control_apply: the path must be absolute and terminated, the flags known");
	return install_apply(c->core, ref, apply, err);
}

static int on_config(
	struct clients *c, const struct client_ref *ref, const void *body, struct base_error *err)
{
	const struct api_dump *dump = body;
	const struct applied *desired = c->core->desired;
	struct api_dump_reply reply = {0};

	if (!desired || !c->core->decided)
		return base_error_set(err, ENOENT,
			"no configuration is in force yet: braid-dataplane has not connected");
	if (dump->cursor > desired->text_len)
		return base_error_set(err, EINVAL, "control_config: the cursor is beyond the text");
	reply.count = (uint32_t)MIN_OF(desired->text_len - dump->cursor, CONFIG_CHUNK_BYTES);
	reply.cursor = dump->cursor + reply.count;
	if (reply.cursor == desired->text_len)
		reply.cursor = 0;
	clients_reply(c, ref, &reply, desired->text + dump->cursor, reply.count);
	return 0;
}

static int on_drain(
	struct clients *c, const struct client_ref *ref, const void *body, struct base_error *err)
{
	int rc = service_drain(c->core->services, body, err);

	if (rc == 0)
		clients_reply(c, ref, NULL, NULL, 0);
	return rc;
}

static int dispatch(
	struct clients *c, const struct client_ref *ref, const void *body, struct base_error *err)
{
	switch (ref->type) {
	case API_hello:
		return on_hello(c, ref, body, err);
	case API_control_status:
		return on_status(c, ref, body, err);
	case API_control_apply:
		return on_apply(c, ref, body, err);
	case API_control_config:
		return on_config(c, ref, body, err);
	case API_control_drain:
		return on_drain(c, ref, body, err);
	}
	return base_error_set(err, EOPNOTSUPP, "%s is a message for braid-dataplane's socket",
		api_row_find(ref->type)->name);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;
	struct clients *c = client->owner;
	const struct api_header *hdr = (const struct api_header *)c->rx;
	struct base_error err = {0};
	struct client_ref ref;
	int rc = api_recv(fd, c->rx, &err);

	if (rc == -EAGAIN || rc == -EINTR)
		return;
	if (rc <= 0 || hdr->flags != 0) {
		if (rc != 0)
			log_line("a client was cut off: %s", err.text[0] ? err.text : "no request");
		close_client(client);
		return;
	}
	/* Until the answer is out, no further request is read from this client. */
	event_del(client->readable);
	ref = (struct client_ref){.id = client->id, .sequence = hdr->sequence, .type = hdr->type};
	rc = dispatch(c, &ref, hdr + 1, &err);
	if (rc < 0)
		clients_reply_error(c, &ref, rc, &err);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct clients *c = arg;
	int sock = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client = NULL;

	if (sock < 0)
		return;
	for (size_t i = 0; i < CLIENTS_MAX && !client; i++)
		if (c->clients[i].fd < 0)
			client = &c->clients[i];
	if (client) {
		client->tx = malloc(API_MSG_MAX_BYTES);
		client->readable =
			event_new(c->base, sock, EV_READ | EV_PERSIST, on_readable, client);
		client->writable = event_new(c->base, sock, EV_WRITE, on_writable, client);
	}
	if (client && client->tx && client->readable && client->writable &&
		event_add(client->readable, NULL) == 0) {
		client->fd = sock;
		client->id = ++c->last_id;
		return;
	}
	log_line("a client was turned away: %u at a time is the limit", CLIENTS_MAX);
	close(sock);
	if (client) {
		if (client->readable)
			event_free(client->readable);
		if (client->writable)
			event_free(client->writable);
		free(client->tx);
		*client = (struct client){.owner = c, .fd = -1};
	}
}

struct clients *clients_create(
	struct event_base *base, const char *path, struct core *core, struct base_error *err)
{
	struct clients *c = calloc(1, sizeof(*c));

	if (!c) {
		base_error_set(err, ENOMEM, "no memory for the API socket");
		return NULL;
	}
	c->base = base;
	c->core = core;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		c->clients[i] = (struct client){.owner = c, .fd = -1};
	c->fd = api_listen(path, err);
	if (c->fd < 0) {
		free(c);
		return NULL;
	}
	base_strlcpy(c->path, path, sizeof(c->path));
	c->accept = event_new(base, c->fd, EV_READ | EV_PERSIST, on_accept, c);
	if (c->accept && event_add(c->accept, NULL) == 0)
		return c;
	base_error_set(err, ENOMEM, "no memory for the API socket");
	clients_destroy(c);
	return NULL;
}

void clients_destroy(struct clients *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		close_client(&c->clients[i]);
	if (c->accept)
		event_free(c->accept);
	unlink(c->path);
	close(c->fd);
	free(c);
}
