/* What the program was built with. */
#ifndef GKV_APP_BUILD_H
#define GKV_APP_BUILD_H

/* Three lines: the compiler, the BLAS, and the instruction set of the kernels. The string is valid
 * until the next call on this thread. */
const char *gki_build_description(void);

#endif
