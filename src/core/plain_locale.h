/* The "C" locale for reading and writing numbers in files, which have a decimal point whatever the
 * locale of the host program is. Between these two calls printf(), strtod() and sscanf() use the
 * "C" locale, on this thread only:
 *     const locale_t before = gki_plain_locale_enter();
 *     …
 *     uselocale(before); */
#ifndef GKV_CORE_PLAIN_LOCALE_H
#define GKV_CORE_PLAIN_LOCALE_H

#include <locale.h>

/* Switches this thread to the "C" locale and returns the locale that it had before. If the system
 * has no memory for the "C" locale, the thread keeps its own. Thread-safe. */
locale_t gki_plain_locale_enter(void);

#endif
