/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection to braid-dataplane. Thread: main. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/core/log.h"
#include "control/core/session.h"
#include "lib/api/api.h"

#define BACKOFF_MIN_MS    50
#define BACKOFF_MAX_MS    2000
#define GREETING_MAX_MS   5000
#define MSGS_PER_TURN     8  /* sent or received before others get their turn in the loop */
#define MSGS_UNANSWERED   32 /* sent ahead of the answers */
#define PROGRESS_PER_PUSH 50 /* reports of a long push */
#define ASK_SEQUENCE      0x80000000u /* added to those of asked messages: pushes count from 1 */

struct session {
	struct event_base *base;
	const struct session_ops *ops;
	void *ctx;
	enum session_state state;
	int fd; /* -1 while SESSION_DOWN */
	struct event *on_readable, *on_writable, *on_timer;
	unsigned backoff_ms;
	struct api_hello_reply hello;
	uint64_t installed;
	struct push push;
	uint32_t reported; /* of push.done */
	size_t tx_len;     /* of the message in tx that is not sent yet, 0: none */
	size_t ask_len;    /* of the message in ask that waits for its turn, 0: none */
	uint32_t ask_sequence;
	bool asking; /* its answer is to come */
	char path[128];
	char complaint[256]; /* logged last: the same one is not repeated */
	_Alignas(uint64_t) uint8_t tx[API_MSG_MAX_BYTES];
	_Alignas(uint64_t) uint8_t ask[API_MSG_MAX_BYTES];
	_Alignas(uint64_t) uint8_t rx[API_MSG_MAX_BYTES];
};

static void retry_later(struct session *s)
{
	struct timeval tv = {
		.tv_sec = s->backoff_ms / 1000, .tv_usec = (s->backoff_ms % 1000) * 1000};

	s->backoff_ms = MIN_OF(s->backoff_ms * 2, BACKOFF_MAX_MS);
	event_add(s->on_timer, &tv);
}

/* Says it once, however often the attempt fails in the same way. */
static void complain(struct session *s, const char *text)
{
	if (strcmp(text, s->complaint) == 0)
		return;
	base_strlcpy(s->complaint, text, sizeof(s->complaint));
	log_line("%s", text);
}

