/* The table for the writers of completion scripts: the commands, their options and the possible
 * values, read from the tables of the program. */
#ifndef GKV_CLI_COMPLETION_H
#define GKV_CLI_COMPLETION_H

#include "cli.h"
#include "texts.h"

/* The kind of an option's value or of an argument. */
typedef enum cli_value_kind {
    CLI_VALUE_NONE = 0, /* the option has no value; the command has no arguments */
    CLI_VALUE_FREE,     /* a number or a name, which cannot be completed */
    CLI_VALUE_WORDS,    /* one of some words */
    CLI_VALUE_FILE,
    CLI_VALUE_INI, /* a configuration */
    CLI_VALUE_FOLDER,
    CLI_VALUE_SETTING /* section.key=value */
} cli_value_kind;

typedef struct cli_value {
    cli_value_kind kind;
    const char *words; /* separated by blanks; NULL unless CLI_VALUE_WORDS */
} cli_value;

typedef struct cli_option {
    const char *name;
    char letter; /* 0 if there is no short form */
    bool repeated;
    const char *about; /* without the default */
    const char *arg;   /* the name of the value in --help; NULL without a value */
    cli_value value;
} cli_option;

typedef struct cli_completion_command {
    const char *name, *first, *second; /* "data get", "data", "get"; second is NULL for one word */
    const char *about;
    cli_value argument;
    cli_option options[CLI_OPTIONS_MAX + 1]; /* --help is the last */
    size_t n_options;
} cli_completion_command;

typedef struct cli_completion_key {
    const char *name; /* "section.key" */
    cli_value value;
} cli_completion_key;

typedef struct cli_completion_table {
    cli_completion_command *commands;
    cli_completion_key *keys;
    size_t n_commands, n_keys;
    cli_texts texts; /* owner of the texts above */
} cli_completion_table;

/* Calls the function once for each first word of a command, with its description; that of data,
 * density and base, which take a second word, is NULL. */
void cli_completion_first_words(const cli_completion_table *table,
                                void (*visit)(const char *word, const char *about));

/* One writer for each shell, on standard output. */
void cli_completion_bash(const cli_completion_table *table);
void cli_completion_zsh(const cli_completion_table *table);
void cli_completion_fish(const cli_completion_table *table);

#endif
