/* Layers and multilayer perceptrons: values, gradients, tiles and parts. */
#include "gradient.h"
#include "net/mlp.h"

enum { PADDING_MARK = 77 };

/* A chain of layers with the loss Σ weight·out, so that d_out = weight. */
typedef struct layer_fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_mlp mlp;
    size_t rows;
    double *x, *weight; /* [rows, in], [rows, out] */
} layer_fixture;

static layer_fixture *begin(size_t rows, size_t in)
{
    layer_fixture *fixture = test_alloc(sizeof *fixture);
    fixture->rows = rows;
    fixture->mlp.in = gki_plan_forward(&fixture->plan, in);
    fixture->mlp.d_in = gki_plan_backward(&fixture->plan, in);
    return fixture;
}

/* Seals the table and the plan, and sets random parameters and inputs. */
static void finish(layer_fixture *fixture)
{
    assert_ok(gki_params_seal(&fixture->params));
    for (size_t i = 0; i < fixture->params.count; i++)
        test_normals(i, fixture->params.list[i].size, 0.7, gki_param_value(&fixture->params, i));
    assert_ok(
        gki_workspace_create(&fixture->plan, fixture->rows, true, &fixture->params, &fixture->ws));
    fixture->x = test_alloc(fixture->rows * fixture->mlp.in.width * sizeof *fixture->x);
    fixture->weight = test_alloc(fixture->rows * fixture->mlp.out.width * sizeof *fixture->weight);
    test_normals(100, fixture->rows * fixture->mlp.in.width, 1, fixture->x);
    test_normals(101, fixture->rows * fixture->mlp.out.width, 1, fixture->weight);
}

static void finish_layer(layer_fixture *fixture)
{
    fixture->mlp.count = 1;
    fixture->mlp.out = fixture->mlp.layers[0].out;
    fixture->mlp.d_out = fixture->mlp.layers[0].d_out;
    finish(fixture);
}

static void end(layer_fixture *fixture)
{
    gki_mlp_free(&fixture->mlp);
    gki_workspace_free(&fixture->ws);
    gki_params_free(&fixture->params);
    free(fixture->x);
    free(fixture->weight);
    free(fixture);
}

static void put_inputs(layer_fixture *fixture) /* some layers overwrite their input */
{
    memcpy(gki_at(&fixture->ws, fixture->mlp.in, 0), fixture->x,
           fixture->rows * fixture->mlp.in.width * sizeof *fixture->x);
}

static double loss(void *context)
{
    layer_fixture *fixture = context;
    put_inputs(fixture);
    gki_mlp_forward(&fixture->mlp, &fixture->ws, 0, fixture->rows);
    const double *out = gki_at(&fixture->ws, fixture->mlp.out, 0);
    double sum = 0;
    for (size_t i = 0; i < fixture->rows * fixture->mlp.out.width; i++)
        sum += fixture->weight[i] * out[i];
    return sum;
}

/* Runs forward and backward in tiles from the last row to the first, and then all parts from the
 * last to the first. The gradients hold arbitrary numbers before. */
static void run_backward(layer_fixture *fixture)
{
    const size_t tile = fixture->rows > 2 ? fixture->rows / 2 : 1;
    put_inputs(fixture);
    memcpy(gki_at(&fixture->ws, fixture->mlp.d_out, 0), fixture->weight,
           fixture->rows * fixture->mlp.out.width * sizeof *fixture->weight);
    for (size_t end_row = fixture->rows; end_row > 0; end_row -= end_row < tile ? end_row : tile) {
        const size_t count = end_row < tile ? end_row : tile;
        gki_mlp_forward(&fixture->mlp, &fixture->ws, end_row - count, count);
        gki_mlp_backward(&fixture->mlp, &fixture->ws, end_row - count, count);
    }
    for (size_t i = 0; i < fixture->params.total; i++)
        fixture->params.grads[i] = PADDING_MARK;
    for (size_t part = gki_mlp_parts(&fixture->mlp); part-- > 0;)
        gki_mlp_gradient(&fixture->mlp, &fixture->ws, fixture->rows, part);
    for (size_t i = 0; i < fixture->params.count; i++) /* parts write only to their tensors */
        for (size_t k = fixture->params.list[i].size; k % (64 / sizeof(double)) != 0; k++)
            assert_true(gki_param_grad(&fixture->params, i)[k] == PADDING_MARK);
}

