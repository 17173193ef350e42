/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of messages and the check every received message passes first. Any thread. */
#include <errno.h>
#include <string.h>

#include "lib/api/api.h"

/* clang-format off */
static const struct api_row rows[] = {
#define API_MSG(id, id_name, req, req_item, rep, rep_item, text)                                   \
	{                                                                                          \
		.type = (id),                                                                      \
		.name = #id_name,                                                                  \
		.help = (text),                                                                    \
		.request_bytes = sizeof(struct req),                                               \
		.request_item_bytes = sizeof(struct req_item),                                     \
		.reply_bytes = sizeof(struct rep),                                                 \
		.reply_item_bytes = sizeof(struct rep_item),                                       \
	},
#include "lib/api/api.def"
#undef API_MSG
};

static const uint16_t event_types[] = {
#define API_MSG(id, id_name, req, req_item, rep, rep_item, text) (id),
#include "lib/api/event.def"
#undef API_MSG
};
/* clang-format on */

const struct api_row *api_row_find(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

const struct api_row *api_rows(size_t *n)
{
	*n = ARRAY_SIZE(rows);
	return rows;
}

static bool is_event_type(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(event_types); i++)
		if (event_types[i] == type)
			return true;
	return false;
}

/* The body of an error reply: one terminated sentence. */
static int check_error_body(
	const struct api_row *row, const uint8_t *body, size_t len, struct base_error *err)
{
	if (len != sizeof(struct base_error))
		return base_error_set(err, EBADMSG,
			"%s: error reply with a body of %zu bytes instead of %zu", row->name, len,
			sizeof(struct base_error));
	if (memchr(body, '\0', len) == NULL)
		return base_error_set(err, EBADMSG,
			"%s: the sentence of the error reply does not end", row->name);
	return 0;
}

/* Fixed part and, where the row has items, exactly as many as `count` says. */
static int check_body(const struct api_row *row, bool request, const uint8_t *body, size_t len,
	struct base_error *err)
{
	uint64_t want = request ? row->request_bytes : row->reply_bytes;
	size_t item = request ? row->request_item_bytes : row->reply_item_bytes;
	uint32_t count = 0;

	if (len >= want && item > 0) {
		memcpy(&count, body, sizeof(count));
		want += (uint64_t)count * item;
	}
	if (len != want)
		return base_error_set(err, EBADMSG,
			"%s: body of %zu bytes where %llu were expected (%u items)", row->name, len,
			(unsigned long long)want, count);
	return 0;
}

int api_check(const void *buf, size_t len, struct base_error *err)
{
	const uint8_t *body = (const uint8_t *)buf + sizeof(struct api_header);
	const struct api_row *row;
	struct api_header hdr;

	if (len < sizeof(hdr) || len > API_MSG_MAX_BYTES)
		return base_error_set(err, EBADMSG, "message of %zu bytes (%zu to %u are possible)",
			len, sizeof(hdr), API_MSG_MAX_BYTES);
	memcpy(&hdr, buf, sizeof(hdr));
	if (hdr.length_bytes != len)
		return base_error_set(err, EBADMSG,
			"message of %zu bytes whose header says %u bytes", len, hdr.length_bytes);
	row = api_row_find(hdr.type);
	if (!row)
		return base_error_set(err, EPROTO,
			"message of unknown type %u (the other side may be another version of "
			"braid)",
			hdr.type);
	if (hdr.flags != 0 && hdr.flags != API_FLAG_REPLY && hdr.flags != API_FLAG_EVENT)
		return base_error_set(err, EPROTO, "%s: unknown flags 0x%x", row->name, hdr.flags);
	if (is_event_type(hdr.type) != (hdr.flags == API_FLAG_EVENT))
		return base_error_set(err, EPROTO, "%s: %s", row->name,
			hdr.flags == API_FLAG_EVENT ? "this message is not an event"
						    : "this message is always an event");
	if (hdr.status > 0 || (hdr.status < 0 && hdr.flags != API_FLAG_REPLY))
		return base_error_set(
			err, EPROTO, "%s: impossible status %d", row->name, hdr.status);
	len -= sizeof(hdr);
	if (hdr.status < 0)
		return check_error_body(row, body, len, err);
	return check_body(row, hdr.flags == 0, body, len, err);
}

bool api_string_ok(const char *s, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (s[i] == '\0')
			return true;
		if (s[i] < ' ' || s[i] > '~')
			return false;
	}
	return false;
}

const char *api_conn_state_name(unsigned state)
{
	static const char *const names[] = {
		[API_CONN_CLOSED] = "CLOSED",
		[API_CONN_SYN_SENT] = "SYN-SENT",
		[API_CONN_SYN_RECEIVED] = "SYN-RECEIVED",
		[API_CONN_ESTABLISHED] = "ESTABLISHED",
		[API_CONN_FIN_WAIT_1] = "FIN-WAIT-1",
		[API_CONN_FIN_WAIT_2] = "FIN-WAIT-2",
		[API_CONN_CLOSE_WAIT] = "CLOSE-WAIT",
		[API_CONN_CLOSING] = "CLOSING",
		[API_CONN_LAST_ACK] = "LAST-ACK",
		[API_CONN_TIME_WAIT] = "TIME-WAIT",
	};

	_Static_assert(ARRAY_SIZE(names) == API_CONN_STATES, "every state has a name");
	return state < ARRAY_SIZE(names) ? names[state] : "?";
}
