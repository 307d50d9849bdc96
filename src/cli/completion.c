/* gkvae completion: builds the table for the scripts from the option tables of the commands. */
#include "completion.h"

#include <stdlib.h>
#include <string.h>

/* --- Kinds of values ------------------------------------------------------ */

/* The list with single blanks in place of separators. */
static const char *spaced(cli_texts *texts, const char *list, const char *separators)
{
    char *words = cli_text("%s", list);
    size_t used = 0;
    for (size_t i = 0; words[i]; i++) {
        const bool separates = strchr(separators, words[i]);
        if (!separates)
            words[used++] = words[i];
        else if (used > 0 && words[used - 1] != ' ')
            words[used++] = ' ';
    }
    words[used] = '\0';
    return cli_texts_keep(texts, words);
}

/* Whether the text is a list of words such as "a|b-c", in lower case. */
static bool is_choice(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz-|", text[i]))
            return false;
    return length > 0 && text[0] != '-';
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static cli_value data_sets(cli_texts *texts)
{
    char *all = cli_text("%s", "");
    for (size_t i = 0; gkv_data_name_at(i); i++) {
        char *longer = cli_text("%s%s%s", all, i ? " " : "", gkv_data_name_at(i));
        free(all);
        all = longer;
    }
    return (cli_value){CLI_VALUE_WORDS, cli_texts_keep(texts, all)};
}

static cli_value key_value(const gkv_settings_key *key, cli_texts *texts)
{
    switch (key->kind) {
    case GKV_KIND_CHOICE:
    case GKV_KIND_SWITCH: return (cli_value){CLI_VALUE_WORDS, spaced(texts, key->range, ", ")};
    case GKV_KIND_PATH:
    case GKV_KIND_FOLDER: return (cli_value){CLI_VALUE_FILE, NULL};
    default: return (cli_value){CLI_VALUE_FREE, NULL};
    }
}

/* The choices of a setting, for an option that sets it. */
static cli_value value_of_setting(const char *section, const char *name, cli_texts *texts)
{
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++)
        if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0)
            return key_value(key, texts);
    return (cli_value){CLI_VALUE_FREE, NULL};
}

static cli_value option_value(const struct argp_option *option, cli_texts *texts)
{
    const char *arg = option->arg;
    if (!arg)
        return (cli_value){CLI_VALUE_NONE, NULL};
    if (is_choice(arg, strlen(arg)))
        return (cli_value){CLI_VALUE_WORDS, spaced(texts, arg, "|")};
    if (strcmp(option->name, "dataset") == 0)
        return data_sets(texts);
    if (strcmp(arg, "BASE") == 0)
        return value_of_setting("model", "base", texts);
    if (begins(arg, "SECTION.KEY"))
        return (cli_value){CLI_VALUE_SETTING, NULL};
    if (begins(arg, "FILE"))
        return (cli_value){CLI_VALUE_FILE, NULL};
    if (strcmp(arg, "FOLDER") == 0 || strcmp(arg, "DIR") == 0 || strcmp(arg, "RUN") == 0)
        return (cli_value){CLI_VALUE_FOLDER, NULL};
    return (cli_value){CLI_VALUE_FREE, NULL};
}

/* The kind of a command's first argument, from its usage lines: the first words of the lines if
 * they are choices; otherwise the name of the argument in the first line. */
static cli_value argument_value(const char *lines, cli_texts *texts)
{
    if (!lines)
        return (cli_value){CLI_VALUE_NONE, NULL};
    char *all = cli_text("%s", "");
    for (const char *line = lines; line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        const size_t length = strcspn(line, " \n");
        if (!is_choice(line, length))
            continue;
        char *longer = cli_text("%s%s%.*s", all, *all ? "|" : "", (int)length, line);
        free(all);
        all = longer;
    }
    cli_value value = {CLI_VALUE_FILE, NULL};
    if (*all)
        value = (cli_value){CLI_VALUE_WORDS, spaced(texts, all, "|")};
    else if (strcmp(lines, "NAME") == 0)
        value = data_sets(texts);
    else if (begins(lines, "[CONFIG.ini]"))
        value.kind = CLI_VALUE_INI;
    else if (begins(lines, "RUN"))
        value.kind = CLI_VALUE_FOLDER;
    free(all);
    return value;
}

/* --- The table ------------------------------------------------------------ */

