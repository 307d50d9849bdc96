/* Small services for messages: names made fit to print; the nearest name is gkvae/text.h's. */
#ifndef GKV_CORE_TEXT_H
#define GKV_CORE_TEXT_H

#include <stddef.h>

#include "gkvae/text.h"

enum { GKV_PRINTABLE_SIZE = 96 };

/* The text for use in a message, in `buffer`: control characters become '?' and a
 * long text ends in "…", so that a hostile file cannot steer the terminal or
 * drown the message. Returns the buffer. */
const char *gkv_text_printable(const char *text, char buffer[GKV_PRINTABLE_SIZE]);

#endif
