/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clients from their first byte to their last. One that ends, or may read on, is put on a list and
 * seen to when the running batch is over, because commands do it to their own client and to others.
 * Thread: worker.
 */
#include <endian.h>
#include <string.h>

#include "dataplane/kv/kv_job.h"
#include "dataplane/kv/kv_long.h"
#include "dataplane/kv/kv_multi.h"
#include "dataplane/kv/kv_output.h"
#include "dataplane/kv/kv_query.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_worker.h"
#include "lib/wire/number.h"

#define NONE UINT32_MAX

_Static_assert(sizeof(struct kv_client) <= 128, "an idle client is small");

static const char too_many[] = "-ERR max number of clients reached\r\n";
static const char denied[] =
	"-DENIED Redis is running in protected mode because protected mode is enabled and no "
	"password is set for the default user. In this mode connections are only accepted from "
	"the loopback interface. If you want to connect from external computers to Redis you may "
	"adopt one of the following solutions: 1) Just disable protected mode sending the command "
	"'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from "
	"the same host the server is running, however MAKE SURE Redis is not publicly accessible "
	"from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) "
	"Alternatively you can just disable the protected mode by editing the Redis configuration "
	"file, and setting the protected mode option to 'no', and then restarting the server. 3) "
	"If you started the server manually just for testing, restart it with the "
	"'--protected-mode no' option. 4) Setup a an authentication password for the default "
	"user. NOTE: You only need to do one of the above things in order for the server to start "
	"accepting connections from the outside.\r\n";

static bool is_loopback(const struct kv_transport *transport, const void *peer)
{
	static const uint8_t loopback6[16] = {[15] = 1};
	struct tcp_ends ends;

	transport->ends(peer, &ends);
	if (ends.remote.family == 4)
		return ends.remote.bytes[0] == 127;
	return memcmp(ends.remote.bytes, loopback6, sizeof(loopback6)) == 0;
}

/* Why the connection @peer cannot be a client's; NULL: it can. */
static const char *refusal(
	struct worker *w, const struct kv_transport *transport, const void *peer, size_t *len)
{
	struct kv_worker *kv = w->kv;

	if (kv->client_free == NONE || kv_worker_all_clients(w) >= kv->settings.clients_max) {
		*len = sizeof(too_many) - 1;
		return too_many;
	}
	if (UNLIKELY(kv->settings.protected_mode) && kv->settings.password[0] == '\0' &&
		!is_loopback(transport, peer)) {
		*len = sizeof(denied) - 1;
		return denied;
	}
	return NULL;
}

static void count_clients(struct kv_worker *kv, int change)
{
	uint32_t n = atomic_load_explicit(&kv->n_clients, memory_order_relaxed);

	atomic_store_explicit(&kv->n_clients, n + (uint32_t)change, memory_order_relaxed);
}

struct kv_client *kv_client_create(
	struct worker *w, const struct kv_transport *transport, void *peer, uint8_t tag)
{
	struct kv_worker *kv = w->kv;
	uint32_t now_s = (uint32_t)(w->now_ns / NSEC_PER_SEC);
	struct kv_client *c;
	const char *text;
	size_t len;

	text = refusal(w, transport, peer, &len);
	if (text) {
		kv->stats.rejected_connections++;
		transport->send(w, peer, text, (uint32_t)len);
		transport->close(w, peer, false);
		return NULL;
	}
	c = &kv->clients[kv->client_free];
	kv->client_free = c->next;
	kv->clients_used = MAX_OF(kv->clients_used, (uint32_t)(c - kv->clients) + 1);
	*c = (struct kv_client){
		.transport = transport,
		.peer = peer,
		.id = kv->next_id,
		.flags = KV_CLIENT_USED,
		.created_s = now_s,
		.active_s = now_s,
		.next = NONE,
		.command = UINT16_MAX,
		.version = 2,
		.tag = tag,
	};
	kv_client_auth_default(w, c);
	kv->next_id += w->n_workers;
	kv->stats.connections++;
	count_clients(kv, 1);
	return c;
}

/* Takes @c out of the list of those to see to. */
static void unlist(struct kv_worker *kv, struct kv_client *c)
{
	uint32_t me = (uint32_t)(c - kv->clients);
	uint32_t *link = &kv->see_first;

	if (!(c->flags & KV_CLIENT_LISTED))
		return;
	while (*link != me)
		link = &kv->clients[*link].next;
	*link = c->next;
	c->flags &= ~KV_CLIENT_LISTED;
}

/* Whether @c has nothing but its place. */
static bool is_plain(const struct kv_client *c)
{
	return !c->lengthy && !c->ops_first && !c->watched && !c->unwatch && !c->multi &&
	       !c->backlog_first && !c->query && !c->name && !(c->flags & KV_CLIENT_JOBS);
}

/* Gives back what @c has. */
static void give_back(struct worker *w, struct kv_client *c)
{
	struct kv_worker *kv = w->kv;

	kv_long_cancel(w, c);
	kv_route_forget(w, c);
	if (c->flags & KV_CLIENT_JOBS)
		kv_jobs_on_client_end(w, c);
	if (kv->on_client_end)
		kv->on_client_end(w, c);
	kv_multi_discard(w, c);
	kv_output_free(w, c);
	kv_query_free(w, c);
	kv_memory_free(w, c->name);
	c->name = NULL;
}