static cli_option read_option(const struct argp_option *from, cli_texts *texts)
{
    cli_option option = {.name = from->name, .arg = from->arg, .value = option_value(from, texts)};
    const char *ends[] = {strstr(from->doc, " (default"), strstr(from->doc, " (required")};
    size_t length = strlen(from->doc);
    for (int i = 0; i < 2; i++)
        if (ends[i])
            length = (size_t)(ends[i] - from->doc);
    option.about = cli_texts_keep(texts, cli_text("%.*s", (int)length, from->doc));
    option.repeated = strstr(from->doc, "repeated") != NULL;
    option.letter = (char)(from->key > ' ' && from->key < 127 ? from->key : 0);
    return option;
}

static void read_command(const cli_command_row *row, cli_completion_command *command,
                         cli_texts *texts)
{
    const struct argp *argp = cli_argp_of(row->run);
    const struct argp_option *list[CLI_OPTIONS_MAX];
    const size_t count = cli_argp_options(argp, list);
    const char *blank = strchr(row->name, ' ');
    const size_t length = blank ? (size_t)(blank - row->name) : strlen(row->name);
    command->name = row->name;
    command->first = cli_texts_keep(texts, cli_text("%.*s", (int)length, row->name));
    command->second = blank ? blank + 1 : NULL;
    command->about = row->about;
    command->argument = argument_value(argp->args_doc, texts);
    for (size_t i = 0; i < count; i++)
        if (list[i]->name && !(list[i]->flags & OPTION_HIDDEN))
            command->options[command->n_options++] = read_option(list[i], texts);
    command->options[command->n_options++] =
        (cli_option){.name = "help", .about = "Options and their defaults"};
}

static void read_keys(cli_completion_table *table)
{
    const gkv_settings_key *key;
    size_t count = 0;
    while (gkv_settings_key_at(count))
        count++;
    table->keys = cli_alloc(count, sizeof *table->keys);
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        cli_completion_key *entry = &table->keys[table->n_keys++];
        entry->name = cli_texts_keep(&table->texts, cli_text("%s.%s", key->section, key->name));
        entry->value = key_value(key, &table->texts);
    }
}

static void read_table(cli_completion_table *table)
{
    size_t count = 0;
    while (cli_command_at(count))
        count++;
    table->commands = cli_alloc(count, sizeof *table->commands);
    for (; table->n_commands < count; table->n_commands++)
        read_command(cli_command_at(table->n_commands), &table->commands[table->n_commands],
                     &table->texts);
    read_keys(table);
}

void cli_completion_first_words(const cli_completion_table *table,
                                void (*visit)(const char *word, const char *about))
{
    for (size_t i = 0; i < table->n_commands; i++) {
        const cli_completion_command *command = &table->commands[i];
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen = seen || strcmp(table->commands[j].first, command->first) == 0;
        if (!seen)
            visit(command->first, command->second ? NULL : command->about);
    }
}

/* --- The command ---------------------------------------------------------- */

typedef struct shell {
    const char *name;
    void (*write)(const cli_completion_table *table);
} shell;

static const shell shells[] = {
    {"bash", cli_completion_bash},
    {"zsh", cli_completion_zsh},
    {"fish", cli_completion_fish},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    const shell **chosen = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (*chosen)
            argp_error(state, "one shell at a time: %s is too many", arg);
        for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
            if (strcmp(shells[i].name, arg) == 0)
                *chosen = &shells[i];
        if (!*chosen)
            argp_error(state, "%s: must be bash, zsh or fish", arg);
        return 0;
    case ARGP_KEY_END:
        if (!*chosen)
            argp_error(state, "which shell? bash, zsh or fish");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int cli_completion(int argc, char **argv)
{
    static const struct argp argp = {
        .parser = parse,
        .args_doc = "bash|zsh|fish",
        .doc = "Prints a script that completes the commands, their options and what these may "
               "be.\vmake install puts the scripts where the shells look for them. Without an "
               "installation:\n\n"
               "  bash    eval \"$(gkvae completion bash)\" in ~/.bashrc\n"
               "  zsh     gkvae completion zsh > FOLDER/_gkvae, with a FOLDER of $fpath\n"
               "  fish    gkvae completion fish > ~/.config/fish/completions/gkvae.fish"};
    const shell *chosen = NULL;
    const int code = cli_parse(&argp, argc, argv, &chosen);
    if (code != CLI_OK)
        return code;
    cli_completion_table table = {.n_commands = 0};
    read_table(&table);
    chosen->write(&table);
    free(table.commands);
    free(table.keys);
    cli_texts_free(&table.texts);
    return CLI_OK;
}
