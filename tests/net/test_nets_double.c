/* The tables of networks and of hidden blocks. Every network, as encoder and as decoder and with
 * every block: gradients and tangents against differences, and its initial parameters. */
#include "gradient.h"
#include "net/block.h"
#include "net/net.h"

enum { ROWS = 4, LATENT = 6, OUT = 70, PARAMETERS = 2, HIDDEN = 5, PART = 32, FACTOR = 3 };
enum { WIDEST_IN = 60, WIDEST_OUT = 80 };

/* Sides that are not multiples of 4, grey and colour. The sizes do not matter to perceptrons. */
static const gki_image_size images[] = {{5, 6, 1}, {4, 3, 3}, {1, 9, 1}};
enum { VARIANTS = sizeof images / sizeof *images };
_Static_assert((int)VARIANTS == (int)GKV_BLOCKS, "a variant is a size and a block");

typedef struct fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_net *net;
    size_t in, out;
    double x[ROWS * WIDEST_IN], weight[ROWS * WIDEST_OUT];
} fixture;

static gki_net_spec spec_of(int variant, size_t layers)
{
    return (gki_net_spec){.image = images[variant],
                          .hidden = HIDDEN,
                          .hidden_layers = layers,
                          .block = (gkv_block)variant,
                          .half_channels = 3,
                          .quarter_channels = HIDDEN,
                          .conv_blocks = layers - 1,
                          .conv_block = (gkv_conv_block)(variant % 2),
                          .downsampling = (gkv_downsampling)(variant / 2)};
}

/* A decoder has the gradient in its input. An encoder subtracts a mean from an input with zeros. */
static fixture *begin(int family, int variant, size_t layers, bool encoder)
{
    fixture *it = test_alloc(sizeof *it);
    const size_t values = images[variant].height * images[variant].width * images[variant].channels;
    it->in = encoder ? values : LATENT;
    it->out = encoder ? OUT : PARAMETERS * values;
    assert_true(it->in <= WIDEST_IN && it->out <= WIDEST_OUT);
    gki_net_spec spec = spec_of(variant, layers);
    spec.in = gki_plan_forward(&it->plan, it->in);
    spec.d_in = gki_plan_backward(&it->plan, it->in);
    spec.has_d_in = !encoder;
    spec.encodes = encoder;
    spec.out = it->out;
    if (encoder)
        assert_ok(gki_params_add(&it->params, it->in, 0, false, &spec.mean, "mean"));
    const gki_net_ops *ops = gki_net_of((gkv_net_family)family);
    assert_ok(ops->create(&spec, "net", &it->params, &it->plan, &it->net));
    assert_ptr_equal(it->net->ops, ops);
    assert_int_equal(it->net->in.width, it->in);
    assert_int_equal(it->net->out.width, it->out);
    assert_int_equal(it->net->d_out.width, it->out);
    assert_ok(gki_params_seal(&it->params));
    assert_ok(gki_workspace_create(&it->plan, ROWS, true, &it->params, &it->ws));
    for (size_t i = 0; i < it->params.count; i++)
        test_normals(i, it->params.list[i].size, 0.7, gki_param_value(&it->params, i));
    test_normals(100, ROWS * it->in, 1, it->x);
    test_normals(101, ROWS * it->out, 1, it->weight);
    for (size_t i = 0; i < ROWS * it->in && encoder; i++)
        it->x[i] = it->x[i] > 0 ? it->x[i] : 0;
    return it;
}

static void end(fixture *it)
{
    const gki_net_ops *ops = it->net->ops;
    ops->free(it->net);
    ops->free(NULL);
    gki_workspace_free(&it->ws);
    gki_params_free(&it->params);
    free(it);
}

static void forward(fixture *it)
{
    memcpy(gki_at(&it->ws, it->net->in, 0), it->x, ROWS * it->in * sizeof *it->x);
    it->net->ops->forward(it->net, &it->ws, 0, ROWS);
}

static double loss(void *context)
{
    fixture *it = context;
    forward(it);
    const double *out = gki_at(&it->ws, it->net->out, 0);
    double sum = 0;
    for (size_t i = 0; i < ROWS * it->out; i++)
        sum += it->weight[i] * out[i];
    return sum;
}

