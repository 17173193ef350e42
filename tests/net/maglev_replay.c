/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * maglev_replay: what plain Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4) without a flow
 * table would have broken. Reads the trace of `churn client` merged with the events that changed
 * the set of backends, and counts the live connections whose table entry an event moves. It shares
 * nothing with braid's own implementation. One thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base.h"

#define TABLE_SIZE   65537u
#define BACKENDS_MAX 64
#define KINDS_MAX    32
#define NAME_BYTES   32
#define CONNS_MAX    (1u << 22)
#define FREE         UINT8_MAX

struct backend {
	char name[NAME_BYTES];
	unsigned weight; /* 0: not in the set */
	uint32_t next;   /* place in its permutation */
	uint32_t skip;
};

struct kind {
	char name[NAME_BYTES];
	unsigned events;
	uint64_t broken;
	uint64_t worst;
};

/* Connections by number: where the table has sent them; FREE: not open. */
static uint8_t *conns;
static uint32_t *hashes;
static uint32_t n_conns, n_live, most_live;
static uint8_t table[TABLE_SIZE];
static struct backend backends[BACKENDS_MAX];
static unsigned n_backends;
static struct kind kinds[KINDS_MAX];
static unsigned n_kinds;

/* FNV-1a with a final mix; @salt makes independent ones. */
static uint32_t hash_of(const char *text, uint32_t salt)
{
	uint32_t h = 2166136261u ^ salt;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 16777619u;
	h = (h ^ (h >> 16)) * 0x85ebca6bu;
	h = (h ^ (h >> 13)) * 0xc2b2ae35u;
	return h ^ (h >> 16);
}

static void die(const char *what, unsigned long line)
{
	fprintf(stderr, "maglev_replay: line %lu: %s\n", line, what);
	exit(1);
}

/* Fills the table: by turns each backend takes the next free entry of its permutation, as many per
 * round as its weight says. */
static void build(void)
{
	uint32_t taken = 0;
	unsigned weights = 0;

	memset(table, FREE, sizeof(table));
	for (unsigned i = 0; i < n_backends; i++) {
		backends[i].next = hash_of(backends[i].name, 1) % TABLE_SIZE;
		backends[i].skip = hash_of(backends[i].name, 2) % (TABLE_SIZE - 1) + 1;
		weights += backends[i].weight;
	}
	if (weights == 0)
		return;
	for (unsigned i = 0; taken < TABLE_SIZE; i = (i + 1) % n_backends) {
		struct backend *b = &backends[i];

		for (unsigned k = 0; k < b->weight && taken < TABLE_SIZE; k++, taken++) {
			while (table[b->next] != FREE)
				b->next = (b->next + b->skip) % TABLE_SIZE;
			table[b->next] = (uint8_t)i;
		}
	}
}

static uint8_t choose(uint32_t hash)
{
	return table[((uint64_t)hash * TABLE_SIZE) >> 32];
}

static unsigned backend_of(const char *name)
{
	unsigned i = 0;

	while (i < n_backends && strcmp(backends[i].name, name) != 0)
		i++;
	if (i == BACKENDS_MAX)
		die("too many backends", 0);
	if (i == n_backends)
		base_strlcpy(backends[n_backends++].name, name, NAME_BYTES);
	return i;
}

static struct kind *kind_of(const char *name)
{
	unsigned i = 0;

	while (i < n_kinds && strcmp(kinds[i].name, name) != 0)
		i++;
	if (i == KINDS_MAX)
		die("too many kinds of events", 0);
	if (i == n_kinds)
		base_strlcpy(kinds[n_kinds++].name, name, NAME_BYTES);
	return &kinds[i];
}

/* Takes "name:weight,name:weight": the set from now on. */
static void take_set(char *text, unsigned long line)
{
	for (unsigned i = 0; i < n_backends; i++)
		backends[i].weight = 0;
	for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		char *colon = strchr(word, ':');

		if (!colon)
			die("a backend without weight", line);
		*colon = '\0';
		backends[backend_of(word)].weight = (unsigned)strtoul(colon + 1, NULL, 10);
	}
}

/* An event: counts the connections that it moves; those of a backend that was killed would have
 * ended anyhow. */
static void on_event(char *kind_name, char *set, unsigned long line)
{
	struct kind *kind = kind_of(kind_name);
	bool killed = strcmp(kind_name, "kill") == 0;
	uint64_t broken = 0;

	take_set(set, line);
	build();
	for (uint32_t n = 0; n < n_conns; n++) {
		uint8_t was = conns[n], now;

		if (was == FREE)
			continue;
		now = choose(hashes[n]);
		broken += now != was && !(killed && backends[was].weight == 0);
		conns[n] = now;
	}
	kind->events++;
	kind->broken += broken;
	kind->worst = MAX_OF(kind->worst, broken);
}

static void on_connection(char what, uint32_t number, const char *key, unsigned long line)
{
	if (number >= CONNS_MAX)
		die("too many connections", line);
	n_conns = MAX_OF(n_conns, number + 1);
	if (what == '+') {
		hashes[number] = hash_of(key, 3);
		conns[number] = choose(hashes[number]);
		n_live += conns[number] != FREE;
		most_live = MAX_OF(most_live, n_live);
	} else if (conns[number] != FREE) {
		conns[number] = FREE;
		n_live--;
	}
}

static void report(void)
{
	struct kind all = {.name = "all"};

	printf("%-12s %8s %14s %10s\n", "event", "times", "would break", "worst");
	for (unsigned i = 0; i < n_kinds; i++) {
		printf("%-12s %8u %14lu %10lu\n", kinds[i].name, kinds[i].events, kinds[i].broken,
			kinds[i].worst);
		all.events += kinds[i].events;
		all.broken += kinds[i].broken;
		all.worst = MAX_OF(all.worst, kinds[i].worst);
	}
	printf("%-12s %8u %14lu %10lu\n", all.name, all.events, all.broken, all.worst);
	printf("of %u connections, %u at most at one time\n", n_conns, most_live);
}

int main(int argc, char **argv)
{
	char text[4096], what, first[NAME_BYTES], rest[2048];
	unsigned long line = 0, at_ms;

	if (argc != 1) {
		fputs("Usage: maglev_replay <TRACE\n"
		      "\n"
		      "TRACE has, in the order of time, `+ MS NUMBER TARGET PORT SERVER` and `- "
		      "...`\n"
		      "for a connection opened and closed (churn client --trace), and\n"
		      "`E MS KIND NAME:WEIGHT,...` for the set of backends from then on.\n"
		      "\n"
		      "Example:\n"
		      "  sort -s -n -k2,2 events trace | maglev_replay\n",
			stderr);
		return 2;
	}
	conns = malloc(CONNS_MAX);
	hashes = malloc(CONNS_MAX * sizeof(*hashes));
	if (!conns || !hashes)
		die("no memory", 0);
	memset(conns, FREE, CONNS_MAX);
	memset(table, FREE, sizeof(table));
	while (fgets(text, sizeof(text), stdin)) {
		line++;
		if (sscanf(text, "%c %lu %31s %2047[^\n]", &what, &at_ms, first, rest) != 4)
			die("not a line of a trace", line);
		if (what == 'E')
			on_event(first, rest, line);
		else
			on_connection(what, (uint32_t)strtoul(first, NULL, 10), rest, line);
	}
	report();
	return 0;
}
