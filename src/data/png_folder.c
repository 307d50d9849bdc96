#include "data/png_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/threads.h"
#include "data/idx.h"
#include "data/colours.h"
#include "data/png_read.h"
#include "data/resize.h"

enum { FILES_AT_ONCE = 16, SHOWN = 3 };

/* A file, and what is wrong with it. */
typedef struct picture {
    char *path; /* with that of the folder */
    gki_png_header header;
    gkv_status status; /* GKV_OK unless it cannot be used */
    char *reason;      /* the message of the status */
} picture;

typedef struct folder_reading {
    const char *folder;
    const gkv_data_settings *settings;
    picture *pictures; /* [count] */
    size_t count;
    bool resized;         /* whether the settings have a size */
    size_t height, width; /* of the images */
    size_t channels;      /* 1, or 3 if a picture may not be grey */
    uint8_t behind[3];    /* the background */
    uint8_t *bytes;       /* [count·height·width·channels] */
} folder_reading;

/* Keeps the message of a failure with the picture, because each thread has its own. */
static void keep(picture *p, gkv_status status)
{
    p->status = status;
    if (status != GKV_OK && gki_strdup(gkv_error_message(), &p->reason) != GKV_OK)
        p->status = GKV_ERR_MEMORY;
}

/* Whether open() failed because of the file, as a broken link, and not because of the system. */
static bool is_of_the_file(int error)
{
    return error == ENOENT || error == ELOOP || error == EACCES || error == EINVAL ||
           error == ENXIO || error == EISDIR;
}

static gkv_status read_header(picture *p)
{
    uint8_t head[GKV_PNG_HEADER];
    struct stat about;
    FILE *file = gki_file_open(p->path);
    if (!file && is_of_the_file(errno))
        return gki_fail(GKV_ERR_DATA, "it cannot be opened: %s", strerror(errno));
    if (!file)
        return gki_fail_errno(errno, "it cannot be opened");
    size_t there = 0;
    const bool known = fstat(fileno(file), &about) == 0;
    if (known)
        there = fread(head, 1, sizeof head, file);
    const bool failed = !known || ferror(file);
    const int error = errno;
    fclose(file);
    if (failed)
        return gki_fail_errno(error, "it cannot be read");
    return gki_png_header_read(head, there, (uint64_t)about.st_size, &p->header);
}

/* --- The size of the images ----------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const picture *left = *(picture *const *)a, *right = *(picture *const *)b;
    const size_t l[] = {left->header.height, left->header.width},
                 r[] = {right->header.height, right->header.width};
    for (int i = 0; i < 2; i++)
        if (l[i] != r[i])
            return l[i] < r[i] ? -1 : 1;
    return (left > right) - (left < right);
}

/* The size that most pictures have; of several such sizes the smallest. */
static gkv_status find_size(folder_reading *reading)
{
    picture **good = NULL;
    size_t count = 0, most = 0;
    GKV_TRY(gki_alloc(reading->count, sizeof(picture *), &good));
    for (size_t i = 0; i < reading->count; i++)
        if (reading->pictures[i].status == GKV_OK)
            good[count++] = &reading->pictures[i];
    if (count > 1)
        qsort(good, count, sizeof(picture *), by_size);
    for (size_t i = 0, begin = 0; i < count; i++) {
        const gki_png_header *header = &good[i]->header, *first = &good[begin]->header;
        if (header->height != first->height || header->width != first->width)
            begin = i;
        if (i - begin + 1 > most) {
            most = i - begin + 1;
            reading->height = header->height;
            reading->width = header->width;
        }
    }
    free(good);
    return GKV_OK;
}

static void check_sizes(folder_reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        picture *p = &reading->pictures[i];
        if (p->status == GKV_OK &&
            (p->header.height != reading->height || p->header.width != reading->width))
            keep(p, gki_fail(GKV_ERR_DATA,
                             "it has %zu × %zu pixels, and most have %zu × %zu (data.resize = "
                             "%zux%zu resizes all)",
                             p->header.height, p->header.width, reading->height, reading->width,
                             reading->height, reading->width));
    }
}

/* --- Pixels --------------------------------------------------------------- */

