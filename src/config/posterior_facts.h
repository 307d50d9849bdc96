/* What the check of settings needs to know of a posterior. */
#ifndef GKV_CONFIG_POSTERIOR_FACTS_H
#define GKV_CONFIG_POSTERIOR_FACTS_H

#include "gkvae/settings.h"

/* Whether semi-amortized fine-tuning can train the family: its noise has `distill`
 * (vae/posterior_noise.h). */
bool gki_posterior_can_be_tuned(gkv_posterior_family family);

#endif
