#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# GUE for real: nginx on three backends behind tunnels that end in user space, curl and wrk
# over IPv4 and IPv6. The backends see the client, and answer it without the balancer.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

net_begin lb_gue
lb_hosts 3
lb_vips
lb_decaps
lb_webs
lb_config gue </dev/null
braid_start node "$NET/braid.yaml"

lb_check_web
[ "$(lb_get $VIP4 /client)" = 192.0.2.2 ] || fail "a backend does not see the client"
[ "$(lb_get $VIP6 /client)" = 2001:db8:1::2 ] || fail "a backend does not see the client"
for kind in gue4 gue6; do
	[ "$(decapsulated $kind)" -gt 1000 ] || fail "$(decapsulated $kind) packets came by $kind"
done
awk '$1 ~ /^gue/ && $7 == 0 {exit 1}' "$NET"/decap? || fail "the source port has no entropy"
check_accounts
