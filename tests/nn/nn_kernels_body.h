/* The row kernels at every instruction set, compared with plain formulas in double, for lengths
 * around the widths of the vectors. The float and the double test include this file. */
#include "support.h"

#include "core/rng.h"
#include "core/simd.h"
#include "nn/nn_kernels.h"

#ifdef GKV_REAL_IS_DOUBLE
static const double rounding = 1e-15;
#else
static const double rounding = 6e-7;
#endif

enum { LONGEST = 1000, GUARD = 20, MARK = 1234 };
static const size_t lengths[] = {1,  2,  3,  4,  5,  7,  8,   9,   15,
                                 16, 17, 31, 33, 63, 64, 100, 784, LONGEST};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

/* Arrays with guard elements behind element n, which no kernel may change. */
typedef struct arrays {
    gki_real x[LONGEST + GUARD], y[LONGEST + GUARD], z[LONGEST + GUARD], v[LONGEST + GUARD],
        w[LONGEST + GUARD];
    gki_real out[LONGEST + GUARD], out2[LONGEST + GUARD], out3[LONGEST + GUARD];
} arrays;

static const gki_nn_kernels *level_table(gki_simd level)
{
#if defined(__x86_64__)
    if (level == GKV_SIMD_AVX512)
        return &gki_nn_kernels_avx512;
    if (level == GKV_SIMD_AVX2)
        return &gki_nn_kernels_avx2;
#endif
    (void)level;
    return &gki_nn_kernels_portable;
}

static void fill(uint64_t index, size_t n, double scale, gki_real *out)
{
    double noise[LONGEST];
    gki_rng_normal_d(gki_rng_at(7, GKV_STREAM_USER, n, index), n, noise);
    for (size_t i = 0; i < n; i++)
        out[i] = (gki_real)(scale * noise[i]);
}

static void prepare(arrays *a, size_t n)
{
    gki_real *all[] = {a->x, a->y, a->z, a->v, a->w, a->out, a->out2, a->out3};
    for (size_t k = 0; k < 8; k++) {
        for (size_t i = 0; i < LONGEST + GUARD; i++)
            all[k][i] = MARK;
        fill(k, n, 1.5, all[k]);
    }
}

static void check_guards(const arrays *a, size_t n)
{
    const gki_real *all[] = {a->x, a->y, a->z, a->v, a->w, a->out, a->out2, a->out3};
    for (size_t k = 0; k < 8; k++)
        for (size_t i = n; i < n + GUARD; i++)
            assert_true(all[k][i] == MARK);
}

/* Runs the check for every level of this CPU and every length. */
static void each(void (*check)(const gki_nn_kernels *kernels, size_t n, arrays *a))
{
    arrays *a = test_alloc(sizeof *a);
    for (int level = 0; level <= (int)gki_simd_best(); level++) {
        for (size_t i = 0; i < LENGTHS; i++) {
            prepare(a, lengths[i]);
            check(level_table((gki_simd)level), lengths[i], a);
            check_guards(a, lengths[i]);
        }
    }
    free(a);
}

static double sigmoid_of(double x)
{
    return 1 / (1 + exp(-x));
}

static void check_norm_silu(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    const double inverse_sd =
        (double)kernels->norm_silu(n, a->x, a->y, a->z, a->out, a->out2, a->out3);
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++)
        mean += (double)a->x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += ((double)a->x[i] - mean) * ((double)a->x[i] - mean) / (double)n;
    const double wanted = 1 / sqrt(variance + 1e-5), off = n == 1 ? 400 * rounding : 40 * rounding;
    assert_relative(inverse_sd, wanted, n == 1 ? 1e-7 + rounding : 20 * rounding);
    for (size_t i = 0; i < n; i++) {
        const double hat = ((double)a->x[i] - mean) * wanted,
                     y = (double)a->y[i] * hat + (double)a->z[i];
        assert_close(a->out[i], hat, off);
        assert_close(a->out2[i], sigmoid_of(y), off);
        assert_close(a->out3[i], y * sigmoid_of(y), off);
    }
    /* xhat may be x. */
    memcpy(a->v, a->x, n * sizeof *a->v);
    assert_true(kernels->norm_silu(n, a->v, a->y, a->z, a->v, a->out2, a->w) ==
                (gki_real)inverse_sd);
    assert_memory_equal(a->v, a->out, n * sizeof *a->v);
    assert_memory_equal(a->w, a->out3, n * sizeof *a->w);
}

