/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers and addresses read from text that is not terminated, fast enough for route files of a
 * million lines. Main threads only. Every function reads [@p, @end) and never beyond.
 */
#ifndef LIB_CONF_CONF_SCAN_H
#define LIB_CONF_CONF_SCAN_H

#include "lib/base/base.h"
#include "lib/base/ipaddr.h"

/*
 * Reads an IPv4 or IPv6 address at @p into @out, accepting what inet_pton does. Returns where it
 * ends (the caller decides what may follow) or NULL, @out then being undefined.
 */
const char *conf_scan_address(const char *p, const char *end, struct ip_addr *out);

/* As conf_scan_address, followed by "/" and a prefix length of the family; host bits are kept. */
const char *conf_scan_prefix(const char *p, const char *end, struct ip_addr *out);

/*
 * Reads decimal digits without leading zeros. Returns where they end, or NULL where there are none
 * or the number is above @max.
 */
const char *conf_scan_number(const char *p, const char *end, uint64_t max, uint64_t *out);

#endif
