/* What several ranks do together: values, orders of sums, agreement, texts, and operations that
 * fail. The ranks are threads. */
#include "thread_ranks.h"

#include "dist/transfer.h"
#include "dist/window.h"

enum { N = 101 };

/* --- Operations ----------------------------------------------------------- */

static gkv_status passes_bytes(gkv_dist *dist, void *context)
{
    const int size = gkv_dist_size(dist), rank = gkv_dist_rank(dist);
    size_t lengths[RANKS_MAX] = {0}, first = 0, n = 0, before = 0;
    char mine[RANKS_MAX] = {0}, all[RANKS_MAX * RANKS_MAX] = {0};
    int squares[N] = {0};
    (void)context;
    assert_true(strstr(gkv_dist_name(dist, rank), "thread") != NULL);
    assert_string_equal(gkv_dist_name(dist, size), "");
    for (int root = 0; root < size; root++) {
        double told[2] = {rank, -rank};
        GKV_TRY(gkv_dist_broadcast(dist, root, sizeof told, told));
        assert_true(told[0] == root && told[1] == -root);
    }
    for (int r = 0; r < size; r++)
        lengths[r] = (size_t)r; /* rank 0 has nothing */
    memset(mine, 'a' + rank, sizeof mine);
    GKV_TRY(gkv_dist_gather(dist, lengths, mine, all));
    for (int r = 0; r < size; before += lengths[r++])
        for (size_t i = 0; i < lengths[r]; i++)
            assert_int_equal(all[before + i], 'a' + r);
    gkv_dist_range(N, 10, rank, size, &first, &n);
    for (size_t i = first; i < first + n; i++)
        squares[i] = (int)(i * i);
    GKV_TRY(gkv_dist_share(dist, N, 10, sizeof *squares, squares));
    for (size_t i = 0; i < N; i++)
        assert_int_equal(squares[i], i * i);
    GKV_TRY(gkv_dist_barrier(dist));
    assert_int_equal(gkv_dist_broadcast(dist, size, 1, mine), GKV_ERR_ARGUMENT);
    return GKV_OK;
}

/* Sums are those of a tree: of three ranks (a + b) + c. */
static gkv_status adds(gkv_dist *dist, void *context)
{
    static const double part[RANKS_MAX] = {1, 1e16, -1e16};
    double values[N], sum = part[0];
    float singles[N];
    uint64_t counts[3] = {1, UINT32_MAX, (uint64_t)gkv_dist_rank(dist)};
    const int size = gkv_dist_size(dist), rank = gkv_dist_rank(dist);
    (void)context;
    for (int r = 1; r < size; r++)
        sum += part[r];
    for (size_t i = 0; i < N; i++) {
        values[i] = part[rank] + (double)i * (rank == 0);
        singles[i] = (float)(rank + 1) / 4;
    }
    GKV_TRY(gkv_dist_sum(dist, GKV_DIST_DOUBLE, N, values));
    GKV_TRY(gkv_dist_sum(dist, GKV_DIST_FLOAT, N, singles));
    GKV_TRY(gkv_dist_sum(dist, GKV_DIST_COUNT, 3, counts));
    assert_true(values[0] == sum && singles[N - 1] == (float)(size * (size + 1)) / 8);
    assert_true(counts[0] == (uint64_t)size && counts[1] == (uint64_t)size * UINT32_MAX);
    assert_int_equal(counts[2], size * (size - 1) / 2);
    return GKV_OK;
}

static gkv_status agrees(gkv_dist *dist, void *context)
{
    (void)context;
    GKV_TRY(gkv_dist_agree(dist, GKV_OK));
    GKV_TRY(gkv_dist_same(dist, "a text", "equal", NULL));
    uint64_t ticket = 0, seen[4] = {0};
    for (;;) {
        GKV_TRY(gkv_dist_next(dist, &ticket));
        if (ticket >= 4)
            break;
        seen[ticket]++;
    }
    GKV_TRY(gkv_dist_sum(dist, GKV_DIST_COUNT, 4, seen));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(seen[i], 1);
    return GKV_OK;
}

