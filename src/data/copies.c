#include "data/copies.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/* An image's hash and its number. */
typedef struct print {
    uint64_t hash;
    size_t image;
} print;

struct gki_copies {
    const gkv_dataset *data;
    size_t count;
    print *prints; /* [count], sorted by hash */
};

static uint64_t hash_of(const uint8_t *bytes, size_t n)
{
    uint64_t hash = 0x9e3779b97f4a7c15u ^ n;
    for (; n >= 8; n -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    for (; n > 0; n--, bytes++)
        hash = (hash ^ *bytes) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 29;
}

static int by_hash(const void *a, const void *b)
{
    const print *left = a, *right = b;
    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return (left->image > right->image) - (left->image < right->image);
}

/* The bytes of an image. */
static size_t size_of(const gkv_dataset *data)
{
    return gkv_dataset_height(data) * gkv_dataset_width(data) * gkv_dataset_channels(data);
}

static bool equal(const gkv_dataset *a, size_t i, const gkv_dataset *b, size_t j)
{
    return memcmp(gkv_dataset_pixels(a, i), gkv_dataset_pixels(b, j), size_of(a)) == 0;
}

bool gki_copies_contain(const gki_copies *copies, const gkv_dataset *data, size_t image)
{
    const print *prints = copies->prints;
    const uint64_t hash = hash_of(gkv_dataset_pixels(data, image), size_of(data));
    size_t low = 0, high = copies->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (prints[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < copies->count && prints[low].hash == hash; low++)
        if (equal(copies->data, prints[low].image, data, image))
            return true;
    return false;
}

gkv_status gki_copies_create(const gkv_dataset *data, gki_copies **out)
{
    gki_copies *copies = NULL;
    gkv_status status;
    *out = NULL;
    GKV_TRY(gki_alloc(1, sizeof *copies, &copies));
    copies->data = data;
    copies->count = gkv_dataset_count(data);
    GKV_TRY_GOTO(gki_alloc(copies->count, sizeof *copies->prints, &copies->prints));
    for (size_t i = 0; i < copies->count; i++)
        copies->prints[i] = (print){hash_of(gkv_dataset_pixels(data, i), size_of(data)), i};
    qsort(copies->prints, copies->count, sizeof *copies->prints, by_hash);
    *out = copies;
    return GKV_OK;
done:
    gki_copies_free(copies);
    return status;
}

void gki_copies_free(gki_copies *copies)
{
    if (copies)
        free(copies->prints);
    free(copies);
}

size_t gki_copies_count(const gki_copies *copies)
{
    const print *prints = copies->prints;
    size_t repeated = 0;
    for (size_t i = 1; i < copies->count; i++)
        repeated += prints[i].hash == prints[i - 1].hash &&
                    equal(copies->data, prints[i].image, copies->data, prints[i - 1].image);
    return repeated;
}
