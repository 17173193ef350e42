/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC-64 of Jones against its published check value and against the definition, bit by bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash/crc64.h"

static uint64_t bit_by_bit(const uint8_t *p, size_t len)
{
	uint64_t crc = 0;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x95ac9329ac4bc9b5 : crc >> 1;
	}
	return crc;
}

static void it_gives_the_published_check_value(void **state)
{
	assert_true(crc64_jones(0, "123456789", 9) == 0xe9c6d914c4b8d9ca);
	assert_true(crc64_jones(0, "", 0) == 0);
}

static void it_agrees_with_the_definition_for_every_length_and_alignment(void **state)
{
	for (size_t len = 0; len < 100; len++) {
		for (size_t lead = 0; lead < 8; lead++) {
			uint8_t *buffer = malloc(lead + len + 1);
			uint64_t crc;

			assert_non_null(buffer);
			for (size_t i = 0; i < lead + len; i++)
				buffer[i] = (uint8_t)(i * 167 + len * 13 + (i >> 3));
			crc = crc64_jones(0, buffer + lead, len);
			assert_true(crc == bit_by_bit(buffer + lead, len));
			assert_true(crc == crc64_jones(crc64_jones(0, buffer + lead, len / 3),
						   buffer + lead + len / 3, len - len / 3));
			free(buffer);
		}
	}
}

static void every_byte_value_counts_in_every_place(void **state)
{
	uint8_t bytes[16] = {};

	for (unsigned place = 0; place < sizeof(bytes); place++) {
		for (unsigned value = 0; value < 256; value++) {
			bytes[place] = (uint8_t)value;
			assert_true(crc64_jones(0, bytes, sizeof(bytes)) ==
				    bit_by_bit(bytes, sizeof(bytes)));
		}
		bytes[place] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gives_the_published_check_value),
		cmocka_unit_test(it_agrees_with_the_definition_for_every_length_and_alignment),
		cmocka_unit_test(every_byte_value_counts_in_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
