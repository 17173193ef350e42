/* SPDX-License-Identifier: BSD-3-Clause */
/* The store of tests/unit/kv_rig.h. One thread. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ring.h>

#include "dataplane/core/mailbox.h"
#include "dataplane/task/task.h"
#include "tests/unit/kv_rig.h"

#define ROUNDS_MAX 100000
#define START_NS   (1000 * NSEC_PER_SEC)
#define WORDS_MAX  64

/* A string that grows. */
struct bytes {
	char *p;
	size_t len;
	size_t size;
};

/* A connection, seen from the client. */
struct peer {
	bool used;
	unsigned worker;
	struct kv_client *client; /* NULL: refused or closed */
	struct bytes to;          /* sent, not yet taken */
	struct bytes from;        /* received */
	struct bytes last;        /* what the last look returned */
	size_t window;
	bool starved; /* the store wanted to send more than the window */
	bool closed;
	bool aborted;
};

static struct {
	unsigned n_workers;
	uint64_t now_ns;
	struct peer peers[KV_RIG_CLIENTS_MAX];
	struct stats_worker *stats;
	struct rte_ring *rings[WORKER_SLOTS][WORKER_SLOTS];
	char refusal[2048];
} rig;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "kv_rig: %s\n", what);
	abort();
}

static void add(struct bytes *b, const void *p, size_t n)
{
	if (b->len + n + 1 > b->size) {
		b->size = (b->len + n + 1) * 2;
		b->p = realloc(b->p, b->size);
		if (!b->p)
			fail("out of memory");
	}
	if (n > 0)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = '\0';
}

static uint64_t rig_cycles(struct worker *w)
{
	return rig.now_ns;
}

/* What the configuration says where it says nothing. */
static const struct conf rig_conf = {
	.compute =
		{
			.jobs = 64,
			.jobs_per_client = 16,
			.quota_percent = 100,
			.result_bytes = 64u << 20,
			.result_ttl_ms = 3600000,
			.grace_ms = 60000,
		},
};

static const struct worker_ops rig_ops = {.cycles = rig_cycles};

static uint32_t rig_send(struct worker *w, void *peer, const void *p, uint32_t n)
{
	struct peer *r = peer;
	uint32_t took = (uint32_t)MIN_OF((size_t)n, r->window);

	if (r->window != SIZE_MAX)
		r->window -= took;
	if (took < n)
		r->starved = true;
	add(&r->from, p, took);
	return took;
}

static void rig_close(struct worker *w, void *peer, bool abort)
{
	struct peer *r = peer;

	r->client = NULL;
	r->closed = true;
	r->aborted = abort;
	r->to.len = 0;
}

/* Offers the client's bytes in a buffer of exactly their size, so that the sanitizers see reads
 * beside them. */
static void feed(struct worker *w, struct peer *r)
{
	while (r->client && r->to.len > 0) {
		size_t len = r->to.len;
		uint8_t *copy = malloc(len);
		uint32_t done;

		if (!copy)
			fail("out of memory");
		memcpy(copy, r->to.p, len);
		done = kv_client_input(w, r->client, copy, (uint32_t)len);
		free(copy);
		if (!r->client)
			return;
		memmove(r->to.p, r->to.p + done, r->to.len - done);
		r->to.len -= done;
		if (done < len)
			return;
	}
}

static void rig_resume(struct worker *w, void *peer)
{
	struct peer *r = peer;

	if (r->to.len > 0)
		feed(w, r);
	else
		kv_client_input(w, r->client, NULL, 0);
}

static void rig_ends(const void *peer, struct tcp_ends *ends)
{
	unsigned number = (unsigned)((const struct peer *)peer - rig.peers);

	*ends = (struct tcp_ends){
		.local = ip_addr_v4(__builtin_bswap32(0x0a000001)),
		.remote = ip_addr_v4(__builtin_bswap32(0x0a000002)),
		.local_port_be = __builtin_bswap16(6379),
		.remote_port_be = __builtin_bswap16((uint16_t)(40000 + number)),
	};
}

