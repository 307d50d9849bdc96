"""The g-and-k, g-and-h and generalised g-and-h distributions as continuous distributions of SciPy."""
from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy import stats

from . import _evaluate as ev

C = 0.8  # the c of literature

_DOC = """The {title} distribution: a continuous distribution of SciPy.

With z standard normal, a value is

    {quantile}

``loc`` is the median A and ``scale`` is B > 0. g is the skewness, and {k} the weight of the tails. {more}
{order}Invalid parameters give NaN, as everywhere in SciPy. Scalars and arrays of up to 128 elements are computed in
long double; more elements by vector functions with a relative error of 1e-13.

Examples
--------
>>> import gkvae
>>> gkvae.{name}.ppf([0.05, 0.5, 0.95], 0.5, 0.2, loc=3).round(4)
{ppf}
>>> dist = gkvae.{name}(0.5, 0.2, loc=3, scale=2)
>>> float(dist.sf(10).round(6)), float(dist.mean().round(6))
{frozen}
"""

_ORDER = """The order of the arguments is ``{name}(g, {k}, c, loc, scale)``, so give loc and scale by name.
"""


class _Family(stats.rv_continuous):
    """What the three families share. A shape c that is not given is 0.8."""

    family: int

    def _with_c(self, args: tuple, kwds: dict) -> dict:
        if len(args) < self.numargs and "c" not in kwds and self.shapes.endswith("c"):
            return {**kwds, "c": C}
        return kwds

    def _own(self, shapes: tuple) -> tuple:
        """g, k and c of the shapes."""
        return shapes if len(shapes) == 3 else (*shapes, C)

    # --- Private methods of SciPy, of the standard distribution ---

    def _at(self, function: int, x: Any, shapes: tuple) -> Any:
        return ev.value(self.family, function, x, 0.0, 1.0, *self._own(shapes))

    def _argcheck(self, *shapes: Any) -> Any:
        return np.asarray(self._at(ev.VALID, 0.0, shapes)) == 1

    def _get_support(self, *shapes: Any) -> Any:
        return self._at(ev.QUANTILE, 0.0, shapes), self._at(ev.QUANTILE, 1.0, shapes)

    def _pdf(self, x: Any, *shapes: Any) -> Any:
        return self._at(ev.PDF, x, shapes)

    def _logpdf(self, x: Any, *shapes: Any) -> Any:
        return self._at(ev.LOG_PDF, x, shapes)

    def _cdf(self, x: Any, *shapes: Any) -> Any:
        return self._at(ev.CDF, x, shapes)

    def _logcdf(self, x: Any, *shapes: Any) -> Any:
        return self._at(ev.LOG_CDF, x, shapes)

    def _sf(self, x: Any, *shapes: Any) -> Any:
        return self._at(ev.UPPER, x, shapes)

    def _logsf(self, x: Any, *shapes: Any) -> Any:
        return self._at(ev.LOG_UPPER, x, shapes)

    def _ppf(self, q: Any, *shapes: Any) -> Any:
        return self._at(ev.QUANTILE, q, shapes)

    def _isf(self, q: Any, *shapes: Any) -> Any:
        return self._at(ev.QUANTILE_UPPER, q, shapes)

    def _rvs(self, *shapes: Any, size: Any = None, random_state: Any = None) -> Any:
        return self._at(ev.Q, random_state.standard_normal(size), shapes)

    def _stats(self, *shapes: Any, moments: str = "mvsk") -> Any:
        if moments == "m":
            return self._munp(1, *shapes), None, None, None
        mean, variance, skewness, kurtosis = np.moveaxis(ev.moments(self.family, *self._own(shapes)), -1, 0)
        return mean, variance, skewness, kurtosis - 3

    def _munp(self, n: int, *shapes: Any) -> Any:
        return self._at(ev.RAW_MOMENT, n, shapes)

    def _entropy(self, *shapes: Any) -> Any:
        return self._at(ev.ENTROPY, 0.0, shapes)

    # --- Public methods in which c may be left out ---

    def freeze(self, *args: Any, **kwds: Any) -> Any:
        """The distribution with these parameters; gk(g, k) is the same."""
        if self.shapes.endswith("c") and len(args) > self.numargs - 1 and np.any(np.asarray(args[2]) > 1):
            warnings.warn(f"c = {args[2]} is not a c below 1: the arguments are {self.shapes}, loc, scale, so give loc "
                          "and scale by name", stacklevel=2)
        return super().freeze(*args, **self._with_c(args, kwds))

    __call__ = freeze

    def rvs(self, *args: Any, **kwds: Any) -> Any:
        """Random draws: Q of the normals of `random_state`."""
        return super().rvs(*args, **self._with_c(args, kwds))

    def stats(self, *args: Any, **kwds: Any) -> Any:
        """Mean, variance, skewness and excess kurtosis, as `moments` names them."""
        return super().stats(*args, **self._with_c(args, kwds))

    def entropy(self, *args: Any, **kwds: Any) -> Any:
        """The differential entropy in nats."""
        return super().entropy(*args, **self._with_c(args, kwds))

    def moment(self, order: Any = None, *args: Any, **kwds: Any) -> Any:
        """The raw moment of this order, 0 … 100."""
        return super().moment(order, *args, **self._with_c(args, kwds))

    def support(self, *args: Any, **kwds: Any) -> Any:
        """The ends of the support; finite only at the least k or h."""
        return super().support(*args, **self._with_c(args, kwds))

    def expect(self, func: Any = None, args: tuple = (), *rest: Any, **kwds: Any) -> Any:
        """The expectation of func(x) by quadrature."""
        if len(args) == self.numargs - 1 and self.shapes.endswith("c"):
            args = (*args, C)
        return super().expect(func, args, *rest, **kwds)

    def fit(self, data: Any, *args: Any, **kwds: Any) -> tuple:
        """Estimates of the shapes, loc and scale by maximum likelihood.

        c is not fitted: it is 0.8 or, with ``fc`` or a start for c, another value. ``fg``, ``fk``, ``floc`` and
        ``fscale`` fix the others, and positional arguments, ``loc`` and ``scale`` are a start. ``method="MM"`` and
        ``optimizer`` select SciPy's own fits. `gkvae.fit_gk` also gives standard errors and tests.

        Returns
        -------
        tuple of float
            The shapes, loc and scale.
        """
        from ._scipy_fit import fit_of_scipy
        if str(kwds.get("method", "MLE")).lower() != "mle" or "optimizer" in kwds:
            return super().fit(data, *args, **kwds)
        return fit_of_scipy(self, data, args, kwds)

    def _fitstart(self, data: Any, args: Any = None) -> tuple:
        from ._scipy_fit import start_of_scipy
        return start_of_scipy(self, data)


