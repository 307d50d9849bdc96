#include "data/label_read.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/foreign.h"
#include "core/memory.h"
#include "data/array_read.h"
#include "data/checksum.h"
#include "data/label_table.h"
#include "data/reader.h"

enum { TABLE_MAX = 1 << 28 }; /* bytes of a table of labels */

gkv_status gki_head_read(const char *path, size_t most, uint8_t *head, size_t *there)
{
    gki_reader *reader = NULL;
    *there = 0;
    GKV_TRY(gki_reader_open(path, false, &reader));
    const gkv_status status = gki_reader_read(reader, head, most, there);
    gki_reader_close(reader);
    return status;
}

typedef enum kind { IDX, ARRAY, TABLE } label_kind;

/* Text has no control characters but tabs and ends of lines. An IDX file begins with some. */
static bool is_text(const uint8_t *head, size_t there)
{
    for (size_t i = 0; i < there; i++)
        if ((head[i] < ' ' && (head[i] < '\t' || head[i] > '\r')) || head[i] == 0x7F)
            return false;
    return there > 0;
}

static gkv_status kind_of(const char *path, label_kind *out)
{
    uint8_t head[GKV_FOREIGN_BYTES];
    char *file = NULL;
    const char *name;
    size_t there = 0;
    GKV_TRY(gki_array_split(path, &file, &name));
    const gkv_status status = gki_head_read(file, sizeof head, head, &there);
    free(file);
    GKV_TRY(status);
    *out = gki_is_array(head, there) ? ARRAY : is_text(head, there) ? TABLE : IDX;
    return *out == IDX ? GKV_OK
                       : gki_foreign_check(GKV_ERR_DATA, path, head, there, GKV_WANTED_LABELS);
}

static gkv_status read_words(const char *path, const gki_labelled *images, gki_words *words)
{
    char *text = NULL;
    size_t length = 0;
    GKV_TRY(gki_file_read(path, TABLE_MAX, &text, &length));
    const gkv_status status =
        gki_label_table_parse(path, text, length, images->names, images->count, words);
    free(text);
    return status;
}

static gkv_status label(const char *path, const gki_words *words, const gki_words *known,
                        gki_raster *out)
{
    *out = (gki_raster){.count = words->count, .height = 1, .width = 1, .channels = 1};
    GKV_TRY(gki_alloc(words->count, 1, &out->bytes));
    return gki_words_label(words, known, path, out->bytes);
}

static gkv_status read_table(const char *path, const gki_labelled *images, const gki_words *known,
                             gki_raster *out)
{
    gki_words words;
    GKV_TRY(read_words(path, images, &words));
    gkv_status status = label(path, &words, known, out);
    gki_words_free(&words);
    if (status == GKV_OK)
        status = gki_file_digest(path, out->sha256);
    return status;
}

gkv_status gki_labels_read(const char *path, const gki_labelled *images, const gki_words *known,
                           gki_raster *out)
{
    label_kind kind;
    *out = (gki_raster){0};
    GKV_TRY(kind_of(path, &kind));
    gkv_status status = kind == ARRAY   ? gki_array_read(path, GKV_IDX_LABELS, out)
                        : kind == TABLE ? read_table(path, images, known, out)
                                        : gki_idx_read(path, GKV_IDX_LABELS, out);
    if (status == GKV_OK && out->count != images->count)
        status =
            gki_fail(GKV_ERR_DATA, "%s: %s is %zu; expected %zu, one label for each image of %s",
                     path, kind == IDX ? "the header's count" : "the number of labels", out->count,
                     images->count, images->path);
    if (status != GKV_OK)
        gki_raster_free(out);
    return status;
}

gkv_status gki_labels_of_folders(const gki_labelled *images, const gki_words *known,
                                 gki_raster *out)
{
    gki_words words = {0};
    gkv_status status = GKV_OK;
    *out = (gki_raster){0};
    for (size_t i = 0; i < images->count; i++) {
        const char *name = images->names->list[i];
        char *folder = NULL;
        GKV_TRY_GOTO(gki_strf(&folder, "%.*s", (int)strcspn(name, "/"), name));
        GKV_TRY_GOTO(gki_words_add(&words, folder));
    }
    GKV_TRY_GOTO(label(images->path, &words, known, out));
    gki_idx_digest(out, GKV_IDX_LABELS);
done:
    gki_words_free(&words);
    if (status != GKV_OK)
        gki_raster_free(out);
    return status;
}

gkv_status gki_labels_words(const char *path, const gki_labelled *images, gki_words *out)
{
    label_kind kind;
    *out = (gki_words){0};
    GKV_TRY(kind_of(path, &kind));
    if (kind != TABLE)
        return GKV_OK;
    GKV_TRY(read_words(path, images, out));
    gki_words_sort(out);
    gki_words_unique(out);
    return GKV_OK;
}
