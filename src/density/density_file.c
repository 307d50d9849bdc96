/* Densities as files; declared in gkvae/density.h. docs/files.md lists the tensors. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/table_density.h"

#define FORMAT "gkvae-density-1"

/* MARGIN_INFO: numbers about a margin that do not follow from it; CANDIDATE_INFO: about a
 * candidate. */
enum { MARGIN_INFO = GKV_DENSITY_MARGINS + 5, CANDIDATE_INFO = 18 };

static void margin_numbers(const gkv_density_margin_info *info, double *numbers)
{
    memcpy(numbers, info->held_out, sizeof info->held_out);
    numbers += GKV_DENSITY_MARGINS;
    numbers[0] = info->resolution;
    numbers[1] = info->atom;
    numbers[2] = info->atom_share;
    numbers[3] = (double)info->far;
    numbers[4] = (double)info->intervals;
}

static void candidate_numbers(const gkv_density_candidate_info *info, double *numbers)
{
    const double all[CANDIDATE_INFO] = {
        info->fitted,          info->held_out,       info->se,
        info->difference,      info->difference_se,  info->lowest,
        (double)info->rows,    info->copula_share,   (double)info->components,
        (double)info->updates, info->freedom,        info->beyond[0],
        info->beyond[1],       info->beyond_low[0],  info->beyond_low[1],
        info->beyond_high[0],  info->beyond_high[1], 0};
    memcpy(numbers, all, sizeof all);
}

static size_t count_of(double number)
{
    return number >= 0 && number < 1e15 ? (size_t)number : 0;
}

static void margin_from(const double *numbers, gkv_density_margin_info *info)
{
    memcpy(info->held_out, numbers, sizeof info->held_out);
    numbers += GKV_DENSITY_MARGINS;
    info->resolution = numbers[0];
    info->atom = numbers[1];
    info->atom_share = numbers[2];
    info->far = count_of(numbers[3]);
    info->intervals = count_of(numbers[4]);
}

static void candidate_from(const double *from, gkv_density_candidate_info *info)
{
    *info = (gkv_density_candidate_info){.fitted = from[0] != 0,
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

static gkv_status put_names(gki_density_writer *writer, const gkv_density *density)
{
    size_t length = 0, offset = 0;
    char *text = NULL;
    for (size_t j = 0; j < density->d; j++)
        length += strlen(density->names[j]) + 1;
    GKV_TRY(gki_density_take(writer, length, 1, &text));
    for (size_t j = 0; j < density->d; offset += strlen(density->names[j++]) + 1)
        memcpy(text + offset, density->names[j], strlen(density->names[j]) + 1);
    return gki_density_put(writer, "columns", NULL, GKV_U8, GKV_SHAPE((int64_t)length), text);
}

static gkv_status put_tables(gki_density_writer *writer, const gkv_density *density)
{
    const char *copula = gki_candidate_copula.name;
    double *margins = NULL, *candidates = NULL, *freedom = NULL;
    const int64_t d = (int64_t)density->d;
    GKV_TRY(gki_density_take(writer, density->d * MARGIN_INFO, sizeof *margins, &margins));
    GKV_TRY(gki_density_take(writer, GKV_DENSITY_CANDIDATES * CANDIDATE_INFO, sizeof *candidates,
                             &candidates));
    GKV_TRY(gki_density_take(writer, 1, sizeof *freedom, &freedom));
    for (size_t j = 0; j < density->d; j++)
        margin_numbers(&density->margin_info[j], margins + j * MARGIN_INFO);
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        candidate_numbers(&density->candidates[c].info, candidates + c * CANDIDATE_INFO);
    *freedom = gki_copula_freedom(density->copula);
    GKV_TRY(gki_density_put(writer, "margins", NULL, GKV_F64, GKV_SHAPE(d, GKV_MARGIN_NUMBERS),
                            density->margins));
    GKV_TRY(
        gki_density_put(writer, "margins", "info", GKV_F64, GKV_SHAPE(d, MARGIN_INFO), margins));
    GKV_TRY(gki_density_put(writer, "candidates", NULL, GKV_F64,
                            GKV_SHAPE(GKV_DENSITY_CANDIDATES, CANDIDATE_INFO), candidates));
    GKV_TRY(gki_density_put(writer, copula, "freedom", GKV_F64, GKV_SHAPE(1), freedom));
    return gki_density_put(writer, copula, "cholesky", GKV_F64, GKV_SHAPE(d, d),
                           gki_copula_cholesky(density->copula));
}

static gkv_status put_candidate(gki_density_writer *writer, const gki_candidate *candidate)
{
    if (candidate->n_calibration > 0)
        GKV_TRY(gki_density_put(writer, "calibration", candidate->ops->name, GKV_F64,
                                GKV_SHAPE((int64_t)candidate->n_calibration),
                                candidate->calibration));
    return candidate->ops->save ? candidate->ops->save(candidate, writer) : GKV_OK;
}

gkv_status gkv_density_save(const gkv_density *density, const char *path)
{
    GKV_NEED(density);
    GKV_NEED(path);
    if (density->derived)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "gkv_density_save: a conditional or marginal density cannot be saved");
    gki_density_writer writer = {.tensors = NULL};
    const char *chosen = gkv_density_candidate_name(density->chosen);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_density_put_text(&writer, "format", "%s", FORMAT));
    GKV_TRY_GOTO(gki_density_put_text(&writer, "rows", "%zu", density->n));
    GKV_TRY_GOTO(gki_density_put_text(&writer, "chosen", "%s", chosen));
    GKV_TRY_GOTO(put_names(&writer, density));
    GKV_TRY_GOTO(put_tables(&writer, density));
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++)
        GKV_TRY_GOTO(put_candidate(&writer, &density->candidates[c]));
    status = gki_safetensors_write(path, writer.n_tensors, writer.tensors, writer.n_metadata,
                                   writer.metadata);
