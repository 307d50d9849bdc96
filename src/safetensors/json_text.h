/* JSON values as text. */
#ifndef GKV_SAFETENSORS_JSON_TEXT_H
#define GKV_SAFETENSORS_JSON_TEXT_H

#include <jansson.h>
#include <stddef.h>

/* The text of a value with jansson's flags, as of json_dumps(), and its length unless that is NULL.
 * The caller frees it. NULL if memory is out; json_dumps() of jansson up to 2.14 may then return
 * text without a key. Thread-safe. */
char *gki_json_text(const json_t *value, size_t flags, size_t *length);

#endif
