/* Ticks at round numbers for any range, malformed text, and histograms. */
#include "support.h"

#include <float.h>

#include "app/axis.h"
#include "app/histogram.h"
#include "core/utf8.h"

static void assert_ticks(double low, double high, int log, int want, const char *expected)
{
    gki_axis axis;
    char seen[1024] = "";
    gki_axis_make(&axis, low, high, log, want);
    for (int i = 0; i < axis.n_ticks; i++) {
        if (i)
            strcat(seen, " | ");
        strcat(seen, axis.texts[i]);
    }
    assert_string_equal(seen, expected);
}

static void round_ticks(void **state)
{
    (void)state;
    assert_ticks(0, 1, 0, 5, "0.0 | 0.2 | 0.4 | 0.6 | 0.8 | 1.0");
    assert_ticks(-0.3, 0.31, 0, 6, "−0.3 | −0.2 | −0.1 | 0.0 | 0.1 | 0.2 | 0.3");
    assert_ticks(78.4, 163.5, 0, 5, "80 | 100 | 120 | 140 | 160");
    assert_ticks(0, 60000, 0, 3, "0 | 20\u2009000 | 40\u2009000 | 60\u2009000");
    assert_ticks(0, 3e7, 0, 3, "0 | 10⁷ | 2×10⁷ | 3×10⁷");
    assert_ticks(0, 2.5e-9, 0, 5, "0 | 0.5×10⁻⁹ | 10⁻⁹ | 1.5×10⁻⁹ | 2.0×10⁻⁹ | 2.5×10⁻⁹");
}

static void logarithmic_ticks(void **state)
{
    (void)state;
    assert_ticks(0.01, 100, 1, 5, "0.01 | 0.1 | 1 | 10 | 100");
    assert_ticks(1e-7, 1, 1, 5, "10⁻⁷ | 10⁻⁶ | 10⁻⁵ | 10⁻⁴ | 10⁻³ | 10⁻² | 10⁻¹ | 10⁰");
    assert_ticks(8, 120, 1, 5, "10 | 20 | 50 | 100");
    assert_ticks(80, 110, 1, 3, "80 | 90 | 100 | 110");
    gki_axis axis;
    gki_axis_make(&axis, 1, 1000, 1, 5);
    assert_close(gki_axis_position(&axis, 10), 1.0 / 3, 1e-12);
    assert_false(gki_axis_has(&axis, 0));
    assert_false(gki_axis_has(&axis, NAN));
    assert_int_equal(axis.n_minor, 24);
}

/* Extreme ends do not cause an endless loop, an overflow, or an axis with low ≥ high. */
static void any_range_gives_an_axis(void **state)
{
    (void)state;
    const double odd[] = {0,        -0.0,        1,         -1,        DBL_MIN,   DBL_MAX,
                          -DBL_MAX, DBL_EPSILON, 1e-320,    INFINITY,  -INFINITY, NAN,
                          1e15,     1e15 + 1,    1 + 1e-15, 123456.789};
    const size_t n = sizeof odd / sizeof *odd;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (int log = 0; log < 2; log++)
                for (int want = 0; want < 20; want += 5) {
                    gki_axis axis;
                    gki_axis_make(&axis, odd[i], odd[j], log, want);
                    assert_true(isfinite(axis.low) && isfinite(axis.high) && axis.low < axis.high);
                    assert_true(axis.n_ticks <= GKV_TICKS_MAX && axis.n_minor <= GKV_MINOR_MAX);
                    for (int t = 0; t < axis.n_ticks; t++) {
                        const double position = gki_axis_position(&axis, axis.ticks[t]);
                        assert_true(position > -0.001 && position < 1.001);
                        assert_true(axis.texts[t][0] != '\0' &&
                                    strlen(axis.texts[t]) < GKV_TICK_TEXT);
                    }
                }
}

static void malformed_utf8_is_replaced(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint32_t characters[6];
    } known[] = {
        {"aé−😀", {'a', 0xE9, 0x2212, 0x1F600, 0}},
        {"\xff"
         "a",
         {0xFFFD, 'a', 0}},
        {"\xc0\xaf", {0xFFFD, 0xFFFD, 0}},             /* overlong */
        {"\xed\xa0\x80", {0xFFFD, 0xFFFD, 0xFFFD, 0}}, /* a surrogate */
        {"\xe2\x88", {0xFFFD, 0xFFFD, 0}},             /* truncated */
        {"\xf4\x90\x80\x80", {0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0}},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const char *next = known[k].text;
        for (int i = 0; i == 0 || known[k].characters[i - 1]; i++)
            assert_int_equal(gki_utf8_next(&next), known[k].characters[i]);
    }
    const char *text = "aé−😀";
    char out[16];
    size_t length = 0;
    for (uint32_t c; (c = gki_utf8_next(&text)) != 0;)
        length += gki_utf8_put(c, out + length);
    out[length] = '\0';
    assert_string_equal(out, "aé−😀");
}

static void histograms_count_densities(void **state)
{
    (void)state;
    gki_histogram h;
    double sample[1000];
    for (int i = 0; i < 1000; i++)
        sample[i] = i / 1000.0;
    assert_ok(gki_histogram_make(&h, sample, 1000, 10));
    assert_int_equal(h.outside, 0);
    for (int b = 0; b < 10; b++)
        assert_close(h.heights[b], 1, 0.03);

    sample[0] = 1e6; /* an outlier does not flatten the rest */
    sample[1] = NAN;
    assert_ok(gki_histogram_make(&h, sample, 1000, 0));
    assert_int_equal(h.finite, 999);
    assert_int_equal(h.outside, 1);
    assert_true(h.high < 1.2 && h.bins >= 10 && h.bins <= 80);
    double area = 0;
    for (size_t b = 0; b < h.bins; b++)
        area += h.heights[b] * (h.high - h.low) / (double)h.bins;
    assert_close(area, 998.0 / 999, 1e-12);
}

static void odd_samples_give_histograms(void **state)
{
    (void)state;
    const double equal[] = {5, 5, 5}, nothing[] = {NAN, INFINITY}, huge[] = {-DBL_MAX, 0, DBL_MAX},
                 one[] = {-2e305};
    gki_histogram h;
    assert_ok(gki_histogram_make(&h, equal, 3, 0));
    assert_true(h.low < 5 && h.high > 5 && h.tallest > 0);
    assert_int_equal(h.outside, 0);
    assert_ok(gki_histogram_make(&h, nothing, 2, 0));
    assert_int_equal(h.finite, 0);
    assert_true(h.low < h.high && h.tallest == 0);
    assert_ok(gki_histogram_make(&h, huge, 3, 7));
    assert_true(isfinite(h.high - h.low) && h.low < h.high);
    assert_ok(gki_histogram_make(&h, one, 1, 0));
    assert_true(isfinite(h.high - h.low) && h.low < h.high);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_ticks),
        cmocka_unit_test(logarithmic_ticks),
        cmocka_unit_test(any_range_gives_an_axis),
        cmocka_unit_test(malformed_utf8_is_replaced),
        cmocka_unit_test(histograms_count_densities),
        cmocka_unit_test(odd_samples_give_histograms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