static void check_gradient(fixture *it)
{
    const gki_net_ops *ops = it->net->ops;
    forward(it);
    memcpy(gki_at(&it->ws, it->net->d_out, 0), it->weight, ROWS * it->out * sizeof *it->weight);
    ops->backward(it->net, &it->ws, 1, ROWS - 1);
    ops->backward(it->net, &it->ws, 0, 1);
    for (size_t i = 0; i < it->params.total; i++)
        it->params.grads[i] = 77;
    assert_true(ops->parts(it->net) > 0);
    for (size_t part = ops->parts(it->net); part-- > 0;)
        ops->gradient(it->net, &it->ws, ROWS, part);
    for (size_t i = 0; i < it->params.count; i++)
        if (it->params.list[i].trainable)
            assert_gradient(loss, it, gki_param_value(&it->params, i),
                            gki_param_grad(&it->params, i), it->params.list[i].size, 3, 1e-7,
                            it->params.list[i].name);
}

static void forward_and_backward(fixture *it, size_t tile)
{
    forward(it);
    memcpy(gki_at(&it->ws, it->net->d_out, 0), it->weight, ROWS * it->out * sizeof *it->weight);
    for (size_t first = 0; first < ROWS; first += tile)
        it->net->ops->backward(it->net, &it->ws, first, tile);
}

/* Packed weights, and passes of other rows together, give the same bits. */
static void check_bits(fixture *it)
{
    const double *out = gki_at(&it->ws, it->net->out, 0), *d_in = gki_at(&it->ws, it->net->d_in, 0);
    double before[ROWS * WIDEST_OUT], d_before[ROWS * LATENT];
    forward_and_backward(it, 1);
    memcpy(before, out, ROWS * it->out * sizeof *out);
    memcpy(d_before, d_in, sizeof d_before);
    memset(gki_at(&it->ws, it->net->d_in, 0), 0, sizeof d_before);
    assert_ok(gki_workspace_keep_all_packed(&it->ws, 1));
    forward_and_backward(it, ROWS);
    assert_memory_equal(out, before, ROWS * it->out * sizeof *out);
    assert_memory_equal(d_in, d_before, sizeof d_before);
}

static void check_input_gradient(fixture *it)
{
    double d_in[ROWS * LATENT];
    memcpy(d_in, gki_at(&it->ws, it->net->d_in, 0), sizeof d_in);
    assert_gradient(loss, it, it->x, d_in, ROWS * LATENT, 1, 1e-7, "the input");
}

static void outputs_of_row(void *context, const double *x, double *y)
{
    fixture *it = context;
    memcpy(gki_at(&it->ws, it->net->in, 0), x, it->in * sizeof *x);
    it->net->ops->forward(it->net, &it->ws, 0, 1);
    memcpy(y, gki_at(&it->ws, it->net->out, 0), it->out * sizeof *y);
}

/* The tangents of all rows but the first, a part of the outputs at a time. */
static void check_tangents(fixture *it)
{
    static double wanted[ROWS * LATENT * WIDEST_OUT], part[ROWS * LATENT * PART];
    const size_t out = it->out, numbers = ROWS * LATENT * it->net->widest;
    assert_true(it->net->widest >= HIDDEN);
    const gki_tangents scratch = {test_alloc(numbers * sizeof(double)),
                                  test_alloc(numbers * sizeof(double)),
                                  test_alloc(numbers * sizeof(double))};
    for (size_t i = 0; i < numbers; i++)
        scratch.a[i] = scratch.b[i] = scratch.c[i] = 1e9;
    for (size_t r = 0; r < ROWS; r++)
        test_jacobian(outputs_of_row, it, it->x + r * LATENT, LATENT, out, 1e-4,
                      wanted + r * LATENT * out);
    forward(it);
    const double *inner = it->net->ops->tangent(it->net, &it->ws, 1, ROWS - 1, &scratch);
    for (size_t from = 0; from < out; from += PART) {
        const size_t width = out - from < PART ? out - from : PART;
        it->net->ops->tangent_part(it->net, &it->ws, 1, ROWS - 1, inner, from, width, part);
        for (size_t e = 0; e < (ROWS - 1) * LATENT * width; e++)
            assert_close(part[e], wanted[LATENT * out + e / width * out + from + e % width],
                         1e-8 * (1 + fabs(part[e])));
    }
    free(scratch.a);
    free(scratch.b);
    free(scratch.c);
}

