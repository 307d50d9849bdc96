/* All public headers: those of libgkvae, and with gkvae/libgk.h those of libgk. */
#ifndef GKVAE_GKVAE_H
#define GKVAE_GKVAE_H

#include "gkvae/base_fit.h"
#include "gkvae/data.h"
#include "gkvae/density.h"
#include "gkvae/eval.h"
#include "gkvae/export.h"
#include "gkvae/features.h"
#include "gkvae/flat_density.h"
#include "gkvae/flat_model.h"
#include "gkvae/generation.h"
#include "gkvae/generation_metrics.h"
#include "gkvae/image_metrics.h"
#include "gkvae/libgk.h"
#include "gkvae/model.h"
#include "gkvae/refine.h"
#include "gkvae/run.h"
#include "gkvae/settings.h"
#include "gkvae/train.h"

#endif