static void check_all(layer_fixture *fixture, size_t stride)
{
    run_backward(fixture);
    const size_t inputs = fixture->rows * fixture->mlp.in.width;
    double *d_in = test_alloc(inputs * sizeof *d_in);
    memcpy(d_in, gki_at(&fixture->ws, fixture->mlp.d_in, 0), inputs * sizeof *d_in);
    assert_gradient(loss, fixture, fixture->x, d_in, inputs, stride, 1e-7, "the input");
    for (size_t i = 0; i < fixture->params.count; i++)
        assert_gradient(loss, fixture, gki_param_value(&fixture->params, i),
                        gki_param_grad(&fixture->params, i), fixture->params.list[i].size, stride,
                        1e-7, fixture->params.list[i].name);
    free(d_in);
}

static void test_linear(void **state)
{
    (void)state;
    layer_fixture *fixture = begin(5, 7);
    fixture->mlp.layers = test_alloc(sizeof *fixture->mlp.layers);
    assert_ok(gki_linear_create(&fixture->params, &fixture->plan, "linear", fixture->mlp.in,
                                fixture->mlp.d_in, true, 9, fixture->mlp.layers));
    finish_layer(fixture);
    check_all(fixture, 1);
    loss(fixture);
    const double *w = gki_param_value(&fixture->params, 0),
                 *b = gki_param_value(&fixture->params, 1);
    for (size_t r = 0; r < 5; r++) {
        for (size_t o = 0; o < 9; o++) {
            double y = b[o];
            for (size_t i = 0; i < 7; i++)
                y += w[o * 7 + i] * fixture->x[r * 7 + i];
            assert_close(gki_at(&fixture->ws, fixture->mlp.out, r)[o], y, 1e-13);
        }
    }
    end(fixture);
}

/* The gradient of so many weights has several parts, and the last one is shorter. */
static void test_linear_in_parts(void **state)
{
    (void)state;
    enum { ROWS = 3, IN = 2600, OUT = 40 };
    layer_fixture *fixture = begin(ROWS, IN);
    fixture->mlp.layers = test_alloc(sizeof *fixture->mlp.layers);
    assert_ok(gki_linear_create(&fixture->params, &fixture->plan, "wide", fixture->mlp.in,
                                fixture->mlp.d_in, true, OUT, fixture->mlp.layers));
    finish_layer(fixture);
    assert_true(gki_mlp_parts(&fixture->mlp) > 2);
    assert_true(OUT % gki_mlp_parts(&fixture->mlp) != 0);
    check_all(fixture, 1999);
    for (size_t o = 0; o < OUT; o++) {
        double sum = 0;
        for (size_t r = 0; r < ROWS; r++)
            sum += fixture->weight[r * OUT + o];
        assert_close(gki_param_grad(&fixture->params, 1)[o], sum, 1e-13);
        for (size_t i = 0; i < IN; i++) {
            double d = 0;
            for (size_t r = 0; r < ROWS; r++)
                d += fixture->weight[r * OUT + o] * fixture->x[r * IN + i];
            assert_close(gki_param_grad(&fixture->params, 0)[o * IN + i], d, 1e-12);
        }
    }
    end(fixture);
}

