"""Multivariate g-and-k distributions, their mixtures, and their fits as estimators of scikit-learn."""
from __future__ import annotations

import warnings
from typing import Any, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
from sklearn.utils.validation import check_is_fitted

from . import _evaluate as ev
from ._arrays import address, as_doubles, as_index, as_real, seed_of
from ._calls import Call, Options, threads_of
from ._estimator import Estimator, listed
from ._library import INTERRUPTED, check, libgk, names, settings
from .errors import ConvergenceWarning
from ._evaluate import METHODS
from ._fit_settings import NUMBERS, choice
from ._moments import moments
from .fitting import FitResult

_NUMBERS = names("mixture")
_STOPS = ("", "converged", "limit", "held out", "stalled", "interrupted")


def _rows(x: Any, d: int) -> np.ndarray:
    x = as_doubles(x, "X")
    if x.ndim == 1 and d == 1:
        x = x[:, None]
    elif x.ndim == 1:
        x = x[None, :]
    if x.ndim != 2 or x.shape[1] != d:
        raise ValueError(f"X has shape {x.shape}; the distribution has {d} dimensions")
    return x


class GKDistribution:
    """A mixture of multivariate g-and-k distributions: Gaussian copulas with g-and-k margins.

    The margins of component k are x_j = Q(z_j; A, B, g, k) with normal scores z ~ N(mean, LLᵀ). Fitted estimators
    have one as ``distribution_``; marginal and conditional distributions are others.

    Parameters
    ----------
    margins : array_like of shape (n_components, d, 4) or (d, 4)
        A, B, g, k of every margin.
    correlation : array_like of shape (n_components, d, d) or (d, d), optional
        The correlation matrices of the normal scores; the identity by default.
    weights : array_like of shape (n_components,), optional
        The weights of the components; equal by default.
    c : float
        The constant c of all margins.

    Examples
    --------
    >>> import numpy as np, gkvae
    >>> dist = gkvae.GKDistribution([[0, 1, 0.5, 0.1], [2, 1, 0, 0.2]], [[1, 0.7], [0.7, 1]])
    >>> x = dist.rvs(1000, random_state=1)
    >>> x.shape, dist.logpdf(x).shape
    ((1000, 2), (1000,))
    >>> given = dist.conditional({0: 2.5})          # of the second coordinate
    >>> given.ppf([0.05, 0.5, 0.95]).round(2)
    array([1.99, 3.38, 5.4 ])
    """

    def __init__(self, margins: Any, correlation: Any = None, weights: Any = None, c: float = 0.8, *,
                 means: Any = None, cholesky: Any = None) -> None:
        self.margins = np.array(as_doubles(margins, "margins"))
        if self.margins.ndim == 2:
            self.margins = self.margins[None]
        if self.margins.ndim != 3 or self.margins.shape[2] != 4:
            raise ValueError(f"margins has shape {self.margins.shape}; give (n_components, d, 4): A, B, g, k")
        self.n_components, self.d = self.margins.shape[:2]
        if self.n_components == 0 or self.d == 0:
            raise ValueError(f"margins has shape {self.margins.shape}; give at least one component and one dimension")
        square = (self.n_components, self.d, self.d)
        self.weights = (np.full(self.n_components, 1 / self.n_components) if weights is None else
                        np.array(as_doubles(weights, "weights", 1)))
        self.means = np.zeros(square[:2]) if means is None else np.array(as_doubles(means, "means"))
        if cholesky is not None:
            self.cholesky = np.array(as_doubles(cholesky, "cholesky")).reshape(square)
        elif correlation is None:
            self.cholesky = np.broadcast_to(np.eye(self.d), square).copy()
        else:
            r = as_doubles(correlation, "correlation")
            if r.size != np.prod(square):
                raise ValueError(f"correlation has shape {r.shape}; give {square}")
            r = r.reshape(square)
            if not np.allclose(np.einsum("kii->ki", r), 1, atol=1e-8) or not np.allclose(r, r.transpose(0, 2, 1)):
                raise ValueError("correlation: a correlation matrix is symmetric with ones on its diagonal")
            try:
                self.cholesky = np.linalg.cholesky(r)
            except np.linalg.LinAlgError:
                raise ValueError("correlation: a matrix is not positive definite") from None
        if self.weights.shape != (self.n_components,) or self.means.shape != square[:2]:
            raise ValueError("weights or means have another shape than the margins")
        self.c = float(c)
        self.logpdf(np.zeros((0, self.d)))  # C checks the parameters

    @property
    def _arguments(self) -> tuple:
        return (self.n_components, address(self.weights), address(self.margins), self.c, address(self.means),
                address(self.cholesky))

    @property
    def covariances(self) -> np.ndarray:
        """The covariance matrices of the normal scores: correlations, except of a conditional distribution."""
        return self.cholesky @ self.cholesky.transpose(0, 2, 1)

    def component_moments(self) -> Tuple[np.ndarray, np.ndarray]:
        """The mean (n_components, d) and the covariance matrix (n_components, d, d) of each component."""
        return moments(self.margins, self.c, self.means, self.covariances)

    def mean(self) -> np.ndarray:
        """The mean of each coordinate."""
        return self.weights @ self.component_moments()[0]

    def cov(self) -> np.ndarray:
        """The covariance matrix: not of the normal scores, but of the values themselves."""
        means, covariances = self.component_moments()
        apart = means - self.weights @ means
        return np.einsum("k,kij->ij", self.weights, covariances) + (self.weights * apart.T) @ apart

    def logpdf(self, x: Any, n_jobs: Optional[int] = None) -> np.ndarray:
        """The log density at the rows of x."""
        x = _rows(x, self.d)
        out = np.empty(len(x))
        check(libgk.gkv_flat_mixture_evaluate(len(x), self.d, address(x), *self._arguments, threads_of(n_jobs),
                                              address(out), None))
        return out

    def pdf(self, x: Any) -> np.ndarray:
        """The density at the rows of x."""
        return np.exp(self.logpdf(x))

    def responsibilities(self, x: Any, n_jobs: Optional[int] = None) -> np.ndarray:
        """The probability of each component given each row of x."""
        x = _rows(x, self.d)
        out = np.empty((len(x), self.n_components))
        check(libgk.gkv_flat_mixture_evaluate(len(x), self.d, address(x), *self._arguments, threads_of(n_jobs), None,
                                              address(out)))
        return out

    def rvs(self, size: int = 1, random_state: Any = None, *, components: bool = False) -> Any:
        """Draws of shape (size, d); with ``components=True`` also the component of each."""
        size = as_index(size, "size", 0)
        x, component = np.empty((size, self.d)), np.empty(size, np.uintp)
        check(libgk.gkv_flat_mixture_draw(size, self.d, *self._arguments, seed_of(random_state), 0, 0, address(x),
                                          address(component)))
        return (x, component.astype(int)) if components else x

    def _part(self, which: Sequence[int], given: Optional[np.ndarray], d: int) -> "GKDistribution":
        places = np.array([as_index(i, "column", 0, self.d - 1) for i in which], dtype=np.uintp)
        if not 0 < len(places) <= self.d or d == 0:
            raise ValueError(f"columns {list(which)}: give some of the {self.d} dimensions"
                             + (", and not all of them" if given is not None else ""))
        k, count = self.n_components, np.zeros(1, np.uintp)
        weights, margins = np.empty(k), np.empty((k, d, 4))
        means, cholesky = np.empty((k, d)), np.empty((k, d, d))
        check(libgk.gkv_flat_mixture_part(
            self.d, *self._arguments, places.size, address(places), address(given), address(count), address(weights),
            address(margins), address(means), address(cholesky)))
        left = int(count[0])
        flat = margins.reshape(-1), means.reshape(-1), cholesky.reshape(-1)  # the first `left` components
        return GKDistribution(flat[0][: left * d * 4].reshape(left, d, 4), weights=weights[:left], c=self.c,
                              means=flat[1][: left * d].reshape(left, d), cholesky=flat[2][: left * d * d])

    def marginal(self, columns: Union[int, Sequence[int]]) -> "GKDistribution":
        """The joint distribution of these coordinates, in this order."""
        kept = listed(columns)
        return self._part(kept, None, len(kept))

    def conditional(self, given: Mapping[int, float]) -> "GKDistribution":
        """The distribution of the other coordinates, in ascending order, given the values of some."""
        return self._part(list(given), np.array(list(given.values()), float), self.d - len(given))

    def _margin(self, function: int, x: Any, column: int) -> Any:
        x, column = as_real(x), as_index(column, "column", 0, self.d - 1)
        values = np.require(x, float, ["C", "A"])
        out = np.empty(values.shape)
        check(libgk.gkv_flat_mixture_margin(self.d, *self._arguments, column, function, values.size, address(values),
                                            address(out)))
        return out if out.shape else np.float64(out)

    def cdf(self, x: Any, column: int = 0) -> Any:
        """P(X_column ≤ x)."""
        return self._margin(ev.CDF, x, column)

    def sf(self, x: Any, column: int = 0) -> Any:
        """P(X_column > x), with full relative accuracy."""
        return self._margin(ev.UPPER, x, column)

    def ppf(self, q: Any, column: int = 0) -> Any:
        """The quantile of P(X_column ≤ x) = q."""
        return self._margin(ev.QUANTILE, q, column)

    def isf(self, q: Any, column: int = 0) -> Any:
        """The quantile of P(X_column > x) = q."""
        return self._margin(ev.QUANTILE_UPPER, q, column)

    def scores(self, x: Any, whiten: bool = False) -> np.ndarray:
        """The normal scores of the rows of x; whitened ones are independent standard normals (Rosenblatt 1952)."""
        x = _rows(x, self.d)
        out = np.empty(x.shape)
        check(libgk.gkv_flat_mixture_scores(len(x), self.d, address(x), *self._arguments, whiten, 0, address(out)))
        return out

    def impute(self, x: Any, random_state: Any = None) -> np.ndarray:
        """A copy of x in which every NaN is a draw given the other values of its row; of one component."""
        if self.n_components != 1:
            raise ValueError("impute() is for one component")
        x = _rows(x, self.d).copy()
        check(libgk.gkv_flat_mgk_impute(len(x), self.d, address(self.margins), self.c, address(self.means),
                                        address(self.cholesky), seed_of(random_state), 0, 0, address(x)))
        return x

    def __repr__(self) -> str:
        return f"<GKDistribution of {self.d} dimensions, {self.n_components} components>"