static void check_norm_silu_backward(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    /* x is the normalised row, y the gain, z the shift, v the sigmoid, and w the gradient. */
    double mean = 0, mean_hat = 0;
    double dy[LONGEST];
    for (size_t i = 0; i < n; i++) {
        const double y = (double)a->y[i] * (double)a->x[i] + (double)a->z[i];
        a->v[i] = (gki_real)sigmoid_of(y);
        dy[i] = (double)a->w[i] * (double)a->v[i] * (1 + y * (1 - (double)a->v[i]));
        mean += dy[i] * (double)a->y[i] / (double)n;
        mean_hat += dy[i] * (double)a->y[i] * (double)a->x[i] / (double)n;
    }
    kernels->norm_silu_backward(n, a->x, a->y, a->z, a->v, (gki_real)0.75, a->w, a->out);
    for (size_t i = 0; i < n; i++) {
        const double scale = 1 + fabs(dy[i]) + fabs((double)a->x[i]);
        assert_close(a->w[i], dy[i], 20 * rounding * scale * scale);
        assert_close(a->out[i],
                     0.75 * (dy[i] * (double)a->y[i] - mean - (double)a->x[i] * mean_hat),
                     60 * rounding * scale * scale);
    }
}

/* The backward pass is the transpose of the tangent: Σ w·tangent = Σ gradient·t. */
static void check_norm_silu_tangent(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    enum { EACH = 6 };
    static gki_real in[(EACH + 1) * LONGEST], out[(EACH + 1) * LONGEST];
    for (size_t k = 0; k < EACH; k++)
        fill(20 + k, n, 1, in + k * n);
    for (size_t i = 0; i < n; i++)
        out[EACH * n + i] = MARK;
    for (size_t i = 0; i < n; i++)
        a->v[i] = (gki_real)sigmoid_of((double)a->y[i] * (double)a->x[i] + (double)a->z[i]);
    kernels->norm_silu_tangent(n, a->x, a->y, a->z, a->v, (gki_real)0.75, EACH, in, out);
    assert_true(out[EACH * n] == MARK);
    memcpy(a->out2, a->w, n * sizeof *a->w);
    kernels->norm_silu_backward(n, a->x, a->y, a->z, a->v, (gki_real)0.75, a->out2, a->out);
    for (size_t k = 0; k < EACH; k++) {
        double forward = 0, backward = 0, scale = 1;
        for (size_t i = 0; i < n; i++) {
            forward += (double)a->w[i] * (double)out[k * n + i];
            backward += (double)a->out[i] * (double)in[k * n + i];
            scale += fabs((double)a->w[i] * (double)out[k * n + i]) +
                     fabs((double)a->out[i] * (double)in[k * n + i]);
        }
        assert_close(forward, backward, 100 * rounding * scale);
    }
}

static void check_tangent_of_gate(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    kernels->gate(n, a->x, a->y, a->out, a->out2);
    kernels->gate_tangent(n, a->x, a->out, a->z, a->v, a->out3);
    for (size_t i = 0; i < n; i++) {
        const double s = (double)a->out[i], t_h = (double)a->z[i],
                     t_a = (double)a->v[i] * (double)a->x[i];
        assert_close(a->out3[i], s * t_h + s * (1 - s) * t_a,
                     8 * rounding * (fabs(t_h) + fabs(t_a)));
    }
}

