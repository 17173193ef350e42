/* SPDX-License-Identifier: BSD-3-Clause */
/* Dumped strings: the bytes of Redis 7.0.15, and what is none. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash/crc64.h"
#include "lib/wire/rdb.h"

static void the_bytes_are_those_of_redis(void **state)
{
	static const struct {
		const char *value;
		const char *payload;
		uint32_t len;
	} cases[] = {
		{"", "\x00\x00\x0a\x00\x5d\x9b\x5c\x40\x0f\x7f\xa2\xda", 12},
		{"x", "\x00\x01x\x0a\x00\x22\x80\x86\x5f\xbd\xe8\x48\xd0", 13},
		{"0", "\x00\xc0\x00\x0a\x00\x98\x40\xa7\x78\xf8\x50\x03\x08", 13},
		{"127", "\x00\xc0\x7f\x0a\x00\x0d\xb5\xeb\x31\x52\x54\xc5\x14", 13},
		{"128", "\x00\xc1\x80\x00\x0a\x00\xeb\x7a\xb3\xb5\x10\xcf\x4b\x65", 14},
		{"-129", "\x00\xc1\x7f\xff\x0a\x00\x17\x60\x82\x28\x54\x80\x84\x80", 14},
		{"32768", "\x00\xc2\x00\x80\x00\x00\x0a\x00\x45\xd8\x2e\xed\xd5\xbd\xa9\x10", 16},
		{"2147483647", "\x00\xc2\xff\xff\xff\x7f\x0a\x00\x2c\x74\xe5\x9e\xe0\x2e\xad\xa1",
			16},
		{"2147483648",
			"\x00\x0a\x32\x31\x34\x37\x34\x38\x33\x36\x34\x38\x0a\x00\xe7\xb1"
			"\x29\xa3\x4c\x1d\x76\xee",
			22},
		{"-2147483648", "\x00\xc2\x00\x00\x00\x80\x0a\x00\xc7\x4f\x87\x3e\x33\x55\x81\x87",
			16},
		{"012", "\x00\x03\x30\x31\x32\x0a\x00\x8f\x54\x63\xe9\x54\x7e\xeb\x0c", 15},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t len = (uint32_t)strlen(cases[i].value), n;
		uint8_t out[RDB_HEAD_BYTES_MAX + 32 + RDB_FOOTER_BYTES];
		struct rdb_string s;

		n = rdb_write_integer(out, (const uint8_t *)cases[i].value, len);
		if (n == 0) {
			n = rdb_write_plain(out, len);
			memcpy(out + n, cases[i].value, len);
			n += len;
		}
		rdb_write_footer(out + n, crc64_jones(0, out, n));
		n += RDB_FOOTER_BYTES;
		assert_int_equal(n, cases[i].len);
		assert_memory_equal(out, cases[i].payload, n);
		assert_true(rdb_version_is_known(out, n));
		assert_true(rdb_crc(out, n) == crc64_jones(0, out, n - RDB_CRC_BYTES));
		assert_true(rdb_read(out, n, &s));
		assert_int_equal(s.len, len);
		assert_memory_equal(s.form == RDB_INTEGER ? (const uint8_t *)s.text : s.bytes,
			cases[i].value, len);
	}
}

static void every_length_is_read_as_it_was_written(void **state)
{
	static const uint32_t lengths[] = {0, 1, 63, 64, 16383, 16384, 70000};
	static uint8_t out[RDB_HEAD_BYTES_MAX + 70000];
	struct rdb_string s;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint32_t len = lengths[i], n = rdb_write_plain(out, len);

		assert_true(rdb_read(out, n + len, &s));
		assert_int_equal(s.form, RDB_PLAIN);
		assert_int_equal(s.len, len);
		assert_ptr_equal(s.bytes, out + n);
		assert_false(len > 0 && rdb_read(out, n + len - 1, &s));
		n = rdb_write_packed(out, len, len * 2);
		assert_true(rdb_read(out, n + len, &s));
		assert_int_equal(s.form, RDB_PACKED);
		assert_int_equal(s.n_bytes, len);
		assert_int_equal(s.len, len * 2);
		assert_ptr_equal(s.bytes, out + n);
	}
}

static void what_is_no_string_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t len;
		bool good;
	} cases[] = {
		{"", 0, false},
		{"\x00", 1, false},
		{"\x01\x00", 2, false},
		{"\xff\x00", 2, false},
		{"\x00\x00", 2, true},
		{"\x00\x01", 2, false},
		{"\x00\x40", 2, false},
		{"\x00\x40\x01x", 4, true},
		{"\x00\x80\x00\x00\x00\x01x", 7, true},
		{"\x00\x80\x00\x00\x00\x02x", 7, false},
		{"\x00\x80\xff\xff\xff\xffx", 7, false},
		{"\x00\x81\x00\x00\x00\x00\x00\x00\x00\x01x", 11, true},
		{"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xffx", 11, false},
		{"\x00\x81\x00\x00\x00\x00\x00\x00", 8, false},
		{"\x00\x82\x00\x00\x00\x01x", 7, false},
		{"\x00\xbfx", 3, false},
		{"\x00\xc0", 2, false},
		{"\x00\xc1\x00", 3, false},
		{"\x00\xc2\x00\x00\x00", 5, false},
		{"\x00\xc4\x00\x00\x00\x00", 6, false},
		{"\x00\xff\x00\x00\x00\x00", 6, false},
		{"\x00\xc3", 2, false},
		{"\x00\xc3\x02", 3, false},
		{"\x00\xc3\x02\x01\x00", 5, false},
		{"\x00\xc3\x02\x01\x00x", 6, true},
		{"\x00\xc3\x02\x40\xb0\x00x", 7, true},  /* 176 from two bytes */
		{"\x00\xc3\x02\x40\xb1\x00x", 7, false}, /* 177 */
		{"\x00\xc3\x02\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00x", 14, false},
		{"\x00\xc3\x81\x80\x00\x00\x00\x00\x00\x00\x00\x01\x00x", 14, false},
	};
	struct rdb_string s;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t *p = malloc(cases[i].len + !cases[i].len);

		assert_non_null(p);
		memcpy(p, cases[i].bytes, cases[i].len);
		assert_int_equal(rdb_read(p, cases[i].len, &s), cases[i].good);
		free(p);
	}
}

