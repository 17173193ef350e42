/* SPDX-License-Identifier: BSD-3-Clause */
/* The `compute` section: what is taken from it, and what may be wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/conf/conf.h"

#define NODE                                                                                       \
	"node: {name: n1, workers: [1, 2], ports: [{name: lan, device: d0, addresses: "            \
	"[192.0.2.1/24]}]}\n"
#define TIMES ", with its unit: ms, s, m or h"

static struct conf *load(const char *text, bool node_only, struct conf_error *err)
{
	FILE *file = fopen("conf_compute_test.yaml", "w");
	struct conf *conf = NULL;

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	if (conf_load("conf_compute_test.yaml", node_only, &conf, err) < 0)
		conf = NULL;
	remove("conf_compute_test.yaml");
	return conf;
}

static void all_keys_are_taken_at_start_and_by_control(void **state)
{
	static const char text[] =
		NODE "compute: {quantum: 5us, jobs: 1k, jobs_per_client: 3, quota: 25%, "
		     "result_memory: 8M, result_ttl: 10m, grace: 0s}\n";

	for (int node_only = 0; node_only < 2; node_only++) {
		struct conf_error err = {0};
		struct conf *conf = load(text, node_only, &err);
		const struct conf_compute *c;

		if (!conf)
			fail_msg("%s", err.text);
		c = &conf->compute;
		assert_int_equal(c->quantum_us, 5);
		assert_int_equal(c->jobs, 1000);
		assert_int_equal(c->jobs_per_client, 3);
		assert_int_equal(c->quota_percent, 25);
		assert_int_equal(c->result_bytes, 8 << 20);
		assert_int_equal(c->result_ttl_ms, 600000);
		assert_int_equal(c->grace_ms, 0);
		conf_free(conf);
	}
}

static void without_the_section_there_are_limits_too(void **state)
{
	static const char *const texts[] = {
		NODE, NODE "compute: {}\n", NODE "compute: {quantum: auto}\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct conf_error err = {0};
		struct conf *conf = load(texts[i], true, &err);

		if (!conf)
			fail_msg("%s", err.text);
		assert_int_equal(conf->compute.quantum_us, 0);
		assert_int_equal(conf->compute.jobs, 64);
		assert_int_equal(conf->compute.jobs_per_client, 16);
		assert_int_equal(conf->compute.quota_percent, 100);
		assert_int_equal(conf->compute.result_bytes, 64 << 20);
		assert_int_equal(conf->compute.result_ttl_ms, 3600000);
		assert_int_equal(conf->compute.grace_ms, 60000);
		conf_free(conf);
	}
}

static void few_jobs_may_all_be_one_clients(void **state)
{
	struct conf_error err = {0};
	struct conf *conf = load(NODE "compute: {jobs: 4}\n", true, &err);

	if (!conf)
		fail_msg("%s", err.text);
	assert_int_equal(conf->compute.jobs_per_client, 4);
	conf_free(conf);
}

static const struct {
	const char *text;
	const char *sentence;
} mistakes[] = {
	{"compute: 5\n",
		"2:10: \"compute\" must be a map of keys, not one value (limits of programs and "
		"jobs: {quantum: auto, quota: 50%})"},
	{"compute: {quantum: 0us}\n",
		"2:20: quantum \"0us\" must be auto, or a time from 1us to 100us"},
	{"compute: {quantum: 101us}\n",
		"2:20: quantum \"101us\" must be auto, or a time from 1us to 100us"},
	{"compute: {quantum: 2ms}\n",
		"2:20: quantum \"2ms\" must be auto, or a time from 1us to 100us"},
	{"compute: {quantum: fast}\n",
		"2:20: quantum \"fast\" must be auto, or a time from 1us to 100us"},
	{"compute: {jobs: 0}\n",
		"2:17: jobs \"0\" must be a number from 1 to 10k (k stands for thousands, M for "
		"millions)"},
	{"compute: {jobs_per_client: 20k}\n",
		"2:28: jobs_per_client \"20k\" must be a number from 1 to 10k (k stands for "
		"thousands, M for millions)"},
	{"compute: {jobs: 4, jobs_per_client: 8}\n",
		"2:10: jobs_per_client 8 is more than jobs 4, of all clients (lower it)"},
	{"compute: {quota: 0%}\n", "2:18: quota \"0%\" must be a share from 1% to 100%"},
	{"compute: {quota: 50}\n", "2:18: quota \"50\" must be a share from 0% to 100%"},
	{"compute: {result_memory: 1K}\n",
		"2:26: result_memory \"1K\" is 1024 bytes and must be from 1M to 64G"},
	{"compute: {result_ttl: 0s}\n",
		"2:23: result_ttl \"0s\" must be a time from 1s to 168h" TIMES},
	{"compute: {grace: 2d}\n", "2:18: grace \"2d\" must be a time from 0h to 24h" TIMES},
	{"compute: {quantm: auto}\n",
		"2:11: unknown key \"quantm\" in compute (did you mean \"quantum\"?)"},
	{"compute: {quota: 1%, quota: 2%}\n",
		"2:22: key \"quota\" is twice in compute (remove one of them)"},
};

static void mistakes_are_told_with_their_place(void **state)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct conf_error err = {0};
		char text[512], expected[512];

		snprintf(text, sizeof(text), "%s%s", NODE, mistakes[i].text);
		snprintf(expected, sizeof(expected), "conf_compute_test.yaml:%s",
			mistakes[i].sentence);
		assert_null(load(text, false, &err));
		assert_string_equal(err.text, expected);
		assert_null(load(text, true, &err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_keys_are_taken_at_start_and_by_control),
		cmocka_unit_test(without_the_section_there_are_limits_too),
		cmocka_unit_test(few_jobs_may_all_be_one_clients),
		cmocka_unit_test(mistakes_are_told_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
