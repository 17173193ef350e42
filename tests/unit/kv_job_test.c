/* SPDX-License-Identifier: BSD-3-Clause */
/* JOB: detached jobs from their submission to the end of their results. One thread. */
#include "tests/unit/kv_records.h"

/* Submits what @ask says; the id. */
static unsigned long submit(int c, const char *ask)
{
	const char *p = kv_rig_text(c, ask);

	if (*p != ':')
		fprintf(stderr, "%s", p);
	assert_int_equal(*p, ':');
	return strtoul(p + 1, NULL, 10);
}

/* Asks @format with the id; the reply. */
static const char *ask(int c, const char *format, unsigned long id)
{
	char line[128];

	snprintf(line, sizeof(line), format, id);
	return kv_rig_text(c, line);
}

/* All results of filter or each pairs, page by page; how many keys. */
static unsigned read_all(int c, unsigned long id, bool pairs)
{
	char cursor[32] = "0", line[128];
	unsigned n = 0, pages = 0;

	do {
		const char *p, *bytes;
		size_t len;

		snprintf(line, sizeof(line), "job result %lu %s\r\n", id, cursor);
		p = kv_rig_text(c, line);
		assert_int_equal(records_head(&p, '*'), 2);
		len = records_bulk(&p, &bytes);
		memcpy(cursor, bytes, len);
		cursor[len] = '\0';
		if (pairs) {
			assert_int_equal(records_head(&p, '*'), 2);
			p += 5;
			n += records_head(&p, '*') / 2;
		} else {
			n += records_head(&p, '*');
		}
		assert_in_range(++pages, 1, 1000);
	} while (strcmp(cursor, "0"));
	return n;
}

static void a_job_is_submitted_waited_for_and_read(void **state)
{
	for (unsigned n = 1; n <= 3; n++) {
		int c, other;
		unsigned long id;

		records_start(n);
		c = kv_rig_connect(n - 1);
		other = kv_rig_connect(0);
		records_fill(c, 0, 1000);
		id = submit(c, "job submit feach odd\r\n");
		assert_int_equal(task_job_worker(id), n - 1);
		assert_non_null(strstr(ask(c, "job wait %lu\r\n", id), "\r\ndone\r\n"));
		assert_non_null(strstr(ask(other, "job status %lu\r\n", id), "records.odd"));
		assert_int_equal(read_all(c, id, false), 500);
		assert_int_equal(read_all(other, id, false), 500);
		id = submit(other, "job submit ttl 10 class batch feach pairs match key1*\r\n");
		assert_int_equal(read_all(other, id, true), 111);
		assert_memory_equal(kv_rig_text(other, "job list\r\n"), "*2\r\n", 4);
		kv_rig_stop();
	}
}

