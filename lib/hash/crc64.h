/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CRC-64 with the polynomial of David Jones (0xad93d23594c935a9, reflected, start 0): the checksum
 * of what DUMP answers. Any thread.
 */
#ifndef LIB_HASH_CRC64_H
#define LIB_HASH_CRC64_H

#include "lib/base/base.h"

/* CRC of what has the CRC @crc (nothing: 0) and the @len bytes at @data, any alignment, behind it.
 */
uint64_t crc64_jones(uint64_t crc, const void *data, size_t len);

#endif
