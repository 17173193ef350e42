/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures through a client's socket: what is copied, what is told of it, and how they end. */
#include "tests/unit/server_client.h"

#include "dataplane/core/capture.h"
#include "dataplane/link/link.h"
#include "tests/unit/frame.h"

#define FORWARDED "eth ip4{dst=peer} udp pad{20}"
#define EXPIRED   "eth ip4{dst=peer,ttl=1} udp pad{20}"

#define CAPTURE_TEST(name)                                                                         \
	cmocka_unit_test_setup_teardown(name, server_node_start, capture_node_stop)

static int capture_node_stop(void **state)
{
	capture_fini();
	if (world_current->capture || rte_mempool_lookup("capture"))
		return -1;
	return server_node_stop(state);
}

/* A client with a capture going on. */
static int capture(const char *interface, const char *reason, uint32_t snap_bytes)
{
	struct api_capture req = {.snap_bytes = snap_bytes};
	const struct api_header *hdr;
	int fd = server_connect();

	base_strlcpy(req.interface, interface, sizeof(req.interface));
	base_strlcpy(req.reason, reason, sizeof(req.reason));
	hdr = server_ask(fd, API_capture, &req);
	if (hdr->status < 0)
		fail_msg("%s", server_sentence(hdr));
	assert_non_null(world_current->capture);
	return fd;
}

/* Lets the frame @text arrive on @port; @buf has it, its length is returned. */
static uint32_t arrive(uint16_t port, const char *text, uint8_t *buf)
{
	uint32_t len = frame_build(text, buf);

	node_input(port, buf, len);
	node_run();
	return len;
}

/* The next captured packet, or NULL. */
static const struct api_capture_packet *next(int fd)
{
	const struct api_header *hdr;

	capture_poll();
	hdr = server_receive(fd);
	if (!hdr)
		return NULL;
	assert_int_equal(hdr->type, API_capture_packet);
	assert_int_equal(hdr->flags, API_FLAG_EVENT);
	assert_int_equal(hdr->sequence, 77);
	return (const struct api_capture_packet *)(hdr + 1);
}

static void check(const struct api_capture_packet *p, enum api_capture_direction direction,
	const char *interface, const char *reason)
{
	assert_non_null(p);
	assert_int_equal(p->direction, direction);
	assert_string_equal(p->interface, interface);
	assert_string_equal(p->reason, reason);
	assert_int_equal(p->lost, 0);
}

static void traffic_is_shown_as_it_comes_and_as_it_goes(void **state)
{
	int fd = capture("", "", 0);
	const struct api_capture_packet *p;
	uint8_t frame[FRAME_MAX];
	uint32_t len = arrive(0, FORWARDED, frame);

	p = next(fd);
	check(p, API_CAPTURE_IN, "lan", "");
	assert_int_equal(p->count, len);
	assert_int_equal(p->length_bytes, len);
	assert_memory_equal(p + 1, frame, len);
	assert_true(p->time_ns > 1600000000 * NSEC_PER_SEC);
	p = next(fd);
	check(p, API_CAPTURE_OUT, "wan", "");
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(p->count, node_output(0)->len);
	assert_memory_equal(p + 1, node_output(0)->bytes, p->count);
	assert_null(next(fd));
	close(fd);
}

static void an_interface_is_that_of_the_vlan(void **state)
{
	int fd = capture("lan.10", "", 0);
	uint8_t frame[FRAME_MAX];

	arrive(0, FORWARDED, frame);
	assert_null(next(fd));
	arrive(0, "eth vlan{id=10} ip4{dst=peer,src=192.0.10.2} udp", frame);
	check(next(fd), API_CAPTURE_IN, "lan.10", "");
	assert_null(next(fd));
	close(fd);
}

static void no_more_than_snaplen_bytes_are_shown(void **state)
{
	int fd = capture("lan", "", 60);
	const struct api_capture_packet *p;
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build("eth ip4{dst=peer} udp pad{1000}", frame);

	node_input_split(0, frame, len, 40);
	node_run();
	p = next(fd);
	check(p, API_CAPTURE_IN, "lan", "");
	assert_int_equal(p->count, 60);
	assert_int_equal(p->length_bytes, len);
	assert_memory_equal(p + 1, frame, 60);
	close(fd);
}

static void jumbo_frames_are_shown_whole(void **state)
{
	int fd = capture("lan", "", 0);
	const struct api_capture_packet *p;
	uint8_t frame[FRAME_MAX];
	uint32_t len = arrive(0, "eth ip4{dst=peer} udp pad{8900}", frame);

	p = next(fd);
	check(p, API_CAPTURE_IN, "lan", "");
	assert_int_equal(p->count, len);
	assert_memory_equal(p + 1, frame, len);
	close(fd);
}

static void drops_are_shown_by_reason(void **state)
{
	int fd = capture("", "ip4_ttl_exceeded", 0);
	const struct api_capture_packet *p;
	uint8_t frame[FRAME_MAX];
	uint32_t len;

	arrive(0, "eth ip4{dst=8.8.8.8} udp", frame);
	len = arrive(0, EXPIRED, frame);
	p = next(fd);
	check(p, API_CAPTURE_DROP, "lan", "ip4_ttl_exceeded");
	assert_int_equal(p->count, len);
	assert_memory_equal(p + 1, frame, len);
	assert_null(next(fd));
	close(fd);
}

/* Writes notes into every free buffer, as earlier packets may have left them. */
static void leave_old_notes(void)
{
	static struct rte_mbuf *all[NODE_MBUFS];

	assert_int_equal(rte_pktmbuf_alloc_bulk(node_worker(0)->mempool, all, NODE_MBUFS), 0);
	for (unsigned i = 0; i < NODE_MBUFS; i++)
		memset(pkt_of(all[i]), 0x2a, sizeof(struct pkt));
	rte_pktmbuf_free_bulk(all, NODE_MBUFS);
}

