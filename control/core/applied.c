/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads a configuration together with its text. Any thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/core/applied.h"
#include "control/core/file.h"
#include "control/core/log.h"

void applied_choose_key(struct conf *conf, const struct conf *from)
{
	if (conf->lb.has_key)
		return;
	if (from)
		memcpy(conf->lb.key, from->lb.key, sizeof(conf->lb.key));
	else
		/* Sixteen bytes are always given at once after the machine has started. */
		BRAID_ASSERT(
			getrandom(conf->lb.key, sizeof(conf->lb.key), 0) == sizeof(conf->lb.key));
}

struct applied *applied_load(const char *path, struct base_error *err)
{
	struct applied *a = calloc(1, sizeof(*a));
	struct conf_error conf_err = {0};

	if (!a) {
		base_error_set(err, ENOMEM, "%s: not enough memory", path);
		return NULL;
	}
	/* The text first, and the structure from it: both are of the same moment. */
	a->text = file_read(path, &a->text_len, err);
	if (a->text && conf_load_text(path, a->text, a->text_len, &a->conf, &conf_err) == 0) {
		applied_choose_key(a->conf, NULL);
		base_strlcpy(a->path, path, sizeof(a->path));
		a->applied_ns = log_now_ns();
		return a;
	}
	if (a->text)
		base_error_set(err, EINVAL, "%s", conf_err.text);
	applied_free(a);
	return NULL;
}

void applied_free(struct applied *applied)
{
	if (!applied)
		return;
	conf_free(applied->conf);
	free(applied->text);
	free(applied);
}
