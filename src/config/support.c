/* The table of what is computed outside the library. A choice without a line is refused. */
#include "config/support.h"

#include <stdio.h>
#include <string.h>

enum { ALL = GKV_IN_TORCH | GKV_IN_EXPLORER, SWITCH_VALUES = 2, BASE_FITS = 4, COVARIANCES = 3 };

static const unsigned char nets[GKV_NETS] = {
    [GKV_NET_MLP] = ALL,
    [GKV_NET_CONV] = ALL,
};
static const unsigned char blocks[GKV_BLOCKS] = {
    [GKV_BLOCK_SILU] = ALL,
    [GKV_BLOCK_RESIDUAL] = ALL,
    [GKV_BLOCK_GATED] = ALL,
};
static const unsigned char conv_blocks[GKV_CONV_BLOCKS] = {
    [GKV_CONV_BLOCK_FULL] = ALL,
    [GKV_CONV_BLOCK_DEPTHWISE] = ALL,
};
static const unsigned char downsamplings[GKV_DOWNSAMPLINGS] = {
    [GKV_DOWNSAMPLING_UNSHUFFLE] = ALL,
    [GKV_DOWNSAMPLING_STRIDE] = ALL,
};
static const unsigned char posteriors[GKV_POSTERIORS] = {
    [GKV_POSTERIOR_NORMAL] = ALL,
    [GKV_POSTERIOR_FULL] = ALL,
    [GKV_POSTERIOR_GK] = ALL,
    [GKV_POSTERIOR_GK_AMORTIZED] = ALL,
};
static const unsigned char posterior_flows[GKV_POSTERIOR_FLOWS] = {
    [GKV_POSTERIOR_FLOW_NONE] = ALL,
    [GKV_POSTERIOR_FLOW_PLANAR] = ALL,
    [GKV_POSTERIOR_FLOW_RADIAL] = ALL,
    [GKV_POSTERIOR_FLOW_IAF] = ALL,
    [GKV_POSTERIOR_FLOW_SYLVESTER_ORTHOGONAL] = ALL,
    [GKV_POSTERIOR_FLOW_SYLVESTER_HOUSEHOLDER] = ALL,
};
static const unsigned char prior_flows[GKV_PRIOR_FLOWS] = {
    [GKV_PRIOR_FLOW_NONE] = ALL,   [GKV_PRIOR_FLOW_REALNVP] = ALL,
    [GKV_PRIOR_FLOW_SPLINE] = ALL, [GKV_PRIOR_FLOW_GK_COUPLING] = ALL,
    [GKV_PRIOR_FLOW_MAF] = ALL,    [GKV_PRIOR_FLOW_GLOW] = ALL,
};
static const unsigned char bases[GKV_BASES] = {
    [GKV_BASE_NORMAL] = ALL,     [GKV_BASE_FULL_GAUSSIAN] = ALL, [GKV_BASE_STUDENT_T] = ALL,
    [GKV_BASE_GK] = ALL,         [GKV_BASE_GK_COPULA] = ALL,     [GKV_BASE_GAUSSIAN_MIXTURE] = ALL,
    [GKV_BASE_GK_MIXTURE] = ALL, [GKV_BASE_GK_BY_CLASS] = ALL,
};
static const unsigned char likelihoods[GKV_LIKELIHOODS] = {
    [GKV_LIKELIHOOD_BERNOULLI] = ALL,
    [GKV_LIKELIHOOD_LOGISTIC_MIXTURE] = ALL,
    [GKV_LIKELIHOOD_GK] = ALL,
    [GKV_LIKELIHOOD_GK_MIXTURE] = ALL,
    [GKV_LIKELIHOOD_NORMAL_DENSITY] = ALL,
    [GKV_LIKELIHOOD_GK_DENSITY] = ALL,
};

/* They do not change the arithmetic, or all of its forms are known. */
static const unsigned char base_fits[BASE_FITS] = {
    [GKV_FIT_FIXED] = ALL,
    [GKV_FIT_LM] = ALL,
    [GKV_FIT_GRADIENT] = ALL,
    [GKV_FIT_LM_GRADIENT] = ALL,
};
static const unsigned char covariances[COVARIANCES] = {
    [GKV_COVARIANCE_FULL] = ALL,
    [GKV_COVARIANCE_LOW_RANK] = ALL,
    [GKV_COVARIANCE_DIAGONAL] = ALL,
};
static const unsigned char switches[SWITCH_VALUES] = {ALL, ALL};

#define ROW(name, table)                                                        \
    {                                                                           \
        offsetof(gkv_settings, model.name), table, sizeof table / sizeof *table \
    }
static const gki_support_row rows[] = {
    ROW(net, nets),
    ROW(block, blocks),
    ROW(conv_block, conv_blocks),
    ROW(downsampling, downsamplings),
    ROW(posterior, posteriors),
    ROW(posterior_flow, posterior_flows),
    ROW(prior_flow, prior_flows),
    ROW(base, bases),
    ROW(base_fit, base_fits),
    ROW(base_covariance, covariances),
    ROW(base_tied_shapes, switches),
    ROW(likelihood, likelihoods),
    ROW(learned_edges, switches),
};

const gki_support_row *gki_support_of(const gki_settings_row *setting)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].offset == setting->offset)
            return &rows[i];
    return NULL;
}

bool gki_support_has(const gki_support_row *row, gki_place place, int choice)
{
    return row && choice >= 0 && (size_t)choice < row->count && (row->places[choice] & place);
}

/* The names of the choices that the place computes. */
static void list_known(const gki_settings_row *setting, const gki_support_row *row, gki_place place,
                       size_t size, char *text)
{
    char name[GKV_NAME_SIZE];
    text[0] = '\0';
    for (int choice = 0; *gki_settings_row_choice(setting, choice, name); choice++)
        if (gki_support_has(row, place, choice)) {
            const size_t used = strlen(text);
            snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
        }
}

bool gki_support_lacks(const gkv_settings *settings, gki_place place, gki_unsupported *out)
{
    for (size_t i = 0; i < gki_settings_row_count; i++) {
        const gki_settings_row *setting = &gki_settings_rows[i];
        if (setting->key.section_id != GKV_SECTION_MODEL || !gki_settings_row_is_choice(setting))
            continue;
        const gki_support_row *row = gki_support_of(setting);
        const int choice = gki_settings_row_index(setting, settings);
        if (gki_support_has(row, place, choice))
            continue;
        snprintf(out->name, sizeof out->name, "%s.%s", setting->key.section, setting->key.name);
        gki_settings_row_choice(setting, choice, out->choice);
        list_known(setting, row, place, sizeof out->known, out->known);
        return true;
    }
    return false;
}
