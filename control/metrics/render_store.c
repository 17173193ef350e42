/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics of the store and of the TCP endpoint before it: a series for each worker that has a
 * shard, which is a worker that has connections. Thread: main.
 */
#include <inttypes.h>

#include "control/metrics/render.h"

#define STORE_METRIC(field, what, kind, text)                                                      \
	{                                                                                          \
		.name = "braid_store_" what, .type = (kind), .help = (text),                       \
		.offset = offsetof(struct stats_worker, kv.field)                                  \
	}
#define STORE(field, what, text)       STORE_METRIC(field, what, "counter", text)
#define STORE_GAUGE(field, what, text) STORE_METRIC(field, what, "gauge", text)

#define TCP_METRIC(field, what, kind, text)                                                        \
	{                                                                                          \
		.name = "braid_tcp_" what, .type = (kind), .help = (text),                         \
		.offset = offsetof(struct stats_worker, tcp.field)                                 \
	}
#define TCP(field, what, text)       TCP_METRIC(field, what, "counter", text)
#define TCP_GAUGE(field, what, text) TCP_METRIC(field, what, "gauge", text)

static const struct metric metrics[] = {
	STORE_GAUGE(keys, "keys", "Keys, expired ones that are not yet deleted included."),
	STORE_GAUGE(expires, "expiring_keys", "Keys that have an expiry."),
	STORE_GAUGE(used_bytes, "memory_used_bytes", "Memory of keys, values and index."),
	STORE_GAUGE(limit_bytes, "memory_limit_bytes", "What it may grow to."),
	STORE_GAUGE(slots, "slots", "Hash slots of the shard."),
	STORE_GAUGE(clients, "clients", "Clients connected."),
	STORE(connections, "connections_total", "Clients accepted."),
	STORE(rejected, "rejected_connections_total", "Clients refused: there were too many."),
	STORE(hits, "hits_total", "Keys that were looked up and found."),
	STORE(misses, "misses_total", "Keys that were looked up in vain."),
	STORE(expired, "expired_keys_total", "Keys deleted because their time was over."),
	STORE(evicted, "evicted_keys_total", "Keys deleted for want of memory."),
	STORE(effects, "effects_total", "Changes of keys."),
	STORE(refused_oom, "refused_writes_total", "Writes refused for want of memory."),
	STORE_GAUGE(jobs_running, "jobs_running", "Jobs under way."),
	STORE_GAUGE(jobs_kept, "jobs_kept", "Jobs that are over and whose results are kept."),
	STORE_GAUGE(job_kept_bytes, "job_kept_bytes", "Bytes of those results."),
	STORE(jobs_done, "jobs_done_total", "Jobs that came to their end."),
	STORE(jobs_failed, "jobs_failed_total", "Jobs that a fault or a limit ended."),
	STORE(jobs_cancelled, "jobs_cancelled_total", "Jobs that were cancelled."),
	STORE(jobs_busy, "jobs_busy_total", "Jobs refused: too many were under way."),
	STORE(job_items, "job_items_total", "Items that jobs were run over."),
	STORE(job_records, "job_records_total", "Records that jobs were run over."),
	STORE(job_results, "job_results_total", "Results of jobs."),
	STORE(job_faults, "job_faults_total", "Faults of users' programs."),
	STORE(job_cycles, "job_cycles_total", "Cycles that jobs took."),
	STORE(job_stolen, "job_chunks_stolen_total", "Chunks that other workers ran."),
	STORE(job_again, "job_chunks_again_total", "Attempts at chunks beyond the first."),
	STORE(local, "local_commands_total", "Commands whose keys the client's worker has."),
	STORE(forwarded, "forwarded_commands_total",
		"Commands passed to the worker of their keys."),
	STORE(served, "served_commands_total", "Commands run for clients of other workers."),
	STORE(input_bytes, "received_bytes_total", "Bytes of commands."),
	STORE(output_bytes, "sent_bytes_total", "Bytes of replies."),
	STORE(error_replies, "error_replies_total", "Replies that were errors."),
	STORE(protocol_errors, "protocol_errors_total", "Clients closed for what is not RESP."),
	TCP_GAUGE(half_open, "half_open_connections", "Handshakes that are not finished."),
	TCP_GAUGE(in_time_wait, "time_wait", "Records of connections in TIME-WAIT."),
	TCP_GAUGE(held_mbufs, "held_buffers", "Packet buffers in receive queues."),
	TCP(opened_passive, "accepted_connections_total", "Connections that peers opened."),
	TCP(opened_active, "opened_connections_total", "Connections that the node opened."),
	TCP(failed, "failed_connections_total", "Handshakes that came to nothing."),
	TCP(rx_segments, "received_segments_total", "Segments for connections."),
	TCP(tx_segments, "sent_segments_total", "Segments of connections."),
	TCP(rx_bytes, "received_bytes_total", "Bytes of data received in order."),
	TCP(tx_bytes, "sent_bytes_total", "Bytes of data sent, repeated ones included."),
	TCP(rx_resets, "received_resets_total", "Connections that peers reset."),
	TCP(tx_resets, "sent_resets_total", "Connections that the node reset."),
	TCP(retransmitted, "retransmitted_segments_total", "Segments sent again."),
	TCP(fast_recoveries, "fast_recoveries_total", "Losses that acknowledgements told of."),
	TCP(rack_timeouts, "rack_timeouts_total", "Losses that RACK's timer found."),
	TCP(tail_probes, "tail_loss_probes_total", "Probes of an unacknowledged tail."),
	TCP(timeouts, "retransmission_timeouts_total", "Retransmission timers that ran out."),
	TCP(undone, "undone_recoveries_total", "Losses that turned out to be none."),
	TCP(out_of_order, "out_of_order_segments_total", "Segments that came early."),
	TCP(duplicate_acks, "duplicate_acks_total", "Acknowledgements that said nothing new."),
	TCP(cookies_sent, "cookies_sent_total", "SYNs answered with a cookie."),
	TCP(cookies_accepted, "cookies_accepted_total", "Connections opened by a cookie."),
	TCP(cookies_failed, "cookies_failed_total", "Acknowledgements of no cookie of ours."),
	TCP(challenge_acks, "challenge_acks_total", "Answers to segments not to be believed."),
	TCP(challenge_acks_limited, "challenge_acks_limited_total",
		"Such answers that were too many."),
	TCP(paws_drops, "paws_dropped_segments_total", "Segments with a time stamp too old."),
	TCP(half_open_recycled, "recycled_handshakes_total",
		"Handshakes given up for newer ones: no connection was free."),
	TCP(limit_conns, "refused_connections_total", "SYNs refused: no connection was free."),
	TCP(limit_source, "refused_sources_total", "SYNs refused: too many of one source."),
	TCP(limit_held, "refused_segments_total", "Segments refused: too much waits unread."),
	TCP(limit_send, "send_buffers_exhausted_total", "Sends cut short: no buffer was left."),
	TCP(keepalive_probes, "keepalive_probes_total", "Probes of silent peers."),
	TCP(window_probes, "window_probes_total", "Probes of closed windows."),
	TCP(pmtu_lowered, "path_mtu_lowered_total", "Path MTUs lowered by ICMP."),
	TCP(black_holes, "black_holes_total", "Segment sizes lowered on suspicion."),
	TCP(rx_marked, "congestion_marks_total", "Segments marked as by congestion."),
	TCP(ecn_reduced, "congestion_echoes_total", "Windows reduced because of marks."),
};

