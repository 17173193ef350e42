/* SPDX-License-Identifier: BSD-3-Clause */
/* show shards and show store: the shared counters, and what the dataplane has been told. */
#include <string.h>

#include "control/cli/cli.h"
#include "control/cli/table.h"

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* Per cent of lookups that found their key; null when there were none. */
static json_t *hit_rate(uint64_t hits, uint64_t misses)
{
	return hits + misses ? json_real(100.0 * (double)hits / (double)(hits + misses))
			     : json_null();
}

/* Whether worker @i of @f has a shard. */
static bool has_shard(const struct stats_file *f, uint32_t i)
{
	return stats_read(&f->workers[i].kv.slots) != 0;
}

static json_t *shard_row(const struct stats_kv *kv, uint32_t worker)
{
	uint64_t first = stats_read(&kv->first_slot), n = stats_read(&kv->slots);
	json_t *row = json_object();
	char slots[48];

	snprintf(slots, sizeof(slots), "%llu-%llu", (unsigned long long)first,
		(unsigned long long)(first + n - 1));
	json_object_set_new(row, "worker", json_integer(worker));
	json_object_set_new(row, "slots", json_string(slots));
#define ADD(field) json_object_set_new(row, #field, count(stats_read(&kv->field)))
	ADD(keys);
	ADD(expires);
	ADD(used_bytes);
	ADD(limit_bytes);
	ADD(hits);
	ADD(misses);
	ADD(expired);
	ADD(evicted);
	ADD(clients);
	ADD(commands);
	ADD(commands_per_s);
	ADD(local);
	ADD(forwarded);
	ADD(served);
	ADD(effects);
	ADD(refused_oom);
#undef ADD
	return row;
}

enum cli_exit cli_show_shards(struct cli *cli)
{
	static const struct table_column columns[] = {
		{"worker", "WORKER"},
		{"slots", "SLOTS"},
		{"keys", "KEYS"},
		{"expires", "EXPIRES"},
		{"used_bytes", "USED"},
		{"limit_bytes", "LIMIT"},
		{"hits", "HITS"},
		{"misses", "MISSES"},
		{"expired", "EXPIRED"},
		{"evicted", "EVICTED"},
		{"local", "LOCAL"},
		{"forwarded", "FORWARDED"},
		{"clients", "CLIENTS"},
		{"commands_per_s", "OPS/S"},
	};
	struct base_error err = {0};
	const struct stats_file *f = cli_counters(cli, &err);
	json_t *rows;

	if (!f)
		return cli_fail(&err);
	rows = json_array();
	for (uint32_t i = 0; i < f->n_workers; i++)
		if (has_shard(f, i))
			json_array_append_new(rows, shard_row(&f->workers[i].kv, i));
	stats_file_close(f);
	return table_show(cli, rows, columns, ARRAY_SIZE(columns));
}

/* The word at @offset of struct stats_kv, over all workers. */
static uint64_t sum(const struct stats_file *f, size_t offset)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < f->n_workers; i++)
		n += stats_read((const uint64_t *)((const uint8_t *)&f->workers[i].kv + offset));
	return n;
}
#define SUM(f, field) sum(f, offsetof(struct stats_kv, field))

static const char *policy_name(uint32_t policy)
{
	static const char *const names[] = {
		[API_STORE_NOEVICTION] = "noeviction",
		[API_STORE_ALLKEYS_LRU] = "allkeys-lru",
		[API_STORE_ALLKEYS_LFU] = "allkeys-lfu",
		[API_STORE_ALLKEYS_RANDOM] = "allkeys-random",
		[API_STORE_VOLATILE_LRU] = "volatile-lru",
		[API_STORE_VOLATILE_LFU] = "volatile-lfu",
		[API_STORE_VOLATILE_RANDOM] = "volatile-random",
		[API_STORE_VOLATILE_TTL] = "volatile-ttl",
	};

	return policy < ARRAY_SIZE(names) ? names[policy] : "unknown";
}

