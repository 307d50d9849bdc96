/* CRC-32, as of zlib. */
#ifndef GKV_SAFETENSORS_CRC32_H
#define GKV_SAFETENSORS_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The CRC-32 of some bytes and of these behind them; `sum` is that of the former, 0 for none. The
 * same as zlib's crc32_z(), three times as fast where the processor multiplies polynomials.
 * Thread-safe. */
uint32_t gki_crc32(uint32_t sum, const void *bytes, size_t count);

#endif
