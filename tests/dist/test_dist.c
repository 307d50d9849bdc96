/* Ranks of one process alone: operations copy or do nothing. What several ranks do is tested by
 * `make check-mpi`. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <pthread.h>

#include "dist/window.h"

static const char *const variables[] = {"OMPI_COMM_WORLD_SIZE",
                                        "OMPI_COMM_WORLD_RANK",
                                        "PMI_SIZE",
                                        "PMI_RANK",
                                        "MV2_COMM_WORLD_SIZE",
                                        "MV2_COMM_WORLD_RANK",
                                        "SLURM_STEP_NUM_TASKS",
                                        "SLURM_PROCID",
                                        "MPI_LOCALNRANKS",
                                        "MPI_LOCALRANKID",
                                        "PMIX_RANK",
                                        "GKVAE_MPI"};

static int forget_launcher(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    return 0;
}

/* The operations on a handle, or on NULL. */
static void check_operations(gkv_dist *dist)
{
    double values[3] = {1, -2, .5}, all[3] = {0};
    char bytes[4] = "abc";
    assert_int_equal(gkv_dist_rank(dist), 0);
    assert_int_equal(gkv_dist_size(dist), 1);
    assert_string_equal(gkv_dist_name(dist, 0), "rank 0");
    assert_string_equal(gkv_dist_name(dist, 1), "");
    assert_int_equal(gkv_dist_barrier(dist), GKV_OK);
    assert_int_equal(gkv_dist_sum(dist, GKV_DIST_DOUBLE, 3, values), GKV_OK);
    assert_true(values[0] == 1 && values[1] == -2 && values[2] == .5);
    assert_int_equal(gkv_dist_gather(dist, &(size_t){sizeof values}, values, all), GKV_OK);
    assert_memory_equal(all, values, sizeof values);
    assert_int_equal(gkv_dist_share(dist, 3, 1, sizeof *all, all), GKV_OK);
    assert_memory_equal(all, values, sizeof values);
    assert_int_equal(gkv_dist_broadcast(dist, 0, sizeof bytes, bytes), GKV_OK);
    assert_string_equal(bytes, "abc");
    assert_int_equal(gkv_dist_same(dist, "a text", "x", NULL), GKV_OK);
    assert_int_equal(gkv_dist_agree(dist, GKV_OK), GKV_OK);
    assert_int_equal(gkv_dist_agree(dist, GKV_ERR_DATA), GKV_ERR_DATA);
    /* invalid arguments */
    assert_int_equal(gkv_dist_broadcast(dist, 1, sizeof bytes, bytes), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_dist_broadcast(dist, 0, 1, NULL), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_dist_sum(dist, (gkv_dist_type)3, 3, values), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_dist_sum(dist, GKV_DIST_DOUBLE, 3, NULL), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_dist_share(dist, 3, 1, sizeof *all, NULL), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_dist_next(dist, NULL), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_dist_gather(dist, NULL, values, all), GKV_ERR_ARGUMENT);
}

static void alone(void **state)
{
    (void)state;
    gkv_dist *dist = NULL;
    uint64_t ticket = 9;
    check_operations(NULL);
    assert_int_equal(gkv_dist_open(NULL, NULL, NULL), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_dist_open(NULL, NULL, &dist), GKV_OK);
    check_operations(dist);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(gkv_dist_next(dist, &ticket), GKV_OK);
        assert_int_equal(ticket, i);
    }
    for (uint64_t i = 0; i < 3; i++) { /* NULL has a counter of its own */
        assert_int_equal(gkv_dist_next(NULL, &ticket), GKV_OK);
        assert_int_equal(ticket, i);
    }
    assert_int_equal(gkv_dist_close(dist, 6, "failed"), 6);
    assert_int_equal(gkv_dist_close(NULL, 5, NULL), 5);
}

/* Parts are contiguous, whole units, and as equal as they can be. */
static void parts(void **state)
{
    (void)state;
    size_t none = 9, from = 9;
    gkv_dist_range(10, 1, 0, 0, &from, &none);
    assert_true(from == 0 && none == 0);
    gkv_dist_range(10, 1, 2, 2, &from, &none);
    assert_true(from == 0 && none == 0);
    gkv_dist_range(10, 1, 0, 1, NULL, NULL);
    const size_t counts[] = {0, 1, 7, 16, 100, 1001}, units[] = {0, 1, 4, 16, 2000};
    for (size_t c = 0; c < 6; c++)
        for (size_t u = 0; u < 5; u++)
            for (int size = 1; size < 9; size++) {
                const size_t unit = units[u] ? units[u] : 1;
                size_t end = 0, least = SIZE_MAX, most = 0;
                for (int r = 0; r < size; r++) {
                    size_t first, n;
                    gkv_dist_range(counts[c], units[u], r, size, &first, &n);
                    assert_int_equal(first, end);
                    end += n;
                    assert_true(n % unit == 0 || end == counts[c]);
                    const size_t whole = (n + unit - 1) / unit;
                    least = whole < least ? whole : least;
                    most = whole > most ? whole : most;
                }
                assert_int_equal(end, counts[c]);
                assert_true(most - least <= 1);
            }
}

static void check_launch(int size, int rank, const char *launcher)
{
    const gkv_dist_launch launch = gkv_dist_launched();
    assert_int_equal(launch.size, size);
    assert_int_equal(launch.rank, rank);
    if (launcher)
        assert_string_equal(launch.launcher, launcher);
    else
        assert_null(launch.launcher);
}

