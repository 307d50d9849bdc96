#define _POSIX_C_SOURCE 200809L
#include "core/plain_locale.h"

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t plain;

static void make(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t gki_plain_locale_enter(void)
{
    pthread_once(&once, make);
    return uselocale(plain);
}