# --- Estimators ----------------------------------------------------------------------------------------------


class MultivariateGK(Estimator):
    """A multivariate g-and-k distribution fitted to rows: g-and-k margins joined by a Gaussian copula.

    Parameters
    ----------
    method : {"lm", "mle"}
        The method of the margins: least squares on quantiles, or maximum likelihood.
    c : float
        The constant c.
    shrink : float or "auto"
        The share of the identity in the correlation matrix.
    normal : bool
        Whether to fit a multivariate normal distribution instead.
    independent : bool
        Whether the columns are independent.
    normal_fallback : bool
        Whether a column to which no g-and-k distribution can be fitted, as with heavy ties, has a normal margin;
        otherwise it raises ValueError.
    random_state : int, RandomState or None
        The seed of `sample` and `impute`.
    n_jobs : int, optional
        The number of threads; None is one below 20,000 numbers, else one for each processor.

    Attributes
    ----------
    margins_, margins_se_ : ndarray of shape (n_features, 4)
        A, B, g, k of each column and their standard errors.
    correlation_, correlation_se_ : ndarray of shape (n_features, n_features)
        The correlation of the normal scores.
    location_ : ndarray of shape (n_features,)
    covariance_ : ndarray of shape (n_features, n_features)
        The mean and the covariance matrix of the values, as those of scikit-learn's EmpiricalCovariance.
    margin_fits_ : list of FitResult
        The fits of the columns.
    loglik_, aic_, bic_ : float
        Of the sample of the fit.
    distribution_ : GKDistribution
        The fitted distribution.

    Examples
    --------
    >>> import numpy as np, gkvae
    >>> true = gkvae.GKDistribution([[0, 1, 0.5, 0.1], [2, 1, 0, 0.2]], [[1, 0.7], [0.7, 1]])
    >>> model = gkvae.MultivariateGK().fit(true.rvs(2000, random_state=1))
    >>> bool(abs(model.correlation_[0, 1] - 0.7) < 0.03)
    True
    >>> model.conditional({0: 1.0}).ppf(0.5).shape
    ()
    """

    def __init__(self, *, method: str = "lm", c: float = 0.8, shrink: Union[float, str] = 0.0, normal: bool = False,
                 independent: bool = False, normal_fallback: bool = True, random_state: Any = None,
                 n_jobs: Optional[int] = None) -> None:
        self.method = method
        self.c = c
        self.shrink = shrink
        self.normal = normal
        self.independent = independent
        self.normal_fallback = normal_fallback
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "MultivariateGK":
        """Fits the rows of X; `sample_weight` is the number of observations of each row."""
        X = self._input(X, True)
        weights = self._weights(sample_weight, X)
        n, d = X.shape
        margins, row = np.empty((d, len(NUMBERS))), np.empty(len(_NUMBERS))
        correlation, errors, cholesky = np.empty((d, d)), np.empty((d, d)), np.empty((d, d))
        choice(self.method, METHODS, "method")
        held = settings("mgk", method=self.method, c=float(self.c), shrink=self._auto(self.shrink, "shrink"),
                        normal=bool(self.normal), independent=bool(self.independent),
                        normal_fallback=bool(self.normal_fallback))
        with Call() as call:
            options = Options(threads_of(self.n_jobs, X.size < 20_000), call)
            status = libgk.gkv_flat_mgk_fit(
                n, d, address(X), address(weights), held.place, options.place, address(margins), address(correlation),
                address(errors), address(cholesky), address(row))
        call.check(status)
        numbers = dict(zip(_NUMBERS, row))
        self.margin_fits_ = [FitResult(margin, "gk", float(self.c), 0.95) for margin in margins]
        self.margins_ = np.array([fit.params for fit in self.margin_fits_])
        self.margins_se_ = np.array([fit.se for fit in self.margin_fits_])
        self.correlation_, self.correlation_se_ = correlation, errors
        self._named(numbers)
        self.distribution_ = GKDistribution(self.margins_, c=self.c, cholesky=cholesky)
        if numbers["fallbacks"] > 0:
            normal = np.flatnonzero(np.all(self.margins_[:, 2:] == 0, axis=1)).tolist()
            warnings.warn(f"no g-and-k distribution fits {'column' if len(normal) == 1 else 'columns'} "
                          f"{', '.join(map(str, normal))}, because of ties or too few rows; the margin is normal",
                          stacklevel=2)
        return self

    @property
    def location_(self) -> np.ndarray:
        return self._distribution().mean()

    @property
    def covariance_(self) -> np.ndarray:
        return self._distribution().cov()

    def sample(self, n_samples: int = 1) -> np.ndarray:
        """Draws of shape (n_samples, n_features)."""
        check_is_fitted(self)
        return self.distribution_.rvs(n_samples, self._seed())

    def scores(self, X: Any) -> np.ndarray:
        """The normal scores of the rows of X."""
        check_is_fitted(self)
        return self.distribution_.scores(self._input(X, False))

    def impute(self, X: Any) -> Any:
        """A copy of X in which every NaN is a draw given the other values of its row; a DataFrame if X is one."""
        check_is_fitted(self)
        filled = self.distribution_.impute(self._input(X, False, finite="allow-nan"), self._seed())
        if not (hasattr(X, "columns") and hasattr(X, "index")):
            return filled
        from pandas import DataFrame
        return DataFrame(filled, X.index, X.columns)


