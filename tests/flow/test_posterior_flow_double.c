/* All posterior flows: determinants, gradients, inverses. */
#include "flow/posterior_flow_fixture.h"

typedef struct posterior_layer {
    const gki_posterior_flow_ops *ops;
    size_t d, layer;
    double in[D_MAX], raw[RAW_MAX], weight[D_MAX], tilt;
} posterior_layer;

static posterior_layer draw(size_t family, size_t d, uint64_t index, double scale)
{
    posterior_layer layer = {.ops = family_of(family), .d = d, .layer = index};
    test_normals(4 * index, d, 1.2, layer.in);
    test_normals(4 * index + 1, layer.ops->width(d), scale, layer.raw);
    test_normals(4 * index + 2, d, 1, layer.weight);
    test_normals(4 * index + 3, 1, 1, &layer.tilt);
    return layer;
}

static void map_of(void *context, const double *x, double *y)
{
    const posterior_layer *layer = context;
    layer->ops->forward(layer->d, layer->layer, layer->raw, x, y);
}

static double loss(void *context)
{
    const posterior_layer *layer = context;
    double out[D_MAX];
    const double log_det = layer->ops->forward(layer->d, layer->layer, layer->raw, layer->in, out);
    return dot(layer->d, layer->weight, out) + layer->tilt * log_det;
}

static void check_gradients(posterior_layer *layer, double tolerance)
{
    double d_in[D_MAX], d_raw[RAW_MAX], in_place[D_MAX], again[RAW_MAX];
    layer->ops->backward(layer->d, layer->layer, layer->raw, layer->in, layer->weight, layer->tilt,
                         d_in, d_raw);
    memcpy(in_place, layer->weight, sizeof in_place);
    layer->ops->backward(layer->d, layer->layer, layer->raw, layer->in, in_place, layer->tilt,
                         in_place, again);
    assert_memory_equal(in_place, d_in, layer->d * sizeof *d_in);
    assert_memory_equal(again, d_raw, layer->ops->width(layer->d) * sizeof *d_raw);
    assert_gradient(loss, layer, layer->in, d_in, layer->d, 1, tolerance, layer->ops->name);
    assert_gradient(loss, layer, layer->raw, d_raw, layer->ops->width(layer->d), 1, tolerance,
                    layer->ops->name);
}