static void close_socket(struct session *s)
{
	if (s->on_readable)
		event_free(s->on_readable);
	if (s->on_writable)
		event_free(s->on_writable);
	s->on_readable = NULL;
	s->on_writable = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* The connection is over: tells the owner if it was up, and tries again. */
static void go_down(struct session *s, const char *why)
{
	bool was_up = s->state == SESSION_READY || s->state == SESSION_PUSHING;

	close_socket(s);
	s->state = SESSION_DOWN;
	s->installed = 0;
	s->tx_len = 0;
	s->ask_len = 0;
	s->asking = false;
	complain(s, why);
	retry_later(s);
	if (was_up)
		s->ops->on_down(s->ctx, why);
}

/* Ends the push if all is answered. */
static void check_pushed(struct session *s)
{
	if (s->state != SESSION_PUSHING || !push_is_done(&s->push))
		return;
	s->state = SESSION_READY;
	s->ops->on_pushed(s->ctx, s->push.status, &s->push.error, &s->push.counts);
}

static void report_progress(struct session *s)
{
	uint32_t step = s->push.total / PROGRESS_PER_PUSH;

	if (s->push.done == s->push.total || s->push.done - s->reported > step) {
		s->reported = s->push.done;
		s->ops->on_progress(s->ctx, s->push.done, s->push.total);
	}
}

/* Puts the next message into s->tx if that is free and there is one. */
static void next_message(struct session *s)
{
	if (s->tx_len > 0)
		return;
	if (s->ask_len > 0) {
		memcpy(s->tx, s->ask, s->ask_len);
		s->tx_len = s->ask_len;
		s->ask_len = 0;
	} else if (s->state == SESSION_PUSHING &&
		   s->push.n_sent - s->push.n_answered < MSGS_UNANSWERED) {
		s->tx_len = push_next(&s->push, s->tx);
	}
}

/* Sends what there is, as far as the socket takes it and fairness allows. */
static void pump(struct session *s)
{
	for (unsigned n = 0; n < MSGS_PER_TURN; n++) {
		int rc;

		next_message(s);
		if (s->tx_len == 0)
			return;
		rc = api_send_whole(s->fd, (const struct api_header *)s->tx);
		if (rc == -EAGAIN)
			break;
		if (rc < 0) {
			go_down(s, "braid-dataplane has gone away");
			return;
		}
		s->tx_len = 0;
		if (s->state == SESSION_PUSHING)
			report_progress(s);
	}
	event_add(s->on_writable, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	pump(arg);
}

static void greeted(struct session *s, const struct api_header *hdr)
{
	char text[256];

	if (hdr->status < 0) {
		snprintf(text, sizeof(text), "%s", ((const struct base_error *)(hdr + 1))->text);
		s->backoff_ms = BACKOFF_MAX_MS;
		go_down(s, text);
		return;
	}
	memcpy(&s->hello, hdr + 1, sizeof(s->hello));
	if (s->hello.version != API_VERSION ||
		!api_string_ok(s->hello.node, sizeof(s->hello.node)) ||
		!api_string_ok(s->hello.stats_path, sizeof(s->hello.stats_path))) {
		snprintf(text, sizeof(text),
			"braid-dataplane speaks API version %u, braid-control version %d (install "
			"and start the same version of all braid programs)",
			s->hello.version, API_VERSION);
		s->backoff_ms = BACKOFF_MAX_MS;
		go_down(s, text);
		return;
	}
	event_del(s->on_timer);
	s->state = SESSION_READY;
	s->backoff_ms = BACKOFF_MIN_MS;
	s->complaint[0] = '\0';
	s->installed = s->hello.generation;
	s->ops->on_up(s->ctx, &s->hello);
}

static void on_message(struct session *s, const struct api_header *hdr)
{
	struct base_error err = {0};

	if (hdr->flags != API_FLAG_REPLY)
		return;
	/* The answer to a message the dataplane could not read; it hangs up after it. */
	if (hdr->type == API_hello && hdr->status < 0 && s->state != SESSION_GREETING) {
		base_error_set(&err, EPROTO, "%s", ((const struct base_error *)(hdr + 1))->text);
		go_down(s, err.text);
		return;
	}
	if (s->asking && hdr->sequence == s->ask_sequence) {
		s->installed = hdr->generation;
		s->asking = false;
		s->ops->on_answer(s->ctx, hdr);
		return;
	}
	switch (s->state) {
	case SESSION_DOWN:
		return;
	case SESSION_GREETING:
		greeted(s, hdr);
		return;
	case SESSION_READY:
		s->installed = hdr->generation;
		return;
	case SESSION_PUSHING:
		s->installed = hdr->generation;
		push_on_reply(&s->push, hdr);
		pump(s);
		check_pushed(s);
		return;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	struct base_error err = {0};
	char text[320];

	for (unsigned n = 0; n < MSGS_PER_TURN && s->fd >= 0; n++) {
		int rc = api_recv(s->fd, s->rx, &err);

		if (rc == -EAGAIN || rc == -EINTR)
			return;
		if (rc == 0) {
			go_down(s, "braid-dataplane has closed the connection");
			return;
		}
		if (rc < 0) {
			snprintf(text, sizeof(text),
				"braid-dataplane is not understood: %s (install and start the same "
				"version of all braid programs)",
				err.text);
			s->backoff_ms = BACKOFF_MAX_MS;
			go_down(s, text);
			return;
		}
		on_message(s, (const struct api_header *)s->rx);
	}
}

static void send_hello(struct session *s)
{
	struct api_header hdr = {.type = API_hello};
	struct api_hello body = {
		.version = API_VERSION, .pid = (uint32_t)getpid(), .client = "braid-control"};
	int rc = api_send(s->fd, &hdr, &body, NULL, 0);
	struct timeval patience = {.tv_sec = GREETING_MAX_MS / 1000};

	event_add(s->on_timer, &patience);
	if (rc < 0 && rc != -EPIPE && rc != -ECONNRESET)
		go_down(s, "braid-dataplane does not take a greeting");
}

static void try_connect(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	struct base_error err = {0};

	if (s->state == SESSION_GREETING) {
		go_down(s, "braid-dataplane takes connections but does not answer (is it stuck?)");
		return;
	}
	s->fd = api_connect(s->path, "braid-dataplane", &err);
	if (s->fd < 0) {
		s->fd = -1;
		go_down(s, err.text);
		return;
	}
	s->on_readable = event_new(s->base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	s->on_writable = event_new(s->base, s->fd, EV_WRITE, on_writable, s);
	if (!s->on_readable || !s->on_writable || event_add(s->on_readable, NULL) < 0) {
		go_down(s, "no memory for the connection to braid-dataplane");
		return;
	}
	s->state = SESSION_GREETING;
	send_hello(s);
}

struct session *session_create(
	struct event_base *base, const char *path, const struct session_ops *ops, void *ctx)
{
	struct session *s = calloc(1, sizeof(*s));
	struct timeval now = {0};

	if (!s)
		return NULL;
	s->base = base;
	s->ops = ops;
	s->ctx = ctx;
	s->fd = -1;
	s->backoff_ms = BACKOFF_MIN_MS;
	base_strlcpy(s->path, path, sizeof(s->path));
	s->on_timer = evtimer_new(base, try_connect, s);
	if (!s->on_timer || event_add(s->on_timer, &now) < 0) {
		session_destroy(s);
		return NULL;
	}
	return s;
}

void session_destroy(struct session *s)
{
	if (!s)
		return;
	close_socket(s);
	if (s->on_timer)
		event_free(s->on_timer);
	free(s);
}

enum session_state session_state(const struct session *s)
{
	return s->state;
}

const struct api_hello_reply *session_hello(const struct session *s)
{
	return &s->hello;
}

uint64_t session_installed(const struct session *s)
{
	return s->installed;
}

const char *session_complaint(const struct session *s)
{
	return s->complaint;
}

void session_push(struct session *s, const struct conf *conf, uint64_t generation, bool dry_run)
{
	BRAID_ASSERT(s->state == SESSION_READY);
	push_init(&s->push, conf, generation, dry_run);
	s->push.recall = s->ops->recall;
	s->push.ctx = s->ctx;
	s->reported = 0;
	s->state = SESSION_PUSHING;
	pump(s);
}

bool session_ask(struct session *s, enum api_type type, const void *body, size_t len)
{
	struct api_header hdr = {.type = (uint16_t)type};

	bool can = s->state == SESSION_READY ||
		   (s->state == SESSION_PUSHING && s->push.stage != PUSH_SENT);

	if (!can || s->asking)
		return false;
	BRAID_ASSERT(sizeof(hdr) + len <= sizeof(s->ask));
	s->ask_sequence = ASK_SEQUENCE | (s->ask_sequence + 1);
	s->asking = true;
	hdr.sequence = s->ask_sequence;
	hdr.length_bytes = (uint32_t)(sizeof(hdr) + len);
	memcpy(s->ask, &hdr, sizeof(hdr));
	memcpy(s->ask + sizeof(hdr), body, len);
	s->ask_len = sizeof(hdr) + len;
	/* The loop sends it: whoever asks is not called back before this returns. */
	event_active(s->on_writable, EV_WRITE, 1);
	return true;
}
