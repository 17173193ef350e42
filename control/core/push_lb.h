/* SPDX-License-Identifier: BSD-3-Clause */
/* The balancer's part of a configuration as the items of API messages. Thread: main. */
#ifndef CONTROL_CORE_PUSH_LB_H
#define CONTROL_CORE_PUSH_LB_H

#include "lib/api/api.h"
#include "lib/conf/conf.h"

/* Fills in the settings. */
void push_encode_lb(const struct conf *conf, struct api_lb *to);

/* Fills in *@out, a zeroed struct api_pool, with prefix @i of the pool. */
void push_encode_pool(const struct conf *conf, uint32_t i, void *out);

/* The same for a struct api_service. */
void push_encode_service(const struct conf *conf, uint32_t i, void *out);

/* The same for a struct api_backend_want, whose state is left at zero: up. */
void push_encode_backend(const struct conf *conf, uint32_t i, void *out);

#endif
