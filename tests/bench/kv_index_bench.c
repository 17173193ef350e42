/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store's shard beside rte_hash, same keys: cycles per operation in batches of 64, and bytes
 * per key. Both get keys as they came, in any order, hash them (here with a secret, there with
 * CRC32, its fastest) and give what they hold under the key, compared byte for byte:
 * a pointer there, an item with its 64-byte value here. Both lie on huge pages if those are free.
 * One chunk of operations is timed at a time, in turns with the other table, and the median chunk
 * counts, so that a core that was away for a while does no harm. Prints JSON. Arguments: numbers
 * of keys.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "dataplane/kv/kv_shard_impl.h"

#define KEY_BYTES   16
#define VALUE_BYTES 64
#define BATCH       64
#define CHUNK       (16u * BATCH)
#define CHUNKS      2000u
#define TURN        100u /* chunks of one table before it is the other's turn */

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
static double median(uint64_t *chunks, unsigned n)
{
	qsort(chunks, n, sizeof(chunks[0]), compare);
	return (double)chunks[n / 2] / CHUNK;
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

/* A batch of keys as commands have them: hashed one by one, the way to them asked for at once. */
static void batch_make(const struct kv_shard *s, const struct bench_key keys[BATCH],
	struct kv_key k[BATCH], const struct kv_key *all[BATCH])
{
	for (unsigned i = 0; i < BATCH; i++) {
		k[i] = (struct kv_key){.bytes = (const uint8_t *)keys[i].bytes, .len = KEY_BYTES};
		k[i].hash = key_hash_of(&s->secret, k[i].bytes, KEY_BYTES);
		all[i] = &k[i];
		kv_index_prefetch(&s->dbs[0].index, k[i].hash);
	}
}

static uint64_t get_chunk(struct kv_shard *s, const struct bench_key keys[CHUNK])
{
	const struct kv_key *all[BATCH];
	struct kv_key k[BATCH];
	uint64_t start = rte_rdtsc(), sum = 0;

	for (unsigned at = 0; at < CHUNK; at += BATCH) {
		batch_make(s, &keys[at], k, all);
		kv_shard_fetch(s, all, BATCH);
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
	uint64_t start = rte_rdtsc(), sum = 0;
	const struct kv_key *all[BATCH];
	struct kv_item *items[BATCH];
	struct kv_key k[BATCH];

	for (unsigned at = 0; at < CHUNK; at += BATCH) {
		batch_make(s, &keys[at], k, all);
		kv_index_find_bulk(&s->dbs[0].index, all, BATCH, items);
		for (unsigned i = 0; i < BATCH; i++)
			sum += items[i] != NULL;
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
	const struct kv_key *all[BATCH];
	struct kv_key k[BATCH];
	uint64_t start = rte_rdtsc();

	for (unsigned at = 0; at < CHUNK; at += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			kv_key_make(s, &k[i], 0, keys[at + i].bytes, KEY_BYTES);
			all[i] = &k[i];
			kv_shard_prefetch(s, &k[i]);
		}
		kv_shard_fetch(s, all, BATCH);
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
	const void *all[BATCH];
	void *found[BATCH];
	uint64_t start = rte_rdtsc(), sum = 0;

	for (unsigned at = 0; at < CHUNK; at += BATCH) {
		uint64_t hits;

		for (unsigned i = 0; i < BATCH; i++)
			all[i] = &keys[at + i];
		if (rte_hash_lookup_bulk_data(h, all, BATCH, &hits, found) < 0)
			abort();
		for (unsigned i = 0; i < BATCH; i++)
			sum += hits >> i & 1 && found[i] != NULL;
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
	return median(cycles, CHUNKS);
}

/* The other table, with the same keys; room for a quarter more, so that none is refused. */
static struct rte_hash *rte_fill(struct kv_shard *s, uint64_t n)
{
	struct rte_hash_parameters p = {
		.name = "bench",
		.entries = (uint32_t)(n + n / 4),
		.key_len = KEY_BYTES,
		.hash_func = rte_hash_crc,
	};
	struct rte_hash *h = rte_hash_create(&p);
	struct bench_key key;

	for (uint64_t i = 0; h && i < n; i++) {
		name_of(&key, i);
		if (rte_hash_add_key_data(h, &key, s) < 0)
			h = NULL;
	}
	if (!h) {
		fprintf(stderr, "rte_hash: no memory for %lu keys\n", (unsigned long)n);
		exit(1);
	}
	return h;
}

/* The two tables in turns. */
static void compare_tables(struct kv_shard *s, uint64_t n, double *index, double *rte)
{
	static uint64_t others[CHUNKS];
	static struct bench_key keys[CHUNK];
	struct rte_hash *h = rte_fill(s, n);

	for (unsigned turn = 0; turn < CHUNKS; turn += TURN) {
		for (unsigned i = turn; i < turn + TURN; i++) {
			pick(keys, n);
			cycles[i] = index_chunk(s, keys);
		}
		for (unsigned i = turn; i < turn + TURN; i++) {
			pick(keys, n);
			others[i] = rte_chunk(h, keys);
		}
	}
	rte_hash_free(h);
	*index = median(cycles, CHUNKS);
	*rte = median(others, CHUNKS);
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
	return median(cycles, chunks);
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
	compare_tables(s, n, &lookup, &rte);
	get = measure(get_chunk, s, n);
	set = measure(set_chunk, s, n);
	hit = measure(hit_chunk, s, n);
	key = measure(key_chunk, s, n);
	printf("  {\"keys\": %lu, \"index_cycles\": %.1f, \"rte_hash_cycles\": %.1f, \"ratio\": "
	       "%.2f,\n"
	       "   \"get_cycles\": %.1f, \"find_hit_cycles\": %.1f, \"key_make_cycles\": %.1f, "
	       "\"set_cycles\": %.1f,\n"
	       "   \"insert_cycles\": %.1f, \"index_bytes_per_key\": %.1f, "
	       "\"overhead_bytes_per_key\": %.1f,\n"
	       "   \"index_hugepages\": %s, \"rte_hash_hugepages\": %s}%s\n",
		(unsigned long)n, lookup, rte, rte / lookup, get, hit, key, set, insert,
		(double)index / (double)size, (double)used / (double)size - KEY_BYTES - VALUE_BYTES,
		s->arena.is_huge ? "true" : "false", rte_eal_has_hugepages() ? "true" : "false",
		is_last ? "" : ",");
	fflush(stdout);
	kv_shard_destroy(s);
}

/* Huge pages of 2 MiB that nobody has. */
static uint64_t huge_free(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned long n = 0;

	if (f) {
		if (fscanf(f, "%lu", &n) != 1)
			n = 0;
		fclose(f);
	}
	return n;
}

/* What both tables take with @n keys, and some for the EAL. */
static uint64_t huge_wanted(uint64_t n)
{
	return (n * (160 + 64) + (192u << 20)) >> 21;
}

int main(int argc, char **argv)
{
	char *huge[] = {"kv_index_bench", "--in-memory", "--no-pci", "-l", "0", "--log-level",
		"error", "--no-telemetry"};
	char *small[] = {"kv_index_bench", "--no-huge", "--no-pci", "--no-shconf", "-m", "2048",
		"-l", "0", "--log-level", "error", "--no-telemetry"};
	uint64_t most = 0;
	int rc;

	for (int i = 1; i < argc; i++)
		most = MAX_OF(most, strtoull(argv[i], NULL, 10));
	rc = huge_free() >= huge_wanted(most) ? rte_eal_init(ARRAY_SIZE(huge), huge)
					      : rte_eal_init(ARRAY_SIZE(small), small);
	if (rc < 0)
		return 1;
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
