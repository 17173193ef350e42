/* SPDX-License-Identifier: BSD-3-Clause */
/* Send buffers: what goes in comes out, blocks come back. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_queue.h"

#define BLOCKS 8u
#define ALL    (BLOCKS * TCP_BLOCK_PAYLOAD_BYTES)

static struct tcp_block blocks[BLOCKS];
static struct tcp_block_pool pool;
static struct tcp_send_queue q;

static int start(void **state)
{
	memset(&q, 0, sizeof(q));
	tcp_block_pool_init(&pool, blocks, BLOCKS);
	return 0;
}

static uint8_t byte_at(uint32_t i)
{
	return (uint8_t)(i * 31 + i / 251);
}

/* Appends the stream's bytes from @at on; how many were taken. */
static uint32_t append(uint32_t at, uint32_t bytes)
{
	static uint8_t p[ALL + 100];

	for (uint32_t i = 0; i < bytes; i++)
		p[i] = byte_at(at + i);
	return tcp_send_queue_append(&q, &pool, p, bytes);
}

/* The queue, which begins with the stream's byte @base, has the right bytes at @offset. */
static void expect(uint32_t base, uint32_t offset, uint32_t bytes)
{
	uint8_t *p = malloc(bytes);

	assert_true(p || bytes == 0);
	tcp_send_queue_copy(&q, offset, p, bytes);
	for (uint32_t i = 0; i < bytes; i++)
		assert_int_equal(p[i], byte_at(base + offset + i));
	free(p);
}

static void bytes_are_found_at_every_offset(void **state)
{
	assert_int_equal(append(0, 10000), 10000);
	for (uint32_t offset = 0; offset < 10000; offset += 333)
		expect(0, offset, MIN_OF(1460u, 10000 - offset));
	for (uint32_t offset = 9900; offset > 0; offset -= 300)
		expect(0, offset, 100);
	expect(0, 0, 10000);
	expect(0, 10000, 0);
}

static void an_append_takes_what_there_is_room_for(void **state)
{
	assert_int_equal(tcp_send_queue_room(&q, &pool), ALL);
	assert_int_equal(append(0, ALL + 5), ALL);
	assert_int_equal(tcp_send_queue_room(&q, &pool), 0);
	assert_int_equal(append(ALL, 1), 0);
	expect(0, 0, ALL);
	tcp_send_queue_release(&q, &pool, 2031);
	assert_int_equal(tcp_send_queue_room(&q, &pool), 0);
	tcp_send_queue_release(&q, &pool, 1);
	assert_int_equal(tcp_send_queue_room(&q, &pool), TCP_BLOCK_PAYLOAD_BYTES);
	assert_int_equal(append(ALL, 5000), TCP_BLOCK_PAYLOAD_BYTES);
	expect(2032, 0, ALL);
}

static void small_appends_share_a_block(void **state)
{
	for (uint32_t i = 0; i < 2032; i++)
		assert_int_equal(append(i, 1), 1);
	assert_int_equal(pool.n_free, BLOCKS - 1);
	expect(0, 0, 2032);
	assert_int_equal(append(2032, 1), 1);
	assert_int_equal(pool.n_free, BLOCKS - 2);
}

static void what_fits_one_block_lies_together(void **state)
{
	assert_null(tcp_send_queue_at(&q, 0));
	assert_int_equal(tcp_send_queue_near_room(&q), TCP_BLOCK_PAYLOAD_BYTES);
	assert_int_equal(append(0, 700), 700);
	tcp_send_queue_release(&q, &pool, 100);
	for (uint32_t i = 0; i < 600; i++)
		assert_int_equal(*tcp_send_queue_at(&q, i), byte_at(100 + i));
	assert_int_equal(tcp_send_queue_near_room(&q), TCP_BLOCK_PAYLOAD_BYTES - 700);
	assert_int_equal(append(700, TCP_BLOCK_PAYLOAD_BYTES - 699), TCP_BLOCK_PAYLOAD_BYTES - 699);
	assert_null(tcp_send_queue_at(&q, 0));
	expect(100, 0, TCP_BLOCK_PAYLOAD_BYTES - 99);
	/* Copies from one block and from two find the same. */
	tcp_send_queue_release(&q, &pool, TCP_BLOCK_PAYLOAD_BYTES - 100);
	assert_int_equal(*tcp_send_queue_at(&q, 0), byte_at(TCP_BLOCK_PAYLOAD_BYTES));
	expect(TCP_BLOCK_PAYLOAD_BYTES, 0, 1);
	tcp_send_queue_release(&q, &pool, 1);
	assert_int_equal(pool.n_free, BLOCKS);
	assert_null(tcp_send_queue_at(&q, 0));
}

