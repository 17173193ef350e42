/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every file of braid may use: compiler attributes, assertions that stay in release builds,
 * and the few arithmetic helpers C lacks. Any thread; no DPDK, no clock, no global state.
 */
#ifndef LIB_BASE_BASE_H
#define LIB_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b)                    ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)                    ((a) > (b) ? (a) : (b))
#define LIKELY(x)                       __builtin_expect(!!(x), 1)
#define UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define CACHE_LINE_BYTES                64
#define CACHE_ALIGNED                   __attribute__((aligned(CACHE_LINE_BYTES)))
#define PACKED                          __attribute__((packed))
#define PRINTF_LIKE(f, a)               __attribute__((format(printf, f, a)))
#define NSEC_PER_SEC                    1000000000ULL
#define NSEC_PER_MSEC                   1000000ULL
#define NSEC_PER_USEC                   1000ULL
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Prints the failed condition with its place to stderr and aborts. */
_Noreturn void base_assert_failed(const char *expr, const char *file, int line);

/* A bug in braid, never a packet or a user: checked in release builds too. */
#define BRAID_ASSERT(expr)                                                                         \
	do {                                                                                       \
		if (UNLIKELY(!(expr)))                                                             \
			base_assert_failed(#expr, __FILE__, __LINE__);                             \
	} while (0)

/*
 * The sentence that goes with a negative errno on its way to a person: what is wrong and what to
 * do. Owned by the caller, who passes it down zeroed; whoever returns an error fills it.
 */
struct base_error {
	char text[256];
};

/* Formats the sentence into @err (which may be NULL) and returns -@errnum, for `return`. */
int base_error_set(struct base_error *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Copies what fits of @src to @dst of @size bytes, terminated unless @size is 0. Its length. */
size_t base_strlcpy(char *dst, const char *src, size_t size);

/*
 * The entry of @words (@n strings) closest to @word, or NULL when none is close enough to suggest:
 * at most a third of its letters differ (Damerau-Levenshtein distance).
 */
const char *base_suggest(const char *word, const char *const words[], size_t n);

#endif
