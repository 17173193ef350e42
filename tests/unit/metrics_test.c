/* SPDX-License-Identifier: BSD-3-Clause */
/* The Prometheus text: every line well formed, labels escaped, sums right; the HTTP server's
 * refusals. */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/metrics/metrics.h"

static struct stats_file *make_counters(void)
{
	struct stats_file *f = aligned_alloc(CACHE_LINE_BYTES, sizeof(*f));

	assert_non_null(f);
	memset(f, 0, sizeof(*f));
	f->n_workers = 2;
	f->n_stages = 1;
	f->n_drops = 2;
	f->n_ports = 1;
	f->n_interfaces = 2;
	base_strlcpy(f->stage_names[0], "eth", STATS_NAME_MAX);
	base_strlcpy(f->drop_names[0], "eth_runt", STATS_NAME_MAX);
	base_strlcpy(f->drop_names[1], "no_mbuf", STATS_NAME_MAX);
	f->drop_severity[0] = 1;
	f->drop_severity[1] = 2;
	base_strlcpy(f->port_names[0], "a\"b\\c\nd", STATS_NAME_MAX);
	base_strlcpy(f->interface_names[1], "lan", STATS_NAME_MAX);
	f->workers[0].drops[1] = 40;
	f->workers[1].drops[1] = 2;
	f->workers[1].rx_pkts = 9;
	f->workers[0].ports[0].tx_bytes = UINT64_MAX;
	f->workers[0].stages[0].pkts = 5;
	f->workers[0].flows = 11;
	f->workers[0].services[3].unstored_rate = 4;
	f->workers[1].services[3].unstored_rate = 5;
	f->n_lb_drops = 2;
	f->lb_drops[0] = 1;
	f->workers[0].services[3].drops[0] = 30;
	f->workers[1].services[3].drops[0] = 4;
	f->workers[1].services[3].gone.pkts = 1000;
	f->rates.services[3] = 77;
	f->rates.backends[70] = 76;
	f->backend_service[70] = 4;
	f->backend_service[71] = 4;
	f->workers[1].backends[70].pkts = 20;
	f->workers[0].backends[71].pkts = 1;
	f->workers[0].backends[71].new_flows = 2;
	f->workers[0].backends[70].new_flows = 100;
	f->workers[1].backends[70].new_flows = 20;
	f->workers[1].backends[70].ended_flows = 13;
	f->workers[0].backends[70].reply_bytes = 999;
	f->workers[0].kv = (struct stats_kv){
		.slots = 16384,
		.commands = 100,
		.reads = 70,
		.writes = 25,
		.hits = 60,
		.used_bytes = 4096,
		.closed_idle = 3,
	};
	f->workers[0].tcp.conns[API_CONN_ESTABLISHED] = 12;
	f->workers[0].tcp.conns[API_CONN_CLOSED] = UINT64_MAX;
	f->workers[0].tcp.retransmitted = 8;
	f->workers[0].tcp.rtt_samples = 4;
	f->workers[0].tcp.rtt_sum_us = 1500000;
	f->probes[70].succeeded = 6;
	f->probes[70].rtt_us = 250;
	return f;
}

/* One service of two backends; of the second the dataplane has not said its number yet. */
static const struct service_entry services[] = {
	{.name = "web", .index = 3, .n_weighted = 2, .n_usable = 1, .panic = true, .n_backends = 2},
};
static struct service_backend backends[] = {
	{.port = 8080, .weight = 3, .index = 70, .health = {.down = true}},
	{.port = 80, .weight = 1, .index = SERVICE_NO_INDEX, .drained = true},
};

