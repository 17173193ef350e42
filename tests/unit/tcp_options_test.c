/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP options: what peers send, what attackers send, what is written. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_options.h"

#define TS       "\x08\x0a\x11\x22\x33\x44\x55\x66\x77\x88"
#define B1       "\x00\x00\x00\x01\x00\x00\x00\x05"
#define B2       "\xff\xff\xff\xf0\x00\x00\x00\x10"
#define MSS      "\x02\x04\x05\xb4"
#define NOP4     "\x01\x01\x01\x01"
#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

/* Reads from a buffer of exactly @bytes. */
static bool read_exact(const uint8_t *p, size_t bytes, struct tcp_options *o)
{
	uint8_t *copy = malloc(bytes);
	bool good;

	assert_true(copy || bytes == 0);
	if (bytes > 0)
		memcpy(copy, p, bytes);
	memset(o, 0xff, sizeof(*o));
	good = tcp_options_read(copy, (uint32_t)bytes, o);
	free(copy);
	return good;
}

static void a_syn_of_linux_is_read(void **state)
{
	struct tcp_options o;

	assert_true(read_exact(BYTES(MSS "\x04\x02" TS "\x01\x03\x03\x07"), &o));
	assert_true(o.has_mss && o.has_wscale && o.has_ts && o.sack_permitted);
	assert_int_equal(o.mss_bytes, 1460);
	assert_int_equal(o.wscale, 7);
	assert_int_equal(o.ts_val, 0x11223344);
	assert_int_equal(o.ts_ecr, 0x55667788);
	assert_int_equal(o.n_sacks, 0);
}

static void no_options_are_none(void **state)
{
	struct tcp_options o;

	assert_true(read_exact(NULL, 0, &o));
	assert_false(o.has_mss || o.has_wscale || o.has_ts || o.sack_permitted || o.n_sacks);
}

static void blocks_are_read_as_they_stand(void **state)
{
	struct tcp_options o;

	assert_true(read_exact(BYTES("\x01\x01" TS "\x01\x01\x05\x12" B1 B2), &o));
	assert_int_equal(o.n_sacks, 2);
	assert_int_equal(o.sacks[0].start, 1);
	assert_int_equal(o.sacks[0].end, 5);
	assert_int_equal(o.sacks[1].start, 0xfffffff0);
	assert_int_equal(o.sacks[1].end, 0x10);
}

static void time_stamps_alone_are_the_same_with_and_without_the_short_cut(void **state)
{
	static const struct {
		const uint8_t *p;
		size_t bytes;
	} forms[] = {{BYTES("\x01\x01" TS)}, {BYTES(TS "\x01\x01")}, {BYTES(TS "\x00\x00")},
		{BYTES("\x01" TS "\x01")}, {BYTES("\x01\x01" TS NOP4)}, {BYTES(TS)}};
	struct tcp_options o;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		assert_true(read_exact(forms[i].p, forms[i].bytes, &o));
		assert_true(o.has_ts && !o.has_mss && !o.n_sacks);
		assert_int_equal(o.ts_val, 0x11223344);
		assert_int_equal(o.ts_ecr, 0x55667788);
	}
}

static void the_usual_syn_is_the_same_with_and_without_the_short_cut(void **state)
{
	static const uint8_t usual[] = MSS "\x04\x02" TS "\x01\x03\x03\x07";
	struct tcp_options short_cut, whole;

	/* Every value of every byte; four NOPs more are not the form of the short cut. */
	for (unsigned i = 0; i < 256 * (sizeof(usual) - 1); i++) {
		uint8_t p[sizeof(usual) - 1 + 4];
		bool good;

		memcpy(p, usual, sizeof(usual) - 1);
		memcpy(p + sizeof(usual) - 1, NOP4, 4);
		p[i / 256] = (uint8_t)i;
		good = read_exact(p, sizeof(usual) - 1, &short_cut);
		if (!good)
			continue;
		assert_true(read_exact(p, sizeof(p), &whole));
		assert_memory_equal(&short_cut, &whole, sizeof(whole));
	}
}

/* What a hostile header leaves standing. */
struct hostile_case {
	const char *name;
	const uint8_t *p;
	size_t bytes;
	bool good;
	uint16_t mss_bytes; /* 0: none */
	bool has_ts;
	uint8_t n_sacks;
	uint8_t wscale; /* 0: none */
};