/* The sparse linear layer: in several parts, and as the first layer of a network. */
static void test_sparse_linear(void **state)
{
    (void)state;
    enum { ROWS = 4, IN = 150, OUT = 9 };
    for (size_t hidden_layers = 0; hidden_layers < 2; hidden_layers++) {
        layer_fixture *fixture = begin(ROWS, IN);
        gki_param_id mean;
        assert_ok(gki_params_add(&fixture->params, IN, 0, false, &mean, "mean"));
        const gki_mlp_spec spec = {.in = fixture->mlp.in,
                                   .sparse_in = true,
                                   .mean = mean,
                                   .hidden = 6,
                                   .hidden_layers = hidden_layers,
                                   .out = OUT,
                                   .block = &gki_block_silu};
        assert_ok(gki_mlp_create(&spec, "net", &fixture->params, &fixture->plan, &fixture->mlp));
        finish(fixture);
        for (size_t i = 0; i < ROWS * IN; i++)
            fixture->x[i] = fixture->x[i] > 1 ? 1 : 0;
        run_backward(fixture);
        for (size_t i = 0; i < fixture->params.count; i++)
            if (fixture->params.list[i].trainable)
                assert_gradient(loss, fixture, gki_param_value(&fixture->params, i),
                                gki_param_grad(&fixture->params, i), fixture->params.list[i].size,
                                hidden_layers ? 7 : 1, 1e-7, fixture->params.list[i].name);
        loss(fixture);
        const double *off = gki_param_value(&fixture->params, mean),
                     *w = gki_param_value(&fixture->params, 1);
        for (size_t r = 0; r < ROWS && hidden_layers == 0; r++) {
            for (size_t o = 0; o < OUT; o++) {
                double y = gki_param_value(&fixture->params, 2)[o];
                for (size_t i = 0; i < IN; i++)
                    y += w[o * IN + i] * (fixture->x[r * IN + i] - off[i]);
                assert_close(gki_at(&fixture->ws, fixture->mlp.out, r)[o], y, 1e-12);
            }
        }
        end(fixture);
    }
}

/* A workspace with packed weights computes the same bits. It uses the weights of the last
 * packing. */
static void test_packed_weights(void **state)
{
    (void)state;
    layer_fixture *fixture = begin(7, 90);
    const gki_mlp_spec spec = {.in = fixture->mlp.in,
                               .d_in = fixture->mlp.d_in,
                               .has_d_in = true,
                               .hidden = 70,
                               .hidden_layers = 2,
                               .out = 19,
                               .block = &gki_block_silu};
    assert_ok(gki_mlp_create(&spec, "net", &fixture->params, &fixture->plan, &fixture->mlp));
    finish(fixture);
    assert_int_equal(gki_workspace_pack_pieces(&fixture->ws), 0);
    const double before = loss(fixture);
    assert_ok(gki_workspace_keep_packed(&fixture->ws));
    for (size_t piece = gki_workspace_pack_pieces(&fixture->ws); piece-- > 0;)
        gki_workspace_pack(&fixture->ws, piece);
    assert_close(loss(fixture), before, 0);
    if (fixture->ws.packed) {
        *gki_param_value(&fixture->params, fixture->mlp.layers[0].weight) += 1;
        assert_close(loss(fixture), before, 0);
        for (size_t piece = 0; piece < gki_workspace_pack_pieces(&fixture->ws); piece++)
            gki_workspace_pack(&fixture->ws, piece);
    } else {
        assert_int_equal(gki_workspace_pack_pieces(&fixture->ws), 0);
        *gki_param_value(&fixture->params, fixture->mlp.layers[0].weight) += 1;
    }
    const double after = loss(fixture);
    assert_true(after != before);
    free(fixture->ws.packed);
    fixture->ws.packed = NULL;
    assert_close(loss(fixture), after, 0);
    end(fixture);
}

static layer_fixture *norm_silu_rig(size_t rows, size_t width)
{
    layer_fixture *fixture = begin(rows, width);
    fixture->mlp.layers = test_alloc(sizeof *fixture->mlp.layers);
    assert_ok(gki_norm_silu_create(&fixture->params, &fixture->plan, "norm", fixture->mlp.in,
                                   fixture->mlp.d_in, fixture->mlp.layers));
    finish_layer(fixture);
    return fixture;
}

static void test_norm_silu(void **state)
{
    (void)state;
    layer_fixture *fixture = norm_silu_rig(4, 11);
    check_all(fixture, 1);
    loss(fixture);
    for (size_t r = 0; r < 4; r++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < 11; i++)
            mean += fixture->x[r * 11 + i] / 11;
        for (size_t i = 0; i < 11; i++)
            variance += (fixture->x[r * 11 + i] - mean) * (fixture->x[r * 11 + i] - mean) / 11;
        for (size_t i = 0; i < 11; i++) {
            const double hat = (fixture->x[r * 11 + i] - mean) / sqrt(variance + 1e-5);
            const double y = gki_param_value(&fixture->params, 0)[i] * hat +
                             gki_param_value(&fixture->params, 1)[i];
            assert_close(gki_at(&fixture->ws, fixture->mlp.out, r)[i], y / (1 + exp(-y)), 1e-13);
        }
    }
    end(fixture);
}

