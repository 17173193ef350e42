/* SPDX-License-Identifier: BSD-3-Clause */
/* The clients of compute_bench. Each connection asks, waits for all that it asked for, and asks
 * again. Thread: the clients' worker. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "tests/bench/compute_bench.h"

#define PIPELINE_MAX  64
#define REPLY_KEPT    512     /* bytes of replies that are looked at */
#define NUMBERS_FIRST 1000000 /* and twice as many have seven digits, too */
#define NUMBERS       4000000
#define ACC_BYTES     256

static const char load_reply[] = "$5\r\nbench\r\n";
static const char seed_request[] = "*7\r\n$4\r\nFMAP\r\n$11\r\nbench.twice\r\n"
				   "$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n";
static const char seed_reply[] = "*5\r\n$1\r\n2\r\n$1\r\n4\r\n$1\r\n6\r\n$1\r\n8\r\n$2\r\n10\r\n";
static const char map_request[] = "*3\r\n$4\r\nFMAP\r\n$11\r\nbench.twice\r\n$7\r\n%07u\r\n";
static const char map_reply[] = "*1\r\n$7\r\n%07u\r\n";
static const char each_request[] = "*3\r\n$5\r\nFEACH\r\n$9\r\nbench.sum\r\n$6\r\nREDUCE\r\n";
static const char each_reply[] = "*2\r\n$256\r\n";
static const char each_rest[] = "\r\n*0\r\n";

struct compute_clients compute_clients;

/* A connection. */
struct client {
	struct tcp_conn *conn;
	bool is_open;
	enum compute_ask asked;
	uint32_t n_asked;
	uint32_t first_number; /* of the first request */
	uint64_t began;
	uint32_t unsent; /* bytes of the request that the send buffer did not take */
	uint32_t request_bytes;
	uint32_t expected; /* bytes of replies in all */
	uint32_t got;
	const uint8_t *from; /* the request */
	uint8_t request[PIPELINE_MAX * STORE_RIG_REQUEST_MAX];
	uint8_t reply[REPLY_KEPT + 1];
};

static struct {
	struct client all[COMPUTE_CONNS_MAX];
	uint32_t n_set; /* keys */
	bool has_program;
} clients;

static void flush(struct worker *w, struct client *c)
{
	c->unsent -= tcp_send(w, c->conn, c->from + c->request_bytes - c->unsent, c->unsent);
}

/* The next SET: values begin with the number of their key. */
static uint32_t append_set(uint8_t *p)
{
	uint64_t number = store_rig.keys[clients.n_set++];
	uint32_t n = store_rig_append_set(p, (uint32_t)number);

	memcpy(p + n - 2 - STORE_RIG_VALUE_BYTES, &number, sizeof(number));
	return n;
}

static void append(struct client *c, const void *p, uint32_t bytes, uint32_t reply_bytes)
{
	memcpy(c->request + c->request_bytes, p, bytes);
	c->request_bytes += bytes;
	c->expected += reply_bytes;
}

static void append_map(struct worker *w, struct client *c)
{
	uint32_t number = NUMBERS_FIRST + (uint32_t)(worker_random(w) % NUMBERS);
	int n = sprintf((char *)c->request + c->request_bytes, map_request, number);

	if (c->request_bytes == 0)
		c->first_number = number;
	c->request_bytes += (uint32_t)n;
	c->expected += sizeof("*1\r\n$7\r\n1234567\r\n") - 1;
}

/* One request more. */
static void append_request(struct worker *w, struct client *c)
{
	switch (c->asked) {
	case COMPUTE_REST:
		break;
	case COMPUTE_PROGRAM:
		c->from = compute_clients.program;
		c->request_bytes = compute_clients.program_bytes;
		c->expected = sizeof(load_reply) - 1;
		clients.has_program = true;
		break;
	case COMPUTE_KEYS:
		c->request_bytes += append_set(c->request + c->request_bytes);
		c->expected += STORE_RIG_SET_REPLY;
		break;
	case COMPUTE_SEED:
		append(c, seed_request, sizeof(seed_request) - 1, sizeof(seed_reply) - 1);
		break;
	case COMPUTE_MAP:
		append_map(w, c);
		break;
	case COMPUTE_EACH:
		append(c, each_request, sizeof(each_request) - 1,
			sizeof(each_reply) - 1 + ACC_BYTES + sizeof(each_rest) - 1);
		break;
	}
}

/* Whether there is still something to ask for of what was asked for. */
static bool may_ask(enum compute_ask ask)
{
	return ask != COMPUTE_REST && (ask != COMPUTE_PROGRAM || !clients.has_program) &&
	       (ask != COMPUTE_KEYS || clients.n_set < compute_clients.n_keys);
}