static const struct hostile_case hostile[] = {
	{"length 0 ends the reading", BYTES(MSS "\x08\x00" TS), false, 1460, false, 0, 0},
	{"length 1 ends the reading", BYTES(MSS "\x08\x01" TS), false, 1460, false, 0, 0},
	{"unknown of length 0", BYTES("\xfd\x00\x00\x00" MSS), false, 0, false, 0, 0},
	{"unknown of length 1", BYTES("\xfd\x01\x01\x01" MSS), false, 0, false, 0, 0},
	{"unknown is skipped", BYTES("\xfd\x04\xaa\xbb" MSS), true, 1460, false, 0, 0},
	{"unknown of length 2 is skipped", BYTES("\xfd\x02\x01\x01" MSS), true, 1460, false, 0, 0},
	{"unknown leaves the header", BYTES(MSS "\xfd\x05\xaa\xbb"), false, 1460, false, 0, 0},
	{"unknown of length 255", BYTES(MSS "\xfd\xff\xaa\xbb"), false, 1460, false, 0, 0},
	{"only a kind", BYTES("\x02"), false, 0, false, 0, 0},
	{"kind as last byte", BYTES(MSS "\x01\x01\x01\x08"), false, 1460, false, 0, 0},
	{"MSS too short", BYTES("\x02\x03\x05\x01" MSS), false, 0, false, 0, 0},
	{"MSS too long", BYTES("\x02\x05\x05\xb4\x00" TS), false, 0, false, 0, 0},
	{"MSS of length 2", BYTES("\x02\x02\x05\xb4"), false, 0, false, 0, 0},
	{"MSS cut off by the header", BYTES("\x02\x04\x05"), false, 0, false, 0, 0},
	{"MSS 0 is none", BYTES("\x02\x04\x00\x00"), true, 0, false, 0, 0},
	{"MSS 1 is told", BYTES("\x02\x04\x00\x01"), true, 1, false, 0, 0},
	{"MSS 65535 is told", BYTES("\x02\x04\xff\xff"), true, 65535, false, 0, 0},
	{"the second MSS counts", BYTES(MSS "\x02\x04\x00\x64"), true, 100, false, 0, 0},
	{"a second MSS of 0 takes it back", BYTES(MSS "\x02\x04\x00\x00"), true, 0, false, 0, 0},
	{"window scale 14", BYTES("\x03\x03\x0e\x00"), true, 0, false, 0, 14},
	{"window scale 15 is clamped", BYTES("\x03\x03\x0f\x00"), true, 0, false, 0, 14},
	{"window scale 255 is clamped", BYTES("\x03\x03\xff\x00"), true, 0, false, 0, 14},
	{"window scale too long", BYTES("\x03\x04\x07\x00"), false, 0, false, 0, 0},
	{"window scale too short", BYTES("\x03\x02\x07\x00" MSS), false, 0, false, 0, 0},
	{"SACK-permitted too long", BYTES("\x04\x03\x00\x01" MSS), false, 0, false, 0, 0},
	{"time stamps too short", BYTES("\x08\x09\x11\x22\x33\x44\x55\x66\x77" MSS), false, 0,
		false, 0, 0},
	{"time stamps too long", BYTES("\x08\x0b\x11\x22\x33\x44\x55\x66\x77\x88\x99"), false, 0,
		false, 0, 0},
	{"time stamps cut off", BYTES("\x01\x01\x08\x0a\x11\x22\x33\x44\x55\x66\x77"), false, 0,
		false, 0, 0},
	{"aligned time stamps of length 12",
		BYTES("\x01\x01\x08\x0c\x11\x22\x33\x44\x55\x66\x77\x88"), false, 0, false, 0, 0},
	{"SACK without blocks", BYTES("\x01\x01\x05\x02" MSS), false, 0, false, 0, 0},
	{"SACK with half a block", BYTES("\x05\x06\x00\x00\x00\x01" MSS), false, 0, false, 0, 0},
	{"SACK with a block and a half", BYTES("\x05\x0e" B1 "\x00\x00\x00\x01"), false, 0, false,
		0, 0},
	{"SACK beyond the header", BYTES("\x05\x12" B1), false, 0, false, 0, 0},
	{"SACK of length 1", BYTES("\x05\x01" B1), false, 0, false, 0, 0},
	{"four blocks", BYTES("\x01\x01\x05\x22" B1 B1 B1 B2), true, 0, false, 4, 0},
	{"two SACK options", BYTES("\x05\x12" B1 B2 "\x05\x0a" B1), true, 0, false, 3, 0},
	{"a block for each option up to four", BYTES("\x05\x12" B1 B2 "\x05\x12" B1 B2), true, 0,
		false, 4, 0},
	{"blocks that end before they start", BYTES("\x05\x0a\x00\x00\x00\x05\x00\x00\x00\x01"),
		true, 0, false, 1, 0},
	{"nothing but NOPs", BYTES(NOP4 NOP4 NOP4 NOP4 NOP4 NOP4 NOP4 NOP4 NOP4 NOP4), true, 0,
		false, 0, 0},
	{"what stands behind the end is not read", BYTES("\x00" MSS TS), true, 0, false, 0, 0},
	{"end as first of many", BYTES("\x00\x00\x00\x00"), true, 0, false, 0, 0},
	{"time stamps, then nonsense", BYTES(TS "\x05\x03\xff"), false, 0, true, 0, 0},
	{"user timeout is skipped", BYTES("\x1c\x04\x80\x3c" MSS), true, 1460, false, 0, 0},
	{"TCP-AO is skipped",
		BYTES("\x1d\x10"
		      "0123456789abcd" MSS),
		true, 1460, false, 0, 0},
	{"fast open cookie is skipped",
		BYTES("\x22\x06"
		      "abcd" MSS),
		true, 1460, false, 0, 0},
};

