/* A small feature network of random weights, and its file in the temporary folder. */
#ifndef GKV_TESTS_SMALL_NETWORK_H
#define GKV_TESTS_SMALL_NETWORK_H

#include "folder.h"

#include "core/rng.h"
#include "safetensors/safetensors.h"

enum {
    HEIGHT = 18,
    WIDTH = 13,
    ONE = 3,
    TWO = 5,
    FIRST = 9,
    SECOND = 6,
    CLASSES = 4,
    TENSORS = 10,
    NOTES = 5
};
enum { FLAT = TWO * 2 * 1 };

typedef struct network {
    float conv0[ONE * 25], conv0_bias[ONE], conv1[TWO * ONE * 25], conv1_bias[TWO];
    float linear0[FIRST * FLAT], linear0_bias[FIRST], linear1[SECOND * FIRST], linear1_bias[SECOND];
    float linear2[CLASSES * SECOND], linear2_bias[CLASSES];
    gki_tensor tensors[TENSORS];
    gki_metadata notes[NOTES];
} network;

static inline void fill(uint64_t index, size_t n, double scale, float *out)
{
    double noise[2048];
    assert_true(n <= 2048);
    gki_rng_normal_d(gki_rng_at(5, GKV_STREAM_USER, n, index), n, noise);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(scale * noise[i]);
}

static inline void make_network(network *t)
{
    const gki_tensor tensors[TENSORS] = {
        {"convolutions.0.weight", GKV_F32, 4, {ONE, 1, 5, 5}, t->conv0},
        {"convolutions.0.bias", GKV_F32, 1, {ONE}, t->conv0_bias},
        {"convolutions.1.weight", GKV_F32, 4, {TWO, ONE, 5, 5}, t->conv1},
        {"convolutions.1.bias", GKV_F32, 1, {TWO}, t->conv1_bias},
        {"linears.0.weight", GKV_F32, 2, {FIRST, FLAT}, t->linear0},
        {"linears.0.bias", GKV_F32, 1, {FIRST}, t->linear0_bias},
        {"linears.1.weight", GKV_F32, 2, {SECOND, FIRST}, t->linear1},
        {"linears.1.bias", GKV_F32, 1, {SECOND}, t->linear1_bias},
        {"linears.2.weight", GKV_F32, 2, {CLASSES, SECOND}, t->linear2},
        {"linears.2.bias", GKV_F32, 1, {CLASSES}, t->linear2_bias},
    };
    const gki_metadata notes[NOTES] = {{"format", "gkvae-features-1"},
                                       {"name", "small"},
                                       {"height", "18"},
                                       {"width", "13"},
                                       {"classes", "4"}};
    memcpy(t->tensors, tensors, sizeof tensors);
    memcpy(t->notes, notes, sizeof notes);
    for (size_t i = 0; i < TENSORS; i++) {
        uint64_t bytes = 0;
        assert_true(gki_tensor_bytes(&tensors[i], &bytes));
        float *array = NULL; /* the array of the tensor, which is not const */
        memcpy(&array, &t->tensors[i].data, sizeof array);
        fill(i, bytes / sizeof(float), 0.4, array);
    }
}

static inline const char *write_network(const network *t)
{
    const char *path = in_temporary("t.safetensors");
    assert_ok(gki_safetensors_write(path, TENSORS, t->tensors, NOTES, t->notes));
    return path;
}

#endif
