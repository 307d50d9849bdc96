/* Layers on maps: values against plain sums, gradients and tangents against differences, and the
 * same bits without packed weights and for any tiles of rows. */
#include "gradient.h"

#include "nn/map_layer.h"

enum { ROWS = 3, WIDEST = 700, EACH = 2 };

/* A layer between two maps, with the loss Σ weight·out. */
typedef struct map_fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_layer layer;
    double x[ROWS * WIDEST], weight[ROWS * WIDEST]; /* of the pixels of maps */
} map_fixture;

/* Copies between all pixels of a map at a row of its slot and an array without a border. */
static void copy_map(const gki_map *map, double *row, double *pixels, bool to_map)
{
    const size_t run = map->width * map->channels;
    for (size_t y = 0; y < map->height; y++, pixels += run)
        memcpy(to_map ? row + gki_map_row(map, y) : pixels,
               to_map ? pixels : row + gki_map_row(map, y), run * sizeof *row);
}

static size_t elements(const gki_map *map)
{
    return gki_map_pixels(map) * map->channels;
}

static void copy_rows(map_fixture *fixture, const gki_map *map, double *pixels, bool to_map)
{
    for (size_t r = 0; r < ROWS; r++)
        copy_map(map, gki_at(&fixture->ws, map->slot, r), pixels + r * elements(map), to_map);
}

/* The maps of the input, with borders. */
static map_fixture *begin(size_t height, size_t width, size_t channels, size_t border)
{
    map_fixture *fixture = test_alloc(sizeof *fixture);
    fixture->layer.maps.in = gki_map_forward(&fixture->plan, height, width, channels, border);
    fixture->layer.maps.d_in =
        gki_map_backward(&fixture->plan, height, width, channels, border / 2);
    return fixture;
}

static void finish(map_fixture *fixture)
{
    assert_ok(gki_params_seal(&fixture->params));
    assert_ok(gki_workspace_create(&fixture->plan, ROWS, true, &fixture->params, &fixture->ws));
    for (size_t i = 0; i < fixture->params.count; i++)
        test_normals(i, fixture->params.list[i].size, 0.7, gki_param_value(&fixture->params, i));
    assert_true(elements(&fixture->layer.maps.in) <= WIDEST &&
                elements(&fixture->layer.maps.out) <= WIDEST);
    test_normals(100, ROWS * elements(&fixture->layer.maps.in), 1, fixture->x);
    test_normals(101, ROWS * elements(&fixture->layer.maps.out), 1, fixture->weight);
}

static void end(map_fixture *fixture)
{
    gki_workspace_free(&fixture->ws);
    gki_params_free(&fixture->params);
    free(fixture);
}

static void forward(map_fixture *fixture, size_t tile)
{
    copy_rows(fixture, &fixture->layer.maps.in, fixture->x, true);
    for (size_t first = 0; first < ROWS; first += tile)
        fixture->layer.ops->forward(&fixture->layer, &fixture->ws, first, tile);
}

static double loss(void *context)
{
    static double out[ROWS * WIDEST];
    map_fixture *fixture = context;
    double sum = 0;
    forward(fixture, ROWS);
    copy_rows(fixture, &fixture->layer.maps.out, out, false);
    for (size_t i = 0; i < ROWS * elements(&fixture->layer.maps.out); i++)
        sum += fixture->weight[i] * out[i];
    return sum;
}

static void backward(map_fixture *fixture, size_t tile, double *d_in)
{
    forward(fixture, tile);
    copy_rows(fixture, &fixture->layer.maps.d_out, fixture->weight, true);
    for (size_t r = 0; r < ROWS; r++) /* what was there before does not matter */
        for (size_t y = 0; y < fixture->layer.maps.d_in.height; y++)
            test_normals(7, fixture->layer.maps.d_in.width * fixture->layer.maps.d_in.channels, 1,
                         gki_at(&fixture->ws, fixture->layer.maps.d_in.slot, r) +
                             gki_map_row(&fixture->layer.maps.d_in, y));
    for (size_t first = 0; first < ROWS; first += tile)
        fixture->layer.ops->backward(&fixture->layer, &fixture->ws, first, tile);
    copy_rows(fixture, &fixture->layer.maps.d_in, d_in, false);
}

