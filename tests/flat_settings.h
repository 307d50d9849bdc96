/* Settings of flat functions for tests. */
#ifndef GKV_TESTS_FLAT_SETTINGS_H
#define GKV_TESTS_FLAT_SETTINGS_H

#include <stdarg.h>

#include "support.h"

#include "gkvae/flat.h"

typedef gkv_status create_flat_settings(gkv_flat_settings **out);

/* Creates settings and sets them from pairs of name and value, of which the last is followed by
 * NULL. The caller frees them with gkv_flat_free(). */
static inline gkv_flat_settings *flat_settings(create_flat_settings *create, ...)
{
    gkv_flat_settings *settings = NULL;
    va_list pairs;
    assert_ok(create(&settings));
    va_start(pairs, create);
    for (const char *name; (name = va_arg(pairs, const char *));)
        assert_ok(gkv_flat_set(settings, name, va_arg(pairs, const char *)));
    va_end(pairs);
    return settings;
}

#endif
