/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of tests/unit/frame.h made into bytes. One thread. */
#include "tests/unit/frame.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/ipaddr.h"
#include "lib/wire/checksum.h"
#include "tests/unit/frame_layers.h"

#define PLACED_MAX 32
#define WORD_MAX   4096

/* A layer in the frame, and which of its fields the text gave. */
struct placed {
	enum layer_id id;
	uint32_t at;
	uint32_t bytes;
	uint32_t given; /* bit per field */
};

struct builder {
	const char *text; /* whole, for the message */
	const char *p;
	uint8_t *buf;
	uint32_t len; /* so far */
	uint32_t end; /* of the packet: what follows is trailing padding */
	uint32_t short_bytes, keep_bytes;
	struct placed placed[PLACED_MAX];
	unsigned n_placed;
};

/* Hosts of the tests: by field width MAC, IPv4 and IPv6. */
static const struct {
	const char *name, *mac, *ip4, *ip6;
} FRAME_NAMES[] = {
	{"node", "02:00:00:00:00:01", "192.0.2.1", "2001:db8::1"},
	{"node2", "02:00:00:00:00:02", "198.51.100.1", "2001:db8:1::1"},
	{"host", "02:00:00:00:00:aa", "192.0.2.2", "2001:db8::2"},
	{"peer", "02:00:00:00:00:bb", "198.51.100.2", "2001:db8:1::2"},
	{"all", "ff:ff:ff:ff:ff:ff", "255.255.255.255", "ff02::1"},
	{"all6", "33:33:00:00:00:01", "224.0.0.1", "ff02::1"},
	{"solicited", "33:33:ff:00:00:01", "224.0.0.1", "ff02::1:ff00:1"},
	{"linklocal", "02:00:00:00:00:01", "169.254.0.1", "fe80::ff:fe00:1"},
	{"zero", "00:00:00:00:00:00", "0.0.0.0", "::"},
};

static _Noreturn void fail(const struct builder *b, const char *what, const char *word)
{
	fprintf(stderr, "frame \"%s\": %s \"%s\"\n", b->text, what, word);
	abort();
}

/* Copies the next run of characters up to one of @ends into @word. */
static void take_word(struct builder *b, const char *ends, char word[WORD_MAX])
{
	size_t n = strcspn(b->p, ends);

	if (n >= WORD_MAX)
		fail(b, "too long", b->p);
	memcpy(word, b->p, n);
	word[n] = '\0';
	b->p += n;
}

/* Sets @bits at @bit of the big-endian @base to the low bits of @value. */
static void set_bits(uint8_t *base, unsigned bit, unsigned bits, uint64_t value)
{
	for (unsigned i = 0; i < bits; i++) {
		unsigned at = bit + bits - 1 - i;
		uint8_t mask = (uint8_t)(0x80 >> at % 8);

		if (value >> i & 1)
			base[at / 8] |= mask;
		else
			base[at / 8] &= (uint8_t)~mask;
	}
}

/* The written-out form of @value for a field of @bits. */
static const char *resolve(const char *value, unsigned bits)
{
	for (size_t i = 0; i < ARRAY_SIZE(FRAME_NAMES); i++) {
		if (strcmp(FRAME_NAMES[i].name, value) != 0)
			continue;
		if (bits == 48)
			return FRAME_NAMES[i].mac;
		return bits == 32 ? FRAME_NAMES[i].ip4 : FRAME_NAMES[i].ip6;
	}
	return value;
}

/* Writes @value into field @f of the layer at @base. */
static void set_field(
	struct builder *b, uint8_t *base, const struct layer_field *f, const char *value)
{
	const char *text = resolve(value, f->bits);
	struct ip_addr addr;
	char *end;
	uint64_t number;

	if (f->bits == 48) {
		if (mac_parse(text, base + f->bit / 8) < 0)
			fail(b, "not a MAC address", value);
		return;
	}
	if (f->bits == 128 || (f->bits == 32 && strchr(text, '.'))) {
		if (ip_addr_parse(text, &addr) < 0 || (addr.family == 6) != (f->bits == 128))
			fail(b, "not an address", value);
		memcpy(base + f->bit / 8, addr.bytes, f->bits / 8);
		return;
	}
	number = strtoull(text, &end, 0);
	if (*end != '\0' || end == text)
		fail(b, "not a number", value);
	set_bits(base, f->bit, f->bits, number);
}

