"""The prior flows from the formulas of docs/model.md, for check_model.py and check_draws.py: z → ε with its
log-determinant, and ε → z. A layer is written once in each direction; splines are inverted by bisection."""

import numpy as np

STEPS = 200  # of a bisection


def option(model, name):
    return float(model.option(name))


def layers_of(model):
    return int(model.option("prior_layers")) if model.option("prior_flow") != "none" else 0


def compress(z):
    return z / np.sqrt(1 + (z / 5) ** 2)


def moved_by(layer, d):
    """The dimensions that a coupling moves."""
    splits = 1 + sum(2**i <= d // 2 for i in range(1, 64))
    split, j = layer // 2 % splits, np.arange(d)
    moved = j >= d // 2 if split == 0 else (j >> (split - 1)) % 2 == 1
    return moved if layer % 2 == 0 else ~moved


# --- Maps of single numbers -----------------------------------------------------------------


def knots(model, raw):
    """The knots and their slopes, [rows, dimensions, bins + 1] each, from the raw parameters of the splines."""
    bins, edge = int(model.option("spline_bins")), option(model, "spline_bound")

    def places(logits):
        share = np.exp(logits - logits.max(1, keepdims=True))
        share = 0.4 / bins + 0.6 * share / share.sum(1, keepdims=True)
        return np.concatenate([0 * share[:, :1], np.cumsum(share, 1)], 1).transpose(0, 2, 1) * 2 * edge - edge

    inner = np.exp(option(model, "log_scale_bound") * np.tanh(raw[:, 2 * bins:])).transpose(0, 2, 1)
    ends = np.ones(inner.shape[:2] + (1,))
    return places(raw[:, :bins]), places(raw[:, bins:2 * bins]), np.concatenate([ends, inner, ends], 2)


def spline(model, raw, x):
    """y and log dy/dx."""
    xs, ys, slopes = knots(model, raw)
    edge = option(model, "spline_bound")
    at = np.clip((x[..., None] >= xs).sum(2) - 1, 0, xs.shape[2] - 2)[..., None]

    def take(values, offset):
        return np.take_along_axis(values, at + offset, 2)[..., 0]

    w, h = take(xs, 1) - take(xs, 0), take(ys, 1) - take(ys, 0)
    s, xi, start, end = h / w, (x - take(xs, 0)) / w, take(slopes, 0), take(slopes, 1)
    both = xi * (1 - xi)
    below = s + (start + end - 2 * s) * both
    y = take(ys, 0) + h * (s * xi**2 + start * both) / below
    slope = s**2 * (end * xi**2 + 2 * s * both + start * (1 - xi) ** 2) / below**2
    inside = np.abs(x) < edge
    return np.where(inside, y, x), np.log(np.where(inside, slope, 1))


def spline_inverse(model, raw, y):
    edge = option(model, "spline_bound")
    low, high = np.full_like(y, -edge), np.full_like(y, edge)
    for _ in range(STEPS):
        x = (low + high) / 2
        below = spline(model, raw, x)[0] < y
        low, high = np.where(below, x, low), np.where(below, high, x)
    return np.where(np.abs(y) < edge, low, y)


def shapes(model, raw):
    """A, B, g, k and c of g-and-k couplings."""
    moves = (layers_of(model) + 1) // 2
    k = np.where(raw[:, 3] < 0, 1 / (20 * moves), 1 / (2 * moves)) * np.tanh(raw[:, 3])
    scale = np.exp(option(model, "log_scale_bound") * np.tanh(raw[:, 0]))
    return raw[:, 1], scale, 2 * np.tanh(raw[:, 2] / 2), k, 1 - 0.2 ** (1 / moves)


def transform(model, raw, x):
    """y and log dy/dx, from raw parameters [rows, parameters, dimensions]."""
    if model.option("prior_flow") == "gk-coupling":
        from check_model import gk_log_slope, gk_score
        a, b, g, k, c = shapes(model, raw)
        y = gk_score((x - a) / b, g, k, c)
        return y, -np.log(b) - gk_log_slope(y, g, k, c)
    s = option(model, "log_scale_bound") * np.tanh(raw[:, 0])
    y = (x - raw[:, 1]) * np.exp(-s)
    if model.option("prior_flow") != "spline":
        return y, -s
    y, log_slope = spline(model, raw[:, 2:], y)
    return y, log_slope - s


def inverse(model, raw, y):
    if model.option("prior_flow") == "gk-coupling":
        from check_model import gk_quantile
        a, b, g, k, c = shapes(model, raw)
        return a + b * gk_quantile(y, g, k, c)
    if model.option("prior_flow") == "spline":
        y = spline_inverse(model, raw[:, 2:], y)
    return y * np.exp(option(model, "log_scale_bound") * np.tanh(raw[:, 0])) + raw[:, 1]


# --- Layers ---------------------------------------------------------------------------------


def raw_of(model, layer, z, count):
    """What the network of a layer says of `count` dimensions, given z."""
    read = z if model.option("prior_flow") == "realnvp" else compress(z)
    out = model.mlp(f"prior.flow.{layer}", 2, "leaky", read)
    return out.reshape(len(z), -1, count)


def linear_step(model, layer):
    """The scales, the shifts, and the matrix and log-determinant of a Glow layer before its coupling."""
    def of(name):
        return model.tensors[f"prior.flow.{layer}.{name}"]

    bound = option(model, "log_scale_bound")
    lower, upper = np.eye(model.d) + of("linear.lower"), np.eye(model.d) + of("linear.upper")
    first, second = (lower, upper) if layer % 2 else (upper, lower)
    s, scale = bound * np.tanh(of("linear.log_scale")), bound * np.tanh(of("scaling.log_scale"))
    return scale, of("scaling.shift"), second @ np.diag(np.exp(s)) @ first, s.sum() - scale.sum()


def normalise_layer(model, layer, z):
    """The output of a layer and its log-determinant."""
    log_det, moved = np.zeros(len(z)), moved_by(layer, model.d)
    if model.option("prior_flow") == "maf":
        y, log_slope = transform(model, raw_of(model, layer, z, model.d), z)
        return y, log_slope.sum(1)
    if model.option("prior_flow") == "glow":
        scale, shift, matrix, change = linear_step(model, layer)
        z, log_det = (z - shift) * np.exp(-scale) @ matrix.T, log_det + change
    z = z.copy()
    z[:, moved], log_slope = transform(model, raw_of(model, layer, z[:, ~moved], moved.sum()), z[:, moved])
    return z, log_det + log_slope.sum(1)


def generate_layer(model, layer, y):
    moved = moved_by(layer, model.d)
    if model.option("prior_flow") == "maf":
        z = np.zeros_like(y)
        for j in range(model.d) if layer % 2 == 0 else reversed(range(model.d)):
            z[:, j] = inverse(model, raw_of(model, layer, z, model.d), y)[:, j]
        return z
    z = y.copy()
    z[:, moved] = inverse(model, raw_of(model, layer, z[:, ~moved], moved.sum()), z[:, moved])
    if model.option("prior_flow") == "glow":
        scale, shift, matrix, _ = linear_step(model, layer)
        z = np.linalg.solve(matrix, z.T).T * np.exp(scale) + shift
    return z
