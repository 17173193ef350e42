#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Direct server return for real: nginx on three backends that have the VIP themselves, curl and wrk
# over IPv4 and IPv6. The backends see the client, and answer it without the balancer.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

net_begin lb_dsr
lb_hosts 3
lb_vips
lb_webs
lb_config dsr </dev/null
braid_start node "$NET/braid.yaml"

lb_check_web
[ "$(lb_get $VIP4 /client)" = 192.0.2.2 ] || fail "a backend does not see the client"
[ "$(lb_get $VIP6 /client)" = 2001:db8:1::2 ] || fail "a backend does not see the client"
check_accounts
