/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings between workers, one for each ordered pair: packets with the stage to go on with, and small
 * messages (mailbox.def), in order. A full ring drops packets (counted) and refuses messages;
 * nobody waits. Thread: worker.
 */
#ifndef DATAPLANE_CORE_MAILBOX_H
#define DATAPLANE_CORE_MAILBOX_H

#include "dataplane/core/worker.h"

#define MAILBOX_ENTRIES 2048 /* per ring, a power of two */

enum mail {
#define MAIL(name, handler) MAIL_##name,
#include "dataplane/core/mailbox.def"
#undef MAIL
	MAIL_COUNT
};

/* Creates the rings between all @n workers of @all. 0 or -ENOMEM. Main thread, before start. */
int mailbox_create(struct worker *const *all, unsigned n, struct base_error *err);

/* Frees the rings; what is in them is dropped (shutdown). Main thread, after the end. */
void mailbox_destroy(struct worker *const *all, unsigned n);

/* Sends message @m with a 48-bit argument. 0 or -ENOBUFS. */
int mailbox_send(struct worker *w, uint8_t dst, enum mail m, uint64_t arg);

/* How many more packets and messages the ring to worker @dst takes. */
unsigned mailbox_room(const struct worker *w, uint8_t dst);

/* Puts received packets into their lanes and runs message handlers; returns how many, at most
 * BURST_MAX. */
unsigned mailbox_receive(struct worker *w);

#define MAIL(name, handler) void handler(struct worker *w, uint64_t arg);
#include "dataplane/core/mailbox.def"
#undef MAIL

#endif
