/* SPDX-License-Identifier: BSD-3-Clause */
/* What the commands about the server keep: what is noticed and sampled, names. Thread: worker. */
#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_config.h"
#include "lib/hash/siphash.h"

/* For the slow log, for LATENCY or for both. */
void kv_admin_on_slow(const struct kv_call *call, uint64_t us)
{
	const struct kv_stored *stored = &call->w->kv->admin->stored;

	if (us >= stored->slow_us)
		kv_slowlog_add(call, us);
	if (stored->latency_ms > 0 && us / 1000 >= stored->latency_ms)
		kv_latency_add(call, us);
}

void kv_admin_on_sample(void *ctx, struct wheel_timer *t)
{
	struct worker *w = ctx;
	struct kv_worker *kv = w->kv;
	struct kv_rates *r = &kv->admin->rates;
	uint64_t used = kv_shard_used_bytes(kv->shard);
	struct kv_sample *oldest = &r->samples[r->n % KV_RATE_SAMPLES];
	struct kv_sample now = {
		.time_ns = w->now_ns,
		.commands = kv->stats.commands,
		.input_bytes = kv->stats.input_bytes,
		.output_bytes = kv->stats.output_bytes,
	};

	/* CONFIG RESETSTAT has set them to zero. */
	if (now.commands < oldest->commands || now.input_bytes < oldest->input_bytes)
		*oldest = (struct kv_sample){.time_ns = oldest->time_ns};
	if (now.time_ns > oldest->time_ns) {
		uint64_t ms = MAX_OF((now.time_ns - oldest->time_ns) / NSEC_PER_MSEC, 1u);

		r->commands_per_s = (now.commands - oldest->commands) * 1000 / ms;
		r->input_per_s = (now.input_bytes - oldest->input_bytes) * 1000 / ms;
		r->output_per_s = (now.output_bytes - oldest->output_bytes) * 1000 / ms;
	}
	*oldest = now;
	r->n++;
	r->peak_bytes = MAX_OF(r->peak_bytes, used);
	wheel_add(w->wheel, t, w->now_ns + KV_SAMPLE_NS);
}

void kv_admin_refuse_sub(struct kv_call *c)
{
	const char *name = c->command->name;
	char upper[64];
	size_t n = 0;

	for (; n < sizeof(upper) - 1 && name[n] && name[n] != '|'; n++)
		upper[n] = name[n] >= 'a' && name[n] <= 'z' ? (char)(name[n] & ~0x20) : name[n];
	upper[n] = '\0';
	kv_reply_error(c->reply,
		"ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.",
		(int)MIN_OF(c->argv[1].len, 128u), (const char *)c->argv[1].bytes, upper);
}

/* Hashes, not for secrets: they only have to be the same after a restart and another's on another
 * node. */
void kv_admin_id(const struct worker *w, uint8_t worker, char out[KV_ID_DIGITS + 1])
{
	static const char digits[] = "0123456789abcdef";
	const struct kv_config *config = w->world ? w->world->kv : NULL;
	struct {
		struct ip_addr address;
		uint32_t worker;
		uint32_t part;
	} node = {.worker = worker};

	if (config)
		node.address = config->want.listen[0];
	for (unsigned i = 0; i < KV_ID_DIGITS; i++) {
		uint64_t key[2] = {w->kv->settings.port, i / 16}, hash;

		hash = siphash_1_3(key, &node, sizeof(node));
		out[i] = digits[hash >> (4 * (i % 16)) & 15];
	}
	out[KV_ID_DIGITS] = '\0';
}
