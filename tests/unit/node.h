/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole dataplane node in one thread, for tests and fuzzers: EAL without hugepages, the real
 * modules and pipeline, ports without devices, virtual time. Frames go in as buffers of exactly
 * their size, so that the sanitizers see every byte read or written beside them. In the
 * environment, NODE_OFFLOADS=n gives the ports devices with these enum iface_offloads (see
 * fake_device.h), which take NODE_TSO_SEGMENTS=n segments in a packet.
 */
#ifndef TESTS_UNIT_NODE_H
#define TESTS_UNIT_NODE_H

#include "dataplane/core/worker.h"

#define NODE_FRAME_MAX  10240
#define NODE_OUTPUT_MAX 512 /* frames kept; more are counted only */
#define NODE_MBUFS      4096

/* A frame that left the node. */
struct node_frame {
	uint16_t port;
	uint16_t len;
	uint64_t time_ns;
	uint8_t bytes[NODE_FRAME_MAX];
};

/* Starts a node with the configuration @yaml: ports, interfaces, neighbours, routes as in a file.
 * Ends the process with the sentence on failure. One node at a time; EAL starts once per process.
 */
void node_start(const char *yaml);

/* Applies another whole configuration (same ports). 0, or a negative errno and the sentence. */
int node_apply(const char *yaml, struct base_error *err);

/* Ends the node; fails the process if a buffer was lost or the accounts do not balance. */
void node_stop(void);

/* Lets a frame of @len bytes arrive on port number @port (by index) in one exact-size buffer. */
void node_input(uint16_t port, const void *frame, uint32_t len);

/* The same with what its device says of it, RTE_MBUF_F_RX_*. */
void node_input_marked(uint16_t port, const void *frame, uint32_t len, uint64_t flags);

/* The same in two segments, the first of @at bytes (0 < @at < @len). */
void node_input_split(uint16_t port, const void *frame, uint32_t len, uint32_t at);

/* A buffer of exactly the @len bytes of @frame, for a stage that a test feeds by itself; the caller
 * counts it as received. */
struct rte_mbuf *node_mbuf(const void *frame, uint32_t len);

/* Runs all workers and main until nothing moves. */
void node_run(void);

/* Moves virtual time on in small steps, running everything. */
void node_advance(uint64_t ns);

/* Number of frames that left since node_clear. */
unsigned node_n_output(void);

/* Frame @i of them. */
const struct node_frame *node_output(unsigned i);

/* The first frame that left port @port, or NULL. */
const struct node_frame *node_output_on(uint16_t port);

/* Packets of several segments that devices cut since node_clear. */
unsigned node_n_cut(void);

/* Forgets the frames and starts counting drops anew. */
void node_clear(void);

/* Packets dropped for @reason since node_clear, all workers. */
uint64_t node_drops(enum drop_reason reason);

/* The reason of the only packet dropped since node_clear; DROP_NONE when there is none; the process
 * fails when there are several. */
enum drop_reason node_drop_reason(void);

/* Packets consumed since node_clear. */
uint64_t node_consumed(void);

/* Sum of one counter of the workers' accounts since start, e.g. offsetof(struct stats_worker,
 * rx_pkts). */
uint64_t node_counter(size_t offset);

/* Checks rx + generated = tx + consumed + dropped + held and that every buffer is accounted for;
 * ends the process with the numbers if not. Call when nothing is in flight. */
void node_check_accounts(void);

/* Worker @i; the main thread's is number n_workers. */
struct worker *node_worker(unsigned i);

/* Virtual now. */
uint64_t node_now_ns(void);

#endif
