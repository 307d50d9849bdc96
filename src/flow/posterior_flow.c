#include "flow/posterior_flow.h"

#include <string.h>

static const gkv_posterior_flow_ops *const families[] = {
    &gkv_posterior_flow_planar,
    &gkv_posterior_flow_radial,
};

const gkv_posterior_flow_ops *gkv_posterior_flow_find(const char *name)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i]->name, name) == 0)
            return families[i];
    return NULL;
}
