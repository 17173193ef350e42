/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pcapng writer: its file is read back by an independent reader of the block structure, by
 * tshark where that is installed, and its errors are provoked on a full device.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/wire/pcapng.h"

#define FILE_MAX_BYTES (256u << 10)

/* An ARP request, 60 bytes with padding. */
static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 1, 0x08,
	0x06, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2,
	9};

static const struct pcapng_packet packets[] = {
	{.interface = 0,
		.direction = PCAPNG_INBOUND,
		.time_ns = 1700000000123456789ULL,
		.data = frame,
		.captured_bytes = 60,
		.original_bytes = 60,
		.comment = "ip4_bad_checksum: wrong"},
	{.interface = 1,
		.direction = PCAPNG_OUTBOUND,
		.time_ns = 1700000000123456790ULL,
		.data = frame,
		.captured_bytes = 43,
		.original_bytes = 1514,
		.comment = "odd"},
	{.interface = 0, .data = frame, .captured_bytes = 14, .original_bytes = 14},
	{.interface = 1, .data = frame, .comment = ""},
};

/* A reader's view of one block. */
struct block {
	uint32_t type;
	const uint8_t *body;
	uint32_t body_bytes;
};

static uint32_t word_at(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Cuts the next block off @data; both lengths must agree and be whole words. */
static struct block next_block(const uint8_t **data, const uint8_t *end)
{
	uint32_t bytes;

	assert_true(end - *data >= 12);
	bytes = word_at(*data + 4);
	assert_int_equal(bytes % 4, 0);
	assert_true(bytes >= 12 && bytes <= end - *data);
	assert_int_equal(word_at(*data + bytes - 4), bytes);
	*data += bytes;
	return (struct block){word_at(*data - bytes), *data - bytes + 8, bytes - 12};
}

/* The value of option @code in the options from @at on, or NULL; the end mark must be there. */
static const uint8_t *find_option(const struct block *b, uint32_t at, uint16_t code, uint16_t *len)
{
	const uint8_t *found = NULL;
	uint16_t head[2] = {1, 0};

	if (at == b->body_bytes)
		return NULL;
	while (head[0] != 0) {
		assert_true(at + 4 <= b->body_bytes);
		memcpy(head, b->body + at, 4);
		if (head[0] == code) {
			found = b->body + at + 4;
			*len = head[1];
		}
		at += 4 + (head[1] + 3) / 4 * 4;
	}
	assert_int_equal(at, b->body_bytes);
	return found;
}

static void check_text_option(const struct block *b, uint32_t at, uint16_t code, const char *text)
{
	uint16_t len = 0;
	const uint8_t *value = find_option(b, at, code, &len);

	if (text == NULL || text[0] == '\0') {
		assert_null(value);
		return;
	}
	assert_non_null(value);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(value, text, len);
}

static void check_packet(const struct block *b, const struct pcapng_packet *pkt)
{
	uint32_t options_at = 20 + (pkt->captured_bytes + 3) / 4 * 4;
	const uint8_t *flags;
	uint16_t len = 0;

	assert_int_equal(b->type, 6);
	assert_int_equal(word_at(b->body), pkt->interface);
	assert_true(((uint64_t)word_at(b->body + 4) << 32 | word_at(b->body + 8)) == pkt->time_ns);
	assert_int_equal(word_at(b->body + 12), pkt->captured_bytes);
	assert_int_equal(word_at(b->body + 16), pkt->original_bytes);
	assert_memory_equal(b->body + 20, pkt->data, pkt->captured_bytes);
	check_text_option(b, options_at, 1, pkt->comment);
	flags = find_option(b, options_at, 2, &len);
	assert_int_equal(flags != NULL, pkt->direction != PCAPNG_UNKNOWN);
	if (flags != NULL) {
		assert_int_equal(len, 4);
		assert_int_equal(word_at(flags), pkt->direction);
	}
}

static void write_all(FILE *file)
{
	struct pcapng p;

	assert_int_equal(pcapng_init(&p, file, "braid"), 0);
	assert_int_equal(pcapng_interface_add(&p, "lan", 0), 0);
	assert_int_equal(pcapng_interface_add(&p, "wan.10", 128), 1);
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++)
		assert_int_equal(pcapng_packet_add(&p, &packets[i]), 0);
	assert_int_equal(pcapng_flush(&p), 0);
}

