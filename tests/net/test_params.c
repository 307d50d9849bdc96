/* The table of parameters, the plan and the workspace. */
#include "support.h"

#include "core/memory.h"
#include "net/mlp.h"

enum { LINE = GKV_ALIGNMENT / sizeof(gki_real) };

static void test_layout(void **state)
{
    (void)state;
    gki_params params = {0};
    gki_param_id ids[6];
    const struct {
        size_t rows, cols;
        bool trainable;
    } shapes[6] = {{3, 5, true}, {7, 0, false},        {LINE, 0, true},
                   {1, 0, true}, {LINE + 1, 2, false}, {40, 0, true}};
    for (size_t i = 0; i < 6; i++)
        assert_ok(gki_params_add(&params, shapes[i].rows, shapes[i].cols, shapes[i].trainable,
                                 &ids[i], "tensor.%zu", i));
    assert_ok(gki_params_seal(&params));
    assert_int_equal(params.count, 6);
    assert_string_equal(params.list[ids[4]].name, "tensor.4");
    size_t owned[6] = {0};
    char *taken = test_alloc(params.total);
    for (size_t i = 0; i < 6; i++) {
        const gki_param *param = &params.list[ids[i]];
        const size_t size = shapes[i].rows * (shapes[i].cols ? shapes[i].cols : 1);
        assert_int_equal(param->size, size);
        assert_int_equal(param->trainable, shapes[i].trainable);
        assert_int_equal(param->offset % LINE, 0);
        assert_true(param->trainable ? param->offset + size <= params.trainable
                                     : param->offset >= params.trainable);
        for (size_t k = 0; k < (size + LINE - 1) / LINE * LINE; k++) {
            /* no other tensor shares its cache lines */
            assert_true(param->offset + k < params.total);
            assert_int_equal(taken[param->offset + k]++, 0);
            owned[i]++;
        }
    }
    assert_int_equal(owned[0] + owned[1] + owned[2] + owned[3] + owned[4] + owned[5], params.total);
    assert_int_equal(gki_params_count_elements(&params, false),
                     15 + 7 + LINE + 1 + 2 * (LINE + 1) + 40);
    assert_int_equal(gki_params_count_elements(&params, true), 15 + LINE + 1 + 40);
    /* Four arrays in the arena, zero and aligned. */
    const gki_real *arrays[4] = {params.values, params.grads, params.m, params.v};
    for (size_t s = 0; s < 4; s++) {
        assert_int_equal((uintptr_t)arrays[s] % GKV_ALIGNMENT, 0);
        assert_ptr_equal(arrays[s], params.arena + s * params.total);
        for (size_t i = 0; i < params.total; i++)
            assert_true(arrays[s][i] == 0);
    }
    assert_ptr_equal(gki_param_value(&params, ids[2]), params.values + params.list[ids[2]].offset);
    free(taken);
    gki_params_free(&params);
    gki_params_free(&params);
    gki_params_free(NULL);
}

static void test_names(void **state)
{
    (void)state;
    gki_params params = {0};
    gki_param_id id = 0, other = 99;
    assert_ok(gki_params_add(&params, 1, 0, true, &id, "a.weight"));
    assert_fails(gki_params_add(&params, 2, 0, true, &other, "a.weight"), GKV_ERR_INTERNAL,
                 "a.weight");
    assert_int_equal(params.count, 1);
    const char *longest = "0123456789012345678901234567890123456789012345678901234567890123456789";
    assert_fails(gki_params_add(&params, 2, 0, true, &other, "%s", longest), GKV_ERR_INTERNAL,
                 "too long");
    assert_int_equal(params.count, 1);
    assert_ok(
        gki_params_add(&params, 2, 0, true, &other, "%.*s", GKV_PARAM_NAME_SIZE - 1, longest));
    assert_int_equal(other, 1);
    assert_int_equal(strlen(params.list[1].name), GKV_PARAM_NAME_SIZE - 1);
    for (size_t i = 0; i < 200; i++) /* the table grows */
        assert_ok(gki_params_add(&params, i + 1, 0, i % 2, &other, "many.%zu", i));
    assert_ok(gki_params_seal(&params));
    assert_string_equal(params.list[id].name, "a.weight");
    assert_int_equal(params.list[other].size, 200);
    gki_params_free(&params);
}

static void test_impossible_sizes(void **state)
{
    (void)state;
    gki_params params = {0};
    gki_param_id id;
    assert_ok(gki_params_add(&params, SIZE_MAX / 8, 0, true, &id, "huge"));
    assert_fails(gki_params_seal(&params), GKV_ERR_MEMORY, "");
    gki_params_free(&params);
    gki_plan plan = {0};
    gki_plan_forward(&plan, (size_t)1 << 40);
    gki_workspace ws;
    assert_fails(gki_workspace_create(&plan, (size_t)1 << 40, true, &params, &ws), GKV_ERR_MEMORY,
                 "");
    assert_null(ws.forward);
    gki_workspace_free(&ws);
}

