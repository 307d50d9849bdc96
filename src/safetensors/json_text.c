#include "safetensors/json_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Text that grows. */
typedef struct json_text {
    char *bytes;
    size_t length, room;
    bool failed;
} json_text;

/* Appends to the text, before the '\0' at its end. After a failure nothing is appended: jansson
 * ignores what this function returns for the key of an object. */
static int append(const char *part, size_t length, void *data)
{
    json_text *text = data;
    if (text->failed)
        return -1;
    if (length >= text->room - text->length) {
        const size_t room = 2 * (text->room + length);
        char *grown = realloc(text->bytes, room);
        if (!grown) {
            text->failed = true;
            return -1;
        }
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->length, part, length);
    text->length += length;
    text->bytes[text->length] = '\0';
    return 0;
}

char *gki_json_text(const json_t *value, size_t flags, size_t *length)
{
    enum { ROOM = 1024 };
    json_text out = {.bytes = malloc(ROOM), .room = ROOM};
    if (!out.bytes || json_dump_callback(value, append, &out, flags) != 0 || out.failed ||
        out.length == 0) {
        free(out.bytes);
        out = (json_text){0};
    }
    if (length)
        *length = out.length;
    return out.bytes;
}
