/* The reader of images in .npy files, for libFuzzer: `make fuzz`. */
#define _GNU_SOURCE
#include "image_entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_arrays(bytes, size);
}
