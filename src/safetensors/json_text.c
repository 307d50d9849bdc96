#include "safetensors/json_text.h"

#include <stdlib.h>

char *gki_json_text(const json_t *value, size_t flags, size_t *length)
{
    /* Writing to memory that is large enough does not fail. */
    const size_t needed = json_dumpb(value, NULL, 0, flags);
    char *text = needed > 0 ? malloc(needed + 1) : NULL;
    if (text && json_dumpb(value, text, needed, flags) != needed) {
        free(text);
        text = NULL;
    }
    if (text)
        text[needed] = '\0';
    if (length)
        *length = text ? needed : 0;
    return text;
}
