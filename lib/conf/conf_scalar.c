/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One decoder per type of value that stands in the configuration: names, numbers, sizes, words,
 * MACs, addresses. Each says what it wanted when it did not get it. Main threads only.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "lib/conf/conf_impl.h"
#include "lib/conf/conf_scan.h"

#define WORDS_MAX 8

int conf_fail_value(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, const char *wanted)
{
	char quoted[CONF_QUOTE_BYTES];

	conf_quote(conf_value_text(l, value), value->text_len, quoted);
	return conf_fail(l, value->place, "%s \"%s\" must be %s", key->name, quoted, wanted);
}

int conf_decode_name(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value);

	if (value->text_len >= CONF_NAME_MAX)
		return conf_fail_value(l, key, value, "at most 15 characters long");
	for (const char *p = text; *p; p++)
		if (!isalpha((unsigned char)*p) &&
			(p == text || (!isdigit((unsigned char)*p) && !strchr("._-", *p))))
			return conf_fail_value(l, key, value,
				"a letter followed by letters, digits, \".\", \"_\" or \"-\"");
	memset(conf_key_member(key, base), 0, CONF_NAME_MAX);
	memcpy(conf_key_member(key, base), text, value->text_len);
	return 0;
}

int conf_decode_device(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value);
	const struct conf_node *node = &l->conf->node;

	if (value->text_len >= CONF_DEVICE_MAX)
		return conf_fail(l, value->place, "device is longer than %d characters",
			CONF_DEVICE_MAX - 1);
	for (const char *p = text; *p; p++)
		if (!isgraph((unsigned char)*p))
			return conf_fail_value(l, key, value, "printable ASCII without spaces");
	for (unsigned i = 0; i < node->n_ports; i++)
		if (!strcmp(node->ports[i].device, text))
			return conf_fail(l, value->place,
				"device \"%.64s\" is already that of the port at line %u", text,
				node->ports[i].place.line);
	base_strlcpy(conf_key_member(key, base), text, CONF_DEVICE_MAX);
	return 0;
}

int conf_decode_u16(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	char quoted[CONF_QUOTE_BYTES];
	uint64_t number;

	BRAID_ASSERT(key->max <= UINT16_MAX);
	if (conf_scan_number(text, end, key->max, &number) != end || number < key->min)
		return conf_fail(l, value->place, "%s \"%s\" must be a number from %u to %u",
			key->name, conf_quote(text, value->text_len, quoted), (unsigned)key->min,
			(unsigned)key->max);
	*(uint16_t *)conf_key_member(key, base) = (uint16_t)number;
	return 0;
}

int conf_decode_size(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	static const char suffixes[] = "KMG";
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	const char *suffix = strchr(suffixes, end[-1]);
	char quoted[CONF_QUOTE_BYTES];
	unsigned shift = suffix ? 10 * (unsigned)(suffix - suffixes + 1) : 0;
	uint64_t number;

	if (suffix)
		end--;
	if (conf_scan_number(text, end, UINT64_MAX >> shift, &number) != end)
		return conf_fail_value(l, key, value, "a number of bytes, or with K, M or G: 512M");
	number <<= shift;
	if (number < key->min || number > key->max)
		return conf_fail(l, value->place,
			"%s \"%s\" is %" PRIu64 " bytes and must be from %" PRIu64 "M to %" PRIu64
			"G",
			key->name, conf_quote(text, value->text_len, quoted), number,
			key->min >> 20, key->max >> 30);
	*(uint64_t *)conf_key_member(key, base) = number;
	return 0;
}

int conf_decode_word(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value);
	char wanted[128] = "", quoted[CONF_QUOTE_BYTES];
	const char *suggestion;
	size_t n = 0, used = 0;

	for (; key->words[n]; n++) {
		if (!strcmp(key->words[n], text)) {
			*(unsigned *)conf_key_member(key, base) = (unsigned)n;
			return 0;
		}
		used += base_strlcpy(wanted + used, n ? " | " : "", sizeof(wanted) - used);
		used += base_strlcpy(wanted + used, key->words[n], sizeof(wanted) - used);
	}
	suggestion = base_suggest(text, key->words, n);
	conf_quote(text, value->text_len, quoted);
	if (suggestion)
		return conf_fail(l, value->place, "%s \"%s\" must be %s (did you mean \"%s\"?)",
			key->name, quoted, wanted, suggestion);
	return conf_fail_value(l, key, value, wanted);
}

