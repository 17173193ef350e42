/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CRC-16/XMODEM, eight bytes per step (Kounavis and Berry, ISCC 2005): a table for each place that
 * a byte can have in the step. Any thread.
 */
#include "lib/hash/crc16.h"

/* A table is linear: the entry of a byte is the sum of those of its bits. */
#define CRC16_BIT(n, k, c) (((n) >> (k)) & 1 ? (c) : 0)
#define CRC16_ENTRY(n, c0, c1, c2, c3, c4, c5, c6, c7)                                             \
	(CRC16_BIT(n, 0, c0) ^ CRC16_BIT(n, 1, c1) ^ CRC16_BIT(n, 2, c2) ^ CRC16_BIT(n, 3, c3) ^   \
		CRC16_BIT(n, 4, c4) ^ CRC16_BIT(n, 5, c5) ^ CRC16_BIT(n, 6, c6) ^                  \
		CRC16_BIT(n, 7, c7))
#define CRC16_4(n, ...)                                                                            \
	CRC16_ENTRY(n, __VA_ARGS__), CRC16_ENTRY((n) + 1, __VA_ARGS__),                            \
		CRC16_ENTRY((n) + 2, __VA_ARGS__), CRC16_ENTRY((n) + 3, __VA_ARGS__)
#define CRC16_16(n, ...)                                                                           \
	CRC16_4(n, __VA_ARGS__), CRC16_4((n) + 4, __VA_ARGS__), CRC16_4((n) + 8, __VA_ARGS__),     \
		CRC16_4((n) + 12, __VA_ARGS__)
#define CRC16_64(n, ...)                                                                           \
	CRC16_16(n, __VA_ARGS__), CRC16_16((n) + 16, __VA_ARGS__),                                 \
		CRC16_16((n) + 32, __VA_ARGS__), CRC16_16((n) + 48, __VA_ARGS__)
#define CRC16_TABLE(...)                                                                           \
	{                                                                                          \
		CRC16_64(0, __VA_ARGS__), CRC16_64(64, __VA_ARGS__), CRC16_64(128, __VA_ARGS__),   \
			CRC16_64(192, __VA_ARGS__)                                                 \
	}

/* Row @j, bit @k: x^(16 + 8j + k) modulo x^16 + x^12 + x^5 + 1. */
static const uint16_t crc16_tables[8][256] = {
	CRC16_TABLE(0x1021, 0x2042, 0x4084, 0x8108, 0x1231, 0x2462, 0x48c4, 0x9188),
	CRC16_TABLE(0x3331, 0x6662, 0xccc4, 0x89a9, 0x0373, 0x06e6, 0x0dcc, 0x1b98),
	CRC16_TABLE(0x3730, 0x6e60, 0xdcc0, 0xa9a1, 0x4363, 0x86c6, 0x1dad, 0x3b5a),
	CRC16_TABLE(0x76b4, 0xed68, 0xcaf1, 0x85c3, 0x1ba7, 0x374e, 0x6e9c, 0xdd38),
	CRC16_TABLE(0xaa51, 0x4483, 0x8906, 0x022d, 0x045a, 0x08b4, 0x1168, 0x22d0),
	CRC16_TABLE(0x45a0, 0x8b40, 0x06a1, 0x0d42, 0x1a84, 0x3508, 0x6a10, 0xd420),
	CRC16_TABLE(0xb861, 0x60e3, 0xc1c6, 0x93ad, 0x377b, 0x6ef6, 0xddec, 0xabf9),
	CRC16_TABLE(0x47d3, 0x8fa6, 0x0f6d, 0x1eda, 0x3db4, 0x7b68, 0xf6d0, 0xfd81),
};

uint16_t crc16_xmodem(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint16_t crc = 0;

	for (; len >= 8; len -= 8, p += 8)
		crc = crc16_tables[7][p[0] ^ crc >> 8] ^ crc16_tables[6][p[1] ^ (crc & 0xff)] ^
		      crc16_tables[5][p[2]] ^ crc16_tables[4][p[3]] ^ crc16_tables[3][p[4]] ^
		      crc16_tables[2][p[5]] ^ crc16_tables[1][p[6]] ^ crc16_tables[0][p[7]];
	if (len >= 4) {
		crc = crc16_tables[3][p[0] ^ crc >> 8] ^ crc16_tables[2][p[1] ^ (crc & 0xff)] ^
		      crc16_tables[1][p[2]] ^ crc16_tables[0][p[3]];
		len -= 4;
		p += 4;
	}
	for (; len > 0; len--, p++)
		crc = (uint16_t)(crc << 8) ^ crc16_tables[0][*p ^ crc >> 8];
	return crc;
}
