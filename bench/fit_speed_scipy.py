#!/usr/bin/env python3
"""Times SciPy on what bench_fit_speed times: small g-and-k fits, and a maximum-likelihood fit.

    bench/fit_speed_scipy.py [fits=200]

The least squares are those of one thread of bench_fit_speed's lines for GSL and cminpack: the
same whitened residuals of 99 order statistics, with analytic derivatives, in five passes. The
likelihood is maximized by Nelder and Mead from the octiles, as the R package gk does it,
with Newton's method in vectors for the inverse of Q. Medians of 5 runs.
"""
import statistics
import sys
import time

import numpy as np
from scipy.optimize import least_squares, minimize
from scipy.special import ndtri

M, C, PASSES, RUNS = 99, 0.8, 5, 5


def pieces(z, g):
    t = np.tanh(0.5 * g * z)
    return 1 + C * t, 0.5 * C * (1 - t * t), np.log1p(z * z)


def quantile(v, z):
    T, _, log = pieces(z, v[2])
    return v[0] + v[1] * T * z * np.exp(v[3] * log)


def slope(v, z):
    T, s, log = pieces(z, v[2])
    h = z * z / (1 + z * z)
    return v[1] * np.exp(v[3] * log) * (T * (1 + 2 * v[3] * h) + s * v[2] * z)


def octiles(x):
    e = np.quantile(x, np.arange(1, 8) / 8, method="weibull")
    z3, z7 = ndtri([0.75, 0.875])
    skew = np.clip((e[5] + e[1] - 2 * e[3]) / (e[5] - e[1]) / C, -0.999, 0.999)
    g = np.clip(2 / z3 * np.arctanh(skew), -6, 6)
    k = np.log((e[6] - e[0]) * z3 / ((e[5] - e[1]) * z7)) / np.log((1 + z7**2) / (1 + z3**2))
    k = max(k, -0.05)
    return np.array([e[3], (e[5] - e[1]) / (2 * z3 * (1 + z3**2) ** k), g, k])


P = np.arange(1, M + 1) / (M + 1)
Z = ndtri(P)
STEP = np.full(M + 1, np.sqrt((M + 2) * (M + 1)))
PHI = np.exp(-0.5 * Z * Z) / np.sqrt(2 * np.pi)


def fit_least_squares(x):
    x = np.sort(x)
    v = octiles(x)
    for _ in range(PASSES):
        weight = PHI / slope(v, Z)

        def residuals(u):
            return STEP * np.diff((x - quantile(u, Z)) * weight, prepend=0, append=0)

        def jacobian(u):
            T, s, log = pieces(Z, u[2])
            W = Z * np.exp(u[3] * log)
            columns = np.stack([np.ones(M), T * W, u[1] * s * Z * W, u[1] * T * W * log]) * -weight
            return (STEP * np.diff(columns, axis=1, prepend=0, append=0)).T

        v = least_squares(residuals, v, jacobian, method="lm", ftol=1e-3, xtol=1e-8).x
    return v


def inverse(v, x):
    y = np.abs(x - v[0]) / v[1]
    g = np.where(x < v[0], -v[2], v[2])
    t = np.log(np.maximum(y, 1e-300)) / np.where(y > 1, 1 + 2 * max(v[3], -0.4), 1)
    for _ in range(60):
        s = np.exp(t)
        T, half, log = pieces(s, g)
        F = t + v[3] * log + np.log(T) - np.log(y)
        R = T * (1 + 2 * v[3] * s * s / (1 + s * s)) + half * g * s
        move = np.clip(-F * T / R, -2, 2)
        t = t + move
        if np.all(np.abs(move) < 1e-10):
            break
    return np.where(x < v[0], -np.exp(t), np.exp(t))


def fit_likelihood(x):
    def loss(v):
        if v[1] <= 0 or v[3] < -0.05:
            return np.inf
        z = inverse(v, x)
        return np.sum(0.5 * z * z + np.log(slope(v, z)))

    return minimize(loss, octiles(x), method="Nelder-Mead", options={"maxiter": 2000}).x


def median_time(work):
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    random = np.random.default_rng(1)
    samples = [quantile((3, 1, 2, 0.5), random.standard_normal(M)) for _ in range(count)]
    seconds = median_time(lambda: [fit_least_squares(x) for x in samples])
    print(f"SciPy least_squares (lm), {count} × {M} observations: {count / seconds:.0f} fits a second")
    x = quantile((3, 1, 2, 0.5), random.standard_normal(2000))
    seconds = median_time(lambda: fit_likelihood(x))
    print(f"SciPy Nelder–Mead likelihood of 2000 observations: {1e3 * seconds:.0f} ms, at {fit_likelihood(x)}")


if __name__ == "__main__":
    main()
