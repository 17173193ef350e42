/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Route files, one route a line, for tables of a million:
 *     PREFIX via ADDRESS [weight N] [interface NAME] [via ADDRESS ...]
 *     PREFIX blackhole | reject
 * Read in pieces of bounded size and in one pass. Main threads only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/conf/conf_impl.h"
#include "lib/conf/conf_scan.h"

#define LINE_BYTES_MAX 4096
#define PIECE_BYTES    (256 * 1024)

/* A line being read; the words are separated by spaces and tabs. */
struct line {
	const char *start;
	const char *next; /* not yet read */
	const char *end;  /* without comment and line end */
	const char *word; /* the current word, empty at the end of the line */
	size_t word_len;
	uint32_t number;
};

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static inline void next_word(struct line *line)
{
	const char *p = line->next;

	while (p < line->end && is_blank(*p))
		p++;
	line->word = p;
	while (p < line->end && !is_blank(*p))
		p++;
	line->word_len = (size_t)(p - line->word);
	line->next = p;
}

static inline bool word_is(const struct line *line, const char *text, size_t len)
{
	return line->word_len == len && !memcmp(line->word, text, len);
}

static inline struct conf_place word_place(const struct line *line)
{
	return (struct conf_place){
		.line = line->number,
		.column = (uint32_t)(line->word - line->start) + 1,
	};
}

/* Fails at the current word: `expected @wanted, not "..."`. */
static int fail_word(struct conf_loader *l, const struct line *line, const char *wanted)
{
	char quoted[CONF_QUOTE_BYTES];

	if (line->word_len == 0)
		return conf_fail(
			l, word_place(line), "expected %s, not the end of the line", wanted);
	return conf_fail(l, word_place(line), "expected %s, not \"%s\"", wanted,
		conf_quote(line->word, line->word_len, quoted));
}

static int read_weight(struct conf_loader *l, struct line *line, struct conf_hop *hop)
{
	const char *end;
	uint64_t weight;

	next_word(line);
	end = line->word + line->word_len;
	if (conf_scan_number(line->word, end, CONF_WEIGHT_MAX, &weight) != end || weight == 0)
		return fail_word(l, line, "a weight from 1 to 255");
	hop->weight = (uint16_t)weight;
	next_word(line);
	return 0;
}

static int read_interface(struct conf_loader *l, struct line *line, struct conf_hop *hop)
{
	int rc;

	next_word(line);
	if (line->word_len == 0 || line->word_len >= CONF_NAME_MAX ||
		memchr(line->word, '\0', line->word_len))
		return fail_word(l, line, "the name of an interface");
	memcpy(hop->interface, line->word, line->word_len);
	rc = conf_check_interface(l, hop->interface, word_place(line));
	next_word(line);
	return rc;
}

/* Reads "ADDRESS [weight N] [interface NAME]". */
static int read_hop(struct conf_loader *l, struct line *line, struct conf_draft *draft)
{
	struct conf_hop *hop = &draft->hops[draft->n_hops];
	bool has_weight = false;
	const char *end, *why;
	int rc = 0;

	next_word(line);
	if (draft->n_hops == CONF_HOPS_MAX)
		return conf_fail(
			l, word_place(line), "more than %d next hops in a route", CONF_HOPS_MAX);
	end = line->word + line->word_len;
	*hop = (struct conf_hop){.weight = 1};
	if (UNLIKELY(conf_scan_address(line->word, end, &hop->address) != end))
		return fail_word(l, line, "the address of a next hop");
	why = conf_check_unusable(&hop->address);
	if (UNLIKELY(why))
		return conf_fail(l, word_place(line), "next hop %.*s is %s, which no host has",
			(int)line->word_len, line->word, why);
	draft->hop_places[draft->n_hops++] = word_place(line);
	next_word(line);
	while (rc == 0) {
		if (word_is(line, "weight", 6) && !has_weight) {
			rc = read_weight(l, line, hop);
			has_weight = true;
		} else if (word_is(line, "interface", 9) && !hop->interface[0]) {
			rc = read_interface(l, line, hop);
		} else {
			break;
		}
	}
	return rc;
}

/* Fails for a word that cannot follow, with a suggestion when it is close to one that can. */
static int fail_keyword(struct conf_loader *l, const struct line *line, bool is_first)
{
	static const char *const words[] = {"via", "weight", "interface", "blackhole", "reject"};
	char word[CONF_QUOTE_BYTES];
	const char *suggestion;

	conf_quote(line->word, line->word_len, word);
	suggestion = base_suggest(word, words, ARRAY_SIZE(words));
	if (suggestion && strcmp(suggestion, word) != 0)
		return conf_fail(l, word_place(line), "unknown word \"%s\" (did you mean \"%s\"?)",
			word, suggestion);
	return fail_word(l, line,
		is_first ? "\"via ADDRESS\", \"blackhole\" or \"reject\""
			 : "\"via\", \"weight\" or \"interface\", each once per next hop");
}

