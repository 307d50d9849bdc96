/* Arrays and images of a command as files. */
#ifndef GKV_CLI_ARRAY_FILES_H
#define GKV_CLI_ARRAY_FILES_H

#include "cli.h"

/* Writes arrays by the ending of the path. A NumPy archive, .npz, has all of them. A table, .csv or
 * .txt, has the first one, a row for each of its rows, and "labels" as its last column if there is
 * such an array. Any other name is that of a .npy file of the first one, [rows, numbers]. */
int cli_write_arrays(const char *path, size_t count, const gkv_npz_array *arrays);

/* The array of labels[n], or one without elements and a name if labels is NULL. */
gkv_npz_array cli_labels_array(size_t n, const uint8_t *labels);

/* The array of images[n, values] with the sides of the model's images, and with channels if they
 * are in colour. */
gkv_npz_array cli_images_array(const char *name, const gkv_model *model, size_t n,
                               const float *images);

/* Writes each of images[n, values] as a PNG file of the folder, which is made: 000000.png for the
 * number 0, and so on. The numbers are first, first + 1, … or, unless it is NULL, numbers[n].
 * Values are limited to [0, 1]. */
int cli_write_pngs(const char *folder, const gkv_model *model, size_t n, uint64_t first,
                   const size_t *numbers, const float *images);

#endif