/* Appends the bytes that @hex spells. */
static void append_hex(struct builder *b, const char *hex)
{
	for (; hex[0] != '\0'; hex += 2) {
		unsigned byte;

		if (!isxdigit(hex[0]) || !isxdigit(hex[1]) || sscanf(hex, "%2x", &byte) != 1)
			fail(b, "not hexadecimal", hex);
		if (b->len == FRAME_MAX)
			fail(b, "too long", hex);
		b->buf[b->len++] = (uint8_t)byte;
	}
}

static void append_zeros(struct builder *b, uint32_t n)
{
	if (n > FRAME_MAX - b->len)
		fail(b, "too long", "zeros");
	memset(b->buf + b->len, 0, n);
	b->len += n;
}

/* The index of field @name of layer @id, or -1. */
static int find_field(enum layer_id id, const char *name)
{
	for (int i = 0; i < LAYER_FIELDS_MAX && layers[id].fields[i].name; i++)
		if (strcmp(layers[id].fields[i].name, name) == 0)
			return i;
	return -1;
}

/* Reads the fields in braces of the layer just placed. */
static void read_fields(struct builder *b, struct placed *l)
{
	char name[WORD_MAX], value[WORD_MAX];
	int f;

	while (*b->p != '}') {
		take_word(b, "=}", name);
		if (*b->p++ != '=')
			fail(b, "no value for", name);
		take_word(b, ",}", value);
		if (*b->p == ',')
			b->p++;
		if (*b->p == '\0')
			fail(b, "open brace after", value);
		if (strcmp(name, "hex") == 0) {
			append_hex(b, value);
			continue;
		}
		f = find_field(l->id, name);
		if (f < 0)
			fail(b, "no such field", name);
		set_field(b, b->buf + l->at, &layers[l->id].fields[f], value);
		l->given |= 1u << f;
	}
	b->p++;
}

static void place_layer(struct builder *b, enum layer_id id)
{
	struct placed *l = &b->placed[b->n_placed++];
	const struct layer *t = &layers[id];

	if (b->n_placed == PLACED_MAX)
		fail(b, "too many layers at", t->name);
	*l = (struct placed){.id = id, .at = b->len};
	append_zeros(b, t->fixed_bytes);
	memcpy(b->buf + l->at, t->fixed, t->fixed_bytes);
	if (*b->p == '{') {
		b->p++;
		read_fields(b, l);
	}
	while ((b->len - l->at) % t->multiple != 0)
		append_zeros(b, 1);
	l->bytes = b->len - l->at;
}

/* raw{hex=...}, and pad{n}, trail{n}, short{n}, keep{n}. */
static void place_bytes(struct builder *b, const char *name)
{
	char value[WORD_MAX];
	uint32_t n;

	if (*b->p++ != '{')
		fail(b, "no such layer", name);
	take_word(b, "}", value);
	if (*b->p++ != '}')
		fail(b, "open brace after", name);
	if (strcmp(name, "raw") == 0) {
		append_hex(b, strncmp(value, "hex=", 4) == 0 ? value + 4 : value);
		return;
	}
	n = (uint32_t)strtoul(value, NULL, 0);
	if (strcmp(name, "pad") == 0) {
		append_zeros(b, n);
	} else if (strcmp(name, "trail") == 0) {
		b->end = b->len;
		append_zeros(b, n);
	} else if (strcmp(name, "short") == 0) {
		b->short_bytes = n;
	} else if (strcmp(name, "keep") == 0) {
		b->keep_bytes = n;
	} else {
		fail(b, "no such layer", name);
	}
}

/* Sets field @name of @l, if there is one and the text did not. */
static void set_auto(struct builder *b, const struct placed *l, const char *name, uint64_t value)
{
	int f = find_field(l->id, name);

	if (f >= 0 && !(l->given & 1u << f))
		set_bits(b->buf + l->at, layers[l->id].fields[f].bit, layers[l->id].fields[f].bits,
			value);
}

