/* SPDX-License-Identifier: BSD-3-Clause */
/* braidctl: parses the command line and runs the command. */
#include "control/cli/cli.h"

int main(int argc, char **argv)
{
	struct cli cli = {0};
	enum cli_exit code = cli_parse(&cli, argc, argv);

	if (code == CLI_OK && cli.version)
		printf("braidctl %s\n", BRAID_VERSION);
	else if (code == CLI_OK && !cli.help)
		code = cli.command->run(&cli);
	if (fflush(stdout) != 0 && code == CLI_OK)
		code = CLI_FAILED;
	return code;
}
