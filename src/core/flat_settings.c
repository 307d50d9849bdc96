/* Settings and options of flat functions (gkvae/flat.h). */
#include "core/flat_settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/call.h"
#include "core/memory.h"
#include "core/parse.h"
#include "core/text.h"

struct gkv_flat_settings {
    const gki_flat_kind *kind;
    max_align_t values[]; /* the struct of the kind */
};

/* --- Creation ------------------------------------------------------------- */

gkv_status gki_flat_settings_create(const gki_flat_kind *kind, gkv_flat_settings **out)
{
    GKV_TRY(gki_alloc(1, sizeof **out + kind->size, out));
    (*out)->kind = kind;
    kind->defaults((*out)->values);
    return GKV_OK;
}

gkv_status gki_flat_settings_copy(const char *function, const gki_flat_kind *kind,
                                  const gkv_flat_settings *settings, void *values)
{
    if (!settings)
        kind->defaults(values);
    else if (settings->kind != kind)
        return gki_fail(GKV_ERR_ARGUMENT, "%s: the settings are those of %s, not of %s", function,
                        settings->kind->name, kind->name);
    else
        memcpy(values, settings->values, kind->size);
    return GKV_OK;
}

void gkv_flat_free(void *memory)
{
    free(memory);
}

/* --- Values --------------------------------------------------------------- */

static bool parse_number(const gki_flat_row *row, const char *text, double *value)
{
    const char *end = text + (*text == '-' || *text == '+');
    if (row->words && strcmp(text, row->words) == 0) {
        *value = -1;
        return true;
    }
    if (!row->words && strcasecmp(end, "inf") == 0) {
        *value = *text == '-' ? -INFINITY : INFINITY;
        return true;
    }
    return gki_parse_number(text, value) && !(row->words && *value < 0);
}

static bool parse_size(const char *text, size_t *value)
{
    uint64_t read = 0;
    if (!gki_parse_unsigned(text, &read) || read > SIZE_MAX)
        return false;
    *value = (size_t)read;
    return true;
}

/* Writes the value to the member. Returns what was wanted if the text is something else. */
static const char *parse(const gki_flat_row *row, const char *text, char *member)
{
    double number = 0;
    size_t size = 0;
    uint64_t seed = 0;
    int index = 0;
    switch (row->type) {
    case GKV_FLAT_NUMBER:
        if (!parse_number(row, text, &number))
            return row->words ? "\"auto\" or a number ≥ 0" : "a number";
        memcpy(member, &number, sizeof number);
        return NULL;
    case GKV_FLAT_SIZE:
        if (!parse_size(text, &size))
            return "a whole number ≥ 0";
        memcpy(member, &size, sizeof size);
        return NULL;
    case GKV_FLAT_SEED:
        if (!gki_parse_unsigned(text, &seed))
            return "a whole number from 0 to 2⁶⁴ − 1";
        memcpy(member, &seed, sizeof seed);
        return NULL;
    case GKV_FLAT_SWITCH:
        index = gki_parse_choice("no, yes", text, 0, NULL);
        if (index < 0)
            return "yes or no";
        memcpy(member, &(bool){index == 1}, sizeof(bool));
        return NULL;
    default:
        index = gki_parse_choice(row->words, text, 0, NULL);
        if (index < 0)
            return row->words;
        memcpy(member, &index, sizeof index);
        return NULL;
    }
}

/* The setting with the name most like that of another one. */
static const char *nearest(const gki_flat_kind *kind, const char *name)
{
    size_t best = 0;
    for (size_t i = 1; i < kind->count; i++)
        if (gki_text_distance(kind->rows[i].name, name) <
            gki_text_distance(kind->rows[best].name, name))
            best = i;
    return kind->rows[best].name;
}

gkv_status gkv_flat_set(gkv_flat_settings *settings, const char *name, const char *value)
{
    char shown[GKV_PRINTABLE_SIZE];
    GKV_NEED(settings);
    GKV_NEED(name);
    GKV_NEED(value);
    const gki_flat_kind *kind = settings->kind;
    for (size_t i = 0; i < kind->count; i++) {
        const gki_flat_row *row = &kind->rows[i];
        if (strcmp(row->name, name) != 0)
            continue;
        const char *wanted = parse(row, value, (char *)settings->values + row->offset);
        return wanted ? gki_fail(GKV_ERR_ARGUMENT, "%s = %s: give %s", name,
                                 gki_text_printable(value, shown), wanted)
                      : GKV_OK;
    }
    return gki_fail(GKV_ERR_ARGUMENT, "%s has no setting %s; the nearest is %s", kind->name,
                    gki_text_printable(name, shown), nearest(kind, name));
}

const char *gkv_flat_setting_name(const gkv_flat_settings *settings, size_t i)
{
    return settings && i < settings->kind->count ? settings->kind->rows[i].name : NULL;
}

const char *gkv_flat_setting_words(const gkv_flat_settings *settings, size_t i)
{
    if (!gkv_flat_setting_name(settings, i))
        return NULL;
    const gki_flat_row *row = &settings->kind->rows[i];
    return row->type == GKV_FLAT_SWITCH ? "no, yes" : row->words ? row->words : "";
}

/* --- Options -------------------------------------------------------------- */

/* Options and the progress to which they refer, in one block of memory. */
typedef struct flat_options {
    gkv_run_options options; /* the first member: its address is that of the block */
    gkv_flat_progress *progress;
    void *context;
} flat_options;

static bool flat_progress(void *context, const gkv_progress *progress)
{
    const flat_options *options = context;
    return options->progress(options->context, progress->done, progress->total);
}

gkv_status gkv_flat_options(int threads, gkv_flat_progress *progress, void *context,
                            gkv_run_options **out)
{
    flat_options *options = NULL;
    GKV_NEED(out);
    *out = NULL;
    GKV_TRY(gki_call_check_threads(threads));
    GKV_TRY(gki_alloc(1, sizeof *options, &options));
    options->progress = progress;
    options->context = context;
    options->options = (gkv_run_options){
        .threads = threads, .progress = progress ? flat_progress : NULL, .context = options};
    *out = &options->options;
    return GKV_OK;
}
