/* The names of gk_root_real.h for double; gk_batch_undef.h undefines them. */
#define REAL double
#define V vd
#define F(name) vd_##name
#define S(name) name##_d
#define LANES VD_LANES
#define LEAST 1e-290
#define MOST 1e300
#define LARGEST DBL_MAX
#define FAR_OUT 0x1p30
#define CONVERGED 1e-8
#define NARROW 1.00000000000001
