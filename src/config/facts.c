/* The facts of bases, likelihoods, posteriors and flows. */
#include "gkvae/settings.h"

#include "config/posterior_facts.h"

#define LM "Levenberg–Marquardt between steps"
#define EM "expectation–maximization"
#define EM_LM "expectation–maximization with Levenberg–Marquardt in the M-step"
#define MIXTURE                                                                                    \
    .has_components = true, .margin = "a mixture of its components' margins; their locations and " \
                                      "widths make its modes and shoulders"

static const gkv_base_facts bases[GKV_BASES] = {
    [GKV_BASE_NORMAL] = {.words = "a standard normal distribution",
                         .margin = "N(0, 1)",
                         .is_standard_normal = true},
    [GKV_BASE_FULL_GAUSSIAN] = {.words = "a normal distribution with a fitted covariance",
                                .margin = "a normal distribution",
                                .refit = EM,
                                .has_full_covariance = true},
    [GKV_BASE_STUDENT_T] = {.words = "independent Student's t distributions",
                            .margin = "a Student's t distribution",
                            .refit = EM},
    [GKV_BASE_GK] = {.words = "independent g-and-k distributions",
                     .margin = "a g-and-k distribution",
                     .refit = LM,
                     .has_shapes = true},
    [GKV_BASE_GK_COPULA] = {.words = "g-and-k margins joined by a Gaussian copula",
                            .margin = "a g-and-k distribution",
                            .refit = LM,
                            .has_shapes = true},
    [GKV_BASE_GAUSSIAN_MIXTURE] = {MIXTURE, .refit = EM},
    [GKV_BASE_GK_MIXTURE] = {MIXTURE, .refit = EM_LM, .has_shapes = true},
    [GKV_BASE_GK_BY_CLASS] = {MIXTURE, .refit = EM_LM, .has_shapes = true, .has_classes = true},
};

const gkv_base_facts *gkv_base_facts_of(gkv_base_family family)
{
    return (size_t)family < GKV_BASES ? &bases[family] : NULL;
}

/* --- Likelihoods ---------------------------------------------------------- */

static const gkv_likelihood_facts likelihoods[GKV_LIKELIHOODS] = {
    [GKV_LIKELIHOOD_BERNOULLI] = {.pixels = GKV_PIXELS_BINARY},
    [GKV_LIKELIHOOD_LOGISTIC_MIXTURE] = {GKV_PIXELS_LEVELS, "logistic", .is_mixture = true},
    [GKV_LIKELIHOOD_GK] = {GKV_PIXELS_LEVELS, "g-and-k", .is_mixture = false},
    [GKV_LIKELIHOOD_GK_MIXTURE] = {GKV_PIXELS_LEVELS, "g-and-k", .is_mixture = true},
    [GKV_LIKELIHOOD_NORMAL_DENSITY] = {GKV_PIXELS_CONTINUOUS, "normal", .is_mixture = false},
    [GKV_LIKELIHOOD_GK_DENSITY] = {GKV_PIXELS_CONTINUOUS, "g-and-k", .is_mixture = false},
};

const gkv_likelihood_facts *gkv_likelihood_facts_of(gkv_likelihood_family family)
{
    return (size_t)family < GKV_LIKELIHOODS ? &likelihoods[family] : NULL;
}

/* --- Prior flows ---------------------------------------------------------- */

static const char *const prior_flows[GKV_PRIOR_FLOWS] = {
    [GKV_PRIOR_FLOW_NONE] = NULL,
    [GKV_PRIOR_FLOW_REALNVP] = "RealNVP",
    [GKV_PRIOR_FLOW_SPLINE] = "spline coupling",
    [GKV_PRIOR_FLOW_GK_COUPLING] = "g-and-k coupling",
    [GKV_PRIOR_FLOW_MAF] = "masked autoregressive",
    [GKV_PRIOR_FLOW_GLOW] = "Glow",
};

const char *gkv_prior_flow_title(gkv_prior_flow_family family)
{
    return (size_t)family < GKV_PRIOR_FLOWS ? prior_flows[family] : NULL;
}

/* --- Posteriors ----------------------------------------------------------- */

static const bool can_be_tuned[GKV_POSTERIORS] = {[GKV_POSTERIOR_NORMAL] = true};

bool gki_posterior_can_be_tuned(gkv_posterior_family family)
{
    return (size_t)family < GKV_POSTERIORS && can_be_tuned[family];
}
