/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes to a store of three workers, in pieces and over several clients, and then time passes.
 * The first byte of the input decides how it is cut. Whatever they say, an honest client is served
 * behind them. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/kv_rig.h"

#define CLIENTS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct kv_settings settings;

	kv_settings_default(&settings, 48u << 20);
	settings.clients_max = 64;
	settings.query_max_bytes = 4u << 20;
	kv_rig_start_with(&settings, CLIENTS);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int clients[CLIENTS], honest;
	size_t step;

	if (size < 2)
		return 0;
	step = 1 + data[0] % 97;
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = kv_rig_connect(i);
	for (size_t at = 1, k = 0; at < size; at += step, k++) {
		kv_rig_push(
			clients[data[0] & 1 ? k % CLIENTS : 0], data + at, MIN_OF(step, size - at));
		if (data[0] & 2)
			kv_rig_run();
	}
	kv_rig_run();
	kv_rig_advance_ms(3);
	for (unsigned i = 0; i < CLIENTS; i++)
		kv_rig_abort(clients[i]);
	kv_rig_run();
	for (unsigned i = 0; i < CLIENTS; i++) {
		kv_client_unpause(kv_rig_worker(i));
		kv_rig_worker(i)->kv->settings.password[0] = '\0';
	}
	honest = kv_rig_connect(0);
	if (honest < 0 || strncmp(kv_rig_words(honest, "SET", "k", "v", NULL), "+OK", 3) != 0)
		abort();
	kv_rig_words(honest, "FLUSHALL", NULL);
	kv_rig_abort(honest);
	return 0;
}
