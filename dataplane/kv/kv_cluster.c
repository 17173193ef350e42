/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CLUSTER: every worker is presented as a node of a Redis Cluster, at the address the client came
 * to and the worker's own port, so that cluster clients send each command to the worker that owns
 * its slot. https://redis.io/docs/reference/cluster-spec/. Thread: worker.
 */
#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_text.h"
#include "lib/hash/crc16.h"

#define BUS_PORTS 10000 /* from a node's port to that of its bus, which nobody answers */

struct node {
	char id[KV_ID_DIGITS + 1];
	char address[IPADDR_TEXT_MAX];
	uint16_t port;
	uint16_t first; /* slot */
	uint16_t last;
	bool me;
};

/* Worker @i as a client that came as @c did sees it. */
static struct node node_of(const struct kv_call *c, unsigned i)
{
	unsigned n = c->w->n_workers;
	unsigned me = c->client->tag ? c->client->tag - 1u : c->w->id;
	struct node node = {
		.port = (uint16_t)(c->w->kv->settings.port + 1 + i),
		.first = (uint16_t)((i * KV_SLOTS + n - 1) / n),
		.last = (uint16_t)(((i + 1) * KV_SLOTS + n - 1) / n - 1),
		.me = i == me,
	};
	struct tcp_ends ends;

	kv_admin_id(c->w, (uint8_t)i, node.id);
	c->client->transport->ends(c->client->peer, &ends);
	ip_addr_format_host(&ends.local, node.address);
	return node;
}

void kv_cmd_cluster_slots(struct kv_call *c)
{
	kv_reply_array(c->reply, c->w->n_workers);
	for (unsigned i = 0; i < c->w->n_workers; i++) {
		struct node node = node_of(c, i);

		kv_reply_array(c->reply, 3);
		kv_reply_int(c->reply, node.first);
		kv_reply_int(c->reply, node.last);
		kv_reply_array(c->reply, 4);
		kv_reply_text(c->reply, node.address);
		kv_reply_int(c->reply, node.port);
		kv_reply_text(c->reply, node.id);
		kv_reply_map(c->reply, 0);
	}
}

void kv_cmd_cluster_shards(struct kv_call *c)
{
	kv_reply_array(c->reply, c->w->n_workers);
	for (unsigned i = 0; i < c->w->n_workers; i++) {
		struct node node = node_of(c, i);

		kv_reply_map(c->reply, 2);
		kv_reply_text(c->reply, "slots");
		kv_reply_array(c->reply, 2);
		kv_reply_int(c->reply, node.first);
		kv_reply_int(c->reply, node.last);
		kv_reply_text(c->reply, "nodes");
		kv_reply_array(c->reply, 1);
		kv_reply_map(c->reply, 7);
		kv_reply_text(c->reply, "id");
		kv_reply_text(c->reply, node.id);
		kv_reply_text(c->reply, "port");
		kv_reply_int(c->reply, node.port);
		kv_reply_text(c->reply, "ip");
		kv_reply_text(c->reply, node.address);
		kv_reply_text(c->reply, "endpoint");
		kv_reply_text(c->reply, node.address);
		kv_reply_text(c->reply, "role");
		kv_reply_text(c->reply, "master");
		kv_reply_text(c->reply, "replication-offset");
		kv_reply_int(c->reply, 0);
		kv_reply_text(c->reply, "health");
		kv_reply_text(c->reply, "online");
	}
}

void kv_cmd_cluster_nodes(struct kv_call *c)
{
	struct kv_text t = {.w = c->w};

	for (unsigned i = 0; i < c->w->n_workers; i++) {
		struct node node = node_of(c, i);

		kv_text_add(&t, "%s %s:%u@%u %s - 0 0 %u connected %u-%u\n", node.id, node.address,
			node.port, (unsigned)(uint16_t)(node.port + BUS_PORTS),
			node.me ? "myself,master" : "master", i + 1, node.first, node.last);
	}
	kv_text_reply(&t, c->reply, true);
}

void kv_cmd_cluster_info(struct kv_call *c)
{
	unsigned n = c->w->n_workers;
	struct kv_text t = {.w = c->w};

	kv_text_add(&t,
		"cluster_state:ok\r\ncluster_slots_assigned:%d\r\ncluster_slots_ok:%d\r\n"
		"cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:%u\r\n"
		"cluster_size:%u\r\ncluster_current_epoch:%u\r\ncluster_my_epoch:%u\r\n"
		"cluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\n"
		"total_cluster_links_buffer_limit_exceeded:0\r\n",
		KV_SLOTS, KV_SLOTS, n, n, n,
		c->client->tag ? (unsigned)c->client->tag : c->w->id + 1u);
	kv_text_reply(&t, c->reply, true);
}

void kv_cmd_cluster_myid(struct kv_call *c)
{
	struct node node = node_of(c, c->client->tag ? c->client->tag - 1u : c->w->id);

	kv_reply_text(c->reply, node.id);
}

void kv_cmd_cluster_keyslot(struct kv_call *c)
{
	struct kv_key k;

	kv_key_make(c->shard, &k, 0, c->argv[2].bytes, c->argv[2].len);
	kv_reply_int(c->reply, k.slot);
}

void kv_cmd_cluster_reset(struct kv_call *c)
{
	kv_reply_error(
		c->reply, "ERR CLUSTER RESET is not supported: slots belong to workers for good");
}

void kv_cmd_cluster_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"COUNTKEYSINSLOT <slot>",
		"    Return the number of keys in <slot>.",
		"GETKEYSINSLOT <slot> <count>",
		"    Return key names stored by current node in a slot.",
		"INFO",
		"    Return information about the cluster.",
		"KEYSLOT <key>",
		"    Return the hash slot for <key>.",
		"MYID",
		"    Return the node id.",
		"NODES",
		"    Return cluster configuration seen by node. Output format:",
		"    <id> <ip:port> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...",
		"SLOTS",
		"    Return information about slots range mappings. Each range is made of:",
		"    start, end, master and replicas IP addresses, ports and ids",
		"SHARDS",
		(("    Return information about slot range mappings and the nodes associated "
		  "with them.")),
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}
