/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A receive queue against a map of bytes. The input is {sequence number, limits} and a series of
 * operations {kind, offset, length}: segments anywhere in a small window, whole or in chains, in
 * exact buffers or roomy ones, and the application reading.
 */
#include "dataplane/tcp/tcp_queue.h"
#include "dataplane/tcp/tcp_seq.h"
#include "tests/unit/tcp_mbufs.h"

#define WINDOW   250u
#define MARGIN   70u /* a segment that begins in the window may end beyond it */
#define OP_BYTES 4u

static struct {
	struct tcp_recv_queue q;
	struct tcp_recv_limits limits;
	uint32_t read; /* sequence number that is read next */
	uint32_t rcv_nxt;
	bool has[2 * WINDOW + 2 * MARGIN]; /* from rcv_nxt on */
} f;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void in_order_moved(uint32_t by)
{
	memmove(f.has, f.has + by, sizeof(f.has) - by);
	memset(f.has + sizeof(f.has) - by, 0, by);
}

/* Whether the queue holds byte @offset beyond what is in order. */
static bool holds(uint32_t offset)
{
	return tcp_recv_queue_holds(
		&f.q, (struct tcp_range){f.rcv_nxt + offset, f.rcv_nxt + offset + 1});
}

/* Everything beyond the gap is as the map says; how many ranges it is. */
static void compare_gap(void)
{
	uint32_t bytes = 0, ranges = 0;

	for (uint32_t i = 0; i < WINDOW + MARGIN; i++) {
		BRAID_ASSERT(holds(i) == f.has[i]);
		bytes += f.has[i];
		ranges += f.has[i] && (i == 0 || !f.has[i - 1]);
	}
	BRAID_ASSERT(!f.has[0]);
	BRAID_ASSERT(f.q.gap_bytes == bytes && f.q.n_ranges == ranges);
	BRAID_ASSERT((f.q.gap == NULL) == (ranges == 0));
	BRAID_ASSERT(f.q.n_gap >= ranges && f.q.n_gap <= bytes);
	BRAID_ASSERT(f.q.gap_bytes <= f.limits.gap_bytes_max);
	BRAID_ASSERT(f.q.n_gap <= f.limits.gap_segments_max);
	BRAID_ASSERT(f.q.n_ranges <= TCP_RECV_RANGES_MAX);
}

/* The blocks are ranges of the map, each once; the first one holds @recent if that is there. */
static void compare_sacks(uint32_t recent)
{
	struct tcp_range sacks[TCP_SACK_BLOCKS_MAX];
	unsigned n = tcp_recv_queue_sacks(&f.q, sacks);

	BRAID_ASSERT(n == MIN_OF((unsigned)f.q.n_ranges, (unsigned)TCP_SACK_BLOCKS_MAX));
	for (unsigned i = 0; i < n; i++) {
		uint32_t start = sacks[i].start - f.rcv_nxt, end = sacks[i].end - f.rcv_nxt;

		BRAID_ASSERT(start > 0 && start < end && end <= WINDOW + MARGIN);
		BRAID_ASSERT(!f.has[start - 1] && !f.has[end]);
		for (uint32_t k = start; k < end; k++)
			BRAID_ASSERT(f.has[k]);
		for (unsigned k = 0; k < i; k++)
			BRAID_ASSERT(sacks[k].start != sacks[i].start);
	}
	recent -= f.rcv_nxt;
	if (n > 0 && recent < WINDOW && f.has[recent])
		BRAID_ASSERT(
			recent >= sacks[0].start - f.rcv_nxt && recent < sacks[0].end - f.rcv_nxt);
}

static void compare(void)
{
	BRAID_ASSERT(f.q.bytes == f.rcv_nxt - f.read);
	BRAID_ASSERT((f.q.last == NULL) == (f.q.bytes == 0));
	BRAID_ASSERT(f.q.n_mbufs <= f.limits.segments_max + f.limits.gap_segments_max);
	compare_gap();
}

static struct rte_mbuf *make(uint8_t kind, uint32_t seq, uint32_t len)
{
	uint32_t pieces = 1 + (kind >> 2 & 3), done = 0;
	struct rte_mbuf *m = NULL;

