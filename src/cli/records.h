/* Files of JSON, and the records of a run: one line of JSON for each. */
#ifndef GKV_CLI_RECORDS_H
#define GKV_CLI_RECORDS_H

#include <jansson.h>

/* Reads a file of JSON into *out, which the caller releases with json_decref(); NULL if the file is
 * no JSON, and *error says why. CLI_IO if it cannot be read, CLI_DATA if it is of another format,
 * or so large that it would fill the memory. */
int cli_json_read(const char *path, size_t flags, json_t **out, json_error_t *error);

/* A value as indented text with all digits, and releases the value. The caller frees the text.
 * Without memory it ends the program, as cli_alloc() does. */
char *cli_json_text(json_t *value);

/* The lines of FOLDER/NAME as an array, which the caller releases with json_decref(). A
 * missing file gives an empty array. A line that is not a JSON object, such as the last line of
 * a killed process, is left out. A file that cannot be read ends the program, as cli_alloc()
 * does without memory. */
json_t *cli_records_read(const char *folder, const char *name);

/* The number with this key in record i; NaN if there is none. */
double cli_record_number(const json_t *records, size_t i, const char *key);

#endif
