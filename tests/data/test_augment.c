/* Elastic augmentation: it is a function of its random address, and its displacements have the
 * documented size. */
#include "support.h"

#include "data/augment.h"

enum { SIDE = 28, N = SIDE * SIDE };

static gki_rng draw(uint64_t i)
{
    return gki_rng_at(7, GKV_STREAM_AUGMENT_FIELD, 3, i);
}

static void flat_stays_flat(void **state)
{
    (void)state;
    static const uint8_t black[N] = {0};
    uint8_t white[N], out[N + 1];
    memset(white, 255, sizeof white);
    for (uint64_t i = 0; i < 50; i++) {
        out[N] = 7;
        gki_augment(black, SIDE, SIDE, 1, draw(i), out);
        assert_memory_equal(out, black, N);
        gki_augment(white, SIDE, SIDE, 1, draw(i), out);
        for (size_t r = 10; r < 18; r++)
            assert_memory_equal(out + r * SIDE + 10, white, 8);
        assert_int_equal(out[N], 7);
    }
}

static void an_address_has_one_deformation(void **state)
{
    (void)state;
    uint8_t grey[N], a[N], b[N];
    for (size_t i = 0; i < N; i++)
        grey[i] = (uint8_t)(i * 31);
    gki_augment(grey, SIDE, SIDE, 1, draw(1), a);
    gki_augment(grey, SIDE, SIDE, 1, draw(1), b);
    assert_memory_equal(a, b, N);
    gki_augment(grey, SIDE, SIDE, 1, draw(2), b);
    assert_memory_not_equal(a, b, N);
}

/* In a ramp, the level of a pixel is the position that it comes from. The affine map moves nothing
 * at the centre. Control points with a standard deviation of s give displacements with s/2, because
 * the squares of the weights of a cubic B-spline sum to 1/2 at a knot. */
static void displacements_have_the_documented_size(void **state)
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
            gki_augment(ramp, SIDE, SIDE, 1, draw(i), out);
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

/* Images of any size, also narrower than a cell or of one pixel. Sanitizers check the accesses. */
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
            gki_augment(grey, sizes[k][0], sizes[k][1], 1, draw(i), out);
        for (size_t p = 0; p < n; p++)
            assert_true(out[p] <= 200);
        assert_int_equal(out[n], 7);
    }
}

/* All channels of a pixel move alike: each is the deformation of that channel alone. */
static void channels_move_together(void **state)
{
    (void)state;
    enum { HEIGHT = 12, WIDTH = 9, PIXELS = HEIGHT * WIDTH, CHANNELS = 3 };
    uint8_t image[CHANNELS * PIXELS], out[CHANNELS * PIXELS], channel[PIXELS], alone[PIXELS];
    for (size_t i = 0; i < CHANNELS * PIXELS; i++)
        image[i] = (uint8_t)(i * i + 31 * i);
    gki_augment(image, HEIGHT, WIDTH, CHANNELS, draw(5), out);
    for (size_t c = 0; c < CHANNELS; c++) {
        for (size_t i = 0; i < PIXELS; i++)
            channel[i] = image[CHANNELS * i + c];
        gki_augment(channel, HEIGHT, WIDTH, 1, draw(5), alone);
        for (size_t i = 0; i < PIXELS; i++)
            assert_int_equal(out[CHANNELS * i + c], alone[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_stays_flat),
        cmocka_unit_test(an_address_has_one_deformation),
        cmocka_unit_test(displacements_have_the_documented_size),
        cmocka_unit_test(any_size),
        cmocka_unit_test(channels_move_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
