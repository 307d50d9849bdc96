/* Numbers in files have a decimal point, whatever the host program's locale says.
 * printf(), strtod() and sscanf() between the two calls use the "C" locale, on this
 * thread only:
 *     const locale_t before = gkv_plain_locale_enter();
 *     …
 *     uselocale(before);                                                          */
#ifndef GKV_CORE_PLAIN_LOCALE_H
#define GKV_CORE_PLAIN_LOCALE_H

#include <locale.h>

/* Returns what the thread had. If the "C" locale cannot be had, which takes a system
 * out of memory, numbers follow the program's. */
locale_t gkv_plain_locale_enter(void);

#endif
