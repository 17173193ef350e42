/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running a program on one item or record, inline for the loops of jobs: the windows are filled by
 * moves of 16 bytes, each of which a program's aligned loads find whole in the store buffer, and
 * only what the last call left behind is cleared. Private to task. Thread: any.
 */
#ifndef DATAPLANE_TASK_TASK_EXEC_IMPL_H
#define DATAPLANE_TASK_TASK_EXEC_IMPL_H

#include <string.h>
#include <tmmintrin.h>

#include "dataplane/task/task.h"

#define TASK_MOVE_BYTES 16

/* The @n bytes (1 to 15) at @from, zeros behind them; nothing beside them is read. */
static inline __m128i task_load_short(const uint8_t *from, uint32_t n)
{
	uint64_t low = 0, high = 0;

	if (n >= 8) {
		memcpy(&low, from, 8);
		memcpy(&high, from + n - 8, 8);
		high = high >> 1 >> (8 * (TASK_MOVE_BYTES - n) - 1);
	} else if (n >= 4) {
		uint32_t first, last;

		memcpy(&first, from, 4);
		memcpy(&last, from + n - 4, 4);
		low = first | (uint64_t)last << (8 * (n - 4));
	} else {
		low = from[0] | (uint64_t)from[n / 2] << (8 * (n / 2)) |
		      (uint64_t)from[n - 1] << (8 * (n - 1));
	}
	return _mm_set_epi64x((int64_t)high, (int64_t)low);
}

/* The last @n bytes (1 to 15) before @end, zeros behind them; there are 16. */
static inline __m128i task_load_tail(const uint8_t *end, uint32_t n)
{
	static const uint8_t shuffles[2 * TASK_MOVE_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
		12, 13, 14, 15, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
		128, 128, 128};
	__m128i bytes = _mm_loadu_si128((const __m128i *)(end - TASK_MOVE_BYTES));

	return _mm_shuffle_epi8(
		bytes, _mm_loadu_si128((const __m128i *)(shuffles + TASK_MOVE_BYTES - n)));
}

/*
 * Puts @n bytes into a window, and zeros behind them as far as @used, what the last call left. The
 * window's size is a multiple of 16. What this call leaves.
 */
static inline uint32_t task_window_fill(uint8_t *to, const void *bytes, uint32_t n, uint32_t used)
{
	const uint8_t *from = bytes;
	uint32_t tail = n % TASK_MOVE_BYTES, at;

	for (at = 0; at + TASK_MOVE_BYTES <= n; at += TASK_MOVE_BYTES)
		_mm_storeu_si128(
			(__m128i *)(to + at), _mm_loadu_si128((const __m128i *)(from + at)));
	if (tail != 0) {
		_mm_storeu_si128((__m128i *)(to + at), n > TASK_MOVE_BYTES
							       ? task_load_tail(from + n, tail)
							       : task_load_short(from, n));
		at += TASK_MOVE_BYTES;
	}
	for (uint32_t rest = at; UNLIKELY(rest < used); rest += TASK_MOVE_BYTES)
		_mm_storeu_si128((__m128i *)(to + rest), _mm_setzero_si128());
	return at;
}

/* Clears @n bytes, rounded up to 16. */
static inline void task_window_clear(uint8_t *to, uint32_t n)
{
	for (uint32_t at = 0; at < n; at += TASK_MOVE_BYTES)
		_mm_storeu_si128((__m128i *)(to + at), _mm_setzero_si128());
}

/* What a call that returned @result means: helpers' faults count whatever it returns, and what is
 * no code of its kind is a fault, too. */
static inline int32_t task_exec_verdict(const struct task_exec *x, int64_t result)
{
	if (UNLIKELY(x->frame.fault != 0))
		return x->frame.fault;
	if (LIKELY(result == BRAID_OK))
		return BRAID_OK;
	if (result == BRAID_DROP && x->frame.kind == TASK_FILTER)
		return BRAID_DROP;
	return result < 0 && result >= INT32_MIN ? (int32_t)result : BRAID_FAULT_USER;
}

/* Puts an item into the frame. */
static inline void task_exec_load_item(
	struct task_exec *x, uint64_t number, const void *value, uint32_t len)
{
	struct braid_map *m = &x->frame.ctx.map;

	x->value = value;
	x->value_len = len;
	x->frame.fault = 0;
	m->number = number;
	m->value_len = len;
	m->result_len = 0;
	x->value_used = task_window_fill(
		m->value, value, MIN_OF(len, (uint32_t)BRAID_VALUE_BYTES), x->value_used);
	task_window_clear(m->result, x->result_clear);
}

/* task_exec_map. */
static inline int32_t task_exec_item(
	struct task_exec *x, uint64_t number, const void *value, uint32_t len)
{
	int32_t code;

	task_exec_load_item(x, number, value, len);
	code = task_exec_verdict(x, (int64_t)x->program->run(&x->frame.ctx));
	if (UNLIKELY(x->frame.ctx.map.result_len > BRAID_RESULT_BYTES && code == BRAID_OK))
		return BRAID_FAULT_RANGE;
	return code;
}

/* Puts a record into the frame; accumulator and scratch stay. */
static inline void task_exec_load_record(
	struct task_exec *x, uint64_t number, const struct task_record *r)
{
	struct braid_each *e = &x->frame.ctx.each;

	x->value = r->value;
	x->value_len = r->value_len;
	x->frame.fault = 0;
	e->number = number;
	e->ttl_ms = r->ttl_ms;
	e->value_len = r->value_len;
	e->key_len = r->key_len;
	e->type = r->type;
	e->flags = r->flags;
	e->slot = r->slot;
	x->key_used = task_window_fill(
		e->key, r->key, MIN_OF(r->key_len, (uint32_t)BRAID_KEY_BYTES), x->key_used);
	x->value_used = task_window_fill(e->value, r->value,
		MIN_OF(r->value_len, (uint32_t)BRAID_VALUE_BYTES), x->value_used);
}

/* task_exec_each. */
static inline int32_t task_exec_record(
	struct task_exec *x, uint64_t number, const struct task_record *r)
{
	task_exec_load_record(x, number, r);
	return task_exec_verdict(x, (int64_t)x->program->run(&x->frame.ctx));
}

#endif
