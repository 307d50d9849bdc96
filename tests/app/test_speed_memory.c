/* The measurements of gkvae bench that run out of memory. */
#define _XOPEN_SOURCE 700
#include "failing_memory.h"

#include "vae/small.h"

#include "app/speed.h"
#include "core/error.h"

enum { DENSE = 10, COUNT = 300, HEIGHT = 3, WIDTH = 4 };

static uint8_t pixels[COUNT * HEIGHT * WIDTH], labels[COUNT];

static int make(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i * 31 % 251);
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)(i % 3);
    return 0;
}

static gkv_settings settings_of(const char *base)
{
    gkv_settings settings = small_settings();
    set(&settings, "data.validation", "8");
    set(&settings, "model.latent", "2");
    set(&settings, "model.hidden", "3");
    set(&settings, "model.prior_hidden", "3");
    set(&settings, "model.base", base);
    set(&settings, "model.base_components", "3");
    set(&settings, "model.base_classes", "3");
    set(&settings, "train.batch", "16");
    set(&settings, "train.epochs", "9");
    set(&settings, "train.threads", "1");
    return settings;
}

/* Some steps with a profile, a first refit and another one. */
static gkv_status measure(const char *base)
{
    const gkv_settings settings = settings_of(base);
    gkv_dataset *dataset = NULL;
    gki_bench_training *training = NULL;
    gki_bench_profile profile;
    double seconds = 0;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_dataset_from_memory(COUNT, HEIGHT, WIDTH, 1, pixels, labels, &dataset));
    GKV_TRY_GOTO(gki_bench_training_create(&settings, dataset, &training));
    GKV_TRY_GOTO(gki_bench_training_run(training, 1, 2, &seconds, &profile));
    GKV_TRY_GOTO(gki_bench_training_refit(training, 1, false, &seconds));
done:
    gki_bench_training_free(training);
    return status;
}

static gkv_status measures(void)
{
    return measure("gk-copula");
}

static gkv_status measures_by_class(void)
{
    return measure("gk-by-class");
}

MEMORY_TEST(measures, DENSE)
MEMORY_TEST(measures_by_class, DENSE)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_fails),
        cmocka_unit_test(measures_by_class_fails),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}
