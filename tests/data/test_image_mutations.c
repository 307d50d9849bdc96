/* Mutations of the corpora of images and labels are read or refused (fuzz/mutations.h). */
#define _GNU_SOURCE
#include "support.h"

#include "../fuzz/image_entries.h"
#include "../fuzz/mutations.h"

enum { ROUNDS = 8000 };

static void images(void **state)
{
    (void)state;
    run_mutations("images", ROUNDS, fuzz_images);
}

static void arrays(void **state)
{
    (void)state;
    run_mutations("arrays", ROUNDS, fuzz_arrays);
}

static void zip(void **state)
{
    (void)state;
    run_mutations("zip", ROUNDS, fuzz_zip);
}

static void labels(void **state)
{
    (void)state;
    run_mutations("labels", ROUNDS, fuzz_labels);
}

static void png(void **state)
{
    (void)state;
    run_mutations("png", ROUNDS, fuzz_png);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images), cmocka_unit_test(arrays), cmocka_unit_test(zip),
        cmocka_unit_test(labels), cmocka_unit_test(png),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
