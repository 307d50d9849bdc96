/* Reads and checks the file of a feature network; docs/files.md describes the format. The library
 * contains the bytes of the files features/NAME.safetensors. */
#include <inttypes.h>
#include <math.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/embed.h"
#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "metrics/features.h"
#include "safetensors/safetensors.h"

enum {
    FILE_MAX = 256 << 20,
    UNITS_MAX = 4096 /* channels or units of a layer */
};
static const double sum_max = 1e38; /* bound of all sums in a layer, below the greatest float */

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
    const char *text = NULL;
    char shown[GKV_PRINTABLE_SIZE];
    GKV_TRY(read_text(from, "format", &text));
    if (strcmp(text, GKV_FEATURES_FORMAT) != 0)
        return gki_fail(GKV_ERR_DATA, "%s: __metadata__: format is \"%s\", not \"%s\"", from->path,
                        gki_text_printable(text, shown), GKV_FEATURES_FORMAT);
    GKV_TRY(read_text(from, "name", &text));
    if (!*text || strlen(text) > GKV_FEATURES_NAME_MAX ||
        strcmp(gki_text_printable(text, shown), text) != 0)
        return gki_fail(GKV_ERR_DATA,
                        "%s: __metadata__: name is \"%s\", not a word of 1 to %d bytes", from->path,
                        gki_text_printable(text, shown), GKV_FEATURES_NAME_MAX);
    GKV_TRY(gki_strdup(text, &to->name));
    GKV_TRY(read_number(from, "height", GKV_LENET_SIDE_MIN, GKV_FEATURES_SIDE_MAX, &to->height));
    GKV_TRY(read_number(from, "width", GKV_LENET_SIDE_MIN, GKV_FEATURES_SIDE_MAX, &to->width));
    return read_number(from, "classes", 2, GKV_FEATURES_CLASSES_MAX, &to->classes);
}

/* --- Layers --------------------------------------------------------------- */

void gki_features_tensor(size_t weight, const char *suffix, char name[GKV_FEATURES_TENSOR_SIZE])
{
    if (weight < GKV_LENET_CONVOLUTIONS)
        snprintf(name, GKV_FEATURES_TENSOR_SIZE, "convolutions.%zu.%s", weight, suffix);
    else
        snprintf(name, GKV_FEATURES_TENSOR_SIZE, "linears.%zu.%s", weight - GKV_LENET_CONVOLUTIONS,
                 suffix);
}

size_t gki_features_shape(size_t weight, size_t out, size_t channels, size_t positions,
                          int64_t shape[4])
{
    shape[0] = (int64_t)out;
    shape[1] = (int64_t)(weight < GKV_LENET_CONVOLUTIONS ? channels : channels * positions);
    shape[2] = shape[3] = GKV_LENET_KERNEL;
    return weight < GKV_LENET_CONVOLUTIONS ? 4 : 2;
}

/* Refuses a tensor that is missing or not of this shape. */
static gkv_status check_tensor(const source *from, const char *name, size_t rank,
                               const int64_t *shape)
{
    const gki_tensor *const found = gki_safetensors_find(from->file, name);
    bool fits = found && found->dtype == GKV_F32 && found->rank == rank;
    for (size_t i = 0; fits && i < rank; i++)
        fits = found->shape[i] == shape[i];
    return fits ? GKV_OK /* else returns the error */
                : gki_safetensors_read(from->file, name, GKV_F32, rank, shape, NULL);
}

/* Reads the sizes of the layers, and checks the shapes of all tensors. The file is then as large as
 * they say, so that no more memory is allocated than it can fill. */
static gkv_status read_sizes(const source *from, gki_lenet_spec *spec, size_t classes)
{
    char name[GKV_FEATURES_TENSOR_SIZE];
    int64_t shape[4];
    for (size_t i = 0; i < GKV_LENET_WEIGHTS; i++) {
        size_t channels, positions;
        gki_features_tensor(i, "weight", name);
        const gki_tensor *const found = gki_safetensors_find(from->file, name);
        const int64_t out = i + 1 == GKV_LENET_WEIGHTS ? (int64_t)classes
                            : found && found->rank > 0 ? found->shape[0]
                                                       : 1;
        if (out < 1 || out > UNITS_MAX)
            return gki_fail(GKV_ERR_DATA,
                            "%s: tensor \"%s\": shape begins with %" PRId64
                            ", not a number from 1 to %d",
                            from->path, name, out, UNITS_MAX);
        spec->outputs[i] = (size_t)out;
        gki_lenet_shape(spec, i, &channels, &positions);
        const size_t rank = gki_features_shape(i, (size_t)out, channels, positions, shape);
        GKV_TRY(check_tensor(from, name, rank, shape));
        gki_features_tensor(i, "bias", name);
        GKV_TRY(check_tensor(from, name, 1, shape));
    }
    return GKV_OK;
}

