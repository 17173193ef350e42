/* SPDX-License-Identifier: BSD-3-Clause */
/* Drains by command and the file that keeps them. */
#include "tests/unit/service_rig.h"

static void a_drain_is_told_kept_and_taken_back(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	assert_int_equal(drain(r, "web", "192.0.2.22", true), 0);
	assert_true(backend(r, "192.0.2.22")->draining);
	assert_string_equal(backend(r, "192.0.2.22")->reason, "drained by command");
	assert_int_equal(drain(r, "web", "192.0.2.22", true), 0);
	assert_int_equal(r->n_told, 2);
	service_destroy(r->table);
	start(r);
	/* The dataplane is a new one too: only the file knows. */
	r->n_backends = 0;
	install(r, four);
	follow(r);
	assert_true(backend(r, "192.0.2.22")->draining);
	assert_int_equal(drain(r, "web", "192.0.2.22", false), 0);
	assert_false(backend(r, "192.0.2.22")->draining);
	service_destroy(r->table);
	start(r);
	follow(r);
	assert_false(backend(r, "192.0.2.22")->draining);
}

static void an_undrain_is_not_lost_with_control(void **state)
{
	struct rig *r = *state;
	struct api_control_drain request = {.any_port = 1, .service = "web"};

	install(r, four);
	follow(r);
	assert_int_equal(drain(r, "web", "192.0.2.22", true), 0);
	assert_int_equal(ip_addr_parse("192.0.2.22", &request.address), 0);
	/* It is acknowledged, but control dies before the dataplane hears of it. */
	r->asked = API_service_dump;
	assert_int_equal(service_drain(r->table, &request, NULL), 0);
	service_destroy(r->table);
	r->asked = 0;
	assert_true(backend(r, "192.0.2.22")->draining);
	start(r);
	follow(r);
	assert_false(backend(r, "192.0.2.22")->draining);
}

static void a_drain_is_forgotten_with_its_backend(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	assert_int_equal(drain(r, "web", "192.0.2.21", true), 0);
	assert_int_equal(drain(r, "web", "192.0.2.22", true), 0);
	install(r, three);
	follow(r);
	install(r, four);
	follow(r);
	assert_false(backend(r, "192.0.2.21")->draining);
	assert_true(backend(r, "192.0.2.22")->draining);
	service_destroy(r->table);
	start(r);
	r->n_backends = 0;
	install(r, four);
	follow(r);
	assert_false(backend(r, "192.0.2.21")->draining);
	assert_true(backend(r, "192.0.2.22")->draining);
}

static const struct {
	const char *service, *address, *sentence;
} wrong[] = {
	{"wbe", "192.0.2.21", "there is no service \"wbe\" (did you mean \"web\"?)"},
	{"xxxxxxxx", "192.0.2.21", "there is no service \"xxxxxxxx\" (see braidctl show services)"},
	{"web", "192.0.2.9",
		"service \"web\" has no backend 192.0.2.9 (it has 192.0.2.21:80, "
		"192.0.2.22:80, 192.0.2.23:80, 192.0.2.24:8080)"},
};

static void wrong_names_get_what_there_is(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct api_control_drain request = {.drain = 1, .any_port = 1};
		struct base_error err = {0};

		base_strlcpy(request.service, wrong[i].service, sizeof(request.service));
		assert_int_equal(ip_addr_parse(wrong[i].address, &request.address), 0);
		assert_int_equal(service_drain(r->table, &request, &err), -ENOENT);
		assert_string_equal(err.text, wrong[i].sentence);
	}
	service_on_down(r->table);
	assert_int_equal(drain(r, "web", "192.0.2.21", true), -ENOTCONN);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_drain_is_told_kept_and_taken_back),
		CASE(an_undrain_is_not_lost_with_control),
		CASE(a_drain_is_forgotten_with_its_backend),
		CASE(wrong_names_get_what_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
