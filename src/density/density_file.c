/* Densities as files; declared in gkvae/density.h. docs/files.md lists the tensors. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/table_density.h"
#include "mixture/mixture.h"
#include "safetensors/safetensors.h"

#define FORMAT "gkvae-density-1"

/* MARGIN_INFO: numbers about a margin that do not follow from it; CANDIDATE_INFO: about a
 * candidate; TENSORS_MAX: more than the tensors of a density without those of a flow. */
enum { MARGIN_INFO = 8, CANDIDATE_INFO = 18, TENSORS_MAX = 24, NAME_SIZE = 96 };

static void margin_numbers(const gkv_density_margin_info *info, double *numbers)
{
    memcpy(numbers, info->held_out, GKV_DENSITY_MARGINS * sizeof *numbers);
    numbers[3] = info->resolution;
    numbers[4] = info->atom;
    numbers[5] = info->atom_share;
    numbers[6] = (double)info->far;
    numbers[7] = (double)info->intervals;
}

static void candidate_numbers(const gki_candidate *candidate, double *numbers)
{
    const gkv_density_candidate_info *info = &candidate->info;
    const double all[CANDIDATE_INFO] = {
        info->fitted,          info->held_out,          info->se,
        info->difference,      info->difference_se,     info->lowest,
        (double)info->rows,    candidate->copula_share, (double)info->components,
        (double)info->updates, info->freedom,           info->beyond[0],
        info->beyond[1],       info->beyond_low[0],     info->beyond_low[1],
        info->beyond_high[0],  info->beyond_high[1],    0};
    memcpy(numbers, all, sizeof all);
}

static size_t count_of(double number)
{
    return number >= 0 && number < 1e15 ? (size_t)number : 0;
}

static void candidate_from(const double *from, gki_candidate *candidate)
{
    candidate->copula_share = from[7];
    candidate->info = (gkv_density_candidate_info){.fitted = from[0] != 0,
                                                   .held_out = from[1],
                                                   .se = from[2],
                                                   .difference = from[3],
                                                   .difference_se = from[4],
                                                   .lowest = from[5],
                                                   .rows = count_of(from[6]),
                                                   .copula_share = from[7],
                                                   .components = count_of(from[8]),
                                                   .updates = count_of(from[9]),
                                                   .freedom = from[10],
                                                   .beyond = {from[11], from[12]},
                                                   .beyond_low = {from[13], from[14]},
                                                   .beyond_high = {from[15], from[16]}};
}

/* --- Writing -------------------------------------------------------------- */

typedef struct density_writer {
    gki_tensor *tensors;
    char (*names)[NAME_SIZE];
    size_t count;
    void *memory[TENSORS_MAX];
    size_t n_memory;
} density_writer;

static void put(density_writer *writer, gki_dtype dtype, size_t rank, const int64_t *shape,
                const void *data, const char *first, const char *second)
{
    snprintf(writer->names[writer->count], NAME_SIZE, "%s%s", first, second);
    gki_tensor *tensor = &writer->tensors[writer->count];
    *tensor = (gki_tensor){
        .name = writer->names[writer->count], .dtype = dtype, .rank = rank, .data = data};
    memcpy(tensor->shape, shape, rank * sizeof *shape);
    writer->count++;
}

#define SHAPE(...)                                                  \
    sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]) \
    {                                                               \
        __VA_ARGS__                                                 \
    }

/* Memory that the writer owns. */
static gkv_status take(density_writer *writer, size_t count, size_t size, void *out)
{
    GKV_TRY(gki_alloc(count, size, out));
    writer->memory[writer->n_memory++] = *(void **)out;
    return GKV_OK;
}

static gkv_status put_names(density_writer *writer, const gkv_density *density)
{
    size_t length = 0, offset = 0;
    char *text = NULL;
    for (size_t j = 0; j < density->d; j++)
        length += strlen(density->names[j]) + 1;
    GKV_TRY(take(writer, length, 1, &text));
    for (size_t j = 0; j < density->d; offset += strlen(density->names[j++]) + 1)
        memcpy(text + offset, density->names[j], strlen(density->names[j]) + 1);
    put(writer, GKV_U8, SHAPE((int64_t)length), text, "columns", "");
    return GKV_OK;
}

