#include "base/small_scores_body.h"