/* No two slots share an element, for any number of rows. */
static void test_slots(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 3, LINE, LINE + 1, 784, 40, 1, 2 * LINE};
    enum { SLOTS = sizeof widths / sizeof *widths };
    for (size_t rows = 1; rows <= 51; rows += 10) {
        gki_plan plan = {0};
        gki_slot slots[2 * SLOTS];
        for (size_t i = 0; i < SLOTS; i++) {
            slots[2 * i] = gki_plan_forward(&plan, widths[i]);
            slots[2 * i + 1] = gki_plan_backward(&plan, widths[SLOTS - 1 - i]);
        }
        const gki_params params = {0};
        gki_workspace ws;
        assert_ok(gki_workspace_create(&plan, rows, true, &params, &ws));
        assert_ptr_equal(ws.params, &params);
        for (size_t s = 0; s < 2 * SLOTS; s++) {
            assert_int_equal((uintptr_t)gki_at(&ws, slots[s], 0) % GKV_ALIGNMENT, 0);
            for (size_t r = 0; r < rows; r++)
                for (size_t i = 0; i < slots[s].width; i++) {
                    assert_true(gki_at(&ws, slots[s], r)[i] == 0);
                    gki_at(&ws, slots[s], r)[i] = (gki_real)(s + 1);
                }
        }
        for (size_t s = 0; s < 2 * SLOTS; s++)
            for (size_t i = 0; i < rows * slots[s].width; i++)
                assert_true(gki_at(&ws, slots[s], 0)[i] == (gki_real)(s + 1));
        gki_workspace_free(&ws);
    }
}

static void test_evaluation_workspace_has_no_backward_part(void **state)
{
    (void)state;
    gki_plan plan = {0};
    gki_plan_forward(&plan, 3);
    gki_plan_backward(&plan, 1000);
    const gki_params params = {0};
    gki_workspace ws;
    assert_ok(gki_workspace_create(&plan, 2, false, &params, &ws));
    assert_null(ws.backward);
    gki_workspace_free(&ws);
    gki_workspace_free(NULL);
}

/* A wide plan has fewer rows, within the bounds. */
static void test_rows_of_a_plan(void **state)
{
    (void)state;
    gki_plan plan = {0};
    assert_int_equal(gki_plan_rows(&plan, 20, 100), 100);
    gki_plan_forward(&plan, 1 << 10);
    assert_int_equal(gki_plan_rows(&plan, 20, 100), 100);
    gki_plan_forward(&plan, (1 << 17) - (1 << 10));
    assert_int_equal(gki_plan_rows(&plan, 20, 100), 64);
    gki_plan_forward(&plan, 1 << 24);
    assert_int_equal(gki_plan_rows(&plan, 20, 100), 20);
}

/* Initial weights have the documented variance, gains are 1 and biases 0. Weights depend on the
 * seed and the tensor. */
static void test_init(void **state)
{
    (void)state;
    gki_params params = {0};
    gki_plan plan = {0};
    gki_mlp mlp, twin;
    const gki_mlp_spec spec = {.in = gki_plan_forward(&plan, 100),
                               .hidden = 200,
                               .hidden_layers = 2,
                               .out = 150,
                               .block = &gki_block_silu};
    assert_ok(gki_mlp_create(&spec, "one", &params, &plan, &mlp));
    assert_ok(gki_mlp_create(&spec, "two", &params, &plan, &twin));
    assert_fails(gki_mlp_create(&spec, "two", &params, &plan, &(gki_mlp){0}), GKV_ERR_INTERNAL,
                 "two.layers.0");
    assert_ok(gki_params_seal(&params));
    gki_mlp_init(&mlp, &params, 3, 0.25);
    gki_mlp_init(&twin, &params, 3, 0.0);
    assert_string_equal(params.list[0].name, "one.layers.0.linear.weight");
    assert_string_equal(params.list[2].name, "one.layers.0.norm.weight");
    assert_string_equal(params.list[8].name, "one.output.weight");
    for (size_t i = 0; i < params.count; i++) {
        const gki_param *param = &params.list[i];
        const bool is_twin = param->name[0] == 't', output = strstr(param->name, "output") != NULL;
        double sum = 0, squares = 0;
        for (size_t k = 0; k < param->size; k++) {
            const double value = (double)gki_param_value(&params, i)[k];
            sum += value / (double)param->size;
            squares += value * value / (double)param->size;
        }
        const double variance = (output ? (is_twin ? 0 : 0.25) : 1) / (3 * (double)param->cols);
        const double error = 5 / sqrt((double)param->size);
        if (param->cols) {
            assert_close(sum, 0, sqrt(variance) * error);
            assert_close(squares, variance, 1.5 * variance * error);
        } else {
            const double constant = strstr(param->name, "norm.weight") ? 1 : 0;
            assert_close(sum, constant, 1e-6);
            assert_close(squares, constant, 1e-6);
        }
    }
    assert_true(gki_param_value(&params, 0)[0] != gki_param_value(&params, 10)[0]);
    const gki_real before = gki_param_value(&params, 0)[17];
    gki_mlp_init(&mlp, &params, 4, 0.25);
    assert_true(gki_param_value(&params, 0)[17] != before);
    gki_mlp_init(&mlp, &params, 3, 0.25);
    assert_true(gki_param_value(&params, 0)[17] == before);
    gki_mlp_free(&mlp);
    gki_mlp_free(&twin);
    gki_mlp_free(&twin);
    gki_mlp_free(NULL);
    gki_params_free(&params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_evaluation_workspace_has_no_backward_part),
        cmocka_unit_test(test_rows_of_a_plan),
        cmocka_unit_test(test_init),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
