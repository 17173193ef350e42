/* SPDX-License-Identifier: BSD-3-Clause */
/* Services and backends on the API socket: what dumps show, filters, states by message. */
#include "tests/unit/lb_yaml.h"

#define LB_API_TEST(name) cmocka_unit_test_setup_teardown(name, lb_yaml_start, lb_yaml_stop)

static const struct api_service_info *services(int fd, const char *filter, uint32_t *n)
{
	struct api_dump req = {};
	const struct api_header *hdr;
	const struct api_dump_reply *rep;

	base_strlcpy(req.filter, filter, sizeof(req.filter));
	hdr = lb_yaml_ask(fd, API_service_dump, &req);
	assert_non_null(hdr);
	assert_int_equal(hdr->status, 0);
	rep = (const struct api_dump_reply *)(hdr + 1);
	assert_int_equal(rep->cursor, 0);
	*n = rep->count;
	return (const struct api_service_info *)(rep + 1);
}

static const struct api_backend_info *backends(int fd, const char *filter, uint32_t *n)
{
	struct api_dump req = {};
	const struct api_header *hdr;
	const struct api_dump_reply *rep;

	base_strlcpy(req.filter, filter, sizeof(req.filter));
	hdr = lb_yaml_ask(fd, API_backend_dump, &req);
	assert_non_null(hdr);
	assert_int_equal(hdr->status, 0);
	rep = (const struct api_dump_reply *)(hdr + 1);
	assert_int_equal(rep->cursor, 0);
	*n = rep->count;
	return (const struct api_backend_info *)(rep + 1);
}

/* Tells the state of one backend of service dsr. */
static const struct api_header *tell(int fd, const char *address, bool draining)
{
	struct {
		struct api_list list;
		struct api_backend_state item;
	} msg = {
		.list = {.count = 1},
		.item = {.service = "dsr", .draining = draining, .reason = "asked for"},
	};
	struct api_header hdr = {.type = API_backend_state, .sequence = 5};

	assert_int_equal(ip_addr_parse(address, &msg.item.address), 0);
	msg.item.port = 81;
	assert_int_equal(api_send(fd, &hdr, &msg.list, &msg.item, sizeof(msg.item)), 0);
	server_serve();
	return server_receive(fd);
}

static void services_are_shown_as_configured(void **state)
{
	const struct api_service_info *s;
	int fd = server_connect();
	uint32_t n;

	s = services(fd, "", &n);
	assert_int_equal(n, 5);
	s = services(fd, "dsr", &n);
	assert_int_equal(n, 1);
	assert_string_equal(s->service.name, "dsr");
	assert_int_equal(s->service.port, 81);
	assert_int_equal(s->service.mode, API_LB_DSR);
	assert_int_equal(s->n_backends, 2);
	assert_int_equal(s->n_usable, 2);
	assert_int_equal(s->index, lb_block_service(lb_main.now, "dsr"));
	assert_true(s->build_us > 0);
	services(fd, "nonesuch", &n);
	assert_int_equal(n, 0);
	close(fd);
}

static void backends_are_shown_with_their_share(void **state)
{
	const struct api_backend_info *b;
	int fd = server_connect();
	uint32_t n;

	backends(fd, "", &n);
	assert_int_equal(n, 6);
	b = backends(fd, "dsr", &n);
	assert_int_equal(n, 2);
	for (uint32_t i = 0; i < n; i++) {
		assert_string_equal(b[i].backend.service, "dsr");
		assert_in_range(b[i].share_permille, 495, 505);
		assert_int_equal(b[i].use, API_BACKEND_UP);
	}
	close(fd);
}

static void a_state_by_message_is_shown(void **state)
{
	const struct api_backend_info *b;
	int fd = server_connect();
	uint32_t n;

	assert_int_equal(tell(fd, "198.51.100.21", true)->status, 0);
	b = backends(fd, "dsr", &n);
	assert_int_equal(n, 2);
	b += b[0].backend.address.bytes[3] != 21;
	assert_int_equal(b->use, API_BACKEND_DRAINING);
	assert_int_equal(b->draining, 1);
	assert_int_equal(b->down, 0);
	assert_int_equal(b->share_permille, 0);
	assert_string_equal(b->reason, "asked for");
	assert_int_equal(services(fd, "dsr", &n)->n_usable, 1);
	assert_non_null(strstr(server_sentence(tell(fd, "198.51.100.99", true)), "has no backend"));
	close(fd);
}

static void a_removed_backend_is_shown_while_it_has_flows(void **state)
{
	struct base_error err = {};
	const struct api_backend_info *b;
	int fd = server_connect();
	uint32_t n;

	lb_yaml_arrive(0, "eth ip4{src=192.0.2.2,dst=203.0.113.10} tcp{sport=9,dport=82,flags=2}");
	assert_int_equal(node_apply(LB_YAML_NODE, &err), 0);
	b = backends(fd, "", &n);
	assert_int_equal(n, 1);
	assert_string_equal(b->backend.service, "ipip");
	assert_int_equal(b->use, API_BACKEND_REMOVED);
	services(fd, "", &n);
	assert_int_equal(n, 0);
	/* Its service is gone: the sweep ends the flow, and then all is forgotten. */
	node_advance(4 * NSEC_PER_SEC);
	backends(fd, "", &n);
	assert_int_equal(n, 0);
	assert_int_equal(node_counter(offsetof(struct stats_worker, flows)), 0);
	assert_int_equal(lb_block_service(lb_main.now, "ipip"), LB_NO_SERVICE);
	close(fd);
}

static void an_address_of_the_file_that_is_wrong_is_named(void **state)
{
	struct base_error err = {};

	assert_true(node_apply(LB_YAML_NODE
			    "services:\n"
			    "  - {name: web, vip: 203.0.113.10, port: 80, mode: dsr, backends: "
			    "[{address: 172.16.0.1}]}\n",
			    &err) < 0);
	assert_non_null(strstr(err.text, "172.16.0.1"));
	assert_int_not_equal(lb_block_service(lb_main.now, "nat"), LB_NO_SERVICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LB_API_TEST(services_are_shown_as_configured),
		LB_API_TEST(backends_are_shown_with_their_share),
		LB_API_TEST(a_state_by_message_is_shown),
		LB_API_TEST(a_removed_backend_is_shown_while_it_has_flows),
		LB_API_TEST(an_address_of_the_file_that_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
