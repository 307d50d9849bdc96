"""A variational autoencoder that gkvae trained, as a PyTorch module. Needs PyTorch, and no other package.

    import torch, model
    vae = model.load()                          # or model.load("another/model.safetensors")
    images = vae.decode(vae.sample(16))         # means of 16 draws, [16, height*width*channels] in [0, 1]
    mean, scale = vae.encode(images.round())    # q(z|x) of binary images
    nats = vae.log_prob(mean)                   # log p(z)

The modules have the tensors of model.safetensors, under the same names, and can be trained further. Formulas and names
are those of docs/model.md of gkvae.
"""
import json
import math
import os
import struct

import torch
from torch import nn
from torch.nn import functional as F

WEIGHTS = os.fsdecode(b"model.safetensors")  # where the weights are
C = 0.8  # of all g-and-k distributions
LEVELS, FLOOR = 256, 1e-6  # grey levels, and the total probability that all levels share evenly


def read_safetensors(path):
    """The metadata and the tensors of a file: text and float32 by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        tensors[name] = torch.frombuffer(data, dtype=torch.float32, count=(last - first) // 4, offset=first)
        tensors[name] = tensors[name].reshape(entry["shape"]).clone()
    return metadata, tensors


def parameter(*shape):
    return nn.Parameter(torch.zeros(*shape))


def bounded(x, bound):
    return bound * torch.tanh(x / bound)


# --- Networks ----------------------------------------------------------------------------------------------------


class Layer(nn.Module):
    """A hidden layer of a perceptron: a linear layer, and what follows it."""

    def __init__(self, inputs, hidden, block, first):
        super().__init__()
        self.block, self.first = block, first
        self.linear = nn.Linear(inputs, (2 if block == "gated" else 1) * hidden)
        if block in ("silu", "residual"):
            self.norm = nn.LayerNorm(hidden)

    def forward(self, x):
        y = self.linear(x)
        if self.block == "leaky":
            return F.leaky_relu(y, 0.01)
        if self.block == "gated":
            h, a = y.chunk(2, -1)
            return h * torch.sigmoid(a)
        y = F.silu(self.norm(y))
        return y + x if self.block == "residual" and not self.first else y


class Perceptron(nn.Module):
    def __init__(self, inputs, hidden, layers, outputs, block):
        super().__init__()
        sizes = [inputs] + [hidden] * layers
        self.layers = nn.ModuleList(Layer(n, hidden, block, i == 0) for i, n in enumerate(sizes[:-1]))
        self.output = nn.Linear(sizes[-1], outputs)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.output(x)


class Encoder(Perceptron):
    def __init__(self, values, outputs, s):
        super().__init__(values, s["hidden"], s["layers"], outputs, s["block"])
        self.input_mean = nn.Parameter(torch.zeros(values), requires_grad=False)

    def forward(self, x):
        return super().forward(x - self.input_mean)


class Conv(nn.Module):
    """A convolution whose weight has the shape of the file, [kernel*kernel*inputs, outputs]; of each channel by itself
    with groups = channels and inputs = 1."""

    def __init__(self, inputs, outputs, kernel, bias=True, stride=1, groups=1):
        super().__init__()
        self.shape, self.stride, self.groups = (kernel, kernel, inputs, outputs), stride, groups
        self.weight = parameter(kernel * kernel * inputs, outputs)
        self.bias = parameter(outputs) if bias else None

    def forward(self, x):
        weight = self.weight.reshape(self.shape).permute(3, 2, 0, 1)
        return F.conv2d(x, weight, self.bias, self.stride, padding=self.shape[0] // 2, groups=self.groups)


class PixelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each pixel of [batch, channels, height, width], and SiLU."""

    def forward(self, x):
        return F.silu(super().forward(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A residual block, whose convolutions are 3*3, or depthwise 3*3 and then 1*1."""

    def __init__(self, channels, form):
        super().__init__()
        self.norm, self.depthwise = PixelNorm(channels), form == "depthwise"
        if self.depthwise:
            self.depthwise1, self.depthwise2 = (Conv(1, channels, 3, groups=channels) for _ in range(2))
        self.conv1, self.conv2 = (Conv(channels, channels, 1 if self.depthwise else 3) for _ in range(2))

    def forward(self, x):
        h = self.norm(x)
        h = F.silu(self.conv1(self.depthwise1(h) if self.depthwise else h))
        return x + self.conv2(self.depthwise2(h) if self.depthwise else h)


class Blocks(nn.Sequential):
    """Residual blocks; `norm` is for what follows them."""

    def __init__(self, channels, s, norm=False):
        super().__init__(*(Block(channels, s["conv_block"]) for _ in range(s["conv_blocks"])))
        self.last = len(self)
        if norm:
            self.norm = PixelNorm(channels)

    def forward(self, x):
        for block in list(self)[: self.last]:
            x = block(x)
        return x


def unshuffle(x):
    """2*2 pixels become one, with channels in the order of rows, columns and channels."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


def shuffle(x):
    n, c, h, w = x.shape
    return x.reshape(n, 2, 2, c // 4, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, c // 4, 2 * h, 2 * w)


class ConvEncoder(nn.Module):
    """The layers named half are reached through _modules, since half() is also a method of every module."""

    def __init__(self, image, outputs, s):
        super().__init__()
        self.image = image
        height, width, channels = image
        half, quarter, self.strides = s["half_channels"], s["quarter_channels"], s["downsampling"] == "stride"
        self.input_mean = nn.Parameter(torch.zeros(height * width * channels), requires_grad=False)
        self.input = Conv(4 * channels, half, 3)
        self.half = Blocks(half, s, norm=self.strides)
        self.down = Conv(half, quarter, 3, stride=2) if self.strides else Conv(4 * half, quarter, 1)
        self.quarter = Blocks(quarter, s)
        self.norm = PixelNorm(quarter)
        self.output = nn.Linear(-(-height // 4) * -(-width // 4) * quarter, outputs)

    def forward(self, x):
        height, width, channels = self.image
        x = (x - self.input_mean).reshape(-1, height, width, channels).permute(0, 3, 1, 2)
        x = F.pad(x, (0, -width % 4, 0, -height % 4))
        half = self._modules["half"]
        x = half(self.input(unshuffle(x)))
        x = self.quarter(self.down(half.norm(x) if self.strides else unshuffle(x)))
        return self.output(self.norm(x).permute(0, 2, 3, 1).flatten(1))


class ConvDecoder(nn.Module):
    def __init__(self, image, latent, parameters, s):
        super().__init__()
        self.image, self.parameters_each = image, parameters
        height, width, channels = image
        half, quarter = s["half_channels"], s["quarter_channels"]
        self.start = -(-height // 4), -(-width // 4), quarter
        self.input = nn.Linear(latent, math.prod(self.start))
        self.quarter = Blocks(quarter, s)
        self.up = Conv(quarter, 4 * half, 1)
        self.half = Blocks(half, s)
        self.norm = PixelNorm(half)
        self.output = Conv(half, 4 * parameters * channels, 3, bias=False)
        self.output.bias = parameter(parameters * height * width * channels)  # one for each output

    def forward(self, z):
        height, width, channels = self.image
        x = self.input(z).reshape(-1, *self.start).permute(0, 3, 1, 2)
        x = self.norm(self._modules["half"](shuffle(self.up(self.quarter(x)))))
        x = F.conv2d(x, self.output.weight.reshape(self.output.shape).permute(3, 2, 0, 1), padding=1)
        n, _, h, w = x.shape
        x = x.reshape(n, self.parameters_each, 2, 2, channels, h, w).permute(0, 1, 5, 2, 6, 3, 4)
        x = x.reshape(n, self.parameters_each, 2 * h, 2 * w, channels)[:, :, :height, :width]
        return x.flatten(1) + self.output.bias


# --- g-and-k distributions ---------------------------------------------------------------------------------------


def gk_quantile(z, a, b, g, k, c=C):
    return a + b * (1 + c * torch.tanh(g * z / 2)) * z * (1 + z * z) ** k


def gk_log_slope(z, b, g, k, c=C):
    """log Q'(z)."""
    tanh, square = torch.tanh(g * z / 2), z * z
    r = (1 + c * tanh) * (1 + 2 * k * square / (1 + square)) + c / 2 * g * z * (1 - tanh * tanh)
    return torch.log(b * r) + k * torch.log1p(square)


@torch.no_grad()
def gk_solve(x, a, b, g, k, c=C, steps=60):
    """z of Q(z) = x by Newton's method in log|z| in double precision, with bisection out of a bracket."""
    x, a, b, g, k = (v.double() for v in (x, a, b, g, k))
    side = torch.sign(x - a)
    g = g * side
    log_y = torch.log(torch.clamp((x - a).abs() / b, 1e-30, 1e30))
    low, high = torch.full_like(log_y + g, -69.1), torch.full_like(log_y + g, 69.1)
    t = torch.clamp(log_y + torch.zeros_like(g), -69, 69)
    for _ in range(steps):
        s = torch.exp(t)
        tanh = torch.tanh(g * s / 2)
        value = t + k * F.softplus(2 * t, threshold=50) + torch.log1p(c * tanh) - log_y
        slope = 1 + 2 * k * torch.sigmoid(2 * t) + c / 2 * g * s * (1 - tanh * tanh) / (1 + c * tanh)
        low, high = torch.where(value < 0, t, low), torch.where(value < 0, high, t)
        step = t - value / torch.clamp(slope, min=1e-6)
        t = torch.where((step < low) | (step > high), (low + high) / 2, step)
    return side * torch.exp(t)


def gk_inverse(x, a, b, g, k, c=C):
    """z = Q^-1(x). One more step of Newton's method gives z its gradients."""
    z = gk_solve(x, a, b, g, k, c).to(x.dtype)
    slope = torch.exp(gk_log_slope(z, b, g, k, c)).detach()
    return z - (gk_quantile(z, a, b, g, k, c) - x) / slope


# --- The prior ---------------------------------------------------------------------------------------------------


class Affine:
    """(x - t) exp(-s): `width` raw parameters of each number, in `raw` [batch, width, n]."""

    def __init__(self, s):
        self.width, self.bound = 2, s["log_scale_bound"]

    def normalise(self, x, raw):
        s = self.bound * torch.tanh(raw[:, 0])
        return (x - raw[:, 1]) * torch.exp(-s), -s.sum(-1)

    def generate(self, y, raw):
        return y * torch.exp(self.bound * torch.tanh(raw[:, 0])) + raw[:, 1]


class Spline:
    """A monotonic rational-quadratic spline; the names are those of docs/model.md."""

    def __init__(self, s):
        self.bins, self.edge, self.bound = s["spline_bins"], s["spline_bound"], s["log_scale_bound"]
        self.width = 3 * self.bins - 1

    def shares(self, logits):
        shares = 0.4 / self.bins + 0.6 * torch.softmax(logits, 1)
        return 2 * self.edge * shares, 2 * self.edge * (torch.cumsum(shares, 1) - shares) - self.edge

    def bin(self, at, raw, by_height):
        """x0, y0, w, h, start and end of the bin of each number."""
        w, x0 = self.shares(raw[:, : self.bins])
        h, y0 = self.shares(raw[:, self.bins : 2 * self.bins])
        slopes = F.pad(self.bound * torch.tanh(raw[:, 2 * self.bins :]), (0, 0, 1, 1)).exp()
        index = ((y0 if by_height else x0)[:, 1:] < at[:, None]).sum(1, keepdim=True)
        return [v.gather(1, index)[:, 0] for v in (x0, y0, w, h, slopes[:, :-1], slopes[:, 1:])]

    def normalise(self, x, raw):
        inside = x.abs() < self.edge
        at = x.clamp(-self.edge, self.edge)
        x0, y0, w, h, start, end = self.bin(at, raw, False)
        xi, s = (at - x0) / w, h / w
        both = xi * (1 - xi)
        d = s + (start + end - 2 * s) * both
        y = y0 + h * (s * xi * xi + start * both) / d
        slope = s * s * (end * xi * xi + 2 * s * both + start * (1 - xi) ** 2) / (d * d)
        return torch.where(inside, y, x), torch.where(inside, torch.log(slope), torch.zeros_like(x)).sum(-1)

    def generate(self, y, raw):
        at = y.clamp(-self.edge, self.edge)
        x0, y0, w, h, start, end = self.bin(at, raw, True)
        s, rise = h / w, at - y0
        bend = rise * (start + end - 2 * s)
        a2, a1 = h * (s - start) + bend, h * start - bend
        xi = 2 * s * rise / (a1 + torch.sqrt((a1 * a1 + 4 * a2 * s * rise).clamp(min=0)))
        return torch.where(y.abs() < self.edge, x0 + xi * w, y)


class GkMap:
    """The inverse of a g-and-k quantile function."""

    def __init__(self, s):
        self.width, self.bound, self.repeats = 4, s["log_scale_bound"], (s["prior_layers"] + 1) // 2
        self.c = 1 - 0.2 ** (1 / self.repeats)

    def parameters(self, raw):
        k = torch.tanh(raw[:, 3])
        return (raw[:, 1], torch.exp(self.bound * torch.tanh(raw[:, 0])), bounded(raw[:, 2], 2),
                torch.where(k < 0, 0.05 * k, 0.5 * k) / self.repeats, self.c)

    def normalise(self, x, raw):
        a, *others = self.parameters(raw)
        y = gk_inverse(x, a, *others)
        return y, -gk_log_slope(y, *others).sum(-1)

    def generate(self, y, raw):
        return gk_quantile(y, *self.parameters(raw))


class Conditional(Perceptron):
    """Transforms of n numbers, whose raw parameters a network computes from others."""

    def __init__(self, inputs, n, transforms, s):
        self_transforms = [transform(s) for transform in transforms]
        super().__init__(inputs, s["prior_hidden"], 2, n * sum(t.width for t in self_transforms), "leaky")
        self.n, self.transforms, self.compressed = n, self_transforms, s["prior_flow"] != "realnvp"

    def raw(self, x):
        """The raw parameters of each transform."""
        raw = self(x / torch.sqrt(1 + (0.2 * x) ** 2) if self.compressed else x)
        return raw.reshape(len(x), -1, self.n).split([t.width for t in self.transforms], 1)

    def transform(self, numbers, x):
        log_det = 0
        for transform, raw in zip(self.transforms, self.raw(x)):
            numbers, term = transform.normalise(numbers, raw)
            log_det = log_det + term
        return numbers, log_det

    def transform_back(self, numbers, x):
        for transform, raw in reversed(list(zip(self.transforms, self.raw(x)))):
            numbers = transform.generate(numbers, raw)
        return numbers


class Coupling(Conditional):
    """A coupling layer; `split` are the dimensions that pass, and those that move."""

    def __init__(self, index, d, s, transforms):
        moves = [self.moves(index, j, d) for j in range(d)]
        self_split = [j for j in range(d) if not moves[j]], [j for j in range(d) if moves[j]]
        super().__init__(len(self_split[0]), len(self_split[1]), transforms, s)
        self.split = self_split

    @staticmethod
    def moves(index, j, d):
        splits = 1
        while 1 << splits <= d // 2:
            splits += 1
        split = index // 2 % splits
        second = j >= d // 2 if split == 0 else (j >> (split - 1)) % 2 == 1
        return second if index % 2 == 0 else not second

    def normalise(self, z):
        moved, log_det = self.transform(z[:, self.split[1]], z[:, self.split[0]])
        eps = z.clone()
        eps[:, self.split[1]] = moved
        return eps, log_det

    def generate(self, eps):
        z = eps.clone()
        z[:, self.split[1]] = self.transform_back(eps[:, self.split[1]], eps[:, self.split[0]])
        return z


class Autoregressive(Conditional):
    """A layer of a masked autoregressive flow. The file has 0 in masked weights, which training must keep."""

    def __init__(self, index, d, s, transforms):
        super().__init__(d, d, transforms, s)
        order = torch.arange(d - 1, -1, -1) if index % 2 else torch.arange(d)
        hidden, raw = torch.arange(s["prior_hidden"]) % (d - 1), order.repeat(2)
        masks = hidden[:, None] >= order, hidden[:, None] >= hidden, raw[:, None] > hidden
        linears = [layer.linear for layer in self.layers] + [self.output]
        for linear, mask in zip(linears, masks):
            linear.weight.register_hook(lambda gradient, mask=mask: gradient * mask.to(gradient.device))

    def normalise(self, z):
        return self.transform(z, z)

    def generate(self, eps):
        z = eps  # every iteration gives one more dimension its value
        for _ in range(self.n):
            z = self.transform_back(eps, z)
        return z


class Scaling(nn.Module):
    def __init__(self, d, s):
        super().__init__()
        self.log_scale, self.shift, self.bound = parameter(d), parameter(d), s["log_scale_bound"]

    def normalise(self, z):
        s = self.bound * torch.tanh(self.log_scale)
        return (z - self.shift) * torch.exp(-s), -s.sum()

    def generate(self, eps):
        return eps * torch.exp(self.bound * torch.tanh(self.log_scale)) + self.shift


class LinearMap(nn.Module):
    """A linear map in LU form; layers of an odd number have the upper triangle last."""

    def __init__(self, index, d, s):
        super().__init__()
        self.lower, self.upper, self.log_scale = parameter(d, d), parameter(d, d), parameter(d)
        self.lower_first, self.bound = index % 2 == 1, s["log_scale_bound"]

    def factors(self):
        """The two triangular matrices in the order of normalise()."""
        unit = torch.eye(len(self.lower), dtype=self.lower.dtype, device=self.lower.device)
        lower, upper = self.lower.tril(-1) + unit, self.upper.triu(1) + unit
        return (lower, upper) if self.lower_first else (upper, lower)

    def normalise(self, z):
        first, second = self.factors()
        s = self.bound * torch.tanh(self.log_scale)
        return z @ first.T * torch.exp(s) @ second.T, s.sum()

    def generate(self, eps):
        first, second = self.factors()
        solve = torch.linalg.solve_triangular
        z = solve(second, eps.T, upper=self.lower_first, unitriangular=True).T
        z = z * torch.exp(-self.bound * torch.tanh(self.log_scale))
        return solve(first, z.T, upper=not self.lower_first, unitriangular=True).T


class Glow(Coupling):
    """Scales, a linear map, and a coupling, whose network has the names of the layer itself."""

    def __init__(self, index, d, s, transforms):
        super().__init__(index, d, s, transforms)
        self.scaling, self.linear = Scaling(d, s), LinearMap(index, d, s)

    def normalise(self, z):
        z, scaled = self.scaling.normalise(z)
        z, mixed = self.linear.normalise(z)
        eps, log_det = super().normalise(z)
        return eps, log_det + scaled + mixed

    def generate(self, eps):
        return self.scaling.generate(self.linear.generate(super().generate(eps)))


FLOWS = {"realnvp": (Coupling, [Affine]), "spline": (Coupling, [Affine, Spline]), "gk-coupling": (Coupling, [GkMap]),
         "maf": (Autoregressive, [Affine]), "glow": (Glow, [Affine])}


class Base(nn.Module):
    """The distribution of eps: log_prob() and sample()."""

    def __init__(self, d, s):
        super().__init__()
        self.d, self.kind = d, s["base"]
        self.mixture = self.kind in ("full-gaussian", "gaussian-mixture", "gk-mixture", "gk-by-class")
        self.shaped = self.kind in ("gk", "gk-copula", "gk-mixture", "gk-by-class")
        self.classes = s["base_classes"] if self.kind == "gk-by-class" else 0
        components = {"full-gaussian": 1}.get(self.kind, s["base_components"] * max(1, self.classes))
        shape = (components, d) if self.mixture else (d,)
        if self.kind != "normal":
            self.location, self.scale = parameter(*shape), parameter(*shape)
        if self.kind == "student-t":
            self.log_freedom = parameter(d)
        if self.shaped:
            self.g, self.k = parameter(*shape), parameter(*shape)
        if self.kind == "gk-copula":
            self.cholesky = parameter(d, d)
        if self.mixture:
            self.logits = parameter(components)
            if self.kind == "full-gaussian" or s["base_covariance"] != "diagonal":
                self.whitening = parameter(components * d, d)
            else:
                self.whitening = None

    def component_log_prob(self, eps):
        """log(weight_k f_k(eps)) of each component of a mixture, [batch, components]."""
        eps = eps[:, None]
        if self.shaped:
            zeta = gk_inverse(eps, self.location, self.scale, self.g, self.k).clamp(-1e15, 1e15)
            log_slope = gk_log_slope(zeta, self.scale, self.g, self.k)
        else:
            zeta = ((eps - self.location) / self.scale).clamp(-1e15, 1e15)
            log_slope = torch.log(self.scale)
        constant = torch.log_softmax(self.logits, 0) - self.d / 2 * math.log(2 * math.pi)
        if self.whitening is not None:
            w = self.whitening.reshape(-1, self.d, self.d)
            zeta = torch.einsum("nki,kij->nkj", zeta, w)
            constant = constant + torch.log(torch.diagonal(w, dim1=1, dim2=2)).sum(-1)
        return constant - (zeta * zeta / 2 + log_slope).sum(-1)

    def log_prob(self, eps):
        if self.mixture:
            return torch.logsumexp(self.component_log_prob(eps), -1)
        if self.kind == "student-t":
            return torch.distributions.StudentT(torch.exp(self.log_freedom), self.location,
                                                self.scale).log_prob(eps).sum(-1)
        z, correction = eps, torch.zeros_like(eps)
        if self.shaped:
            z = gk_inverse(eps, self.location, self.scale, self.g, self.k)
            correction = gk_log_slope(z, self.scale, self.g, self.k)
        if self.kind == "gk-copula":
            correction = correction + torch.log(torch.diagonal(self.cholesky))
            z = torch.linalg.solve_triangular(self.cholesky, z.T, upper=False).T
        return -(z * z / 2 + correction).sum(-1) - self.d / 2 * math.log(2 * math.pi)

    def sample(self, n, temperature=1, which=None):
        w = temperature * torch.randn(n, self.d, device=next(self.parameters(), torch.zeros(())).device)
        if self.kind == "normal":
            return w
        if self.kind == "student-t":
            chi2 = 2 * torch._standard_gamma(torch.exp(self.log_freedom).expand(n, -1) / 2)
            return self.location + self.scale * w * torch.sqrt(torch.exp(self.log_freedom) / chi2)
        if not self.mixture:
            return gk_quantile(w @ self.cholesky.T if self.kind == "gk-copula" else w, self.location, self.scale,
                               self.g, self.k)
        weights = torch.softmax(self.logits, 0)
        if which is not None:  # those of one class only
            own = torch.arange(len(weights), device=w.device) // (len(weights) // self.classes) == which
            weights = weights * own
        k = torch.multinomial(weights, n, replacement=True)
        if self.whitening is not None:  # the row of scores times W is w
            matrix = self.whitening.reshape(-1, self.d, self.d)[k]
            w = torch.linalg.solve_triangular(matrix, w[:, None], upper=True, left=False)[:, 0]
        if self.shaped:
            return gk_quantile(w, self.location[k], self.scale[k], self.g[k], self.k[k])
        return self.location[k] + self.scale[k] * w


class Prior(nn.Module):
    def __init__(self, d, s):
        super().__init__()
        layer, transforms = FLOWS.get(s["prior_flow"], (None, None))
        self.flow = nn.ModuleList(layer(i, d, s, transforms) for i in range(s["prior_layers"] if layer else 0))
        self.base = Base(d, s)

    def normalise(self, z):
        log_det = torch.zeros_like(z[:, 0])
        for layer in self.flow:
            z, term = layer.normalise(z)
            log_det = log_det + term
        return z, log_det

    def generate(self, eps):
        for layer in reversed(self.flow):
            eps = layer.generate(eps)
        return eps


# --- The posterior and the likelihood ----------------------------------------------------------------------------


def planar(raw, z, index):
    u, w, b = raw.split([z.shape[1], z.shape[1], 1], -1)
    a = (u * w).sum(-1, keepdim=True)
    along = (F.elu(a).clamp(min=-1 + 2**-23) - a) / (w * w).sum(-1, keepdim=True).clamp(min=1e-30)
    return z + (u + along * w) * torch.tanh((w * z).sum(-1, keepdim=True) + b)


def radial(raw, z, index):
    centre, raw_alpha, raw_beta = raw.split([z.shape[1], 1, 1], -1)
    alpha, off = 1e-3 + F.softplus(raw_alpha), z - centre
    beta = alpha * F.elu(raw_beta).clamp(min=-1 + 2**-23)
    return z + beta / (alpha + off.norm(dim=-1, keepdim=True)) * off


def fill(raw, rows, columns, size):
    """The matrices [batch, size, size] with these elements, and 0 elsewhere."""
    matrix = raw.new_zeros(len(raw), size, size)
    matrix[:, rows, columns] = raw
    return matrix


def iaf(raw, z, index):
    """The dimensions are in descending order in layers of an odd number."""
    d = z.shape[1]
    ordered = z.flip(-1) if index % 2 else z
    triangle, rows = d * (d - 1) // 2, torch.tril_indices(d, d, -1)
    shift, log_scale, a, b = raw.split([d, d, triangle, triangle], -1)
    factor = torch.arange(d, dtype=z.dtype, device=z.device).clamp(min=1).rsqrt()
    shift, log_scale = (own + factor * (fill(part, *rows, d) @ ordered[:, :, None])[..., 0]
                        for own, part in ((shift, a), (log_scale, b)))
    moved = torch.exp(2 * torch.tanh(log_scale)) * ordered + shift
    return moved.flip(-1) if index % 2 else moved


def sylvester(raw, z, columns, reflections):
    d = z.shape[1]
    m, h = min(columns, d), min(reflections, d)
    triangle, places = m * (m + 1) // 2, torch.triu_indices(m, m)
    v, upper, inner, b = raw.split([h * d, triangle, triangle, m], -1)
    v = v.reshape(-1, h, d) + torch.eye(h, d, dtype=z.dtype, device=z.device)

    def reflect(x, i):
        along = (v[:, i] * x).sum(-1, keepdim=True) / (v[:, i] ** 2).sum(-1, keepdim=True).clamp(min=1e-30)
        return x - 2 * along * v[:, i]

    def times(part, start, x):
        matrix = fill(part, *places, m)
        diagonal = (1 - 2**-20) * torch.tanh(start + torch.diagonal(matrix, dim1=1, dim2=2))
        return (matrix.triu(1) @ x[:, :, None])[..., 0] + diagonal * x

    y = z
    for i in range(h):
        y = reflect(y, i)
    move = F.pad(times(upper, 0, torch.tanh(times(inner, 1, y[:, :m]) + b)), (0, d - m))
    for i in reversed(range(h)):
        move = reflect(move, i)
    return z + move


def sylvester_width(d, columns, reflections):
    m, h = min(columns, d), min(reflections, d)
    return h * d + m * (m + 1) + m


# The raw parameters of a layer, and its map by these, z and the number of the layer.
POSTERIOR_FLOWS = {
    "none": (lambda d: 0, None), "planar": (lambda d: 2 * d + 1, planar), "radial": (lambda d: d + 2, radial),
    "iaf": (lambda d: d * d + d, iaf),
    "sylvester-orthogonal": (lambda d: sylvester_width(d, 8, 8), lambda raw, z, index: sylvester(raw, z, 8, 8)),
    "sylvester-householder": (lambda d: sylvester_width(d, 64, 4), lambda raw, z, index: sylvester(raw, z, 64, 4)),
}


class Posterior(nn.Module):
    """q(z|x) from the encoder's output: mean and scale, shapes of the noise, and a flow."""

    def __init__(self, d, s):
        super().__init__()
        self.d, self.noise, self.flow = d, s["posterior"], s["posterior_flow"]
        self.layers = 0 if self.flow == "none" else s["posterior_layers"]
        self.layer_width = POSTERIOR_FLOWS[self.flow][0](d)
        self.noise_width = {"full": d * (d - 1) // 2, "gk-amortized": 2 * d}.get(self.noise, 0)
        self.width = 2 * d + self.noise_width + self.layers * self.layer_width
        if self.noise == "gk":
            self.raw_g, self.raw_k = parameter(d), parameter(d)

    def moments(self, encoded):
        return encoded[:, : self.d], torch.exp(bounded(encoded[:, self.d : 2 * self.d], 7))

    def draw(self, encoded, u):
        """z at the noise u [batch, d]."""
        mean, scale = self.moments(encoded)
        raw = encoded[:, 2 * self.d : 2 * self.d + self.noise_width]
        if self.noise == "full":
            rows, columns = torch.tril_indices(self.d, self.d, -1)
            mixing = torch.zeros(len(u), self.d, self.d, device=u.device)
            mixing[:, rows, columns] = raw
            u = u + torch.einsum("nij,nj->ni", mixing, u)
        elif self.noise in ("gk", "gk-amortized"):
            raw_g, raw_k = (self.raw_g, self.raw_k) if self.noise == "gk" else raw.chunk(2, -1)
            k = torch.where(raw_k >= 0, bounded(raw_k, 2), 0.059 * torch.expm1(raw_k.clamp(max=0) / 0.059))
            u = gk_quantile(u, 0, 1, bounded(raw_g, 4), k)
        z = mean + scale * u
        for i in range(self.layers):
            start = 2 * self.d + self.noise_width + i * self.layer_width
            z = POSTERIOR_FLOWS[self.flow][1](encoded[:, start : start + self.layer_width], z, i)
        return z


class Likelihood(nn.Module):
    """p(x|z) from the decoder's output [batch, parameters, values]: the mean image."""

    def __init__(self, s, channels):
        super().__init__()
        self.kind, self.channels = s["likelihood"], channels
        self.components = s["likelihood_components"] if self.kind.endswith("-mixture") else 1
        self.levels = self.kind in ("logistic-mixture", "gk", "gk-mixture")
        self.shaped = self.kind.startswith("gk")
        self.each = 1 if self.kind == "bernoulli" else (4 if self.shaped else 2) * self.components
        self.each += self.components * ((self.components > 1) + (self.levels and channels == 3))
        self.edges = parameter(LEVELS) if self.levels and s["learned_edges"] else None

    def parts(self, out):
        """Weights, locations, scales, and g and k, [batch, components, values]; then the rest."""
        count, at = self.components, 0
        weights = torch.ones_like(out[:, :1])
        if count > 1:
            weights, at = torch.softmax(out[:, :count], 1), count
        raw = [out[:, at + i * count : at + (i + 1) * count] for i in range(4 if self.shaped else 2)]
        shapes = [bounded(raw[2], 8), (F.softplus(raw[3]) - 0.05).clamp(max=4)] if self.shaped else []
        rest = out[:, at + len(raw) * count :]
        return [weights, raw[0].clamp(-1e6, 1e6), torch.exp(raw[1].clamp(-7, 3))] + shapes, rest

    def all_edges(self, like):
        logits = torch.zeros(LEVELS, device=like.device) if self.edges is None else 8 * self.edges
        widths = torch.softmax(logits.double(), 0) * (2 + 2 / 255)
        return torch.cat([widths.new_full((1,), -1 - 1 / 255), -1 - 1 / 255 + widths.cumsum(0)]).to(like.dtype)

    def mean_levels(self, parts, inner):
        """The mean level divided by 255, [batch, values]: the sum over inner edges of P(x above the edge)."""
        weights, *own = (part[..., None] for part in parts)
        if self.shaped:
            above = torch.erfc(gk_inverse(inner.expand(*own[0].shape[:-1], -1), *own) / math.sqrt(2)) / 2
        else:
            above = torch.sigmoid((own[0] - inner) / own[1])
        return ((weights * above).sum((1, 3)) * (1 - FLOOR) / 255 + FLOOR / 2).clamp(0, 1)

    def mean(self, out):
        if self.kind == "bernoulli":
            return torch.sigmoid(out[:, 0])
        parts, rest = self.parts(out)
        if self.kind == "normal-density":
            return (parts[1][:, 0] + 1) / 2
        if self.kind == "gk-density":  # the mean of Q(z) by the trapezoidal rule
            z = torch.linspace(-10, 10, 161, device=out.device)
            a, b, g, k = (part[:, 0, :, None] for part in parts[1:])
            return ((gk_quantile(z, a, b, g, k) * torch.exp(-z * z / 2)).sum(-1) / math.sqrt(2 * math.pi) / 8 + 1) / 2
        edges = self.all_edges(out)
        if self.channels == 1:
            return self.mean_levels(parts, edges[1:-1])
        middles, image = (edges[1:] + edges[:-1]) / 2, []
        for c in range(3):  # green depends on red, and blue on both
            own = [part[..., c::3].clone() if part.shape[-1] > 1 else part for part in parts]
            for earlier in range(c):
                own[1] = own[1] + rest[..., c - 1 + earlier :: 3] * self.middle_at(middles, image[earlier])[:, None]
            image.append(self.mean_levels(own, edges[1:-1]))
        return torch.stack(image, -1).flatten(1)

    @staticmethod
    def middle_at(middles, mean):
        v = (mean * 255).clamp(0, 255)
        below = v.floor().clamp(max=254).long()
        return middles[below] + (v - below) * (middles[below + 1] - middles[below])


# --- The model ---------------------------------------------------------------------------------------------------

NUMBERS = ("latent hidden layers half_channels quarter_channels conv_blocks posterior_layers prior_layers prior_hidden "
           "base_components base_classes likelihood_components spline_bins").split()
KNOWN = {"net": ("mlp", "conv"), "block": ("silu", "residual", "gated"), "prior_flow": ("none", *FLOWS),
         "conv_block": ("full", "depthwise"), "downsampling": ("unshuffle", "stride"),
         "posterior": ("normal", "full", "gk", "gk-amortized"),
         "posterior_flow": tuple(POSTERIOR_FLOWS),
         "base": ("normal", "full-gaussian", "student-t", "gk", "gk-copula", "gaussian-mixture", "gk-mixture",
                  "gk-by-class"),
         "likelihood": ("bernoulli", "logistic-mixture", "gk", "gk-mixture", "normal-density", "gk-density")}


def settings_of(metadata):
    """The settings of [model] as numbers, truth values and names."""
    s = {key[len("model."):]: value for key, value in metadata.items() if key.startswith("model.")}
    for key, values in KNOWN.items():
        if s[key] not in values:
            raise NotImplementedError(f"model.{key} = {s[key]}")
    s.update({key: int(s[key]) for key in NUMBERS})
    bounds = {key: float(s[key]) for key in ("log_scale_bound", "spline_bound")}
    return {**s, **bounds, "learned_edges": s["learned_edges"] == "yes"}


class VAE(nn.Module):
    def __init__(self, metadata):
        super().__init__()
        s = settings_of(metadata)
        self.image = int(metadata["image.height"]), int(metadata["image.width"]), int(metadata.get("image.channels", 1))
        values, d = math.prod(self.image), s["latent"]
        self.posterior, self.likelihood = Posterior(d, s), Likelihood(s, self.image[2])
        outputs = self.likelihood.each
        if s["net"] == "conv":
            self.encoder = ConvEncoder(self.image, self.posterior.width, s)
            self.decoder = ConvDecoder(self.image, d, outputs, s)
        else:
            self.encoder = Encoder(values, self.posterior.width, s)
            self.decoder = Perceptron(d, s["hidden"], s["layers"], outputs * values, s["block"])
        self.prior = Prior(d, s)

    def encode(self, x):
        """Mean and scale of q(z|x), before any posterior flow, of images [batch, values] in [0, 1]."""
        return self.posterior.moments(self.encoder(x))

    def code(self, x):
        """z at the noise 0."""
        encoded = self.encoder(x)
        return self.posterior.draw(encoded, torch.zeros_like(encoded[:, : self.posterior.d]))

    def draw(self, x):
        """z from q(z|x)."""
        encoded = self.encoder(x)
        return self.posterior.draw(encoded, torch.randn_like(encoded[:, : self.posterior.d]))

    def decode(self, z):
        """The mean image of p(x|z), [batch, values]."""
        return self.likelihood.mean(self.decoder(z).reshape(len(z), self.likelihood.each, -1))

    def normalise(self, z):
        """eps of the base, and the log-determinant of its derivative in z."""
        return self.prior.normalise(z)

    def generate(self, eps):
        """z of eps."""
        return self.prior.generate(eps)

    def log_prob(self, z):
        """log p(z) in nats."""
        eps, log_det = self.normalise(z)
        return self.prior.base.log_prob(eps) + log_det

    def sample(self, n, temperature=1, which=None):
        """n codes from the prior; of a base by class, those of the class `which`."""
        return self.generate(self.prior.base.sample(n, temperature, which))

    def forward(self, x):
        """The reconstructions of images."""
        return self.decode(self.code(x))


def load(path=WEIGHTS):
    """The model of a file model.safetensors."""
    metadata, tensors = read_safetensors(path)
    vae = VAE(metadata)
    vae.load_state_dict(tensors)
    return vae.eval()
