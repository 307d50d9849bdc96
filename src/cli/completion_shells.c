/* gkvae completion: the scripts for bash, zsh and fish; declared in completion.h. */
#include <string.h>

#include "completion.h"

/* Whether a command of two words begins with a command of one word, which stands before it, as
 * "features train" does. */
static bool is_extension(const cli_completion_table *table, size_t i)
{
    const cli_completion_command *command = &table->commands[i];
    return command->second && i > 0 && !table->commands[i - 1].second &&
           strcmp(table->commands[i - 1].first, command->first) == 0;
}

/* --- bash ----------------------------------------------------------------- */

static void bash_print_first_word(const char *word, const char *about)
{
    (void)about;
    printf(" %s", word);
}

static void bash_print_value(const cli_value *value)
{
    switch (value->kind) {
    case CLI_VALUE_NONE:
    case CLI_VALUE_FREE: printf(":"); break;
    case CLI_VALUE_WORDS: printf("_gkvae_words '%s'", value->words); break;
    case CLI_VALUE_FILE: printf("_gkvae_files -f"); break;
    case CLI_VALUE_INI: printf("_gkvae_files -f -X '!*.ini'"); break;
    case CLI_VALUE_FOLDER: printf("_gkvae_files"); break;
    case CLI_VALUE_SETTING: printf("_gkvae_setting"); break;
    }
}

/* Branches of a `case` over "COMMAND OPTION". */
static void bash_print_values(const cli_completion_command *command)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *option = &command->options[i];
        if (option->value.kind == CLI_VALUE_NONE)
            continue;
        printf("    '%s --%s'", command->name, option->name);
        if (option->letter)
            printf(" | '%s -%c'", command->name, option->letter);
        printf(") ");
        bash_print_value(&option->value);
        printf(" ;;\n");
    }
}

static void bash_print_functions(const cli_completion_table *table)
{
    puts("# \"COMMAND OPTION\": completes the option's value; fails if it takes none.\n"
         "_gkvae_value()\n{\n    case $1 in");
    for (size_t i = 0; i < table->n_commands; i++)
        bash_print_values(&table->commands[i]);
    puts("    *) return 1 ;;\n    esac\n}\n\n"
         "# \"section.key=value\": completes the key, or the value.\n"
         "_gkvae_setting()\n{\n    local key=${cur%%=*}\n    if [[ $cur != *=* ]]; then\n"
         "        compopt -o nospace 2> /dev/null");
    printf("        _gkvae_words '");
    for (size_t i = 0; i < table->n_keys; i++)
        printf("%s%s=", i ? " " : "", table->keys[i].name);
    puts("'\n        return\n    fi\n    before=$before$key= cur=${cur#*=}\n    case $key in");
    for (size_t i = 0; i < table->n_keys; i++)
        if (table->keys[i].value.kind != CLI_VALUE_FREE) {
            printf("    %s) ", table->keys[i].name);
            bash_print_value(&table->keys[i].value);
            printf(" ;;\n");
        }
    puts("    esac\n}\n\n"
         "_gkvae_options()\n{\n    case $1 in");
    for (size_t i = 0; i < table->n_commands; i++) {
        printf("    '%s') _gkvae_words '", table->commands[i].name);
        for (size_t j = 0; j < table->commands[i].n_options; j++)
            printf("%s--%s", j ? " " : "", table->commands[i].options[j].name);
        puts("' ;;");
    }
    puts("    esac\n}\n\n"
         "_gkvae_argument()\n{\n    case $1 in");
    for (size_t i = 0; i < table->n_commands; i++) {
        printf("    '%s') ", table->commands[i].name);
        bash_print_value(&table->commands[i].argument);
        puts(" ;;");
    }
    puts("    esac\n}\n");
}

/* The second words of commands that begin alike. */
static void bash_print_second_words(const cli_completion_table *table)
{
    for (size_t i = 0; i < table->n_commands; i++) {
        const cli_completion_command *command = &table->commands[i];
        const bool more = i > 0 && table->commands[i - 1].second &&
                          strcmp(table->commands[i - 1].first, command->first) == 0;
        if (!command->second || more)
            continue;
        if (is_extension(table, i)) {
            printf(
                "    %s)\n        if ((n > start + 1)) && [[ ${words[start + 1]} == %s ]]; then\n"
                "            command=\"%s\" start=$((start + 1))\n        fi\n        ;;\n",
                command->first, command->second, command->name);
            continue;
        }
        printf("    %s)\n        if ((n == start + 1)); then\n", command->first);
        printf("            _gkvae_words '%s", command->second);
        for (size_t j = i + 1; j < table->n_commands && table->commands[j].second; j++)
            if (strcmp(table->commands[j].first, command->first) == 0)
                printf(" %s", table->commands[j].second);
        puts("'\n            return\n        fi\n        command=\"$command ${words[start + 1]}\"\n"
             "        start=$((start + 1))\n        ;;");
    }
}

