/* The remedies of failed calls. */
#include "support.h"

#include "core/error.h"

static void a_failure_has_its_own_remedy(void **state)
{
    (void)state;
    assert_int_equal(gki_fail_remedy(GKV_ERR_DATA, GKV_REMEDY_SKIP, "line %d", 3), GKV_ERR_DATA);
    assert_int_equal(gkv_error_remedy(), GKV_REMEDY_SKIP);
    assert_string_equal(gkv_error_message(), "line 3");
    /* where it failed is added, and the remedy stays */
    assert_int_equal(gki_fail_context(GKV_ERR_DATA, "a table"), GKV_ERR_DATA);
    assert_int_equal(gkv_error_remedy(), GKV_REMEDY_SKIP);
    assert_string_equal(gkv_error_message(), "a table: line 3");
    assert_int_equal(gki_fail(GKV_ERR_ARGUMENT, "another"), GKV_ERR_ARGUMENT);
    assert_int_equal(gkv_error_remedy(), GKV_REMEDY_NONE);
    assert_int_equal(gki_fail_remedy(GKV_ERR_DATA, GKV_REMEDY_FIX, "x"), GKV_ERR_DATA);
    assert_int_equal(gki_fail_errno(0, "a file"), GKV_ERR_IO);
    assert_int_equal(gkv_error_remedy(), GKV_REMEDY_NONE);
}

static void remedies_have_names(void **state)
{
    (void)state;
    assert_null(gkv_remedy_name(GKV_REMEDY_NONE));
    for (int remedy = GKV_REMEDY_NONE + 1; remedy < GKV_REMEDIES; remedy++)
        assert_non_null(gkv_remedy_name(remedy));
    assert_null(gkv_remedy_name(GKV_REMEDIES));
    assert_null(gkv_remedy_name(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_has_its_own_remedy),
        cmocka_unit_test(remedies_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
