/* The parts of a model as formulas of a graph. docs/model.md defines them. Each function reads the
 * tensors that it needs from the model's table, by their names in the model file. What cannot be
 * expressed is GKV_ERR_CONFIG, which the graph remembers. */
#ifndef GKV_EXPORT_ONNX_MODEL_H
#define GKV_EXPORT_ONNX_MODEL_H

#include "export/onnx_math.h"
#include "net/block.h"
#include "vae/model.h"

/* Remembers that a choice of this setting cannot be exported. `choice` is the number of its value,
 * whose name the message has. */
void gki_onnx_refuse(gki_onnx *g, const char *setting, int choice);

/* Whether a table of choices has this one. What it has may still be empty: a kind that cannot be
 * exported. */
#define GKI_ONNX_HAS(table, choice) ((size_t)(choice) < sizeof(table) / sizeof *(table))

/* --- Networks: onnx_mlp.c, onnx_conv.c ------------------------------------ */

/* How to build a multilayer perceptron whose tensors have names that begin with `name`. */
typedef struct gki_onnx_mlp_spec {
    const char *name;
    size_t hidden, layers;
    const gki_block_ops *block; /* the form of its hidden blocks */
} gki_onnx_mlp_spec;

gki_onnx_value gki_onnx_mlp(gki_onnx *g, const gki_onnx_mlp_spec *spec, gki_onnx_value in);

/* A linear layer: Y = X Wᵀ + b with the tensors NAME.weight and NAME.bias. */
gki_onnx_value gki_onnx_linear(gki_onnx *g, const char *name, gki_onnx_value in);

/* LayerNorm over the last axis with the tensors NAME.weight and NAME.bias, and then SiLU. */
gki_onnx_value gki_onnx_norm_silu(gki_onnx *g, const char *name, gki_onnx_value in);

/* x·sigmoid(x). */
gki_onnx_value gki_onnx_silu(gki_onnx *g, gki_onnx_value in);

/* The encoder from images [batch, values] to its output row, and the decoder from codes
 * [batch, latent] to the parameters of p(x|z), [batch, outputs]. */
gki_onnx_value gki_onnx_encoder(gki_onnx *g, const gkv_model *model, gki_onnx_value images);
gki_onnx_value gki_onnx_decoder(gki_onnx *g, const gkv_model *model, gki_onnx_value codes);
gki_onnx_value gki_onnx_conv_encoder(gki_onnx *g, const gkv_model *model, gki_onnx_value images);
gki_onnx_value gki_onnx_conv_decoder(gki_onnx *g, const gkv_model *model, gki_onnx_value codes);

/* --- Prior flow: onnx_flow.c ---------------------------------------------- */

/* z → ε, and log|det ∂ε/∂z| [batch] in *log_det. */
gki_onnx_value gki_onnx_normalise(gki_onnx *g, const gkv_model *model, gki_onnx_value codes,
                                  gki_onnx_value *log_det);
/* ε → z. */
gki_onnx_value gki_onnx_generate(gki_onnx *g, const gkv_model *model, gki_onnx_value eps);

/* --- g-and-k distributions: onnx_gk.c ------------------------------------- */

/* The parameters, which broadcast with the arguments. */
typedef struct gki_onnx_gk {
    gki_onnx_value a, b, g, k;
    double c;
} gki_onnx_gk;

/* The steps of the inverse. */
enum { GKV_ONNX_GK_STEPS = 10 };

/* Q(z). */
gki_onnx_value gki_onnx_gk_quantile(gki_onnx *g, const gki_onnx_gk *gk, gki_onnx_value z);

/* z = Q⁻¹(x) by GKV_ONNX_GK_STEPS steps of Halley's method from a bracket, within ±e^69. log Q'(z)
 * in *log_slope unless that is NULL. */
gki_onnx_value gki_onnx_gk_inverse(gki_onnx *g, const gki_onnx_gk *gk, gki_onnx_value x,
                                   gki_onnx_value *log_slope);

/* --- Base: onnx_base.c ---------------------------------------------------- */

/* log p(ε) [batch]. For a mixture *components has log π_k f_k(ε) [batch, K], for other bases it is
 * left alone. */
gki_onnx_value gki_onnx_base_density(gki_onnx *g, const gkv_model *model, gki_onnx_value eps,
                                     gki_onnx_value *components);

/* A draw ε from normals [batch, d] and from a number in (0, 1) for each row [batch], which chooses
 * the component of a mixture; other bases do not read it. */
gki_onnx_value gki_onnx_base_draw(gki_onnx *g, const gkv_model *model, gki_onnx_value normals,
                                  gki_onnx_value choice);

/* --- Posterior: onnx_posterior.c, onnx_posterior_flow.c; likelihood: onnx_likelihood.c ---- */

/* A layer of the posterior's flow by its raw parameters [batch, width], z → z'. `layer` is its
 * number in the flow, from 0. */
gki_onnx_value gki_onnx_posterior_layer(gki_onnx *g, const gkv_model *model, size_t layer,
                                        gki_onnx_value raw, gki_onnx_value z);

/* Adds the outputs of q(z|x) from the encoder's output row: mean, scale, the parameters of the
 * noise, and the code, which is z at the noise u = 0. */
void gki_onnx_posterior(gki_onnx *g, const gkv_model *model, gki_onnx_value encoded);

/* Adds the outputs of p(x|z) from the decoder's output row: the parameters, and the mean image. */
void gki_onnx_likelihood(gki_onnx *g, const gkv_model *model, gki_onnx_value decoded);

#endif
