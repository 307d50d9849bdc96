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

static void margin_numbers(const gkv_density_margin_info *info, double *to)
{
    memcpy(to, info->held_out, GKV_DENSITY_MARGINS * sizeof *to);
    to[3] = info->resolution;
    to[4] = info->atom;
    to[5] = info->atom_share;
    to[6] = (double)info->far;
    to[7] = (double)info->intervals;
}

static void candidate_numbers(const gki_candidate *it, double *to)
{
    const gkv_density_candidate_info *info = &it->info;
    const double all[CANDIDATE_INFO] = {
        info->fitted,          info->held_out,       info->se,
        info->difference,      info->difference_se,  info->lowest,
        (double)info->rows,    it->copula_share,     (double)info->components,
        (double)info->updates, info->freedom,        info->beyond[0],
        info->beyond[1],       info->beyond_low[0],  info->beyond_low[1],
        info->beyond_high[0],  info->beyond_high[1], 0};
    memcpy(to, all, sizeof all);
}

static size_t count_of(double number)
{
    return number >= 0 && number < 1e15 ? (size_t)number : 0;
}

static void candidate_from(const double *from, gki_candidate *it)
{
    it->copula_share = from[7];
    it->info = (gkv_density_candidate_info){.fitted = from[0] != 0,
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

typedef struct writer {
    gki_tensor *tensors;
    char (*names)[NAME_SIZE];
    size_t count;
    void *memory[TENSORS_MAX];
    size_t n_memory;
} writer;

static void put(writer *it, gki_dtype dtype, size_t rank, const int64_t *shape, const void *data,
                const char *first, const char *second)
{
    snprintf(it->names[it->count], NAME_SIZE, "%s%s", first, second);
    gki_tensor *tensor = &it->tensors[it->count];
    *tensor =
        (gki_tensor){.name = it->names[it->count], .dtype = dtype, .rank = rank, .data = data};
    memcpy(tensor->shape, shape, rank * sizeof *shape);
    it->count++;
}

#define SHAPE(...)                                                  \
    sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]) \
    {                                                               \
        __VA_ARGS__                                                 \
    }

/* Memory that the writer owns. */
static gkv_status take(writer *it, size_t count, size_t size, void *out)
{
    GKV_TRY(gki_alloc(count, size, out));
    it->memory[it->n_memory++] = *(void **)out;
    return GKV_OK;
}

static gkv_status put_names(writer *it, const gkv_density *density)
{
    size_t length = 0, at = 0;
    char *text = NULL;
    for (size_t j = 0; j < density->d; j++)
        length += strlen(density->names[j]) + 1;
    GKV_TRY(take(it, length, 1, &text));
    for (size_t j = 0; j < density->d; at += strlen(density->names[j++]) + 1)
        memcpy(text + at, density->names[j], strlen(density->names[j]) + 1);
    put(it, GKV_U8, SHAPE((int64_t)length), text, "columns", "");
    return GKV_OK;
}

static gkv_status put_tables(writer *it, const gkv_density *density)
{
    double *margins = NULL, *candidates = NULL, *copula = NULL;
    const int64_t d = (int64_t)density->d;
    GKV_TRY(take(it, density->d * MARGIN_INFO, sizeof *margins, &margins));
    GKV_TRY(take(it, GKV_DENSITY_CANDIDATES * CANDIDATE_INFO, sizeof *candidates, &candidates));
    GKV_TRY(take(it, 1, sizeof *copula, &copula));
    for (size_t j = 0; j < density->d; j++)
        margin_numbers(&density->margin_info[j], margins + j * MARGIN_INFO);
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        candidate_numbers(&density->list[c], candidates + c * CANDIDATE_INFO);
    *copula = gki_copula_freedom(density->copula);
    put(it, GKV_F64, SHAPE(d, GKV_MARGIN_NUMBERS), density->margins, "margins", "");
    put(it, GKV_F64, SHAPE(d, MARGIN_INFO), margins, "margins", ".info");
    put(it, GKV_F64, SHAPE(GKV_DENSITY_CANDIDATES, CANDIDATE_INFO), candidates, "candidates", "");
    put(it, GKV_F64, SHAPE(1), copula, "t-copula", ".freedom");
    put(it, GKV_F64, SHAPE(d, d), gki_copula_cholesky(density->copula), "t-copula", ".cholesky");
    return GKV_OK;
}

