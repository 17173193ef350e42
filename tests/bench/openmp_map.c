/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * OpenMP doubling numbers, to compare with: the schedule is that of OMP_SCHEDULE. Prints a JSON
 * object: the seconds, and the sum of the results.
 *
 *   openmp_map ITEMS
 */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* As a task would be: the compiler cannot look inside. */
__attribute__((noinline)) static void twice(const int64_t *item, int64_t *result)
{
	*result = 2 * *item;
	__asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
	long n = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	int64_t *items, *results, sum = 0;
	double seconds;

	if (n <= 0) {
		fprintf(stderr, "usage: openmp_map ITEMS\n");
		return 2;
	}
	items = malloc((size_t)n * sizeof(*items));
	results = malloc((size_t)n * sizeof(*results));
	if (!items || !results) {
		fprintf(stderr, "openmp_map: no memory for %ld items\n", n);
		return 1;
	}
	for (long i = 0; i < n; i++) {
		items[i] = i;
		results[i] = 0;
	}
	seconds = omp_get_wtime();
#pragma omp parallel for schedule(runtime)
	for (long i = 0; i < n; i++)
		twice(&items[i], &results[i]);
	seconds = omp_get_wtime() - seconds;
	for (long i = 0; i < n; i++)
		sum += results[i];
	printf("{\"seconds\": %.6f, \"sum\": %ld}\n", seconds, sum);
	free(items);
	free(results);
	return 0;
}
