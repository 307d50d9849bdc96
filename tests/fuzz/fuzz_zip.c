/* The reader of zip archives, for libFuzzer: `make fuzz`. */
#define _GNU_SOURCE
#include "image_entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_zip(bytes, size);
}
