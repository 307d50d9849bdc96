/* gkvae completion fish; declared in completion.h. */
#include <string.h>

#include "completion.h"

/* The text within single quotes. */
static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

/* The flags of `complete` for a kind of value. */
static void print_value(const cli_value *value)
{
    switch (value->kind) {
    case CLI_VALUE_NONE:
    case CLI_VALUE_FREE: break;
    case CLI_VALUE_WORDS: printf(" -a '%s'", value->words); break;
    case CLI_VALUE_FILE: printf(" -F"); break;
    case CLI_VALUE_INI: printf(" -k -a '(__fish_complete_suffix .ini)'"); break;
    case CLI_VALUE_FOLDER: printf(" -a '(__fish_complete_directories (commandline -ct))'"); break;
    case CLI_VALUE_SETTING: printf(" -a '(__gkvae_settings)'"); break;
    }
}

static void print_option(const cli_completion_command *command, const cli_option *option)
{
    printf("complete -c gkvae -n \"__gkvae_is '%s'\" -l %s", command->name, option->name);
    if (option->letter)
        printf(" -s %c", option->letter);
    if (option->value.kind !=
        CLI_VALUE_NONE) /* the option needs a value: a file, or one of the completions */
        printf(option->value.kind == CLI_VALUE_FILE ? " -r" : " -x");
    print_value(&option->value);
    printf(" -d ");
    print_quoted(option->about);
    putchar('\n');
}

static void print_first_word(const char *word, const char *about)
{
    printf("complete -c gkvae -n \"__gkvae_is ''\" -a %s", word);
    if (about) {
        printf(" -d ");
        print_quoted(about);
    }
    putchar('\n');
}

static void print_command(const cli_completion_command *command)
{
    if (command->second) {
        printf("complete -c gkvae -n \"__gkvae_is '%s'\" -a %s -d ", command->first,
               command->second);
        print_quoted(command->about);
        putchar('\n');
    }
    for (size_t i = 0; i < command->n_options; i++)
        print_option(command, &command->options[i]);
    if (command->argument.kind != CLI_VALUE_NONE) {
        printf("complete -c gkvae -n \"__gkvae_is '%s'\"", command->name);
        print_value(&command->argument);
        putchar('\n');
    }
}

/* Whether no command before begins with the same word: those that do are neighbours. */
static bool is_first_of(const cli_completion_table *table, size_t i)
{
    return i == 0 || strcmp(table->commands[i - 1].first, table->commands[i].first) != 0;
}

void cli_completion_fish(const cli_completion_table *table)
{
    puts("# Completion of gkvae for fish; made by `gkvae completion fish`.\n\n"
         "# Whether the words before the cursor name this command; '' is none yet.\n"
         "function __gkvae_is\n"
         "    set -l words (commandline -opc)\n"
         "    set -e words[1]\n"
         "    test \"$words[1]\" = help; and set -e words[1]");
    printf("    if contains -- \"$words[1]\"");
    for (size_t i = 0; i < table->n_commands; i++)
        if (table->commands[i].second && is_first_of(table, i))
            printf(" %s", table->commands[i].first);
    puts("\n        test (string join ' ' -- $words[1..2] | string collect) = \"$argv[1]\"\n"
         "    else\n"
         "        test \"$words[1]\" = \"$argv[1]\"\n"
         "    end\n"
         "end\n\n"
         "# Every key of a configuration, and its values where these are known.\n"
         "function __gkvae_settings\n"
         "    string split ' ' -- \\");
    for (size_t i = 0; i < table->n_keys; i++) {
        const cli_completion_key *key = &table->keys[i];
        printf("        '%s=", key->name);
        for (const char *c = key->value.kind == CLI_VALUE_WORDS ? key->value.words : ""; *c;) {
            const size_t length = strcspn(c, " ");
            printf(" %s=%.*s", key->name, (int)length, c);
            c += length + (c[length] == ' ');
        }
        printf("'%s\n", i + 1 < table->n_keys ? " \\" : "");
    }
    puts("end\n\n"
         "complete -c gkvae -f");
    cli_completion_first_words(table, print_first_word);
    puts("complete -c gkvae -n \"__gkvae_is ''\" -a help -d 'the options of a command'");
    for (size_t i = 0; i < table->n_commands; i++)
        print_command(&table->commands[i]);
}
