/* SPDX-License-Identifier: BSD-3-Clause */
/* Creates the shared counters file. Thread: main. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/core/stats.h"
#include "dataplane/core/worker.h"

struct stats_file *stats_create(const char *path, unsigned n_workers, struct base_error *err)
{
	struct stats_file *f = NULL;
	int fd, ret;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0) {
		base_error_set(
			err, errno, "%s: cannot create the counters: %s", path, strerror(errno));
		return NULL;
	}
	/* The memory is taken now: a full file system must not end the process later. */
	ret = posix_fallocate(fd, 0, sizeof(*f));
	if (ret == 0) {
		f = mmap(
			NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
		ret = f == MAP_FAILED ? errno : 0;
	}
	close(fd);
	if (ret != 0) {
		unlink(path);
		base_error_set(err, ret, "%s: no room for the counters, %zu KB: %s", path,
			sizeof(*f) >> 10, strerror(ret));
		return NULL;
	}
	f->version = STATS_VERSION;
	f->bytes = sizeof(*f);
	f->pid = (uint32_t)getpid();
	f->n_workers = n_workers;
	f->n_stages = STAGE_COUNT;
	f->n_drops = DROP_COUNT;
	for (unsigned s = 0; s < STAGE_COUNT; s++)
		base_strlcpy(f->stage_names[s], pipeline_stage_name(s), STATS_NAME_MAX);
	for (unsigned d = 0; d < DROP_COUNT; d++) {
		base_strlcpy(f->drop_names[d], drop_table[d].name, STATS_NAME_MAX);
		base_strlcpy(f->drop_texts[d], drop_table[d].text, sizeof(f->drop_texts[d]));
		f->drop_severity[d] = (uint8_t)drop_table[d].severity;
	}
	__atomic_store_n(&f->magic, STATS_MAGIC, __ATOMIC_RELEASE);
	return f;
}

void stats_destroy(struct stats_file *file, const char *path)
{
	if (!file)
		return;
	munmap(file, sizeof(*file));
	unlink(path);
}
