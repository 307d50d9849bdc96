"""Fits of the g-and-k, g-and-h and generalised g-and-h distributions to samples."""
from __future__ import annotations

import warnings
from collections import namedtuple
from typing import Any, Dict, Optional, Union

import numpy as np

from . import distributions
from ._arrays import address, as_index, as_real, as_sample, as_weights, seed_of
from ._calls import Call, Options, threads_of
from ._evaluate import INTERVALS, METHODS, PARAMETERS
from ._fit_settings import NUMBERS, choice, fit_settings, run_fits
from ._library import libgk, names, settings as flat_settings
from ._summary import fit_plot, fit_summary
from .errors import ConvergenceWarning

_TESTS = names("test")
_OWN_NAMES = {"log_likelihood": "loglik", "p_value": "pvalue", "parameters": "n_params"}  # others are those of C
_INTEGERS = {"dof", "n", "levels", "n_params", "iterations", "newton"}
_FLAGS = {"converged", "at_bound", "symmetric"}

GKParams = namedtuple("GKParams", "A B g k")
GHParams = namedtuple("GHParams", "A B g h")
_FOUR: Dict[tuple, Any] = {tuple("ABgk"): GKParams, tuple("ABgh"): GHParams}  # by the names of parameters
CEstimate = namedtuple("CEstimate", "value se low high determined weak held loglik_held ratio pvalue")
_C_NUMBERS = ("c", "se.c", "low.c", "high.c", "determined.c", "weak.c", "held.c", "held_log_likelihood.c", "ratio.c",
              "p_value.c")


def _places(table: tuple, prefix: str) -> np.ndarray:
    """The places of the numbers of A, B, g, k in a table of names."""
    return np.array([table.index(f"{prefix}{parameter}") for parameter in "ABgk"])


_ESTIMATES, _SE, _LOW, _HIGH, _BOUND = (_places(NUMBERS, prefix) for prefix in ("", "se.", "low.", "high.", "bound."))
_COVARIANCE = np.array([_places(NUMBERS, f"covariance.{parameter}.") for parameter in "ABgk"])
_OTHERS = {place: _OWN_NAMES.get(name, name) for place, name in enumerate(NUMBERS)
           if "." not in name and name not in tuple("ABgk")}
_PLACE = {name: place for place, name in _OTHERS.items()}


