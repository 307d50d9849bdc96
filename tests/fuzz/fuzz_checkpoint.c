/* Checkpoints of training, for libFuzzer: `make fuzz`. */
#define _GNU_SOURCE
#include "model_entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_checkpoint(bytes, size);
}
