/* Labels in tables of text: file and label, or one label in a line. */
#ifndef GKV_DATA_LABEL_TABLE_H
#define GKV_DATA_LABEL_TABLE_H

#include "data/words.h"

/* Finds the label of each image in a table. Fields are separated by comma, semicolon or tab and may
 * be in quotes (RFC 4180). A table of one column has a label for each image, in order; a line more
 * is a header. A table of two columns has the file and the label. Of more columns, a header names
 * them: file, filename, name, image, path or id; label, class, category or target. Files are those
 * of `names`, with or without ".png"; rows of other files do not matter. `names` is NULL if the
 * images are not from a folder; then there is one column, or the column of the label is named.
 * words->list[i] receives the label of image i. GKV_ERR_DATA for other tables, and for images
 * without a label or with two. GKV_ERR_MEMORY. `path` is for messages. Thread-safe. */
gkv_status gki_label_table_parse(const char *path, const char *text, size_t length,
                                 const gki_words *names, size_t images, gki_words *words);

#endif
