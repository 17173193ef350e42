/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers as the Redis protocol and its commands write them: integers in one form only, floats as
 * long doubles. Pure functions: nothing is allocated. Any thread.
 */
#ifndef LIB_WIRE_NUMBER_H
#define LIB_WIRE_NUMBER_H

#include "lib/base/base.h"

#define NUMBER_INT_TEXT_MAX   24
#define NUMBER_FLOAT_TEXT_MAX (5 * 1024) /* the largest long double has 4933 digits */

/* Reads an integer exactly as Redis's string2ll does: no spaces, no plus, no leading zeros, no
 * minus zero. False: it is none, or does not fit. */
bool number_parse_int(const uint8_t *p, uint32_t len, int64_t *out);

/* Writes @n in decimal into @out of NUMBER_INT_TEXT_MAX bytes, terminated. Its length. */
uint32_t number_format_int(char *out, int64_t n);

/* Reads a float exactly as Redis's string2ld does: what strtold takes, without spaces around it,
 * and not NaN. False: it is none, or out of range. */
bool number_parse_float(const uint8_t *p, uint32_t len, long double *out);

/* Writes @x as INCRBYFLOAT answers: 17 decimals, zeros at the end cut off, never an exponent. @out
 * has NUMBER_FLOAT_TEXT_MAX bytes. Its length. */
uint32_t number_format_float(char *out, long double x);

/* Writes @x in 17 significant digits (%.17g; inf, -inf, nan) into @out of 32 bytes. Its length. */
uint32_t number_format_double(char *out, double x);

#endif
