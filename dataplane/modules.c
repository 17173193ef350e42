/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of modules, from the bottom up. Thread: main. */
#include <errno.h>

#include "dataplane/core/query.h"
#include "dataplane/explain/explain.h"
#include "dataplane/ip/ip.h"
#include "dataplane/kv/kv.h"
#include "dataplane/lb/lb.h"
#include "dataplane/link/link.h"
#include "dataplane/modules.h"
#include "dataplane/neigh/neigh.h"
#include "dataplane/task/task.h"
#include "dataplane/tcp/tcp.h"

/* Memory is reserved for these and used as the table grows. */
static const struct route_limits limits = {
	.routes4 = 4000000,
	.groups4 = 65536,
	.routes6 = 1000000,
	.groups6 = 524288,
};

/* What each worker's TCP endpoint may have. */
#define TCP_SPARE_CONNS                                                                            \
	1024 /* beyond the store's clients: half open, or told that they are too many */
#define TCP_SEND_BLOCKS     16384
#define TCP_CONN_SEND_BYTES (1u << 20)
#define TCP_CONN_RECV_BYTES (1u << 20)
#define TCP_SOURCE_SPARES   8 /* one source leaves an eighth of each worker's clients to others */

/* The result of duplicate address detection: the interfaces first, because routes follow them. */
static void dad_done(uint16_t iface, const struct ip_addr *addr, bool unique)
{
	iface_dad_done(iface, addr, unique);
	if (unique)
		return;
	route_on_duplicate(iface, addr);
	lb_on_duplicate();
}

static int neigh_module_init(const struct conf *conf, struct base_error *err)
{
	neigh_dad_done = dad_done;
	return neigh_init(err);
}

static void neigh_module_fini(void)
{
	neigh_stage_fini();
	neigh_fini();
}

static int route_module_init(const struct conf *conf, struct base_error *err)
{
	return route_init(&limits, err);
}

static int icmp_worker_init(struct worker *w, struct base_error *err)
{
	if (icmp_limiter_init(w) == 0)
		return 0;
	return base_error_set(err, ENOMEM, "no memory for the limits of ICMP errors");
}

static int lb_module_init(const struct conf *conf, struct base_error *err)
{
	int ret = lb_init(&conf->node, err);

	if (ret == 0)
		lb_stage_init();
	return ret;
}

static void lb_module_fini(void)
{
	lb_stage_fini();
	lb_fini();
}

/* Nobody but the store needs connections. */
static int tcp_module_worker_init(struct worker *w, struct base_error *err)
{
	const struct kv_settings *store = kv_settings_get();
	const struct tcp_limits endpoint = {
		.conns = store->clients_max + TCP_SPARE_CONNS,
		.send_blocks = TCP_SEND_BLOCKS,
		.conn_send_bytes = TCP_CONN_SEND_BYTES,
		.conn_recv_bytes = TCP_CONN_RECV_BYTES,
		.conns_per_source = store->clients_max - store->clients_max / TCP_SOURCE_SPARES,
	};

	if (w->id == w->main_id || store->memory_bytes == 0)
		return 0;
	return tcp_worker_init(w, &endpoint, err);
}

static int explain_module_init(const struct conf *conf, struct base_error *err)
{
	return explain_init(workers[0], err);
}

const struct module modules[] = {
	{.name = "query", .fini = query_fini},
	{
		.name = "iface",
		.forget = iface_forget,
		.check = iface_check,
		.apply = iface_apply,
		.published = iface_published,
		.fini = iface_fini,
	},
	{
		.name = "neigh",
		.init = neigh_module_init,
		.forget = neigh_stage_forget,
		.check = neigh_stage_check,
		.prepare = neigh_stage_prepare,
		.rollback = neigh_stage_rollback,
		.apply = neigh_stage_apply,
		.published = neigh_stage_published,
		.fini = neigh_module_fini,
	},
	{
		.name = "route",
		.init = route_module_init,
		.forget = route_forget,
		.check = route_check,
		.prepare = route_prepare,
		.rollback = route_rollback,
		.apply = route_apply,
		.published = route_published,
		.fini = route_fini,
	},
	{.name = "icmp", .worker_init = icmp_worker_init, .worker_fini = icmp_limiter_fini},
	{
		.name = "lb",
		.init = lb_module_init,
		.worker_init = lb_worker_init,
		.forget = lb_forget,
		.check = lb_check,
		.prepare = lb_prepare,
		.rollback = lb_rollback,
		.apply = lb_apply,
		.published = lb_published,
		.worker_fini = lb_worker_fini,
		.fini = lb_module_fini,
	},
	{
		.name = "task",
		.init = task_init,
		.worker_init = task_worker_init,
		.worker_fini = task_worker_fini,
		.fini = task_fini,
	},
	{
		.name = "kv",
		.init = kv_config_init,
		.worker_init = kv_worker_init,
		.forget = kv_config_forget,
		.check = kv_config_check,
		.prepare = kv_config_prepare,
		.rollback = kv_config_rollback,
		.apply = kv_config_apply,
		.published = kv_config_published,
		.worker_fini = kv_worker_fini,
		.fini = kv_config_fini,
	},
	{.name = "tcp", .worker_init = tcp_module_worker_init, .worker_fini = tcp_worker_fini},
	{.name = "explain", .init = explain_module_init, .fini = explain_fini},
};

const size_t modules_count = ARRAY_SIZE(modules);
