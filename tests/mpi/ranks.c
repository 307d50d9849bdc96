/* Operations of ranks under MPI, for check_mpi.sh: mpirun -n N mpi_ranks WHAT.
 *
 * Each WHAT prints one line on rank 0 that does not depend on N, or fails as its name says. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dist/dist.h"

/* Ends the job with a message unless the condition holds. */
#define NEED(condition)                                                                         \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            fprintf(stderr, "ranks.c:%d: %s: %s\n", __LINE__, #condition, gkv_error_message()); \
            exit(gkv_dist_close(dist, 99, ""));                                                 \
        }                                                                                       \
    } while (0)
#define OK(call) NEED((call) == GKV_OK)

static void on_report(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "report: %s\n", text);
}

/* Some number of element i of part p. */
static double number(size_t p, size_t i)
{
    return sin((double)(7919 * p + i)) * exp(.3 * (double)((p + i) % 90));
}

/* Adds 8 parts in the order of a tree: those of a rank itself, then those of all. So 1, 2, 4 and 8
 * ranks have the same bits. */
static void sums(gkv_dist *dist)
{
    enum { PARTS = 8, N = 100003, BUCKETS = 5 };
    const int ranks = gkv_dist_size(dist), rank = gkv_dist_rank(dist);
    double *values = malloc(N * sizeof *values), total = 0;
    float *buckets = malloc(N * BUCKETS * sizeof *buckets);
    size_t first = 0, n = 0;
    NEED(values && buckets);
    gkv_dist_range(PARTS, 1, rank, ranks, &first, &n);
    NEED(n == 1 || n == 2 || n == 4 || n == 8);
    for (size_t i = 0; i < N; i++) {
        double part[PARTS];
        for (size_t p = 0; p < n; p++)
            part[p] = number(first + p, i);
        for (size_t step = 1; step < n; step *= 2)
            for (size_t p = 0; p < n; p += 2 * step)
                part[p] += part[p + step];
        values[i] = part[0];
        for (size_t b = 0; b < BUCKETS; b++)
            buckets[b * N + i] = (float)((size_t)rank + b + i % 100);
    }
    for (size_t b = 0; b < BUCKETS; b++)
        OK(gkv_dist_sum(dist, GKV_DIST_FLOAT, N, buckets + b * N));
    OK(gkv_dist_sum(dist, GKV_DIST_DOUBLE, N, values));
    for (size_t b = 0; b < BUCKETS; b++)
        for (size_t i = 0; i < N; i++)
            NEED(buckets[b * N + i] ==
                 (float)(ranks * (ranks - 1) / 2 + ranks * (int)(b + i % 100)));
    uint64_t count = 5 * n;
    OK(gkv_dist_sum(dist, GKV_DIST_COUNT, 1, &count));
    NEED(count == 5 * PARTS);
    for (size_t i = 0; i < N; i++)
        total += values[i];
    if (rank == 0)
        printf("sums %.17g %.17g\n", total, values[N - 1]);
    free(values);
    free(buckets);
}

static void bytes(gkv_dist *dist)
{
    enum { N = 1001 };
    const int ranks = gkv_dist_size(dist), rank = gkv_dist_rank(dist);
    int all[N] = {0}, told[3] = {rank, rank, rank};
    size_t first = 0, n = 0;
    gkv_dist_range(N, 10, rank, ranks, &first, &n);
    for (size_t i = first; i < first + n; i++)
        all[i] = (int)(i * i);
    OK(gkv_dist_share(dist, N, 10, sizeof *all, all));
    for (size_t i = 0; i < N; i++)
        NEED(all[i] == (int)(i * i));
    OK(gkv_dist_broadcast(dist, ranks - 1, sizeof told, told));
    NEED(told[0] == ranks - 1 && told[2] == ranks - 1);
    OK(gkv_dist_same(dist, "a text", "equal", NULL));
    OK(gkv_dist_agree(dist, GKV_OK));
    OK(gkv_dist_barrier(dist));
    if (rank == 0)
        printf("bytes\n");
}