int conf_decode_mac(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	static const uint8_t zero[6];
	uint8_t mac[6];

	if (mac_parse(conf_value_text(l, value), mac) < 0)
		return conf_fail_value(l, key, value, "six pairs of hex digits: 02:00:00:00:00:01");
	if (mac[0] & 1)
		return conf_fail_value(l, key, value, "unicast (its first byte even)");
	if (!memcmp(mac, zero, sizeof(mac)))
		return conf_fail_value(l, key, value, "other than all zeros");
	memcpy(conf_key_member(key, base), mac, sizeof(mac));
	return 0;
}

int conf_decode_address(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	const char *why;

	if (conf_scan_address(text, end, conf_key_member(key, base)) != end)
		return conf_fail_value(l, key, value,
			memchr(text, '/', value->text_len) ? "one address, without a prefix length"
							   : "an IPv4 or IPv6 address");
	why = conf_check_unusable(conf_key_member(key, base));
	if (why)
		return conf_fail(
			l, value->place, "%s %s is %s, which no host has", key->name, text, why);
	return 0;
}

int conf_decode_interface(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	int rc = conf_decode_name(l, key, value, base);

	return rc < 0 ? rc : conf_check_interface(l, conf_key_member(key, base), value->place);
}

int conf_decode_worker(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	const char *text = conf_value_text(l, value), *end = text + value->text_len, *p;
	struct conf_node *node = base;
	char quoted[CONF_QUOTE_BYTES];
	uint64_t first, last = 0;

	p = conf_scan_number(text, end, CONF_CPU_MAX, &first);
	if (p == end)
		last = first;
	else if (p && *p == '-')
		p = conf_scan_number(p + 1, end, CONF_CPU_MAX, &last);
	if (p != end || last < first)
		return conf_fail(l, value->place,
			"worker \"%s\" must be a CPU from 0 to %d, or a range of them: 2-5",
			conf_quote(text, value->text_len, quoted), CONF_CPU_MAX);
	for (uint64_t cpu = first; cpu <= last; cpu++) {
		if (node->n_workers == CONF_WORKERS_MAX)
			return conf_fail(l, value->place, "more than %d workers", CONF_WORKERS_MAX);
		node->workers[node->n_workers++] = (uint16_t)cpu;
	}
	return 0;
}

int conf_decode_listen(struct conf_loader *l, const struct conf_key *key,
	const struct conf_value *value, void *base)
{
	static const char wanted[] = "ADDRESS:PORT: 127.0.0.1:9465 or \"[::1]:9465\"";
	const char *text = conf_value_text(l, value), *end = text + value->text_len;
	const char *address = text, *p;
	bool is_bracketed = *text == '[';
	struct conf *conf = base;
	struct ip_addr addr;
	uint64_t port;

	address += is_bracketed;
	p = conf_scan_address(address, end, &addr);
	if (!p || is_bracketed != (addr.family == 6))
		return conf_fail_value(l, key, value, wanted);
	if (is_bracketed && (p == end || *p++ != ']'))
		return conf_fail_value(l, key, value, wanted);
	if (p == end || *p != ':')
		return conf_fail_value(l, key, value, wanted);
	if (conf_scan_number(p + 1, end, UINT16_MAX, &port) != end || port == 0)
		return conf_fail_value(l, key, value, "ADDRESS:PORT with a port from 1 to 65535");
	if (ip_addr_is_multicast(&addr))
		return conf_fail_value(l, key, value, "an address of this host");
	ip_addr_format_host(&addr, conf->metrics_address);
	conf->metrics_port = (uint16_t)port;
	return 0;
}
