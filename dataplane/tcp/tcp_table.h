/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding connections by their ends: a keyed hash table with chains through the connections, the
 * compact TIME-WAIT records (RFC 9293 3.10.7.4, RFC 6191), SYN cookies (RFC 4987) and initial
 * sequence numbers (RFC 6528). Thread: worker.
 */
#ifndef DATAPLANE_TCP_TCP_TABLE_H
#define DATAPLANE_TCP_TCP_TABLE_H

#include <string.h>

#include "dataplane/tcp/tcp_options.h"
#include "lib/base/base.h"
#include "lib/hash/flow_hash.h"

/* Both ends of a connection as in packets; 40 bytes. IPv4: the first four bytes, the rest zero. */
struct tcp_key {
	uint8_t remote[16];
	uint8_t local[16];
	uint16_t remote_port_be;
	uint16_t local_port_be;
	uint8_t family; /* 4 or 6 */
	uint8_t pad[3];
};
_Static_assert(sizeof(struct tcp_key) == 40, "compared and hashed as a whole");

/* Keyed hash of both ends for tables; no MAC. @k's padding is zero. */
static inline uint64_t tcp_key_hash(const struct tcp_key *k, const uint64_t secret[2])
{
	uint32_t ports = (uint32_t)k->remote_port_be << 16 | k->local_port_be, remote, local;

	if (UNLIKELY(k->family != 4))
		return flow_hash_ip6(secret, k->remote, k->local, k->family, ports);
	memcpy(&remote, k->remote, sizeof(remote));
	memcpy(&local, k->local, sizeof(local));
	return flow_hash_ip4(secret, remote, local, k->family, ports);
}

/* Whether both are the same ends. */
static inline bool tcp_key_equal(const struct tcp_key *a, const struct tcp_key *b)
{
	uint64_t x[5], y[5];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4])) == 0;
}

#define TCP_TIME_WAIT_S      60 /* 2 MSL of 30 s, as hosts do */
#define TCP_TIME_WAIT_HAS_TS 0x80000000u

/* What is left of a connection that closed first; at most 64 bytes. */
struct tcp_time_wait {
	struct tcp_key key;
	uint32_t snd_nxt;
	uint32_t rcv_nxt;
	uint32_t ts_recent; /* of the peer; 0 without TCP_TIME_WAIT_HAS_TS */
	uint32_t expiry_s;  /* and TCP_TIME_WAIT_HAS_TS; 0: free */
	uint32_t ts_offset; /* what our time stamps were shifted by */
	uint32_t chain;     /* the table's: the next with the same hash, or the bucket */
};
_Static_assert(sizeof(struct tcp_time_wait) <= 64, "TIME-WAIT is compact");

/* All of a worker; the records are a ring by the time they came, found by buckets of chains. */
struct tcp_time_waits {
	struct tcp_time_wait *records; /* [n_max] */
	uint32_t *buckets;             /* [bucket_mask + 1], index + 1, 0: empty */
	uint32_t bucket_mask;
	uint32_t n_max;
	uint32_t oldest; /* index */
	uint32_t n_ring; /* records from the oldest on, ended ones included */
	uint32_t n_live; /* not ended; expired ones perhaps included */
};

/* A table of @n_max records (1 to 2^24). NULL when out of memory. Main thread. */
struct tcp_time_waits *tcp_time_waits_create(uint32_t n_max);

/* Frees it; NULL is fine. Main thread. */
void tcp_time_waits_destroy(struct tcp_time_waits *t);

/* Adds @r (of its expiry_s only TCP_TIME_WAIT_HAS_TS counts) for TCP_TIME_WAIT_S from @now_s on. A
 * full table gives up its oldest record: true if that one had not expired. */
bool tcp_time_waits_add(
	struct tcp_time_waits *t, const struct tcp_time_wait *r, uint64_t hash, uint32_t now_s);

/* The live record of @k, or NULL. It stays where it is until the next add. */
struct tcp_time_wait *tcp_time_waits_find(
	struct tcp_time_waits *t, const struct tcp_key *k, uint64_t hash, uint32_t now_s);

/* The FIN came again: @r waits from @now_s on once more (RFC 9293 3.10.7.4 eighth). */
void tcp_time_waits_restart(struct tcp_time_wait *r, uint32_t now_s);

/* Ends @r (reused by RFC 6191, or reset). */
void tcp_time_waits_del(struct tcp_time_waits *t, struct tcp_time_wait *r);

/* Live records, expired ones perhaps included. */
uint32_t tcp_time_waits_count(const struct tcp_time_waits *t);

/* Whether a SYN with @seq and @options may open a new connection over @r (RFC 6191 2, RFC 1122
 * 4.2.2.13): it is certainly newer than all of the old one. */
bool tcp_time_wait_reusable(
	const struct tcp_time_wait *r, uint32_t seq, const struct tcp_options *options);

/* Where a connection begins. */
struct tcp_start {
	uint32_t isn;       /* initial sequence number: 4 us clock plus hash (RFC 6528 3) */
	uint32_t ts_offset; /* of our time stamps; in each of its lives the same (RFC 7323 5.4, 7.1)
			     */
};

/* Where the connection @k begins: the halves of one SipHash of its ends, of which whoever knows one
 * learns nothing about the other. */
struct tcp_start tcp_start_of(const struct tcp_key *k, const uint64_t secret[2], uint64_t now_ns);

#define TCP_COOKIE_STEP_S        64 /* valid in the step it was made in and the next */
#define TCP_COOKIE_MSS_MIN_BYTES 88 /* smallest of the table */

/* What a SYN asked for, as far as a cookie keeps it. */
struct tcp_cookie {
	uint16_t mss_bytes; /* rounded down to one of a table, up to its smallest */
	uint8_t wscale;     /* of the peer; has_wscale says whether */
	bool has_wscale;
	bool sack_permitted;
	bool ecn;
};

/*
 * A SYN cookie as the sequence number of the SYN-ACK, made of the ends, the peer's sequence number,
 * a secret and the time in 64-second steps; and, when the peer uses time stamps, our TSval with the
 * options in its low bits (window scale, SACK and ECN are kept only then).
 */
uint32_t tcp_cookie_make(const struct tcp_key *k, uint32_t peer_isn, const struct tcp_cookie *c,
	const uint64_t secret[2], uint64_t now_ns);

/* Puts the options into the low six bits of @ts_val, the time stamp as it will be sent, which stays
 * at or below the true clock: its echo is up to 63 ticks too old for a round-trip sample. */
uint32_t tcp_cookie_ts(uint32_t ts_val, const struct tcp_cookie *c);

/* The ACK that may bring a cookie back. */
struct tcp_cookie_ack {
	const struct tcp_key *key;
	uint32_t peer_isn; /* SEG.SEQ - 1 */
	uint32_t isn;      /* SEG.ACK - 1 */
	uint32_t ts_ecr;
	bool has_ts;
};

/* Whether @a brings back a cookie of this step or the one before (64 to 128 s ago); *@c is then
 * what the SYN asked for. A stranger's guess is right once in 2^28. */
bool tcp_cookie_check(const struct tcp_cookie_ack *a, const uint64_t secret[2], uint64_t now_ns,
	struct tcp_cookie *c);

#endif
