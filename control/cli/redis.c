/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection over hiredis. Its socket does not block, so that many commands can be under way
 * while their replies come in, and so that Ctrl-C and deadlines are seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "control/cli/redis.h"

#define CONNECT_S 5

static volatile sig_atomic_t interrupted;

/* A second Ctrl-C ends braidctl at once. */
static void on_signal(int number)
{
	interrupted = number;
}

uint64_t redis_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static enum cli_exit cannot_connect(const struct redis *r)
{
	fprintf(stderr,
		"braidctl: no connection to the store at %s: %s; is the node up, and is "
		"this an address of its store? (--server HOST:PORT)\n",
		r->name, r->context ? r->context->errstr : "no memory");
	return CLI_FAILED;
}

/* The connection broke. */
static enum cli_exit lost(const struct redis *r)
{
	fprintf(stderr, "braidctl: the connection to %s ended: %s\n", r->name, r->context->errstr);
	return CLI_FAILED;
}

static enum cli_exit authenticate(struct redis *r, const char *password)
{
	const char *args[] = {"AUTH", password, NULL};
	redisReply *reply;
	enum cli_exit code = redis_call(r, &reply, args);

	if (code == CLI_OK && reply->type == REDIS_REPLY_ERROR)
		return redis_refused(r, reply);
	if (code == CLI_OK)
		freeReplyObject(reply);
	return code;
}

enum cli_exit redis_open(const struct cli *cli, struct redis *r)
{
	const struct timeval timeout = {.tv_sec = CONNECT_S};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct redis_address a;
	enum cli_exit code = redis_address_find(cli, &a);

	*r = (struct redis){0};
	if (code != CLI_OK)
		return code;
	snprintf(r->name, sizeof(r->name), strchr(a.host, ':') ? "[%s]:%u" : "%s:%u", a.host,
		a.port);
	r->context = redisConnectWithTimeout(a.host, a.port, timeout);
	if (!r->context || r->context->err) {
		code = cannot_connect(r);
		redis_close(r);
		return code;
	}
	fcntl(r->context->fd, F_SETFL, fcntl(r->context->fd, F_GETFL) | O_NONBLOCK);
	r->context->flags &= ~REDIS_BLOCK;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (a.password[0])
		code = authenticate(r, a.password);
	if (code != CLI_OK)
		redis_close(r);
	return code;
}

void redis_close(struct redis *r)
{
	if (r->context)
		redisFree(r->context);
	r->context = NULL;
}

enum cli_exit redis_send(struct redis *r, size_t n, const char *const args[], const size_t lens[])
{
	if (redisAppendCommandArgv(r->context, (int)n, (const char **)(uintptr_t)args, lens) ==
		REDIS_OK)
		return CLI_OK;
	return lost(r);
}

/* Waits until the socket can be read, or written if there is something to write, at most @ms. */
static enum cli_exit wait_socket(struct redis *r, int ms)
{
	struct pollfd p = {.fd = r->context->fd, .events = POLLIN};
	int written = 1;

	if (redisBufferWrite(r->context, &written) != REDIS_OK)
		return lost(r);
	if (!written)
		p.events |= POLLOUT;
	if (poll(&p, 1, ms) < 0 && errno != EINTR) {
		fprintf(stderr, "braidctl: poll: %s\n", strerror(errno));
		return CLI_FAILED;
	}
	if ((p.revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
		redisBufferRead(r->context) != REDIS_OK)
		return lost(r);
	return CLI_OK;
}

/* Whether waiting has to end. */
static enum cli_exit check_end(const struct redis *r)
{
	if (interrupted)
		return CLI_INTERRUPTED;
	if (r->deadline_ns && redis_now_ns() >= r->deadline_ns)
		return CLI_DEADLINE;
	return CLI_OK;
}

/* How many ms to wait at once, when it is to end at @end_ns (0: never). */
static int step_ms(const struct redis *r, uint64_t end_ns)
{
	uint64_t now = redis_now_ns(), until = now + REDIS_TICK_MS * NSEC_PER_MSEC;

	if (r->deadline_ns)
		until = MIN_OF(until, r->deadline_ns);
	if (end_ns)
		until = MIN_OF(until, end_ns);
	return until > now ? (int)((until - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC) : 0;
}

/* As redis_reply_within, until @end_ns; 0: for ever. Looks at the socket at least once. */
static enum cli_exit reply_until(struct redis *r, redisReply **reply, uint64_t end_ns)
{
	bool looked = false;
	enum cli_exit code;
	void *got = NULL;

	*reply = NULL;
	for (;; looked = true) {
		if (redisReaderGetReply(r->context->reader, &got) != REDIS_OK) {
			fprintf(stderr, "braidctl: %s does not speak RESP: %s\n", r->name,
				r->context->reader->errstr);
			return CLI_FAILED;
		}
		*reply = got;
		if (got || (looked && end_ns && redis_now_ns() >= end_ns))
			return CLI_OK;
		code = check_end(r);
		if (code == CLI_OK)
			code = wait_socket(r, step_ms(r, end_ns));
		if (code != CLI_OK)
			return code;
		if (r->on_tick)
			r->on_tick(r->ctx);
	}
}

enum cli_exit redis_reply(struct redis *r, redisReply **reply)
{
	return reply_until(r, reply, 0);
}

enum cli_exit redis_reply_within(struct redis *r, redisReply **reply, unsigned ms)
{
	return reply_until(r, reply, redis_now_ns() + ms * NSEC_PER_MSEC);
}

enum cli_exit redis_call(struct redis *r, redisReply **reply, const char *const args[])
{
	size_t n = 0, lens[REDIS_ARGS_MAX];
	enum cli_exit code;

	for (; args[n]; n++) {
		BRAID_ASSERT(n < REDIS_ARGS_MAX);
		lens[n] = strlen(args[n]);
	}
	code = redis_send(r, n, args, lens);
	return code == CLI_OK ? redis_reply(r, reply) : code;
}

enum cli_exit redis_pause(struct redis *r, unsigned ms)
{
	uint64_t end = redis_now_ns() + ms * NSEC_PER_MSEC;
	enum cli_exit code = check_end(r);

	while (code == CLI_OK && redis_now_ns() < end) {
		poll(NULL, 0, step_ms(r, end));
		if (r->on_tick)
			r->on_tick(r->ctx);
		code = check_end(r);
	}
	return code;
}

void redis_calm(struct redis *r)
{
	interrupted = 0;
	r->deadline_ns = 0;
}
