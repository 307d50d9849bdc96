/* Files of JSON; declared in records.h. */
#include "records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/foreign.h"
#include "safetensors/json_text.h"
#include "cli.h"

/* The most bytes of a file, and of the tree of its values. */
enum { JSON_MAX = 64 << 20, TREE_MAX = 256 << 20, RECORDS_MAX = 256 << 20 };

/* About how many bytes the tree of a text takes: those of arrays and objects, of the members of
 * objects, and of values in arrays, each with what malloc() adds. */
static size_t tree_size(const char *text, size_t size)
{
    enum { CONTAINER = 320, MEMBER = 128, VALUE = 48 };
    size_t bytes = VALUE;
    for (size_t i = 0; i < size; i++)
        switch (text[i]) {
        case '[':
        case '{': bytes += CONTAINER; break;
        case ':': bytes += MEMBER; break;
        case ',': bytes += VALUE; break;
        default: break;
        }
    return bytes;
}

int cli_json_read(const char *path, size_t flags, json_t **out, json_error_t *error)
{
    char *text = NULL;
    size_t size = 0;
    int code = CLI_OK;
    *out = NULL;
    CLI_CHECK(gki_file_read(path, JSON_MAX, &text, &size));
    CLI_CHECK(gki_foreign_check(GKV_ERR_DATA, path, text,
                                size < GKV_FOREIGN_BYTES ? size : GKV_FOREIGN_BYTES,
                                GKV_WANTED_JSON));
    if (tree_size(text, size) > TREE_MAX)
        code =
            cli_error(CLI_DATA, "%s: its values need more memory than such a file may take", path);
    else
        *out = json_loadb(text, size, flags, error);
done:
    free(text);
    return code;
}

json_t *cli_records_read(const char *folder, const char *name)
{
    json_t *records = json_array();
    char *path = cli_text("%s/%s", folder, name), *text = NULL, *rest = NULL;
    size_t size = 0;
    const int code =
        gki_file_exists(path) ? cli_check(gki_file_read(path, RECORDS_MAX, &text, &size)) : CLI_OK;
    if (code != CLI_OK)
        exit(code);
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        if (json_is_object(record))
            json_array_append(records, record);
        json_decref(record);
    }
    free(text);
    free(path);
    return records;
}

double cli_record_number(const json_t *records, size_t i, const char *key)
{
    const json_t *value = json_object_get(json_array_get(records, i), key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

char *cli_json_text(json_t *value)
{
    char *text = gki_json_text(value, JSON_INDENT(2) | JSON_REAL_PRECISION(17), NULL);
    json_decref(value);
    if (!text)
        exit(cli_error(CLI_MEMORY, "out of memory for JSON"));
    return text;
}
