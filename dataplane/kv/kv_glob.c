/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Glob patterns with the peculiarities of Redis's stringmatchlen: an empty string matches only the
 * empty pattern, classes need no closing bracket, bytes compare as signed ones. Only the last star
 * is ever tried again, so a pattern costs at most its length times the string's. Thread: worker.
 */
#include "dataplane/kv/kv_command.h"

/* What is left of a pattern. */
struct glob {
	const uint8_t *p;
	uint32_t len;
};

static int folded(uint8_t c, bool nocase)
{
	return nocase && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : (int8_t)c;
}

static void skip(struct glob *g, uint32_t n)
{
	g->p += n;
	g->len -= n;
}

/* Whether @c is between the ends of a range, in either order. */
static bool in_range(const uint8_t *range, uint8_t c, bool nocase)
{
	int8_t a = (int8_t)range[0], b = (int8_t)range[2];
	int low = folded((uint8_t)MIN_OF(a, b), nocase);
	int high = folded((uint8_t)MAX_OF(a, b), nocase);
	int byte = folded(c, nocase);

	return byte >= low && byte <= high;
}

/* A class behind its opening bracket: skips it, whether @c is in it. */
static bool match_class(struct glob *g, uint8_t c, bool nocase)
{
	bool invert = g->len > 0 && g->p[0] == '^';
	bool match = false;

	if (invert)
		skip(g, 1);
	while (g->len > 0 && g->p[0] != ']') {
		if (g->p[0] == '\\' && g->len >= 2) {
			match |= g->p[1] == c;
			skip(g, 2);
		} else if (g->len >= 3 && g->p[1] == '-') {
			match |= in_range(g->p, c, nocase);
			skip(g, 3);
		} else {
			match |= folded(g->p[0], nocase) == folded(c, nocase);
			skip(g, 1);
		}
	}
	if (g->len > 0)
		skip(g, 1);
	return match != invert;
}

/* One element of the pattern that is no star, against one byte. Skips it. */
static bool match_one(struct glob *g, uint8_t c, bool nocase)
{
	uint8_t first = g->p[0];

	skip(g, 1);
	if (first == '?')
		return true;
	if (first == '[')
		return match_class(g, c, nocase);
	if (first == '\\' && g->len > 0) {
		first = g->p[0];
		skip(g, 1);
	}
	return folded(first, nocase) == folded(c, nocase);
}

bool kv_glob_match(const struct resp_arg *pattern, const void *string, uint32_t len, bool nocase)
{
	struct glob g = {.p = pattern->bytes, .len = pattern->len}, star = {.p = NULL};
	const uint8_t *s = string;
	uint32_t at = 0, star_at = 0;

	if (len == 0)
		return g.len == 0;
	while (at < len) {
		if (g.len > 0 && g.p[0] == '*') {
			skip(&g, 1);
			star = g;
			star_at = at;
			if (g.len == 0)
				return true;
		} else if (g.len > 0 && match_one(&g, s[at], nocase)) {
			at++;
		} else if (star.p) {
			g = star;
			at = ++star_at;
		} else {
			return false;
		}
	}
	while (g.len > 0 && g.p[0] == '*')
		skip(&g, 1);
	return g.len == 0;
}
