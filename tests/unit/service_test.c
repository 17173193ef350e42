/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of services without event loop and socket: what it asks and tells, what it takes over
 * from the dataplane, drains and their file, the panic threshold.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/service/service.h"

#define NODE                                                                                       \
	"node: {name: n1, workers: [1], main: 0, ports: [{name: lan, device: net_null0, "          \
	"addresses: [192.0.2.1/24]}]}\nnat: {pool: [203.0.113.200]}\n"
#define HEALTH "health: {probe: tcp, interval: 1s, rise: 2, fall: 2}, "

static const char four[] =
	NODE "services:\n"
	     "  - {name: web, vip: 203.0.113.10, port: 80, mode: nat, panic_threshold: 50%, " HEALTH
	     "backends: [{address: 192.0.2.21}, {address: 192.0.2.22}, {address: 192.0.2.23}, "
	     "{address: 192.0.2.24, port: 8080}]}\n"
	     "  - {name: dns, vip: 203.0.113.10, port: 53, protocol: udp, mode: nat, "
	     "panic_threshold: 0%, backends: [{address: 192.0.2.31}]}\n";
static const char three[] =
	NODE "services:\n"
	     "  - {name: web, vip: 203.0.113.10, port: 80, mode: nat, panic_threshold: 50%, " HEALTH
	     "backends: [{address: 192.0.2.24, port: 8080}, {address: 192.0.2.22}, {address: "
	     "192.0.2.25}]}\n";

/* A dataplane of memory: it keeps what it is told, and answers when it is asked to. */
struct rig {
	char dir[64];
	struct service_table *table;
	struct stats_file *counters;
	uint64_t now_ns;
	uint64_t generation;
	struct conf *conf;
	struct api_backend_info backends[16]; /* what it has */
	uint32_t n_backends;
	bool refuse;
	enum api_type asked; /* the message that waits for an answer, 0: none */
	struct api_dump dump;
	unsigned n_told, n_items; /* messages of backend_state, and what was in them */
	_Alignas(uint64_t) uint8_t answer[API_MSG_MAX_BYTES];
};

static struct api_backend_info *find(
	struct rig *r, const char *service, const struct ip_addr *address, uint16_t port)
{
	for (uint32_t i = 0; i < r->n_backends; i++)
		if (strcmp(r->backends[i].backend.service, service) == 0 &&
			ip_addr_equal(&r->backends[i].backend.address, address) &&
			r->backends[i].backend.port == port)
			return &r->backends[i];
	return NULL;
}

static struct api_backend_info *backend(struct rig *r, const char *address)
{
	struct api_backend_info *b;
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(address, &addr), 0);
	for (b = r->backends; b < r->backends + r->n_backends; b++)
		if (ip_addr_equal(&b->backend.address, &addr))
			return b;
	fail_msg("no backend %s", address);
	return NULL;
}

static bool ask(void *ctx, enum api_type type, const void *body, size_t len)
{
	const struct api_list *list = body;
	const struct api_backend_state *items = (const struct api_backend_state *)(list + 1);
	struct rig *r = ctx;

	if (r->asked)
		return false;
	r->asked = type;
	if (type != API_backend_state) {
		assert_int_equal(len, sizeof(struct api_dump));
		memcpy(&r->dump, body, sizeof(r->dump));
		return true;
	}
	assert_int_equal(len, sizeof(*list) + list->count * sizeof(*items));
	r->n_told++;
	for (uint32_t i = 0; i < list->count; i++) {
		struct api_backend_info *b =
			find(r, items[i].service, &items[i].address, items[i].port);

		assert_non_null(b);
		b->draining = items[i].draining;
		b->down = items[i].down;
		assert_true(api_string_ok(items[i].reason, sizeof(items[i].reason)));
		memcpy(b->reason, items[i].reason, sizeof(b->reason));
		r->n_items++;
	}
	return true;
}

static const struct stats_file *counters(void *ctx)
{
	return ((struct rig *)ctx)->counters;
}

/* One item per answer, so that the cursor is used. */
static void answer_dump(struct rig *r, struct api_header *hdr)
{
	struct api_dump_reply *reply = (struct api_dump_reply *)(hdr + 1);
	bool services = r->asked == API_service_dump;
	uint32_t n = services ? r->conf->n_services : r->n_backends;
	uint32_t i = (uint32_t)r->dump.cursor;

	*reply = (struct api_dump_reply){.count = i < n, .cursor = i + 1 < n ? i + 1 : 0};
	if (i < n && services) {
		struct api_service_info info = {.index = (uint16_t)(i + 5)};

		base_strlcpy(info.service.name, r->conf->services[i].name, API_NAME_MAX);
		memcpy(reply + 1, &info, sizeof(info));
	} else if (i < n) {
		memcpy(reply + 1, &r->backends[i], sizeof(r->backends[i]));
	}
}

