/* All of the library's public headers. */
#ifndef GKVAE_GKVAE_H
#define GKVAE_GKVAE_H

#include "gkvae/base_fit.h"
#include "gkvae/bench.h"
#include "gkvae/data.h"
#include "gkvae/error.h"
#include "gkvae/eval.h"
#include "gkvae/features.h"
#include "gkvae/file.h"
#include "gkvae/generation.h"
#include "gkvae/generation_metrics.h"
#include "gkvae/gk.h"
#include "gkvae/gk_batch.h"
#include "gkvae/gk_bootstrap.h"
#include "gkvae/gk_fit.h"
#include "gkvae/gk_moments.h"
#include "gkvae/image_metrics.h"
#include "gkvae/ini.h"
#include "gkvae/lm.h"
#include "gkvae/lm_batch.h"
#include "gkvae/mgk.h"
#include "gkvae/mgk_fit.h"
#include "gkvae/mgk_mixture.h"
#include "gkvae/model.h"
#include "gkvae/plot.h"
#include "gkvae/refine.h"
#include "gkvae/settings.h"
#include "gkvae/table.h"
#include "gkvae/text.h"
#include "gkvae/train.h"

#endif
