/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations on a small shard against an array of what must be in it. The input is {policy, limit}
 * and a series of {operation, key, two values}. Every effect is replayed at once into a second
 * shard, which must be equal in the end. Keys that the shard evicts are taken from the array by the
 * effect that says so.
 */
#include "tests/unit/kv_shard_rig.h"

#define OP_BYTES    4u
#define KEYS        200u
#define ARENA_BYTES (2u << 20)
#define VALUE_MAX   (96u << 10)

enum fuzz_op {
	OP_SET,
	OP_SET_KEEP,
	OP_SET_EXPIRING,
	OP_WRITE,
	OP_APPEND,
	OP_DEL,
	OP_EXPIRE,
	OP_PERSIST,
	OP_FIND,
	OP_TIME,
	OP_WORK,
	OP_PIN,
	OP_UNPIN,
	OP_FLUSH,
	OP_SCAN,
	OP_SCRATCH,
	OP_LIMIT,
	OP_MANY,
	OP_COUNT
};

struct model {
	bool present;
	bool seen;
	uint32_t len;
	uint64_t expiry_ms;
	uint8_t *value; /* [VALUE_MAX] */
};

static struct {
	struct rig
		main; /* the same for all inputs: mapping an arena takes longer than most of them */
	struct rig copy;
	struct model keys[KEYS];
	struct kv_item *pinned;
	uint32_t pinned_sum;
	void *scratch;
	uint64_t events;
	uint32_t random;
} f;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The name of key @number: of many lengths, a few in other databases. */
static struct kv_key key_of(struct rig *r, unsigned number)
{
	static char name[256];
	int len = snprintf(name, sizeof(name), "key:%u:%.*s", number, (int)(number % 90),
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
		"abcdefghijklmnopqrstuvwxyz");
	struct kv_key k;

	kv_key_make(r->s, &k, number % 16 == 3, name, (uint32_t)len);
	return k;
}

static struct model *model_of(const uint8_t *key)
{
	return &f.keys[strtoul((const char *)key + 4, NULL, 10)];
}

static uint32_t sum_of(const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum = sum * 31 + p[i];
	return sum;
}

static void on_effect(void *ctx, const struct kv_effect *e)
{
	BRAID_ASSERT(kv_shard_replay(f.copy.s, e) == 0);
	f.events++;
	if (e->kind != KV_EFFECT_DEL || e->why == KV_WHY_COMMAND)
		return;
	/* What is over may have been noticed here before. */
	BRAID_ASSERT(model_of(e->key)->present || e->why == KV_WHY_EXPIRED);
	BRAID_ASSERT(e->why == KV_WHY_EVICTED || model_of(e->key)->expiry_ms < rig_now_ms(&f.main));
	model_of(e->key)->present = false;
}

/* A length, mostly small. */
static uint32_t len_of(uint8_t a, uint8_t b)
{
	static const uint32_t scale[] = {0, 1, 1, 1, 8, 8, 64, 300};

	return a * scale[b % 8] + b % 5;
}

static void fill(uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)((f.random = f.random * 1664525 + 1013904223) >> 24);
}

static void model_expire(struct model *m)
{
	if (m->present && m->expiry_ms && m->expiry_ms < rig_now_ms(&f.main))
		m->present = false;
}

static void do_set(unsigned number, const uint8_t *op, enum fuzz_op kind)
{
	struct model *m = &f.keys[number];
	struct kv_key k = key_of(&f.main, number);
	struct kv_write v = {.len = len_of(op[2], op[3])};
	uint8_t *value = malloc(v.len + 1);
	uint64_t kept_ms;
	int rc;

	fill(value, v.len);
	v.value = value;
	v.keep_expiry = kind == OP_SET_KEEP;
	model_expire(m);
	/* It stays even when the key is evicted to make room for its own new value. */
	kept_ms = m->present ? m->expiry_ms : 0;
	if (kind == OP_SET_EXPIRING)
		v.expiry_ms = rig_now_ms(&f.main) + op[2] * op[3] + 1;
	rc = kv_shard_set(f.main.s, &k, &v, NULL);
	if (rc == 0) {
		m->expiry_ms = v.keep_expiry ? kept_ms : v.expiry_ms;
		m->present = true;
		m->len = v.len;
		memcpy(m->value, value, v.len);
	}
	free(value);
}

