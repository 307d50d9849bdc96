/* gkvae settings: prints the library's table of keys. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bool *markdown = state->input;
    (void)arg;
    if (key != 'm')
        return ARGP_ERR_UNKNOWN;
    *markdown = true;
    return 0;
}

/* The default of a key as text; the caller frees it. */
static char *default_of(const gkv_settings *defaults, const gkv_settings_key *key)
{
    char name[64], value[GKV_PATH_SIZE];
    snprintf(name, sizeof name, "%s.%s", key->section, key->name);
    if (cli_check(gkv_settings_get(defaults, name, sizeof value, value)) != CLI_OK)
        exit(CLI_INTERNAL);
    return cli_text("%s", value);
}

static bool begins_section(size_t i)
{
    return i == 0 ||
           strcmp(gkv_settings_key_at(i)->section, gkv_settings_key_at(i - 1)->section) != 0;
}

static void print_plain(const gkv_settings *defaults)
{
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        char *value = default_of(defaults, key);
        if (begins_section(i))
            printf("%s[%s]\n", i ? "\n" : "", key->section);
        printf("%s =%s%s\n    %s\n", key->name, *value ? " " : "", value, key->meaning);
        const bool names = key->kind == GKV_KIND_CHOICE || key->kind == GKV_KIND_SWITCH;
        if (*key->range)
            printf("    %s%s\n", names ? "one of " : "", key->range);
        free(value);
    }
}

static void print_markdown(const gkv_settings *defaults)
{
    puts("# Configuration\n\n"
         "A configuration is an INI file: `[section]`, `key = value`, comments after `#` or `;`. A "
         "key\n"
         "that is not in the file has its default. `gkvae train CONFIG.ini --set "
         "section.key=value` changes single\n"
         "keys, and a run keeps all of them in `config.ini` in its folder. An unknown key or a "
         "value out of\n"
         "range is refused with the file, the line and the nearest key there is (exit code 4).\n\n"
         "This page is made by `gkvae settings --markdown`.");
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        char *value = default_of(defaults, key);
        if (begins_section(i))
            printf("\n## [%s]\n\n| key | default | values | meaning |\n|---|---|---|---|\n",
                   key->section);
        if (*value)
            printf("| `%s` | `%s` |", key->name, value);
        else
            printf("| `%s` | empty |", key->name);
        printf(" %s%s%s | ", key->type, *key->range ? ": " : "", key->range);
        for (const char *c = key->meaning; *c; c++) /* a bar, as in q(z|x), would end the cell */
            printf(*c == '|' ? "\\%c" : "%c", *c);
        puts(" |");
        free(value);
    }
}

int cli_settings(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"markdown", 'm', NULL, 0,
         "Print the page docs/configuration.md (default: plain text, in the form of an INI file)",
         0},
        {.name = NULL},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "Prints every setting with its default, its allowed values and its meaning."};
    bool markdown = false;
    gkv_settings defaults;
    const int code = cli_parse(&argp, argc, argv, &markdown);
    if (code != CLI_OK)
        return code;
    gkv_settings_defaults(&defaults);
    if (markdown)
        print_markdown(&defaults);
    else
        print_plain(&defaults);
    return CLI_OK;
}
