/* Ranks that are threads of this process, for tests of what several ranks do: their handles are
 * real, watched ones, with a table of operations on the memory of the process. What depends on MPI,
 * on processes and on their death is tested by `make check-mpi`. */
#ifndef GKV_TESTS_THREAD_RANKS_H
#define GKV_TESTS_THREAD_RANKS_H

#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "dist/dist.h"

enum { RANKS_MAX = 3, RANKS_FAULT = 7 };

/* An operation of all ranks as one of them has begun it. */
typedef enum rank_kind { RANK_BARRIER, RANK_BROADCAST, RANK_GATHER, RANK_EXCHANGE } rank_kind;
typedef struct rank_operation {
    rank_kind kind;
    int root, length;
    const void *out;
    void *in;
    const int *lengths, *offsets, *in_offsets;
} rank_operation;

typedef struct rank_message {
    struct rank_message *next;
    int from, length;
    gki_dist_tag tag;
    char bytes[GKI_DIST_TEXT + 64];
} rank_message;

/* What one waits for: an operation of all if `tag` is GKI_DIST_TAGS, or a message. */
typedef struct rank_request {
    int rank, from, length;
    gki_dist_tag tag;
    void *data;
} rank_request;

static struct rank_group {
    pthread_mutex_t lock;
    int size;
    unsigned long failing; /* the operation that fails on every rank; 0: none */
    bool shares_memory;
    void *memory;
    pthread_barrier_t allocation;
    atomic_bool waits_for_end; /* see rank_wait_for_end() */
    struct {
        rank_operation now;
        unsigned long begun, copied, done; /* how many operations */
        rank_message *messages;
    } of[RANKS_MAX];
} rank_group = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- Operations of all ranks ---------------------------------------------- */

static inline void rank_copy(void *to, const void *from, size_t bytes)
{
    if (bytes > 0 && to != from)
        memcpy(to, from, bytes);
}

/* Takes what the others have for this rank. */
static inline void rank_take(int rank)
{
    const rank_operation *mine = &rank_group.of[rank].now;
    for (int r = 0; r < rank_group.size; r++) {
        const rank_operation *other = &rank_group.of[r].now;
        assert_int_equal(other->kind, mine->kind);
        if (mine->kind == RANK_BROADCAST && r == mine->root)
            rank_copy(mine->in, other->in, (size_t)mine->length);
        else if (mine->kind == RANK_GATHER && r != rank)
            rank_copy((char *)mine->in + mine->offsets[r], (char *)other->in + mine->offsets[r],
                      (size_t)mine->lengths[r]);
        else if (mine->kind == RANK_EXCHANGE)
            rank_copy((char *)mine->in + mine->in_offsets[r],
                      (const char *)other->out + other->offsets[rank],
                      (size_t)other->lengths[rank]);
    }
}

static inline void *rank_new_request(rank_request content)
{
    rank_request *request = test_alloc(sizeof *request);
    *request = content;
    return request;
}

/* Begins an operation. Every other one that is to fail does so now, and the others later. */
static inline int rank_begin(int rank, rank_operation operation, void **request)
{
    pthread_mutex_lock(&rank_group.lock);
    assert_int_equal(rank_group.of[rank].begun, rank_group.of[rank].done); /* one at a time */
    rank_group.of[rank].now = operation;
    const unsigned long number = ++rank_group.of[rank].begun;
    const bool fails = number == rank_group.failing && number % 2 == 1;
    if (fails)
        rank_group.of[rank].copied = rank_group.of[rank].done = number;
    else
        *request = rank_new_request((rank_request){.rank = rank, .tag = GKI_DIST_TAGS});
    pthread_mutex_unlock(&rank_group.lock);
    return fails ? RANKS_FAULT : 0;
}

static inline bool rank_all_have(unsigned long number, bool copied)
{
    bool all = true;
    for (int r = 0; r < rank_group.size; r++)
        all &= (copied ? rank_group.of[r].copied : rank_group.of[r].begun) >= number;
    return all;
}

