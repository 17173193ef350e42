/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of the `store` section as rows of a table, and what is checked when all of the file is
 * read. The names are Redis's where it has one. Main threads only.
 */
#include <string.h>

#include "lib/conf/conf_impl.h"

#define MEMORY_MIN  (16ULL << 20)
#define MEMORY_MAX  (4096ULL << 30)
#define CLIENTS_MIN 1
#define CLIENTS_MAX 1000000
#define TIMEOUT_MAX (24U * 3600 * 1000)

/* The words for enum conf_store_policy. */
const char *const conf_policy_words[] = {
	[CONF_STORE_NOEVICTION] = "noeviction",
	[CONF_STORE_ALLKEYS_LRU] = "allkeys-lru",
	[CONF_STORE_ALLKEYS_LFU] = "allkeys-lfu",
	[CONF_STORE_ALLKEYS_RANDOM] = "allkeys-random",
	[CONF_STORE_VOLATILE_LRU] = "volatile-lru",
	[CONF_STORE_VOLATILE_LFU] = "volatile-lfu",
	[CONF_STORE_VOLATILE_RANDOM] = "volatile-random",
	[CONF_STORE_VOLATILE_TTL] = "volatile-ttl",
	NULL,
};

static const char *const yes_no_words[] = {[CONF_YES] = "yes", [CONF_NO] = "no", NULL};

static int store_begin(struct conf_loader *l, const struct conf_value *map, void **base)
{
	struct conf_store *store = &l->conf->store;

	*store = (struct conf_store){
		.port = CONF_STORE_PORT,
		.memory_bytes = CONF_STORE_MEMORY,
		.max_clients = CONF_STORE_CLIENTS,
		.place = map->place,
	};
	*base = store;
	return 0;
}

static int decode_store_listen(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_store *store = base;
	int rc = conf_decode_address(l, key, value, &store->listen[store->n_listen]);

	l->store_listen_places[store->n_listen] = value->place;
	if (rc < 0)
		return rc;
	for (uint16_t i = 0; i < store->n_listen; i++)
		if (ip_addr_same_host(&store->listen[i], &store->listen[store->n_listen]))
			return conf_fail(l, value->place,
				"the store listens twice on %s (remove one of them)",
				conf_value_text(l, value));
	store->n_listen++;
	return 0;
}

static int decode_password(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	struct conf_store *store = base;

	if (value->text_len >= sizeof(store->password))
		return conf_fail(l, value->place, "password has %u characters, at most %zu fit",
			value->text_len, sizeof(store->password) - 1);
	memcpy(store->password, conf_value_text(l, value), value->text_len + 1);
	return 0;
}

static const struct conf_key store_keys[] = {
	{
		.name = "listen",
		.takes = CONF_TAKES_SCALAR | CONF_TAKES_SCALARS,
		.required = true,
		.items_min = 1,
		.items_max = CONF_STORE_LISTEN_MAX,
		.decode = decode_store_listen,
		.help = "a list of addresses of this node that answer clients: [192.0.2.1]",
	},
	{
		.name = "port",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_store, port),
		.min = 1,
		.max = CONF_STORE_PORT_MAX,
		.decode = conf_decode_u16,
		.help = "TCP port, 6379 unless given; each worker answers on one of the next ones "
			"too",
	},
	{
		.name = "memory",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_store, memory_bytes),
		.min = MEMORY_MIN,
		.max = MEMORY_MAX,
		.decode = conf_decode_size,
		.help = "for keys, values and their index, 256M unless given",
	},
	{
		.name = "policy",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_store, policy),
		.words = conf_policy_words,
		.decode = conf_decode_word,
		.help = "what to evict when the memory is full, noeviction unless given",
	},
	{
		.name = "max_clients",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_store, max_clients),
		.min = CLIENTS_MIN,
		.max = CLIENTS_MAX,
		.decode = conf_decode_count,
		.help = "connections at the same time, 10000 unless given",
	},
	{
		.name = "password",
		.takes = CONF_TAKES_SCALAR,
		.decode = decode_password,
		.help = "of the user \"default\"; none is asked for unless given",
	},
	{
		.name = "protected_mode",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_store, protected_mode),
		.words = yes_no_words,
		.decode = conf_decode_word,
		.help = "yes: without a password clients are refused; no: everybody may ask",
	},
	{
		.name = "timeout",
		.takes = CONF_TAKES_SCALAR,
		.offset = offsetof(struct conf_store, timeout_ms),
		.min = 1000,
		.max = TIMEOUT_MAX,
		.decode = conf_decode_duration,
		.help = "after which a silent client is disconnected, never unless given",
	},
};

const struct conf_section conf_store_section = {
	.noun = "store",
	.keys = store_keys,
	.n_keys = ARRAY_SIZE(store_keys),
	.begin = store_begin,
};

static bool is_own(const struct conf_node *node, const struct ip_addr *addr)
{
	for (uint16_t i = 0; i < node->n_interfaces; i++) {
		const struct conf_interface *iface = &node->interfaces[i];

		for (uint16_t a = 0; a < iface->n_addresses; a++)
			if (ip_addr_same_host(&iface->addresses[a], addr))
				return true;
	}
	return false;
}

int conf_check_store(struct conf_loader *l)
{
	const struct conf_store *store = &l->conf->store;
	char text[IPADDR_TEXT_MAX];

	for (uint16_t i = 0; i < store->n_listen; i++)
		if (!is_own(&l->conf->node, &store->listen[i]))
			return conf_fail(l, l->store_listen_places[i],
				"the store listens on %s, which is no address of this node (add it "
				"to the addresses of a port)",
				ip_addr_format_host(&store->listen[i], text));
	if (store->n_listen && store->port + l->conf->node.n_workers > CONF_STORE_PORT_MAX)
		return conf_fail(l, store->place,
			"the store's ports %u to %u, one for each worker, leave 1 to %u (choose a "
			"lower one)",
			store->port, store->port + l->conf->node.n_workers, CONF_STORE_PORT_MAX);
	return 0;
}
