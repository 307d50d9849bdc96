/* Start and end of the ranks, and operations on bytes. */
#define _GNU_SOURCE /* sched_getaffinity() */
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"
#include "core/threads.h"
#include "dist/dist.h"

/* --- Waiting -------------------------------------------------------------- */

void gki_dist_pause(unsigned *calls)
{
    enum { YIELDS = 200, SHORTEST = 20000, LONGEST = 1000000 }; /* nanoseconds */
    const unsigned n = (*calls)++;
    if (n < YIELDS) {
        sched_yield();
        return;
    }
    const long nanoseconds = (long)SHORTEST * (long)(1 + (n - YIELDS) / 50);
    nanosleep(&(struct timespec){.tv_nsec = nanoseconds < LONGEST ? nanoseconds : LONGEST}, NULL);
}

gkv_status gki_dist_check(const gkv_dist *dist, int code, const char *what)
{
    return code == 0 ? GKV_OK
                     : gki_fail(GKV_ERR_IO, "%s failed in %s: %s", what, dist->table->name,
                                dist->table->error(code));
}

gkv_status gki_dist_wait(gkv_dist *dist, void **request, const char *what)
{
    unsigned calls = 0;
    for (int done = 0; !done;) {
        pthread_mutex_lock(&dist->lock);
        const gkv_status status = gki_dist_check(dist, dist->table->test(request, &done), what);
        pthread_mutex_unlock(&dist->lock);
        if (status != GKV_OK)
            return status;
        if (!done)
            gki_dist_pause(&calls);
    }
    return GKV_OK;
}

gkv_status gki_dist_begun(gkv_dist *dist, int code, const char *what)
{
    const gkv_status status = gki_dist_check(dist, code, what);
    pthread_mutex_unlock(&dist->lock);
    return status;
}

gkv_status gki_dist_end_operation(gkv_dist *dist, int code, void **request, const char *what)
{
    GKV_TRY(gki_dist_begun(dist, code, what));
    return gki_dist_wait(dist, request, what);
}

/* --- Operations on bytes -------------------------------------------------- */

gkv_status gkv_dist_barrier(gkv_dist *dist)
{
    void *request = NULL;
    dist = gki_dist_or_alone(dist);
    pthread_mutex_lock(&dist->lock);
    return gki_dist_end_operation(dist, dist->table->barrier(&request), &request, "a barrier");
}

gkv_status gkv_dist_broadcast(gkv_dist *dist, int root, size_t n, void *bytes)
{
    dist = gki_dist_or_alone(dist);
    if (root < 0 || root >= dist->size)
        return gki_fail(GKV_ERR_ARGUMENT, "rank %d: there are ranks 0 to %d", root, dist->size - 1);
    if (n > 0)
        GKV_NEED(bytes);
    for (size_t offset = 0; offset < n; offset += GKI_DIST_BYTES_MAX) {
        const size_t length = n - offset < GKI_DIST_BYTES_MAX ? n - offset : GKI_DIST_BYTES_MAX;
        void *request = NULL;
        pthread_mutex_lock(&dist->lock);
        GKV_TRY(gki_dist_end_operation(
            dist, dist->table->broadcast(root, (char *)bytes + offset, (int)length, &request),
            &request, "a broadcast"));
    }
    return GKV_OK;
}

/* One operation for all ranks, if int can count the bytes. Those of this rank are in place. */
static gkv_status gather_at_once(gkv_dist *dist, const size_t *lengths, void *all)
{
    int *counts = NULL;
    void *request = NULL;
    GKV_TRY(gki_alloc(2 * (size_t)dist->size, sizeof *counts, &counts));
    int *offsets = counts + dist->size;
    for (int r = 0, offset = 0; r < dist->size; r++) {
        counts[r] = (int)lengths[r];
        offsets[r] = offset;
        offset += counts[r];
    }
    pthread_mutex_lock(&dist->lock);
    const gkv_status status = gki_dist_end_operation(
        dist, dist->table->gather(all, counts, offsets, &request), &request, "a gathering");
    free(counts);
    return status;
}

