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

typedef struct net_fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_net *net;
    size_t in, out;
    double x[ROWS * WIDEST_IN], weight[ROWS * WIDEST_OUT];
} net_fixture;

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
static net_fixture *begin(int family, int variant, size_t layers, bool encoder)
{
    net_fixture *fixture = test_alloc(sizeof *fixture);
    const size_t values = images[variant].height * images[variant].width * images[variant].channels;
    fixture->in = encoder ? values : LATENT;
    fixture->out = encoder ? OUT : PARAMETERS * values;
    assert_true(fixture->in <= WIDEST_IN && fixture->out <= WIDEST_OUT);
    gki_net_spec spec = spec_of(variant, layers);
    spec.in = gki_plan_forward(&fixture->plan, fixture->in);
    spec.d_in = gki_plan_backward(&fixture->plan, fixture->in);
    spec.has_d_in = !encoder;
    spec.encodes = encoder;
    spec.out = fixture->out;
    if (encoder)
        assert_ok(gki_params_add(&fixture->params, fixture->in, 0, false, &spec.mean, "mean"));
    const gki_net_ops *ops = gki_net_of((gkv_net_family)family);
    assert_ok(ops->create(&spec, "net", &fixture->params, &fixture->plan, &fixture->net));
    assert_ptr_equal(fixture->net->ops, ops);
    assert_int_equal(fixture->net->in.width, fixture->in);
    assert_int_equal(fixture->net->out.width, fixture->out);
    assert_int_equal(fixture->net->d_out.width, fixture->out);
    assert_ok(gki_params_seal(&fixture->params));
    assert_ok(gki_workspace_create(&fixture->plan, ROWS, true, &fixture->params, &fixture->ws));
    for (size_t i = 0; i < fixture->params.count; i++)
        test_normals(i, fixture->params.list[i].size, 0.7, gki_param_value(&fixture->params, i));
    test_normals(100, ROWS * fixture->in, 1, fixture->x);
    test_normals(101, ROWS * fixture->out, 1, fixture->weight);
    for (size_t i = 0; i < ROWS * fixture->in && encoder; i++)
        fixture->x[i] = fixture->x[i] > 0 ? fixture->x[i] : 0;
    return fixture;
}

static void end(net_fixture *fixture)
{
    const gki_net_ops *ops = fixture->net->ops;
    ops->free(fixture->net);
    ops->free(NULL);
    gki_workspace_free(&fixture->ws);
    gki_params_free(&fixture->params);
    free(fixture);
}

static void forward(net_fixture *fixture)
{
    memcpy(gki_at(&fixture->ws, fixture->net->in, 0), fixture->x,
           ROWS * fixture->in * sizeof *fixture->x);
    fixture->net->ops->forward(fixture->net, &fixture->ws, 0, ROWS);
}

static double loss(void *context)
{
    net_fixture *fixture = context;
    forward(fixture);
    const double *out = gki_at(&fixture->ws, fixture->net->out, 0);
    double sum = 0;
    for (size_t i = 0; i < ROWS * fixture->out; i++)
        sum += fixture->weight[i] * out[i];
    return sum;
}

static void check_gradient(net_fixture *fixture)
{
    const gki_net_ops *ops = fixture->net->ops;
    forward(fixture);
    memcpy(gki_at(&fixture->ws, fixture->net->d_out, 0), fixture->weight,
           ROWS * fixture->out * sizeof *fixture->weight);
    ops->backward(fixture->net, &fixture->ws, 1, ROWS - 1);
    ops->backward(fixture->net, &fixture->ws, 0, 1);
    for (size_t i = 0; i < fixture->params.total; i++)
        fixture->params.grads[i] = 77;
    assert_true(ops->parts(fixture->net) > 0);
    for (size_t part = ops->parts(fixture->net); part-- > 0;)
        ops->gradient(fixture->net, &fixture->ws, ROWS, part);
    for (size_t i = 0; i < fixture->params.count; i++)
        if (fixture->params.list[i].trainable)
            assert_gradient(loss, fixture, gki_param_value(&fixture->params, i),
                            gki_param_grad(&fixture->params, i), fixture->params.list[i].size, 3,
                            1e-7, fixture->params.list[i].name);
}

static void forward_and_backward(net_fixture *fixture, size_t tile)
{
    forward(fixture);
    memcpy(gki_at(&fixture->ws, fixture->net->d_out, 0), fixture->weight,
           ROWS * fixture->out * sizeof *fixture->weight);
    for (size_t first = 0; first < ROWS; first += tile)
        fixture->net->ops->backward(fixture->net, &fixture->ws, first, tile);
}

/* Packed weights, and passes of other rows together, give the same bits. */
static void check_bits(net_fixture *fixture)
{
    const double *out = gki_at(&fixture->ws, fixture->net->out, 0),
                 *d_in = gki_at(&fixture->ws, fixture->net->d_in, 0);
    double before[ROWS * WIDEST_OUT], d_before[ROWS * LATENT];
    forward_and_backward(fixture, 1);
    memcpy(before, out, ROWS * fixture->out * sizeof *out);
    memcpy(d_before, d_in, sizeof d_before);
    memset(gki_at(&fixture->ws, fixture->net->d_in, 0), 0, sizeof d_before);
    assert_ok(gki_workspace_keep_all_packed(&fixture->ws, 1));
    forward_and_backward(fixture, ROWS);
    assert_memory_equal(out, before, ROWS * fixture->out * sizeof *out);
    assert_memory_equal(d_in, d_before, sizeof d_before);
}

