/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Eviction as Redis does it (https://redis.io/docs/reference/eviction/): samples of five keys feed
 * a pool of the best candidates; the best of them goes. Recency is a clock of 268 ms, frequency a
 * logarithmic counter that decays by one each 69 s, in the same 24 bits. Candidates are remembered
 * by hash and looked up again, so nothing needs to tell the pool of an item's end. Thread: worker.
 */
#include "dataplane/kv/kv_shard_impl.h"

#define SAMPLES          5   /* maxmemory-samples */
#define SAMPLE_BUCKETS   8   /* visited at most for one sample */
#define EMPTY_BUCKETS    256 /* as many when there is nothing in them */
#define ROUNDS           16  /* samples taken before giving up for now */
#define MINUTE_SHIFT     36
#define USE_MASK         ((1u << KV_USE_BITS) - 1)
#define LFU_BORN         5 /* LFU_INIT_VAL */
#define LFU_MAX          255
#define LFU_LOG_FACTOR   10
#define IDLE_NS_PER_TICK (1ULL << KV_CLOCK_SHIFT)

static bool is_volatile(enum kv_policy policy)
{
	return policy >= KV_VOLATILE_LRU;
}

static uint16_t minute_now(const struct kv_shard *s)
{
	return (uint16_t)(s->w->now_ns >> MINUTE_SHIFT);
}

/* The counter of @it after the decay of the time since. */
static uint8_t frequency(const struct kv_shard *s, const struct kv_item *it)
{
	uint8_t counter = (uint8_t)it->use;
	uint16_t minutes = (uint16_t)(minute_now(s) - (uint16_t)(it->use >> 8));

	return (uint8_t)(counter - MIN_OF((unsigned)counter, (unsigned)minutes));
}

void kv_evict_born(struct kv_shard *s, struct kv_item *it)
{
	it->use = s->is_lfu ? ((uint32_t)minute_now(s) << 8 | LFU_BORN) & USE_MASK
			    : kv_evict_clock(s);
}

/* One more use: the higher the counter, the less likely it counts. */
static uint8_t counted(struct kv_shard *s, uint8_t counter)
{
	unsigned above = counter > LFU_BORN ? counter - LFU_BORN : 0;

	if (counter == LFU_MAX)
		return counter;
	return (uint8_t)(counter +
			 ((worker_random(s->w) >> 32) * (above * LFU_LOG_FACTOR + 1) < 1ULL << 32));
}

void kv_evict_count(struct kv_shard *s, struct kv_item *it)
{
	it->use = ((uint32_t)minute_now(s) << 8 | counted(s, frequency(s, it))) & USE_MASK;
}

void kv_shard_use_set(struct kv_shard *s, struct kv_item *it, int64_t idle_s, int64_t frequency)
{
	uint64_t idle_max_s = USE_MASK * IDLE_NS_PER_TICK / NSEC_PER_SEC, ticks;

	kv_evict_born(s, it);
	if (s->is_lfu && frequency >= 0)
		it->use = ((uint32_t)minute_now(s) << 8 | (uint8_t)frequency) & USE_MASK;
	if (s->is_lfu || idle_s < 0)
		return;
	/* Rounded up, so that as many whole seconds are read again. */
	ticks = (MIN_OF((uint64_t)idle_s, idle_max_s) * NSEC_PER_SEC + IDLE_NS_PER_TICK - 1) /
		IDLE_NS_PER_TICK;
	it->use = (it->use - (uint32_t)ticks) & USE_MASK;
}

uint32_t kv_shard_idle_s(const struct kv_shard *s, const struct kv_item *it)
{
	uint64_t ticks = (kv_evict_clock(s) - it->use) & USE_MASK;

	return s->is_lfu ? 0 : (uint32_t)(ticks * IDLE_NS_PER_TICK / NSEC_PER_SEC);
}

uint8_t kv_shard_frequency(const struct kv_shard *s, const struct kv_item *it)
{
	return s->is_lfu ? frequency(s, it) : 0;
}

void kv_evict_policy(struct kv_shard *s, enum kv_policy policy)
{
	s->policy = policy;
	s->is_lfu = policy == KV_ALLKEYS_LFU || policy == KV_VOLATILE_LFU;
	s->n_pool = 0;
}

/* How good it is to evict @it. */
static uint64_t score_of(const struct kv_shard *s, const struct kv_item *it)
{
	if (s->policy == KV_VOLATILE_TTL)
		return UINT64_MAX - kv_item_expiry_ms(it);
	if (s->is_lfu)
		return LFU_MAX - frequency(s, it);
	return (kv_evict_clock(s) - it->use) & USE_MASK;
}

/* Offers a candidate to the pool. */
static void pool_add(struct kv_shard *s, const struct kv_candidate *c)
{
	unsigned at = 0, n = s->n_pool;

	for (unsigned i = 0; i < n; i++)
		if (s->pool[i].hash == c->hash && s->pool[i].db == c->db)
			return;
	while (at < n && s->pool[at].score < c->score)
		at++;
	if (n == KV_POOL_SIZE) {
		if (at == 0)
			return;
		at--;
		memmove(&s->pool[0], &s->pool[1], at * sizeof(*c));
	} else {
		memmove(&s->pool[at + 1], &s->pool[at], (n - at) * sizeof(*c));
		s->n_pool++;
	}
	s->pool[at] = *c;
}

/* Where a sample goes. */
struct sample {
	struct kv_shard *s;
	struct kv_item *items[SAMPLES];
	unsigned n;
	bool again; /* those that should go first cannot */
};

static void sample_one(void *ctx, struct kv_item *it, uint64_t hash)
{
	struct sample *sample = ctx;

	if (sample->n < SAMPLES)
		sample->items[sample->n++] = it;
}

/* Up to five items of @db from a random place on. */
static void sample_all(struct sample *sample, struct kv_db *db)
{
	struct kv_index_walk walk = {
		.from = worker_random(sample->s->w) >> 32,
		.buckets = 1,
		.fn = sample_one,
		.ctx = sample,
	};

	for (unsigned i = 0;
		i < (sample->n ? SAMPLE_BUCKETS : EMPTY_BUCKETS) && sample->n < SAMPLES; i++) {
		walk.from = kv_index_walk(&db->index, &walk);
		if (walk.from >> 32)
			walk.from = 0;
	}
}

static void sample_volatile(struct sample *sample, struct kv_db *db)
{
	uint64_t wanted = MIN_OF(db->expiry.count, (uint64_t)SAMPLES);

	/* Those that expire first are all in one list: other samples would be of no use. */
	while (sample->n < wanted)
		sample->items[sample->n++] =
			sample->s->policy == KV_VOLATILE_TTL && !sample->again
				? kv_expiry_first(&db->expiry, &sample->s->arena)
				: kv_expiry_sample(&db->expiry, &sample->s->arena,
					  worker_random(sample->s->w));
}

/* A database, the more likely the more keys that may go it has; NULL: none has any. */
static struct kv_db *random_db(struct kv_shard *s)
{
	uint64_t counts[KV_DATABASES], total = 0, number;
	unsigned i = 0;

	for (unsigned d = 0; d < KV_DATABASES; d++) {
		counts[d] = is_volatile(s->policy) ? s->dbs[d].expiry.count : s->dbs[d].index.count;
		total += counts[d];
	}
	if (total == 0)
		return NULL;
	for (number = worker_random(s->w) % total; number >= counts[i]; i++)
		number -= counts[i];
	return &s->dbs[i];
}

static void sample_db(struct sample *sample, struct kv_db *db)
{
	sample->n = 0;
	if (is_volatile(sample->s->policy))
		sample_volatile(sample, db);
	else
		sample_all(sample, db);
}

/* The item of a candidate, if it still lives and may go. */
static struct kv_item *candidate_find(struct kv_shard *s, const struct kv_candidate *c)
{
	struct kv_item *it = kv_index_find_hash(&s->dbs[c->db].index, c->hash);

	if (!it || kv_item_is_pinned(s, it))
		return NULL;
	return is_volatile(s->policy) && !(it->flags & KV_ITEM_EXPIRES) ? NULL : it;
}

/* The best of the pool, which is refilled with samples as long as it has none. */
static struct kv_item *best_of_pool(struct kv_shard *s)
{
	struct sample sample = {.s = s};
	struct kv_item *it = NULL;

	for (unsigned round = 0; round < ROUNDS && !it; round++) {
		struct kv_db *db = random_db(s);

		if (!db)
			return NULL;
		sample_db(&sample, db);
		for (unsigned i = 0; i < sample.n; i++) {
			struct kv_candidate c = {
				.hash = kv_index_hash(&db->index, sample.items[i]),
				.score = score_of(s, sample.items[i]),
				.db = (uint8_t)sample.items[i]->db,
			};

			pool_add(s, &c);
		}
		while (s->n_pool > 0 && !it)
			it = candidate_find(s, &s->pool[--s->n_pool]);
		sample.again = true;
	}
	return it;
}

/* Any key that may go. */
static struct kv_item *any(struct kv_shard *s)
{
	struct sample sample = {.s = s};

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct kv_db *db = random_db(s);
		struct kv_item *it;

		if (!db)
			return NULL;
		sample_db(&sample, db);
		it = sample.n ? sample.items[worker_random(s->w) % sample.n] : NULL;
		if (it && !kv_item_is_pinned(s, it))
			return it;
	}
	return NULL;
}

static struct kv_item *choose(struct kv_shard *s)
{
	switch (s->policy) {
	case KV_NOEVICTION:
		return NULL;
	case KV_ALLKEYS_RANDOM:
	case KV_VOLATILE_RANDOM:
		return any(s);
	case KV_ALLKEYS_LRU:
	case KV_ALLKEYS_LFU:
	case KV_VOLATILE_LRU:
	case KV_VOLATILE_LFU:
	case KV_VOLATILE_TTL:
		return best_of_pool(s);
	}
	return NULL;
}

bool kv_evict_one(struct kv_shard *s)
{
	struct kv_item *it = s->is_replica ? NULL : choose(s);
	bool is_over;

	if (!it)
		return false;
	is_over = kv_item_is_over(it, kv_shard_now_ms(s));
	s->counters.evicted += !is_over;
	kv_change_drop(s, it, is_over ? KV_WHY_EXPIRED : KV_WHY_EVICTED);
	return true;
}
