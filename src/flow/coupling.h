/* The split of the dimensions in coupling layers; coupling.c makes the layers. */
#ifndef GKV_FLOW_COUPLING_H
#define GKV_FLOW_COUPLING_H

#include <stdbool.h>
#include <stddef.h>

/* True if dimension j of `dims` is in the set b of layer `index`, which the layer moves. Two
 * consecutive layers have the same split with the two sets exchanged. Each further pair of layers
 * has another split, so that all dimensions soon affect each other. The first split separates the
 * halves. The next ones separate even from odd values of j, of j/2, of j/4, … as long as the
 * pattern repeats at least once. Then the halves come again. */
bool gki_coupling_moves(size_t index, size_t j, size_t dims);

#endif
