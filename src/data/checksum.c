#include "data/checksum.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/memory.h"
#include "data/reader.h"

enum { CHUNK = 1 << 16 };

/* Reads the content to its end. */
static gkv_status read_content(gki_reader *reader, const char *path, uint64_t limit, uint8_t *chunk,
                               uint64_t *bytes)
{
    size_t got = 0;
    do {
        GKV_TRY(gki_reader_read(reader, chunk, CHUNK, &got));
        *bytes += got;
        if (*bytes > limit)
            return gki_fail(GKV_ERR_DATA,
                            "%s: the content is longer than %" PRIu64 " bytes; expected no more",
                            path, limit);
    } while (got == CHUNK);
    return GKV_OK;
}

gkv_status gki_sha256_file(const char *path, uint64_t limit, char text[GKV_DIGEST_SIZE],
                           uint64_t *bytes)
{
    gki_reader *reader = NULL;
    uint8_t *chunk = NULL;
    gkv_status status;
    *bytes = 0;
    text[0] = '\0';
    GKV_TRY_GOTO(gki_reader_open(path, true, &reader));
    GKV_TRY_GOTO(gki_alloc(CHUNK, 1, &chunk));
    GKV_TRY_GOTO(read_content(reader, path, limit, chunk, bytes));
    gki_reader_digest(reader, text);
done:
    free(chunk);
    gki_reader_close(reader);
    return status;
}

gkv_status gki_file_digest(const char *path, char digest[GKV_DIGEST_SIZE])
{
    uint64_t bytes = 0;
    if (!path || !digest)
        return gki_fail(GKV_ERR_ARGUMENT, "gki_file_digest: NULL for the path or the digest");
    return gki_sha256_file(path, UINT64_MAX, digest, &bytes);
}
