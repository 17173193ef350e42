/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection of the client of `churn`, from its opening to its end. One thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/net/churn_client.h"

static void trace(struct churn *c, const struct churn_conn *conn, char what)
{
	if (c->trace && conn->server > 0)
		fprintf(c->trace, "%c %llu %u %u %u %s\n", what, c->now_ns / NSEC_PER_MSEC,
			conn->number, conn->target, conn->local_port,
			c->servers[conn->server].name);
}

static void enter(struct churn *c, struct churn_conn *conn, enum churn_state state)
{
	conn->state = (uint8_t)state;
	conn->since_ns = c->now_ns;
}

static uint32_t slot_of(const struct churn *c, const struct churn_conn *conn)
{
	return (uint32_t)(conn - c->slots);
}

/* Frees the slot. */
static void forget(struct churn *c, struct churn_conn *conn)
{
	close(conn->fd);
	trace(c, conn, '-');
	if (conn->state != CHURN_CONNECTING)
		c->servers[conn->server].live--;
	conn->state = CHURN_FREE;
	if (slot_of(c, conn) < c->options->connections)
		c->free_held[c->n_free_held++] = slot_of(c, conn);
	else
		c->free_passing[c->n_free_passing++] = slot_of(c, conn);
}

/* Keeps the details of a lost connection, while there is room. */
static void remember(struct churn *c, const struct churn_conn *conn, enum churn_cause cause)
{
	if (c->n_losses < CHURN_LOSSES_MAX)
		c->losses[c->n_losses++] = (struct churn_loss){
			.at_ms = (c->now_ns - c->start_ns) / NSEC_PER_MSEC,
			.server = conn->server,
			.target = conn->target,
			.local_port = conn->local_port,
			.cause = (uint8_t)cause,
			.state = conn->state,
		};
}

/* The connection is lost. One that was never made, or whose server had not begun to serve it, is
 * not called broken but counted by itself. */
static void lose(struct churn *c, struct churn_conn *conn, enum churn_cause cause)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (conn->state == CHURN_CONNECTING) {
		c->unanswered[cause]++;
	} else if (conn->state == CHURN_GREETING) {
		c->ungreeted[cause]++;
	} else {
		c->n_broken++;
		c->servers[conn->server].broken[cause]++;
	}
	if (conn->state != CHURN_CONNECTING || cause != CHURN_RESET)
		remember(c, conn, cause);
	setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	forget(c, conn);
}

static void lose_by_errno(struct churn *c, struct churn_conn *conn)
{
	bool is_reset = errno == ECONNRESET || errno == ECONNREFUSED || errno == EPIPE;

	lose(c, conn, is_reset ? CHURN_RESET : errno == ETIMEDOUT ? CHURN_STALL : CHURN_ERROR);
}

static socklen_t target_bytes(const struct sockaddr_in6 *target)
{
	return target->sin6_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					       : sizeof(struct sockaddr_in);
}

/* The port in network order lies at the same place for both IP versions. */
static uint16_t local_port(int fd)
{
	struct sockaddr_in6 local;
	socklen_t n = sizeof(local);

	return getsockname(fd, (struct sockaddr *)&local, &n) < 0 ? 0 : ntohs(local.sin6_port);
}

void churn_conn_open(struct churn *c, uint32_t k, bool passing)
{
	struct churn_conn *conn = &c->slots[k];
	uint16_t target = (uint16_t)(c->opened % c->options->n_targets);
	const struct sockaddr_in6 *to = &c->options->targets[target];
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = k};
	int fd = socket(to->sin6_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		churn_die("socket");
	*conn = (struct churn_conn){
		.fd = fd,
		.passing = passing,
		.target = target,
		.seed = churn_mix(c->options->seed ^ (c->opened << 20)),
		.number = (uint32_t)c->opened++,
	};
	enter(c, conn, CHURN_CONNECTING);
	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		churn_die("epoll_ctl");
	if (connect(fd, (const struct sockaddr *)to, target_bytes(to)) < 0 && errno != EINPROGRESS)
		lose_by_errno(c, conn);
	else
		conn->local_port = local_port(fd);
}

void churn_conn_close(struct churn *c, uint32_t k)
{
	c->closed++;
	forget(c, &c->slots[k]);
}

