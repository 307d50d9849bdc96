#include "gkvae/error.h"
#include "gkv_version.h"

const char *gkv_version(void)
{
    return GKV_VERSION_STRING;
}