static gkv_status put_tables(density_writer *writer, const gkv_density *density)
{
    double *margins = NULL, *candidates = NULL, *copula = NULL;
    const int64_t d = (int64_t)density->d;
    GKV_TRY(take(writer, density->d * MARGIN_INFO, sizeof *margins, &margins));
    GKV_TRY(take(writer, GKV_DENSITY_CANDIDATES * CANDIDATE_INFO, sizeof *candidates, &candidates));
    GKV_TRY(take(writer, 1, sizeof *copula, &copula));
    for (size_t j = 0; j < density->d; j++)
        margin_numbers(&density->margin_info[j], margins + j * MARGIN_INFO);
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        candidate_numbers(&density->list[c], candidates + c * CANDIDATE_INFO);
    *copula = gki_copula_freedom(density->copula);
    put(writer, GKV_F64, SHAPE(d, GKV_MARGIN_NUMBERS), density->margins, "margins", "");
    put(writer, GKV_F64, SHAPE(d, MARGIN_INFO), margins, "margins", ".info");
    put(writer, GKV_F64, SHAPE(GKV_DENSITY_CANDIDATES, CANDIDATE_INFO), candidates, "candidates",
        "");
    put(writer, GKV_F64, SHAPE(1), copula, "t-copula", ".freedom");
    put(writer, GKV_F64, SHAPE(d, d), gki_copula_cholesky(density->copula), "t-copula",
        ".cholesky");
    return GKV_OK;
}

static gkv_status put_mixture(density_writer *writer, const gkv_mgk_mixture *mixture,
                              const char *name)
{
    const size_t count = gkv_mgk_mixture_count(mixture), d = gkv_mgk_mixture_dimensions(mixture);
    const int64_t k = (int64_t)count, dd = (int64_t)d;
    double *weights = NULL;
    GKV_TRY(take(writer, count * (1 + 5 * d + d * d), sizeof *weights, &weights));
    double *margins = weights + count, *mean = margins + 4 * count * d,
           *cholesky = mean + count * d;
    gki_mgk_mixture_to_arrays(mixture, weights, margins, mean, cholesky);
    put(writer, GKV_F64, SHAPE(k), weights, name, ".weights");
    put(writer, GKV_F64, SHAPE(k, dd, 4), margins, name, ".margins");
    put(writer, GKV_F64, SHAPE(k, dd), mean, name, ".mean");
    put(writer, GKV_F64, SHAPE(k, dd, dd), cholesky, name, ".cholesky");
    return GKV_OK;
}

static void put_flow(density_writer *writer, const gki_table_flow *flow)
{
    for (size_t i = 0; i < flow->params.count; i++) {
        const gki_param *param = &flow->params.list[i];
        const int64_t shape[2] = {(int64_t)param->rows, (int64_t)param->cols};
        put(writer, GKV_REAL_DTYPE, param->cols ? 2 : 1, shape, gki_param_value(&flow->params, i),
            "flow.", param->name);
    }
}

gkv_status gkv_density_save(const gkv_density *density, const char *path)
{
    GKV_NEED(density);
    GKV_NEED(path);
    if (density->derived)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "gkv_density_save: a conditional or marginal density cannot be saved");
    density_writer writer = {.count = 0};
    char numbers[5][32];
    gkv_status status = GKV_OK;
    const gki_table_flow *flow = density->list[GKV_DENSITY_FLOW].flow;
    const size_t most = TENSORS_MAX + (flow ? flow->params.count : 0);
    GKV_TRY_GOTO(gki_alloc(most, sizeof *writer.tensors, &writer.tensors));
    GKV_TRY_GOTO(gki_alloc(most, sizeof *writer.names, &writer.names));
    GKV_TRY_GOTO(put_names(&writer, density));
    GKV_TRY_GOTO(put_tables(&writer, density));
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        const gki_candidate *candidate = &density->list[c];
        const char *name = gkv_density_candidate_name(c);
        if (candidate->n_calibration > 0)
            put(&writer, GKV_F64, SHAPE((int64_t)candidate->n_calibration), candidate->calibration,
                "calibration.", name);
        if (candidate->mixture)
            GKV_TRY_GOTO(put_mixture(&writer, candidate->mixture, name));
    }
    if (flow)
        put_flow(&writer, flow);
    snprintf(numbers[0], sizeof numbers[0], "%zu", density->n);
    snprintf(numbers[1], sizeof numbers[1], "%zu", density->flow_spec.layers);
    snprintf(numbers[2], sizeof numbers[2], "%zu", density->flow_spec.hidden);
    const gki_metadata metadata[] = {
        {"format", FORMAT},
        {"rows", numbers[0]},
        {"chosen", gkv_density_candidate_name(density->chosen)},
        {"flow", density->family},
        {"flow.layers", numbers[1]},
        {"flow.hidden", numbers[2]},
    };
    status = gki_safetensors_write(path, writer.count, writer.tensors,
                                   sizeof metadata / sizeof *metadata, metadata);
