/* The type of integrals and special functions that need more than double precision. On machines
 * where long double is double, the results have double precision only. */
#ifndef GKV_NUM_WIDE_H
#define GKV_NUM_WIDE_H

typedef long double gki_wide;

#endif
