/* Writing images as IDX; declared in gkvae/data.h. */
#include "gkvae/data.h"

#include "core/error.h"
#include "core/file.h"
#include "data/idx.h"

enum { HEADER = 16, FIELDS = 4 };

gkv_status gkv_idx_write(const char *path, const uint8_t *pixels, size_t count, size_t height, size_t width)
{
    const size_t fields[FIELDS] = {GKV_IDX_IMAGES, count, height, width};
    uint8_t header[HEADER];
    size_t bytes = 1;
    gkv_file_writer *writer = NULL;
    for (size_t i = 1; i < FIELDS; i++) {
        if (fields[i] == 0 || fields[i] > UINT32_MAX || bytes > SIZE_MAX / fields[i])
            return gkv_fail(GKV_ERR_ARGUMENT, "%s: IDX cannot hold %zu images of %zu × %zu", path, count, height,
                            width);
        bytes *= fields[i];
    }
    for (size_t i = 0; i < HEADER; i++)
        header[i] = (uint8_t)(fields[i / 4] >> (24 - 8 * (i % 4)) & 0xFF);
    GKV_TRY(gkv_file_begin(path, &writer));
    /* The writer remembers its first failure, which the commit returns. */
    (void)gkv_file_write(writer, header, sizeof header);
    (void)gkv_file_write(writer, pixels, bytes);
    return gkv_file_commit(writer);
}
