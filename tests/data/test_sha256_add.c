/* The quick SHA-256 is libmd's, for every length and every division into parts. */
#include "support.h"

#include "data/sha256_add.h"
#include "gkvae/settings.h"

enum { SIZE = 1000 };

static void fill(uint8_t bytes[SIZE])
{
    uint32_t state = 1;
    for (size_t i = 0; i < SIZE; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(state >> 24);
    }
}

static void sums_are_those_of_libmd(void **state)
{
    (void)state;
    uint8_t bytes[SIZE];
    char expected[GKV_DIGEST_SIZE], found[GKV_DIGEST_SIZE];
    fill(bytes);
    for (size_t length = 0; length <= SIZE; length += length < 300 ? 1 : 7) {
        const size_t parts[] = {length, 1, 63, 64, 65, 200};
        SHA256Data(bytes, length, expected);
        for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
            SHA2_CTX sum;
            SHA256Init(&sum);
            for (size_t offset = 0; offset < length; offset += parts[p])
                gki_sha256_add(&sum, bytes + offset,
                               length - offset < parts[p] ? length - offset : parts[p]);
            SHA256End(&sum, found);
            assert_string_equal(found, expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_are_those_of_libmd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
