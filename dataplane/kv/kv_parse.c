/* SPDX-License-Identifier: BSD-3-Clause */
/* Arguments as commands read them. Thread: worker. */
#include <strings.h>
#include <string.h>

#include "dataplane/kv/kv_command.h"
#include "lib/wire/number.h"

bool kv_arg_is(const struct kv_call *c, uint32_t arg, const char *word)
{
	const struct resp_arg *a = &c->argv[arg];

	return strlen(word) == a->len && strncasecmp((const char *)a->bytes, word, a->len) == 0;
}

bool kv_parse_int(const void *p, uint32_t len, int64_t *out)
{
	return number_parse_int(p, len, out);
}

bool kv_parse_double(const void *p, uint32_t len, long double *out)
{
	return number_parse_float(p, len, out);
}
