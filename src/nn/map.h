/* Maps: images of features in a slot, channels last.
 *
 * Pixel (y, x) of a map has `channels` neighbouring elements. A map may have a border of zeros,
 * which a convolution reads in place of pixels outside the image. With a border of b pixels it is b
 * rows above and b below the image, and b pixels behind each row; these also stand before the next
 * row. A workspace begins with zeros, and no layer writes to the border of a slot, so the border
 * stays zero. */
#ifndef GKV_NN_MAP_H
#define GKV_NN_MAP_H

#include "nn/workspace.h"

typedef struct gki_map {
    gki_slot slot;
    size_t height, width, channels;
    size_t border; /* in pixels */
} gki_map;

/* The elements from the start of a row of pixels to the start of the next row. */
static inline size_t gki_map_pitch(const gki_map *map)
{
    return (map->width + map->border) * map->channels;
}

/* The index of the first element of row y. */
static inline size_t gki_map_row(const gki_map *map, size_t y)
{
    return (y + map->border) * gki_map_pitch(map) + map->border * map->channels;
}

/* The pixels of a map without its border. */
static inline size_t gki_map_pixels(const gki_map *map)
{
    return map->height * map->width;
}

/* The elements of a map with its border. */
static inline size_t gki_map_size(const gki_map *map)
{
    return (map->height + 2 * map->border) * gki_map_pitch(map) + map->border * map->channels;
}

/* Makes a map of this size and reserves its slot, for the forward or for the backward pass. */
gki_map gki_map_forward(gki_plan *plan, size_t height, size_t width, size_t channels,
                        size_t border);
gki_map gki_map_backward(gki_plan *plan, size_t height, size_t width, size_t channels,
                         size_t border);

/* Sets the border of a map at `row` to zero. */
void gki_map_clear_border(const gki_map *map, gki_real *row);

#endif
