/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client of `churn`: opens connections at a steady rate, gives each its turn, and takes
 * commands from a socket. One thread.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/net/churn_client.h"

#define TICK_MS       1
#define LATE_SEC      0.05 /* how much lost time is made up for */
#define FILES_BESIDE  64   /* open files that are no connections */
#define COMMANDS      UINT64_MAX
#define COMMAND_BYTES 64

static volatile sig_atomic_t told_to_stop;

static void on_stop(int number)
{
	told_to_stop = 1;
}

uint32_t churn_held(const struct churn *c)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < c->options->connections; k++)
		n += c->slots[k].server > 0 && c->slots[k].state != CHURN_FREE;
	return n;
}

/* How many of something are due after @sec seconds at @rate per second. */
static uint32_t due(double *rest, double rate, double sec)
{
	uint32_t n;

	*rest += rate * sec;
	n = (uint32_t)*rest;
	*rest -= n;
	return n;
}

/* Does what is due after @sec seconds. */
static void turn(struct churn *c, double sec)
{
	const struct churn_options *o = c->options;
	uint32_t opens = due(&c->due_opens, o->open_rate, sec);
	uint32_t passing = due(&c->due_passing, o->passing, sec);
	uint32_t turnover = due(&c->due_turnover, o->turnover, sec);
	uint32_t visits = due(&c->due_visits, o->rate * c->n_slots, sec);

	for (uint32_t i = 0; i < opens && c->n_free_held > 0; i++)
		churn_conn_open(c, c->free_held[--c->n_free_held], false);
	for (uint32_t i = 0; i < passing && c->n_free_passing > 0; i++)
		churn_conn_open(c, c->free_passing[--c->n_free_passing], true);
	for (uint32_t i = 0; i < turnover; i++) {
		uint32_t k = churn_random(c, o->connections);

		if (c->slots[k].state == CHURN_QUIET)
			churn_conn_close(c, k);
	}
	for (uint32_t i = 0; i < visits; i++) {
		churn_conn_visit(c, c->cursor);
		c->cursor = c->cursor + 1 < c->n_slots ? c->cursor + 1 : 0;
	}
}

/* Obeys one command; false if it is none. */
static bool obey(struct churn *c, const char *command, FILE *out)
{
	const char *name = strchr(command, ' ');

	if (strcmp(command, "status") == 0 || strcmp(command, "stop") == 0) {
		churn_report(c, out, true);
		c->running = c->running && strcmp(command, "stop") != 0;
		return true;
	}
	if (!name || (strncmp(command, "leave ", 6) != 0 && strncmp(command, "stay ", 5) != 0))
		return false;
	for (uint32_t i = 1; i < c->n_servers; i++)
		if (strcmp(c->servers[i].name, name + 1) == 0)
			c->servers[i].leaving = command[0] == 'l';
	fputs("{}\n", out);
	return true;
}

/* Answers one command and closes its socket. A client that says nothing is given up soon. */
static void on_command(struct churn *c)
{
	int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
	struct timeval patience = {.tv_usec = 200000};
	char command[COMMAND_BYTES];
	ssize_t n;
	FILE *out;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	n = recv(fd, command, sizeof(command) - 1, 0);
	command[MAX_OF(n, 0)] = '\0';
	out = fdopen(fd, "w");
	if (!out)
		churn_die("fdopen");
	if (!obey(c, command, out))
		fputs("{\"error\": \"the commands are status, stop, leave SERVER, stay SERVER\"}\n",
			out);
	fclose(out);
}

static void open_control(struct churn *c)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = COMMANDS};

	c->listener = -1;
	if (!c->options->control)
		return;
	base_strlcpy(at.sun_path, c->options->control, sizeof(at.sun_path));
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->listener < 0 || bind(c->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		listen(c->listener, 8) < 0 ||
		epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->listener, &event) < 0)
		churn_die(c->options->control);
}

static struct churn *create(const struct churn_options *options)
{
	struct churn *c = calloc(1, sizeof(*c));
	uint32_t passing = options->passing > 0 ? CHURN_PASSING_MAX : 0;

	if (!c)
		churn_die("starting");
	c->options = options;
	c->n_slots = options->connections + passing;
	c->slots = calloc(c->n_slots, sizeof(*c->slots));
	c->free_held = calloc(options->connections, sizeof(*c->free_held));
	c->free_passing = calloc(CHURN_PASSING_MAX, sizeof(*c->free_passing));
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!c->slots || !c->free_held || !c->free_passing || c->epoll < 0)
		churn_die("starting");
	while (c->n_free_held < options->connections) {
		c->free_held[c->n_free_held] = options->connections - 1 - c->n_free_held;
		c->n_free_held++;
	}
	while (c->n_free_passing < passing) {
		c->free_passing[c->n_free_passing] = options->connections + c->n_free_passing;
		c->n_free_passing++;
	}
	base_strlcpy(c->servers[0].name, "?", CHURN_NAME_BYTES);
	c->n_servers = 1;
	c->random = churn_mix(options->seed);
	c->running = true;
	if (options->trace && !(c->trace = fopen(options->trace, "w")))
		churn_die(options->trace);
	return c;
}

static void destroy(struct churn *c)
{
	if (c->trace)
		fclose(c->trace);
	if (c->listener >= 0)
		unlink(c->options->control);
	free(c->slots);
	free(c->free_held);
	free(c->free_passing);
	free(c);
}

/* Serves the sockets until the next tick is due. */
static void serve(struct churn *c)
{
	struct epoll_event events[CHURN_EVENTS];
	int n = epoll_wait(c->epoll, events, CHURN_EVENTS, TICK_MS);

	c->now_ns = churn_now_ns();
	for (int i = 0; i < n; i++) {
		if (events[i].data.u64 == COMMANDS)
			on_command(c);
		else if (c->slots[events[i].data.u64].state != CHURN_FREE)
			churn_conn_serve(c, (uint32_t)events[i].data.u64);
	}
}

int churn_client(const struct churn_options *options)
{
	struct churn *c = create(options);
	uint64_t last_ns;
	int code;

	signal(SIGTERM, on_stop);
	signal(SIGINT, on_stop);
	signal(SIGPIPE, SIG_IGN);
	if (churn_files(c->n_slots + FILES_BESIDE) < c->n_slots + FILES_BESIDE) {
		fprintf(stderr, "churn: too few open files are allowed: ulimit -Hn %u\n",
			c->n_slots + FILES_BESIDE);
		exit(1);
	}
	open_control(c);
	puts("ready");
	fflush(stdout);
	c->start_ns = c->now_ns = last_ns = churn_now_ns();
	while (c->running && !told_to_stop) {
		serve(c);
		turn(c, MIN_OF((double)(c->now_ns - last_ns) / 1e9, LATE_SEC));
		last_ns = c->now_ns;
		if (options->seconds > 0 &&
			(double)(c->now_ns - c->start_ns) > options->seconds * 1e9)
			break;
	}
	churn_report(c, stdout, options->json);
	code = c->n_broken > 0 ? 3 : 0;
	destroy(c);
	return code;
}