/* Words that are series of one metric, told apart by a label. */
struct labelled {
	const char *value;
	size_t offset;
};

static const struct labelled closed[] = {
	{"output_limit", offsetof(struct stats_worker, kv.closed_output_limit)},
	{"query_limit", offsetof(struct stats_worker, kv.closed_query_limit)},
	{"memory", offsetof(struct stats_worker, kv.closed_memory)},
	{"idle", offsetof(struct stats_worker, kv.closed_idle)},
};

static uint64_t word(const struct stats_file *f, uint32_t worker, size_t offset)
{
	return stats_read((const uint64_t *)((const uint8_t *)&f->workers[worker] + offset));
}

static bool has_shard(const struct stats_file *f, uint32_t worker)
{
	return word(f, worker, offsetof(struct stats_worker, kv.slots)) != 0;
}

/* Begins a sample of worker @i. */
static void begin(struct evbuffer *out, const struct stats_file *f, const char *name, uint32_t i)
{
	char number[12];

	evbuffer_add_printf(out, "%s", name);
	metrics_label(out, "{", "worker", metrics_worker(f, i, number));
}

static void render_metric(struct evbuffer *out, const struct stats_file *f, const struct metric *m)
{
	metrics_head(out, m->name, m->type, m->help);
	for (uint32_t i = 0; i < f->n_workers; i++) {
		if (!has_shard(f, i))
			continue;
		begin(out, f, m->name, i);
		metrics_value(out, word(f, i, m->offset));
	}
}