static void ask_next(struct worker *w, struct client *c)
{
	bool is_one = c - clients.all < (ptrdiff_t)compute_clients.n_conns;

	c->asked = atomic_load(&compute_clients.ask);
	c->from = c->request;
	c->request_bytes = c->expected = c->got = c->n_asked = 0;
	for (unsigned i = 0; is_one && i < compute_clients.pipeline && may_ask(c->asked); i++) {
		append_request(w, c);
		c->n_asked++;
	}
	c->began = rte_rdtsc();
	c->unsent = c->request_bytes;
	if (c->unsent)
		flush(w, c);
}

/* Whether a reply says what the records sum up to, and that nothing was emitted. */
static bool is_sum(const uint8_t *reply)
{
	const uint8_t *acc = reply + sizeof(each_reply) - 1;

	return memcmp(reply, each_reply, sizeof(each_reply) - 1) == 0 &&
	       memcmp(acc, &compute_clients.sums, sizeof(compute_clients.sums)) == 0 &&
	       memcmp(acc + ACC_BYTES, each_rest, sizeof(each_rest) - 1) == 0;
}

/* Ends the process if the reply that came first is not what it must be. */
static void check(struct client *c)
{
	char text[REPLY_KEPT];
	bool right = true;

	switch (c->asked) {
	case COMPUTE_REST:
		break;
	case COMPUTE_PROGRAM:
		right = memcmp(c->reply, load_reply, sizeof(load_reply) - 1) == 0;
		break;
	case COMPUTE_KEYS:
		right = c->reply[0] == '+';
		break;
	case COMPUTE_SEED:
		right = memcmp(c->reply, seed_reply, sizeof(seed_reply) - 1) == 0;
		break;
	case COMPUTE_MAP:
		sprintf(text, map_reply, 2 * c->first_number);
		right = memcmp(c->reply, text, strlen(text)) == 0;
		break;
	case COMPUTE_EACH:
		right = is_sum(c->reply);
		break;
	}
	if (!right)
		store_rig_fail((const char *)c->reply);
}

/* Takes what has come for @c; true: everything it asked for. */
static bool take(struct worker *w, struct client *c)
{
	const uint8_t *p;
	uint32_t n;

	while ((n = tcp_peek(c->conn, &p)) > 0) {
		uint32_t kept = MIN_OF(c->got, (uint32_t)REPLY_KEPT);

		memcpy(c->reply + kept, p, MIN_OF(n, REPLY_KEPT - kept));
		c->reply[MIN_OF(kept + n, (uint32_t)REPLY_KEPT)] = '\0';
		c->got += n;
		tcp_consume(w, c->conn, n);
		if (c->reply[0] == '-' || c->got > c->expected)
			store_rig_fail((const char *)c->reply);
	}
	return c->request_bytes > 0 && c->got == c->expected && c->unsent == 0;
}

static void note_time(const struct client *c)
{
	uint32_t n = atomic_load(&compute_clients.n_samples);

	if (compute_clients.n_conns > 1 || n == COMPUTE_SAMPLES_MAX)
		return;
	compute_clients.samples[n] = rte_rdtsc() - c->began;
	atomic_store(&compute_clients.n_samples, n + 1);
}

static void on_readable(struct worker *w, struct tcp_conn *const *conns, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct client *c = tcp_user(conns[i]);

		if (!take(w, c))
			continue;
		check(c);
		if (c->asked >= COMPUTE_SEED)
			note_time(c);
		atomic_fetch_add(&compute_clients.done, c->n_asked);
		ask_next(w, c);
	}
}

static int on_open(struct worker *w, struct tcp_conn *conn)
{
	struct client *c = tcp_user(conn);

	c->is_open = true;
	return 0;
}

static void on_writable(struct worker *w, struct tcp_conn *conn)
{
	struct client *c = tcp_user(conn);

	if (c->unsent)
		flush(w, c);
}

static void on_end(struct worker *w, struct tcp_conn *conn, enum tcp_end why)
{
	store_rig_fail("a connection has ended");
}

static const struct tcp_app app = {
	.on_open = on_open,
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_end = on_end,
};

void compute_clients_tick(void *ctx, struct wheel_timer *t)
{
	struct worker *w = ctx;

	for (unsigned i = 0; i < COMPUTE_CONNS_MAX; i++) {
		struct client *c = &clients.all[i];

		if (!c->conn)
			c->conn = store_rig_connect(w, &app, c);
		else if (c->is_open && c->request_bytes == 0)
			ask_next(w, c);
	}
	wheel_add(w->wheel, t, w->now_ns + NSEC_PER_MSEC);
}
