/* SPDX-License-Identifier: BSD-3-Clause */
/* The line before an object file; see task_payload.h. Thread: main. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "dataplane/task/task_payload.h"

#define LINE_BYTES_MAX (TASK_PAYLOAD_BYTES_MAX - TASK_OBJECT_BYTES_MAX)
#define ENGINE         "bpf"
#define SHOWN_MAX      64

/* A word of the line. */
struct word {
	const char *text;
	uint32_t len;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word from *@at on, which is moved behind it; of length 0: there is none. */
static struct word next_word(const char *line, uint32_t len, uint32_t *at)
{
	struct word w;

	while (*at < len && is_space(line[*at]))
		(*at)++;
	w.text = line + *at;
	while (*at < len && !is_space(line[*at]))
		(*at)++;
	w.len = (uint32_t)(line + *at - w.text);
	return w;
}

/* As a C string, with what cannot be printed replaced. */
static const char *show(struct word w, char text[SHOWN_MAX + 1])
{
	uint32_t n = MIN_OF(w.len, (uint32_t)SHOWN_MAX);

	for (uint32_t i = 0; i < n; i++)
		text[i] = (char)(w.text[i] >= ' ' && w.text[i] < 127 ? w.text[i] : '?');
	text[n] = '\0';
	return text;
}

static int take_name(struct word w, struct task_payload *p, struct base_error *err)
{
	if (p->name[0])
		return base_error_set(err, EINVAL,
			"Invalid metadata value, name argument was given multiple times");
	for (uint32_t i = 0; i < w.len; i++) {
		char c = w.text[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
			c != '_')
			w.len = 0;
	}
	if (w.len == 0)
		return base_error_set(err, EINVAL,
			"Library names can only contain letters, numbers, or underscores(_) and "
			"must be at least one character long");
	if (w.len > TASK_NAME_BYTES_MAX)
		return base_error_set(err, EINVAL, "Library names have at most %d characters",
			TASK_NAME_BYTES_MAX);
	memcpy(p->name, w.text, w.len);
	return 0;
}

int task_payload_parse(
	const void *bytes, uint32_t len, struct task_payload *p, struct base_error *err)
{
	const char *line = bytes, *end;
	char text[SHOWN_MAX + 1];
	struct word engine, w;
	uint32_t at = 2, line_len;

	*p = (struct task_payload){.object_at = 0};
	if (len < 2 || memcmp(line, "#!", 2) != 0)
		return base_error_set(err, EINVAL, "Missing library metadata");
	end = memchr(line, '\n', MIN_OF(len, (uint32_t)LINE_BYTES_MAX));
	if (!end)
		return base_error_set(err, EINVAL, "Invalid library metadata");
	line_len = (uint32_t)(end - line);
	engine = (struct word){.text = line + at};
	while (at < line_len && !is_space(line[at]))
		at++;
	engine.len = at - 2;
	while ((w = next_word(line, line_len, &at)).len > 0) {
		int ret;

		if (w.len < 5 || strncasecmp(w.text, "name=", 5) != 0)
			return base_error_set(
				err, EINVAL, "Invalid metadata value given: %s", show(w, text));
		ret = take_name((struct word){w.text + 5, w.len - 5}, p, err);
		if (ret < 0)
			return ret;
	}
	if (!p->name[0])
		return base_error_set(err, EINVAL, "Library name was not given");
	if (engine.len != strlen(ENGINE) || strncasecmp(engine.text, ENGINE, engine.len) != 0)
		return base_error_set(err, EINVAL, "Engine '%s' not found", show(engine, text));
	p->object_at = line_len + 1;
	return 0;
}