done:
    gki_density_writer_end(&writer);
    return status;
}

/* --- Reading -------------------------------------------------------------- */

/* Creates the density with the names of the file. */
static gkv_status read_names(const gki_density_reader *reader, gkv_density **out)
{
    const gki_tensor *tensor = gki_density_find(reader, "columns", NULL, GKV_U8, 1),
                     *margins = gki_density_find(reader, "margins", NULL, GKV_F64, 2);
    const char *names[GKV_DENSITY_COLUMNS_MAX] = {NULL};
    char *text = NULL;
    gkv_status status = GKV_OK;
    if (!tensor || !margins || margins->shape[0] < 1 ||
        margins->shape[0] > GKV_DENSITY_COLUMNS_MAX || tensor->shape[0] > 1 << 24)
        return gki_density_damaged(reader, "it has no columns");
    const size_t d = (size_t)margins->shape[0], length = (size_t)tensor->shape[0];
    GKV_TRY(gki_alloc(length + 1, 1, &text));
    GKV_TRY_GOTO(gki_density_get(reader, "columns", NULL, GKV_U8, 1, tensor->shape, text));
    size_t offset = 0;
    for (size_t j = 0; j < d; j++) {
        if (offset >= length) {
            status = gki_density_damaged(reader, "names of columns are missing");
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

static gkv_status read_tables(const gki_density_reader *reader, gkv_density *density)
{
    const char *copula = gki_candidate_copula.name;
    const int64_t d = (int64_t)density->d;
    double *memory = NULL, freedom = 0;
    gkv_status status = GKV_OK;
    GKV_TRY(
        gki_alloc(density->d * (MARGIN_INFO + density->d) + GKV_DENSITY_CANDIDATES * CANDIDATE_INFO,
                  sizeof *memory, &memory));
    double *cholesky = memory + density->d * MARGIN_INFO,
           *candidates = cholesky + density->d * density->d;
    GKV_TRY_GOTO(gki_density_get(reader, "margins", NULL, GKV_F64, GKV_SHAPE(d, GKV_MARGIN_NUMBERS),
                                 density->margins));
    GKV_TRY_GOTO(
        gki_density_get(reader, "margins", "info", GKV_F64, GKV_SHAPE(d, MARGIN_INFO), memory));
    GKV_TRY_GOTO(gki_density_get(reader, "candidates", NULL, GKV_F64,
                                 GKV_SHAPE(GKV_DENSITY_CANDIDATES, CANDIDATE_INFO), candidates));
    GKV_TRY_GOTO(gki_density_get(reader, copula, "freedom", GKV_F64, GKV_SHAPE(1), &freedom));
    GKV_TRY_GOTO(gki_density_get(reader, copula, "cholesky", GKV_F64, GKV_SHAPE(d, d), cholesky));
    for (size_t j = 0; j < density->d; j++) {
        if (gki_margin_check(&density->margins[j]) != GKV_OK) {
            status = gki_density_damaged(reader, "a margin is not a distribution");
            goto done;
        }
        gki_margin_describe(&density->margins[j], &density->margin_info[j]);
        margin_from(memory + j * MARGIN_INFO, &density->margin_info[j]);
    }
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gkv_density_candidate_info *info = &density->candidates[c].info;
        candidate_from(candidates + c * CANDIDATE_INFO, info);
        if (!(info->copula_share >= 0 && info->copula_share <= 1))
            status = gki_density_damaged(reader, "a share of the copula is out of range");
    }
    if (status == GKV_OK)
        status = gki_copula_create(density->d, freedom, freedom, NULL, cholesky, &density->copula);
done:
    free(memory);
    return status;
}

static gkv_status read_calibration(const gki_density_reader *reader, gki_candidate *candidate)
{
    const char *name = candidate->ops->name;
    const gki_tensor *tensor = gki_density_find(reader, "calibration", name, GKV_F64, 1);
    if (!tensor)
        return gki_density_damaged(reader, "log densities of held-out rows are missing");
    if (tensor->shape[0] < 1 || tensor->shape[0] > GKV_CALIBRATION_MAX)
        return gki_density_damaged(reader, "the log densities of held-out rows are too many");
    candidate->n_calibration = (size_t)tensor->shape[0];
    GKV_TRY(gki_alloc(candidate->n_calibration, sizeof(double), &candidate->calibration));
    const double *values = candidate->calibration;
    GKV_TRY(gki_density_get(reader, "calibration", name, GKV_F64, 1, tensor->shape,
                            candidate->calibration));
    for (size_t i = 0; i < candidate->n_calibration; i++)
        if (!(values[i] >= values[i > 0 ? i - 1 : 0]))
            return gki_density_damaged(reader,
                                       "the log densities of held-out rows are not in order");
    return GKV_OK;
}

static gkv_status read_candidates(const gki_density_reader *reader, gkv_density *density)
{
    const char *chosen = gki_safetensors_metadata(reader->file, "chosen");
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES; c++) {
        gki_candidate *candidate = &density->candidates[c];
        if (chosen && strcmp(chosen, candidate->ops->name) == 0)
            density->chosen = candidate->number;
        if (!candidate->info.fitted)
            continue;
        GKV_TRY(read_calibration(reader, candidate));
        if (candidate->ops->load)
            GKV_TRY(candidate->ops->load(reader, density, candidate));
    }
    return density->chosen >= 0 && density->candidates[density->chosen].info.fitted
               ? GKV_OK
               : gki_density_damaged(reader, "no candidate is chosen");
}

gkv_status gkv_density_load(const char *path, gkv_density **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(path);
    gki_density_reader reader = {.path = path};
    gkv_density *density = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_safetensors_open(path, &reader.file));
    const char *format = gki_safetensors_metadata(reader.file, "format");
    if (!format || strcmp(format, FORMAT) != 0) {
        status =
            gki_density_damaged(&reader, "gkv_density_save() and the program write such files");
        goto done;
    }
    GKV_TRY_GOTO(read_names(&reader, &density));
    density->n = gki_density_number(&reader, "rows");
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
