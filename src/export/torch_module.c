/* A model as a PyTorch module: torch_module.py, which the library carries, with the path of the
 * weights in it. */
#include <string.h>

#include "config/support.h"
#include "core/embed.h"
#include "core/file.h"
#include "gkvae/export.h"
#include "vae/model.h"

GKV_EMBED(gki_torch_module, GKV_EXPORT_FOLDER "/torch_module.py");

/* The line of the file that is written anew, and its parts. */
static const char line_begin[] = "WEIGHTS = os.fsdecode(b\"", line_end[] = "\")";

static gkv_status check_settings(const gkv_settings *settings)
{
    gki_unsupported found;
    if (!gki_support_lacks(settings, GKV_IN_TORCH, &found))
        return GKV_OK;
    return gki_fail(
        GKV_ERR_CONFIG,
        "%s = %s: the model cannot be exported to PyTorch; docs/interchange.md lists what can",
        found.name, found.choice);
}

/* Writes the path as a literal of bytes, which any path can be. */
static void write_path(gki_file_writer *file, const char *path)
{
    for (const char *c = path; *c; c++) {
        const unsigned char byte = (unsigned char)*c;
        if (byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\')
            gki_file_printf(file, "%c", byte);
        else
            gki_file_printf(file, "\\x%02x", byte);
    }
}

gkv_status gkv_export_torch(const gkv_model *model, const char *weights, const char *path)
{
    GKV_NEED(model);
    GKV_NEED(weights);
    GKV_NEED(path);
    GKV_TRY(check_settings(&model->settings));
    const char *const module = (const char *)gki_torch_module;
    const char *begin = strstr(module, line_begin);
    const char *end = begin ? strstr(begin, line_end) : NULL;
    if (!end)
        return gki_fail(GKV_ERR_INTERNAL, "the PyTorch module has no line of its weights");
    gki_file_writer *writer = NULL;
    GKV_TRY(gki_file_begin(path, &writer));
    gki_file_write(writer, module, (size_t)(begin - module) + strlen(line_begin));
    write_path(writer, weights);
    gki_file_write(writer, end, strlen(end));
    return gki_file_commit(writer);
}
