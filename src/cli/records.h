/* The records that a run keeps, a line of JSON each. */
#ifndef GKV_CLI_RECORDS_H
#define GKV_CLI_RECORDS_H

#include <jansson.h>

/* The lines of FOLDER/NAME as an array, to be released by json_decref(). A file that is
 * missing has none, and a line that is no JSON object (the last one of a killed
 * process, perhaps) is left out. */
json_t *cli_records_read(const char *folder, const char *name);

/* A number of the i-th record; NaN if it has none of that name. */
double cli_record_number(const json_t *records, size_t i, const char *key);

#endif
