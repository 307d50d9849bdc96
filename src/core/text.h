/* Text from files, made safe for messages. The edit distance of two names is in gkvae/text.h. */
#ifndef GKV_CORE_TEXT_H
#define GKV_CORE_TEXT_H

#include <stddef.h>

#include "gkvae/text.h"

enum { GKV_PRINTABLE_SIZE = 96 }; /* bytes of the buffer, with the NUL */

/* Copies the text into `buffer` for use in a message and returns the buffer. Control characters
 * become '?', and a text that is too long is cut and ends in "…". So a hostile file can neither
 * control the terminal nor flood the message. Thread-safe. */
const char *gki_text_printable(const char *text, char buffer[GKV_PRINTABLE_SIZE]);

#endif
