/* Files of the fuzzers, in memory. */
#ifndef GKV_TESTS_FUZZ_MEMORY_FILES_H
#define GKV_TESTS_FUZZ_MEMORY_FILES_H

/* The folder in which all files are in memory, in a program with memory_files.c. */
#define FUZZ_MEMORY "/gkv-fuzz"

#endif
