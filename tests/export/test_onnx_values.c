/* Exported models compute what the library does, for every kind of model: by the NumPy evaluator of
 * onnx_numpy.py, and by ONNX Runtime where it is installed. So do PyTorch modules, where PyTorch is
 * installed. */
#define _XOPEN_SOURCE 700 /* popen(), WEXITSTATUS() */
#include "export_cases.h"

#include <sys/wait.h>

#include "export/onnx_model.h"
#include "num/constants.h"

enum { SKIPPED = 77 };

/* Runs a shell command, shows what it prints, and returns its exit code. */
static int run(const char *command)
{
    char line[512];
    FILE *const output = popen(command, "r");
    assert_non_null(output);
    while (fgets(line, sizeof line, output))
        print_message("%s", line);
    const int status = pclose(output);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Runs a script of this folder, by the first Python that has NumPy, with two arguments. */
static int run_script(const char *script, const char *first, const char *second)
{
    char command[1024];
    snprintf(
        command, sizeof command,
        "for p in \"$PYTHON\" python3 /usr/bin/python3; do if [ -n \"$p\" ] && \"$p\" -c 'import "
        "numpy' 2> /dev/null; then OPENBLAS_NUM_THREADS=1 exec \"$p\" -B '%s/../export/%s' '%s' "
        "%s; fi; done; echo 'skipped: no Python with NumPy (Debian: python3-numpy)'; exit 77",
        GKV_TEST_FIXTURES, script, first, second);
    return run(command);
}

/* Runs check_onnx.py by an engine on the cases of the temporary folder. */
static int check(const char *engine)
{
    return run_script("check_onnx.py", temporary, engine);
}

static int make_cases(void **state)
{
    if (make_temporary_in_memory(state) != 0)
        return -1;
    for (size_t i = 0; i < EXPORT_CASES; i++)
        keep_case(&export_cases[i]);
    return 0;
}

static void check_by(const char *engine)
{
    const int code = check(engine);
    if (code == SKIPPED)
        skip();
    assert_int_equal(code, 0);
}

static void numpy_agrees(void **state)
{
    (void)state;
    check_by("numpy");
}

static void onnxruntime_agrees(void **state)
{
    (void)state;
    check_by("onnxruntime");
}

static void onnxruntime_of_node_agrees(void **state)
{
    (void)state;
    char command[1024];
    snprintf(command, sizeof command,
             "command -v node > /dev/null || { echo 'skipped: no node'; exit 77; }; exec node "
             "'%s/../export/run_onnx.js' '%s'",
             GKV_TEST_FIXTURES, temporary);
    const int code = run(command);
    if (code == SKIPPED)
        skip();
    assert_int_equal(code, 0);
}

static void torch_agrees(void **state)
{
    (void)state;
    const int code = run_script("check_torch.py", temporary, "");
    if (code == SKIPPED)
        skip();
    assert_int_equal(code, 0);
}

/* A graph of Q⁻¹ alone, whose parameters are inputs. */
static void inverse_is_accurate(void **state)
{
    (void)state;
    static const char *const names[] = {"x", "a", "b", "g", "k"};
    const gki_params none = {0};
    const char *path = in_temporary("inverse.onnx");
    gki_onnx *g = NULL;
    gki_onnx_value in[5], log_slope;
    gki_onnx_port port = {.about = "", .rank = 0};
    assert_ok(gki_onnx_create("inverse", &none, &g));
    for (size_t i = 0; i < 5; i++) {
        port.name = names[i];
        in[i] = gki_onnx_input(g, &port);
    }
    const gki_onnx_gk gk = {in[1], in[2], in[3], in[4], GKV_GK_DEFAULT_C};
    const gki_onnx_value z = gki_onnx_gk_inverse(g, &gk, in[0], &log_slope);
    port.name = "z";
    gki_onnx_output(g, &port, z);
    port.name = "log_slope";
    gki_onnx_output(g, &port, log_slope);
    assert_ok(gki_onnx_write(g, path, "a test", 0, NULL));
    gki_onnx_free(g);
    const int code = run_script("check_gk_inverse.py", path, "");
    if (code == SKIPPED)
        skip();
    assert_int_equal(code, 0);
}

/* The comparison notices one weight of a graph that differs. */
static void a_changed_weight_is_noticed(void **state)
{
    (void)state;
    gkv_model *model = case_model(&export_cases[0]);
    for (size_t p = 0; p < model->params.count; p++)
        if (strcmp(model->params.list[p].name, "prior.flow.0.output.bias") == 0)
            gki_param_value(&model->params, p)[0] += (gki_real)0.01;
    assert_ok(gkv_export_onnx(model, GKV_ONNX_FLOW,
                              case_file(in_temporary(export_cases[0].name), "flow.onnx")));
    gkv_model_free(model);
    const int code = check("numpy");
    if (code == SKIPPED)
        skip();
    assert_int_equal(code, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numpy_agrees),
        cmocka_unit_test(onnxruntime_agrees),
        cmocka_unit_test(onnxruntime_of_node_agrees),
        cmocka_unit_test(torch_agrees),
        cmocka_unit_test(inverse_is_accurate),
        cmocka_unit_test(a_changed_weight_is_noticed),
    };
    return cmocka_run_group_tests(tests, make_cases, remove_temporary);
}
