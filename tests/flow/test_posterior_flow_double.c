/* All posterior flows: determinants, gradients, inverses. */
#include "flow/posterior_flow_fixture.h"

typedef struct layer {
    const gki_posterior_flow_ops *ops;
    size_t d, layer;
    double in[D_MAX], raw[RAW_MAX], weight[D_MAX], tilt;
} layer;

static layer draw(size_t family, size_t d, uint64_t index, double scale)
{
    layer it = {.ops = family_of(family), .d = d, .layer = index};
    test_normals(4 * index, d, 1.2, it.in);
    test_normals(4 * index + 1, it.ops->width(d), scale, it.raw);
    test_normals(4 * index + 2, d, 1, it.weight);
    test_normals(4 * index + 3, 1, 1, &it.tilt);
    return it;
}

static void map_of(void *context, const double *x, double *y)
{
    const layer *it = context;
    it->ops->forward(it->d, it->layer, it->raw, x, y);
}

static double loss(void *context)
{
    const layer *it = context;
    double out[D_MAX];
    const double log_det = it->ops->forward(it->d, it->layer, it->raw, it->in, out);
    return dot(it->d, it->weight, out) + it->tilt * log_det;
}

static void check_gradients(layer *it, double tolerance)
{
    double d_in[D_MAX], d_raw[RAW_MAX], in_place[D_MAX], again[RAW_MAX];
    it->ops->backward(it->d, it->layer, it->raw, it->in, it->weight, it->tilt, d_in, d_raw);
    memcpy(in_place, it->weight, sizeof in_place);
    it->ops->backward(it->d, it->layer, it->raw, it->in, in_place, it->tilt, in_place, again);
    assert_memory_equal(in_place, d_in, it->d * sizeof *d_in);
    assert_memory_equal(again, d_raw, it->ops->width(it->d) * sizeof *d_raw);
    assert_gradient(loss, it, it->in, d_in, it->d, 1, tolerance, it->ops->name);
    assert_gradient(loss, it, it->raw, d_raw, it->ops->width(it->d), 1, tolerance, it->ops->name);
}

static void test_determinants_and_gradients(void **state)
{
    (void)state;
    static const size_t dims[] = {1, 2, 5, 40};
    static const double scales[] = {0.1, 0.7, 2};
    for (size_t family = 0; family < FAMILIES; family++) {
        for (size_t i = 0; i < 4; i++) {
            for (uint64_t draws = 0; draws < 12; draws++) {
                layer it = draw(family, dims[i], draws, scales[draws % 3]);
                double out[D_MAX];
                const double log_det = it.ops->forward(it.d, it.layer, it.raw, it.in, out);
                const double wide = test_log_det_of(map_of, &it, it.in, it.d, 1e-3);
                const double narrow = test_log_det_of(map_of, &it, it.in, it.d, 1e-4);
                assert_close(log_det, fabs(wide - log_det) < fabs(narrow - log_det) ? wide : narrow,
                             1e-9 * (1 + 100 * exp(-log_det)));
                check_gradients(&it, 1e-7);
            }
        }
    }
}

/* For all outputs of an encoder, the determinant is finite and there is one inverse. */
static void test_inverses(void **state)
{
    (void)state;
    static const double scales[] = {0.01, 0.5, 5, 50};
    for (size_t family = 0; family < FAMILIES; family++) {
        for (uint64_t draws = 0; draws < 8000; draws++) {
            layer it = draw(family, 1 + draws % 6, draws, scales[draws % 4]);
            double out[D_MAX], back[D_MAX], d_raw[RAW_MAX], size = 1;
            const double log_det = it.ops->forward(it.d, it.layer, it.raw, it.in, out);
            assert_true(isfinite(log_det));
            inverse(family, it.d, it.layer, it.raw, out, back);
            for (size_t j = 0; j < it.d; j++)
                size = fmax(size, fmax(fabs(out[j]), fabs(it.raw[j])));
            /* Where the layer contracts space, the inverse magnifies rounding errors by the same
             * factor. */
            const double allowed = 1e-13 * size * size * (1 + exp(fmax(0, -log_det)));
            for (size_t j = 0; j < it.d && scales[draws % 4] <= 10 * inverse_scale(family); j++)
                assert_close(back[j], it.in[j], allowed);
            it.ops->backward(it.d, it.layer, it.raw, it.in, it.weight, it.tilt, back, d_raw);
            for (size_t i = 0; i < it.ops->width(it.d); i++)
                assert_true(isfinite(d_raw[i]) && isfinite(back[i % it.d]));
        }
    }
}

static void check_identity(const layer *it)
{
    double out[D_MAX];
    assert_true(it->ops->forward(it->d, it->layer, it->raw, it->in, out) == 0);
    assert_memory_equal(out, it->in, it->d * sizeof *out);
}

/* Zero raw parameters give the identity, and so does u = 0 or a ratio of 0. */
static void test_identity(void **state)
{
    (void)state;
    for (size_t family = 0; family < FAMILIES; family++) {
        layer it = draw(family, 5, 3, 1);
        memset(it.raw, 0, sizeof it.raw);
        check_identity(&it);
        check_gradients(&it, 1e-7);
    }
    layer planar = draw(0, 5, 4, 1);
    memset(planar.raw, 0, 5 * sizeof *planar.raw);
    check_identity(&planar);
    check_gradients(&planar, 1e-5); /* the second derivative in u is not continuous there */
    layer radial = draw(1, 5, 4, 1);
    radial.raw[6] = 0;
    check_identity(&radial);
    check_gradients(&radial, 1e-7);
}

