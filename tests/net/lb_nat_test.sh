#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Full NAT for real: nginx on three backends on a port of its own, curl and wrk through a VIP over
# IPv4 and IPv6, two workers. The backends see addresses of the pool.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

net_begin lb_nat
lb_hosts 3
lb_webs
NODE_WORKERS='[1, 1]'
lb_config nat 8080 </dev/null
braid_start node "$NET/braid.yaml"

lb_check_web
seen=$(lb_get $VIP4 /client)
[[ $seen = 203.0.113.20[0-3] ]] || fail "a backend sees $seen instead of an address of the pool"
seen=$(lb_get $VIP6 /client)
[[ $seen = 2001:db8:98::* ]] || fail "a backend sees $seen instead of an address of the pool"
check_json "the flows are not shown" 'length > 10 and all(.source != null)' \
	show flows --service web4
[ "$(drops lb_nat_stranger)" -eq 0 ] || fail "replies of backends were taken for others'"
check_accounts
