/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operations on a small FIB against a list searched from end to end. The input is a family and a
 * series of {operation, length, three address bytes, next hop}; limits are so low that running out
 * of routes and of groups is ordinary.
 */
#include <errno.h>

#include "tests/unit/fib_model.h"

#define OP_BYTES   6u
#define ROUTES_MAX 24u
#define GROUPS_MAX 20u

enum fuzz_op { OP_ADD, OP_DEL, OP_FLIP, OP_MARK, OP_DUMP, OP_COUNT };

struct fuzz {
	struct fib *fib;
	struct fib_model pending;
	struct fib_model published;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Three bytes choose the address: the first two directly, the third every other byte. Lengths of 1
 * to 11 become longer ones, for they fill so much that little else would be tried.
 */
static struct ip_addr prefix_from(unsigned family, const uint8_t *op)
{
	unsigned bits = ip_addr_bits(family);
	struct ip_addr p = {.family = (uint8_t)family, .prefix_len = (uint8_t)(op[1] % (bits + 1))};

	if (p.prefix_len > 0 && p.prefix_len < 12)
		p.prefix_len += 12;
	p.bytes[0] = 0x20;
	p.bytes[2] = op[2];
	p.bytes[3] = op[3];
	for (unsigned i = 4; i < bits / 8; i++)
		p.bytes[i] = op[4];
	ip_addr_mask(&p);
	return p;
}

/* The first address of every route, the last one, and the neighbours of both. */
static void check_around(struct fuzz *f, const struct ip_addr *prefix)
{
	for (unsigned variant = 0; variant < 4; variant++) {
		struct ip_addr a = *prefix;
		unsigned bits = ip_addr_bits(a.family);
		struct fib_table scalar = *fib_active(f->fib);
		const struct fib_route *want;
		struct ip_addr matched = {};

		if (variant & 1)
			for (unsigned bit = a.prefix_len; bit < bits; bit++)
				a.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		if (variant & 2 && a.prefix_len > 0)
			a.bytes[(a.prefix_len - 1) / 8] ^=
				(uint8_t)(0x80 >> (a.prefix_len - 1) % 8);
		a.prefix_len = (uint8_t)bits;
		want = fib_model_match(&f->published, &a);
		BRAID_ASSERT(fib_lookup_one(fib_active(f->fib), &a) == (want ? want->nexthop : 0));
		scalar.wide = false;
		BRAID_ASSERT(fib_lookup_one(&scalar, &a) == (want ? want->nexthop : 0));
		want = fib_model_match(&f->pending, &a);
		BRAID_ASSERT(fib_match(f->fib, &a, &matched) == (want ? want->nexthop : 0));
		BRAID_ASSERT(!want || ip_addr_equal(&matched, &want->prefix));
	}
}

static void check_all(struct fuzz *f)
{
	for (size_t i = 0; i < f->pending.count; i++)
		check_around(f, &f->pending.routes[i].prefix);
	for (size_t i = 0; i < f->published.count; i++)
		check_around(f, &f->published.routes[i].prefix);
}

static void do_add(struct fuzz *f, const struct ip_addr *p, uint32_t nexthop)
{
	const struct fib_route *known = fib_model_find(&f->pending, p);
	uint32_t mark = known ? known->mark : 0;
	uint32_t old = 0;
	int rc = fib_add(f->fib, p, nexthop, &old);

	BRAID_ASSERT(rc == 0 || (rc == -ENOSPC && !known));
	if (rc < 0)
		return;
	BRAID_ASSERT(old == fib_model_add(&f->pending, p, nexthop));
	fib_model_find(&f->pending, p)->mark = mark;
}

static void do_flip(struct fuzz *f, size_t pages)
{
	fib_flip(f->fib);
	f->published = f->pending;
	check_all(f);
	while (fib_sync(f->fib, pages) > 0)
		;
	BRAID_ASSERT(!fib_dirty(f->fib));
}

static void do_dump(struct fuzz *f, size_t batch)
{
	struct fib_route routes[8];
	uint64_t cursor = 0;
	size_t total = 0;
	size_t n;

	while ((n = fib_dump(f->fib, &cursor, routes, batch)) > 0) {
		for (size_t i = 0; i < n; i++) {
			const struct fib_route *r = fib_model_find(&f->pending, &routes[i].prefix);

			BRAID_ASSERT(r && r->nexthop == routes[i].nexthop);
			BRAID_ASSERT(r->mark == routes[i].mark);
		}
		total += n;
	}
	BRAID_ASSERT(total == f->pending.count);
}

static void step(struct fuzz *f, unsigned family, const uint8_t *op)
{
	struct ip_addr p = prefix_from(family, op);
	struct fib_route *known = fib_model_find(&f->pending, &p);
	uint32_t old = 0;
	int rc;

	switch ((enum fuzz_op)(op[0] % OP_COUNT)) {
	case OP_ADD:
		do_add(f, &p, op[5] + 1u);
		break;
	case OP_DEL:
		rc = fib_del(f->fib, &p, &old);
		BRAID_ASSERT(rc == (known ? 0 : -ENOENT));
		BRAID_ASSERT(old == fib_model_del(&f->pending, &p));
		break;
	case OP_FLIP:
		do_flip(f, 1 + op[5]);
		break;
	case OP_MARK:
		rc = fib_mark_set(f->fib, &p, op[5]);
		BRAID_ASSERT(rc == (known ? 0 : -ENOENT));
		if (known)
			known->mark = op[5];
		break;
	case OP_DUMP:
		do_dump(f, 1 + op[5] % 8);
		break;
	case OP_COUNT:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Mapping the tables takes longer than a run, and every run leaves them empty. */
	static struct fib *fibs[2];
	static struct fuzz f;
	bool six = size && data[0] & 1;
	struct fib_usage usage;

	if (!fibs[six])
		fibs[six] = fib_create(six ? 6 : 4, ROUTES_MAX, GROUPS_MAX, NULL);
	f = (struct fuzz){.fib = fibs[six]};
	BRAID_ASSERT(f.fib);
	for (size_t at = 1; at + OP_BYTES <= size; at += OP_BYTES)
		step(&f, six ? 6 : 4, data + at);
	do_flip(&f, SIZE_MAX);
	while (f.pending.count) {
		struct ip_addr p = f.pending.routes[0].prefix;

		BRAID_ASSERT(fib_del(f.fib, &p, NULL) == 0);
		fib_model_del(&f.pending, &p);
	}
	do_flip(&f, SIZE_MAX);
	fib_usage_get(f.fib, &usage);
	BRAID_ASSERT(usage.routes == 0 && usage.groups == 0);
	return 0;
}
