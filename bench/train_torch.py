#!/usr/bin/env python3
"""Times PyTorch on the training that `gkvae bench` times: images a second of whole steps.

    bench/train_torch.py [--model plain|quick] [--threads N] [--seconds T] [--batch N]

Set-up (Debian 12): apt-get install --no-install-recommends python3-torch libblis4-openmp, and
run under the system's Python, over BLIS's OpenMP build, whose threads are PyTorch's own:

    LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/blis-openmp OMP_NUM_THREADS=2 \\
        /usr/bin/python3 bench/train_torch.py --threads 2

bench/peers.sh does so. Over OpenBLAS's pthread build PyTorch is slower, since two sets of
threads share the processors; --describe prints which BLAS is loaded.

The same model (784-400-400-80, 40-400-400-784; LayerNorm and SiLU; inputs less their mean), batch,
precision (float32) and pipeline: 8-bit images in memory, shuffled, gathered and binarized anew at
each step, one draw of z, Adam, the gradient clipped at norm 5. `quick`, the model of
configs/mnist-quick.ini, adds eight couplings with nets of 128-128 and a g-and-k base with a
Gaussian copula. Where there is a choice it is the faster one for PyTorch: couplings cut the code
in halves, which needs no gathering of columns; the base's z = Q⁻¹(ε) takes six steps of Newton's
method without gradients, and the gradient is that of the implicit function theorem; the base is
never refitted; denormal numbers are zeros.
"""
import argparse
import math
import time

import torch
from torch import nn

PIXELS, HIDDEN, LATENT, IMAGES = 784, 400, 40, 60000


def block(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.SiLU(inplace=True))


def net(inputs, outputs):
    return nn.Sequential(block(inputs, HIDDEN), block(HIDDEN, HIDDEN), nn.Linear(HIDDEN, outputs))


class Coupling(nn.Module):
    def __init__(self, first):
        super().__init__()
        half = LATENT // 2
        self.first = first
        self.net = nn.Sequential(nn.Linear(half, 128), nn.LeakyReLU(inplace=True), nn.Linear(128, 128),
                                 nn.LeakyReLU(inplace=True), nn.Linear(128, LATENT))

    def forward(self, a, b):
        """Moves b given a, or a given b; also the log-determinant."""
        if self.first:
            a, b = b, a
        s, t = self.net(a).chunk(2, 1)
        s = 2 * torch.tanh(s)
        b = (b - t) * torch.exp(-s)
        return (b, a, -s.sum(1)) if self.first else (a, b, -s.sum(1))


class Base(nn.Module):
    """Independent g-and-k margins under a Gaussian copula; constants while training."""

    C = 0.8

    def __init__(self):
        super().__init__()
        random = torch.Generator().manual_seed(1)
        self.a = 0.1 * torch.randn(LATENT, generator=random)
        self.b = 0.8 + 0.2 * torch.rand(LATENT, generator=random)
        self.g = 0.3 * torch.randn(LATENT, generator=random)
        self.k = 0.1 * torch.rand(LATENT, generator=random)
        root = torch.eye(LATENT) + 0.1 * torch.randn(LATENT, LATENT, generator=random)
        r = root @ root.T
        r = r / torch.sqrt(torch.outer(torch.diag(r), torch.diag(r)))
        self.precision = torch.linalg.inv(r) - torch.eye(LATENT)
        self.log_det = torch.logdet(r)

    def pieces(self, z):
        t = torch.tanh(0.5 * self.g * z)
        z2 = z * z
        skew, tails = 1 + self.C * t, torch.exp(self.k * torch.log1p(z2))
        slope = tails * (skew * (1 + (1 + 2 * self.k) * z2) / (1 + z2) + 0.5 * self.C * (1 - t * t) * self.g * z)
        return skew * z * tails, slope

    def forward(self, eps):
        x = (eps - self.a) / self.b
        with torch.no_grad():
            z = x.clamp(-4, 4)
            for _ in range(6):
                q, slope = self.pieces(z)
                z = z - (q - x) / slope
        q, slope = self.pieces(z)
        z = z - (q - x) / slope.detach()
        slope = self.pieces(z)[1]
        log = -0.5 * z * z - torch.log(slope * self.b)
        copula = -0.5 * ((z @ self.precision) * z).sum(1) - 0.5 * self.log_det
        return log.sum(1) - 0.5 * LATENT * math.log(2 * math.pi) + copula


class Vae(nn.Module):
    def __init__(self, mean, flow):
        super().__init__()
        self.mean = mean
        self.encoder, self.decoder = net(PIXELS, 2 * LATENT), net(LATENT, PIXELS)
        self.flow = nn.ModuleList(Coupling(i % 2 == 1) for i in range(8)) if flow else None
        self.base = Base() if flow else None

    def log_prior(self, z):
        if not self.flow:
            return -0.5 * (z * z).sum(1) - 0.5 * LATENT * math.log(2 * math.pi)
        a, b = z.chunk(2, 1)
        total = 0
        for layer in self.flow:
            a, b, log_det = layer(a, b)
            total = total + log_det
        return total + self.base(torch.cat((a, b), 1))

    def forward(self, x):
        mean, log_sd = self.encoder(x - self.mean).chunk(2, 1)
        u = torch.randn_like(mean)
        z = mean + torch.exp(log_sd) * u
        log_q = -0.5 * (u * u).sum(1) - log_sd.sum(1) - 0.5 * LATENT * math.log(2 * math.pi)
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
    parser.add_argument("--model", choices=("plain", "quick"), default="plain")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--foreach", action="store_true", help="Adam over all tensors at once")
    parser.add_argument("--describe", action="store_true", help="also print which BLAS and OpenMP are loaded")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    data = images()
    model = Vae(data[:1000].float().mean(0) / 255, a.model == "quick")
    adam = torch.optim.Adam(model.parameters(), lr=1e-4, foreach=a.foreach)
    weights = list(model.parameters())
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
