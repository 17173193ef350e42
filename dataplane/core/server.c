/* SPDX-License-Identifier: BSD-3-Clause */
/* The API socket: clients, messages, answers. Thread: main. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/core/server.h"
#include "dataplane/core/world.h"

#define MESSAGES_PER_POLL   16
#define CLOSE_LISTENERS_MAX 4
#define GROUPS_MAX          1024 /* of a peer; in more it is not looked for */

struct server_client {
	int fd; /* -1: free */
	uint64_t id;
	struct api_header request; /* being handled */
};

static struct {
	int listen_fd;
	int epoll_fd;
	uint64_t next_id;
	uint64_t started_ns;
	char path[108];
	struct server_identity identity;
	struct server_client clients[SERVER_CLIENTS_MAX];
	void (*on_close[CLOSE_LISTENERS_MAX])(uint64_t client_id);
	unsigned n_on_close;
	_Alignas(uint64_t) uint8_t request[API_MSG_MAX_BYTES];
	_Alignas(uint64_t) uint8_t reply[API_MSG_MAX_BYTES];
} server = {.listen_fd = -1, .epoll_fd = -1};

/* Calls the typed handler of the row of @c's request, whose body and items are given. */
static int dispatch(struct server_client *c, const void *body, const void *items,
	struct server_reply *rep, struct base_error *err)
{
	switch (c->request.type) {
#define API_MSG(id, name, req, req_item, rep_type, rep_item, help)                                 \
	case API_##name:                                                                           \
		return server_on_##name(c, body, items, rep, err);
#include "lib/api/dataplane.def"
#undef API_MSG
	}
	return base_error_set(err, EOPNOTSUPP,
		"message %u is not for the dataplane: use braid-control's socket", c->request.type);
}

static struct server_client *find_client(uint64_t id)
{
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (server.clients[i].fd >= 0 && server.clients[i].id == id)
			return &server.clients[i];
	return NULL;
}

static void close_client(struct server_client *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	for (unsigned i = 0; i < server.n_on_close; i++)
		server.on_close[i](c->id);
}

/* Sends a reply, or with a negative @status the sentence in @err; a client that does not read is
 * cut off rather than waited for. */
static void answer(struct server_client *c, const struct api_header *request, int status,
	const struct server_reply *rep, const struct base_error *err)
{
	const struct api_row *row = api_row_find(request->type);
	struct api_header hdr = {
		.type = request->type,
		.flags = API_FLAG_REPLY,
		.status = status,
		.sequence = request->sequence,
		.generation = world_current->generation,
	};
	int ret;

	if (status < 0)
		ret = api_send(c->fd, &hdr, err, NULL, 0);
	else
		ret = api_send(c->fd, &hdr, rep->body, rep->items,
			(size_t)rep->n_items * row->reply_item_bytes);
	if (ret < 0)
		close_client(c);
}

/* Handles the request of @len bytes in server.request. */
static void handle(struct server_client *c, size_t len)
{
	const struct api_header *hdr = (const struct api_header *)server.request;
	const struct api_row *row = api_row_find(hdr->type);
	struct base_error err = {{0}};
	const uint8_t *body = server.request + sizeof(*hdr);
	struct server_reply rep;
	int status;

	c->request = *hdr;
	memset(server.reply, 0, sizeof(server.reply));
	rep = (struct server_reply){
		.body = server.reply,
		.items = server.reply + row->reply_bytes,
	};
	if (row->reply_item_bytes)
		rep.items_max = (uint32_t)((API_MSG_MAX_BYTES - sizeof(*hdr) - row->reply_bytes) /
					   row->reply_item_bytes);
	status = hdr->flags ? base_error_set(
				      &err, EPROTO, "a request must not carry reply or event flags")
			    : dispatch(c, body, body + row->request_bytes, &rep, &err);
	if (status == SERVER_LATER || c->fd < 0)
		return;
	if (status == 0 && row->reply_item_bytes)
		memcpy(rep.body, &rep.n_items, sizeof(rep.n_items));
	answer(c, &c->request, status, &rep, &err);
}

/* Whether the peer of @fd is in our group besides its own. */
static bool peer_is_member(int fd)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == getegid())
			return true;
	return false;
}

/* Who may talk to us is decided by the socket's mode; root, our user and our group are it. */
static int check_peer(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	if (peer.uid != 0 && peer.uid != geteuid() && peer.gid != getegid() && !peer_is_member(fd))
		return -EPERM;
	return 0;
}

static void refuse(int fd, int status, const char *text)
{
	struct api_header hdr = {.type = API_hello, .flags = API_FLAG_REPLY, .status = status};
	struct base_error err = {{0}};

	base_strlcpy(err.text, text, sizeof(err.text));
	api_send(fd, &hdr, &err, NULL, 0);
	close(fd);
}

