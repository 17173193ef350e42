/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether one backend is healthy: a state machine without clock, socket or memory of its own. It is
 * up until `fall` failures in a row, then down until `rise` successes in a row. Failures are those
 * of the dataplane's probes, and stretches of traffic in which every attempt failed (NAT). Thread:
 * main.
 */
#ifndef CONTROL_SERVICE_HEALTH_H
#define CONTROL_SERVICE_HEALTH_H

#include "lib/api/api.h"

#define HEALTH_REASON_MAX     25 /* leaves room for what is written before it in the API */
#define HEALTH_ATTEMPTS_MIN   5  /* failed ones in a window, to be taken as a failure */
#define HEALTH_WINDOW_MIN_MS  1000
#define HEALTH_RETRY_AFTER_MS 10000 /* down by its traffic alone: tried again after this */

/* How health is decided, from the service's configuration. */
struct health_settings {
	bool active; /* probes are sent */
	bool is_udp;
	uint32_t interval_ms;
	uint16_t rise;
	uint16_t fall;
};

/* What is known of the backend: counters that only grow, but for the streak. */
struct health_input {
	uint64_t now_ns; /* of any steady clock */
	int32_t streak;  /* as in struct stats_probe */
	uint32_t last_failure;
	uint64_t succeeded;  /* probes */
	uint64_t reply_pkts; /* the rest is passive evidence: zero where there is none */
	uint64_t refused;
	uint64_t silent;
};

/* One backend's health. All zero and health_start() makes a new one, which is up. */
struct health {
	bool down;
	char reason[HEALTH_REASON_MAX]; /* of being down, else empty */
	uint32_t passive_failures;      /* windows in a row, since a probe last succeeded */
	uint64_t succeeded;             /* probes when last looked at */
	uint64_t succeeded_base;        /* when it went down: only later ones bring it up */
	uint64_t down_since_ns;
	struct health_input window; /* as the present window of traffic began */
	char passive_reason[HEALTH_REASON_MAX];
};

/*
 * Starts to look at counters that were not looked at before (a new backend, or other counters for
 * it): what they say by now is no evidence, but for the streak of probes. The state stays.
 */
void health_start(struct health *h, const struct health_input *in);

/* Takes over a decision that was made before: @down, for @reason. Followed by health_start(). */
void health_adopt(struct health *h, bool down, const char *reason);

/* Decides anew. Whether h->down has changed. */
bool health_update(
	struct health *h, const struct health_settings *settings, const struct health_input *in);

#endif