static void do_write(unsigned number, const uint8_t *op, bool append)
{
	struct model *m = &f.keys[number];
	struct kv_key k = key_of(&f.main, number);
	struct kv_patch p = {.offset = op[2] * 3u, .len = len_of(op[3], op[2])};
	uint8_t *bytes;
	uint32_t total;

	model_expire(m);
	if (append)
		p.offset = m->present ? m->len : 0;
	if (p.offset + p.len > VALUE_MAX)
		return;
	bytes = malloc(p.len + 1);
	fill(bytes, p.len);
	p.bytes = bytes;
	if (kv_shard_write(f.main.s, &k, &p, &total) == 0) {
		uint32_t had = m->present ? m->len : 0;

		/* It may have been evicted for lack of memory and was there again at once. */
		m->expiry_ms = m->present ? m->expiry_ms : 0;
		m->len = MAX_OF(had, p.offset + p.len);
		m->present = true;
		if (p.offset > had)
			memset(m->value + had, 0, p.offset - had);
		memcpy(m->value + p.offset, bytes, p.len);
		BRAID_ASSERT(total == m->len);
	}
	free(bytes);
}

static void do_expire(unsigned number, uint64_t expiry_ms)
{
	struct model *m = &f.keys[number];
	struct kv_key k = key_of(&f.main, number);
	int rc = kv_shard_expire(f.main.s, &k, expiry_ms);

	model_expire(m);
	BRAID_ASSERT((rc == -ENOENT) == !m->present || rc == -ENOMEM);
	if (rc)
		return;
	m->expiry_ms = expiry_ms;
	if (expiry_ms && expiry_ms <= rig_now_ms(&f.main))
		m->present = false;
}

static void check(unsigned number, const struct kv_item *it)
{
	struct model *m = &f.keys[number];
	uint32_t len;
	const uint8_t *value;

	model_expire(m);
	BRAID_ASSERT(!it == !m->present);
	if (!it)
		return;
	value = kv_item_value(it, &len);
	BRAID_ASSERT(len == m->len && memcmp(value, m->value, len) == 0);
	BRAID_ASSERT(kv_item_expiry_ms(it) == (m->expiry_ms));
	BRAID_ASSERT(!(it->flags & (KV_ITEM_DEAD | KV_ITEM_DIRTY)));
}

static void do_find(unsigned number)
{
	struct kv_key k = key_of(&f.main, number);
	const struct kv_key *all[] = {&k, &k};
	struct kv_item *it;
	uint32_t n;

	kv_shard_prefetch(f.main.s, &k);
	kv_shard_fetch(f.main.s, all, ARRAY_SIZE(all));
	n = kv_shard_count(f.main.s, all, ARRAY_SIZE(all), 0);
	it = kv_shard_find(f.main.s, &k, KV_LOOK_READ | KV_LOOK_TOUCH);
	BRAID_ASSERT(n == (it ? ARRAY_SIZE(all) : 0));
	check(number, it);
}

static void do_pin(unsigned number)
{
	struct kv_key k = key_of(&f.main, number);
	const uint8_t *value;
	uint32_t len;

	if (f.pinned)
		return;
	f.pinned = kv_shard_find(f.main.s, &k, 0);
	if (!f.pinned)
		return;
	kv_shard_pin(f.main.s, f.pinned);
	value = kv_item_value(f.pinned, &len);
	f.pinned_sum = sum_of(value, len);
}

static void do_unpin(void)
{
	const uint8_t *value;
	uint32_t len;

	if (!f.pinned)
		return;
	value = kv_item_value(f.pinned, &len);
	BRAID_ASSERT(f.pinned_sum == sum_of(value, len));
	kv_shard_unpin(f.main.s, f.pinned);
	f.pinned = NULL;
}

static void do_flush(uint8_t which)
{
	kv_shard_flush(f.main.s, which % 3 == 2 ? UINT8_MAX : which % 3);
	for (unsigned i = 0; i < KEYS; i++)
		if (which % 3 == 2 || (i % 16 == 3) == which % 3)
			f.keys[i].present = false;
}

static void scanned(void *ctx, const struct kv_item *it)
{
	uint32_t len;
	struct model *m = model_of(kv_item_key(it, &len));

	BRAID_ASSERT(m->present && !m->seen);
	m->seen = true;
}

static void do_scan(uint8_t count)
{
	for (unsigned i = 0; i < KEYS; i++)
		f.keys[i].seen = false;
	for (uint8_t db = 0; db < 2; db++) {
		struct kv_scan scan = {.db = db, .count = count, .fn = scanned};

		do {
			kv_shard_scan(f.main.s, &scan);
		} while (scan.cursor);
	}
	for (unsigned i = 0; i < KEYS; i++) {
		model_expire(&f.keys[i]);
		BRAID_ASSERT(f.keys[i].present == f.keys[i].seen);
	}
}

