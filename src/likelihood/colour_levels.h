/* Discretised mixtures of the levels of colour images: a likelihood of grey levels of which each
 * channel depends on the earlier ones (Salimans et al., PixelCNN++, ICLR 2017, eq. 3).
 *
 * A pixel has the neighbouring values red, green and blue. Its probability is
 * P(red)·P(green | red)·P(blue | red, green). Each factor is the mixture of a grey level, and the
 * earlier channels move the location of each of its components:
 *
 *   μ_green = m_green + α t(red),   μ_blue = m_blue + β t(red) + γ t(green).
 *
 * t(v) is the middle of level v: v/127.5 − 1 for edges at equal distances, and otherwise the middle
 * between the learned edges, so that the dependence is linear where the locations are. The decoder
 * has α, β and γ of each component of each pixel. Unlike PixelCNN++, α, β and γ are not bounded,
 * and each channel has mixture weights of its own.
 *
 * The parameters of the decoder are those of the grey levels, and after them one for each component
 * and value: α in place of red, β in place of green, and γ in place of blue. */
#ifndef GKV_LIKELIHOOD_COLOUR_LEVELS_H
#define GKV_LIKELIHOOD_COLOUR_LEVELS_H

#include "likelihood/likelihood.h"

/* Makes the likelihood of images with GKV_COLOURS channels of which `grey` are the operations of a
 * channel, those of a discretised mixture. GKV_ERR_MEMORY, and the errors of gki_params_add(). */
gkv_status gki_colour_levels_create(const gki_likelihood_ops *grey, const gki_likelihood_spec *spec,
                                    gki_params *params, gki_plan *plan, gki_likelihood **out);

#endif
