/* Reads and checks the file of a feature network; docs/files.md describes the format. The library
 * contains the bytes of the files features/NAME.safetensors. */
#include <inttypes.h>
#include <math.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/simd.h"
#include "core/text.h"
#include "metrics/features.h"
#include "safetensors/safetensors.h"

enum {
    FILE_MAX = 256 << 20,
    SIDE_MIN = 12, /* the second pooling then has one output */
    SIDE_MAX = 1024,
    CLASSES_MAX = 256,
    UNITS_MAX = 4096, /* channels or units of a layer */
    NAME_MAX_SIZE = 64,
    KERNEL = 5,
    LAYERS = GKV_FEATURE_CONVOLUTIONS + GKV_FEATURE_LINEARS
};
static const double sum_max = 1e38; /* bound of all sums in a layer, below the greatest float */
static const size_t paddings[GKV_FEATURE_CONVOLUTIONS] = {2, 0};

/* The file that is read. */
typedef struct source {
    const char *path;
    gki_safetensors *file;
} source;

/* --- Metadata ------------------------------------------------------------- */

static gkv_status read_text(const source *from, const char *key, const char **out)
{
    *out = gki_safetensors_metadata(from->file, key);
    return *out ? GKV_OK
                : gki_fail(GKV_ERR_DATA,
                           "%s: not a feature network: there is no \"%s\" in __metadata__",
                           from->path, key);
}

static gkv_status read_number(const source *from, const char *key, size_t low, size_t high,
                              size_t *out)
{
    const char *text = NULL;
    char shown[GKV_PRINTABLE_SIZE];
    GKV_TRY(read_text(from, key, &text));
    const size_t length = strspn(text, "0123456789");
    const size_t value =
        length > 0 && length <= 9 && text[length] == '\0' ? strtoul(text, NULL, 10) : 0;
    if (value < low || value > high)
        return gki_fail(GKV_ERR_DATA,
                        "%s: __metadata__: %s is \"%s\", not a whole number from %zu to %zu",
                        from->path, key, gki_text_printable(text, shown), low, high);
    *out = value;
    return GKV_OK;
}

static gkv_status read_metadata(const source *from, gkv_features *to)
{
    static const char format[] = "gkvae-features-1";
    const char *text = NULL;
    char shown[GKV_PRINTABLE_SIZE];
    GKV_TRY(read_text(from, "format", &text));
    if (strcmp(text, format) != 0)
        return gki_fail(GKV_ERR_DATA, "%s: __metadata__: format is \"%s\", not \"%s\"", from->path,
                        gki_text_printable(text, shown), format);
    GKV_TRY(read_text(from, "name", &text));
    if (!*text || strlen(text) > NAME_MAX_SIZE ||
        strcmp(gki_text_printable(text, shown), text) != 0)
        return gki_fail(GKV_ERR_DATA,
                        "%s: __metadata__: name is \"%s\", not a word of 1 to %d bytes", from->path,
                        gki_text_printable(text, shown), NAME_MAX_SIZE);
    GKV_TRY(gki_strdup(text, &to->name));
    GKV_TRY(read_number(from, "height", SIDE_MIN, SIDE_MAX, &to->height));
    GKV_TRY(read_number(from, "width", SIDE_MIN, SIDE_MAX, &to->width));
    return read_number(from, "classes", 2, CLASSES_MAX, &to->classes);
}

/* --- Layers --------------------------------------------------------------- */

/* Reads a tensor of this shape. All elements must be finite. The caller frees *out with free(). */
static gkv_status read_tensor(const source *from, const char *name, size_t rank,
                              const int64_t *shape, float **out)
{
    size_t count = 1;
    uint64_t bytes = 0;
    for (size_t i = 0; i < rank; i++)
        count *= (size_t)shape[i];
    const gki_tensor *const found = gki_safetensors_find(from->file, name);
    if (!found || !gki_tensor_bytes(found, &bytes) || bytes != count * sizeof **out)
        /* returns the error */
        return gki_safetensors_read(from->file, name, GKV_F32, rank, shape, NULL);
    GKV_TRY(gki_alloc(count, sizeof **out, out));
    GKV_TRY(gki_safetensors_read(from->file, name, GKV_F32, rank, shape, *out));
    for (size_t i = 0; i < count; i++)
        if (!isfinite((*out)[i]))
            return gki_fail(GKV_ERR_DATA,
                            "%s: tensor \"%s\": element %zu is %g; weights must be finite",
                            from->path, name, i, (double)(*out)[i]);
    return GKV_OK;
}

