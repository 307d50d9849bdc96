#include "vae/metadata.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/plain_locale.h"
#include "core/text.h"

/* --- Writing -------------------------------------------------------------- */

static gki_entry *next_entry(gki_entries *all)
{
    gki_entry *next = &all->list[all->count];
    all->view[all->count++] = (gki_metadata){next->key, next->value};
    return next;
}

/* The entries that are neither settings nor state. */
enum { FACTS = GKV_IMAGE_SIZES + 2 };

static const char *const size_keys[GKV_IMAGE_SIZES] = {"image.height", "image.width",
                                                       "image.channels"};

static void put_facts(gki_entries *all, const gkv_model *model)
{
    const size_t sizes[GKV_IMAGE_SIZES] = {model->height, model->width, model->channels};
    /* a file without channels is of grey images */
    for (size_t i = 0; i < GKV_IMAGE_SIZES - (model->channels == 1); i++) {
        gki_entry *next = next_entry(all);
        snprintf(next->key, GKV_ENTRY_KEY_SIZE, "%s", size_keys[i]);
        snprintf(next->value, GKV_ENTRY_VALUE_SIZE, "%zu", sizes[i]);
    }
    gki_entry *format = next_entry(all);
    snprintf(format->key, GKV_ENTRY_KEY_SIZE, "format");
    /* other tools expect this for row-major [out, in] weights */
    snprintf(format->value, GKV_ENTRY_VALUE_SIZE, "pt");
    gki_entry *version = next_entry(all);
    snprintf(version->key, GKV_ENTRY_KEY_SIZE, "gkvae");
    snprintf(version->value, GKV_ENTRY_VALUE_SIZE, "%s", gkv_version());
}

static gkv_status put_settings(gki_entries *all, const gkv_settings *settings)
{
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        if (key->facts & GKV_KEY_IS_LOCAL)
            continue;
        gki_entry *next = next_entry(all);
        snprintf(next->key, GKV_ENTRY_KEY_SIZE, "%s.%s", key->section, key->name);
        GKV_TRY(gkv_settings_get(settings, next->key, GKV_ENTRY_VALUE_SIZE, next->value));
        if (key->kind == GKV_KIND_RANGE && !*next->value)
            all->count--; /* only models of continuous data have one */
    }
    return GKV_OK;
}

/* A field of the state. The table below is used for both writing and reading. */
typedef struct state_field {
    const char *key;
    size_t offset;
    bool is_double;
    bool optional; /* 0 in a file without it */
    /* the range of a number, which may be NaN if low is −∞; a count is at most COUNT_MAX */
    double low, high;
} state_field;

/* More steps than any run makes, and few enough that sums of counts do not overflow. */
#define COUNT_MAX (1ull << 48)

#define WHOLE(name)                                                      \
    {                                                                    \
        .key = "state." #name, .offset = offsetof(gki_train_state, name) \
    }
#define NUMBER(name, from, to)                                                               \
    {                                                                                        \
        .key = "state." #name, .offset = offsetof(gki_train_state, name), .is_double = true, \
        .low = (from), .high = (to)                                                          \
    }
static const state_field state_fields[] = {
    WHOLE(step),
    WHOLE(updates),
    WHOLE(refits),
    WHOLE(skipped),
    WHOLE(skipped_in_row),
    WHOLE(rollbacks),
    NUMBER(rate_factor, DBL_MIN, 1),
    NUMBER(best, -DBL_MAX, INFINITY),
    WHOLE(best_epoch),
    NUMBER(loss, -DBL_MAX, DBL_MAX),
    NUMBER(reconstruction, -DBL_MAX, DBL_MAX),
    NUMBER(kl, -DBL_MAX, DBL_MAX),
    NUMBER(gradient_norm, 0, DBL_MAX),
    WHOLE(epoch_images),
    WHOLE(epoch_updates),
    WHOLE(codes),
    NUMBER(codes_density, -INFINITY, INFINITY),
    WHOLE(accepted_refits),
    {.key = "state.schedule_start",
     .offset = offsetof(gki_train_state, schedule_start),
     .optional = true},
};
enum { STATE_FIELDS = sizeof state_fields / sizeof *state_fields };

static void put_state(gki_entries *all, const gki_train_state *state)
{
    const locale_t before = gki_plain_locale_enter();
    for (size_t i = 0; i < STATE_FIELDS; i++) {
        const char *field = (const char *)state + state_fields[i].offset;
        gki_entry *next = next_entry(all);
        snprintf(next->key, GKV_ENTRY_KEY_SIZE, "%s", state_fields[i].key);
        if (state_fields[i].is_double)
            /* hexadecimal: exact */
            snprintf(next->value, GKV_ENTRY_VALUE_SIZE, "%a", *(const double *)field);
        else
            snprintf(next->value, GKV_ENTRY_VALUE_SIZE, "%" PRIu64, *(const uint64_t *)field);
    }
    uselocale(before);
}

gkv_status gki_entries_create(const gkv_model *model, const gki_train_state *state,
                              gki_entries *out)
{
    size_t most = FACTS + STATE_FIELDS;
    for (size_t i = 0; gkv_settings_key_at(i); i++)
        most++;
    *out = (gki_entries){0};
    GKV_TRY(gki_alloc(most, sizeof *out->list, &out->list));
    GKV_TRY(gki_alloc(most, sizeof *out->view, &out->view));
    put_facts(out, model);
    GKV_TRY(put_settings(out, &model->settings));
    if (state)
        put_state(out, state);
    return GKV_OK;
}

void gki_entries_free(gki_entries *entries)
{
    free(entries->list);
    free(entries->view);
    *entries = (gki_entries){0};
}

