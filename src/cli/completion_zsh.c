/* gkvae completion zsh; declared in completion.h. */
#include <string.h>

#include "completion.h"

/* Text within single quotes, with a backslash before each of the letters of `special`. */
static void print_quoted(const char *text, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr(special, *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void print_value(const cli_value *value)
{
    switch (value->kind) {
    case CLI_VALUE_NONE:
    case CLI_VALUE_FREE: printf(" "); break;
    case CLI_VALUE_WORDS: printf("(%s)", value->words); break;
    case CLI_VALUE_FILE: printf("_files"); break;
    case CLI_VALUE_INI: printf("_files -g \"*.ini\""); break;
    case CLI_VALUE_FOLDER: printf("_files -/"); break;
    case CLI_VALUE_SETTING: printf("_gkvae_setting"); break;
    }
}

/* A specification of _arguments, as in '(-o --out)'{-o+,--out=}'[about]:FOLDER:_files -/'. */
static void print_option(const cli_option *option)
{
    const bool valued = option->value.kind != CLI_VALUE_NONE;
    const char *after = valued ? "=" : "";
    printf("            ");
    if (option->repeated)
        printf("'*'");
    else if (option->letter)
        printf("'(-%c --%s)'", option->letter, option->name);
    if (option->letter)
        printf("{-%c%s,--%s%s}", option->letter, valued ? "+" : "", option->name, after);
    else
        printf("--%s%s", option->name, after);
    printf("'[");
    print_quoted(option->about, "[]:\\");
    printf("]");
    if (valued) {
        printf(":");
        print_quoted(option->arg, "[]:\\");
        printf(":");
        print_value(&option->value);
    }
    puts("' \\");
}

static void print_command(const cli_completion_command *command)
{
    printf("    '%s')\n        _arguments -S \\\n", command->name);
    for (size_t i = 0; i < command->n_options; i++)
        print_option(&command->options[i]);
    if (command->argument.kind == CLI_VALUE_WORDS) {
        printf("            '1:argument:");
        print_value(&command->argument);
        puts("' \\\n            '*:argument: '");
    } else if (command->argument.kind != CLI_VALUE_NONE) {
        printf("            '*:argument:");
        print_value(&command->argument);
        puts("'");
    } else {
        puts("            && return");
    }
    puts("        ;;");
}

static void print_settings(const cli_completion_table *table)
{
    puts("# \"section.key=value\": the key, or the value.\n"
         "_gkvae_setting()\n{\n    local key=${PREFIX%%=*}\n    if ! compset -P '*='; then\n"
         "        compadd -S = -q -- \\");
    for (size_t i = 0; i < table->n_keys; i++)
        printf("            %s%s\n", table->keys[i].name, i + 1 < table->n_keys ? " \\" : "");
    puts("        return\n    fi\n    case $key in");
    for (size_t i = 0; i < table->n_keys; i++) {
        const cli_completion_key *key = &table->keys[i];
        if (key->value.kind == CLI_VALUE_WORDS)
            printf("    %s) compadd -- %s ;;\n", key->name, key->value.words);
        else if (key->value.kind == CLI_VALUE_FILE)
            printf("    %s) _files ;;\n", key->name);
    }
    puts("    esac\n}\n");
}

static void print_first_word(const char *word, const char *about)
{
    printf("        '%s:", word);
    print_quoted(about                       ? about
                 : strcmp(word, "data") == 0 ? "data sets"
                                             : "the base of a trained model",
                 ":\\");
    puts("'");
}

/* Branches for the second words of commands that begin alike. */
static void print_second_words(const cli_completion_table *table)
{
    for (size_t i = 0; i < table->n_commands; i++) {
        const cli_completion_command *command = &table->commands[i];
        if (!command->second ||
            (i > 0 && strcmp(table->commands[i - 1].first, command->first) == 0))
            continue;
        printf("    %s)\n        if ((CURRENT == 2)); then\n            second=(\n",
               command->first);
        for (size_t j = i;
             j < table->n_commands && strcmp(table->commands[j].first, command->first) == 0; j++) {
            printf("                '%s:", table->commands[j].second);
            print_quoted(table->commands[j].about, ":\\");
            puts("'");
        }
        puts(
            "            )\n            _describe -t commands command second\n            return\n "
            "       fi\n"
            "        shift words\n        ((CURRENT--))\n        name+=\" $words[1]\"\n        ;;");
    }
}

void cli_completion_zsh(const cli_completion_table *table)
{
    puts("#compdef gkvae\n"
         "# Completion of gkvae for zsh; made by `gkvae completion zsh`.\n");
    print_settings(table);
    puts("_gkvae()\n{\n"
         "    local curcontext=$curcontext name\n"
         "    local -a first second\n"
         "    first=(");
    cli_completion_first_words(table, print_first_word);
    puts("        'help:the options of a command'\n    )\n"
         "    [[ $words[2] == help ]] && ((CURRENT > 2)) && { shift words; ((CURRENT--)) }\n"
         "    if ((CURRENT == 2)); then\n"
         "        _describe -t commands command first\n"
         "        return\n"
         "    fi\n"
         "    shift words\n"
         "    ((CURRENT--))\n"
         "    name=$words[1]\n"
         "    case $name in");
    print_second_words(table);
    puts("    esac\n    case $name in");
    for (size_t i = 0; i < table->n_commands; i++)
        print_command(&table->commands[i]);
    puts("    esac\n}\n\n"
         "# Loaded by the completion system, or sourced.\n"
         "if [[ $funcstack[1] == _gkvae ]]; then\n    _gkvae \"$@\"\nelse\n    compdef _gkvae "
         "gkvae\nfi");
}
