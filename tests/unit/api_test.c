/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The API socket: sizes on the wire, the check of hostile messages, listening in the place of dead
 * and living processes, and the blocking client against a small server in a thread.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/api/api.h"

#define SIZE(type, bytes)                                                                          \
	{                                                                                          \
#type, sizeof(struct type), bytes                                                  \
	}

static const struct {
	const char *name;
	size_t have, want;
} wire_sizes[] = {
	SIZE(ip_addr, 20),
	SIZE(base_error, 256),
	SIZE(api_header, 24),
	SIZE(api_none, 0),
	SIZE(api_byte, 1),
	SIZE(api_hello, 24),
	SIZE(api_hello_reply, 168),
	SIZE(api_begin, 8),
	SIZE(api_commit, 16),
	SIZE(api_commit_counts, 16),
	SIZE(api_commit_reply, 96),
	SIZE(api_list, 8),
	SIZE(api_interface, 360),
	SIZE(api_neighbor, 44),
	SIZE(api_hop, 40),
	SIZE(api_nexthop, 1288),
	SIZE(api_route, 24),
	SIZE(api_lb, 80),
	SIZE(api_pool, 20),
	SIZE(api_probe, 148),
	SIZE(api_service, 188),
	SIZE(api_backend, 40),
	SIZE(api_backend_want, 74),
	SIZE(api_backend_state, 72),
	SIZE(api_service_info, 200),
	SIZE(api_backend_info, 84),
	SIZE(api_flow_dump, 64),
	SIZE(api_flow_info, 112),
	SIZE(api_store, 464),
	SIZE(api_store_info, 480),
	SIZE(api_conn_dump, 32),
	SIZE(api_conn_info, 96),
	SIZE(api_dump, 48),
	SIZE(api_dump_reply, 16),
	SIZE(api_port_info, 288),
	SIZE(api_interface_info, 52),
	SIZE(api_address_info, 40),
	SIZE(api_neighbor_info, 52),
	SIZE(api_nexthop_info, 1356),
	SIZE(api_route_info, 44),
	SIZE(api_explain, 68),
	SIZE(api_explain_step, 256),
	SIZE(api_explain_reply, 240),
	SIZE(api_capture, 56),
	SIZE(api_capture_packet, 80),
	SIZE(api_control_status, 1424),
	SIZE(api_control_apply, 4104),
	SIZE(api_control_applied, 120),
	SIZE(api_control_drain, 44),
	SIZE(api_control_progress, 40),
};

static void structures_keep_their_size_on_the_wire(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(wire_sizes); i++)
		if (wire_sizes[i].have != wire_sizes[i].want)
			fail_msg("struct %s has %zu bytes, not %zu", wire_sizes[i].name,
				wire_sizes[i].have, wire_sizes[i].want);
}

static void every_row_has_its_own_id_and_fits_in_a_message(void **state)
{
	const struct api_row *rows;
	size_t n;

	rows = api_rows(&n);
	assert_true(n > 20);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(api_row_find(rows[i].type), &rows[i]);
		assert_true(rows[i].request_bytes + rows[i].request_item_bytes < 60000);
		assert_true(rows[i].reply_bytes + rows[i].reply_item_bytes < 60000);
		assert_true(strlen(rows[i].help) > 0);
	}
	assert_null(api_row_find(0));
	assert_null(api_row_find(9999));
}

/* One message that must be taken or refused. */
struct message_case {
	const char *what;
	uint16_t type, flags;
	int32_t status;
	uint32_t count; /* first word of the body */
	size_t body_bytes;
	uint32_t lie_bytes; /* added to the length in the header */
	int want;
};