static gkv_status pack(gki_feature_layer *layer)
{
    const gki_gemm_kernels *const kernels = gki_gemm_kernels_get();
    if (!kernels)
        return GKV_OK;
    GKV_TRY(
        gki_alloc(gki_packed_size(layer->out, layer->in), sizeof *layer->packed, &layer->packed));
    for (size_t piece = 0; piece < gki_pack_pieces(layer->out, layer->in); piece++)
        gki_pack_piece(kernels, layer->out, layer->in, layer->weight, piece, layer->packed);
    return GKV_OK;
}

/* Reads a layer. Its input has `channels` channels with `positions` positions each. In the file, as
 * in PyTorch, the index of the channel comes before that of the position; in memory it comes after
 * it. The shape is [out, shape[1], …]. `out` is `classes` if that is not 0, and otherwise the
 * number in the file. */
static gkv_status read_layer(const source *from, const char *group, size_t number, size_t channels,
                             size_t positions, size_t rank, int64_t *shape, size_t classes,
                             gki_feature_layer *layer)
{
    gkv_status status = GKV_OK;
    float *weight = NULL, *bias = NULL;
    char weight_name[64], bias_name[64];
    snprintf(weight_name, sizeof weight_name, "%s.%zu.weight", group, number);
    snprintf(bias_name, sizeof bias_name, "%s.%zu.bias", group, number);
    const gki_tensor *const found = gki_safetensors_find(from->file, weight_name);
    shape[0] = classes > 0 ? (int64_t)classes : found && found->rank > 0 ? found->shape[0] : 1;
    if (shape[0] < 1 || shape[0] > UNITS_MAX)
        return gki_fail(GKV_ERR_DATA,
                        "%s: tensor \"%s\": shape begins with %" PRId64
                        ", not a number from 1 to %d",
                        from->path, weight_name, shape[0], UNITS_MAX);
    layer->out = (size_t)shape[0];
    layer->in = channels * positions;
    GKV_TRY_GOTO(read_tensor(from, weight_name, rank, shape, &weight));
    GKV_TRY_GOTO(read_tensor(from, bias_name, 1, shape, &bias));
    GKV_TRY_GOTO(gki_alloc(layer->out * layer->in, sizeof *layer->weight, &layer->weight));
    GKV_TRY_GOTO(gki_alloc(layer->out, sizeof *layer->bias, &layer->bias));
    for (size_t o = 0; o < layer->out; o++) {
        layer->bias[o] = (gki_real)bias[o];
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < positions; p++)
                layer->weight[o * layer->in + p * channels + c] =
                    (gki_real)weight[o * layer->in + c * positions + p];
    }
    GKV_TRY_GOTO(pack(layer));
done:
    free(weight);
    free(bias);
    return status;
}

static gkv_status read_layers(const source *from, gkv_features *to)
{
    size_t height = to->height, width = to->width, channels = 1;
    if (gki_safetensors_count(from->file) != 2 * LAYERS)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: not a feature network: it has %zu tensors, not a weight and a bias of %d layers",
            from->path, gki_safetensors_count(from->file), LAYERS);
    for (size_t i = 0; i < GKV_FEATURE_CONVOLUTIONS; i++) {
        gki_conv *const conv = &to->convolutions[i];
        *conv = (gki_conv){.height = height,
                           .width = width,
                           .in = channels,
                           .kernel = KERNEL,
                           .padding = paddings[i]};
        int64_t shape[4] = {0, (int64_t)channels, KERNEL, KERNEL};
        GKV_TRY(read_layer(from, "convolutions", i, channels, KERNEL * KERNEL, 4, shape, 0,
                           &to->layers[i]));
        channels = conv->out = to->layers[i].out;
        height = gki_conv_pooled(conv, height);
        width = gki_conv_pooled(conv, width);
    }
    size_t positions = height * width;
    for (size_t i = 0; i < GKV_FEATURE_LINEARS; i++) {
        gki_feature_layer *const layer = &to->layers[GKV_FEATURE_CONVOLUTIONS + i];
        int64_t shape[2] = {0, (int64_t)(channels * positions)};
        GKV_TRY(read_layer(from, "linears", i, channels, positions, 2, shape,
                           i + 1 == GKV_FEATURE_LINEARS ? to->classes : 0, layer));
        channels = layer->out;
        positions = 1;
    }
    return GKV_OK;
}

