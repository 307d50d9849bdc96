/* Undefines the macros that gk_root_float.h and gk_root_double.h define. */
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