/* The server has said its name: finds it in the table. */
static void greet(struct churn *c, struct churn_conn *conn)
{
	uint16_t i = 1;

	conn->name[CHURN_NAME_BYTES - 1] = '\0';
	while (i < c->n_servers && strcmp(c->servers[i].name, conn->name) != 0)
		i++;
	if (i == CHURN_SERVERS_MAX) {
		lose(c, conn, CHURN_MISMATCH);
		return;
	}
	if (i == c->n_servers)
		memcpy(c->servers[c->n_servers++].name, conn->name, CHURN_NAME_BYTES);
	c->servers[0].live--;
	c->servers[i].live++;
	c->servers[i].opened++;
	conn->server = i;
	trace(c, conn, '+');
	enter(c, conn, CHURN_QUIET);
	if (conn->passing)
		churn_conn_visit(c, slot_of(c, conn));
}

/* Sends the seed, then the stream as far as it is wanted. False: the connection is lost. */
static bool send_wanted(struct churn *c, struct churn_conn *conn)
{
	uint8_t buffer[CHURN_BUFFER];

	while (conn->seed_bytes < sizeof(conn->seed) || conn->sent < conn->want) {
		size_t n = sizeof(conn->seed) - conn->seed_bytes;
		ssize_t done;

		if (n > 0) {
			memcpy(buffer, (uint8_t *)&conn->seed + conn->seed_bytes, n);
		} else {
			n = MIN_OF(conn->want - conn->sent, sizeof(buffer));
			churn_stream(conn->seed, conn->sent, buffer, n);
		}
		done = send(conn->fd, buffer, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EAGAIN)
			return true;
		if (done < 0) {
			lose_by_errno(c, conn);
			return false;
		}
		if (conn->seed_bytes < sizeof(conn->seed))
			conn->seed_bytes = (uint8_t)(conn->seed_bytes + done);
		else
			conn->sent += (uint64_t)done;
	}
	return true;
}

/* Checks @n bytes that came, and ends the exchange when they are all. False: it is lost or over. */
static bool take(struct churn *c, struct churn_conn *conn, const uint8_t *data, size_t n)
{
	uint8_t want[CHURN_BUFFER];
	size_t head = MIN_OF(n, (size_t)(CHURN_NAME_BYTES - conn->greeted));

	memcpy(conn->name + conn->greeted, data, head);
	conn->greeted = (uint8_t)(conn->greeted + head);
	if (conn->state == CHURN_GREETING && conn->greeted == CHURN_NAME_BYTES)
		greet(c, conn);
	if (conn->state == CHURN_FREE)
		return false;
	n -= head;
	churn_stream(conn->seed, conn->got, want, n);
	if (conn->got + n > conn->sent || memcmp(want, data + head, n) != 0) {
		lose(c, conn, CHURN_MISMATCH);
		return false;
	}
	conn->got += n;
	c->servers[conn->server].checked_bytes += n;
	if (conn->state != CHURN_TALKING || conn->got < conn->want)
		return true;
	c->servers[conn->server].exchanges++;
	enter(c, conn, CHURN_QUIET);
	if (conn->passing)
		churn_conn_close(c, slot_of(c, conn));
	return conn->state != CHURN_FREE;
}

void churn_conn_serve(struct churn *c, uint32_t k)
{
	struct churn_conn *conn = &c->slots[k];
	uint8_t buffer[CHURN_BUFFER];
	int error = 0;
	socklen_t length = sizeof(error);
	ssize_t n;

	if (conn->state == CHURN_CONNECTING) {
		struct sockaddr_in6 peer;
		socklen_t peer_bytes = sizeof(peer);

		getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &length);
		if (error != 0) {
			errno = error;
			lose_by_errno(c, conn);
			return;
		}
		if (getpeername(conn->fd, (struct sockaddr *)&peer, &peer_bytes) < 0)
			return;
		c->servers[0].live++;
		enter(c, conn, CHURN_GREETING);
	}
	while ((n = recv(conn->fd, buffer, sizeof(buffer), 0)) > 0)
		if (!take(c, conn, buffer, (size_t)n))
			return;
	if (n == 0)
		lose(c, conn, CHURN_EOF);
	else if (errno != EAGAIN)
		lose_by_errno(c, conn);
	else
		send_wanted(c, conn);
}

void churn_conn_visit(struct churn *c, uint32_t k)
{
	struct churn_conn *conn = &c->slots[k];

	if (conn->state == CHURN_QUIET && c->servers[conn->server].leaving && !conn->passing) {
		churn_conn_close(c, k);
	} else if (conn->state == CHURN_QUIET) {
		conn->want += 1 + churn_random(c, c->options->bytes_max);
		enter(c, conn, CHURN_TALKING);
		send_wanted(c, conn);
	} else if (conn->state != CHURN_FREE &&
		   (double)(c->now_ns - conn->since_ns) > c->options->stall_sec * 1e9) {
		lose(c, conn, CHURN_STALL);
	}
}
