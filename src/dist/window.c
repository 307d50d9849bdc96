#include "dist/window.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

gkv_status gki_dist_read_memory(gkv_dist *dist)
{
    const char *text = getenv("GKVAE_MPI_MEMORY");
    text = text ? text : "";
    dist->shares_memory = strcmp(text, "separate") != 0;
    if (!dist->shares_memory || !*text || strcmp(text, "shared") == 0)
        return GKV_OK;
    return gki_fail(GKV_ERR_CONFIG, "GKVAE_MPI_MEMORY=%s: it is \"shared\" or \"separate\"", text);
}

/* Whether all ranks say yes. */
static gkv_status all_say_yes(gkv_dist *dist, bool mine, bool *out)
{
    uint64_t count = mine;
    GKV_TRY(gkv_dist_sum(dist, GKV_DIST_COUNT, 1, &count));
    *out = count == (uint64_t)gkv_dist_size(dist);
    return GKV_OK;
}

/* The bytes before the first boundary of a cache line. */
static uint64_t bytes_before_line(const void *memory)
{
    return (GKV_ALIGNMENT - (uintptr_t)memory % GKV_ALIGNMENT) % GKV_ALIGNMENT;
}

gkv_status gki_dist_window(gkv_dist *dist, size_t bytes, void **memory)
{
    bool there = false;
    void *window = NULL;
    *memory = NULL;
    if (gkv_dist_size(dist) == 1)
        return GKV_OK;
    GKV_TRY(all_say_yes(dist, dist->shares_memory, &there)); /* allocate() waits for all ranks */
    if (!there)
        return GKV_OK;
    pthread_mutex_lock(&dist->lock);
    const int code = dist->table->allocate(bytes + GKV_ALIGNMENT, &window);
    pthread_mutex_unlock(&dist->lock);
    /* MPI aligns it for numbers only. The offset in a cache line must be the same on all ranks. */
    const uint64_t before = bytes_before_line(window);
    uint64_t of_first = before;
    GKV_TRY(gkv_dist_broadcast(dist, 0, sizeof of_first, &of_first));
    GKV_TRY(all_say_yes(dist, code == 0 && window && before == of_first, &there));
    if (!there)
        return GKV_OK;
    *memory = (char *)window + before;
    if (dist->rank == 0)
        memset(*memory, 0, bytes);
    return gkv_dist_barrier(dist);
}

void gki_dist_meet(gki_dist_meeting *meeting, int ranks)
{
    const unsigned round = atomic_load_explicit(&meeting->round, memory_order_relaxed);
    unsigned calls = 0;
    if (atomic_fetch_add(&meeting->arrived, 1) + 1 == (unsigned)ranks) {
        atomic_store(&meeting->arrived, 0);
        atomic_store(&meeting->round, round + 1);
        return;
    }
    while (atomic_load(&meeting->round) == round)
        gki_dist_pause(&calls);
}
