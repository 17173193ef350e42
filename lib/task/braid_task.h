/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small programs that run on braid's workers, beside the data: the one header that a program
 * includes, and from which the host makes its table of helpers. Compile with
 * `clang -target bpf -mcpu=v2 -O2 -g -c`.
 *
 * A function's section says what it is: "map", "filter", "each" or "merge", or such a word with
 * "/" and anything behind. Its name is the symbol's. It takes the pointer to its context and
 * returns BRAID_OK, BRAID_DROP (a filter) or a negative BRAID_FAULT_*. Contexts have no pointers
 * inside; behind the end of a key, a value or a result they hold zeros.
 *
 * Loops must be unrolled by the compiler and functions inlined; there is no memory beside the
 * context, 504 bytes of stack and constants. Any thread; nothing is included.
 */
#ifndef LIB_TASK_BRAID_TASK_H
#define LIB_TASK_BRAID_TASK_H

/* The same types as in stdint.h, which clang does not find for bpf. */
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;

#define BRAID_ABI 1

/* Bytes. */
#define BRAID_VALUE_BYTES    512
#define BRAID_KEY_BYTES      256
#define BRAID_RESULT_BYTES   512
#define BRAID_ACC_BYTES      256
#define BRAID_SCRATCH_BYTES  256
#define BRAID_LENGTH_MAX     512  /* what a helper takes at once */
#define BRAID_SPAN_MAX       4096 /* what braid_find looks through at once */
#define BRAID_JSON_BYTES_MAX 4096
#define BRAID_DECIMAL_BYTES  24 /* room that braid_format_int wants */

/* What a function returns. */
#define BRAID_OK           0
#define BRAID_DROP         1     /* a filter: leave this record out */
#define BRAID_FAULT_DIVIDE (-2)  /* a divisor is zero */
#define BRAID_FAULT_INPUT  (-3)  /* the value is not what the program is for */
#define BRAID_FAULT_RANGE  (-4)  /* an offset or a length that a helper refused */
#define BRAID_FAULT_FULL   (-5)  /* more was emitted than there is room for */
#define BRAID_FAULT_USER   (-64) /* and below: the program's own */

/* What helpers return beside results: not found, not a number, no such field. */
#define BRAID_NONE (-1)

#define BRAID_TTL_NONE (~0ULL)

#define BRAID_SECTION(name) __attribute__((section(name), used))
#define BRAID_INLINE        static inline __attribute__((always_inline))
#define BRAID_WINDOW(n)     __attribute__((aligned(8))) uint8_t n

/* The offset of a field in its context, as helpers take it. */
#define BRAID_AT(ctx, field) ((uint32_t) __builtin_offsetof(__typeof__(*(ctx)), field))

/* One item, for section "map". Written by the program: from result_len on. */
struct braid_map {
	uint64_t number;    /* of the item in its job, from 0 */
	uint32_t value_len; /* bytes of the whole item; may be more than the window */
	uint32_t reserved;
	BRAID_WINDOW(value)[BRAID_VALUE_BYTES];
	uint32_t result_len; /* bytes; 0 before the program */
	uint32_t result_reserved;
	BRAID_WINDOW(result)[BRAID_RESULT_BYTES];
	BRAID_WINDOW(scratch)[BRAID_SCRATCH_BYTES]; /* holds anything before the program */
};

/*
 * One record, for sections "filter" and "each". Written by the program: the scratch window, by
 * "each" the accumulator, too, which is all zeros before the first record of a chunk.
 */
struct braid_each {
	uint64_t number; /* of the record in its chunk, from 0 */
	uint64_t ttl_ms; /* time to live, or BRAID_TTL_NONE */
	uint32_t value_len;
	uint32_t key_len;
	uint32_t type;
	uint32_t flags;
	uint32_t slot;
	uint32_t reserved;
	BRAID_WINDOW(key)[BRAID_KEY_BYTES];
	BRAID_WINDOW(value)[BRAID_VALUE_BYTES];
	BRAID_WINDOW(acc)[BRAID_ACC_BYTES];
	BRAID_WINDOW(scratch)[BRAID_SCRATCH_BYTES];
};

/* Two accumulators, for section "merge": @other, of the later chunk, goes into @acc. */
struct braid_merge {
	uint64_t number; /* of the later chunk in its job */
	uint64_t reserved;
	BRAID_WINDOW(other)[BRAID_ACC_BYTES];
	BRAID_WINDOW(acc)[BRAID_ACC_BYTES];
	BRAID_WINDOW(scratch)[BRAID_SCRATCH_BYTES];
};