/* Targets of 0, 1 and between; logits from far below 0 to far above. */
static void check_bernoulli_sd(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    for (size_t i = 0; i < n; i++) {
        a->x[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : (gki_real)0.3;
        a->y[i] *= i % 5 == 0 ? 40 : 2;
    }
    kernels->bernoulli(n, a->x, a->y, a->z);
    kernels->bernoulli_sd(n, a->x, a->z, a->out);
    for (size_t i = 0; i < n; i++) {
        const double p = sigmoid_of((double)a->y[i]),
                     wanted = sqrt(p * sigmoid_of(-(double)a->y[i]));
        assert_close((double)a->out[i] * (double)a->out[i], wanted * wanted, 8 * rounding);
    }
}

static void check_scale_rows(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    enum { ROWS = 3, GAP = 2 };
    static gki_real rows[ROWS * (LONGEST + GAP)], before[ROWS * (LONGEST + GAP)];
    for (size_t r = 0; r < ROWS; r++) {
        fill(30 + r, n, 1, rows + r * (n + GAP));
        rows[r * (n + GAP) + n] = rows[r * (n + GAP) + n + 1] = MARK;
    }
    memcpy(before, rows, sizeof rows);
    kernels->scale_rows(n, ROWS, a->w, rows, n + GAP);
    for (size_t e = 0; e < ROWS * (n + GAP); e++) {
        const size_t i = e % (n + GAP);
        assert_true(rows[e] == (i < n ? before[e] * a->w[i] : (gki_real)MARK));
    }
}

static void check_gate(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    kernels->gate(n, a->x, a->y, a->out, a->out2);
    for (size_t i = 0; i < n; i++) {
        assert_relative(a->out[i], sigmoid_of((double)a->y[i]), 4 * rounding);
        assert_relative(a->out2[i], (double)a->x[i] * sigmoid_of((double)a->y[i]), 4 * rounding);
    }
    kernels->gate_backward(n, a->x, a->out, a->z, a->v, a->w);
    for (size_t i = 0; i < n; i++) {
        const double s = (double)a->out[i], d = (double)a->z[i];
        assert_relative(a->v[i], d * s, 2 * rounding);
        assert_close(a->w[i], d * (double)a->x[i] * s * (1 - s),
                     4 * rounding * fabs(d * (double)a->x[i]));
    }
}

static void check_rectify(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    static const double below[] = {0.01, 0};
    a->x[n / 2] = 0;
    for (size_t k = 0; k < 2; k++) {
        kernels->rectify(n, below[k], a->x, a->out);
        kernels->rectify_backward(n, below[k], a->out, a->y, a->out2);
        for (size_t i = 0; i < n; i++) {
            const double slope = a->x[i] > 0 ? 1 : below[k];
            assert_relative(a->out[i], slope * (double)a->x[i], rounding);
            assert_relative(a->out2[i], slope * (double)a->y[i], rounding);
        }
    }
}

/* Σ log(1 + e^l) − x·l, without overflow. */
static double naive_bernoulli(size_t n, const gki_real *x, const gki_real *logits, double *size)
{
    double sum = 0;
    *size = 1;
    for (size_t i = 0; i < n; i++) {
        const double l = (double)logits[i];
        const double term = (l > 0 ? l : 0) + log1p(exp(-fabs(l))) - (double)x[i] * l;
        sum += term;
        *size += fabs(term) + 1;
    }
    return sum;
}

static void check_bernoulli(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    static const double extremes[] = {1e4,  -1e4, 0,    88.8, -88.8, 104,
                                      -104, 710,  -746, 200,  -200,  1e-30};
    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < n; i++) {
            const double word = fabs((double)a->z[i]);
            a->x[i] = (gki_real)(pass == 1 ? word - floor(word) : word > 1); /* grey or binary */
            if (pass == 2)
                a->y[i] = (gki_real)extremes[i % (sizeof extremes / sizeof *extremes)];
        }
        double size;
        const double wanted = naive_bernoulli(n, a->x, a->y, &size);
        const double loss = (double)kernels->bernoulli(n, a->x, a->y, a->out);
        assert_close(loss, wanted, (4 + (double)n / 50) * rounding * size);
        assert_true(kernels->bernoulli(n, a->x, a->y, NULL) == (gki_real)loss);
        for (size_t i = 0; i < n; i++)
            assert_close(a->out[i], sigmoid_of((double)a->y[i]) - (double)a->x[i], 4 * rounding);
    }
    /* A confident and correct logit has a loss of 0. An infinite or NaN logit shows in the loss. */
    for (size_t i = 0; i < n; i++) {
        a->x[i] = (gki_real)(i % 2);
        a->y[i] = (gki_real)(i % 2 ? 1e4 : -1e4);
    }
    assert_close(kernels->bernoulli(n, a->x, a->y, a->out), 0, 0);
    a->y[n - 1] = (gki_real)NAN;
    assert_true(isnan((double)kernels->bernoulli(n, a->x, a->y, a->out)));
    a->y[n - 1] = (gki_real)INFINITY;
    a->x[n - 1] = 0;
    assert_true(!isfinite((double)kernels->bernoulli(n, a->x, a->y, a->out)));
}

static void check_sums(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    double squares = 0;
    memcpy(a->out, a->y, n * sizeof *a->out);
    memcpy(a->out2, a->y, n * sizeof *a->out2);
    kernels->axpy(n, (gki_real)-0.3, a->x, a->out);
    kernels->add_product(n, a->x, a->z, a->out2);
    for (size_t i = 0; i < n; i++) {
        const double x = (double)a->x[i], y = (double)a->y[i], z = (double)a->z[i];
        assert_close(a->out[i], y - 0.3 * x, 2 * rounding * (fabs(y) + fabs(x)));
        assert_close(a->out2[i], y + x * z, 2 * rounding * (fabs(y) + fabs(x * z)));
        squares += x * x;
    }
    assert_relative(kernels->sum_squares(n, a->x), squares, 10 * rounding);
}