/* Messages around the ring, and operations that go on while the caller computes. */
static gkv_status transfers(gkv_dist *dist, void *context)
{
    const int size = gkv_dist_size(dist), rank = gkv_dist_rank(dist);
    const int lengths[RANKS_MAX] = {1, 1, 1}, offsets[RANKS_MAX] = {0, 1, 2};
    char all[RANKS_MAX] = {0}, told = (char)rank;
    int mine = rank, left = -1;
    gki_dist_transfer in, out;
    (void)context;
    GKV_TRY(gki_dist_receive(dist, (rank + size - 1) % size, sizeof left, &left, &in));
    GKV_TRY(gki_dist_send(dist, (rank + 1) % size, sizeof mine, &mine, &out));
    GKV_TRY(gki_dist_transfer_end(dist, &out));
    GKV_TRY(gki_dist_transfer_end(dist, &in));
    assert_int_equal(left, (rank + size - 1) % size);
    GKV_TRY(gki_dist_broadcast_begin(dist, size - 1, 1, &told, &out));
    GKV_TRY(gki_dist_transfer_end(dist, &out));
    assert_int_equal(told, size - 1);
    all[rank] = (char)('a' + rank);
    GKV_TRY(gki_dist_gather_begin(dist, lengths, offsets, all, &out));
    GKV_TRY(gki_dist_transfer_end(dist, &out));
    for (int r = 0; r < size; r++)
        assert_int_equal(all[r], 'a' + r);
    const size_t most = GKI_DIST_BYTES_MAX;
    assert_int_equal(gki_dist_send(dist, size, 1, &mine, &out), GKV_ERR_ARGUMENT);
    assert_int_equal(gki_dist_receive(dist, -1, 1, &mine, &out), GKV_ERR_ARGUMENT);
    assert_int_equal(gki_dist_broadcast_begin(dist, 0, most + 1, &mine, &out), GKV_ERR_ARGUMENT);
    return GKV_OK;
}

/* Memory that all share, if they may; `context` says whether there is some. */
static gkv_status share_memory(gkv_dist *dist, void *context)
{
    const bool *there = context;
    void *memory = NULL;
    GKV_TRY(gki_dist_window(dist, 100, &memory));
    assert_int_equal(memory != NULL, *there && gkv_dist_size(dist) > 1);
    if (!memory)
        return GKV_OK;
    assert_int_equal((uintptr_t)memory % 64, 0);
    char *mine = (char *)memory + gkv_dist_rank(dist), *next = memory;
    *mine = 7;
    GKV_TRY(gkv_dist_barrier(dist));
    for (int r = 0; r < 100; r++)
        assert_int_equal(next[r], r < gkv_dist_size(dist) ? 7 : 0);
    dist->shares_memory = gkv_dist_rank(dist) > 0; /* one is enough to forbid it */
    GKV_TRY(gki_dist_window(dist, 100, &memory));
    assert_null(memory);
    return gkv_dist_barrier(dist);
}

/* Rank 0 learns what all have done of a call, by the beats of a second. */
static gkv_status counts(gkv_dist *dist, void *context)
{
    const uint64_t mine = 10 + (uint64_t)gkv_dist_rank(dist), other = gkv_dist_rank(dist) ? 0 : 11;
    (void)context;
    gki_dist_count_begin(dist);
    const uint64_t all = gki_dist_count(dist, mine);
    assert_true(all == mine || all == mine + other);
    GKV_TRY(gkv_dist_barrier(dist));
    return GKV_OK;
}

static void test_operations(void **state)
{
    bool there = false;
    rank_thread ranks[RANKS_MAX];
    (void)state;
    ranks_agree(passes_bytes, NULL, RANKS_MAX, 2);
    ranks_agree(adds, NULL, RANKS_MAX, 1);
    ranks_agree(agrees, NULL, RANKS_MAX, 2);
    ranks_agree(transfers, NULL, RANKS_MAX, 1);
    ranks_agree(share_memory, &there, RANKS_MAX, 3);
    there = rank_group.shares_memory = true;
    ranks_agree(share_memory, &there, RANKS_MAX, 2);
    rank_group.shares_memory = false;
    run_ranks(2, counts, NULL, NULL, 0, ranks);
    assert_true(ranks[0].code == 0 && ranks[1].code == 0);
}

