/* SPDX-License-Identifier: BSD-3-Clause */
/* The index of services: every key finds its own, the exact port before all ports. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/lb/lb.h"
#include "dataplane/lb/lb_service.h"

#define SLOTS 64u

static struct lb_service_slot slots[SLOTS];
static const struct lb_world world = {.index = slots, .service_mask = SLOTS - 1};

static void clear(void)
{
	for (unsigned i = 0; i < SLOTS; i++)
		slots[i] = (struct lb_service_slot){.service = LB_NO_SERVICE};
}

static void add(uint16_t front, uint8_t protocol, uint16_t port, uint16_t service)
{
	uint32_t at = lb_service_slot_hash(front, protocol, htobe16(port));

	while (slots[at % SLOTS].service != LB_NO_SERVICE)
		at++;
	slots[at % SLOTS] = (struct lb_service_slot){
		.front_protocol = lb_service_key(front, protocol),
		.port_be = htobe16(port),
		.service = service,
	};
}

static uint16_t find(uint16_t front, uint8_t protocol, uint16_t port)
{
	return lb_service_find(&world, front, protocol, htobe16(port));
}

static void the_exact_port_comes_before_all_ports(void **state)
{
	clear();
	add(7, IPPROTO_TCP, 0, 1);
	add(7, IPPROTO_TCP, 80, 2);
	add(7, IPPROTO_UDP, 53, 3);
	add(8, IPPROTO_TCP, 80, 4);
	assert_int_equal(find(7, IPPROTO_TCP, 80), 2);
	assert_int_equal(find(7, IPPROTO_TCP, 81), 1);
	assert_int_equal(find(7, IPPROTO_UDP, 53), 3);
	assert_int_equal(find(7, IPPROTO_UDP, 80), LB_NO_SERVICE);
	assert_int_equal(find(8, IPPROTO_TCP, 80), 4);
	assert_int_equal(find(8, IPPROTO_TCP, 443), LB_NO_SERVICE);
	assert_int_equal(find(0, IPPROTO_TCP, 80), LB_NO_SERVICE);
}

/* Even an index without a free slot ends every search. */
static void each_of_many_services_is_found_in_a_full_index(void **state)
{
	clear();
	for (uint16_t i = 0; i < SLOTS; i++)
		add(i % 3, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, (uint16_t)(1 + i), i);
	for (uint16_t i = 0; i < SLOTS; i++)
		assert_int_equal(
			find(i % 3, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, (uint16_t)(1 + i)), i);
	assert_int_equal(find(0, IPPROTO_TCP, 60000), LB_NO_SERVICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exact_port_comes_before_all_ports),
		cmocka_unit_test(each_of_many_services_is_found_in_a_full_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