static void test_determinants_and_gradients(void **state)
{
    (void)state;
    static const size_t dims[] = {1, 2, 5, 40};
    static const double scales[] = {0.1, 0.7, 2};
    for (size_t family = 0; family < FAMILIES; family++) {
        for (size_t i = 0; i < 4; i++) {
            for (uint64_t draws = 0; draws < 12; draws++) {
                posterior_layer layer = draw(family, dims[i], draws, scales[draws % 3]);
                double out[D_MAX];
                const double log_det =
                    layer.ops->forward(layer.d, layer.layer, layer.raw, layer.in, out);
                const double wide = test_log_det_of(map_of, &layer, layer.in, layer.d, 1e-3);
                const double narrow = test_log_det_of(map_of, &layer, layer.in, layer.d, 1e-4);
                assert_close(log_det, fabs(wide - log_det) < fabs(narrow - log_det) ? wide : narrow,
                             1e-9 * (1 + 100 * exp(-log_det)));
                check_gradients(&layer, 1e-7);
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
            posterior_layer layer = draw(family, 1 + draws % 6, draws, scales[draws % 4]);
            double out[D_MAX], back[D_MAX], d_raw[RAW_MAX], size = 1;
            const double log_det =
                layer.ops->forward(layer.d, layer.layer, layer.raw, layer.in, out);
            assert_true(isfinite(log_det));
            inverse(family, layer.d, layer.layer, layer.raw, out, back);
            for (size_t j = 0; j < layer.d; j++)
                size = fmax(size, fmax(fabs(out[j]), fabs(layer.raw[j])));
            /* Where the layer contracts space, the inverse magnifies rounding errors by the same
             * factor. */
            const double allowed = 1e-13 * size * size * (1 + exp(fmax(0, -log_det)));
            for (size_t j = 0; j < layer.d && scales[draws % 4] <= 10 * inverse_scale(family); j++)
                assert_close(back[j], layer.in[j], allowed);
            layer.ops->backward(layer.d, layer.layer, layer.raw, layer.in, layer.weight, layer.tilt,
                                back, d_raw);
            for (size_t i = 0; i < layer.ops->width(layer.d); i++)
                assert_true(isfinite(d_raw[i]) && isfinite(back[i % layer.d]));
        }
    }
}

static void check_identity(const posterior_layer *layer)
{
    double out[D_MAX];
    assert_true(layer->ops->forward(layer->d, layer->layer, layer->raw, layer->in, out) == 0);
    assert_memory_equal(out, layer->in, layer->d * sizeof *out);
}

/* Zero raw parameters give the identity, and so does u = 0 or a ratio of 0. */
static void test_identity(void **state)
{
    (void)state;
    for (size_t family = 0; family < FAMILIES; family++) {
        posterior_layer layer = draw(family, 5, 3, 1);
        memset(layer.raw, 0, sizeof layer.raw);
        check_identity(&layer);
        check_gradients(&layer, 1e-7);
    }
    posterior_layer planar = draw(0, 5, 4, 1);
    memset(planar.raw, 0, 5 * sizeof *planar.raw);
    check_identity(&planar);
    check_gradients(&planar, 1e-5); /* the second derivative in u is not continuous there */
    posterior_layer radial = draw(1, 5, 4, 1);
    radial.raw[6] = 0;
    check_identity(&radial);
    check_gradients(&radial, 1e-7);
}

/* w = 0: the layer is the shift u·tanh(b). */
static void test_planar_without_direction(void **state)
{
    (void)state;
    posterior_layer layer = draw(0, 4, 5, 1);
    memset(layer.raw + 4, 0, 4 * sizeof *layer.raw);
    double out[D_MAX];
    assert_true(layer.ops->forward(4, layer.layer, layer.raw, layer.in, out) == 0);
    for (size_t j = 0; j < 4; j++)
        assert_close(out[j], layer.in[j] + layer.raw[j] * tanh(layer.raw[8]), 1e-15);
    double d_in[D_MAX], d_raw[RAW_MAX];
    layer.ops->backward(4, layer.layer, layer.raw, layer.in, layer.weight, layer.tilt, d_in, d_raw);
    assert_gradient(loss, &layer, layer.in, d_in, 4, 1, 1e-7, "planar, z");
    assert_gradient(loss, &layer, layer.raw, d_raw, 4, 1, 1e-7, "planar, u");
    assert_gradient(loss, &layer, layer.raw + 8, d_raw + 8, 1, 1, 1e-7, "planar, b");
    for (size_t j = 0; j < 4; j++) {
        /* the layer has a kink in w; the gradient is that for wᵀu > 0 */
        const double step = layer.raw[j] > 0 ? 1e-5 : -1e-5, here = loss(&layer);
        layer.raw[4 + j] = step;
        const double near = loss(&layer);
        layer.raw[4 + j] = 2 * step;
        const double far = loss(&layer);
        layer.raw[4 + j] = 0;
        assert_close(d_raw[4 + j], (4 * near - far - 3 * here) / (2 * step), 1e-8);
    }
    /* û is continuous there: a tiny w of either sign gives nearly the same result. */
    for (int sign = -1; sign <= 1; sign += 2) {
        posterior_layer near = layer;
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
    posterior_layer layer = draw(0, 3, 6, 1);
    if (dot(3, layer.raw, layer.raw + 3) < 0)
        for (size_t j = 0; j < 3; j++)
            layer.raw[j] = -layer.raw[j];
    double out[D_MAX];
    const double h = tanh(dot(3, layer.raw + 3, layer.in) + layer.raw[6]);
    const double log_det = layer.ops->forward(3, layer.layer, layer.raw, layer.in, out);
    for (size_t j = 0; j < 3; j++)
        assert_close(out[j], layer.in[j] + layer.raw[j] * h, 1e-14);
    assert_close(log_det, log(1 + (1 - h * h) * dot(3, layer.raw, layer.raw + 3)), 1e-14);
}

/* z at the centre, where the direction of z − c has no meaning. */
static void test_radial_at_its_centre(void **state)
{
    (void)state;
    posterior_layer layer = draw(1, 4, 7, 1);
    memcpy(layer.in, layer.raw, 4 * sizeof *layer.in);
    double out[D_MAX], d_in[D_MAX], d_raw[RAW_MAX];
    const double log_det = layer.ops->forward(4, layer.layer, layer.raw, layer.in, out);
    assert_memory_equal(out, layer.in, 4 * sizeof *out);
    const double y = layer.raw[5], ratio = y >= 0 ? y : expm1(y);
    assert_close(log_det, 4 * log1p(ratio), 1e-12);
    layer.tilt = 0; /* the determinant has a kink there, but the map does not */
    layer.ops->backward(4, layer.layer, layer.raw, layer.in, layer.weight, layer.tilt, d_in, d_raw);
    for (size_t j = 0; j < 4; j++) {
        assert_close(d_in[j], layer.weight[j] * (1 + ratio), 1e-12);
        assert_close(d_raw[j], -layer.weight[j] * ratio, 1e-12);
    }
    layer.ops->backward(4, layer.layer, layer.raw, layer.in, layer.weight, 1, d_in, d_raw);
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