/* What the length field of @l counts, in its units. */
static uint32_t length_of(const struct builder *b, const struct placed *l)
{
	switch (l->id) {
	case LAYER_IP6:
		return b->end - l->at - l->bytes;
	case LAYER_HBH:
	case LAYER_OPTS:
	case LAYER_RT:
		return l->bytes / 8 - 1;
	case LAYER_AUTH:
		return l->bytes / 4 - 2;
	case LAYER_ETH:
	case LAYER_VLAN:
	case LAYER_ARP:
	case LAYER_IP4:
	case LAYER_FRAG:
	case LAYER_ICMP4:
	case LAYER_ICMP6:
	case LAYER_UDP:
	case LAYER_TCP:
	case LAYER_COUNT:
		break;
	}
	return b->end - l->at;
}

/* The sum of the pseudo header for the @bytes of layer @i in the IP header around it. */
static uint64_t pseudo_sum(const struct builder *b, unsigned i, uint32_t bytes)
{
	uint8_t proto = (uint8_t)layers[b->placed[i].id].proto;

	while (i-- > 0) {
		const uint8_t *ip = b->buf + b->placed[i].at;
		uint32_t v4[2];

		if (b->placed[i].id == LAYER_IP6)
			return checksum_pseudo_ip6(ip + 8, ip + 24, proto, bytes);
		if (b->placed[i].id == LAYER_IP4) {
			memcpy(v4, ip + 12, sizeof(v4));
			return checksum_pseudo_ip4(v4[0], v4[1], proto, (uint16_t)bytes);
		}
	}
	return 0;
}

/* Makes the checksum of layer @i right, unless given. */
static void set_checksum(struct builder *b, unsigned i)
{
	const struct placed *l = &b->placed[i];
	int f = find_field(l->id, "csum");
	uint32_t bytes = l->id == LAYER_IP4 ? l->bytes : b->end - l->at;
	uint64_t sum = 0;
	uint16_t check;

	if (f < 0 || (l->given & 1u << f))
		return;
	if (l->id == LAYER_ICMP6 || l->id == LAYER_UDP || l->id == LAYER_TCP)
		sum = pseudo_sum(b, i, bytes);
	sum = checksum_sum(b->buf + l->at, bytes, sum);
	check = l->id == LAYER_UDP ? checksum_finish_udp(sum) : checksum_finish(sum);
	memcpy(b->buf + l->at + layers[l->id].fields[f].bit / 8, &check, sizeof(check));
}

/* Fills in what the text left open, from the inside out. */
static void complete(struct builder *b)
{
	for (unsigned i = b->n_placed; i-- > 0;) {
		const struct placed *l = &b->placed[i];

		if (i + 1 < b->n_placed) {
			const struct layer *above = &layers[b->placed[i + 1].id];

			if (l->id <= LAYER_VLAN && above->ethertype)
				set_auto(b, l, "next", above->ethertype);
			if (l->id >= LAYER_IP4 && above->proto >= 0)
				set_auto(b, l, "next", (uint64_t)above->proto);
		}
		set_auto(b, l, "words", l->bytes / 4);
		set_auto(b, l, "len", length_of(b, l));
		set_checksum(b, i);
	}
}

uint32_t frame_build(const char *text, uint8_t *buf)
{
	struct builder b = {.text = text, .p = text, .buf = buf};
	char name[WORD_MAX];

	while (*(b.p += strspn(b.p, " ")) != '\0') {
		unsigned id = 0;

		take_word(&b, " {", name);
		while (id < LAYER_COUNT && strcmp(layers[id].name, name) != 0)
			id++;
		if (id < LAYER_COUNT)
			place_layer(&b, (enum layer_id)id);
		else
			place_bytes(&b, name);
	}
	if (b.end == 0)
		b.end = b.len;
	complete(&b);
	if (b.short_bytes > b.len)
		fail(&b, "shorter than nothing", "short");
	b.len -= b.short_bytes;
	return b.keep_bytes ? MIN_OF(b.len, b.keep_bytes) : b.len;
}
