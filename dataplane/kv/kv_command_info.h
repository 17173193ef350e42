/* SPDX-License-Identifier: BSD-3-Clause */
/* A row of the table of commands as COMMAND INFO and DOCS tell it. Thread: worker. */
#ifndef DATAPLANE_KV_KV_COMMAND_INFO_H
#define DATAPLANE_KV_KV_COMMAND_INFO_H

#include "dataplane/kv/kv_command.h"

#define KV_CATEGORIES 21

/* The name of category @i, without its sign. */
const char *kv_category_name(unsigned i);

/* The bit of the category named @word; 0: there is none. */
uint64_t kv_category_find(const struct resp_arg *word);

/* The categories of @command, a bit each. */
uint64_t kv_command_categories(const struct kv_command *command);

/* Ten replies in an array: name, arity, flags, first, last and step of the keys, categories, hints,
 * specifications of keys, subcommands. */
void kv_command_info(struct kv_reply *r, const struct kv_command *command);

/* Name and documentation. */
void kv_command_docs(struct kv_reply *r, const struct kv_command *command);

/* What it does to its keys. */
void kv_command_key_flags(struct kv_reply *r, const struct kv_command *command);

#endif
