/* A model as a PyTorch module: torch_module.py, which the library carries, with the path of the
 * weights in it. */
#include <stdbool.h>
#include <string.h>

#include "core/embed.h"
#include "core/file.h"
#include "gkvae/export.h"
#include "vae/model.h"

GKV_EMBED(gki_torch_module, GKV_EXPORT_FOLDER "/torch_module.py");

/* The line of the file that is written anew, and its parts. */
static const char line_begin[] = "WEIGHTS = os.fsdecode(b\"", line_end[] = "\")";

/* What the file knows; a new choice of a setting is not known until it is added to both. */
static const bool nets[GKV_NETS] = {[GKV_NET_MLP] = true, [GKV_NET_CONV] = true};
static const bool flows[GKV_PRIOR_FLOWS] =
    {[GKV_PRIOR_FLOW_NONE] = true, [GKV_PRIOR_FLOW_REALNVP] = true};
static const bool posteriors[GKV_POSTERIORS] = {[GKV_POSTERIOR_NORMAL] = true,
                                                [GKV_POSTERIOR_FULL] = true,
                                                [GKV_POSTERIOR_GK] = true,
                                                [GKV_POSTERIOR_GK_AMORTIZED] = true};
static const bool posterior_flows[GKV_POSTERIOR_FLOWS] = {[GKV_POSTERIOR_FLOW_NONE] = true,
                                                          [GKV_POSTERIOR_FLOW_PLANAR] = true,
                                                          [GKV_POSTERIOR_FLOW_RADIAL] = true};
static const bool blocks[GKV_BLOCKS] =
    {[GKV_BLOCK_SILU] = true, [GKV_BLOCK_RESIDUAL] = true, [GKV_BLOCK_GATED] = true};
static const bool bases[GKV_BASES] = {
    [GKV_BASE_NORMAL] = true,     [GKV_BASE_FULL_GAUSSIAN] = true,
    [GKV_BASE_STUDENT_T] = true,  [GKV_BASE_GK] = true,
    [GKV_BASE_GK_COPULA] = true,  [GKV_BASE_GAUSSIAN_MIXTURE] = true,
    [GKV_BASE_GK_MIXTURE] = true, [GKV_BASE_GK_BY_CLASS] = true};
static const bool likelihoods[GKV_LIKELIHOODS] = {[GKV_LIKELIHOOD_BERNOULLI] = true,
                                                  [GKV_LIKELIHOOD_LOGISTIC_MIXTURE] = true,
                                                  [GKV_LIKELIHOOD_GK] = true,
                                                  [GKV_LIKELIHOOD_GK_MIXTURE] = true,
                                                  [GKV_LIKELIHOOD_NORMAL_DENSITY] = true,
                                                  [GKV_LIKELIHOOD_GK_DENSITY] = true};

static gkv_status check_settings(const gkv_model_settings *settings)
{
    const struct {
        const char *setting;
        int choice;
        const bool *known;
    } rows[] = {
        {"model.net", (int)settings->net, nets},
        {"model.block", (int)settings->block, blocks},
        {"model.posterior", (int)settings->posterior, posteriors},
        {"model.posterior_flow", (int)settings->posterior_flow, posterior_flows},
        {"model.prior_flow", (int)settings->prior_flow, flows},
        {"model.base", (int)settings->base, bases},
        {"model.likelihood", (int)settings->likelihood, likelihoods},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[GKV_NAME_SIZE];
        if (!rows[i].known[rows[i].choice])
            return gki_fail(GKV_ERR_CONFIG,
                            "%s = %s: the model cannot be exported to PyTorch; "
                            "docs/interchange.md lists what can",
                            rows[i].setting,
                            gkv_settings_choice(rows[i].setting, rows[i].choice, name));
    }
    return GKV_OK;
}

/* Writes the path as a literal of bytes, which any path can be. */
static void write_path(gki_file_writer *to, const char *path)
{
    for (const char *c = path; *c; c++) {
        const unsigned char byte = (unsigned char)*c;
        if (byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\')
            gki_file_printf(to, "%c", byte);
        else
            gki_file_printf(to, "\\x%02x", byte);
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
