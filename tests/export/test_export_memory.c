/* Exports that run out of memory. */
#define _XOPEN_SOURCE 700
#include "export_cases.h"
#include "failing_memory.h"

enum { DENSE = 40 };

/* The model that the next calls export, and the part. */
static gkv_model *model;
static gkv_onnx_part part;

static gkv_status export_part(void)
{
    return gkv_export_onnx(model, part, in_temporary("part.onnx"));
}

static void every_part_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXPORT_CASES; i++) {
        const char *name = export_cases[i].name;
        if (strcmp(name, "classes") != 0 && strcmp(name, "full") != 0 &&
            strcmp(name, "colour") != 0 && strcmp(name, "copula") != 0 &&
            strcmp(name, "spline") != 0 && strcmp(name, "glow") != 0)
            continue;
        model = case_model(&export_cases[i]);
        for (part = 0; part < GKV_ONNX_PARTS; part++)
            runs_out_of_memory(export_part, DENSE);
        gkv_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_part_fails)};
    return cmocka_run_group_tests(tests, make_temporary_in_memory, remove_temporary);
}
