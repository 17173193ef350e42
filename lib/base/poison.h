/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells AddressSanitizer which bytes of a mapping are nobody's, where the build has it; otherwise
 * nothing. Any thread.
 */
#ifndef LIB_BASE_POISON_H
#define LIB_BASE_POISON_H

#include "lib/base/base.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BASE_HAS_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define BASE_HAS_POISON 1
#endif

#ifdef BASE_HAS_POISON
#include <sanitizer/asan_interface.h>
#define BASE_POISON(p, bytes)   ASAN_POISON_MEMORY_REGION(p, bytes)
#define BASE_UNPOISON(p, bytes) ASAN_UNPOISON_MEMORY_REGION(p, bytes)
#else
#define BASE_POISON(p, bytes)   ((void)(p), (void)(bytes))
#define BASE_UNPOISON(p, bytes) ((void)(p), (void)(bytes))
#endif

#endif
