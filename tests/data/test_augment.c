/* Bent images: of the stated size, by nothing but the place, and gently. */
#include "support.h"

#include "data/augment.h"

enum { SIDE = 28, N = SIDE * SIDE };

static gkv_rng draw(uint64_t i)
{
    return gkv_rng_at(7, GKV_STREAM_AUGMENT_FIELD, 3, i);
}

static void flat_stays_flat(void **state)
{
    (void)state;
    static const uint8_t black[N] = {0};
    uint8_t white[N], out[N + 1];
    memset(white, 255, sizeof white);
    for (uint64_t i = 0; i < 50; i++) {
        out[N] = 7;
        gkv_augment(black, SIDE, SIDE, draw(i), out);
        assert_memory_equal(out, black, N);
        gkv_augment(white, SIDE, SIDE, draw(i), out);
        for (size_t r = 10; r < 18; r++)
            assert_memory_equal(out + r * SIDE + 10, white, 8);
        assert_int_equal(out[N], 7);
    }
}

static void a_place_has_one_bend(void **state)
{
    (void)state;
    uint8_t grey[N], a[N], b[N];
    for (size_t i = 0; i < N; i++)
        grey[i] = (uint8_t)(i * 31);
    gkv_augment(grey, SIDE, SIDE, draw(1), a);
    gkv_augment(grey, SIDE, SIDE, draw(1), b);
    assert_memory_equal(a, b, N);
    gkv_augment(grey, SIDE, SIDE, draw(2), b);
    assert_memory_not_equal(a, b, N);
}

/* Across a ramp the level tells where a pixel is from. In the very middle the affine map moves nothing,
 * and control points of sd s leave s/2: the squares of a cubic B-spline's weights add up to 1/2 at a knot. */
static void moves_as_far_as_it_says(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    static const double slope = 8;
    for (int down = 0; down < 2; down++) {
        uint8_t ramp[N], out[N];
        double sum = 0, squares = 0;
        for (size_t i = 0; i < N; i++)
            ramp[i] = (uint8_t)(slope * (double)(down ? i / SIDE : i % SIDE));
        for (uint64_t i = 0; i < DRAWS; i++) {
            gkv_augment(ramp, SIDE, SIDE, draw(i), out);
            const size_t m = SIDE / 2 * SIDE + SIDE / 2;
            const double level = (out[m] + out[m - 1] + out[m - SIDE] + out[m - SIDE - 1]) / 4.0;
            const double moved = level / slope - 13.5;
            sum += moved;
            squares += moved * moved;
        }
        assert_close(sum / DRAWS, 0, 5 * 0.84 / sqrt(DRAWS));
        assert_close(sqrt(squares / DRAWS), 0.06 * SIDE / 2, 0.05);
    }
}

/* Any size, seen by a sanitizer: narrower than a cell, and one pixel. */
static void any_size(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{1, 1}, {1, 9}, {3, 2}, {5, 70}, {64, 33}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        uint8_t grey[64 * 33], out[64 * 33 + 1];
        const size_t n = sizes[k][0] * sizes[k][1];
        memset(grey, 200, sizeof grey);
        out[n] = 7;
        for (uint64_t i = 0; i < 20; i++)
            gkv_augment(grey, sizes[k][0], sizes[k][1], draw(i), out);
        for (size_t p = 0; p < n; p++)
            assert_true(out[p] <= 200);
        assert_int_equal(out[n], 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_stays_flat),
        cmocka_unit_test(a_place_has_one_bend),
        cmocka_unit_test(moves_as_far_as_it_says),
        cmocka_unit_test(any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