/* Answers until nothing is asked any more. */
static void answer_all(struct rig *r)
{
	struct api_header *hdr = (struct api_header *)r->answer;

	for (unsigned n = 0; r->asked; n++) {
		struct base_error *err = (struct base_error *)(hdr + 1);

		assert_true(n < 200);
		*hdr = (struct api_header){.type = (uint16_t)r->asked, .flags = API_FLAG_REPLY};
		if (r->refuse) {
			hdr->status = -EINVAL;
			*err = (struct base_error){"not now"};
		} else if (r->asked != API_backend_state) {
			answer_dump(r, hdr);
		}
		r->asked = 0;
		service_on_answer(r->table, hdr);
	}
}

static void start(struct rig *r)
{
	const struct service_ops ops = {.ask = ask, .counters = counters, .ctx = r};

	r->table = service_create(NULL, r->dir, &ops);
	assert_non_null(r->table);
}

/* The dataplane takes @text as its next generation: backends keep numbers and states. */
static void install(struct rig *r, const char *text)
{
	struct conf_error err = {0};

	conf_free(r->conf);
	if (conf_load_text("test.yaml", text, strlen(text), &r->conf, &err) < 0)
		fail_msg("%s", err.text);
	r->generation++;
	for (uint32_t i = 0; i < r->n_backends; i++)
		r->backends[i].use = API_BACKEND_REMOVED;
	for (uint32_t i = 0; i < r->conf->n_backends; i++) {
		const struct conf_backend *c = &r->conf->backends[i];
		const char *name = r->conf->services[c->service].name;
		struct api_backend_info *b = find(r, name, &c->address, c->port);

		if (!b) {
			b = &r->backends[r->n_backends++];
			*b = (struct api_backend_info){.index = (uint16_t)(r->n_backends + 9),
				.backend = {.address = c->address, .port = c->port}};
			base_strlcpy(b->backend.service, name, API_NAME_MAX);
		}
		b->use = API_BACKEND_UP;
	}
}

static void follow(struct rig *r)
{
	service_follow(r->table, r->conf, r->generation);
	answer_all(r);
}

static void tick(struct rig *r, unsigned n)
{
	for (; n > 0; n--) {
		r->now_ns += SERVICE_TICK_MS * NSEC_PER_MSEC;
		service_tick(r->table, r->now_ns);
		answer_all(r);
	}
}

static void set_streak(struct rig *r, const char *address, int32_t streak)
{
	struct stats_probe *p = &r->counters->probes[backend(r, address)->index];

	if (streak > 0)
		p->succeeded += (uint64_t)(streak - (p->streak > 0 ? p->streak : 0));
	p->streak = streak;
	p->last_failure = API_PROBE_REFUSED;
}

