/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store's shard beside rte_hash, same keys: cycles per operation in batches of 32, and bytes
 * per key. One chunk of operations is timed at a time; the median chunk counts, so that a core
 * that was away for a while does no harm. Prints JSON. Arguments: numbers of keys.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_memory.h>

#include "dataplane/kv/kv_shard_impl.h"

#define KEY_BYTES   16
#define VALUE_BYTES 64
#define BATCH       32
#define CHUNK       (32u * BATCH)
#define CHUNKS      2000u

struct bench_key {
	char bytes[KEY_BYTES];
};

static struct worker *w;
static uint64_t cycles[CHUNKS * 64];

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Cycles per operation of the median of @n chunks. */
static double median(unsigned n)
{
	qsort(cycles, n, sizeof(cycles[0]), compare);
	return (double)cycles[n / 2] / CHUNK;
}

static void name_of(struct bench_key *k, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "key:%012lu", (unsigned long)(number % 1000000000000));
	memcpy(k->bytes, text, KEY_BYTES);
}

/* Fills the keys of the next chunk at random. */
static void pick(struct bench_key keys[CHUNK], uint64_t n)
{
	for (unsigned i = 0; i < CHUNK; i++)
		name_of(&keys[i], worker_random(w) % n);
}

static uint64_t get_chunk(struct kv_shard *s, const struct bench_key keys[CHUNK])
{
	struct kv_key k[BATCH];
	uint64_t start = rte_rdtsc(), sum = 0;

	for (unsigned at = 0; at < CHUNK; at += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			k[i].bytes = (const uint8_t *)keys[at + i].bytes;
			k[i].len = KEY_BYTES;
			k[i].db = 0;
			k[i].hash = key_hash_of(&s->secret, k[i].bytes, KEY_BYTES);
			kv_shard_prefetch_bucket(s, &k[i]);
		}
		for (unsigned i = 0; i < BATCH; i++)
			kv_shard_prefetch_item(s, &k[i]);
		for (unsigned i = 0; i < BATCH; i++)
			sum += kv_shard_find(s, &k[i], KV_LOOK_READ | KV_LOOK_TOUCH) != NULL;
	}
	start = rte_rdtsc() - start;
	if (sum != CHUNK)
		abort();
	return start;
}

/* The index alone, as rte_hash is. */
static uint64_t index_chunk(struct kv_shard *s, const struct bench_key keys[CHUNK])
{
	const struct kv_index *ix = &s->dbs[0].index;
	uint64_t start = rte_rdtsc(), sum = 0;
	struct kv_item *items[BATCH];
	struct kv_key k[BATCH];

	for (unsigned i = 0; i < CHUNK; i += BATCH) {
		for (unsigned j = 0; j < BATCH; j++) {
			k[j].bytes = (const uint8_t *)keys[i + j].bytes;
			k[j].len = KEY_BYTES;
			k[j].hash = key_hash_of(&s->secret, k[j].bytes, KEY_BYTES);
		}
		kv_index_find_bulk(ix, k, BATCH, items);
		for (unsigned j = 0; j < BATCH; j++)
			sum += items[j] != NULL;
	}
	start = rte_rdtsc() - start;
	if (sum != CHUNK)
		abort();
	return start;
}

static uint64_t set_chunk(struct kv_shard *s, const struct bench_key keys[CHUNK])
{
	static char value[VALUE_BYTES];
	struct kv_write v = {.value = value, .len = VALUE_BYTES};
	struct kv_key k[BATCH];
	uint64_t start = rte_rdtsc();

	for (unsigned at = 0; at < CHUNK; at += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			kv_key_make(s, &k[i], 0, keys[at + i].bytes, KEY_BYTES);
			kv_shard_prefetch_bucket(s, &k[i]);
		}
		for (unsigned i = 0; i < BATCH; i++)
			kv_shard_prefetch_item(s, &k[i]);
		for (unsigned i = 0; i < BATCH; i++)
			if (kv_shard_set(s, &k[i], &v, NULL))
				abort();
	}
	return rte_rdtsc() - start;
}

/* Only the last step, on keys whose bucket and item are in the cache. */
static uint64_t hit_chunk(struct kv_shard *s, const struct bench_key keys[CHUNK])
{
	struct kv_key k[BATCH];
	uint64_t spent = 0, sum = 0;

	for (unsigned at = 0; at < CHUNK; at += BATCH) {
		uint64_t start;

		for (unsigned i = 0; i < BATCH; i++) {
			kv_key_make(s, &k[i], 0, keys[at + i].bytes, KEY_BYTES);
			sum += kv_shard_find(s, &k[i], 0) != NULL;
		}
		start = rte_rdtsc();
		for (unsigned i = 0; i < BATCH; i++)
			sum += kv_shard_find(s, &k[i], KV_LOOK_READ | KV_LOOK_TOUCH) != NULL;
		spent += rte_rdtsc() - start;
	}
	if (sum != 2 * CHUNK)
		abort();
	return spent;
}

static uint64_t key_chunk(struct kv_shard *s, const struct bench_key keys[CHUNK])
{
	uint64_t start = rte_rdtsc(), sum = 0;
	struct kv_key k;

	for (unsigned i = 0; i < CHUNK; i++) {
		kv_key_make(s, &k, 0, keys[i].bytes, KEY_BYTES);
		sum += k.hash ^ k.slot;
	}
	start = rte_rdtsc() - start;
	if (sum == 1)
		abort();
	return start;
}

