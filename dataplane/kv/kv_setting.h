/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings of kv_setting.def: their values on this worker. Numbers, words and flags are kept as
 * numbers; texts in memory of the arena. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_SETTING_H
#define DATAPLANE_KV_KV_SETTING_H

#include "dataplane/kv/kv_command.h"
#include "dataplane/kv/kv_text.h"

#define KV_SETTING_TEXT_MAX    640
#define KV_SETTING_PERCENT_MAX 16 /* latency-tracking-info-percentiles */

enum kv_setting_kind {
	KV_SETTING_BOOL,
	KV_SETTING_INT,
	KV_SETTING_MEMORY,
	KV_SETTING_PERCENT, /* a memory, or a percentage as a negative number */
	KV_SETTING_OCTAL,
	KV_SETTING_ENUM,
	KV_SETTING_TEXT,
};

enum kv_setting_flags {
	KV_SETTING_FIXED = 1 << 0,     /* CONFIG SET refuses it */
	KV_SETTING_PROTECTED = 1 << 1, /* likewise */
	KV_SETTING_HIDDEN = 1 << 2,    /* patterns do not find it */
	KV_SETTING_SECRET = 1 << 3,    /* not for the slow log */
	KV_SETTING_LIVE = 1 << 4,      /* it has a meaning here */
};

struct kv_setting {
	const char *name;
	const char *alias;
	uint8_t kind;
	uint8_t flags;
	int64_t least;
	int64_t most;
	const char *words; /* with bars between them */
	const char *value; /* the default */
};

enum kv_setting_count {
#define KV_SETTING(...) +1
	KV_SETTINGS_COUNT = 0
#include "dataplane/kv/kv_setting.def"
#undef KV_SETTING
};

extern const struct kv_setting kv_settings_table[KV_SETTINGS_COUNT];

/* Hard and soft limit and seconds of client-output-buffer-limit. */
struct kv_output_limit {
	uint64_t hard_bytes;
	uint64_t soft_bytes;
	uint64_t soft_s;
};

enum kv_output_class { KV_OUTPUT_NORMAL, KV_OUTPUT_REPLICA, KV_OUTPUT_PUBSUB, KV_OUTPUT_CLASSES };

/* Lies in struct kv_admin. */
struct kv_stored {
	int64_t numbers[KV_SETTINGS_COUNT];
	char *texts[KV_SETTINGS_COUNT];                    /* NULL: the default */
	struct kv_output_limit outputs[KV_OUTPUT_CLASSES]; /* but the normal one, which is live */
	double percentiles[KV_SETTING_PERCENT_MAX];
	uint32_t n_percentiles;
	uint64_t memory_bytes; /* what the store was started with */
	uint32_t clients_max;  /* likewise */
	uint64_t slow_us;      /* of SLOWLOG; UINT64_MAX: none */
	uint64_t latency_ms;   /* of LATENCY; 0: off */
	bool tracks_latency;
};

/* A value that has been read and not been set yet. */
struct kv_value {
	int64_t number;
	const struct resp_arg *text;
	struct kv_output_limit outputs[KV_OUTPUT_CLASSES];
	double percentiles[KV_SETTING_PERCENT_MAX];
	uint32_t n_percentiles;
};

/* The row of a name or alias, any case; NULL: there is none. */
const struct kv_setting *kv_setting_find(const struct resp_arg *name);

/* Reads @arg for @s into @v; false: @why says what is wrong with it, of KV_SETTING_TEXT_MAX bytes.
 */
bool kv_setting_read(struct worker *w, const struct kv_setting *s, const struct resp_arg *arg,
	struct kv_value *v, char *why);

/* Reads a number with a unit of memory as Redis does; false: it is none. */
bool kv_setting_read_memory(const struct resp_arg *arg, int64_t *out);

/* Adds the present value of @s to @t. */
void kv_setting_show(struct worker *w, const struct kv_setting *s, struct kv_text *t);

/* Makes @v the value of @s; a text needs the memory @copy, which is @v's, terminated. */
void kv_setting_apply(
	struct worker *w, const struct kv_setting *s, const struct kv_value *v, char *copy);

/* --- those that mean something: kv_setting_live.c --- */

/* Whether @v can be had here; false: @why says why not. */
bool kv_setting_live_check(
	struct worker *w, const struct kv_setting *s, struct kv_value *v, char *why);

/* The part of kv_setting_show for them. */
void kv_setting_live_show(struct worker *w, const struct kv_setting *s, struct kv_text *t);

/* The part of kv_setting_apply for them. */
void kv_setting_live_apply(struct worker *w, const struct kv_setting *s, const struct kv_value *v);

/* Takes over what the worker is started with. */
void kv_stored_init(struct kv_stored *stored, struct kv_worker *kv);

/* Redis's word for a policy. */
const char *kv_policy_name(enum kv_policy policy);

/* The settings of the worker have changed from elsewhere, or are new. */
void kv_settings_changed(struct worker *w);

#endif