static void hostile_options_are_read_up_to_what_is_wrong(void **state)
{
	assert_true(ARRAY_SIZE(hostile) >= 30);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		const struct hostile_case *c = &hostile[i];
		struct tcp_options o;

		assert_true(c->bytes <= TCP_OPTIONS_BYTES_MAX);
		if (read_exact(c->p, c->bytes, &o) != c->good)
			fail_msg("%s: is%s good", c->name, c->good ? " not" : "");
		if (o.has_mss != (c->mss_bytes != 0) || (o.has_mss && o.mss_bytes != c->mss_bytes))
			fail_msg("%s: MSS %u", c->name, o.mss_bytes);
		if (o.has_ts != c->has_ts || o.n_sacks != c->n_sacks)
			fail_msg("%s: time stamps %d, %u blocks", c->name, o.has_ts, o.n_sacks);
		if (o.has_wscale != (c->wscale != 0) || (o.has_wscale && o.wscale != c->wscale))
			fail_msg("%s: window scale %u", c->name, o.wscale);
	}
}

static void expect_written(const struct tcp_options *o, const uint8_t *want, size_t bytes)
{
	uint8_t p[TCP_OPTIONS_BYTES_MAX];

	assert_int_equal(tcp_options_write(p, o), bytes);
	assert_memory_equal(p, want, bytes);
}

static void what_is_written_is_aligned(void **state)
{
	struct tcp_options o = {.has_ts = true, .ts_val = 0x11223344, .ts_ecr = 0x55667788};

	expect_written(&o, BYTES("\x01\x01" TS));
	o.n_sacks = 1;
	o.sacks[0] = (struct tcp_range){1, 5};
	expect_written(&o, BYTES("\x01\x01" TS "\x01\x01\x05\x0a" B1));
	o.n_sacks = 0;
	o.sack_permitted = o.has_mss = o.has_wscale = true;
	o.mss_bytes = 1460;
	o.wscale = 7;
	expect_written(&o, BYTES(MSS "\x04\x02" TS "\x01\x03\x03\x07"));
	o.has_ts = false;
	expect_written(&o, BYTES(MSS "\x04\x02\x01\x01\x01\x03\x03\x07"));
	expect_written(&(struct tcp_options){0}, NULL, 0);
}

static void as_many_blocks_are_written_as_fit(void **state)
{
	struct tcp_options o = {.n_sacks = 4, .sacks = {{1, 2}, {3, 4}, {5, 6}, {7, 8}}};
	uint8_t p[TCP_OPTIONS_BYTES_MAX];

	assert_int_equal(tcp_options_write(p, &o), 36);
	o.has_ts = true;
	assert_int_equal(tcp_options_write(p, &o), 40);
	assert_int_equal(p[15], 2 + 3 * 8);
	o.has_mss = true;
	assert_int_equal(tcp_options_write(p, &o), 4 + 12 + 4 + 2 * 8);
	o.n_sacks = 200;
	o.has_ts = o.has_mss = false;
	assert_int_equal(tcp_options_write(p, &o), 36);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_of_linux_is_read),
		cmocka_unit_test(no_options_are_none),
		cmocka_unit_test(blocks_are_read_as_they_stand),
		cmocka_unit_test(time_stamps_alone_are_the_same_with_and_without_the_short_cut),
		cmocka_unit_test(the_usual_syn_is_the_same_with_and_without_the_short_cut),
		cmocka_unit_test(hostile_options_are_read_up_to_what_is_wrong),
		cmocka_unit_test(what_is_written_is_aligned),
		cmocka_unit_test(as_many_blocks_are_written_as_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
