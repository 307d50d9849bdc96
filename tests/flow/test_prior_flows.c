/* All prior flows in float: training at far inputs, round trips of deep flows there, and tiles. */
#include "flow/flow_fixture.h"

#include "core/simd.h"

#include <stdlib.h>

static const char *name_of(int flow)
{
    static char name[GKV_NAME_SIZE];
    return gkv_settings_choice("model.prior_flow", flow, name);
}

static double largest_of(size_t n, const gki_real *values)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = isfinite((double)values[i]) ? fmax(largest, fabs((double)values[i])) : INFINITY;
    return largest;
}

/* --- Training ------------------------------------------------------------- */

/* Steps of Adam on −log p of standard normal ε. */
typedef struct adam_training {
    flow_fixture *flow;
    size_t step;
    double rate;
    bool is_far; /* whether a seventh of the numbers are 100 standard deviations out */
} adam_training;

/* New inputs: each dimension depends on the one before. */
static void draw(const adam_training *training, size_t step)
{
    const size_t d = training->flow->d, all = training->flow->rows * d;
    gki_real *z = training->flow->z;
    test_normals(1000 + step, all, 1, z);
    for (size_t i = all; i-- > 0;)
        if (i % d > 0)
            z[i] = (gki_real)0.7 * z[i] + (gki_real)0.5 * (z[i - 1] * z[i - 1] - 1);
    for (size_t i = 0; i < all && training->is_far; i++)
        z[i] *= (i + step) % 7 == 0 ? 100 : 1;
}

/* −log p up to a constant, a row on average, and its gradients. */
static double loss_of(flow_fixture *fixture)
{
    const gki_flow *flow = fixture->flow;
    double loss = 0;
    flow_fixture_forward(fixture);
    for (size_t r = 0; r < fixture->rows; r++) {
        const gki_real *eps = gki_at(&fixture->ws, flow->eps, r);
        gki_real *d_eps = gki_at(&fixture->ws, flow->d_eps, r);
        for (size_t j = 0; j < fixture->d; j++) {
            loss += (double)eps[j] * (double)eps[j] / 2;
            d_eps[j] = eps[j] / (gki_real)fixture->rows;
        }
        loss -= (double)*gki_at(&fixture->ws, flow->log_det, r);
        *gki_at(&fixture->ws, flow->d_log_det, r) = -1 / (gki_real)fixture->rows;
    }
    flow->ops->backward(flow, &fixture->ws, 0, fixture->rows);
    for (size_t part = flow->ops->parts(flow); part-- > 0;)
        flow->ops->gradient(flow, &fixture->ws, fixture->rows, part);
    return loss / (double)fixture->rows;
}

static double train_step(adam_training *training)
{
    gki_params *params = &training->flow->params;
    draw(training, training->step);
    const double loss = loss_of(training->flow);
    training->step++;
    for (size_t i = 0; i < params->trainable; i++) {
        const gki_real grad = params->grads[i];
        params->m[i] = (gki_real)0.9 * params->m[i] + (gki_real)0.1 * grad;
        params->v[i] = (gki_real)0.999 * params->v[i] + (gki_real)0.001 * grad * grad;
        const double m = (double)params->m[i] / (1 - pow(0.9, (double)training->step)),
                     v = (double)params->v[i] / (1 - pow(0.999, (double)training->step));
        params->values[i] -= (gki_real)(training->rate * m / (sqrt(v) + 1e-8));
    }
    return loss;
}

/* No number overflows while a small model learns from inputs that are far out, and the loss falls.
 * GKV_FLOW_STEPS sets the number of steps of a longer run. */
static void test_training_at_far_inputs(void **state)
{
    (void)state;
    const char *wanted = getenv("GKV_FLOW_STEPS");
    const size_t steps = wanted ? (size_t)strtoul(wanted, NULL, 10) : 300;
    for (int flow = GKV_PRIOR_FLOW_NONE + 1; flow < GKV_PRIOR_FLOWS; flow++) {
        adam_training training = {.flow = flow_fixture_begin(name_of(flow), 32, 6, 4, 16, 2),
                                  .rate = 3e-3,
                                  .is_far = true};
        double first = 0, last = 0;
        while (training.step < steps) {
            const double loss = train_step(&training);
            assert_true(isfinite(loss));
            first += training.step <= 10 ? loss / 10 : 0;
            last += training.step > steps - 10 ? loss / 10 : 0;
        }
        const double largest =
            largest_of(training.flow->params.total, training.flow->params.values);
        print_message("%s: loss %.4g → %.4g in %zu steps, parameters up to %.3g\n", name_of(flow),
                      first, last, steps, largest);
        assert_true(isfinite(largest));
        assert_true(last < first / 4);
        assert_ok(gki_flow_check(training.flow->flow, &training.flow->params));
        flow_fixture_end(training.flow);
    }
}

