/* SPDX-License-Identifier: BSD-3-Clause */
/* What readers of the counters learn about services: reasons, whose backends are, what those that
 * are gone have done, and how many flows begin per second. */
#include "dataplane/lb/lb_drop.h"
#include "tests/unit/lb_node.h"

static struct stats_file *file;

static struct stats_backend *backend(uint16_t n)
{
	return &node_worker(0)->stats->backends[n];
}

/* The service "web" with @n backends, 192.0.2.21 and on. */
static void want_web(unsigned n)
{
	char address[IPADDR_TEXT_MAX];

	lb_begin();
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	for (unsigned i = 0; i < n; i++) {
		snprintf(address, sizeof(address), "192.0.2.%u", 21 + i);
		assert_int_equal(lb_want_backend("web", address, 0, 1, NULL), 0);
	}
	assert_int_equal(lb_commit(NULL), 0);
}

static void every_reason_has_the_name_of_a_drop(void **state)
{
	assert_int_equal(file->n_lb_drops, LB_DROPS);
	assert_int_equal(file->lb_drops[LB_DROP_lb_no_backend], DROP_lb_no_backend);
	assert_int_equal(file->lb_drops[LB_DROP_no_headroom], DROP_no_headroom);
	for (unsigned i = 0; i < LB_DROPS; i++)
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(file->lb_drops[i], file->lb_drops[k]);
}

/* Copies the workers' counters to where a reader finds them, and adds them up. */
static struct stats_total total_of(uint16_t service)
{
	static struct stats_total totals[STATS_SERVICES_MAX];

	file->n_workers = 2;
	for (unsigned i = 0; i < 2; i++)
		file->workers[i] = *workers[i]->stats;
	stats_totals(file, totals);
	return totals[service];
}

static void totals_never_count_back_when_backends_go(void **state)
{
	uint16_t a, b, s;

	want_web(2);
	a = lb_backend_number("web", "192.0.2.21", 0);
	b = lb_backend_number("web", "192.0.2.22", 0);
	s = lb_block_service(lb_main.now, "web");
	assert_int_equal(file->backend_service[a], s + 1);
	assert_int_equal(file->backend_service[b], s + 1);
	*backend(a) = (struct stats_backend){.new_flows = 5, .pkts = 50, .bytes = 5000};
	*backend(b) = (struct stats_backend){.new_flows = 3, .pkts = 30, .reply_bytes = 300};
	assert_int_equal(total_of(s).flows, 8);
	assert_int_equal(total_of(s).pkts, 80);

	/* Removed, but its flows go on. */
	want_web(1);
	assert_int_equal(file->backend_service[b], s + 1);
	assert_int_equal(total_of(s).flows, 8);
	backend(b)->ended_flows = 3;
	node_advance(3 * NSEC_PER_SEC);
	assert_int_equal(file->backend_service[b], 0);
	assert_int_equal(backend(b)->pkts, 0);
	assert_int_equal(total_of(s).flows, 5);
	assert_int_equal(total_of(s).pkts, 80);
	assert_int_equal(total_of(s).bytes, 5000);
	assert_int_equal(total_of(s).reply_bytes, 300);
	backend(a)->ended_flows = 5;
}

static void new_flows_are_counted_per_second(void **state)
{
	struct stats_service *service;
	uint16_t a, s;

	want_web(1);
	a = lb_backend_number("web", "192.0.2.21", 0);
	s = lb_block_service(lb_main.now, "web");
	service = &node_worker(0)->stats->services[s];
	node_advance(2 * NSEC_PER_SEC);
	for (unsigned i = 0; i < 20; i++) {
		service->new_flows += 100;
		backend(a)->new_flows += 100;
		backend(a)->ended_flows += 100;
		node_advance(100 * NSEC_PER_MSEC);
	}
	assert_in_range(file->rates.services[s], 900, 1100);
	assert_in_range(file->rates.backends[a], 900, 1100);
	node_advance(3 * NSEC_PER_SEC);
	assert_int_equal(file->rates.services[s], 0);
	assert_int_equal(file->rates.backends[a], 0);
}

static int prepare(void **state)
{
	file = aligned_alloc(CACHE_LINE_BYTES, sizeof(*file));
	if (!file)
		return -1;
	memset(file, 0, sizeof(*file));
	lb_stats(file);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LB_TEST(every_reason_has_the_name_of_a_drop),
		LB_TEST(totals_never_count_back_when_backends_go),
		LB_TEST(new_flows_are_counted_per_second),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