static void check_gradients(map_fixture *fixture)
{
    static double d_in[ROWS * WIDEST], again[ROWS * WIDEST];
    const size_t inputs = ROWS * elements(&fixture->layer.maps.in);
    backward(fixture, 1, d_in);
    for (size_t i = 0; i < fixture->params.total; i++)
        fixture->params.grads[i] = 77;
    for (size_t part = fixture->layer.ops->parts ? fixture->layer.ops->parts(&fixture->layer) : 0;
         part-- > 0;)
        fixture->layer.ops->gradient(&fixture->layer, &fixture->ws, ROWS, part);
    assert_gradient(loss, fixture, fixture->x, d_in, inputs, 1, 1e-7, "the input");
    for (size_t i = 0; i < fixture->params.count; i++)
        assert_gradient(loss, fixture, gki_param_value(&fixture->params, i),
                        gki_param_grad(&fixture->params, i), fixture->params.list[i].size, 1, 1e-7,
                        fixture->params.list[i].name);
    assert_ok(gki_workspace_keep_all_packed(&fixture->ws, 1));
    backward(fixture, ROWS, again);
    assert_memory_equal(again, d_in, inputs * sizeof *d_in);
}

static void outputs_of_row(void *context, const double *x, double *y)
{
    map_fixture *fixture = context;
    memcpy(fixture->x + elements(&fixture->layer.maps.in), x,
           elements(&fixture->layer.maps.in) * sizeof *x);
    forward(fixture, ROWS);
    copy_map(&fixture->layer.maps.out, gki_at(&fixture->ws, fixture->layer.out, 1), y, false);
}

/* Two tangents at the second row, against the Jacobian there. */
static void check_tangents(map_fixture *fixture)
{
    const gki_map *in = &fixture->layer.maps.in, *out = &fixture->layer.maps.out;
    const size_t n = elements(in), m = elements(out);
    double *jacobian = test_alloc(n * m * sizeof *jacobian), *x = test_alloc(n * sizeof *x);
    double *t = test_alloc(EACH * in->slot.width * sizeof *t),
           *pixels = test_alloc(EACH * n * sizeof *pixels);
    double *t_out = test_alloc(EACH * out->slot.width * sizeof *t_out),
           *got = test_alloc(m * sizeof *got);
    memcpy(x, fixture->x + n, n * sizeof *x);
    test_jacobian(outputs_of_row, fixture, x, n, m, 1e-4, jacobian);
    test_normals(200, EACH * n, 1, pixels);
    test_normals(201, EACH * out->slot.width, 1, t_out); /* the border too */
    for (size_t e = 0; e < EACH; e++)
        copy_map(in, t + e * in->slot.width, pixels + e * n, true);
    forward(fixture, ROWS);
    fixture->layer.ops->tangent(&fixture->layer, &fixture->ws, 1, 1, EACH, t, t_out);
    for (size_t e = 0; e < EACH; e++) {
        copy_map(out, t_out + e * out->slot.width, got, false);
        for (size_t i = 0; i < m; i++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++)
                sum += jacobian[j * m + i] * pixels[e * n + j];
            assert_close(got[i], sum, 1e-7 * (1 + fabs(sum)));
        }
    }
    free(jacobian), free(x), free(t), free(pixels), free(t_out), free(got);
}

static double pixel(const map_fixture *fixture, size_t r, size_t y, size_t x, size_t c)
{
    const gki_map *map = &fixture->layer.maps.in; /* wraps outside */
    return y < map->height && x < map->width
               ? fixture->x[r * elements(map) + (y * map->width + x) * map->channels + c]
               : 0;
}

static void check_convolution(size_t height, size_t width, gki_conv_spec spec)
{
    map_fixture *fixture =
        begin(height, width, 3, spec.padding > 1 ? 2 : spec.padding + spec.kernel % 2);
    spec.in = fixture->layer.maps.in;
    spec.d_in = fixture->layer.maps.d_in;
    spec.has_d_in = spec.has_bias = true;
    spec.outputs = 4;
    assert_ok(gki_conv_create(&spec, &fixture->params, &fixture->plan, "conv", &fixture->layer));
    const gki_map *out = &fixture->layer.maps.out;
    assert_int_equal(out->height, (height + 2 * spec.padding - spec.kernel) / spec.stride + 1);
    assert_int_equal(out->width, (width + 2 * spec.padding - spec.kernel) / spec.stride + 1);
    finish(fixture);
    forward(fixture, 1);
    const double *weight = gki_param_value(&fixture->params, fixture->layer.weight),
                 *bias = gki_param_value(&fixture->params, fixture->layer.bias);
    for (size_t y = 0; y < out->height; y++)
        for (size_t x = 0; x < out->width; x++)
            for (size_t o = 0; o < 4; o++) {
                double sum = bias[o];
                for (size_t k = 0; k < spec.kernel * spec.kernel * 3; k++)
                    sum += weight[k * 4 + o] *
                           pixel(fixture, 2, y * spec.stride + k / 3 / spec.kernel - spec.padding,
                                 x * spec.stride + k / 3 % spec.kernel - spec.padding, k % 3);
                assert_close(
                    gki_at(&fixture->ws, fixture->layer.out, 2)[gki_map_row(out, y) + x * 4 + o],
                    sum, 1e-12);
            }
    check_gradients(fixture);
    check_tangents(fixture);
    end(fixture);
}