void cli_completion_bash(const cli_completion_table *table)
{
    puts("# Completion of gkvae for bash; made by `gkvae completion bash`.\n\n"
         "# $cur is what is to be completed, and $before what stands before it in its word.\n"
         "_gkvae_words()\n{\n"
         "    local IFS=$' \\t\\n'\n"
         "    COMPREPLY=($(compgen -W \"$1\" -- \"$cur\"))\n}\n\n"
         "# Folders, and files by the arguments as those of compgen.\n"
         "_gkvae_files()\n{\n"
         "    local IFS=$'\\n'\n"
         "    compopt -o filenames 2> /dev/null\n"
         "    COMPREPLY=($(compgen -d -- \"$cur\"))\n"
         "    if (($#)); then\n"
         "        COMPREPLY+=($(compgen \"$@\" -- \"$cur\" |\n"
         "            while read -r file; do [[ -d $file ]] || echo \"$file\"; done))\n"
         "    fi\n}\n");
    bash_print_functions(table);
    puts("_gkvae()\n{\n"
         "    local IFS=$' \\t\\n' cur before= command word start=0 n=0 i\n"
         "    local -a words=()\n"
         "    # Bash takes words apart at \"=\".\n"
         "    for ((i = 1; i <= COMP_CWORD; i++)); do\n"
         "        word=${COMP_WORDS[i]}\n"
         "        if ((n > 0)) && [[ $word == =* || ${words[n - 1]} == *= ]]; then\n"
         "            words[n - 1]+=$word\n"
         "        else\n"
         "            words[n++]=$word\n"
         "        fi\n"
         "    done\n"
         "    n=$((n - 1)) cur=${words[n]} COMPREPLY=()\n"
         "    [[ ${words[0]} == help ]] && ((n > 0)) && start=1");
    printf("    if ((n == start)); then\n        _gkvae_words '");
    cli_completion_first_words(table, bash_print_first_word);
    puts(" help'\n        return\n    fi\n    command=${words[start]}\n    case $command in");
    bash_print_second_words(table);
    puts("    esac\n"
         "    if [[ $cur == --*=* ]]; then\n"
         "        word=${cur%%=*} before=$word= cur=${cur#*=}\n"
         "        _gkvae_value \"$command $word\"\n"
         "    elif ((n > start + 1)) && _gkvae_value \"$command ${words[n - 1]}\"; then\n"
         "        :\n"
         "    elif [[ $cur == -* ]]; then\n"
         "        _gkvae_options \"$command\"\n"
         "    elif ((start == 0)) || [[ ${words[0]} != help ]]; then\n"
         "        _gkvae_argument \"$command\"\n"
         "    fi\n"
         "    # Where \"=\" takes no words apart, the whole word is replaced.\n"
         "    if [[ $COMP_WORDBREAKS != *=* ]]; then\n"
         "        for i in \"${!COMPREPLY[@]}\"; do COMPREPLY[i]=$before${COMPREPLY[i]}; done\n"
         "    fi\n"
         "    return 0\n}\n\n"
         "complete -F _gkvae gkvae");
}

/* --- zsh ------------------------------------------------------------------ */

/* Text within single quotes, with a backslash before each of the letters of `special`. */
static void zsh_print_quoted(const char *text, const char *special)
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

static void zsh_print_value(const cli_value *value)
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
static void zsh_print_option(const cli_option *option)
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
    zsh_print_quoted(option->about, "[]:\\");
    printf("]");
    if (valued) {
        printf(":");
        zsh_print_quoted(option->arg, "[]:\\");
        printf(":");
        zsh_print_value(&option->value);
    }
    puts("' \\");
}

static void zsh_print_command(const cli_completion_command *command)
{
    printf("    '%s')\n        _arguments -S \\\n", command->name);
    for (size_t i = 0; i < command->n_options; i++)
        zsh_print_option(&command->options[i]);
    if (command->argument.kind == CLI_VALUE_WORDS) {
        printf("            '1:argument:");
        zsh_print_value(&command->argument);
        puts("' \\\n            '*:argument: '");
    } else if (command->argument.kind != CLI_VALUE_NONE) {
        printf("            '*:argument:");
        zsh_print_value(&command->argument);
        puts("'");
    } else {
        puts("            && return");
    }
    puts("        ;;");
}

