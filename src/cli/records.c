#define _POSIX_C_SOURCE 200809L
#include "records.h"

#include <math.h>
#include <stdlib.h>

#include "cli.h"

json_t *cli_records_read(const char *folder, const char *name)
{
    json_t *records = json_array();
    char *path = cli_text("%s/%s", folder, name), *line = NULL;
    size_t size = 0;
    FILE *file = cli_open_file(path);
    while (file && getline(&line, &size, file) > 0) {
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        if (json_is_object(record))
            json_array_append(records, record);
        json_decref(record);
    }
    if (file)
        fclose(file);
    free(line);
    free(path);
    return records;
}

double cli_record_number(const json_t *records, size_t i, const char *key)
{
    const json_t *value = json_object_get(json_array_get(records, i), key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}
