/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decimal text of long doubles as Redis stores INCRBYFLOAT's results. Thread: any.
 */
#ifndef DATAPLANE_KV_KV_DECIMAL_H
#define DATAPLANE_KV_KV_DECIMAL_H

#include "lib/base/base.h"

/* 4933 digits, the fraction, sign and point. */
#define KV_DECIMAL_TEXT_MAX 5120

/* The finite @v in decimal with up to 17 digits after the point, rounded to nearest (ties to even
 * on the exact value), without trailing zeros, never "-0". Not terminated; its length. */
uint32_t kv_decimal_text(char text[KV_DECIMAL_TEXT_MAX], long double v);

#endif
