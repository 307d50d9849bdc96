/* NIST's nonlinear regression: eight problems, or all 27 if NIST_DIR is the folder of NIST's files.
 * Certified values have 11 digits. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <float.h>
#include <unistd.h>

#include "lm/nist.h"
#include "lm/nist_facts.h"

/* The derivatives of every model agree with differences at a generic point. */
static void derivatives(void **state)
{
    (void)state;
    const long double x[NIST_PREDICTORS] = {1.3L, .7L}, size = cbrtl(LDBL_EPSILON);
    for (int k = 0; k < NIST_MODELS; k++) {
        const nist_model *model = &nist_models[k];
        long double b[NIST_PARAMETERS], g[NIST_PARAMETERS], ignored[NIST_PARAMETERS];
        for (int j = 0; j < NIST_PARAMETERS; j++)
            b[j] = .6L + .17L * j;
        assert_true(isfinite(model->function(b, x, g)));
        for (int j = 0; j < model->parameters; j++) {
            const long double kept = b[j];
            b[j] = kept + size;
            const long double above = model->function(b, x, ignored);
            b[j] = kept - size;
            const long double below = model->function(b, x, ignored);
            b[j] = kept;
            assert_close((double)g[j], (double)((above - below) / (2 * size)),
                         1e-8 * fmax(1, fabs((double)g[j])));
        }
    }
}

/* Solves from both starts with the defaults, and returns the digits of the worse solution. */
static double solve_both(const nist_problem *problem, gkv_lm_jacobian *jacobian, double digits)
{
    double fewest = 11;
    for (int start = 0; start < NIST_STARTS; start++) {
        nist_outcome out;
        assert_ok(nist_solve(problem, start, NULL, jacobian, &out));
        if (!(out.lre_parameters >= digits) || !gkv_lm_converged(out.result.stop)) {
            print_error("%s from start %d: %.2f digits of %g; %s after %zu steps\n",
                        problem->model->name, start + 1, out.lre_parameters, digits,
                        gkv_lm_stop_name(out.result.stop), out.result.iterations);
            fail();
        }
        assert_true(out.result.cost_after <= out.result.cost_before);
        if (problem->rss > 1e-20) { /* Lanczos1: see nist_models.h */
            assert_relative(out.rss, problem->rss, 1e-9);
            assert_true(out.lre_deviations >= digits - 1);
        }
        fewest = fmin(fewest, out.lre_parameters);
    }
    return fewest;
}

static void typed_problems(void **state)
{
    (void)state;
    for (int k = 0; k < NIST_FACTS; k++)
        solve_both(&nist_facts[k], nist_jacobian, 8);
}

static void typed_problems_by_differences(void **state)
{
    (void)state;
    for (int k = 0; k < NIST_FACTS; k++)
        solve_both(&nist_facts[k], NULL, 6);
}

static void digits_are_counted(void **state)
{
    (void)state;
    assert_close(nist_lre(1.001, 1), 3, 1e-9);
    assert_close(nist_lre(-2, -2), 11, 0);
    assert_close(nist_lre(2 + 1e-14, 2), 11, 0);
    assert_close(nist_lre(50, 2), 0, 0);
    assert_close(nist_lre(NAN, 2), 0, 0);
    assert_close(nist_lre(INFINITY, 2), 0, 0);
}

/* Files with missing or wrong content are refused. */
static void bad_files(void **state)
{
    (void)state;
    static nist_problem problem;
    char folder[] = "nist-XXXXXX", path[64], message[NIST_MESSAGE];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/DanWood.dat", folder);
    const nist_model *danwood = nist_facts[1].model;
    assert_string_equal(danwood->name, "DanWood");

    assert_int_equal(nist_read(folder, danwood, &problem, message), -1);
    assert_non_null(strstr(message, "DanWood.dat cannot be read"));

    const char *head = "  Data (lines 8 to 10)\n  Lower Level of Difficulty\n"
                       "  b1 =   1           0.7           7.6886226176E-01  1.8281973860E-02\n"
                       "  b2 =   5           4             3.8604055871E+00  5.1726610913E-02\n"
                       "Residual Sum of Squares:                    4.3173084083E-03\n"
                       "Number of Observations:                             3\nData: y x\n";
    static const struct {
        const char *data;
        int result, observations;
    } examples[] = {
        {"2.138E0 1.309E0\n3.421E0 1.471E0\n3.597E0 1.490E0\n", 0, 3},
        {"2.138E0 1.309E0\r\n3.421E0 1.471E0\r\n3.597E0 1.490E0\r\n\r\n", 0, 3},
        {"2.138E0 1.309E0\n3.421E0 1.471E0\n", -1, 2},
        {"2.138E0 1.309E0\n3.421E0\n3.597E0 1.490E0\n", -1, 1},
        {"2.138E0 1.309E0\n<html>\n", -1, 1},
        {"", -1, 0},
    };
    for (size_t k = 0; k < sizeof examples / sizeof *examples; k++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "%s%s", head, examples[k].data);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(nist_read(folder, danwood, &problem, message), examples[k].result);
        if (examples[k].result)
            assert_non_null(strstr(message, "DanWood.dat is not NIST's file"));
        else
            assert_int_equal(problem.n, examples[k].observations);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* The problems of nist_facts.h agree with the files. */
static void same_facts(const nist_problem *typed, const nist_problem *file)
{
    const int p = typed->model->parameters;
    assert_ptr_equal(typed->model, file->model);
    assert_string_equal(typed->level, file->level);
    assert_int_equal(typed->n, file->n);
    assert_relative(typed->rss, file->rss, 0);
    for (int j = 0; j < p; j++) {
        assert_relative(typed->start[0][j], file->start[0][j], 0);
        assert_relative(typed->start[1][j], file->start[1][j], 0);
        assert_relative(typed->certified[j], file->certified[j], 0);
        assert_relative(typed->deviation[j], file->deviation[j], 0);
    }
    for (int i = 0; i < typed->n; i++) {
        assert_relative((double)typed->y[i], (double)file->y[i], 0);
        assert_relative((double)typed->x[i][0], (double)file->x[i][0], 0);
    }
}

static void all_problems(void **state)
{
    (void)state;
    const char *folder = getenv("NIST_DIR");
    if (!folder || !*folder) {
        print_message("NIST_DIR names no folder with the 27 files of NIST's nonlinear regression: "
                      "left out\n");
        skip();
    }
    static nist_problem problem;
    char message[NIST_MESSAGE];
    double digits = 0;
    for (int k = 0; k < NIST_MODELS; k++) {
        if (nist_read(folder, &nist_models[k], &problem, message)) {
            print_error("%s\n", message);
            fail();
        }
        for (int t = 0; t < NIST_FACTS; t++)
            if (nist_facts[t].model == problem.model)
                same_facts(&nist_facts[t], &problem);
        digits += solve_both(&problem, nist_jacobian, 8);
    }
    assert_true(digits / NIST_MODELS >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivatives),
        cmocka_unit_test(digits_are_counted),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(typed_problems),
        cmocka_unit_test(typed_problems_by_differences),
        cmocka_unit_test(all_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
