/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens in a run, a line each, as tcpdump would say it. One thread. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/tcp_sim.h"

static void print_head(const struct sim *sim)
{
	printf("%11.6f ", (double)(sim->now_ns - SIM_START_NS) / 1e9);
}

void sim_trace(const struct sim *sim, const char *fmt, ...)
{
	va_list args;

	if (!sim->trace)
		return;
	print_head(sim);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

static void print_flags(uint8_t flags)
{
	static const char names[] = "FSRPAUEC";

	for (unsigned i = 0; i < 8; i++)
		if (flags & 1u << i)
			putchar(names[i]);
}

static void print_options(const struct rte_tcp_hdr *tcp)
{
	struct tcp_options o;

	tcp_options_read((const uint8_t *)(tcp + 1), (tcp->data_off >> 4) * 4u - 20, &o);
	if (o.has_mss)
		printf(" mss %u", o.mss_bytes);
	if (o.has_wscale)
		printf(" wscale %u", o.wscale);
	if (o.has_ts)
		printf(" ts %u %u", o.ts_val, o.ts_ecr);
	for (unsigned i = 0; i < o.n_sacks; i++)
		printf(" sack %u-%u", o.sacks[i].start, o.sacks[i].end);
}

void sim_trace_packet(
	const struct sim *sim, unsigned side, const uint8_t *l3, uint32_t bytes, const char *fate)
{
	uint32_t ip_bytes = l3[0] >> 4 == 6 ? 40 : 20, tcp_bytes;
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(l3 + ip_bytes);

	if (!sim->trace)
		return;
	print_head(sim);
	printf("%s ", side == 0 ? "->" : "<-");
	if (l3[ip_bytes == 40 ? 6 : 9] != 6) {
		printf("ICMP %u bytes: %s\n", bytes, fate);
		return;
	}
	tcp_bytes = bytes - ip_bytes - (tcp->data_off >> 4) * 4u;
	printf("%u>%u ", be16toh(tcp->src_port), be16toh(tcp->dst_port));
	print_flags(tcp->tcp_flags);
	printf(" %u:%u(%u) ack %u win %u", be32toh(tcp->sent_seq),
		be32toh(tcp->sent_seq) + tcp_bytes, tcp_bytes, be32toh(tcp->recv_ack),
		be16toh(tcp->rx_win));
	print_options(tcp);
	printf(": %s\n", fate);
}