static void launchers(void **state)
{
    gkv_dist *dist = (gkv_dist *)state; /* an address that a failure must replace */
    check_launch(1, 0, NULL);
    setenv("SLURM_PROCID", "0", 1); /* a batch script, or a task of an array */
    setenv("SLURM_NTASKS", "8", 1);
    check_launch(1, 0, NULL);
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    setenv("SLURM_PROCID", "3", 1);
    check_launch(4, 3, "Slurm's srun");
    setenv("PMI_SIZE", "1", 1); /* one rank, started on 4 nodes by srun */
    setenv("PMI_RANK", "0", 1);
    check_launch(1, 0, "an MPI launcher (PMI)");
    assert_int_equal(gkv_dist_open(NULL, NULL, &dist), GKV_OK);
    assert_int_equal(gkv_dist_close(dist, 0, NULL), 0);
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    setenv("OMPI_COMM_WORLD_RANK", "1", 1);
    check_launch(2, 1, "Open MPI's mpirun");
    setenv("GKVAE_MPI", "/no/such/library.so", 1);
    assert_int_equal(gkv_dist_open(NULL, NULL, &dist), GKV_ERR_CONFIG);
    assert_null(dist);
    assert_non_null(strstr(gkv_error_message(), "/no/such/library.so"));
    setenv("GKVAE_MPI", "nothing", 1);
    assert_int_equal(gkv_dist_open(NULL, NULL, &dist), GKV_ERR_CONFIG);
    assert_non_null(strstr(gkv_error_message(), "2 processes (OMPI_COMM_WORLD_SIZE)"));
    assert_non_null(strstr(gkv_error_message(), "GKV_MPI=ON"));
    setenv("GKVAE_MPI", "off", 1);
    check_launch(1, 0, NULL);
    forget_launcher(NULL);
    setenv("PMIX_RANK", "2", 1);
    check_launch(0, 2, "an MPI launcher (PMIx)");
    setenv("PMI_SIZE", "many", 1); /* not a number */
    check_launch(0, 2, "an MPI launcher (PMIx)");
}

/* Threads meet as ranks do: between two meetings each sees what all have written before the first,
 * and nobody writes again before all have seen it. */
enum { MEMBERS = 3, ROUNDS = 2000 };

typedef struct meeting_member {
    gki_dist_meeting *meeting;
    int *written; /* [MEMBERS] */
    int number, wrong;
} meeting_member;

static void *take_part(void *context)
{
    meeting_member *member = context;
    for (int round = 1; round <= ROUNDS; round++) {
        member->written[member->number] = round;
        gki_dist_meet(member->meeting, MEMBERS);
        for (int m = 0; m < MEMBERS; m++)
            member->wrong += member->written[m] != round;
        gki_dist_meet(member->meeting, MEMBERS);
    }
    return NULL;
}

static void meetings(void **state)
{
    gki_dist_meeting meeting = {.arrived = 0};
    meeting_member members[MEMBERS];
    int written[MEMBERS] = {0};
    pthread_t threads[MEMBERS];
    (void)state;
    for (int m = 0; m < MEMBERS; m++) {
        members[m] = (meeting_member){.meeting = &meeting, .written = written, .number = m};
        assert_int_equal(pthread_create(&threads[m], NULL, take_part, &members[m]), 0);
    }
    for (int m = 0; m < MEMBERS; m++) {
        pthread_join(threads[m], NULL);
        assert_int_equal(members[m].wrong, 0);
    }
}

/* One process has nobody to share memory with. */
static void memory_alone(void **state)
{
    void *memory = state;
    (void)state;
    assert_int_equal(gki_dist_window(NULL, 100, &memory), GKV_OK);
    assert_null(memory);
}

/* The variable that forbids to share it. Anything else than its two values is refused. */
static void memory_variable(void **state)
{
    gkv_dist dist = {.size = 1};
    (void)state;
    unsetenv("GKVAE_MPI_MEMORY");
    assert_int_equal(gki_dist_read_memory(&dist), GKV_OK);
    assert_true(dist.shares_memory);
    setenv("GKVAE_MPI_MEMORY", "separate", 1);
    assert_int_equal(gki_dist_read_memory(&dist), GKV_OK);
    assert_false(dist.shares_memory);
    setenv("GKVAE_MPI_MEMORY", "shared", 1);
    assert_int_equal(gki_dist_read_memory(&dist), GKV_OK);
    assert_true(dist.shares_memory);
    setenv("GKVAE_MPI_MEMORY", "seperate", 1);
    assert_int_equal(gki_dist_read_memory(&dist), GKV_ERR_CONFIG);
    assert_string_equal(gkv_error_message(),
                        "GKVAE_MPI_MEMORY=seperate: it is \"shared\" or \"separate\"");
    unsetenv("GKVAE_MPI_MEMORY");
}

/* One process counts for itself. */
static void count_alone(void **state)
{
    (void)state;
    gki_dist_count_begin(NULL);
    assert_int_equal(gki_dist_count(NULL, 7), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(alone, forget_launcher),
        cmocka_unit_test_setup(parts, forget_launcher),
        cmocka_unit_test(meetings),
        cmocka_unit_test(memory_alone),
        cmocka_unit_test(memory_variable),
        cmocka_unit_test(count_alone),
        cmocka_unit_test_setup_teardown(launchers, forget_launcher, forget_launcher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
