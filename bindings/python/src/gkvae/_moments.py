"""Means and covariances of multivariate g-and-k distributions."""
from __future__ import annotations

from functools import lru_cache
from typing import Tuple

import numpy as np

from . import _evaluate as ev

_TERMS = 160  # of the series, whose coefficients fall as exp(−√(2n))
_REACH, _POINTS = 16.0, 641  # the trapezoidal rule, whose error falls exponentially too


@lru_cache(maxsize=1)
def _hermite() -> Tuple[np.ndarray, np.ndarray]:
    """Points z, and the orthonormal Hermite polynomials at them times the weights of a normal expectation."""
    z = np.linspace(-_REACH, _REACH, _POINTS)
    functions = np.empty((_TERMS, _POINTS))  # He_n(z) √φ(z) / √n!, which do not overflow
    functions[0] = np.exp(-z * z / 4) / (2 * np.pi) ** 0.25
    functions[1] = z * functions[0]
    for n in range(1, _TERMS - 1):
        functions[n + 1] = (z * functions[n] - np.sqrt(n) * functions[n - 1]) / np.sqrt(n + 1)
    return z, functions * functions[0] * (z[1] - z[0])


def moments(margins: np.ndarray, c: float, means: np.ndarray, scores: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The mean (K, d) and the covariance matrix (K, d, d) of each component.

    `means` and `scores` are those of the normal scores. With the Hermite coefficients a_n of the value as a function
    of a standard normal, the mean is a_0, and the covariance of two columns with the correlation r of their scores is
    the sum of a_n b_n r^n over n ≥ 1 (Mehler).
    """
    z, weighted = _hermite()
    deviations = np.sqrt(np.einsum("kii->ki", scores))
    at = means[:, :, None] + deviations[:, :, None] * z
    values = np.empty_like(at)
    for place in np.ndindex(margins.shape[:2]):
        b, g, tail = margins[place][1:].tolist()
        values[place] = ev.value(ev.GK, ev.Q, at[place], 0.0, b, g, tail, c)  # less A, which may be much larger
    coefficients = values @ weighted.T
    mean = coefficients[:, :, 0]
    r = np.clip(scores / (deviations[:, :, None] * deviations[:, None]), -1, 1)
    covariance = np.zeros_like(r)
    for n in range(_TERMS - 1, 0, -1):
        covariance = r * (coefficients[:, :, None, n] * coefficients[:, None, :, n] + covariance)
    own = np.einsum("kij,j->ki", (values - mean[:, :, None]) ** 2, weighted[0])  # for g ≥ 5 the series at r = 1 is long
    places = np.arange(r.shape[1])
    covariance[:, places, places] = own
    return mean + margins[:, :, 0], covariance
