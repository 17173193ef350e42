/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the store is: options, environment, configuration. */
#include <stdlib.h>
#include <string.h>

#include "control/cli/redis.h"
#include "lib/base/ipaddr.h"

/* A TCP port. */
static bool parse_port(const char *text, uint16_t *port)
{
	unsigned long n;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoul(text, &end, 10);
	*port = (uint16_t)n;
	return *end == '\0' && n >= 1 && n <= UINT16_MAX;
}

bool redis_address_parse(const char *text, struct redis_address *a)
{
	const char *host = text, *colon = strchr(text, ':');
	size_t len = strlen(text);

	a->port = CONF_STORE_PORT;
	if (*text == '[') {
		const char *end = strchr(text, ']');

		if (!end || (end[1] != '\0' && end[1] != ':') ||
			(end[1] == ':' && !parse_port(end + 2, &a->port)))
			return false;
		host = text + 1;
		len = (size_t)(end - host);
	} else if (colon && !strchr(colon + 1, ':')) {
		if (!parse_port(colon + 1, &a->port))
			return false;
		len = (size_t)(colon - text);
	}
	if (len == 0 || len >= sizeof(a->host))
		return false;
	memcpy(a->host, host, len);
	a->host[len] = '\0';
	return true;
}

/* The first address of the store in @path, its port and password. */
static enum cli_exit read_config(const char *path, struct redis_address *a)
{
	struct conf_error err = {0};
	struct conf *conf;
	uint16_t n_listen;

	if (conf_load(path, false, &conf, &err) < 0) {
		fprintf(stderr, "braidctl: %s\n", err.text);
		return CLI_FAILED;
	}
	n_listen = conf->store.n_listen;
	if (n_listen > 0) {
		ip_addr_format_host(&conf->store.listen[0], a->host);
		a->port = conf->store.port;
		base_strlcpy(a->password, conf->store.password, sizeof(a->password));
	}
	conf_free(conf);
	if (n_listen > 0)
		return CLI_OK;
	fprintf(stderr,
		"braidctl: %s has no section \"store\", so that there is nothing to ask; "
		"give the address with --server\n",
		path);
	return CLI_FAILED;
}

enum cli_exit redis_address_find(const struct cli *cli, struct redis_address *a)
{
	const char *server = cli_value(cli, "server"), *config = cli_value(cli, "config");
	const char *password = cli_value(cli, "password");
	enum cli_exit code = CLI_OK;

	*a = (struct redis_address){.host = "127.0.0.1", .port = CONF_STORE_PORT};
	if (config)
		code = read_config(config, a);
	if (code != CLI_OK)
		return code;
	if (!server && !config)
		server = getenv("BRAID_SERVER");
	if (server && *server && !redis_address_parse(server, a))
		return cli_usage("server \"%s\": not HOST, HOST:PORT or [ADDRESS]:PORT", server);
	if (!password)
		password = getenv("BRAID_PASSWORD");
	if (password &&
		base_strlcpy(a->password, password, sizeof(a->password)) != strlen(password))
		return cli_usage("the password has more than %d characters", CONF_PASSWORD_MAX - 1);
	return CLI_OK;
}
