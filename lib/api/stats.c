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

static bool is_sane(const struct stats_file *f)
{
	return f->bytes == sizeof(*f) && f->n_workers <= STATS_WORKERS_MAX &&
	       f->n_stages <= STATS_STAGES_MAX && f->n_drops <= STATS_DROPS_MAX &&
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
