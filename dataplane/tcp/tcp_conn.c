/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a connection's memory: created, found by its ends, ended. One that has ended keeps
 * its memory until the burst is over, because an application may still hold a pointer from before.
 * Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"
#include "dataplane/tcp/tcp_source.h"

struct tcp_conn *tcp_conn_find(const struct tcp_worker *t, const struct tcp_key *k, uint64_t hash)
{
	uint32_t number = t->buckets[(uint32_t)hash & t->bucket_mask];

	while (number != 0) {
		struct tcp_conn *c = &t->conns[number - 1];

		if (LIKELY(tcp_key_equal(&c->key, k)))
			return c;
		number = c->chain;
	}
	return NULL;
}

static void table_add(struct tcp_worker *t, struct tcp_conn *c, uint64_t hash)
{
	uint32_t *link = &t->buckets[(uint32_t)hash & t->bucket_mask];

	c->chain = *link;
	*link = tcp_index(t, c) + 1;
}

static void table_del(struct tcp_worker *t, struct tcp_conn *c)
{
	uint32_t self = tcp_index(t, c) + 1;
	uint32_t bucket = (uint32_t)tcp_key_hash(&c->key, t->hash_secret) & t->bucket_mask;
	uint32_t *link = &t->buckets[bucket];

	while (*link != self)
		link = &t->conns[*link - 1].chain;
	*link = c->chain;
}

void tcp_half_open_add(struct tcp_worker *t, struct tcp_conn *c)
{
	uint32_t self = tcp_index(t, c) + 1;

	c->flags |= TCP_CONN_HALF_OPEN;
	c->half_next = 0;
	c->half_prev = t->half_last;
	if (t->half_last)
		t->conns[t->half_last - 1].half_next = self;
	else
		t->half_first = self;
	t->half_last = self;
	t->n_half_open++;
	t->w->stats->tcp.half_open = t->n_half_open;
}

void tcp_half_open_del(struct tcp_worker *t, struct tcp_conn *c)
{
	if (!(c->flags & TCP_CONN_HALF_OPEN))
		return;
	c->flags &= ~(uint32_t)TCP_CONN_HALF_OPEN;
	if (c->half_prev)
		t->conns[c->half_prev - 1].half_next = c->half_next;
	else
		t->half_first = c->half_next;
	if (c->half_next)
		t->conns[c->half_next - 1].half_prev = c->half_prev;
	else
		t->half_last = c->half_prev;
	t->n_half_open--;
	t->w->stats->tcp.half_open = t->n_half_open;
}

/* Gives back the memory of those that ended. */
static void bury(struct tcp_worker *t)
{
	while (t->dead) {
		struct tcp_conn *c = &t->conns[t->dead - 1];

		t->dead = c->chain;
		c->chain = t->free;
		t->free = tcp_index(t, c) + 1;
	}
}

struct tcp_conn *tcp_conn_create(
	struct worker *w, const struct tcp_key *k, uint64_t hash, enum drop_reason *reason)
{
	struct tcp_worker *t = w->tcp;
	struct tcp_start start;
	struct tcp_conn *c;

	if (UNLIKELY(!t->free && t->half_first)) {
		tcp_stats(w)->half_open_recycled++;
		tcp_conn_end(w, &t->conns[t->half_first - 1], TCP_END_TIMEOUT);
		/* Nobody knows a half-open one, so nobody can hold a pointer. */
		if (t->n_service == 0 && t->n_readable == 0)
			bury(t);
	}
	if (UNLIKELY(!t->free)) {
		tcp_stats(w)->limit_conns++;
		*reason = DROP_tcp_conns_full;
		return NULL;
	}
	c = &t->conns[t->free - 1];
	t->free = c->chain;
	t->n_conns++;
	start = tcp_start_of(k, t->start_secret, w->now_ns);
	*c = (struct tcp_conn){
		.key = *k,
		.busy = (struct tcp_busy *)&tcp_busy_none,
		.iface = WORLD_NO_INTERFACE,
		.state = TCP_CLOSED,
		.received_at = tcp_now(w),
		.opened_at = tcp_now(w),
		.rcv_limit = MIN_OF(t->limits.conn_recv_bytes, TCP_RECV_START_BYTES),
		.snd_una = start.isn,
		.snd_nxt = start.isn,
		.ts_offset = start.ts_offset,
		.quick_acks = TCP_QUICK_ACKS,
		.keep_s = TCP_KEEPALIVE_S,
		.timer = {.fn = tcp_timer_fire},
		.id = t->next_id++ << 8 | w->id,
	};
	table_add(t, c, hash);
	w->stats->tcp.conns[TCP_CLOSED]++;
	return c;
}