static void a_file_reads_back_block_by_block(void **state)
{
	static const char *const names[] = {"lan", "wan.10"};
	static uint8_t bytes[FILE_MAX_BYTES];
	const uint8_t *data = bytes, *end, *resolution;
	FILE *file = tmpfile();
	struct block b;
	uint16_t len = 0;

	assert_non_null(file);
	write_all(file);
	rewind(file);
	end = bytes + fread(bytes, 1, sizeof(bytes), file);
	fclose(file);

	b = next_block(&data, end);
	assert_int_equal(b.type, 0x0a0d0d0a);
	assert_int_equal(word_at(b.body), 0x1a2b3c4d);
	assert_int_equal(word_at(b.body + 4), 1); /* version 1.0, little-endian */
	check_text_option(&b, 16, 4, "braid");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		b = next_block(&data, end);
		assert_int_equal(b.type, 1);
		assert_int_equal(word_at(b.body), 1); /* Ethernet */
		assert_int_equal(word_at(b.body + 4), i == 0 ? 0 : 128);
		check_text_option(&b, 8, 2, names[i]);
		resolution = find_option(&b, 8, 9, &len);
		assert_true(resolution != NULL && len == 1 && *resolution == 9);
	}
	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		b = next_block(&data, end);
		check_packet(&b, &packets[i]);
	}
	assert_ptr_equal(data, end);
}

static void tshark_shows_comments_times_and_interfaces(void **state)
{
	static const char *const lines[] = {
		"1700000000.123456789|lan|60|60|0x00000001|ip4_bad_checksum: wrong",
		"1700000000.123456790|wan.10|1514|43|0x00000002|odd",
		"0.000000000|lan|14|14||",
		"0.000000000|wan.10|0|0||",
	};
	char path[] = "/tmp/pcapng_test.XXXXXX", command[512], line[512];
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w"), *shark;

	assert_non_null(file);
	write_all(file);
	fclose(file);
	if (access("/usr/bin/tshark", X_OK) != 0) {
		unlink(path);
		skip();
	}
	snprintf(command, sizeof(command),
		"tshark -r %s -T fields -E separator='|' -e frame.time_epoch "
		"-e frame.interface_name -e frame.len -e frame.cap_len -e frame.packet_flags "
		"-e frame.comment 2>/dev/null",
		path);
	shark = popen(command, "r");
	assert_non_null(shark);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_non_null(fgets(line, sizeof(line), shark));
		line[strcspn(line, "\n")] = '\0';
		assert_string_equal(line, lines[i]);
	}
	assert_null(fgets(line, sizeof(line), shark));
	assert_int_equal(pclose(shark), 0);
	unlink(path);
}

static void wrong_arguments_are_refused_and_write_nothing(void **state)
{
	static const struct {
		struct pcapng_packet pkt;
		int rc;
	} cases[] = {
		{{.interface = 1, .data = frame}, -EINVAL},
		{{.captured_bytes = 2, .original_bytes = 1, .data = frame}, -EINVAL},
		{{.captured_bytes = 1u << 31, .original_bytes = 1u << 31, .data = frame},
			-EMSGSIZE},
	};
	FILE *file = tmpfile();
	struct pcapng p;
	char *text = malloc(PCAPNG_TEXT_MAX_BYTES + 2);
	long before;

	assert_true(file != NULL && text != NULL);
	memset(text, 'x', PCAPNG_TEXT_MAX_BYTES + 1);
	text[PCAPNG_TEXT_MAX_BYTES + 1] = '\0';
	assert_int_equal(pcapng_init(&p, file, "braid"), 0);
	assert_int_equal(pcapng_interface_add(&p, "lan", 0), 0);
	before = ftell(file);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(pcapng_packet_add(&p, &cases[i].pkt), cases[i].rc);
	assert_int_equal(pcapng_interface_add(&p, text, 0), -EMSGSIZE);
	assert_int_equal(
		pcapng_packet_add(&p, &(struct pcapng_packet){.comment = text}), -EMSGSIZE);
	assert_int_equal(ftell(file), before);
	text[PCAPNG_TEXT_MAX_BYTES] = '\0';
	assert_int_equal(pcapng_packet_add(&p, &(struct pcapng_packet){.comment = text}), 0);
	free(text);
	fclose(file);
}

static void a_full_device_is_reported(void **state)
{
	FILE *file = fopen("/dev/full", "w");
	struct pcapng p;

	assert_non_null(file);
	assert_int_equal(pcapng_init(&p, file, "braid"), 0); /* still in the stream's buffer */
	assert_int_equal(pcapng_flush(&p), -ENOSPC);
	setvbuf(file, NULL, _IONBF, 0);
	assert_int_equal(pcapng_interface_add(&p, "lan", 0), -ENOSPC);
	assert_int_equal(pcapng_flush(&p), -EIO);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_reads_back_block_by_block),
		cmocka_unit_test(tshark_shows_comments_times_and_interfaces),
		cmocka_unit_test(wrong_arguments_are_refused_and_write_nothing),
		cmocka_unit_test(a_full_device_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
