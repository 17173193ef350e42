/* SPDX-License-Identifier: BSD-3-Clause */
/* Object files in memory: reading, the functions in them, and their form on the wire. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/cli/program.h"

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && strcmp(text + n - m, end) == 0;
}

bool program_is_source(const char *path)
{
	return ends_in(path, ".c");
}

bool program_is_file(const char *word)
{
	struct stat st;

	return strchr(word, '/') || ends_in(word, ".c") || ends_in(word, ".o") ||
	       ends_in(word, ".bpf") || (stat(word, &st) == 0 && S_ISREG(st.st_mode));
}

bool program_library_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (n > 0 && n <= TASK_NAME_BYTES_MAX && name[n] == '\0')
		return true;
	cli_usage("library name \"%s\": letters, digits and _ make a name, at most %d of them",
		name, TASK_NAME_BYTES_MAX);
	return false;
}

/* Reads all of @path, as far as an object may be long, and a byte more. */
static enum cli_exit read_file(const char *path, struct program *p)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct base_error err;
	ssize_t n = -1;

	p->bytes = malloc(TASK_OBJECT_BYTES_MAX + 1);
	if (fd >= 0 && p->bytes) {
		do {
			n = read(fd, p->bytes + p->len, TASK_OBJECT_BYTES_MAX + 1 - p->len);
			p->len += n > 0 ? (size_t)n : 0;
		} while (n > 0);
	}
	if (n < 0)
		base_error_set(&err, errno, "%.128s: %s", p->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return n < 0 ? cli_fail(&err) : CLI_OK;
}

/* Compiles p->path to a file that is gone afterwards, and reads it. */
static enum cli_exit compile_and_read(const struct cli *cli, struct program *p)
{
	const char *dir = getenv("TMPDIR");
	char out[PATH_MAX];
	enum cli_exit code;
	int fd;

	snprintf(out, sizeof(out), "%s/braidctl-XXXXXX.o", dir && *dir ? dir : "/tmp");
	fd = mkostemps(out, 2, O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "braidctl: %s: %s; set TMPDIR to where files may be written\n", out,
			strerror(errno));
		return CLI_FAILED;
	}
	close(fd);
	code = program_compile(cli, p->path, out);
	if (code == CLI_OK)
		code = read_file(out, p);
	unlink(out);
	return code;
}

/* The name of a library that has none: it says what is in it. */
static void name_library(struct program *p)
{
	size_t n = (size_t)snprintf(p->library, sizeof(p->library), "sha_");

	for (unsigned i = 0; i < (PROGRAM_LIBRARY_CHARS - 4) / 2; i++)
		n += (size_t)snprintf(
			p->library + n, sizeof(p->library) - n, "%02x", p->object->id[i]);
}

enum cli_exit program_open(const struct cli *cli, const char *path, struct program *p)
{
	struct base_error err = {0};
	enum cli_exit code;

	*p = (struct program){.path = path};
	if (program_is_source(path) && access(path, R_OK) == 0)
		code = compile_and_read(cli, p);
	else
		code = read_file(path, p);
	if (code == CLI_OK) {
		p->object = task_object_create(p->bytes, p->len, &err);
		if (p->object) {
			name_library(p);
			return CLI_OK;
		}
		fprintf(stderr, "braidctl: %s: %s\n", path,
			err.text + (strncmp(err.text, "object: ", 8) == 0 ? 8 : 0));
		code = CLI_FAILED;
	}
	program_close(p);
	return code;
}

void program_name(struct program *p, const char *name)
{
	const char *slash = strrchr(p->path, '/'), *file = slash ? slash + 1 : p->path;
	size_t n = strcspn(file, ".");

	if (name) {
		base_strlcpy(p->library, name, sizeof(p->library));
		return;
	}
	n = MIN_OF(n, sizeof(p->library) - 1);
	for (size_t i = 0; i < n; i++) {
		bool fits = (file[i] >= '0' && file[i] <= '9') ||
			    (file[i] >= 'a' && file[i] <= 'z') ||
			    (file[i] >= 'A' && file[i] <= 'Z');

		p->library[i] = fits ? file[i] : '_';
	}
	p->library[n] = '\0';
}

void program_close(struct program *p)
{
	task_object_destroy(p->object);
	free(p->bytes);
	*p = (struct program){0};
}

const struct task_function *program_find(const struct program *p, const char *name)
{
	const struct task_function *f = task_object_find(p->object, name);
	const char *names[TASK_FUNCTIONS_MAX], *best;

	if (f)
		return f;
	for (uint32_t i = 0; i < p->object->n_functions; i++)
		names[i] = p->object->functions[i].name;
	best = base_suggest(name, names, p->object->n_functions);
	fprintf(stderr, "braidctl: %s has no function \"%s\"", p->path, name);
	if (best) {
		fprintf(stderr, " (did you mean \"%s\"?)\n", best);
		return NULL;
	}
	fprintf(stderr, "; it has");
	for (uint32_t i = 0; i < p->object->n_functions; i++)
		fprintf(stderr, "%s %s (%s)", i ? "," : "", names[i],
			task_kind_name(p->object->functions[i].kind));
	fputc('\n', stderr);
	return NULL;
}

uint8_t *program_payload(const struct program *p, size_t *len)
{
	char line[TASK_NAME_BYTES_MAX + 32];
	size_t n = (size_t)snprintf(line, sizeof(line), "#!bpf name=%s\n", p->library);
	uint8_t *payload = malloc(n + p->len);

	if (!payload)
		return NULL;
	memcpy(payload, line, n);
	memcpy(payload + n, p->bytes, p->len);
	*len = n + p->len;
	return payload;
}
