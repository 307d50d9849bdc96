/* The names of gk_root_real.h for float; gk_batch_undef.h undefines them. */
#define REAL float
#define V vf
#define F(name) vf_##name
#define S(name) name##_f
#define LANES VF_LANES
#define LEAST 1e-30F /* for smaller s, T and (1+s²)^k round to 1, so that z = y */
#define MOST 1e37F   /* |z| is clamped to this */
#define LARGEST FLT_MAX
#define FAR_OUT 0x1p30F /* for larger s, 1+s² rounds to s² */
/* the last step has a smaller square; its error is of the order of its fourth power */
#define CONVERGED 4e-4F
#define NARROW 1.000001F /* a bracket is closed if the ratio of its ends is below this */
