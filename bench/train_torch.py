#!/usr/bin/env python3
"""Times PyTorch on the training that `gkvae bench` times: images a second of whole steps.

    bench/train_torch.py [--model plain|quick|default|conv] [--threads N] [--seconds T] [--batch N]

Set-up (Debian 12): apt-get install --no-install-recommends python3-torch libblis4-openmp, and
run under the system's Python, over BLIS's OpenMP build, whose threads are PyTorch's own:

    LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/blis-openmp OMP_NUM_THREADS=2 \\
        /usr/bin/python3 bench/train_torch.py --threads 2

bench/peers.sh does so. Over OpenBLAS's pthread build PyTorch is slower, since two sets of
threads share the processors; --describe prints which BLAS is loaded.

All models: linear layers, LayerNorm and SiLU; inputs less their mean; the same batch, precision
(float32) and pipeline: 8-bit images in memory, shuffled, gathered and binarized anew at each step,
one draw of z, Adam, the gradient clipped at norm 5. Denormal numbers are zeros.

  plain    784-400-400-80, 40-400-400-784, a normal prior.
  quick    The model of configs/mnist-quick.ini: eight couplings with nets of 128-128 and a g-and-k
           base with a Gaussian copula.
  default  The model of configs/mnist.ini: 24 dimensions, three residual blocks, the path-derivative
           gradient, eight couplings with the same masks as gkvae's, a mixture of 32 g-and-k's with
           correlations as the base, AdamW, and an average of the weights.
  conv     The encoder and decoder of configs/mnist-conv.ini with a normal prior, the plain model of
           `gkvae bench configs/mnist-conv.ini`, in steps of 64 images. Maps are in channels_last
           order, or with channels first by --contiguous.

Where there is a choice it is the faster one for PyTorch. The couplings of `quick` cut the code in
halves, which needs no gathering of columns. The base's z = Q⁻¹(ε) takes a few steps of Newton's
method without gradients, as few as the shapes allow, and the gradient is that of the implicit
function theorem. The base is never refitted, and accumulates no statistics for it.
"""
import argparse
import math
import time

import torch
from torch import nn

PIXELS, HIDDEN, IMAGES = 784, 400, 60000
COUPLINGS, COMPONENTS, C = 8, 32, 0.8
LATENT = {"plain": 40, "quick": 40, "default": 24, "conv": 40}


def block(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.SiLU(inplace=True))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = block(HIDDEN, HIDDEN)

    def forward(self, x):
        return x + self.block(x)


def net(inputs, outputs, residual):
    middle = [Residual(), Residual()] if residual else [block(HIDDEN, HIDDEN)]
    return nn.Sequential(block(inputs, HIDDEN), *middle, nn.Linear(HIDDEN, outputs))


