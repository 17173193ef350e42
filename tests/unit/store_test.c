/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in force, on disk: written whole, found again by generation, proof against torn files. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/core/snapshot.h"
#include "control/core/store.h"

static const char yaml[] =
	"node: {name: n1, workers: [1], main: 0, ports: [{name: lan, device: net_null0, "
	"addresses: [192.0.2.1/24]}]}\n"
	"neighbors: [{interface: lan, address: 192.0.2.9, mac: 02:00:00:00:00:01}]\n"
	"routes: [{prefix: 10.0.0.0/8, via: [{address: 192.0.2.9, weight: 3}, {address: "
	"192.0.2.10}]}]\n"
	"route_files: [more.txt]\n"
	"nat: {pool: [203.0.113.200/29]}\n"
	"services:\n"
	"  - {name: web, vip: 203.0.113.10, port: 80, mode: nat, backends: [{address: 192.0.2.21, "
	"port: 8080, weight: 7}, {address: 192.0.2.22}]}\n"
	"  - {name: dns, vip: 203.0.113.11, port: 53, protocol: udp, mode: dsr, backends: "
	"[{address: 192.0.2.23}]}\n";

struct disk {
	char dir[64];
	char yaml[96], routes[96];
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	struct disk *d = calloc(1, sizeof(*d));

	base_strlcpy(d->dir, "/tmp/braid-store-test-XXXXXX", sizeof(d->dir));
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->yaml, sizeof(d->yaml), "%s/braid.yaml", d->dir);
	snprintf(d->routes, sizeof(d->routes), "%s/more.txt", d->dir);
	write_file(d->yaml, yaml);
	write_file(d->routes, "10.1.0.0/16 via 192.0.2.7\n10.2.0.0/16 via 192.0.2.8\n");
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct disk *d = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", d->dir);
	assert_int_equal(system(command), 0);
	free(d);
	return 0;
}

static struct applied *load(const struct disk *d, uint64_t generation)
{
	struct base_error err = {0};
	struct applied *a = applied_load(d->yaml, &err);

	if (!a)
		fail_msg("%s", err.text);
	a->generation = generation;
	a->started_ns = 77;
	return a;
}

static void assert_same(const struct conf *a, const struct conf *b)
{
	assert_memory_equal(&a->node, &b->node, sizeof(a->node));
	assert_int_equal(a->n_routes, b->n_routes);
	assert_memory_equal(a->routes, b->routes, a->n_routes * sizeof(*a->routes));
	assert_int_equal(a->n_neighbors, b->n_neighbors);
	assert_memory_equal(a->neighbors, b->neighbors, a->n_neighbors * sizeof(*a->neighbors));
	assert_int_equal(a->n_nexthops, b->n_nexthops);
	for (uint32_t i = 0; i < a->n_nexthops; i++) {
		assert_int_equal(a->nexthops[i].n_hops, b->nexthops[i].n_hops);
		assert_memory_equal(a->nexthops[i].hops, b->nexthops[i].hops,
			a->nexthops[i].n_hops * sizeof(struct conf_hop));
	}
	assert_int_equal(a->n_route_files, b->n_route_files);
	assert_string_equal(a->route_files[0], b->route_files[0]);
	assert_int_equal(a->n_pool, b->n_pool);
	assert_memory_equal(a->pool, b->pool, a->n_pool * sizeof(*a->pool));
	assert_int_equal(a->n_services, b->n_services);
	assert_memory_equal(a->services, b->services, a->n_services * sizeof(*a->services));
	assert_int_equal(a->n_backends, b->n_backends);
	assert_memory_equal(a->backends, b->backends, a->n_backends * sizeof(*a->backends));
	assert_memory_equal(&a->lb, &b->lb, sizeof(a->lb));
	assert_string_equal(a->metrics_address, b->metrics_address);
	assert_int_equal(a->metrics_port, b->metrics_port);
}

static unsigned count_snapshots(const struct disk *d)
{
	DIR *dir = opendir(d->dir);
	const struct dirent *entry;
	unsigned n = 0;

	while ((entry = readdir(dir)))
		n += strncmp(entry->d_name, "snapshot-", 9) == 0;
	closedir(dir);
	return n;
}

static void what_was_applied_is_found_again_though_its_files_changed(void **state)
{
	struct disk *d = *state;
	struct base_error err = {0};
	struct applied *a = load(d, 5), *b;

	assert_int_equal(store_prepare(d->dir, a, &err), 0);
	assert_int_equal(store_promote(d->dir, &err), 0);
	write_file(d->routes, "10.9.0.0/16 via 192.0.2.7\n");
	assert_int_equal(unlink(d->yaml), 0);
	b = store_adopt(d->dir, 77, 5, &err);
	assert_non_null(b);
	assert_same(a->conf, b->conf);
	assert_string_equal(b->text, yaml);
	assert_int_equal(b->text_len, strlen(yaml));
	assert_string_equal(b->path, d->yaml);
	assert_int_equal(b->applied_ns, a->applied_ns);
	applied_free(a);
	applied_free(b);
}

static void another_generation_or_another_dataplane_is_not_adopted(void **state)
{
	struct disk *d = *state;
	struct base_error err = {0};
	struct applied *a = load(d, 5);

	assert_null(store_adopt(d->dir, 77, 5, &err));
	assert_int_equal(store_prepare(d->dir, a, &err), 0);
	assert_int_equal(store_promote(d->dir, &err), 0);
	assert_null(store_adopt(d->dir, 77, 6, &err));
	assert_null(store_adopt(d->dir, 78, 5, &err));
	assert_null(store_adopt(d->dir, 77, 0, &err));
	assert_string_equal(err.text, "");
	applied_free(a);
}