static const struct message_case message_cases[] = {
	{"a request", API_begin, 0, 0, 7, sizeof(struct api_begin), 0, 0},
	{"an empty request", API_abort, 0, 0, 0, 0, 0, 0},
	{"an empty list", API_route_set, 0, 0, 0, sizeof(struct api_list), 0, 0},
	{"a list of two", API_route_set, 0, 0, 2,
		sizeof(struct api_list) + 2 * sizeof(struct api_route), 0, 0},
	{"a reply with items", API_route_dump, API_FLAG_REPLY, 0, 1,
		sizeof(struct api_dump_reply) + sizeof(struct api_route_info), 0, 0},
	{"an error reply", API_commit, API_FLAG_REPLY, -EINVAL, 'x', sizeof(struct base_error), 0,
		0},
	{"an event", API_control_progress, API_FLAG_EVENT, 0, 0,
		sizeof(struct api_control_progress), 0, 0},
	{"a captured packet", API_capture_packet, API_FLAG_EVENT, 0, 60,
		sizeof(struct api_capture_packet) + 60, 0, 0},
	{"a header that promises more", API_begin, 0, 0, 7, sizeof(struct api_begin), 1, -EBADMSG},
	{"a header that promises less", API_begin, 0, 0, 7, sizeof(struct api_begin), UINT32_MAX,
		-EBADMSG},
	{"a body too long", API_begin, 0, 0, 7, sizeof(struct api_begin) + 1, 0, -EBADMSG},
	{"a body too short", API_begin, 0, 0, 7, sizeof(struct api_begin) - 1, 0, -EBADMSG},
	{"no body at all", API_route_set, 0, 0, 0, 0, 0, -EBADMSG},
	{"half a count", API_route_set, 0, 0, 0, 3, 0, -EBADMSG},
	{"a count beyond the items", API_route_set, 0, 0, 3,
		sizeof(struct api_list) + 2 * sizeof(struct api_route), 0, -EBADMSG},
	{"a count that wraps in 32 bits", API_route_set, 0, 0, 0x80000000u, sizeof(struct api_list),
		0, -EBADMSG},
	{"the largest count", API_route_set, 0, 0, UINT32_MAX, sizeof(struct api_list), 0,
		-EBADMSG},
	{"part of an item", API_route_set, 0, 0, 1,
		sizeof(struct api_list) + sizeof(struct api_route) - 1, 0, -EBADMSG},
	{"an unknown type", 77, 0, 0, 0, 0, 0, -EPROTO},
	{"unknown flags", API_abort, 4, 0, 0, 0, 0, -EPROTO},
	{"reply and event at once", API_abort, 3, 0, 0, 0, 0, -EPROTO},
	{"a request with a status", API_abort, 0, -EINVAL, 0, sizeof(struct base_error), 0,
		-EPROTO},
	{"a positive status", API_abort, API_FLAG_REPLY, 5, 0, 0, 0, -EPROTO},
	{"an error without a sentence", API_abort, API_FLAG_REPLY, -EINVAL, 0, 0, 0, -EBADMSG},
	{"a request as event", API_abort, API_FLAG_EVENT, 0, 0, 0, 0, -EPROTO},
	{"an event as request", API_control_progress, 0, 0, 0, 0, 0, -EPROTO},
	{"an event as reply", API_control_progress, API_FLAG_REPLY, 0, 0,
		sizeof(struct api_control_progress), 0, -EPROTO},
};

static void well_formed_messages_pass_and_hostile_ones_do_not(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(message_cases); i++) {
		const struct message_case *c = &message_cases[i];
		size_t len = sizeof(struct api_header) + c->body_bytes;
		struct api_header hdr = {.length_bytes = (uint32_t)len + c->lie_bytes,
			.type = c->type,
			.flags = c->flags,
			.status = c->status};
		struct base_error err = {0};
		uint8_t *buf = calloc(1, len); /* exact size: a read beyond it is reported */
		int rc;

		memcpy(buf, &hdr, sizeof(hdr));
		memcpy(buf + sizeof(hdr), &c->count, MIN_OF(c->body_bytes, sizeof(c->count)));
		rc = api_check(buf, len, &err);
		free(buf);
		if (rc != c->want)
			fail_msg("%s: %d, not %d (%s)", c->what, rc, c->want, err.text);
		assert_true((rc == 0) == (err.text[0] == '\0'));
	}
}

static void every_truncation_of_a_message_is_refused(void **state)
{
	struct {
		struct api_header hdr;
		struct base_error err;
	} msg = {.hdr = {.length_bytes = sizeof(msg),
			 .type = API_commit,
			 .flags = API_FLAG_REPLY,
			 .status = -EINVAL}};

	assert_int_equal(api_check(&msg, sizeof(msg), NULL), 0);
	for (size_t len = 0; len < sizeof(msg); len++) {
		uint8_t *copy = malloc(len + (len == 0));

		memcpy(copy, &msg, len);
		assert_int_equal(api_check(copy, len, NULL), -EBADMSG);
		if (len >= sizeof(uint32_t)) {
			uint32_t length = (uint32_t)len;

			memcpy(copy, &length, sizeof(length));
			assert_int_equal(api_check(copy, len, NULL), -EBADMSG);
		}
		free(copy);
	}
	memset(msg.err.text, 'x', sizeof(msg.err.text));
	assert_int_equal(api_check(&msg, sizeof(msg), NULL), -EBADMSG);
}

