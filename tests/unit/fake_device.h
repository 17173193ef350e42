/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a network device with checksum offload and TCP segmentation does to a packet, written anew
 * and as simply as can be, so that tests see on the wire what the node left to a device.
 */
#ifndef TESTS_UNIT_FAKE_DEVICE_H
#define TESTS_UNIT_FAKE_DEVICE_H

#include <rte_mbuf.h>

/* Gets a frame of @len bytes on the wire. */
typedef void fake_device_frame(void *ctx, const uint8_t *frame, uint32_t len);

/* Sends @m, which stays the caller's: calls @to for each frame. Ends the process if a driver could
 * not work with what @m says of itself. How many frames. */
unsigned fake_device_send(struct rte_mbuf *m, fake_device_frame *to, void *ctx);

#endif
