/* The shapes of g-and-k noise (noise_gk.c). */
#ifndef GKV_VAE_NOISE_GK_H
#define GKV_VAE_NOISE_GK_H

/* Map a raw shape r to a strictly valid one, and write the derivative of the map:
 * g = 4·tanh(r/4);  k = 2·tanh(r/2) for r ≥ 0 and 0.059·(e^(r/0.059) − 1) below.
 * −0.059 is above k_min(g, 0.8) for every g. */
double gki_shape_g(double raw, double *derivative);
double gki_shape_k(double raw, double *derivative);

#endif