static uint64_t rte_chunk(struct rte_hash *h, const struct bench_key keys[CHUNK])
{
	const void *batch[BATCH];
	int32_t at[BATCH];
	uint64_t start = rte_rdtsc(), sum = 0;

	for (unsigned i = 0; i < CHUNK; i += BATCH) {
		for (unsigned j = 0; j < BATCH; j++)
			batch[j] = &keys[i + j];
		rte_hash_lookup_bulk(h, batch, BATCH, at);
		for (unsigned j = 0; j < BATCH; j++)
			sum += at[j] >= 0;
	}
	start = rte_rdtsc() - start;
	if (sum != CHUNK)
		abort();
	return start;
}

static double measure(uint64_t (*chunk)(struct kv_shard *, const struct bench_key *),
	struct kv_shard *s, uint64_t n)
{
	static struct bench_key keys[CHUNK];

	for (unsigned i = 0; i < CHUNKS; i++) {
		pick(keys, n);
		cycles[i] = chunk(s, keys);
	}
	return median(CHUNKS);
}

static double measure_rte(uint64_t n)
{
	struct rte_hash_parameters p = {
		.name = "bench",
		.entries = (uint32_t)(n + n / 4),
		.key_len = KEY_BYTES,
		.hash_func = rte_hash_crc,
	};
	struct rte_hash *h = rte_hash_create(&p);
	static struct bench_key keys[CHUNK];

	if (!h)
		return 0;
	for (uint64_t i = 0; i < n; i++) {
		name_of(&keys[0], i);
		if (rte_hash_add_key(h, &keys[0]) < 0)
			return 0;
	}
	for (unsigned i = 0; i < CHUNKS; i++) {
		pick(keys, n);
		cycles[i] = rte_chunk(h, keys);
	}
	rte_hash_free(h);
	return median(CHUNKS);
}

static double insert_all(struct kv_shard *s, uint64_t n)
{
	static struct bench_key keys[CHUNK];
	unsigned chunks = 0;

	for (uint64_t at = 0; at < n; at += CHUNK) {
		uint64_t spent;

		for (unsigned i = 0; i < CHUNK; i++)
			name_of(&keys[i], at + i);
		spent = set_chunk(s, keys);
		cycles[chunks] = spent;
		chunks += chunks + 1 < ARRAY_SIZE(cycles);
	}
	return median(chunks);
}

static void bench(uint64_t n, bool is_last)
{
	struct kv_shard_options options = {
		.memory_bytes = n * 160 + (64u << 20), .secret = "0123456789abcde"};
	struct base_error err = {};
	struct kv_shard *s = kv_shard_create(w, &options, &err);
	uint64_t size, used, index;
	double insert, lookup, get, set, hit, key, rte;

	if (!s) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	insert = insert_all(s, n);
	while (kv_shard_work(s))
		;
	size = kv_shard_size(s, 0);
	used = kv_shard_used_bytes(s);
	index = kv_index_bytes(&s->dbs[0].index);
	lookup = measure(index_chunk, s, n);
	get = measure(get_chunk, s, n);
	set = measure(set_chunk, s, n);
	hit = measure(hit_chunk, s, n);
	key = measure(key_chunk, s, n);
	kv_shard_destroy(s);
	rte = measure_rte(n);
	printf("  {\"keys\": %lu, \"index_cycles\": %.1f, \"rte_hash_cycles\": %.1f, \"ratio\": "
	       "%.2f,\n"
	       "   \"get_cycles\": %.1f, \"find_hit_cycles\": %.1f, \"key_make_cycles\": %.1f, "
	       "\"set_cycles\": %.1f,\n"
	       "   \"insert_cycles\": %.1f, \"index_bytes_per_key\": %.1f, "
	       "\"overhead_bytes_per_key\": %.1f}%s\n",
		(unsigned long)n, lookup, rte, rte / lookup, get, hit, key, set, insert,
		(double)index / (double)size, (double)used / (double)size - KEY_BYTES - VALUE_BYTES,
		is_last ? "" : ",");
	fflush(stdout);
}

/* The other table gets pages as large as ours. */
static int advise(const struct rte_memseg_list *list, void *arg)
{
	(void)madvise(list->base_va, list->len, MADV_HUGEPAGE);
	return 0;
}

int main(int argc, char **argv)
{
	char *eal[] = {"kv_index_bench", "--no-huge", "--no-pci", "--no-shconf", "-m", "2048", "-l",
		"0", "--log-level", "error", "--no-telemetry"};

	if (rte_eal_init(ARRAY_SIZE(eal), eal) < 0)
		return 1;
	rte_memseg_list_walk(advise, NULL);
	w = aligned_alloc(CACHE_LINE_BYTES, sizeof(*w));
	if (!w)
		return 1;
	memset(w, 0, sizeof(*w));
	w->rng = 88172645463325252ULL;
	printf("{\"bench\": \"index\", \"cases\": [\n");
	for (int i = 1; i < argc; i++)
		bench(strtoull(argv[i], NULL, 10), i + 1 == argc);
	printf("]}\n");
	return 0;
}
