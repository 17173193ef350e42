/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LZF, the compression of strings in Redis's dumps (http://software.schmorp.de/pkg/liblzf.html, its
 * format and, for packing, the choices of its "very fast" mode, so that the same bytes come out).
 * In steps, so that neither a long value nor a hostile one holds anybody up. Pure functions. Any
 * thread.
 */
#ifndef LIB_WIRE_LZF_H
#define LIB_WIRE_LZF_H

#include "lib/base/base.h"

#define LZF_TABLE_ENTRIES 65536
#define LZF_RATIO_MAX     88 /* three bytes become 264 at most */

enum lzf_result {
	LZF_MORE, /* call the step again */
	LZF_DONE,
	LZF_FULL, /* pack: it does not fit */
	LZF_BAD,  /* unpack: no LZF, or not as long as was said */
};

/* What is being packed. The caller sets the first five; the rest is zero at the start. */
struct lzf_pack {
	const uint8_t *in; /* [in_len] */
	uint32_t in_len;
	uint8_t *out; /* [out_len] */
	uint32_t out_len;
	uint32_t *table;   /* [LZF_TABLE_ENTRIES], zero: where three bytes were seen last */
	uint32_t at;       /* read */
	uint32_t made;     /* written, with the head of the literals that are open */
	uint32_t literals; /* open */
};

/* Packs about @n bytes more; p->made is the length when it is done. */
enum lzf_result lzf_pack_step(struct lzf_pack *p, uint32_t n);

/* Makes the table zero again, in time linear in what was read. */
void lzf_pack_clear(struct lzf_pack *p);

/* What is being unpacked. The caller sets the first four; the rest is zero at the start. */
struct lzf_unpack {
	const uint8_t *in; /* [in_len] */
	uint32_t in_len;
	uint8_t *out; /* [out_len], all of which have to come out */
	uint32_t out_len;
	uint32_t at;
	uint32_t made;
};

/* Makes about @n bytes more. */
enum lzf_result lzf_unpack_step(struct lzf_unpack *u, uint32_t n);

#endif