static void a_prepared_generation_is_adopted_only_if_the_dataplane_has_it(void **state)
{
	struct disk *d = *state;
	struct base_error err = {0};
	struct applied *a = load(d, 5), *b = load(d, 6), *c;

	assert_int_equal(store_prepare(d->dir, a, &err), 0);
	assert_int_equal(store_promote(d->dir, &err), 0);
	assert_int_equal(store_prepare(d->dir, b, &err), 0);
	assert_int_equal(count_snapshots(d), 2);
	c = store_adopt(d->dir, 77, 6, &err);
	assert_non_null(c);
	assert_int_equal(c->generation, 6);
	assert_int_equal(count_snapshots(d), 1);
	assert_null(store_adopt(d->dir, 77, 5, &err));
	applied_free(a);
	applied_free(b);
	applied_free(c);
}

static void a_discarded_generation_leaves_the_applied_one(void **state)
{
	struct disk *d = *state;
	struct base_error err = {0};
	struct applied *a = load(d, 5), *b = load(d, 6), *c;

	assert_int_equal(store_prepare(d->dir, a, &err), 0);
	assert_int_equal(store_promote(d->dir, &err), 0);
	assert_int_equal(store_prepare(d->dir, b, &err), 0);
	store_discard(d->dir);
	assert_int_equal(count_snapshots(d), 1);
	c = store_adopt(d->dir, 77, 5, &err);
	assert_non_null(c);
	applied_free(a);
	applied_free(b);
	applied_free(c);
}

static void a_damaged_snapshot_is_refused_and_the_text_read_again(void **state)
{
	struct disk *d = *state;
	struct base_error err = {0};
	struct applied *a = load(d, 5), *b;
	char path[160];

	assert_int_equal(store_prepare(d->dir, a, &err), 0);
	assert_int_equal(store_promote(d->dir, &err), 0);
	snprintf(path, sizeof(path), "%s/%s", d->dir, a->snapshot);
	assert_int_equal(truncate(path, 1000), 0);
	b = store_adopt(d->dir, 77, 5, &err);
	assert_non_null(b);
	assert_same(a->conf, b->conf);
	assert_string_equal(b->snapshot, "");
	applied_free(a);
	applied_free(b);
}

/* Flips the byte at @at of the file. */
static void flip(const char *path, long at)
{
	FILE *f = fopen(path, "r+");
	int c;

	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	c = fgetc(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	fputc(c ^ 0x40, f);
	assert_int_equal(fclose(f), 0);
}

static void every_truncated_or_flipped_snapshot_is_noticed(void **state)
{
	struct disk *d = *state;
	struct base_error err = {0};
	struct applied *a = load(d, 5);
	struct conf *conf;
	struct stat st;
	char path[160];

	snprintf(path, sizeof(path), "%s/s", d->dir);
	assert_int_equal(snapshot_write(path, a->conf, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	for (long at = 0; at < st.st_size; at += at < 200 ? 1 : 97) {
		flip(path, at);
		assert_null(snapshot_read(path, &err));
		flip(path, at);
	}
	conf = snapshot_read(path, &err);
	assert_non_null(conf);
	conf_free(conf);
	for (long size = st.st_size - 1; size >= 0; size = size * 9 / 10 - 1) {
		assert_int_equal(truncate(path, size), 0);
		assert_null(snapshot_read(path, &err));
	}
	applied_free(a);
}

static void a_key_is_drawn_once_and_handed_on(void **state)
{
	static const uint8_t zero[16];
	struct disk *d = *state;
	struct applied *a = load(d, 5), *b = load(d, 6);
	uint8_t other[16];

	assert_memory_not_equal(a->conf->lb.key, zero, sizeof(zero));
	assert_memory_not_equal(a->conf->lb.key, b->conf->lb.key, sizeof(zero));
	memcpy(other, b->conf->lb.key, sizeof(other));
	applied_choose_key(b->conf, a->conf);
	assert_memory_equal(a->conf->lb.key, b->conf->lb.key, sizeof(zero));
	b->conf->lb.has_key = true;
	memcpy(b->conf->lb.key, other, sizeof(other));
	applied_choose_key(b->conf, a->conf);
	assert_memory_equal(b->conf->lb.key, other, sizeof(other));
	applied_free(a);
	applied_free(b);
}

static void a_store_without_room_changes_nothing(void **state)
{
	struct disk *d = *state;
	struct base_error err = {0};
	struct applied *a = load(d, 5);
	char missing[96];

	snprintf(missing, sizeof(missing), "%s/missing", d->dir);
	assert_true(store_prepare(missing, a, &err) < 0);
	assert_non_null(strstr(err.text, "cannot write"));
	assert_string_equal(a->snapshot, "");
	applied_free(a);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_was_applied_is_found_again_though_its_files_changed),
		CASE(another_generation_or_another_dataplane_is_not_adopted),
		CASE(a_prepared_generation_is_adopted_only_if_the_dataplane_has_it),
		CASE(a_discarded_generation_leaves_the_applied_one),
		CASE(a_damaged_snapshot_is_refused_and_the_text_read_again),
		CASE(every_truncated_or_flipped_snapshot_is_noticed),
		CASE(a_key_is_drawn_once_and_handed_on),
		CASE(a_store_without_room_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
