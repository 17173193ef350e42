/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames for tests from one line of text: layers from the outside in, each with the fields that
 * differ from a good packet in braces. Lengths, header lengths, next protocols and checksums that
 * are not given are made right at the end, so that a line shows just what is wrong with its frame:
 *
 *   eth ip4{ihl=4} udp pad{20}
 *   eth vlan{id=10} ip6{dst=node} hbh{hex=c20400000000} icmp6{type=128} short{3}
 *
 * Layers: eth vlan arp ip4 ip6 hbh opts rt frag auth icmp4 icmp6 udp tcp. Every layer takes `hex=`:
 * bytes that follow its fixed part (IP and TCP options, extension header bodies, payload).
 * raw{hex=} and pad{n} are payload; trail{n} is padding after the packet; short{n} cuts the last n
 * bytes off and keep{n} leaves only the first n when all else is done. Addresses are written out or
 * as the names of FRAME_NAMES in frame.c. One thread.
 */
#ifndef TESTS_UNIT_FRAME_H
#define TESTS_UNIT_FRAME_H

#include "lib/base/base.h"

#define FRAME_MAX 9216

/* Builds the frame that @text describes into @buf of FRAME_MAX bytes and returns its length. A
 * mistake in the text ends the process. */
uint32_t frame_build(const char *text, uint8_t *buf);

#endif