gkv_status gkv_dist_gather(gkv_dist *dist, const size_t *lengths, const void *mine, void *all)
{
    size_t total = 0, before = 0;
    GKV_NEED(lengths);
    dist = gki_dist_or_alone(dist);
    for (int r = 0; r < dist->size; r++) {
        before += r < dist->rank ? lengths[r] : 0;
        total += lengths[r];
    }
    if (total == 0)
        return GKV_OK;
    GKV_NEED(all);
    char *next = all;
    if (lengths[dist->rank] > 0) {
        GKV_NEED(mine);
        memmove(next + before, mine, lengths[dist->rank]);
    }
    if (total <= GKI_DIST_BYTES_MAX)
        return gather_at_once(dist, lengths, all);
    for (int r = 0; r < dist->size; r++) {
        GKV_TRY(gkv_dist_broadcast(dist, r, lengths[r], next));
        next += lengths[r];
    }
    return GKV_OK;
}

void gkv_dist_range(size_t count, size_t unit, int rank, int size, size_t *first, size_t *n)
{
    if (!first || !n)
        return;
    *first = *n = 0;
    if (rank < 0 || rank >= size)
        return;
    unit = unit ? unit : 1;
    const size_t units = count / unit + (count % unit > 0), ranks = (size_t)size;
    const size_t each = units / ranks, more = units % ranks, r = (size_t)rank;
    const size_t from = (each * r + (r < more ? r : more)) * unit,
                 to = from + (each + (r < more)) * unit;
    *first = from < count ? from : count;
    *n = (to < count ? to : count) - *first;
}

gkv_status gki_dist_share_first(gkv_dist *dist, size_t count, size_t unit, size_t most, size_t size,
                                void *all)
{
    size_t *lengths = NULL, first = 0, n = 0;
    dist = gki_dist_or_alone(dist);
    if (dist->size == 1)
        return GKV_OK;
    GKV_TRY(gki_alloc((size_t)dist->size, sizeof *lengths, &lengths));
    for (int r = 0; r < dist->size; r++) {
        gkv_dist_range(count, unit, r, dist->size, &first, &n);
        const size_t end = first + n < most ? first + n : most;
        lengths[r] = end > first ? (end - first) * size : 0;
    }
    gkv_dist_range(count, unit, dist->rank, dist->size, &first, &n);
    const gkv_status status = gkv_dist_gather(dist, lengths, (char *)all + first * size, all);
    free(lengths);
    return status;
}

gkv_status gkv_dist_share(gkv_dist *dist, size_t count, size_t unit, size_t size, void *all)
{
    if (count > 0 && size > 0)
        GKV_NEED(all);
    return gki_dist_share_first(dist, count, unit, count, size, all);
}

/* --- Ranks ---------------------------------------------------------------- */

int gkv_dist_rank(const gkv_dist *dist)
{
    return dist ? dist->rank : 0;
}

int gkv_dist_size(const gkv_dist *dist)
{
    return dist ? dist->size : 1;
}

const char *gkv_dist_name(const gkv_dist *dist, int rank)
{
    if (rank < 0 || rank >= gkv_dist_size(dist))
        return "";
    return dist && dist->names ? dist->names[rank] : "rank 0";
}

int gkv_dist_processors(const gkv_dist *dist)
{
    return dist ? dist->processors : gki_threads(0);
}

enum { HOST = 64 };

/* Tells every rank the names of all. */
static gkv_status exchange_names(gkv_dist *dist, const char *host)
{
    GKV_TRY(gki_alloc((size_t)dist->size, sizeof *dist->names, &dist->names));
    snprintf(dist->names[dist->rank], sizeof *dist->names, "rank %d (%s, process %ld)", dist->rank,
             host, (long)getpid());
    return gkv_dist_share(dist, (size_t)dist->size, 1, sizeof *dist->names, dist->names);
}

