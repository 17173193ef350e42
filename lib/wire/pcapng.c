/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks of pcapng: each is type, length, fixed fields, data, options, and the length again, all
 * padded to 32 bits and in this machine's byte order, which the section header tells the reader.
 * A failed write leaves a torn block at the end, which readers report as a truncated file.
 */
#include "lib/wire/pcapng.h"

#include <errno.h>
#include <string.h>

#define BLOCK_SECTION    0x0a0d0d0au
#define BLOCK_INTERFACE  0x00000001u
#define BLOCK_PACKET     0x00000006u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#define OPTION_END          0
#define OPTION_COMMENT      1
#define OPTION_IF_NAME      2
#define OPTION_IF_TSRESOL   9
#define OPTION_EPB_FLAGS    2
#define OPTION_SHB_USERAPPL 4

#define LINKTYPE_ETHERNET  1
#define TSRESOL_NANOSECOND 9 /* time unit 10^-9 s */
#define CAPTURE_MAX_BYTES  (16u << 20)

struct option {
	uint16_t code;
	uint16_t length_bytes;
	const void *value;
};

static uint32_t padded(uint32_t bytes)
{
	return (bytes + 3) & ~3u;
}

/* 0, or why the stream did not take @len bytes. */
static int put(FILE *file, const void *data, uint32_t len)
{
	if (len == 0)
		return 0;
	errno = 0;
	if (fwrite(data, 1, len, file) == len)
		return 0;
	return errno != 0 ? -errno : -EIO;
}

static int put_padded(FILE *file, const void *data, uint32_t len)
{
	static const uint8_t zero[4];
	int rc = put(file, data, len);

	return rc != 0 ? rc : put(file, zero, padded(len) - len);
}

/* What the options take, end mark included; none at all take nothing. */
static uint32_t options_bytes(const struct option *options, unsigned n)
{
	uint32_t bytes = n == 0 ? 0 : 4;

	for (unsigned i = 0; i < n; i++)
		bytes += 4 + padded(options[i].length_bytes);
	return bytes;
}

static int put_option(FILE *file, const struct option *option)
{
	uint16_t head[2] = {option->code, option->length_bytes};
	int rc = put(file, head, sizeof(head));

	return rc != 0 ? rc : put_padded(file, option->value, option->length_bytes);
}

/* The options, their end mark, and the block's length that closes it. */
static int put_tail(FILE *file, const struct option *options, unsigned n, uint32_t block_bytes)
{
	static const struct option end = {.code = OPTION_END};
	int rc = 0;

	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = put_option(file, &options[i]);
	if (rc == 0 && n > 0)
		rc = put_option(file, &end);
	return rc != 0 ? rc : put(file, &block_bytes, sizeof(block_bytes));
}

/* An option that holds @text, if that fits. */
static int text_option(struct option *option, uint16_t code, const char *text)
{
	size_t len = strlen(text);

	if (len > PCAPNG_TEXT_MAX_BYTES)
		return -EMSGSIZE;
	*option = (struct option){.code = code, .length_bytes = (uint16_t)len, .value = text};
	return 0;
}

int pcapng_init(struct pcapng *p, FILE *file, const char *application)
{
	struct {
		uint32_t type, length_bytes, magic;
		uint16_t major, minor;
		int64_t section_bytes;
	} PACKED head = {
		.type = BLOCK_SECTION,
		.magic = BYTE_ORDER_MAGIC,
		.major = 1,
		.section_bytes = -1, /* not known */
	};
	struct option option;
	int rc = text_option(&option, OPTION_SHB_USERAPPL, application);

	*p = (struct pcapng){.file = file};
	if (rc != 0)
		return rc;
	head.length_bytes = (uint32_t)sizeof(head) + options_bytes(&option, 1) + 4;
	rc = put(file, &head, sizeof(head));
	return rc != 0 ? rc : put_tail(file, &option, 1, head.length_bytes);
}

int pcapng_interface_add(struct pcapng *p, const char *name, uint32_t snap_bytes)
{
	static const uint8_t resolution = TSRESOL_NANOSECOND;
	struct {
		uint32_t type, length_bytes;
		uint16_t link_type, reserved;
		uint32_t snap_bytes;
	} head = {
		.type = BLOCK_INTERFACE,
		.link_type = LINKTYPE_ETHERNET,
		.snap_bytes = snap_bytes,
	};
	struct option options[2];
	int rc = text_option(&options[0], OPTION_IF_NAME, name);

	if (rc != 0)
		return rc;
	options[1] = (struct option){OPTION_IF_TSRESOL, sizeof(resolution), &resolution};
	head.length_bytes = (uint32_t)sizeof(head) + options_bytes(options, 2) + 4;
	rc = put(p->file, &head, sizeof(head));
	if (rc == 0)
		rc = put_tail(p->file, options, 2, head.length_bytes);
	return rc != 0 ? rc : (int)p->n_interfaces++;
}

/* The options of a packet into @options; how many, or -EMSGSIZE. @flags must live as long. */
static int packet_options(
	const struct pcapng_packet *pkt, const uint32_t *flags, struct option options[2])
{
	int n = 0;

	if (pkt->comment != NULL && pkt->comment[0] != '\0') {
		int rc = text_option(&options[n], OPTION_COMMENT, pkt->comment);

		if (rc != 0)
			return rc;
		n++;
	}
	if (pkt->direction != PCAPNG_UNKNOWN)
		options[n++] = (struct option){OPTION_EPB_FLAGS, sizeof(*flags), flags};
	return n;
}

int pcapng_packet_add(struct pcapng *p, const struct pcapng_packet *pkt)
{
	struct {
		uint32_t type, length_bytes, interface, time_high, time_low;
		uint32_t captured_bytes, original_bytes;
	} head = {
		.type = BLOCK_PACKET,
		.interface = pkt->interface,
		.time_high = (uint32_t)(pkt->time_ns >> 32),
		.time_low = (uint32_t)pkt->time_ns,
		.captured_bytes = pkt->captured_bytes,
		.original_bytes = pkt->original_bytes,
	};
	uint32_t flags = (uint32_t)pkt->direction; /* bits 0 and 1 */
	struct option options[2];
	int rc, n;

	if (pkt->interface >= p->n_interfaces || pkt->original_bytes < pkt->captured_bytes)
		return -EINVAL;
	if (pkt->captured_bytes > CAPTURE_MAX_BYTES)
		return -EMSGSIZE;
	n = packet_options(pkt, &flags, options);
	if (n < 0)
		return n;
	head.length_bytes = (uint32_t)sizeof(head) + padded(pkt->captured_bytes) +
			    options_bytes(options, (unsigned)n) + 4;
	rc = put(p->file, &head, sizeof(head));
	if (rc == 0)
		rc = put_padded(p->file, pkt->data, pkt->captured_bytes);
	return rc != 0 ? rc : put_tail(p->file, options, (unsigned)n, head.length_bytes);
}

int pcapng_flush(struct pcapng *p)
{
	errno = 0;
	if (fflush(p->file) != 0)
		return errno != 0 ? -errno : -EIO;
	return ferror(p->file) ? -EIO : 0;
}
