/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strings as Redis 7.0's DUMP writes them and RESTORE reads them: a byte for the type, the value as
 * an integer, as it is, or packed by LZF, and a footer of version and checksum; of FUNCTION DUMP
 * any number of strings before one footer
 * (https://github.com/sripathikrishnan/redis-rdb-tools/wiki/Redis-RDB-Dump-File-Format). Pure
 * functions. Any thread.
 */
#ifndef LIB_WIRE_RDB_H
#define LIB_WIRE_RDB_H

#include "lib/base/base.h"
#include "lib/wire/number.h"

#define RDB_VERSION        10
#define RDB_HEAD_BYTES_MAX 24 /* type, encoding, two lengths */
#define RDB_FOOTER_BYTES   10
#define RDB_CRC_BYTES      8  /* of the footer, its end */
#define RDB_PACKED_FROM    21 /* bytes; shorter values are not packed */
#define RDB_PACKED_GAIN    4  /* bytes that packing has to save */

enum rdb_form {
	RDB_INTEGER, /* its text is in the struct */
	RDB_PLAIN,
	RDB_PACKED, /* by LZF */
};

/* A value that was read. */
struct rdb_string {
	enum rdb_form form;
	const uint8_t *bytes; /* PLAIN, PACKED: [n_bytes] of the payload */
	uint32_t n_bytes;
	uint64_t len; /* of the value; of a packed one as the payload says */
	char text[NUMBER_INT_TEXT_MAX];
};

/* The head of the payload of a value of @len bytes that is a small integer, which is all of it, or
 * 0: it is none. @out has RDB_HEAD_BYTES_MAX bytes. */
uint32_t rdb_write_integer(uint8_t *out, const uint8_t *value, uint32_t len);

/* The head before a value of @len bytes as it is. */
uint32_t rdb_write_plain(uint8_t *out, uint32_t len);

/* The head before @packed bytes that are a value of @len bytes. */
uint32_t rdb_write_packed(uint8_t *out, uint32_t packed, uint32_t len);

/* The head before a library of functions of @len bytes, as FUNCTION DUMP writes it. */
uint32_t rdb_write_function(uint8_t *out, uint32_t len);

/* The footer, where the CRC of all before it is @crc. */
void rdb_write_footer(uint8_t out[RDB_FOOTER_BYTES], uint64_t crc);

/* Whether a payload has a footer of a version that is known. */
bool rdb_version_is_known(const uint8_t *p, uint32_t len);

/* The CRC that its footer, which it has, says that it has, up to the CRC itself. */
uint64_t rdb_crc(const uint8_t *p, uint32_t len);

/* Reads the string of a payload with its footer. False: it is none, or damaged. */
bool rdb_read(const uint8_t *p, uint32_t len, struct rdb_string *s);

/* Reads the library at *@at of a payload of FUNCTION DUMP, which has a footer, and moves *@at
 * behind it. False: it is none, or damaged. */
bool rdb_read_function(const uint8_t *p, uint32_t len, uint32_t *at, struct rdb_string *s);

#endif
