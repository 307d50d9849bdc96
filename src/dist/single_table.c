/* The table of operations for one process alone: they are done when they begin. */
#include <stdlib.h>
#include <string.h>

#include "dist/dist.h"

static int start(int *rank, int *size)
{
    *rank = 0;
    *size = 1;
    return 0;
}

static void stop(void)
{
}

static const char *error(int code)
{
    (void)code;
    return "";
}

static int barrier(void **request)
{
    *request = NULL;
    return 0;
}

static int broadcast(int root, void *data, int length, void **request)
{
    (void)root;
    (void)data;
    (void)length;
    *request = NULL;
    return 0;
}

static int gather(void *all, const int *lengths, const int *offsets, void **request)
{
    (void)all;
    (void)lengths;
    (void)offsets;
    *request = NULL;
    return 0;
}

static int exchange(const void *out, const int *lengths, const int *offsets, void *in,
                    const int *in_lengths, const int *in_offsets, void **request)
{
    (void)in_lengths;
    if (*lengths > 0)
        memmove((char *)in + *in_offsets, (const char *)out + *offsets, (size_t)*lengths);
    *request = NULL;
    return 0;
}

/* Nobody else is there: no message is sent or comes. */
static int send(int destination, gki_dist_tag tag, const void *data, int length, void **request)
{
    (void)tag;
    return broadcast(destination, (void *)(uintptr_t)data, length, request);
}

static int expect(int from, gki_dist_tag tag, void *data, int length, void **request)
{
    return send(from, tag, data, length, request);
}

static int test(void **request, int *done)
{
    (void)request;
    *done = 1;
    return 0;
}

static int allocate(size_t bytes, void **memory)
{
    (void)bytes;
    *memory = NULL;
    return 0;
}

static int receive(gki_dist_tag tag, void *data, int most, int *from, int *length)
{
    (void)tag;
    (void)data;
    (void)most;
    *from = -1;
    *length = 0;
    return 0;
}

const gki_dist_table gki_dist_single = {.version = GKI_DIST_TABLE_VERSION,
                                        .name = "one process",
                                        .start = start,
                                        .stop = stop,
                                        .abort = _Exit,
                                        .error = error,
                                        .barrier = barrier,
                                        .broadcast = broadcast,
                                        .gather = gather,
                                        .exchange = exchange,
                                        .send = send,
                                        .expect = expect,
                                        .test = test,
                                        .allocate = allocate,
                                        .receive = receive};

gkv_dist *gki_dist_or_alone(gkv_dist *dist)
{
    static gkv_dist alone = {
        .table = &gki_dist_single, .size = 1, .lock = PTHREAD_MUTEX_INITIALIZER};
    return dist ? dist : &alone;
}
