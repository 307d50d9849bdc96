/* A model as a PyTorch module: torch_module.py, which the library carries, with the path of the
 * weights in it. */
#include <string.h>

#include "core/embed.h"
#include "core/file.h"
#include "gkvae/export.h"
#include "vae/model.h"

GKV_EMBED(gki_torch_module, GKV_EXPORT_FOLDER "/torch_module.py");

/* The line of the file that is written anew, and its parts. */
static const char line_begin[] = "WEIGHTS = os.fsdecode(b\"", line_end[] = "\")";

/* A setting, its choice in a model, and how many choices the file knows: those up to the last one
 * that was added to it. */
typedef struct choice_row {
    const char *setting;
    int choice, known;
} choice_row;

static gkv_status check_settings(const gkv_model_settings *settings)
{
    const choice_row rows[] = {
        {"model.net", (int)settings->net, 1 + GKV_NET_CONV},
        {"model.block", (int)settings->block, 1 + GKV_BLOCK_GATED},
        {"model.conv_block", (int)settings->conv_block, 1 + GKV_CONV_BLOCK_DEPTHWISE},
        {"model.downsampling", (int)settings->downsampling, 1 + GKV_DOWNSAMPLING_STRIDE},
        {"model.posterior", (int)settings->posterior, 1 + GKV_POSTERIOR_GK_AMORTIZED},
        {"model.posterior_flow", (int)settings->posterior_flow,
         1 + GKV_POSTERIOR_FLOW_SYLVESTER_HOUSEHOLDER},
        {"model.prior_flow", (int)settings->prior_flow, 1 + GKV_PRIOR_FLOW_GLOW},
        {"model.base", (int)settings->base, 1 + GKV_BASE_GK_BY_CLASS},
        {"model.likelihood", (int)settings->likelihood, 1 + GKV_LIKELIHOOD_GK_DENSITY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[GKV_NAME_SIZE];
        if (rows[i].choice >= rows[i].known)
            return gki_fail(GKV_ERR_CONFIG,
                            "%s = %s: the model cannot be exported to PyTorch; "
                            "docs/interchange.md lists what can",
                            rows[i].setting,
                            gkv_settings_choice(rows[i].setting, rows[i].choice, name));
    }
    return GKV_OK;
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
    GKV_TRY(check_settings(&model->settings.model));
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
