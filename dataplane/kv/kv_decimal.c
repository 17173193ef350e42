/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decimal text of long doubles by exact integer arithmetic. The library's formatting would do the
 * same but may allocate, and depends on the locale. Thread: any.
 */
#include "dataplane/kv/kv_decimal.h"

#include <string.h>

#define FRACTION_DIGITS 17
#define E17             100000000000000000ull
#define E19             10000000000000000000ull
#define MANTISSA_BITS   64
#define EXPONENT_BIAS   16383
#define EXPONENT_MASK   0x7fff
#define WORDS_MAX       (16384 / 64 + 1)
#define GROUPS_MAX      (4933 / 19 + 1) /* of 19 digits, the largest power of ten in a word */

_Static_assert(__LDBL_MANT_DIG__ == MANTISSA_BITS, "long double is not x87's");

/* Digits of @n, at least @width; returns the end. */
static char *put_digits(char *p, uint64_t n, unsigned width)
{
	char digits[20];
	unsigned len = 0;

	do {
		digits[len++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (len < width)
		digits[len++] = '0';
	while (len)
		*p++ = digits[--len];
	return p;
}

/* @mantissa * 2^@shift, an integer of up to 16384 bits. */
static char *put_integer(char *p, uint64_t mantissa, unsigned shift)
{
	unsigned __int128 both = (unsigned __int128)mantissa << (shift % 64);
	uint64_t words[WORDS_MAX] = {0};
	uint64_t groups[GROUPS_MAX];
	unsigned top = shift / 64;
	unsigned n = 0;

	words[top] = (uint64_t)both;
	words[top + 1] = (uint64_t)(both >> 64);
	top += 2;
	while (top && !words[top - 1])
		top--;
	while (top) {
		unsigned __int128 rest = 0;

		for (unsigned i = top; i-- > 0;) {
			rest = rest << 64 | words[i];
			words[i] = (uint64_t)(rest / E19);
			rest %= E19;
		}
		groups[n++] = (uint64_t)rest;
		while (top && !words[top - 1])
			top--;
	}
	p = put_digits(p, groups[--n], 1);
	while (n)
		p = put_digits(p, groups[--n], 19);
	return p;
}

/* @mantissa / 2^@shift in units of 10^-17, to nearest, ties to even; @shift > 0. */
static unsigned __int128 scaled(uint64_t mantissa, unsigned shift)
{
	unsigned __int128 exact = (unsigned __int128)mantissa * E17;
	unsigned __int128 half;
	unsigned __int128 rest;
	unsigned __int128 n;

	/* exact has at most 121 bits. */
	if (shift >= 123)
		return 0;
	half = (unsigned __int128)1 << (shift - 1);
	rest = exact & (half * 2 - 1);
	n = exact >> shift;
	return n + (rest > half || (rest == half && n & 1));
}

uint32_t kv_decimal_text(char text[KV_DECIMAL_TEXT_MAX], long double v)
{
	unsigned __int128 n;
	uint64_t fraction;
	uint64_t mantissa;
	uint16_t head;
	char *p = text;
	int exponent;

	/* x87: the mantissa with its first bit, then sign and exponent; 0 is the exponent 1 of
	 * numbers whose mantissa starts with zeros. */
	memcpy(&mantissa, &v, sizeof(mantissa));
	memcpy(&head, (const uint8_t *)&v + sizeof(mantissa), sizeof(head));
	exponent = MAX_OF(head & EXPONENT_MASK, 1) - EXPONENT_BIAS - (MANTISSA_BITS - 1);
	if (!mantissa) {
		*p = '0';
		return 1;
	}
	if (head >> 15)
		*p++ = '-';
	if (exponent >= 0)
		return (uint32_t)(put_integer(p, mantissa, (unsigned)exponent) - text);
	n = scaled(mantissa, (unsigned)-exponent);
	if (!n) {
		text[0] = '0';
		return 1;
	}
	fraction = (uint64_t)(n % E17);
	p = put_digits(p, (uint64_t)(n / E17), 1);
	if (fraction) {
		*p++ = '.';
		p = put_digits(p, fraction, FRACTION_DIGITS);
		while (p[-1] == '0')
			p--;
	}
	return (uint32_t)(p - text);
}
