/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decoders of the values that only the balancer's sections have: counts, durations, shares, ports,
 * prefixes, keys, the bytes of probes. Main threads only.
 */
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/conf/conf_impl.h"
#include "lib/conf/conf_scan.h"

#define THOUSAND        1000U
#define MILLION         1000000U
#define LIMIT_BYTES     24 /* of a limit in a message */
#define PREFIX_LEN4_MIN 8
#define PREFIX_LEN6_MIN 16
#define KEY_DIGITS      32

/* A suffix of numbers and what it stands for. */
struct unit {
	const char *name;
	uint32_t factor;
};

/* The largest first, so that limits are written in it. */
static const struct unit duration_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit count_units[] = {{"M", MILLION}, {"k", THOUSAND}, {"K", THOUSAND}};

/* The factor of the unit named by all of [@p, @end), or 0. */
static uint32_t find_factor(const struct unit *units, size_t n, const char *p, const char *end)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(units[i].name) == (size_t)(end - p) &&
			!memcmp(units[i].name, p, (size_t)(end - p)))
			return units[i].factor;
	return 0;
}

/* Writes @number in the largest unit that needs no fraction; returns @buf. */
static char *format_in_units(
	const struct unit *units, size_t n, uint64_t number, char buf[LIMIT_BYTES])
{
	for (size_t i = 0; i < n; i++) {
		if (number % units[i].factor)
			continue;
		snprintf(buf, LIMIT_BYTES, "%u%s", (unsigned)(number / units[i].factor),
			units[i].name);
		return buf;
	}
	snprintf(buf, LIMIT_BYTES, "%u", (unsigned)number);
	return buf;
}

/* Where the digits end, or the start of the text when it is no number. */
static const char *scan_digits(const char *text, const char *end, uint64_t *number)
{
	const char *p = conf_scan_number(text, end, UINT32_MAX, number);

	return p ? p : text;
}

int conf_decode_count(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	char wanted[128], min[LIMIT_BYTES], max[LIMIT_BYTES];
	uint64_t number = 0;
	const char *p = scan_digits(text, end, &number);
	uint32_t factor = 1;

	BRAID_ASSERT(key->max <= UINT32_MAX);
	if (p != end)
		factor = find_factor(count_units, ARRAY_SIZE(count_units), p, end);
	number *= factor;
	if (p == text || factor == 0 || number < key->min || number > key->max) {
		snprintf(wanted, sizeof(wanted),
			"a number from %s to %s (k stands for thousands, M for millions)",
			format_in_units(count_units, ARRAY_SIZE(count_units), key->min, min),
			format_in_units(count_units, ARRAY_SIZE(count_units), key->max, max));
		return conf_fail_value(l, key, value, wanted);
	}
	*(uint32_t *)conf_key_member(key, base) = (uint32_t)number;
	return 0;
}

int conf_decode_duration(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	char wanted[128], min[LIMIT_BYTES], max[LIMIT_BYTES];
	uint64_t number = 0;
	const char *p = scan_digits(text, end, &number);
	uint32_t factor = find_factor(duration_units, ARRAY_SIZE(duration_units), p, end);

	BRAID_ASSERT(key->max <= UINT32_MAX);
	number *= factor;
	if (p == text || factor == 0 || number < key->min || number > key->max) {
		snprintf(wanted, sizeof(wanted),
			"a time from %s to %s, with its unit: ms, s, m or h",
			format_in_units(duration_units, ARRAY_SIZE(duration_units), key->min, min),
			format_in_units(duration_units, ARRAY_SIZE(duration_units), key->max, max));
		return conf_fail_value(l, key, value, wanted);
	}
	*(uint32_t *)conf_key_member(key, base) = (uint32_t)number;
	return 0;
}

int conf_decode_percent(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	uint64_t number;
	const char *p = conf_scan_number(text, end, 100, &number);

	if (!p || end - p != 1 || *p != '%')
		return conf_fail_value(l, key, value, "a share from 0% to 100%");
	*(uint16_t *)conf_key_member(key, base) = (uint16_t)number;
	return 0;
}

int conf_decode_port(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	uint64_t number = 0;

	if (strcmp(text, "any") != 0 &&
		(conf_scan_number(text, end, UINT16_MAX, &number) != end || number == 0))
		return conf_fail_value(l, key, value, "a number from 1 to 65535, or any");
	*(uint16_t *)conf_key_member(key, base) = (uint16_t)number;
	return 0;
}

