#include "base/base.h"

#include <string.h>

static const gkv_base_ops *const bases[] = {
    &gkv_base_normal,
    &gkv_base_gk,
    &gkv_base_gk_copula,
    &gkv_base_full_gaussian,
    &gkv_base_student_t,
    &gkv_base_gaussian_mixture,
    &gkv_base_gk_mixture,
    &gkv_base_gk_by_class,
};

const gkv_base_ops *gkv_base_find(const char *name)
{
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
        if (strcmp(bases[i]->name, name) == 0)
            return bases[i];
    return NULL;
}
