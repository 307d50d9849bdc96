/* Mutations of the corpus of densities are read or refused (fuzz/mutations.h). */
#define _GNU_SOURCE
#include "support.h"

#include "../fuzz/density_entries.h"
#include "../fuzz/mutations.h"

static void densities(void **state)
{
    (void)state;
    run_mutations("density", 8000, fuzz_density);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(densities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
