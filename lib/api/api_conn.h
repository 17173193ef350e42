/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said of the node's own TCP connections on the API sockets; a part of api.h. */
#ifndef LIB_API_API_CONN_H
#define LIB_API_API_CONN_H

#include "lib/base/ipaddr.h"

/* States of a TCP connection (RFC 9293 3.3.2), in the order of the endpoint's own and of
 * stats_tcp.conns. */
enum api_conn_state {
	API_CONN_CLOSED,
	API_CONN_SYN_SENT,
	API_CONN_SYN_RECEIVED,
	API_CONN_ESTABLISHED,
	API_CONN_FIN_WAIT_1,
	API_CONN_FIN_WAIT_2,
	API_CONN_CLOSE_WAIT,
	API_CONN_CLOSING,
	API_CONN_LAST_ACK,
	API_CONN_TIME_WAIT,
	API_CONN_STATES,
};

/* The RFC's name of a state: "ESTABLISHED"; "?" for none. Any thread. */
const char *api_conn_state_name(unsigned state);

/* Asks for the connections of the node's own TCP endpoint after @cursor. */
struct api_conn_dump {
	uint64_t cursor;
	struct ip_addr remote; /* family 0: all */
	uint16_t remote_port;  /* 0: all */
	uint16_t states;       /* a bit for each enum api_conn_state; 0: all */
};

struct api_conn_info {
	uint64_t id;
	struct ip_addr local;
	struct ip_addr remote;
	uint16_t local_port;
	uint16_t remote_port;
	uint16_t mss_bytes;
	uint8_t state; /* enum api_conn_state */
	uint8_t worker;
	uint32_t rtt_us; /* smoothed; 0: not measured yet */
	uint32_t rto_us;
	uint32_t cwnd_bytes;
	uint32_t snd_wnd_bytes; /* the peer takes so much */
	uint32_t rcv_wnd_bytes; /* we do */
	uint32_t unacked_bytes; /* sent or waiting to be */
	uint32_t readable_bytes;
	uint32_t retransmitted; /* segments */
	uint32_t age_s;
	uint32_t pad;
};

#endif
