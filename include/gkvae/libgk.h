/* All public headers of libgk: the g-and-k distribution and its relatives, fits of one and of many
 * dimensions, mixtures, least squares, and tables of numbers.
 *
 * Programs that use these alone link with libgk (pkg-config gk, or gkvae::gk in CMake). No header
 * of libgk includes a header of libgkvae. */
#ifndef GKVAE_LIBGK_H
#define GKVAE_LIBGK_H

#include "gkvae/dist.h"
#include "gkvae/error.h"
#include "gkvae/flat.h"
#include "gkvae/gk.h"
#include "gkvae/gk_batch.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_fit.h"
#include "gkvae/gk_moments.h"
#include "gkvae/lm.h"
#include "gkvae/lm_batch.h"
#include "gkvae/mgk.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_margins.h"
#include "gkvae/mgk_mixture.h"
#include "gkvae/run.h"
#include "gkvae/table.h"

#endif
