/* The .npy reader, for libFuzzer: `make fuzz`. */
#include "entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_npy(bytes, size);
}
