/* Downloads the gzip files of a data set from a web server, one after another, with libcurl. Time
 * and size are limited, because neither the network nor the server is trusted. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "core/memory.h"
#include "data/catalogue.h"

enum {
    CONNECT_SECONDS = 5, /* with the proxy's part and TLS's */
    TOTAL_SECONDS = 900,
    STALL_SECONDS = 15, /* below … */
    STALL_RATE = 1000,  /* … so many bytes per second */
    REDIRECTS = 5
};

typedef struct download {
    FILE *file;
    uint64_t got, limit;
    int reason; /* errno of a failed write */
    const char *url;
    gki_reporter reporter;
    gki_waiting waiting;
} download;

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t receive(char *bytes, size_t one, size_t n, void *context)
{
    download *d = context;
    (void)one; /* libcurl always passes 1 */
    if (n > d->limit - d->got)
        return 0; /* stops the transfer */
    if (fwrite(bytes, 1, n, d->file) < n) {
        d->reason = errno;
        return 0;
    }
    d->got += n;
    return n;
}

/* Called about once a second, whatever happens or does not. */
static int on_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up)
{
    download *d = context;
    const int seconds = gki_waiting_due(&d->waiting);
    (void)up_total;
    (void)up;
    if (seconds > 0 && now == 0)
        gki_tell(d->reporter, "waiting for an answer: %d s", seconds);
    else if (seconds > 0 && total > 0)
        gki_tell(d->reporter, "%" PRId64 " of %" PRId64 " bytes in %d s", (int64_t)now,
                 (int64_t)total, seconds);
    else if (seconds > 0)
        gki_tell(d->reporter, "%" PRId64 " bytes in %d s", (int64_t)now, seconds);
    return 0;
}

static void set_options(CURL *curl, download *d, char *message)
{
    curl_easy_setopt(curl, CURLOPT_URL, d->url);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, d);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, d);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "gkvae");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L); /* signals would disturb other threads */
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TOTAL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_RATE);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)d->limit);
    /* A row of the catalogue may name a mounted disk by file://; a redirect may not. */
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,file");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTPS | CURLPROTO_FILE));
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
}

static gkv_status transfer(const char *path, download *d)
{
    char message[CURL_ERROR_SIZE] = "";
    gkv_status status = GKV_OK;
    CURL *curl = curl_easy_init();
    if (!curl)
        return gki_fail(GKV_ERR_MEMORY, "libcurl could not be started");
    d->file = fopen(path, "wbx");
    if (!d->file) {
        status = gki_fail(GKV_ERR_IO, "%s: cannot be made: %s", path, strerror(errno));
        goto done;
    }
    set_options(curl, d, message);
    gki_waiting_start(&d->waiting);
    const CURLcode result = curl_easy_perform(curl);
    if (fclose(d->file) != 0 && d->reason == 0)
        d->reason = errno;
    if (d->reason)
        status = gki_fail(GKV_ERR_IO, "%s: cannot be written: %s", path, strerror(d->reason));
    else if (result == CURLE_WRITE_ERROR || result == CURLE_FILESIZE_EXCEEDED)
        status = gki_fail(GKV_ERR_DATA, "%s is longer than %" PRIu64 " bytes; expected no more",
                          d->url, d->limit);
    else if (result != CURLE_OK)
        status = gki_fail(GKV_ERR_IO, "%s", message[0] ? message : curl_easy_strerror(result));
done:
    curl_easy_cleanup(curl);
    return status;
}

static gkv_status fetch_file(const gki_source *source, const gki_known_file *known,
                             const char *name, const char *scratch, gki_reporter reporter)
{
    char *url = NULL, *path = NULL;
    gkv_status status;
    /* What does not compress grows by less than 1/1000 and a header in gzip. */
    download d = {.limit = known->bytes + known->bytes / 1000 + 1024, .reporter = reporter};
    GKV_TRY_GOTO(gki_strf(&url, "%s%s.gz", source->what, name));
    GKV_TRY_GOTO(gki_strf(&path, "%s/%s.gz", scratch, name));
    gki_tell(reporter, "downloading %s", url);
    d.url = url;
    GKV_TRY_GOTO(transfer(path, &d));
    gki_tell(reporter, "downloaded %" PRIu64 " bytes", d.got);
done:
    free(url);
    free(path);
    return status;
}

gkv_status gki_fetch_https(const gki_source *source, const gki_known_data *data,
                           const char *scratch, gki_reporter reporter, char **delivered)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_start);
    for (int i = 0; i < GKV_DATA_FILES; i++)
        GKV_TRY(fetch_file(source, &data->files[i], gki_data_file_names[i], scratch, reporter));
    return gki_strdup(scratch, delivered);
}