static void check_input_gradient(net_fixture *fixture)
{
    double d_in[ROWS * LATENT];
    memcpy(d_in, gki_at(&fixture->ws, fixture->net->d_in, 0), sizeof d_in);
    assert_gradient(loss, fixture, fixture->x, d_in, ROWS * LATENT, 1, 1e-7, "the input");
}

static void outputs_of_row(void *context, const double *x, double *y)
{
    net_fixture *fixture = context;
    memcpy(gki_at(&fixture->ws, fixture->net->in, 0), x, fixture->in * sizeof *x);
    fixture->net->ops->forward(fixture->net, &fixture->ws, 0, 1);
    memcpy(y, gki_at(&fixture->ws, fixture->net->out, 0), fixture->out * sizeof *y);
}

/* The tangents of all rows but the first, a part of the outputs at a time. */
static void check_tangents(net_fixture *fixture)
{
    static double wanted[ROWS * LATENT * WIDEST_OUT], part[ROWS * LATENT * PART];
    const size_t out = fixture->out, numbers = ROWS * LATENT * fixture->net->widest;
    assert_true(fixture->net->widest >= HIDDEN);
    const gki_tangents scratch = {test_alloc(numbers * sizeof(double)),
                                  test_alloc(numbers * sizeof(double)),
                                  test_alloc(numbers * sizeof(double))};
    for (size_t i = 0; i < numbers; i++)
        scratch.a[i] = scratch.b[i] = scratch.c[i] = 1e9;
    for (size_t r = 0; r < ROWS; r++)
        test_jacobian(outputs_of_row, fixture, fixture->x + r * LATENT, LATENT, out, 1e-4,
                      wanted + r * LATENT * out);
    forward(fixture);
    const double *inner =
        fixture->net->ops->tangent(fixture->net, &fixture->ws, 1, ROWS - 1, &scratch);
    for (size_t from = 0; from < out; from += PART) {
        const size_t width = out - from < PART ? out - from : PART;
        fixture->net->ops->tangent_part(fixture->net, &fixture->ws, 1, ROWS - 1, inner, from, width,
                                        part);
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
static void check_init(net_fixture *fixture)
{
    const gki_net_ops *ops = fixture->net->ops;
    double before[WIDEST_OUT], after[WIDEST_OUT];
    const size_t out = fixture->out;
    assert_int_equal(fixture->params.list[fixture->net->output_bias].size, out);
    memset(fixture->params.values, 0, fixture->params.total * sizeof *fixture->params.values);
    ops->init(fixture->net, &fixture->params, 7);
    forward(fixture);
    memcpy(before, gki_at(&fixture->ws, fixture->net->out, 1), out * sizeof *before);
    const double *bias = gki_param_value(&fixture->params, fixture->net->output_bias);
    for (size_t o = 0; o < out; o++)
        assert_true(bias[o] == 0 && before[o] != 0);
    ops->scale_outputs(fixture->net, &fixture->params, out / PARAMETERS, FACTOR);
    forward(fixture);
    memcpy(after, gki_at(&fixture->ws, fixture->net->out, 1), out * sizeof *after);
    for (size_t o = 0; o < out; o++)
        assert_close(after[o], (o < out / PARAMETERS ? 1 : FACTOR) * before[o], 1e-12);
    ops->init(fixture->net, &fixture->params, 7);
    forward(fixture);
    assert_memory_equal(before, gki_at(&fixture->ws, fixture->net->out, 1), out * sizeof *before);
    ops->init(fixture->net, &fixture->params, 8);
    forward(fixture);
    assert_memory_not_equal(before, gki_at(&fixture->ws, fixture->net->out, 1),
                            out * sizeof *before);
}

static void test_every_net(void **state)
{
    (void)state;
    for (int family = 0; family < GKV_NETS; family++)
        for (int variant = 0; variant < VARIANTS; variant++)
            for (size_t layers = 1; layers < 4; layers++)
                for (int encoder = 0; encoder < 2; encoder++) {
                    net_fixture *fixture = begin(family, variant, layers, encoder);
                    check_gradient(fixture);
                    if (!encoder) {
                        check_input_gradient(fixture);
                        check_tangents(fixture);
                    }
                    check_init(fixture);
                    if (!encoder)
                        check_bits(fixture); /* packs the weights, so it is the last check */
                    assert_true(fixture->net->products >= fixture->net->first_products &&
                                fixture->net->first_products > 0);
                    end(fixture);
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
        net_fixture *fixture = begin(family, GKV_BLOCK_GATED, 1, false);
        gki_net *twin = fixture->net;
        gki_net_spec spec = spec_of(GKV_BLOCK_GATED, 1);
        spec.in = fixture->net->in;
        spec.d_in = fixture->net->d_in;
        spec.has_d_in = true;
        spec.out = fixture->out;
        assert_fails(
            fixture->net->ops->create(&spec, "net", &fixture->params, &fixture->plan, &twin),
            GKV_ERR_INTERNAL, "net.");
        assert_null(twin);
        end(fixture);
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
