/* Mutations of the corpora of tensors, models, checkpoints and settings are read or refused
 * (fuzz/mutations.h). */
#define _GNU_SOURCE
#include "support.h"

#include "../fuzz/model_entries.h"
#include "../fuzz/mutations.h"

static void tensors(void **state)
{
    (void)state;
    run_mutations("safetensors", 8000, fuzz_safetensors);
}

static void models(void **state)
{
    (void)state;
    run_mutations("model", 8000, fuzz_model);
}

static void checkpoints(void **state)
{
    (void)state;
    run_mutations("checkpoint", 8000, fuzz_checkpoint);
}

static void settings(void **state)
{
    (void)state;
    run_mutations("settings", 8000, fuzz_settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors),
        cmocka_unit_test(models),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