/* Whether the operation is done: all have begun it, and all have taken what is theirs. */
static inline bool rank_is_done(int rank)
{
    const unsigned long number = rank_group.of[rank].begun;
    if (!rank_all_have(number, false))
        return false;
    if (rank_group.of[rank].copied < number) {
        rank_take(rank);
        rank_group.of[rank].copied = number;
    }
    if (!rank_all_have(number, true))
        return false;
    rank_group.of[rank].done = number;
    return true;
}

/* --- Messages ------------------------------------------------------------- */

/* Takes the first message of the tag, from any rank if `from` is -1. Returns who sent it. */
static inline int rank_receive(int rank, int from, gki_dist_tag tag, void *data, int most,
                               int *length)
{
    rank_message **place = &rank_group.of[rank].messages;
    while (*place && ((*place)->tag != tag || (from >= 0 && (*place)->from != from)))
        place = &(*place)->next;
    rank_message *message = *place;
    if (!message)
        return -1;
    assert_true(message->length <= most);
    memcpy(data, message->bytes, (size_t)message->length);
    *length = message->length;
    const int sender = message->from;
    *place = message->next;
    free(message);
    return sender;
}

/* Once, if `waits_for_end`: rank 0 has found no text, and now another rank sends one and ends. */
static inline void rank_wait_for_end(void)
{
    if (!atomic_exchange(&rank_group.waits_for_end, false))
        return;
    for (bool ended = false; !ended; sched_yield()) {
        pthread_mutex_lock(&rank_group.lock);
        for (const rank_message *m = rank_group.of[0].messages; m; m = m->next)
            ended |= m->tag == GKI_DIST_ENDED;
        pthread_mutex_unlock(&rank_group.lock);
    }
}

static inline int rank_send(int rank, int destination, gki_dist_tag tag, const void *data,
                            int length)
{
    rank_message *message = test_alloc(sizeof *message);
    *message = (rank_message){.from = rank, .tag = tag, .length = length};
    assert_true((size_t)length <= sizeof message->bytes);
    memcpy(message->bytes, data, (size_t)length);
    pthread_mutex_lock(&rank_group.lock);
    rank_message **place = &rank_group.of[destination].messages;
    while (*place)
        place = &(*place)->next;
    *place = message;
    pthread_mutex_unlock(&rank_group.lock);
    return 0;
}

static inline int rank_test(void **request, int *done)
{
    rank_request *waiting = *request;
    int code = 0, length = 0;
    *done = 1;
    if (!waiting)
        return 0;
    pthread_mutex_lock(&rank_group.lock);
    if (waiting->tag == GKI_DIST_TAGS) {
        *done = rank_is_done(waiting->rank);
        code = *done && rank_group.of[waiting->rank].done == rank_group.failing ? RANKS_FAULT : 0;
    } else {
        *done = rank_receive(waiting->rank, waiting->from, waiting->tag, waiting->data,
                             waiting->length, &length) >= 0;
    }
    pthread_mutex_unlock(&rank_group.lock);
    if (*done) {
        free(waiting);
        *request = NULL;
    }
    return code;
}

/* Memory that all have; each waits for the others. */
static inline int rank_allocate(int rank, size_t bytes, void **memory)
{
    if (rank == 0) {
        free(rank_group.memory);
        rank_group.memory = rank_group.shares_memory ? test_alloc(bytes) : NULL;
    }
    pthread_barrier_wait(&rank_group.allocation);
    *memory = rank_group.memory;
    return 0;
}

static inline const char *rank_error(int code)
{
    return code == RANKS_FAULT ? "made to fail" : "unknown";
}

static inline void rank_stop(void)
{
}

static inline void rank_abort(int code)
{
    print_error("the ranks were ended with code %d\n", code);
    abort();
}

