/* Layers and multilayer perceptrons: values, gradients, tiles and parts. */
#include "gradient.h"
#include "net/mlp.h"

enum { PADDING_MARK = 77 };

/* A chain of layers with the loss Σ weight·out, so that d_out = weight. */
typedef struct fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_mlp mlp;
    size_t rows;
    double *x, *weight; /* [rows, in], [rows, out] */
} fixture;

static fixture *begin(size_t rows, size_t in)
{
    fixture *it = test_alloc(sizeof *it);
    it->rows = rows;
    it->mlp.in = gki_plan_forward(&it->plan, in);
    it->mlp.d_in = gki_plan_backward(&it->plan, in);
    return it;
}

/* Seals the table and the plan, and sets random parameters and inputs. */
static void finish(fixture *it)
{
    assert_ok(gki_params_seal(&it->params));
    for (size_t i = 0; i < it->params.count; i++)
        test_normals(i, it->params.list[i].size, 0.7, gki_param_value(&it->params, i));
    assert_ok(gki_workspace_create(&it->plan, it->rows, true, &it->params, &it->ws));
    it->x = test_alloc(it->rows * it->mlp.in.width * sizeof *it->x);
    it->weight = test_alloc(it->rows * it->mlp.out.width * sizeof *it->weight);
    test_normals(100, it->rows * it->mlp.in.width, 1, it->x);
    test_normals(101, it->rows * it->mlp.out.width, 1, it->weight);
}

static void finish_layer(fixture *it)
{
    it->mlp.count = 1;
    it->mlp.out = it->mlp.layers[0].out;
    it->mlp.d_out = it->mlp.layers[0].d_out;
    finish(it);
}

static void end(fixture *it)
{
    gki_mlp_free(&it->mlp);
    gki_workspace_free(&it->ws);
    gki_params_free(&it->params);
    free(it->x);
    free(it->weight);
    free(it);
}

static void put_inputs(fixture *it) /* some layers overwrite their input */
{
    memcpy(gki_at(&it->ws, it->mlp.in, 0), it->x, it->rows * it->mlp.in.width * sizeof *it->x);
}

static double loss(void *context)
{
    fixture *it = context;
    put_inputs(it);
    gki_mlp_forward(&it->mlp, &it->ws, 0, it->rows);
    const double *out = gki_at(&it->ws, it->mlp.out, 0);
    double sum = 0;
    for (size_t i = 0; i < it->rows * it->mlp.out.width; i++)
        sum += it->weight[i] * out[i];
    return sum;
}

/* Runs forward and backward in tiles from the last row to the first, and then all parts from the
 * last to the first. The gradients hold arbitrary numbers before. */
static void run_backward(fixture *it)
{
    const size_t tile = it->rows > 2 ? it->rows / 2 : 1;
    put_inputs(it);
    memcpy(gki_at(&it->ws, it->mlp.d_out, 0), it->weight,
           it->rows * it->mlp.out.width * sizeof *it->weight);
    for (size_t end_row = it->rows; end_row > 0; end_row -= end_row < tile ? end_row : tile) {
        const size_t count = end_row < tile ? end_row : tile;
        gki_mlp_forward(&it->mlp, &it->ws, end_row - count, count);
        gki_mlp_backward(&it->mlp, &it->ws, end_row - count, count);
    }
    for (size_t i = 0; i < it->params.total; i++)
        it->params.grads[i] = PADDING_MARK;
    for (size_t part = gki_mlp_parts(&it->mlp); part-- > 0;)
        gki_mlp_gradient(&it->mlp, &it->ws, it->rows, part);
    for (size_t i = 0; i < it->params.count; i++) /* parts write only to their tensors */
        for (size_t k = it->params.list[i].size; k % (64 / sizeof(double)) != 0; k++)
            assert_true(gki_param_grad(&it->params, i)[k] == PADDING_MARK);
}

static void check_all(fixture *it, size_t stride)
{
    run_backward(it);
    const size_t inputs = it->rows * it->mlp.in.width;
    double *d_in = test_alloc(inputs * sizeof *d_in);
    memcpy(d_in, gki_at(&it->ws, it->mlp.d_in, 0), inputs * sizeof *d_in);
    assert_gradient(loss, it, it->x, d_in, inputs, stride, 1e-7, "the input");
    for (size_t i = 0; i < it->params.count; i++)
        assert_gradient(loss, it, gki_param_value(&it->params, i), gki_param_grad(&it->params, i),
                        it->params.list[i].size, stride, 1e-7, it->params.list[i].name);
    free(d_in);
}

