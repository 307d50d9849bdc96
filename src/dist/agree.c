/* What the ranks must agree on: failures, texts, and who does what next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "dist/dist.h"

/* Gives an int of every rank to every rank: *out, which the caller frees. */
static gkv_status ints_of_all(gkv_dist *dist, int mine, int **out)
{
    *out = NULL;
    GKV_TRY(gki_alloc((size_t)dist->size, sizeof **out, out));
    (*out)[dist->rank] = mine;
    return gkv_dist_share(dist, (size_t)dist->size, 1, sizeof **out, *out);
}

/* The first rank whose number is not `expected`; the number of ranks if there is none. */
static int first_other(const gkv_dist *dist, const int *numbers, int expected)
{
    int r = 0;
    while (r < dist->size && numbers[r] == expected)
        r++;
    return r;
}

/* The failure of a rank, for all. */
typedef struct shared_failure {
    int status, remedy;
    char text[GKI_DIST_TEXT];
} shared_failure;

gkv_status gkv_dist_agree(gkv_dist *dist, gkv_status mine)
{
    int *all = NULL;
    shared_failure failure = {.status = GKV_OK};
    gkv_status status = GKV_OK;
    if (gkv_dist_size(dist) == 1)
        return mine;
    if (mine != GKV_OK) {
        failure.status = (int)mine;
        failure.remedy = (int)gkv_error_remedy();
        snprintf(failure.text, sizeof failure.text, "%s: %s", dist->names[dist->rank],
                 gkv_error_message());
    }
    GKV_TRY_GOTO(ints_of_all(dist, (int)mine, &all));
    const int first = first_other(dist, all, GKV_OK);
    if (first == dist->size)
        goto done;
    GKV_TRY_GOTO(gkv_dist_broadcast(dist, first, sizeof failure, &failure));
    status =
        gki_fail_remedy((gkv_status)failure.status, (gkv_remedy)failure.remedy, "%s", failure.text);
done:
    free(all);
    return status;
}

gkv_status gkv_dist_same(gkv_dist *dist, const char *what, const char *text, const char *advice)
{
    enum { SHOWN = 512 }; /* bytes of a text in the message */
    char other[SHOWN] = "", *of_first = NULL;
    int *all = NULL;
    gkv_status status = GKV_OK;
    GKV_NEED(what);
    GKV_NEED(text);
    if (gkv_dist_size(dist) == 1)
        return GKV_OK;
    uint64_t size = strlen(text) + 1;
    GKV_TRY_GOTO(gkv_dist_broadcast(dist, 0, sizeof size, &size));
    GKV_TRY_GOTO(gki_alloc((size_t)size, 1, &of_first));
    if (dist->rank == 0)
        memcpy(of_first, text, (size_t)size);
    GKV_TRY_GOTO(gkv_dist_broadcast(dist, 0, (size_t)size, of_first));
    GKV_TRY_GOTO(ints_of_all(dist, strcmp(of_first, text) != 0, &all));
    const int r = first_other(dist, all, 0);
    if (r == dist->size)
        goto done;
    snprintf(other, sizeof other, "%s", text);
    GKV_TRY_GOTO(gkv_dist_broadcast(dist, r, sizeof other, other));
    status = gki_fail(GKV_ERR_CONFIG, "%s differs between ranks: it is %.*s on %s and %s on %s%s%s",
                      what, SHOWN - 1, of_first, dist->names[0], other, dist->names[r],
                      advice ? "; " : "", advice ? advice : "");
done:
    free(of_first);
    free(all);
    return status;
}

gkv_status gkv_dist_tell(gkv_dist *dist, const char *text)
{
    GKV_NEED(text);
    if (gkv_dist_rank(dist) == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "rank 0 cannot tell itself: print the text");
    return gki_dist_watch_tell(dist, text);
}

gkv_status gkv_dist_next(gkv_dist *dist, uint64_t *ticket)
{
    GKV_NEED(ticket);
    dist = gki_dist_or_alone(dist);
    if (dist->rank > 0)
        return gki_dist_watch_ticket(dist, ticket);
    pthread_mutex_lock(&dist->lock);
    *ticket = dist->tickets++;
    pthread_mutex_unlock(&dist->lock);
    return GKV_OK;
}
