/* SPDX-License-Identifier: BSD-3-Clause */
/* The API server against clients that are wrong, slow, too many or gone. */
#include "tests/unit/server_client.h"

#include <stdlib.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "dataplane/core/generation.h"

#define NOBODY 65534

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, server_node_start, server_node_stop)

static const struct api_hello good_hello = {.version = API_VERSION, .client = "test"};

static void hello_tells_who_answers(void **state)
{
	int fd = server_connect();
	const struct api_header *hdr = server_ask(fd, API_hello, &good_hello);
	const struct api_hello_reply *rep = (const struct api_hello_reply *)(hdr + 1);

	assert_int_equal(hdr->status, 0);
	assert_int_equal(hdr->generation, 1);
	assert_int_equal(rep->version, API_VERSION);
	assert_int_equal(rep->pid, getpid());
	assert_int_equal(rep->generation, 1);
	assert_string_equal(rep->node, "n1");
	assert_string_equal(rep->stats_path, "/run/counters");
	close(fd);
}

static void another_version_is_told_what_to_install(void **state)
{
	struct api_hello hello = {.version = API_VERSION + 1};
	int fd = server_connect();
	const struct api_header *hdr = server_ask(fd, API_hello, &hello);

	assert_int_equal(hdr->status, -EPROTONOSUPPORT);
	assert_non_null(strstr(server_sentence(hdr), "of one version"));
	assert_int_equal(server_ask(fd, API_hello, &good_hello)->status, 0);
	close(fd);
}

/* A message as bytes, so that any of them may be wrong. */
struct wrong {
	struct api_header hdr;
	uint32_t body_bytes;
	uint32_t send_bytes; /* 0: as many as there are */
	const char *sentence;
};

static void messages_that_break_the_protocol_get_a_sentence_and_the_end(void **state)
{
	static const struct wrong cases[] = {
		{{.type = 9999}, 0, 0, "unknown type 9999"},
		{{.type = API_hello}, 3, 0, "hello: body of 3 bytes"},
		{{.type = API_hello}, 0, 1, "message of 1 bytes"},
		{{.type = API_hello, .length_bytes = 5}, 24, 0, "whose header says 5 bytes"},
		{{.type = API_hello, .flags = 4}, 24, 0, "unknown flags 0x4"},
		{{.type = API_hello, .flags = API_FLAG_EVENT}, 24, 0, "not an event"},
		{{.type = API_capture_packet}, 0, 0, "always an event"},
		{{.type = API_hello, .status = 5}, 24, 0, "impossible status 5"},
		{{.type = API_hello, .status = -5}, 256, 0, "impossible status -5"},
		{{.type = API_interface_set}, 8, 0, "expected (4294967295 items)"},
	};
	uint8_t msg[4096];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct wrong *c = &cases[i];
		struct api_header hdr = c->hdr;
		uint32_t len = (uint32_t)sizeof(hdr) + c->body_bytes;
		const struct api_header *answer;
		int fd = server_connect();

		if (hdr.length_bytes == 0)
			hdr.length_bytes = c->send_bytes ? c->send_bytes : len;
		memset(msg, 0xff, sizeof(msg));
		memcpy(msg, &hdr, sizeof(hdr));
		assert_int_equal(send(fd, msg, c->send_bytes ? c->send_bytes : len, 0),
			hdr.length_bytes == 5 ? len : hdr.length_bytes);
		server_serve();
		answer = server_receive(fd);
		assert_non_null(answer);
		if (!strstr(server_sentence(answer), c->sentence))
			fail_msg("case %zu: \"%s\"", i, server_sentence(answer));
		assert_true(server_has_closed(fd));
		close(fd);
	}
}

static void messages_out_of_place_are_refused_and_the_connection_stays(void **state)
{
	struct api_header hdr = {.type = API_hello, .flags = API_FLAG_REPLY};
	struct api_hello_reply body = {};
	int fd = server_connect();
	const struct api_header *answer;

	assert_int_equal(api_send(fd, &hdr, &body, NULL, 0), 0);
	server_serve();
	answer = server_receive(fd);
	assert_int_equal(answer->status, -EPROTO);
	answer = server_ask(fd, API_control_status, NULL);
	assert_int_equal(answer->status, -EOPNOTSUPP);
	assert_non_null(strstr(server_sentence(answer), "braid-control's socket"));
	answer = server_ask(fd, API_commit, &(struct api_commit){.generation = 2});
	assert_int_equal(answer->status, -EPROTO);
	assert_int_equal(server_ask(fd, API_hello, &good_hello)->status, 0);
	close(fd);
}

