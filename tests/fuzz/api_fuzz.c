/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes through the check that each received message passes; what it accepts must be as long as
 * its row and its count say. */
#include <stdlib.h>
#include <string.h>

#include "lib/api/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct base_error err = {0};
	const struct api_row *row;
	struct api_header hdr;
	uint64_t want = sizeof(hdr);
	uint32_t count = 0;
	bool request;

	if (api_check(data, size, &err) < 0) {
		BRAID_ASSERT(err.text[0] != '\0');
		return 0;
	}
	memcpy(&hdr, data, sizeof(hdr));
	row = api_row_find(hdr.type);
	BRAID_ASSERT(row && hdr.length_bytes == size);
	request = hdr.flags == 0;
	if (size > sizeof(hdr) + sizeof(count))
		memcpy(&count, data + sizeof(hdr), sizeof(count));
	if (hdr.status < 0)
		want += sizeof(struct base_error);
	else if (request)
		want += row->request_bytes + (uint64_t)count * row->request_item_bytes;
	else
		want += row->reply_bytes + (uint64_t)count * row->reply_item_bytes;
	BRAID_ASSERT(want == size);
	return 0;
}
