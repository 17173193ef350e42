/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing replies. Everything goes through room(), which hands full buffers on to the sink. Thread:
 * worker.
 */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "dataplane/kv/kv_reply.h"
#include "dataplane/kv/kv_worker.h"
#include "lib/wire/number.h"

#define HEAD_MAX (NUMBER_INT_TEXT_MAX + 4) /* a type, a number and a line end */

void kv_reply_flush(struct kv_reply *r)
{
	if (r->len > 0 && !r->spoilt && !r->sink->bytes(r, r->buffer, r->len))
		r->spoilt = true;
	r->len = 0;
}

/* Room for @n bytes (at most HEAD_MAX or so) that the caller fills and adds to len. */
static inline uint8_t *room(struct kv_reply *r, uint32_t n)
{
	if (UNLIKELY(r->size - r->len < n))
		kv_reply_flush(r);
	return r->buffer + r->len;
}

static void append(struct kv_reply *r, const void *p, uint32_t n)
{
	const uint8_t *bytes = p;

	while (UNLIKELY(n > r->size - r->len)) {
		uint32_t part = r->size - r->len;

		memcpy(r->buffer + r->len, bytes, part);
		r->len += part;
		bytes += part;
		n -= part;
		kv_reply_flush(r);
	}
	memcpy(r->buffer + r->len, bytes, n);
	r->len += n;
}

/* Writes a type, a number and a line end to @p; their length. */
static inline uint32_t write_head(uint8_t *p, char type, int64_t n)
{
	uint32_t len = 2;

	p[0] = (uint8_t)type;
	if (LIKELY(n >= 0 && n < 10)) {
		p[1] = (uint8_t)('0' + n);
	} else if (n >= 10 && n < 100) {
		p[1] = (uint8_t)('0' + n / 10);
		p[2] = (uint8_t)('0' + n % 10);
		len = 3;
	} else {
		len = 1 + number_format_int((char *)p + 1, n);
	}
	p[len] = '\r';
	p[len + 1] = '\n';
	return len + 2;
}

/* A type, a number and a line end. */
static void head(struct kv_reply *r, char type, int64_t n)
{
	uint8_t *p;

	if (UNLIKELY(r->mute))
		return;
	p = room(r, HEAD_MAX);
	r->len += write_head(p, type, n);
}

void kv_reply_raw(struct kv_reply *r, const void *p, uint32_t len)
{
	if (LIKELY(!r->mute))
		append(r, p, len);
}

void kv_reply_status(struct kv_reply *r, const char *text)
{
	kv_reply_raw(r, "+", 1);
	kv_reply_raw(r, text, (uint32_t)strlen(text));
	kv_reply_raw(r, "\r\n", 2);
}

void kv_reply_ok(struct kv_reply *r)
{
	kv_reply_raw(r, "+OK\r\n", 5);
}

void kv_reply_int(struct kv_reply *r, int64_t n)
{
	head(r, ':', n);
}

void kv_reply_bulk(struct kv_reply *r, const void *p, uint32_t len)
{
	uint8_t *out = r->buffer + r->len;
	uint32_t n;

	if (UNLIKELY(r->mute))
		return;
	if (UNLIKELY((uint64_t)len + HEAD_MAX + 2 > r->size - r->len)) {
		head(r, '$', len);
		append(r, p, len);
		append(r, "\r\n", 2);
		return;
	}
	n = write_head(out, '$', len);
	memcpy(out + n, p, len);
	out[n + len] = '\r';
	out[n + len + 1] = '\n';
	r->len += n + len + 2;
}

void kv_reply_bulk_begin(struct kv_reply *r, uint32_t len)
{
	head(r, '$', len);
}

void kv_reply_text(struct kv_reply *r, const char *s)
{
	kv_reply_bulk(r, s, (uint32_t)strlen(s));
}

void kv_reply_item(struct kv_reply *r, struct kv_shard *s, struct kv_item *it)
{
	uint32_t len;
	const uint8_t *value = kv_item_value(it, &len);

	if (LIKELY(len <= KV_REPLY_COPY_MAX || !r->sink->item)) {
		kv_reply_bulk(r, value, len);
		return;
	}
	head(r, '$', len);
	if (r->mute)
		return;
	kv_reply_flush(r);
	kv_shard_pin(s, it);
	if (r->spoilt || !r->sink->item(r, it, value, len)) {
		kv_shard_unpin(s, it);
		r->spoilt = true;
	}
	kv_reply_raw(r, "\r\n", 2);
}