/* The functions of the table do not know whose they are, so each rank has its own. */
#define THREAD_RANK(R)                                                                            \
    static inline int rank_barrier_##R(void **request)                                            \
    {                                                                                             \
        return rank_begin(R, (rank_operation){.kind = RANK_BARRIER}, request);                    \
    }                                                                                             \
    static inline int rank_broadcast_##R(int root, void *data, int length, void **request)        \
    {                                                                                             \
        return rank_begin(                                                                        \
            R,                                                                                    \
            (rank_operation){.kind = RANK_BROADCAST, .root = root, .in = data, .length = length}, \
            request);                                                                             \
    }                                                                                             \
    static inline int rank_gather_##R(void *all, const int *lengths, const int *offsets,          \
                                      void **request)                                             \
    {                                                                                             \
        return rank_begin(                                                                        \
            R,                                                                                    \
            (rank_operation){                                                                     \
                .kind = RANK_GATHER, .in = all, .lengths = lengths, .offsets = offsets},          \
            request);                                                                             \
    }                                                                                             \
    static inline int rank_exchange_##R(const void *out, const int *lengths, const int *offsets,  \
                                        void *in, const int *in_lengths, const int *in_offsets,   \
                                        void **request)                                           \
    {                                                                                             \
        (void)in_lengths;                                                                         \
        return rank_begin(R,                                                                      \
                          (rank_operation){.kind = RANK_EXCHANGE,                                 \
                                           .out = out,                                            \
                                           .in = in,                                              \
                                           .lengths = lengths,                                    \
                                           .offsets = offsets,                                    \
                                           .in_offsets = in_offsets},                             \
                          request);                                                               \
    }                                                                                             \
    static inline int rank_send_##R(int destination, gki_dist_tag tag, const void *data,          \
                                    int length, void **request)                                   \
    {                                                                                             \
        *request = NULL;                                                                          \
        return rank_send(R, destination, tag, data, length);                                      \
    }                                                                                             \
    static inline int rank_expect_##R(int from, gki_dist_tag tag, void *data, int length,         \
                                      void **request)                                             \
    {                                                                                             \
        *request = rank_new_request(                                                              \
            (rank_request){.rank = R, .from = from, .tag = tag, .data = data, .length = length}); \
        return 0;                                                                                 \
    }                                                                                             \
    static inline int rank_allocate_##R(size_t bytes, void **memory)                              \
    {                                                                                             \
        return rank_allocate(R, bytes, memory);                                                   \
    }                                                                                             \
    static inline int rank_receive_##R(gki_dist_tag tag, void *data, int most, int *from,         \
                                       int *length)                                               \
    {                                                                                             \
        pthread_mutex_lock(&rank_group.lock);                                                     \
        *from = rank_receive(R, -1, tag, data, most, length);                                     \
        pthread_mutex_unlock(&rank_group.lock);                                                   \
        if (R == 0 && tag == GKI_DIST_TELL && *from < 0)                                          \
            rank_wait_for_end();                                                                  \
        return 0;                                                                                 \
    }
THREAD_RANK(0)
THREAD_RANK(1)
THREAD_RANK(2)
#undef THREAD_RANK