static void do_scratch(const uint8_t *op)
{
	uint32_t len = 1 + op[2] * op[3] * 4;

	if (f.scratch)
		kv_shard_free(f.main.s, f.scratch);
	f.scratch = op[1] % 4 ? kv_shard_alloc(f.main.s, len) : NULL;
	if (f.scratch)
		memset(f.scratch, 0x55, len);
}

static void step(const uint8_t *op)
{
	enum fuzz_op kind = (enum fuzz_op)(op[0] % OP_COUNT);
	unsigned number = op[1] % KEYS;

	switch (kind) {
	case OP_SET:
	case OP_SET_KEEP:
	case OP_SET_EXPIRING:
		do_set(number, op, kind);
		break;
	case OP_WRITE:
	case OP_APPEND:
		do_write(number, op, kind == OP_APPEND);
		break;
	case OP_DEL: {
		struct kv_key k = key_of(&f.main, number);
		bool was = kv_shard_del(f.main.s, &k);

		model_expire(&f.keys[number]);
		BRAID_ASSERT(was == f.keys[number].present);
		f.keys[number].present = false;
		break;
	}
	case OP_EXPIRE:
		do_expire(number, rig_now_ms(&f.main) + op[2] * op[3] - 20);
		break;
	case OP_PERSIST:
		do_expire(number, 0);
		break;
	case OP_FIND:
		do_find(number);
		break;
	case OP_TIME:
		f.main.w->now_ns += (uint64_t)op[2] * op[3] * 20 * NSEC_PER_USEC;
		break;
	case OP_WORK:
		rig_turn(&f.main, op[2]);
		break;
	case OP_PIN:
		do_pin(number);
		break;
	case OP_UNPIN:
		do_unpin();
		break;
	case OP_FLUSH:
		if (op[2] < 32)
			do_flush(op[3]);
		break;
	case OP_SCAN:
		do_scan(op[2]);
		break;
	case OP_SCRATCH:
		do_scratch(op);
		break;
	case OP_LIMIT:
		kv_shard_limit_set(f.main.s, (64u << 10) + (uint64_t)op[2] * 8192,
			(enum kv_policy)(op[3] % 8));
		break;
	case OP_MANY:
		for (unsigned i = 0; i < op[2] % 64u; i++)
			do_set((number + i) % KEYS, op, OP_SET);
		break;
	case OP_COUNT:
		break;
	}
}

/* Whether all memory of an empty shard can be had again. */
static void come_back(struct rig *r)
{
	struct kv_shard *s = r->s;

	while (kv_shard_work(s))
		;
	for (unsigned d = 0; d < KV_DATABASES; d++) {
		if (s->dbs[d].flushed)
			kv_arena_free(&s->arena, s->dbs[d].flushed);
		s->dbs[d].flushed = NULL;
	}
	BRAID_ASSERT(s->arena.used_bytes == 0);
	BRAID_ASSERT(s->arena.free_pages == s->arena.n_pages - s->arena.first_page);
}

static void finish(void)
{
	struct kv_shard *s = f.main.s;

	do_unpin();
	if (f.scratch)
		kv_shard_free(s, f.scratch);
	f.scratch = NULL;
	do_scan(255);
	for (unsigned i = 0; i < KEYS; i++) {
		struct kv_key k = key_of(&f.copy, i);

		do_find(i);
		check(i, kv_shard_find(f.copy.s, &k, 0));
	}
	BRAID_ASSERT(s->version == f.copy.s->version && s->version == f.events);
	for (unsigned db = 0; db < 2; db++)
		BRAID_ASSERT(kv_shard_size(s, (uint8_t)db) == kv_shard_size(f.copy.s, (uint8_t)db));
	do_flush(2);
	come_back(&f.main);
	come_back(&f.copy);
}

static void start(void)
{
	static const struct kv_observer observer = {.on_effect = on_effect};

	for (unsigned i = 0; i < KEYS; i++) {
		f.keys[i].value = malloc(VALUE_MAX);
		BRAID_ASSERT(f.keys[i].value);
	}
	rig_start(&f.main, ARENA_BYTES, KV_NOEVICTION);
	rig_start(&f.copy, 4 * ARENA_BYTES, KV_NOEVICTION);
	kv_shard_observe(f.main.s, &observer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (!f.main.s)
		start();
	for (unsigned i = 0; i < KEYS; i++)
		f.keys[i].present = false;
	f.random = 1;
	f.main.w->rng = 88172645463325252ULL;
	f.main.w->now_ns += NSEC_PER_SEC;
	kv_shard_limit_set(
		f.main.s, (64u << 10) + (uint64_t)data[1] * 8192, (enum kv_policy)(data[0] % 8));
	for (size_t at = 2; at + OP_BYTES <= size; at += OP_BYTES)
		step(data + at);
	finish();
	return 0;
}
