#include "array_files.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "gkvae/table.h"

/* --- Arrays --------------------------------------------------------------- */

gkv_npz_array cli_labels_array(size_t n, const uint8_t *labels)
{
    if (!labels)
        return (gkv_npz_array){.name = NULL};
    return (gkv_npz_array){.name = "labels", .rank = 1, .sizes = {n}, .bytes = labels};
}

gkv_npz_array cli_images_array(const char *name, const gkv_model *model, size_t n,
                               const float *images)
{
    const size_t channels = gkv_model_channels(model);
    return (gkv_npz_array){.name = name,
                           .rank = channels == 1 ? 3 : 4,
                           .sizes = {n, gkv_model_height(model), gkv_model_width(model), channels},
                           .floats = images};
}

/* The numbers in a row of an array. */
static size_t columns_of(const gkv_npz_array *array)
{
    size_t columns = 1;
    for (size_t i = 1; i < array->rank; i++)
        columns *= array->sizes[i];
    return columns;
}

/* Writes a table with the columns NAME_1, NAME_2, … and labels, unless these are NULL. */
static int write_table(const char *path, const gkv_npz_array *array, const uint8_t *labels)
{
    const size_t columns = columns_of(array), rows = array->sizes[0];
    gki_file_writer *file = NULL;
    int code = cli_check(gki_file_begin(path, &file));
    if (code != CLI_OK)
        return code;
    for (size_t j = 0; j < columns; j++)
        gki_file_printf(file, "%s%s_%zu", j > 0 ? "," : "", array->name, j + 1);
    gki_file_printf(file, "%s\n", labels ? ",label" : "");
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++)
            gki_file_printf(file, "%s%.9g", j > 0 ? "," : "",
                            (double)array->floats[i * columns + j]);
        if (labels)
            gki_file_printf(file, ",%u", labels[i]);
        gki_file_printf(file, "\n");
    }
    return cli_check(gki_file_commit(file));
}

int cli_write_arrays(const char *path, size_t count, const gkv_npz_array *arrays)
{
    enum { ARRAYS_MAX = 16 };
    gkv_npz_array all[ARRAYS_MAX];
    const uint8_t *labels = NULL;
    size_t used = 0;
    for (size_t i = 0; i < count && used < ARRAYS_MAX; i++) {
        if (!arrays[i].name)
            continue; /* there are none of these */
        if (strcmp(arrays[i].name, "labels") == 0)
            labels = arrays[i].bytes;
        all[used++] = arrays[i];
    }
    if (cli_ends_in(path, ".npz"))
        return cli_check(gkv_npz_write(path, used, all));
    if (cli_ends_in(path, ".csv .txt"))
        return write_table(path, &all[0], labels);
    return cli_check(
        gkv_npy_write_float(path, all[0].sizes[0], columns_of(&all[0]), all[0].floats));
}

/* --- PNG files ------------------------------------------------------------ */

int cli_write_pngs(const char *folder, const gkv_model *model, size_t n, uint64_t first,
                   const size_t *numbers, const float *images)
{
    const size_t values = gkv_model_values(model);
    uint8_t *levels = cli_alloc(values, sizeof *levels);
    int code = CLI_OK;
    CLI_CHECK(gki_file_make_folder(folder));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < values; k++)
            levels[k] = (uint8_t)lrintf(255 * fminf(fmaxf(images[i * values + k], 0), 1));
        char *path = cli_text("%s/%06" PRIu64 ".png", folder, numbers ? numbers[i] : first + i);
        code = cli_check(gkv_png_write(path, gkv_model_height(model), gkv_model_width(model),
                                       gkv_model_channels(model), levels));
        free(path);
        if (code != CLI_OK)
            break;
    }
done:
    free(levels);
    return code;
}