static gkv_status put_mixture(writer *it, const gkv_mgk_mixture *mixture, const char *name)
{
    const size_t count = gkv_mgk_mixture_count(mixture), d = gkv_mgk_mixture_dimensions(mixture);
    const int64_t k = (int64_t)count, dd = (int64_t)d;
    double *weights = NULL;
    GKV_TRY(take(it, count * (1 + 5 * d + d * d), sizeof *weights, &weights));
    double *margins = weights + count, *mean = margins + 4 * count * d,
           *cholesky = mean + count * d;
    gki_mgk_mixture_to_arrays(mixture, weights, margins, mean, cholesky);
    put(it, GKV_F64, SHAPE(k), weights, name, ".weights");
    put(it, GKV_F64, SHAPE(k, dd, 4), margins, name, ".margins");
    put(it, GKV_F64, SHAPE(k, dd), mean, name, ".mean");
    put(it, GKV_F64, SHAPE(k, dd, dd), cholesky, name, ".cholesky");
    return GKV_OK;
}

static void put_flow(writer *it, const gki_table_flow *flow)
{
    for (size_t i = 0; i < flow->params.count; i++) {
        const gki_param *param = &flow->params.list[i];
        const int64_t shape[2] = {(int64_t)param->rows, (int64_t)param->cols};
        put(it, GKV_REAL_DTYPE, param->cols ? 2 : 1, shape, gki_param_value(&flow->params, i),
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
    writer it = {.count = 0};
    char numbers[5][32];
    gkv_status status = GKV_OK;
    const gki_table_flow *flow = density->list[GKV_DENSITY_FLOW].flow;
    const size_t most = TENSORS_MAX + (flow ? flow->params.count : 0);
    GKV_TRY_GOTO(gki_alloc(most, sizeof *it.tensors, &it.tensors));
    GKV_TRY_GOTO(gki_alloc(most, sizeof *it.names, &it.names));
    GKV_TRY_GOTO(put_names(&it, density));
    GKV_TRY_GOTO(put_tables(&it, density));
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        const gki_candidate *candidate = &density->list[c];
        const char *name = gkv_density_candidate_name(c);
        if (candidate->n_calibration > 0)
            put(&it, GKV_F64, SHAPE((int64_t)candidate->n_calibration), candidate->calibration,
                "calibration.", name);
        if (candidate->mixture)
            GKV_TRY_GOTO(put_mixture(&it, candidate->mixture, name));
    }
    if (flow)
        put_flow(&it, flow);
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
    status = gki_safetensors_write(path, it.count, it.tensors, sizeof metadata / sizeof *metadata,
                                   metadata);
done:
    for (size_t i = 0; i < it.n_memory; i++)
        free(it.memory[i]);
    free(it.tensors);
    free(it.names);
    return status;
}

/* --- Reading -------------------------------------------------------------- */

typedef struct reader {
    const char *path;
    gki_safetensors *file;
} reader;

static gkv_status damaged(const reader *it, const char *what)
{
    return gki_fail(GKV_ERR_DATA, "%s: it is not a density of a table: %s", it->path, what);
}

/* The tensor of this type and rank, or NULL. */
static const gki_tensor *find(const reader *it, const char *first, const char *second,
                              gki_dtype dtype, size_t rank)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", first, second);
    const gki_tensor *tensor = gki_safetensors_find(it->file, name);
    return tensor && tensor->dtype == dtype && tensor->rank == rank ? tensor : NULL;
}

static gkv_status get(const reader *it, const char *first, const char *second, gki_dtype dtype,
                      size_t rank, const int64_t *shape, void *out)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", first, second);
    return gki_safetensors_read(it->file, name, dtype, rank, shape, out);
}

static size_t metadata_number(const reader *it, const char *key)
{
    const char *text = gki_safetensors_metadata(it->file, key);
    char *end = NULL;
    const unsigned long number = text ? strtoul(text, &end, 10) : 0;
    return text && *text && !*end ? number : 0;
}

/* Creates the density with the names of the file. */
static gkv_status read_names(const reader *it, gkv_density **out)
{
    const gki_tensor *tensor = find(it, "columns", "", GKV_U8, 1),
                     *margins = find(it, "margins", "", GKV_F64, 2);
    const char *names[GKV_DENSITY_COLUMNS_MAX] = {NULL};
    char *text = NULL;
    gkv_status status = GKV_OK;
    if (!tensor || !margins || margins->shape[0] < 1 ||
        margins->shape[0] > GKV_DENSITY_COLUMNS_MAX || tensor->shape[0] > 1 << 24)
        return damaged(it, "it has no columns");
    const size_t d = (size_t)margins->shape[0], length = (size_t)tensor->shape[0];
    GKV_TRY(gki_alloc(length + 1, 1, &text));
    GKV_TRY_GOTO(get(it, "columns", "", GKV_U8, 1, tensor->shape, text));
    size_t at = 0;
    for (size_t j = 0; j < d; j++) {
        if (at >= length) {
            status = damaged(it, "names of columns are missing");
            goto done;
        }
        names[j] = text + at;
        at += strlen(text + at) + 1;
    }
    status = gki_density_alloc(d, names, out);
done:
    free(text);
    return status;
}

