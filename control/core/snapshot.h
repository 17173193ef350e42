/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A configuration as one binary file: what was applied, its route files included, as it was at that
 * moment, so that a restarted control does not depend on files edited since. Only for the program
 * that wrote it: another build refuses it. Any thread.
 */
#ifndef CONTROL_CORE_SNAPSHOT_H
#define CONTROL_CORE_SNAPSHOT_H

#include "lib/conf/conf.h"

/* Writes @conf to the new file @path and forces it to the disk. 0 or a negative errno with a
 * sentence. */
int snapshot_write(const char *path, const struct conf *conf, struct base_error *err);

/* Reads it back; the caller frees with conf_free. NULL with a sentence when it is not whole. */
struct conf *snapshot_read(const char *path, struct base_error *err);

#endif