/* Commands by what Redis flags them as. */
static void render_commands(struct evbuffer *out, const struct stats_file *f)
{
	static const char name[] = "braid_store_commands_total";

	metrics_head(out, name, "counter", "Commands run, by kind.");
	for (uint32_t i = 0; i < f->n_workers; i++) {
		/* In this order: what is added meanwhile must not make the rest negative. */
		uint64_t reads = stats_read(&f->workers[i].kv.reads);
		uint64_t writes = stats_read(&f->workers[i].kv.writes);
		uint64_t all = stats_read(&f->workers[i].kv.commands);
		const struct {
			const char *kind;
			uint64_t n;
		} kinds[] = {
			{"read", reads},
			{"write", writes},
			{"other", all > reads + writes ? all - reads - writes : 0},
		};

		for (size_t k = 0; has_shard(f, i) && k < ARRAY_SIZE(kinds); k++) {
			begin(out, f, name, i);
			metrics_label(out, ",", "kind", kinds[k].kind);
			metrics_value(out, kinds[k].n);
		}
	}
}

static void render_closed(struct evbuffer *out, const struct stats_file *f)
{
	static const char name[] = "braid_store_closed_clients_total";

	metrics_head(out, name, "counter", "Clients closed by a limit.");
	for (uint32_t i = 0; i < f->n_workers; i++) {
		for (size_t k = 0; has_shard(f, i) && k < ARRAY_SIZE(closed); k++) {
			begin(out, f, name, i);
			metrics_label(out, ",", "limit", closed[k].value);
			metrics_value(out, word(f, i, closed[k].offset));
		}
	}
}

static void render_states(struct evbuffer *out, const struct stats_file *f)
{
	static const char name[] = "braid_tcp_connections";

	metrics_head(out, name, "gauge", "Connections, by state.");
	for (uint32_t i = 0; i < f->n_workers; i++) {
		for (unsigned s = API_CONN_SYN_SENT; has_shard(f, i) && s < API_CONN_TIME_WAIT;
			s++) {
			begin(out, f, name, i);
			metrics_label(out, ",", "state", api_conn_state_name(s));
			metrics_value(out, stats_read(&f->workers[i].tcp.conns[s]));
		}
	}
}

static void render_rtt(struct evbuffer *out, const struct stats_file *f)
{
	metrics_head(out, "braid_tcp_rtt_seconds", "summary", "Round-trip times measured.");
	for (uint32_t i = 0; i < f->n_workers; i++) {
		if (!has_shard(f, i))
			continue;
		begin(out, f, "braid_tcp_rtt_seconds_sum", i);
		evbuffer_add_printf(
			out, "} %.6f\n", (double)stats_read(&f->workers[i].tcp.rtt_sum_us) / 1e6);
		begin(out, f, "braid_tcp_rtt_seconds_count", i);
		metrics_value(out, stats_read(&f->workers[i].tcp.rtt_samples));
	}
}

void metrics_render_store(struct evbuffer *out, const struct stats_file *f)
{
	bool any = false;

	for (uint32_t i = 0; i < f->n_workers; i++)
		any |= has_shard(f, i);
	if (!any)
		return;
	for (size_t m = 0; m < ARRAY_SIZE(metrics); m++)
		render_metric(out, f, &metrics[m]);
	render_commands(out, f);
	render_closed(out, f);
	render_states(out, f);
	render_rtt(out, f);
}