static gkv_status read_tables(const reader *it, gkv_density *to)
{
    const int64_t d = (int64_t)to->d;
    double *memory = NULL, freedom = 0;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_alloc(to->d * (MARGIN_INFO + to->d) + GKV_DENSITY_CANDIDATES * CANDIDATE_INFO,
                      sizeof *memory, &memory));
    double *cholesky = memory + to->d * MARGIN_INFO, *candidates = cholesky + to->d * to->d;
    GKV_TRY_GOTO(get(it, "margins", "", GKV_F64, SHAPE(d, GKV_MARGIN_NUMBERS), to->margins));
    GKV_TRY_GOTO(get(it, "margins", ".info", GKV_F64, SHAPE(d, MARGIN_INFO), memory));
    GKV_TRY_GOTO(get(it, "candidates", "", GKV_F64, SHAPE(GKV_DENSITY_CANDIDATES, CANDIDATE_INFO),
                     candidates));
    GKV_TRY_GOTO(get(it, "t-copula", ".freedom", GKV_F64, SHAPE(1), &freedom));
    GKV_TRY_GOTO(get(it, "t-copula", ".cholesky", GKV_F64, SHAPE(d, d), cholesky));
    for (size_t j = 0; j < to->d; j++) {
        const double *numbers = memory + j * MARGIN_INFO;
        if (gki_margin_check(&to->margins[j]) != GKV_OK) {
            status = damaged(it, "a margin is not a distribution");
            goto done;
        }
        gkv_density_margin_info *info = &to->margin_info[j];
        gki_margin_describe(&to->margins[j], info);
        memcpy(info->held_out, numbers, sizeof info->held_out);
        info->resolution = numbers[3];
        info->atom = numbers[4];
        info->atom_share = numbers[5];
        info->far = count_of(numbers[6]);
        info->intervals = count_of(numbers[7]);
    }
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        candidate_from(candidates + c * CANDIDATE_INFO, &to->list[c]);
        if (!(to->list[c].copula_share >= 0 && to->list[c].copula_share <= 1))
            status = damaged(it, "a share of the copula is out of range");
    }
    if (status == GKV_OK)
        status = gki_copula_create(to->d, freedom, freedom, NULL, cholesky, &to->copula);
done:
    free(memory);
    return status;
}

static gkv_status read_mixture(const reader *it, int64_t candidate, gkv_density *to)
{
    const char *name = gkv_density_candidate_name(candidate);
    const gki_tensor *tensor = find(it, name, ".weights", GKV_F64, 1);
    double *weights = NULL;
    gkv_status status = GKV_OK;
    if (!tensor || tensor->shape[0] < 1 || tensor->shape[0] > 1024)
        return damaged(it, "a mixture is missing");
    const int64_t k = tensor->shape[0], d = (int64_t)to->d;
    const size_t count = (size_t)k, dd = to->d;
    GKV_TRY(gki_alloc(count * (1 + 5 * dd + dd * dd), sizeof *weights, &weights));
    double *margins = weights + count, *mean = margins + 4 * count * dd,
           *cholesky = mean + count * dd;
    GKV_TRY_GOTO(get(it, name, ".weights", GKV_F64, SHAPE(k), weights));
    GKV_TRY_GOTO(get(it, name, ".margins", GKV_F64, SHAPE(k, d, 4), margins));
    GKV_TRY_GOTO(get(it, name, ".mean", GKV_F64, SHAPE(k, d), mean));
    GKV_TRY_GOTO(get(it, name, ".cholesky", GKV_F64, SHAPE(k, d, d), cholesky));
    status = gki_mgk_mixture_from_arrays(dd, count, weights, margins, gkv_gk_standard().c, mean,
                                         cholesky, &to->list[candidate].mixture);
    if (status == GKV_ERR_ARGUMENT)
        status = damaged(it, "a mixture is not a distribution");
done:
    free(weights);
    return status;
}