done:
    for (size_t i = 0; i < writer.n_memory; i++)
        free(writer.memory[i]);
    free(writer.tensors);
    free(writer.names);
    return status;
}

/* --- Reading -------------------------------------------------------------- */

typedef struct density_reader {
    const char *path;
    gki_safetensors *file;
} density_reader;

static gkv_status damaged(const density_reader *reader, const char *what)
{
    return gki_fail(GKV_ERR_DATA, "%s: it is not a density of a table: %s", reader->path, what);
}

/* The tensor of this type and rank, or NULL. */
static const gki_tensor *find(const density_reader *reader, const char *first, const char *second,
                              gki_dtype dtype, size_t rank)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", first, second);
    const gki_tensor *tensor = gki_safetensors_find(reader->file, name);
    return tensor && tensor->dtype == dtype && tensor->rank == rank ? tensor : NULL;
}

static gkv_status get(const density_reader *reader, const char *first, const char *second,
                      gki_dtype dtype, size_t rank, const int64_t *shape, void *out)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", first, second);
    return gki_safetensors_read(reader->file, name, dtype, rank, shape, out);
}

static size_t metadata_number(const density_reader *reader, const char *key)
{
    const char *text = gki_safetensors_metadata(reader->file, key);
    char *end = NULL;
    const unsigned long number = text ? strtoul(text, &end, 10) : 0;
    return text && *text && !*end ? number : 0;
}

/* Creates the density with the names of the file. */
static gkv_status read_names(const density_reader *reader, gkv_density **out)
{
    const gki_tensor *tensor = find(reader, "columns", "", GKV_U8, 1),
                     *margins = find(reader, "margins", "", GKV_F64, 2);
    const char *names[GKV_DENSITY_COLUMNS_MAX] = {NULL};
    char *text = NULL;
    gkv_status status = GKV_OK;
    if (!tensor || !margins || margins->shape[0] < 1 ||
        margins->shape[0] > GKV_DENSITY_COLUMNS_MAX || tensor->shape[0] > 1 << 24)
        return damaged(reader, "it has no columns");
    const size_t d = (size_t)margins->shape[0], length = (size_t)tensor->shape[0];
    GKV_TRY(gki_alloc(length + 1, 1, &text));
    GKV_TRY_GOTO(get(reader, "columns", "", GKV_U8, 1, tensor->shape, text));
    size_t offset = 0;
    for (size_t j = 0; j < d; j++) {
        if (offset >= length) {
            status = damaged(reader, "names of columns are missing");
            goto done;
        }
        names[j] = text + offset;
        offset += strlen(text + offset) + 1;
    }
    status = gki_density_alloc(d, names, out);
done:
    free(text);
    return status;
}

