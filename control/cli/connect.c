/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the node's runtime directory, connects, and walks dumps. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "control/cli/cli.h"

static struct base_error dump_error;

/* Whether the directory entry is a node's directory, going by its name and type. */
static bool is_node(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN);
}

/* The only node in /run/braid. */
static int find_only_node(struct cli *cli, struct base_error *err)
{
	DIR *dir = opendir(CLI_RUNTIME_BASE);
	const struct dirent *entry;
	char names[128] = "";
	unsigned n = 0;

	if (!dir)
		return base_error_set(err, errno,
			errno == ENOENT
				? "no node runs here: there is no %s (start braid-dataplane and "
				  "braid-control, or give --runtime)"
				: "%s: cannot be read (run this as root, or give --runtime)",
			CLI_RUNTIME_BASE);
	while ((entry = readdir(dir))) {
		if (!is_node(entry))
			continue;
		snprintf(cli->runtime, sizeof(cli->runtime), CLI_RUNTIME_BASE "/%.200s",
			entry->d_name);
		if (strlen(names) + strlen(entry->d_name) + 3 < sizeof(names)) {
			strcat(names, n ? ", " : "");
			strcat(names, entry->d_name);
		}
		n++;
	}
	closedir(dir);
	if (n == 0)
		return base_error_set(err, ENOENT,
			"no node runs here: %s is empty (start braid-dataplane and braid-control, "
			"or give --runtime)",
			CLI_RUNTIME_BASE);
	if (n > 1)
		return base_error_set(err, EINVAL,
			"several nodes run here (%s): choose one with --node NAME", names);
	return 0;
}

int cli_runtime(struct cli *cli, struct base_error *err)
{
	if (cli->runtime[0] != '\0')
		return 0;
	if (cli->runtime_option && cli->node_option)
		return base_error_set(err, EINVAL, "give --runtime or --node, not both");
	if (cli->runtime_option) {
		if (strlen(cli->runtime_option) >= sizeof(cli->runtime))
			return base_error_set(err, ENAMETOOLONG, "--runtime is too long");
		base_strlcpy(cli->runtime, cli->runtime_option, sizeof(cli->runtime));
		return 0;
	}
	if (!cli->node_option)
		return find_only_node(cli, err);
	if (strlen(cli->node_option) >= API_NAME_MAX || strchr(cli->node_option, '/'))
		return base_error_set(err, EINVAL, "--node \"%.64s\": no node can have that name",
			cli->node_option);
	snprintf(cli->runtime, sizeof(cli->runtime), CLI_RUNTIME_BASE "/%s", cli->node_option);
	return 0;
}

int cli_connect(struct cli *cli, const char *name, struct api_client *client,
	struct api_hello_reply *hello, struct base_error *err)
{
	char path[sizeof(cli->runtime) + 32];
	int rc = cli_runtime(cli, err);

	*client = (struct api_client){.fd = -1};
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "%s/%s", cli->runtime, name);
	return api_client_open(client, path, "braidctl", hello, err);
}

const struct stats_file *cli_counters(struct cli *cli, struct base_error *err)
{
	char path[sizeof(cli->runtime) + 32];

	if (cli_runtime(cli, err) < 0)
		return NULL;
	snprintf(path, sizeof(path), "%s/counters", cli->runtime);
	return stats_file_open(path, err);
}

int cli_dump(struct api_client *client, enum api_type type, const void *request,
	bool (*fn)(void *ctx, const void *item), void *ctx)
{
	const struct api_row *row = api_row_find((uint16_t)type);
	union {
		uint64_t cursor; /* each of them begins with it */
		struct api_dump dump;
		struct api_flow_dump flow_dump;
		struct api_conn_dump conn_dump;
	} ask;

	BRAID_ASSERT(row->request_bytes <= sizeof(ask));
	memcpy(&ask, request, row->request_bytes);

	do {
		const struct api_dump_reply *reply;
		const void *body;
		int rc = api_call(client, type, &ask, &body, &dump_error);

		if (rc < 0)
			return rc;
		reply = body;
		for (uint32_t i = 0; i < reply->count; i++)
			if (!fn(ctx, (const uint8_t *)(reply + 1) + i * row->reply_item_bytes))
				return 0;
		ask.cursor = reply->cursor;
	} while (ask.cursor != 0);
	return 0;
}

const struct base_error *cli_dump_error(void)
{
	return &dump_error;
}

enum cli_exit cli_print_json(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(json);
	return CLI_OK;
}
