/* SPDX-License-Identifier: BSD-3-Clause */
/* Decides about one backend. Thread: main. */
#include <stdio.h>

#include "control/service/health.h"

void health_start(struct health *h, const struct health_input *in)
{
	h->window = *in;
	h->succeeded = in->succeeded;
	h->succeeded_base = in->succeeded;
	h->passive_failures = 0;
	if (h->down)
		h->down_since_ns = in->now_ns;
}

void health_adopt(struct health *h, bool down, const char *reason)
{
	h->down = down;
	base_strlcpy(h->reason, down ? reason : "", sizeof(h->reason));
}

/* Looks at the traffic of the window that ends now, if it ends now. */
static void judge_traffic(
	struct health *h, const struct health_settings *settings, const struct health_input *in)
{
	uint64_t length_ms = MAX_OF(settings->interval_ms, HEALTH_WINDOW_MIN_MS);
	uint64_t refused = in->refused - h->window.refused;
	uint64_t silent = in->silent - h->window.silent;
	uint64_t replies = in->reply_pkts - h->window.reply_pkts;

	if (in->now_ns - h->window.now_ns < length_ms * NSEC_PER_MSEC)
		return;
	/* What was never answered may not be meant to be: syslog, measurements. */
	if (settings->is_udp && in->reply_pkts == 0)
		silent = 0;
	h->window = *in;
	/* Each refusal is a packet from the backend too; more than these is an answer. */
	if (replies > refused) {
		h->passive_failures = 0;
	} else if (refused + silent >= HEALTH_ATTEMPTS_MIN) {
		h->passive_failures++;
		snprintf(h->passive_reason, sizeof(h->passive_reason), "%u flows %s",
			(uint32_t)MIN_OF(refused + silent, 999999u),
			refused >= silent ? "refused" : "unanswered");
	}
}

static void say_probes(struct health *h, const struct health_input *in)
{
	static const char *const texts[] = {[API_PROBE_OK] = "probes failed",
		[API_PROBE_TIMEOUT] = "probes timed out",
		[API_PROBE_REFUSED] = "probes refused",
		[API_PROBE_UNREACHABLE] = "probes: unreachable",
		[API_PROBE_UNEXPECTED] = "wrong answers"};
	uint32_t which = in->last_failure < ARRAY_SIZE(texts) ? in->last_failure : API_PROBE_OK;
	uint32_t n = in->streak < 0 ? 0u - (uint32_t)in->streak : 0;

	snprintf(h->reason, sizeof(h->reason), "%u %s", MIN_OF(n, 9999u), texts[which]);
}

/* Whether a backend that is up goes down. */
static bool falls(
	struct health *h, const struct health_settings *settings, const struct health_input *in)
{
	uint64_t failures = h->passive_failures;

	if (settings->active && in->streak < 0)
		failures += 0u - (uint32_t)in->streak;
	if (failures < MAX_OF(settings->fall, 1))
		return false;
	h->down = true;
	h->down_since_ns = in->now_ns;
	h->succeeded_base = in->succeeded;
	if (h->passive_failures == 0)
		say_probes(h, in);
	else
		base_strlcpy(h->reason, h->passive_reason, sizeof(h->reason));
	return true;
}

/* Whether a backend that is down comes up. */
static bool rises(
	struct health *h, const struct health_settings *settings, const struct health_input *in)
{
	uint64_t good = in->succeeded - h->succeeded_base;

	if (settings->active) {
		if (in->streak <= 0 || MIN_OF(good, (uint64_t)in->streak) < settings->rise)
			return false;
	} else if (in->now_ns - h->down_since_ns < HEALTH_RETRY_AFTER_MS * NSEC_PER_MSEC) {
		return false;
	}
	h->down = false;
	h->reason[0] = '\0';
	/* Tried again without knowing better: the next failure is enough. */
	h->passive_failures = settings->active || settings->fall == 0 ? 0 : settings->fall - 1u;
	h->window = *in;
	return true;
}

bool health_update(
	struct health *h, const struct health_settings *settings, const struct health_input *in)
{
	if (in->succeeded != h->succeeded)
		h->passive_failures = 0;
	h->succeeded = in->succeeded;
	judge_traffic(h, settings, in);
	return h->down ? rises(h, settings, in) : falls(h, settings, in);
}