int conf_decode_protocol(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	struct conf_key word = *key;
	unsigned number;
	int rc;

	word.offset = 0;
	rc = conf_decode_word(l, &word, value, &number);
	if (rc == 0)
		*(uint8_t *)conf_key_member(key, base) = protocols[number];
	return rc;
}

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* The byte that two hexadecimal digits stand for, or -1. */
static int hex_byte(const char *p)
{
	int high = hex_digit(p[0]), low = high < 0 ? -1 : hex_digit(p[1]);

	return low < 0 ? -1 : high << 4 | low;
}

int conf_decode_key(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value);
	uint8_t *out = conf_key_member(key, base);
	unsigned bits = 0;

	/* The value is a secret: it is not repeated in the message. */
	for (unsigned i = 0; i < KEY_DIGITS / 2; i++) {
		int byte = value->text_len == KEY_DIGITS ? hex_byte(text + 2 * i) : -1;

		if (byte < 0)
			return conf_fail(l, value->place,
				"key must be %d hex digits, the same on all members (make one: "
				"openssl rand -hex 16)",
				KEY_DIGITS);
		out[i] = (uint8_t)byte;
		bits |= out[i];
	}
	/* To the dataplane it is no key: it would choose one, each member another. */
	if (bits == 0)
		return conf_fail(l, value->place,
			"key must not be all zeros (make one: openssl rand -hex 16)");
	return 0;
}

int conf_decode_addresses(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, struct ip_addr *out)
{
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	char masked[IPADDR_TEXT_MAX], quoted[CONF_QUOTE_BYTES];
	const char *why;
	unsigned len_min;

	if (conf_scan_prefix(text, end, out) != end && conf_scan_address(text, end, out) != end)
		return conf_fail_value(l, key, value,
			"an address or a prefix: 203.0.113.10, 203.0.113.0/28 or 2001:db8::/64");
	conf_quote(text, value->text_len, quoted);
	if (ip_addr_has_host_bits(out)) {
		ip_addr_mask(out);
		return conf_fail(l, value->place, "%s \"%s\" has host bits set (did you mean %s?)",
			key->name, quoted, ip_addr_format(out, masked));
	}
	len_min = out->family == 4 ? PREFIX_LEN4_MIN : PREFIX_LEN6_MIN;
	if (out->prefix_len < len_min)
		return conf_fail(l, value->place, "%s %s is too large (its length is at least %u)",
			key->name, quoted, len_min);
	why = ip_addr_is_link_local(out) ? "link-local" : conf_check_unusable(out);
	if (why)
		return conf_fail(l, value->place, "%s %s is %s (use addresses that are routed)",
			key->name, quoted, why);
	return 0;
}

/* Reads one character or escape at @p; where it ends, or NULL. */
static const char *read_escape(const char *p, const char *end, uint8_t *out)
{
	static const char names[] = "nrt0\\", bytes[] = "\n\r\t\0\\";
	const char *name;
	int byte;

	*out = (uint8_t)*p;
	if (*out & 0x80)
		return NULL;
	if (*p++ != '\\')
		return p;
	if (p == end)
		return NULL;
	name = *p ? strchr(names, *p) : NULL;
	if (name) {
		*out = (uint8_t)bytes[name - names];
		return p + 1;
	}
	byte = *p == 'x' && end - p >= 3 ? hex_byte(p + 1) : -1;
	*out = (uint8_t)byte;
	return byte < 0 ? NULL : p + 3;
}

int conf_decode_payload(struct conf_loader *l, const struct conf_value *value,
	uint8_t out[CONF_PAYLOAD_MAX], uint16_t *n_bytes)
{
	const char *p = conf_value_text(l, value), *end = p + value->text_len;
	unsigned n = 0;

	while (p < end) {
		uint8_t byte;

		p = read_escape(p, end, &byte);
		if (!p)
			return conf_fail(l, value->place,
				"what a probe sends or expects must be ASCII text with \\n, \\r, "
				"\\t, \\\\, and \\xNN for other bytes, in single quotes: "
				"'\\x00\\xff'");
		if (n == CONF_PAYLOAD_MAX)
			return conf_fail(l, value->place,
				"what a probe sends or expects is longer than %d bytes",
				CONF_PAYLOAD_MAX);
		out[n++] = byte;
	}
	*n_bytes = (uint16_t)n;
	return 0;
}
