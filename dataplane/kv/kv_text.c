/* SPDX-License-Identifier: BSD-3-Clause */
/* Text in pieces. Thread: worker. */
#include <stdarg.h>
#include <string.h>

#include "dataplane/kv/kv_memory.h"
#include "dataplane/kv/kv_text.h"
#include "lib/wire/number.h"

#define TEXT_BYTES_MAX (64u << 20)
#define PIECE_BYTES    (KV_RESERVE_PIECE_BYTES - sizeof(struct kv_text_piece))

struct kv_text_piece {
	struct kv_text_piece *next;
	uint32_t len;
	uint8_t bytes[];
};

/* A piece with room, or NULL. */
static struct kv_text_piece *piece_of(struct kv_text *t)
{
	struct kv_text_piece *piece = t->last;

	if (piece && piece->len < PIECE_BYTES)
		return piece;
	if (t->len > TEXT_BYTES_MAX)
		return NULL;
	piece = kv_memory_alloc(t->w, KV_RESERVE_PIECE_BYTES);
	if (!piece)
		return NULL;
	*piece = (struct kv_text_piece){.next = NULL};
	if (t->last)
		t->last->next = piece;
	else
		t->first = piece;
	t->last = piece;
	return piece;
}

void kv_text_bytes(struct kv_text *t, const void *p, uint32_t n)
{
	const uint8_t *bytes = p;

	while (n > 0 && !t->spoilt) {
		struct kv_text_piece *piece = piece_of(t);
		uint32_t part;

		if (!piece) {
			t->spoilt = true;
			return;
		}
		part = (uint32_t)MIN_OF((size_t)n, PIECE_BYTES - piece->len);
		memcpy(piece->bytes + piece->len, bytes, part);
		piece->len += part;
		t->len += part;
		bytes += part;
		n -= part;
	}
}

static void add_int(struct kv_text *t, int64_t n)
{
	char text[NUMBER_INT_TEXT_MAX];

	kv_text_bytes(t, text, number_format_int(text, n));
}

static void add_unsigned(struct kv_text *t, uint64_t n)
{
	if (n > INT64_MAX)
		kv_text_fixed(t, n, 0);
	else
		add_int(t, (int64_t)n);
}

/* One conversion of @fmt, behind its percent sign; what follows it. */
static const char *add_one(struct kv_text *t, const char *fmt, va_list *ap)
{
	bool is_long = *fmt == 'l';
	const char *text;
	int precision;
	char c;

	if (strncmp(fmt, ".*s", 3) == 0) {
		precision = va_arg(*ap, int);
		text = va_arg(*ap, const char *);
		kv_text_bytes(t, text, (uint32_t)precision);
		return fmt + 3;
	}
	fmt += is_long;
	switch (*fmt) {
	case 's':
		text = va_arg(*ap, const char *);
		kv_text_bytes(t, text, (uint32_t)strlen(text));
		break;
	case 'd':
		add_int(t, is_long ? va_arg(*ap, long) : va_arg(*ap, int));
		break;
	case 'u':
		add_unsigned(t, is_long ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned int));
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		kv_text_bytes(t, &c, 1);
		break;
	default:
		BRAID_ASSERT(*fmt == '%');
		kv_text_bytes(t, "%", 1);
	}
	return fmt + 1;
}

void kv_text_add(struct kv_text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	while (*fmt) {
		size_t plain = strcspn(fmt, "%");

		kv_text_bytes(t, fmt, (uint32_t)plain);
		fmt += plain;
		if (*fmt == '%')
			fmt = add_one(t, fmt + 1, &ap);
	}
	va_end(ap);
}

void kv_text_fixed(struct kv_text *t, uint64_t n, unsigned decimals)
{
	char digits[NUMBER_INT_TEXT_MAX];
	uint32_t at = sizeof(digits);
	unsigned done = 0;

	do {
		if (decimals > 0 && done == decimals)
			digits[--at] = '.';
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
		done++;
	} while (n > 0 || done <= decimals);
	kv_text_bytes(t, digits + at, (uint32_t)sizeof(digits) - at);
}

void kv_text_trimmed(struct kv_text *t, uint64_t n, unsigned decimals)
{
	for (; decimals > 0 && n % 10 == 0; decimals--)
		n /= 10;
	kv_text_fixed(t, n, decimals);
}

void kv_text_human(struct kv_text *t, uint64_t bytes)
{
	static const char units[] = "KMGTP";
	unsigned power = 0;

	while (power + 1 < sizeof(units) && bytes >> (10 * (power + 1)) > 0)
		power++;
	if (power == 0) {
		kv_text_add(t, "%luB", bytes);
		return;
	}
	kv_text_fixed(t, (uint64_t)(((__uint128_t)bytes * 100) >> (10 * power)), 2);
	kv_text_bytes(t, &units[power - 1], 1);
}

void kv_text_free(struct kv_text *t)
{
	while (t->first) {
		struct kv_text_piece *piece = t->first;

		t->first = piece->next;
		kv_memory_free(t->w, piece);
	}
	t->last = NULL;
	t->len = 0;
}

/* Sends what there is between @head and a line end; frees it. */
static void answer(struct kv_text *t, struct kv_reply *r, const char *head, uint32_t len)
{
	if (t->spoilt) {
		kv_text_free(t);
		kv_reply_error(r, "OOM no memory for the answer");
		return;
	}
	kv_reply_raw(r, head, len);
	for (struct kv_text_piece *piece = t->first; piece; piece = piece->next)
		kv_reply_raw(r, piece->bytes, piece->len);
	if (head[0] != '*')
		kv_reply_raw(r, "\r\n", 2);
	kv_text_free(t);
}

void kv_text_reply(struct kv_text *t, struct kv_reply *r, bool verbatim)
{
	char head[NUMBER_INT_TEXT_MAX + 8];
	bool typed = verbatim && kv_reply_version(r) == 3;
	uint32_t n;

	head[0] = typed ? '=' : '$';
	n = 1 + number_format_int(head + 1, (int64_t)t->len + (typed ? 4 : 0));
	memcpy(head + n, "\r\ntxt:", 6);
	answer(t, r, head, n + (typed ? 6 : 2));
}

void kv_text_status(struct kv_text *t, struct kv_reply *r)
{
	answer(t, r, "+", 1);
}

void kv_text_elements(struct kv_text *t, struct kv_reply *r, uint32_t n)
{
	char head[NUMBER_INT_TEXT_MAX + 8];
	uint32_t len;

	head[0] = '*';
	len = 1 + number_format_int(head + 1, n);
	memcpy(head + len, "\r\n", 2);
	answer(t, r, head, len + 2);
}

void kv_reply_help(struct kv_call *c, const char *const *lines, uint32_t n)
{
	static const char usage[] = " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n";
	const struct resp_arg *name = &c->argv[0];

	kv_reply_array(c->reply, n + 3);
	kv_reply_raw(c->reply, "+", 1);
	for (uint32_t i = 0; i < name->len; i++) {
		uint8_t letter = name->bytes[i];

		letter = letter >= 'a' && letter <= 'z' ? letter & (uint8_t)~0x20 : letter;
		kv_reply_raw(c->reply, &letter, 1);
	}
	kv_reply_raw(c->reply, usage, sizeof(usage) - 1);
	for (uint32_t i = 0; i < n; i++)
		kv_reply_status(c->reply, lines[i]);
	kv_reply_status(c->reply, "HELP");
	kv_reply_status(c->reply, "    Prints this help.");
}