static void strings_must_end_and_be_printable(void **state)
{
	assert_true(api_string_ok("lan", 4));
	assert_true(api_string_ok("", 1));
	assert_false(api_string_ok("lan", 3));
	assert_false(api_string_ok("a\tb", 4));
	assert_false(api_string_ok("a\xc3\xa9", 4));
	assert_false(api_string_ok("a\x7f", 3));
}

static void a_message_arrives_whole_or_not_at_all(void **state)
{
	struct api_header hdr = {.type = API_route_set};
	struct api_list list = {.count = 2};
	struct api_route routes[2] = {{.nexthop = 1}, {.nexthop = 2}};
	uint8_t *buf = malloc(API_MSG_MAX_BYTES);
	struct base_error err = {0};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(api_recv(pair[1], buf, &err), -EAGAIN);
	assert_int_equal(api_send(pair[0], &hdr, &list, routes, sizeof(routes)), 0);
	assert_int_equal(api_recv(pair[1], buf, &err), 24 + 8 + 48);
	assert_memory_equal(buf + 32, routes, sizeof(routes));
	assert_int_equal(api_send(pair[0], &hdr, &list, buf, API_MSG_MAX_BYTES - 31), -EMSGSIZE);
	assert_int_equal(send(pair[0], buf, 10, 0), 10);
	assert_int_equal(api_recv(pair[1], buf, &err), -EBADMSG);
	close(pair[0]);
	assert_int_equal(api_recv(pair[1], buf, &err), 0);
	close(pair[1]);
	free(buf);
}

static void a_message_beyond_the_maximum_is_refused(void **state)
{
	uint8_t *big = calloc(1, API_MSG_MAX_BYTES + 1);
	uint8_t *buf = malloc(API_MSG_MAX_BYTES);
	struct base_error err = {0};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(send(pair[0], big, API_MSG_MAX_BYTES + 1, 0), API_MSG_MAX_BYTES + 1);
	assert_int_equal(api_recv(pair[1], buf, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "more than 65536"));
	close(pair[0]);
	close(pair[1]);
	free(big);
	free(buf);
}

/* A directory of its own for sockets, removed by the teardown. */
struct sockets {
	char dir[64];
	char path[100];
};

static int sockets_setup(void **state)
{
	struct sockets *s = calloc(1, sizeof(*s));

	base_strlcpy(s->dir, "/tmp/braid-api-test-XXXXXX", sizeof(s->dir));
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/dataplane.sock", s->dir);
	*state = s;
	return 0;
}

static int sockets_teardown(void **state)
{
	struct sockets *s = *state;

	unlink(s->path);
	assert_int_equal(rmdir(s->dir), 0);
	free(s);
	return 0;
}

static void a_stale_socket_is_replaced_and_a_living_one_is_not(void **state)
{
	struct sockets *s = *state;
	struct base_error err = {0};
	struct stat st;
	int first = api_listen(s->path, &err);
	int second;

	assert_true(first >= 0);
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(api_listen(s->path, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "another process is running"));
	close(first);
	assert_int_equal(api_connect(s->path, "braid-dataplane", &err), -ECONNREFUSED);
	assert_non_null(strstr(err.text, "braid-dataplane has ended"));
	second = api_listen(s->path, &err);
	assert_true(second >= 0);
	close(second);
}

static void a_file_in_the_way_is_left_alone(void **state)
{
	struct sockets *s = *state;
	struct base_error err = {0};
	FILE *f = fopen(s->path, "w");

	fclose(f);
	assert_int_equal(api_listen(s->path, &err), -EEXIST);
	assert_non_null(strstr(err.text, "not a socket"));
	assert_int_equal(access(s->path, F_OK), 0);
}

static void missing_sockets_and_long_paths_have_their_sentences(void **state)
{
	struct sockets *s = *state;
	struct base_error err = {0};
	struct api_client c;
	char longer[200];

	assert_int_equal(api_client_open(&c, s->path, "test", NULL, &err), -ENOENT);
	assert_non_null(strstr(err.text, "braid-dataplane is not running"));
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(api_listen(longer, &err), -ENAMETOOLONG);
	assert_int_equal(api_connect(longer, "x", &err), -ENAMETOOLONG);
	assert_int_equal(api_listen("/nonexistent/braid.sock", &err), -ENOENT);
}

/* Answers one client: hello, then a progress event before each error. */
struct fake_server {
	int fd;
	uint32_t version;
	pthread_t thread;
};