/* Refuses weights with which a sum in a layer could overflow for some image. Otherwise a value in
 * the network could be infinite or NaN, and ReLU or pooling could hide it. */
static gkv_status check_sums(const source *from, const gkv_features *f)
{
    double bound = 1; /* of the magnitude of the layer's inputs */
    for (size_t i = 0; i < LAYERS; i++) {
        const gki_feature_layer *const layer = &f->layers[i];
        double next = 0;
        for (size_t o = 0; o < layer->out; o++) {
            double sum = fabs((double)layer->bias[o]);
            for (size_t k = 0; k < layer->in; k++)
                sum += bound * fabs((double)layer->weight[o * layer->in + k]);
            next = fmax(next, sum);
        }
        if (!(next < sum_max))
            return gki_fail(GKV_ERR_DATA,
                            "%s: layer %zu of %d: the weights are so large that sums may reach %g, "
                            "beyond float32",
                            from->path, i + 1, LAYERS, next);
        bound = next;
    }
    return GKV_OK;
}

/* --- The whole file ------------------------------------------------------- */

gkv_status gki_features_read(const char *name, const void *bytes, size_t size, gkv_features **out)
{
    gkv_status status = GKV_OK;
    gkv_features *features = NULL;
    source from = {.path = name};
    *out = NULL;
    GKV_TRY_GOTO(gki_safetensors_open_memory(bytes, size, name, &from.file));
    GKV_TRY_GOTO(gki_alloc(1, sizeof *features, &features));
    SHA256Data(bytes, size, features->sha256);
    GKV_TRY_GOTO(read_metadata(&from, features));
    GKV_TRY_GOTO(read_layers(&from, features));
    GKV_TRY_GOTO(check_sums(&from, features));
    *out = features;
    features = NULL;
done:
    gki_safetensors_free(from.file);
    gkv_features_free(features);
    return status;
}

gkv_status gkv_features_load(const char *path, gkv_features **out)
{
    gkv_status status = GKV_OK;
    char *bytes = NULL;
    size_t size = 0;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(path);
    GKV_TRY_GOTO(gki_file_read(path, FILE_MAX, &bytes, &size));
    GKV_TRY_GOTO(gki_features_read(path, bytes, size, out));
done:
    free(bytes);
    return status;
}

void gkv_features_free(gkv_features *features)
{
    if (!features)
        return;
    for (size_t i = 0; i < LAYERS; i++) {
        free(features->layers[i].weight);
        free(features->layers[i].bias);
        free(features->layers[i].packed);
    }
    free(features->name);
    free(features);
}

/* --- The built-in networks ------------------------------------------------ */

/* The assembler includes the files. CMakeLists.txt defines their folder. */
#define EMBEDDED(symbol, file)                                                         \
    extern const unsigned char gki_features_##symbol[], gki_features_##symbol##_end[]; \
    __asm__(".pushsection .rodata\n"                                                   \
            ".balign 64\n"                                                             \
            ".globl gki_features_" #symbol "\n"                                        \
            ".hidden gki_features_" #symbol "\n"                                       \
            "gki_features_" #symbol ":\n"                                              \
            ".incbin \"" GKV_FEATURES_FOLDER "/" file "\"\n"                           \
            ".globl gki_features_" #symbol "_end\n"                                    \
            ".hidden gki_features_" #symbol "_end\n"                                   \
            "gki_features_" #symbol "_end:\n"                                          \
            ".byte 0\n"                                                                \
            ".popsection\n")

EMBEDDED(mnist, "mnist.safetensors");
EMBEDDED(fashion_mnist, "fashion-mnist.safetensors");

static const struct {
    const char *dataset, *name;
    const unsigned char *begin, *end;
} networks[] = {
    {"mnist", "the built-in network mnist", gki_features_mnist, gki_features_mnist_end},
    {"fashion-mnist", "the built-in network fashion-mnist", gki_features_fashion_mnist,
     gki_features_fashion_mnist_end},
};

gkv_status gkv_features_builtin(const char *dataset, gkv_features **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(dataset);
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if (strcmp(networks[i].dataset, dataset) == 0)
            return gki_features_read(networks[i].name, networks[i].begin,
                                     (size_t)(networks[i].end - networks[i].begin), out);
    char shown[GKV_PRINTABLE_SIZE];
    return gki_fail(
        GKV_ERR_CONFIG,
        "there is no built-in feature network for \"%s\", only for mnist and fashion-mnist; "
        "scripts/train_features.py trains one on images with labels and writes its file",
        gki_text_printable(dataset, shown));
}
