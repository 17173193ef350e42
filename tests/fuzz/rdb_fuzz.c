/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a payload of RESTORE, and as a value to be packed: nothing beside them is touched,
 * steps do not matter, and what is packed comes out again. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/wire/lzf.h"
#include "lib/wire/rdb.h"

#define VALUE_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unpacks in steps of @step; what comes out is for the caller to free. */
static uint8_t *unpack(const uint8_t *p, uint32_t n, struct lzf_unpack *u, uint32_t step)
{
	enum lzf_result result;

	u->in = p;
	u->in_len = n;
	u->out = malloc(u->out_len + 1);
	BRAID_ASSERT(u->out);
	do {
		result = lzf_unpack_step(u, step);
	} while (result == LZF_MORE);
	BRAID_ASSERT(u->made <= u->out_len && (result == LZF_DONE || result == LZF_BAD));
	BRAID_ASSERT(result == LZF_BAD || u->made == u->out_len);
	return u->out;
}

static void read_payload(const uint8_t *p, uint32_t n)
{
	struct rdb_string s;

	if (rdb_version_is_known(p, n))
		(void)rdb_crc(p, n);
	if (!rdb_read(p, n, &s))
		return;
	BRAID_ASSERT(s.form == RDB_INTEGER || s.bytes + s.n_bytes <= p + n);
	if (s.form == RDB_PACKED && s.len <= VALUE_MAX) {
		struct lzf_unpack one = {.out_len = (uint32_t)s.len}, all = one;
		uint8_t *a = unpack(s.bytes, s.n_bytes, &one, 1);
		uint8_t *b = unpack(s.bytes, s.n_bytes, &all, UINT32_MAX);

		BRAID_ASSERT(one.made == all.made && memcmp(a, b, one.made) == 0);
		free(a);
		free(b);
	}
}

static void pack(const uint8_t *p, uint32_t n)
{
	static uint32_t table[LZF_TABLE_ENTRIES];
	uint32_t room = n > RDB_PACKED_GAIN ? n - RDB_PACKED_GAIN : 0;
	struct lzf_pack pack = {.in = p, .in_len = n, .out_len = room, .table = table};
	enum lzf_result result;

	pack.out = malloc(room + 1);
	BRAID_ASSERT(pack.out);
	do {
		result = lzf_pack_step(&pack, 7);
	} while (result == LZF_MORE);
	lzf_pack_clear(&pack);
	if (result == LZF_DONE) {
		struct lzf_unpack u = {.out_len = n};
		uint8_t *again = unpack(pack.out, pack.made, &u, 5);

		BRAID_ASSERT(u.made == n && memcmp(again, p, n) == 0);
		free(again);
	}
	free(pack.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + !size);

	BRAID_ASSERT(copy);
	if (size > 0)
		memcpy(copy, data, size);
	read_payload(copy, (uint32_t)size);
	pack(copy, (uint32_t)size);
	free(copy);
	return 0;
}