/* --- Round trips ---------------------------------------------------------- */

/* The largest error of z → ε → z, relative to the largest input of a row. */
static double round_trip(flow_fixture *fixture)
{
    const size_t d = fixture->d;
    double worst = 0;
    flow_fixture_forward(fixture);
    memset(gki_at(&fixture->ws, fixture->flow->z, 0), 0, fixture->rows * d * sizeof *fixture->z);
    fixture->flow->ops->generate(fixture->flow, &fixture->ws, 0, fixture->rows);
    for (size_t r = 0; r < fixture->rows; r++) {
        const gki_real *z = fixture->z + r * d, *back = gki_at(&fixture->ws, fixture->flow->z, r);
        const double size = fmax(1, largest_of(d, z));
        for (size_t j = 0; j < d; j++)
            worst = isfinite((double)back[j]) ? fmax(worst, fabs((double)(back[j] - z[j])) / size)
                                              : INFINITY;
    }
    return worst;
}

/* Deep flows that have learned, at inputs as they were learned from, and at 10 and at 100 times
 * these. RealNVP, whose networks extrapolate, is not invertible in float at the latter. */
static void test_deep_round_trips(void **state)
{
    (void)state;
    for (int flow = GKV_PRIOR_FLOW_NONE + 1; flow < GKV_PRIOR_FLOWS; flow++) {
        adam_training training = {.flow = flow_fixture_begin(name_of(flow), 32, 40, 32, 64, 2),
                                  .rate = 1e-3};
        double loss = 0;
        while (training.step < 100)
            loss = train_step(&training);
        assert_true(isfinite(loss));
        for (gki_real scale = 1; scale <= 100; scale *= 10) {
            draw(&training, training.step);
            for (size_t i = 0; i < 32 * 40; i++)
                training.flow->z[i] *= scale;
            const double worst = round_trip(training.flow);
            print_message("%s: loss %.4g; inputs × %g: round trip %.2g\n", name_of(flow), loss,
                          (double)scale, worst);
            const gki_real *eps = gki_at(&training.flow->ws, training.flow->flow->eps, 0);
            assert_true(fabs((double)(eps[1] - training.flow->z[1])) > 1e-2 * (double)scale);
            assert_true(worst <= 1e-5 || (flow == GKV_PRIOR_FLOW_REALNVP && scale > 1));
        }
        flow_fixture_end(training.flow);
    }
}

/* --- Tiles ---------------------------------------------------------------- */

/* Rows in other tiles have the same results within the rounding error of the portable products, and
 * the same bits with the kernels for AVX2 and AVX-512. */
static void test_tiles(void **state)
{
    (void)state;
    enum { ROWS = 100, D = 12 };
    static const size_t cuts[] = {0, 1, 50, 57, ROWS};
    for (int flow = GKV_PRIOR_FLOW_NONE + 1; flow < GKV_PRIOR_FLOWS; flow++) {
        flow_fixture *fixture = flow_fixture_begin(name_of(flow), ROWS, D, 4, 16, 2);
        const gki_flow *of = fixture->flow;
        gki_real *whole = test_alloc(2 * ROWS * D * sizeof *whole);
        flow_fixture_perturb(fixture, 0.05);
        for (int pass = 0; pass < 2; pass++) {
            for (size_t i = 0; i + 1 < sizeof cuts / sizeof *cuts; i++) {
                const size_t first = pass ? cuts[i] : 0, count = pass ? cuts[i + 1] - first : ROWS;
                memcpy(gki_at(&fixture->ws, of->z, first), fixture->z + first * D,
                       count * D * sizeof *fixture->z);
                of->ops->normalise(of, &fixture->ws, first, count);
                if (pass == 0)
                    break;
            }
            const gki_real *eps = gki_at(&fixture->ws, of->eps, 0);
            if (pass == 0)
                memcpy(whole, eps, ROWS * D * sizeof *whole);
            else if (gki_simd_level() != GKV_SIMD_PORTABLE)
                assert_memory_equal(whole, eps, ROWS * D * sizeof *whole);
            else
                for (size_t i = 0; i < ROWS * D; i++)
                    assert_close(eps[i], whole[i], 2e-5 * (1 + fabs((double)whole[i])));
        }
        free(whole);
        flow_fixture_end(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training_at_far_inputs),
        cmocka_unit_test(test_deep_round_trips),
        cmocka_unit_test(test_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
