/* Export: a trained model as files that other programs run.
 *
 * ONNX files (opset 17, https://onnx.ai) run in ONNX Runtime and other engines, in Python,
 * JavaScript, C++ and more. A PyTorch module is one Python file. docs/interchange.md has examples.
 *
 * Thread-safety: the functions may run at the same time on one model. */
#ifndef GKVAE_EXPORT_H
#define GKVAE_EXPORT_H

#include "gkvae/error.h"
#include "gkvae/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The parts of a model. A graph has named inputs and outputs of float32, whose first dimension is
 * the batch, of any size. d is the dimension of codes, and an image has `values` values as in
 * gkvae/model.h. */
typedef enum gkv_onnx_part {
    /* encoder: images[batch, values] to the posterior: mean and scale [batch, d] as
     * gkv_model_posterior(), code [batch, d] as gkv_model_encode(); factor [batch, d, d] of
     * model.posterior = full; g and k [batch, d] of g-and-k noise */
    GKV_ONNX_ENCODER,
    /* decoder: codes[batch, d] to p(x|z): images [batch, values] as gkv_model_decode(), and the
     * parameters: logits of binary pixels, or weights (of mixtures), locations, scales, g and k (of
     * g-and-k distributions) and coefficients (of colour), [batch, components, values] of levels
     * and [batch, values] of densities */
    GKV_ONNX_DECODER,
    /* flow: codes[batch, d] to eps [batch, d] as gkv_model_normalise(), and log_det [batch] =
     * log|det ∂ε/∂z| */
    GKV_ONNX_FLOW,
    /* flow_inverse: eps[batch, d] to codes [batch, d], gkv_model_generate() */
    GKV_ONNX_FLOW_INVERSE,
    /* log_prob: codes[batch, d] to log_prob [batch] = log p(z) as gkv_model_log_prior(); of a
     * mixture also component_log_prob [batch, components] = log π_k p(z | component k); of a base
     * by class also class_log_prob [batch, classes] = log p(z, y) */
    GKV_ONNX_LOG_PROB,
    /* sample: normals[batch, d] ~ N(0, I) and choice[batch], uniform on (0, 1), to codes [batch,
     * d], draws from the prior; choice selects the component of a mixture */
    GKV_ONNX_SAMPLE,
    GKV_ONNX_PARTS
} gkv_onnx_part;

/* Returns the name of a part, as above; NULL for a value out of range. */
GKV_API const char *gkv_onnx_part_name(gkv_onnx_part part);

/* Writes a part of a model as an ONNX file, which appears completely or not at all. The graph
 * agrees with the functions of gkvae/model.h to about 1e-5 relative to the larger of 1 and the
 * value. The inverse g-and-k distribution takes ten steps of Halley's method, which converges to
 * the precision of float32 wherever that determines the result. GKV_ERR_CONFIG for a setting that
 * cannot be exported, and for a file of 2 GiB or more; the message names the setting.
 * GKV_ERR_ARGUMENT for a part out of range and for NULL, GKV_ERR_IO, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_export_onnx(const gkv_model *model, gkv_onnx_part part,
                                                const char *path);

/* Writes a PyTorch module: a Python file that needs PyTorch alone. Its function load() reads the
 * model from the safetensors file `weights`, which is that of gkv_model_save() or of a run; a path
 * that is not absolute is relative to the working directory of Python. The file appears completely
 * or not at all. GKV_ERR_CONFIG for a setting that cannot be exported; the message names it.
 * GKV_ERR_ARGUMENT for NULL, GKV_ERR_IO, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_export_torch(const gkv_model *model, const char *weights,
                                                 const char *path);

#ifdef __cplusplus
}
#endif
#endif
