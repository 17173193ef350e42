/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flavour of liburcu that braid uses: QSBR (urcu-qsbr), in which a reader pays nothing and
 * reports a quiescent state once per loop. Include this, not urcu's headers. Any registered thread.
 */
#ifndef LIB_RCU_RCU_H
#define LIB_RCU_RCU_H

#include <urcu-qsbr.h>

#endif
