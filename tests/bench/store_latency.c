/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long GETs take while another client makes the same worker do something huge. GETs are sent at
 * a fixed rate over several connections, each at its time whether others were answered or not, and
 * are measured from that time on. Requests that met a moment in which the system ran another thread
 * on one of the two CPUs are left out and counted. Prints JSON lines, one for each repetition of
 * each case: alone, and with the other client.
 *
 *   store_latency [--seconds S] [--reps N] [--rate GETS_PER_SECOND] CASE...
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
#include "tests/bench/pause.h"
#include "tests/bench/store_rig.h"

#define N_KEYS        1000000
#define N_GETTERS     16
#define SAMPLES_MAX   (8u << 20)
#define LOAD_PIPELINE 64
#define CLIENTS_BURST 8 /* frames: a long reply keeps the clients' thread from GETs no longer */
#define LINE_BYTES    64
#define COMMAND_MAX   128
#define PAUSE_MIN_US  25 /* turns that are longer are looked at */
#define SETTLE_US     200
#define PHASE_MAX_S   60.0
#define NAP_MS        50
#define KEY_ELEMENT   (5 + STORE_RIG_KEY_BYTES + 2) /* $16 and the key */
#define BIG_LAST      "67108863"                    /* offset: a value of 64 MiB */

enum phase { PHASE_REST, PHASE_BEGIN, PHASE_LOAD, PHASE_PREPARE, PHASE_SETTLE, PHASE_MEASURE };

/* What the other client says. Without a window again and again; with one, once per window, and
 * things are put back before the next one. */
struct noise_case {
	const char *name;
	const char *command;
	const char *prepare; /* before each window */
	uint32_t window_us;
	uint32_t share;     /* of --seconds: one part in so many is measured */
	uint32_t n_replies; /* to the command */
	bool is_scan;
	bool flushes;
};

