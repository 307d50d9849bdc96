/* The elementwise functions. The build compiles this file once for every instruction set; see
 * simd.h. */
#include "core/simd_types.h"
#include "core/vmath.h"

#define MAP(name, expression_f, expression_d)                  \
    static void name##_f(size_t n, const float *x, float *y)   \
    {                                                          \
        for (size_t i = 0; i < n; i += VF_LANES) {             \
            const vf v = vf_load_part(x + i, n - i, 1.0F);     \
            vf_store_part(y + i, n - i, expression_f);         \
        }                                                      \
    }                                                          \
    static void name##_d(size_t n, const double *x, double *y) \
    {                                                          \
        for (size_t i = 0; i < n; i += VD_LANES) {             \
            const vd v = vd_load_part(x + i, n - i, 1.0);      \
            vd_store_part(y + i, n - i, expression_d);         \
        }                                                      \
    }

MAP(map_exp, vf_exp(v), vd_exp(v))
MAP(map_log, vf_log(v), vd_log(v))
MAP(map_tanh, vf_tanh(v), vd_tanh(v))
MAP(map_sigmoid, vf_set(1.0F) / (vf_set(1.0F) + vf_exp(-v)),
    vd_set(1.0) / (vd_set(1.0) + vd_exp(-v)))

static void map_expm1_f(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i += VF_LANES) {
        vf minus_one;
        vf_exp_m1(vf_load_part(x + i, n - i, 1.0F), &minus_one);
        vf_store_part(y + i, n - i, minus_one);
    }
}

static void map_expm1_d(size_t n, const double *x, double *y)
{
    for (size_t i = 0; i < n; i += VD_LANES) {
        vd minus_one;
        vd_exp_m1(vd_load_part(x + i, n - i, 1.0), &minus_one);
        vd_store_part(y + i, n - i, minus_one);
    }
}

static void box_muller_f(size_t n, const float *u, const float *v, float *a, float *b)
{
    for (size_t i = 0; i < n; i += VF_LANES) {
        const vf radius = vf_sqrt(vf_set(-2.0F) * vf_log(vf_load_part(u + i, n - i, 0.5F)));
        const vf angle = vf_set(6.283185307179586F) * vf_load_part(v + i, n - i, 0.5F);
        vf_store_part(a + i, n - i, radius * vf_cos(angle));
        vf_store_part(b + i, n - i, radius * vf_sin(angle));
    }
}

static void box_muller_d(size_t n, const double *u, const double *v, double *a, double *b)
{
    for (size_t i = 0; i < n; i += VD_LANES) {
        const vd radius = vd_sqrt(vd_set(-2.0) * vd_log(vd_load_part(u + i, n - i, 0.5)));
        const vd angle = vd_set(6.283185307179586476925) * vd_load_part(v + i, n - i, 0.5);
        vd_store_part(a + i, n - i, radius * vd_cos(angle));
        vd_store_part(b + i, n - i, radius * vd_sin(angle));
    }
}

GKV_SIMD_TABLE(gki_vmath, .exp_f = map_exp_f, .expm1_f = map_expm1_f, .log_f = map_log_f,
               .tanh_f = map_tanh_f, .sigmoid_f = map_sigmoid_f, .exp_d = map_exp_d,
               .expm1_d = map_expm1_d, .log_d = map_log_d, .tanh_d = map_tanh_d,
               .sigmoid_d = map_sigmoid_d, .box_muller_f = box_muller_f,
               .box_muller_d = box_muller_d);
