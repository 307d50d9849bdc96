#!/usr/bin/env python3
"""The model of a run folder, written a second time, and what the program says of it.

Needs NumPy and nothing else. Reads RUN/model.safetensors and RUN/metrics.json (made by
`gkvae eval RUN`), computes encoder, posterior, prior and decoder in float64 from the
formulas of docs/model.md, draws the same noise from first principles, and compares
−ELBO, reconstruction, KL, importance-sampled NLL and the mean squared error with those
that the program measured. Then it checks log q and log p against determinants of
numerical Jacobians, which know no formulas at all.

    python3 tests/numpy/check_model.py RUN [--data FOLDER/DATASET]
"""

import argparse
import configparser
import gzip
import json
import math
import os
import sys

import numpy as np

sys.dont_write_bytecode = True  # nothing into the source folder
from prior_flows import layers_of, normalise_layer

TOLERANCE = 1e-4  # nats per image, and of the mean squared error
C = 0.8           # the g-and-k distribution's constant
BLOCK = 20000     # rows (image × sample) at a time

# --- Files ------------------------------------------------------------------------


def read_safetensors(path):
    """Arrays by name, as float64, and the metadata. Eight bytes that give the length
    of a JSON header, the header, the arrays."""
    with open(path, "rb") as file:
        raw = file.read()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    metadata = header.pop("__metadata__", {})
    types = {"F32": "<f4", "F64": "<f8"}
    arrays = {}
    for name, entry in header.items():
        first, last = (start + offset for offset in entry["data_offsets"])
        array = np.frombuffer(raw[first:last], types[entry["dtype"]])
        arrays[name] = array.reshape(entry["shape"]).astype(np.float64)
    return arrays, metadata


def read_bytes(path):
    """A file's content, raw or gzip."""
    with open(path, "rb") as file:
        raw = file.read()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def read_images(path):
    """Grey levels [count, pixels] of an IDX file of images, raw or gzip."""
    raw = read_bytes(path)
    magic, count, height, width = np.frombuffer(raw[:16], ">u4").astype(int)
    if magic != 0x803 or len(raw) != 16 + count * height * width:
        raise SystemExit(f"{path}: not an IDX file of images")
    return np.frombuffer(raw, np.uint8, offset=16).reshape(count, height * width)


def test_images(run, data):
    """The test half: --data FOLDER/DATASET or a file, else where config.ini says."""
    if data is None:
        config = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#", ";"))
        config.read(os.path.join(run, "config.ini"), encoding="utf-8")
        section = config["data"]
        data = section["test_images"] or os.path.join(section["folder"], section["dataset"])
    if os.path.isdir(data):
        plain = os.path.join(data, "t10k-images-idx3-ubyte")
        data = plain if os.path.exists(plain) else plain + ".gz"
    return read_images(data)


# --- Random numbers: Philox4x32-10 (Salmon et al. 2011) ------------------------------

STREAM_BINARIZE_FIXED, STREAM_EVAL, STREAM_USER = 4, 7, 11  # places in the counter, by purpose
FIXED_TEST = 1                             # the "step" of the test set's binarization


def philox(block, index, step, stream, seed):
    """Four 32-bit words for each counter (block, index, step, stream): [..., 4]."""
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    parts = np.broadcast_arrays(*(np.asarray(part, np.uint64) for part in (block, index, step, stream)))
    c0, c1, c2, c3 = (part.copy() for part in parts)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (p1 >> half) ^ c1 ^ np.uint64(k0), p1 & mask, (p0 >> half) ^ c3 ^ np.uint64(k1), p0 & mask
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], -1)


