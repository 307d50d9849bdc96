/* One setting for a test. */
#ifndef GKV_TESTS_SETTINGS_H
#define GKV_TESTS_SETTINGS_H

#include "gkvae/settings.h"
#include "support.h"

static inline void set(gkv_settings *settings, const char *name, const char *value)
{
    assert_ok(gkv_settings_set(settings, name, value, "test"));
}

#endif
