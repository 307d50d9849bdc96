/* The public functions of gkvae/export.h: their files, and what they refuse. */
#define _XOPEN_SOURCE 700
#include "export_cases.h"

#include "config/settings_table.h"
#include "core/file.h"
#include "null.h"

static gkv_model *silu;

static int open_model(void **state)
{
    if (make_temporary(state) != 0)
        return -1;
    silu = case_model(&export_cases[0]);
    return 0;
}

static int close_model(void **state)
{
    gkv_model_free(silu);
    return remove_temporary(state);
}

static void parts_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < GKV_ONNX_PARTS; i++) {
        assert_non_null(gkv_onnx_part_name((gkv_onnx_part)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(gkv_onnx_part_name((gkv_onnx_part)i),
                                    gkv_onnx_part_name((gkv_onnx_part)j));
    }
    assert_null(gkv_onnx_part_name(GKV_ONNX_PARTS));
    assert_null(gkv_onnx_part_name((gkv_onnx_part)-1));
}

/* The same model gives the same bytes. */
static void files_are_reproducible(void **state)
{
    (void)state;
    for (int part = 0; part < GKV_ONNX_PARTS; part++) {
        const char *paths[] = {in_temporary("one.onnx"), in_temporary("two.onnx")};
        char *bytes[2] = {NULL};
        size_t count[2];
        for (int i = 0; i < 2; i++) {
            assert_ok(gkv_export_onnx(silu, (gkv_onnx_part)part, paths[i]));
            assert_ok(gki_file_read(paths[i], SIZE_MAX, &bytes[i], &count[i]));
        }
        assert_int_equal(count[0], count[1]);
        assert_memory_equal(bytes[0], bytes[1], count[0]);
        free(bytes[0]);
        free(bytes[1]);
    }
}

static void refusals(void **state)
{
    (void)state;
    gkv_model *student = case_model(&(export_case){"student", 1, {"model.base=student-t"}});
    assert_fails(gkv_export_onnx(student, GKV_ONNX_SAMPLE, in_temporary("student.onnx")),
                 GKV_ERR_CONFIG, "model.base = student-t");
    assert_false(gki_file_exists(in_temporary("student.onnx")));
    gkv_model_free(student);
    gkv_model *later = case_model(&export_cases[0]);
    later->settings.model.prior_flow = GKV_PRIOR_FLOWS; /* as a flow of a later version */
    assert_fails(gkv_export_onnx(later, GKV_ONNX_LOG_PROB, in_temporary("flow.onnx")),
                 GKV_ERR_CONFIG, "model.prior_flow");
    assert_fails(gkv_export_torch(later, "x", in_temporary("flow.py")), GKV_ERR_CONFIG,
                 "model.prior_flow");
    assert_ok(gkv_export_onnx(later, GKV_ONNX_DECODER, in_temporary("decoder.onnx")));
    later->settings.model.prior_flow = GKV_PRIOR_FLOW_NONE;
    later->settings.model.posterior_flow = GKV_POSTERIOR_FLOWS;
    assert_fails(gkv_export_torch(later, "x", in_temporary("flow.py")), GKV_ERR_CONFIG,
                 "model.posterior_flow");
    gkv_model_free(later);
    assert_false(gki_file_exists(in_temporary("flow.onnx")));
    assert_false(gki_file_exists(in_temporary("flow.py")));
    assert_fails(gkv_export_onnx(silu, GKV_ONNX_PARTS, in_temporary("none.onnx")), GKV_ERR_ARGUMENT,
                 "part 6");
    assert_fails(gkv_export_onnx(silu, GKV_ONNX_FLOW, in_temporary("no-folder/flow.onnx")),
                 GKV_ERR_IO, "no-folder");
}

/* --- Every choice --------------------------------------------------------- */

/* Small settings that allow every choice of [model]. */
static gkv_settings settings_with(const gki_settings_row *setting, const char *choice)
{
    gkv_settings settings =
        case_settings(&(export_case){"every", 1, {"model.prior_layers=1", "model.base_rank=2"}});
    char name[64];
    settings.model.half_channels = settings.model.quarter_channels = 4;
    settings.model.base_components = 2;
    settings.model.base_classes = 3;
    snprintf(name, sizeof name, "%s.%s", setting->key.section, setting->key.name);
    set(&settings, name, choice);
    if (strncmp(name, "model.conv_block", 16) == 0 || strcmp(name, "model.downsampling") == 0)
        settings.model.net = GKV_NET_CONV;
    if (strcmp(name, "model.base_fit") == 0)
        settings.model.base = GKV_BASE_GK;
    if (settings.model.posterior_flow != GKV_POSTERIOR_FLOW_NONE)
        settings.model.posterior_layers = 1;
    switch (gkv_likelihood_facts_of(settings.model.likelihood)->pixels) {
    case GKV_PIXELS_LEVELS: settings.data.binarization = GKV_BINARIZE_GREY; break;
    case GKV_PIXELS_CONTINUOUS: settings.data.binarization = GKV_BINARIZE_CONTINUOUS; break;
    default: break;
    }
    return settings;
}

/* Exports everything of a model; returns how many files were refused, all of them because of the
 * setting, which the messages name. */
static size_t count_refusals(const gkv_model *made, const char *wanted)
{
    size_t refused = 0;
    for (int part = 0; part <= GKV_ONNX_PARTS; part++) {
        const gkv_status status =
            part < GKV_ONNX_PARTS
                ? gkv_export_onnx(made, (gkv_onnx_part)part, in_temporary("every.onnx"))
                : gkv_export_torch(made, "x", in_temporary("every.py"));
        refused += status != GKV_OK;
        if (status != GKV_OK && (status != GKV_ERR_CONFIG || !strstr(gkv_error_message(), wanted)))
            fail_msg("%s: %s", wanted, gkv_error_message());
    }
    return refused;
}

/* Exports have every choice, or refuse it by its name. A choice after the last one, as of a later
 * version, is always refused. */
static void every_choice(void **state)
{
    static const double mean[CASE_HEIGHT * CASE_WIDTH] = {0};
    size_t choices = 0, refused = 0;
    (void)state;
    for (size_t i = 0; i < gki_settings_row_count; i++) {
        const gki_settings_row *setting = &gki_settings_rows[i];
        char choice[GKV_NAME_SIZE], wanted[128];
        if (setting->key.section_id != GKV_SECTION_MODEL || !gki_settings_row_is_choice(setting))
            continue;
        gkv_model *made = NULL;
        int value = 0;
        for (; *gki_settings_row_choice(setting, value, choice); value++, choices++) {
            gkv_model_free(made);
            const gkv_settings settings = settings_with(setting, choice);
            assert_ok(gkv_model_create(CASE_HEIGHT, CASE_WIDTH, 1, mean, &settings, &made));
            snprintf(wanted, sizeof wanted, "model.%s = %s:", setting->key.name, choice);
            refused += count_refusals(made, wanted);
        }
        if (setting->key.kind == GKV_KIND_CHOICE) { /* a switch has no other value */
            memcpy((char *)&made->settings + setting->offset, &value, sizeof value);
            snprintf(wanted, sizeof wanted, "model.%s = :", setting->key.name);
            /* how the base was fitted, and what its covariance was, do not matter to a graph */
            const bool by_onnx = setting->offset != offsetof(gkv_settings, model.base_fit) &&
                                 setting->offset != offsetof(gkv_settings, model.base_covariance);
            if (count_refusals(made, wanted) < (by_onnx ? 2 : 1))
                fail_msg("%s: a choice after the last is exported", setting->key.name);
        }
        gkv_model_free(made);
    }
    assert_true(choices >= 50);
    assert_true(refused >= 1); /* the part `sample` of base = student-t */
}

/* --- Modules -------------------------------------------------------------- */

/* Any path of the weights stands in the module as it is. */
static void torch_modules(void **state)
{
    (void)state;
    char *text = NULL;
    size_t count;
    const char *path = in_temporary("model.py");
    assert_ok(gkv_export_torch(silu, "a \"b\"\\\n\xc3\xa4.safetensors", path));
    assert_ok(gki_file_read(path, SIZE_MAX, &text, &count));
    assert_non_null(strstr(
        text, "\nWEIGHTS = os.fsdecode(b\"a \\x22b\\x22\\x5c\\x0a\\xc3\\xa4.safetensors\")  #"));
    assert_non_null(strstr(text, "\ndef load(path=WEIGHTS):\n"));
    assert_string_equal(text + count - 20, &"    return vae.eval()\n"[2]);
    free(text);
    assert_fails(gkv_export_torch(silu, "x", in_temporary("no-folder/model.py")), GKV_ERR_IO,
                 "no-folder");
}

static void null_arguments(void **state)
{
    (void)state;
    refuses_null(gkv_export_onnx, NULL, GKV_ONNX_FLOW, "x.onnx");
    refuses_null(gkv_export_onnx, silu, GKV_ONNX_FLOW, NULL);
    refuses_null(gkv_export_torch, NULL, "x", "x.py");
    refuses_null(gkv_export_torch, silu, NULL, "x.py");
    refuses_null(gkv_export_torch, silu, "x", NULL);
    has_no_pointer(gkv_onnx_part_name);
    assert_all_called("export.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_have_names), cmocka_unit_test(files_are_reproducible),
        cmocka_unit_test(refusals),         cmocka_unit_test(every_choice),
        cmocka_unit_test(torch_modules),    cmocka_unit_test(null_arguments),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