	for (uint32_t i = 0; i < pieces; i++) {
		uint32_t n = i + 1 == pieces ? len - done : len / pieces;

		m = tcp_mbufs_chain(m,
			kind & 2 ? tcp_mbufs_roomy(seq + done, n) : tcp_mbufs_exact(seq + done, n));
		done += n;
	}
	return m;
}

/* The queue took or did not take [@offset, @offset + @len): learns which, and checks what may be.
 */
static void learn(uint32_t offset, uint32_t len, bool kept, bool room, uint32_t moved)
{
	bool news = false, all = true;

	for (uint32_t i = 0; i < WINDOW + MARGIN - moved; i++) {
		bool is_in = i + moved >= offset && i + moved < offset + len;
		bool was = f.has[i + moved], is = holds(i);

		BRAID_ASSERT(is || !was);
		BRAID_ASSERT(!is || was || is_in);
		news |= is && !was;
		all &= is || !is_in;
	}
	for (uint32_t i = 0; i < moved; i++) {
		BRAID_ASSERT(f.has[i] || (i >= offset && i < offset + len));
		news |= !f.has[i];
	}
	BRAID_ASSERT(kept == news);
	BRAID_ASSERT(!room || all);
}

static void do_insert(const uint8_t *op)
{
	uint32_t offset = (op[1] | (op[0] >> 6 & 3u) << 8) % WINDOW;
	uint32_t len = 1 + op[2] % MARGIN, old = f.rcv_nxt, moved;
	bool is_behind = op[0] & 32, room, kept;
	uint32_t seq = is_behind ? f.rcv_nxt - offset % 100 : f.rcv_nxt + offset;

	room = f.q.n_gap + 4u <= f.limits.gap_segments_max &&
	       f.q.gap_bytes + len <= f.limits.gap_bytes_max &&
	       f.q.n_ranges + 4u <= TCP_RECV_RANGES_MAX &&
	       f.q.n_mbufs + f.q.n_gap + 4u <= f.limits.segments_max;
	kept = tcp_recv_queue_insert(&f.q, make(op[0], seq, len), seq, &f.rcv_nxt, &f.limits);
	moved = f.rcv_nxt - old;
	BRAID_ASSERT(moved <= WINDOW + MARGIN);
	if (is_behind) {
		uint32_t before = MIN_OF(offset % 100, len);

		offset = 0;
		len -= before;
	}
	learn(offset, len, kept, room, moved);
	in_order_moved(moved);
	for (uint32_t i = 0; i < WINDOW + MARGIN; i++)
		f.has[i] = holds(i);
	compare_sacks(room ? seq : f.rcv_nxt - 1);
}

static void do_read(uint32_t bytes)
{
	while (bytes > 0) {
		const uint8_t *p;
		uint32_t n = MIN_OF(tcp_recv_queue_peek(&f.q, &p), bytes);

		if (n == 0)
			break;
		for (uint32_t i = 0; i < n; i++)
			BRAID_ASSERT(p[i] == tcp_mbufs_byte(f.read + i));
		tcp_recv_queue_consume(&f.q, n);
		f.read += n;
		bytes -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 8)
		return 0;
	tcp_mbufs_start();
	memset(&f, 0, sizeof(f));
	memcpy(&f.read, data, 4);
	f.rcv_nxt = f.read;
	f.limits = (struct tcp_recv_limits){
		.gap_bytes_max = data[4] * 2u,
		.gap_segments_max = data[5] % 64,
		.segments_max = data[6] % 64,
	};
	for (size_t at = 8; at + OP_BYTES <= size; at += OP_BYTES) {
		if (data[at] & 1)
			do_insert(data + at);
		else
			do_read(data[at + 1]);
		compare();
	}
	if (data[7] & 1)
		do_read(UINT32_MAX);
	tcp_recv_queue_clear(&f.q);
	BRAID_ASSERT(f.q.bytes == 0 && f.q.gap_bytes == 0 && f.q.n_mbufs == 0 && f.q.n_gap == 0);
	BRAID_ASSERT(tcp_mbufs_in_use() == 0);
	return 0;
}