#define THREAD_RANK(R)                        \
    [R] = {.version = GKI_DIST_TABLE_VERSION, \
           .name = "threads",                 \
           .stop = rank_stop,                 \
           .abort = rank_abort,               \
           .error = rank_error,               \
           .barrier = rank_barrier_##R,       \
           .broadcast = rank_broadcast_##R,   \
           .gather = rank_gather_##R,         \
           .exchange = rank_exchange_##R,     \
           .send = rank_send_##R,             \
           .expect = rank_expect_##R,         \
           .test = rank_test,                 \
           .allocate = rank_allocate_##R,     \
           .receive = rank_receive_##R}
static const gki_dist_table rank_tables[RANKS_MAX] = {THREAD_RANK(0), THREAD_RANK(1),
                                                      THREAD_RANK(2)};
#undef THREAD_RANK

/* --- Running -------------------------------------------------------------- */

/* What each rank does; `context` is that of all. */
typedef gkv_status ranks_call(gkv_dist *dist, void *context);

typedef struct rank_thread {
    int rank;
    ranks_call *call;
    void *context;
    gkv_dist_report *report;
    pthread_t thread;
    gkv_status status;
    int code; /* what gkv_dist_close() returned */
    char message[GKI_DIST_TEXT];
} rank_thread;

static inline void *rank_run(void *context)
{
    rank_thread *rank = context;
    const size_t size = (size_t)rank_group.size;
    gkv_dist *dist = calloc(1, sizeof *dist);
    assert_non_null(dist);
    *dist = (gkv_dist){.table = &rank_tables[rank->rank],
                       .rank = rank->rank,
                       .size = rank_group.size,
                       .processors = 1,
                       .shares_memory = true,
                       .names = calloc(size, sizeof *dist->names),
                       .report = rank->report,
                       .context = rank->context};
    assert_non_null(dist->names);
    for (size_t r = 0; r < size; r++)
        snprintf(dist->names[r], sizeof dist->names[r], "rank %zu (thread)", r);
    pthread_mutex_init(&dist->lock, NULL);
    assert_ok(gki_dist_watch_start(dist));
    rank->status = rank->call(dist, rank->context);
    snprintf(rank->message, sizeof rank->message, "%s",
             rank->status == GKV_OK ? "" : gkv_error_message());
    rank->code = gkv_dist_close(dist, (int)rank->status, rank->message);
    return NULL;
}

/* Runs the call on each of `size` ranks, whose `failing`-th operation of all fails (0: none).
 * Returns how many operations of all there were. */
static inline unsigned long run_ranks(int size, ranks_call *call, void *context,
                                      gkv_dist_report *report, unsigned long failing,
                                      rank_thread ranks[RANKS_MAX])
{
    assert_true(size <= RANKS_MAX);
    rank_group.size = size;
    rank_group.failing = failing;
    memset(rank_group.of, 0, sizeof rank_group.of);
    assert_int_equal(pthread_barrier_init(&rank_group.allocation, NULL, (unsigned)size), 0);
    for (int r = 0; r < size; r++) {
        ranks[r] = (rank_thread){.rank = r, .call = call, .context = context, .report = report};
        assert_int_equal(pthread_create(&ranks[r].thread, NULL, rank_run, &ranks[r]), 0);
    }
    for (int r = 0; r < size; r++)
        assert_int_equal(pthread_join(ranks[r].thread, NULL), 0);
    for (int r = 0; r < size; r++)
        assert_null(rank_group.of[r].messages);
    pthread_barrier_destroy(&rank_group.allocation);
    free(rank_group.memory);
    rank_group.memory = NULL;
    return rank_group.of[0].done;
}

/* Runs the call on `most` … 2 ranks, where it succeeds, and then on two of which each operation of
 * all in turn, or every `step`-th one, fails: both fail with GKV_ERR_IO and a message. */
static inline void ranks_agree(ranks_call *call, void *context, int most, unsigned long step)
{
    rank_thread ranks[RANKS_MAX];
    unsigned long operations = 0;
    for (int size = most; size > 1; size--) {
        operations =
            run_ranks(size, call, context, NULL, 0, ranks) - 1; /* the last one is the end */
        for (int r = 0; r < size; r++)
            if (ranks[r].status != GKV_OK || ranks[r].code != 0) {
                print_error("rank %d of %d: %s\n", r, size, ranks[r].message);
                fail();
            }
    }
    assert_true(operations > 0);
    for (unsigned long n = 1; n <= operations; n += step) {
        run_ranks(2, call, context, NULL, n, ranks);
        for (int r = 0; r < 2; r++)
            if (ranks[r].status != GKV_ERR_IO || ranks[r].code != GKV_ERR_IO ||
                !strstr(ranks[r].message, "made to fail")) {
                print_error("operation %lu of %lu, rank %d: %s \"%s\"\n", n, operations, r,
                            gkv_status_name(ranks[r].status), ranks[r].message);
                fail();
            }
    }
}

#endif
