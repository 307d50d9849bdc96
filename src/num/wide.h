/* The type of integrals and special functions that need more than double: where long double is the same
 * as double, they are only as accurate as that. */
#ifndef GKV_NUM_WIDE_H
#define GKV_NUM_WIDE_H

typedef long double gkv_wide;

#endif