static void libraries_are_read_one_after_the_other(void **state)
{
	static const uint32_t lengths[] = {0, 3, 70, 20000};
	static uint8_t out[4 * RDB_HEAD_BYTES_MAX + 20073 + RDB_FOOTER_BYTES];
	uint32_t len = 0, at = 0;
	struct rdb_string s;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		len += rdb_write_function(out + len, lengths[i]) + lengths[i];
	len += RDB_FOOTER_BYTES;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		assert_true(rdb_read_function(out, len, &at, &s));
		assert_int_equal(s.form, RDB_PLAIN);
		assert_int_equal(s.len, lengths[i]);
		assert_ptr_equal(s.bytes + s.len, out + at);
	}
	assert_int_equal(at, len - RDB_FOOTER_BYTES);
	assert_false(rdb_read_function(out, len, &at, &s));
	at = 0;
	assert_false(rdb_read_function(out, 1 + RDB_FOOTER_BYTES, &at, &s));
	rdb_write_plain(out, 1);
	assert_false(rdb_read_function(out, len, &at, &s));
	assert_int_equal(at, 0);
}

static void later_versions_are_not_known(void **state)
{
	uint8_t footer[RDB_FOOTER_BYTES + 1] = {0, RDB_VERSION};

	assert_true(rdb_version_is_known(footer, sizeof(footer)));
	assert_false(rdb_version_is_known(footer, RDB_FOOTER_BYTES - 1));
	footer[1] = 1;
	assert_true(rdb_version_is_known(footer, sizeof(footer)));
	footer[1] = RDB_VERSION + 1;
	assert_false(rdb_version_is_known(footer, sizeof(footer)));
	footer[1] = 0;
	footer[2] = 1;
	assert_false(rdb_version_is_known(footer, sizeof(footer)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_those_of_redis),
		cmocka_unit_test(every_length_is_read_as_it_was_written),
		cmocka_unit_test(what_is_no_string_is_refused),
		cmocka_unit_test(libraries_are_read_one_after_the_other),
		cmocka_unit_test(later_versions_are_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