/*
 * Helpers: X(number, name, fixed cost, cost per 8 bytes of all lengths, parameters, their kinds).
 *
 * Memory is named by its offset from the start of the context (BRAID_AT) and its length in bytes.
 * A helper that is given a place outside the context, writes outside of the part that the program
 * may write, or takes more than BRAID_LENGTH_MAX, does nothing, returns BRAID_FAULT_RANGE, and
 * the call counts as that fault whatever the program returns. Costs are in instructions.
 *
 * emit        sends a key and a value to whoever asked. BRAID_OK, or BRAID_FAULT_FULL (a fault).
 *             Not for "merge": BRAID_FAULT_RANGE.
 * load        copies @len bytes of the whole value from @position on to @to. @len, or less at the
 *             end of the value.
 * u32         the 4 bytes of the value at @position, little endian. They must be there.
 * u64         the 8 bytes of the value at @position, little endian. They must be there.
 * find        the position of the first bytes in the value, from @position on, that equal the
 *             @len bytes at @needle. They start within @span bytes, at most BRAID_SPAN_MAX.
 *             Or BRAID_NONE.
 * compare     -1, 0 or 1: as memcmp, then the shorter one is less.
 * hash        64 bits of SipHash-1-3 with @seed as the key.
 * parse_int   writes the number that the text is to the 8 bytes at @to. 0, or BRAID_NONE: it is
 *             not an integer of 64 bits as Redis writes them.
 * format_int  writes @n in decimal to BRAID_DECIMAL_BYTES at @to. Its length.
 * json_field  copies what stands behind the name at @name in the value, a flat JSON object, to
 *             @room bytes at @to: of a string what is between the quotes (escapes as they are), of
 *             others their text. Its length; or BRAID_NONE: no such field, not an object, no room,
 *             or a value of more than BRAID_JSON_BYTES_MAX.
 */
#define BRAID_HELPERS(X)                                                                           \
	X(1, emit, 64, 4,                                                                          \
		(void *ctx, uint32_t key, uint32_t key_len, uint32_t value, uint32_t value_len),   \
		CTX, READ, LENGTH, READ, LENGTH)                                                   \
	X(2, load, 24, 4, (void *ctx, uint64_t position, uint32_t to, uint32_t len), CTX, ANY,     \
		WRITE, LENGTH, NONE)                                                               \
	X(3, u32, 24, 0, (void *ctx, uint64_t position), CTX, ANY, NONE, NONE, NONE)               \
	X(4, u64, 24, 0, (void *ctx, uint64_t position), CTX, ANY, NONE, NONE, NONE)               \
	X(5, find, 32, 24,                                                                         \
		(void *ctx, uint64_t position, uint32_t span, uint32_t needle, uint32_t len), CTX, \
		ANY, SPAN, READ, LENGTH)                                                           \
	X(6, compare, 24, 8, (void *ctx, uint32_t a, uint32_t a_len, uint32_t b, uint32_t b_len),  \
		CTX, READ, LENGTH, READ, LENGTH)                                                   \
	X(7, hash, 96, 12, (void *ctx, uint32_t at, uint32_t len, uint64_t seed), CTX, READ,       \
		LENGTH, ANY, NONE)                                                                 \
	X(8, parse_int, 160, 0, (void *ctx, uint32_t at, uint32_t len, uint32_t to), CTX, READ,    \
		LENGTH, WRITE, NONE)                                                               \
	X(9, format_int, 160, 0, (void *ctx, int64_t n, uint32_t to), CTX, ANY, WRITE, NONE, NONE) \
	X(10, json_field, 16384, 8,                                                                \
		(void *ctx, uint32_t name, uint32_t name_len, uint32_t to, uint32_t room), CTX,    \
		READ, LENGTH, WRITE, LENGTH)

#define BRAID_HELPERS_MAX 10

/* Kinds of parameters; NONE: it has no more. */
enum braid_arg {
	BRAID_ARG_NONE,
	BRAID_ARG_CTX,    /* the context, as it was given */
	BRAID_ARG_READ,   /* an offset in the context */
	BRAID_ARG_WRITE,  /* an offset in the part that the program may write */
	BRAID_ARG_LENGTH, /* bytes, at most BRAID_LENGTH_MAX */
	BRAID_ARG_SPAN,   /* bytes, at most BRAID_SPAN_MAX */
	BRAID_ARG_ANY,    /* a number */
};

#define BRAID_HELPER_CALL(n, name, fixed, per_8, params, ...)                                      \
	static int64_t(*const braid_##name) params __attribute__((unused)) =                       \
		(int64_t(*) params)(unsigned long)(n);
BRAID_HELPERS(BRAID_HELPER_CALL)

/* How the host knows what a program was compiled for. */
static const uint32_t braid_abi BRAID_SECTION(".braid_abi") = BRAID_ABI;

#endif