/* Adam as algorithm 1 of the paper, with the epsilon hat of section 2, decoupled weight decay, and
 * an average of the weights. */
static void check_adam(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    static double m[LONGEST], v[LONGEST], value[LONGEST], average[LONGEST];
    const double alpha = 1e-2, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    gki_adam step = {.scale = (gki_real)0.25,
                     .beta1 = (gki_real)beta1,
                     .beta2 = (gki_real)beta2,
                     .keep = (gki_real)0.98,
                     .averaging = (gki_real)0.1};
    for (size_t i = 0; i < n; i++) {
        a->v[i] = a->w[i] = 0;
        m[i] = v[i] = 0;
        value[i] = (double)a->out[i];
        a->out3[i] = a->out[i] / 2;
        average[i] = value[i] / 2;
    }
    for (int t = 1; t <= 20; t++) {
        fill((uint64_t)(100 + t), n, t % 3 ? 1 : 1e-4, a->x);
        const double correction = sqrt(1 - pow(beta2, t));
        step.rate = (gki_real)(alpha * correction / (1 - pow(beta1, t)));
        step.epsilon_hat = (gki_real)(epsilon * correction);
        kernels->adam(n, &step, a->x, a->v, a->w, a->out, a->out3);
        for (size_t i = 0; i < n; i++) {
            const double g = (double)step.scale * (double)a->x[i];
            m[i] = beta1 * m[i] + (1 - beta1) * g;
            v[i] = beta2 * v[i] + (1 - beta2) * g * g;
            value[i] = 0.98 * value[i] - alpha * (m[i] / (1 - pow(beta1, t))) /
                                             (sqrt(v[i] / (1 - pow(beta2, t))) + epsilon);
            average[i] += 0.1 * (value[i] - average[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        assert_close(a->out[i], value[i], 60 * rounding * (1 + fabs(value[i])));
        assert_close(a->out3[i], average[i], 60 * rounding * (1 + fabs(average[i])));
        assert_close(a->v[i], m[i], 60 * rounding);
        assert_relative(a->w[i], v[i], 200 * rounding); /* 1 − 0.999f is not 0.001 */
    }
    /* Without any gradient, decay or average the parameters do not change, and 0/0 does not
     * occur. */
    for (size_t i = 0; i < n; i++)
        a->x[i] = a->v[i] = a->w[i] = 0;
    memcpy(a->out2, a->out, n * sizeof *a->out);
    step.keep = 1;
    kernels->adam(n, &step, a->x, a->v, a->w, a->out2, NULL);
    assert_memory_equal(a->out2, a->out, n * sizeof *a->out);
}

/* The result of an element does not depend on its index or on its neighbours. */
static void check_index(const gki_nn_kernels *kernels, size_t n, arrays *a)
{
    kernels->gate(n, a->x, a->y, a->out, a->out2);
    kernels->rectify(n, 0.01, a->x, a->out3);
    for (size_t i = 0; i < n; i += 1 + n / 40) {
        gki_real sigmoid, gate, leaky;
        kernels->gate(1, a->x + i, a->y + i, &sigmoid, &gate);
        kernels->rectify(1, 0.01, a->x + i, &leaky);
        assert_true(sigmoid == a->out[i] && gate == a->out2[i] && leaky == a->out3[i]);
    }
}

#define EACH_TEST(name)                   \
    static void test_##name(void **state) \
    {                                     \
        (void)state;                      \
        each(check_##name);               \
    }
EACH_TEST(norm_silu)
EACH_TEST(norm_silu_backward)
EACH_TEST(norm_silu_tangent)
EACH_TEST(tangent_of_gate)
EACH_TEST(bernoulli_sd)
EACH_TEST(scale_rows)
EACH_TEST(gate)
EACH_TEST(rectify)
EACH_TEST(bernoulli)
EACH_TEST(sums)
EACH_TEST(adam)
EACH_TEST(index)

static void test_chosen_table(void **state)
{
    (void)state;
    assert_ptr_equal(gki_nn_kernels_get(), level_table(gki_simd_level()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norm_silu_tangent),
        cmocka_unit_test(test_tangent_of_gate),
        cmocka_unit_test(test_bernoulli_sd),
        cmocka_unit_test(test_scale_rows),
        cmocka_unit_test(test_norm_silu),
        cmocka_unit_test(test_norm_silu_backward),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_rectify),
        cmocka_unit_test(test_bernoulli),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_chosen_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
