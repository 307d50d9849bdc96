/* Base64 (RFC 4648). */
#ifndef GKV_APP_BASE64_H
#define GKV_APP_BASE64_H

#include <stddef.h>

#include "core/file.h"

/* Writes the bytes in base64, in one line with padding. The writer remembers a failure. */
void gki_base64_write(gki_file_writer *out, const void *bytes, size_t count);

#endif