/* Gives back what @c holds and takes it out of the table; its memory waits. */
static void detach(struct worker *w, struct tcp_conn *c)
{
	struct tcp_worker *t = w->tcp;

	table_del(t, c);
	tcp_half_open_del(t, c);
	if (c->flags & TCP_CONN_IN_SOURCE)
		tcp_sources_del(t->sources, &c->key, t->hash_secret);
	wheel_del(w->wheel, &c->timer);
	tcp_busy_del(t, c);
	w->stats->tcp.conns[c->state]--;
	c->state = TCP_CLOSED;
}

void tcp_conn_end(struct worker *w, struct tcp_conn *c, enum tcp_end why)
{
	struct tcp_worker *t = w->tcp;

	BRAID_ASSERT(c->state != TCP_CLOSED || !(c->flags & TCP_CONN_OPENED));
	detach(w, c);
	if (c->flags & TCP_CONN_OPENED)
		c->app->on_end(w, c, why);
	else
		tcp_stats(w)->failed++;
	c->flags &= ~(uint32_t)TCP_CONN_OPENED;
	c->user = NULL;
	t->n_conns--;
	c->chain = t->dead;
	t->dead = tcp_index(t, c) + 1;
	if (!t->in_stage && !t->in_service)
		worker_task_add(w, &t->service_task);
}

void tcp_conn_time_wait(struct worker *w, struct tcp_conn *c)
{
	struct tcp_worker *t = w->tcp;
	uint64_t hash = tcp_key_hash(&c->key, t->hash_secret);
	uint32_t now_s = (uint32_t)(w->now_ns / NSEC_PER_SEC);
	struct tcp_time_wait r = {
		.key = c->key,
		.snd_nxt = c->snd_nxt,
		.rcv_nxt = c->rcv_nxt,
		.ts_recent = c->ts_recent,
		.expiry_s = c->flags & TCP_CONN_TS ? TCP_TIME_WAIT_HAS_TS : 0,
		.ts_offset = c->ts_offset,
	};

	tcp_stats(w)->time_waits++;
	tcp_stats(w)->time_waits_evicted += tcp_time_waits_add(t->time_waits, &r, hash, now_s);
	tcp_stats(w)->in_time_wait = tcp_time_waits_count(t->time_waits);
	tcp_conn_end(w, c, TCP_END_CLOSED);
}

void tcp_service_add(struct worker *w, struct tcp_conn *c)
{
	struct tcp_worker *t = w->tcp;

	if (c->flags & TCP_CONN_IN_SERVICE)
		return;
	c->flags |= TCP_CONN_IN_SERVICE;
	t->service[t->n_service++] = c;
	if (!t->in_stage && !t->in_service)
		worker_task_add(w, &t->service_task);
}

void tcp_readable_add(struct worker *w, struct tcp_conn *c)
{
	struct tcp_worker *t = w->tcp;

	if (c->flags & TCP_CONN_IN_READABLE)
		return;
	c->flags |= TCP_CONN_IN_READABLE;
	t->readable[t->n_readable++] = c;
}

