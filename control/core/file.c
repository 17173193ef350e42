/* SPDX-License-Identifier: BSD-3-Clause */
/* Write, fsync, rename, fsync of the directory. Any thread. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/core/file.h"

/* Reads all of @fd of @size bytes or less into @text. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = read(fd, text + done, size - done);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n == 0)
			break;
		if (n > 0)
			done += (size_t)n;
	}
	return (ssize_t)done;
}

char *file_read(const char *path, size_t *len, struct base_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			errno = EISDIR;
		else if ((uint64_t)st.st_size > FILE_MAX_BYTES)
			errno = EFBIG;
		else
			text = malloc((size_t)st.st_size + 1);
		if (text)
			n = read_all(fd, text, (size_t)st.st_size);
	}
	if (n < 0) {
		base_error_set(err, errno, "%s: cannot read the file: %s", path, strerror(errno));
		free(text);
		text = NULL;
	} else {
		text[n] = '\0';
		*len = (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

static int sync_directory(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

static int write_new(const char *path, const char *head, const char *body, size_t body_len)
{
	FILE *file = fopen(path, "we");
	bool ok;

	if (!file)
		return -errno;
	fputs(head, file);
	fwrite(body, 1, body_len, file);
	errno = 0;
	ok = fflush(file) == 0 && !ferror(file) && fchmod(fileno(file), 0640) == 0 &&
	     fsync(fileno(file)) == 0;
	ok = fclose(file) == 0 && ok;
	return ok ? 0 : -(errno ? errno : EIO);
}

int file_replace(const char *path, const char *head, const char *body, size_t body_len,
	struct base_error *err)
{
	char fresh[PATH_MAX], copy[PATH_MAX];
	int rc;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	base_strlcpy(copy, path, sizeof(copy));
	rc = write_new(fresh, head, body, body_len);
	if (rc == 0 && (rename(fresh, path) < 0 || sync_directory(dirname(copy)) < 0))
		rc = -errno;
	if (rc < 0) {
		unlink(fresh);
		return base_error_set(err, -rc, "%s: cannot write: %s", path, strerror(-rc));
	}
	return 0;
}

int file_rename(const char *dir, const char *from, const char *to, struct base_error *err)
{
	char old_path[PATH_MAX], new_path[PATH_MAX];

	snprintf(old_path, sizeof(old_path), "%s/%s", dir, from);
	snprintf(new_path, sizeof(new_path), "%s/%s", dir, to);
	if (rename(old_path, new_path) == 0 && sync_directory(dir) == 0)
		return 0;
	return base_error_set(
		err, errno, "%s: cannot rename to %s: %s", old_path, new_path, strerror(errno));
}
