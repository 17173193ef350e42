/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CRC-16/XMODEM (polynomial 0x1021, start 0, not reflected): the hash slots of Redis Cluster.
 * https://redis.io/docs/reference/cluster-spec/. Any thread.
 */
#ifndef LIB_HASH_CRC16_H
#define LIB_HASH_CRC16_H

#include "lib/base/base.h"

/* CRC of @len bytes at @data, any alignment. */
uint16_t crc16_xmodem(const void *data, size_t len);

#endif