static void items_are_copied_and_faults_are_in_their_place(void **state)
{
	static const char wanted[] = "*2\r\n$1\r\n0\r\n*3\r\n$8\r\nbbbbcccc\r\n-FAULT item 1: "
				     "records.twice: line ";
	const char *reply;
	unsigned long id;
	int c;

	records_start(1);
	c = kv_rig_connect(0);
	id = submit(c, "job submit fmap twice \"\\x31\\x31\\x31\\x31\\xb1\\x31\\x31\\x31\" short "
		       "\"\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"\r\n");
	kv_rig_text(c, "ping overwrites what was in the buffer before, all of it, and more\r\n");
	reply = ask(c, "job result %lu\r\n", id);
	assert_memory_equal(reply, wanted, 18);
	assert_non_null(strstr(reply, "-FAULT item 1: records.twice: line "));
	assert_non_null(strstr(reply, "the value is not what the program is for"));
	kv_rig_stop();
}

static void results_go_when_their_time_is_over(void **state)
{
	uint64_t before;
	unsigned long id;
	int c;

	records_start(1);
	c = kv_rig_connect(0);
	records_fill(c, 0, 1000);
	kv_rig_run();
	before = records_used(1);
	id = submit(c, "job submit ttl 2 feach pairs\r\n");
	kv_rig_advance_ms(1900);
	assert_int_equal(read_all(c, id, true), 1000);
	kv_rig_advance_ms(200);
	assert_memory_equal(ask(c, "job status %lu\r\n", id), "-NOJOB ", 7);
	assert_int_equal(records_used(1), before);
	kv_rig_stop();
}

/* Begins a job whose client leaves before anything of it has run. */
static unsigned long submit_and_leave(void)
{
	static const char text[] = "job submit feach pairs\r\n";
	struct worker *w = kv_rig_worker(0);
	int c = kv_rig_connect(0);
	unsigned long id;

	kv_client_input(w, kv_rig_client(c), (const uint8_t *)text, sizeof(text) - 1);
	id = strtoul(kv_rig_take(c).bytes + 1, NULL, 10);
	kv_client_pause(w, 0, false);
	kv_rig_abort(c);
	return id;
}

static void a_job_outlives_its_client_for_a_time_of_grace(void **state)
{
	struct kv_job *j;
	unsigned long id;
	int c;

	records_start(1);
	c = kv_rig_connect(0);
	records_fill(c, 0, 100);
	id = submit_and_leave();
	j = kv_job_find(kv_rig_worker(0), id);
	assert_non_null(j);
	assert_null(j->client);
	assert_true(wheel_pending(&j->timer));
	assert_in_range(j->timer.expiry_ns, kv_rig_worker(0)->now_ns + 59 * NSEC_PER_SEC,
		kv_rig_worker(0)->now_ns + 61 * NSEC_PER_SEC);
	assert_non_null(strstr(ask(c, "job wait %lu\r\n", id), "\r\ndone\r\n"));
	assert_int_equal(read_all(c, id, true), 100);
	kv_rig_stop();
}

static void a_cancelled_job_says_so(void **state)
{
	static const char text[] = "job submit feach pairs\r\n";
	struct worker *w;
	unsigned long id;
	char line[64];
	int c;

	records_start(2);
	c = kv_rig_connect(0);
	w = kv_rig_worker(0);
	records_fill(c, 0, 1000);
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)text, sizeof(text) - 1);
	id = strtoul(kv_rig_take(c).bytes + 1, NULL, 10);
	snprintf(line, sizeof(line), "job cancel %lu\r\n", id);
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)line, (uint32_t)strlen(line));
	assert_string_equal(kv_rig_take(c).bytes, ":1\r\n");
	assert_non_null(strstr(ask(c, "job wait %lu\r\n", id), "\r\ncancelled\r\n"));
	assert_memory_equal(ask(c, "job result %lu\r\n", id), "-CANCELLED ", 11);
	assert_string_equal(ask(c, "job cancel %lu\r\n", id), ":0\r\n");
	kv_rig_stop();
}

static void a_wait_ends_when_its_time_is_over_or_the_job_is(void **state)
{
	for (unsigned from = 0; from < 2; from++) {
		static const char text[] = "job submit feach pairs\r\n";
		struct worker *w;
		unsigned long id;
		char line[64];
		int c, other;

		records_start(2);
		c = kv_rig_connect(0);
		other = kv_rig_connect(from);
		records_fill(c, 0, 100);
		w = kv_rig_worker(0);
		kv_client_input(w, kv_rig_client(c), (const uint8_t *)text, sizeof(text) - 1);
		id = strtoul(kv_rig_take(c).bytes + 1, NULL, 10);
		snprintf(line, sizeof(line), "job wait %lu 50\r\n", id);
		kv_rig_push(other, line, strlen(line));
		kv_rig_run();
		assert_non_null(strstr(kv_rig_take(other).bytes, "\r\ndone\r\n"));
		kv_rig_stop();
	}
}

