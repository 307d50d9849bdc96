/* The table of networks. */
#include "net/net.h"

static const gki_net_ops *const nets[GKV_NETS] = {
    [GKV_NET_MLP] = &gki_net_mlp,
};

const gki_net_ops *gki_net_of(gkv_net_family family)
{
    return nets[family];
}
