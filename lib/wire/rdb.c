/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dumped strings. A length is one, two, five or nine bytes; the upper two bits of the first say
 * which, or that an encoding follows instead. Any thread.
 */
#include "lib/wire/rdb.h"

#include <string.h>

#include "lib/hash/crc64.h"
#include "lib/wire/lzf.h"

#define TYPE_STRING    0
#define TYPE_FUNCTION  245
#define INTEGER_CHARS  11 /* "-2147483648" */
#define LENGTH_SHIFT   6
#define LENGTH_BITS    0x3f
#define LENGTH_14_BITS 1
#define LENGTH_WIDE    2
#define ENCODED        3 /* in place of a length */
#define LENGTH_32      0x80
#define LENGTH_64      0x81

enum encoding { ENCODING_INT8, ENCODING_INT16, ENCODING_INT32, ENCODING_LZF };

/* What is left of a payload. */
struct cursor {
	const uint8_t *p;
	uint64_t left;
};

static uint32_t put_length(uint8_t *out, uint32_t len)
{
	if (len <= LENGTH_BITS) {
		out[0] = (uint8_t)len;
		return 1;
	}
	if (len < 1u << 14) {
		out[0] = (uint8_t)(LENGTH_14_BITS << LENGTH_SHIFT | len >> 8);
		out[1] = (uint8_t)len;
		return 2;
	}
	out[0] = LENGTH_32;
	for (unsigned i = 0; i < 4; i++)
		out[1 + i] = (uint8_t)(len >> (24 - 8 * i));
	return 5;
}

uint32_t rdb_write_integer(uint8_t *out, const uint8_t *value, uint32_t len)
{
	enum encoding encoding = ENCODING_INT32;
	uint32_t n;
	int64_t number;

	if (len > INTEGER_CHARS || !number_parse_int(value, len, &number) || number < INT32_MIN ||
		number > INT32_MAX)
		return 0;
	if (number >= INT8_MIN && number <= INT8_MAX)
		encoding = ENCODING_INT8;
	else if (number >= INT16_MIN && number <= INT16_MAX)
		encoding = ENCODING_INT16;
	n = 1u << encoding;
	out[0] = TYPE_STRING;
	out[1] = (uint8_t)(ENCODED << LENGTH_SHIFT | encoding);
	for (unsigned i = 0; i < n; i++)
		out[2 + i] = (uint8_t)((uint64_t)number >> 8 * i);
	return 2 + n;
}

uint32_t rdb_write_plain(uint8_t *out, uint32_t len)
{
	out[0] = TYPE_STRING;
	return 1 + put_length(out + 1, len);
}

uint32_t rdb_write_function(uint8_t *out, uint32_t len)
{
	out[0] = TYPE_FUNCTION;
	return 1 + put_length(out + 1, len);
}

uint32_t rdb_write_packed(uint8_t *out, uint32_t packed, uint32_t len)
{
	uint32_t n = 2;

	out[0] = TYPE_STRING;
	out[1] = ENCODED << LENGTH_SHIFT | ENCODING_LZF;
	n += put_length(out + n, packed);
	return n + put_length(out + n, len);
}

void rdb_write_footer(uint8_t out[RDB_FOOTER_BYTES], uint64_t crc)
{
	out[0] = RDB_VERSION;
	out[1] = 0;
	crc = crc64_jones(crc, out, RDB_FOOTER_BYTES - RDB_CRC_BYTES);
	memcpy(out + RDB_FOOTER_BYTES - RDB_CRC_BYTES, &crc, RDB_CRC_BYTES);
}

bool rdb_version_is_known(const uint8_t *p, uint32_t len)
{
	const uint8_t *footer;

	if (len < RDB_FOOTER_BYTES)
		return false;
	footer = p + len - RDB_FOOTER_BYTES;
	return (footer[0] | footer[1] << 8) <= RDB_VERSION;
}

