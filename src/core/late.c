#include "core/late.h"

#include <dlfcn.h>

bool gki_late_load(const char *library, size_t count, const gki_late_function *functions)
{
    void *const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return false;
    for (size_t i = 0; i < count; i++) {
        void *const address = dlsym(handle, functions[i].name);
        if (!address)
            return false;
        /* POSIX converts a void * to a pointer to a function, ISO C does not. */
        *(void **)functions[i].pointer = address;
    }
    return true;
}
