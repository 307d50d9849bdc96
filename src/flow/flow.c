#include "flow/flow.h"

#include <string.h>

static const gkv_flow_ops *const flows[] = {
    &gkv_flow_none,
    &gkv_flow_realnvp,
};

const gkv_flow_ops *gkv_flow_find(const char *name)
{
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++)
        if (strcmp(flows[i]->name, name) == 0)
            return flows[i];
    return NULL;
}
