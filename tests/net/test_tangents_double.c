/* Forward-mode differentiation of multilayer perceptrons, compared with differences of every output
 * in every input. */
#include "gradient.h"
#include "net/mlp.h"

enum { ROWS = 5, IN = 6, HIDDEN = 9, OUT = 70, PART = 32 };

typedef struct fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_mlp mlp;
    double x[ROWS * IN];
    gki_tangents scratch;
} fixture;

static fixture *begin(const gki_block_ops *block, size_t layers, bool packed)
{
    fixture *it = test_alloc(sizeof *it);
    const gki_mlp_spec spec = {.in = gki_plan_forward(&it->plan, IN),
                               .d_in = gki_plan_backward(&it->plan, IN),
                               .has_d_in = true,
                               .hidden = HIDDEN,
                               .hidden_layers = layers,
                               .out = OUT,
                               .block = block};
    assert_ok(gki_mlp_create(&spec, "net", &it->params, &it->plan, &it->mlp));
    assert_ok(gki_params_seal(&it->params));
    for (size_t i = 0; i < it->params.count; i++)
        test_normals(i, it->params.list[i].size, 0.7, gki_param_value(&it->params, i));
    assert_ok(gki_workspace_create(&it->plan, ROWS, false, &it->params, &it->ws));
    if (packed)
        assert_ok(gki_workspace_keep_packed(&it->ws));
    for (size_t piece = 0; piece < gki_workspace_pack_pieces(&it->ws); piece++)
        gki_workspace_pack(&it->ws, piece);
    test_normals(100, ROWS * IN, 1, it->x);
    const size_t widest = gki_mlp_widest(&it->mlp, it->mlp.count);
    assert_int_equal(widest, OUT);
    assert_int_equal(gki_mlp_widest(&it->mlp, 0), IN);
    it->scratch.a = test_alloc(ROWS * IN * widest * sizeof(double));
    it->scratch.b = test_alloc(ROWS * IN * widest * sizeof(double));
    it->scratch.c = test_alloc(ROWS * IN * widest * sizeof(double));
    return it;
}

static void end(fixture *it)
{
    gki_mlp_free(&it->mlp);
    gki_workspace_free(&it->ws);
    gki_params_free(&it->params);
    free(it->scratch.a);
    free(it->scratch.b);
    free(it->scratch.c);
    free(it);
}

static void forward(fixture *it)
{
    memcpy(gki_at(&it->ws, it->mlp.in, 0), it->x, sizeof it->x);
    gki_mlp_forward(&it->mlp, &it->ws, 0, ROWS);
}

static void outputs_of_row(void *context, const double *x, double *y)
{
    fixture *it = context;
    memcpy(gki_at(&it->ws, it->mlp.in, 0), x, IN * sizeof *x);
    gki_mlp_forward(&it->mlp, &it->ws, 0, 1);
    memcpy(y, gki_at(&it->ws, it->mlp.out, 0), OUT * sizeof *y);
}

static void check(const gki_block_ops *block, size_t layers, bool packed)
{
    fixture *it = begin(block, layers, packed);
    const size_t hidden = it->mlp.count - 1, rows = ROWS - 2;
    double wanted[ROWS * IN * OUT], direction[ROWS * IN], part[ROWS * IN * OUT];
    for (size_t r = 0; r < ROWS; r++)
        test_jacobian(outputs_of_row, it, it->x + r * IN, IN, OUT, 1e-4, wanted + r * IN * OUT);
    forward(it);
    /* All unit vectors, at rows [1, ROWS − 1). */
    const double *found =
        gki_mlp_tangent(&it->mlp, &it->ws, it->mlp.count, 1, rows, IN, NULL, &it->scratch);
    for (size_t e = 0; e < rows * IN * OUT; e++)
        assert_close(found[e], wanted[IN * OUT + e], 1e-8 * (1 + fabs(found[e])));
    /* The last layer by itself, in pieces. */
    const double *inner =
        hidden ? gki_mlp_tangent(&it->mlp, &it->ws, hidden, 1, rows, IN, NULL, &it->scratch) : NULL;
    for (size_t first = 0; inner && first < OUT; first += PART) {
        const size_t width = OUT - first < PART ? OUT - first : PART;
        gki_linear_tangent_part(&it->mlp.layers[hidden], &it->ws, rows * IN, inner, first, width,
                                part);
        for (size_t e = 0; e < rows * IN * width; e++)
            assert_close(part[e], wanted[IN * OUT + e / width * OUT + first + e % width],
                         1e-8 * (1 + fabs(part[e])));
    }
    /* One tangent at each row. It may be in the scratch memory. */
    test_normals(7, ROWS * IN, 1, direction);
    memcpy(it->scratch.a, direction, sizeof direction);
    found =
        gki_mlp_tangent(&it->mlp, &it->ws, it->mlp.count, 0, ROWS, 1, it->scratch.a, &it->scratch);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t o = 0; o < OUT; o++) {
            double sum = 0;
            for (size_t i = 0; i < IN; i++)
                sum += direction[r * IN + i] * wanted[(r * IN + i) * OUT + o];
            assert_close(found[r * OUT + o], sum, 1e-8 * (1 + fabs(sum)));
        }
    end(it);
}

static void test_blocks(void **state)
{
    (void)state;
    static const gki_block_ops *const blocks[] = {&gki_block_silu, &gki_block_gated,
                                                  &gki_block_leaky, &gki_block_residual};
    for (size_t b = 0; b < 4; b++)
        for (size_t layers = 0; layers < 4; layers++)
            for (int packed = 0; packed < 2; packed++)
                check(blocks[b], layers, packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