static void a_message_larger_than_any_is_refused(void **state)
{
	static uint8_t msg[API_MSG_MAX_BYTES + 1];
	int fd = server_connect(), room = 4 * (int)sizeof(msg);

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	assert_int_equal(send(fd, msg, sizeof(msg), 0), sizeof(msg));
	server_serve();
	assert_non_null(strstr(server_sentence(server_receive(fd)), "more than 65536 bytes"));
	assert_true(server_has_closed(fd));
	close(fd);
}

static void an_empty_message_ends_the_connection(void **state)
{
	int fd = server_connect();

	assert_int_equal(send(fd, "", 0, 0), 0);
	server_serve();
	assert_true(server_has_closed(fd));
	close(fd);
}

static void descriptors_sent_along_are_not_kept(void **state)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct api_header hdr = {
		.length_bytes = sizeof(hdr) + sizeof(good_hello), .type = API_hello};
	struct iovec iov[] = {{&hdr, sizeof(hdr)}, {(void *)(uintptr_t)&good_hello, 24}};
	struct msghdr msg = {.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control)};
	int fd = server_connect(), ends[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &ends[1], sizeof(int));
	assert_true(sendmsg(fd, &msg, 0) > 0);
	close(ends[1]);
	server_serve();
	assert_int_equal(server_receive(fd)->status, 0);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* nobody holds the writing end */
	close(ends[0]);
	close(fd);
}

static void the_client_too_many_is_told_and_finds_room_later(void **state)
{
	int fds[SERVER_CLIENTS_MAX], extra;

	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		fds[i] = server_connect();
		assert_int_equal(server_ask(fds[i], API_hello, &good_hello)->status, 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		extra = server_connect();
		server_serve();
		assert_non_null(strstr(server_sentence(server_receive(extra)), "too many clients"));
		assert_true(server_has_closed(extra));
		close(extra);
	}
	close(fds[3]);
	server_serve();
	fds[3] = server_connect();
	for (unsigned i = 0; i < SERVER_CLIENTS_MAX; i++) {
		assert_int_equal(server_ask(fds[i], API_hello, &good_hello)->status, 0);
		close(fds[i]);
	}
}

static void who_does_not_read_is_cut_off_and_the_others_are_served(void **state)
{
	static const struct api_dump dump = {};
	int slow = server_connect(), other = server_connect(), small = 1;
	unsigned answers = 0;

	setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (unsigned i = 0; i < 10000; i++) {
		struct api_header hdr = {.type = API_address_dump, .sequence = i};

		if (api_send(slow, &hdr, &dump, NULL, 0) < 0)
			break;
		server_serve();
	}
	while (server_receive(slow))
		answers++;
	assert_true(answers > 0 && answers < 10000);
	assert_int_equal(server_ask(other, API_hello, &good_hello)->status, 0);
	assert_true(server_has_closed(slow));
	close(slow);
	close(other);
}

static void a_client_that_asks_without_end_gets_one_turn_among_others(void **state)
{
	int greedy = server_connect(), other = server_connect();
	const struct api_header *hdr;

	for (uint32_t i = 0; i < 50; i++)
		server_send(greedy, API_hello, i, &good_hello);
	server_send(other, API_hello, 99, &good_hello);
	for (unsigned i = 0; i < 4; i++)
		server_poll();
	hdr = server_receive(other);
	assert_non_null(hdr);
	assert_int_equal(hdr->sequence, 99);
	for (uint32_t i = 0; i < 50; i++) {
		server_serve();
		hdr = server_receive(greedy);
		assert_non_null(hdr);
		assert_int_equal(hdr->sequence, i);
	}
	close(greedy);
	close(other);
}

static uint64_t closed_id;
static unsigned n_closed;

static void on_close(uint64_t client_id)
{
	closed_id = client_id;
	n_closed++;
}

static void those_who_wait_hear_of_a_client_that_went(void **state)
{
	int fd;

	server_on_close(on_close);
	server_on_close(on_close);
	n_closed = 0;
	fd = server_connect();
	server_ask(fd, API_hello, &good_hello);
	close(fd);
	server_serve();
	assert_int_equal(n_closed, 1);
	assert_int_not_equal(closed_id, 0);
}

static void the_answer_to_a_client_that_went_goes_nowhere(void **state)
{
	static const struct api_begin begin = {.generation = 2};
	static const struct api_commit commit = {.generation = 2};
	int fd = server_connect(), other;

	assert_int_equal(server_ask(fd, API_begin, &begin)->status, 0);
	server_send(fd, API_commit, 5, &commit);
	server_serve();
	assert_true(generation_busy());
	close(fd);
	server_serve();
	other = server_connect(); /* in the place of the one that went */
	assert_int_equal(server_ask(other, API_hello, &good_hello)->status, 0);
	while (generation_busy())
		generation_step(1000);
	assert_int_equal(world_current->generation, 2);
	assert_null(server_receive(other));
	assert_false(server_has_closed(other));
	close(other);
}

