/* Allocations that fail on request. */
#ifndef GKV_TESTS_FAILING_ALLOCATIONS_H
#define GKV_TESTS_FAILING_ALLOCATIONS_H

/* From here on the allocation of this number fails, counted from 1; 0 means none. Returns how many
 * there were since the last call. While other threads allocate, nothing is defined. */
unsigned long fail_allocation(unsigned long number);

#endif
