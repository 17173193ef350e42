/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One sender's records for the tests of loss recovery: segments of 1000 bytes, numbered from 0, and
 * acknowledgements told by those numbers. Sequence numbers wrap after the fourth. One thread.
 */
#ifndef TESTS_UNIT_TCP_FLIGHT_H
#define TESTS_UNIT_TCP_FLIGHT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_recovery_impl.h"

#define FLIGHT_RECORDS 4096u
#define FLIGHT_BYTES   1000u
#define FLIGHT_START   (0u - 4 * FLIGHT_BYTES)
#define FLIGHT_SAME    UINT32_MAX /* acknowledges nothing further */

static struct {
	struct tcp_path path;
	struct tcp_recovery r;
	struct tcp_segment_pool pool;
	struct tcp_segment records[FLIGHT_RECORDS];
	uint64_t now_ns;
	uint32_t n_sent;
	uint32_t una; /* number of the first segment that is not acknowledged */
	uint32_t ts_rtt_us;
	struct tcp_acked out;
} flight;

static inline int flight_start(void **state)
{
	memset(&flight, 0, sizeof(flight));
	tcp_segment_pool_init(&flight.pool, flight.records, FLIGHT_RECORDS);
	flight.now_ns = NSEC_PER_SEC;
	flight.r.path = &flight.path;
	flight.r.has_sack = true;
	return 0;
}

static inline uint32_t flight_seq(uint32_t number)
{
	return FLIGHT_START + number * FLIGHT_BYTES;
}

/* Sends @n segments, each @gap_us after the one before. */
static inline void flight_send(unsigned n, uint32_t gap_us)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t number = flight.n_sent++;
		struct tcp_range range = {flight_seq(number), flight_seq(number + 1)};

		assert_int_equal(
			tcp_recovery_on_send(&flight.r, &flight.pool, range, 0, flight.now_ns), 0);
		flight.now_ns += gap_us * NSEC_PER_USEC;
	}
}

static inline void flight_wait(uint32_t us)
{
	flight.now_ns += us * NSEC_PER_USEC;
}

/* Everything before segment @una is acknowledged, and of the @n blocks {first, behind the last}
 * selectively. */
static inline void flight_ack_blocks(uint32_t una, const uint32_t (*blocks)[2], unsigned n)
{
	struct tcp_options o = {.n_sacks = (uint8_t)n};
	struct tcp_ack ack = {
		.now_ns = flight.now_ns, .options = &o, .ts_rtt_us = flight.ts_rtt_us};

	flight.una = una == FLIGHT_SAME ? flight.una : una;
	ack.una = flight_seq(flight.una);
	for (unsigned i = 0; i < n; i++)
		o.sacks[i] = (struct tcp_range){flight_seq(blocks[i][0]), flight_seq(blocks[i][1])};
	tcp_recovery_on_ack(&flight.r, &flight.pool, &ack, &flight.out);
}

/* The same with one block, or none when it is empty. */
static inline void flight_ack(uint32_t una, uint32_t first, uint32_t behind)
{
	const uint32_t block[1][2] = {{first, behind}};

	flight_ack_blocks(una, block, first != behind);
}

/* Sends again what is lost, up to @max segments; how many. */
static inline unsigned flight_resend(unsigned max)
{
	struct tcp_segment *s;
	unsigned n = 0;

	while (n < max && (s = tcp_recovery_next_lost(&flight.r, &flight.pool)) != NULL) {
		tcp_recovery_on_retransmit(&flight.r, &flight.pool, s, flight.now_ns);
		n++;
	}
	return n;
}

/* Number of the segment to be sent again next; UINT32_MAX: none. */
static inline uint32_t flight_next_lost(void)
{
	const struct tcp_segment *s = tcp_recovery_next_lost(&flight.r, &flight.pool);

	return s ? (s->start - FLIGHT_START) / FLIGHT_BYTES : UINT32_MAX;
}

/* Segments (whole ones) in flight, sacked and lost. */
static inline void flight_expect(unsigned in_flight, unsigned sacked, unsigned lost)
{
	assert_int_equal(flight.r.in_flight_bytes, in_flight * FLIGHT_BYTES);
	assert_int_equal(flight.r.sacked_bytes, sacked * FLIGHT_BYTES);
	assert_int_equal(flight.r.lost_bytes, lost * FLIGHT_BYTES);
}

#endif
