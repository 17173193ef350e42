/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Serves the store of tests/unit/kv_rig.h at a UNIX socket, or at a TCP port of the loopback
 * address, in real time: kv_rig_server PATH|PORT [WORKERS]. For tests that compare the store with
 * another server before, or without, TCP. One thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/kv_rig.h"

#define CLIENTS_MAX  64
#define MEMORY_BYTES (512ull << 20)
#define READ_BYTES   65536

struct peer {
	int fd;     /* -1: free */
	int client; /* of the rig */
	char *out;
	size_t out_len;
	bool over; /* to be closed when all is sent */
};

static struct peer peers[CLIENTS_MAX];
static uint64_t ahead_ms; /* the real clock, of the rig's */

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t real_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NSEC_PER_MSEC;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	base_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, CLIENTS_MAX) < 0)
		fail(path);
	return fd;
}

static int listen_at_port(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, CLIENTS_MAX) < 0)
		fail("port");
	return fd;
}

static void peer_close(struct peer *p)
{
	if (p->client >= 0)
		kv_rig_abort(p->client);
	close(p->fd);
	free(p->out);
	*p = (struct peer){.fd = -1};
}

/* Keeps what the store said to @p until the socket takes it. */
static void peer_collect(struct peer *p, const struct kv_rig_reply *reply)
{
	if (reply->len) {
		p->out = realloc(p->out, p->out_len + reply->len);
		if (!p->out)
			fail("memory");
		memcpy(p->out + p->out_len, reply->bytes, reply->len);
		p->out_len += reply->len;
	}
	p->over |= reply->closed || reply->aborted;
}

static void peer_write(struct peer *p)
{
	ssize_t n;

	if (!p->out_len)
		return;
	n = send(p->fd, p->out, p->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN)
		p->over = true;
	if (n < 0)
		return;
	memmove(p->out, p->out + n, p->out_len - (size_t)n);
	p->out_len -= (size_t)n;
}

static void peer_read(struct peer *p)
{
	static char bytes[READ_BYTES];
	ssize_t n = recv(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	struct kv_rig_reply reply;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		kv_rig_close(p->client);
		peer_close(p);
		return;
	}
	reply = kv_rig_send(p->client, bytes, (size_t)n);
	peer_collect(p, &reply);
}

static void accept_one(int listener, unsigned n_workers)
{
	static unsigned turn;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < CLIENTS_MAX; i++) {
		if (peers[i].fd >= 0)
			continue;
		peers[i] = (struct peer){.fd = fd, .client = kv_rig_connect(turn++ % n_workers)};
		if (peers[i].client < 0)
			peer_close(&peers[i]);
		return;
	}
	if (fd >= 0)
		close(fd);
}

/* Makes the workers' clocks go with the real one. */
static void follow_time(void)
{
	uint64_t now_ms = real_ms();
	uint64_t rig_ms = kv_rig_now_ms() + ahead_ms;

	if (now_ms <= rig_ms)
		return;
	kv_rig_advance_ms(now_ms - rig_ms);
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct kv_rig_reply reply;

		if (peers[i].fd < 0 || peers[i].over)
			continue;
		reply = kv_rig_take(peers[i].client);
		peer_collect(&peers[i], &reply);
	}
}

static void serve(int listener, unsigned n_workers)
{
	struct pollfd polls[CLIENTS_MAX + 1];
	int n;

	polls[CLIENTS_MAX] = (struct pollfd){.fd = listener, .events = POLLIN};
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		polls[i] = (struct pollfd){.fd = peers[i].fd,
			.events = (short)(POLLIN | (peers[i].out_len ? POLLOUT : 0))};
	n = poll(polls, CLIENTS_MAX + 1, 1);
	if (n < 0 && errno != EINTR)
		fail("poll");
	follow_time();
	if (polls[CLIENTS_MAX].revents)
		accept_one(listener, n_workers);
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (peers[i].fd >= 0 && polls[i].fd >= 0 && polls[i].revents & (POLLIN | POLLHUP))
			peer_read(&peers[i]);
		if (peers[i].fd >= 0)
			peer_write(&peers[i]);
		if (peers[i].fd >= 0 && peers[i].over && !peers[i].out_len)
			peer_close(&peers[i]);
	}
}

int main(int argc, char **argv)
{
	struct kv_settings settings;
	unsigned n_workers = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	int listener;

	if (argc < 2 || n_workers < 1 || n_workers > WORKERS_MAX) {
		fprintf(stderr, "usage: kv_rig_server PATH|PORT [WORKERS]\n");
		return 2;
	}
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		peers[i].fd = -1;
	listener = atoi(argv[1]) > 0 ? listen_at_port((uint16_t)atoi(argv[1])) : listen_at(argv[1]);
	kv_settings_default(&settings, MEMORY_BYTES);
	kv_rig_start_with(&settings, n_workers);
	ahead_ms = real_ms() - kv_rig_now_ms();
	for (unsigned i = 0; i < n_workers; i++)
		atomic_fetch_add(
			&kv_rig_worker(i)->wall_offset_ns, (int64_t)(ahead_ms * NSEC_PER_MSEC));
	for (;;)
		serve(listener, n_workers);
}