static void accept_client(void)
{
	int fd = accept4(server.listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN};

	if (fd < 0)
		return;
	if (check_peer(fd) < 0) {
		refuse(fd, -EPERM,
			"permission denied: connect as root, or as the dataplane's user or a "
			"member "
			"of its group");
		return;
	}
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct server_client *c = &server.clients[i];

		if (c->fd >= 0)
			continue;
		*c = (struct server_client){.fd = fd, .id = ++server.next_id};
		ev.data.u64 = c->id;
		if (epoll_ctl(server.epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
			close_client(c);
		return;
	}
	refuse(fd, -EBUSY, "too many clients are connected: close one of the 16");
}

/* Receives and handles one message; a client that breaks the protocol gets the reason and is cut
 * off. */
static void serve(struct server_client *c)
{
	struct base_error err = {{0}};
	int len = api_recv(c->fd, server.request, &err);

	if (len == -EAGAIN)
		return;
	if (len == -EBADMSG || len == -EPROTO) {
		struct api_header hdr = {.type = API_hello, .flags = API_FLAG_REPLY, .status = len};

		api_send(c->fd, &hdr, &err, NULL, 0);
	}
	if (len <= 0) {
		close_client(c);
		return;
	}
	handle(c, (size_t)len);
}

unsigned server_poll(void)
{
	struct epoll_event events[MESSAGES_PER_POLL];
	int n = epoll_wait(server.epoll_fd, events, MESSAGES_PER_POLL, 0);

	for (int i = 0; i < n; i++) {
		struct server_client *c;

		if (events[i].data.u64 == 0) {
			accept_client();
			continue;
		}
		c = find_client(events[i].data.u64);
		if (c)
			serve(c);
	}
	return n > 0 ? (unsigned)n : 0;
}

int server_init(const char *path, const struct server_identity *identity, struct base_error *err)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct timespec ts;

	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		server.clients[i].fd = -1;
	server.listen_fd = api_listen(path, err);
	if (server.listen_fd < 0)
		return server.listen_fd;
	base_strlcpy(server.path, path, sizeof(server.path));
	server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server.epoll_fd < 0 ||
		epoll_ctl(server.epoll_fd, EPOLL_CTL_ADD, server.listen_fd, &ev) < 0)
		return base_error_set(err, errno, "epoll: %s", strerror(errno));
	server.identity = *identity;
	clock_gettime(CLOCK_REALTIME, &ts);
	server.started_ns = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	return 0;
}

void server_fini(void)
{
	if (server.listen_fd < 0)
		return;
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++)
		close_client(&server.clients[i]);
	close(server.listen_fd);
	close(server.epoll_fd);
	unlink(server.path);
	server.listen_fd = -1;
	server.n_on_close = 0;
}

int server_fd(void)
{
	return server.epoll_fd;
}

struct server_ticket server_ticket(const struct server_client *client)
{
	return (struct server_ticket){
		.client_id = client->id,
		.sequence = client->request.sequence,
		.type = client->request.type,
	};
}

void server_reply_later(const struct server_ticket *ticket, int status, const void *body,
	const struct base_error *err)
{
	struct server_client *c = find_client(ticket->client_id);
	const struct api_row *row = api_row_find(ticket->type);
	struct api_header request = {.type = ticket->type, .sequence = ticket->sequence};
	struct server_reply rep = {.body = server.reply};

	if (!c)
		return;
	memset(server.reply, 0, row->reply_bytes);
	if (body)
		memcpy(server.reply, body, row->reply_bytes);
	answer(c, &request, status, &rep, err);
}

void server_reply_items(
	const struct server_ticket *ticket, const void *body, const void *items, uint32_t n_items)
{
	struct server_client *c = find_client(ticket->client_id);
	const struct api_row *row = api_row_find(ticket->type);
	struct api_header request = {.type = ticket->type, .sequence = ticket->sequence};
	struct server_reply rep = {.body = server.reply, .n_items = n_items};

	if (!c)
		return;
	memcpy(server.reply, body, row->reply_bytes);
	memcpy(server.reply + row->reply_bytes, items, (size_t)n_items * row->reply_item_bytes);
	rep.items = server.reply + row->reply_bytes;
	answer(c, &request, 0, &rep, NULL);
}

int server_event(const struct server_ticket *ticket, enum api_type type, const void *body,
	const void *items, uint32_t n_items)
{
	struct server_client *c = find_client(ticket->client_id);
	const struct api_row *row = api_row_find(type);
	struct api_header hdr = {
		.type = (uint16_t)type,
		.flags = API_FLAG_EVENT,
		.sequence = ticket->sequence,
		.generation = world_current->generation,
	};
	int ret;

	if (!c)
		return -ENOTCONN;
	ret = api_send(c->fd, &hdr, body, items, (size_t)n_items * row->reply_item_bytes);
	if (ret < 0 && ret != -EAGAIN)
		close_client(c);
	return ret;
}

void server_on_close(void (*fn)(uint64_t client_id))
{
	for (unsigned i = 0; i < server.n_on_close; i++)
		if (server.on_close[i] == fn)
			return;
	BRAID_ASSERT(server.n_on_close < CLOSE_LISTENERS_MAX);
	server.on_close[server.n_on_close++] = fn;
}

int server_on_hello(struct server_client *client, const struct api_hello *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct api_hello_reply *rep = reply->body;

	if (body->version != API_VERSION)
		return base_error_set(err, EPROTONOSUPPORT,
			"this dataplane speaks API version %u, the client %u: install braidctl, "
			"braid-control and braid-dataplane of one version",
			API_VERSION, body->version);
	rep->version = API_VERSION;
	rep->pid = (uint32_t)getpid();
	rep->generation = world_current->generation;
	rep->started_ns = server.started_ns;
	base_strlcpy(rep->node, server.identity.node, sizeof(rep->node));
	base_strlcpy(rep->build, BRAID_VERSION, sizeof(rep->build));
	base_strlcpy(rep->stats_path, server.identity.stats_path, sizeof(rep->stats_path));
	return 0;
}
