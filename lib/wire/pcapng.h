/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes packets to a pcapng file (draft-ietf-opsawg-pcapng) as Wireshark and tshark read it: one
 * section, interfaces by name, nanosecond time stamps, direction, a comment per packet. Not for
 * workers: it writes to a stdio stream. One thread per file.
 */
#ifndef LIB_WIRE_PCAPNG_H
#define LIB_WIRE_PCAPNG_H

#include <stdio.h>

#include "lib/base/base.h"

#define PCAPNG_TEXT_MAX_BYTES 65535u /* a name or comment: option lengths have 16 bits */

struct pcapng {
	FILE *file; /* the caller's to close */
	uint32_t n_interfaces;
};

enum pcapng_direction {
	PCAPNG_UNKNOWN = 0,
	PCAPNG_INBOUND = 1,
	PCAPNG_OUTBOUND = 2,
};

struct pcapng_packet {
	uint32_t interface; /* as pcapng_interface_add() returned it */
	enum pcapng_direction direction;
	uint64_t time_ns; /* since 1970 */
	const void *data;
	uint32_t captured_bytes;
	uint32_t original_bytes; /* length on the wire, not less than captured_bytes */
	const char *comment;     /* NULL or empty: none */
};

/*
 * Starts a section on @file, at its present position, that names @application as its writer.
 * 0 or the -errno of writing.
 */
int pcapng_init(struct pcapng *p, FILE *file, const char *application);

/*
 * Declares an Ethernet interface; it may come after packets of other interfaces. @snap_bytes is the
 * longest capture, 0 for no limit. Returns its number from 0, -EMSGSIZE for a name that is too
 * long, or the -errno of writing.
 */
int pcapng_interface_add(struct pcapng *p, const char *name, uint32_t snap_bytes);

/*
 * Writes one packet. 0, -EINVAL for an interface not added or an original shorter than its capture,
 * -EMSGSIZE for a comment or capture that is too long, or the -errno of writing.
 */
int pcapng_packet_add(struct pcapng *p, const struct pcapng_packet *pkt);

/* Flushes; the stream stays open. 0, or the -errno of this or (-EIO) of an earlier write. */
int pcapng_flush(struct pcapng *p);

#endif