static void test_linear(void **state)
{
    (void)state;
    fixture *it = begin(5, 7);
    it->mlp.layers = test_alloc(sizeof *it->mlp.layers);
    assert_ok(gki_linear_create(&it->params, &it->plan, "linear", it->mlp.in, it->mlp.d_in, true, 9,
                                it->mlp.layers));
    finish_layer(it);
    check_all(it, 1);
    loss(it);
    const double *w = gki_param_value(&it->params, 0), *b = gki_param_value(&it->params, 1);
    for (size_t r = 0; r < 5; r++) {
        for (size_t o = 0; o < 9; o++) {
            double y = b[o];
            for (size_t i = 0; i < 7; i++)
                y += w[o * 7 + i] * it->x[r * 7 + i];
            assert_close(gki_at(&it->ws, it->mlp.out, r)[o], y, 1e-13);
        }
    }
    end(it);
}

/* The gradient of so many weights has several parts, and the last one is shorter. */
static void test_linear_in_parts(void **state)
{
    (void)state;
    enum { ROWS = 3, IN = 2600, OUT = 40 };
    fixture *it = begin(ROWS, IN);
    it->mlp.layers = test_alloc(sizeof *it->mlp.layers);
    assert_ok(gki_linear_create(&it->params, &it->plan, "wide", it->mlp.in, it->mlp.d_in, true, OUT,
                                it->mlp.layers));
    finish_layer(it);
    assert_true(gki_mlp_parts(&it->mlp) > 2);
    assert_true(OUT % gki_mlp_parts(&it->mlp) != 0);
    check_all(it, 1999);
    for (size_t o = 0; o < OUT; o++) {
        double sum = 0;
        for (size_t r = 0; r < ROWS; r++)
            sum += it->weight[r * OUT + o];
        assert_close(gki_param_grad(&it->params, 1)[o], sum, 1e-13);
        for (size_t i = 0; i < IN; i++) {
            double d = 0;
            for (size_t r = 0; r < ROWS; r++)
                d += it->weight[r * OUT + o] * it->x[r * IN + i];
            assert_close(gki_param_grad(&it->params, 0)[o * IN + i], d, 1e-12);
        }
    }
    end(it);
}

/* The sparse linear layer: in several parts, and as the first layer of a network. */
static void test_sparse_linear(void **state)
{
    (void)state;
    enum { ROWS = 4, IN = 150, OUT = 9 };
    for (size_t hidden_layers = 0; hidden_layers < 2; hidden_layers++) {
        fixture *it = begin(ROWS, IN);
        gki_param_id mean;
        assert_ok(gki_params_add(&it->params, IN, 0, false, &mean, "mean"));
        const gki_mlp_spec spec = {.in = it->mlp.in,
                                   .sparse_in = true,
                                   .mean = mean,
                                   .hidden = 6,
                                   .hidden_layers = hidden_layers,
                                   .out = OUT,
                                   .block = &gki_block_silu};
        assert_ok(gki_mlp_create(&spec, "net", &it->params, &it->plan, &it->mlp));
        finish(it);
        for (size_t i = 0; i < ROWS * IN; i++)
            it->x[i] = it->x[i] > 1 ? 1 : 0;
        run_backward(it);
        for (size_t i = 0; i < it->params.count; i++)
            if (it->params.list[i].trainable)
                assert_gradient(loss, it, gki_param_value(&it->params, i),
                                gki_param_grad(&it->params, i), it->params.list[i].size,
                                hidden_layers ? 7 : 1, 1e-7, it->params.list[i].name);
        loss(it);
        const double *off = gki_param_value(&it->params, mean),
                     *w = gki_param_value(&it->params, 1);
        for (size_t r = 0; r < ROWS && hidden_layers == 0; r++) {
            for (size_t o = 0; o < OUT; o++) {
                double y = gki_param_value(&it->params, 2)[o];
                for (size_t i = 0; i < IN; i++)
                    y += w[o * IN + i] * (it->x[r * IN + i] - off[i]);
                assert_close(gki_at(&it->ws, it->mlp.out, r)[o], y, 1e-12);
            }
        }
        end(it);
    }
}

/* A workspace with packed weights computes the same bits. It uses the weights of the last
 * packing. */
