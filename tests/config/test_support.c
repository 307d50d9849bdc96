/* What exports and pages say that they compute: every choice is listed or refused by its name. */
#include "support.h"

#include "config/support.h"

static const gki_place places[] = {GKV_IN_TORCH, GKV_IN_EXPLORER};
enum { PLACES = sizeof places / sizeof *places };

static int count_names(const gki_settings_row *setting)
{
    char name[GKV_NAME_SIZE];
    int count = 0;
    while (*gki_settings_row_choice(setting, count, name))
        count++;
    return count;
}

static void put_choice(const gki_settings_row *setting, int choice, gkv_settings *settings)
{
    const bool is_on = choice == 1;
    if (setting->key.kind == GKV_KIND_SWITCH)
        memcpy((char *)settings + setting->offset, &is_on, sizeof is_on);
    else
        memcpy((char *)settings + setting->offset, &choice, sizeof choice);
}

/* A setting that is added must get a row, with a line for each of its names. */
static void every_choice_has_a_line(void **state)
{
    (void)state;
    size_t rows = 0;
    for (size_t i = 0; i < gki_settings_row_count; i++) {
        const gki_settings_row *setting = &gki_settings_rows[i];
        const gki_support_row *row = gki_support_of(setting);
        const bool needs_row =
            setting->key.section_id == GKV_SECTION_MODEL && gki_settings_row_is_choice(setting);
        if (!needs_row != !row)
            fail_msg("%s.%s: a row of support.c is %s", setting->key.section, setting->key.name,
                     needs_row ? "missing" : "too many");
        if (row && row->count != (size_t)count_names(setting))
            fail_msg("%s.%s: %zu lines in support.c, %d names", setting->key.section,
                     setting->key.name, row->count, count_names(setting));
        rows += row != NULL;
    }
    assert_true(rows >= 13);
}

/* A choice in the middle without a line, as of a kind that was just added, is not computed. */
static void a_choice_without_a_line_is_refused(void **state)
{
    (void)state;
    static const unsigned char flags[4] = {
        [0] = GKV_IN_TORCH, [2] = GKV_IN_EXPLORER, [3] = GKV_IN_TORCH | GKV_IN_EXPLORER};
    static const bool wanted[PLACES][4] = {{true, false, false, true}, {false, false, true, true}};
    const gki_support_row row = {.places = flags, .count = 4};
    for (size_t p = 0; p < PLACES; p++) {
        for (int choice = 0; choice < 4; choice++)
            assert_int_equal(gki_support_has(&row, places[p], choice), wanted[p][choice]);
        assert_false(gki_support_has(&row, places[p], 4));
        assert_false(gki_support_has(&row, places[p], -1));
        assert_false(gki_support_has(NULL, places[p], 0));
    }
}

/* Every choice is computed, or it is found, with its names. */
static void what_is_lacking_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < gki_settings_row_count; i++) {
        const gki_settings_row *setting = &gki_settings_rows[i];
        const gki_support_row *row = gki_support_of(setting);
        const int names = count_names(setting);
        for (int choice = 0; row && choice <= names; choice++)
            for (size_t p = 0; p < PLACES; p++) {
                char name[64], word[GKV_NAME_SIZE];
                gki_unsupported found;
                gkv_settings settings;
                gkv_settings_defaults(&settings);
                assert_false(gki_support_lacks(&settings, places[p], &found));
                if (setting->key.kind == GKV_KIND_SWITCH && choice == names)
                    continue; /* a bool has no third value */
                put_choice(setting, choice, &settings);
                if (gki_support_has(row, places[p], choice)) {
                    assert_true(choice < names);
                    assert_false(gki_support_lacks(&settings, places[p], &found));
                    continue;
                }
                assert_true(gki_support_lacks(&settings, places[p], &found));
                snprintf(name, sizeof name, "%s.%s", setting->key.section, setting->key.name);
                assert_string_equal(found.name, name);
                assert_string_equal(found.choice, gki_settings_row_choice(setting, choice, word));
                for (int known = 0; known < names; known++)
                    assert_true(!gki_support_has(row, places[p], known) ||
                                strstr(found.known, gki_settings_row_choice(setting, known, word)));
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_choice_has_a_line),
        cmocka_unit_test(a_choice_without_a_line_is_refused),
        cmocka_unit_test(what_is_lacking_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