/* The rendered text; the caller frees. */
static char *render(const struct stats_file *counters)
{
	struct api_control_status status = {
		.dataplane_pid = 1, .generation = 7, .started_ns = 1500000000ULL * NSEC_PER_SEC};
	struct service_view view = {
		.services = services, .n_services = 1, .backends = backends, .n_backends = 2};
	struct evbuffer *out = evbuffer_new();
	size_t len;
	char *text;

	base_strlcpy(status.node, "n1", sizeof(status.node));
	assert_int_equal(ip_addr_parse("192.0.2.21", &backends[0].address), 0);
	assert_int_equal(ip_addr_parse("2001:db8::1", &backends[1].address), 0);
	metrics_render(out, counters, &status, &view);
	len = evbuffer_get_length(out);
	text = malloc(len + 1);
	evbuffer_remove(out, text, len);
	text[len] = '\0';
	evbuffer_free(out);
	return text;
}

static void numbers_are_summed_and_labels_escaped(void **state)
{
	static const char *const lines[] = {
		"braid_dropped_packets_total{reason=\"no_mbuf\",severity=\"resource\"} 42\n",
		"braid_dropped_packets_total{reason=\"eth_runt\",severity=\"suspicious\"} 0\n",
		"braid_port_transmitted_bytes_total{port=\"a\\\"b\\\\c\\nd\"} "
		"18446744073709551615\n",
		"braid_worker_received_packets_total{worker=\"main\",cpu=\"0\"} 9\n",
		"braid_stage_packets_total{worker=\"0\",stage=\"eth\"} 5\n",
		"braid_interface_received_packets_total{interface=\"lan\"} 0\n",
		"braid_control_dataplane_up 1\n",
		"braid_control_generation 7\n",
		"braid_control_start_time_seconds 1500000000\n",
		"braid_flows{worker=\"0\",cpu=\"0\"} 11\n",
		"braid_service_panic{service=\"web\"} 1\n",
		"braid_service_usable_backends{service=\"web\"} 1\n",
		"braid_service_unstored_packets_total{service=\"web\",reason=\"rate\"} 9\n",
		"braid_service_unstored_packets_total{service=\"web\",reason=\"full\"} 0\n",
		"braid_service_dropped_packets_total{service=\"web\",reason=\"no_mbuf\"} 34\n",
		"braid_service_dropped_packets_total{service=\"web\",reason=\"eth_runt\"} 0\n",
		"braid_service_flows{service=\"web\"} 109\n",
		"braid_service_transmitted_packets_total{service=\"web\"} 1021\n",
		"braid_service_received_bytes_total{service=\"web\"} 999\n",
		"braid_service_new_flows_per_second{service=\"web\"} 77\n",
		"braid_backend_new_flows_per_second{service=\"web\",backend=\"192.0.2.21:8080\"} "
		"76\n",
		"braid_backend_down{service=\"web\",backend=\"192.0.2.21:8080\"} 1\n",
		"braid_backend_up{service=\"web\",backend=\"192.0.2.21:8080\"} 0\n",
		"braid_backend_draining{service=\"web\",backend=\"[2001:db8::1]:80\"} 1\n",
		"braid_backend_flows{service=\"web\",backend=\"192.0.2.21:8080\"} 107\n",
		"braid_backend_received_bytes_total{service=\"web\",backend=\"192.0.2.21:8080\"} "
		"999\n",
		"braid_backend_probe_successes_total{service=\"web\",backend=\"192.0.2.21:8080\"} "
		"6\n",
		"braid_backend_probe_rtt_seconds{service=\"web\",backend=\"192.0.2.21:8080\"} "
		"0.000250\n",
		"braid_store_commands_total{worker=\"0\",kind=\"read\"} 70\n",
		"braid_store_commands_total{worker=\"0\",kind=\"write\"} 25\n",
		"braid_store_commands_total{worker=\"0\",kind=\"other\"} 5\n",
		"braid_store_hits_total{worker=\"0\"} 60\n",
		"braid_store_memory_used_bytes{worker=\"0\"} 4096\n",
		"braid_store_closed_clients_total{worker=\"0\",limit=\"idle\"} 3\n",
		"braid_tcp_connections{worker=\"0\",state=\"ESTABLISHED\"} 12\n",
		"braid_tcp_connections{worker=\"0\",state=\"LAST-ACK\"} 0\n",
		"braid_tcp_retransmitted_segments_total{worker=\"0\"} 8\n",
		"braid_tcp_rtt_seconds_sum{worker=\"0\"} 1.500000\n",
		"braid_tcp_rtt_seconds_count{worker=\"0\"} 4\n",
		"braid_control_info{node=\"n1\",version=\"" BRAID_VERSION "\"} 1\n",
	};
	struct stats_file *f = make_counters();
	char *text = render(f);

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no line %s", lines[i]);
	assert_null(strstr(text, "interface=\"\""));
	assert_null(strstr(text, "braid_backend_flows{service=\"web\",backend=\"[2001"));
	/* The main thread has no shard. */
	assert_null(strstr(text, "braid_store_hits_total{worker=\"main\""));
	free(text);
	free(f);
}