static void *fake_server_run(void *arg)
{
	struct fake_server *s = arg;
	uint8_t *buf = malloc(API_MSG_MAX_BYTES);
	struct base_error err = {0};
	int client, n;

	while ((client = accept(s->fd, NULL, NULL)) < 0)
		usleep(1000);
	while ((n = api_recv(client, buf, &err)) > 0) {
		struct api_header hdr = *(struct api_header *)buf;
		struct api_hello_reply reply = {.version = s->version, .node = "n1"};
		struct base_error sentence = {.text = "the sentence"};
		struct api_header event = {.type = API_control_progress, .flags = API_FLAG_EVENT};
		struct api_control_progress progress = {.done = 3, .total = 4};

		hdr.flags = API_FLAG_REPLY;
		hdr.generation = 42;
		if (hdr.type == API_hello) {
			api_send(client, &hdr, &reply, NULL, 0);
			continue;
		}
		hdr.status = -ENODEV;
		api_send(client, &event, &progress, NULL, 0);
		api_send(client, &hdr, &sentence, NULL, 0);
		api_send(client, &event, &progress, NULL, 0);
	}
	close(client);
	free(buf);
	return NULL;
}

static void fake_server_start(struct fake_server *s, const char *path, uint32_t version)
{
	struct base_error err = {0};

	s->version = version;
	s->fd = api_listen(path, &err);
	assert_true(s->fd >= 0);
	assert_int_equal(pthread_create(&s->thread, NULL, fake_server_run, s), 0);
}

static void fake_server_stop(struct fake_server *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static void count_event(void *ctx, const struct api_header *hdr)
{
	assert_int_equal(hdr->type, API_control_progress);
	++*(unsigned *)ctx;
}

static void a_call_returns_the_other_sides_sentence(void **state)
{
	struct sockets *s = *state;
	struct fake_server server;
	struct base_error err = {0};
	struct api_hello_reply answer;
	const struct api_header *event;
	struct api_begin begin = {.generation = 43};
	struct api_client c;
	unsigned n_events = 0;

	fake_server_start(&server, s->path, API_VERSION);
	assert_int_equal(api_client_open(&c, s->path, "test", &answer, &err), 0);
	assert_string_equal(answer.node, "n1");
	assert_int_equal(c.generation, 42);
	c.on_event = count_event;
	c.ctx = &n_events;
	assert_int_equal(api_call(&c, API_begin, &begin, NULL, &err), -ENODEV);
	assert_string_equal(err.text, "the sentence");
	assert_int_equal(n_events, 1);
	assert_int_equal(api_event_wait(&c, 2000, &event, &err), 1);
	assert_int_equal(event->type, API_control_progress);
	assert_int_equal(api_event_wait(&c, 0, &event, &err), 0);
	api_client_close(&c);
	fake_server_stop(&server);
}

static void another_api_version_is_refused_with_a_remedy(void **state)
{
	struct sockets *s = *state;
	struct fake_server server;
	struct base_error err = {0};
	struct api_client c;

	fake_server_start(&server, s->path, API_VERSION + 1);
	assert_int_equal(api_client_open(&c, s->path, "test", NULL, &err), -EPROTO);
	assert_non_null(strstr(err.text, "speaks API version 4, this program version 3"));
	fake_server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structures_keep_their_size_on_the_wire),
		cmocka_unit_test(every_row_has_its_own_id_and_fits_in_a_message),
		cmocka_unit_test(well_formed_messages_pass_and_hostile_ones_do_not),
		cmocka_unit_test(every_truncation_of_a_message_is_refused),
		cmocka_unit_test(strings_must_end_and_be_printable),
		cmocka_unit_test(a_message_arrives_whole_or_not_at_all),
		cmocka_unit_test(a_message_beyond_the_maximum_is_refused),
		cmocka_unit_test_setup_teardown(a_stale_socket_is_replaced_and_a_living_one_is_not,
			sockets_setup, sockets_teardown),
		cmocka_unit_test_setup_teardown(
			a_file_in_the_way_is_left_alone, sockets_setup, sockets_teardown),
		cmocka_unit_test_setup_teardown(missing_sockets_and_long_paths_have_their_sentences,
			sockets_setup, sockets_teardown),
		cmocka_unit_test_setup_teardown(
			a_call_returns_the_other_sides_sentence, sockets_setup, sockets_teardown),
		cmocka_unit_test_setup_teardown(another_api_version_is_refused_with_a_remedy,
			sockets_setup, sockets_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