/* Calls back for @n connections, one call per application. */
static void call_readable(struct worker *w, struct tcp_conn **conns, unsigned n)
{
	unsigned from = 0, left = 0;

	for (unsigned i = 0; i < n; i++) {
		conns[i]->flags &= ~(uint32_t)TCP_CONN_IN_READABLE;
		if (conns[i]->state != TCP_CLOSED)
			conns[left++] = conns[i];
	}
	while (from < left) {
		const struct tcp_app *app = conns[from]->app;
		unsigned to = from + 1;

		/* Its connections move together; applications are few. */
		for (unsigned i = to; i < left; i++) {
			if (conns[i]->app == app) {
				struct tcp_conn *other = conns[to];

				conns[to++] = conns[i];
				conns[i] = other;
			}
		}
		app->on_readable(w, conns + from, to - from);
		from = to;
	}
}

/* Whether there is so much room again that waking the application is worth it. */
static bool can_write(const struct worker *w, const struct tcp_conn *c)
{
	uint32_t room, enough = w->tcp->limits.conn_send_bytes / 4;

	if (LIKELY((c->flags & (TCP_CONN_WANT_WRITE | TCP_CONN_OPENED)) !=
		    (TCP_CONN_WANT_WRITE | TCP_CONN_OPENED)))
		return false;
	room = tcp_send_room(w, c);
	/* When others have all the blocks, any are better than none. */
	return room >= enough || (room != 0 && c->busy->send.bytes == 0);
}

/* Looks after @c. True: it has more to say than the lanes hold. */
static bool serve(struct worker *w, struct tcp_conn *c)
{
	bool more;

	if (UNLIKELY(c->state == TCP_CLOSED))
		return false;
	if (UNLIKELY(can_write(w, c))) {
		c->flags &= ~(uint32_t)TCP_CONN_WANT_WRITE;
		c->app->on_writable(w, c);
		if (c->state == TCP_CLOSED)
			return false;
	}
	more = tcp_output(w, c);
	/* Both sides have closed: it ends when the application has read all that came before. */
	if (UNLIKELY(more || c->busy->recv.bytes != 0))
		return more;
	if (UNLIKELY(c->state == TCP_TIME_WAIT))
		tcp_conn_time_wait(w, c);
	else if (UNLIKELY(c->state == TCP_LAST_ACK && c->snd_una == c->snd_nxt))
		tcp_conn_end(w, c, TCP_END_CLOSED);
	else
		tcp_busy_settle(w->tcp, c);
	return false;
}

/* Whether own packets still find room in the lanes on this pass. */
bool tcp_lanes_have_room(const struct worker *w)
{
	return tcp_lanes_packets(w) + tcp_lanes_more(w) < TCP_LANE_BULK;
}

/* Keeps what is behind the first @done and has not ended. */
static void leave_service(struct tcp_worker *t, uint32_t done)
{
	uint32_t left = 0;

	for (uint32_t i = done; i < t->n_service; i++)
		if (t->service[i]->state != TCP_CLOSED)
			t->service[left++] = t->service[i];
	t->n_service = left;
}

void tcp_service_run(struct worker *w)
{
	struct tcp_worker *t = w->tcp;
	uint32_t i = 0;

	if (t->in_service)
		return;
	t->in_service = true;
	if (t->n_readable) {
		call_readable(w, t->readable, t->n_readable);
		t->n_readable = 0;
	}
	/* Callbacks may add to the list. */
	while (i < t->n_service && tcp_lanes_have_room(w)) {
		struct tcp_conn *c = t->service[i++];

		if (i < t->n_service)
			rte_prefetch0(&t->service[i]->snd_una);
		c->flags &= ~(uint32_t)TCP_CONN_IN_SERVICE;
		if (UNLIKELY(serve(w, c))) {
			/* Behind the others, so that none of them starves. */
			leave_service(t, i);
			i = 0;
			tcp_service_add(w, c);
			break;
		}
	}
	leave_service(t, i);
	t->in_service = false;
	if (UNLIKELY(t->n_service != 0))
		worker_task_add(w, &t->service_task);
	bury(t);
}
