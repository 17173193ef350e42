/* SPDX-License-Identifier: BSD-3-Clause */
/* braidctl cc: compiles a program. */
#include <limits.h>
#include <string.h>

#include "control/cli/program.h"

enum cli_exit cli_cc(struct cli *cli)
{
	const char *source = cli->words[0], *out = cli_value(cli, "output");
	const char *name = strrchr(source, '/');
	char beside[PATH_MAX];

	if (!program_is_source(source))
		return cli_usage("cc: \"%s\" is no C source: its name does not end in .c", source);
	if (!out) {
		/* As a compiler does: into this directory, named like the source. */
		name = name ? name + 1 : source;
		snprintf(beside, sizeof(beside), "%.*s.o", (int)strlen(name) - 2, name);
		out = beside;
	}
	return program_compile(cli, source, out);
}
