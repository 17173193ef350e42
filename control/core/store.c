/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps what is in force on disk. Thread: any. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/core/file.h"
#include "control/core/log.h"
#include "control/core/snapshot.h"
#include "control/core/store.h"

#define APPLIED_FILE   "applied.yaml"
#define NEXT_FILE      "next.yaml"
#define SNAPSHOT_START "snapshot-"
#define HEAD_FORMAT                                                                                \
	"# braid: generation %" PRIu64 " dataplane %" PRIu64 " applied %" PRIu64                   \
	" key %s snapshot %s from %s\n"
#define HEAD_SCAN                                                                                  \
	"# braid: generation %" SCNu64 " dataplane %" SCNu64 " applied %" SCNu64                   \
	" key %32s snapshot %47s from %n"

/* The key as 32 hexadecimal digits. */
static void format_key(const uint8_t key[16], char text[33])
{
	for (unsigned i = 0; i < 16; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", key[i]);
}

static bool parse_key(const char *text, uint8_t key[16])
{
	for (unsigned i = 0; i < 16; i++)
		if (sscanf(text + 2 * (size_t)i, "%2hhx", &key[i]) != 1)
			return false;
	return strlen(text) == 32;
}

static void path_in(const char *runtime, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", runtime, name);
}

int store_prepare(const char *runtime, struct applied *a, struct base_error *err)
{
	char head[CONF_PATH_MAX + 256], path[PATH_MAX], key[33];
	int rc;

	if (a->snapshot[0] == '\0') {
		snprintf(a->snapshot, sizeof(a->snapshot), SNAPSHOT_START "%" PRIx64, log_now_ns());
		path_in(runtime, a->snapshot, path);
		rc = snapshot_write(path, a->conf, err);
		if (rc < 0) {
			a->snapshot[0] = '\0';
			return rc;
		}
	}
	format_key(a->conf->lb.key, key);
	snprintf(head, sizeof(head), HEAD_FORMAT, a->generation, a->started_ns, a->applied_ns, key,
		a->snapshot, a->path);
	path_in(runtime, NEXT_FILE, path);
	return file_replace(path, head, a->text, a->text_len, err);
}

/* The first line of a stored file into @a; the length of the line, 0 when it is none of ours. */
static size_t parse_head(const char *text, struct applied *a)
{
	const char *end = strchr(text, '\n');
	char key[33];
	int path_at = 0;

	if (!end ||
		sscanf(text, HEAD_SCAN, &a->generation, &a->started_ns, &a->applied_ns, key,
			a->snapshot, &path_at) < 5 ||
		path_at == 0 || !parse_key(key, a->stored_key) ||
		strchr(a->snapshot, '/') != NULL ||
		(size_t)(end - text - path_at) >= sizeof(a->path))
		return 0;
	memcpy(a->path, text + path_at, (size_t)(end - text - path_at));
	return (size_t)(end - text) + 1;
}

/* The head of the stored file @name, its text left in a->text. NULL when there is none. */
static struct applied *read_text(const char *runtime, const char *name)
{
	struct applied *a = calloc(1, sizeof(*a));
	struct base_error ignored;
	char path[PATH_MAX];
	size_t head;

	if (!a)
		return NULL;
	path_in(runtime, name, path);
	a->text = file_read(path, &a->text_len, &ignored);
	head = a->text ? parse_head(a->text, a) : 0;
	if (head == 0) {
		applied_free(a);
		return NULL;
	}
	a->text_len -= head;
	memmove(a->text, a->text + head, a->text_len + 1);
	return a;
}

/* Removes the snapshots that neither stored file names. */
static void sweep(const char *runtime)
{
	struct applied *applied = read_text(runtime, APPLIED_FILE);
	struct applied *next = read_text(runtime, NEXT_FILE);
	DIR *dir = opendir(runtime);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, SNAPSHOT_START, strlen(SNAPSHOT_START)) != 0 ||
			(applied && strcmp(entry->d_name, applied->snapshot) == 0) ||
			(next && strcmp(entry->d_name, next->snapshot) == 0))
			continue;
		unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
	applied_free(applied);
	applied_free(next);
}

int store_promote(const char *runtime, struct base_error *err)
{
	int rc = file_rename(runtime, NEXT_FILE, APPLIED_FILE, err);

	if (rc == 0)
		sweep(runtime);
	return rc;
}

void store_discard(const char *runtime)
{
	char path[PATH_MAX];

	path_in(runtime, NEXT_FILE, path);
	unlink(path);
	sweep(runtime);
}

/* Fills in a->conf, from the snapshot or else by parsing the text again. */
static int complete(const char *runtime, struct applied *a, struct base_error *err)
{
	struct conf_error conf_err = {0};
	char path[PATH_MAX];

	path_in(runtime, a->snapshot, path);
	a->conf = snapshot_read(path, err);
	if (a->conf)
		return 0;
	log_line("%s; reading the text of the configuration again", err->text);
	a->snapshot[0] = '\0';
	if (conf_load_text(a->path, a->text, a->text_len, &a->conf, &conf_err) == 0) {
		if (!a->conf->lb.has_key)
			memcpy(a->conf->lb.key, a->stored_key, sizeof(a->stored_key));
		return 0;
	}
	return base_error_set(err, EINVAL, "%s", conf_err.text);
}

struct applied *store_adopt(
	const char *runtime, uint64_t started_ns, uint64_t generation, struct base_error *err)
{
	static const char *const names[] = {APPLIED_FILE, NEXT_FILE};

	for (size_t i = 0; generation != 0 && i < ARRAY_SIZE(names); i++) {
		struct applied *a = read_text(runtime, names[i]);

		if (a && a->generation == generation && a->started_ns == started_ns &&
			complete(runtime, a, err) == 0) {
			if (i == 1)
				store_promote(runtime, err);
			else
				store_discard(runtime);
			return a;
		}
		applied_free(a);
	}
	return NULL;
}