static int drain(struct rig *r, const char *service, const char *address, bool on)
{
	struct api_control_drain request = {.drain = on, .any_port = 1};
	struct base_error err = {0};
	int rc;

	base_strlcpy(request.service, service, sizeof(request.service));
	assert_int_equal(ip_addr_parse(address, &request.address), 0);
	rc = service_drain(r->table, &request, &err);
	assert_int_equal(rc < 0, err.text[0] != '\0');
	answer_all(r);
	return rc;
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	base_strlcpy(r->dir, "/tmp/braid-service-test-XXXXXX", sizeof(r->dir));
	assert_non_null(mkdtemp(r->dir));
	r->counters = aligned_alloc(CACHE_LINE_BYTES, sizeof(*r->counters));
	memset(r->counters, 0, sizeof(*r->counters));
	r->counters->n_workers = 2;
	r->now_ns = NSEC_PER_SEC;
	start(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	char command[128];

	service_destroy(r->table);
	conf_free(r->conf);
	free(r->counters);
	snprintf(command, sizeof(command), "rm -rf %s", r->dir);
	assert_int_equal(system(command), 0);
	free(r);
	return 0;
}

static void numbers_are_learned_and_everything_told_once(void **state)
{
	struct rig *r = *state;
	struct service_view v;

	install(r, four);
	follow(r);
	v = service_view(r->table);
	assert_int_equal(v.n_services, 2);
	assert_int_equal(v.services[1].index, 6);
	assert_int_equal(v.backends[4].index, 14);
	assert_int_equal(r->n_told, 1);
	assert_int_equal(r->n_items, 5);
	tick(r, 20);
	assert_int_equal(r->n_told, 1);
	follow(r);
	assert_int_equal(r->n_told, 1);
}

static void failed_probes_take_a_backend_down_and_good_ones_bring_it_back(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	set_streak(r, "192.0.2.22", -1);
	tick(r, 4);
	assert_int_equal(r->n_told, 1);
	set_streak(r, "192.0.2.22", -2);
	tick(r, 1);
	assert_int_equal(r->n_told, 2);
	assert_int_equal(r->n_items, 6);
	assert_true(backend(r, "192.0.2.22")->down);
	assert_string_equal(backend(r, "192.0.2.22")->reason, "2 probes refused");
	set_streak(r, "192.0.2.22", -50);
	tick(r, 8);
	assert_int_equal(r->n_told, 2);
	set_streak(r, "192.0.2.22", 1);
	tick(r, 1);
	assert_true(backend(r, "192.0.2.22")->down);
	set_streak(r, "192.0.2.22", 2);
	tick(r, 1);
	assert_false(backend(r, "192.0.2.22")->down);
	assert_string_equal(backend(r, "192.0.2.22")->reason, "");
	assert_int_equal(r->n_items, 7);
}

static void refused_flows_count_only_where_answers_can_be_seen(void **state)
{
	struct rig *r = *state;
	uint16_t index;

	install(r, four);
	follow(r);
	index = backend(r, "192.0.2.31")->index;
	r->counters->workers[1].backends[index].reply_pkts = 1;
	for (unsigned i = 0; i < 3; i++) {
		r->counters->workers[i % 2].backends[index].refused += 3;
		r->counters->workers[(i + 1) % 2].backends[index].silent += 3;
		tick(r, 8);
	}
	assert_true(backend(r, "192.0.2.31")->down);
	assert_string_equal(backend(r, "192.0.2.31")->reason, "6 flows refused");
	tick(r, 41);
	assert_false(backend(r, "192.0.2.31")->down);
}

static void the_last_ones_are_used_though_they_are_down(void **state)
{
	struct rig *r = *state;
	const struct service_entry *web;

	install(r, four);
	follow(r);
	web = &service_view(r->table).services[0];
	set_streak(r, "192.0.2.21", -2);
	set_streak(r, "192.0.2.22", -2);
	tick(r, 1);
	assert_false(web->panic);
	assert_true(backend(r, "192.0.2.21")->down && backend(r, "192.0.2.22")->down);
	set_streak(r, "192.0.2.23", -2);
	tick(r, 1);
	assert_true(web->panic);
	assert_int_equal(web->n_usable, 1);
	assert_false(backend(r, "192.0.2.21")->down || backend(r, "192.0.2.23")->down);
	assert_string_equal(backend(r, "192.0.2.21")->reason, "panic: 2 probes refused");
	assert_string_equal(backend(r, "192.0.2.24")->reason, "");
	set_streak(r, "192.0.2.21", 2);
	tick(r, 1);
	assert_false(web->panic);
	assert_true(backend(r, "192.0.2.22")->down && backend(r, "192.0.2.23")->down);
	assert_false(backend(r, "192.0.2.21")->down);
}

static void without_a_threshold_all_may_be_down(void **state)
{
	struct rig *r = *state;
	static const char text[] =
		NODE "services:\n  - {name: web, vip: 203.0.113.10, port: 80, mode: nat, "
		     "panic_threshold: 0%, " HEALTH "backends: [{address: 192.0.2.21}]}\n";

	install(r, text);
	follow(r);
	set_streak(r, "192.0.2.21", -2);
	tick(r, 1);
	assert_true(backend(r, "192.0.2.21")->down);
}

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

static void a_restarted_control_takes_over_before_it_decides(void **state)
{
	struct rig *r = *state;
	struct service_view v;

	install(r, four);
	follow(r);
	set_streak(r, "192.0.2.21", -2);
	tick(r, 1);
	assert_int_equal(drain(r, "web", "192.0.2.22", true), 0);
	assert_int_equal(unlink(strcat(strcpy((char[96]){0}, r->dir), "/drains")), 0);
	service_destroy(r->table);
	/* The probe has just succeeded once: not enough to come up, nor to be told so. */
	set_streak(r, "192.0.2.21", 1);
	start(r);
	follow(r);
	tick(r, 4);
	v = service_view(r->table);
	assert_true(v.backends[0].health.down);
	assert_string_equal(v.backends[0].health.reason, "2 probes refused");
	assert_true(v.backends[1].drained);
	assert_true(backend(r, "192.0.2.21")->down);
	assert_true(backend(r, "192.0.2.22")->draining);
	set_streak(r, "192.0.2.21", 3);
	tick(r, 1);
	assert_false(backend(r, "192.0.2.21")->down);
}

static void a_panic_is_taken_over_too(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	for (unsigned i = 0; i < 3; i++)
		set_streak(r, i == 0 ? "192.0.2.21" : i == 1 ? "192.0.2.22" : "192.0.2.23", -2);
	tick(r, 1);
	service_destroy(r->table);
	start(r);
	r->n_told = r->n_items = 0;
	follow(r);
	tick(r, 2);
	assert_true(service_view(r->table).services[0].panic);
	assert_true(service_view(r->table).backends[0].health.down);
	assert_string_equal(backend(r, "192.0.2.21")->reason, "panic: 2 probes refused");
	assert_int_equal(r->n_told, 1);
}

static void a_new_dataplane_is_told_everything_again(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	set_streak(r, "192.0.2.21", -2);
	tick(r, 1);
	service_on_down(r->table);
	memset(r->counters->probes, 0, sizeof(r->counters->probes));
	r->n_backends = 0;
	r->n_told = r->n_items = 0;
	tick(r, 4);
	assert_int_equal(r->n_told, 0);
	install(r, four);
	follow(r);
	tick(r, 4);
	assert_int_equal(r->n_told, 1);
	assert_int_equal(r->n_items, 5);
	assert_true(backend(r, "192.0.2.21")->down);
	set_streak(r, "192.0.2.21", 2);
	tick(r, 1);
	assert_false(backend(r, "192.0.2.21")->down);
}

static void backends_keep_their_health_through_a_new_configuration(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	set_streak(r, "192.0.2.22", -2);
	tick(r, 1);
	install(r, three);
	follow(r);
	tick(r, 4);
	assert_true(backend(r, "192.0.2.22")->down);
	assert_int_equal(service_view(r->table).n_backends, 3);
	assert_true(service_view(r->table).backends[1].health.down);
	/* Only the new one had to be told, and only if it is not as the dataplane starts it. */
	assert_int_equal(r->n_told, 2);
}

static void a_refusal_is_no_end_but_a_new_beginning(void **state)
{
	struct rig *r = *state;

	install(r, four);
	follow(r);
	r->refuse = true;
	set_streak(r, "192.0.2.21", -2);
	tick(r, 1);
	/* It did not take that. */
	backend(r, "192.0.2.21")->down = false;
	backend(r, "192.0.2.21")->reason[0] = '\0';
	tick(r, 2);
	r->refuse = false;
	tick(r, 1);
	assert_false(backend(r, "192.0.2.21")->down);
	tick(r, 5);
	assert_true(backend(r, "192.0.2.21")->down);
}

static void an_answer_to_an_older_question_is_not_taken_for_a_newer(void **state)
{
	struct rig *r = *state;

	install(r, four);
	service_follow(r->table, r->conf, r->generation);
	assert_int_equal(r->asked, API_service_dump);
	install(r, three);
	service_follow(r->table, r->conf, r->generation);
	answer_all(r);
	assert_int_equal(service_view(r->table).n_backends, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_not_equal(service_view(r->table).backends[i].index, SERVICE_NO_INDEX);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(numbers_are_learned_and_everything_told_once),
		CASE(failed_probes_take_a_backend_down_and_good_ones_bring_it_back),
		CASE(refused_flows_count_only_where_answers_can_be_seen),
		CASE(the_last_ones_are_used_though_they_are_down),
		CASE(without_a_threshold_all_may_be_down),
		CASE(a_drain_is_told_kept_and_taken_back),
		CASE(a_drain_is_forgotten_with_its_backend),
		CASE(wrong_names_get_what_there_is),
		CASE(a_restarted_control_takes_over_before_it_decides),
		CASE(a_panic_is_taken_over_too),
		CASE(a_new_dataplane_is_told_everything_again),
		CASE(backends_keep_their_health_through_a_new_configuration),
		CASE(a_refusal_is_no_end_but_a_new_beginning),
		CASE(an_answer_to_an_older_question_is_not_taken_for_a_newer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