static void test_packed_weights(void **state)
{
    (void)state;
    fixture *it = begin(7, 90);
    const gki_mlp_spec spec = {.in = it->mlp.in,
                               .d_in = it->mlp.d_in,
                               .has_d_in = true,
                               .hidden = 70,
                               .hidden_layers = 2,
                               .out = 19,
                               .block = &gki_block_silu};
    assert_ok(gki_mlp_create(&spec, "net", &it->params, &it->plan, &it->mlp));
    finish(it);
    assert_int_equal(gki_workspace_pack_pieces(&it->ws), 0);
    const double before = loss(it);
    assert_ok(gki_workspace_keep_packed(&it->ws));
    for (size_t piece = gki_workspace_pack_pieces(&it->ws); piece-- > 0;)
        gki_workspace_pack(&it->ws, piece);
    assert_close(loss(it), before, 0);
    if (it->ws.packed) {
        *gki_param_value(&it->params, it->mlp.layers[0].weight) += 1;
        assert_close(loss(it), before, 0);
        for (size_t piece = 0; piece < gki_workspace_pack_pieces(&it->ws); piece++)
            gki_workspace_pack(&it->ws, piece);
    } else {
        assert_int_equal(gki_workspace_pack_pieces(&it->ws), 0);
        *gki_param_value(&it->params, it->mlp.layers[0].weight) += 1;
    }
    const double after = loss(it);
    assert_true(after != before);
    free(it->ws.packed);
    it->ws.packed = NULL;
    assert_close(loss(it), after, 0);
    end(it);
}

static fixture *norm_silu_rig(size_t rows, size_t width)
{
    fixture *it = begin(rows, width);
    it->mlp.layers = test_alloc(sizeof *it->mlp.layers);
    assert_ok(gki_norm_silu_create(&it->params, &it->plan, "norm", it->mlp.in, it->mlp.d_in,
                                   it->mlp.layers));
    finish_layer(it);
    return it;
}

static void test_norm_silu(void **state)
{
    (void)state;
    fixture *it = norm_silu_rig(4, 11);
    check_all(it, 1);
    loss(it);
    for (size_t r = 0; r < 4; r++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < 11; i++)
            mean += it->x[r * 11 + i] / 11;
        for (size_t i = 0; i < 11; i++)
            variance += (it->x[r * 11 + i] - mean) * (it->x[r * 11 + i] - mean) / 11;
        for (size_t i = 0; i < 11; i++) {
            const double hat = (it->x[r * 11 + i] - mean) / sqrt(variance + 1e-5);
            const double y =
                gki_param_value(&it->params, 0)[i] * hat + gki_param_value(&it->params, 1)[i];
            assert_close(gki_at(&it->ws, it->mlp.out, r)[i], y / (1 + exp(-y)), 1e-13);
        }
    }
    end(it);
}

/* A row without variance has finite outputs and the gradient of the formula. */
static void test_norm_silu_constant_row(void **state)
{
    (void)state;
    fixture *it = norm_silu_rig(3, 6);
    for (size_t i = 0; i < 6; i++)
        it->x[6 + i] = 2.5;
    check_all(it, 1);
    loss(it);
    for (size_t i = 0; i < 6; i++) {
        const double shift = gki_param_value(&it->params, 1)[i];
        assert_close(gki_at(&it->ws, it->mlp.out, 1)[i], shift / (1 + exp(-shift)), 1e-14);
    }
    end(it);
}

/* With one unit, the output depends only on the shift. */
static void test_norm_silu_single(void **state)
{
    (void)state;
    fixture *it = norm_silu_rig(2, 1);
    run_backward(it);
    assert_close(gki_at(&it->ws, it->mlp.d_in, 0)[0], 0, 0);
    end(it);
}

static void test_gate(void **state)
{
    (void)state;
    fixture *it = begin(3, 10);
    it->mlp.layers = test_alloc(sizeof *it->mlp.layers);
    assert_ok(gki_gate_create(&it->plan, it->mlp.in, it->mlp.d_in, it->mlp.layers));
    finish_layer(it);
    assert_int_equal(it->mlp.out.width, 5);
    check_all(it, 1);
    loss(it);
    for (size_t i = 0; i < 5; i++)
        assert_close(gki_at(&it->ws, it->mlp.out, 2)[i], it->x[20 + i] / (1 + exp(-it->x[25 + i])),
                     1e-14);
    end(it);
}