/* What was configured. */
static json_t *configured(const struct api_store_info *info)
{
	const struct api_store *want = &info->want;
	json_t *row = json_object(), *listen = json_array(), *ports = json_array();
	char text[IPADDR_TEXT_MAX];

	for (unsigned i = 0; i < MIN_OF(want->n_listen, (unsigned)API_ADDRESSES_MAX); i++)
		json_array_append_new(
			listen, json_string(ip_addr_format_host(&want->listen[i], text)));
	for (unsigned i = 1; i <= MIN_OF(info->n_workers, (unsigned)STATS_WORKERS_MAX); i++)
		json_array_append_new(ports, json_integer((json_int_t)(want->port + i)));
	json_object_set_new(row, "listen", listen);
	json_object_set_new(row, "port", json_integer(want->port));
	json_object_set_new(row, "worker_ports", ports);
	json_object_set_new(row, "memory_bytes", count(info->memory_bytes));
	json_object_set_new(row, "policy", json_string(policy_name(want->policy)));
	json_object_set_new(row, "password", json_boolean(want->password[0] != '\0'));
	json_object_set_new(row, "protected_mode", json_boolean(want->protected_mode != 0));
	json_object_set_new(row, "timeout_s", json_integer(want->timeout_s));
	json_object_set_new(row, "max_clients", json_integer(info->max_clients));
	return row;
}

/* What it does, from the counters. */
static void add_counts(json_t *row, const struct stats_file *f)
{
	uint64_t hits = SUM(f, hits), misses = SUM(f, misses);

	json_object_set_new(row, "used_bytes", count(SUM(f, used_bytes)));
	json_object_set_new(row, "keys", count(SUM(f, keys)));
	json_object_set_new(row, "expires", count(SUM(f, expires)));
	json_object_set_new(row, "clients", count(SUM(f, clients)));
	json_object_set_new(row, "commands", count(SUM(f, commands)));
	json_object_set_new(row, "commands_per_s", count(SUM(f, commands_per_s)));
	json_object_set_new(row, "hits", count(hits));
	json_object_set_new(row, "misses", count(misses));
	json_object_set_new(row, "hit_percent", hit_rate(hits, misses));
	json_object_set_new(row, "expired", count(SUM(f, expired)));
	json_object_set_new(row, "evicted", count(SUM(f, evicted)));
	json_object_set_new(row, "local", count(SUM(f, local)));
	json_object_set_new(row, "forwarded", count(SUM(f, forwarded)));
	json_object_set_new(row, "rejected", count(SUM(f, rejected)));
}

/* Asks the dataplane. */
static int fetch(struct cli *cli, struct api_store_info *info, struct base_error *err)
{
	struct api_client client;
	const void *reply;
	int rc = cli_connect(cli, "dataplane.sock", &client, NULL, err);

	if (rc < 0)
		return rc;
	rc = api_call(&client, API_store_info, NULL, &reply, err);
	if (rc == 0)
		memcpy(info, reply, sizeof(*info));
	api_client_close(&client);
	return rc;
}

enum cli_exit cli_show_store(struct cli *cli)
{
	struct base_error err = {0};
	struct api_store_info info;
	const struct stats_file *f;
	const char *key;
	json_t *row, *value;

	if (fetch(cli, &info, &err) < 0)
		return cli_fail(&err);
	if (info.want.n_listen == 0) {
		printf(cli->json ? "{}\n" : "(none)\n");
		return CLI_OK;
	}
	f = cli_counters(cli, &err);
	if (!f)
		return cli_fail(&err);
	row = configured(&info);
	add_counts(row, f);
	stats_file_close(f);
	if (cli->json)
		return cli_print_json(row);
	json_object_foreach(row, key, value)
	{
		char text[TABLE_CELL_MAX];

		table_format(value, text);
		printf("%-16s %s\n", key, text);
	}
	json_decref(row);
	return CLI_OK;
}