class FitResult:
    """A fitted distribution of one sample.

    Attributes
    ----------
    params, se : named tuple
        The estimates of A, B, g, k (or h) and their standard errors, 0 for a parameter that is fixed.
    cov : ndarray of shape (4, 4)
        Their covariance matrix.
    loglik, aic, bic : float
        The log-likelihood and the criteria of Akaike and Schwarz.
    chi2, dof, pvalue : float, int, float
        The χ² of the quantiles, or of bins, its degrees of freedom and its p-value. A small p-value means that the
        data are not of this family. NaN if `test` says that there is none.
    test : {"levels", "bins", "ties", "heaps", "few bins", "none"}
        The test of fit, or why there is none.
    anderson_darling : float
        The distance A² of the sample from the distribution.
    n : int
        The number of observations; `total` is the sum of their weights.
    converged : bool
        Whether the estimates are a verified optimum.
    c : float
        The constant c, given or estimated.
    c_estimate : named tuple or None
        With ``free_c``: the estimate of c, its standard error and interval; whether the values determine it at all,
        and whether they hardly do (`weak`); and the likelihood-ratio test of the value that was given.
    dist : rv_frozen
        The fitted distribution of SciPy.
    """

    loglik: float
    aic: float
    bic: float
    chi2: float
    dof: int
    pvalue: float
    test: str
    anderson_darling: float
    n: int
    converged: bool
    method: str

    def __init__(self, row: np.ndarray, family: str, c: float, confidence: float, data: Optional[tuple] = None,
                 call: Optional[Dict[str, Any]] = None) -> None:
        four: Any = _FOUR[PARAMETERS[family][:4]]
        self.family, self.c, self.confidence = family, c, confidence
        self.params = four(*map(float, row[_ESTIMATES]))
        self.se = four(*map(float, row[_SE]))
        self.cov = row[_COVARIANCE]
        self._interval = np.stack([row[_LOW], row[_HIGH]], axis=1)
        self.bound = four(*(0 if np.isnan(b) else int(b) for b in row[_BOUND]))
        for place, name in _OTHERS.items():
            number = row[place]
            value: Any = float(number)
            if name in _INTEGERS:
                value = 0 if np.isnan(number) else int(number)
            elif name in _FLAGS:
                value = number == 1
            elif name == "test":
                value = "none" if np.isnan(number) else _TESTS[int(number)]
            elif name == "method":
                value = "none" if np.isnan(number) else list(METHODS)[int(number)]
            setattr(self, name, value)
        self.c_estimate = None
        if not np.isnan(row[NUMBERS.index("determined.c")]):
            numbers = [float(row[NUMBERS.index(name)]) for name in _C_NUMBERS]
            self.c_estimate = CEstimate(*(number == 1 if name in ("determined.c", "weak.c") else number
                                          for name, number in zip(_C_NUMBERS, numbers)))
        self._data, self._call = data, call or {}

    @property
    def dist(self) -> Any:
        """The fitted distribution, with the methods of SciPy's frozen distributions."""
        return self._dist_of(*self.params)

    def _dist_of(self, a: float, b: float, g: float, k: float) -> Any:
        shapes = (g, k, self.c) if "c" in PARAMETERS[self.family] else (g, k)
        return getattr(distributions, self.family)(*shapes, loc=a, scale=b)

    def conf_int(self, confidence: Optional[float] = None, method: str = "wald") -> np.ndarray:
        """Confidence intervals of A, B, g, k as rows (low, high).

        Parameters
        ----------
        confidence : float, optional
            The confidence; by default that of the fit, 0.95.
        method : {"wald", "profile"}
            Wald intervals by the standard errors, or intervals of the profile likelihood, for fits by maximum
            likelihood. An end of the latter may be infinite.
        """
        confidence = self.confidence if confidence is None else confidence
        if method not in INTERVALS:
            raise ValueError(f'method = {method!r}: give "wald" or "profile"')
        if method == "wald" and confidence == self.confidence:
            return self._interval.copy()
        if method == "profile":
            if self.method != "mle" or self._data is None:
                raise ValueError('profile intervals are for fits by maximum likelihood: fit with method="mle"')
        elif self._data is None:
            raise ValueError("the data of this fit are not kept; fit it with this confidence")
        words: Dict[str, Any] = {**self._call, "confidence": confidence, "intervals": method}
        return _fit_one(self._data, **words)._interval

    def quantile(self, q: Any, confidence: Optional[float] = None) -> np.ndarray:
        """Quantiles of the fitted distribution with confidence intervals, such as values at risk.

        Parameters
        ----------
        q : array_like
            Probabilities.
        confidence : float, optional
            The confidence; by default that of the fit, 0.95.

        Returns
        -------
        ndarray of shape (..., 3)
            The quantile, and the ends of its interval by the covariance of the estimates (delta method).

        Examples
        --------
        >>> import gkvae
        >>> fit = gkvae.fit_gk(gkvae.gk.rvs(0.5, 0.2, loc=3, size=1000, random_state=1))
        >>> estimate, low, high = fit.quantile(0.99)
        """
        confidence = self.confidence if confidence is None else float(as_real(confidence, "confidence"))
        if not 0 < confidence < 1:
            raise ValueError(f"confidence = {confidence!r}: give a number between 0 and 1")
        q = np.asarray(q, float)
        value = np.asarray(self.dist.ppf(q))
        error = np.sqrt(self._variance(lambda dist: np.asarray(dist.ppf(q))))
        reach = distributions.gk(0, 0).ppf((1 + confidence) / 2)  # of the standard normal distribution
        return np.stack([value, value - reach * error, value + reach * error], axis=-1)

    def _variance(self, function: Any) -> np.ndarray:
        """The variance of a function of the distribution, by its differences in each parameter."""
        slopes = []
        for i, error in enumerate(self.se):
            if not error > 0:  # fixed
                slopes.append(0 * function(self.dist))
                continue
            ends = []
            for step in (-1e-3 * error, 1e-3 * error):
                four = [value + (step if j == i else 0) for j, value in enumerate(self.params)]
                ends.append(function(self._dist_of(*four)))
            slopes.append((ends[1] - ends[0]) / (2e-3 * error))
        if not any(error > 0 for error in self.se):
            raise ValueError(f"fits by {self.method} have no standard errors")
        return np.einsum("i...,ij,j...->...", np.array(slopes), np.nan_to_num(self.cov), np.array(slopes))

    def summary(self) -> str:
        """A table of the estimates and the test of fit."""
        return fit_summary(self)

    def plot(self, axes: Any = None) -> Any:
        """Plots the density over a histogram and a QQ plot with its pointwise 95% band, by Matplotlib.

        Parameters
        ----------
        axes : sequence of two Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        Figure
        """
        if self._data is None:
            raise ValueError("the data of this fit are not kept")
        return fit_plot(self, self._data, axes)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={value:.6g}" for name, value in self.params._asdict().items())
        return f"<FitResult of {self.n} values: {numbers}; loglik={self.loglik:.6g}>"