static void test_rectifier(void **state)
{
    static const double slopes[] = {0.01, 0};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        fixture *it = begin(5, 9);
        it->mlp.layers = test_alloc(sizeof *it->mlp.layers);
        assert_ok(gki_rectifier_create(it->mlp.in, it->mlp.d_in, slopes[k], it->mlp.layers));
        finish_layer(it);
        check_all(it, 1);
        loss(it);
        for (size_t i = 0; i < 45; i++)
            assert_close(gki_at(&it->ws, it->mlp.out, 0)[i],
                         it->x[i] > 0 ? it->x[i] : slopes[k] * it->x[i], 1e-15);
        end(it);
    }
}

static void test_mask(void **state)
{
    (void)state;
    fixture *it = begin(3, 7);
    it->mlp.layers = test_alloc(sizeof *it->mlp.layers);
    assert_ok(gki_mask_create(&it->plan, it->mlp.in, it->mlp.d_in, it->mlp.layers));
    finish_layer(it);
    double *mask = gki_at(&it->ws, it->mlp.layers->aux, 0), t[2 * 7], t_out[2 * 7];
    for (size_t i = 0; i < 21; i++)
        mask[i] = i % 3 == 0 ? 0 : 1.25;
    check_all(it, 1);
    loss(it);
    for (size_t i = 0; i < 21; i++)
        assert_true(gki_at(&it->ws, it->mlp.out, 0)[i] == mask[i] * it->x[i]);
    test_normals(5, 14, 1, t);
    it->mlp.layers->ops->tangent(it->mlp.layers, &it->ws, 1, 1, 2, t, t_out);
    for (size_t i = 0; i < 14; i++)
        assert_true(t_out[i] == mask[7 + i % 7] * t[i]);
    end(it);
}

static void check_mlp(const gki_block_ops *block, size_t hidden_layers, bool has_d_in)
{
    fixture *it = begin(6, 5);
    const gki_mlp_spec spec = {.in = it->mlp.in,
                               .d_in = it->mlp.d_in,
                               .has_d_in = has_d_in,
                               .hidden = 8,
                               .hidden_layers = hidden_layers,
                               .out = 3,
                               .block = block};
    assert_ok(gki_mlp_create(&spec, "net", &it->params, &it->plan, &it->mlp));
    finish(it);
    if (has_d_in) {
        check_all(it, 1);
    } else {
        run_backward(it);
        for (size_t i = 0; i < it->params.count; i++)
            assert_gradient(loss, it, gki_param_value(&it->params, i),
                            gki_param_grad(&it->params, i), it->params.list[i].size, 1, 1e-7,
                            it->params.list[i].name);
    }
    end(it);
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
        fixture *it = begin(7, 5);
        const gki_mlp_spec spec = {.in = it->mlp.in,
                                   .d_in = it->mlp.d_in,
                                   .has_d_in = true,
                                   .hidden = 4,
                                   .hidden_layers = 2,
                                   .out = 3,
                                   .block = blocks[b]};
        assert_ok(gki_mlp_create(&spec, "net", &it->params, &it->plan, &it->mlp));
        finish(it);
        run_backward(it);
        const size_t bytes = it->plan.forward_width * 7 * sizeof(double);
        const size_t d_bytes = it->plan.backward_width * 7 * sizeof(double);
        double *whole = test_alloc(bytes), *d_whole = test_alloc(d_bytes);
        memcpy(whole, it->ws.forward, bytes);
        memcpy(d_whole, it->ws.backward, d_bytes);
        for (size_t i = 0; i < bytes / sizeof(double); i++)
            it->ws.forward[i] = -5;
        for (size_t i = 0; i < d_bytes / sizeof(double); i++)
            it->ws.backward[i] = -5;
        put_inputs(it);
        memcpy(gki_at(&it->ws, it->mlp.d_out, 0), it->weight, 7 * 3 * sizeof *it->weight);
        gki_mlp_forward(&it->mlp, &it->ws, 2, 3);
        gki_mlp_backward(&it->mlp, &it->ws, 2, 3);
        for (size_t l = 0; l < it->mlp.count; l++) {
            const gki_slot slots[] = {it->mlp.layers[l].out, it->mlp.layers[l].d_in};
            for (size_t s = 0; s < 2; s++) {
                for (size_t r = 0; r < 7; r++) {
                    const bool inside = r >= 2 && r < 5;
                    const double *array = slots[s].backward ? d_whole : whole;
                    const double *want = array + slots[s].offset * 7 + r * slots[s].width;
                    for (size_t i = 0; i < slots[s].width; i++)
                        assert_close(gki_at(&it->ws, slots[s], r)[i], inside ? want[i] : -5,
                                     inside ? 1e-13 : 0);
                }
            }
        }
        free(whole);
        free(d_whole);
        end(it);
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
