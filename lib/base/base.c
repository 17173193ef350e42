/* SPDX-License-Identifier: BSD-3-Clause */
/* Assertions, error sentences and suggestions. Any thread. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base.h"

#define SUGGEST_WORD_MAX 40

_Noreturn void base_assert_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "braid: bug: %s:%d: %s\n", file, line, expr);
	abort();
}

int base_error_set(struct base_error *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return -errnum;
}

size_t base_strlcpy(char *dst, const char *src, size_t size)
{
	size_t n;

	if (size == 0)
		return 0;
	n = strnlen(src, size - 1);
	memcpy(dst, src, n);
	dst[n] = '\0';
	return n;
}

/* Damerau-Levenshtein distance (adjacent transpositions count one) of two short words. */
static unsigned edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned d[SUGGEST_WORD_MAX + 1][SUGGEST_WORD_MAX + 1];

	for (unsigned i = 0; i <= na; i++)
		d[i][0] = i;
	for (unsigned j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			unsigned subst = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			unsigned best = MIN_OF(d[i - 1][j] + 1, d[i][j - 1] + 1);

			best = MIN_OF(best, subst);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN_OF(best, d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	}
	return d[na][nb];
}

const char *base_suggest(const char *word, const char *const words[], size_t n)
{
	size_t len = strlen(word);
	unsigned best = SUGGEST_WORD_MAX;
	const char *found = NULL;

	if (len == 0 || len > SUGGEST_WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t wlen = strlen(words[i]);
		unsigned dist;

		if (wlen > SUGGEST_WORD_MAX)
			continue;
		dist = edit_distance(word, len, words[i], wlen);
		if (dist < best && dist * 3 <= MAX_OF(len, wlen)) {
			best = dist;
			found = words[i];
		}
	}
	return found;
}