/* --- Reading -------------------------------------------------------------- */

/* Parses the text as the number of a field. Returns false if it is not a number of its range. */
static bool parse_field(const state_field *field, const char *text, void *out)
{
    const locale_t before = gki_plain_locale_enter();
    char *end = NULL;
    errno = 0;
    bool valid;
    if (field->is_double) {
        const double value = strtod(text, &end);
        valid = (value >= field->low && value <= field->high) ||
                (isnan(value) && field->low == -INFINITY);
        *(double *)out = value;
    } else {
        const unsigned long long value = strtoull(text, &end, 10);
        valid = text[0] >= '0' && text[0] <= '9' && value <= COUNT_MAX;
        *(uint64_t *)out = value;
    }
    uselocale(before);
    return valid && errno == 0 && end != text && *end == '\0';
}

gkv_status gki_metadata_state(const gki_safetensors *file, const char *path, gki_train_state *state)
{
    for (size_t i = 0; i < STATE_FIELDS; i++) {
        const char *text = gki_safetensors_metadata(file, state_fields[i].key);
        if (!text && state_fields[i].optional)
            text = "0";
        if (!text)
            return gki_fail(
                GKV_ERR_DATA,
                "%s: no \"%s\" in its metadata: it is not a checkpoint of a training run", path,
                state_fields[i].key);
        if (!parse_field(&state_fields[i], text, (char *)state + state_fields[i].offset))
            return gki_fail(GKV_ERR_DATA,
                            "%s: metadata \"%s\" is \"%.40s\", which is not a number of its range",
                            path, state_fields[i].key, text);
    }
    return GKV_OK;
}

/* Whether version `one`, as in "0.1.0", is of a later series than `other`: its first two numbers
 * decide. */
static bool is_newer(const char *one, const char *other)
{
    unsigned major[2] = {0}, minor[2] = {0};
    if (sscanf(one, "%u.%u", &major[0], &minor[0]) < 1 ||
        sscanf(other, "%u.%u", &major[1], &minor[1]) < 1)
        return false;
    return major[0] != major[1] ? major[0] > major[1] : minor[0] > minor[1];
}

/* Whether the text is "SECTION.…" of a section of the settings, and no key of them. */
static bool is_unknown_setting(const char *text)
{
    const gkv_settings_key *key;
    bool of_section = false;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        const size_t length = strlen(key->section);
        if (strncmp(text, key->section, length) != 0 || text[length] != '.')
            continue;
        if (strcmp(text + length + 1, key->name) == 0)
            return false;
        of_section = true;
    }
    return of_section;
}

gkv_status gki_metadata_check(const gki_safetensors *file, const char *path)
{
    const char *version = gki_safetensors_metadata(file, "gkvae"), *key;
    char shown[GKV_PRINTABLE_SIZE];
    if (version && is_newer(version, gkv_version()))
        return gki_fail(
            GKV_ERR_DATA,
            "%s: it was written by gkvae %s, and this is %s: use that version, or a later one",
            path, gki_text_printable(version, shown), gkv_version());
    for (size_t i = 0; (key = gki_safetensors_metadata_key(file, i)); i++)
        if (is_unknown_setting(key))
            return gki_fail(
                GKV_ERR_DATA,
                "%s: its metadata have a setting \"%s\", which gkvae %s does not have: the model "
                "may mean something else here; use the version that wrote it (%s)",
                path, gki_text_printable(key, shown), gkv_version(),
                version ? version : "not stated");
    return GKV_OK;
}

gkv_status gki_metadata_settings(const gki_safetensors *file, const char *path,
                                 gkv_settings *settings)
{
    gkv_settings_defaults(settings);
    const gkv_settings_key *key;
    char name[GKV_ENTRY_KEY_SIZE];
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        const char *value = gki_safetensors_metadata(file, name);
        if (value)
            GKV_TRY(gkv_settings_set(settings, name, value, path));
    }
    return GKV_OK;
}

gkv_status gki_metadata_compare(const gki_safetensors *file, const char *path,
                                const gkv_settings *settings)
{
    const gkv_settings_key *key;
    char name[GKV_ENTRY_KEY_SIZE], value[GKV_ENTRY_VALUE_SIZE];
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        const char *saved = gki_safetensors_metadata(file, name);
        GKV_TRY(gkv_settings_get(settings, name, sizeof value, value));
        if (saved && strcmp(saved, value) != 0)
            return gki_fail(GKV_ERR_CONFIG,
                            "%s was made with %s = %s, not %s: a run can be resumed only with its "
                            "original settings",
                            path, name, saved, value);
    }
    return GKV_OK;
}

gkv_status gki_metadata_sizes(const gki_safetensors *file, const char *path,
                              size_t sizes[GKV_IMAGE_SIZES])
{
    for (size_t i = 0; i < GKV_IMAGE_SIZES; i++) {
        const char *text = gki_safetensors_metadata(file, size_keys[i]);
        if (!text && i == GKV_IMAGE_SIZES - 1)
            text = "1";
        if (!text)
            return gki_fail(GKV_ERR_DATA,
                            "%s: no \"%s\" in its metadata: it is not a model of gkvae", path,
                            size_keys[i]);
        const bool digits = *text && strlen(text) <= 5 && text[strspn(text, "0123456789")] == '\0';
        sizes[i] = digits ? strtoul(text, NULL, 10) : 0;
        if (sizes[i] < 1)
            return gki_fail(GKV_ERR_DATA,
                            "%s: metadata \"%s\" is \"%.20s\", not a number of pixels or channels",
                            path, size_keys[i], text);
    }
    return GKV_OK;
}