static void too_many_are_refused_and_results_that_were_read_make_room(void **state)
{
	static const char text[] = "job submit feach odd\r\n";
	char ask[64];
	unsigned long first, second;
	struct worker *w;
	int c;

	records_start(1);
	c = kv_rig_connect(0);
	w = kv_rig_worker(0);
	records_fill(c, 0, 100);
	for (unsigned i = 0; i < 16; i++)
		kv_client_input(w, kv_rig_client(c), (const uint8_t *)text, sizeof(text) - 1);
	kv_rig_take(c);
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)text, sizeof(text) - 1);
	assert_memory_equal(kv_rig_take(c).bytes,
		"-BUSY 16 jobs of this client are under way here; try again in ", 62);
	kv_rig_run();
	/* Nobody has read any of them: the client would wait for what is gone. */
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)text, sizeof(text) - 1);
	assert_memory_equal(kv_rig_take(c).bytes, "-BUSY 16 jobs of this client", 28);
	assert_int_equal(w->kv->jobs->stats.dropped, 0);
	first = w->kv->jobs->first->id;
	second = w->kv->jobs->first->next->id;
	snprintf(ask, sizeof(ask), "job result %lu\r\n", second);
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)ask, (uint32_t)strlen(ask));
	kv_rig_take(c);
	submit(c, text);
	assert_non_null(kv_job_find(w, first));
	assert_null(kv_job_find(w, second));
	/* The others may go when they have waited. */
	kv_rig_advance_ms(11000);
	submit(c, text);
	assert_null(kv_job_find(w, first));
	assert_int_equal(w->kv->jobs->stats.busy, 2);
	assert_int_equal(w->kv->jobs->stats.dropped, 2);
	kv_rig_stop();
}

static void progress_is_pushed_to_who_asked(void **state)
{
	int c;

	records_start(1);
	c = kv_rig_connect(0);
	records_fill(c, 0, 2000);
	assert_string_equal(kv_rig_text(c, "job progress on\r\n"),
		"-ERR PROGRESS needs RESP3: say HELLO 3 first\r\n");
	kv_rig_text(c, "hello 3\r\n");
	assert_string_equal(kv_rig_text(c, "job progress on\r\n"), "+OK\r\n");
	assert_non_null(strstr(
		kv_rig_text(c, "job submit feach odd\r\n"), ">4\r\n$12\r\njob-progress\r\n:"));
	assert_string_equal(kv_rig_text(c, "job progress off\r\n"), "+OK\r\n");
	assert_int_equal(*kv_rig_text(c, "job submit feach odd\r\n"), ':');
	kv_rig_stop();
}

static void what_makes_no_sense_is_refused(void **state)
{
	int c;

	records_start(2);
	c = kv_rig_connect(1);
	KV_STEPS(c, {"job", "-ERR wrong number of arguments for 'job' command\r\n"},
		{"job status x", "-ERR a job's id is a number, as JOB SUBMIT answers it\r\n"},
		{"job status 256",
			"-NOJOB there is no job 256: it was never there, or its time was over\r\n"},
		{"job wait 257 x", "-ERR value is not an integer or out of range\r\n"},
		{"job wait 257 -1", "-ERR timeout is out of range\r\n"},
		{"job result 257 x", "-ERR invalid cursor\r\n"},
		{"job submit ttl 0 feach odd", "-ERR TTL is from 1 to 604800 seconds\r\n"},
		{"job submit deadline 0 feach odd",
			"-ERR DEADLINE is in milliseconds from now\r\n"},
		{"job submit class x feach odd", "-ERR CLASS is latency, normal or batch\r\n"},
		{"job submit get odd x", "-ERR JOB SUBMIT takes FMAP or FEACH\r\n"},
		{"job submit feach odd stream",
			"-ERR STREAM is for those who wait: FEACH itself\r\n"},
		{"job submit fmap sum 1", "-ERR items are for functions of section map or "
					  "filter\r\n"},
		{"job progress maybe", "-ERR syntax error\r\n"}, {"job list", "*0\r\n"});
	assert_memory_equal(kv_rig_text(c, "job help\r\n"), "*1", 2);
	kv_rig_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_is_submitted_waited_for_and_read),
		cmocka_unit_test(items_are_copied_and_faults_are_in_their_place),
		cmocka_unit_test(results_go_when_their_time_is_over),
		cmocka_unit_test(a_job_outlives_its_client_for_a_time_of_grace),
		cmocka_unit_test(a_cancelled_job_says_so),
		cmocka_unit_test(a_wait_ends_when_its_time_is_over_or_the_job_is),
		cmocka_unit_test(too_many_are_refused_and_results_that_were_read_make_room),
		cmocka_unit_test(progress_is_pushed_to_who_asked),
		cmocka_unit_test(what_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
