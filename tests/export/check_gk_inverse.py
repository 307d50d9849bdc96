"""The inverse g-and-k distribution as a graph, over all shapes: usage: check_gk_inverse.py FILE.onnx.

The graph has the inputs x, a, b, g and k and the outputs z = Q⁻¹(x) and log_slope = log Q'(z). Two errors are measured:
that of Q(z), relative to x − a, which is small for every valid shape; and that of z, relative to the larger of 1 and
|z|, which is small unless Q' nearly vanishes somewhere, as it does next to the bound of k.
"""
import sys

import numpy as np

from onnx_numpy import read, run

C = 0.8


def least_k(g):
    """k_min(g) of docs/model.md, for g ≠ 0."""
    v = np.exp(np.linspace(np.log(1e-4), np.log(50), 20000))
    s = C * v / np.cosh(v) ** 2 / (1 - C * np.tanh(v))
    return max(-0.5, 0.5 * np.max((s - 1) * (1 + g * g / (4 * v * v))))


def quantile(z, g, k):
    return (1 + C * np.tanh(g * z / 2)) * z * (1 + z * z) ** k


def log_slope(z, g, k):
    t = np.tanh(g * z / 2)
    r = (1 + C * t) * (1 + (2 * k + 1) * z * z) / (1 + z * z) + C / 2 * g * z * (1 - t * t)
    return np.log(r) + k * np.log1p(z * z)


def main(path):
    model = read(path)
    shapes = [(g, max(k, least_k(g) + 1e-4)) for g in (-20, -4, -1, -0.3, -0.1, -0.01, 0.01, 0.1, 0.3, 1, 2, 4, 8, 20)
              for k in (-0.49, -0.2, -0.05, 0, 0.1, 0.3, 1, 2, 4)] + [(0, k) for k in (-0.45, -0.1, 0, 0.5, 3)]
    g, k = np.array(sorted(set(shapes)), np.float32).T
    size = np.exp(np.linspace(-12, np.log(10), 400))
    z = np.concatenate([-size, [0], size])[:, None]
    b = np.float32(0.7)
    x = (b * quantile(z, g.astype(float), k.astype(float))).astype(np.float32)
    same = np.ones_like(x)
    inputs = {"x": x, "a": 0 * same, "b": b * same, "g": g * same, "k": k * same}
    outputs = run(model, {name: value.ravel() for name, value in inputs.items()})
    found, slopes = outputs["z"].reshape(x.shape).astype(float), outputs["log_slope"].reshape(x.shape)
    wide = found, g.astype(float), k.astype(float)
    backward = np.abs(b * quantile(*wide) - x) / np.maximum(np.abs(x), 1e-30)
    forward = np.abs(found - z) / np.maximum(1, np.abs(z))
    slope = np.abs(slopes - np.log(b) - log_slope(*wide))
    inner = k > [(least_k(value) if value else -0.5) + 0.05 for value in g]
    print(f"{len(g)} shapes: Q(z) off by {backward.max():.1e} of x; z off by {forward[:, inner].max():.1e} where k is 0.05 "
          f"above its bound, and by {forward.max():.1e} anywhere; log Q'(z) by {slope[:, inner].max():.1e}")
    fine = backward.max() < 5e-6 and forward[:, inner].max() < 1e-5 and slope[:, inner].max() < 1e-5
    fine = fine and forward.max() < 0.01 and found[400].max() < 1e-29
    sys.exit(0 if fine else 1)


main(sys.argv[1])
