/* Forward-mode differentiation of multilayer perceptrons, compared with differences of every output
 * in every input. */
#include "gradient.h"
#include "net/mlp.h"

enum { ROWS = 5, IN = 6, HIDDEN = 9, OUT = 70, PART = 32 };

typedef struct tangent_fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_mlp mlp;
    double x[ROWS * IN];
    gki_tangents scratch;
} tangent_fixture;

static tangent_fixture *begin(const gki_block_ops *block, size_t layers, bool packed)
{
    tangent_fixture *fixture = test_alloc(sizeof *fixture);
    const gki_mlp_spec spec = {.in = gki_plan_forward(&fixture->plan, IN),
                               .d_in = gki_plan_backward(&fixture->plan, IN),
                               .has_d_in = true,
                               .hidden = HIDDEN,
                               .hidden_layers = layers,
                               .out = OUT,
                               .block = block};
    assert_ok(gki_mlp_create(&spec, "net", &fixture->params, &fixture->plan, &fixture->mlp));
    assert_ok(gki_params_seal(&fixture->params));
    for (size_t i = 0; i < fixture->params.count; i++)
        test_normals(i, fixture->params.list[i].size, 0.7, gki_param_value(&fixture->params, i));
    assert_ok(gki_workspace_create(&fixture->plan, ROWS, false, &fixture->params, &fixture->ws));
    if (packed)
        assert_ok(gki_workspace_keep_packed(&fixture->ws));
    for (size_t piece = 0; piece < gki_workspace_pack_pieces(&fixture->ws); piece++)
        gki_workspace_pack(&fixture->ws, piece);
    test_normals(100, ROWS * IN, 1, fixture->x);
    const size_t widest = gki_mlp_widest(&fixture->mlp, fixture->mlp.count);
    assert_int_equal(widest, OUT);
    assert_int_equal(gki_mlp_widest(&fixture->mlp, 0), IN);
    fixture->scratch.a = test_alloc(ROWS * IN * widest * sizeof(double));
    fixture->scratch.b = test_alloc(ROWS * IN * widest * sizeof(double));
    fixture->scratch.c = test_alloc(ROWS * IN * widest * sizeof(double));
    return fixture;
}

static void end(tangent_fixture *fixture)
{
    gki_mlp_free(&fixture->mlp);
    gki_workspace_free(&fixture->ws);
    gki_params_free(&fixture->params);
    free(fixture->scratch.a);
    free(fixture->scratch.b);
    free(fixture->scratch.c);
    free(fixture);
}

static void forward(tangent_fixture *fixture)
{
    memcpy(gki_at(&fixture->ws, fixture->mlp.in, 0), fixture->x, sizeof fixture->x);
    gki_mlp_forward(&fixture->mlp, &fixture->ws, 0, ROWS);
}

static void outputs_of_row(void *context, const double *x, double *y)
{
    tangent_fixture *fixture = context;
    memcpy(gki_at(&fixture->ws, fixture->mlp.in, 0), x, IN * sizeof *x);
    gki_mlp_forward(&fixture->mlp, &fixture->ws, 0, 1);
    memcpy(y, gki_at(&fixture->ws, fixture->mlp.out, 0), OUT * sizeof *y);
}

static void check(const gki_block_ops *block, size_t layers, bool packed)
{
    tangent_fixture *fixture = begin(block, layers, packed);
    const size_t hidden = fixture->mlp.count - 1, rows = ROWS - 2;
    double wanted[ROWS * IN * OUT], direction[ROWS * IN], part[ROWS * IN * OUT];
    for (size_t r = 0; r < ROWS; r++)
        test_jacobian(outputs_of_row, fixture, fixture->x + r * IN, IN, OUT, 1e-4,
                      wanted + r * IN * OUT);
    forward(fixture);
    /* All unit vectors, at rows [1, ROWS − 1). */
    const double *found = gki_mlp_tangent(&fixture->mlp, &fixture->ws, fixture->mlp.count, 1, rows,
                                          IN, NULL, &fixture->scratch);
    for (size_t e = 0; e < rows * IN * OUT; e++)
        assert_close(found[e], wanted[IN * OUT + e], 1e-8 * (1 + fabs(found[e])));
    /* The last layer by itself, in pieces. */
    const double *inner = hidden ? gki_mlp_tangent(&fixture->mlp, &fixture->ws, hidden, 1, rows, IN,
                                                   NULL, &fixture->scratch)
                                 : NULL;
    for (size_t first = 0; inner && first < OUT; first += PART) {
        const size_t width = OUT - first < PART ? OUT - first : PART;
        gki_linear_tangent_part(&fixture->mlp.layers[hidden], &fixture->ws, rows * IN, inner, first,
                                width, part);
        for (size_t e = 0; e < rows * IN * width; e++)
            assert_close(part[e], wanted[IN * OUT + e / width * OUT + first + e % width],
                         1e-8 * (1 + fabs(part[e])));
    }
    /* One tangent at each row. It may be in the scratch memory. */
    test_normals(7, ROWS * IN, 1, direction);
    memcpy(fixture->scratch.a, direction, sizeof direction);
    found = gki_mlp_tangent(&fixture->mlp, &fixture->ws, fixture->mlp.count, 0, ROWS, 1,
                            fixture->scratch.a, &fixture->scratch);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t o = 0; o < OUT; o++) {
            double sum = 0;
            for (size_t i = 0; i < IN; i++)
                sum += direction[r * IN + i] * wanted[(r * IN + i) * OUT + o];
            assert_close(found[r * OUT + o], sum, 1e-8 * (1 + fabs(sum)));
        }
    end(fixture);
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