/* w = 0: the layer is the shift u·tanh(b). */
static void test_planar_without_direction(void **state)
{
    (void)state;
    layer it = draw(0, 4, 5, 1);
    memset(it.raw + 4, 0, 4 * sizeof *it.raw);
    double out[D_MAX];
    assert_true(it.ops->forward(4, it.layer, it.raw, it.in, out) == 0);
    for (size_t j = 0; j < 4; j++)
        assert_close(out[j], it.in[j] + it.raw[j] * tanh(it.raw[8]), 1e-15);
    double d_in[D_MAX], d_raw[RAW_MAX];
    it.ops->backward(4, it.layer, it.raw, it.in, it.weight, it.tilt, d_in, d_raw);
    assert_gradient(loss, &it, it.in, d_in, 4, 1, 1e-7, "planar, z");
    assert_gradient(loss, &it, it.raw, d_raw, 4, 1, 1e-7, "planar, u");
    assert_gradient(loss, &it, it.raw + 8, d_raw + 8, 1, 1, 1e-7, "planar, b");
    for (size_t j = 0; j < 4; j++) {
        /* the layer has a kink in w; the gradient is that for wᵀu > 0 */
        const double step = it.raw[j] > 0 ? 1e-5 : -1e-5, here = loss(&it);
        it.raw[4 + j] = step;
        const double near = loss(&it);
        it.raw[4 + j] = 2 * step;
        const double far = loss(&it);
        it.raw[4 + j] = 0;
        assert_close(d_raw[4 + j], (4 * near - far - 3 * here) / (2 * step), 1e-8);
    }
    /* û is continuous there: a tiny w of either sign gives nearly the same result. */
    for (int sign = -1; sign <= 1; sign += 2) {
        layer near = it;
        double nearby[D_MAX];
        near.raw[4] = sign * 1e-9;
        assert_close(near.ops->forward(4, near.layer, near.raw, near.in, nearby), 0, 1e-8);
        for (size_t j = 0; j < 4; j++)
            assert_close(nearby[j], out[j], 1e-8);
    }
}

/* Valid parameters are used unchanged: eq. 10 without any correction. */
static void test_planar_plain(void **state)
{
    (void)state;
    layer it = draw(0, 3, 6, 1);
    if (dot(3, it.raw, it.raw + 3) < 0)
        for (size_t j = 0; j < 3; j++)
            it.raw[j] = -it.raw[j];
    double out[D_MAX];
    const double h = tanh(dot(3, it.raw + 3, it.in) + it.raw[6]);
    const double log_det = it.ops->forward(3, it.layer, it.raw, it.in, out);
    for (size_t j = 0; j < 3; j++)
        assert_close(out[j], it.in[j] + it.raw[j] * h, 1e-14);
    assert_close(log_det, log(1 + (1 - h * h) * dot(3, it.raw, it.raw + 3)), 1e-14);
}

/* z at the centre, where the direction of z − c has no meaning. */
static void test_radial_at_its_centre(void **state)
{
    (void)state;
    layer it = draw(1, 4, 7, 1);
    memcpy(it.in, it.raw, 4 * sizeof *it.in);
    double out[D_MAX], d_in[D_MAX], d_raw[RAW_MAX];
    const double log_det = it.ops->forward(4, it.layer, it.raw, it.in, out);
    assert_memory_equal(out, it.in, 4 * sizeof *out);
    const double y = it.raw[5], ratio = y >= 0 ? y : expm1(y);
    assert_close(log_det, 4 * log1p(ratio), 1e-12);
    it.tilt = 0; /* the determinant has a kink there, but the map does not */
    it.ops->backward(4, it.layer, it.raw, it.in, it.weight, it.tilt, d_in, d_raw);
    for (size_t j = 0; j < 4; j++) {
        assert_close(d_in[j], it.weight[j] * (1 + ratio), 1e-12);
        assert_close(d_raw[j], -it.weight[j] * ratio, 1e-12);
    }
    it.ops->backward(4, it.layer, it.raw, it.in, it.weight, 1, d_in, d_raw);
    for (size_t j = 0; j < 6; j++)
        assert_true(isfinite(d_raw[j]));
}

static void test_names(void **state)
{
    (void)state;
    assert_ptr_equal(gki_posterior_flow_of(GKV_POSTERIOR_FLOW_PLANAR), &gki_posterior_flow_planar);
    assert_ptr_equal(gki_posterior_flow_of(GKV_POSTERIOR_FLOW_RADIAL), &gki_posterior_flow_radial);
    assert_null(gki_posterior_flow_of(GKV_POSTERIOR_FLOW_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_determinants_and_gradients),
        cmocka_unit_test(test_inverses),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_planar_without_direction),
        cmocka_unit_test(test_planar_plain),
        cmocka_unit_test(test_radial_at_its_centre),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