def words(n, index, step, stream, seed):
    """Words 0 … n−1 at each place: [..., n]."""
    index, step = np.broadcast_arrays(index, step)
    drawn = philox(np.arange((n + 3) // 4), index[..., None], step[..., None], stream, seed)
    return drawn.reshape(index.shape + (-1,))[..., :n]


def normals(n, index, step, stream, seed):
    """Standard normals by Box and Muller; the uniforms are floats, as in the program."""
    drawn = words(4 * ((n + 3) // 4), index, step, stream, seed).astype(np.float32)
    uniform = ((drawn + np.float32(0.5)) * np.float32(2.0**-32)).astype(np.float64)
    radius, angle = np.sqrt(-2 * np.log(uniform[..., 0::2])), 2 * np.pi * uniform[..., 1::2]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    return pairs.reshape(pairs.shape[:-2] + (-1,))[..., :n]


def binarized(grey, seed):
    """Each pixel on with probability grey/255, the same for ever."""
    pixels = grey.shape[1]
    drawn = words(pixels, np.arange(len(grey)), FIXED_TEST, STREAM_BINARIZE_FIXED, seed)
    on = (grey > 0) & (drawn <= grey.astype(np.uint64) * np.uint64(0x01010101))
    return on.astype(np.float64)


# --- The g-and-k distribution ----------------------------------------------------------


def gk_quantile(z, g, k, c=C):
    """Q(z) for A = 0, B = 1."""
    return (1 + c * np.tanh(g * z / 2)) * z * (1 + z * z) ** k


def gk_log_slope(z, g, k, c=C):
    """log Q'(z) for B = 1."""
    t = np.tanh(g * z / 2)
    inner = (1 + c * t) * (1 + (2 * k + 1) * z * z) / (1 + z * z) + c * g * z / 2 * (1 - t * t)
    return np.log(inner) + k * np.log1p(z * z)


def gk_score(y, g, k, c=C):
    """z with Q(z) = y: Newton's steps within a bracket, halved when they leave it."""
    low, high = -np.ones_like(y), np.ones_like(y)
    for _ in range(200):
        wide = gk_quantile(low, g, k, c) > y
        if not wide.any():
            break
        low = np.where(wide, 2 * low, low)
    for _ in range(200):
        wide = gk_quantile(high, g, k, c) < y
        if not wide.any():
            break
        high = np.where(wide, 2 * high, high)
    z = (low + high) / 2
    for _ in range(200):
        error = gk_quantile(z, g, k, c) - y
        low, high = np.where(error < 0, z, low), np.where(error < 0, high, z)
        step = z - error * np.exp(-gk_log_slope(z, g, k, c))
        step = np.where((step > low) & (step < high), step, (low + high) / 2)
        moved = np.abs(step - z)
        z = step
        if (moved <= 1e-14 * (1 + np.abs(z))).all():
            break
    return z


# --- Networks and flows ------------------------------------------------------------------


def sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def bend(x):
    """The reals onto (−1, ∞): x, or e^x − 1 below 0, held above −1 as in the program."""
    return np.where(x >= 0, x, np.maximum(np.expm1(np.minimum(x, 0)), -1 + 2.0**-23))


def planar(raw, z):
    d = z.shape[1]
    u, w, b = raw[:, :d], raw[:, d:2 * d], raw[:, 2 * d]
    inner = (w * u).sum(1)
    valid = bend(inner)
    norm2 = (w * w).sum(1)
    along = (valid - inner) / np.where(norm2 > 0, norm2, 1)
    h = np.tanh((w * z).sum(1) + b)
    return z + (u + along[:, None] * w) * h[:, None], np.log1p((1 - h * h) * valid)


def radial(raw, z):
    d = z.shape[1]
    centre, alpha = raw[:, :d], 1e-3 + np.logaddexp(0, raw[:, d])
    beta = alpha * bend(raw[:, d + 1])
    h = 1 / (alpha + np.linalg.norm(z - centre, axis=1))
    log_det = (d - 1) * np.log1p(beta * h) + np.log1p(alpha * beta * h * h)
    return z + (beta * h)[:, None] * (z - centre), log_det


def iaf(raw, z, layer):
    d = z.shape[1]
    order = np.arange(d)[::-1] if layer % 2 else np.arange(d)
    below = np.tril_indices(d, -1)
    shift, scale = np.zeros((2, len(z), d, d))
    shift[:, below[0], below[1]] = raw[:, 2 * d:][:, :d * (d - 1) // 2]
    scale[:, below[0], below[1]] = raw[:, 2 * d:][:, d * (d - 1) // 2:]
    ordered, root = z[:, order], np.sqrt(np.maximum(np.arange(d), 1))
    m = raw[:, :d] + np.einsum("npq,nq->np", shift, ordered) / root
    s = 2 * np.tanh(raw[:, d:2 * d] + np.einsum("npq,nq->np", scale, ordered) / root)
    out = np.empty_like(z)
    out[:, order] = np.exp(s) * ordered + m
    return out, s.sum(1)


def sylvester(raw, z, columns, reflections):
    n, d = z.shape
    upper = np.triu_indices(columns)
    v = raw[:, :reflections * d].reshape(n, reflections, d) + np.eye(reflections, d)
    Q = np.broadcast_to(np.eye(d), (n, d, d))
    for i in range(reflections):
        u = v[:, i]
        Q = Q @ (np.eye(d) - 2 * u[:, :, None] * u[:, None, :] / (u * u).sum(1)[:, None, None])
    Q = Q[:, :, :columns]
    R, inner = np.zeros((2, n, columns, columns))
    R[:, upper[0], upper[1]], inner[:, upper[0], upper[1]] = np.split(raw[:, reflections * d:-columns], 2, axis=1)
    i = np.arange(columns)
    R[:, i, i] = (1 - 2.0**-20) * np.tanh(R[:, i, i])
    inner[:, i, i] = (1 - 2.0**-20) * np.tanh(1 + inner[:, i, i])
    t = np.tanh(np.einsum("nij,nkj,nk->ni", inner, Q, z) + raw[:, -columns:])
    return z + np.einsum("nki,nij,nj->nk", Q, R, t), np.log1p((1 - t * t) * R[:, i, i] * inner[:, i, i]).sum(1)


POSTERIOR_FLOWS = {
    "planar": (lambda raw, z, layer: planar(raw, z), lambda d: 2 * d + 1),
    "radial": (lambda raw, z, layer: radial(raw, z), lambda d: d + 2),
    "iaf": (iaf, lambda d: d * d + d),
    "sylvester-orthogonal": (lambda raw, z, layer: sylvester(raw, z, min(z.shape[1], 8), min(z.shape[1], 8)),
                             lambda d: min(d, 8) * (d + min(d, 8) + 2)),
    "sylvester-householder": (lambda raw, z, layer: sylvester(raw, z, z.shape[1], min(z.shape[1], 4)),
                              lambda d: min(d, 4) * d + d * (d + 2)),
}


def unshuffle(x):
    """Each 2×2 pixels become one; channels in the order of rows, columns, channels."""
    n, height, width, channels = x.shape
    x = x.reshape(n, height // 2, 2, width // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, height // 2, width // 2, 4 * channels)


def shuffle(x):
    n, height, width, channels = x.shape
    x = x.reshape(n, height, width, 2, 2, channels // 4).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, 2 * height, 2 * width, channels // 4)


def in_parts(function, rows):
    """A function of rows, a few hundred at a time: convolutions need memory."""
    return np.concatenate([function(rows[i:i + 200]) for i in range(0, len(rows), 200)])


class Model:
    def __init__(self, path):
        self.tensors, self.settings = read_safetensors(path)
        self.d = int(self.settings["model.latent"])

    def option(self, name):
        return self.settings["model." + name]

    def linear(self, name, x):
        return x @ self.tensors[name + ".weight"].T + self.tensors[name + ".bias"]

    def mlp(self, name, layers, block, x):
        for i in range(layers):
            before = x
            x = self.linear(f"{name}.layers.{i}.linear", x)
            if block in ("silu", "residual"):  # LayerNorm, then x·sigmoid(x)
                norm = f"{name}.layers.{i}.norm"
                x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
                x = self.tensors[norm + ".weight"] * x + self.tensors[norm + ".bias"]
                x = x * sigmoid(x)
                if block == "residual" and i > 0:
                    x = x + before
            elif block == "gated":
                h, gate = np.split(x, 2, axis=1)
                x = h * sigmoid(gate)
            else:
                x = np.where(x > 0, x, 0.01 * x)
        return self.linear(name + ".output", x)

    def encode(self, x):
        x = x - self.tensors["encoder.input_mean"]
        if self.option("net") == "conv":
            return in_parts(self.conv_encode, x)
        return self.mlp("encoder", int(self.option("layers")), self.option("block"), x)

    def decode(self, z):
        """Logits of the pixels."""
        if self.option("net") == "conv":
            return in_parts(self.conv_decode, z)
        return self.mlp("decoder", int(self.option("layers")), self.option("block"), z)

    def conv(self, name, x, stride=1):
        """A convolution, by a weight [kernel·kernel·inputs, outputs]; the border is zero."""
        weight = self.tensors[name + ".weight"]
        side = math.isqrt(len(weight) // x.shape[3])
        weight = weight.reshape(side, side, x.shape[3], -1)
        height, width = x.shape[1:3]
        padded = np.pad(x, ((0, 0), (side // 2, side // 2), (side // 2, side // 2), (0, 0)))
        return sum(padded[:, i:i + height:stride, j:j + width:stride] @ weight[i, j]
                   for i in range(side) for j in range(side))

    def block_conv(self, block, number, x):
        """A convolution of a block: 3×3, or each channel by itself and then 1×1."""
        if self.option("conv_block") == "depthwise":
            name = f"{block}depthwise{number}"
            weight = self.tensors[name + ".weight"].reshape(3, 3, -1)
            height, width = x.shape[1:3]
            padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
            x = sum(padded[:, i:i + height, j:j + width] * weight[i, j] for i in range(3) for j in range(3))
            x = x + self.tensors[name + ".bias"]
        return self.conv(f"{block}conv{number}", x) + self.tensors[f"{block}conv{number}.bias"]

    def norm_silu(self, name, x):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        x = self.tensors[name + ".weight"] * x + self.tensors[name + ".bias"]
        return x * sigmoid(x)

    def conv_blocks(self, name, x):
        for i in range(int(self.option("conv_blocks"))):
            block = f"{name}.{i}."
            h = self.norm_silu(block + "norm", x)
            h = self.block_conv(block, 1, h)
            h = self.block_conv(block, 2, h * sigmoid(h))
            x = x + h
        return x

    def image(self):
        return int(self.settings["image.height"]), int(self.settings["image.width"])

    def conv_encode(self, x):
        height, width = self.image()
        x = x.reshape(-1, height, width, 1)
        x = np.pad(x, ((0, 0), (0, -height % 4), (0, -width % 4), (0, 0)))
        x = self.conv("encoder.input", unshuffle(x)) + self.tensors["encoder.input.bias"]
        x = self.conv_blocks("encoder.half", x)
        if self.option("downsampling") == "stride":
            x = self.conv("encoder.down", self.norm_silu("encoder.half.norm", x), stride=2)
        else:
            x = self.conv("encoder.down", unshuffle(x))
        x = x + self.tensors["encoder.down.bias"]
        x = self.norm_silu("encoder.norm", self.conv_blocks("encoder.quarter", x))
        return self.linear("encoder.output", x.reshape(len(x), -1))

    def conv_decode(self, z):
        height, width = self.image()
        x = self.linear("decoder.input", z).reshape(len(z), -(-height // 4), -(-width // 4), -1)
        x = self.conv("decoder.up", self.conv_blocks("decoder.quarter", x)) + self.tensors["decoder.up.bias"]
        x = self.norm_silu("decoder.norm", self.conv_blocks("decoder.half", shuffle(x)))
        x = shuffle(self.conv("decoder.output", x))[:, :height, :width]
        return x.reshape(len(z), -1) + self.tensors["decoder.output.bias"]

    def posterior(self, encoded, u):
        """z and log q(z|x) at the noise u."""
        d = self.d
        mean, log_scale = encoded[:, :d], 7 * np.tanh(encoded[:, d:2 * d] / 7)
        used = 2 * d
        noise, log_slope = u, 0.0
        if self.option("posterior") == "full":
            rows, columns = np.tril_indices(d, -1)
            used += len(rows)
            mixing = np.tile(np.eye(d), (len(encoded), 1, 1))
            mixing[:, rows, columns] = encoded[:, 2 * d:used]
            noise = np.einsum("njk,nk->nj", mixing, u)
        elif self.option("posterior") != "normal":
            if self.option("posterior") == "gk-amortized":
                raw_g, raw_k = encoded[:, 2 * d:3 * d], encoded[:, 3 * d:4 * d]
                used = 4 * d
            else:
                raw_g, raw_k = self.tensors["posterior.raw_g"], self.tensors["posterior.raw_k"]
            g = 4 * np.tanh(raw_g / 4)
            k = np.where(raw_k >= 0, 2 * np.tanh(raw_k / 2), 0.059 * np.expm1(np.minimum(raw_k, 0) / 0.059))
            noise, log_slope = gk_quantile(u, g, k), gk_log_slope(u, g, k)
        z = mean + np.exp(log_scale) * noise
        log_q = -(0.5 * np.log(2 * np.pi) + u * u / 2 + log_scale + log_slope).sum(1)
        if self.option("posterior_flow") != "none":
            flow, width = POSTERIOR_FLOWS[self.option("posterior_flow")]
            for i in range(int(self.option("posterior_layers"))):
                start = used + i * width(d)
                z, log_det = flow(encoded[:, start:start + width(d)], z, i)
                log_q = log_q - log_det
        return z, log_q

    def normalise(self, z):
        """ε = h⁻¹(z) and log|det ∂ε/∂z|."""
        log_det = np.zeros(len(z))
        for layer in range(layers_of(self)):
            z, change = normalise_layer(self, layer, z)
            log_det = log_det + change
        return z, log_det

    def base_components(self, eps):
        """log(π_k f_k(ε)) of a mixture's components, [rows, K]."""
        tensors = {name: self.tensors.get("prior.base." + name)
                   for name in ("logits", "location", "scale", "g", "k", "whitening")}
        logits = tensors["logits"]
        all_logs = []
        for c, logit in enumerate(logits):
            w = (eps - tensors["location"][c]) / tensors["scale"][c]
            log_det = -np.log(tensors["scale"][c]).sum() * np.ones(len(eps))
            if tensors["g"] is not None:
                w = gk_score(w, tensors["g"][c], tensors["k"][c])
                log_det = log_det - gk_log_slope(w, tensors["g"][c], tensors["k"][c]).sum(1)
            if tensors["whitening"] is not None:
                upper = tensors["whitening"][c * self.d:(c + 1) * self.d]
                log_det = log_det + np.log(np.diag(upper)).sum()
                w = w @ upper
            log_weight = logit - np.logaddexp.reduce(logits)
            all_logs.append(log_weight - (0.5 * np.log(2 * np.pi) + w * w / 2).sum(1) + log_det)
        return np.stack(all_logs, 1)

    def log_student(self, eps):
        m, s, f = (self.tensors["prior.base." + name] for name in ("location", "scale", "log_freedom"))
        nu = np.exp(f)
        constant = np.array([math.lgamma((v + 1) / 2) - math.lgamma(v / 2) for v in nu]) - np.log(nu * np.pi) / 2
        return (constant - np.log(s) - (nu + 1) / 2 * np.log1p(((eps - m) / s) ** 2 / nu)).sum(1)

    def whitens(self):
        """Whether the base is one map of independent normals."""
        return self.option("base") in ("normal", "gk", "gk-copula")

    def whiten(self, eps):
        """ε to independent standard normals w, and log|det ∂w/∂ε|."""
        if self.option("base") == "normal":
            return eps, np.zeros(len(eps))
        a, b, g, k = (self.tensors["prior.base." + name] for name in ("location", "scale", "g", "k"))
        w = gk_score((eps - a) / b, g, k)
        log_det = -(np.log(b) + gk_log_slope(w, g, k)).sum(1)
        if self.option("base") == "gk-copula":
            lower = self.tensors["prior.base.cholesky"]
            w = np.linalg.solve(lower, w.T).T
            log_det = log_det - np.log(np.diag(lower)).sum()
        return w, log_det

    def log_prior(self, z):
        eps, log_det_flow = self.normalise(z)
        if not self.whitens():
            mixture = self.option("base") != "student-t"
            base = np.logaddexp.reduce(self.base_components(eps), 1) if mixture else self.log_student(eps)
            return base + log_det_flow
        w, log_det_base = self.whiten(eps)
        return -(0.5 * np.log(2 * np.pi) + w * w / 2).sum(1) + log_det_base + log_det_flow


# --- The figures ---------------------------------------------------------------------------


def targets(model, grey, seed):
    return grey / 255.0 if model.settings["data.binarization"] == "grey" else binarized(grey, seed)


def figures(model, grey, samples, seed):
    """What `gkvae eval` says: means over the images, in nats."""
    x = targets(model, grey, seed)
    encoded = model.encode(x)
    reconstruction, kl = (np.empty((len(x), samples)) for _ in range(2))
    at_once = max(1, BLOCK // samples)
    for first in range(0, len(x), at_once):
        images = np.arange(first, min(first + at_once, len(x)))
        place, sample = (grid.ravel() for grid in np.meshgrid(images, np.arange(samples), indexing="ij"))
        u = normals(model.d, place, sample, STREAM_EVAL, seed)
        z, log_q = model.posterior(encoded[place], u)
        logits = model.decode(z)
        loss = (np.logaddexp(0, logits) - x[place] * logits).sum(1)
        reconstruction[images] = loss.reshape(-1, samples)
        kl[images] = (log_q - model.log_prior(z)).reshape(-1, samples)
    log_weight = -reconstruction - kl
    greatest = log_weight.max(1)
    nll = np.log(samples) - greatest - np.log(np.exp(log_weight - greatest[:, None]).sum(1))
    code, _ = model.posterior(encoded, np.zeros((len(x), model.d)))
    mse = ((sigmoid(model.decode(code)) - grey / 255.0) ** 2).mean()
    return {"neg_elbo": (reconstruction + kl).mean(), "reconstruction": reconstruction.mean(), "kl": kl.mean(),
            "nll": None if model.settings["data.binarization"] == "grey" else nll.mean(), "mse": mse}


def numerical_log_det(function, x, h=1e-6):
    """log|det ∂f/∂x| of a row x, by central differences."""
    steps = h * np.eye(len(x))
    columns = (function(x + steps) - function(x - steps)) / (2 * h)  # row j is ∂f/∂x_j
    return np.linalg.slogdet(columns)[1]


def density_errors(model, grey, seed, images=2):
    """|log q − what the Jacobian of u → z says|, and of log p and z → w: the greatest."""
    x = targets(model, grey[:images], seed)
    encoded = model.encode(x)
    u = normals(model.d, np.arange(images), 0, STREAM_EVAL, seed)
    z, log_q = model.posterior(encoded, u)
    log_p = model.log_prior(z)
    worst_q = worst_p = 0.0
    for i in range(images):
        def draw(rows):
            return model.posterior(np.repeat(encoded[i:i + 1], len(rows), 0), rows)[0]

        def back(rows):
            return model.whiten(model.normalise(rows)[0])[0]

        def log_normal(w):
            return -(0.5 * np.log(2 * np.pi) + w * w / 2).sum()

        worst_q = max(worst_q, abs(log_normal(u[i]) - numerical_log_det(draw, u[i]) - log_q[i]))
        if model.whitens():
            w = back(z[i:i + 1])[0]
            worst_p = max(worst_p, abs(log_normal(w) + numerical_log_det(back, z[i]) - log_p[i]))
    return worst_q, worst_p


def code_error(model, run, grey, seed):
    """The greatest error of RUN/z.npy, eps.npy and mean.npy, as `gkvae encode` has written
    them; None without them."""
    files = {what: os.path.join(run, what + ".npy") for what in ("z", "eps", "mean")}
    if not any(os.path.exists(file) for file in files.values()):
        return None
    count = len(grey)
    encoded = model.encode(targets(model, grey, seed))
    u = normals(model.d, np.arange(count), 0, STREAM_USER, int(model.settings["train.seed"]))
    z, _ = model.posterior(encoded, u)
    mean, _ = model.posterior(encoded, np.zeros((count, model.d)))
    worst = 0.0
    for what, ours in (("z", z), ("eps", model.normalise(z)[0]), ("mean", mean)):
        theirs = np.load(files[what])
        if theirs.dtype != np.float32 or theirs.shape != ours.shape:
            raise SystemExit(f"{files[what]}: {theirs.dtype} {theirs.shape}, not float32 {ours.shape}")
        worst = max(worst, (abs(ours - theirs) / (1 + abs(ours))).max())
    return worst


def check_philox():
    """Known answers of Random123."""
    ones = 0xFFFFFFFF
    known = [((0, 0, 0, 0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
             ((ones, ones, ones, ones, 2**64 - 1), "408f276d 41c83b0e a20bc7c6 6d5451fd")]
    for arguments, answer in known:
        if " ".join(f"{int(word):08x}" for word in philox(*arguments)) != answer:
            raise SystemExit("the script's own Philox is wrong")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run folder with model.safetensors and metrics.json")
    parser.add_argument("--data", help="FOLDER/DATASET, or an IDX file of the test images")
    parser.add_argument("--metrics", help="another place of metrics.json")
    arguments = parser.parse_args()
    check_philox()
    model = Model(os.path.join(arguments.run, "model.safetensors"))
    with open(arguments.metrics or os.path.join(arguments.run, "metrics.json"), encoding="utf-8") as file:
        metrics = json.load(file)
    samples, count = metrics["nll_samples"], metrics["images"]
    seed = int(metrics["eval_seed"]) % 2**64  # 64 bits, whether they were written as signed or not
    grey = test_images(arguments.run, arguments.data)[:count]
    if len(grey) != count:
        raise SystemExit(f"metrics.json is of {count} images, but the test set has {len(grey)}")
    ours = figures(model, grey, samples, seed)
    print(f"{arguments.run}: {count} images, {samples} samples")
    worst = 0.0
    for key, value in ours.items():
        theirs = metrics[key]
        if value is None or theirs is None:
            if value is not theirs:
                raise SystemExit(f"{key}: {value} here, {theirs} in metrics.json")
            print(f"  {key:15} none")
            continue
        difference = abs(value - theirs)
        worst = max(worst, difference if np.isfinite(difference) else np.inf)
        print(f"  {key:15} {value:16.8f}  gkvae {theirs:16.8f}  difference {difference:.2e}")
    worst_q, worst_p = density_errors(model, grey, seed)
    print(f"  log q, log p against numerical Jacobians: {worst_q:.1e}, {worst_p:.1e}")
    worst_code = code_error(model, arguments.run, grey, seed)
    if worst_code is not None:
        print(f"  codes: {worst_code:.1e}")
        worst = max(worst, worst_code)
    if not (worst <= TOLERANCE and worst_q <= TOLERANCE and worst_p <= TOLERANCE):
        print(f"  FAILED: more than {TOLERANCE:g}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