/* Gives decoded pixels the channels of the images, in place or in *pixels anew. */
static gkv_status convert(const folder_reading *reading, uint8_t **pixels, size_t count,
                          size_t channels)
{
    gki_raster one = {
        .count = 1, .height = 1, .width = count, .channels = channels, .bytes = *pixels};
    gkv_data_settings settings = *reading->settings;
    settings.channels = reading->channels == 1 ? GKV_CHANNELS_GREY : GKV_CHANNELS_COLOUR;
    const gkv_status status = gki_raster_channels(&one, &settings);
    *pixels = one.bytes;
    return status;
}

static gkv_status put_pixels(const folder_reading *reading, size_t i, const gki_png_header *header,
                             uint8_t **pixels, size_t channels)
{
    const size_t size = reading->height * reading->width * reading->channels;
    uint8_t *place = reading->bytes + i * size;
    if (!reading->resized && (header->height != reading->height || header->width != reading->width))
        return gki_fail(GKV_ERR_DATA, "it was changed while it was read");
    GKV_TRY(convert(reading, pixels, header->height * header->width, channels));
    if (header->height != reading->height || header->width != reading->width)
        return gki_resize(*pixels, header->height, header->width, reading->channels,
                          reading->height, reading->width, place);
    memcpy(place, *pixels, size);
    return GKV_OK;
}

static gkv_status read_pixels(const folder_reading *reading, size_t i)
{
    gki_png_header header;
    char *bytes = NULL;
    uint8_t *pixels = NULL;
    size_t length = 0, channels = 0;
    gkv_status status;
    GKV_TRY_GOTO(gki_file_read(reading->pictures[i].path, GKV_PNG_BYTES_MAX, &bytes, &length));
    GKV_TRY_GOTO(gki_png_decode((const uint8_t *)bytes, length, &header, &pixels, &channels));
    GKV_TRY_GOTO(put_pixels(reading, i, &header, &pixels, channels));
done:
    free(bytes);
    free(pixels);
    return status;
}

/* --- The folder ----------------------------------------------------------- */

static gkv_status read_headers(folder_reading *reading, const gki_words *names)
{
    GKV_TRY(gki_alloc(names->count, sizeof *reading->pictures, &reading->pictures));
    reading->count = names->count;
    for (size_t i = 0; i < reading->count; i++)
        GKV_TRY(gki_strf(&reading->pictures[i].path, "%s/%s", reading->folder, names->list[i]));
#pragma omp parallel for schedule(dynamic, FILES_AT_ONCE) num_threads(gki_threads(0))
    for (size_t i = 0; i < reading->count; i++)
        keep(&reading->pictures[i], read_header(&reading->pictures[i]));
    return GKV_OK;
}

/* Chooses size and channels before anything large is allocated. */
static gkv_status plan(folder_reading *reading)
{
    reading->resized = gki_resize_wanted(reading->settings, &reading->height, &reading->width);
    if (!reading->resized) {
        GKV_TRY(find_size(reading));
        check_sizes(reading);
    }
    gki_background(reading->settings, reading->behind);
    bool coloured = !gki_is_grey(reading->behind, 1);
    for (size_t i = 0; i < reading->count; i++)
        coloured = coloured ||
                   (reading->pictures[i].status == GKV_OK && reading->pictures[i].header.coloured);
    reading->channels = coloured && reading->settings->channels != GKV_CHANNELS_GREY ? 3 : 1;
    return GKV_OK;
}

static gkv_status read_images(folder_reading *reading)
{
    size_t size = 0;
    if (__builtin_mul_overflow(reading->height * reading->width * reading->channels, reading->count,
                               &size))
        return gki_fail(GKV_ERR_DATA, "%s: %zu images of %zu × %zu are more than memory can hold",
                        reading->folder, reading->count, reading->height, reading->width);
    GKV_TRY(gki_alloc(size, 1, &reading->bytes));
#pragma omp parallel for schedule(dynamic, FILES_AT_ONCE) num_threads(gki_threads(0))
    for (size_t i = 0; i < reading->count; i++)
        if (reading->pictures[i].status == GKV_OK)
            keep(&reading->pictures[i], read_pixels(reading, i));
    return GKV_OK;
}

/* The reason without the path that some messages begin with. */
static const char *reason_of(const picture *p)
{
    const size_t length = strlen(p->path);
    if (!p->reason)
        return "";
    return strncmp(p->reason, p->path, length) == 0 && strncmp(p->reason + length, ": ", 2) == 0
               ? p->reason + length + 2
               : p->reason;
}

