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
	f->workers[0].backends[70].new_flows = 100;
	f->workers[1].backends[70].new_flows = 20;
	f->workers[1].backends[70].ended_flows = 13;
	f->workers[0].backends[70].reply_bytes = 999;
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
		"braid_control_info{node=\"n1\",version=\"" BRAID_VERSION "\"} 1\n",
	};
	struct stats_file *f = make_counters();
	char *text = render(f);

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no line %s", lines[i]);
	assert_null(strstr(text, "interface=\"\""));
	assert_null(strstr(text, "braid_backend_flows{service=\"web\",backend=\"[2001"));
	free(text);
	free(f);
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
		return strstr(line, " counter") || strstr(line, " gauge");
	}
	while (islower((unsigned char)line[name]) || isdigit((unsigned char)line[name]) ||
		line[name] == '_')
		name++;
	if (name != strlen(announced) || strncmp(line, announced, name) != 0)
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
		cmocka_unit_test(without_a_dataplane_control_still_speaks_for_itself),
		cmocka_unit_test(an_address_in_use_or_not_ours_is_refused_with_the_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
