/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps the shared counters for reading. Any thread. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/api/stats.h"

/* Whether the @n names of @size bytes each are terminated. */
static bool names_ok(const void *names, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++)
		if (memchr((const char *)names + i * size, '\0', size) == NULL)
			return false;
	return true;
}

static bool lb_drops_ok(const struct stats_file *f)
{
	for (uint32_t i = 0; i < MIN_OF(f->n_lb_drops, (uint32_t)STATS_LB_DROPS_MAX); i++)
		if (f->lb_drops[i] >= f->n_drops)
			return false;
	return f->n_lb_drops <= STATS_LB_DROPS_MAX;
}

static bool is_sane(const struct stats_file *f)
{
	return f->bytes == sizeof(*f) && f->n_workers <= STATS_WORKERS_MAX &&
	       f->n_stages <= STATS_STAGES_MAX && f->n_drops <= STATS_DROPS_MAX && lb_drops_ok(f) &&
	       f->n_ports <= STATS_PORTS_MAX && f->n_interfaces <= STATS_INTERFACES_MAX &&
	       names_ok(f->stage_names, STATS_STAGES_MAX, STATS_NAME_MAX) &&
	       names_ok(f->drop_names, STATS_DROPS_MAX, STATS_NAME_MAX) &&
	       names_ok(f->drop_texts, STATS_DROPS_MAX, sizeof(f->drop_texts[0])) &&
	       names_ok(f->port_names, STATS_PORTS_MAX, STATS_NAME_MAX) &&
	       names_ok(f->interface_names, STATS_INTERFACES_MAX, STATS_NAME_MAX);
}

static int open_failed(const char *path, int errnum, struct base_error *err)
{
	if (errnum == ENOENT)
		return base_error_set(err, errnum,
			"%s: no counters: braid-dataplane is not running (start it)", path);
	if (errnum == EACCES || errnum == EPERM)
		return base_error_set(err, errnum,
			"%s: permission denied (run this as root or as a member of the file's "
			"group)",
			path);
	return base_error_set(err, errnum, "%s: %s", path, strerror(errnum));
}

const struct stats_file *stats_file_open(const char *path, struct base_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct stats_file *f;
	struct stat st;

	if (fd < 0) {
		open_failed(path, errno, err);
		return NULL;
	}
	if (fstat(fd, &st) < 0 || st.st_size != (off_t)sizeof(*f)) {
		base_error_set(err, EPROTO,
			"%s: these are not the counters of this version of braid (install and "
			"start the same version of all braid programs)",
			path);
		close(fd);
		return NULL;
	}
	f = mmap(NULL, sizeof(*f), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (f == MAP_FAILED) {
		base_error_set(err, errno, "%s: cannot map: %s", path, strerror(errno));
		return NULL;
	}
	if (__atomic_load_n(&f->magic, __ATOMIC_ACQUIRE) == STATS_MAGIC &&
		f->version == STATS_VERSION && is_sane(f))
		return f;
	base_error_set(err, EPROTO,
		"%s: the counters are of another version of braid, or their dataplane is just "
		"starting",
		path);
	stats_file_close(f);
	return NULL;
}

void stats_file_close(const struct stats_file *file)
{
	if (file)
		munmap((void *)(uintptr_t)file, sizeof(*file));
}

/* Adds what worker @w did for backend @n to @t. */
static void add_backend(const struct stats_worker *w, uint32_t n, struct stats_total *t)
{
	const struct stats_backend *b = &w->backends[n];
	/* In this order: what ends meanwhile must not make it negative. */
	uint64_t ended = stats_read(&b->ended_flows), begun = stats_read(&b->new_flows);

	t->flows += begun > ended ? begun - ended : 0;
	t->pkts += stats_read(&b->pkts);
	t->bytes += stats_read(&b->bytes);
	t->reply_pkts += stats_read(&b->reply_pkts);
	t->reply_bytes += stats_read(&b->reply_bytes);
}

void stats_totals(const struct stats_file *file, struct stats_total *totals)
{
	memset(totals, 0, STATS_SERVICES_MAX * sizeof(*totals));
	for (uint32_t w = 0; w < file->n_workers; w++) {
		for (uint32_t s = 0; s < STATS_SERVICES_MAX; s++) {
			const struct stats_gone *gone = &file->workers[w].services[s].gone;

			totals[s].pkts += stats_read(&gone->pkts);
			totals[s].bytes += stats_read(&gone->bytes);
			totals[s].reply_pkts += stats_read(&gone->reply_pkts);
			totals[s].reply_bytes += stats_read(&gone->reply_bytes);
		}
		for (uint32_t n = 0; n < STATS_BACKENDS_MAX; n++) {
			uint16_t s = *(const volatile uint16_t *)&file->backend_service[n];

			if (s != 0 && s <= STATS_SERVICES_MAX)
				add_backend(&file->workers[w], n, &totals[s - 1]);
		}
	}
}
