/* gkvae completion bash; declared in completion.h. */
#include <string.h>

#include "completion.h"

static void print_first_word(const char *word, const char *about)
{
    (void)about;
    printf(" %s", word);
}

static void print_value(const cli_value *value)
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
static void print_values(const cli_completion_command *command)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const cli_option *option = &command->options[i];
        if (option->value.kind == CLI_VALUE_NONE)
            continue;
        printf("    '%s --%s'", command->name, option->name);
        if (option->letter)
            printf(" | '%s -%c'", command->name, option->letter);
        printf(") ");
        print_value(&option->value);
        printf(" ;;\n");
    }
}

static void print_functions(const cli_completion_table *table)
{
    puts("# \"COMMAND OPTION\": completes the option's value; fails if it takes none.\n"
         "_gkvae_value()\n{\n    case $1 in");
    for (size_t i = 0; i < table->n_commands; i++)
        print_values(&table->commands[i]);
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
            print_value(&table->keys[i].value);
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
        print_value(&table->commands[i].argument);
        puts(" ;;");
    }
    puts("    esac\n}\n");
}

/* The second words of commands that begin alike. */
static void print_second_words(const cli_completion_table *table)
{
    for (size_t i = 0; i < table->n_commands; i++) {
        const cli_completion_command *command = &table->commands[i];
        const bool more = i > 0 && table->commands[i - 1].second &&
                          strcmp(table->commands[i - 1].first, command->first) == 0;
        if (!command->second || more)
            continue;
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
    print_functions(table);
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
    cli_completion_first_words(table, print_first_word);
    puts(" help'\n        return\n    fi\n    command=${words[start]}\n    case $command in");
    print_second_words(table);
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
