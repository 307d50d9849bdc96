/* The generation metrics, compared with those that tests/numpy/check_generation.py computes with
 * NumPy. */
#define _DEFAULT_SOURCE /* popen(), WEXITSTATUS() */
#include "generation_fixture.h"

#include <sys/wait.h>

enum { N = 500, M = 400, D = 12, SUBSETS = 5, SIZE = 100, SEED = 9 };

/* A .npy file of version 1: magic, the length of the header, the header, the numbers (of this
 * machine's byte order). */
static void write_npy(const char *path, const float *x, size_t n, size_t d)
{
    char header[118];
    const int used =
        snprintf(header, sizeof header,
                 "{'descr': '=f4', 'fortran_order': False, 'shape': (%zu, %zu), }", n, d);
    memset(header + used, ' ', sizeof header - (size_t)used);
    header[sizeof header - 1] = '\n';
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file), 10); /* 0x76 is 118 */
    assert_int_equal(fwrite(header, 1, sizeof header, file), sizeof header);
    assert_int_equal(fwrite(x, sizeof *x, n * d, file), n * d);
    assert_int_equal(fclose(file), 0);
}

/* Returns the number of values that the script finds wrong, or −1 if there is no Python with
 * NumPy. */
static int wrong_ones(const char *reference, const char *draws, const char *values)
{
    char command[2048], line[256];
    const int length =
        snprintf(command, sizeof command,
                 "for p in \"$PYTHON\" python3 /usr/bin/python3; do if [ -n \"$p\" ] && \"$p\" -c "
                 "'import numpy' 2> /dev/null; then OPENBLAS_NUM_THREADS=1 exec \"$p\" -B "
                 "'%s/../numpy/check_generation.py' '%s' '%s' --subsets %d --size %d --seed %d %s; "
                 "fi; done; exit 77",
                 GKV_TEST_FIXTURES, reference, draws, (int)SUBSETS, (int)SIZE, (int)SEED, values);
    assert_in_range(length, 1, sizeof command - 1);
    FILE *const output = popen(command, "r");
    assert_non_null(output);
    int wrong = 0;
    while (fgets(line, sizeof line, output)) {
        wrong += strstr(line, "FAILED") != NULL;
        print_message("%s", line);
    }
    const int status = pclose(output);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        return -1;
    assert_int_equal(WEXITSTATUS(status), wrong > 0);
    return wrong;
}

static void numpy_agrees(void **state)
{
    (void)state;
    const char *const reference_path = "generation-reference.npy", *const draws_path =
                                                                       "generation-draws.npy";
    float *const real = normal_features(1, N, D, 1, 0.5), *const made =
                                                              normal_features(2, M, D, 0.9, 0.6);
    /* a copy of a real row and a repeated row: ties */
    memcpy(made + 7 * D, real + 9 * D, D * sizeof *made);
    memcpy(made + 8 * D, real + 9 * D, D * sizeof *made);
    write_npy(reference_path, real, N, D);
    write_npy(draws_path, made, M, D);
    double frechet;
    gkv_kid kid;
    gkv_reference *reference = NULL;
    gkv_neighbour_metrics m;
    const gkv_kid_settings set = {.subsets = SUBSETS, .size = SIZE, .seed = SEED};
    assert_ok(gkv_frechet_distance(N, M, D, real, made, &frechet));
    assert_ok(gkv_kernel_distance(N, M, D, real, made, &set, NULL, &kid));
    assert_ok(gkv_reference_create(N, D, real, NULL, NULL, &reference));
    assert_ok(gkv_neighbour_metrics_of(reference, M, made, NULL, &m));
    gkv_reference_free(reference);
    char values[512];
    snprintf(values, sizeof values,
             "frechet=%.17g kid=%.17g kid_sd=%.17g precision=%.17g recall=%.17g density=%.17g "
             "coverage=%.17g",
             frechet, kid.mean, kid.sd, m.precision, m.recall, m.density, m.coverage);
    const int wrong = wrong_ones(reference_path, draws_path, values);
    if (wrong < 0)
        skip();
    assert_int_equal(wrong, 0);
    /* The comparison can fail. */
    snprintf(values, sizeof values,
             "frechet=%.17g kid=%.17g kid_sd=%.17g precision=%.17g recall=%.17g density=%.17g "
             "coverage=%.17g kid=nan",
             frechet * (1 + 1e-3), kid.mean * (1 + 1e-5), kid.sd * (1 - 1e-5),
             m.precision + 1.0 / M, m.recall - 1.0 / N, m.density - 1.0 / (5 * M),
             m.coverage - 1.0 / N);
    assert_int_equal(wrong_ones(reference_path, draws_path, values), 8);
    remove(reference_path);
    remove(draws_path);
    free(real);
    free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numpy_agrees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
