#include "safetensors/json_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Text that grows. */
typedef struct text {
    char *at;
    size_t length, room;
    bool failed;
} text;

/* Appends to the text, before the '\0' at its end. After a failure nothing is appended: jansson
 * ignores what this function returns for the key of an object. */
static int append(const char *part, size_t length, void *data)
{
    text *to = data;
    if (to->failed)
        return -1;
    if (length >= to->room - to->length) {
        const size_t room = 2 * (to->room + length);
        char *grown = realloc(to->at, room);
        if (!grown) {
            to->failed = true;
            return -1;
        }
        to->at = grown;
        to->room = room;
    }
    memcpy(to->at + to->length, part, length);
    to->length += length;
    to->at[to->length] = '\0';
    return 0;
}

char *gki_json_text(const json_t *value, size_t flags, size_t *length)
{
    enum { ROOM = 1024 };
    text out = {.at = malloc(ROOM), .room = ROOM};
    if (!out.at || json_dump_callback(value, append, &out, flags) != 0 || out.failed ||
        out.length == 0) {
        free(out.at);
        out = (text){0};
    }
    if (length)
        *length = out.length;
    return out.at;
}
