"""Tables and pictures of fits."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ._evaluate import PARAMETERS, TITLES

_METHOD = {"mle": "maximum likelihood", "lm": "least squares on quantiles", "octile": "octile", "none": "no fit"}
_NO_TEST = {"ties": "no p-value: equal values contradict a continuous distribution; give their resolution",
            "heaps": "no p-value: too many values are multiples of a coarser unit than the resolution",
            "few bins": "no test: too few bins", "none": "no test"}


def fit_summary(fit: Any) -> str:
    """The table of FitResult.summary."""
    constant = f", c = {fit.c:g}" if "c" in PARAMETERS[fit.family] else ""
    percent = f"{100 * fit.confidence:g}%"
    lines = [f"{TITLES[fit.family]} distribution{constant}, by {_METHOD[fit.method]}, {fit.n} values",
             f"{'':>4} {'estimate':>13} {'std error':>12} {percent + ' low':>13} {percent + ' high':>13}"]
    for name, value, se, (low, high), bound in zip(fit.params._fields, fit.params, fit.se, fit._interval, fit.bound):
        at = "  at a bound" if bound else ""
        lines.append(f"{name:>4} {value:13.6g} {se:12.4g} {low:13.6g} {high:13.6g}{at}")
    lines.append(f"log-likelihood {fit.loglik:.3f}, AIC {fit.aic:.3f}, BIC {fit.bic:.3f}")
    if fit.test in ("levels", "bins"):
        lines.append(f"test of fit: chi2 = {fit.chi2:.2f} with {fit.dof} degrees of freedom, p = {fit.pvalue:.3g}")
    else:
        lines.append(_NO_TEST[fit.test])
    if not fit.converged and fit.method != "octile":
        lines.append("the fit has not converged")
    return "\n".join(lines)


def many_summary(fits: Any) -> str:
    """The table of FitResults.summary."""
    last = PARAMETERS[fits.family][3]
    names = list(map(str, fits.names))
    width = max(6, *map(len, names)) if names else 6
    lines = [f"{'':>{width}} {'A':>11} {'B':>11} {'g':>9} {last:>9} {'loglik':>12} {'p':>8}"]
    for name, params, loglik, pvalue in zip(names, fits.params, fits.loglik, fits.pvalue):
        a, b, g, k = params
        lines.append(f"{name:>{width}} {a:11.5g} {b:11.5g} {g:9.4f} {k:9.4f} {loglik:12.3f} {pvalue:8.3g}")
    return "\n".join(lines)


def fit_plot(fit: Any, data: tuple, axes: Optional[Any]) -> Any:
    """The picture of FitResult.plot."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("plot() needs Matplotlib (python3-matplotlib)") from error
    from ._library import libgk
    x, upper, weights = data
    if upper is not None:
        x = np.where(np.isfinite(x) & np.isfinite(upper), (x + upper) / 2, np.nan)
        keep = np.isfinite(x)
        x, weights = x[keep], None if weights is None else weights[keep]
    if axes is None:
        figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    density, qq = axes
    dist = fit.dist
    low, high = dist.ppf([1e-3, 1 - 1e-3])
    density.hist(x, bins=min(80, max(10, int(np.sqrt(x.size)))), range=(low, high), density=True, weights=weights,
                 color="0.8")
    grid = np.linspace(low, high, 400)
    density.plot(grid, dist.pdf(grid), color="C0")
    density.set(xlabel="x", ylabel="density", title=f"{TITLES[fit.family]}")
    order = np.argsort(x, kind="stable")
    w = np.ones(x.size) if weights is None else weights[order]
    total = w.sum()
    rank = np.cumsum(w) - w / 2 + 0.5
    shown = np.unique(np.concatenate([np.arange(min(x.size, 100)), np.arange(max(0, x.size - 100), x.size),
                                      np.linspace(0, x.size - 1, 400).astype(int)]))
    level = (rank[shown] - 0.5) / total
    theory = dist.ppf(level)
    band = np.array([[libgk.gkv_gk_order_level(total, r, p) for r in rank[shown]] for p in (0.025, 0.975)])
    qq.fill_between(theory, dist.ppf(band[0]), dist.ppf(band[1]), color="C0", alpha=0.2, linewidth=0)
    qq.plot(theory, theory, color="C0", linewidth=1)
    qq.plot(theory, x[order][shown], ".", color="black", markersize=3)
    qq.set(xlabel="quantile of the fit", ylabel="value", title="QQ plot, pointwise 95% band")
    return density.figure
