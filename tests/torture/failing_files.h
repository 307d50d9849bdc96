/* Calls of the file system that fail on request. */
#ifndef GKV_TESTS_TORTURE_FAILING_FILES_H
#define GKV_TESTS_TORTURE_FAILING_FILES_H

/* From here on the call of this number fails with this errno, counted from 1; 0 means none. Returns
 * how many there were since the last call. */
unsigned long fail_call(unsigned long number, int error);

#endif
