/* Densities of tables, for libFuzzer: `make fuzz`. */
#define _GNU_SOURCE
#include "density_entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_density(bytes, size);
}
