/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers as the Redis protocol and its commands write them. Any thread. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/number.h"

#define INT_DIGITS_MAX 20 /* of any 64-bit number, its sign included */

bool number_parse_int(const uint8_t *p, uint32_t len, int64_t *out)
{
	bool negative = len > 0 && p[0] == '-';
	uint64_t v = 0, most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	uint32_t i = negative;

	if (len == 0 || len > INT_DIGITS_MAX || i == len)
		return false;
	if (p[i] == '0') {
		*out = 0;
		return len == 1;
	}
	for (; i < len; i++) {
		uint64_t digit = (uint64_t)p[i] - '0';

		if (digit > 9 || v > (most - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = negative ? (int64_t)-v : (int64_t)v;
	return true;
}

uint32_t number_format_int(char *out, int64_t n)
{
	uint64_t v = n < 0 ? -(uint64_t)n : (uint64_t)n;
	uint32_t len = n < 0 ? 2 : 1, at;

	for (uint64_t rest = v; rest >= 10; rest /= 10)
		len++;
	out[0] = '-';
	out[len] = '\0';
	for (at = len; at > (n < 0); v /= 10)
		out[--at] = (char)('0' + v % 10);
	return len;
}

bool number_parse_float(const uint8_t *p, uint32_t len, long double *out)
{
	char text[NUMBER_FLOAT_TEXT_MAX];
	long double x;
	char *end;

	if (len == 0 || len >= sizeof(text))
		return false;
	memcpy(text, p, len);
	text[len] = '\0';
	if (isspace((unsigned char)text[0]))
		return false;
	errno = 0;
	x = strtold(text, &end);
	if (end != text + len || isnan(x))
		return false;
	if (errno == EINVAL || (errno == ERANGE && (isinf(x) || fpclassify(x) == FP_ZERO)))
		return false;
	*out = x;
	return true;
}

uint32_t number_format_float(char *out, long double x)
{
	uint32_t len;

	if (isinf(x))
		return (uint32_t)base_strlcpy(out, x > 0 ? "inf" : "-inf", 5);
	len = (uint32_t)snprintf(out, NUMBER_FLOAT_TEXT_MAX, "%.17Lf", x);
	while (out[len - 1] == '0')
		len--;
	if (out[len - 1] == '.')
		len--;
	out[len] = '\0';
	if (len == 2 && out[0] == '-' && out[1] == '0')
		return (uint32_t)base_strlcpy(out, "0", 2);
	return len;
}

uint32_t number_format_double(char *out, double x)
{
	if (isnan(x))
		return (uint32_t)base_strlcpy(out, "nan", 4);
	return (uint32_t)snprintf(out, 32, "%.17g", x);
}
