/* Libraries that are loaded late, the description of the build, and UTF-8. */
#define _POSIX_C_SOURCE 200809L /* setenv */

#include "support.h"

#include "core/late.h"
#include "core/simd.h"
#include "core/utf8.h"
#include "gkvae/error.h"

static void libraries_may_be_missing(void **state)
{
    (void)state;
    double (*cosine)(double) = NULL, (*nothing)(double) = NULL;
    const gki_late_function good[] = {{"cos", &cosine}},
                            bad[] = {{"cos", &cosine}, {"no_such_function", &nothing}};
    assert_false(gki_late_load("libno-such-library.so.1", 1, good));
    assert_false(gki_late_load("libm.so.6", 2, bad));
    assert_null(nothing);
    assert_true(gki_late_load("libm.so.6", 1, good));
    assert_close(cosine(0), 1, 0);
}

static void builds_are_described(void **state)
{
    (void)state;
    assert_non_null(strstr(gkv_build_description(), "\nkernels: "));
    assert_true(*gkv_version() >= '0' && *gkv_version() <= '9');
}

static void text_is_utf8_or_not(void **state)
{
    (void)state;
    static const char *const good[] =
        {"", "a", "\xc3\xbc", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80"},
                             *const bad[] = {"\x80",
                                             "\xc0\x80",
                                             "\xc3",
                                             "a\xff",
                                             "\xe0\x80\x80",
                                             "\xed\xa0\x80",
                                             "\xf4\x90\x80\x80",
                                             "\xf5\x80\x80\x80",
                                             "\xef\xbf\xbd\xef\xbf",
                                             "\xf0\x80\x80\x80"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(gki_utf8_is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(gki_utf8_is_valid(bad[i]));
}

/* The first test, because the level is decided once. */
static void a_wished_instruction_set_is_used(void **state)
{
    (void)state;
    assert_int_equal(setenv("GKVAE_SIMD", "avx2", 1), 0);
    const gki_simd best = gki_simd_best(), wished = best < GKV_SIMD_AVX2 ? best : GKV_SIMD_AVX2;
    assert_int_equal(gki_simd_level(), wished);
    assert_int_equal(setenv("GKVAE_SIMD", "portable", 1), 0);
    assert_int_equal(gki_simd_level(), wished);
    assert_non_null(strstr(gkv_build_description(), gki_simd_name(wished)));
    assert_int_equal(unsetenv("GKVAE_SIMD"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wished_instruction_set_is_used),
        cmocka_unit_test(libraries_may_be_missing),
        cmocka_unit_test(builds_are_described),
        cmocka_unit_test(text_is_utf8_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