/* A machine and the processors that a process may use there. */
typedef struct place {
    char host[HOST];
    cpu_set_t processors;
} place;

/* Divides the processors of this rank among the ranks that have the same. */
static gkv_status divide_processors(gkv_dist *dist, const char *host)
{
    place *places = NULL;
    int sharing = 0;
    GKV_TRY(gki_alloc((size_t)dist->size, sizeof *places, &places));
    place *mine = &places[dist->rank];
    snprintf(mine->host, sizeof mine->host, "%s", host);
    if (sched_getaffinity(0, sizeof mine->processors, &mine->processors) != 0)
        CPU_ZERO(&mine->processors); /* the same on all ranks of a machine */
    const gkv_status status = gkv_dist_share(dist, (size_t)dist->size, 1, sizeof *places, places);
    for (int r = 0; status == GKV_OK && r < dist->size; r++)
        sharing += memcmp(&places[r], mine, sizeof *mine) == 0;
    free(places);
    if (status != GKV_OK)
        return status;
    const int all = gki_threads(0), each = all / sharing;
    dist->processors = each > 0 ? each : 1;
    gki_threads_default(dist->processors);
    return GKV_OK;
}

/* What ranks know of each other. */
static gkv_status introduce(gkv_dist *dist)
{
    char host[HOST] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "unknown host");
    GKV_TRY(exchange_names(dist, host));
    GKV_TRY(gkv_dist_agree(dist, gki_dist_read_memory(dist)));
    return divide_processors(dist, host);
}

/* --- Start and end -------------------------------------------------------- */

static gkv_status check_size(const gkv_dist *dist, const gkv_dist_launch *launch)
{
    if (launch->size <= 0 || dist->size == launch->size)
        return GKV_OK;
    return gki_fail(GKV_ERR_CONFIG,
                    "%s started %d processes (%s), but %s sees %d: it is another MPI than the "
                    "launcher's. Use the mpirun of %s, set GKVAE_MPI=openmpi or mpich, or with "
                    "srun choose --mpi=pmix or --mpi=pmi2 (docs/cluster.md)",
                    launch->launcher, launch->size, launch->variable, dist->table->name, dist->size,
                    dist->table->name);
}

static void free_handle(gkv_dist *dist)
{
    pthread_mutex_destroy(&dist->lock);
    free(dist->names);
    free(dist);
}

/* Starts MPI in a handle. */
static gkv_status start(gkv_dist *dist, const gkv_dist_launch *launch)
{
    gkv_status status =
        gki_dist_check(dist, dist->table->start(&dist->rank, &dist->size), "the start");
    if (status != GKV_OK)
        return status;
    GKV_TRY_GOTO(check_size(dist, launch));
    if (dist->size > 1) {
        GKV_TRY_GOTO(introduce(dist));
        GKV_TRY_GOTO(gki_dist_watch_start(dist));
    }
done:
    if (status != GKV_OK)
        dist->table->stop();
    return status;
}

gkv_status gkv_dist_open(gkv_dist_report *report, void *context, gkv_dist **out)
{
    gkv_dist *dist = NULL;
    const gki_dist_table *table = &gki_dist_single;
    const gkv_dist_launch launch = gkv_dist_launched();
    GKV_NEED(out);
    *out = NULL;
    if (launch.size != 1)
        GKV_TRY(gki_dist_load(&launch, &table));
    GKV_TRY(gki_alloc(1, sizeof *dist, &dist));
    dist->table = table;
    dist->report = report;
    dist->context = context;
    dist->processors = gki_threads(0);
    pthread_mutex_init(&dist->lock, NULL);
    const gkv_status status = start(dist, &launch);
    if (status == GKV_OK)
        *out = dist;
    else
        free_handle(dist);
    return status;
}

int gkv_dist_close(gkv_dist *dist, int code, const char *message)
{
    if (!dist)
        return code;
    if (dist->watch)
        code = gki_dist_watch_end(dist, code, message ? message : "");
    dist->table->stop();
    free_handle(dist);
    return code;
}
