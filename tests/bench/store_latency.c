/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long GETs take while another client makes the same worker do something huge. GETs are sent at
 * a fixed rate over several connections, each at its time whether others were answered or not, and
 * are measured from that time on. With --packets it is packets that the worker forwards. Requests
 * that met a moment in which the system ran another thread on one of the two CPUs are left out and
 * counted. Prints JSON lines, one for each repetition of each case: alone, and with the other
 * client.
 *
 *   store_latency [--seconds S] [--reps N] [--rate PER_SECOND] [--keys N] [--packets]
 *                 [--program FILE] [--settings YAML] CASE...
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "dataplane/core/thread.h"
#include "dataplane/kv/kv_worker.h"
#include "lib/hash/crc16.h"
#include "tests/bench/latency.h"

#define N_KEYS         1000000
#define LOAD_PIPELINE  256
#define CLIENTS_BURST  8 /* frames: a long reply keeps the clients' thread from GETs no longer */
#define COMMAND_MAX    128
#define RESULT_BYTES   1024
#define PAUSE_MIN_US   25 /* turns that are longer are looked at */
#define SETTLE_US      200
#define PHASE_MAX_S    60.0
#define KEYS_PER_S_MIN 100e3 /* that can be loaded */
#define NAP_MS         50
#define BIG_LAST       "67108863" /* offset: a value of 64 MiB */

static const struct noise_case cases[] = {
	{.name = "keys-p999", .command = "KEYS *\r\n", .share = 1, .n_replies = 1},
	{.name = "scan-p999",
		.command = "SCAN %s COUNT 100\r\n",
		.share = 1,
		.n_replies = 1,
		.n_lines = 3,
		.is_scan = true},
	{.name = "flushall-p999",
		.command = "FLUSHALL\r\n",
		.window_us = 100000,
		.share = 4,
		.n_replies = 1,
		.flushes = true},
	{.name = "del-p999",
		.command = "DEL %s\r\n",
		.prepare = "SETRANGE %s " BIG_LAST " x\r\n",
		.window_us = 200,
		.share = 40,
		.n_replies = 1},
	{.name = "swapdb-p999",
		.command = "SWAPDB 0 1\r\nSWAPDB 0 1\r\n",
		.share = 1,
		.n_replies = 2},
	{.name = "feach-p999",
		.command = "FEACH bench.sum REDUCE\r\n",
		.share = 1,
		.n_replies = 1,
		.n_lines = 2,
		.runs_program = true},
};

struct latency lat;

/* --- the clients --- */

static void say_text(struct worker *w, const char *form, const char *arg)
{
	char text[COMMAND_MAX];
	int n = snprintf(text, sizeof(text), form, arg);

	if (!latency_say(w, &lat.noise, text, (uint32_t)n))
		store_rig_fail("the send buffer is full");
}

static void enter(enum phase phase)
{
	atomic_store(&lat.phase, phase);
}

/* Things are in place: GETs begin, and what is measured a little later. */
static void settle(void)
{
	uint64_t now = rte_rdtsc();

	lat.next_due = now;
	lat.until = now + (uint64_t)(SETTLE_US * lat.cycles_per_us);
	enter(PHASE_SETTLE);
}

/* Puts everything in place for the next window. */
static void prepare(struct worker *w)
{
	if (lat.loaded < lat.n_keys) {
		enter(PHASE_LOAD);
	} else if (lat.now && lat.now->runs_program && !lat.has_program) {
		lat.has_program = true;
		lat.noise.left = 1;
		if (!latency_say(w, &lat.noise, lat.program, lat.program_bytes))
			store_rig_fail("the send buffer is full");
		enter(PHASE_PREPARE);
	} else if (lat.now && lat.now->prepare) {
		lat.noise.left = 1;
		say_text(w, lat.now->prepare, lat.big);
		enter(PHASE_PREPARE);
	} else {
		settle();
	}
}

static void load_more(struct worker *w)
{
	static uint8_t request[LOAD_PIPELINE * STORE_RIG_REQUEST_MAX];
	uint32_t n = 0;

	for (unsigned i = 0; i < LOAD_PIPELINE && lat.loaded < lat.n_keys; i++) {
		n += store_rig_append_set(request + n, store_rig.keys[lat.loaded++]);
		lat.loader.left++;
	}
	if (!latency_say(w, &lat.loader, request, n))
		store_rig_fail("the send buffer is full");
}

static void say_command(struct worker *w)
{
	const struct noise_case *c = lat.now;

	lat.noise.left = c->n_replies;
	lat.commands++;
	lat.command_began = rte_rdtsc();
	if (c->flushes)
		lat.loaded = 0;
	say_text(w, c->command, c->is_scan ? lat.cursor : lat.big);
}

/* The window is over. What was sent is waited for. */
static void end_window(struct worker *w)
{
	if (!latency_all_back() || lat.noise.left)
		return;
	if (lat.goal_cycles <= lat.window_cycles || lat.sent == SAMPLES_MAX) {
		enter(PHASE_REST);
		return;
	}
	lat.goal_cycles -= lat.window_cycles;
	prepare(w);
}