/* --- Failures and texts --------------------------------------------------- */

/* What the ranks have reported, in lines; rank 0's thread alone writes it. */
static char reported[4096];

static void note(void *context, const char *text)
{
    (void)context;
    const size_t length = strlen(reported);
    snprintf(reported + length, sizeof reported - length, "%s\n", text);
}

/* The last rank fails. */
static gkv_status fails_alone(gkv_dist *dist, void *context)
{
    (void)context;
    const bool last = gkv_dist_rank(dist) == gkv_dist_size(dist) - 1;
    return gkv_dist_agree(dist, last ? gki_fail(GKV_ERR_DATA, "no such row") : GKV_OK);
}

static gkv_status has_other_text(gkv_dist *dist, void *context)
{
    return gkv_dist_same(dist, "the seed", gkv_dist_rank(dist) == 1 ? "2" : "1", context);
}

/* All fail alike, and the text is reported once. */
static void test_failures(void **state)
{
    rank_thread ranks[RANKS_MAX];
    (void)state;
    *reported = '\0';
    run_ranks(3, fails_alone, NULL, note, 0, ranks);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(ranks[r].status, GKV_ERR_DATA);
        assert_int_equal(ranks[r].code, GKV_ERR_DATA);
        assert_string_equal(ranks[r].message, "rank 2 (thread): no such row");
    }
    assert_string_equal(reported, ""); /* rank 0 has printed it */
    for (int advised = 0; advised < 2; advised++) {
        run_ranks(3, has_other_text, advised ? "give --seed" : NULL, NULL, 0, ranks);
        for (int r = 0; r < 3; r++) {
            assert_int_equal(ranks[r].status, GKV_ERR_CONFIG);
            assert_non_null(strstr(ranks[r].message, "the seed differs between ranks: it is 1 on"));
            assert_non_null(strstr(ranks[r].message, "and 2 on rank 1 (thread)"));
            assert_int_equal(strstr(ranks[r].message, "; give --seed") != NULL, advised);
        }
    }
}

/* Ranks 1 and 2 tell something and fail by themselves, rank 1 with its name. */
static gkv_status tells(gkv_dist *dist, void *context)
{
    char text[3000];
    const int rank = gkv_dist_rank(dist);
    (void)context;
    if (rank == 0) {
        assert_int_equal(gkv_dist_tell(dist, "x"), GKV_ERR_ARGUMENT);
        return GKV_OK;
    }
    memset(text, 'a' + rank, sizeof text - 1);
    text[rank == 1 ? 5 : sizeof text - 1] = '\0';
    GKV_TRY(gkv_dist_tell(dist, text));
    return gki_fail(GKV_ERR_IO, rank == 1 ? "rank 2 (thread): gone" : "the disk is full");
}

static void test_texts(void **state)
{
    rank_thread ranks[RANKS_MAX];
    (void)state;
    *reported = '\0';
    run_ranks(3, tells, NULL, note, 0, ranks);
    assert_non_null(strstr(reported, "rank 1 (thread): bbbbb\n"));
    assert_non_null(strstr(reported, "rank 2 (thread): cccccc")); /* cut */
    assert_null(strstr(reported, "rank 1 (thread): rank 2"));
    assert_non_null(strstr(reported, "\nrank 2 (thread): gone\n"));
    assert_non_null(strstr(reported, "\nrank 2 (thread): the disk is full\n"));
    for (int r = 0; r < 3; r++)
        assert_int_equal(ranks[r].code, GKV_ERR_IO);
}

/* Rank 1 sends a text and ends while rank 0 looks for messages. */
static gkv_status tells_last(gkv_dist *dist, void *context)
{
    (void)context;
    if (gkv_dist_rank(dist) == 0)
        return GKV_OK;
    while (atomic_load(&rank_group.waits_for_end))
        sched_yield();
    return gkv_dist_tell(dist, "the last word");
}

static void test_last_text(void **state)
{
    rank_thread ranks[RANKS_MAX];
    (void)state;
    *reported = '\0';
    atomic_store(&rank_group.waits_for_end, true);
    run_ranks(2, tells_last, NULL, note, 0, ranks);
    assert_string_equal(reported, "rank 1 (thread): the last word\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_last_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
