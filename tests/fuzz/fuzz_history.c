/* Histories of a run, for libFuzzer: `make fuzz`. */
#define _GNU_SOURCE
#include "run_entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_history(bytes, size);
}