static gkv_status read_flow(const reader *it, gkv_density *to)
{
    const char *family = gki_safetensors_metadata(it->file, "flow");
    const gki_table_flow_spec spec = {.d = to->d,
                                      .layers = metadata_number(it, "flow.layers"),
                                      .hidden = metadata_number(it, "flow.hidden"),
                                      .family = family ? family : ""};
    if (spec.layers < 1 || spec.layers > 64 || spec.hidden < 1 || spec.hidden > 1024 || to->d < 2 ||
        strlen(spec.family) >= sizeof to->family ||
        gki_table_flow_create(&spec, &to->list[GKV_DENSITY_FLOW].flow) != GKV_OK)
        return damaged(it, "its flow is unknown");
    gki_table_flow *flow = to->list[GKV_DENSITY_FLOW].flow;
    gki_density_set_flow(to, &spec);
    for (size_t i = 0; i < flow->params.count; i++) {
        const gki_param *param = &flow->params.list[i];
        const int64_t shape[2] = {(int64_t)param->rows, (int64_t)param->cols};
        gki_real *values = gki_param_value(&flow->params, i);
        GKV_TRY(get(it, "flow.", param->name, GKV_REAL_DTYPE, param->cols ? 2 : 1, shape, values));
        for (size_t e = 0; e < param->size; e++)
            if (!isfinite(values[e]))
                return damaged(it, "a weight of the flow is not finite");
    }
    if (gki_flow_check(flow->flow, &flow->params) != GKV_OK)
        return damaged(it, "a weight of the flow is not 0 where the order of dimensions needs it");
    return flow->base->ops->check(flow->base, &flow->params) == GKV_OK
               ? GKV_OK
               : damaged(it, "the base of the flow is not a distribution");
}

static gkv_status read_calibration(const reader *it, int64_t candidate, gkv_density *to)
{
    gki_candidate *c = &to->list[candidate];
    const gki_tensor *tensor =
        find(it, "calibration.", gkv_density_candidate_name(candidate), GKV_F64, 1);
    if (!tensor)
        return damaged(it, "log densities of held-out rows are missing");
    if (tensor->shape[0] < 1 || tensor->shape[0] > GKV_CALIBRATION_MAX)
        return damaged(it, "the log densities of held-out rows are too many");
    c->n_calibration = (size_t)tensor->shape[0];
    GKV_TRY(gki_alloc(c->n_calibration, sizeof *c->calibration, &c->calibration));
    GKV_TRY(get(it, "calibration.", gkv_density_candidate_name(candidate), GKV_F64, 1,
                tensor->shape, c->calibration));
    for (size_t i = 0; i < c->n_calibration; i++)
        if (!(c->calibration[i] >= c->calibration[i > 0 ? i - 1 : 0]))
            return damaged(it, "the log densities of held-out rows are not in order");
    return GKV_OK;
}

static gkv_status read_candidates(const reader *it, gkv_density *to)
{
    const char *chosen = gki_safetensors_metadata(it->file, "chosen");
    for (int64_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        if (chosen && strcmp(chosen, gkv_density_candidate_name(c)) == 0)
            to->chosen = c;
        if (!to->list[c].info.fitted)
            continue;
        GKV_TRY(read_calibration(it, c, to));
        if (c == GKV_DENSITY_NORMAL_MIXTURE || c == GKV_DENSITY_GK_MIXTURE)
            GKV_TRY(read_mixture(it, c, to));
        if (c == GKV_DENSITY_FLOW)
            GKV_TRY(read_flow(it, to));
    }
    return to->chosen >= 0 && to->list[to->chosen].info.fitted
               ? GKV_OK
               : damaged(it, "no candidate is chosen");
}

gkv_status gkv_density_load(const char *path, gkv_density **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(path);
    reader it = {.path = path};
    gkv_density *density = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_safetensors_open(path, &it.file));
    const char *format = gki_safetensors_metadata(it.file, "format");
    if (!format || strcmp(format, FORMAT) != 0) {
        status = damaged(&it, "gkv_density_save() and the program write such files");
        goto done;
    }
    GKV_TRY_GOTO(read_names(&it, &density));
    density->n = metadata_number(&it, "rows");
    GKV_TRY_GOTO(read_tables(&it, density));
    status = read_candidates(&it, density);
done:
    gki_safetensors_free(it.file);
    if (status != GKV_OK) {
        gkv_density_free(density);
        density = NULL;
    }
    *out = density;
    return status;
}