static void a_later_answer_reaches_who_asked_between_other_answers(void **state)
{
	static const struct api_begin begin = {.generation = 2};
	static const struct api_commit commit = {.generation = 2};
	const struct api_header *hdr;
	int fd = server_connect();

	assert_int_equal(server_ask(fd, API_begin, &begin)->status, 0);
	server_send(fd, API_commit, 5, &commit);
	assert_int_equal(server_ask(fd, API_hello, &good_hello)->generation, 1);
	while (generation_busy())
		generation_step(1000);
	hdr = server_receive(fd);
	assert_non_null(hdr);
	assert_int_equal(hdr->type, API_commit);
	assert_int_equal(hdr->sequence, 5);
	assert_int_equal(hdr->status, 0);
	assert_int_equal(hdr->generation, 2);
	close(fd);
}

/* Exit code of a process without rights that connects: 0 refused with a sentence, 1 not refused,
 * 2 could not connect. */
static int stranger(bool in_group)
{
	struct base_error err = {};
	const struct api_header *hdr = (const struct api_header *)server_buf;
	gid_t group = getegid();
	int fd;

	if (setgroups(in_group, &group) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		_exit(3);
	fd = api_connect(server_path, "the test", &err);
	if (fd < 0)
		_exit(2);
	server_send(fd, API_hello, 1, &good_hello);
	for (unsigned i = 0; i < 1000; i++) {
		int len = api_recv(fd, server_buf, &err);

		if (len != -EAGAIN)
			_exit(len > 0 && hdr->status == -EPERM ? 0 : 1);
		usleep(10000);
	}
	_exit(4);
}

static int run_stranger(bool in_group)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		stranger(in_group);
	while (waitpid(pid, &status, WNOHANG) == 0)
		server_serve();
	return WEXITSTATUS(status);
}

static void only_root_our_user_and_our_group_may_connect(void **state)
{
	struct stat st;

	assert_int_equal(stat(server_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	if (geteuid() != 0)
		skip();
	assert_int_equal(run_stranger(false), 2);
	assert_int_equal(run_stranger(true), 1);
	/* Even if somebody opens the socket to all. */
	assert_int_equal(chmod(server_path, 0666), 0);
	assert_int_equal(run_stranger(false), 0);
	assert_int_equal(run_stranger(true), 1);
}

static void a_second_server_is_refused_and_the_first_goes_on(void **state)
{
	struct base_error err = {};
	int fd;

	assert_int_equal(api_listen(server_path, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "another process is running"));
	server_serve();
	fd = server_connect();
	assert_int_equal(server_ask(fd, API_hello, &good_hello)->status, 0);
	close(fd);
}

static void a_dump_goes_on_where_the_last_answer_ended_from_any_cursor(void **state)
{
	static const uint64_t cursors[] = {
		0, 1, 63, 64, 1151, 1152, UINT32_MAX, UINT64_MAX, 1ULL << 63, (1ULL << 63) + 1};
	static const enum api_type dumps[] = {API_port_dump, API_interface_dump, API_address_dump,
		API_neighbor_dump, API_nexthop_dump, API_route_dump};
	int fd = server_connect();

	for (size_t t = 0; t < ARRAY_SIZE(dumps); t++) {
		for (size_t i = 0; i < ARRAY_SIZE(cursors); i++) {
			struct api_dump req = {.cursor = cursors[i]};

			assert_int_equal(server_ask(fd, dumps[t], &req)->status, 0);
		}
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(hello_tells_who_answers),
		SERVER_TEST(another_version_is_told_what_to_install),
		SERVER_TEST(messages_that_break_the_protocol_get_a_sentence_and_the_end),
		SERVER_TEST(messages_out_of_place_are_refused_and_the_connection_stays),
		SERVER_TEST(a_message_larger_than_any_is_refused),
		SERVER_TEST(an_empty_message_ends_the_connection),
		SERVER_TEST(descriptors_sent_along_are_not_kept),
		SERVER_TEST(the_client_too_many_is_told_and_finds_room_later),
		SERVER_TEST(who_does_not_read_is_cut_off_and_the_others_are_served),
		SERVER_TEST(a_client_that_asks_without_end_gets_one_turn_among_others),
		SERVER_TEST(those_who_wait_hear_of_a_client_that_went),
		SERVER_TEST(the_answer_to_a_client_that_went_goes_nowhere),
		SERVER_TEST(a_later_answer_reaches_who_asked_between_other_answers),
		SERVER_TEST(only_root_our_user_and_our_group_may_connect),
		SERVER_TEST(a_second_server_is_refused_and_the_first_goes_on),
		SERVER_TEST(a_dump_goes_on_where_the_last_answer_ended_from_any_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