class GKMixture(Estimator):
    """A mixture of multivariate g-and-k distributions, fitted by expectation–maximization.

    Parameters
    ----------
    n_components : int or pair of int
        The number of components, or the least and the greatest, of which the fit with the least BIC is taken.
    c : float
        The constant c.
    normal : bool
        Whether to fit a mixture of normals instead.
    independent : bool
        Whether the columns are independent within a component.
    shrink : float or "auto"
        The share of the identity in the correlation matrices.
    n_init : int
        The number of starts.
    max_iter : int
        The limit of iterations.
    tol : float or "auto"
        The gain of the total log-likelihood, in nats, below which two iterations end the fit.
    random_state : int, RandomState or None
        The seed of the starts and of `sample`.
    n_jobs : int, optional
        The number of threads; None is one below 20,000 numbers, else one for each processor.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        The weights of the components, in decreasing order. There may be fewer than were asked for.
    margins_ : ndarray of shape (n_components, n_features, 4)
        A, B, g, k of each column of each component.
    correlations_ : ndarray of shape (n_components, n_features, n_features)
        The correlations of the normal scores.
    means_ : ndarray of shape (n_components, n_features)
    covariances_ : ndarray of shape (n_components, n_features, n_features)
        The means and the covariance matrices of the values of each component, as those of GaussianMixture.
    converged_, n_iter_, loglik_, aic_, bic_
        Of the fit.
    lower_bound_ : float
        The mean log-likelihood of the rows.
    distribution_ : GKDistribution
        The fitted distribution.

    Examples
    --------
    >>> import numpy as np, gkvae
    >>> x = np.concatenate([gkvae.gk.rvs(0.5, 0.1, size=(300, 2), random_state=1),
    ...                     gkvae.gk.rvs(-0.5, 0.1, loc=8, size=(200, 2), random_state=2)])
    >>> model = gkvae.GKMixture(2, random_state=0).fit(x)
    >>> model.weights_.round(2), model.predict_proba(x).shape
    (array([0.6, 0.4]), (500, 2))
    >>> draws, labels = model.sample(10)
    """

    def __init__(self, n_components: Union[int, Tuple[int, int]] = 1, *, c: float = 0.8, normal: bool = False,
                 independent: bool = False, shrink: Union[float, str] = "auto", n_init: int = 8, max_iter: int = 200,
                 tol: Union[float, str] = "auto", random_state: Any = None, n_jobs: Optional[int] = None) -> None:
        self.n_components = n_components
        self.c = c
        self.normal = normal
        self.independent = independent
        self.shrink = shrink
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "GKMixture":
        """Fits the rows of X; `sample_weight` is the number of observations of each row.

        After Ctrl-C the estimator has the best mixture so far, and KeyboardInterrupt is raised.
        """
        X = self._input(X, True)
        weights = self._weights(sample_weight, X)
        n, d = X.shape
        given: Any = self.n_components if np.ndim(self.n_components) else (self.n_components, self.n_components)
        counts = [as_index(count, "n_components") for count in given]
        if len(counts) != 2 or not 1 <= counts[0] <= counts[1]:
            raise ValueError(f"n_components = {self.n_components!r}: give a number ≥ 1, or the least and the greatest")
        least, most = counts
        pi, margins, row = np.full(most, np.nan), np.empty((most, d, 4)), np.empty(len(_NUMBERS))
        means, cholesky = np.empty((most, d)), np.empty((most, d, d))
        held = settings("mixture", c=float(self.c), normal=bool(self.normal), independent=bool(self.independent),
                        shrink=self._auto(self.shrink, "shrink"), restarts=as_index(self.n_init, "n_init", 0),
                        seed=self._seed(), max_iterations=as_index(self.max_iter, "max_iter", 0),
                        tolerance=self._auto(self.tol, "tol"))
        with Call() as call:
            options = Options(threads_of(self.n_jobs, X.size < 20_000), call)
            status = libgk.gkv_flat_mixture_fit(
                n, d, address(X), address(weights), least, most, held.place, options.place, address(pi),
                address(margins), address(means), address(cholesky), address(row))
            if status == 0 or (status == INTERRUPTED and not np.isnan(pi[0])):
                numbers = dict(zip(_NUMBERS, row))
                k = int(numbers["components"])
                self._named(numbers)
                self.n_iter_, self.stop_ = int(numbers["iterations"]), _STOPS[int(numbers["stop"])]
                self.unexplained_ = float(numbers["unexplained"])
                total = n if weights is None else weights.sum()
                self.lower_bound_ = self.loglik_ / total
                self.distribution_ = GKDistribution(margins[:k], weights=pi[:k], c=self.c, means=means[:k],
                                                    cholesky=cholesky[:k])
                self.weights_, self.margins_ = self.distribution_.weights, self.distribution_.margins
                self.correlations_ = self.distribution_.covariances
        call.check(status)
        if not self.converged_:
            warnings.warn(f"the fit ended after {self.n_iter_} iterations without convergence: raise max_iter or tol",
                          ConvergenceWarning, stacklevel=2)
        return self

    @property
    def means_(self) -> np.ndarray:
        return self._distribution().component_moments()[0]

    @property
    def covariances_(self) -> np.ndarray:
        return self._distribution().component_moments()[1]

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each component given each row of X."""
        check_is_fitted(self)
        return self.distribution_.responsibilities(self._input(X, False), self.n_jobs)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable component of each row of X."""
        return self.predict_proba(X).argmax(axis=1)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> np.ndarray:
        """Fits X, and returns the most probable component of each row."""
        return self.fit(X, y, sample_weight).predict(X)

    def sample(self, n_samples: int = 1) -> Tuple[np.ndarray, np.ndarray]:
        """Draws of shape (n_samples, n_features), and the component of each."""
        check_is_fitted(self)
        return self.distribution_.rvs(n_samples, self._seed(), components=True)

    def scores(self, X: Any, whiten: bool = False) -> np.ndarray:
        """The normal scores of the rows of X; whitened ones are independent standard normals."""
        check_is_fitted(self)
        return self.distribution_.scores(self._input(X, False), whiten)