def moved(index, d):
    """The dimensions that coupling `index` moves: the later half, then odd j, odd j/2, …; each split twice."""
    split = index // 2
    if split == 0:
        later = torch.arange(d) >= d // 2
    else:
        later = (torch.arange(d) // 2 ** (split - 1)) % 2 == 1
    return later if index % 2 == 0 else ~later


class Halves(nn.Module):
    """A coupling on the two halves of the code, which stay apart until the base."""

    def __init__(self, index, d):
        super().__init__()
        self.first = index % 2 == 1
        self.net = nn.Sequential(nn.Linear(d // 2, 128), nn.LeakyReLU(inplace=True), nn.Linear(128, 128),
                                 nn.LeakyReLU(inplace=True), nn.Linear(128, d))
        nn.init.zeros_(self.net[-1].weight)  # the flow starts as the identity

    def move(self, a, b):
        """Moves b given a; also the log-determinant."""
        s, t = self.net(a).chunk(2, 1)
        s = 2 * torch.tanh(s)
        return (b - t) * torch.exp(-s), -s.sum(1)

    def forward(self, z):
        a, b = z
        if self.first:
            a, log_det = self.move(b, a)
        else:
            b, log_det = self.move(a, b)
        return (a, b), log_det


class Masked(Halves):
    """A coupling with gkvae's masks."""

    def __init__(self, index, d):
        super().__init__(index, d)
        moves = moved(index, d)
        self.a, self.b = torch.nonzero(~moves)[:, 0], torch.nonzero(moves)[:, 0]
        self.back = torch.argsort(torch.cat((self.a, self.b)))

    def forward(self, z):
        a = z.index_select(1, self.a)
        b, log_det = self.move(a, z.index_select(1, self.b))
        return torch.cat((a, b), 1).index_select(1, self.back), log_det


def gk_pieces(z, g, k):
    """Q(z) and Q'(z) of margins with A = 0 and B = 1."""
    t = torch.tanh(0.5 * g * z)
    z2 = z * z
    skew, tails = 1 + C * t, torch.exp(k * torch.log1p(z2))
    slope = tails * (skew * (1 + (1 + 2 * k) * z2) / (1 + z2) + 0.5 * C * (1 - t * t) * g * z)
    return skew * z * tails, slope


def gk_scores(x, g, k, steps):
    """z = Q⁻¹(x), and Q'(z)."""
    with torch.no_grad():
        z = x.clamp(-4, 4)
        for _ in range(steps):
            q, slope = gk_pieces(z, g, k)
            z = z - (q - x) / slope
    q, slope = gk_pieces(z, g, k)
    z = z - (q - x) / slope.detach()
    return z, gk_pieces(z, g, k)[1]


class Copula(nn.Module):
    """Independent g-and-k margins under a Gaussian copula; constants while training."""

    def __init__(self, d):
        super().__init__()
        random = torch.Generator().manual_seed(1)
        self.a = 0.1 * torch.randn(d, generator=random)
        self.b = 0.8 + 0.2 * torch.rand(d, generator=random)
        self.g = 0.3 * torch.randn(d, generator=random)
        self.k = 0.1 * torch.rand(d, generator=random)
        root = torch.eye(d) + 0.1 * torch.randn(d, d, generator=random)
        r = root @ root.T
        r = r / torch.sqrt(torch.outer(torch.diag(r), torch.diag(r)))
        self.precision = torch.linalg.inv(r) - torch.eye(d)
        self.log_det = torch.logdet(r)

    def forward(self, eps):
        z, slope = gk_scores((eps - self.a) / self.b, self.g, self.k, 6)
        log = -0.5 * z * z - torch.log(slope * self.b)
        copula = -0.5 * ((z @ self.precision) * z).sum(1) - 0.5 * self.log_det
        return log.sum(1) - 0.5 * eps.shape[1] * math.log(2 * math.pi) + copula


class Mixture(nn.Module):
    """A mixture of g-and-k's with correlations, of the shapes of a trained one; constants while training."""

    def __init__(self, d):
        super().__init__()
        random = torch.Generator().manual_seed(1)
        self.a = 0.5 * torch.randn(COMPONENTS, 1, d, generator=random)
        self.b = 0.8 + 0.2 * torch.rand(COMPONENTS, 1, d, generator=random)
        self.g = 0.04 * torch.randn(COMPONENTS, 1, d, generator=random)
        self.k = 0.02 * torch.randn(COMPONENTS, 1, d, generator=random)
        self.w = torch.triu(torch.eye(d) + 0.1 * torch.randn(COMPONENTS, d, d, generator=random))
        diagonal = torch.diagonal(self.w, dim1=1, dim2=2).clamp(min=0.3)
        self.w = torch.triu(self.w, 1) + torch.diag_embed(diagonal)
        self.constant = (torch.log(diagonal).sum(1) - torch.log(self.b).sum((1, 2)) - 0.5 * d * math.log(2 * math.pi)
                         - math.log(COMPONENTS))[:, None]

    def forward(self, eps):
        z, slope = gk_scores((eps - self.a) / self.b, self.g, self.k, 2)
        w = torch.bmm(z, self.w)
        log_f = self.constant - 0.5 * (w * w).sum(2) - torch.log(slope).sum(2)
        return torch.logsumexp(log_f, 0)


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each pixel, of [n, channels, height, width]."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvResidual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.branch = nn.Sequential(ChannelNorm(channels), nn.SiLU(inplace=True),
                                    nn.Conv2d(channels, channels, 3, padding=1), nn.SiLU(inplace=True),
                                    nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x):
        return x + self.branch(x)


class ConvEncoder(nn.Module):
    HALF, QUARTER = 16, 48

    def __init__(self, outputs):
        super().__init__()
        half, quarter = self.HALF, self.QUARTER
        self.maps = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, half, 3, padding=1), ConvResidual(half),
                                  nn.PixelUnshuffle(2), nn.Conv2d(4 * half, quarter, 1), ConvResidual(quarter),
                                  ChannelNorm(quarter), nn.SiLU(inplace=True))
        self.last = nn.Linear(49 * quarter, outputs)

    def forward(self, x):
        # the order of the features does not matter: pixels before channels, which needs no copy
        return self.last(self.maps(x.view(-1, 1, 28, 28)).permute(0, 2, 3, 1).flatten(1))


