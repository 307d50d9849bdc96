/* CRC-32: published values, and zlib's of all lengths, in parts and from any address. */
#include "support.h"

#include <zlib.h>

#include "core/rng.h"
#include "safetensors/crc32.h"

enum { MOST = 700 };

static void test_published(void **state)
{
    (void)state;
    static const char text[] = "The quick brown fox jumps over the lazy dog";
    assert_int_equal(gki_crc32(0, "", 0), 0);
    assert_int_equal(gki_crc32(7, NULL, 0), 7);
    assert_int_equal(gki_crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(gki_crc32(0, text, sizeof text - 1), 0x414fa339);
}

static void test_zlib(void **state)
{
    (void)state;
    double uniform[MOST];
    uint8_t bytes[MOST];
    gki_rng_uniform(gki_rng_at(1, GKV_STREAM_USER, 0, 0), MOST, uniform);
    for (size_t i = 0; i < MOST; i++)
        bytes[i] = (uint8_t)(256 * uniform[i]);
    for (size_t first = 0; first < 17; first++)
        for (size_t count = 0; first + count <= MOST; count++) {
            const uint32_t sum = gki_crc32(0, bytes, first);
            assert_int_equal(sum, crc32_z(0, bytes, first));
            assert_int_equal(gki_crc32(sum, bytes + first, count),
                             crc32_z(0, bytes, first + count));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_zlib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