def _ends(x: Any, upper: Any) -> tuple:
    x = as_sample(x)
    if upper is None:
        return x, None
    upper = as_sample(upper, "upper")
    if upper.shape != x.shape:
        raise ValueError(f"there are {upper.size} upper ends for {x.size} lower ends")
    return x, upper


def _fit_one(data: tuple, family: str, method: str, c: float, fixed: Any, start: Any, bounds: Any, resolution: Any,
             levels: Optional[int], confidence: float, n_jobs: Optional[int], intervals: str = "wald",
             distance: bool = True, free_c: bool = False) -> FitResult:
    x, upper, weights = data
    settings = fit_settings(family, method, c, fixed, start, bounds, resolution, levels, free_c)
    choice(intervals, INTERVALS, "intervals")
    settings.update(confidence=float(confidence), intervals=intervals, anderson_darling=distance)
    rows, _, status, call = run_fits(x, np.array([0, x.size], np.uintp), upper, weights, settings, n_jobs)
    call.check(status)
    arguments = dict(family=family, method=method, c=c, fixed=fixed, start=start, bounds=bounds,
                     resolution=resolution, levels=levels, confidence=confidence, n_jobs=n_jobs, free_c=free_c)
    return FitResult(rows[0], family, c, confidence, data, arguments)


def without_missing(data: tuple, nan_policy: str) -> tuple:
    """Values, upper ends and weights, each or None, without those of which one is NaN, or an exception."""
    omit = choice(nan_policy, {"raise": 0, "omit": 1}, "nan_policy")
    given = [part for part in data if part is not None]
    if not any(part.size and np.isnan(part.min()) for part in given):  # needs no memory
        return data
    missing = np.zeros(data[0].shape, bool)
    for part in given:
        missing |= np.isnan(part)
    if not omit:
        raise ValueError(f"value {missing.argmax() + 1} of {missing.size} is missing (NaN), {int(missing.sum())} "
                         'in all: nan_policy="omit" leaves them out')
    return tuple(None if part is None else part[~missing] for part in data)


def fit_gk(x: Any, *, weights: Any = None, method: str = "mle", family: str = "gk", c: float = 0.8,
           fixed: Any = None, start: Any = None, bounds: Any = None, resolution: Any = None, upper: Any = None,
           levels: Optional[int] = None, confidence: float = 0.95, n_jobs: Optional[int] = None,
           free_c: bool = False, nan_policy: str = "raise") -> FitResult:
    """Fits a g-and-k distribution, or one of its relatives, to a sample.

    Parameters
    ----------
    x : array_like
        The observations, at least 8, in any order.
    weights : array_like, optional
        The number of observations that each value represents, ≥ 0.
    method : {"mle", "lm", "octile"}
        Maximum likelihood; least squares on quantiles, which is faster and robust against a few outliers; or the
        closed form in seven quantiles, without errors.
    family : {"gk", "gh", "ggh"}
        g-and-k, g-and-h or generalised g-and-h. h stands in place of k in the latter.
    c : float
        The constant c, which is not fitted unless `free_c`.
    fixed : mapping or sequence of four, optional
        Parameters that keep a value, as in ``fixed={"g": 0}`` or ``fixed=(None, None, 0, None)``.
    start : mapping or sequence of four, optional
        Where to start. By default the fit finds its own starts.
    bounds : mapping, optional
        Bounds of parameters, as in ``bounds={"k": (0, 1)}``.
    resolution : float or "auto", optional
        The unit to which the values are rounded, so that each represents an interval; "auto" recognises it.
    upper : array_like, optional
        Upper ends of intervals that begin at x: rounded, censored (infinite ends) and binned data. Needs "mle".
    levels : int, optional
        The number of quantiles of "lm".
    confidence : float
        The confidence of the intervals.
    n_jobs : int, optional
        The number of threads, on which results do not depend; by default one below 100,000 values, else all.
    free_c : bool
        Whether to estimate c too, by "mle"; `c_estimate` of the result has its error and a test of `c`. The values
        hardly determine c if g is small, because g compensates for it.
    nan_policy : {"raise", "omit"}
        Whether a missing value (NaN in x, `upper` or `weights`, or masked) raises ValueError or is left out.

    Returns
    -------
    FitResult
        With ``params, se, cov, conf_int(), loglik, aic, bic, pvalue, summary(), plot(), dist``.

    Raises
    ------
    ValueError
        For data that cannot be fitted: not finite, fewer than 8, constant, or with heavy ties.

    Examples
    --------
    >>> import gkvae
    >>> x = gkvae.gk.rvs(0.5, 0.2, loc=3, size=5000, random_state=1)
    >>> fit = gkvae.fit_gk(x)
    >>> [round(p, 2) for p in fit.params]
    [3.03, 1.01, 0.51, 0.2]
    >>> fit.conf_int().shape
    (4, 2)
    """
    x, upper = _ends(x, upper)
    data = without_missing((x, upper, as_weights(weights, x.size)), nan_policy)
    result = _fit_one(data, family, method, c, fixed, start, bounds, resolution,
                      levels, confidence, n_jobs, free_c=free_c)
    if not result.converged and method != "octile":
        warnings.warn("the fit has not converged: the estimates are not a verified optimum", ConvergenceWarning,
                      stacklevel=2)
    return result


