"""Fits of many samples in one call."""
from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Sequence

import numpy as np

from ._arrays import as_doubles, as_real, as_sample, as_weights
from ._evaluate import PARAMETERS
from ._fit_settings import choice, fit_settings, run_fits
from ._library import ARGUMENT, INTERRUPTED, MEMORY, message
from ._summary import many_summary
from .fitting import _ESTIMATES, _PLACE, _SE, FitResult, without_missing


class FitResults(Sequence):
    """The fits of several samples: a sequence of `FitResult`, with arrays of all.

    Attributes
    ----------
    params, se : ndarray of shape (n_samples, 4)
        Estimates of A, B, g, k and standard errors; NaN for a sample that could not be fitted.
    loglik, pvalue, converged : ndarray of shape (n_samples,)
        Of each sample.
    failed : ndarray of bool
        Whether a sample could not be fitted.
    names : list
        The names of the columns of a DataFrame, or the keys of a mapping; else the numbers of the samples. The fit of
        a name is ``fits["name"]``.
    """

    def __init__(self, rows: np.ndarray, statuses: np.ndarray, family: str, c: float, confidence: float,
                 reason: str, names: Optional[List[Any]] = None) -> None:
        self.names = list(range(len(rows))) if names is None else names
        self._rows, self.family, self.c, self.confidence = rows, family, c, confidence
        self.failed = statuses != 0
        self.reason = reason
        self.params, self.se = rows[:, _ESTIMATES], rows[:, _SE]
        for name in ("loglik", "aic", "bic", "pvalue", "anderson_darling"):
            setattr(self, name, rows[:, _PLACE[name]])
        self.converged = rows[:, _PLACE["converged"]] == 1

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if isinstance(index, str):
            if index not in self.names:
                raise KeyError(f"there is no sample {index!r}; the samples are {', '.join(map(str, self.names))}")
            index = self.names.index(index)
        return FitResult(self._rows[index], self.family, self.c, self.confidence)

    def __iter__(self) -> Iterator[FitResult]:
        return (self[i] for i in range(len(self)))

    def summary(self) -> str:
        """A table with a line for each sample."""
        return many_summary(self)

    def to_frame(self) -> Any:
        """A DataFrame of pandas with a row for each sample: estimates, standard errors, loglik and others."""
        import pandas
        four = list(PARAMETERS[self.family][:4])
        frame = pandas.DataFrame(np.hstack([self.params, self.se]), index=self.names,
                                 columns=[*four, *(f"se_{name}" for name in four)])
        for name in ("loglik", "aic", "bic", "pvalue", "converged"):
            frame[name] = getattr(self, name)
        return frame

    def __repr__(self) -> str:
        return f"<FitResults of {len(self)} samples, {int(self.failed.sum())} failed>"