class ConvDecoder(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        half, quarter = ConvEncoder.HALF, ConvEncoder.QUARTER
        self.first = nn.Linear(inputs, 49 * quarter)
        self.maps = nn.Sequential(ConvResidual(quarter), nn.Conv2d(quarter, 4 * half, 1), nn.PixelShuffle(2),
                                  ConvResidual(half), ChannelNorm(half), nn.SiLU(inplace=True),
                                  nn.Conv2d(half, 4, 3, padding=1, bias=False), nn.PixelShuffle(2))
        self.bias = nn.Parameter(torch.zeros(PIXELS))

    def forward(self, z):
        h = self.first(z).view(len(z), 7, 7, -1).permute(0, 3, 1, 2)
        return self.maps(h).flatten(1) + self.bias


class Vae(nn.Module):
    def __init__(self, mean, model):
        super().__init__()
        self.mean = mean
        self.d = d = LATENT[model]
        self.path_derivative = residual = model == "default"
        if model == "conv":
            self.encoder, self.decoder = ConvEncoder(2 * d), ConvDecoder(d)
        else:
            self.encoder, self.decoder = net(PIXELS, 2 * d, residual), net(d, PIXELS, residual)
        self.flow = self.base = None
        if model not in ("plain", "conv"):
            self.halves = model == "quick"
            self.flow = nn.ModuleList((Halves if self.halves else Masked)(i, d) for i in range(COUPLINGS))
            self.base = Copula(d) if model == "quick" else Mixture(d)

    def log_prior(self, z):
        if not self.flow:
            return -0.5 * (z * z).sum(1) - 0.5 * self.d * math.log(2 * math.pi)
        total = 0
        z = z.chunk(2, 1) if self.halves else z
        for layer in self.flow:
            z, log_det = layer(z)
            total = total + log_det
        return total + self.base(torch.cat(z, 1) if self.halves else z)

    def forward(self, x):
        mean, log_sd = self.encoder(x - self.mean).chunk(2, 1)
        u = torch.randn_like(mean)
        z = mean + torch.exp(log_sd) * u
        if self.path_derivative:
            log_sd = log_sd.detach()
            u = (z - mean.detach()) * torch.exp(-log_sd)
        log_q = -0.5 * (u * u).sum(1) - log_sd.sum(1) - 0.5 * self.d * math.log(2 * math.pi)
        logits = self.decoder(z)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return (loss + (log_q - self.log_prior(z)).sum()) / len(x)


def images():
    """As dark and as grey as MNIST: 19 % of the pixels are on, two thirds of full light each."""
    grey = torch.randint(80, 255, (IMAGES, PIXELS), dtype=torch.uint8)
    grey[torch.rand(IMAGES, PIXELS) > 0.19] = 0
    return grey


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=tuple(LATENT), default="plain")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--batch", type=int, help="images of a step (200, of conv 64)")
    parser.add_argument("--contiguous", action="store_true", help="maps with channels first, not last")
    parser.add_argument("--foreach", action="store_true", help="Adam over all tensors at once")
    parser.add_argument("--describe", action="store_true", help="also print which BLAS and OpenMP are loaded")
    a = parser.parse_args()
    a.batch = a.batch or (64 if a.model == "conv" else 200)
    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    data = images()
    model = Vae(data[:1000].float().mean(0) / 255, a.model)
    if not a.contiguous:
        model = model.to(memory_format=torch.channels_last)
    weights = list(model.parameters())
    average = None
    if a.model == "default":
        linear = [p for p in weights if p.dim() == 2]
        others = [p for p in weights if p.dim() != 2]
        adam = torch.optim.AdamW([{"params": linear, "weight_decay": 0.1}, {"params": others, "weight_decay": 0}],
                                 lr=1e-4, foreach=a.foreach)
        average = [p.detach().clone() for p in weights]
    else:
        adam = torch.optim.Adam(weights, lr=1e-4, foreach=a.foreach)
    noise = torch.empty(a.batch, PIXELS)

    def steps(seconds):
        done, began, order, place = 0, time.perf_counter(), torch.randperm(IMAGES), 0
        while time.perf_counter() - began < seconds:
            if place + a.batch > IMAGES:
                order, place = torch.randperm(IMAGES), 0
            grey = data[order[place:place + a.batch]]
            place += a.batch
            x = (noise[:len(grey)].uniform_(0, 255) < grey).float()
            loss = model(x)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 5.0)
            adam.step()
            if average:
                with torch.no_grad():
                    torch._foreach_mul_(average, 0.999)
                    torch._foreach_add_(average, weights, alpha=0.001)
            done += 1
        return done * a.batch / (time.perf_counter() - began), loss.item()

    steps(min(2, a.seconds))
    rate, loss = steps(a.seconds)
    if not math.isfinite(loss):
        raise SystemExit("the loss is not finite")
    if a.describe:
        with open("/proc/self/maps", encoding="ascii") as maps:
            print(sorted({line.split()[-1] for line in maps if "blas" in line or "blis" in line or "gomp" in line}))
    print(f"{rate:.0f}")


if __name__ == "__main__":
    main()
