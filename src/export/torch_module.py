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
    """A convolution whose weight has the shape of the file, [kernel*kernel*inputs, outputs]."""

    def __init__(self, inputs, outputs, kernel, bias=True):
        super().__init__()
        self.shape = kernel, kernel, inputs, outputs
        self.weight = parameter(kernel * kernel * inputs, outputs)
        self.bias = parameter(outputs) if bias else None

    def forward(self, x):
        weight = self.weight.reshape(self.shape).permute(3, 2, 0, 1)
        return F.conv2d(x, weight, self.bias, padding=self.shape[0] // 2)


class PixelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each pixel of [batch, channels, height, width], and SiLU."""

    def forward(self, x):
        return F.silu(super().forward(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = PixelNorm(channels)
        self.conv1, self.conv2 = Conv(channels, channels, 3), Conv(channels, channels, 3)

    def forward(self, x):
        return x + self.conv2(F.silu(self.conv1(self.norm(x))))


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
        half, quarter, blocks = s["half_channels"], s["quarter_channels"], s["conv_blocks"]
        self.input_mean = nn.Parameter(torch.zeros(height * width * channels), requires_grad=False)
        self.input = Conv(4 * channels, half, 3)
        self.half = nn.Sequential(*(Block(half) for _ in range(blocks)))
        self.down = Conv(4 * half, quarter, 1)
        self.quarter = nn.Sequential(*(Block(quarter) for _ in range(blocks)))
        self.norm = PixelNorm(quarter)
        self.output = nn.Linear(-(-height // 4) * -(-width // 4) * quarter, outputs)

    def forward(self, x):
        height, width, channels = self.image
        x = (x - self.input_mean).reshape(-1, height, width, channels).permute(0, 3, 1, 2)
        x = F.pad(x, (0, -width % 4, 0, -height % 4))
        x = self.quarter(self.down(unshuffle(self._modules["half"](self.input(unshuffle(x))))))
        return self.output(self.norm(x).permute(0, 2, 3, 1).flatten(1))


class ConvDecoder(nn.Module):
    def __init__(self, image, latent, parameters, s):
        super().__init__()
        self.image, self.parameters_each = image, parameters
        height, width, channels = image
        half, quarter, blocks = s["half_channels"], s["quarter_channels"], s["conv_blocks"]
        self.start = -(-height // 4), -(-width // 4), quarter
        self.input = nn.Linear(latent, math.prod(self.start))
        self.quarter = nn.Sequential(*(Block(quarter) for _ in range(blocks)))
        self.up = Conv(quarter, 4 * half, 1)
        self.half = nn.Sequential(*(Block(half) for _ in range(blocks)))
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


def gk_quantile(z, a, b, g, k):
    return a + b * (1 + C * torch.tanh(g * z / 2)) * z * (1 + z * z) ** k


def gk_log_slope(z, b, g, k):
    """log Q'(z)."""
    tanh, square = torch.tanh(g * z / 2), z * z
    r = (1 + C * tanh) * (1 + 2 * k * square / (1 + square)) + C / 2 * g * z * (1 - tanh * tanh)
    return torch.log(b * r) + k * torch.log1p(square)


@torch.no_grad()
def gk_solve(x, a, b, g, k, steps=60):
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
        value = t + k * F.softplus(2 * t, threshold=50) + torch.log1p(C * tanh) - log_y
        slope = 1 + 2 * k * torch.sigmoid(2 * t) + C / 2 * g * s * (1 - tanh * tanh) / (1 + C * tanh)
        low, high = torch.where(value < 0, t, low), torch.where(value < 0, high, t)
        step = t - value / torch.clamp(slope, min=1e-6)
        t = torch.where((step < low) | (step > high), (low + high) / 2, step)
    return side * torch.exp(t)


def gk_inverse(x, a, b, g, k):
    """z = Q^-1(x). One more step of Newton's method gives z its gradients."""
    z = gk_solve(x, a, b, g, k).to(x.dtype)
    slope = torch.exp(gk_log_slope(z, b, g, k)).detach()
    return z - (gk_quantile(z, a, b, g, k) - x) / slope


# --- The prior ---------------------------------------------------------------------------------------------------


class Coupling(Perceptron):
    """An affine coupling layer; `split` are the dimensions that pass, and those that move."""

    def __init__(self, index, d, s):
        moves = [self.moves(index, j, d) for j in range(d)]
        self_split = [j for j in range(d) if not moves[j]], [j for j in range(d) if moves[j]]
        super().__init__(len(self_split[0]), s["prior_hidden"], 2, 2 * len(self_split[1]), "leaky")
        self.split, self.bound = self_split, s["log_scale_bound"]

    @staticmethod
    def moves(index, j, d):
        splits = 1
        while 1 << splits <= d // 2:
            splits += 1
        split = index // 2 % splits
        second = j >= d // 2 if split == 0 else (j >> (split - 1)) % 2 == 1
        return second if index % 2 == 0 else not second

    def scale_and_shift(self, x):
        s, shift = self(x[:, self.split[0]]).chunk(2, -1)
        return self.bound * torch.tanh(s), shift

    def normalise(self, z):
        s, shift = self.scale_and_shift(z)
        eps = z.clone()
        eps[:, self.split[1]] = (z[:, self.split[1]] - shift) * torch.exp(-s)
        return eps, -s.sum(-1)

    def generate(self, eps):
        s, shift = self.scale_and_shift(eps)
        z = eps.clone()
        z[:, self.split[1]] = eps[:, self.split[1]] * torch.exp(s) + shift
        return z


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
        layers = s["prior_layers"] if s["prior_flow"] == "realnvp" else 0
        self.flow = nn.ModuleList(Coupling(i, d, s) for i in range(layers))
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


class Posterior(nn.Module):
    """q(z|x) from the encoder's output: mean and scale, shapes of the noise, and a flow."""

    def __init__(self, d, s):
        super().__init__()
        self.d, self.noise, self.flow = d, s["posterior"], s["posterior_flow"]
        self.layers = 0 if self.flow == "none" else s["posterior_layers"]
        self.layer_width = {"none": 0, "planar": 2 * d + 1, "radial": d + 2}[self.flow]
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
        for raw in encoded[:, 2 * self.d + self.noise_width :].split(max(1, self.layer_width), -1):
            if self.layers:
                z = self.planar(raw, z) if self.flow == "planar" else self.radial(raw, z)
        return z

    def planar(self, raw, z):
        u, w, b = raw.split([self.d, self.d, 1], -1)
        a = (u * w).sum(-1, keepdim=True)
        along = (F.elu(a).clamp(min=-1 + 2**-23) - a) / (w * w).sum(-1, keepdim=True).clamp(min=1e-30)
        return z + (u + along * w) * torch.tanh((w * z).sum(-1, keepdim=True) + b)

    def radial(self, raw, z):
        centre, raw_alpha, raw_beta = raw.split([self.d, 1, 1], -1)
        alpha, off = 1e-3 + F.softplus(raw_alpha), z - centre
        beta = alpha * F.elu(raw_beta).clamp(min=-1 + 2**-23)
        return z + beta / (alpha + off.norm(dim=-1, keepdim=True)) * off


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
           "base_components base_classes likelihood_components").split()
KNOWN = {"net": ("mlp", "conv"), "block": ("silu", "residual", "gated"), "prior_flow": ("none", "realnvp"),
         "posterior": ("normal", "full", "gk", "gk-amortized"), "posterior_flow": ("none", "planar", "radial"),
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
    return {**s, "log_scale_bound": float(s["log_scale_bound"]), "learned_edges": s["learned_edges"] == "yes"}


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
