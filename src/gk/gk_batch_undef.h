/* Undefines the macros that gk_batch_kernels.c defines for one numeric type. */
#undef REAL
#undef V
#undef F
#undef S
#undef LANES
#undef LEAST
#undef MOST
#undef LARGEST
#undef FAR_OUT
#undef CONVERGED
#undef NARROW