/* Reads what follows the prefix. */
static int read_action(struct conf_loader *l, struct line *line, struct conf_draft *draft)
{
	int rc = 0;

	draft->n_hops = 0;
	draft->action = CONF_ACTION_VIA;
	next_word(line);
	if (LIKELY(word_is(line, "via", 3))) {
		while (rc == 0 && word_is(line, "via", 3))
			rc = read_hop(l, line, draft);
		if (rc == 0 && line->word_len)
			rc = fail_keyword(l, line, false);
		return rc;
	}
	if (word_is(line, "blackhole", 9))
		draft->action = CONF_ACTION_BLACKHOLE;
	else if (word_is(line, "reject", 6))
		draft->action = CONF_ACTION_REJECT;
	else
		return fail_keyword(l, line, true);
	next_word(line);
	return line->word_len ? fail_word(l, line, "the end of the line") : 0;
}

static int read_line(struct conf_loader *l, const char *start, const char *end, uint32_t number)
{
	const char *comment = memchr(start, '#', (size_t)(end - start));
	struct line line = {
		.start = start,
		.next = start,
		.end = comment ? comment : end,
		.number = number,
	};
	struct conf_draft *draft = &l->draft;
	int rc;

	next_word(&line);
	if (line.word_len == 0)
		return 0;
	draft->prefix_place = word_place(&line);
	rc = conf_routes_prefix(l, line.word, line.word_len, draft->prefix_place, &draft->prefix);
	if (rc == 0)
		rc = read_action(l, &line, draft);
	if (rc == 0)
		rc = conf_routes_add(l, draft);
	return rc;
}

/*
 * Reads the lines of [@text, @text + @len); the last one, when no line end follows it, only if
 * @is_last. Counts them in *@number. Returns how many bytes were read, or a negative errno.
 */
static int64_t read_lines(
	struct conf_loader *l, const char *text, size_t len, bool is_last, uint32_t *number)
{
	const char *p = text, *end = text + len;

	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		const char *line_end = eol ? eol : end;
		int rc;

		if (!eol && !is_last && end - p <= LINE_BYTES_MAX)
			break;
		++*number;
		if (line_end - p > LINE_BYTES_MAX)
			return conf_fail(l,
				(struct conf_place){.line = *number, .column = LINE_BYTES_MAX + 1},
				"this line is longer than %d bytes", LINE_BYTES_MAX);
		rc = read_line(l, p, line_end, *number);
		if (rc < 0)
			return rc;
		p = eol ? eol + 1 : end;
	}
	return p - text;
}

/* Reads a whole file through a buffer. @read_error is the errno of a read that failed. */
static int read_fd(struct conf_loader *l, int fd, int *read_error)
{
	char *buf = malloc(PIECE_BYTES);
	uint32_t number = 0;
	size_t held = 0;
	int64_t used = 0;
	bool is_last = false;

	if (!buf)
		return conf_fail_memory(l);
	while (!is_last) {
		ssize_t n = read(fd, buf + held, PIECE_BYTES - held);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*read_error = errno;
			break;
		}
		is_last = n == 0;
		held += (size_t)n;
		used = read_lines(l, buf, held, is_last, &number);
		if (used < 0)
			break;
		held -= (size_t)used;
		memmove(buf, buf + used, held);
	}
	free(buf);
	return used < 0 ? (int)used : 0;
}

/* Writes the path of @name, beside the YAML file when relative; false when it is too long. */
static bool make_path(const struct conf_loader *l, const char *name, char path[CONF_PATH_MAX])
{
	const char *slash = strrchr(l->yaml_file, '/');
	int dir_len = slash && name[0] != '/' ? (int)(slash - l->yaml_file) + 1 : 0;

	return snprintf(path, CONF_PATH_MAX, "%.*s%s", dir_len, l->yaml_file, name) < CONF_PATH_MAX;
}

/* Adds the path of one more route file. */
static int add_path(struct conf_loader *l, const struct conf_value *value)
{
	struct conf *conf = l->conf;
	char *path;

	/* Messages keep pointers to the paths, so all of them are allocated at once. */
	if (!conf->route_files)
		conf->route_files = calloc(CONF_ROUTE_FILES_MAX, sizeof(*conf->route_files));
	if (!conf->route_files)
		return conf_fail_memory(l);
	path = conf->route_files[conf->n_route_files];
	if (!make_path(l, conf_value_text(l, value), path))
		return conf_fail(l, value->place, "the path of this route file is too long");
	for (unsigned i = 0; i < conf->n_route_files; i++)
		if (!strcmp(conf->route_files[i], path))
			return conf_fail(
				l, value->place, "route file \"%.128s\" is listed twice", path);
	conf->n_route_files++;
	return 0;
}

int conf_route_file_load(struct conf_loader *l, const struct conf_value *value)
{
	int fd, error = 0, rc = add_path(l, value);
	const char *path;
	struct stat st;

	if (rc < 0)
		return rc;
	path = l->conf->route_files[l->conf->n_route_files - 1];
	/* Not waiting for a writer if it is a FIFO, which the next check refuses. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		error = errno;
	} else if (!S_ISREG(st.st_mode)) {
		rc = conf_fail(
			l, value->place, "route file \"%.128s\" is not a regular file", path);
	} else {
		conf_routes_source(l, path);
		l->file = path;
		rc = read_fd(l, fd, &error);
		l->file = l->yaml_file;
	}
	if (fd >= 0)
		close(fd);
	if (error) {
		conf_fail(l, value->place, "cannot read route file \"%.128s\": %s", path,
			strerror(error));
		return -error;
	}
	return rc;
}