/* init() depends on the seed alone and leaves biases 0, and only the last outputs change with
 * scale_outputs(). */
static void check_init(fixture *it)
{
    const gki_net_ops *ops = it->net->ops;
    double before[WIDEST_OUT], after[WIDEST_OUT];
    const size_t out = it->out;
    assert_int_equal(it->params.list[it->net->output_bias].size, out);
    memset(it->params.values, 0, it->params.total * sizeof *it->params.values);
    ops->init(it->net, &it->params, 7);
    forward(it);
    memcpy(before, gki_at(&it->ws, it->net->out, 1), out * sizeof *before);
    const double *bias = gki_param_value(&it->params, it->net->output_bias);
    for (size_t o = 0; o < out; o++)
        assert_true(bias[o] == 0 && before[o] != 0);
    ops->scale_outputs(it->net, &it->params, out / PARAMETERS, FACTOR);
    forward(it);
    memcpy(after, gki_at(&it->ws, it->net->out, 1), out * sizeof *after);
    for (size_t o = 0; o < out; o++)
        assert_close(after[o], (o < out / PARAMETERS ? 1 : FACTOR) * before[o], 1e-12);
    ops->init(it->net, &it->params, 7);
    forward(it);
    assert_memory_equal(before, gki_at(&it->ws, it->net->out, 1), out * sizeof *before);
    ops->init(it->net, &it->params, 8);
    forward(it);
    assert_memory_not_equal(before, gki_at(&it->ws, it->net->out, 1), out * sizeof *before);
}

static void test_every_net(void **state)
{
    (void)state;
    for (int family = 0; family < GKV_NETS; family++)
        for (int variant = 0; variant < VARIANTS; variant++)
            for (size_t layers = 1; layers < 4; layers++)
                for (int encoder = 0; encoder < 2; encoder++) {
                    fixture *it = begin(family, variant, layers, encoder);
                    check_gradient(it);
                    if (!encoder) {
                        check_input_gradient(it);
                        check_tangents(it);
                    }
                    check_init(it);
                    if (!encoder)
                        check_bits(it); /* packs the weights, so it is the last check */
                    assert_true(it->net->products >= it->net->first_products &&
                                it->net->first_products > 0);
                    end(it);
                }
}

/* The tables have the names of the settings, and every operation. */
static void test_tables(void **state)
{
    (void)state;
    char name[GKV_NAME_SIZE];
    for (int family = 0; family < GKV_NETS; family++) {
        const gki_net_ops *ops = gki_net_of((gkv_net_family)family);
        assert_string_equal(ops->name, gkv_settings_choice("model.net", family, name));
        assert_true(ops->create && ops->free && ops->init && ops->scale_outputs && ops->forward &&
                    ops->backward && ops->parts && ops->gradient && ops->tangent &&
                    ops->tangent_part);
    }
    assert_string_equal(gkv_settings_choice("model.net", GKV_NETS, name), "");
    for (int block = 0; block < GKV_BLOCKS; block++) {
        const gki_block_ops *ops = gki_block_of((gkv_block)block);
        assert_string_equal(ops->name, gkv_settings_choice("model.block", block, name));
        assert_true(ops->columns > 0 && ops->create);
    }
    assert_string_equal(gkv_settings_choice("model.block", GKV_BLOCKS, name), "");
}

/* A failure leaves no network. */
static void test_create_fails(void **state)
{
    (void)state;
    for (int family = 0; family < GKV_NETS; family++) {
        fixture *it = begin(family, GKV_BLOCK_GATED, 1, false);
        gki_net *twin = it->net;
        gki_net_spec spec = spec_of(GKV_BLOCK_GATED, 1);
        spec.in = it->net->in;
        spec.d_in = it->net->d_in;
        spec.has_d_in = true;
        spec.out = it->out;
        assert_fails(it->net->ops->create(&spec, "net", &it->params, &it->plan, &twin),
                     GKV_ERR_INTERNAL, "net.");
        assert_null(twin);
        end(it);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_every_net),
        cmocka_unit_test(test_create_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
