/* SPDX-License-Identifier: BSD-3-Clause */
/* The blocking client of an API socket. One thread per client. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/api/api.h"

/* Which program serves the socket, going by its name. */
static const char *peer_of(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	if (strcmp(base, "dataplane.sock") == 0)
		return "braid-dataplane";
	if (strcmp(base, "control.sock") == 0)
		return "braid-control";
	return "the server";
}

/* The next message in c->buf: 1, or a negative errno with a sentence, end of file among them. */
static int receive(struct api_client *c, struct base_error *err)
{
	int n = api_recv(c->fd, c->buf, err);

	if (n == 0)
		return base_error_set(err, ECONNRESET,
			"the other side closed the connection (see its log for the reason)");
	return n < 0 ? n : 1;
}

static int call_failed(const struct api_header *hdr, struct base_error *err)
{
	const struct base_error *theirs = (const struct base_error *)(hdr + 1);

	if (theirs->text[0] == '\0')
		return base_error_set(err, -hdr->status, "%s", strerror(-hdr->status));
	return base_error_set(err, -hdr->status, "%s", theirs->text);
}

/* Sequence 0 is the answer of a server that refuses to listen at all. */
static bool is_answer(const struct api_header *hdr, uint16_t type, uint32_t sequence)
{
	return hdr->flags == API_FLAG_REPLY && hdr->type == type &&
	       (hdr->sequence == sequence || (hdr->sequence == 0 && hdr->status < 0));
}

int api_call(struct api_client *c, enum api_type type, const void *body, const void **reply,
	struct base_error *err)
{
	const struct api_row *row = api_row_find((uint16_t)type);
	struct api_header *hdr = (struct api_header *)c->buf;
	struct api_header request = {.type = (uint16_t)type, .sequence = ++c->sequence};
	const void *items = NULL;
	size_t items_len = 0;
	int rc;

	if (row->request_item_bytes) {
		items = (const uint8_t *)body + row->request_bytes;
		items_len = *(const uint32_t *)body * (size_t)row->request_item_bytes;
	}
	rc = api_send(c->fd, &request, body, items, items_len);
	/* Who closes on us may have said why before: that is still to be read. */
	if (rc < 0 && rc != -EPIPE && rc != -ECONNRESET)
		return base_error_set(err, -rc, "cannot send %s: %s", row->name, strerror(-rc));
	for (;;) {
		rc = receive(c, err);
		if (rc == -EINTR)
			continue;
		if (rc < 0)
			return rc;
		if (hdr->flags == API_FLAG_EVENT) {
			if (c->on_event)
				c->on_event(c->ctx, hdr);
			continue;
		}
		if (!is_answer(hdr, (uint16_t)type, c->sequence))
			return base_error_set(err, EPROTO,
				"unexpected message %s while waiting for the answer to %s",
				api_row_find(hdr->type)->name, row->name);
		c->generation = hdr->generation;
		if (hdr->status < 0)
			return call_failed(hdr, err);
		if (reply)
			*reply = hdr + 1;
		return 0;
	}
}

int api_event_wait(
	struct api_client *c, int timeout_ms, const struct api_header **hdr, struct base_error *err)
{
	struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
	const struct api_header *got = (const struct api_header *)c->buf;
	int rc;

	do {
		rc = poll(&pfd, 1, timeout_ms);
		if (rc == 0)
			return 0;
		if (rc < 0)
			return base_error_set(
				err, errno, "cannot wait for events: %s", strerror(errno));
		rc = receive(c, err);
		if (rc < 0)
			return rc;
	} while (got->flags != API_FLAG_EVENT);
	*hdr = got;
	return 1;
}

static int hello(struct api_client *c, const char *path, const char *name,
	struct api_hello_reply *out, struct base_error *err)
{
	struct api_hello body = {.version = API_VERSION, .pid = (uint32_t)getpid()};
	const struct api_hello_reply *answer;
	const void *reply;
	int rc;

	base_strlcpy(body.client, name, sizeof(body.client));
	rc = api_call(c, API_hello, &body, &reply, err);
	if (rc == -EBADMSG)
		return base_error_set(err, EPROTO,
			"%s: %s does not speak API version %d (install and start the same version "
			"of all braid programs)",
			path, peer_of(path), API_VERSION);
	if (rc < 0)
		return rc;
	answer = reply;
	if (answer->version != API_VERSION)
		return base_error_set(err, EPROTO,
			"%s: %s speaks API version %u, this program version %d (install and start "
			"the same version of all braid programs)",
			path, peer_of(path), answer->version, API_VERSION);
	if (!api_string_ok(answer->node, sizeof(answer->node)) ||
		!api_string_ok(answer->build, sizeof(answer->build)) ||
		!api_string_ok(answer->stats_path, sizeof(answer->stats_path)))
		return base_error_set(err, EBADMSG, "%s: unreadable names in the greeting", path);
	if (out)
		*out = *answer;
	return 0;
}

int api_client_open(struct api_client *c, const char *path, const char *name,
	struct api_hello_reply *answer, struct base_error *err)
{
	int rc;

	*c = (struct api_client){.fd = -1};
	rc = api_connect(path, peer_of(path), err);
	if (rc < 0)
		return rc;
	c->fd = rc;
	c->buf = malloc(API_MSG_MAX_BYTES);
	if (!c->buf)
		rc = base_error_set(err, ENOMEM, "no memory for a message");
	else if (fcntl(c->fd, F_SETFL, 0) < 0)
		rc = base_error_set(err, errno, "cannot set up the socket: %s", strerror(errno));
	else
		rc = hello(c, path, name, answer, err);
	if (rc < 0)
		api_client_close(c);
	return rc;
}

void api_client_close(struct api_client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	c->fd = -1;
	c->buf = NULL;
}