uint64_t rdb_crc(const uint8_t *p, uint32_t len)
{
	uint64_t crc;

	memcpy(&crc, p + len - RDB_CRC_BYTES, RDB_CRC_BYTES);
	return crc;
}

/* @n bytes more, NULL: there are less. */
static const uint8_t *take(struct cursor *c, uint64_t n)
{
	const uint8_t *p = c->p;

	if (n > c->left)
		return NULL;
	c->p += n;
	c->left -= n;
	return p;
}

/* A length, or, where @encoded is not NULL, maybe an encoding. False: it is none. */
static bool get_length(struct cursor *c, uint64_t *len, bool *encoded)
{
	const uint8_t *p = take(c, 1);
	unsigned n;
	uint8_t first;

	if (!p)
		return false;
	first = p[0];
	*len = first & LENGTH_BITS;
	switch (first >> LENGTH_SHIFT) {
	case ENCODED:
		if (encoded)
			*encoded = true;
		return true;
	case LENGTH_14_BITS:
		p = take(c, 1);
		if (p)
			*len = *len << 8 | p[0];
		return p != NULL;
	case LENGTH_WIDE:
		if (first != LENGTH_32 && first != LENGTH_64)
			return false;
		n = first == LENGTH_32 ? 4 : 8;
		p = take(c, n);
		*len = 0;
		for (unsigned i = 0; p && i < n; i++)
			*len = *len << 8 | p[i];
		return p != NULL;
	}
	return true;
}

static bool read_integer(struct cursor *c, struct rdb_string *s, unsigned encoding)
{
	unsigned n = 1u << encoding;
	const uint8_t *p = take(c, n);
	uint32_t bits = 0;
	int32_t number;

	if (!p)
		return false;
	for (unsigned i = 0; i < n; i++)
		bits |= (uint32_t)p[i] << 8 * i;
	if (n == 1)
		number = (int8_t)bits;
	else if (n == 2)
		number = (int16_t)bits;
	else
		number = (int32_t)bits;
	s->form = RDB_INTEGER;
	s->len = number_format_int(s->text, number);
	return true;
}

/* A packed value cannot be longer than its bytes can say. */
static bool read_packed(struct cursor *c, struct rdb_string *s)
{
	uint64_t packed;

	s->form = RDB_PACKED;
	if (!get_length(c, &packed, NULL) || !get_length(c, &s->len, NULL))
		return false;
	s->bytes = take(c, packed);
	s->n_bytes = (uint32_t)packed;
	return s->bytes && s->len <= packed * LZF_RATIO_MAX;
}

/* Reads a string behind a byte @type. */
static bool read_string(struct cursor *c, uint8_t type, struct rdb_string *s)
{
	const uint8_t *first = take(c, 1);
	bool encoded = false;

	*s = (struct rdb_string){.form = RDB_PLAIN};
	if (!first || *first != type || !get_length(c, &s->len, &encoded))
		return false;
	if (!encoded) {
		s->bytes = take(c, s->len);
		s->n_bytes = (uint32_t)s->len;
		return s->bytes != NULL;
	}
	switch (s->len) {
	case ENCODING_INT8:
	case ENCODING_INT16:
	case ENCODING_INT32:
		return read_integer(c, s, (unsigned)s->len);
	case ENCODING_LZF:
		return read_packed(c, s);
	}
	return false;
}

bool rdb_read(const uint8_t *p, uint32_t len, struct rdb_string *s)
{
	struct cursor c = {.p = p, .left = len};

	return read_string(&c, TYPE_STRING, s);
}

bool rdb_read_function(const uint8_t *p, uint32_t len, uint32_t *at, struct rdb_string *s)
{
	struct cursor c = {.p = p + *at, .left = len - RDB_FOOTER_BYTES - *at};

	if (!read_string(&c, TYPE_FUNCTION, s))
		return false;
	*at = (uint32_t)(c.p - p);
	return true;
}