static const struct kv_transport rig_transport = {
	.send = rig_send,
	.close = rig_close,
	.resume = rig_resume,
	.ends = rig_ends,
};

static void connect_rings(void)
{
	size_t size = (size_t)rte_ring_get_memsize(MAILBOX_ENTRIES);

	for (unsigned src = 0; src <= rig.n_workers; src++) {
		for (unsigned dst = 0; dst <= rig.n_workers; dst++) {
			struct rte_ring *ring;

			if (src == dst)
				continue;
			ring = aligned_alloc(CACHE_LINE_BYTES, (size + 63) & ~(size_t)63);
			if (!ring || rte_ring_init(ring, "rig", MAILBOX_ENTRIES,
					     RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
				fail("no ring");
			rig.rings[src][dst] = ring;
			workers[src]->outbox[dst] = ring;
			workers[dst]->inbox[src] = ring;
		}
	}
}

void kv_rig_start_with(const struct kv_settings *settings, unsigned n_workers)
{
	struct base_error err = {0};

	rig.n_workers = n_workers;
	rig.now_ns = START_NS;
	rig.stats = calloc(n_workers + 1, sizeof(*rig.stats));
	kv_settings_set(settings);
	if (task_init(&rig_conf, &err) < 0)
		fail(err.text);
	for (unsigned i = 0; i <= n_workers; i++) {
		struct worker *w = worker_create(
			(uint8_t)i, (uint8_t)n_workers, &rig_ops, &rig.stats[i], NULL);

		if (!w)
			fail("no worker");
		workers[i] = w;
		w->ns_per_cycle_q32 = 1ULL << 32;
		w->now_ns = rig.now_ns;
		w->rng = i + 1;
		wheel_init(w->wheel, rig.now_ns);
		w->wheel->ctx = w;
		atomic_store(
			&w->wall_offset_ns, (int64_t)(KV_RIG_START_MS * NSEC_PER_MSEC - START_NS));
	}
	connect_rings();
	for (unsigned i = 0; i < n_workers; i++)
		if (task_worker_init(workers[i], &err) < 0 || kv_worker_init(workers[i], &err) < 0)
			fail(err.text);
}

void kv_rig_start(uint64_t memory_bytes)
{
	struct kv_settings settings;

	kv_settings_default(&settings, memory_bytes);
	kv_rig_start_with(&settings, 1);
}

static void free_peer(struct peer *r)
{
	free(r->to.p);
	free(r->from.p);
	free(r->last.p);
	*r = (struct peer){.used = false};
}

void kv_rig_stop(void)
{
	for (int i = 0; i < KV_RIG_CLIENTS_MAX; i++)
		if (rig.peers[i].used)
			kv_rig_abort(i);
	kv_rig_run();
	for (unsigned i = 0; i < rig.n_workers; i++)
		if (workers[i]->kv->reserve.n_free != KV_RESERVE_PIECES)
			fail("a piece of the reserve was lost");
	for (unsigned i = 0; i < rig.n_workers; i++) {
		kv_worker_fini(workers[i]);
		task_worker_fini(workers[i]);
	}
	task_fini();
	for (unsigned i = 0; i <= rig.n_workers; i++) {
		for (unsigned k = 0; k <= rig.n_workers; k++) {
			free(rig.rings[i][k]);
			rig.rings[i][k] = NULL;
		}
		worker_destroy(workers[i]);
		workers[i] = NULL;
	}
	free(rig.stats);
}

int kv_rig_connect(unsigned worker)
{
	int i = 0;
	struct peer *r;

	while (rig.peers[i].used)
		if (++i == KV_RIG_CLIENTS_MAX)
			fail("too many clients");
	r = &rig.peers[i];
	*r = (struct peer){.used = true, .worker = worker, .window = SIZE_MAX};
	r->client = kv_client_create(workers[worker], &rig_transport, r, 0);
	if (r->client)
		return i;
	base_strlcpy(rig.refusal, r->from.p ? r->from.p : "", sizeof(rig.refusal));
	free_peer(r);
	return -1;
}

const char *kv_rig_refusal(void)
{
	return rig.refusal;
}

static struct peer *peer_of(int client)
{
	if (client < 0 || client >= KV_RIG_CLIENTS_MAX || !rig.peers[client].used)
		fail("no such client");
	return &rig.peers[client];
}

void kv_rig_close(int client)
{
	struct peer *r = peer_of(client);

	if (r->client)
		kv_client_eof(workers[r->worker], r->client);
	kv_rig_run();
}

void kv_rig_abort(int client)
{
	struct peer *r = peer_of(client);

	if (r->client)
		kv_client_destroy(workers[r->worker], r->client);
	free_peer(r);
}

void kv_rig_push(int client, const void *bytes, size_t len)
{
	struct peer *r = peer_of(client);

	if (r->client)
		add(&r->to, bytes, len);
}

struct kv_rig_reply kv_rig_take(int client)
{
	struct peer *r = peer_of(client);

	r->last.len = 0;
	add(&r->last, r->from.p, r->from.len);
	r->from.len = 0;
	return (struct kv_rig_reply){
		.bytes = r->last.p, .len = r->last.len, .closed = r->closed, .aborted = r->aborted};
}

struct kv_rig_reply kv_rig_send(int client, const void *bytes, size_t len)
{
	kv_rig_push(client, bytes, len);
	kv_rig_run();
	return kv_rig_take(client);
}

const char *kv_rig_text(int client, const char *text)
{
	return kv_rig_send(client, text, strlen(text)).bytes;
}

struct kv_rig_reply kv_rig_args(int client, const struct resp_arg *argv, uint32_t argc)
{
	char head[32];

	kv_rig_push(client, head, (size_t)snprintf(head, sizeof(head), "*%u\r\n", argc));
	for (uint32_t i = 0; i < argc; i++) {
		kv_rig_push(
			client, head, (size_t)snprintf(head, sizeof(head), "$%u\r\n", argv[i].len));
		kv_rig_push(client, argv[i].bytes, argv[i].len);
		kv_rig_push(client, "\r\n", 2);
	}
	kv_rig_run();
	return kv_rig_take(client);
}

const char *kv_rig_words(int client, const char *word, ...)
{
	struct resp_arg argv[WORDS_MAX];
	uint32_t argc = 0;
	va_list ap;

	va_start(ap, word);
	for (; word; word = va_arg(ap, const char *)) {
		if (argc == WORDS_MAX)
			fail("too many words");
		argv[argc++] = (struct resp_arg){
			.bytes = (const uint8_t *)word,
			.len = (uint32_t)strlen(word),
		};
	}
	va_end(ap);
	return kv_rig_args(client, argv, argc).bytes;
}

void kv_rig_window(int client, size_t bytes)
{
	struct peer *r = peer_of(client);

	r->window = bytes;
	if (r->starved && r->client) {
		r->starved = false;
		kv_client_writable(workers[r->worker], r->client);
	}
	kv_rig_run();
}

void kv_rig_run(void)
{
	unsigned moved = 1;

	for (unsigned round = 0; moved; round++) {
		if (round == ROUNDS_MAX)
			fail("it never comes to rest");
		moved = 0;
		for (int i = 0; i < KV_RIG_CLIENTS_MAX; i++) {
			struct peer *r = &rig.peers[i];
			size_t before = r->to.len;

			if (!r->used || before == 0)
				continue;
			feed(workers[r->worker], r);
			moved += r->to.len != before;
		}
		for (unsigned i = 0; i <= rig.n_workers; i++)
			moved += worker_turn(workers[i]);
	}
}

void kv_rig_advance_ms(uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i++) {
		rig.now_ns += NSEC_PER_MSEC;
		kv_rig_run();
	}
}

uint64_t kv_rig_now_ms(void)
{
	return KV_RIG_START_MS + (rig.now_ns - START_NS) / NSEC_PER_MSEC;
}

struct worker *kv_rig_worker(unsigned i)
{
	return workers[i];
}

struct kv_client *kv_rig_client(int client)
{
	return peer_of(client)->client;
}