static void test_convolutions(void **state)
{
    static const gki_conv_spec specs[] = {
        {.kernel = 1, .stride = 1, .padding = 0}, {.kernel = 3, .stride = 1, .padding = 1},
        {.kernel = 3, .stride = 1, .padding = 0}, {.kernel = 5, .stride = 1, .padding = 2},
        {.kernel = 5, .stride = 1, .padding = 0}, {.kernel = 2, .stride = 1, .padding = 0},
        {.kernel = 1, .stride = 2, .padding = 0}, {.kernel = 3, .stride = 2, .padding = 1},
        {.kernel = 3, .stride = 2, .padding = 0}, {.kernel = 5, .stride = 2, .padding = 2},
    };
    static const size_t sides[][2] = {{5, 6}, {6, 5}, {8, 7}};
    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        for (size_t k = 0; k < sizeof sides / sizeof *sides; k++)
            check_convolution(sides[k][0], sides[k][1], specs[i]);
    check_convolution(1, 1, specs[1]);
    check_convolution(1, 1, specs[6]);
    check_convolution(1, 2, specs[7]);
}

static void test_depthwise(void **state)
{
    (void)state;
    for (size_t kernel = 1; kernel <= 5; kernel += 2) {
        map_fixture *fixture = begin(4, 6, 5, 2);
        assert_ok(gki_depthwise_create(&fixture->params, &fixture->plan, "depthwise",
                                       &fixture->layer.maps.in, &fixture->layer.maps.d_in, kernel,
                                       &fixture->layer));
        finish(fixture);
        forward(fixture, 1);
        const gki_map *out = &fixture->layer.maps.out;
        const double *weight = gki_param_value(&fixture->params, fixture->layer.weight);
        for (size_t index = 0; index < elements(out); index++) {
            const size_t c = index % 5, x = index / 5 % 6, y = index / 30;
            double sum = gki_param_value(&fixture->params, fixture->layer.bias)[c];
            for (size_t k = 0; k < kernel * kernel; k++)
                sum += weight[k * 5 + c] * pixel(fixture, 1, y + k / kernel - kernel / 2,
                                                 x + k % kernel - kernel / 2, c);
            assert_close(gki_at(&fixture->ws, out->slot, 1)[gki_map_row(out, y) + x * 5 + c], sum,
                         1e-12);
        }
        check_gradients(fixture);
        check_tangents(fixture);
        end(fixture);
    }
}

static void test_pooling(void **state)
{
    static const size_t sides[][2] = {{4, 6}, {5, 7}, {2, 3}};
    (void)state;
    for (size_t k = 0; k < sizeof sides / sizeof *sides; k++) {
        map_fixture *fixture = begin(sides[k][0], sides[k][1], 3, 2 * (k % 2));
        assert_ok(gki_pool_relu_create(&fixture->plan, &fixture->layer.maps.in,
                                       &fixture->layer.maps.d_in, &fixture->layer));
        finish(fixture);
        forward(fixture, 1);
        const gki_map *out = &fixture->layer.maps.out;
        assert_int_equal(out->height, sides[k][0] / 2);
        assert_int_equal(out->width, sides[k][1] / 2);
        for (size_t index = 0; index < elements(out); index++) {
            const size_t c = index % 3, x = index / 3 % out->width, y = index / 3 / out->width;
            double most = 0;
            for (size_t place = 0; place < 4; place++)
                most = fmax(most, pixel(fixture, 1, 2 * y + place / 2, 2 * x + place % 2, c));
            assert_true(gki_at(&fixture->ws, out->slot, 1)[gki_map_row(out, y) + x * 3 + c] ==
                        most);
        }
        check_gradients(fixture);
        check_tangents(fixture);
        end(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_pooling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