static void frames_dropped_before_their_interface_is_looked_up_have_one(void **state)
{
	static const struct {
		const char *frame, *interface, *reason;
		uint16_t port;
	} cases[] = {
		{"eth keep{13}", "lan", "eth_runt", 0},
		{"eth{dst=02:00:00:00:00:77} ip4", "wan", "eth_not_for_us", 1},
		{"eth{dst=02:00:00:00:00:77} vlan{id=10} ip4", "lan.10", "eth_not_for_us", 0},
		{"eth vlan{id=11} ip4", "", "eth_unknown_vlan", 0},
		{"eth vlan{id=10} vlan{id=10} ip4", "lan.10", "eth_nested_vlan", 0},
	};
	int fd = capture("", "any", 0);
	uint8_t frame[FRAME_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		leave_old_notes();
		arrive(cases[i].port, cases[i].frame, frame);
		check(next(fd), API_CAPTURE_DROP, cases[i].interface, cases[i].reason);
		assert_null(next(fd));
	}
	close(fd);
}

static void an_interface_filter_fits_drops_too(void **state)
{
	int fd = capture("wan", "any", 0);
	uint8_t frame[FRAME_MAX];

	leave_old_notes();
	arrive(0, "eth keep{13}", frame);
	assert_null(next(fd));
	arrive(1, "eth keep{13}", frame);
	check(next(fd), API_CAPTURE_DROP, "wan", "eth_runt");
	close(fd);
}

static void who_does_not_read_loses_packets_and_delays_nobody(void **state)
{
	unsigned sent = 3 * CAPTURE_RING, shown = 0;
	int fd = capture("lan", "", 0);
	const struct api_capture_packet *p;
	uint8_t frame[FRAME_MAX];
	uint64_t lost = 0;

	for (unsigned i = 0; i < sent; i++) {
		arrive(0, FORWARDED, frame);
		if (i % 64 == 0)
			capture_poll();
	}
	assert_int_equal(node_n_output(), sent);
	while ((p = next(fd)) != NULL) {
		assert_true(p->lost >= lost);
		lost = p->lost;
		shown++;
	}
	assert_true(lost > 0);
	assert_int_equal(shown + lost, sent);
	node_check_accounts();
	close(fd);
}

static void a_capture_outlives_a_generation_and_ends_with_its_client(void **state)
{
	static const struct api_capture second = {};
	int fd = capture("", "", 0), other = server_connect();
	struct base_error err = {};
	const struct api_header *hdr;
	uint8_t frame[FRAME_MAX];

	if (node_apply(SERVER_NODE, &err) < 0)
		fail_msg("%s", err.text);
	arrive(0, FORWARDED, frame);
	check(next(fd), API_CAPTURE_IN, "lan", "");
	hdr = server_ask(other, API_capture, &second);
	assert_int_equal(hdr->status, -EBUSY);
	arrive(0, FORWARDED, frame);
	close(fd); /* with packets on their way to it */
	server_serve();
	assert_null(world_current->capture);
	assert_int_equal(capture_poll(), 0);
	arrive(0, FORWARDED, frame);
	assert_int_equal(server_ask(other, API_capture, &second)->status, 0);
	arrive(0, FORWARDED, frame);
	check(next(other), API_CAPTURE_IN, "lan", "");
	close(other);
}

static void the_end_of_the_process_ends_a_capture(void **state)
{
	int fd = capture("", "", 0);
	uint8_t frame[FRAME_MAX];

	arrive(0, FORWARDED, frame);
	capture_fini();
	assert_null(world_current->capture);
	arrive(0, FORWARDED, frame);
	assert_int_equal(capture_poll(), 0);
	close(fd);
}

static void filters_for_what_is_not_there_are_refused(void **state)
{
	static const struct {
		struct api_capture req;
		const char *sentence;
	} cases[] = {
		{{.interface = "lam"}, "no interface \"lam\""},
		{{.reason = "ip4_ttl_exceded"}, "did you mean \"ip4_ttl_exceeded\"?"},
		{{.reason = "none"}, "no drop reason \"none\""},
		{{.interface = "\033[2J"}, "not printable"},
		{{.interface = "0123456789abcdef"}, "not printable"},
	};
	int fd = server_connect();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct api_header *hdr = server_ask(fd, API_capture, &cases[i].req);

		if (!strstr(server_sentence(hdr), cases[i].sentence))
			fail_msg("\"%s\"", server_sentence(hdr));
		assert_null(world_current->capture);
		assert_null(rte_mempool_lookup("capture"));
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAPTURE_TEST(traffic_is_shown_as_it_comes_and_as_it_goes),
		CAPTURE_TEST(an_interface_is_that_of_the_vlan),
		CAPTURE_TEST(no_more_than_snaplen_bytes_are_shown),
		CAPTURE_TEST(jumbo_frames_are_shown_whole),
		CAPTURE_TEST(drops_are_shown_by_reason),
		CAPTURE_TEST(frames_dropped_before_their_interface_is_looked_up_have_one),
		CAPTURE_TEST(an_interface_filter_fits_drops_too),
		CAPTURE_TEST(who_does_not_read_loses_packets_and_delays_nobody),
		CAPTURE_TEST(a_capture_outlives_a_generation_and_ends_with_its_client),
		CAPTURE_TEST(the_end_of_the_process_ends_a_capture),
		CAPTURE_TEST(filters_for_what_is_not_there_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