void kv_reply_null(struct kv_reply *r)
{
	if (r->version == 2)
		kv_reply_raw(r, "$-1\r\n", 5);
	else
		kv_reply_raw(r, "_\r\n", 3);
}

void kv_reply_null_array(struct kv_reply *r)
{
	if (r->version == 2)
		kv_reply_raw(r, "*-1\r\n", 5);
	else
		kv_reply_raw(r, "_\r\n", 3);
}

void kv_reply_array(struct kv_reply *r, uint32_t n)
{
	head(r, '*', n);
}

void kv_reply_map(struct kv_reply *r, uint32_t n)
{
	if (r->version == 2)
		head(r, '*', (int64_t)n * 2);
	else
		head(r, '%', n);
}

void kv_reply_set(struct kv_reply *r, uint32_t n)
{
	head(r, r->version == 2 ? '*' : '~', n);
}

void kv_reply_push(struct kv_reply *r, uint32_t n)
{
	head(r, r->version == 2 ? '*' : '>', n);
}

void kv_reply_bool(struct kv_reply *r, bool yes)
{
	if (r->version == 2)
		head(r, ':', yes);
	else
		kv_reply_raw(r, yes ? "#t\r\n" : "#f\r\n", 4);
}

void kv_reply_double(struct kv_reply *r, double d)
{
	char text[32];
	uint32_t len = number_format_double(text, d);

	if (r->version == 2) {
		kv_reply_bulk(r, text, len);
		return;
	}
	kv_reply_raw(r, ",", 1);
	kv_reply_raw(r, text, len);
	kv_reply_raw(r, "\r\n", 2);
}

void kv_reply_verbatim(struct kv_reply *r, const void *p, uint32_t len)
{
	if (r->version == 2) {
		kv_reply_bulk(r, p, len);
		return;
	}
	head(r, '=', (int64_t)len + 4);
	kv_reply_raw(r, "txt:", 4);
	kv_reply_raw(r, p, len);
	kv_reply_raw(r, "\r\n", 2);
}

/* A sentence that is being put together, cut at its end. */
struct sentence {
	char text[KV_REPLY_ERROR_MAX];
	uint32_t len;
};

static void say(struct sentence *s, const char *p, size_t len)
{
	uint32_t n = (uint32_t)MIN_OF(len, sizeof(s->text) - s->len);

	for (uint32_t i = 0; i < n; i++)
		s->text[s->len + i] = p[i];
	s->len += n;
}

static void say_int(struct sentence *s, int64_t n)
{
	char text[NUMBER_INT_TEXT_MAX];

	say(s, text, number_format_int(text, n));
}

/* One conversion of @fmt, behind its percent sign; what follows it. */
static const char *say_one(struct sentence *s, const char *fmt, va_list *ap)
{
	bool is_long = *fmt == 'l' || *fmt == 'z';
	int precision = -1;
	const char *text;
	char c;

	if (fmt[0] == '.' && fmt[1] == '*') {
		precision = va_arg(*ap, int);
		fmt += 2;
	}
	if (is_long)
		fmt++;
	switch (*fmt) {
	case 's':
		text = va_arg(*ap, const char *);
		say(s, text, precision < 0 ? strlen(text) : strnlen(text, (size_t)precision));
		break;
	case 'd':
		say_int(s, is_long ? va_arg(*ap, long) : va_arg(*ap, int));
		break;
	case 'u':
		say_int(s, is_long ? (int64_t)va_arg(*ap, unsigned long)
				   : (int64_t)va_arg(*ap, unsigned int));
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		say(s, &c, 1);
		break;
	default:
		BRAID_ASSERT(*fmt == '%');
		say(s, "%", 1);
	}
	return fmt + 1;
}

void kv_reply_error(struct kv_reply *r, const char *fmt, ...)
{
	struct sentence s = {.len = 0};
	va_list ap;

	va_start(ap, fmt);
	while (*fmt) {
		size_t plain = strcspn(fmt, "%");

		say(&s, fmt, plain);
		fmt += plain;
		if (*fmt == '%')
			fmt = say_one(&s, fmt + 1, &ap);
	}
	va_end(ap);
	for (uint32_t i = 0; i < s.len; i++)
		if (s.text[i] == '\r' || s.text[i] == '\n')
			s.text[i] = ' ';
	r->failed = true;
	r->errors++;
	kv_worker_count_error(r->w->kv, s.text, s.len);
	kv_reply_raw(r, "-", 1);
	kv_reply_raw(r, s.text, s.len);
	kv_reply_raw(r, "\r\n", 2);
}
