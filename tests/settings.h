/* One setting for a test. */
#ifndef GKV_TESTS_SETTINGS_H
#define GKV_TESTS_SETTINGS_H

#include "gkvae/settings.h"
#include "support.h"

static inline void set(gkv_settings *settings, const char *name, const char *value)
{
    assert_ok(gkv_settings_set(settings, name, value, "test"));
}

/* The name of a choice's value, for tests of all entries of a table. It is valid until the function
 * was called sixteen times more. */
static inline const char *name_of(const char *key, int value)
{
    static char names[16][GKV_NAME_SIZE];
    static size_t next;
    gkv_settings_choice(key, value, names[next = (next + 1) % 16]);
    assert_true(*names[next]);
    return names[next];
}

#endif
