/* The table of networks. */
#include "net/net.h"

#include "net/block.h"

static const gki_net_ops *const nets[GKV_NETS] = {
    [GKV_NET_MLP] = &gki_net_mlp,
    [GKV_NET_CONV] = &gki_net_conv,
};

const gki_net_ops *gki_net_of(gkv_net_family family)
{
    return nets[family];
}

/* --- Hidden blocks -------------------------------------------------------- */

static gkv_status create_gate(gki_params *params, gki_plan *plan, const char *name, gki_slot in,
                              gki_slot d_in, gki_layer *layer)
{
    (void)params;
    (void)name;
    return gki_gate_create(plan, in, d_in, layer);
}

static gkv_status create_leaky(gki_params *params, gki_plan *plan, const char *name, gki_slot in,
                               gki_slot d_in, gki_layer *layer)
{
    (void)params;
    (void)plan;
    (void)name;
    return gki_rectifier_create(in, d_in, 0.01, layer);
}

const gki_block_ops gki_block_silu = {.name = "silu", .columns = 1, .create = gki_norm_silu_create};
const gki_block_ops gki_block_residual = {.name = "residual",
                                          .columns = 1,
                                          .has_skip = true,
                                          .create = gki_norm_silu_create};
const gki_block_ops gki_block_gated = {.name = "gated", .columns = 2, .create = create_gate};
const gki_block_ops gki_block_leaky = {.name = "leaky", .columns = 1, .create = create_leaky};

static const gki_block_ops *const blocks[GKV_BLOCKS] = {
    [GKV_BLOCK_SILU] = &gki_block_silu,
    [GKV_BLOCK_RESIDUAL] = &gki_block_residual,
    [GKV_BLOCK_GATED] = &gki_block_gated,
};

const gki_block_ops *gki_block_of(gkv_block block)
{
    return blocks[block];
}
