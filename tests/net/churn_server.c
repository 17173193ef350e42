/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server of `churn`: says its name, then sends back the stream that the client's seed names, as
 * far as the client has sent it, and checks that. One thread.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/net/churn.h"

#define FILES_MAX (1 << 17)

/* A connection, found by its file descriptor. */
struct peer {
	uint64_t seed;
	uint64_t got;  /* bytes of the stream */
	uint64_t sent; /* likewise */
	uint8_t seed_bytes;
	uint8_t name_bytes; /* sent */
	bool open;
};

static struct {
	const struct churn_options *options;
	int epoll;
	int listener; /* -1: closed */
	int signals;
	char name[CHURN_NAME_BYTES];
	uint32_t n_files;
	struct peer *peers; /* [n_files] */
	uint64_t accepted;
	uint64_t live;
	uint64_t checked_bytes;
	uint64_t mismatches;
} server;

static void watch(int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		churn_die("epoll_ctl");
}

static void open_listener(void)
{
	struct sockaddr_in6 any = {
		.sin6_family = AF_INET6, .sin6_port = htons(server.options->port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1, off = 0;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
		bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 4096) < 0)
		churn_die("listening");
	server.listener = fd;
	watch(fd, EPOLLIN);
}

static void close_peer(int fd, bool reset)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	server.peers[fd].open = false;
	server.live--;
}

/* Sends what is owed: the name, then the stream as far as it was received. False: it is over. */
static bool serve(int fd, struct peer *p)
{
	uint8_t buffer[CHURN_BUFFER];

	while (p->name_bytes < CHURN_NAME_BYTES || p->sent < p->got) {
		size_t n = CHURN_NAME_BYTES - p->name_bytes;
		ssize_t done;

		if (n > 0) {
			memcpy(buffer, server.name + p->name_bytes, n);
		} else {
			n = MIN_OF(p->got - p->sent, sizeof(buffer));
			churn_stream(p->seed, p->sent, buffer, n);
		}
		done = send(fd, buffer, n, MSG_NOSIGNAL);
		if (done < 0)
			return errno == EAGAIN;
		if (p->name_bytes < CHURN_NAME_BYTES)
			p->name_bytes = (uint8_t)(p->name_bytes + done);
		else
			p->sent += (uint64_t)done;
	}
	return true;
}

/* Takes @n bytes of the client. False: they are not what had to come. */
static bool take(struct peer *p, const uint8_t *data, size_t n)
{
	uint8_t want[CHURN_BUFFER];
	size_t head = MIN_OF(n, sizeof(p->seed) - p->seed_bytes);

	memcpy((uint8_t *)&p->seed + p->seed_bytes, data, head);
	p->seed_bytes = (uint8_t)(p->seed_bytes + head);
	churn_stream(p->seed, p->got, want, n - head);
	if (memcmp(want, data + head, n - head) != 0)
		return false;
	p->got += n - head;
	server.checked_bytes += n - head;
	return true;
}

static void on_peer(int fd)
{
	struct peer *p = &server.peers[fd];
	uint8_t buffer[CHURN_BUFFER];
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
		if (!take(p, buffer, (size_t)n)) {
			server.mismatches++;
			close_peer(fd, true);
			return;
		}
	}
	if (n == 0 || errno != EAGAIN || !serve(fd, p))
		close_peer(fd, false);
}

static void on_listener(void)
{
	int fd;

	while ((fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if ((uint32_t)fd >= server.n_files) {
			close(fd);
			continue;
		}
		server.peers[fd] = (struct peer){.open = true};
		server.accepted++;
		server.live++;
		watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	}
}

/* False: the program ends. */
static bool on_signal(void)
{
	struct signalfd_siginfo info;

	if (read(server.signals, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo == SIGUSR1 && server.listener >= 0) {
		close(server.listener);
		server.listener = -1;
	} else if (info.ssi_signo == SIGUSR2 && server.listener < 0) {
		open_listener();
	}
	return info.ssi_signo == SIGUSR1 || info.ssi_signo == SIGUSR2;
}

static void open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	server.signals = signalfd(-1, &set, SFD_NONBLOCK);
	if (server.signals < 0)
		churn_die("signalfd");
	watch(server.signals, EPOLLIN);
}

int churn_server(const struct churn_options *options)
{
	struct epoll_event events[CHURN_EVENTS];
	bool running = true;

	server.n_files = churn_files(FILES_MAX);
	server.options = options;
	base_strlcpy(server.name, options->name, sizeof(server.name));
	server.peers = calloc(server.n_files, sizeof(*server.peers));
	server.epoll = epoll_create1(0);
	if (!server.peers || server.epoll < 0)
		churn_die("starting");
	open_signals();
	open_listener();
	puts("ready");
	fflush(stdout);
	while (running) {
		int n = epoll_wait(server.epoll, events, CHURN_EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == server.signals)
				running = on_signal() && running;
			else if (fd == server.listener)
				on_listener();
			else if (server.peers[fd].open)
				on_peer(fd);
		}
	}
	printf("{\"name\": \"%s\", \"accepted\": %lu, \"live\": %lu, \"checked_bytes\": %lu, "
	       "\"mismatches\": %lu}\n",
		server.name, server.accepted, server.live, server.checked_bytes, server.mismatches);
	free(server.peers);
	return server.mismatches > 0 ? 3 : 0;
}