static void an_empty_queue_holds_no_block(void **state)
{
	append(0, 3000);
	tcp_send_queue_release(&q, &pool, 3000);
	assert_int_equal(pool.n_free, BLOCKS);
	assert_null(q.last);
	append(0, 10);
	expect(0, 0, 10);
	tcp_send_queue_clear(&q, &pool);
	assert_int_equal(pool.n_free, BLOCKS);
	assert_int_equal(q.bytes, 0);
}

static void copies_in_a_row_begin_where_the_last_one_ended(void **state)
{
	append(0, ALL);
	expect(0, 0, 1460);
	expect(0, 1460, 1460);
	assert_ptr_equal(q.cursor, q.last->next->next);
	assert_int_equal(q.cursor_bytes, TCP_BLOCK_PAYLOAD_BYTES);
	/* It keeps its place when what stands before it is released, and goes when it is. */
	tcp_send_queue_release(&q, &pool, 1000);
	assert_int_equal(q.cursor_bytes, 1032);
	expect(1000, 1920, 1460);
	tcp_send_queue_release(&q, &pool, 3 * TCP_BLOCK_PAYLOAD_BYTES);
	assert_int_equal(q.cursor_bytes, 0);
	expect(1000 + 3 * TCP_BLOCK_PAYLOAD_BYTES, 0, 2000);
}

/* In recovery, what is sent again and new data take turns: neither goes the long way. */
static void copies_at_both_ends_do_not_pass_what_lies_between(void **state)
{
	struct tcp_block *middle, *behind;

	append(0, ALL);
	expect(0, ALL - 4000, 1000);
	expect(0, 0, 1000);
	middle = q.last->next->next->next->next;
	behind = middle->next;
	middle->next = NULL;
	for (uint32_t i = 0; i < 3; i++) {
		expect(0, ALL - 3000 + i * 1000, 1000);
		expect(0, 1000 + i * 1000, 1000);
	}
	middle->next = behind;
	/* Both keep their places when what stands before them is released. */
	tcp_send_queue_release(&q, &pool, 3000);
	expect(3000, 500, 3000);
	expect(3000, ALL - 3000 - 700, 700);
	tcp_send_queue_release(&q, &pool, ALL - 3000 - 500);
	expect(ALL - 500, 0, 500);
}

static void random_use_is_like_a_stream(void **state)
{
	uint32_t base = 0, end = 0;

	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t n = (uint32_t)rand() % 3000, held = end - base;

		if (rand() % 3 == 0) {
			end += append(end, n);
		} else if (rand() % 3 == 0) {
			n = held ? n % (held + 1) : 0;
			tcp_send_queue_release(&q, &pool, n);
			base += n;
		} else if (held > 0) {
			uint32_t offset = (uint32_t)rand() % held;

			expect(base, offset, MIN_OF(n, held - offset));
		}
		assert_int_equal(q.bytes, end - base);
	}
	tcp_send_queue_clear(&q, &pool);
	assert_int_equal(pool.n_free, pool.n_total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bytes_are_found_at_every_offset, start),
		cmocka_unit_test_setup(an_append_takes_what_there_is_room_for, start),
		cmocka_unit_test_setup(small_appends_share_a_block, start),
		cmocka_unit_test_setup(what_fits_one_block_lies_together, start),
		cmocka_unit_test_setup(an_empty_queue_holds_no_block, start),
		cmocka_unit_test_setup(copies_in_a_row_begin_where_the_last_one_ended, start),
		cmocka_unit_test_setup(copies_at_both_ends_do_not_pass_what_lies_between, start),
		cmocka_unit_test_setup(random_use_is_like_a_stream, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
