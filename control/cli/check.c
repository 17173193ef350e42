/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * braidctl check: what the node will say of a program, without a node. The checker is the same;
 * how long a call takes and how much code it becomes is measured by braid-measure, which knows the
 * compiler.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/cli/program.h"
#include "control/cli/table.h"
#include "lib/task/task_check.h"

#define MEASURE "braid-measure"

/* What a rule is about. */
static const struct {
	const char *wrong, *cure;
} rules[TASK_RULES] = {
#define TASK_RULE(name, ...) [TASK_RULE_##name] = {__VA_ARGS__},
#include "lib/task/task_rules.def"
#undef TASK_RULE
};

/* Where braid-measure is looked for, from where braidctl is: installed, or in a build. */
static const char *const measure_dirs[] = {"../libexec/braid/", "../dataplane/"};

/* Finds braid-measure, into @path. */
static bool find_measure(char path[2 * PATH_MAX])
{
	char self[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? strrchr(self, '/') : NULL;

	if (slash)
		slash[1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(measure_dirs); i++) {
		snprintf(path, 2 * PATH_MAX, "%s%s" MEASURE, self, measure_dirs[i]);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* Writes the object to a file that is only in memory; its descriptor, or -1. */
static int object_in_memory(const struct program *p)
{
	int fd = memfd_create("object", 0);

	for (size_t at = 0; fd >= 0 && at < p->len;) {
		ssize_t n = write(fd, p->bytes + at, p->len - at);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		at += (size_t)n;
	}
	return fd;
}

/* Starts @path on the file @object; its output comes from *@out. */
static bool spawn_measure(const char *path, int object, int *out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	char name[32];
	const char *args[] = {path, name, NULL};
	int ends[2];
	bool ok;

	snprintf(name, sizeof(name), "/dev/fd/%d", object);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	ok = posix_spawn(pid, path, &actions, NULL, (char *const *)(uintptr_t)args, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	*out = ends[0];
	if (!ok)
		close(ends[0]);
	return ok;
}

/* What braid-measure says of the functions: {"name": {"code_bytes", "ns"}}; NULL: nothing. */
static json_t *measure(const struct program *p)
{
	int object, out, status = -1;
	char path[2 * PATH_MAX];
	json_t *said = NULL;
	pid_t pid;

	if (!find_measure(path))
		return NULL;
	object = object_in_memory(p);
	if (object < 0)
		return NULL;
	if (spawn_measure(path, object, &out, &pid)) {
		said = json_loadfd(out, 0, NULL);
		close(out);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(object);
	if (status == 0)
		return said;
	json_decref(said);
	return NULL;
}

/* Adds what was found wrong. */
static void add_refusal(json_t *row, const struct task_function *f, const struct task_verdict *v)
{
	const struct task_line *line = task_function_line(f, v->insn);

	json_object_set_new(row, "rule", json_string(task_rule_name(v->rule)));
	json_object_set_new(row, "line", line ? json_integer(line->line) : json_null());
	json_object_set_new(row, "source", line ? json_string(line->text) : json_null());
	json_object_set_new(row, "instruction", json_integer(v->insn));
	json_object_set_new(row, "reason", json_string(rules[v->rule].wrong));
	json_object_set_new(row, "cure", json_string(rules[v->rule].cure));
}

/* The row of a function; @measured may be NULL. */
static json_t *check_function(
	const struct program *p, const struct task_function *f, const json_t *measured)
{
	const json_t *m = json_object_get(measured, f->name);
	struct task_verdict v;
	json_t *row = json_object();
	bool accepted = task_check(f, p->object->rodata_len, &v);

	json_object_set_new(row, "function", json_string(f->name));
	json_object_set_new(row, "kind", json_string(task_kind_name(f->kind)));
	json_object_set_new(row, "accepted", json_boolean(accepted));
	json_object_set_new(row, "verdict", json_string(accepted ? "accepted" : "refused"));
	json_object_set_new(row, "instructions", json_integer(f->n_insns));
	json_object_set_new(row, "worst_case", accepted ? json_integer(v.cost_max) : json_null());
	json_object_set(row, "code_bytes", json_object_get(m, "code_bytes"));
	json_object_set(row, "ns", json_object_get(m, "ns"));
	if (!json_object_get(row, "code_bytes"))
		json_object_set_new(row, "code_bytes", json_null());
	if (!json_object_get(row, "ns"))
		json_object_set_new(row, "ns", json_null());
	if (!accepted)
		add_refusal(row, f, &v);
	return row;
}

/* Below the table: each refused function with the line of C, and what to do. */
static void print_refusal(const struct program *p, const json_t *row)
{
	const char *source = json_string_value(json_object_get(row, "source"));
	long long line = json_integer_value(json_object_get(row, "line"));
	char where[32] = "";

	if (line > 0)
		snprintf(where, sizeof(where), "%lld:", line);
	printf("\n%s:%s %s: %s (%s)\n", p->path, where,
		json_string_value(json_object_get(row, "function")),
		json_string_value(json_object_get(row, "reason")),
		json_string_value(json_object_get(row, "rule")));
	if (source && *source)
		printf("    %s\n", source + strspn(source, " \t"));
	printf("    cure: %s\n", json_string_value(json_object_get(row, "cure")));
}

enum cli_exit cli_check(struct cli *cli)
{
	static const struct table_column columns[] = {{"function", "FUNCTION"}, {"kind", "KIND"},
		{"verdict", "VERDICT"}, {"instructions", "INSTRUCTIONS"},
		{"worst_case", "WORST CASE"}, {"code_bytes", "CODE BYTES"}, {"ns", "NS/RECORD"}};
	struct program p;
	enum cli_exit code = program_open(cli, cli->words[0], &p);
	json_t *rows, *measured;
	bool all = true;

	if (code != CLI_OK)
		return code;
	rows = json_array();
	measured = measure(&p);
	for (uint32_t i = 0; i < p.object->n_functions; i++) {
		json_t *row = check_function(&p, &p.object->functions[i], measured);

		all = all && json_is_true(json_object_get(row, "accepted"));
		json_array_append_new(rows, row);
	}
	json_decref(measured);
	if (cli->json) {
		cli_print_json(rows);
	} else {
		table_print(rows, columns, ARRAY_SIZE(columns));
		for (size_t i = 0; i < json_array_size(rows); i++)
			if (!json_is_true(json_object_get(json_array_get(rows, i), "accepted")))
				print_refusal(&p, json_array_get(rows, i));
		json_decref(rows);
	}
	program_close(&p);
	return all ? CLI_OK : CLI_FAULT;
}
