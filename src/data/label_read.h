/* Labels of images, from files of every kind. */
#ifndef GKV_DATA_LABEL_READ_H
#define GKV_DATA_LABEL_READ_H

#include "data/raster.h"
#include "data/words.h"

/* What labels are read for. */
typedef struct gki_labelled {
    const char *path;       /* that of the images, for messages */
    const gki_words *names; /* of the files, if the images are from a folder, else NULL */
    size_t count;           /* the number of images */
} gki_labelled;

/* Reads labels from IDX, .npy, .npz or a table of text. `known` are the words of the training
 * images (words.h). The SHA-256 is that of the file's content. GKV_ERR_DATA if there are not as
 * many labels as images; other errors as gki_idx_read(), gki_array_read() and
 * gki_label_table_parse(). *out is zero after a failure. Thread-safe. */
gkv_status gki_labels_read(const char *path, const gki_labelled *images, const gki_words *known,
                           gki_raster *out);

/* The labels of the sub-folders that the names are in. */
gkv_status gki_labels_of_folders(const gki_labelled *images, const gki_words *known,
                                 gki_raster *out);

/* The different words, sorted, of a table of labels; none if the path is that of another file. */
gkv_status gki_labels_words(const char *path, const gki_labelled *images, gki_words *out);

/* Reads the first bytes of a file, decompressed: at most `most`. GKV_ERR_IO, GKV_ERR_DATA,
 * GKV_ERR_MEMORY. */
gkv_status gki_head_read(const char *path, size_t most, uint8_t *head, size_t *there);

#endif
