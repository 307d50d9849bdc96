/* Shared libraries that are loaded when they are first needed, and not when the process starts. */
#ifndef GKV_CORE_LATE_H
#define GKV_CORE_LATE_H

#include <stdbool.h>
#include <stddef.h>

/* A function of a library, and the pointer to a function that receives its address. */
typedef struct gki_late_function {
    const char *name;
    void *pointer;
} gki_late_function;

/* Loads a library by its name and finds `count` functions. The library stays loaded. Returns false
 * if it is not installed or lacks a function; some pointers may be set then. */
bool gki_late_load(const char *library, size_t count, const gki_late_function *functions);

#endif