/* Whether a name goes on as those of a summary without quantiles do. */
static bool is_of_summary(const char *rest)
{
	return strncmp(rest, "_sum{", 5) == 0 || strncmp(rest, "_count{", 7) == 0;
}

/* Whether @line is a comment, or a sample of the metric announced last. */
static bool line_ok(const char *line, char announced[128])
{
	size_t name = 0;
	char *end;

	if (strncmp(line, "# HELP ", 7) == 0)
		return true;
	if (strncmp(line, "# TYPE ", 7) == 0) {
		base_strlcpy(announced, line + 7, 128);
		announced[strcspn(announced, " ")] = '\0';
		return strstr(line, " counter") || strstr(line, " gauge") ||
		       strstr(line, " summary");
	}
	while (islower((unsigned char)line[name]) || isdigit((unsigned char)line[name]) ||
		line[name] == '_')
		name++;
	if (strncmp(line, announced, strlen(announced)) != 0)
		return false;
	if (name != strlen(announced) && !is_of_summary(line + strlen(announced)))
		return false;
	line = strrchr(line, ' ');
	if (!line || !isdigit((unsigned char)line[1]))
		return false;
	strtod(line + 1, &end);
	return *end == '\0';
}

static void every_sample_follows_its_type(void **state)
{
	struct stats_file *f = make_counters();
	char *text = render(f), *save = NULL;
	char announced[128] = "";
	unsigned n = 0;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!line_ok(line, announced))
			fail_msg("bad line: %s", line);
		n++;
	}
	assert_true(n > 100);
	free(text);
	free(f);
}

static void without_a_store_nothing_is_said_of_it(void **state)
{
	struct stats_file *f = make_counters();
	char *text;

	f->workers[0].kv.slots = 0;
	text = render(f);
	assert_null(strstr(text, "braid_store_"));
	assert_null(strstr(text, "braid_tcp_"));
	free(text);
	free(f);
}

static void without_a_dataplane_control_still_speaks_for_itself(void **state)
{
	char *text = render(NULL);

	assert_non_null(strstr(text, "braid_control_info"));
	assert_null(strstr(text, "braid_dropped_packets_total"));
	free(text);
}

static void an_address_in_use_or_not_ours_is_refused_with_the_remedy(void **state)
{
	const struct metrics_source source = {0};
	struct event_base *base = event_base_new();
	struct base_error err = {0};
	struct metrics *first = metrics_create(base, "127.0.0.1", 29466, &source, &err);

	assert_non_null(first);
	assert_null(metrics_create(base, "127.0.0.1", 29466, &source, &err));
	assert_non_null(strstr(err.text, "in use by another process"));
	assert_null(metrics_create(base, "192.0.2.77", 29467, &source, &err));
	assert_non_null(strstr(err.text, "is not an address of this machine"));
	metrics_destroy(first);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_summed_and_labels_escaped),
		cmocka_unit_test(every_sample_follows_its_type),
		cmocka_unit_test(without_a_store_nothing_is_said_of_it),
		cmocka_unit_test(without_a_dataplane_control_still_speaks_for_itself),
		cmocka_unit_test(an_address_in_use_or_not_ours_is_refused_with_the_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