static void measure_on(struct worker *w)
{
	bool once = lat.now && lat.now->window_us;

	if (rte_rdtsc() >= lat.until) {
		end_window(w);
		return;
	}
	latency_send_due(w);
	if (lat.now && !once && !lat.noise.left)
		say_command(w);
}

static bool on_task(struct worker *w, struct worker_task *t)
{
	switch (atomic_load(&lat.phase)) {
	case PHASE_REST:
		break;
	case PHASE_BEGIN:
		prepare(w);
		break;
	case PHASE_LOAD:
		if (!lat.loader.left && lat.loaded == lat.n_keys)
			prepare(w);
		else if (!lat.loader.left)
			load_more(w);
		break;
	case PHASE_PREPARE:
		if (!lat.noise.left)
			settle();
		break;
	case PHASE_SETTLE:
		latency_send_due(w);
		if (rte_rdtsc() < lat.until)
			break;
		lat.until += lat.window_cycles;
		enter(PHASE_MEASURE);
		if (lat.now)
			say_command(w);
		break;
	case PHASE_MEASURE:
		measure_on(w);
		break;
	}
	return true;
}

/* --- the main thread --- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The latencies of all that counts, in order; how many. What met a pause may be late or @lost for
 * that reason and says nothing. */
static uint32_t gather(uint64_t *out, uint32_t *paused, uint32_t *lost)
{
	uint32_t n = 0;

	*paused = *lost = 0;
	for (uint32_t i = 0; i < lat.sent; i++) {
		const struct sample *s = &lat.samples[i];
		uint64_t end = s->end ? s->end : s->due + 1;

		if (!s->counts)
			continue;
		if (pause_watch_met(&lat.watches[STORE_RIG_SERVER], s->due, end) ||
			pause_watch_met(&lat.watches[STORE_RIG_CLIENTS], s->due, end))
			(*paused)++;
		else if (s->end == 0)
			(*lost)++;
		else
			out[n++] = s->end - s->due;
	}
	qsort(out, n, sizeof(*out), compare);
	return n;
}

static double us(uint64_t cycles)
{
	return (double)cycles / lat.cycles_per_us;
}

static double part_us(const uint64_t *sorted, uint32_t n, double part)
{
	uint32_t at = (uint32_t)MIN_OF((double)(n - 1), part * n);

	return us(sorted[at]);
}

/* Lets the clients begin: with @c, or alone. */
static void begin(const struct noise_case *c)
{
	double goal = lat.seconds / (c ? c->share : 1);

	lat.now = c;
	lat.goal_cycles = (uint64_t)(goal * 1e6 * lat.cycles_per_us);
	lat.window_cycles =
		c && c->window_us ? (uint64_t)(c->window_us * lat.cycles_per_us) : lat.goal_cycles;
	lat.interval = (uint64_t)(1e6 * lat.cycles_per_us / lat.rate);
	lat.sent = lat.refused = 0;
	atomic_store(&lat.answered, 0);
	lat.round++;
	lat.commands = lat.command_cycles = 0;
	strcpy(lat.cursor, "0");
	for (unsigned i = 0; i < N_GETTERS; i++)
		lat.getters[i].sample = i;
	for (unsigned i = 0; i < STORE_RIG_WORKERS; i++) {
		lat.watches[i].n = 0;
		lat.watches[i].longest_cycles = 0;
	}
	atomic_store(&lat.watched, true);
	atomic_store(&lat.phase, PHASE_BEGIN);
}

/* Packets that the server dropped so far. */
static uint64_t count_drops(void)
{
	const struct stats_worker *st = &store_rig.stats[STORE_RIG_SERVER];
	uint64_t n = 0;

	for (unsigned i = 0; i < STATS_DROPS_MAX; i++)
		n += stats_read(&st->drops[i]);
	return n;
}

/* Measures with @c, or alone, and writes what the GETs saw to @out, a JSON object. False: all of
 * them were disturbed. */
static bool measure(const struct noise_case *c, char *out)
{
	static uint64_t latencies[SAMPLES_MAX];
	struct pause_watch *server = &lat.watches[STORE_RIG_SERVER];
	double cpu = pause_watch_cpu_s(server), wall = store_rig_now_s();
	uint64_t drops = count_drops();
	uint32_t n, paused, lost;

	begin(c);
	while (atomic_load(&lat.phase) != PHASE_REST) {
		store_rig_pass(0, NAP_MS);
		if (store_rig_now_s() - wall > PHASE_MAX_S + lat.n_keys / KEYS_PER_S_MIN)
			store_rig_fail("requests were not answered");
	}
	atomic_store(&lat.watched, false);
	wall = store_rig_now_s() - wall;
	cpu = pause_watch_cpu_s(server) - cpu;
	n = gather(latencies, &paused, &lost);
	if (n == 0)
		return false;
	snprintf(out, RESULT_BYTES,
		"{\"n\": %u, \"paused\": %u, \"lost\": %u, \"drops\": %lu, \"p50_us\": %.2f, "
		"\"p99_us\": %.2f, \"p999_us\": %.2f, \"max_us\": %.2f, \"turn_max_us\": %.2f, "
		"\"commands\": %lu, \"command_us\": %.1f, \"cpu_share\": %.4f}",
		n, paused, lost, count_drops() - drops, part_us(latencies, n, 0.5),
		part_us(latencies, n, 0.99), part_us(latencies, n, 0.999), part_us(latencies, n, 1),
		us(server->longest_cycles), lat.commands,
		us(lat.command_cycles) / (double)MAX_OF(lat.commands, 1ul), cpu / wall);
	return true;
}