static gkv_status read_tables(const density_reader *reader, gkv_density *density)
{
    const int64_t d = (int64_t)density->d;
    double *memory = NULL, freedom = 0;
    gkv_status status = GKV_OK;
    GKV_TRY(
        gki_alloc(density->d * (MARGIN_INFO + density->d) + GKV_DENSITY_CANDIDATES * CANDIDATE_INFO,
                  sizeof *memory, &memory));
    double *cholesky = memory + density->d * MARGIN_INFO,
           *candidates = cholesky + density->d * density->d;
    GKV_TRY_GOTO(
        get(reader, "margins", "", GKV_F64, SHAPE(d, GKV_MARGIN_NUMBERS), density->margins));
    GKV_TRY_GOTO(get(reader, "margins", ".info", GKV_F64, SHAPE(d, MARGIN_INFO), memory));
    GKV_TRY_GOTO(get(reader, "candidates", "", GKV_F64,
                     SHAPE(GKV_DENSITY_CANDIDATES, CANDIDATE_INFO), candidates));
    GKV_TRY_GOTO(get(reader, "t-copula", ".freedom", GKV_F64, SHAPE(1), &freedom));
    GKV_TRY_GOTO(get(reader, "t-copula", ".cholesky", GKV_F64, SHAPE(d, d), cholesky));
    for (size_t j = 0; j < density->d; j++) {
        const double *numbers = memory + j * MARGIN_INFO;
        if (gki_margin_check(&density->margins[j]) != GKV_OK) {
            status = damaged(reader, "a margin is not a distribution");
            goto done;
        }
        gkv_density_margin_info *info = &density->margin_info[j];
        gki_margin_describe(&density->margins[j], info);
        memcpy(info->held_out, numbers, sizeof info->held_out);
        info->resolution = numbers[3];
        info->atom = numbers[4];
        info->atom_share = numbers[5];
        info->far = count_of(numbers[6]);
        info->intervals = count_of(numbers[7]);
    }
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        candidate_from(candidates + c * CANDIDATE_INFO, &density->list[c]);
        if (!(density->list[c].copula_share >= 0 && density->list[c].copula_share <= 1))
            status = damaged(reader, "a share of the copula is out of range");
    }
    if (status == GKV_OK)
        status = gki_copula_create(density->d, freedom, freedom, NULL, cholesky, &density->copula);
done:
    free(memory);
    return status;
}

static gkv_status read_mixture(const density_reader *reader, int64_t candidate,
                               gkv_density *density)
{
    const char *name = gkv_density_candidate_name(candidate);
    const gki_tensor *tensor = find(reader, name, ".weights", GKV_F64, 1);
    double *weights = NULL;
    gkv_status status = GKV_OK;
    if (!tensor || tensor->shape[0] < 1 || tensor->shape[0] > 1024)
        return damaged(reader, "a mixture is missing");
    const int64_t k = tensor->shape[0], d = (int64_t)density->d;
    const size_t count = (size_t)k, dd = density->d;
    GKV_TRY(gki_alloc(count * (1 + 5 * dd + dd * dd), sizeof *weights, &weights));
    double *margins = weights + count, *mean = margins + 4 * count * dd,
           *cholesky = mean + count * dd;
    GKV_TRY_GOTO(get(reader, name, ".weights", GKV_F64, SHAPE(k), weights));
    GKV_TRY_GOTO(get(reader, name, ".margins", GKV_F64, SHAPE(k, d, 4), margins));
    GKV_TRY_GOTO(get(reader, name, ".mean", GKV_F64, SHAPE(k, d), mean));
    GKV_TRY_GOTO(get(reader, name, ".cholesky", GKV_F64, SHAPE(k, d, d), cholesky));
    status = gki_mgk_mixture_from_arrays(dd, count, weights, margins, gkv_gk_standard().c, mean,
                                         cholesky, &density->list[candidate].mixture);
    if (status == GKV_ERR_ARGUMENT)
        status = damaged(reader, "a mixture is not a distribution");
done:
    free(weights);
    return status;
}

/* Lack of memory is no damage of the file. */
static gkv_status unless_memory(const density_reader *reader, gkv_status status, const char *damage)
{
    return status == GKV_OK || status == GKV_ERR_MEMORY ? status : damaged(reader, damage);
}