void kv_client_destroy(struct worker *w, struct kv_client *c)
{
	struct kv_worker *kv = w->kv;

	unlist(kv, c);
	if (UNLIKELY(!is_plain(c)))
		give_back(w, c);
	c->flags = 0;
	c->peer = NULL;
	c->next = kv->client_free;
	kv->client_free = (uint32_t)(c - kv->clients);
	count_clients(kv, -1);
}

/* Closes the connection and forgets the client. */
static void end(struct worker *w, struct kv_client *c, bool abort)
{
	const struct kv_transport *transport = c->transport;
	void *peer = c->peer;

	kv_client_destroy(w, c);
	transport->close(w, peer, abort);
}

void kv_client_see(struct worker *w, struct kv_client *c)
{
	struct kv_worker *kv = w->kv;

	if (!(c->flags & KV_CLIENT_LISTED)) {
		c->flags |= KV_CLIENT_LISTED;
		c->next = kv->see_first;
		kv->see_first = (uint32_t)(c - kv->clients);
	}
	worker_task_add(w, &kv->see_task);
}

void kv_client_see_ended(struct worker *w)
{
	struct kv_worker *kv = w->kv;
	uint32_t at = kv->see_first;

	while (at != NONE) {
		struct kv_client *c = &kv->clients[at];

		at = c->next;
		if (c->flags & KV_CLIENT_DOOMED)
			end(w, c, true);
		else if ((c->flags & KV_CLIENT_CLOSING) && !c->backlog_first && !c->lengthy &&
			 !c->ops_first)
			end(w, c, false);
	}
}

/* Those that are left on the list may read on: one of them. True: there are more. */
bool kv_client_see_task(struct worker *w, struct worker_task *t)
{
	struct kv_worker *kv = w->kv;
	struct kv_client *c;

	kv_client_see_ended(w);
	if (kv->see_first == NONE)
		return false;
	c = &kv->clients[kv->see_first];
	unlist(kv, c);
	if (c->waits == 0 && !(c->flags & KV_CLIENT_CLOSING))
		c->transport->resume(w, c->peer);
	return kv->see_first != NONE;
}

void kv_client_go_on(struct worker *w, struct kv_client *c, enum kv_client_waits reason)
{
	c->waits &= (uint8_t)~reason;
	if (c->waits == 0)
		kv_client_see(w, c);
}

void kv_client_close(struct worker *w, struct kv_client *c)
{
	c->flags |= KV_CLIENT_CLOSING;
	kv_client_see(w, c);
}

void kv_client_kill(struct worker *w, struct kv_client *c)
{
	c->flags |= KV_CLIENT_DOOMED | KV_CLIENT_CLOSING;
	kv_client_see(w, c);
}

void kv_client_eof(struct worker *w, struct kv_client *c)
{
	if (LIKELY(!(c->flags & KV_CLIENT_LISTED) && is_plain(c))) {
		end(w, c, false);
		return;
	}
	kv_client_close(w, c);
	kv_client_see_ended(w);
}

void kv_client_auth_default(const struct worker *w, struct kv_client *c)
{
	c->flags &= ~(uint32_t)KV_CLIENT_AUTHENTICATED;
	if (w->kv->settings.password[0] == '\0')
		c->flags |= KV_CLIENT_AUTHENTICATED;
}

struct kv_client *kv_client_at(const struct worker *w, uint32_t i)
{
	struct kv_client *c = &w->kv->clients[i];

	return c->flags & KV_CLIENT_USED ? c : NULL;
}

uint32_t kv_client_places(const struct worker *w)
{
	return w->kv->clients_used;
}

struct kv_client *kv_client_find(const struct worker *w, uint64_t id)
{
	for (uint32_t i = 0; i < w->kv->clients_used; i++) {
		struct kv_client *c = kv_client_at(w, i);

		if (c && c->id == id)
			return c;
	}
	return NULL;
}

void kv_client_address(const struct kv_client *c, bool remote, char *out)
{
	char addr[IPADDR_TEXT_MAX], port[NUMBER_INT_TEXT_MAX];
	struct tcp_ends ends;
	size_t n = 0;

	c->transport->ends(c->peer, &ends);
	ip_addr_format_host(remote ? &ends.remote : &ends.local, addr);
	number_format_int(port, be16toh(remote ? ends.remote_port_be : ends.local_port_be));
	if (ends.remote.family == 6)
		out[n++] = '[';
	n += base_strlcpy(out + n, addr, KV_ADDRESS_TEXT_MAX - n);
	if (ends.remote.family == 6)
		out[n++] = ']';
	out[n++] = ':';
	base_strlcpy(out + n, port, KV_ADDRESS_TEXT_MAX - n);
}

int kv_client_set_name(struct worker *w, struct kv_client *c, const void *name, uint32_t len)
{
	char *copy = NULL;

	if (len > 0) {
		copy = kv_memory_alloc(w, len + 1);
		if (!copy)
			return -1;
		memcpy(copy, name, len);
		copy[len] = '\0';
	}
	kv_memory_free(w, c->name);
	c->name = copy;
	return 0;
}