/* Reads `count` elements of a tensor, which must be finite. */
static gkv_status read_tensor(const source *from, const char *name, size_t rank,
                              const int64_t *shape, size_t count, float *to)
{
    GKV_TRY(gki_safetensors_read(from->file, name, GKV_F32, rank, shape, to));
    for (size_t i = 0; i < count; i++)
        if (!isfinite(to[i]))
            return gki_fail(GKV_ERR_DATA,
                            "%s: tensor \"%s\": element %zu is %g; weights must be finite",
                            from->path, name, i, (double)to[i]);
    return GKV_OK;
}

static gkv_status read_weight(const source *from, size_t i, gki_lenet *net)
{
    gkv_status status = GKV_OK;
    const gki_lenet_weight *const w = &net->weights[i];
    const size_t in = w->channels * w->positions;
    gki_real *const weight = gki_param_value(&net->params, w->weight), *const bias =
                                                                           gki_param_value(
                                                                               &net->params,
                                                                               w->bias);
    char name[GKV_FEATURES_TENSOR_SIZE];
    int64_t shape[4];
    float *values = NULL;
    const size_t rank = gki_features_shape(i, w->out, w->channels, w->positions, shape);
    GKV_TRY_GOTO(gki_alloc(w->out * in, sizeof *values, &values));
    gki_features_tensor(i, "weight", name);
    GKV_TRY_GOTO(read_tensor(from, name, rank, shape, w->out * in, values));
    for (size_t o = 0; o < w->out; o++)
        for (size_t c = 0; c < w->channels; c++)
            for (size_t p = 0; p < w->positions; p++)
                weight[gki_lenet_place(w, o, c, p)] =
                    (gki_real)values[o * in + c * w->positions + p];
    gki_features_tensor(i, "bias", name);
    GKV_TRY_GOTO(read_tensor(from, name, 1, shape, w->out, values));
    for (size_t o = 0; o < w->out; o++)
        bias[o] = (gki_real)values[o];
done:
    free(values);
    return status;
}

static gkv_status read_layers(const source *from, gkv_features *to)
{
    gki_lenet_spec spec = {.height = to->height, .width = to->width};
    if (gki_safetensors_count(from->file) != 2 * GKV_LENET_WEIGHTS)
        return gki_fail(
            GKV_ERR_DATA,
            "%s: not a feature network: it has %zu tensors, not a weight and a bias of %d layers",
            from->path, gki_safetensors_count(from->file), GKV_LENET_WEIGHTS);
    GKV_TRY(read_sizes(from, &spec, to->classes));
    GKV_TRY(gki_lenet_create(&spec, &to->net));
    for (size_t i = 0; i < GKV_LENET_WEIGHTS; i++)
        GKV_TRY(read_weight(from, i, &to->net));
    return GKV_OK;
}

/* Refuses weights with which a sum in a layer could overflow for some image. Otherwise a value in
 * the network could be infinite or NaN, and ReLU or pooling could hide it. */
static gkv_status check_sums(const source *from, const gki_lenet *net)
{
    double bound = 1; /* of the magnitude of the layer's inputs */
    for (size_t i = 0; i < GKV_LENET_WEIGHTS; i++) {
        const gki_lenet_weight *const w = &net->weights[i];
        const gki_real *const weight = gki_param_value(&net->params, w->weight),
                              *const bias = gki_param_value(&net->params, w->bias);
        double next = 0;
        for (size_t o = 0; o < w->out; o++) {
            double sum = fabs((double)bias[o]);
            for (size_t c = 0; c < w->channels; c++)
                for (size_t p = 0; p < w->positions; p++)
                    sum += bound * fabs((double)weight[gki_lenet_place(w, o, c, p)]);
            next = fmax(next, sum);
        }
        if (!(next < sum_max))
            return gki_fail(GKV_ERR_DATA,
                            "%s: layer %zu of %d: the weights are so large that sums may reach %g, "
                            "beyond float32",
                            from->path, i + 1, GKV_LENET_WEIGHTS, next);
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
    GKV_TRY_GOTO(check_sums(&from, &features->net));
    GKV_TRY_GOTO(
        gki_workspace_create(&(gki_plan){0}, 1, false, &features->net.params, &features->weights));
    GKV_TRY_GOTO(gki_workspace_keep_all_packed(&features->weights, 1));
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
    gki_workspace_free(&features->weights);
    gki_lenet_free(&features->net);
    free(features->name);
    free(features);
}

/* --- The built-in networks ------------------------------------------------ */

/* CMakeLists.txt defines their folder. */
GKV_EMBED(gki_features_mnist, GKV_FEATURES_FOLDER "/mnist.safetensors");
GKV_EMBED(gki_features_fashion_mnist, GKV_FEATURES_FOLDER "/fashion-mnist.safetensors");

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
    return gki_fail_remedy(GKV_ERR_CONFIG, GKV_REMEDY_FEATURES,
                           "there is no built-in feature network for \"%s\", only for mnist and "
                           "fashion-mnist; train one on images with labels, and name its file",
                           gki_text_printable(dataset, shown));
}
