/* Any file as images and as labels, for libFuzzer: `make fuzz`. */
#define _GNU_SOURCE
#include "image_entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_images(bytes, size);
}