/* A row without variance has finite outputs and the gradient of the formula. */
static void test_norm_silu_constant_row(void **state)
{
    (void)state;
    layer_fixture *fixture = norm_silu_rig(3, 6);
    for (size_t i = 0; i < 6; i++)
        fixture->x[6 + i] = 2.5;
    check_all(fixture, 1);
    loss(fixture);
    for (size_t i = 0; i < 6; i++) {
        const double shift = gki_param_value(&fixture->params, 1)[i];
        assert_close(gki_at(&fixture->ws, fixture->mlp.out, 1)[i], shift / (1 + exp(-shift)),
                     1e-14);
    }
    end(fixture);
}

/* With one unit, the output depends only on the shift. */
static void test_norm_silu_single(void **state)
{
    (void)state;
    layer_fixture *fixture = norm_silu_rig(2, 1);
    run_backward(fixture);
    assert_close(gki_at(&fixture->ws, fixture->mlp.d_in, 0)[0], 0, 0);
    end(fixture);
}

static void test_gate(void **state)
{
    (void)state;
    layer_fixture *fixture = begin(3, 10);
    fixture->mlp.layers = test_alloc(sizeof *fixture->mlp.layers);
    assert_ok(
        gki_gate_create(&fixture->plan, fixture->mlp.in, fixture->mlp.d_in, fixture->mlp.layers));
    finish_layer(fixture);
    assert_int_equal(fixture->mlp.out.width, 5);
    check_all(fixture, 1);
    loss(fixture);
    for (size_t i = 0; i < 5; i++)
        assert_close(gki_at(&fixture->ws, fixture->mlp.out, 2)[i],
                     fixture->x[20 + i] / (1 + exp(-fixture->x[25 + i])), 1e-14);
    end(fixture);
}

static void test_rectifier(void **state)
{
    static const double slopes[] = {0.01, 0};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        layer_fixture *fixture = begin(5, 9);
        fixture->mlp.layers = test_alloc(sizeof *fixture->mlp.layers);
        assert_ok(gki_rectifier_create(fixture->mlp.in, fixture->mlp.d_in, slopes[k],
                                       fixture->mlp.layers));
        finish_layer(fixture);
        check_all(fixture, 1);
        loss(fixture);
        for (size_t i = 0; i < 45; i++)
            assert_close(gki_at(&fixture->ws, fixture->mlp.out, 0)[i],
                         fixture->x[i] > 0 ? fixture->x[i] : slopes[k] * fixture->x[i], 1e-15);
        end(fixture);
    }
}

static void test_mask(void **state)
{
    (void)state;
    layer_fixture *fixture = begin(3, 7);
    fixture->mlp.layers = test_alloc(sizeof *fixture->mlp.layers);
    assert_ok(
        gki_mask_create(&fixture->plan, fixture->mlp.in, fixture->mlp.d_in, fixture->mlp.layers));
    finish_layer(fixture);
    double *mask = gki_at(&fixture->ws, fixture->mlp.layers->aux, 0), t[2 * 7], t_out[2 * 7];
    for (size_t i = 0; i < 21; i++)
        mask[i] = i % 3 == 0 ? 0 : 1.25;
    check_all(fixture, 1);
    loss(fixture);
    for (size_t i = 0; i < 21; i++)
        assert_true(gki_at(&fixture->ws, fixture->mlp.out, 0)[i] == mask[i] * fixture->x[i]);
    test_normals(5, 14, 1, t);
    fixture->mlp.layers->ops->tangent(fixture->mlp.layers, &fixture->ws, 1, 1, 2, t, t_out);
    for (size_t i = 0; i < 14; i++)
        assert_true(t_out[i] == mask[7 + i % 7] * t[i]);
    end(fixture);
}

