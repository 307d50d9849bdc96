/* Mutations of the corpora of histories and fits are read or refused (fuzz/mutations.h). */
#define _GNU_SOURCE
#include "support.h"

#include "../fuzz/run_entries.h"
#include "../fuzz/mutations.h"

static void histories(void **state)
{
    (void)state;
    run_mutations("history", 4000, fuzz_history);
}

static void fits(void **state)
{
    (void)state;
    run_mutations("fit", 20000, fuzz_fit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(histories), cmocka_unit_test(fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
