/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiling for bpf: clang, the flags that programs need, and where their header is. */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/cli/program.h"

#define HEADER       "braid_task.h"
#define FLAGS_MAX    12
#define ARGS_MAX     (FLAGS_MAX + 2 * CLI_GIVEN_MAX + 8)
#define CLANG_ABSENT 127

extern char **environ;

/* Directories that are searched for the header, in this order; a relative one starts where braidctl
 * itself is. */
static const char *const include_dirs[] = {"../include", BRAID_SOURCE_INCLUDE, BRAID_INCLUDE};

bool program_include(char *dir)
{
	char self[PATH_MAX] = "", path[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? strrchr(self, '/') : NULL;

	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(include_dirs); i++) {
		bool relative = include_dirs[i][0] != '/';

		snprintf(path, sizeof(path), "%s%s%s/" HEADER, relative ? self : "",
			relative ? "/" : "", include_dirs[i]);
		if (access(path, R_OK) != 0)
			continue;
		path[strlen(path) - strlen("/" HEADER)] = '\0';
		return base_strlcpy(dir, path, PATH_MAX) == strlen(path);
	}
	fprintf(stderr,
		"braidctl: " HEADER " is neither in %s/../include nor in " BRAID_INCLUDE
		"; install braid, or give its directory with -I\n",
		self);
	return false;
}

/* Whether the user's -I has the header: then ours is not looked for. */
static bool own_header(const struct cli *cli)
{
	char path[PATH_MAX + sizeof(HEADER)];

	for (unsigned i = 0; i < cli->n_given; i++) {
		if (cli->given[i].option->letter != 'I')
			continue;
		snprintf(path, sizeof(path), "%s/" HEADER, cli->given[i].value);
		if (access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/* Starts @args and waits. The exit code, CLANG_ABSENT if it could not be started. */
static int run(const char *const args[])
{
	int status = 0;
	pid_t pid;
	int rc = posix_spawnp(&pid, args[0], NULL, NULL, (char *const *)(uintptr_t)args, environ);

	if (rc != 0)
		return CLANG_ABSENT;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

enum cli_exit program_compile(const struct cli *cli, const char *source, const char *out)
{
	const char *clang = getenv("BRAID_CLANG");
	const char *args[ARGS_MAX] = {clang ? clang : "clang", "-target", "bpf", "-mcpu=v2", "-O2",
		"-g", "-Wall", "-c", source, "-o", out};
	unsigned n = 11;
	char include[PATH_MAX];
	int code;

	for (unsigned i = 0; i < cli->n_given; i++) {
		const struct cli_given *g = &cli->given[i];

		if (g->option->letter != 'I' && g->option->letter != 'D')
			continue;
		args[n++] = g->option->letter == 'I' ? "-I" : "-D";
		args[n++] = g->value;
	}
	if (!own_header(cli)) {
		if (!program_include(include))
			return CLI_FAILED;
		args[n++] = "-I";
		args[n++] = include;
	}
	fflush(stdout);
	code = run(args);
	if (code == CLANG_ABSENT)
		fprintf(stderr,
			"braidctl: there is no %s here to compile %s; install it "
			"(apt-get install clang), name it in BRAID_CLANG, or give an object "
			"compiled elsewhere\n",
			args[0], source);
	else if (code != 0)
		fprintf(stderr, "braidctl: %s does not compile; see what %s says above\n", source,
			args[0]);
	return code == 0 ? CLI_OK : CLI_FAILED;
}