static void check_mlp(const gki_block_ops *block, size_t hidden_layers, bool has_d_in)
{
    layer_fixture *fixture = begin(6, 5);
    const gki_mlp_spec spec = {.in = fixture->mlp.in,
                               .d_in = fixture->mlp.d_in,
                               .has_d_in = has_d_in,
                               .hidden = 8,
                               .hidden_layers = hidden_layers,
                               .out = 3,
                               .block = block};
    assert_ok(gki_mlp_create(&spec, "net", &fixture->params, &fixture->plan, &fixture->mlp));
    finish(fixture);
    if (has_d_in) {
        check_all(fixture, 1);
    } else {
        run_backward(fixture);
        for (size_t i = 0; i < fixture->params.count; i++)
            assert_gradient(loss, fixture, gki_param_value(&fixture->params, i),
                            gki_param_grad(&fixture->params, i), fixture->params.list[i].size, 1,
                            1e-7, fixture->params.list[i].name);
    }
    end(fixture);
}

static void test_mlps(void **state)
{
    (void)state;
    static const gki_block_ops *const blocks[] = {&gki_block_silu, &gki_block_gated,
                                                  &gki_block_leaky, &gki_block_residual};
    for (size_t b = 0; b < 4; b++)
        for (size_t layers = 0; layers <= 3; layers++)
            check_mlp(blocks[b], layers, layers != 1);
}

/* A tile computes its own rows to the same bits as the whole batch, and writes no other rows. */
static void test_tile_touches_its_rows_only(void **state)
{
    (void)state;
    static const gki_block_ops *const blocks[] = {&gki_block_silu, &gki_block_gated,
                                                  &gki_block_leaky, &gki_block_residual};
    for (size_t b = 0; b < 4; b++) {
        layer_fixture *fixture = begin(7, 5);
        const gki_mlp_spec spec = {.in = fixture->mlp.in,
                                   .d_in = fixture->mlp.d_in,
                                   .has_d_in = true,
                                   .hidden = 4,
                                   .hidden_layers = 2,
                                   .out = 3,
                                   .block = blocks[b]};
        assert_ok(gki_mlp_create(&spec, "net", &fixture->params, &fixture->plan, &fixture->mlp));
        finish(fixture);
        run_backward(fixture);
        const size_t bytes = fixture->plan.forward_width * 7 * sizeof(double);
        const size_t d_bytes = fixture->plan.backward_width * 7 * sizeof(double);
        double *whole = test_alloc(bytes), *d_whole = test_alloc(d_bytes);
        memcpy(whole, fixture->ws.forward, bytes);
        memcpy(d_whole, fixture->ws.backward, d_bytes);
        for (size_t i = 0; i < bytes / sizeof(double); i++)
            fixture->ws.forward[i] = -5;
        for (size_t i = 0; i < d_bytes / sizeof(double); i++)
            fixture->ws.backward[i] = -5;
        put_inputs(fixture);
        memcpy(gki_at(&fixture->ws, fixture->mlp.d_out, 0), fixture->weight,
               7 * 3 * sizeof *fixture->weight);
        gki_mlp_forward(&fixture->mlp, &fixture->ws, 2, 3);
        gki_mlp_backward(&fixture->mlp, &fixture->ws, 2, 3);
        for (size_t l = 0; l < fixture->mlp.count; l++) {
            const gki_slot slots[] = {fixture->mlp.layers[l].out, fixture->mlp.layers[l].d_in};
            for (size_t s = 0; s < 2; s++) {
                for (size_t r = 0; r < 7; r++) {
                    const bool inside = r >= 2 && r < 5;
                    const double *array = slots[s].backward ? d_whole : whole;
                    const double *want = array + slots[s].offset * 7 + r * slots[s].width;
                    for (size_t i = 0; i < slots[s].width; i++)
                        assert_close(gki_at(&fixture->ws, slots[s], r)[i], inside ? want[i] : -5,
                                     inside ? 1e-13 : 0);
                }
            }
        }
        free(whole);
        free(d_whole);
        end(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_linear_in_parts),
        cmocka_unit_test(test_sparse_linear),
        cmocka_unit_test(test_packed_weights),
        cmocka_unit_test(test_norm_silu),
        cmocka_unit_test(test_norm_silu_constant_row),
        cmocka_unit_test(test_norm_silu_single),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_rectifier),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_mlps),
        cmocka_unit_test(test_tile_touches_its_rows_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