/* Moves the good images together, and their names and the bad files to *out. A failure of memory or
 * of the system is none of a file: leaving out what could not be read would lose images. */
static gkv_status collect(folder_reading *reading, gki_words *names, gki_png_folder *out)
{
    const size_t size = reading->height * reading->width * reading->channels;
    size_t kept = 0;
    for (size_t i = 0; i < reading->count; i++) {
        const picture *p = &reading->pictures[i];
        if (p->status == GKV_ERR_MEMORY || p->status == GKV_ERR_IO)
            return gki_fail(p->status, "%s: %s", p->path, reason_of(p));
        if (p->status != GKV_OK) {
            char *text = NULL, shown[GKV_PRINTABLE_SIZE];
            GKV_TRY(
                gki_strf(&text, "%s: %s", gki_text_printable(names->list[i], shown), reason_of(p)));
            GKV_TRY(gki_words_add(&out->bad, text));
            continue;
        }
        GKV_TRY(gki_words_copy(&out->names, names->list[i]));
        if (kept < i)
            memmove(reading->bytes + kept * size, reading->bytes + i * size, size);
        kept++;
    }
    out->images = (gki_raster){.count = kept,
                               .height = reading->height,
                               .width = reading->width,
                               .channels = reading->channels,
                               .bytes = reading->bytes};
    reading->bytes = NULL;
    return GKV_OK;
}

static gkv_status refuse_bad(const folder_reading *reading, const gki_png_folder *out)
{
    char text[640] = "";
    size_t used = 0, shown = 0;
    const bool none = out->names.count == 0;
    if (out->bad.count == 0 || (reading->settings->skip_bad && !none))
        return GKV_OK;
    for (; shown < out->bad.count && shown < SHOWN && used < sizeof text; shown++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.200s", shown ? "; " : "",
                                 out->bad.list[shown]);
    return gki_fail(GKV_ERR_DATA, "%s: %zu of the %zu PNG files cannot be used%s: %s%s",
                    reading->folder, out->bad.count, reading->count,
                    none ? "" : " (data.skip_bad = yes leaves them out)", text,
                    out->bad.count > shown ? "; …" : "");
}

static gkv_status remark_others(const gki_folder_list *list, const char *folder, char **out)
{
    char shown[GKV_PRINTABLE_SIZE];
    if (list->others == 0)
        return GKV_OK;
    return gki_strf(out, "%s: %zu file%s of other formats %s left out, as %s", folder, list->others,
                    list->others == 1 ? "" : "s", list->others == 1 ? "is" : "are",
                    gki_text_printable(list->first_other, shown));
}

static void release_work(folder_reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        free(reading->pictures[i].path);
        free(reading->pictures[i].reason);
    }
    free(reading->pictures);
    free(reading->bytes);
}

gkv_status gki_png_folder_read(const char *folder, const gkv_data_settings *settings,
                               gki_png_folder *out)
{
    folder_reading reading = {.folder = folder, .settings = settings};
    gki_folder_list list;
    gkv_status status;
    *out = (gki_png_folder){0};
    GKV_TRY(gki_folder_list_read(folder, &list));
    GKV_TRY_GOTO(read_headers(&reading, &list.names));
    GKV_TRY_GOTO(plan(&reading));
    GKV_TRY_GOTO(read_images(&reading));
    GKV_TRY_GOTO(collect(&reading, &list.names, out));
    GKV_TRY_GOTO(refuse_bad(&reading, out));
    GKV_TRY_GOTO(gki_raster_channels(&out->images, settings));
    GKV_TRY_GOTO(remark_others(&list, folder, &out->others));
    gki_idx_digest(&out->images, GKV_IDX_IMAGES);
    out->classes = list.classes;
    list.classes = (gki_words){0};
done:
    release_work(&reading);
    gki_folder_list_free(&list);
    if (status != GKV_OK)
        gki_png_folder_free(out);
    return status;
}

void gki_png_folder_free(gki_png_folder *folder)
{
    gki_raster_free(&folder->images);
    gki_words_free(&folder->names);
    gki_words_free(&folder->bad);
    gki_words_free(&folder->classes);
    free(folder->others);
    *folder = (gki_png_folder){0};
}
