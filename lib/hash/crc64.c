/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CRC-64, eight bytes per step (Kounavis and Berry, ISCC 2005): a table for each place that a byte
 * can have in the step. Any thread.
 */
#include "lib/hash/crc64.h"

#include <string.h>

/* A table is linear: the entry of a byte is the sum of those of its bits. */
#define CRC64_BIT(n, k, c) (((n) >> (k)) & 1 ? (c) : 0)
#define CRC64_ENTRY(n, c0, c1, c2, c3, c4, c5, c6, c7)                                             \
	(CRC64_BIT(n, 0, c0) ^ CRC64_BIT(n, 1, c1) ^ CRC64_BIT(n, 2, c2) ^ CRC64_BIT(n, 3, c3) ^   \
		CRC64_BIT(n, 4, c4) ^ CRC64_BIT(n, 5, c5) ^ CRC64_BIT(n, 6, c6) ^                  \
		CRC64_BIT(n, 7, c7))
#define CRC64_4(n, ...)                                                                            \
	CRC64_ENTRY(n, __VA_ARGS__), CRC64_ENTRY((n) + 1, __VA_ARGS__),                            \
		CRC64_ENTRY((n) + 2, __VA_ARGS__), CRC64_ENTRY((n) + 3, __VA_ARGS__)
#define CRC64_16(n, ...)                                                                           \
	CRC64_4(n, __VA_ARGS__), CRC64_4((n) + 4, __VA_ARGS__), CRC64_4((n) + 8, __VA_ARGS__),     \
		CRC64_4((n) + 12, __VA_ARGS__)
#define CRC64_64(n, ...)                                                                           \
	CRC64_16(n, __VA_ARGS__), CRC64_16((n) + 16, __VA_ARGS__),                                 \
		CRC64_16((n) + 32, __VA_ARGS__), CRC64_16((n) + 48, __VA_ARGS__)
#define CRC64_TABLE(...)                                                                           \
	{                                                                                          \
		CRC64_64(0, __VA_ARGS__), CRC64_64(64, __VA_ARGS__), CRC64_64(128, __VA_ARGS__),   \
			CRC64_64(192, __VA_ARGS__)                                                 \
	}

/* Row @j, bit @k: the CRC of the byte 1 << k with j zero bytes behind it. */
static const uint64_t crc64_tables[8][256] = {
	CRC64_TABLE(0x7ad870c830358979, 0xf5b0e190606b12f2, 0xc038e5739841b68f, 0xab28ecb46814fe75,
		0x7d08ff3b88be6f81, 0xfa11fe77117cdf02, 0xdf7adabd7a6e2d6f, 0x95ac9329ac4bc9b5),
	CRC64_TABLE(0x89e99ffd73bddf69, 0x388a19a9bfec2db9, 0x711433537fd85b72, 0xe22866a6ffb0b6e4,
		0xef09eb1ea7f6fea3, 0xf54af06e177a6e2d, 0xc1ccc68f76634f31, 0xa8c0ab4db4510d09),
	CRC64_TABLE(0xf4125129ce4038be, 0xc37d8400c417e217, 0xada22e52d0b85745, 0x701d7af6f9e73de1,
		0xe03af5edf3ce7bc2, 0xeb2ccd88bf0b64ef, 0xfd00bd4226815ab5, 0xd1585cd715952601),
	CRC64_TABLE(0x8ce168638c796306, 0x329bf69440655567, 0x6537ed2880caaace, 0xca6fda510195559c,
		0xbf8692f15bbd3853, 0x545403b1efede3cd, 0xa8a80763dfdbc79a, 0x7a092894e7201c5f),
	CRC64_TABLE(0x3504e58b9ba6dd1e, 0x6a09cb17374dba3c, 0xd413962e6e9b7478, 0x837e0a0f85a17b9b,
		0x2da5324c53d5645d, 0x5b4a6498a7aac8ba, 0xb694c9314f559174, 0x4670b431c63cb183),
	CRC64_TABLE(0xe39d1389931b9354, 0xec6301407ea0b5c3, 0xf39f24d3a5d6f8ed, 0xcc676ff4133a62b1,
		0xb397f9bb7ee35609, 0x4c76d525a5513f79, 0x98edaa4b4aa27ef2, 0x1a8272c5cdd36e8f),
	CRC64_TABLE(0x62a95de6e302eff2, 0xc552bbcdc605dfe4, 0xa1fc51c8d49c2ca3, 0x68a185c2f1afca2d,
		0xd1430b85e35f945a, 0x89df31589e28bbdf, 0x38e744e264c6e4d5, 0x71ce89c4c98dc9aa),
	CRC64_TABLE(0x381d0015c96f4444, 0x703a002b92de8888, 0xe074005725bd1110, 0xebb126fd13edb14b,
		0xfc3b6ba97f4cf1fd, 0xd32ff101a60e7091, 0x8d06c450148b7249, 0x3154aef3718177f9),
};

uint64_t crc64_jones(uint64_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word)); /* little endian, as the machine is */
		word ^= crc;
		crc = crc64_tables[7][word & 0xff] ^ crc64_tables[6][word >> 8 & 0xff] ^
		      crc64_tables[5][word >> 16 & 0xff] ^ crc64_tables[4][word >> 24 & 0xff] ^
		      crc64_tables[3][word >> 32 & 0xff] ^ crc64_tables[2][word >> 40 & 0xff] ^
		      crc64_tables[1][word >> 48 & 0xff] ^ crc64_tables[0][word >> 56];
	}
	for (; len > 0; len--, p++)
		crc = crc >> 8 ^ crc64_tables[0][(crc ^ *p) & 0xff];
	return crc;
}
