/* An image as a PNG file. */
#include <stdlib.h>

#include <png.h>

#include "core/file.h"
#include "core/memory.h"
#include "gkvae/data.h"

gkv_status gkv_png_write(const char *path, size_t height, size_t width, size_t channels,
                         const uint8_t *levels)
{
    enum { SIDE_MAX = 65535 };
    GKV_NEED(path);
    GKV_NEED(levels);
    if (height < 1 || width < 1 || height > SIDE_MAX || width > SIDE_MAX ||
        (channels != 1 && channels != 3))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%s: an image of %zu × %zu pixels and %zu channels; sides are 1 to %d, and "
                        "channels 1 or 3",
                        path, height, width, channels, SIDE_MAX);
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    unsigned char *bytes = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(size, 1, &bytes));
    if (png_image_write_to_memory(&image, bytes, &size, 0, levels, 0, NULL))
        status = gki_file_write_atomic(path, bytes, size);
    else
        status = gki_fail(GKV_ERR_MEMORY, "%s: %s", path, image.message);
done:
    png_image_free(&image);
    free(bytes);
    return status;
}