def fit_many(samples: Any, *, weights: Any = None, method: str = "lm", family: str = "gk", c: float = 0.8,
             fixed: Any = None, start: Any = None, bounds: Any = None, resolution: Any = None,
             levels: Optional[int] = None, confidence: float = 0.95, errors: str = "raise",
             anderson_darling: bool = False, n_jobs: Optional[int] = None, nan_policy: str = "raise") -> FitResults:
    """Fits many samples in one call, side by side in the vectors of the processor.

    Parameters
    ----------
    samples : array_like or DataFrame of shape (n, n_samples), or sequence or mapping of arrays
        The columns of a matrix, or samples of any lengths. Names are kept.
    weights : array_like of shape (n,), optional
        Weights of the rows of a matrix.
    errors : {"raise", "nan"}
        Whether a sample that cannot be fitted raises ValueError, or has NaN.
    anderson_darling : bool
        Whether to compute the distances A², which take a third of the time.
    nan_policy : {"raise", "omit"}
        Whether a missing value (NaN or masked) raises ValueError or is left out of its sample.
    method, family, c, fixed, start, bounds, resolution, levels, confidence, n_jobs
        As in `fit_gk`. The default method is "lm".

    Returns
    -------
    FitResults

    Examples
    --------
    >>> import gkvae
    >>> x = gkvae.gk.rvs(0.5, 0.2, size=(400, 3), random_state=1)
    >>> fits = gkvae.fit_many(x)
    >>> fits.params.shape, bool(fits.converged.all())
    ((3, 4), True)
    """
    errors_raise = choice(errors, {"raise": 1, "nan": 0}, "errors") == 1
    fails = not errors_raise and nan_policy == "raise"  # a sample with a missing value is one that cannot be fitted
    names: Optional[List[Any]] = None
    if isinstance(samples, Mapping):
        names, samples = list(samples), list(samples.values())
    elif hasattr(samples, "columns"):
        names = list(samples.columns)
    parts: List[tuple] = []
    if isinstance(samples, (list, tuple)) and len(samples) and all(np.ndim(s) == 1 for s in samples) and (
            weights is None):
        parts = [(as_sample(sample, "a sample"), None) for sample in samples]
    else:
        matrix = as_real(samples, "samples").T
        if matrix.ndim != 2:
            raise ValueError(f"samples has {matrix.ndim} dimensions; give a matrix, or a sequence of samples")
        weights = as_weights(weights, matrix.shape[1])
        if _has_missing(matrix) and not fails:
            parts = [(as_doubles(row), weights) for row in matrix]
    if not fails:
        parts = [_whole(part, f"{i + 1} of {len(parts)}" if names is None else repr(names[i]), nan_policy)
                 for i, part in enumerate(parts)]
    settings = fit_settings(family, method, c, fixed, start, bounds, resolution, levels)
    settings.update(confidence=float(confidence), anderson_darling=bool(anderson_darling))
    if parts:
        of_values = np.concatenate([own for _, own in parts]) if weights is not None else None
        results = [_run_many(np.concatenate([x for x, _ in parts]), [x.size for x, _ in parts], of_values, settings,
                             n_jobs, errors_raise)]
    else:
        step = len(matrix)
        if matrix.size > _LARGE and (weights is not None or matrix.dtype != float or not matrix.flags.c_contiguous):
            step = max(64, -(-len(matrix) // 16))  # a part at a time is converted, not all
        results = []
        for first in range(0, max(1, len(matrix)), max(1, step)):
            block = as_doubles(matrix[first:first + step])
            tiled = None if weights is None else np.tile(weights, len(block))
            results.append(_run_many(block.reshape(-1), [matrix.shape[1]] * len(block), tiled, settings, n_jobs,
                                     errors_raise))
    reason = next((reason for _, _, reason in results if reason), "")
    return FitResults(np.concatenate([rows for rows, _, _ in results]),
                      np.concatenate([statuses for _, statuses, _ in results]), family, c, confidence, reason, names)


_LARGE = 10**6  # numbers of a matrix that is converted in parts


def _has_missing(matrix: np.ndarray) -> bool:
    """Whether there is a NaN, without an array of answers."""
    return matrix.dtype.kind == "f" and matrix.size > 0 and bool(np.isnan(matrix.min()))


def _whole(part: tuple, name: str, nan_policy: str) -> tuple:
    """The sample and its weights without missing values; exceptions name it."""
    try:
        return without_missing(part, nan_policy)
    except ValueError as error:
        raise ValueError(f"sample {name}: {error}") from None


def _run_many(x: np.ndarray, lengths: list, weights: Optional[np.ndarray], settings: dict, n_jobs: Optional[int],
              errors_raise: bool) -> tuple:
    """The rows and statuses of samples one after another, and the message of the first that was not fitted."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.uintp)
    rows, statuses, status, call = run_fits(x, starts, None, weights, settings, n_jobs)
    of_all = status in (MEMORY, INTERRUPTED) or (status == ARGUMENT and (statuses == ARGUMENT).all())
    if status and (errors_raise or of_all):
        call.check(status)
    return rows, statuses, message() if status else ""