/* Takes 1000 tickets: each number once. */
static void tickets(gkv_dist *dist)
{
    enum { N = 200 };
    uint64_t seen[N] = {0}, ticket = 0;
    for (;;) {
        OK(gkv_dist_next(dist, &ticket));
        if (ticket >= N)
            break;
        seen[ticket]++;
    }
    OK(gkv_dist_sum(dist, GKV_DIST_COUNT, N, seen));
    for (size_t i = 0; i < N; i++)
        NEED(seen[i] == 1);
    if (gkv_dist_rank(dist) == 0)
        printf("tickets\n");
}

/* Rank 0 learns what all have done of a call, and takes nothing of an earlier call for it. */
static void count(gkv_dist *dist)
{
    const int ranks = gkv_dist_size(dist), rank = gkv_dist_rank(dist);
    const uint64_t mine = 10 + (uint64_t)rank;
    uint64_t all = 0;
    for (uint64_t call = 1; call <= 2; call++) {
        const uint64_t expected = call * (uint64_t)(10 * ranks + ranks * (ranks - 1) / 2);
        if (rank == 0) {
            gki_dist_count_begin(dist);
            NEED(gki_dist_count(dist, 3) == 3);
        }
        OK(gkv_dist_barrier(dist));
        if (rank > 0) {
            gki_dist_count_begin(dist);
            NEED(gki_dist_count(dist, call * mine) == call * mine);
        }
        for (int wait = 0; rank == 0 && wait < 3000 && all != expected; wait++) {
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
            all = gki_dist_count(dist, call * mine);
        }
        NEED(rank > 0 || all == expected);
        OK(gkv_dist_barrier(dist));
    }
    if (rank == 0)
        printf("count\n");
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    gkv_dist *dist = NULL;
    if (gkv_dist_open(on_report, NULL, &dist) != GKV_OK) {
        fprintf(stderr, "gkvae: %s\n", gkv_error_message());
        return 4;
    }
    const bool last = gkv_dist_rank(dist) == gkv_dist_size(dist) - 1;
    int code = 0;
    const char *message = "";
    if (strcmp(what, "sums") == 0) {
        sums(dist);
    } else if (strcmp(what, "bytes") == 0) {
        bytes(dist);
    } else if (strcmp(what, "tickets") == 0) {
        tickets(dist);
    } else if (strcmp(what, "count") == 0) {
        count(dist);
    } else if (strcmp(what, "agree") == 0) { /* all fail with the message of the last rank */
        double *missing = NULL;
        const gkv_status mine = last ? gkv_dist_sum(dist, (gkv_dist_type)77, 1, missing) : GKV_OK;
        NEED(gkv_dist_agree(dist, mine) == GKV_ERR_ARGUMENT);
        code = 2;
        message = gkv_error_message();
        if (gkv_dist_rank(dist) == 0)
            printf("%s\n", message);
    } else if (strcmp(what, "differ") == 0) {
        char text[3000] = "";
        memset(text, 'x', sizeof text - 2);
        OK(gkv_dist_same(dist, "a long text", text, NULL));
        text[sizeof text - 2] = last ? 'y' : 'x';
        NEED(gkv_dist_same(dist, "a long text", text, NULL) == GKV_ERR_CONFIG);
        NEED(gkv_dist_same(dist, "the hash", last ? "abc" : "abd", "copy the file") ==
             GKV_ERR_CONFIG);
        code = 4;
        if (gkv_dist_rank(dist) == 0)
            printf("%s\n", gkv_error_message());
    } else if (strcmp(what, "fail") == 0) { /* the last rank fails while the others wait for it */
        if (last) {
            code = 6;
            message = "a figure is not finite";
        } else {
            OK(gkv_dist_barrier(dist));
        }
    } else if (strcmp(what, "stop") == 0 || strcmp(what, "kill") == 0) {
        if (last)
            kill(getpid(), what[0] == 's' ? SIGSTOP : SIGKILL);
        OK(gkv_dist_barrier(dist));
    }
    fflush(stdout);
    return gkv_dist_close(dist, code, message);
}