class gk_gen(_Family):
    family = ev.GK
    # The public methods call C at once: SciPy's own take 50 µs and several copies of the arguments.

    def _shape_info(self) -> list:
        return _shapes(("g", -np.inf, np.inf), ("k", -0.5, np.inf), ("c", 0, 1))


class ggh_gen(_Family):
    family = ev.GGH

    def _shape_info(self) -> list:
        return _shapes(("g", -np.inf, np.inf), ("h", 0, np.inf), ("c", 0, 1))


class gh_gen(_Family):
    family = ev.GH

    def _shape_info(self) -> list:
        return _shapes(("g", -np.inf, np.inf), ("h", 0, np.inf))


def _shapes(*shapes: tuple) -> list:
    from scipy.stats._distn_infrastructure import _ShapeInfo
    return [_ShapeInfo(name, False, (low, high), (name == "h", False)) for name, low, high in shapes]


_METHODS = {
    "pdf": (ev.PDF, "x", "The density."),
    "logpdf": (ev.LOG_PDF, "x", "The logarithm of the density."),
    "cdf": (ev.CDF, "x", "The distribution function P(X ≤ x)."),
    "logcdf": (ev.LOG_CDF, "x", "The logarithm of the distribution function, accurate far beyond underflow."),
    "sf": (ev.UPPER, "x", "The upper tail P(X > x), with full relative accuracy."),
    "logsf": (ev.LOG_UPPER, "x", "The logarithm of the upper tail, accurate far beyond underflow."),
    "ppf": (ev.QUANTILE, "q", "The quantile of P(X ≤ x) = q."),
    "isf": (ev.QUANTILE_UPPER, "q", "The quantile of P(X > x) = q."),
}
_METHOD = """def {name}(self, {x}, {shapes}, loc=0, scale=1):
    return value({family}, {function}, {x}, loc, scale, {values})
"""


def _add_methods(cls: Any, shapes: str, values: str) -> None:
    """Adds the public functions of x with a signature of their own, which is the fastest call in Python."""
    for name, (function, x, doc) in _METHODS.items():
        space = {"value": ev.value}
        exec(_METHOD.format(name=name, x=x, shapes=shapes, values=values, family=cls.family, function=function), space)
        method = space[name]
        method.__doc__ = doc
        method.__qualname__ = f"{cls.__name__}.{name}"
        method.__module__ = __name__
        setattr(cls, name, method)


_add_methods(gk_gen, f"g, k, c={C}", "g, k, c")
_add_methods(ggh_gen, f"g, h, c={C}", "g, h, c")
_add_methods(gh_gen, "g, h", f"g, h, {C}")

gk = gk_gen(name="gk", shapes="g, k, c")
gh = gh_gen(name="gh", shapes="g, h")
ggh = ggh_gen(name="ggh", shapes="g, h, c")
gk.__doc__ = _DOC.format(
    title="g-and-k", name="gk", k="k", quantile="loc + scale (1 + c tanh(g z/2)) z (1 + z²)^k",
    more="c limits the effect of g; it is 0.8 unless given. Every moment exists.",
    order=_ORDER.format(name="gk", k="k"),
    ppf="array([1.5286, 3.    , 5.8035])", frozen="(0.028526, 3.48302)")
gh.__doc__ = _DOC.format(
    title="g-and-h", name="gh", k="h", quantile="loc + scale (e^(g z) − 1)/g e^(h z²/2)",
    more="h ≥ 0. The moment of order r exists for h < 1/r.", order="",
    ppf="array([1.5304, 3.    , 6.3449])", frozen="(0.046279, 3.756321)")
ggh.__doc__ = _DOC.format(
    title="generalised g-and-h", name="ggh", k="h", quantile="loc + scale (1 + c tanh(g z/2)) z e^(h z²/2)",
    more="c limits the effect of g; it is 0.8 unless given. h ≥ 0 in general. The moment of order r exists for "
         "h < 1/r.",
    order=_ORDER.format(name="ggh", k="h"), ppf="array([1.5159, 3.    , 5.8277])", frozen="(0.032268, 3.52098)")

__test__ = {name: globals()[name].__doc__ for name in ("gk", "gh", "ggh")}