static const struct noise_case *find_case(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	fprintf(stderr, "store_latency: no case \"%s\"\n", name);
	exit(2);
}

/* A repetition of a case: a line of output, unless all of it was disturbed. */
static bool measure_both(const char *name, unsigned rep)
{
	char alone[RESULT_BYTES], with[RESULT_BYTES];

	if (!measure(NULL, alone) || !measure(find_case(name), with))
		return false;
	printf("{\"case\": \"%s\", \"rep\": %u, \"alone\": %s, \"with\": %s}\n", name, rep, alone,
		with);
	fflush(stdout);
	return true;
}

/* A turn of either thread begins. */
static void on_turn(struct worker *w)
{
	struct pause_watch *t = &lat.watches[w->id];
	enum phase phase = atomic_load_explicit(&lat.phase, memory_order_relaxed);

	if (atomic_load_explicit(&lat.watched, memory_order_relaxed))
		pause_watch_turn(
			t, phase == PHASE_MEASURE, (uint64_t)(PAUSE_MIN_US * lat.cycles_per_us));
	else
		pause_watch_rest(t);
}

static void read_option(int c)
{
	switch (c) {
	case 's':
		lat.seconds = strtod(optarg, NULL);
		return;
	case 'r':
		lat.reps = (unsigned)strtoul(optarg, NULL, 10);
		return;
	case 'g':
		lat.rate = strtod(optarg, NULL);
		return;
	case 'k':
		lat.n_keys = (uint32_t)strtoul(optarg, NULL, 10);
		return;
	case 'p':
		lat.times_packets = true;
		return;
	case 'f':
		lat.program = store_rig_program_request(optarg, &lat.program_bytes);
		return;
	case 'y':
		store_rig.settings = optarg;
		return;
	default:
		exit(2);
	}
}

static void read_options(int argc, char **argv)
{
	static const struct option rows[] = {{"seconds", 1, NULL, 's'}, {"reps", 1, NULL, 'r'},
		{"rate", 1, NULL, 'g'}, {"keys", 1, NULL, 'k'}, {"packets", 0, NULL, 'p'},
		{"program", 1, NULL, 'f'}, {"settings", 1, NULL, 'y'}, {NULL, 0, NULL, 0}};
	int c;

	lat.seconds = 1;
	lat.reps = 3;
	lat.rate = 100000;
	lat.n_keys = N_KEYS;
	while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1)
		read_option(c);
	if (lat.seconds <= 0 || lat.reps == 0 || lat.rate < 1 || !lat.n_keys || optind == argc) {
		fprintf(stderr,
			"usage: store_latency [--seconds S] [--reps N] [--rate R] [--keys N] "
			"[--packets] [--program FILE] [--settings YAML] CASE...\n");
		exit(2);
	}
	for (int i = optind; i < argc; i++)
		if (find_case(argv[i])->runs_program && lat.program_bytes == 0)
			store_rig_fail("the case needs --program");
}

/* A name whose slot is the serving worker's. */
static void choose_big(void)
{
	unsigned number = 0;

	do
		snprintf(lat.big, sizeof(lat.big), "big:%u", number++);
	while (crc16_xmodem(lat.big, strlen(lat.big)) % KV_SLOTS >= KV_SLOTS / STORE_RIG_WORKERS);
}

int main(int argc, char **argv)
{
	unsigned n_said = 0;
	double deadline;

	read_options(argc, argv);
	choose_big();
	store_rig_choose_keys(lat.n_keys);
	store_rig.clients_burst = CLIENTS_BURST;
	store_rig.on_turn = on_turn;
	lat.task.run = on_task;
	store_rig.on_out = latency_on_out;
	lat.tick.fn = latency_connect;
	store_rig_start(&lat.tick);
	lat.cycles_per_us = (double)rte_get_tsc_hz() / 1e6;
	deadline = store_rig_now_s() + 10;
	while (!atomic_load(&lat.ready)) {
		store_rig_pass(0, NAP_MS);
		if (store_rig_now_s() > deadline)
			store_rig_fail("the clients cannot connect");
	}
	for (unsigned rep = 0; rep < lat.reps; rep++)
		for (int i = optind; i < argc; i++)
			n_said += measure_both(argv[i], rep);
	if (n_said == 0)
		store_rig_fail("no request was undisturbed");
	worker_stop_all();
	_exit(0);
}