static void zsh_print_settings(const cli_completion_table *table)
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

static void zsh_print_first_word(const char *word, const char *about)
{
    printf("        '%s:", word);
    zsh_print_quoted(about                          ? about
                     : strcmp(word, "data") == 0    ? "data sets"
                     : strcmp(word, "density") == 0 ? "joint densities of columns of numbers"
                                                    : "the base of a trained model",
                     ":\\");
    puts("'");
}

/* Branches for the second words of commands that begin alike. */
static void zsh_print_second_words(const cli_completion_table *table)
{
    for (size_t i = 0; i < table->n_commands; i++) {
        const cli_completion_command *command = &table->commands[i];
        if (is_extension(table, i)) {
            printf("    %s)\n        if ((CURRENT > 2)) && [[ $words[2] == %s ]]; then\n"
                   "            shift words\n            ((CURRENT--))\n"
                   "            name=\"%s\"\n        fi\n        ;;\n",
                   command->first, command->second, command->name);
            continue;
        }
        if (!command->second ||
            (i > 0 && strcmp(table->commands[i - 1].first, command->first) == 0))
            continue;
        printf("    %s)\n        if ((CURRENT == 2)); then\n            second=(\n",
               command->first);
        for (size_t j = i;
             j < table->n_commands && strcmp(table->commands[j].first, command->first) == 0; j++) {
            printf("                '%s:", table->commands[j].second);
            zsh_print_quoted(table->commands[j].about, ":\\");
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
    zsh_print_settings(table);
    puts("_gkvae()\n{\n"
         "    local curcontext=$curcontext name\n"
         "    local -a first second\n"
         "    first=(");
    cli_completion_first_words(table, zsh_print_first_word);
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
    zsh_print_second_words(table);
    puts("    esac\n    case $name in");
    for (size_t i = 0; i < table->n_commands; i++)
        zsh_print_command(&table->commands[i]);
    puts("    esac\n}\n\n"
         "# Loaded by the completion system, or sourced.\n"
         "if [[ $funcstack[1] == _gkvae ]]; then\n    _gkvae \"$@\"\nelse\n    compdef _gkvae "
         "gkvae\nfi");
}

/* --- fish ----------------------------------------------------------------- */

/* The text within single quotes. */
static void fish_print_quoted(const char *text)
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
static void fish_print_value(const cli_value *value)
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

static void fish_print_option(const cli_completion_command *command, const cli_option *option)
{
    printf("complete -c gkvae -n \"__gkvae_is '%s'\" -l %s", command->name, option->name);
    if (option->letter)
        printf(" -s %c", option->letter);
    if (option->value.kind !=
        CLI_VALUE_NONE) /* the option needs a value: a file, or one of the completions */
        printf(option->value.kind == CLI_VALUE_FILE ? " -r" : " -x");
    fish_print_value(&option->value);
    printf(" -d ");
    fish_print_quoted(option->about);
    putchar('\n');
}

static void fish_print_first_word(const char *word, const char *about)
{
    printf("complete -c gkvae -n \"__gkvae_is ''\" -a %s", word);
    if (about) {
        printf(" -d ");
        fish_print_quoted(about);
    }
    putchar('\n');
}

static void fish_print_command(const cli_completion_command *command)
{
    if (command->second) {
        printf("complete -c gkvae -n \"__gkvae_is '%s'\" -a %s -d ", command->first,
               command->second);
        fish_print_quoted(command->about);
        putchar('\n');
    }
    for (size_t i = 0; i < command->n_options; i++)
        fish_print_option(command, &command->options[i]);
    if (command->argument.kind != CLI_VALUE_NONE) {
        printf("complete -c gkvae -n \"__gkvae_is '%s'\"", command->name);
        fish_print_value(&command->argument);
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
    printf("    if contains -- \"$words[1] $words[2]\"");
    for (size_t i = 0; i < table->n_commands; i++)
        if (is_extension(table, i))
            printf(" '%s'", table->commands[i].name);
    printf("\n        test \"$words[1] $words[2]\" = \"$argv[1]\"\n"
           "    else if contains -- \"$words[1]\"");
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
    cli_completion_first_words(table, fish_print_first_word);
    puts("complete -c gkvae -n \"__gkvae_is ''\" -a help -d 'the options of a command'");
    for (size_t i = 0; i < table->n_commands; i++)
        fish_print_command(&table->commands[i]);
}