static const struct noise_case cases[] = {
	{.name = "keys-p999", .command = "KEYS *\r\n", .share = 1, .n_replies = 1},
	{.name = "scan-p999",
		.command = "SCAN %s COUNT 100\r\n",
		.share = 1,
		.n_replies = 1,
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
};

/* A connection of the clients. */
struct link {
	struct tcp_conn *conn;
	uint32_t at;     /* getters: bytes of the reply that have come; others: of the line */
	uint32_t bytes;  /* getters: of the whole reply */
	uint32_t sample; /* getters: whose reply is next */
	uint64_t skip;   /* bytes that nobody looks at */
	uint32_t left;   /* replies that have not come */
	uint32_t n_line; /* lines of this reply before */
	char line[LINE_BYTES];
};

struct sample {
	uint64_t due;
	uint64_t end;
	bool counts;
};

static struct {
	double seconds;
	unsigned reps;
	double rate;
	double cycles_per_us;
	char big[STORE_RIG_KEY_BYTES]; /* a key of the serving worker */
	/* The clients' worker, and the main thread while it rests. */
	struct worker_task task;
	struct wheel_timer tick;
	struct link getters[N_GETTERS];
	struct link loader;
	struct link noise;
	struct sample samples[SAMPLES_MAX];
	uint32_t sent;
	uint32_t answered;
	uint32_t loaded;
	uint64_t next_due;
	uint64_t until; /* of what is going on now */
	uint64_t window_cycles;
	uint64_t commands;
	char cursor[LINE_BYTES];
	/* The main thread writes these while the clients rest. */
	const struct noise_case *now; /* NULL: alone */
	uint64_t goal_cycles;
	uint64_t interval;
	_Atomic enum phase phase;
	_Atomic bool watched;
	_Atomic bool ready;
	struct pause_watch watches[STORE_RIG_WORKERS];
} lat;

/* --- the clients --- */

/* True: all of it is in the send buffer. */
static bool say(struct worker *w, struct link *l, const void *p, uint32_t bytes)
{
	if (tcp_send_room(w, l->conn) < bytes)
		return false;
	return tcp_send(w, l->conn, p, bytes) == bytes;
}

static void say_text(struct worker *w, const char *form, const char *arg)
{
	char text[COMMAND_MAX];
	int n = snprintf(text, sizeof(text), form, arg);

	if (!say(w, &lat.noise, text, (uint32_t)n))
		store_rig_fail("the send buffer is full");
}

/* Sends the GETs whose time has come. */
static void send_due(struct worker *w)
{
	uint8_t request[STORE_RIG_REQUEST_MAX];

	while (rte_rdtsc() >= lat.next_due && lat.sent < SAMPLES_MAX) {
		struct link *l = &lat.getters[lat.sent % N_GETTERS];
		uint32_t n =
			store_rig_append_get(request, store_rig.keys[worker_random(w) % N_KEYS]);

		if (!say(w, l, request, n))
			return;
		lat.samples[lat.sent++] = (struct sample){
			.due = lat.next_due,
			.counts = lat.phase == PHASE_MEASURE,
		};
		lat.next_due += lat.interval;
	}
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
	if (lat.loaded < N_KEYS) {
		enter(PHASE_LOAD);
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

	for (unsigned i = 0; i < LOAD_PIPELINE && lat.loaded < N_KEYS; i++) {
		n += store_rig_append_set(request + n, store_rig.keys[lat.loaded++]);
		lat.loader.left++;
	}
	if (!say(w, &lat.loader, request, n))
		store_rig_fail("the send buffer is full");
}

static void say_command(struct worker *w)
{
	const struct noise_case *c = lat.now;

	lat.noise.left = c->n_replies;
	lat.commands++;
	if (c->flushes)
		lat.loaded = 0;
	say_text(w, c->command, c->is_scan ? lat.cursor : lat.big);
}

/* The window is over. What was sent is waited for. */
static void end_window(struct worker *w)
{
	if (lat.answered < lat.sent || lat.noise.left)
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
	send_due(w);
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
		if (!lat.loader.left && lat.loaded == N_KEYS)
			prepare(w);
		else if (!lat.loader.left)
			load_more(w);
		break;
	case PHASE_PREPARE:
		if (!lat.noise.left)
			settle();
		break;
	case PHASE_SETTLE:
		send_due(w);
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

/* A GET's reply: a value of known length, or nil. */
static void take_values(struct link *l, const uint8_t *p, uint32_t n)
{
	while (n > 0) {
		uint32_t some = l->at < 2 ? 1 : MIN_OF(n, l->bytes - l->at);

		if (l->at == 0 && *p != '$')
			store_rig_fail("a GET was answered with something else");
		if (l->at == 1)
			l->bytes = *p == '-' ? 5 : STORE_RIG_GET_REPLY;
		l->at += some;
		p += some;
		n -= some;
		if (l->at < 2 || l->at < l->bytes)
			continue;
		lat.samples[l->sample].end = rte_rdtsc();
		l->sample += N_GETTERS;
		lat.answered++;
		l->at = 0;
	}
}

/* A line of a reply to the other client, or to the loader. */
static void take_line(struct link *l)
{
	bool is_scan = l == &lat.noise && lat.now && lat.now->is_scan;
	unsigned last = is_scan ? 3 : 0;

	if (l->line[0] == '-')
		store_rig_fail(l->line);
	if (is_scan && l->n_line == 2)
		memcpy(lat.cursor, l->line, sizeof(lat.cursor));
	if (l->n_line == last && l->line[0] == '*')
		l->skip = strtoull(l->line + 1, NULL, 10) * KEY_ELEMENT;
	l->n_line++;
	if (l->n_line <= last)
		return;
	l->n_line = 0;
	l->left--;
}

static void take_lines(struct link *l, const uint8_t *p, uint32_t n)
{
	while (n > 0) {
		uint32_t some = (uint32_t)MIN_OF((uint64_t)n, l->skip);

		if (some) {
			l->skip -= some;
			l->left -= l->skip == 0;
		} else {
			some = 1;
			if (*p == '\n') {
				l->line[l->at] = '\0';
				l->at = 0;
				take_line(l);
				l->left += l->skip > 0;
			} else if (*p != '\r') {
				l->line[l->at] = (char)*p;
				l->at += l->at < LINE_BYTES - 1;
			}
		}
		p += some;
		n -= some;
	}
}

static void on_readable(struct worker *w, struct tcp_conn *const *conns, unsigned n_conns)
{
	for (unsigned i = 0; i < n_conns; i++) {
		struct link *l = tcp_user(conns[i]);
		const uint8_t *p;
		uint32_t n;

		while ((n = tcp_peek(conns[i], &p)) > 0) {
			if (l == &lat.noise || l == &lat.loader)
				take_lines(l, p, n);
			else
				take_values(l, p, n);
			tcp_consume(w, conns[i], n);
		}
	}
}

static int on_open(struct worker *w, struct tcp_conn *c)
{
	static unsigned n_open;
	struct tcp_ends ends;

	if (tcp_user(c) == &lat.noise) {
		tcp_ends_of(c, &ends);
		store_rig.other_port_be = ends.local_port_be;
	}
	if (++n_open < N_GETTERS + 2)
		return 0;
	worker_task_add(w, &lat.task);
	atomic_store(&lat.ready, true);
	return 0;
}

static void on_writable(struct worker *w, struct tcp_conn *c)
{
}

static void on_end(struct worker *w, struct tcp_conn *c, enum tcp_end why)
{
	store_rig_fail("a connection has ended");
}

static const struct tcp_app app = {
	.on_open = on_open,
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_end = on_end,
};

/* Connects; again later who could not. */
static void on_tick(void *ctx, struct wheel_timer *t)
{
	struct worker *w = ctx;
	unsigned missing = 0;

	for (unsigned i = 0; i < N_GETTERS + 2; i++) {
		struct link *l = i < N_GETTERS    ? &lat.getters[i]
				 : i == N_GETTERS ? &lat.loader
						  : &lat.noise;

		if (!l->conn)
			l->conn = store_rig_connect(w, &app, l);
		missing += !l->conn;
	}
	if (missing)
		wheel_add(w->wheel, t, w->now_ns + NSEC_PER_MSEC);
}

/* --- the main thread --- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The latencies of all that counts, in order; how many. */
static uint32_t gather(uint64_t *out, uint32_t *paused)
{
	uint32_t n = 0;

	*paused = 0;
	for (uint32_t i = 0; i < lat.sent; i++) {
		const struct sample *s = &lat.samples[i];

		if (!s->counts)
			continue;
		if (pause_watch_met(&lat.watches[STORE_RIG_SERVER], s->due, s->end) ||
			pause_watch_met(&lat.watches[STORE_RIG_CLIENTS], s->due, s->end))
			(*paused)++;
		else
			out[n++] = s->end - s->due;
	}
	qsort(out, n, sizeof(*out), compare);
	return n;
}

static double part_us(const uint64_t *sorted, uint32_t n, double part)
{
	uint32_t at = (uint32_t)MIN_OF((double)(n - 1), part * n);

	return (double)sorted[at] / lat.cycles_per_us;
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
	lat.sent = lat.answered = 0;
	lat.commands = 0;
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

/* Measures with @c, or alone, and prints what the GETs saw as a JSON object. */
static void measure(const struct noise_case *c)
{
	static uint64_t latencies[SAMPLES_MAX];
	struct pause_watch *server = &lat.watches[STORE_RIG_SERVER];
	double cpu = pause_watch_cpu_s(server), wall = store_rig_now_s();
	uint32_t n, paused;

	begin(c);
	while (atomic_load(&lat.phase) != PHASE_REST) {
		store_rig_pass(0, NAP_MS);
		if (store_rig_now_s() - wall > PHASE_MAX_S)
			store_rig_fail("requests were not answered");
	}
	atomic_store(&lat.watched, false);
	wall = store_rig_now_s() - wall;
	cpu = pause_watch_cpu_s(server) - cpu;
	n = gather(latencies, &paused);
	if (n == 0)
		store_rig_fail("no request was undisturbed");
	printf("{\"n\": %u, \"paused\": %u, \"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, "
	       "\"max_us\": %.2f, \"turn_max_us\": %.2f, \"commands\": %lu, \"cpu_share\": %.4f}",
		n, paused, part_us(latencies, n, 0.5), part_us(latencies, n, 0.99),
		part_us(latencies, n, 0.999), part_us(latencies, n, 1),
		(double)server->longest_cycles / lat.cycles_per_us, lat.commands, cpu / wall);
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

static const struct noise_case *find_case(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	fprintf(stderr, "store_latency: no case \"%s\"\n", name);
	exit(2);
}

static void read_options(int argc, char **argv)
{
	static const struct option rows[] = {{"seconds", 1, NULL, 's'}, {"reps", 1, NULL, 'r'},
		{"rate", 1, NULL, 'g'}, {NULL, 0, NULL, 0}};
	int c;

	lat.seconds = 1;
	lat.reps = 3;
	lat.rate = 100000;
	while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1) {
		if (c == 's')
			lat.seconds = strtod(optarg, NULL);
		else if (c == 'r')
			lat.reps = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'g')
			lat.rate = strtod(optarg, NULL);
		else
			exit(2);
	}
	if (lat.seconds <= 0 || lat.reps == 0 || lat.rate < 1 || optind == argc) {
		fprintf(stderr,
			"usage: store_latency [--seconds S] [--reps N] [--rate R] CASE...\n");
		exit(2);
	}
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
	double deadline;

	read_options(argc, argv);
	for (int i = optind; i < argc; i++)
		find_case(argv[i]);
	choose_big();
	store_rig_choose_keys(N_KEYS);
	store_rig.clients_burst = CLIENTS_BURST;
	store_rig.on_turn = on_turn;
	lat.task.run = on_task;
	lat.tick.fn = on_tick;
	store_rig_start(&lat.tick);
	lat.cycles_per_us = (double)rte_get_tsc_hz() / 1e6;
	deadline = store_rig_now_s() + 10;
	while (!atomic_load(&lat.ready)) {
		store_rig_pass(0, NAP_MS);
		if (store_rig_now_s() > deadline)
			store_rig_fail("the clients cannot connect");
	}
	for (unsigned rep = 0; rep < lat.reps; rep++) {
		for (int i = optind; i < argc; i++) {
			printf("{\"case\": \"%s\", \"rep\": %u, \"alone\": ", argv[i], rep);
			measure(NULL);
			printf(", \"with\": ");
			measure(find_case(argv[i]));
			printf("}\n");
			fflush(stdout);
		}
	}
	worker_stop_all();
	_exit(0);
}
