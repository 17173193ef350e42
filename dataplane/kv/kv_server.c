/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients over TCP. All connections that a burst made readable are one batch. Thread: worker.
 */
#include "dataplane/kv/kv_config.h"
#include "dataplane/kv/kv_worker.h"

#define INPUTS_MAX 64 /* connections of one batch */

static uint32_t tcp_transport_send(struct worker *w, void *peer, const void *p, uint32_t n)
{
	return tcp_send(w, peer, p, n);
}

/* Discards what a connection without a client says. */
static void discard(struct worker *w, struct tcp_conn *conn)
{
	uint32_t n = tcp_readable_bytes(conn);

	if (n > 0)
		tcp_consume(w, conn, n);
}

static void tcp_transport_close(struct worker *w, void *peer, bool abort)
{
	tcp_set_user(peer, NULL);
	if (abort) {
		tcp_abort(w, peer);
	} else {
		discard(w, peer);
		tcp_close(w, peer);
	}
}

/* Takes what a batch has used of @in, whose client lives, and offers it what lies behind. False:
 * nothing. */
static bool read_on(struct worker *w, struct tcp_conn *conn, struct kv_input *in)
{
	if (in->client->flags & KV_CLIENT_CLOSING)
		in->done = in->len;
	w->kv->stats.input_bytes += in->done;
	if (in->done > 0)
		tcp_consume(w, conn, in->done);
	if (in->done < in->len)
		return false;
	*in = (struct kv_input){.client = in->client};
	in->len = tcp_peek(conn, &in->p);
	return in->len > 0 || kv_input_is_readable(in);
}

/* @conn, which is closed, says more: discarded, and reset once it has what was sent (RFC 1122
 * 4.2.2.13). */
static void refuse(struct worker *w, struct tcp_conn *conn)
{
	if (tcp_readable_bytes(conn) > 0 && tcp_unacked_bytes(conn) == 0)
		tcp_abort(w, conn);
	else
		discard(w, conn);
}

/* Begins to read @conn; false: there is nothing that could be run. */
static bool read_first(struct worker *w, struct tcp_conn *conn, struct kv_input *in)
{
	*in = (struct kv_input){.client = tcp_user(conn)};
	if (!in->client) {
		refuse(w, conn);
		return false;
	}
	in->client->active_s = (uint32_t)(w->now_ns / NSEC_PER_SEC);
	return read_on(w, conn, in);
}

/* One round: a batch of all @active inputs, which it returns but for those that are through. */
static uint64_t serve_round(
	struct worker *w, struct tcp_conn *const *conns, struct kv_input *inputs, uint64_t active)
{
	for (uint64_t left = active; left; left &= left - 1)
		kv_batch_read(w, &inputs[__builtin_ctzll(left)]);
	kv_batch_run(w);
	kv_client_see_ended(w);
	for (uint64_t left = active; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		struct kv_input *in = &inputs[i];

		kv_input_settle(in);
		if (!in->client || (!kv_input_is_readable(in) && !read_on(w, conns[i], in)))
			active &= ~(1ULL << i);
	}
	return active;
}

/* Whether @c is heard of only when its peer has said more. */
static bool expects_more(const struct kv_client *c)
{
	return !(c->flags & KV_CLIENT_WAITING) && (c->query || (c->flags & KV_CLIENT_REPLY_OFF));
}

/* Runs what the @n connections say. A client that is gone takes its connection with it. */
static void serve(struct worker *w, struct tcp_conn *const *conns, unsigned n)
{
	struct kv_input inputs[INPUTS_MAX];
	uint64_t active = 0;

	for (unsigned i = 0; i < n; i++)
		if (read_first(w, conns[i], &inputs[i]))
			active |= 1ULL << i;
	while (active)
		active = serve_round(w, conns, inputs, active);
	for (unsigned i = 0; i < n; i++) {
		struct kv_client *c = inputs[i].client;

		if (!c || !(c->flags & KV_CLIENT_USED))
			continue;
		if (UNLIKELY(expects_more(c)))
			tcp_expect_more(w, conns[i]);
		if (tcp_at_eof(conns[i]))
			kv_client_eof(w, c);
	}
}

static void tcp_transport_resume(struct worker *w, void *peer)
{
	struct tcp_conn *conn = peer;

	serve(w, &conn, 1);
}

static void tcp_transport_ends(const void *peer, struct tcp_ends *ends)
{
	tcp_ends_of(peer, ends);
}

static const struct kv_transport transport = {
	.send = tcp_transport_send,
	.close = tcp_transport_close,
	.resume = tcp_transport_resume,
	.ends = tcp_transport_ends,
};

static int on_open(struct worker *w, struct tcp_conn *conn)
{
	struct kv_client *c;

	if (!w->kv)
		return -1;
	kv_config_follow(w);
	c = kv_client_create(w, &transport, conn, tcp_tag(conn));
	if (!c)
		return 0;
	tcp_set_user(conn, c);
	tcp_keepalive_set(w, conn, w->kv->settings.keepalive_s);
	return 0;
}

static void on_readable(struct worker *w, struct tcp_conn *const *conns, unsigned n)
{
	kv_config_follow(w);
	for (unsigned at = 0; at < n; at += INPUTS_MAX)
		serve(w, conns + at, MIN_OF(n - at, (unsigned)INPUTS_MAX));
}

static void on_writable(struct worker *w, struct tcp_conn *conn)
{
	struct kv_client *c = tcp_user(conn);

	if (c)
		kv_client_writable(w, c);
}

static void on_end(struct worker *w, struct tcp_conn *conn, enum tcp_end why)
{
	struct kv_client *c = tcp_user(conn);

	tcp_set_user(conn, NULL);
	if (c)
		kv_client_destroy(w, c);
}

const struct tcp_app kv_tcp_app = {
	.on_open = on_open,
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_end = on_end,
};