_BOOTSTRAP = names("bootstrap")


class BootstrapResult:
    """A bootstrap of a fit.

    Attributes
    ----------
    se, bias : named tuple
        Standard deviations of the estimates of A, B, g, k, and their means minus the fitted values.
    cov : ndarray of shape (4, 4)
    estimates : ndarray of shape (replicates, 4)
        The estimates of each replicate; NaN if it could not be fitted.
    pvalue, pvalue_ad : float
        p-values of χ² and of A², which take into account that the parameters are estimated; NaN for the
        nonparametric bootstrap.
    n_failed : int
        The number of replicates that could not be fitted.
    """

    def __init__(self, numbers: np.ndarray, estimates: np.ndarray, family: str, confidence: float) -> None:
        four: Any = _FOUR[PARAMETERS[family][:4]]
        at = _BOOTSTRAP.index
        self.se, self.bias = (four(*map(float, numbers[_places(_BOOTSTRAP, prefix)])) for prefix in ("se.", "bias."))
        self._interval = numbers[np.stack([_places(_BOOTSTRAP, "low."), _places(_BOOTSTRAP, "high.")], axis=1)]
        self.cov = numbers[[_places(_BOOTSTRAP, f"covariance.{parameter}.") for parameter in "ABgk"]]
        self.pvalue, self.pvalue_ad = float(numbers[at("p_chi2")]), float(numbers[at("p_anderson_darling")])
        self.n_used, self.n_failed = int(numbers[at("used")]), int(numbers[at("failed")])
        self.estimates, self.confidence = estimates, confidence

    def conf_int(self, confidence: Optional[float] = None) -> np.ndarray:
        """Percentile intervals of A, B, g, k as rows (low, high)."""
        if confidence is None or confidence == self.confidence:
            return self._interval.copy()
        return np.nanquantile(self.estimates, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0).T

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}: {value:.4g}" for name, value in self.se._asdict().items())
        return f"<BootstrapResult of {self.n_used} replicates: standard errors {numbers}>"


def bootstrap(fit: Union[FitResult, Any], *, replicates: int = 999, parametric: bool = True, random_state: Any = 1,
              confidence: float = 0.95, n_jobs: Optional[int] = None, **settings: Any) -> BootstrapResult:
    """Standard errors, intervals and a test of fit by simulation.

    Parameters
    ----------
    fit : FitResult or array_like
        A fit, or a sample, which is fitted with the further keywords of `fit_gk`.
    replicates : int
        The number of replicates, at least 19.
    parametric : bool
        Whether samples are drawn from the fitted distribution; else from the sample, with replacement.
    random_state : int, Generator, RandomState or None
        The seed, or where it comes from.
    confidence : float
        The confidence of the percentile intervals.
    n_jobs : int, optional
        The number of threads.

    Returns
    -------
    BootstrapResult

    Examples
    --------
    >>> import gkvae
    >>> x = gkvae.gk.rvs(0.5, 0.2, size=500, random_state=1)
    >>> result = gkvae.bootstrap(gkvae.fit_gk(x, method="lm"), replicates=199)
    >>> result.estimates.shape, 0 < result.pvalue <= 1
    ((199, 4), True)
    """
    if not isinstance(fit, FitResult):
        fit = fit_gk(fit, **settings)
    elif settings:
        raise TypeError(f"{next(iter(settings))} is a setting of the fit; give the sample in place of the fit")
    if fit._data is None:
        raise ValueError("the data of this fit are not kept; give the sample")
    (x, upper, weights), call_of = fit._data, fit._call
    replicates = as_index(replicates, "replicates", 0)
    own = fit_settings(*(call_of[key] for key in ("family", "method", "c", "fixed", "start", "bounds", "resolution",
                                               "levels")))
    held = flat_settings("fit", **own, nonparametric=not parametric, seed=seed_of(random_state),
                         confidence=float(confidence), anderson_darling=True)
    estimates, numbers = np.empty((replicates, 4)), np.empty(len(_BOOTSTRAP))
    with Call() as call:
        options = Options(threads_of(n_jobs), call)
        status = libgk.gkv_flat_gk_bootstrap(x.size, address(x), address(upper), address(weights), replicates,
                                             held.place, options.place, address(estimates), address(numbers))
    call.check(status)
    return BootstrapResult(numbers, estimates, fit.family, confidence)
