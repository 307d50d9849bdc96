/* Mutations of the corpora of tables keep every promise (fuzz/mutations.h). */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include "../fuzz/entries.h"
#include "../fuzz/mutations.h"

enum { ROUNDS = 30000 };

static void mutated_texts_keep_every_promise(void **state)
{
    (void)state;
    run_mutations("text", ROUNDS, fuzz_table);
}

static void mutated_arrays_keep_every_promise(void **state)
{
    (void)state;
    run_mutations("npy", ROUNDS, fuzz_npy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutated_texts_keep_every_promise),
        cmocka_unit_test(mutated_arrays_keep_every_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
