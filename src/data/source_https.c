/* Downloads the gzip files of a data set from a web server, one after another, with libcurl. Time
 * and size are limited, because neither the network nor the server is trusted. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "core/late.h"
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
    gki_call *call;
    gki_waiting waiting;
} download;

/* The functions of libcurl that are used, with the types of its header. The library is loaded at
 * the first download, because loading it takes longer than most commands do. */
static struct {
    __typeof__(&curl_global_init) start;
    __typeof__(&curl_easy_init) create;
    __typeof__(&curl_easy_setopt) set;
    __typeof__(&curl_easy_perform) perform;
    __typeof__(&curl_easy_strerror) message;
    __typeof__(&curl_easy_cleanup) cleanup;
} lib;
static bool loaded; /* written within curl_load() */

static void curl_load(void)
{
    const gki_late_function functions[] = {
        {"curl_global_init", &lib.start},     {"curl_easy_init", &lib.create},
        {"curl_easy_setopt", &lib.set},       {"curl_easy_perform", &lib.perform},
        {"curl_easy_strerror", &lib.message}, {"curl_easy_cleanup", &lib.cleanup},
    };
    /* the same interface, built with OpenSSL and with GnuTLS */
    static const char *const libraries[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    for (size_t i = 0; i < 2 && !loaded; i++)
        loaded = gki_late_load(libraries[i], sizeof functions / sizeof *functions, functions);
    if (loaded)
        lib.start(CURL_GLOBAL_DEFAULT);
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
        gki_tell(d->call, "waiting for an answer: %d s", seconds);
    else if (seconds > 0 && total > 0)
        gki_tell(d->call, "%" PRId64 " of %" PRId64 " bytes in %d s", (int64_t)now, (int64_t)total,
                 seconds);
    else if (seconds > 0)
        gki_tell(d->call, "%" PRId64 " bytes in %d s", (int64_t)now, seconds);
    return d->call && gki_call_stopped(d->call); /* nonzero aborts the transfer */
}

static void set_options(CURL *curl, download *d, char *message)
{
    lib.set(curl, CURLOPT_URL, d->url);
    lib.set(curl, CURLOPT_ERRORBUFFER, message);
    lib.set(curl, CURLOPT_WRITEFUNCTION, receive);
    lib.set(curl, CURLOPT_WRITEDATA, d);
    lib.set(curl, CURLOPT_NOPROGRESS, 0L);
    lib.set(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    lib.set(curl, CURLOPT_XFERINFODATA, d);
    lib.set(curl, CURLOPT_USERAGENT, "gkvae");
    lib.set(curl, CURLOPT_NOSIGNAL, 1L); /* signals would disturb other threads */
    lib.set(curl, CURLOPT_FAILONERROR, 1L);
    lib.set(curl, CURLOPT_FOLLOWLOCATION, 1L);
    lib.set(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS);
    lib.set(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    lib.set(curl, CURLOPT_TIMEOUT, (long)TOTAL_SECONDS);
    lib.set(curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_RATE);
    lib.set(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    lib.set(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)d->limit);
    /* A row of the catalogue may name a mounted disk by file://; a redirect may not. */
#if LIBCURL_VERSION_NUM >= 0x075500
    lib.set(curl, CURLOPT_PROTOCOLS_STR, "https,file");
    lib.set(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
    lib.set(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTPS | CURLPROTO_FILE));
    lib.set(curl, CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
}

static gkv_status transfer(const char *path, download *d)
{
    char message[CURL_ERROR_SIZE] = "";
    gkv_status status = GKV_OK;
    CURL *curl = lib.create();
    if (!curl)
        return gki_fail(GKV_ERR_MEMORY, "libcurl could not be started");
    d->file = fopen(path, "wbx");
    if (!d->file) {
        status = gki_fail_errno(errno, "%s: cannot be made", path);
        goto done;
    }
    set_options(curl, d, message);
    gki_waiting_start(&d->waiting);
    const CURLcode result = lib.perform(curl);
    if (fclose(d->file) != 0 && d->reason == 0)
        d->reason = errno;
    if (d->reason)
        status = gki_fail_errno(d->reason, "%s: cannot be written", path);
    else if (result == CURLE_ABORTED_BY_CALLBACK)
        status = gki_fail(GKV_ERR_INTERRUPTED, "the download of %s was stopped", d->url);
    else if (result == CURLE_WRITE_ERROR || result == CURLE_FILESIZE_EXCEEDED)
        status = gki_fail(GKV_ERR_DATA, "%s is longer than %" PRIu64 " bytes; expected no more",
                          d->url, d->limit);
    else if (result != CURLE_OK)
        status = gki_fail(GKV_ERR_IO, "%s", message[0] ? message : lib.message(result));
done:
    lib.cleanup(curl);
    return status;
}

static gkv_status fetch_file(const gki_data_source *source, const gki_known_file *known,
                             const char *name, const char *scratch, gki_call *call)
{
    char *url = NULL, *path = NULL;
    gkv_status status;
    /* What does not compress grows by less than 1/1000 and a header in gzip. */
    download d = {.limit = known->bytes + known->bytes / 1000 + 1024, .call = call};
    GKV_TRY_GOTO(gki_strf(&url, "%s%s.gz", source->what, name));
    GKV_TRY_GOTO(gki_strf(&path, "%s/%s.gz", scratch, name));
    gki_tell(call, "downloading %s", url);
    d.url = url;
    GKV_TRY_GOTO(transfer(path, &d));
    gki_tell(call, "downloaded %" PRIu64 " bytes", d.got);
done:
    free(url);
    free(path);
    return status;
}

gkv_status gki_fetch_https(const gki_data_source *source, const gki_known_data *data,
                           const char *scratch, gki_call *call, char **delivered)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_load);
    if (!loaded)
        return gki_fail(GKV_ERR_IO, "libcurl.so.4 cannot be loaded; install libcurl4");
    for (int i = 0; i < GKV_DATA_FILES; i++)
        GKV_TRY(fetch_file(source, &data->files[i], gki_data_file_names[i], scratch, call));
    return gki_strdup(scratch, delivered);
}
