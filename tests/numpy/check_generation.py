#!/usr/bin/env python3
"""The measures of generated samples, written a second time, and what the program says of them.

Needs NumPy and nothing else. Reads the features of real images and of generated ones, float [rows, d], computes
the formulas of docs/generation.md in float64, draws the kernel distance's subsets from first principles, and
compares with the values given. Keys: frechet, kid, kid_sd, precision, recall, density, coverage.

    python3 tests/numpy/check_generation.py REFERENCE.npy DRAWS.npy [--subsets N --size N --seed N]
        [--k-precision K --k-density K] KEY=VALUE …
"""

import argparse
import sys

import numpy as np

from check_model import check_philox, words

STREAM_SUBSET = 17
TOLERANCE = {"frechet": 1e-4}  # relative; the others:
TOLERANCE_OTHERS = 1e-6
ROUNDING = 1e-13               # of a squared distance, in lengths of the rows
BLOCK = 1000                   # rows at a time


def permutation(n, index, step, stream, seed):
    """Fisher and Yates from the end, each place by Lemire's method (2019): as core/rng.c."""
    order, drawn, used = list(range(n)), [], 0
    for i in range(n, 1, -1):
        product = 0
        while True:
            if used == len(drawn):  # a few words are rejected
                drawn = words(len(drawn) + n + 64, index, step, stream, seed).tolist()
            product = drawn[used] * i
            used += 1
            if product & 0xFFFFFFFF >= (2**32 - i) % i:
                break
        j = product >> 32
        order[i - 1], order[j] = order[j], order[i - 1]
    return np.array(order)


def frechet(a, b):
    """|μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½), with sample covariances."""
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    product = root @ cov_b @ root
    trace = np.sqrt(np.linalg.eigvalsh((product + product.T) / 2).clip(0)).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * trace


def discrepancy(x, y):
    """The unbiased squared maximum mean discrepancy of equally many rows, kernel (x·y/d + 1)³."""
    m, d = x.shape
    k_xx, k_yy, k_xy = ((p @ q.T / d + 1) ** 3 for p, q in ((x, x), (y, y), (x, y)))
    within = k_xx.sum() - np.trace(k_xx) + k_yy.sum() - np.trace(k_yy)
    return within / (m * (m - 1)) - 2 * k_xy.sum() / m**2


def kid(a, b, subsets, size, seed):
    """Mean and standard deviation over pairs of subsets."""
    size = min(size, len(a), len(b))
    values = []
    for subset in range(subsets):
        rows = (permutation(len(x), which, subset, STREAM_SUBSET, seed)[:size] for which, x in enumerate((a, b)))
        values.append(discrepancy(*(x[chosen] for x, chosen in zip((a, b), rows))))
    return np.mean(values), np.std(values, ddof=1) if subsets > 1 else np.nan


def squares(x, y):
    """Squared distances, a block of rows of x at a time: (first row, [block, len(y)])."""
    for first in range(0, len(x), BLOCK):
        part = x[first:first + BLOCK]
        yield first, (part**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * part @ y.T


def radii(x, k):
    """Squared distance of each row to its k-th nearest other row."""
    if len(x) <= k:
        return np.full(len(x), np.nan)
    found = []
    for first, apart in squares(x, x):
        rows = np.arange(len(apart))
        apart[rows, first + rows] = np.inf
        found.append(np.partition(apart, k - 1, axis=1)[:, k - 1])
    return np.concatenate(found)


def neighbours(reference, draws, k_precision, k_density, slack=0.0):
    """Precision, recall, density, coverage, with balls whose squared radii are larger by `slack`."""
    by_precision, by_density = radii(reference, k_precision), radii(reference, k_density)
    by_draws = radii(draws, k_precision)
    covered, recalled, inside, occupied = np.zeros(len(draws), bool), 0, 0, 0
    for first, apart in squares(reference, draws):
        apart = apart - slack
        rows = slice(first, first + len(apart))
        covered |= (apart <= by_precision[rows, None]).any(0)
        recalled += (apart <= by_draws[None]).any(1).sum()
        within = apart < by_density[rows, None]
        inside += within.sum()
        occupied += within.any(1).sum()
    n, m = len(reference), len(draws)
    return {
        "precision": covered.mean() if n > k_precision else np.nan,
        "recall": recalled / n if m > k_precision else np.nan,
        "density": inside / (k_density * m) if n > k_density else np.nan,
        "coverage": occupied / n if n > k_density else np.nan,
    }


def figures(reference, draws, arguments):
    """For each key the least and the greatest value that rounding leaves open."""
    mean = reference.mean(0)  # distances do not change, rounding becomes less
    a, b = reference - mean, draws - mean
    slack = ROUNDING * max((a**2).sum(1).max(), (b**2).sum(1).max())
    low, high = (neighbours(a, b, arguments.k_precision, arguments.k_density, s) for s in (-slack, slack))
    ranges = {key: (low[key], high[key]) for key in low}
    ranges["frechet"] = (frechet(reference, draws),) * 2
    for key, value in zip(("kid", "kid_sd"), kid(reference, draws, arguments.subsets, arguments.size, arguments.seed)):
        ranges[key] = (value, value)
    return ranges


def agrees(key, value, low, high):
    if np.isnan(low) or np.isnan(value):
        return np.isnan(low) and np.isnan(value)
    share = TOLERANCE.get(key, TOLERANCE_OTHERS)
    return low - share * abs(low) <= value <= high + share * abs(high)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", help="features of real images, .npy")
    parser.add_argument("draws", help="features of generated images, .npy")
    parser.add_argument("values", nargs="+", metavar="KEY=VALUE", help="what the program says")
    parser.add_argument("--subsets", type=int, default=100)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--k-precision", type=int, default=3)
    parser.add_argument("--k-density", type=int, default=5)
    arguments = parser.parse_args()
    check_philox()
    arguments.seed %= 2**64
    reference, draws = (np.load(path).astype(np.float64) for path in (arguments.reference, arguments.draws))
    ours = figures(reference, draws, arguments)
    failed = False
    for pair in arguments.values:
        key, _, value = pair.partition("=")
        if key not in ours:
            raise SystemExit(f"{key}: not one of {', '.join(ours)}")
        low, high = ours[key]
        fine = agrees(key, float(value), low, high)
        failed = failed or not fine
        print(f"  {key:10} {low:.12g}" + (f" to {high:.12g}" if high > low else "") +
              f"  gkvae {float(value):.12g}" + ("" if fine else "  FAILED"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
