/* SPDX-License-Identifier: BSD-3-Clause */
/* The commit of a generation as a sequence of steps over the table of modules. Thread: main. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "dataplane/core/generation.h"
#include "dataplane/modules.h"

enum generation_phase {
	GENERATION_IDLE,
	GENERATION_STAGING,
	GENERATION_CHECK,
	GENERATION_PREPARE,
	GENERATION_ROLLBACK,
	GENERATION_PUBLISH,
	GENERATION_SETTLE, /* published; the modules clear up */
};

static struct {
	const struct module *modules;
	size_t n_modules;
	size_t at; /* the module whose turn it is */
	enum generation_phase phase;
	uint64_t number;
	bool spoilt; /* a message was refused: what is staged is not all that was wanted */
	bool dry_run;
	bool has_ticket;
	struct server_ticket ticket;
	struct world *next; /* reserved before the point of no return */
	struct api_commit_reply counts;
	int result;
	struct base_error error;
} gen;

void generation_init(const struct module *table, size_t n)
{
	gen.modules = table;
	gen.n_modules = n;
	gen.phase = GENERATION_IDLE;
	gen.result = 0;
}

/* Ends the staging: every module forgets. */
static void generation_forget(void)
{
	for (size_t i = 0; i < gen.n_modules; i++)
		if (gen.modules[i].forget)
			gen.modules[i].forget();
	gen.phase = GENERATION_IDLE;
}

bool generation_busy(void)
{
	return gen.phase > GENERATION_STAGING;
}

static int generation_refuse_busy(struct base_error *err)
{
	return base_error_set(err, EBUSY,
		"generation %" PRIu64 " is being applied: wait for its end and try again",
		gen.number);
}

int generation_begin(uint64_t number, struct base_error *err)
{
	if (generation_busy())
		return generation_refuse_busy(err);
	if (number <= world_current->generation)
		return base_error_set(err, EINVAL,
			"generation %" PRIu64 " is not newer than the installed %" PRIu64
			": ask for the installed one (hello) and count on from there",
			number, world_current->generation);
	generation_forget();
	gen.phase = GENERATION_STAGING;
	gen.number = number;
	gen.spoilt = false;
	return 0;
}

int generation_abort(struct base_error *err)
{
	if (generation_busy())
		return generation_refuse_busy(err);
	generation_forget();
	return 0;
}

int generation_staged(int status)
{
	if (status < 0)
		gen.spoilt = true;
	return status;
}

bool generation_is_open(void)
{
	return gen.phase != GENERATION_IDLE;
}

int generation_check_open(struct base_error *err)
{
	if (generation_busy())
		return generation_refuse_busy(err);
	if (gen.phase != GENERATION_STAGING)
		return base_error_set(err, EPROTO, "no generation was begun: send begin first");
	return 0;
}

int generation_commit_start(
	uint64_t number, uint32_t flags, const struct server_ticket *ticket, struct base_error *err)
{
	int ret = generation_check_open(err);

	if (ret < 0)
		return ret;
	if (number != gen.number)
		return base_error_set(err, EINVAL, "generation %" PRIu64 " is staged, not %" PRIu64,
			gen.number, number);
	if (flags & ~(uint32_t)API_COMMIT_DRY_RUN)
		return base_error_set(err, EINVAL, "commit: unknown flags 0x%x", flags);
	if (gen.spoilt)
		return base_error_set(err, EINVAL,
			"a message of generation %" PRIu64
			" was refused: abort it and send it again",
			number);
	gen.phase = GENERATION_CHECK;
	gen.dry_run = flags & API_COMMIT_DRY_RUN;
	gen.has_ticket = ticket != NULL;
	if (ticket)
		gen.ticket = *ticket;
	gen.counts = (struct api_commit_reply){};
	gen.error = (struct base_error){};
	gen.result = 0;
	gen.at = 0;
	return 0;
}

/* Ends the commit with gen.result and answers. */
static void generation_finish(void)
{
	bool has_ticket = gen.has_ticket;

	free(gen.next);
	gen.next = NULL;
	gen.has_ticket = false;
	if (gen.result == 0)
		generation_forget();
	else
		gen.phase = GENERATION_STAGING;
	if (has_ticket)
		server_reply_later(&gen.ticket, gen.result, &gen.counts, &gen.error);
}

static void generation_check(void)
{
	for (size_t i = 0; i < gen.n_modules && gen.result == 0; i++)
		if (gen.modules[i].check)
			gen.result = gen.modules[i].check(&gen.counts, &gen.error);
	if (gen.result == 0 && !gen.dry_run) {
		gen.next = world_draft();
		if (!gen.next)
			gen.result = base_error_set(&gen.error, ENOMEM,
				"no memory for the next world: nothing was changed");
	}
	if (gen.result < 0 || gen.dry_run)
		generation_finish();
	else
		gen.phase = GENERATION_PREPARE;
}

static void generation_prepare(unsigned quantum)
{
	const struct module *m = &gen.modules[gen.at];
	int ret = m->prepare ? m->prepare(quantum, &gen.error) : 0;

	if (ret > 0)
		return;
	if (ret < 0) {
		gen.result = ret;
		gen.phase = GENERATION_ROLLBACK;
		return;
	}
	if (++gen.at == gen.n_modules)
		gen.phase = GENERATION_PUBLISH;
}

static void generation_rollback(unsigned quantum)
{
	const struct module *m = &gen.modules[gen.at];

	if (m->rollback && m->rollback(quantum) > 0)
		return;
	if (gen.at == 0)
		generation_finish();
	else
		gen.at--;
}

/* The one step that everybody sees. The draft is taken anew: neighbours may have published since.
 */
static void generation_publish(void)
{
	struct world *next = gen.next;

	gen.next = NULL;
	*next = *world_current;
	next->generation = gen.number;
	for (size_t i = 0; i < gen.n_modules; i++)
		if (gen.modules[i].apply)
			gen.modules[i].apply(next);
	world_publish(next);
	gen.phase = GENERATION_SETTLE;
	gen.at = 0;
}

static void generation_settle(unsigned quantum)
{
	const struct module *m = &gen.modules[gen.at];

	if (m->published && m->published(quantum) > 0)
		return;
	if (++gen.at == gen.n_modules)
		generation_finish();
}

unsigned generation_step(unsigned quantum)
{
	switch (gen.phase) {
	case GENERATION_IDLE:
	case GENERATION_STAGING:
		return 0;
	case GENERATION_CHECK:
		generation_check();
		break;
	case GENERATION_PREPARE:
		generation_prepare(quantum);
		break;
	case GENERATION_ROLLBACK:
		generation_rollback(quantum);
		break;
	case GENERATION_PUBLISH:
		generation_publish();
		break;
	case GENERATION_SETTLE:
		generation_settle(quantum);
		break;
	}
	return 1;
}

int generation_result(struct base_error *err)
{
	if (gen.result < 0 && err)
		*err = gen.error;
	return gen.result;
}

const struct api_commit_reply *generation_counts(void)
{
	return &gen.counts;
}
