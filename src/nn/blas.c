#include "nn/blas.h"

#define _DEFAULT_SOURCE
#include <cblas.h>
#include <omp.h>
#include <pthread.h>
#include <sys/mman.h>

#include "core/error.h"
#include "core/late.h"

/* --- Loading -------------------------------------------------------------- */

/* The name of the interface, which Debian's variants of the library share. */
static const char library[] = "libopenblas.so.0";

/* The address space, in bytes, that OpenBLAS must find. Its start asks for buffers of 128 MiB until
 * it gets them. */
static const size_t space = (size_t)512 << 20;

typedef enum outcome { LOADED, NO_SPACE, NO_LIBRARY } outcome;

/* The functions of OpenBLAS that are used, with the types of cblas.h. */
static struct {
    __typeof__(&cblas_sgemm) sgemm;
    __typeof__(&cblas_dgemm) dgemm;
    __typeof__(&openblas_get_num_threads) get_threads;
    __typeof__(&openblas_set_num_threads) set_threads;
    __typeof__(&openblas_get_config) get_config;
} blas;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic outcome loading = NO_LIBRARY; /* written within `once` */

static void load(void)
{
    void *const probe = mmap(NULL, space, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) {
        loading = NO_SPACE;
        return;
    }
    munmap(probe, space);
    const gki_late_function functions[] = {{"cblas_sgemm", &blas.sgemm},
                                           {"cblas_dgemm", &blas.dgemm},
                                           {"openblas_get_num_threads", &blas.get_threads},
                                           {"openblas_set_num_threads", &blas.set_threads},
                                           {"openblas_get_config", &blas.get_config}};
    if (gki_late_load(library, sizeof functions / sizeof *functions, functions))
        loading = LOADED;
}

static bool loaded(void)
{
    pthread_once(&once, load);
    return loading == LOADED;
}

/* --- Products ------------------------------------------------------------- */

/* OpenBLAS has one number of threads for the process. The first of concurrent calls sets it to one,
 * and the last one restores it. An OpenBLAS that is built with OpenMP looks at OpenMP's number too,
 * and openblas_set_num_threads() sets that of the calling thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned callers;
static int threads_before;

/* Returns OpenMP's number of threads, for leave(). */
static int enter(void)
{
    const int of_openmp = omp_get_max_threads();
    pthread_mutex_lock(&lock);
    if (callers++ == 0) {
        threads_before = blas.get_threads();
        if (threads_before != 1)
            blas.set_threads(1);
    }
    pthread_mutex_unlock(&lock);
    if (of_openmp != 1)
        omp_set_num_threads(1);
    return of_openmp;
}

static void leave(int of_openmp)
{
    pthread_mutex_lock(&lock);
    if (--callers == 0 && threads_before != 1)
        blas.set_threads(threads_before);
    pthread_mutex_unlock(&lock);
    omp_set_num_threads(of_openmp);
}

static CBLAS_TRANSPOSE op(bool transpose)
{
    return transpose ? CblasTrans : CblasNoTrans;
}

bool gki_blas_product_d(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                        double alpha, const double *a, size_t a_row, const double *b, size_t b_row,
                        double beta, double *c, size_t c_row)
{
    if (!loaded())
        return false;
    const int before = enter();
    blas.dgemm(CblasRowMajor, op(transpose_a), op(transpose_b), (blasint)m, (blasint)n, (blasint)k,
               alpha, a, (blasint)a_row, b, (blasint)b_row, beta, c, (blasint)c_row);
    leave(before);
    return true;
}

bool gki_blas_product_f(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                        float alpha, const float *a, size_t a_row, const float *b, size_t b_row,
                        float beta, float *c, size_t c_row)
{
    if (!loaded())
        return false;
    const int before = enter();
    blas.sgemm(CblasRowMajor, op(transpose_a), op(transpose_b), (blasint)m, (blasint)n, (blasint)k,
               alpha, a, (blasint)a_row, b, (blasint)b_row, beta, c, (blasint)c_row);
    leave(before);
    return true;
}

gkv_status gki_blas_square_product(size_t n, int threads, const float *a, const float *b, float *c)
{
    const blasint size = (blasint)n;
    if (!loaded() && loading == NO_SPACE)
        return gki_fail(GKV_ERR_MEMORY,
                        "OpenBLAS needs %zu MiB of address space; raise its limit (ulimit -v)",
                        space >> 20);
    if (!loaded())
        return gki_fail(GKV_ERR_IO, "OpenBLAS (%s) cannot be loaded; install libopenblas0",
                        library);
    const int of_blas = blas.get_threads(), of_openmp = omp_get_max_threads();
    blas.set_threads(threads);
    omp_set_num_threads(threads);
    blas.sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1.0F, a, size, b, size,
               0.0F, c, size);
    blas.set_threads(of_blas);
    omp_set_num_threads(of_openmp);
    return GKV_OK;
}

const char *gki_blas_description(void)
{
    return loading == LOADED ? blas.get_config() : "OpenBLAS (not loaded)";
}
