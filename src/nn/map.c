#include "nn/map.h"

#include <string.h>

gki_map gki_map_forward(gki_plan *plan, size_t height, size_t width, size_t channels, size_t border)
{
    gki_map map = {.height = height, .width = width, .channels = channels, .border = border};
    map.slot = gki_plan_forward(plan, gki_map_size(&map));
    return map;
}

gki_map gki_map_backward(gki_plan *plan, size_t height, size_t width, size_t channels,
                         size_t border)
{
    gki_map map = {.height = height, .width = width, .channels = channels, .border = border};
    map.slot = gki_plan_backward(plan, gki_map_size(&map));
    return map;
}

void gki_map_clear_border(const gki_map *map, gki_real *row)
{
    const size_t size = gki_map_size(map), used = map->width * map->channels;
    size_t from = 0;
    for (size_t y = 0; map->border > 0 && y <= map->height; y++) {
        const size_t end = y < map->height ? gki_map_row(map, y) : size;
        memset(row + from, 0, (end - from) * sizeof *row);
        from = end + used;
    }
}
