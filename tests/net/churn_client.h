/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client of `churn`: its connections, which lie in one array of slots, and what was counted for
 * each server. One thread.
 */
#ifndef TESTS_NET_CHURN_CLIENT_H
#define TESTS_NET_CHURN_CLIENT_H

#include <stdio.h>

#include "tests/net/churn.h"

#define CHURN_SERVERS_MAX 256
#define CHURN_LOSSES_MAX  20000 /* kept with their details */

enum churn_state {
	CHURN_FREE,
	CHURN_CONNECTING,
	CHURN_GREETING, /* connected, the server's name has not come yet */
	CHURN_QUIET,    /* nothing is owed by either side */
	CHURN_TALKING,
};

/* Why a connection was lost. */
enum churn_cause {
	CHURN_RESET,
	CHURN_EOF,
	CHURN_MISMATCH,
	CHURN_STALL,
	CHURN_ERROR,
	CHURN_CAUSES,
};

struct churn_conn {
	int fd;
	uint8_t state;       /* enum churn_state */
	uint8_t greeted;     /* bytes of the name that came */
	uint8_t seed_bytes;  /* sent */
	bool passing;        /* short: one exchange */
	uint16_t server;     /* index; 0 while it has not said its name */
	uint16_t target;     /* index */
	uint16_t local_port; /* host order */
	uint64_t seed;
	uint64_t want; /* bytes of the stream to have sent */
	uint64_t sent;
	uint64_t got;
	uint64_t since_ns; /* in this state */
	uint32_t number;   /* of the connections opened, for the trace */
	char name[CHURN_NAME_BYTES];
};

/* What was seen of a server. */
struct churn_peer {
	char name[CHURN_NAME_BYTES];
	bool leaving; /* the client closes its connections, each at its next turn */
	uint64_t live;
	uint64_t opened;
	uint64_t exchanges;
	uint64_t checked_bytes;
	uint64_t broken[CHURN_CAUSES];
};

struct churn_loss {
	uint64_t at_ms; /* since the start */
	uint16_t server;
	uint16_t target;
	uint16_t local_port;
	uint8_t cause; /* enum churn_cause */
	uint8_t state; /* enum churn_state */
};

struct churn {
	const struct churn_options *options;
	int epoll;
	int listener; /* of commands; -1: none */
	bool running;
	FILE *trace; /* or NULL */
	uint64_t random;
	uint64_t start_ns;
	uint64_t now_ns;
	uint32_t n_slots; /* held ones first, then passing ones */
	struct churn_conn *slots;
	uint32_t *free_held; /* stacks of slot numbers */
	uint32_t *free_passing;
	uint32_t n_free_held;
	uint32_t n_free_passing;
	uint32_t cursor;   /* of the round over the slots */
	double due_visits; /* what is due and not done: parts of one */
	double due_opens;
	double due_passing;
	double due_turnover;
	uint64_t opened;
	uint64_t closed;                   /* by the client, as it should be */
	uint64_t unanswered[CHURN_CAUSES]; /* attempts to connect that failed */
	uint64_t ungreeted[CHURN_CAUSES];  /* those made, but lost before the server's name came */
	uint64_t n_broken;
	uint32_t n_losses;
	struct churn_loss losses[CHURN_LOSSES_MAX];
	uint32_t n_servers; /* the first one stands for those that have not said their name */
	struct churn_peer servers[CHURN_SERVERS_MAX];
};

/* A random number below @n. */
static inline uint32_t churn_random(struct churn *c, uint32_t n)
{
	c->random = churn_mix(c->random);
	return (uint32_t)(((c->random >> 32) * n) >> 32);
}

/* Opens a connection in free slot @k, to a target by turns. */
void churn_conn_open(struct churn *c, uint32_t k, bool passing);

/* Closes the connection in slot @k, which is in order. */
void churn_conn_close(struct churn *c, uint32_t k);

/* Sends and receives what slot @k can. */
void churn_conn_serve(struct churn *c, uint32_t k);

/* It is the turn of slot @k: starts an exchange, or finds that one hangs. */
void churn_conn_visit(struct churn *c, uint32_t k);

/* Connections that are open, and that hold a server's name. */
uint32_t churn_held(const struct churn *c);

/* Prints the table, or JSON. */
void churn_report(const struct churn *c, FILE *out, bool json);

#endif
