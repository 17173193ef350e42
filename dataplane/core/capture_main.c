/* SPDX-License-Identifier: BSD-3-Clause */
/* The main thread's side of a capture: starts it, sends the copies to its client, ends it with the
 * client's connection. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ring.h>

#include "dataplane/core/capture_impl.h"

#define POOL_PKTS      (CAPTURE_RING + 64)
#define PKTS_PER_POLL  64
#define SNAP_MAX_BYTES 9728u

static struct capture *active;
static struct rte_mbuf *unsent; /* its client's socket was full */
static bool listening;          /* for clients that go away */

/* The wall-clock time of a cycle count of the recent past. */
static uint64_t wall_ns(uint64_t cycles)
{
	struct timespec ts;
	uint64_t now = rte_rdtsc(), ago;

	clock_gettime(CLOCK_REALTIME, &ts);
	ago = now > cycles
		      ? (uint64_t)(((__uint128_t)(now - cycles) * NSEC_PER_SEC) / rte_get_tsc_hz())
		      : 0;
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec - ago;
}

static void destroy(struct capture *c)
{
	void *m;

	rte_pktmbuf_free(unsent);
	unsent = NULL;
	while (c->ring && rte_ring_dequeue(c->ring, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(c->ring);
	rte_mempool_free(c->pool);
	free(c->lost);
	free(c);
}

/* Takes the capture out of the world, then frees it. */
static void end(void)
{
	struct capture *c = active;
	struct world *next = c ? world_draft() : NULL;

	if (!next)
		return;
	next->capture = NULL;
	active = NULL;
	world_publish(next);
	destroy(c);
}

static void on_client_close(uint64_t client_id)
{
	if (active && active->ticket.client_id == client_id)
		end();
}

/* Finds the filter's interface and reason by name. */
static int parse_filter(struct capture *c, const struct api_capture *req, struct base_error *err)
{
	const char *names[DROP_COUNT];
	const char *guess;

	c->iface = WORLD_NO_INTERFACE;
	for (unsigned i = 0; req->interface[0] && i < WORLD_INTERFACES_MAX; i++)
		if (strcmp(world_current->ifaces[i].name, req->interface) == 0)
			c->iface = (uint16_t)i;
	if (req->interface[0] && c->iface == WORLD_NO_INTERFACE)
		return base_error_set(err, ENOENT,
			"there is no interface \"%s\": see braidctl show interfaces",
			req->interface);
	c->reason = CAPTURE_TRAFFIC;
	if (req->reason[0] == '\0')
		return 0;
	if (strcmp(req->reason, "any") == 0) {
		c->reason = CAPTURE_ANY_DROP;
		return 0;
	}
	for (unsigned r = 0; r < DROP_COUNT; r++)
		names[r] = drop_table[r].name;
	for (unsigned r = DROP_NONE + 1; r < DROP_COUNT; r++)
		if (strcmp(names[r], req->reason) == 0)
			c->reason = (uint16_t)r;
	if (c->reason != CAPTURE_TRAFFIC)
		return 0;
	guess = base_suggest(req->reason, names, DROP_COUNT);
	return base_error_set(err, ENOENT,
		"there is no drop reason \"%s\"%s%s%s: see braidctl show drops --all", req->reason,
		guess ? " (did you mean \"" : "", guess ? guess : "", guess ? "\"?)" : "");
}

static int create(struct capture *c, struct base_error *err)
{
	c->lost = aligned_alloc(CACHE_LINE_BYTES, WORKER_SLOTS * sizeof(*c->lost));
	if (!c->lost)
		return base_error_set(err, ENOMEM, "no memory for a capture");
	memset(c->lost, 0, WORKER_SLOTS * sizeof(*c->lost));
	/* Relaxed tail sync: a worker preempted in the middle does not make another one wait. */
	c->ring = rte_ring_create(
		"capture", CAPTURE_RING, SOCKET_ID_ANY, RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
	c->pool = rte_pktmbuf_pool_create_by_ops("capture", POOL_PKTS, 0, 0,
		(uint16_t)MIN_OF(
			c->snap_bytes + RTE_PKTMBUF_HEADROOM, 2048u + RTE_PKTMBUF_HEADROOM),
		SOCKET_ID_ANY, "ring_mt_rts");
	if (!c->ring || !c->pool)
		return base_error_set(err, ENOMEM,
			"no memory for %u captured packets: raise node.memory, or lower --snaplen",
			CAPTURE_RING);
	return 0;
}

int server_on_capture(struct server_client *client, const struct api_capture *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct world *next;
	struct capture *c;
	int ret;

	if (!api_string_ok(body->interface, sizeof(body->interface)) ||
		!api_string_ok(body->reason, sizeof(body->reason)))
		return base_error_set(err, EINVAL, "capture: a name is not printable text");
	if (active)
		return base_error_set(
			err, EBUSY, "another capture is running: end it first (one at a time)");
	if (!listening)
		server_on_close(on_client_close);
	listening = true;
	c = calloc(1, sizeof(*c));
	if (!c)
		return base_error_set(err, ENOMEM, "no memory for a capture");
	c->ticket = server_ticket(client);
	c->snap_bytes =
		body->snap_bytes ? MIN_OF(body->snap_bytes, SNAP_MAX_BYTES) : SNAP_MAX_BYTES;
	ret = parse_filter(c, body, err);
	if (ret == 0)
		ret = create(c, err);
	next = ret == 0 ? world_draft() : NULL;
	if (!next) {
		destroy(c);
		return ret < 0 ? ret : base_error_set(err, ENOMEM, "no memory for a capture");
	}
	next->capture = c;
	active = c;
	world_publish(next);
	return 0;
}

/* Sends one copy to the client: 0, -EAGAIN, or another error when the client has gone. */
static int send_copy(struct rte_mbuf *m)
{
	const struct capture_note *note = capture_note_of(m);
	uint8_t buf[SNAP_MAX_BYTES];
	uint32_t len = MIN_OF(m->pkt_len, SNAP_MAX_BYTES);
	const void *data = rte_pktmbuf_read(m, 0, len, buf);
	struct api_capture_packet body = {
		.count = len,
		.length_bytes = note->length_bytes,
		.time_ns = wall_ns(note->cycles),
		.direction = note->direction,
		.worker = note->worker,
	};

	for (unsigned i = 0; i < WORKER_SLOTS; i++)
		body.lost += active->lost[i].pkts;
	if (note->iface < WORLD_INTERFACES_MAX)
		base_strlcpy(body.interface, world_current->ifaces[note->iface].name,
			sizeof(body.interface));
	if (note->direction == API_CAPTURE_DROP)
		base_strlcpy(body.reason, drop_table[note->reason].name, sizeof(body.reason));
	return server_event(&active->ticket, API_capture_packet, &body, data, len);
}

unsigned capture_poll(void)
{
	unsigned n = 0;

	while (active && n < PKTS_PER_POLL) {
		struct rte_mbuf *m = unsent;
		int ret;

		if (!m && rte_ring_dequeue(active->ring, (void **)&m) != 0)
			break;
		unsent = m;
		ret = send_copy(m);
		if (ret == -EAGAIN)
			break;
		if (!active)
			break; /* the client went away while we were sending; all is freed */
		unsent = NULL;
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

void capture_fini(void)
{
	end();
	listening = false;
}
