/* The choice of images for pictures, by a fixed rule that cannot favour good ones. */
#include "pictures.h"

/* The index of image k, from 0, among those of this label; the number of images if there is
 * none. */
static size_t find_labelled(const gkv_dataset *images, unsigned label, size_t k)
{
    const uint8_t *labels = gkv_dataset_labels(images);
    const size_t count = gkv_dataset_count(images);
    for (size_t i = 0; i < count; i++)
        if (labels[i] == label && k-- == 0)
            return i;
    return count;
}

/* The classes of the images, at most CLI_COLUMNS. */
static size_t find_classes(const gkv_dataset *images, unsigned classes[CLI_COLUMNS])
{
    size_t found = 0;
    for (unsigned label = 0; label < 256 && found < CLI_COLUMNS; label++)
        if (find_labelled(images, label, 0) < gkv_dataset_count(images))
            classes[found++] = label;
    return found;
}

size_t cli_choose(const gkv_dataset *images, size_t rounds, size_t *chosen, size_t *cols)
{
    const size_t count = gkv_dataset_count(images);
    size_t n = 0;
    if (!gkv_dataset_labels(images)) {
        *cols = count < CLI_COLUMNS ? count : CLI_COLUMNS;
        for (; n < rounds * *cols && n < count; n++)
            chosen[n] = n;
        return n / *cols * *cols;
    }
    unsigned classes[CLI_COLUMNS];
    *cols = find_classes(images, classes);
    for (size_t round = 0; round < rounds; round++)
        for (size_t c = 0; c < *cols; c++) {
            chosen[n] = find_labelled(images, classes[c], round);
            if (chosen[n] == count) /* this class has no more images, so the picture ends */
                return round * *cols;
            n++;
        }
    return n;
}

size_t cli_choose_pairs(const gkv_dataset *images, size_t *from, size_t *to)
{
    size_t chosen[CLI_PAIRS * CLI_COLUMNS], cols = 0;
    const size_t n = cli_choose(images, CLI_PAIRS, chosen, &cols);
    if (n < 2 || cols < 2)
        return 0;
    /* No image is in two pairs, and the pairs step through the classes. */
    size_t pairs = 0;
    for (; pairs < CLI_PAIRS && (pairs / (cols / 2) + 1) * cols <= n; pairs++) {
        const size_t round = pairs / (cols / 2), c = pairs % (cols / 2) * 2;
        /* Every round pairs a class with another one: 0–1, 2–3 …; 0–3, 2–5 … */
        from[pairs] = chosen[round * cols + c];
        to[pairs] = chosen[round * cols + (c + 1 + 2 * round) % cols];
    }
    return pairs;
}