static gkv_status read_flow(const density_reader *reader, gkv_density *density)
{
    const char *family = gki_safetensors_metadata(reader->file, "flow");
    const gki_table_flow_spec spec = {.d = density->d,
                                      .layers = metadata_number(reader, "flow.layers"),
                                      .hidden = metadata_number(reader, "flow.hidden"),
                                      .family = family ? family : ""};
    if (spec.layers < 1 || spec.layers > 64 || spec.hidden < 1 || spec.hidden > 1024 ||
        density->d < 2 || strlen(spec.family) >= sizeof density->family)
        return damaged(reader, "its flow is unknown");
    GKV_TRY(unless_memory(reader,
                          gki_table_flow_create(&spec, &density->list[GKV_DENSITY_FLOW].flow),
                          "its flow is unknown"));
    gki_table_flow *flow = density->list[GKV_DENSITY_FLOW].flow;
    gki_density_set_flow(density, &spec);
    for (size_t i = 0; i < flow->params.count; i++) {
        const gki_param *param = &flow->params.list[i];
        const int64_t shape[2] = {(int64_t)param->rows, (int64_t)param->cols};
        gki_real *values = gki_param_value(&flow->params, i);
        GKV_TRY(
            get(reader, "flow.", param->name, GKV_REAL_DTYPE, param->cols ? 2 : 1, shape, values));
        for (size_t e = 0; e < param->size; e++)
            if (!isfinite(values[e]))
                return damaged(reader, "a weight of the flow is not finite");
    }
    GKV_TRY(unless_memory(reader, gki_flow_check(flow->flow, &flow->params),
                          "a weight of the flow is not 0 where the order of dimensions needs it"));
    return unless_memory(reader, flow->base->ops->check(flow->base, &flow->params),
                         "the base of the flow is not a distribution");
}

static gkv_status read_calibration(const density_reader *reader, int64_t candidate,
                                   gkv_density *density)
{
    gki_candidate *c = &density->list[candidate];
    const gki_tensor *tensor =
        find(reader, "calibration.", gkv_density_candidate_name(candidate), GKV_F64, 1);
    if (!tensor)
        return damaged(reader, "log densities of held-out rows are missing");
    if (tensor->shape[0] < 1 || tensor->shape[0] > GKV_CALIBRATION_MAX)
        return damaged(reader, "the log densities of held-out rows are too many");
    c->n_calibration = (size_t)tensor->shape[0];
    GKV_TRY(gki_alloc(c->n_calibration, sizeof *c->calibration, &c->calibration));
    GKV_TRY(get(reader, "calibration.", gkv_density_candidate_name(candidate), GKV_F64, 1,
                tensor->shape, c->calibration));
    for (size_t i = 0; i < c->n_calibration; i++)
        if (!(c->calibration[i] >= c->calibration[i > 0 ? i - 1 : 0]))
            return damaged(reader, "the log densities of held-out rows are not in order");
    return GKV_OK;
}

static gkv_status read_candidates(const density_reader *reader, gkv_density *density)
{
    const char *chosen = gki_safetensors_metadata(reader->file, "chosen");
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        if (chosen && strcmp(chosen, gkv_density_candidate_name(c)) == 0)
            density->chosen = c;
        if (!density->list[c].info.fitted)
            continue;
        GKV_TRY(read_calibration(reader, c, density));
        if (c == GKV_DENSITY_NORMAL_MIXTURE || c == GKV_DENSITY_GK_MIXTURE)
            GKV_TRY(read_mixture(reader, c, density));
        if (c == GKV_DENSITY_FLOW)
            GKV_TRY(read_flow(reader, density));
    }
    return density->chosen >= 0 && density->list[density->chosen].info.fitted
               ? GKV_OK
               : damaged(reader, "no candidate is chosen");
}

gkv_status gkv_density_load(const char *path, gkv_density **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(path);
    density_reader reader = {.path = path};
    gkv_density *density = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_safetensors_open(path, &reader.file));
    const char *format = gki_safetensors_metadata(reader.file, "format");
    if (!format || strcmp(format, FORMAT) != 0) {
        status = damaged(&reader, "gkv_density_save() and the program write such files");
        goto done;
    }
    GKV_TRY_GOTO(read_names(&reader, &density));
    density->n = metadata_number(&reader, "rows");
    GKV_TRY_GOTO(read_tables(&reader, density));
    status = read_candidates(&reader, density);
done:
    gki_safetensors_free(reader.file);
    if (status != GKV_OK) {
        gkv_density_free(density);
        density = NULL;
    }
    *out = density;
    return status;
}
